"""Printed totals: the control totals of a table, compared with the sums of its lines, exactly and before rounding.

Belongs here: sums of the lines above and around a total, and the comparison. Does not belong here: which rows are
totals (see `row_marks`), rows that look like totals and are not declared (see `unclaimed_totals`), holding a delivery
(see `deliveries.hold_reasons`).

The lines of a total are all that were not skipped: accepted, rejected and duplicate ones, whatever their currency,
because a printed total is the sum of what is printed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.amounts import EXACT, ParsedAmounts
from finance_platform.feeds.cells import RawBatch
from finance_platform.feeds.findings import MAX_LISTED_TOTALS, NO_CONTROL_TOTALS, ControlTotal, ControlTotals, Note
from finance_platform.feeds.resolved import ControlTotalRule, ReadingRules
from finance_platform.feeds.row_marks import marked_rows
from finance_platform.feeds.violations import SKIPPED, Mask, quoted, to_mask

_ZERO = Decimal(0)
_HALF = Decimal("0.5")
_HALF_A_CENT = Decimal("0.005")
_WIDE_MONEY = pa.decimal128(38, 2)
_MAX_GRAND_TOTALS = 1_000
"""Grand totals of one table that wait for its last line; any more are compared with the lines so far."""

_NOTE_MISSING = (
    "check that the file is complete, since a file that was cut off lacks its last row; if these files have no total, "
    "remove the rule from control_total in the descriptor"
)


@dataclass(frozen=True)
class _Printed:
    """One printed total.

    Attributes:
        rule: its rule.
        row: its line.
        column: its column or side.
        value: the amount as printed; None if there is none.
        text: the cell's text.
        tolerance: half of the last printed digit.
    """

    rule: ControlTotalRule
    row: int
    column: str
    value: Decimal | None
    text: str
    tolerance: Decimal


@dataclass
class PrintedTotals:
    """Compares the printed totals of one table as its batches pass by.

    Attributes:
        rules: of the feed.
        sheet: the sheet of a workbook.
    """

    rules: ReadingRules
    sheet: str | None = None
    _sums: dict[str, Decimal] = field(default_factory=dict)
    _bases: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    _grand: list[_Printed] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)
    _results: ControlTotals = NO_CONTROL_TOTALS

    def add(self, batch: RawBatch, outcomes: pa.StringArray, parsed: ParsedAmounts) -> None:
        """Add a batch of lines and totals, in the order of the table.

        Args:
            batch: the rows, with their marks.
            outcomes: the outcome of each row.
            parsed: the amounts before any rule.
        """
        if not self.rules.control_totals:
            return
        is_total = marked_rows(batch, self.rules.control_totals)
        is_line = ~to_mask(pc.equal(outcomes, SKIPPED))
        segments = _segments(batch, is_total)
        sums = list(_segment_sums(batch, segments, is_line, parsed))
        at, positions = 0, np.flatnonzero(is_total)
        for segment, of_segment in _by_segment(positions, segments):
            while at < len(sums) and sums[at][0] < segment:
                self._add_lines(*sums[at][1:])
                at += 1
            self._add_totals(batch, of_segment, parsed)
        for _, column, amount in sums[at:]:
            self._add_lines(column, amount)

    def finish(self) -> tuple[ControlTotals, dict[str, Note]]:
        """Compare the grand totals with all lines; return every comparison, and notes about totals that are missing."""
        for printed in self._grand:
            self._compare(printed, self._sums.get(printed.column, _ZERO))
        where = f"sheet {self.sheet!r}" if self.sheet is not None else "the file"
        missing, notes = [], {}
        for rule in self.rules.control_totals:
            text = f"{where} has no row that matches the rule {rule.name} of control_total"
            if rule.name not in self._seen and rule.is_required:
                missing.append(text)
            elif rule.name not in self._seen and rule.kind == "grand":
                notes[text] = Note(1, _NOTE_MISSING)
        return self._results + ControlTotals(missing=tuple(missing)), notes

    def _add_lines(self, column: str, amount: Decimal) -> None:
        self._sums[column] = EXACT.add(self._sums.get(column, _ZERO), amount)

    def _add_totals(self, batch: RawBatch, positions: npt.NDArray[np.int64], parsed: ParsedAmounts) -> None:
        """Compare the totals of one row; the subtotals that it ends begin again."""
        if batch.marks is None:
            return
        name = batch.marks[positions[0]].as_py()
        rule = next(rule for rule in self.rules.control_totals if rule.name == name)
        self._seen.add(name)
        base = self._bases.get(name, {}) if rule.kind == "subtotal" else {}
        for printed in self._printed(rule, batch, positions, parsed):
            if rule.kind == "grand" and len(self._grand) < _MAX_GRAND_TOTALS:
                self._grand.append(printed)
                continue
            total = self._sums.get(printed.column, _ZERO)
            self._compare(printed, EXACT.subtract(total, base.get(printed.column, _ZERO)))
        for inner in self.rules.control_totals:
            if inner.kind == "subtotal":
                self._bases[inner.name] = dict(self._sums)
            if inner is rule and rule.kind == "subtotal":
                break

    def _printed(
        self, rule: ControlTotalRule, batch: RawBatch, positions: npt.NDArray[np.int64], parsed: ParsedAmounts
    ) -> Iterator[_Printed]:
        for position in positions:
            row, cells = batch.source_rows[position].as_py(), []
            for side_name, side in _sides(parsed):
                text = side.texts[position].as_py() if side.texts is not None else None
                value = _exact(side, position)
                column = _columns(batch, side_name)[position].as_py()
                cells.append(_Printed(rule, row, column, value, text or "", self._tolerance(text or "")))
            # A total of debits and credits may print one of them alone.
            yield from [cell for cell in cells if cell.text] or cells[:1]

    def _tolerance(self, text: str) -> Decimal:
        """Return half of the last printed digit; a workbook has no printed digits, so half a cent."""
        if self.sheet is not None:
            return _HALF_A_CENT
        rule = self.rules.fields.get("amount")
        decimal = rule.decimal if rule else "."
        fraction = unicodedata.normalize("NFKC", text).rpartition(decimal)[2] if decimal in text else ""
        digits = re.match("[0-9]*", fraction)
        scale = rule.scale if rule else 0
        return EXACT.scaleb(_HALF, scale - (len(digits[0]) if digits else 0))

    def _compare(self, printed: _Printed, found: Decimal) -> None:
        ties = printed.value is not None and EXACT.abs(EXACT.subtract(printed.value, found)) <= printed.tolerance
        if printed.value is None:
            text = printed.text and f"{quoted(printed.text)}, which is not a valid amount"
        else:
            text = _amount_text(printed.value)
        listed: tuple[ControlTotal, ...] = ()
        if not ties or len(self._results.listed) < MAX_LISTED_TOTALS:
            place = (self.sheet or "", printed.row, printed.column)
            listed = (ControlTotal(printed.rule.name, *place, text, _amount_text(found), ties),)
        if listed and self._is_full():
            listed = ()
        self._results = self._results + ControlTotals(1, int(ties), listed)

    def _is_full(self) -> bool:
        """Return whether as many totals that do not tie are listed as may be."""
        listed = self._results.listed
        return len(listed) == MAX_LISTED_TOTALS and not listed[-1].ties


def _segments(batch: RawBatch, is_total: Mask) -> npt.NDArray[np.int64]:
    """Return the number of totals before each row; the lines of one row, such as twelve months, are one total."""
    rows = batch.source_rows.to_numpy()
    is_first = np.ones(len(batch), dtype=np.bool_)
    is_first[1:] = rows[1:] != rows[:-1]
    return np.cumsum(is_total & is_first)


def _by_segment(
    positions: npt.NDArray[np.int64], segments: npt.NDArray[np.int64]
) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """Yield the positions of the lines of each total, after its number."""
    if len(positions):
        numbers = segments[positions]
        starts = np.flatnonzero(np.diff(numbers)) + 1
        for of_total in np.split(positions, starts):
            yield int(segments[of_total[0]]), of_total


def _segment_sums(
    batch: RawBatch, segments: npt.NDArray[np.int64], is_line: Mask, parsed: ParsedAmounts
) -> Iterator[tuple[int, str, Decimal]]:
    """Yield the exact sum of the lines by segment and column, in the order of segments."""
    sums: dict[tuple[int, str], Decimal] = {}
    for name, side in _sides(parsed):
        columns = _columns(batch, name)
        table = pa.table([pa.array(segments), columns, side.values.cast(_WIDE_MONEY)], ["segment", "column", "amount"])
        by_column = table.filter(pa.array(is_line)).group_by(["segment", "column"]).aggregate([("amount", "sum")])
        for row in by_column.to_pylist():
            sums[row["segment"], row["column"]] = row["amount_sum"] or _ZERO
        for position, written in side.exact.items():
            if is_line[position]:
                place = int(segments[position]), columns[position].as_py()
                rounding = EXACT.subtract(written, side.values[position].as_py())
                sums[place] = EXACT.add(sums.get(place, _ZERO), rounding)
    for segment, column in sorted(sums):
        yield segment, column, sums[segment, column]


def _columns(batch: RawBatch, side: str) -> pa.StringArray:
    """Return the column of each line, or its side."""
    headers = batch.source_columns
    return pa.repeat(pa.scalar(side, pa.string()), len(batch)) if headers is None else pc.fill_null(headers, side)


def _sides(parsed: ParsedAmounts) -> Sequence[tuple[str, ParsedAmounts]]:
    return tuple(zip(("debit", "credit"), parsed.sides, strict=True)) if parsed.sides else (("", parsed),)


def _exact(parsed: ParsedAmounts, position: int) -> Decimal | None:
    value: Decimal | None = parsed.values[position].as_py()
    return parsed.exact.get(position, value)


def _amount_text(amount: Decimal) -> str:
    """Return an exact amount with two decimals at least."""
    whole, _, fraction = f"{amount:,f}".partition(".")
    return f"{whole}.{fraction.rstrip('0'):0<2}"
