"""Migration of a Redshift warehouse to this release's definitions.

Belongs here: whether it is current, and how Redshift applies changes: those that it rejects inside a transaction first
and alone, all others in one, with the row of SchemaVersion.
Does not belong here: the changes (see `warehouse.migration`).

Migrations take turns by a table that nothing else uses: a session of its own locks it from the first change to the
last. No table of the star will do, because the migration itself may have to change it from outside of that session.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from finance_platform.contracts.star import SCHEMA_VERSION
from finance_platform.errors import LoadError
from finance_platform.warehouse import statements
from finance_platform.warehouse.column_changes import Change
from finance_platform.warehouse.migration import ExistingSchema, defined_names, pending_changes, pending_comments
from finance_platform.warehouse.port import LoadConnection
from finance_platform.warehouse.redshift.errors import is_other_view_type
from finance_platform.warehouse.redshift.existing_schema import has_schema, read_existing_schema, read_schema_version
from finance_platform.warehouse.redshift.session import RedshiftSession
from finance_platform.warehouse.schema_version import record_migration
from finance_platform.warehouse.statements import SqlFile

_TURNS = "MigrationTurn"
"""The table that migrations lock; it has no rows."""


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


def migrate(
    session: RedshiftSession,
    load_connection: LoadConnection,
    schema: str,
    open_another: Callable[[], AbstractContextManager[RedshiftSession]],
    needs_it: Callable[[RedshiftSession], bool],
) -> None:
    """Migrate the warehouse to this release, unless another process does so first.

    A migration that broke off continues when it runs again.

    Args:
        session: outside any transaction.
        load_connection: the same session, for inserts.
        schema: the star's schema.
        open_another: opens another session.
        needs_it: whether the warehouse is to be migrated; asked again once it is this process's turn.

    Raises:
        MigrationError: additions do not suffice; nothing was changed.
        LoadError: a statement fails.
        TransientWarehouseError: it may succeed if it is retried.
    """
    if not has_schema(session, schema):
        session.run(_create_schema(schema))
    _pending_changes(session, schema)  # a change that is rejected needs no turn
    session.run(f"CREATE TABLE IF NOT EXISTS {_TURNS} (Nothing BOOLEAN)")
    with open_another() as holder:
        holder.run("BEGIN")
        holder.run(f"LOCK {_TURNS}")
        if needs_it(session):
            _migrate(session, load_connection, schema)


def _migrate(session: RedshiftSession, load_connection: LoadConnection, schema: str) -> None:
    changes_alone = [change for change in _pending_changes(session, schema) if change.needs_no_transaction]
    for change in changes_alone:
        session.run(change.sql)
    session.run(statements.statement(SqlFile.CREATE_SCHEMA_VERSION))
    try:
        _migrate_at_once(session, load_connection, schema, changes_alone)
    except LoadError as error:
        if not is_other_view_type(error):
            raise
        session.run("ROLLBACK")
        _migrate_at_once(session, load_connection, schema, changes_alone, drops_views=True)


def _migrate_at_once(
    session: RedshiftSession,
    load_connection: LoadConnection,
    schema: str,
    changes_alone: Sequence[Change],
    *,
    drops_views: bool = False,
) -> None:
    """Make all changes that a transaction may have, in one; see `migrate`."""
    session.run("BEGIN")
    session.run(f"LOCK {SCHEMA_VERSION.table}")
    version = read_schema_version(session)
    pending = _pending_changes(session, schema, drops_views=drops_views)
    changes = [change for change in pending if not change.is_portable]
    for change in changes:
        session.run(change.sql)
    # Compared last: a view that was recreated has none, and one that was replaced may have kept all.
    for change in pending_comments(statements.comments(), _read_schema(session, schema)):
        session.run(change.sql)
    descriptions = [change.description for change in (*changes_alone, *changes) if change.description]
    record_migration(load_connection, version.number + 1, descriptions)
    session.run("COMMIT")


def _pending_changes(session: RedshiftSession, schema: str, *, drops_views: bool = False) -> tuple[Change, ...]:
    existing = _read_schema(session, schema)
    return pending_changes(statements.definitions(), existing, comments=statements.comments(), drops_views=drops_views)


def _read_schema(session: RedshiftSession, schema: str) -> ExistingSchema:
    return read_existing_schema(session, schema, defined_names(statements.definitions()))


def _create_schema(schema: str) -> str:
    return f"CREATE SCHEMA IF NOT EXISTS {schema}"
