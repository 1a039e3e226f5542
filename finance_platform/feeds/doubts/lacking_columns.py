"""A table without a header that lacks a column, although each row ends with a blank cell: amounts are read as texts.

Belongs here: finding it by its cells, and the words that hold the delivery. Does not belong here: files whose rows are
all too short (see `files.broken_lines`), single rows that lack a cell (see `moved_cells`).

A delimiter at the end of each row is a blank cell, and so is what a sheet has behind its last column. `dialect.names`
then has a column more than the file, and no header contradicts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import RawBatch
from finance_platform.feeds.resolved import ReadingRules
from finance_platform.feeds.shape_rules import is_derived
from finance_platform.feeds.values.codes import clean
from finance_platform.feeds.values.header_words import rank
from finance_platform.feeds.violations import ACCEPTED

_TEXTS = ("description", "account_name", "department_name")
_FRACTION = r"^\s*[-+(]?[0-9][0-9 .,'’]*[.,][0-9]{1,2}[-)]?\s*$"


@dataclass
class LackingColumns:
    """The columns of texts of one table without a header in which no row has a text.

    Attributes:
        last: its last column; empty if there is nothing to look at.
    """

    last: str = ""
    _amounts: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def of_table(rules: ReadingRules, header: Sequence[str]) -> LackingColumns:
        """Watch a table; one with a header has its columns there."""
        names = [name for name in header if not is_derived(name)]
        if not rules.dialect.names or not names:
            return LackingColumns()
        texts = [name for name in names[:-1] if any(rank(kind, name) is not None for kind in _TEXTS)]
        return LackingColumns(names[-1] if texts else "", dict.fromkeys(texts, ""))

    def add(self, batch: RawBatch, outcomes: pa.Array) -> None:
        """Look at the accepted rows of a batch."""
        if not self.last:
            return
        accepted = pc.equal(outcomes, ACCEPTED)
        if _has_text(pc.filter(batch.columns[self.last], accepted)):
            self.last = ""
            return
        for name in list(self._amounts):
            texts = pc.filter(batch.columns[name], accepted)
            if not pc.all(pc.match_substring_regex(texts, _FRACTION), min_count=0).as_py():
                del self._amounts[name]
            elif len(texts):
                self._amounts[name] = texts[0].as_py()
        self.last = self.last if self._amounts else ""

    def doubts(self) -> dict[str, str]:
        """Return why the table must not count by itself, with what to do about it."""
        found = next(((name, text) for name, text in self._amounts.items() if text), None)
        if not self.last or found is None:
            return {}
        name, text = found
        return {
            f"each row of {clean(name)!r} has an amount, first {text.strip()!r}, and none has {clean(self.last)!r}: "
            "dialect.names may have a column that the file lacks, and the cells behind it be read as others": (
                "compare a row with dialect.names in the descriptor: send the file with all columns, or with a "
                "descriptor of its own; if each is right, accept the file"
            )
        }


def _has_text(texts: pa.StringArray) -> bool:
    return bool(pc.any(pc.greater(pc.binary_length(pc.utf8_trim_whitespace(texts)), 0)).as_py())
