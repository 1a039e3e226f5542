"""Printed totals: the control totals of a table, compared with the sums of its lines, exactly and before rounding.

Belongs here: sums of the lines above and around a total, and the comparison. Does not belong here: which rows are
totals (see `row_marks`), rows that look like totals and are not declared (see `unclaimed_totals`), holding a delivery
(see `deliveries.verdicts.hold_reasons`).

The lines of a total are all in its currency that were not skipped: accepted, rejected and duplicate ones. Amounts in
different currencies are never added.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.feeds.cells import RawBatch
from finance_platform.feeds.findings import MAX_LISTED_TOTALS, NO_CONTROL_TOTALS, ControlTotal, ControlTotals, Note
from finance_platform.feeds.resolved import ControlTotalRule, ReadingRules
from finance_platform.feeds.row_marks import marked_rows
from finance_platform.feeds.values.amounts import EXACT, ParsedAmounts
from finance_platform.feeds.values.currencies import OTHER_CURRENCY, currency_code, is_currency
from finance_platform.feeds.violations import SKIPPED, Mask, quoted, to_mask

_ZERO = Decimal(0)
_HALF = Decimal("0.5")
_HALF_A_CENT = Decimal("0.005")
_MAX_GRAND_TOTALS = 1_000
"""Grand totals of one table that wait for its last line; any more are compared with the lines so far."""

_NOTE_MISSING = (
    "check that the file is complete, since a file that was cut off lacks its last row; if some files "
    "have no total, write required: false in that rule; if none has one, remove the rule from the descriptor"
)


_Place = tuple[str, str]
"""Column or side, and foreign currency; blank for the home's own."""

_Sums = dict[_Place, Decimal]


@dataclass(frozen=True)
class _Cell:
    """One figure of a printed total.

    Attributes:
        column: its column or side.
        currency: its foreign currency; blank for the home's own.
        value: the amount as printed; None if there is none.
        text: the cell's text.
        tolerance: half of the last printed digit.
    """

    column: str
    currency: str = ""
    value: Decimal | None = None
    text: str = ""
    tolerance: Decimal = _ZERO


@dataclass(frozen=True)
class _Row:
    """A row with printed totals: its rule, its line, and its figures, without blank cells."""

    rule: ControlTotalRule
    row: int
    cells: Sequence[_Cell]


