"""Amounts of a sheet whose cell is merged with those of other months or lines: one figure for several places.

Belongs here: finding the merged cells that give lines, and the words that hold the delivery. Does not belong here:
which cells are merged (see `files.workbook`), merged texts (see `lines.filled_cells`).

A merged cell has its value in its first cell alone: 300 across January to March is 300 in January, and blank cells are
no lines where each column is an amount.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import FieldSource, RawBatch
from finance_platform.feeds.files.tables import Table
from finance_platform.feeds.values.codes import clean, fold
from finance_platform.feeds.violations import ACCEPTED, to_mask

_FIX = (
    "unmerge these cells at the source and enter the amount of each; if the whole amount belongs to the first cell, "
    "accept the file"
)
_NAMES_OF_LINES = ("account", "department")


class MergedAmounts:
    """Counts the lines of a table whose amount is in a cell that covers several amounts."""

    def __init__(self, table: Table, sources: Mapping[str, FieldSource], cells: Collection[str]) -> None:
        """Begin.

        Args:
            table: the table.
            sources: where the fields of its lines come from.
            cells: the headers of the cells of which each gives a line; if a row is a line, a blank amount is rejected.
        """
        self._merged = dict(_find(table, cells)) if cells and table.merged else {}
        self._rows = np.array(sorted({row for row, _ in self._merged}), np.int64)
        wanted = {fold(name) for field in _NAMES_OF_LINES if field in sources for name in sources[field].headers}
        self._names = [name for name in table.header if fold(name) in wanted]
        self._named_rows: set[int] = set()
        self._found: list[tuple[tuple[int, str], str]] = []

    def add(self, batch: RawBatch, columns: Mapping[str, pa.Array]) -> None:
        """Add typed lines."""
        if not self._merged or batch.source_columns is None:
            return
        rows = np.asarray(batch.source_rows)
        for name in self._names:
            is_blank = to_mask(pc.equal(pc.utf8_trim_whitespace(batch.columns[name].fill_null("")), ""))
            self._named_rows.update(rows[~is_blank].tolist())
        is_merged = np.isin(rows, self._rows)
        is_merged &= to_mask(pc.equal(columns["outcome"], ACCEPTED)) & to_mask(pc.not_equal(columns["amount"], 0))
        for position in np.flatnonzero(is_merged).tolist():
            name = batch.source_columns[position].as_py()
            cell = int(rows[position]), name
            if cell in self._merged:
                self._found.append((cell, f"{clean(name)!r} on {batch.place(position)}"))

    def doubts(self) -> dict[str, str]:
        """Return the reason to hold the delivery; none if no amount is merged."""
        found = [(place, count) for cell, place in self._found if (count := self._covered(cell)) > 1]
        if not found:
            return {}
        place, count = found[0]
        return {
            f"{len(found):,} amounts are in cells that are merged with those of other amounts, first {place} with "
            f"{count - 1:,} more, and count in the place of the first cell alone": _FIX
        }

    def _covered(self, cell: tuple[int, str]) -> int:
        """Return how many amounts a merged cell covers.

        A row without a department and an account is a part of the line above it, whose cells may be merged over both.
        """
        across, last_row = self._merged[cell]
        first_row = cell[0]
        below = range(first_row + 1, last_row + 1)
        return across * (1 + sum(row in self._named_rows or not self._names for row in below))


def _find(table: Table, cells: Collection[str]) -> Iterator[tuple[tuple[int, str], tuple[int, int]]]:
    """Yield row and header of each merged amount, with how many amounts it covers in its row, and its last row."""
    amounts = {fold(name) for name in cells}
    places = {place: name for place, name in enumerate(table.header) if fold(name) in amounts}
    for (first_row, first), (last_row, last) in table.merged:
        if first in places:
            across = sum(place in places for place in range(first, min(last, len(table.header) - 1) + 1))
            yield (first_row + 1, places[first]), (across, last_row + 1)
