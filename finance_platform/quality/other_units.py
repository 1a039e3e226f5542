"""Amounts of a period in another unit than those of other periods: thousands beside units, or cents.

Belongs here: finding the periods in which nearly all accounts are about 100, 1,000 or 1,000,000 times what they usually
are, or such a part of it, and the sentence about them. Does not belong here: units that a header states (see
`feeds.stated_units`), amounts that are unusual for one account (see `account_months`), SQL.

A source changes the unit of a report from one file to the next, or sends its plan in thousands. Where no header says
so, each file is right in itself, and only beside others all of its accounts are too small or too large by one factor.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from finance_platform.cent_columns import Numbers, amount_of
from finance_platform.money_text import grouped_money
from finance_platform.quality.month_columns import AccountMonths

_LEAST_ACCOUNTS = 4
_SHARE = 0.9
_UNITS: Mapping[int, tuple[float, float]] = {2: (0.2, 0.4), 3: (0.4, 0.8), 6: (0.4, 0.8)}
"""By power of ten: how far the median may be away from it, and nine of ten accounts, in powers of ten."""
_CENTS = 2
"""The power of cents, which are whole numbers; a season, or the budget of a department alone, is as far away too."""

_CENTS_OF_ONE = 10**_CENTS


@dataclass(frozen=True)
class OtherUnit:
    """Accounts whose amounts of a period have another unit.

    Attributes:
        period: YYYY-MM.
        is_budget: whether the amounts are those of the baseline; else of Actual.
        power: the power of ten by which they are larger, negative if they are smaller.
        accounts: how many are.
        compared: of how many.
        number: the largest account.
        amount: its amount.
        usual: its usual one.
    """

    period: str
    is_budget: bool
    power: int
    accounts: int
    compared: int
    number: str
    amount: Decimal
    usual: Decimal

    @property
    def sentence(self) -> str:
        """The finding as one sentence."""
        factor = f"{10 ** abs(self.power):,} times {'larger' if self.power > 0 else 'smaller'}"
        return (
            f"{self.accounts} of {self.compared} accounts in {'the budget' if self.is_budget else 'Actual'} of "
            f"{self.period} are about {factor} than {'Actual' if self.is_budget else 'in other months'}, such as "
            f"{self.number} with {grouped_money(self.amount)} beside {grouped_money(self.usual)}: they seem to be in "
            "another unit"
        )

    @property
    def fix(self) -> str:
        """What to do about it."""
        smaller, larger = 10 ** abs(self.power), f"{Decimal(1).scaleb(-abs(self.power)):f}"
        scale, of_others = (larger, smaller) if self.power > 0 else (smaller, larger)
        feed = "of columns.amount in the descriptor of its feed"
        reverse = f", or scale: {of_others} in that of the others if these are in another unit"
        if abs(self.power) == _CENTS:
            scale, reverse = larger, ""
            feed = (
                feed if self.power > 0 else "of columns.amount in the descriptor of the others, which seem to be cents"
            )
        return (
            f"if the file is right but in another unit, set scale: {scale} {feed}{reverse}, send files with another "
            "unit under another path, and run; else send the file again"
        )


@dataclass(frozen=True, eq=False)
class _Usual:
    """The amounts of Actual of each account without their signs, in order.

    Attributes:
        amounts: those of the first account from the smallest on, then those of the next one.
        begins: where those of each account begin.
        counts: how many each account has.
        places: the place of each month among those of its account, if it has an amount.
    """

    amounts: Numbers
    begins: Numbers
    counts: Numbers
    places: Numbers

    @classmethod
    def of(cls, months: AccountMonths) -> _Usual:
        """Return the amounts of months."""
        has_amount = np.flatnonzero(months.amounts)
        order = has_amount[np.argsort(abs(months.amounts[has_amount]), kind="stable")]
        order = order[np.argsort(months.accounts[order], kind="stable")]
        begins = np.searchsorted(months.accounts[order], np.arange(len(months.numbers)))
        counts = np.bincount(months.accounts[order], minlength=len(months.numbers))
        places = np.zeros(len(months.amounts), np.int64)
        places[order] = np.arange(len(order)) - begins[months.accounts[order]]
        return cls(abs(months.amounts[order]), begins, counts, places)

    def twice_the_median(self, accounts: Numbers) -> Numbers:
        """Return twice the median of accounts, which have an amount."""
        begins, counts = self.begins[accounts], self.counts[accounts]
        twice: Numbers = self.amounts[begins + (counts - 1) // 2] + self.amounts[begins + counts // 2]
        return twice

    def twice_the_median_of_others(self, accounts: Numbers, own: Numbers) -> Numbers:
        """Return twice the median of accounts without one of their amounts.

        Args:
            accounts: accounts with two amounts at least.
            own: the places of the amounts that are left out.
        """
        begins, counts = self.begins[accounts], self.counts[accounts] - 1
        middle = [place + (place >= own) for place in ((counts - 1) // 2, counts // 2)]
        twice: Numbers = self.amounts[begins + middle[0]] + self.amounts[begins + middle[1]]
        return twice


def find_other_units(with_lines: AccountMonths, periods: Collection[str]) -> tuple[OtherUnit, ...]:
    """Return the periods whose amounts have another unit than those of other periods, the newest first.

    Args:
        with_lines: the months that have lines.
        periods: those that are evaluated.
    """
    usual = _Usual.of(with_lines)
    found = [
        _compare(with_lines, usual, period, is_budget=is_budget)
        for period in sorted(periods, reverse=True)
        for is_budget in (False, True)
    ]
    return tuple(one for one in found if one)


def _compare(months: AccountMonths, usual: _Usual, period: str, *, is_budget: bool) -> OtherUnit | None:
    of_period = months.of_period(period)
    column = months.budgets if is_budget else months.amounts
    # A budget is compared with Actual of its own month too.
    others = usual.counts[months.accounts[of_period]] - (not is_budget)
    of_period = of_period[(column[of_period] != 0) & (others > 0)]
    amounts, accounts = column[of_period], months.accounts[of_period]
    if len(amounts) < _LEAST_ACCOUNTS:
        return None
    twice = (
        usual.twice_the_median(accounts)
        if is_budget
        else usual.twice_the_median_of_others(accounts, usual.places[of_period])
    )
    powers = np.log10((2 * abs(amounts)).astype(np.float64) / twice.astype(np.float64))
    middle = float(np.median(powers))
    for unit, (of_median, of_each) in _UNITS.items():
        power = unit if middle > 0 else -unit
        agreeing = int((abs(powers - power) <= of_each).sum())
        if abs(middle - power) <= of_median and agreeing >= _SHARE * len(amounts):
            if unit == _CENTS and not _are_cents(months, of_period, is_budget=is_budget, is_larger=middle > 0):
                return None
            # Of equal ones the last account; accounts are in the order of their numbers.
            largest = int(np.flatnonzero(twice == twice.max())[-1])
            number, amount = months.numbers[accounts[largest]], amount_of(int(amounts[largest]))
            of_others = amount_of(int(twice[largest])) / 2
            return OtherUnit(period, is_budget, power, agreeing, len(amounts), number, amount, of_others)
    return None


def _are_cents(months: AccountMonths, of_period: Numbers, *, is_budget: bool, is_larger: bool) -> bool:
    """Return whether the larger amounts, those of a period or the ones beside it, may be cents; a plan has none."""
    if is_larger:
        return not is_budget and _are_whole(months.amounts[of_period])
    is_compared = np.zeros(len(months.numbers), np.bool_)
    is_compared[months.accounts[of_period]] = True
    others = is_compared[months.accounts]
    if not is_budget:
        others &= months.months != months.months[of_period[0]]
    return _are_whole(months.amounts[others])


def _are_whole(cents: Numbers) -> bool:
    return bool((cents % _CENTS_OF_ONE == 0).all())
