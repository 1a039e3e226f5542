"""Bringing the tables of a Redshift warehouse to this release's definitions.

Belongs here: whether they are current, and applying a plan as Redshift allows: what it refuses inside a transaction
first and alone, all else in one, with the row that says so.
Does not belong here: the plan (see `migration`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from finance_platform.contracts.star import SCHEMA_VERSION
from finance_platform.errors import LoadError
from finance_platform.warehouse.port import LoadConnection
from finance_platform.warehouse.redshift.errors import UNDEFINED_SCHEMA, UNDEFINED_TABLE, state_of
from finance_platform.warehouse.redshift.existing_schema import has_schema, held
from finance_platform.warehouse.redshift.session import RedshiftSession
from finance_platform.warehouse.statements import SqlFile, definitions, definitions_fingerprint, script, statement

MISSING = frozenset({UNDEFINED_TABLE, UNDEFINED_SCHEMA})


class _Standing(NamedTuple):
    version: int = 0
    fingerprint: str = ""


def is_current(session: RedshiftSession) -> bool:
    """Return whether the tables and views are this release's, by one query."""
    return _standing(session).fingerprint == definitions_fingerprint()


def planned(session: RedshiftSession, schema: str) -> tuple[str, ...]:
    """Return the statements that `migrate` would run now; none when the warehouse is current.

    Raises:
        MigrationError: they would not be enough.
    """
    from finance_platform.warehouse.migration import known_names, plan

    if is_current(session):
        return ()
    first = () if has_schema(session, schema) else (_create_schema(schema),)
    changes = plan(definitions(), held(session, schema, known_names(definitions())))
    return (*first, *(change.sql for change in changes))


def migrate(session: RedshiftSession, schema: str, connection: LoadConnection) -> None:
    """Bring the warehouse to this release; a break between two steps is healed by doing it again.

    Args:
        session: outside any transaction.
        schema: the star's schema.
        connection: the same session, as whoever inserts rows knows it.

    Raises:
        MigrationError: more would be needed than adding; nothing was changed.
        LoadError: a statement fails.
        TransientWarehouseError: it may succeed when it is tried again.
    """
    from finance_platform.warehouse.migration import known_names, plan, record

    known = known_names(definitions())
    if not has_schema(session, schema):
        session.run(_create_schema(schema))
    alone = [change for change in plan(definitions(), held(session, schema, known)) if change.needs_no_transaction]
    for change in alone:
        session.run(change.sql)
    session.run(statement(SqlFile.CREATE_SCHEMA_VERSION))
    session.run("BEGIN")
    session.run(f"LOCK {SCHEMA_VERSION.table}")
    standing = _standing(session)
    if standing.fingerprint != definitions_fingerprint():  # nobody was faster
        changes = plan(definitions(), held(session, schema, known))
        for change in changes:
            session.run(change.sql)
        record(
            connection,
            [*alone, *changes],
            version=standing.version + 1,
            fingerprint=definitions_fingerprint(),
            applied_at=datetime.now(UTC).replace(tzinfo=None),
        )
    session.run("COMMIT")


def _standing(session: RedshiftSession) -> _Standing:
    try:
        rows = session.run(script(SqlFile.SCHEMA_VERSION)).rows  # as it is: splitting it imports sqlglot
    except LoadError as error:
        if state_of(error) in MISSING:
            return _Standing()
        raise
    return _Standing(*rows[0]) if rows else _Standing()


def _create_schema(schema: str) -> str:
    return f"CREATE SCHEMA IF NOT EXISTS {schema}"
