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
from finance_platform.feeds.files.workbook_shared import MergedCells
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
        self._merged = dict(_find(table, sources, cells)) if cells and table.merged else {}
        self._rows = np.array(sorted({row for row, _ in self._merged}), np.int64)
        self._count = 0
        self._first = ""

    def add(self, batch: RawBatch, columns: Mapping[str, pa.Array]) -> None:
        """Add typed lines."""
        if not self._merged or batch.source_columns is None:
            return
        is_merged = np.isin(np.asarray(batch.source_rows), self._rows)
        is_merged &= to_mask(pc.equal(columns["outcome"], ACCEPTED)) & to_mask(pc.not_equal(columns["amount"], 0))
        for position in np.flatnonzero(is_merged).tolist():
            name = batch.source_columns[position].as_py()
            count = self._merged.get((batch.source_rows[position].as_py(), name))
            if count:
                self._count += 1
                self._first = self._first or f"{clean(name)!r} on {batch.place(position)} with {count - 1:,} more"

    def doubts(self) -> dict[str, str]:
        """Return the reason to hold the delivery; none if no amount is merged."""
        if not self._count:
            return {}
        return {
            f"{self._count:,} amounts are in cells that are merged with those of other amounts, first {self._first}, "
            "and count in the place of the first cell alone": _FIX
        }


def _find(
    table: Table, sources: Mapping[str, FieldSource], cells: Collection[str]
) -> Iterator[tuple[tuple[int, str], int]]:
    """Yield row and header of each amount whose cell covers those of others, with how many it covers."""
    amounts = {fold(name) for name in cells}
    places = {place: name for place, name in enumerate(table.header) if fold(name) in amounts}
    blocks = set(_merged_rows(table.merged, _line_places(table, sources)))
    for (first_row, first), (last_row, last) in table.merged:
        if first not in places:
            continue
        across = sum(place in places for place in range(first, min(last, len(table.header) - 1) + 1))
        # A line that is several rows high has a merged name beside its merged amounts.
        down = 1 if (first_row, last_row) in blocks else last_row - first_row + 1
        if across * down > 1:
            yield (first_row + 1, places[first]), across * down


def _line_places(table: Table, sources: Mapping[str, FieldSource]) -> set[int]:
    """Return the places of the columns that tell the lines of a table apart: the account's, else the department's."""
    for field in _NAMES_OF_LINES:
        wanted = {fold(name) for name in sources[field].headers} if field in sources else set()
        if found := {place for place, name in enumerate(table.header) if fold(name) in wanted}:
            return found
    return set()


def _merged_rows(merged: MergedCells, places: Collection[int]) -> Iterator[tuple[int, int]]:
    for (first_row, first), (last_row, last) in merged:
        if any(first <= place <= last for place in places):
            yield first_row, last_row
