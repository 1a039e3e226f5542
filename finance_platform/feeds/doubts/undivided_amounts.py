"""Amounts of quarters, halves and years that count in one month, because nothing divides them among the months.

Belongs here: finding them by the forms of their dates, and in plans by the months that have lines, and the words that
warn. Does not belong here: dividing them (see `spread`), columns of periods beside years (see `unread_periods`).

A plan of quarters is right over a quarter and over a year. Each month is wrong: the first one has the amounts of three,
and the others have none, so that its variance is that of a plan which no one has made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import DistinctValues, RawBatch
from finance_platform.feeds.findings import Note
from finance_platform.feeds.shape_rules import SpreadRule
from finance_platform.feeds.values.codes import clean
from finance_platform.feeds.values.dates import names_no_month, names_part_of_year, parse_date
from finance_platform.feeds.values.quarter_words import read_half

_SPANS = {"quarter": "quarter", "half year": "half_year", "year": "fiscal_year"}
"""What an amount is of, and what `spread` calls it."""

_LEAST_PERIODS = 4
_LEAST_LINES = 3
"""In each of these months; a single account may well be paid once a quarter."""
_STEPS = {3: ("a quarter", "quarter"), 6: ("half a year", "half_year")}
_LEAST_HALVES = 3

_KNOWN_TEXTS = 10_000
"""Different texts of a table; a column of quarters has a few."""


@dataclass
class UndividedAmounts:
    """The forms by which the dates of a table name quarters or years, and the months in which its plan has lines.

    Attributes:
        name: the field that gives the month of a line.
        patterns: those of the field.
        rule: how amounts are divided; None if they are not.
        value_map: the texts that the field's map translates, such as those of halves, and what it makes of them.
    """

    name: str
    patterns: Sequence[str]
    rule: SpreadRule | None
    value_map: Mapping[str, str] = field(default_factory=dict)
    _first: dict[str, tuple[str, str]] = field(default_factory=dict)
    _known: set[str | None] = field(default_factory=lambda: {None})
    _lines: dict[str, Counter[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._units = {
            pattern: "quarter" if names_part_of_year(pattern) else "year"
            for pattern in self.patterns
            if names_part_of_year(pattern) or names_no_month(pattern)
        }
        self._halves = {mapped: text for text, mapped in self.value_map.items() if read_half(text)}

    def add(self, texts: DistinctValues, batch: RawBatch) -> None:
        """Add the texts of the field in a batch."""
        if self.rule is not None or not (self._units or self._halves):
            return
        positions: list[int] = []
        for place, text in enumerate(texts.values.to_pylist()):
            if text in self._known or len(self._known) > _KNOWN_TEXTS:
                continue
            self._known.add(text)
            if half := self._half(text):
                positions = positions or texts.first_positions()
                self._first.setdefault("half year", (batch.place(positions[place]), half))
                continue
            read_by = next((one for one in self.patterns if parse_date(clean(text), (one,))), "")
            if unit := self._units.get(read_by):
                positions = positions or texts.first_positions()
                self._first.setdefault(unit, (batch.place(positions[place]), text))

    def _half(self, text: str) -> str:
        """Return the half of a year that became a text, which may have the year of another column beside it."""
        return next((self._halves[one] for one in (text, *text.split()) if one in self._halves), "")

    def add_plan(self, scenario_types: pa.Array, periods: pa.StringArray) -> None:
        """Add the lines of a batch.

        Args:
            scenario_types: of the lines, null where the scenario is not declared.
            periods: in which they are booked, null where that is not known.
        """
        if self.rule is not None or self._units or self._halves:
            return
        # A forecast of months may be beside a budget of quarters.
        for plan in {*pc.unique(scenario_types).to_pylist()} - {None, "Actual"}:
            lines = self._lines.setdefault(plan, Counter())
            is_plan = pc.fill_null(pc.equal(scenario_types, plan), False)
            for pair in pc.value_counts(pc.drop_null(pc.filter(periods, is_plan))).to_pylist():
                lines[pair["values"]] += pair["counts"]

    def notes(self) -> dict[str, Note]:
        """Return a note for each kind of amounts that count in one month."""
        notes = {
            f"{self.name}: the amount of a {unit} counts whole in its first month, first on {place} ({text[:60]!r})": (
                Note(1, _fix(_SPANS[unit], self._of_fiscal_year(unit)))
            )
            for unit, (place, text) in self._first.items()
        }
        for plan in sorted(self._lines):
            notes |= self._plan_notes(self._lines[plan])
        return notes

    def _of_fiscal_year(self, unit: str) -> str:
        if unit == "half year":
            return " (over: fiscal_half_year for those of the fiscal year)"
        return f" (calendar: fiscal in columns.{self.name} for those of the fiscal year)"

    def _plan_notes(self, lines: Counter[str]) -> dict[str, Note]:
        months = sorted(lines)
        steps = {_month(after) - _month(before) for before, after in pairwise(months)}
        step = steps.pop() if len(steps) == 1 else 0
        least = _LEAST_PERIODS if step == min(_STEPS) else _LEAST_HALVES
        if step not in _STEPS or len(months) < least or min(lines.values()) < _LEAST_LINES:
            return {}
        of, over = _STEPS[step]
        text = (
            f"{self.name}: the plan has lines in every {'third' if step == min(_STEPS) else 'sixth'} month alone, from "
            f"{months[0]} to {months[-1]}, as if each amount were that of {of}"
        )
        return {text: Note(1, _fix(over, f" (over: fiscal_{over} for those of the fiscal year)"))}


def _fix(over: str, of_fiscal_year: str) -> str:
    return (
        f"write spread: {{over: {over}, how: even}} in the descriptor, so that each month has a part{of_fiscal_year}; "
        "or send the amounts of each month; if they are those of the one month, nothing needs to be done"
    )


def _month(period: str) -> int:
    return int(period[:4]) * 12 + int(period[5:7])
