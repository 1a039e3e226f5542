"""Migration of the DuckDB file to this release's definitions.

Belongs here: whether it is current, and how DuckDB applies changes.
Does not belong here: the changes (see `warehouse.migration`), files and transactions (see `warehouse`).

DuckDB adds no column that has a constraint and changes no CHECK, so a table whose columns change is recreated by its
definition; the caller of `migrate` works on a private copy of the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from finance_platform.warehouse import statements
from finance_platform.warehouse.duckdb.existing_schema import read_existing_schema, read_schema_version
from finance_platform.warehouse.duckdb.session import SCHEMA
from finance_platform.warehouse.port import LoadConnection
from finance_platform.warehouse.schema_version import record_migration

if TYPE_CHECKING:
    import duckdb

    from finance_platform.warehouse.column_changes import Change, ExistingColumn
    from finance_platform.warehouse.migration import ExistingSchema

_SAVED_ROWS = "KeptRows"


def is_current(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the tables and views of the session's schema are this release's."""
    return read_schema_version(connection).is_current


def pending_statements(connection: duckdb.DuckDBPyConnection | None, alternative_fix: str) -> tuple[str, ...]:
    """Return the statements that `migrate` would run now; empty if the file is current.

    They leave out the views in `main`, which follow from them (see `default_schema`).

    Args:
        connection: a session on the file; None if there is no file yet.
        alternative_fix: see `warehouse.migration.pending_changes`.

    Raises:
        MigrationError: additions do not suffice.
    """
    from finance_platform.warehouse.migration import ExistingSchema, pending_changes

    if connection is not None and is_current(connection):
        return ()
    existing = ExistingSchema() if connection is None else read_existing_schema(connection)
    changes = pending_changes(statements.definitions(), existing, alternative_fix, statements.comments())
    return tuple(change.sql for change in changes)


def migrate(connection: duckdb.DuckDBPyConnection, load_connection: LoadConnection, alternative_fix: str) -> None:
    """Migrate a private copy to this release.

    Args:
        connection: a session on the copy.
        load_connection: the same session, for inserts.
        alternative_fix: see `warehouse.migration.pending_changes`.

    Raises:
        MigrationError: additions do not suffice; the copy should not be published.
    """
    from finance_platform.warehouse.duckdb import new_schema

    version = read_schema_version(connection)
    if new_schema.is_empty(connection):
        new_schema.create_schema(connection, SCHEMA, statements.definitions(), statements.comments())
        created = map(new_schema.created_by, statements.definitions())
        descriptions = [f"create {'table' if one.is_table else 'view'} {one.name}" for one in created]
    else:
        descriptions = _migrate_existing(connection, alternative_fix)
    record_migration(load_connection, version.number + 1, descriptions)


def _migrate_existing(connection: duckdb.DuckDBPyConnection, alternative_fix: str) -> list[str]:
    from finance_platform.warehouse.migration import pending_changes

    existing = read_existing_schema(connection)
    changes = pending_changes(statements.definitions(), existing, alternative_fix, statements.comments())
    _apply(connection, changes, existing)
    return [change.description for change in changes if change.description]


def _apply(connection: duckdb.DuckDBPyConnection, changes: Sequence[Change], existing: ExistingSchema) -> None:
    from finance_platform.warehouse.duckdb.default_schema import replace_default_names
    from finance_platform.warehouse.duckdb.translation import to_duckdb

    for table in dict.fromkeys(change.altered_table for change in changes if change.altered_table):
        _recreate_table(connection, table, existing.tables[table.lower()])
    connection.begin()  # DuckDB would write and sync each of six hundred comments
    for change in changes:
        if not change.altered_table:
            connection.execute(change.sql if change.is_portable else to_duckdb(change.sql))
    connection.commit()
    replace_default_names(connection, SCHEMA)


def _recreate_table(connection: duckdb.DuckDBPyConnection, table: str, existing: Sequence[ExistingColumn]) -> None:
    from sqlglot import exp

    from finance_platform.warehouse.dialect import parse
    from finance_platform.warehouse.duckdb.translation import to_duckdb
    from finance_platform.warehouse.migration import table_definition

    definition = table_definition(statements.definitions(), table)
    defined = {column.name.lower() for column in parse(definition).find_all(exp.ColumnDef)}
    columns = [column.name for column in existing]
    saved_rows = exp.select(*columns).from_(_SAVED_ROWS)
    connection.execute(f"CREATE TEMPORARY TABLE {_SAVED_ROWS} AS FROM {table}")
    connection.execute(f"DROP TABLE {table}")
    connection.execute(to_duckdb(definition))
    for column in existing:
        if column.name.lower() not in defined:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {column.name} {column.type}")
    connection.execute(exp.insert(saved_rows, table, columns=list(columns)).sql(dialect="duckdb"))
    connection.execute(f"DROP TABLE {_SAVED_ROWS}")
