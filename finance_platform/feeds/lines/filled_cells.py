"""Blank cells that stand for the text above them: merged cells, pivot tables, labels on rows of their own.

Belongs here: filling them, and the advice if a descriptor does not. Does not belong here: cells of one row (see
`cells`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import FieldSource, RawBatch
from finance_platform.feeds.resolved import ControlTotalRule, ReadingRules, SkipRule
from finance_platform.feeds.row_marks import marked_rows
from finance_platform.feeds.values.hidden_characters import CleanedCells
from finance_platform.feeds.violations import to_mask

_CODES = ("department", "account")
_LEAST_BLANK = 2
_END = ""
"""In the place of a label that has ended; no text of a cell is empty."""


@dataclass
class FilledCells:
    """The last text of each field of one table, batch by batch.

    Attributes:
        labels: the rules of rows that are no data and give their text to the lines below.
        totals: the rules of rows below the lines of a label, after which it stands for nothing; none without labels.
    """

    labels: tuple[SkipRule, ...] = ()
    totals: tuple[SkipRule | ControlTotalRule, ...] = ()

    @classmethod
    def of(cls, rules: ReadingRules) -> FilledCells:
        """Return those of a table under a feed's rules."""
        labels = tuple(rule for rule in rules.skip if rule.is_label)
        with_money = (rule for rule in rules.skip if rule.may_hold_money and not (rule.is_label or rule.keeps_label))
        return cls(labels, (*rules.control_totals, *with_money) if labels else ())

    _last: dict[str, str | None] = field(default_factory=dict)
    _may_be_filled: dict[str, bool] = field(default_factory=dict)

    def fill(self, name: str, source: FieldSource, cells: CleanedCells, batch: RawBatch) -> CleanedCells:
        """Return a field's cells, filled if its rule says so; batches come in their order.

        Args:
            name: the field.
            source: where it comes from.
            cells: of each row, null where the cell is blank.
            batch: the rows; those that a rule claims as no data give no text, unless it is one of labels.
        """
        texts = cells.texts
        if not source.rule.is_filled_down or not source.headers:
            self._look(name, source, texts)
            return cells
        given = texts if not source.rule.is_from_labels else pa.nulls(len(batch), pa.string())
        if batch.marks is not None:
            is_label = marked_rows(batch, self.labels)
            is_other = to_mask(pc.is_valid(batch.marks)) & ~is_label
            given = pc.if_else(pa.array(is_other), None, given)
            given = pc.if_else(pa.array(is_label), texts, given)
            is_end = marked_rows(batch, self.totals) & to_mask(pc.is_valid(texts))
            given = pc.if_else(pa.array(is_end), _END, given)
        first = pa.array([self._last.get(name)], pa.string())
        filled = pc.fill_null_forward(pa.concat_arrays([first, given.cast(pa.string())])).slice(1)
        if len(filled):
            self._last[name] = filled[-1].as_py()
        return CleanedCells(pc.if_else(pc.equal(filled, _END), None, filled), cells.findings)

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
