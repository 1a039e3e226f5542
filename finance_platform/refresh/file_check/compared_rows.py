"""The rows of one file compared with each other: repeated keys and vouchers, without Spark.

Belongs here: which rows change their outcome because of another row of the file. Does not belong here: the rules of
single rows (see `feeds.read_file`), counting (see `feed_check`).

The rule of keys is in `transforms.key_comparison`, and that of vouchers is the one of `transforms.vouchers`. Only
hashes of keys, and the sums of vouchers, are held in memory; the few rows that change are read a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.lines.line_files import KeyRepeats
from finance_platform.feeds.reasons import Reason, reasons_to_json
from finance_platform.feeds.values.amounts import EXACT
from finance_platform.feeds.violations import to_mask
from finance_platform.text_hashes import hash_texts
from finance_platform.transforms.key_comparison import PLACE, Repeats, compared_columns, describe_repeats, find_repeats
from finance_platform.transforms.reasons import (
    MAX_QUOTED,
    describe_half_voucher,
    describe_place,
    describe_unbalanced_voucher,
)

ReadAgain = Callable[[], Iterable[pa.RecordBatch]]


@dataclass(frozen=True)
class ChangedRows:
    """Accepted rows that another row of the file rejects or makes duplicates, in the order of the file.

    Attributes:
        rows: the staged rows.
        outcomes: of each, rejected or duplicate.
        rules: of each, the rule that it breaks.
        reasons: returns why, of the rows at some positions, as `feeds.reasons.reasons_in_words` takes it.
    """

    rows: pa.Table
    outcomes: pa.StringArray
    rules: pa.StringArray
    reasons: Callable[[Sequence[int]], list[str]]


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

    def changed_rows(self, read_again: ReadAgain) -> Iterator[ChangedRows]:
        """Yield the accepted rows that change their outcome.

        Args:
            read_again: returns the file's staged rows once more.
        """
        places = set[tuple[Any, ...]]()
        for changed in self._of_keys(read_again):
            yield changed
            if self._vouchers:
                places |= self._update_vouchers(changed)
        yield from self._of_vouchers(read_again, places)

    def _update_vouchers(self, changed: ChangedRows) -> set[tuple[Any, ...]]:
        """Take duplicates out of their vouchers, reject those of rejected rows, and return the places of the rows."""
        rows = changed.rows.select(["voucher", "voucher_amount", *PLACE]).to_pylist()
        for row, outcome, rule in zip(rows, changed.outcomes.to_pylist(), changed.rules.to_pylist(), strict=True):
            voucher = self._vouchers.get(row["voucher"] or "")
            if voucher is not None and outcome == "duplicate":
                voucher.add(row, sign=-1)
            elif voucher is not None:
                voucher.reject(row, rule)
        return set(map(_place, rows))

    def _of_keys(self, read_again: ReadAgain) -> Iterator[ChangedRows]:
        if not self._repeats.count:
            return
        hashes = pa.array(np.unique(np.concatenate(self._repeats.hashes)))

        def may_repeat(batch: pa.RecordBatch) -> pa.RecordBatch:
            keys = batch["line_key"]
            has_hash = pc.and_(pc.is_valid(keys), pc.is_in(pa.array(hash_texts(keys)), value_set=hashes))
            return batch.filter(pc.and_(pc.equal(batch["outcome"], "accepted"), has_hash))

        # Two keys may have one hash; rows that repeat no other one have no result.
        rows = pa.Table.from_batches(map(may_repeat, read_again())).combine_chunks()
        compared = compared_columns(self.kind)
        repeats = find_repeats(rows, compared)
        for part in repeats.take(np.argsort(repeats.rows)).in_parts():
            is_conflict = pa.array(part.is_conflict)
            yield ChangedRows(
                rows.take(pa.array(part.rows)),
                pc.if_else(is_conflict, "rejected", "duplicate"),
                pc.if_else(is_conflict, "conflicting_key", "repeated_row"),
                _reasons_of_keys(rows, compared, part),
            )

    def _of_vouchers(self, read_again: ReadAgain, changed: set[tuple[Any, ...]]) -> Iterator[ChangedRows]:
        broken = [name for name, voucher in self._vouchers.items() if voucher.is_broken]
        if not broken:
            return
        wanted = pa.array(broken, pa.string())
        for batch in read_again():
            is_broken = pc.and_(pc.equal(batch["outcome"], "accepted"), pc.is_in(batch["voucher"], wanted))
            rows = pa.table(batch.filter(is_broken))
            if changed:
                is_left = [_place(row) not in changed for row in rows.select(PLACE).to_pylist()]
                rows = rows.filter(pa.array(is_left, pa.bool_()))
            if len(rows):
                names = rows["voucher"].to_pylist()
                described = {name: _describe(name, self._vouchers[name]) for name in dict.fromkeys(names)}
                rules, reasons = zip(*(described[name] for name in names), strict=True)
                rejected = pa.array(["rejected"] * len(rows))
                yield ChangedRows(rows, rejected, pa.array(rules), _reasons_at(reasons))


def _reasons_of_keys(rows: pa.Table, compared: Sequence[str], part: Repeats) -> Callable[[Sequence[int]], list[str]]:
    def describe(positions: Sequence[int]) -> list[str]:
        described = describe_repeats(rows, compared, part.take(positions))
        return [reasons for batch in described for reasons in batch["key_reasons"].to_pylist()]

    return describe


def _reasons_at(reasons: Sequence[str]) -> Callable[[Sequence[int]], list[str]]:
    return lambda positions: [reasons[position] for position in positions]


def _place(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in PLACE)


def _describe(name: str, voucher: _Voucher) -> tuple[str, str]:
    """Return rule and reason of a voucher that is rejected whole."""
    if voucher.rejected is not None:
        sheet, line, _, rules = voucher.rejected
        rule, words = describe_half_voucher(name, describe_place(sheet, line), rules)
    else:
        rule, words = describe_unbalanced_voucher(name, voucher.debit, voucher.credit)
    return rule, reasons_to_json([Reason(rule, "", name[:MAX_QUOTED], words)])
