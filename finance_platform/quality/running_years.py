"""Months of Actual that are totals since the beginning of the year, sent as one file for each month.

Belongs here: finding the spans of periods in which nearly all accounts only grow, as totals do, and the sentence about
them. Does not belong here: months of one file (see `feeds.doubts.running_totals`, `feeds.doubts.place_sums`), SQL.

A report of cumulative balances that is sent each month is right in itself. Only beside the files before it, each of its
amounts is that of the month before and some more, and the year has the amounts of January twelve times.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from statistics import median

import numpy as np

from finance_platform.cent_columns import Mask, Numbers
from finance_platform.quality.month_columns import AccountMonths

_LONGEST = 12
_LEAST_MONTHS = 4
_LEAST_AFTER_A_FALL = 3
"""Months that are enough if nearly all accounts fall before them, as totals do when a year begins."""

_LEAST_ACCOUNTS = 5
_NEARLY_ALL = Decimal("0.9")
_MOST = Decimal("0.75")
"""Of the accounts, which become larger; one that was booked once has the same total from then on."""

_MOST_OF_HALF = Decimal("2.75")
"""How many times the total of the first half of the months that of all is, at most; see `feeds.running_totals`."""

_LEAST_OF_HALF = Decimal("1.6")
"""How many times it is, at least; of amounts that stay as they are after a first month that was no whole one, once."""

_LEAST_OF_SECOND = Decimal("1.7")
"""How many times the first month the second one is at least; of a business that grows by half a month, 1.5 times."""

_LEAST_OF_LAST = Decimal("0.4")
"""How much the last month adds to the total, at least, as a share of what a month adds on average."""

_MOST_OF_LATER = Decimal("1.4")
"""How many times what the earlier months add the later ones do, at most, from the third month on.

Of a business that grows by a tenth a month, and began within its first one, nearly all accounts that grow add more in
each month. Totals add what the months have; in a season that may be more too, but not in rents and salaries.
"""

_ZERO = Decimal("0.00")

FIX = (
    "export the amounts of each month alone, such as a report of periods and not of cumulative balances, send these "
    "files under the names of the others, and run; balances to compare with the ledger belong to a feed of kind: "
    "balances. If these are the amounts of the months, waive the gate at the close"
)


@dataclass(frozen=True)
class RunningYear:
    """Periods whose amounts seem to be totals since the first of them.

    Attributes:
        first: the first period.
        period: the last one.
        growing: how many accounts become larger and never smaller.
        accounts: of how many of profit and loss.
        times: how many times the amount of the first period that of the last one mostly is.
    """

    first: str
    period: str
    growing: int
    accounts: int
    times: Decimal

    @property
    def sentence(self) -> str:
        """The finding as one sentence."""
        return (
            f"{self.growing:,} of {self.accounts:,} accounts of profit and loss grow from {self.first} to "
            f"{self.period} without a smaller month, mostly to {self.times:.1f} times the first one, as if each month "
            f"had the total since {self.first}"
        )


def find_running_years(
    of_profit: AccountMonths, periods: Sequence[str], evaluated: Collection[str]
) -> tuple[RunningYear, ...]:
    """Return the evaluated periods whose amounts seem to be totals since an earlier one, the newest first.

    Args:
        of_profit: the months of the accounts of profit and loss.
        periods: every period with lines, in order.
        evaluated: those that may have such totals.
    """
    found = []
    for position in range(len(periods) - 1, -1, -1):
        if periods[position] in evaluated:
            window = periods[max(0, position - _LONGEST) : position + 1]
            rows = of_profit.grid(window)
            if running := _find_span(rows[(rows != 0).any(axis=1)], window):
                found.append(running)
    return tuple(found)


def _find_span(rows: Numbers, window: Sequence[str]) -> RunningYear | None:
    """Return the totals that end with a window, which begin where nearly all accounts last become smaller."""
    start = len(window) - 1
    while start and not _is_fall(rows, start):
        start -= 1
    months = window[start:][-_LONGEST:]
    is_year = start > 0 and _is_new_year(rows, start)
    if len(months) < (_LEAST_AFTER_A_FALL if is_year else _LEAST_MONTHS):
        return None
    spans = rows[:, -len(months) :]
    spans = spans[(spans != 0).any(axis=1)]
    rising = spans[_never_falls(spans)]
    growing = rising[abs(rising[:, -1]) > abs(rising[:, 0])]
    is_since_first = growing[:, 0] != 0
    if int(is_since_first.sum()) < _LEAST_ACCOUNTS or len(rising) < _NEARLY_ALL * len(spans):
        return None
    since_first = [[Decimal(cents) for cents in span] for span in growing[is_since_first].tolist()]
    times = median(span[-1] / span[0] for span in since_first)
    of_half = median(span[-1] / span[len(span) // 2 - 1] for span in since_first)
    of_second = median(span[1] / span[0] for span in since_first)
    of_last = median((span[-1] - span[-2]) * len(span) / span[-1] for span in since_first)
    if len(growing) < _MOST * len(spans) or times < Decimal(len(months)) / 2:
        return None
    # A business that grows as far does so faster and faster, and one that began within its first month stays as it is
    # afterwards; totals rise by about as much in each month.
    half = _of_equal_months(len(months)) / 2
    if not _LEAST_OF_HALF * half <= of_half <= _MOST_OF_HALF * half:
        return None
    if of_second < _LEAST_OF_SECOND or of_last < _LEAST_OF_LAST:
        return None
    if sum(_of_later(span) > _MOST_OF_LATER for span in since_first) >= _MOST * len(since_first):
        return None
    return RunningYear(months[0], months[-1], len(growing), len(spans), times)


def _of_later(span: Sequence[Decimal]) -> Decimal:
    """Return how many times the additions of the earlier months those of the later ones are; zero if there are none."""
    additions = [abs(after - before) for before, after in pairwise(span[1:])]
    half = len(additions) // 2
    earlier = sum(additions[:half], _ZERO)
    return sum(additions[-half:], _ZERO) / earlier if earlier else _ZERO


def _of_equal_months(months: int) -> Decimal:
    """Return how many times the total of the first half that of equal months is; of three months, half is one."""
    return Decimal(months) / (months // 2)


def _is_fall(rows: Numbers, place: int) -> bool:
    """Return whether a month has smaller amounts than the one before in more accounts than totals may have."""
    before, after = abs(rows[:, place - 1]), abs(rows[:, place])
    accounts = int(((before != 0) | (after != 0)).sum())
    return int((after < before).sum()) > (1 - _NEARLY_ALL) * accounts


def _is_new_year(rows: Numbers, place: int) -> bool:
    """Return whether nearly all accounts have less than half of the month before, as in the first of a year."""
    before, after = abs(rows[:, place - 1]), abs(rows[:, place])
    accounts = int((before != 0).sum())
    return int((2 * after < before).sum()) >= _NEARLY_ALL * accounts > 0


def _never_falls(spans: Numbers) -> Mask:
    has_one_sign: Mask = np.asarray((spans >= 0).all(axis=1) | (spans <= 0).all(axis=1))
    return has_one_sign & np.asarray((abs(spans[:, :-1]) <= abs(spans[:, 1:])).all(axis=1))
