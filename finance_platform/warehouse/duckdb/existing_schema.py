"""The tables and views in the DuckDB file: columns and their types, as the contracts spell them.

Belongs here: queries on DuckDB's catalog functions. Does not belong here: the target schema (see `migration`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from finance_platform.warehouse.schema_version import SchemaVersion
from finance_platform.warehouse.statements import SqlFile, script

if TYPE_CHECKING:
    import duckdb

    from finance_platform.warehouse.migration import ExistingSchema

_COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default
FROM duckdb_columns()
WHERE database_name = current_database() AND schema_name = current_schema() AND NOT internal
ORDER BY table_name, column_index
"""
_LIMITS = """
SELECT table_name, constraint_column_names[1], expression
FROM duckdb_constraints()
WHERE database_name = current_database() AND schema_name = current_schema() AND constraint_type = 'CHECK'
"""
_VIEWS = """
SELECT view_name FROM duckdb_views()
WHERE database_name = current_database() AND schema_name = current_schema() AND NOT internal
"""


def read_schema_version(connection: duckdb.DuckDBPyConnection) -> SchemaVersion:
    """Return the latest migration; the statement runs untranslated, since translation takes 0.2 s."""
    import duckdb

    try:
        row = connection.execute(script(SqlFile.SCHEMA_VERSION)).fetchone()
    except duckdb.CatalogException:
        return SchemaVersion()
    return SchemaVersion(*row) if row else SchemaVersion()


def read_existing_schema(connection: duckdb.DuckDBPyConnection) -> ExistingSchema:
    """Return the tables and views; a VARCHAR's limit is in a CHECK, since DuckDB enforces none."""
    from finance_platform.warehouse.column_changes import ExistingColumn, normalize_type
    from finance_platform.warehouse.migration import ExistingSchema

    limits = {(table, column): _limit(check) for table, column, check in connection.execute(_LIMITS).fetchall()}
    views = {name for (name,) in connection.execute(_VIEWS).fetchall()}
    schema = ExistingSchema({}, {})
    for table, name, engine_type, is_nullable, default in connection.execute(_COLUMNS).fetchall():
        if table in views:
            schema.views.setdefault(table.lower(), []).append(name)
            continue
        type_ = normalize_type(engine_type) + limits.get((table, name), "")
        column = ExistingColumn(name, type_, is_nullable, default is not None)
        schema.tables.setdefault(table.lower(), []).append(column)
    return schema


def read_stage_columns(connection: duckdb.DuckDBPyConnection, stage_table: str) -> list[tuple[str, str]]:
    """Return name and DuckDB's type of each column of a stage table, in order.

    `duckdb_columns()` would bind every view of the file first, which takes longer than to copy a small slice.
    """
    return connection.execute(
        "SELECT name, type FROM pragma_table_info($table) ORDER BY cid", {"table": stage_table}
    ).fetchall()


def _limit(check: str) -> str:
    match = re.search(r"strlen\(.+\) <= (\d+)", check)
    return f"({match[1]})" if match else ""
