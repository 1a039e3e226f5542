"""Rights of people in a warehouse that was lost or switched: entered again from the processed zone.

Belongs here: reading all rights as a superuser, and the statements that enter what is missing. Does not belong here:
the documents (see `warehouse.access_rights`), roles and policies (see `apply_security`).

Rights are entered only where there are none: a right that somebody has taken away does not come back.
"""

from __future__ import annotations

from collections.abc import Sequence

from finance_platform.count_text import pluralize
from finance_platform.errors import SecurityError
from finance_platform.warehouse.access_rights import AccessRights, Right
from finance_platform.warehouse.redshift.credentials import CredentialsResolver, resolve_credentials
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint
from finance_platform.warehouse.redshift.security_statements import ROLES
from finance_platform.warehouse.redshift.session import RedshiftSession, open_session
from finance_platform.warehouse.statements import SqlFile, statement

_USERS = "SELECT user_name FROM svv_user_info"
_GRANTED = "SELECT user_name, role_name FROM svv_user_grants"
_ENTER = "INSERT INTO BusinessUnitAccess (UserName, BusinessUnit) VALUES (:user, :unit)"


def restore_access(
    endpoint: RedshiftEndpoint, recorded: AccessRights, resolver: CredentialsResolver = resolve_credentials
) -> tuple[AccessRights, list[str]]:
    """Enter recorded rights into a warehouse that has none; return its rights, and a sentence for each thing done.

    Business units come back if no user has one, roles if no user has a role of the platform: the warehouse is new then.
    A role of a user whom the warehouse does not know yet is named, and granted by hand once they exist.

    Args:
        endpoint: the warehouse, after `apply_security`.
        recorded: the rights that were recorded last.
        resolver: returns the credentials of a superuser.

    Raises:
        SecurityError: a statement fails; those before it stay.
    """
    sentences: list[str] = []
    with open_session(endpoint, resolver(endpoint)) as session:
        units = _read(session, statement(SqlFile.SECURITY_ACCESS_RIGHTS))
        if not units and recorded.units:
            _enter_units(session, recorded.units)
            units = recorded.units
            rows = pluralize(len(units), "row of BusinessUnitAccess was", "rows of BusinessUnitAccess were")
            sentences.append(f"{rows} entered again from the processed zone")
        granted = _read(session, _GRANTED)
        if recorded.roles and not any(role in ROLES for _, role in granted):
            users = {user for (user,) in session.run(_USERS, error_type=SecurityError).rows}
            sentences += _grant(session, sorted(recorded.roles), users)
            granted = _read(session, _GRANTED)
    return AccessRights(units, frozenset(one for one in granted if one[1] in ROLES)), sentences


def _read(session: RedshiftSession, sql: str) -> frozenset[Right]:
    return frozenset((user, name.lower()) if sql == _GRANTED else (user, name) for user, name in _rows(session, sql))


def _rows(session: RedshiftSession, sql: str) -> Sequence[Sequence[str]]:
    return session.run(sql, error_type=SecurityError).rows


def _enter_units(session: RedshiftSession, units: frozenset[Right]) -> None:
    session.run("BEGIN", error_type=SecurityError)
    for user, unit in sorted(units):
        session.run(_ENTER, {"user": user, "unit": unit}, SecurityError)
    session.run("COMMIT", error_type=SecurityError)


def _grant(session: RedshiftSession, roles: Sequence[Right], users: set[str]) -> list[str]:
    sentences = []
    for user, role in roles:
        sql = f'GRANT ROLE {role} TO "{user.replace(chr(34), chr(34) * 2)}"'
        if role not in ROLES:
            continue
        if user in users:
            session.run(sql, error_type=SecurityError)
            sentences.append(f"{sql}: granted again")
        else:
            sentences.append(f"{sql}: not granted, since the warehouse does not know the user yet; run it then")
    return sentences
