"""The statement: the lines on which the reconciliation is shown, and what follows from them alone.

Belongs here: the terms, collecting and summing them, the JSON document. Does not belong here: where the figures come
from (see `reconciliation`), printing (see `cli.reconciliation_output`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from finance_platform.deliveries.commits import DELIVERED, Count, DeliveryCommit
from finance_platform.feeds.values.amounts import EXACT
from finance_platform.feeds.values.codes import fold_name
from finance_platform.money_text import exact_money

TERMS = (
    "in_warehouse",
    "not_loaded_yet",
    "rejected",
    "duplicate",
    "skipped",
    "superseded",
    "held",
    "withdrawn",
    "replaced",
    "rounding",
)
"""The terms whose sum is `delivered`, in the order of the equation."""

NO_SCENARIO = "(no scenario)"
"""Stands for rows whose scenario is blank or not declared."""

STATISTICAL = "statistical"
"""The unit of lines on accounts that are not money, such as head counts; it is never added to a currency."""

_NOTHING = Count()


@dataclass(frozen=True)
class Line:
    """One line of the statement: `delivered` and the terms that explain it, in one scenario and one unit.

    Attributes:
        scenario: the scenario; other scenarios are never added to it.
        unit: the home's currency, the foreign currency of rejected rows, or `STATISTICAL`.
        terms: rows and money by term, `delivered` among them; a term that is missing is zero.
        feed: the feed; blank if the line is of several, or if no delivery accounts for it.
        file: the raw object; blank as `feed` is.
        has_sides: whether all of it is debit less credit, so that debits and credits are shown.
    """

    scenario: str
    unit: str
    terms: Mapping[str, Count]
    feed: str = ""
    file: str = ""
    has_sides: bool = False

    def term(self, name: str) -> Count:
        """Return a term, or `delivered`."""
        return self.terms.get(name, _NOTHING)

    @property
    def difference(self) -> Count:
        """What no term explains: zero in every state, unless the warehouse or a delivery lost or gained lines."""
        return self.term(DELIVERED) - total(self.term(name) for name in TERMS)


def sides(count: Count) -> tuple[Decimal, Decimal]:
    """Return the debits and credits of lines that are debit less credit; both are positive."""
    return (
        EXACT.divide(EXACT.add(count.absolute, count.amount), Decimal(2)),
        EXACT.divide(EXACT.subtract(count.absolute, count.amount), Decimal(2)),
    )


@dataclass(frozen=True)
class Reconciliation:
    """The statement of a home.

    Attributes:
        lines: a line per feed, file, scenario and unit.
        currency: the home's currency.
    """

    lines: Sequence[Line]
    currency: str

    @cached_property
    def by_scenario(self) -> Sequence[Line]:
        """The home: a line per scenario and unit."""
        return _without_zeros(_merge(self._sums, self.currency, by_feed=False))

    @cached_property
    def by_feed(self) -> Sequence[Line]:
        """A line per feed, scenario and unit."""
        return _without_zeros(self._sums)

    @cached_property
    def _sums(self) -> Sequence[Line]:
        """The lines of `by_feed` with every term, also of those that add up to zero; thousands are added up once."""
        return _merge(self.lines, self.currency, by_feed=True)

    @property
    def unexplained(self) -> list[Line]:
        """The lines of `by_scenario` that have a difference."""
        return [line for line in self.by_scenario if not line.difference.is_zero]

    def rows(self, term: str) -> int:
        """Return the rows of a term, or of `delivered`, in every scenario and unit."""
        return sum(line.term(term).rows for line in self.by_scenario)

    def unpriced(self, term: str) -> int:
        """Return the rows of a term that have no amount."""
        return sum(line.term(term).unpriced for line in self.by_scenario)


def as_json(reconciliation: Reconciliation) -> dict[str, list[dict[str, Any]]]:
    """Return the statement as JSON values: its lines by scenario, by feed and by file."""
    return {
        "by_scenario": [_line_as_json(line) for line in reconciliation.by_scenario],
        "by_feed": [_line_as_json(line) for line in reconciliation.by_feed],
        "by_file": [_line_as_json(line) for line in reconciliation.lines],
    }


def _line_as_json(line: Line) -> dict[str, Any]:
    terms = {name: _count_as_json(line.term(name), line) for name in (DELIVERED, *TERMS) if name in line.terms}
    names = {"feed": line.feed, "file": line.file, "scenario": line.scenario, "unit": line.unit}
    return {**names, "terms": terms, "difference": _count_as_json(line.difference, line)}


def _count_as_json(count: Count, line: Line) -> dict[str, Any]:
    values = {"rows": count.rows, "unpriced": count.unpriced, "net": exact_money(count.amount)}
    amounts = {"gross": count.absolute}
    if line.has_sides:
        amounts["debit"], amounts["credit"] = sides(count)
    return {**values, **{name: exact_money(amount) for name, amount in amounts.items()}}


def sort_key(line: Line, currency: str) -> tuple[Any, ...]:
    """Return a key that sorts lines by feed and file, then Actual and the home's currency first."""
    return (
        not line.feed,
        line.feed,
        line.file,
        line.scenario == NO_SCENARIO,
        line.scenario != "Actual",
        line.scenario,
        line.unit != currency,
        line.unit,
    )


