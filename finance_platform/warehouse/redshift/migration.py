"""Migration of a Redshift warehouse to this release's definitions.

Belongs here: whether it is current, and how Redshift applies changes: those that it rejects inside a transaction first
and alone, all others in one, with the row of SchemaVersion.
Does not belong here: the changes (see `warehouse.migration`).
"""

from __future__ import annotations

from finance_platform.contracts.star import SCHEMA_VERSION
from finance_platform.warehouse import statements
from finance_platform.warehouse.column_changes import Change
from finance_platform.warehouse.migration import defined_names, pending_changes
from finance_platform.warehouse.port import LoadConnection
from finance_platform.warehouse.redshift.existing_schema import has_schema, read_existing_schema, read_schema_version
from finance_platform.warehouse.redshift.session import RedshiftSession
from finance_platform.warehouse.schema_version import record_migration
from finance_platform.warehouse.statements import SqlFile


def is_current(session: RedshiftSession) -> bool:
    """Return whether the tables and views are this release's, by one query."""
    return read_schema_version(session).is_current


def is_superseded(session: RedshiftSession) -> bool:
    """Return whether the warehouse had this release's definitions and was then migrated to those of a newer one."""
    if not read_schema_version(session).number:
        return False  # there is no table to ask
    parameters = {"fingerprint": statements.definitions_fingerprint()}
    ((times,),) = session.run(statements.statement(SqlFile.SCHEMA_TIMES), parameters).rows
    return bool(times)


def pending_statements(session: RedshiftSession, schema: str) -> tuple[str, ...]:
    """Return the statements that `migrate` would run now; empty if the warehouse is current.

    Raises:
        MigrationError: additions do not suffice.
    """
    if is_current(session):
        return ()
    create_schema = () if has_schema(session, schema) else (_create_schema(schema),)
    return (*create_schema, *(change.sql for change in _pending_changes(session, schema)))


def migrate(session: RedshiftSession, load_connection: LoadConnection, schema: str) -> None:
    """Migrate the warehouse to this release; a migration that broke off continues when it runs again.

    Args:
        session: outside any transaction.
        load_connection: the same session, for inserts.
        schema: the star's schema.

    Raises:
        MigrationError: additions do not suffice; nothing was changed.
        LoadError: a statement fails.
        TransientWarehouseError: it may succeed if it is retried.
    """
    if not has_schema(session, schema):
        session.run(_create_schema(schema))
    changes_alone = [change for change in _pending_changes(session, schema) if change.needs_no_transaction]
    for change in changes_alone:
        session.run(change.sql)
    session.run(statements.statement(SqlFile.CREATE_SCHEMA_VERSION))
    session.run("BEGIN")
    session.run(f"LOCK {SCHEMA_VERSION.table}")
    version = read_schema_version(session)
    if not version.is_current:  # else another process has migrated it in between
        changes = _pending_changes(session, schema)
        for change in changes:
            session.run(change.sql)
        descriptions = [change.description for change in (*changes_alone, *changes) if change.description]
        record_migration(load_connection, version.number + 1, descriptions)
    session.run("COMMIT")


def _pending_changes(session: RedshiftSession, schema: str) -> tuple[Change, ...]:
    definitions = statements.definitions()
    existing = read_existing_schema(session, schema, defined_names(definitions))
    return pending_changes(definitions, existing, comments=statements.comments())


def _create_schema(schema: str) -> str:
    return f"CREATE SCHEMA IF NOT EXISTS {schema}"
