"""Applying `sql/security` to Redshift: existing roles and policies stay, or are altered to this release's condition.

Belongs here: reading them, choosing the statements to run, running them.
Does not belong here: the statements (see `security_statements`).

Redshift has no IF NOT EXISTS for roles and policies, so its system views are read. Only a superuser is sure to see all
of them and to be allowed all statements; for any other user the first forbidden statement fails.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from finance_platform.errors import SecurityError
from finance_platform.warehouse.redshift.credentials import CredentialsResolver, resolve_credentials
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint
from finance_platform.warehouse.redshift.security_statements import LEDGER_LINES_TABLES, Security, SecurityStatement
from finance_platform.warehouse.redshift.session import RedshiftSession, open_session

_ROLES = "SELECT role_name FROM svv_roles"
_ROW_POLICIES = "SELECT polname FROM svv_rls_policy WHERE poldb = current_database()"
_ATTACHED_ROW_POLICIES = "SELECT polname, relname, grantee FROM svv_rls_attached_policy WHERE relschema = :schema"
_SECURED_TABLES = "SELECT relname FROM svv_rls_relation WHERE relschema = :schema AND is_rls_on"
_MASKS = "SELECT policy_name FROM svv_masking_policy WHERE policy_database = current_database()"
_ATTACHED_MASKS = (
    "SELECT policy_name, table_name, output_columns, grantee FROM svv_attached_masking_policy "
    "WHERE schema_name = :schema"
)

_LAKE_TABLES = "SELECT tablename FROM svv_external_tables WHERE schemaname = :schema"

_IDENTIFYING_PARTS = {
    "row policy attached": ("policy", "table", "role"),
    "row security on": ("table",),
    "role": ("role",),
    "mask attached": ("policy", "table", "column", "role"),
}


@dataclass(frozen=True)
class ExistingSecurity:
    """The existing objects, by kind of statement: their identifying names, in lower case."""

    names: dict[str, frozenset[tuple[str, ...]]]

    def pending_sql(self, statement: SecurityStatement) -> str | None:
        """Return the SQL to run for a statement; None if its object exists."""
        if statement.kind in {"row policy", "mask"}:
            is_existing = (statement.name_of("policy"),) in self.names[statement.kind]
            return statement.alter_sql if is_existing else statement.sql
        parts = _IDENTIFYING_PARTS.get(statement.kind)
        if parts and tuple(statement.name_of(part) for part in parts) in self.names[statement.kind]:
            return None
        return statement.sql


@dataclass(frozen=True)
class AppliedSecurity:
    """The statements of one call, and what it had to leave for a later one.

    Attributes:
        statements: the statements, in their order.
        missing_tables: tables that the data catalog lacks, without which the ledger-lines view was left out; the next
            call after the load that registers them creates it.
    """

    statements: tuple[str, ...]
    missing_tables: tuple[str, ...] = ()


def pending_security_statements(
    endpoint: RedshiftEndpoint, security: Security, resolver: CredentialsResolver = resolve_credentials
) -> AppliedSecurity:
    """Return the statements that `apply_security` would run now; see there for arguments and errors."""
    security.statements()  # an invalid setting needs no connection
    with open_session(endpoint, resolver(endpoint)) as session:
        missing = _missing_tables(session, security)
        return AppliedSecurity(tuple(_pending(session, security, has_ledger_lines=not missing)), missing)


def apply_security(
    endpoint: RedshiftEndpoint, security: Security, resolver: CredentialsResolver = resolve_credentials
) -> AppliedSecurity:
    """Apply `sql/security`, and return the statements that were run; it can run again after a failure.

    The rights of all roles come before the ledger-lines view, which depends on tables outside the warehouse: whatever
    becomes of the view, the loader can load.

    Args:
        endpoint: the warehouse.
        security: the target.
        resolver: returns the credentials of a superuser.

    Raises:
        SecurityError: the system views cannot be read, or a statement fails; the statements before it stay applied.
        SettingsError: see `Security.statements`.
        WarehouseAccessError: the server rejects the credentials.
        WarehouseUnreachableError: the server cannot be reached.
    """
    security.statements()
    with open_session(endpoint, resolver(endpoint)) as session:
        applied = []
        for sql in _pending(session, security, has_ledger_lines=False):
            session.run(sql, error_type=SecurityError)
            applied.append(sql)
        missing = _missing_tables(session, security)  # now that the external schema exists
        for sql in _pending_of(session, security, security.ledger_lines_statements() if not missing else []):
            session.run(sql, error_type=SecurityError)
            applied.append(sql)
        return AppliedSecurity(tuple(applied), missing)


def _pending(session: RedshiftSession, security: Security, *, has_ledger_lines: bool) -> Iterator[str]:
    statements = security.statements() if has_ledger_lines else security.warehouse_statements()
    return _pending_of(session, security, statements)


def _pending_of(session: RedshiftSession, security: Security, statements: Sequence[SecurityStatement]) -> Iterator[str]:
    existing = _read_existing_security(session, security.schema)
    return (sql for statement in statements if (sql := existing.pending_sql(statement)))


def _missing_tables(session: RedshiftSession, security: Security) -> tuple[str, ...]:
    """Return the tables of the ledger-lines view that the external schema does not show (yet)."""
    if not security.catalog_database:
        return ()
    rows = session.run(_LAKE_TABLES, {"schema": security.lake_schema}, SecurityError).rows
    existing = {name.lower() for (name,) in rows}
    return tuple(table for table in LEDGER_LINES_TABLES if table not in existing)


def _read_existing_security(session: RedshiftSession, schema: str) -> ExistingSecurity:
    """Return the existing objects; only a superuser sees all of them."""

    def read(sql: str) -> Sequence[Sequence[str]]:
        parameters = {"schema": schema} if ":schema" in sql else {}
        return session.run(sql, parameters, SecurityError).rows

    attached_masks = [
        (policy, table, column, role)
        for policy, table, columns, role in read(_ATTACHED_MASKS)
        for column in json.loads(columns)
    ]
    names = {
        "role": read(_ROLES),
        "row policy": read(_ROW_POLICIES),
        "row policy attached": read(_ATTACHED_ROW_POLICIES),
        "row security on": read(_SECURED_TABLES),
        "mask": read(_MASKS),
        "mask attached": attached_masks,
    }
    return ExistingSecurity(
        {kind: frozenset(tuple(name.lower() for name in row) for row in rows) for kind, rows in names.items()}
    )