def _merge(lines: Iterable[Line], currency: str, *, by_feed: bool) -> list[Line]:
    """Return one line per scenario and unit, and per feed if asked, with the sums of all terms."""
    groups: dict[tuple[str, str, str], list[Line]] = {}
    for line in lines:
        groups.setdefault((line.feed if by_feed else "", line.scenario, line.unit), []).append(line)
    merged = [
        Line(scenario, unit, _total_terms(members), feed, has_sides=all(member.has_sides for member in members))
        for (feed, scenario, unit), members in groups.items()
    ]
    return sorted(merged, key=lambda line: sort_key(line, currency))


def _total_terms(lines: Iterable[Line]) -> dict[str, Count]:
    """Return the sum of each term."""
    counts: dict[str, list[Count]] = {}
    for line in lines:
        for name, count in line.terms.items():
            counts.setdefault(name, []).append(count)
    return {name: total(counts[name]) for name in (DELIVERED, *TERMS) if name in counts}


def _without_zeros(lines: Iterable[Line]) -> list[Line]:
    return [
        replace(line, terms={name: count for name, count in line.terms.items() if not count.is_zero}) for line in lines
    ]


def total(counts: Iterable[Count]) -> Count:
    """Return the sum of counts; of thousands of them, with one object instead of one for each."""
    rows, amount, absolute, unpriced = 0, _NOTHING.amount, _NOTHING.absolute, 0
    for count in counts:
        rows += count.rows
        amount = EXACT.add(amount, count.amount)
        absolute = EXACT.add(absolute, count.absolute)
        unpriced += count.unpriced
    return Count(rows, amount, absolute, unpriced)


@dataclass
class StatementBuilder:
    """Collects the terms of each feed, file, scenario and unit.

    Attributes:
        currency: the home's currency.
        only: the terms to collect, None for all; others are left out.
        terms: the collected ones, by feed, file, folded scenario and unit.
        names: each scenario as it was first spelled.
        has_sides: see `Line`.
    """

    currency: str
    only: frozenset[str] | None = None
    terms: dict[tuple[str, str, str, str], dict[str, Count]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    has_sides: dict[tuple[str, str, str, str], bool] = field(default_factory=dict)

    def add(self, commit: DeliveryCommit, scenario: str, currency: str, term: str, count: Count) -> None:
        """Add lines of a delivery."""
        if self.only is not None and term not in self.only:
            if not count.is_zero:  # the spelling is that of all terms
                self.names.setdefault(fold_name(scenario or NO_SCENARIO), scenario or NO_SCENARIO)
            return
        place = (commit.feed, commit.object_key, scenario or NO_SCENARIO, currency or self.currency)
        self._add(place, term, count, has_sides=commit.is_debit_positive)

    def add_whole(self, commit: DeliveryCommit, scenario: str, terms: dict[str, Count]) -> None:
        """Add several terms of a delivery's lines at once; none of them is zero, and all are in the home's currency."""
        folded = fold_name(scenario)
        self.names.setdefault(folded, scenario)
        place = (commit.feed, commit.object_key, folded, self.currency)
        if place in self.terms:
            for term, count in terms.items():
                self._add(place, term, count, has_sides=commit.is_debit_positive)
        elif terms:
            self.terms[place], self.has_sides[place] = terms, commit.is_debit_positive

    def add_home(self, scenario: str, term: str, count: Count) -> None:
        """Add lines that no delivery accounts for."""
        self._add(("", "", scenario or NO_SCENARIO, self.currency), term, count, has_sides=False)

    def separate(self, part: StatementBuilder) -> None:
        """Show a part of the lines in the home's currency in the unit of `part` instead."""
        for place, terms in part.terms.items():
            feed, file, scenario, unit = place
            self.names.setdefault(scenario, part.names[scenario])
            whole = (feed, file, scenario, self.currency)
            for term, count in terms.items():
                self._add((feed, file, self.names[scenario], unit), term, count, has_sides=part.has_sides[place])
                self._add((feed, file, self.names[scenario], self.currency), term, _NOTHING - count, has_sides=True)
            if all(count.is_zero for count in self.terms[whole].values()):
                del self.terms[whole], self.has_sides[whole]

    def _add(self, place: tuple[str, str, str, str], term: str, count: Count, *, has_sides: bool) -> None:
        if count.is_zero:
            return
        feed, file, scenario, unit = place
        folded = fold_name(scenario)
        self.names.setdefault(folded, scenario)
        place = (feed, file, folded, unit)
        terms = self.terms.get(place)
        if terms is None:
            self.terms[place], self.has_sides[place] = {term: count}, has_sides
            return
        terms[term] = terms[term] + count if term in terms else count
        self.has_sides[place] = self.has_sides[place] and has_sides

    def lines(self) -> list[Line]:
        """Return a line per place."""
        lines = [
            Line(self.names[scenario], unit, terms, feed, file, self.has_sides[feed, file, scenario, unit])
            for (feed, file, scenario, unit), terms in self.terms.items()
        ]
        return sorted(lines, key=lambda line: sort_key(line, self.currency))
