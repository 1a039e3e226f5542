"""The rows of one file compared with each other: repeated keys and vouchers, without Spark.

Belongs here: which rows change their outcome because of another row of the file. Does not belong here: the rules of
single rows (see `feeds.read_file`), counting (see `feed_check`).

The rules are those of `transforms.repeated_keys` and `transforms.vouchers`, the words those of `transforms.reasons`.
Only keys, and the sums of vouchers, are held in memory; the few rows that change are read a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.processed import (
    ACCOUNTS,
    BALANCES,
    COMMENTS,
    DEPARTMENTS,
    LOOKUP_ROWS,
    STATEMENT_LINES,
    TRANSACTIONS,
)
from finance_platform.feeds.amounts import EXACT
from finance_platform.transforms.reasons import (
    CONFLICTING_KEY,
    REPEATED_ROW,
    describe_half_voucher,
    describe_place,
    describe_unbalanced_voucher,
)

ReadAgain = Callable[[], Iterable[pa.RecordBatch]]

_LINEAGE = {"delivery_id", "feed", "source_file", "source_sheet", "source_row", "source_column"}
_ATTRIBUTES = ("department_name", "business_unit", "account_name", "account_type", "account_category")
_COMPARED: Mapping[str, tuple[str, ...]] = {
    "ledger": (*TRANSACTIONS.column_names, *_ATTRIBUTES),
    "departments": DEPARTMENTS.column_names,
    "accounts": ACCOUNTS.column_names,
    "lookup": LOOKUP_ROWS.column_names,
    "comments": COMMENTS.column_names,
    "statement_lines": STATEMENT_LINES.column_names,
    "balances": BALANCES.column_names,
}


@dataclass(frozen=True)
class ChangedRow:
    """An accepted row that another row of the file rejects or makes a duplicate.

    Attributes:
        row: the staged row.
        outcome: rejected or duplicate.
        rule: the rule that it breaks.
        reason: why, for people.
    """

    row: Mapping[str, Any]
    outcome: str
    rule: str
    reason: str


@dataclass
class _Voucher:
    """The lines of one voucher: exact sums, and the first line that is rejected."""

    debit: Decimal = Decimal(0)
    credit: Decimal = Decimal(0)
    rejected: tuple[str, int, str] | None = None

    def add(self, row: Mapping[str, Any], sign: int = 1) -> None:
        amount = row["voucher_amount"] or Decimal(0)
        if amount > 0:
            self.debit = EXACT.add(self.debit, sign * amount)
        else:
            self.credit = EXACT.subtract(self.credit, sign * amount)

    def reject(self, row: Mapping[str, Any], rules: str) -> None:
        place = (row["source_sheet"] or "", row["source_row"], rules)
        self.rejected = place if self.rejected is None else min(self.rejected, place)

    @property
    def is_broken(self) -> bool:
        return self.rejected is not None or self.debit != self.credit


@dataclass
class ComparedRows:
    """The keys and vouchers of a file's rows so far."""

    kind: str
    _keys: list[pa.Array] = field(default_factory=list)
    _vouchers: dict[str, _Voucher] = field(default_factory=dict)

    def add(self, batch: pa.RecordBatch) -> None:
        """Add a batch of staged rows."""
        keys = pc.filter(batch["line_key"], pc.equal(batch["outcome"], "accepted")).drop_null()
        if len(keys):
            self._keys.append(keys)
        if "voucher" in batch.schema.names and batch["voucher"].null_count < len(batch):
            names = ["voucher", "voucher_amount", "outcome", "source_sheet", "source_row", "rules"]
            is_line = pc.and_(
                pc.is_valid(batch["voucher"]), pc.is_in(batch["outcome"], pa.array(["accepted", "rejected"]))
            )
            for row in batch.select(names).filter(is_line).to_pylist():
                voucher = self._vouchers.setdefault(row["voucher"], _Voucher())
                voucher.add(row)
                if row["outcome"] == "rejected":
                    voucher.reject(row, row["rules"])

    def changed_rows(self, read_again: ReadAgain) -> Iterator[ChangedRow]:
        """Yield the accepted rows that change their outcome.

        Args:
            read_again: returns the file's staged rows once more.
        """
        of_keys = list(self._of_keys(read_again))
        yield from of_keys
        for changed in of_keys:
            voucher = self._vouchers.get(changed.row.get("voucher") or "")
            if voucher is not None and changed.outcome == "duplicate":
                voucher.add(changed.row, sign=-1)
            elif voucher is not None:
                voucher.reject(changed.row, changed.rule)
        yield from self._of_vouchers(read_again, {_place(changed.row) for changed in of_keys})

    def _of_keys(self, read_again: ReadAgain) -> Iterator[ChangedRow]:
        keys = pa.table({"key": pa.chunked_array(self._keys, pa.string())})
        counts = keys.group_by("key").aggregate([([], "count_all")])
        repeated = counts.filter(pc.greater(counts["count_all"], 1))["key"]
        if not len(repeated):
            return
        groups: dict[str, list[dict[str, Any]]] = {}
        for batch in read_again():
            is_repeated = pc.and_(pc.equal(batch["outcome"], "accepted"), pc.is_in(batch["line_key"], repeated))
            for row in batch.filter(is_repeated).to_pylist():
                groups.setdefault(row["line_key"], []).append(row)
        for rows in groups.values():
            yield from self._judge_key(rows)

    def _judge_key(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[ChangedRow]:
        names = [name for name in _COMPARED[self.kind] if name not in _LINEAGE and name in rows[0]]
        is_conflict = len({tuple(str(row[name]) for name in names) for row in rows}) > 1
        key, first, last = rows[0]["line_key"], _describe_place(rows[0]), _describe_place(rows[-1])
        if is_conflict:
            reason = CONFLICTING_KEY.format(key=key, first=first, last=last)
            yield from (ChangedRow(row, "rejected", "conflicting_key", reason) for row in rows)
        else:
            reason = REPEATED_ROW.format(key=key, first=first)
            yield from (ChangedRow(row, "duplicate", "repeated_row", reason) for row in rows[1:])

    def _of_vouchers(self, read_again: ReadAgain, changed: set[tuple[Any, ...]]) -> Iterator[ChangedRow]:
        broken = [name for name, voucher in self._vouchers.items() if voucher.is_broken]
        if not broken:
            return
        wanted = pa.array(broken, pa.string())
        for batch in read_again():
            is_broken = pc.and_(pc.equal(batch["outcome"], "accepted"), pc.is_in(batch["voucher"], wanted))
            for row in batch.filter(is_broken).to_pylist():
                if _place(row) not in changed:
                    rule, reason = _describe(row["voucher"], self._vouchers[row["voucher"]])
                    yield ChangedRow(row, "rejected", rule, reason)


def _place(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row.get("source_sheet"), row["source_row"], row.get("source_column")


def _describe_place(row: Mapping[str, Any]) -> str:
    return describe_place(row.get("source_sheet"), row["source_row"], row.get("source_column"))


def _describe(name: str, voucher: _Voucher) -> tuple[str, str]:
    """Return rule and words of a voucher that is rejected whole."""
    if voucher.rejected is not None:
        sheet, line, rules = voucher.rejected
        return describe_half_voucher(name, describe_place(sheet, line), rules)
    return describe_unbalanced_voucher(name, voucher.debit, voucher.credit)
