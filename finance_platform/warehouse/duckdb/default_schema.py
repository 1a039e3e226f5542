"""Every name of the warehouse in the schema that plain clients of DuckDB begin in, as a view on the table or view.

Belongs here: the views in `main`. Does not belong here: what they show (see `sql/ddl`, `sql/views`).

A DuckDB file stores no search path, and many clients cannot run a statement when they connect. So `SELECT COUNT(*) FROM
DimDate` works in each of them because `main.DimDate` is `FROM finance.DimDate`. DuckDB binds a view when it is created,
which takes 0.2 s for all of them; so they are created over empty tables with the same columns, in a database in memory
whose catalog is then copied (docs/decisions/078-what-bi-tools-find.md).
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_DATABASE = "finance_platform_names"
_COMMENT = "The same as finance."
"""The beginning of the comment by which the next migration recognises these views."""

_COLUMNS = """
SELECT table_name, column_name, data_type
FROM duckdb_columns()
WHERE database_name = current_database() AND schema_name = $schema AND NOT internal
ORDER BY table_name, column_index
"""
_IN_MAIN = """
SELECT view_name, COALESCE(comment, '') FROM duckdb_views()
WHERE database_name = current_database() AND schema_name = 'main' AND NOT internal
UNION ALL
SELECT table_name, '' FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'main'
"""


def replace_default_names(connection: duckdb.DuckDBPyConnection, schema: str) -> None:
    """Make `main` of the current database show each table and view of `schema`, as they are now.

    A name that another program uses in `main` stays that program's.

    Args:
        connection: a connection outside of a transaction, on the private copy of a load.
        schema: the schema of the tables and views; it is the current schema before and after.
    """
    (target,) = connection.execute("SELECT current_database()").fetchone() or ("",)
    in_main = connection.execute(_IN_MAIN).fetchall()
    replaced = [name for name, comment in in_main if comment.startswith(_COMMENT)]
    taken = {name.lower() for name, comment in in_main if not comment.startswith(_COMMENT)}
    columns = connection.execute(_COLUMNS, {"schema": schema}).fetchall()
    tables = {
        table: ", ".join(f"{quote(name)} {type_}" for _, name, type_ in group)
        for table, group in groupby(columns, key=lambda column: column[0])
        if table.lower() not in taken
    }
    steps = [
        *(f"DROP VIEW main.{quote(name)}" for name in replaced),
        f"ATTACH ':memory:' AS {_DATABASE}",
        f"USE {_DATABASE}",
        f"CREATE SCHEMA {schema}",
        *(step for table, definition in tables.items() for step in _create(schema, table, definition)),
        f"COPY FROM DATABASE {_DATABASE} TO {quote(target)} (SCHEMA)",
        f"USE {quote(target)}.{schema}",
        f"DETACH {_DATABASE}",
    ]
    connection.execute("; ".join(steps))


def _create(schema: str, table: str, definition: str) -> tuple[str, ...]:
    name = quote(table)
    return (
        f"CREATE TABLE {schema}.{name} ({definition})",
        *create_default_name(schema, table),
        f"DROP TABLE {schema}.{name}",
    )


def create_default_name(schema: str, table: str) -> tuple[str, ...]:
    """Return the statements that let `main` of the current database show a table or view of `schema`."""
    name = quote(table)
    return (
        f"CREATE VIEW main.{name} AS FROM {schema}.{name}",
        f"COMMENT ON VIEW main.{name} IS '{_COMMENT}{table}; it has the comments.'",
    )


def quote(name: str) -> str:
    """Return a name as an identifier."""
    return '"' + name.replace('"', '""') + '"'
