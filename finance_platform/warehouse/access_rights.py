"""Access rights in the processed zone: who may see which business unit, and who has which role, so that they survive.

Belongs here: the documents, and reading the rights that a load may see. Does not belong here: roles and policies (see
`sql/security`), entering rights into a new warehouse (see `redshift.restore_access`).

Each document is written once, when the rights have changed: together they are the history of the rights.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from finance_platform.errors import DamagedObjectError
from finance_platform.storage.documents import parse_document
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.port import Queryable
from finance_platform.warehouse.statements import SqlFile, statement

FOLDER = "access_rights"

Right = tuple[str, str]
"""A database user, and a business unit or a role."""


@dataclass(frozen=True)
class AccessRights:
    """The rights of the warehouse's users.

    Attributes:
        units: user and business unit, as in BusinessUnitAccess.
        roles: user and role of the platform; only a superuser sees them.
    """

    units: frozenset[Right] = frozenset()
    roles: frozenset[Right] = frozenset()


def read_recorded(processed: ObjectStore) -> AccessRights:
    """Return the rights that were recorded last; none if there are none.

    Raises:
        DamagedObjectError: the last document is damaged.
    """
    numbers = _numbers(processed)
    if not numbers:
        return AccessRights()
    key = _key(numbers[-1])
    return parse_document(
        key, processed.read(key), lambda values: AccessRights(_rights(values["units"]), _rights(values["roles"]))
    )


def record(
    processed: ObjectStore, *, at: datetime, units: frozenset[Right], roles: frozenset[Right] | None = None
) -> bool:
    """Store the rights if they have changed, and return whether they have.

    Args:
        processed: the processed zone.
        at: now, UTC.
        units: user and business unit.
        roles: user and role; None if the reader may not see them, which keeps those that were recorded.
    """
    try:
        last = read_recorded(processed)
    except DamagedObjectError:
        last = AccessRights()  # the document stays as evidence; the next one has what is in force
    rights = AccessRights(units, last.roles if roles is None else roles)
    numbers = _numbers(processed)
    if rights == last and (numbers or rights == AccessRights()):
        return False
    document = {"recorded_at": at.isoformat(), "units": sorted(rights.units), "roles": sorted(rights.roles)}
    data, number = json.dumps(document, indent=1).encode(), numbers[-1] + 1 if numbers else 1
    while not processed.write_new(_key(number), data):
        number += 1  # `secure` takes no lock, so it may record rights during a run, which does not list them
    return True


def read_units(warehouse: Queryable, schema: str) -> frozenset[Right] | None:
    """Return who may see which business unit, as the platform's own user reads it; None without roles and policies.

    Args:
        warehouse: the warehouse.
        schema: the star's schema.

    Raises:
        QueryError: the user may not read the table: `finance-platform secure` grants it.
    """
    ((is_secured,),) = warehouse.query(statement(SqlFile.SECURITY_IS_SECURED), {"schema": schema}).rows
    if not is_secured:
        return None
    return _rights(warehouse.query(statement(SqlFile.SECURITY_ACCESS_RIGHTS)).rows)


def _rights(rows: Iterable[Iterable[str]]) -> frozenset[Right]:
    return frozenset((user, name) for user, name in rows)


def _numbers(processed: ObjectStore) -> list[int]:
    names = (item.key.removeprefix(f"{FOLDER}/").removesuffix(".json") for item in processed.list_objects(FOLDER))
    return sorted(int(name) for name in names if name.isdigit())


def _key(number: int) -> str:
    return f"{FOLDER}/{number:012d}.json"
