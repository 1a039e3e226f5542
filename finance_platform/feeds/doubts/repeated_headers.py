"""Rows of a table that are a header again.

Belongs here: finding them, the words that hold the delivery if their columns have another order, and the rule that
skips the others. Does not belong here: rules of skip that a descriptor has (see `row_marks`).

Files that people or systems put together have a second block below the first. If its columns have another order, every
row below that header has its values in the wrong fields, and most of them are valid there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import FieldSource, RawBatch
from finance_platform.feeds.doubts.unread_column import escape, quoted_name
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.shape_rules import CELL, is_derived
from finance_platform.feeds.values.codes import clean, fold
from finance_platform.feeds.values.hidden_characters import clean_cell
from finance_platform.feeds.violations import ACCEPTED, Mask, to_mask

_MIN_NAMES = 2
"""Different names of columns in a row, of which one is not where its column is; `Total` twice is a total."""

_NO_LETTERS = "[^a-z0-9]+"
"""Cleaning and folding a text of ASCII changes no letter but its case, and no digit."""

_FIX = "send each block as a file of its own, or put the columns of every block into the order of the first header"


@dataclass
class RepeatedHeaders:
    """The rows of one table that name its columns in another order.

    Attributes:
        header: the table's columns.
        sources: where the fields of its lines come from.
        has_skip: whether the descriptor has rules of skip.
        advice: the rule that skips a header that is repeated as it is; empty if none is.
    """

    header: Sequence[str]
    sources: dict[str, FieldSource]
    has_skip: bool = False
    advice: str = ""
    _found: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        headers = dict.fromkeys(name for source in self.sources.values() for name in source.headers)
        self._used = [name for name in headers if name == CELL or not is_derived(name)]
        self._names = {fold(name): name for name in self.header}
        self._letters = pa.array([re.sub(_NO_LETTERS, "", name) for name in self._names], pa.string())

    def add(self, batch: RawBatch, outcomes: pa.Array) -> None:
        """Look at the rows of a batch that were not accepted: the name of a column is not a valid amount."""
        others = np.flatnonzero(~to_mask(pc.equal(outcomes, ACCEPTED)))
        if self._found or not len(others) or len(self._used) < _MIN_NAMES:
            return
        positions = pa.array(others)
        cells = {name: pc.take(batch.columns[name], positions) for name in self._used}
        # Of many rejected rows, those that cannot be a header are not looked at one by one.
        may_be_names = np.sum([self._may_be_names(texts) for texts in cells.values()], axis=0)
        for nth in np.flatnonzero(may_be_names >= _MIN_NAMES).tolist():
            named = {name: self._name(texts[nth].as_py() or "") for name, texts in cells.items()}
            if sum(other is not None and cells[name][nth].is_valid for name, other in named.items()) < _MIN_NAMES:
                continue
            position = int(others[nth])
            row = {self._column(name, batch, position): other for name, other in named.items()}
            if not self.advice and all(name == other for name, other in row.items() if name):
                self._advise(batch.place(position), next(name for name in self.header if name in row))
            moved = {name: other for name, other in row.items() if other and other != name}
            if moved and len(set(filter(None, row.values()))) >= _MIN_NAMES:
                name, other = next(iter(moved.items()))
                text = (
                    f"{batch.place(position)} is a header again, with the columns in another order: "
                    f"{other!r} is where the header has {name!r}, so the rows below it are read wrong"
                )
                self._found[text] = _FIX
                return

    def _advise(self, place: str, name: str) -> None:
        rule = f"{{column: {quoted_name(name)}, matches: {json.dumps(f'{escape(clean(name))}$', ensure_ascii=False)}}}"
        add = f"add {rule} to skip in" if self.has_skip else f"add skip: [{rule}] to"
        self.advice = f"{place} is the header again, as of two files that were joined: {add} the descriptor"

    def _may_be_names(self, texts: pa.StringArray) -> Mask:
        """Return which cells may name a column: in ASCII, those with its letters and digits, and each other cell."""
        letters = pc.replace_substring_regex(pc.ascii_lower(texts), _NO_LETTERS, "")
        return to_mask(pc.or_(pc.is_in(letters, self._letters), pc.invert(pc.string_is_ascii(texts))))

    def _name(self, text: str) -> str | None:
        """Return the column that a cell names; a text that is longer than any value takes seconds to be folded."""
        return self._names.get(fold(clean_cell(text)[0])) if len(text) <= MAX_VALUE_CHARACTERS else None

    @staticmethod
    def _column(name: str, batch: RawBatch, position: int) -> str | None:
        """Return the header of a line's cell; of an amount that is one of several in its row, that of its column."""
        if name != CELL or batch.source_columns is None:
            return name
        column: str | None = batch.source_columns[position].as_py()
        return column

    def doubts(self) -> dict[str, str]:
        """Return why the table must not count by itself, with what to do about it."""
        return self._found
