"""Forecasts whose names do not sort by time, so that the outlook of the open months is that of an earlier one.

Belongs here: finding them by their names and periods, and the words that warn. Does not belong here: the outlook itself
(see `sql/views/outlook_source.sql`), what its forecast lacks (see `reports.pack.forecast_gap`).

Of the forecasts that cover most of a year's open periods, the outlook takes the last one by name (071, 528). That is
the latest one for `Forecast 2025-09`, and not for `Forecast Sep 2025` beside `Forecast Jan 2026`, or `9+3` beside
`10+2`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finance_platform.deliveries.state import DeliveryState
from finance_platform.feeds.file_names import natural_sort_key
from finance_platform.feeds.values.codes import fold_name
from finance_platform.feeds.values.dates import periods_of_year
from finance_platform.feeds.values.month_names import plain_month, read_month

_ACTUAL, _FORECAST = "Actual", "Forecast"
_MONTHS_OF_QUARTER, _MONTHS_OF_YEAR = 3, 12
_SEVERAL = 2

_MONTH = re.compile(r"(?<![0-9])(20[0-9]{2})[-\u2010-\u2015_./ ]?(0[1-9]|1[0-2])(?![0-9])")
_QUARTER_FIRST = re.compile(r"(?<![a-z])q([1-4])[^0-9]*(20[0-9]{2}|[0-9]{2})(?![0-9])")
_YEAR_FIRST = re.compile(r"(?<![0-9])(20[0-9]{2}|[0-9]{2})[^0-9]*q([1-4])(?![0-9])")
_MIXED_YEAR = re.compile(r"(?<![0-9])(1[01]|[1-9]) ?\+ ?(1[01]|[1-9])(?![0-9])")
_YEAR = re.compile(r"(?<![0-9])20[0-9]{2}(?![0-9])")
_CENTURY, _SHORT_YEAR = 2000, 2

_Moment = tuple[int, int]
"""Year, 0 if the name has none, and month; of a name without a year, the place in the fiscal year."""


@dataclass(frozen=True)
class UncertainOutlook:
    """Forecasts of one fiscal year, of which the outlook takes one that may not be the latest.

    Attributes:
        file: the last file that has the forecast of the outlook.
        fiscal_year: named by the calendar year in which it ends.
        chosen: the forecast of the outlook.
        other: the one that is later by what the names say, or the same one under another name.
        is_same: whether both names say the same.
        count: how many forecasts cover as many open periods.
        covered: how many open periods each of both covers, if the later one covers fewer; else empty.
    """

    file: str
    fiscal_year: int
    chosen: str
    other: str
    is_same: bool
    count: int
    covered: tuple[int, ...] = ()

    @property
    def warning(self) -> str:
        """The finding, in a sentence without the file's name."""
        outlook = f"the outlook of the open months of fiscal year {self.fiscal_year} is from {self.chosen!r}"
        if self.is_same:
            return f"{outlook}, the last by name, and {self.other!r} seems to be the same forecast under another name"
        if self.covered:
            most, fewer = self.covered
            return (
                f"{outlook}, which covers {most:,} of them, and {self.other!r} seems to be later and covers {fewer:,}"
            )
        return f"{outlook}, the last of {self.count:,} forecasts by name, and {self.other!r} seems to be later"

    @property
    def fix(self) -> str:
        """What to do about it."""
        if self.covered:
            return (
                f"send {self.other!r} with every open period, or withdraw the files of {self.chosen!r}; if the outlook "
                "is from the right one, nothing needs to be done"
            )
        return (
            "give forecasts names that sort by time, with year and month at the end, such as Forecast 2025-09, by a "
            "map of columns.scenario in the descriptor or the name of the file; or withdraw the files of forecasts "
            "that are no longer needed; if the outlook is from the right one, nothing needs to be done"
        )


def find_uncertain_outlooks(state: DeliveryState, first_month: int) -> Sequence[UncertainOutlook]:
    """Return the fiscal years whose outlook takes a forecast by a name that does not say that it is the latest.

    Periods after the last one with Actual are taken as the open ones.

    Args:
        state: the deliveries that count.
        first_month: the first month of the home's fiscal year.
    """
    actual = ""
    periods: defaultdict[str, set[str]] = defaultdict(set)
    last: dict[str, tuple[str, str]] = {}
    for (scenario, scenario_type, period), delivery in state.latest_cells():
        if scenario_type == _ACTUAL:
            actual = max(actual, period)
        elif scenario_type == _FORECAST:
            name = fold_name(scenario)
            periods[name].add(period)
            last[name] = scenario, delivery.event.object_key
    if len(periods) < _SEVERAL:
        return ()
    years: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for name, of_name in periods.items():
        for period in of_name:
            if period > actual:
                year = periods_of_year(period, first_month)[-1]
                years[year][name] = years[year].get(name, 0) + 1
    found = (_uncertain(year, counts, last, first_month) for year, counts in sorted(years.items()))
    return [one for one in found if one]


