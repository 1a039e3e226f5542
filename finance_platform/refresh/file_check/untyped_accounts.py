"""The accounts of one checked file without a type that is known, or with several; a run may hold the file for either.

Belongs here: collecting the accounts of accepted lines, and asking the home for the types that the file does not give.
Does not belong here: which delivery's type counts (see `deliveries.members.account_types`), the rows (see
`feed_check`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.deliveries.current_state import read_state
from finance_platform.deliveries.members.account_types import UNKNOWN, AccountTypes
from finance_platform.storage.port import ObjectStore

_COLUMNS = ["account_key", "account_number", "account_type"]


class UntypedAccounts:
    """The accounts that a file's accepted lines mention, with the number of lines by type."""

    def __init__(self) -> None:
        self._lines: Counter[tuple[int, str, str]] = Counter()

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the accepted lines of a batch of typed ledger lines."""
        self._count(pa.table(batch.filter(pc.equal(batch["outcome"], "accepted")).select(_COLUMNS)), 1)

    def remove(self, rows: pa.Table) -> None:
        """Take away lines that were accepted until another row rejected them."""
        self._count(rows.select(_COLUMNS), -1)

    def _count(self, lines: pa.Table, sign: int) -> None:
        for row in lines.group_by(_COLUMNS).aggregate([([], "count_all")]).to_pylist():
            self._lines[_account(row)] += sign * row["count_all"]

    def contradictions(self) -> dict[str, list[str]]:
        """Return the numbers of the accounts to which the file gives several types, and these."""
        types: dict[int, set[str]] = {}
        for (key, _, account_type), count in self._lines.items():
            if count and account_type not in {"", UNKNOWN}:
                types.setdefault(key, set()).add(account_type)
        numbers = {number: types.get(key, set()) for key, number, _ in self._lines}
        return {number: sorted(given) for number, given in sorted(numbers.items()) if len(given) > 1}

    def find(self, processed: ObjectStore | None, object_key: str) -> tuple[list[str], bool]:
        """Return the numbers of the accounts without a type, and whether the home was asked.

        Args:
            processed: the processed zone; one that does not exist yet cannot answer.
            object_key: the file, whose earlier delivery would not count beside it.
        """
        lines = [account for account, count in self._lines.items() if count]
        typed = {key for key, _, account_type in lines if account_type}
        untyped = {key: number for key, number, _ in lines if key not in typed}
        if not untyped or processed is None or not processed.exists():
            return sorted(untyped.values()), False
        state = read_state(processed)
        live = [delivery for delivery in state.live if delivery.event.object_key != object_key]
        types = AccountTypes(processed).types(live, untyped)
        return sorted(number for key, number in untyped.items() if types[key] == UNKNOWN), True


def _account(row: Mapping[str, Any]) -> tuple[int, str, str]:
    return row["account_key"], row["account_number"], row["account_type"] or ""
