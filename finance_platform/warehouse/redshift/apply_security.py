"""Applying `sql/security` to Redshift: existing roles and policies stay, or are altered to this release's condition.

Belongs here: reading them, choosing the statements to run, running them.
Does not belong here: the statements (see `security_statements`).

Redshift has no IF NOT EXISTS for roles and policies, so its system views are read. Only a superuser is sure to see all
of them and to be allowed all statements; for any other user the first forbidden statement fails.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from finance_platform.errors import SecurityError
from finance_platform.warehouse.redshift.credentials import CredentialsResolver, resolve_credentials
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint
from finance_platform.warehouse.redshift.security_statements import Security, SecurityStatement
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


def pending_security_statements(
    endpoint: RedshiftEndpoint, security: Security, resolver: CredentialsResolver = resolve_credentials
) -> list[str]:
    """Return the statements that `apply_security` would run now; see there for arguments and errors."""
    statements = security.statements()
    with open_session(endpoint, resolver(endpoint)) as session:
        return _pending(session, security, statements)


def apply_security(
    endpoint: RedshiftEndpoint, security: Security, resolver: CredentialsResolver = resolve_credentials
) -> list[str]:
    """Apply `sql/security`, and return the statements that were run; it can run again after a failure.

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
    statements = security.statements()
    with open_session(endpoint, resolver(endpoint)) as session:
        pending = _pending(session, security, statements)
        for sql in pending:
            session.run(sql, error_type=SecurityError)
        return pending


def _pending(session: RedshiftSession, security: Security, statements: Sequence[SecurityStatement]) -> list[str]:
    existing = _read_existing_security(session, security.schema)
    return [sql for statement in statements if (sql := existing.pending_sql(statement))]


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