@dataclass
class PrintedTotals:
    """Compares the printed totals of one table as its batches pass by.

    Attributes:
        rules: of the feed.
        sheet: the sheet of a workbook.
    """

    rules: ReadingRules
    sheet: str | None = None
    _sums: _Sums = field(default_factory=dict)
    _bases: dict[str, _Sums] = field(default_factory=dict)
    _grand: list[_Row] = field(default_factory=list)
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
        for _, place, amount in sums[at:]:
            self._add_lines(place, amount)

    def finish(self) -> tuple[ControlTotals, dict[str, Note]]:
        """Compare the grand totals with all lines; return every comparison, and notes about totals that are missing."""
        for row in self._grand:
            self._compare_row(row, self._sums)
        where = f"sheet {self.sheet!r}" if self.sheet is not None else "the file"
        missing, notes = [], {}
        for rule in self.rules.control_totals:
            text = f"{where} has no row that matches the rule {rule.name} of control_total"
            if rule.name not in self._seen and rule.is_required:
                missing.append(text)
            elif rule.name not in self._seen and rule.kind == "grand" and not rule.may_be_missing:
                notes[text] = Note(1, _NOTE_MISSING)
        return self._results + ControlTotals(missing=tuple(missing)), notes

    def _add_lines(self, place: _Place, amount: Decimal) -> None:
        self._sums[place] = EXACT.add(self._sums.get(place, _ZERO), amount)

    def _add_totals(self, batch: RawBatch, positions: npt.NDArray[np.int64], parsed: ParsedAmounts) -> None:
        """Compare the totals of one row; the subtotals that it ends begin again."""
        if batch.marks is None:
            return
        name = batch.marks[positions[0]].as_py()
        rule = next(rule for rule in self.rules.control_totals if rule.name == name)
        self._seen.add(name)
        row = _Row(rule, batch.source_rows[positions[0]].as_py(), list(self._cells(batch, positions, parsed)))
        if rule.kind == "grand" and len(self._grand) < _MAX_GRAND_TOTALS:
            self._grand.append(row)
        else:
            base = self._bases.get(name, {}) if rule.kind == "subtotal" else {}
            since = {place: EXACT.subtract(total, base.get(place, _ZERO)) for place, total in self._sums.items()}
            self._compare_row(row, since)
        for inner in self.rules.control_totals:
            if inner.kind == "subtotal":
                self._bases[inner.name] = dict(self._sums)
            if inner is rule and rule.kind == "subtotal":
                break

    def _cells(self, batch: RawBatch, positions: npt.NDArray[np.int64], parsed: ParsedAmounts) -> Iterator[_Cell]:
        """Yield the figures of one row; a wide row has a position for each."""
        for position in positions:
            for side_name, side in _sides(parsed):
                text = side.texts[position].as_py() if side.texts is not None else None
                if text:
                    column = _columns(batch, side_name)[position].as_py()
                    currency = _currency(parsed, side, int(position))
                    yield _Cell(column, currency, _exact(side, int(position)), text, self._tolerance(text))

    def _compare_row(self, row: _Row, sums: _Sums) -> None:
        """Compare each figure of a row, and each column that has lines and no figure."""
        columns = {cell.column for cell in row.cells}
        blank = sorted({column for (column, _), amount in sums.items() if amount and column not in columns})
        cells = [*row.cells, *map(_Cell, blank)]
        for cell in cells or [_Cell("")]:
            self._compare(row, cell, sums)

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

    def _compare(self, row: _Row, cell: _Cell, sums: _Sums) -> None:
        of_column = {currency: amount for (column, currency), amount in sums.items() if column == cell.column}
        currency = _one_spelling(cell.currency, of_column)
        found = of_column.pop(currency, _ZERO)
        ties = cell.value is not None and EXACT.abs(EXACT.subtract(cell.value, found)) <= cell.tolerance
        if cell.value is None:
            text = cell.text and f"{quoted(cell.text)}, which is not a valid amount"
        else:
            text = _amount_text(cell.value, currency)
        listed: tuple[ControlTotal, ...] = ()
        if (not ties or len(self._results.listed) < MAX_LISTED_TOTALS) and not self._is_full():
            others = tuple(
                "amounts whose currency is not known"
                if other == OTHER_CURRENCY
                else _amount_text(amount, other or home)
                for home in [self.rules.currency]
                for other, amount in sorted(of_column.items())
                if amount
            )
            place = (self.sheet or "", row.row, cell.column)
            listed = (ControlTotal(row.rule.name, *place, text, _amount_text(found, currency), ties, others),)
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
) -> Iterator[tuple[int, _Place, Decimal]]:
    """Yield the exact sum of the lines by segment, column and currency, in the order of segments."""
    sums: dict[tuple[int, _Place], Decimal] = {}
    names = ["segment", "column", "currency", "amount"]
    currencies = pa.nulls(len(batch), pa.string()) if parsed.currencies is None else parsed.currencies
    currencies = pc.fill_null(currencies, "")
    for name, side in _sides(parsed):
        columns = _columns(batch, name)
        table = pa.table([pa.array(segments), columns, currencies, side.values.cast(SUM_OF_MONEY_TYPE)], names)
        by_place = table.filter(pa.array(is_line)).group_by(names[:-1]).aggregate([("amount", "sum")])
        for row in by_place.to_pylist():
            sums[row["segment"], (row["column"], row["currency"])] = row["amount_sum"] or _ZERO
        for position, written in side.exact.items():
            if is_line[position]:
                place = int(segments[position]), (columns[position].as_py(), currencies[position].as_py())
                rounding = EXACT.subtract(written, side.values[position].as_py())
                sums[place] = EXACT.add(sums.get(place, _ZERO), rounding)
    for segment, of_lines in sorted(sums):
        yield segment, of_lines, sums[segment, of_lines]


def _columns(batch: RawBatch, side: str) -> pa.StringArray:
    """Return the column of each line, or its side."""
    headers = batch.source_columns
    return pa.repeat(pa.scalar(side, pa.string()), len(batch)) if headers is None else pc.fill_null(headers, side)


def _sides(parsed: ParsedAmounts) -> Sequence[tuple[str, ParsedAmounts]]:
    return tuple(zip(("debit", "credit"), parsed.sides, strict=True)) if parsed.sides else (("", parsed),)


def _exact(parsed: ParsedAmounts, position: int) -> Decimal | None:
    value: Decimal | None = parsed.values[position].as_py()
    return parsed.exact.get(position, value)


def _currency(parsed: ParsedAmounts, side: ParsedAmounts, position: int) -> str:
    """Return the foreign currency of a printed total, by its own sign or by the row's field; blank for the home's.

    A field that names no currency may have the word that makes the row a total.
    """
    if position in side.foreign:
        return currency_code(side.foreign[position])
    stated = None if parsed.currencies is None else parsed.currencies[position].as_py()
    return "" if stated in {None, OTHER_CURRENCY} else str(stated)


def _one_spelling(currency: str, of_lines: Collection[str]) -> str:
    """Return a total's currency as its lines have it: GBP where the total has the sign that may be that of GBP."""
    if currency in of_lines or not currency:
        return currency
    alike = [other for other in of_lines if other and (is_currency(currency, other) or is_currency(other, currency))]
    return alike[0] if len(alike) == 1 else currency


def _amount_text(amount: Decimal, currency: str) -> str:
    """Return an exact amount with two decimals at least, after its currency if one is given."""
    whole, _, fraction = f"{amount:,f}".partition(".")
    return f"{currency} {whole}.{fraction.rstrip('0'):0<2}".lstrip()
