"""Budgets of whole calendar years in a home whose fiscal years begin in another month.

Belongs here: finding them by the periods that count, and the words that warn. Does not belong here: years of wide files
(see `feeds.doubts.unread_months`), periods that contradict the day of their line (see `feeds.doubts.period_doubts`).

`2025-01` may be January 2025 or the first period of fiscal year 2025. Every cell of the budget is valid either way, and
each is compared with the Actual of another month if it is read the wrong way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from finance_platform.deliveries.state import DeliveryState
from finance_platform.feeds.values.codes import fold_name

_BUDGET = "Budget"
_MONTHS = 12
_MONTH_DIGITS = 2


@dataclass(frozen=True)
class CalendarYearPlan:
    """A budget that has every month of one or more calendar years, and no other.

    Attributes:
        file: the last file that has lines of it.
        feed: the feed of this file.
        plan: the name of the scenario.
        periods: its first and its last period.
        first_month: the first month of the home's fiscal year.
    """

    file: str
    feed: str
    plan: str
    periods: tuple[str, str]
    first_month: int

    @property
    def warning(self) -> str:
        """The finding, in a sentence without the file's name."""
        first, last = self.periods
        return (
            f"{self.plan} has lines in each month from {first} to {last}, which are whole calendar years, while fiscal "
            f"years begin in month {self.first_month}: its periods may be numbers of periods of a fiscal year, and "
            f"{first} would be in month {self.first_month}"
        )

    @property
    def fix(self) -> str:
        """What to do about it."""
        return (
            "if they are, read them by calendar: fiscal and formats such as [FFFF-PP] in the field of the date in the "
            f"descriptor of feed {self.feed} (FFFF is the calendar year in which a fiscal year ends; for a shipped "
            "feed, `finance-platform feed draft` writes one), and accept the delivery, which is held because its lines "
            "change their months; if the budget is one of calendar years, nothing needs to be done"
        )


def find_calendar_year_plans(state: DeliveryState, first_month: int) -> Sequence[CalendarYearPlan]:
    """Return the budgets of whole calendar years, if fiscal years are other ones.

    Args:
        state: the deliveries that count.
        first_month: the first month of the home's fiscal year.
    """
    if first_month == 1:
        return ()
    periods: defaultdict[str, set[str]] = defaultdict(set)
    last: dict[str, tuple[str, str, str]] = {}
    for (scenario, scenario_type, period), delivery in state.latest_cells():
        if scenario_type == _BUDGET:
            name = fold_name(scenario)
            periods[name].add(period)
            last[name] = delivery.event.object_key, delivery.event.feed, scenario
    return [
        CalendarYearPlan(*last[name], (min(months), max(months)), first_month)
        for name, months in sorted(periods.items())
        if _are_whole_years(months)
    ]


def _are_whole_years(months: set[str]) -> bool:
    years = {month[:-_MONTH_DIGITS] for month in months}
    return len(months) == _MONTHS * len(years)
