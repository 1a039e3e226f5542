"""The table SchemaVersion: which definitions the tables and views of a warehouse have.

Belongs here: the meaning of its rows, and adding one. sqlglot is not imported: every run asks for the version.
Does not belong here: reading it (the engines report a missing table differently: see `existing_schema` of each
adapter), the changes themselves (see `migration`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from finance_platform.contracts.star import SCHEMA_VERSION, WAREHOUSE
from finance_platform.warehouse import statements
from finance_platform.warehouse.movements import join_within_limit
from finance_platform.warehouse.port import LoadConnection

OTHER_RELEASE = "says that tables and views are those of another release; the next run brings those of this one"
"""What is wrong with a warehouse that is not current."""

_MISSING = re.compile(r"Table with name (\w+) does not exist|relation \"(?:\w+\.)?(\w+)\" does not exist")
"""The errors of DuckDB and Redshift for a table or view that does not exist."""

_BRING = (
    "the warehouse lacks a table or view of this release: run `finance-platform run`, which brings those that an "
    "earlier release had not; if somebody removed it, move the file of DuckDB away before, or let Redshift's owner run "
    "its definition in `sql/`"
)


def fix_of_missing_table(message: str) -> str:
    """Return what to do about a table or view of this release that does not exist; empty for any other error.

    Args:
        message: the error of the warehouse.
    """
    from finance_platform.contracts.views import VIEWS  # loads and runs without an error need none of them

    found = _MISSING.search(message)
    name = (found[1] or found[2]).lower() if found else ""
    is_own = name in {contract.table.lower() for contract in WAREHOUSE} | {view.name.lower() for view in VIEWS}
    return _BRING if is_own else ""


class SchemaVersion(NamedTuple):
    """The latest migration of a warehouse; number 0 before the first."""

    number: int = 0
    fingerprint: str = ""

    @property
    def is_current(self) -> bool:
        """Whether the definitions are those of this release."""
        return self.fingerprint == statements.definitions_fingerprint()


def record_migration(connection: LoadConnection, number: int, descriptions: Sequence[str]) -> None:
    """Record a migration in its own transaction.

    Args:
        connection: the transaction.
        number: the number of the new schema version.
        descriptions: the changes, in words.
    """
    row = {
        "version": number,
        "fingerprint": statements.definitions_fingerprint(),
        "changes": join_within_limit(descriptions) or "definitions read alike",
        "applied_at": datetime.now(UTC).replace(tzinfo=None),
    }
    statements.insert(connection, SCHEMA_VERSION, [row])
