"""Robust statistics on Decimals: the expected range of a series of amounts, and whether another amount is unusual.

Belongs here: pure functions of amounts. Does not belong here: which months of which accounts are evaluated, and the
sentences about them (see `account_months`).

An amount is an outlier if its modified z-score, 0.6745 times its distance from the median in median absolute
deviations, exceeds 3.5: B. Iglewicz and D. C. Hoaglin, *How to Detect and Handle Outliers*, ASQC 1993. Unlike mean and
standard deviation, neither median moves if an earlier month was wrong too. If more than half of the amounts are equal,
the median deviation is 0, and the mean deviation times 1.253314 replaces it, as in IBM SPSS: an account that is booked
in a few months of the year is not an outlier each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from statistics import median

MIN_HISTORY_MONTHS = 12
"""A year, so that every month of the calendar is included once."""

_NORMAL = Decimal("0.6745")
_CUT_OFF = Decimal("3.5")
_MEAN_TO_DEVIATION = Decimal("1.253314")
_CENT = Decimal("0.01")
_ZERO = Decimal("0.00")


@dataclass(frozen=True)
class ExpectedRange:
    """The range in which a series of amounts usually is.

    Attributes:
        months: how many amounts there are.
        median: of the amounts, to the cent.
        low: the smallest amount that is not an outlier.
        high: the largest amount that is not an outlier.
    """

    months: int
    median: Decimal
    low: Decimal
    high: Decimal


def expected_range(history: Sequence[Decimal]) -> ExpectedRange:
    """Return the expected range of at least one amount."""
    usual = _Usual.of(history)
    ordinary = [amount for amount in history if not usual.is_outlier(amount)]
    middle = usual.median.quantize(_CENT, ROUND_HALF_UP)
    return ExpectedRange(len(history), middle, min(ordinary), max(ordinary))


def is_outlier(amount: Decimal, history: Sequence[Decimal]) -> bool:
    """Return whether an amount is an outlier by its modified z-score; multiplied out, so that nothing is rounded."""
    return _Usual.of(history).is_outlier(amount)


@dataclass(frozen=True)
class _Usual:
    """What a history says of each amount that is compared with it.

    Attributes:
        median: of the amounts.
        typical: the median of their distances from it.
        mean: if that is 0, their number, and the sum of their distances; a quotient would be rounded.
    """

    median: Decimal
    typical: Decimal
    mean: tuple[int, Decimal]

    @classmethod
    def of(cls, history: Sequence[Decimal]) -> _Usual:
        """Look at at least one amount."""
        middle = median(history)
        deviations = [abs(earlier - middle) for earlier in history]
        typical = median(deviations)
        return cls(middle, typical, (len(history), _ZERO if typical else sum(deviations, _ZERO)))

    def is_outlier(self, amount: Decimal) -> bool:
        """Return whether an amount is one."""
        distance = abs(amount - self.median)
        if self.typical:
            return _NORMAL * distance > _CUT_OFF * self.typical
        count, total = self.mean
        return distance * count > _CUT_OFF * _MEAN_TO_DEVIATION * total


def is_material(amount: Decimal, expected: Decimal, floor: Decimal) -> bool:
    """Return whether an amount is far enough from the expected one to be reported.

    Args:
        amount: the amount.
        expected: the amount to compare with.
        floor: a smaller distance is never material, whatever the expected amount.
    """
    distance = abs(amount - expected)
    return distance > 0 and distance >= max(abs(expected) / 2, floor)


def is_unusual(
    amount: Decimal, history: Sequence[Decimal], same_month: Sequence[Decimal], floor: Decimal = _ZERO
) -> bool:
    """Return whether a month's amount is unusual after the months before it.

    It is if it is an outlier, differs from the median by at least half of it, and has no precedent: it is not near the
    same month of earlier years (a bonus each December), and fewer than one in ten of the earlier months are nearer to
    it than to the median (a purchase each quarter, a level that has lasted for some months).

    Args:
        amount: the month's.
        history: the amounts of the months before; with fewer than `MIN_HISTORY_MONTHS` nothing is unusual.
        same_month: the amounts of the same month in earlier years, if known.
        floor: see `is_material`.
    """
    if len(history) < MIN_HISTORY_MONTHS:
        return False
    usual = _Usual.of(history)
    if not usual.is_outlier(amount):
        return False
    expected = usual.median
    if not is_material(amount, expected, floor):
        return False
    if same_month and not is_material(amount, median(same_month), floor):
        return False
    precedents = sum(abs(amount - earlier) < abs(earlier - expected) for earlier in history)
    return precedents * 10 < len(history)


def has_thin_last_period(lines: Sequence[int]) -> bool:
    """Return whether the last of several periods has less than half of the lines that earlier ones usually have."""
    return len(lines) > 2 and lines[-1] * 2 < median(lines[:-1])
