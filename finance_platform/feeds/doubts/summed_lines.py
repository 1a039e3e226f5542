"""Lines of a sheet whose amount is a formula that adds up other lines: a total with a code of its own.

Belongs here: comparing the formulas with the lines that count, and the words that hold the delivery. Does not belong
here: reading formulas (see `files.formula_sums`), totals by their name or by their sum (see `unclaimed_totals`,
`parent_rows`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import FieldSource, RawBatch, describe_place
from finance_platform.feeds.files.formula_sums import Area, FormulaSum
from finance_platform.feeds.files.tables import Table
from finance_platform.feeds.values.codes import clean, fold
from finance_platform.feeds.violations import ACCEPTED, to_mask

_BITS_OF_ROW = 21
_FIX = (
    "add a rule of control_total or skip for the rows of totals to the descriptor, and leave columns of totals out; if "
    "they are lines of their own, accept the file"
)


class SummedLines:
    """The cells of a table that are lines, beside those that its formulas add up."""

    def __init__(self, table: Table, sources: Mapping[str, FieldSource], cells: Collection[str]) -> None:
        """Begin.

        Args:
            table: the table.
            sources: where the fields of its lines come from.
            cells: the headers of the cells of which each gives a line.
        """
        self._table = table
        source = sources.get("amount")
        amounts = cells or (source.headers if source else ())
        wanted = {fold(name) for name in amounts}
        # Of debit and credit, nothing says which has the amount of a row; a side may make a sum the line against it.
        is_compared = table.sums and (cells or len(wanted) == 1) and not (source and source.rule.sign_column)
        self._places = {name: place for place, name in enumerate(table.header) if is_compared and fold(name) in wanted}
        self._lines: list[npt.NDArray[np.int64]] = []

    def add(self, batch: RawBatch, columns: Mapping[str, pa.Array]) -> None:
        """Add typed lines."""
        if not self._places:
            return
        counts = to_mask(pc.equal(columns["outcome"], ACCEPTED)) & to_mask(pc.not_equal(columns["amount"], 0))
        rows = np.asarray(batch.source_rows)
        if batch.source_columns is None:
            place = next(iter(self._places.values()))
            self._lines.append(_key(rows[counts], place))
            return
        for name, place in self._places.items():
            is_of_column = to_mask(pc.equal(batch.source_columns, name))
            self._lines.append(_key(rows[counts & is_of_column], place))

    def doubts(self) -> dict[str, str]:
        """Return the reason to hold the delivery; none if no line adds up others."""
        if not self._lines:
            return {}
        lines = np.unique(np.concatenate(self._lines))
        names = {place: name for name, place in self._places.items()}
        places = np.array(sorted(names), np.int64)
        found = [
            (row, column)
            for (row, column), formula in sorted(self._table.sums.items())
            if column in names
            and any(
                _count(lines, area, places, besides=(row, column)) >= _least(formula, area)
                for area in formula.areas
                if area.meets(row, column)
            )
            and _count(lines, Area(row, column, row, column), places)
        ]
        if not found:
            return {}
        row, column = found[0]
        count = "1 amount is" if len(found) == 1 else f"{len(found):,} amounts are"
        return {
            f"{count} the sum of other amounts by a formula, first ={self._table.sums[row, column].text[:60]} of "
            f"{clean(names[column])!r} on {describe_place(self._table.sheet, row)}, and count beside them": _FIX
        }


def _least(formula: FormulaSum, area: Area) -> int:
    """Return how many cells of an area must be lines: where a condition chooses some of them, half of all."""
    return (area.size + 1) // 2 if formula.is_of_some else 1


def _key(rows: npt.NDArray[np.int64], place: int) -> npt.NDArray[np.int64]:
    """Return a number of each cell, in the order of columns and, in each, of rows."""
    return (place << _BITS_OF_ROW) + rows


def _count(
    lines: npt.NDArray[np.int64],
    area: Area,
    places: npt.NDArray[np.int64],
    besides: tuple[int, int] | None = None,
) -> int:
    """Return how many lines are in the columns of amounts of an area, which may be thousands in each formula."""
    first, last = np.searchsorted(places, [area.first_column, area.last_column + 1])
    begins = places[first:last] << _BITS_OF_ROW
    counts = np.searchsorted(lines, begins + area.last_row, "right") - np.searchsorted(lines, begins + area.first_row)
    count = int(counts.sum())
    if besides and area.first_row <= besides[0] <= area.last_row:
        count -= area.first_column <= besides[1] <= area.last_column
    return count
