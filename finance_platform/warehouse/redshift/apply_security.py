"""Applying security to Redshift: what is there already is left, or changed to what this release says.

Belongs here: what is there, what is to be run, running it. Does not belong here: the statements (see `security`).

Redshift has no IF NOT EXISTS for roles and policies, so its own views are asked. Only a superuser is sure to see all of
them, and to be allowed all of the statements; anybody else is refused at the first one that is not allowed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from finance_platform.errors import SecurityError
from finance_platform.warehouse.redshift.credentials import Credentials, resolve_credentials
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint
from finance_platform.warehouse.redshift.security_statements import Security, SecurityStatement
from finance_platform.warehouse.redshift.session import RedshiftSession, open_session

_ROLES = "SELECT role_name FROM svv_roles"
_ROW_POLICIES = "SELECT polname FROM svv_rls_policy WHERE poldb = current_database()"
_ATTACHED = "SELECT polname, relname, grantee FROM svv_rls_attached_policy WHERE relschema = :schema"
_SECURED = "SELECT relname FROM svv_rls_relation WHERE relschema = :schema AND is_rls_on"
_MASKS = "SELECT policy_name FROM svv_masking_policy WHERE policy_database = current_database()"
_MASKED = (
    "SELECT policy_name, table_name, output_columns, grantee FROM svv_attached_masking_policy "
    "WHERE schema_name = :schema"
)

_NEEDS = {
    "row policy attached": ("policy", "table", "role"),
    "row security on": ("table",),
    "role": ("role",),
    "mask attached": ("policy", "table", "column", "role"),
}


@dataclass(frozen=True)
class Standing:
    """What there is, by kind of statement: the names that such a statement would make, in lower case."""

    there: dict[str, frozenset[tuple[str, ...]]]

    def next_step(self, statement: SecurityStatement) -> str | None:
        """Return what is to be run for a statement; None where all of it is there."""
        if statement.kind in {"row policy", "mask"}:
            is_there = (statement.named("policy"),) in self.there[statement.kind]
            return statement.altered if is_there else statement.sql
        parts = _NEEDS.get(statement.kind)
        if parts and tuple(statement.named(part) for part in parts) in self.there[statement.kind]:
            return None
        return statement.sql


FindLogIn = Callable[[RedshiftEndpoint], Credentials]


def planned_security(
    endpoint: RedshiftEndpoint, security: Security, resolve_credentials: FindLogIn = resolve_credentials
) -> list[str]:
    """Return the statements that `apply_security` would run now.

    Args:
        endpoint: the warehouse.
        security: what there should be.
        resolve_credentials: who does it.

    Raises:
        SecurityError: the warehouse cannot be asked.
        SettingsError: see `Security.statements`.
        WarehouseAccessError: the warehouse does not let us in.
        WarehouseUnreachableError: it cannot be reached.
    """
    statements = security.statements()
    with open_session(endpoint, resolve_credentials(endpoint)) as session:
        return _steps(standing(session, security.schema), statements)


def apply_security(
    endpoint: RedshiftEndpoint, security: Security, resolve_credentials: FindLogIn = resolve_credentials
) -> list[str]:
    """Bring the warehouse to what `sql/security` says, and return what was run; a break is healed by doing it again.

    Args:
        endpoint: the warehouse.
        security: what there should be.
        resolve_credentials: who does it.

    Raises:
        SecurityError: a statement fails; those before it stand.
        SettingsError: see `Security.statements`.
        WarehouseAccessError: the warehouse does not let us in.
        WarehouseUnreachableError: it cannot be reached.
    """
    statements = security.statements()
    with open_session(endpoint, resolve_credentials(endpoint)) as session:
        steps = _steps(standing(session, security.schema), statements)
        for step in steps:
            session.run(step, otherwise=SecurityError)
        return steps


def standing(session: RedshiftSession, schema: str) -> Standing:
    """Ask what there is.

    Args:
        session: of a superuser; to others nothing is shown, or not all.
        schema: the star's.
    """

    def rows(sql: str) -> Sequence[Sequence[str]]:
        parameters = {"schema": schema} if ":schema" in sql else {}
        return session.run(sql, parameters, SecurityError).rows

    masked = [
        (policy, table, column, role)
        for policy, table, columns, role in rows(_MASKED)
        for column in json.loads(columns)
    ]
    found = {
        "role": rows(_ROLES),
        "row policy": rows(_ROW_POLICIES),
        "row policy attached": rows(_ATTACHED),
        "row security on": rows(_SECURED),
        "mask": rows(_MASKS),
        "mask attached": masked,
    }
    return Standing({kind: frozenset(tuple(name.lower() for name in row) for row in of) for kind, of in found.items()})


def _steps(there: Standing, statements: Sequence[SecurityStatement]) -> list[str]:
    return [step for statement in statements if (step := there.next_step(statement))]
