"""The table SchemaVersion: which definitions the tables and views of a warehouse have.

Belongs here: the meaning of its rows, and adding one. sqlglot is not imported: every run asks for the version.
Does not belong here: reading it (the engines report a missing table differently: see `existing_schema` of each
adapter), the changes themselves (see `migration`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from finance_platform.contracts.star import SCHEMA_VERSION
from finance_platform.warehouse import statements
from finance_platform.warehouse.movements import join_within_limit
from finance_platform.warehouse.port import LoadConnection

OTHER_RELEASE = "says that tables and views are those of another release; the next run brings those of this one"
"""What is wrong with a warehouse that is not current."""


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
