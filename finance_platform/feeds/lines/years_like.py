"""The rule `missing_weights`: lines of years that are spread like a scenario, and have no amounts to be spread like.

Belongs here: checking lines before they are spread, which fiscal years they need, and what a person should know about
the weights that were used. Does not belong here: the weights (see `weights`), spreading (see `spread`).

A change that gives other lines needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.findings import Note, NoteCollector
from finance_platform.feeds.lines.weights import WORDS, Found, Weights, span, year_of_weights
from finance_platform.feeds.shape_rules import SpreadRule
from finance_platform.feeds.violations import Mask, RuleViolations, quoted

_COMPARE = (
    "check whether this account has the same course of the year in all departments; if not, send these lines with "
    "their periods, or spread them by weights in a feed of their own"
)
_NO_SHARE = "if these periods should have a share, send {like} of them; the file is then read again"


@dataclass
class YearsLike:
    """Checks the lines of one table.

    Attributes:
        rule: the scenario and the year that they are spread like.
        weights: the amounts; None if they are not known, and then no line is rejected.
        years: the fiscal years whose amounts accepted lines need, each named by its first period.
    """

    rule: SpreadRule
    weights: Weights | None
    years: set[str] = field(default_factory=set)
    _notes: NoteCollector = field(default_factory=NoteCollector)

    def check(self, columns: Mapping[str, pa.Array], violations: RuleViolations) -> None:
        """Reject the lines without weights, of those that break no other rule; note those with weights of others."""
        positions = np.flatnonzero(violations.accepted)
        accepted = pa.array(positions)
        periods, departments, accounts = (
            pc.take(columns[name], accepted).to_pylist() for name in ("period", "department_key", "account_key")
        )
        years = [year_of_weights(self.rule, period) for period in periods]
        self.years.update(years)
        weights = self.weights
        if weights is None:
            return
        found: dict[int, Found] = {}
        for position, *place in zip(positions.tolist(), years, departments, accounts, strict=True):
            found[position] = weights.find(*place)
        year_at = dict(zip(positions.tolist(), years, strict=True))
        numbers = columns["account_number"]

        def describe(position: int) -> str:
            words = WORDS[found[position].doubt]
            return (
                f"amount: the year is spread like {span(self.rule, year_at[position])}, which {words} of account "
                f"{quoted(numbers[position].as_py())}; send that year, and the line is read again, or set spread.how "
                "to even or weights in the descriptor"
            )

        missing = _mask(len(violations.batch), (at for at, one in found.items() if not one.weights))
        violations.add("missing_weights", missing, describe, of="amount")
        for doubt, words in WORDS.items():
            of_others = (at for at, one in found.items() if one.weights and not one.is_own and one.doubt == doubt)
            text = (
                f"amount: {self.rule.like} of the line's own department and account {words} in the year that it is "
                "spread like, so it was spread like the account in all departments"
            )
            self._notes.add(text, _COMPARE, _mask(len(violations.batch), of_others), violations.batch, numbers)

    def notes(self) -> dict[str, Note]:
        """Return the notes by message."""
        notes = self._notes.notes()
        for year in sorted(self.years if self.weights else ()):
            if self.weights and (empty := self.weights.empty_periods(year)):
                text = (
                    f"spread: {span(self.rule, year)} has no line in {', '.join(empty)}, so these months have no share"
                )
                notes[text] = Note(1, _NO_SHARE.format(like=self.rule.like))
        return notes


def _mask(size: int, positions: Iterable[int]) -> Mask:
    mask: Mask = np.zeros(size, dtype=np.bool_)
    mask[list(positions)] = True
    return mask
