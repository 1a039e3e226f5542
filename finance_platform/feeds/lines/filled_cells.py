"""Blank cells that stand for the text above them: merged cells, pivot tables, vouchers whose head is on one line.

Belongs here: filling them, and the advice if a descriptor does not. Does not belong here: cells of one row (see
`cells`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import FieldSource, RawBatch
from finance_platform.feeds.values.hidden_characters import CleanedCells

_CODES = ("department", "account")
_LEAST_BLANK = 2


@dataclass
class FilledCells:
    """The last text of each field of one table, batch by batch."""

    _last: dict[str, str | None] = field(default_factory=dict)
    _may_be_filled: dict[str, bool] = field(default_factory=dict)

    def fill(self, name: str, source: FieldSource, cells: CleanedCells, batch: RawBatch) -> CleanedCells:
        """Return a field's cells, filled if its rule says so; batches come in their order.

        Args:
            name: the field.
            source: where it comes from.
            cells: of each row, null where the cell is blank.
            batch: the rows; those that a rule claims as no data give no text.
        """
        texts = cells.texts
        if not source.rule.is_filled_down or not source.headers:
            self._look(name, source, texts)
            return cells
        given = texts if batch.marks is None else pc.if_else(pc.is_valid(batch.marks), None, texts)
        first = pa.array([self._last.get(name)], pa.string())
        filled = pc.fill_null_forward(pa.concat_arrays([first, given.cast(pa.string())])).slice(1)
        if len(filled):
            self._last[name] = filled[-1].as_py()
        return CleanedCells(filled, cells.findings)

    @property
    def advice(self) -> str:
        """What to do about blank codes if the first row has one and others lack it; empty if there are none."""
        names = [name for name in _CODES if self._may_be_filled.get(name)]
        return "; ".join(
            "if a blank cell stands for the text above it, as in merged cells or a pivot table, add fill_down: true to "
            f"columns.{name} in the descriptor"
            for name in names
        )

    def _look(self, name: str, source: FieldSource, texts: pa.StringArray) -> None:
        if name in _CODES and name not in self._may_be_filled and len(texts):
            is_first = bool(source.headers) and texts[0].is_valid
            self._may_be_filled[name] = is_first and texts.null_count >= _LEAST_BLANK
