"""Lines in rows or columns of a sheet that are hidden, or that a filter leaves out; they count, and are not seen.

Belongs here: counting them, and the note. Does not belong here: which rows and columns are hidden (see
`workbook_package`, `xls_records`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import RawBatch
from finance_platform.feeds.files.tables import Table
from finance_platform.feeds.findings import Note
from finance_platform.feeds.resolved import ReadingRules
from finance_platform.feeds.values.codes import clean, fold
from finance_platform.feeds.violations import ACCEPTED, to_mask

_FIX = (
    "clear the filter and show the rows at the source, and compare the file with what was to be sent; delete rows that "
    "are not to count"
)
_FIX_OF_COLUMNS = (
    "show the columns at the source; if they are not to count, list those that do in unpivot.columns of the "
    "descriptor, and the others in ignore_columns"
)
_MAX_LISTED = 12


class HiddenRows:
    """Counts the accepted lines of a table that are in hidden rows and have an amount that is not zero."""

    def __init__(self, rows: Collection[int]) -> None:
        """Begin.

        Args:
            rows: the hidden ones, from 1.
        """
        self._rows = np.array(sorted(rows), np.int64)
        self._places: set[int] = set()
        self._first = ""

    def add(self, batch: RawBatch, columns: Mapping[str, pa.Array]) -> None:
        """Add typed lines."""
        if not len(self._rows):
            return
        is_hidden = np.isin(np.asarray(batch.source_rows), self._rows)
        is_hidden &= to_mask(pc.equal(columns["outcome"], ACCEPTED)) & to_mask(pc.not_equal(columns["amount"], 0))
        positions = np.flatnonzero(is_hidden).tolist()
        if positions and not self._first:
            self._first = batch.place(positions[0])
        self._places.update(batch.source_rows[position].as_py() for position in positions)

    def notes(self) -> dict[str, Note]:
        """Return the note, with how many rows and the first one; none if there are none."""
        if not self._places:
            return {}
        return {f"rows that are hidden or filtered out count, first on {self._first}": Note(len(self._places), _FIX)}


class HiddenColumns:
    """Counts the accepted lines whose cell is in a hidden column that a pattern chose, and that have an amount."""

    def __init__(self, table: Table, rules: ReadingRules, cells: Collection[str]) -> None:
        """Begin.

        Args:
            table: the table.
            rules: of the feed; a column that they name is one that a person wants.
            cells: the headers of the cells of which each gives a line.
        """
        wanted = {fold(name) for name in cells} if rules.unpivot and rules.unpivot.pattern else set()
        self._names = [
            name for place, name in enumerate(table.header) if place in table.hidden_columns and fold(name) in wanted
        ]
        self._lines = 0

    def add(self, batch: RawBatch, columns: Mapping[str, pa.Array]) -> None:
        """Add typed lines."""
        if self._names and batch.source_columns is not None:
            is_hidden = to_mask(pc.is_in(batch.source_columns, pa.array(self._names, pa.string())))
            is_hidden &= to_mask(pc.equal(columns["outcome"], ACCEPTED)) & to_mask(pc.not_equal(columns["amount"], 0))
            self._lines += int(is_hidden.sum())

    def notes(self) -> dict[str, Note]:
        """Return the note, with how many lines; none if there are none."""
        if not self._lines:
            return {}
        names = ", ".join(repr(clean(name)) for name in self._names[:_MAX_LISTED])
        more = f" and {len(self._names) - _MAX_LISTED} more" if len(self._names) > _MAX_LISTED else ""
        return {f"columns that are hidden count: {names}{more}": Note(self._lines, _FIX_OF_COLUMNS)}
