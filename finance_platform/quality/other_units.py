"""Amounts of a period in another unit than those of other periods: thousands beside units, or cents.

Belongs here: finding the periods in which nearly all accounts are about 100, 1,000 or 1,000,000 times what they usually
are, or such a part of it, and the sentence about them. Does not belong here: units that a header states (see
`feeds.stated_units`), amounts that are unusual for one account (see `account_months`), SQL.

A source changes the unit of a report from one file to the next, or sends its plan in thousands. Where no header says
so, each file is right in itself, and only beside others all of its accounts are too small or too large by one factor.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import log10
from statistics import median

from finance_platform.money_text import grouped_money

_LEAST_ACCOUNTS = 4
_SHARE = 0.9
_UNITS: Mapping[int, tuple[float, float]] = {2: (0.2, 0.4), 3: (0.4, 0.8), 6: (0.4, 0.8)}
"""By power of ten: how far the median may be away from it, and nine of ten accounts, in powers of ten."""
_CENTS = 2
"""The power of cents, which are whole numbers; a season, or the budget of a department alone, is as far away too."""

Amounts = Mapping[str, tuple[Decimal, Decimal]]
"""Actual and budget of an account, by period."""


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


def find_other_units(accounts: Mapping[str, Amounts], periods: Collection[str]) -> tuple[OtherUnit, ...]:
    """Return the periods whose amounts have another unit than those of other periods, the newest first.

    Args:
        accounts: the amounts of each account, by its number.
        periods: those that are evaluated.
    """
    usual = {
        number: sorted(abs(actual) for actual, _ in amounts.values() if actual) for number, amounts in accounts.items()
    }
    found = [
        _compare(accounts, usual, period, is_budget=is_budget)
        for period in sorted(periods, reverse=True)
        for is_budget in (False, True)
    ]
    return tuple(one for one in found if one)


def _compare(
    accounts: Mapping[str, Amounts], usual: Mapping[str, Sequence[Decimal]], period: str, *, is_budget: bool
) -> OtherUnit | None:
    pairs: list[tuple[str, Decimal, Decimal]] = []
    for number, amounts in accounts.items():
        actual, budget = amounts.get(period, (Decimal(0), Decimal(0)))
        amount, others = budget if is_budget else actual, usual[number]
        if amount and len(others) > (not is_budget):
            # A budget is compared with Actual of its own month too.
            pairs.append((number, amount, median(others) if is_budget else _median_of_others(others, abs(actual))))
    if len(pairs) < _LEAST_ACCOUNTS:
        return None
    powers = [log10(abs(amount) / of_others) for _, amount, of_others in pairs]
    middle = median(powers)
    for unit, (of_median, of_each) in _UNITS.items():
        power = unit if middle > 0 else -unit
        agreeing = sum(abs(one - power) <= of_each for one in powers)
        if abs(middle - power) <= of_median and agreeing >= _SHARE * len(pairs):
            if unit == _CENTS and not _are_cents(accounts, pairs, period, is_budget=is_budget, is_larger=middle > 0):
                return None
            largest = max(pairs, key=lambda pair: (pair[2], pair[0]))
            return OtherUnit(period, is_budget, power, agreeing, len(pairs), *largest)
    return None


def _are_cents(
    accounts: Mapping[str, Amounts],
    pairs: Sequence[tuple[str, Decimal, Decimal]],
    period: str,
    *,
    is_budget: bool,
    is_larger: bool,
) -> bool:
    """Return whether the larger amounts, those of a period or the ones beside it, may be cents; a plan has none."""
    if is_larger:
        return not is_budget and all(amount == int(amount) for _, amount, _ in pairs)
    others = (accounts[number].items() for number, _, _ in pairs)
    return all(
        actual == int(actual) for of_one in others for other, (actual, _) in of_one if is_budget or other != period
    )


def _median_of_others(values: Sequence[Decimal], own: Decimal) -> Decimal:
    """Return the median of sorted values without one of them."""
    without, count = bisect_left(values, own), len(values) - 1
    middle = [position + (position >= without) for position in ((count - 1) // 2, count // 2)]
    return (values[middle[0]] + values[middle[1]]) / 2
