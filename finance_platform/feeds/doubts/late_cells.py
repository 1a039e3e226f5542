"""Rows with a cell too many before others, so that these are read one column too late.

Belongs here: finding them in a table, and the words that hold the delivery. Does not belong here: rows that lack a cell
(see `moved_cells`), rows with a filled cell beyond the header (see `violations`).

An unquoted text with a delimiter, such as `Rent, 2025`, is two cells, and a cell that was inserted in a spreadsheet
moves those behind it. The end of the text, or a tax, is then read as the amount, and the amount as a comment, where
nothing looks at it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import FieldSource, RawBatch
from finance_platform.feeds.doubts.moved_cells import LEAST_WHOLE, MOST_ROWS
from finance_platform.feeds.doubts.read_columns import ReadColumns, kind_of
from finance_platform.feeds.raw_rows import Positions
from finance_platform.feeds.shape_rules import is_derived
from finance_platform.feeds.values.codes import clean
from finance_platform.feeds.violations import ACCEPTED, to_mask

_AMOUNT = r"^\s*[-+(]?[0-9][0-9 .,'’]*[.,][0-9]{1,2}[-)]?\s*$"
"""In the last column; a whole number is a reference or a quantity more often than an amount."""

_FIX = (
    "put texts that have the delimiter in them into quotes, and remove cells that were inserted; if the rows are "
    "right, accept the file"
)


@dataclass
class LateCells:
    """The rows of one table that have a cell too many.

    Attributes:
        header: its columns.
        read: those that lines are read from.
    """

    header: Sequence[str]
    read: ReadColumns
    _whole: tuple[RawBatch, Positions] | None = None
    _late: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    _is_usual: bool = False

    @staticmethod
    def of_table(header: Sequence[str], sources: Mapping[str, FieldSource], cells: Sequence[str] = ()) -> LateCells:
        """Watch a table; nothing can be late in a last column that is used itself.

        Args:
            header: its columns.
            sources: where the fields of its lines come from.
            cells: the columns of which each gives a line.
        """
        names = [name for name in header if not is_derived(name)]
        read = ReadColumns.of_sources(sources, cells)
        return LateCells(names, read, _is_usual=not names or names[-1] in read.used)

    def add(self, batch: RawBatch, outcomes: pa.Array) -> None:
        """Look at the accepted rows of a batch."""
        if self._is_usual or len(self._late) >= MOST_ROWS:
            return
        accepted = to_mask(pc.equal(outcomes, ACCEPTED))
        late = to_mask(pc.match_substring_regex(batch.columns[self.header[-1]], _AMOUNT)) & accepted
        if self._whole is None and accepted.any():
            self._whole = batch, np.flatnonzero(accepted & ~late)[:MOST_ROWS]
            self._is_usual = bool(2 * late.sum() > accepted.sum())
        places = np.flatnonzero(late)[:MOST_ROWS]
        rows = self._cells(batch, places)
        self._late += [(batch.place(place), row) for place, row in zip(places.tolist(), rows, strict=True)]

    def _cells(self, batch: RawBatch, places: Positions) -> list[tuple[str, ...]]:
        if not len(places):
            return []
        at = pa.array(places)
        columns = [pc.take(batch.columns[name], at).to_pylist() for name in self.header]
        return [tuple((text or "").strip() for text in row) for row in zip(*columns, strict=True)]

    def doubts(self) -> dict[str, str]:
        """Return why the table must not count by itself, with what to do about it."""
        if self._is_usual or not self._late or self._whole is None or len(self._whole[1]) < LEAST_WHOLE:
            return {}
        columns = list(zip(*self._cells(*self._whole), strict=True))
        kinds = [set(map(kind_of, texts)) - {""} for texts in columns]
        if "whole" in kinds[-1]:
            return {}  # quantities and rates have fractions, too
        known = self.read.known_codes(self.header, columns)
        found = {place: row[-1] for place, row in self._late if self._has_more(row, kinds, known)}
        if 2 * len(found) < max(1, len(self._late)):
            return {}  # the column has amounts in rows that are right
        (place, text), *_ = found.items()
        rows = "1 row has a cell" if len(found) == 1 else f"{len(found):,} rows have a cell"
        return {
            f"{rows} too many, and those behind it seem to be read a column too late, first on {place}, where "
            f"{clean(self.header[-1])!r} has {text[:40]!r}": _FIX
        }

    def _has_more(self, row: tuple[str, ...], kinds: Sequence[set[str]], known: Mapping[int, set[str]]) -> bool:
        """Return whether a cell is of a kind that its column does not have, and none is if two cells are one.

        These two are a text with a delimiter, or a blank cell and the one behind it, in a column that nothing needs.
        """
        strange = [not _fits(text, kind) for text, kind in zip(row, kinds, strict=True)]
        for place, (text, rest) in enumerate(pairwise(row)):
            is_two = bool(text and rest)
            if is_two:
                # The end of a text is a word or a number such as 2025, and seldom one with cents.
                may_be_one = (not kinds[place] or "word" in kinds[place]) and kind_of(rest) != "fraction"
            else:
                may_be_one = bool(kinds[place + bool(text)])  # what all rows leave blank was not inserted
            if self.header[place] in self.read.used or not may_be_one or not any(strange[place:]):
                continue
            moved = (*row[:place], text or rest, *row[place + 2 :], "")
            is_likely = self.read.has_other_figures(self.header, row, moved) and self.read.may_be_meant(
                self.header, row, moved, known
            )
            behind = zip(moved[place + is_two :], kinds[place + is_two :], strict=True)
            if is_likely and all(_fits(one, kind) for one, kind in behind):
                return True
        return False


def _fits(text: str, kinds: set[str]) -> bool:
    return not (text and kinds) or kind_of(text) in kinds
