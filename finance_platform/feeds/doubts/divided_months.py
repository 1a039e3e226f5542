"""Amounts of months that a descriptor divides among the periods of a year, a half or a quarter.

Belongs here: finding them by the months of the lines, and the words that hold the file or warn. Does not belong here:
dividing them (see `lines.spread`), amounts of a year that nothing divides (see `undivided_amounts`).

`spread` takes any date within the year, so that the first day, the last one and the year alone give the same periods.
Twelve amounts of months are then divided twelve times each: the year is right, and no month is. A plan that begins
within the year gets amounts in months before it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.findings import Note
from finance_platform.feeds.resolved import FieldRule, ReadingRules
from finance_platform.feeds.shape_rules import SpreadRule
from finance_platform.feeds.values.dates import names_no_month, names_part_of_year
from finance_platform.feeds.violations import ACCEPTED

_SEVERAL = 2
"""Months of one department and account within what is divided."""

_LEAST_MONTHS = 3
"""Different months of a table that are no chance: two lines of one account may be amounts of two years' contracts."""

_MOST_PLACES = 10_000
"""Departments and accounts that are compared; of more, the first ones say what the file has."""

_MONTHS_OF_YEAR = 12
_NAMES = {12: "a year", 6: "half a year", 3: "a quarter"}

_Place = tuple[str, int, int, str]
"""Scenario, department, account and the first of the periods among which an amount is divided."""


@dataclass
class DividedMonths:
    """The months in which the lines of a table are dated, by what is divided.

    Attributes:
        rule: how amounts are divided; None if they are not.
        field_name: the field that gives the month of a line.
        has_months: whether each of its forms names a month.
    """

    rule: SpreadRule | None
    field_name: str
    has_months: bool
    _months: defaultdict[_Place, set[str]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def of_rules(cls, rules: ReadingRules) -> DividedMonths:
        """Return what watches the lines of a feed; nothing is read yet."""
        name = "period" if "period" in rules.fields else "date"
        formats = rules.fields.get(name, FieldRule()).formats
        has_months = not any(names_no_month(one) or names_part_of_year(one) for one in formats)
        return cls(rules.spread, name, has_months and rules.unpivot is None)

    def add(self, columns: dict[str, pa.Array]) -> None:
        """Add the lines of a batch, before they are divided."""
        if self.rule is None or not self.has_months:
            return
        names = ["scenario", "department_key", "account_key", "period"]
        table = pa.table({name: columns[name] for name in names})
        accepted = table.filter(pc.equal(columns["outcome"], ACCEPTED))
        for row in accepted.group_by(names).aggregate([]).to_pylist():
            first = self.rule.periods_of(row["period"])[0]
            place = row["scenario"], row["department_key"], row["account_key"], first
            if place in self._months or len(self._months) < _MOST_PLACES:
                self._months[place].add(row["period"])

    def doubts(self) -> dict[str, str]:
        """Return why a person must decide whether the table may count, with what to do about it."""
        rule, several = self.rule, [months for months in self._months.values() if len(months) >= _SEVERAL]
        if rule is None or len(set().union(*several)) < _LEAST_MONTHS or 2 * len(several) <= len(self._months):
            return {}
        most = max(map(sorted, several), key=len)
        periods = rule.periods_of(most[0])
        shown = ", ".join(most[:_LEAST_MONTHS]) + (" …" if len(most) > _LEAST_MONTHS else "")
        text = (
            f"{self.field_name}: {len(several):,} of {len(self._months):,} departments and accounts have amounts in "
            f"several months ({shown}), and spread divides each of them among all periods from {periods[0]} to "
            f"{periods[-1]}, as if it were that of {_NAMES[len(periods)]}"
        )
        return {
            text: "if these are amounts of months, remove spread from the descriptor; if each is one of "
            f"{_NAMES[len(periods)]}, accept the file"
        }

    def notes(self) -> dict[str, Note]:
        """Return a note if all amounts are of one month within a year, and months before it get a part of them.

        Amounts of another year, by which a year is divided, say themselves which months have a part.
        """
        months = set().union(*self._months.values())
        if self.rule is None or self.rule.like or len(months) != 1:
            return {}
        (month,) = months
        periods = self.rule.periods_of(month)
        is_early = any(self.rule.weights[: periods.index(month)])
        if len(periods) != _MONTHS_OF_YEAR or month == periods[-1] or not is_early:
            return {}
        text = (
            f"{self.field_name}: every amount is of {month}, and spread divides each among all periods from "
            f"{periods[0]} to {periods[-1]}, also those before it"
        )
        return {
            text: Note(
                1,
                "if the plan begins in that month, give how: weights with 0 for the periods before it in the "
                "descriptor; if the amounts are those of the whole year, nothing is to be done",
            )
        }
