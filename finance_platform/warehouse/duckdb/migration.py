"""Bringing the tables of the embedded warehouse to this release's definitions.

Belongs here: sessions, what the file holds, and applying a plan as DuckDB allows.
Does not belong here: the plan (see `migration`), files and transactions (see `duckdb`).

DuckDB adds no column that has a constraint and changes no CHECK, so a table whose columns change is written anew, by
its definition; whoever applies a plan works on a private copy of the file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from finance_platform.warehouse.port import LoadConnection
from finance_platform.warehouse.statements import SqlFile, definitions, definitions_fingerprint, script

if TYPE_CHECKING:
    import duckdb

    from finance_platform.warehouse.column_changes import HeldColumn
    from finance_platform.warehouse.migration import ExistingSchema

_SESSION = (
    "SET TimeZone = 'UTC'",
    "SET integer_division = true",
    "SET autoinstall_known_extensions = false",  # else a function's name may start a download
)
_KEPT = "KeptRows"
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


def begin_session(connection: duckdb.DuckDBPyConnection, schema: str) -> None:
    """Let a session read and write the schema as the platform does."""
    for setting in _SESSION:
        connection.execute(setting)
    connection.execute(f"USE {schema}")


def is_current(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the tables and views of the session's schema are this release's."""
    return _standing(connection)[1] == definitions_fingerprint()


def planned(connection: duckdb.DuckDBPyConnection | None, otherwise: str) -> tuple[str, ...]:
    """Return the statements of a plan; without a connection, of the plan for a file that is not there yet.

    Raises:
        MigrationError: they would not be enough.
    """
    from finance_platform.warehouse.migration import ExistingSchema, plan

    if connection is None:
        return tuple(change.sql for change in plan(definitions(), ExistingSchema()))
    if is_current(connection):
        return ()
    return tuple(change.sql for change in plan(definitions(), _held(connection), otherwise))


def migrate(connection: duckdb.DuckDBPyConnection, loading: LoadConnection, otherwise: str) -> None:
    """Bring the tables and views of a private copy to this release.

    Args:
        connection: a session on the copy.
        loading: the same session, as whoever inserts rows knows it.
        otherwise: what a person may do instead of running the SQL of a refusal.

    Raises:
        MigrationError: more would be needed than adding; the copy should not be published.
    """
    from finance_platform.warehouse.duckdb.translation import to_duckdb
    from finance_platform.warehouse.migration import plan, record

    version, _ = _standing(connection)
    held = _held(connection)
    changes = plan(definitions(), held, otherwise)
    for table in dict.fromkeys(change.alters for change in changes if change.alters):
        _write_anew(connection, table, held.tables[table.lower()])
    for change in changes:
        if not change.alters:
            connection.execute(to_duckdb(change.sql))
    record(
        loading,
        changes,
        version=version + 1,
        fingerprint=definitions_fingerprint(),
        applied_at=datetime.now(UTC).replace(tzinfo=None),
    )


def _write_anew(connection: duckdb.DuckDBPyConnection, table: str, held: Sequence[HeldColumn]) -> None:
    from sqlglot import exp

    from finance_platform.warehouse.dialect import parse
    from finance_platform.warehouse.duckdb.translation import to_duckdb
    from finance_platform.warehouse.migration import definition_of

    definition, columns = definition_of(definitions(), table), [column.name for column in held]
    defined = {column.name.lower() for column in parse(definition).find_all(exp.ColumnDef)}
    kept = exp.select(*columns).from_(_KEPT)
    connection.execute(f"CREATE TEMPORARY TABLE {_KEPT} AS FROM {table}")
    connection.execute(f"DROP TABLE {table}")
    connection.execute(to_duckdb(definition))
    for column in held:
        if column.name.lower() not in defined:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {column.name} {column.type}")
    connection.execute(exp.insert(kept, table, columns=list(columns)).sql(dialect="duckdb"))
    connection.execute(f"DROP TABLE {_KEPT}")


def _standing(connection: duckdb.DuckDBPyConnection) -> tuple[int, str]:
    """The number and the fingerprint of the last change; the file's text as it is, since translating it takes 0.2 s."""
    import duckdb

    try:
        found = connection.execute(script(SqlFile.SCHEMA_VERSION)).fetchone()
    except duckdb.CatalogException:
        return 0, ""
    return (found[0], found[1]) if found else (0, "")


def _held(connection: duckdb.DuckDBPyConnection) -> ExistingSchema:
    """What the file holds; a VARCHAR's limit is in a CHECK, since DuckDB has none of its own."""
    from finance_platform.warehouse.column_changes import HeldColumn, column_type
    from finance_platform.warehouse.migration import ExistingSchema

    limits = {(table, column): _limit(check) for table, column, check in connection.execute(_LIMITS).fetchall()}
    views = {name for (name,) in connection.execute(_VIEWS).fetchall()}
    held = ExistingSchema({}, {})
    for name, column, kind, is_nullable, default in connection.execute(_COLUMNS).fetchall():
        if name in views:
            held.views.setdefault(name.lower(), []).append(column)
            continue
        said = column_type(kind) + limits.get((name, column), "")
        held.tables.setdefault(name.lower(), []).append(HeldColumn(column, said, is_nullable, default is not None))
    return held


def _limit(check: str) -> str:
    found = re.search(r"strlen\(.+\) <= (\d+)", check)
    return f"({found[1]})" if found else ""
