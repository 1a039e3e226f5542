"""Rows that lack a cell in their middle, so that the cells behind it are read one column too early.

Belongs here: finding them in a table, and the words that hold the delivery. Does not belong here: rows with a cell too
many (see `late_cells`), a last line that was cut off, amounts that a delimiter cuts in two (see `files.broken_lines`).

A cell was deleted in a spreadsheet, or an export left out an empty one. Of a row with amount and balance, the balance
is then read as the amount, which is valid, and blank cells at the end of a row are no fault by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import FieldSource, RawBatch
from finance_platform.feeds.doubts.read_columns import ReadColumns, kind_of
from finance_platform.feeds.raw_rows import Positions
from finance_platform.feeds.shape_rules import is_derived
from finance_platform.feeds.values.codes import clean
from finance_platform.feeds.violations import ACCEPTED, Mask, to_mask

LEAST_WHOLE = 2
"""Rows with all cells, so that what is in their columns is no chance."""

MOST_ROWS = 1_000
"""Rows with all cells that are looked at, and rows that lack one."""

_FIX = (
    "correct the rows at the source: a cell that is empty there must be empty in the file too; if they are right, "
    "accept the file"
)


@dataclass
class MovedCells:
    """The rows of one table that lack a cell before others.

    Attributes:
        header: its columns.
        read: those that lines are read from.
        names: the columns up to the last one that most rows fill; None until rows were seen.
    """

    header: Sequence[str]
    read: ReadColumns
    names: list[str] | None = None
    _whole: tuple[RawBatch, Positions] | None = None
    _lacking: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    @staticmethod
    def of_table(header: Sequence[str], sources: Mapping[str, FieldSource], cells: Sequence[str] = ()) -> MovedCells:
        """Watch a table.

        Args:
            header: its columns.
            sources: where the fields of its lines come from.
            cells: the columns of which each gives a line.
        """
        return MovedCells(header, ReadColumns.of_sources(sources, cells))

    def add(self, batch: RawBatch, outcomes: pa.Array) -> None:
        """Look at the accepted rows of a batch."""
        accepted = to_mask(pc.equal(outcomes, ACCEPTED))
        if self.names is None and accepted.any():
            self._begin(batch, accepted)
        if not self.names or len(self._lacking) >= MOST_ROWS:
            return
        lacks = _are_blank(batch.columns[self.names[-1]]) & accepted
        if self._whole is None:
            self._whole = batch, np.flatnonzero(accepted & ~lacks)[:MOST_ROWS]
        if not lacks.any():
            return
        for name in self.header[self.header.index(self.names[-1]) + 1 :]:
            lacks &= _are_blank(batch.columns[name])  # a cell further behind is where it belongs
        places = np.flatnonzero(lacks)[:MOST_ROWS]
        rows = self._cells(batch, places)
        self._lacking += [(batch.place(place), row) for place, row in zip(places.tolist(), rows, strict=True)]

    def _begin(self, batch: RawBatch, accepted: Mask) -> None:
        """Find the last column that most rows fill; a comment behind it that few rows have says nothing."""
        names = [name for name in self.header if not is_derived(name)]
        while names and (names[-1] in self.read.pair or _are_blank(batch.columns[names[-1]])[accepted].mean() > 1 / 2):
            names.pop()
        self.names = names

    def _cells(self, batch: RawBatch, places: Positions) -> list[tuple[str, ...]]:
        if not len(places):
            return []
        at = pa.array(places)
        columns = [pc.take(batch.columns[name], at).to_pylist() for name in self.names or ()]
        return [tuple((text or "").strip() for text in row) for row in zip(*columns, strict=True)]

    def doubts(self) -> dict[str, str]:
        """Return why the table must not count by itself, with what to do about it."""
        if self._whole is None or not self._lacking or len(self._whole[1]) < LEAST_WHOLE:
            return {}
        names = self.names or []
        columns = list(zip(*self._cells(*self._whole), strict=True))
        kinds = [_kinds(texts, is_amount=name in self.read.amounts) for name, texts in zip(names, columns, strict=True)]
        known = self.read.known_codes(names, columns)
        moved = {place: cell for place, row in self._lacking if (cell := self._first_moved(row, kinds, known))}
        if not moved:
            return {}
        (place, (name, text)), *_ = moved.items()
        rows = "1 row lacks a cell" if len(moved) == 1 else f"{len(moved):,} rows lack a cell"
        return {
            f"{rows} that other rows have, and those behind it seem to be read a column too early, first on {place}, "
            f"where {clean(name)!r} has {text[:40]!r}": _FIX
        }

    def _first_moved(
        self, row: tuple[str, ...], kinds: Sequence[set[str]], known: Mapping[int, set[str]]
    ) -> tuple[str, str] | None:
        """Return the first cell that its column does not have elsewhere, if all fit where blank ones are put before.

        One such cell is enough only if these are of texts: lines have a department, an account and an amount.
        """
        names = self.names or []
        strange = [place for place, text in enumerate(row) if not _fits(text, kinds[place])]
        if not strange:
            return None
        filled = max(place for place, text in enumerate(row) if text) + 1
        for gap in range(strange[0] + 1):
            moved = (*row[:gap], *row[filled:], *row[gap:filled])
            has_needed = not self.read.used.isdisjoint(names[gap : gap + len(row) - filled])
            is_enough = self.read.has_other_figures(names, row, moved) and len(strange) > has_needed
            if is_enough and all(map(_fits, moved, kinds)) and self.read.may_be_meant(names, row, moved, known):
                return names[strange[0]], row[strange[0]]
        return None


def _are_blank(texts: pa.StringArray) -> Mask:
    return to_mask(pc.equal(pc.fill_null(texts, "") if texts.null_count else texts, ""))


def _kinds(texts: Sequence[str], *, is_amount: bool) -> set[str]:
    """Return what the cells of a column are; nothing if most are blank, as debits are in rows that have a credit.

    Amounts without a fraction are usual beside others, and so are others beside them.
    """
    kinds = set(map(kind_of, texts)) - {""}
    if texts.count("") * 2 > len(texts):
        return set()
    return {*kinds, "whole", "fraction"} if is_amount else {*kinds, "whole"} if "fraction" in kinds else kinds


def _fits(text: str, kinds: set[str]) -> bool:
    return not (text and kinds) or kind_of(text) in kinds
