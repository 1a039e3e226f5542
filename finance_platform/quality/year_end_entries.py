"""Entries of a year-end close among the lines of a ledger: they take every account of profit and loss to zero.

Belongs here: finding the periods with such entries, and the sentence about them. Does not belong here: amounts that are
unusual for one account (see `account_months`), SQL.

A ledger closes its year by entries that carry the result to equity. Counted with the others, they make the year's
revenue, costs and profit zero. The same month of the year before has such entries too, so they are usual for each
account, and in a home's first year no account has a history.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from finance_platform.money_text import grouped_money

_LONGEST = 12
"""Months of a year, of which the last has the entries."""

_LEAST_MONTHS = 3
"""An accrual that is reversed in the next month takes an account to zero too."""

_LEAST_ACCOUNTS = 2
_ZERO = Decimal("0.00")


@dataclass(frozen=True)
class YearEndEntries:
    """A period whose entries take most accounts of profit and loss to zero.

    Attributes:
        first: the first period of the year.
        period: the period with the entries.
        zeroed: how many accounts add up to zero in this year.
        accounts: how many have amounts in it.
        gross: the sum of the absolute totals of those that are zero, up to the period before.
    """

    first: str
    period: str
    zeroed: int
    accounts: int
    gross: Decimal

    @property
    def sentence(self) -> str:
        """The finding as one sentence."""
        return (
            f"{self.zeroed:,} of {self.accounts:,} accounts of profit and loss add up to 0.00 from {self.first} to "
            f"{self.period}, after {grouped_money(self.gross)} gross before it, as if entries of a year-end close "
            "counted as revenue and costs"
        )


FIX = (
    "send the ledger without the entries that carry the year's result to equity, or skip them in the descriptor by a "
    "rule with may_hold_money: true, and run"
)


def find_year_end_entries(
    accounts: Collection[Mapping[str, Decimal]], periods: Sequence[str], evaluated: Collection[str]
) -> tuple[YearEndEntries, ...]:
    """Return the periods that end a year of three to twelve months in which most accounts add up to zero.

    Args:
        accounts: the amounts of each account of profit and loss by period.
        periods: every period with lines, in order.
        evaluated: those that may have such entries.
    """
    found = []
    for position, period in enumerate(periods):
        if period in evaluated:
            window = periods[max(0, position - _LONGEST + 1) : position + 1]
            candidates = _years(accounts, window)
            found += candidates[-1:]
    return tuple(found)


def _years(accounts: Collection[Mapping[str, Decimal]], window: Sequence[str]) -> list[YearEndEntries]:
    """Return the years that a window's last period ends, the longest last."""
    *earlier, period = window
    ends = [amounts.get(period, _ZERO) for amounts in accounts]
    sums, highest = [_ZERO] * len(ends), [_ZERO] * len(ends)
    months = [int(amount != 0) for amount in ends]
    years = []
    for length, first in enumerate(reversed(earlier), start=2):
        for place, amounts in enumerate(accounts):
            amount = amounts.get(first, _ZERO)
            sums[place] += amount
            highest[place] = max(highest[place], abs(amount))
            months[place] += amount != 0
        if length < _LEAST_MONTHS:
            continue
        # The month with the entries has the largest amount; else the window has entries of the year before in it.
        zeroed = [
            abs(end)
            for end, total, largest, count in zip(ends, sums, highest, months, strict=True)
            if end and end == -total and abs(end) >= largest and count >= _LEAST_MONTHS
        ]
        active = sum(count > 0 for count in months)
        if len(zeroed) >= _LEAST_ACCOUNTS and 2 * len(zeroed) >= active:
            years.append(YearEndEntries(first, period, len(zeroed), active, sum(zeroed, _ZERO)))
    return years
