"""The rows of one file compared with each other: repeated keys and vouchers, without Spark.

Belongs here: which rows change their outcome because of another row of the file. Does not belong here: the rules of
single rows (see `feeds.read_file`), counting (see `feed_check`).

The rule of keys is in `transforms.key_comparison`, and that of vouchers is the one of `transforms.vouchers`. Only
hashes of keys, and the sums of vouchers, are held in memory; the few rows that change are read a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import REPEATED_KEYS, arrow_schema
from finance_platform.feeds.lines.line_files import KeyRepeats, hash_texts
from finance_platform.feeds.values.amounts import EXACT
from finance_platform.feeds.violations import to_mask
from finance_platform.transforms.key_comparison import PLACE, compare_keys, compared_columns
from finance_platform.transforms.reasons import describe_half_voucher, describe_place, describe_unbalanced_voucher

ReadAgain = Callable[[], Iterable[pa.RecordBatch]]


@dataclass(frozen=True)
class ChangedRow:
    """An accepted row that another row of the file rejects or makes a duplicate.

    Attributes:
        row: the staged row.
        outcome: rejected or duplicate.
        rule: the rule that it breaks.
        reasons: why, as `feeds.reasons.reasons_in_words` takes it.
    """

    row: Mapping[str, Any]
    outcome: str
    rule: str
    reasons: str


@dataclass
class _Voucher:
    """The lines of one voucher: exact sums, and the first line that is rejected."""

    debit: Decimal = Decimal(0)
    credit: Decimal = Decimal(0)
    rejected: tuple[str, int, str, str] | None = None

    def add(self, row: Mapping[str, Any], sign: int = 1) -> None:
        amount = row["voucher_amount"] or Decimal(0)
        if amount > 0:
            self.debit = EXACT.add(self.debit, sign * amount)
        else:
            self.credit = EXACT.subtract(self.credit, sign * amount)

    def reject(self, row: Mapping[str, Any], rules: str) -> None:
        place = (row["source_sheet"] or "", row["source_row"], row["source_column"] or "", rules)
        self.rejected = place if self.rejected is None else min(self.rejected, place)

    @property
    def is_broken(self) -> bool:
        return self.rejected is not None or self.debit != self.credit


@dataclass
class ComparedRows:
    """The keys and vouchers of a file's rows so far."""

    kind: str
    _repeats: KeyRepeats = field(default_factory=KeyRepeats)
    _vouchers: dict[str, _Voucher] = field(default_factory=dict)

    def add(self, batch: pa.RecordBatch) -> None:
        """Add a batch of staged rows."""
        self._repeats.add(batch["line_key"], to_mask(pc.equal(batch["outcome"], "accepted")))
        if "voucher" in batch.schema.names and batch["voucher"].null_count < len(batch):
            names = ["voucher", "voucher_amount", "outcome", *PLACE, "rules"]
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
        if not self._repeats.count:
            return
        hashes = pa.array(np.unique(np.concatenate(self._repeats.hashes)))

        def may_repeat(batch: pa.RecordBatch) -> pa.RecordBatch:
            keys = batch["line_key"]
            has_hash = pc.and_(pc.is_valid(keys), pc.is_in(pa.array(hash_texts(keys)), value_set=hashes))
            return batch.filter(pc.and_(pc.equal(batch["outcome"], "accepted"), has_hash))

        # Two keys may have one hash; rows that repeat no other one have no result.
        rows = pa.Table.from_batches(map(may_repeat, read_again()))
        results = pa.Table.from_batches(compare_keys(rows, compared_columns(self.kind)), arrow_schema(REPEATED_KEYS))
        result_of = {_place(result): result for result in results.to_pylist()}
        for row in rows.to_pylist():
            if result := result_of.get(_place(row)):
                yield ChangedRow(row, result["key_outcome"], result["key_rules"], result["key_reasons"])

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
    return tuple(row[name] for name in PLACE)


def _describe(name: str, voucher: _Voucher) -> tuple[str, str]:
    """Return rule and words of a voucher that is rejected whole."""
    if voucher.rejected is not None:
        sheet, line, _, rules = voucher.rejected
        return describe_half_voucher(name, describe_place(sheet, line), rules)
    return describe_unbalanced_voucher(name, voucher.debit, voucher.credit)