def _uncertain(
    year: str, counts: Mapping[str, int], last: Mapping[str, tuple[str, str]], first_month: int
) -> UncertainOutlook | None:
    most = max(counts.values())
    files = dict(last[name] for name, count in counts.items() if count == most)
    chosen, *others = sorted(files, reverse=True)
    return _among_equals(year, files, chosen, others, first_month) or _with_fewer(
        year, counts, last, chosen, first_month
    )


def _with_fewer(
    year: str, counts: Mapping[str, int], last: Mapping[str, tuple[str, str]], chosen: str, first_month: int
) -> UncertainOutlook | None:
    """Return that a later forecast of the same kind covers fewer periods than that of the outlook, if so."""
    names = {last[name][0]: (count, last[name][1]) for name, count in counts.items()}
    moment = _moment(chosen, first_month)
    later = {
        name: found
        for name in names
        if name != chosen and moment and _words(name) == _words(chosen)
        if (found := _moment(name, first_month)) and bool(found[0]) == bool(moment[0]) and found > moment
    }
    if not later:
        return None
    other = max(later, key=lambda name: (later[name], name))
    covered = names[chosen][0], names[other][0]
    return UncertainOutlook(names[chosen][1], int(year[:4]), chosen, other, is_same=False, count=1, covered=covered)


def _among_equals(
    year: str, files: Mapping[str, str], chosen: str, others: Sequence[str], first_month: int
) -> UncertainOutlook | None:
    """Return that another one of the forecasts that cover as many periods may be the latest."""
    if not others:
        return None
    moments = {name: _moment(name, first_month) for name in files}
    of_chosen = moments[chosen]
    same = [name for name in others if of_chosen and moments[name] == of_chosen and _words(name) == _words(chosen)]
    comparable = _comparable(moments)
    latest = max(files, key=lambda name: (comparable[name], natural_sort_key(name), name))
    if latest == chosen and not same:
        return None
    is_same = bool(same) and comparable[latest] == comparable[chosen]
    other = same[0] if is_same else latest
    return UncertainOutlook(files[chosen], int(year[:4]), chosen, other, is_same, len(files))


def _comparable(moments: Mapping[str, _Moment | None]) -> Mapping[str, _Moment]:
    """Return the moments of names, or the same one of all if some say none, or only some of them a year."""
    said = {name: moment for name, moment in moments.items() if moment}
    if len(said) < len(moments) or len({bool(year) for year, _ in said.values()}) > 1:
        return dict.fromkeys(moments, (0, 0))
    return said


def _moment(name: str, first_month: int) -> _Moment | None:
    """Return the year and month that a name says, such as Forecast Sep 2025, Q4 2025 or 9+3; None if it says none."""
    plain = plain_month(name)
    if match := _MONTH.search(plain):
        return int(match[1]), int(match[2])
    if match := _QUARTER_FIRST.search(plain):
        return _full(match[2]), _MONTHS_OF_QUARTER * int(match[1])
    if match := _YEAR_FIRST.search(plain):
        return _full(match[1]), _MONTHS_OF_QUARTER * int(match[2])
    mixed = _MIXED_YEAR.search(plain)
    if mixed and int(mixed[1]) + int(mixed[2]) == _MONTHS_OF_YEAR:
        year = _YEAR.search(plain)
        return int(year[0]) if year else 0, int(mixed[1])
    named = read_month(name)
    if named is None:
        return None
    return (named.year, named.month) if named.year else (0, (named.month - first_month) % _MONTHS_OF_YEAR + 1)


def _full(year: str) -> int:
    return _CENTURY + int(year) if len(year) == _SHORT_YEAR else int(year)


def _words(name: str) -> tuple[str, ...]:
    """Return the words of a name that are no month, and the numbers that are none, such as a version."""
    plain = _MONTH.sub(" ", plain_month(name))
    words = re.findall(r"[a-z]+[0-9]*", plain)
    return tuple(word for word in words if read_month(word) is None)
