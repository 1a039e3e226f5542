"""What is usual for a series of amounts, and whether one more amount is: robust statistics on Decimals.

Belongs here: pure functions of amounts. Does not belong here: which months of which accounts are judged, and the words
for it (see `account_months`).

An amount strays when its modified z-score, 0.6745 times its distance from the median in median absolute deviations, is
over 3.5: B. Iglewicz and D. C. Hoaglin, *How to Detect and Handle Outliers*, ASQC 1993. Unlike mean and standard
deviation, neither median moves when a month before it was wrong too. Where over half of the amounts are the same, so
that the median deviation is 0, the mean deviation times 1.253314 stands for it, as in IBM SPSS: so an account that is
booked in a few months of the year does not stray each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from statistics import median

LEAST_HISTORY = 12
"""Months; a year, so that every month of the calendar has been there once."""

_NORMAL = Decimal("0.6745")
_CUT_OFF = Decimal("3.5")
_MEAN_TO_DEVIATION = Decimal("1.253314")
_CENT = Decimal("0.01")
_ZERO = Decimal("0.00")


@dataclass(frozen=True)
class ExpectedRange:
    """What a series of amounts usually is.

    Attributes:
        months: how many amounts there are.
        amount: their median, to the cent.
        low: the least of those that do not stray themselves.
        high: the greatest of those.
    """

    months: int
    amount: Decimal
    low: Decimal
    high: Decimal


def usual_of(history: Sequence[Decimal]) -> ExpectedRange:
    """Return what the amounts of at least one month usually are."""
    ordinary = [amount for amount in history if not is_outlier(amount, history)]
    middle = median(history).quantize(_CENT, ROUND_HALF_UP)
    return ExpectedRange(len(history), middle, min(ordinary), max(ordinary))


def is_outlier(amount: Decimal, history: Sequence[Decimal]) -> bool:
    """Return whether an amount is an outlier by its modified z-score; multiplied out, so that nothing is rounded."""
    middle = median(history)
    deviations = [abs(one - middle) for one in history]
    typical, distance = median(deviations), abs(amount - middle)
    if typical:
        return _NORMAL * distance > _CUT_OFF * typical
    return distance * len(history) > _CUT_OFF * _MEAN_TO_DEVIATION * sum(deviations, _ZERO)


def is_material(amount: Decimal, usual: Decimal, floor: Decimal) -> bool:
    """Return whether an amount is so far from the usual one that somebody should look.

    Args:
        amount: the amount.
        usual: what it is compared with.
        floor: a distance that is not worth a look, whatever the usual amount is.
    """
    distance = abs(amount - usual)
    return distance > 0 and distance >= max(abs(usual) / 2, floor)


def is_unusual(
    amount: Decimal, history: Sequence[Decimal], same_month: Sequence[Decimal], floor: Decimal = _ZERO
) -> bool:
    """Return whether a month's amount is unusual after the months before it.

    It is when it is_outlier, and is half of the usual amount or more away from it, and is nothing that is known: neither is
    it near the same month of earlier years (a bonus in each December), nor is one in ten of the months before nearer to
    it than to the usual amount (a purchase each quarter, a level that has lasted for some months).

    Args:
        amount: the month's.
        history: the months' before it; fewer than `LEAST_HISTORY` say nothing.
        same_month: of the same month in earlier years, as far as known.
        floor: see `is_material`.
    """
    if len(history) < LEAST_HISTORY or not is_outlier(amount, history):
        return False
    usual = median(history)
    if not is_material(amount, usual, floor):
        return False
    if same_month and not is_material(amount, median(same_month), floor):
        return False
    alike = sum(abs(amount - one) < abs(one - usual) for one in history)
    return alike * 10 < len(history)


def last_is_thin(lines: Sequence[int]) -> bool:
    """Return whether the last of some periods has under half of the lines that the ones before usually have."""
    return len(lines) > 2 and lines[-1] * 2 < median(lines[:-1])
