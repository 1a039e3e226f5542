"""Entries of a year-end close among the lines of a ledger: they take every account of profit and loss to zero.

Belongs here: finding the periods with such entries, and the sentence about them. Does not belong here: amounts that are
unusual for one account (see `account_months`), SQL.

A ledger closes its year by entries that carry the result to equity. Counted with the others, they make the year's
revenue, costs and profit zero. The same month of the year before has such entries too, so they are usual for each
account, and in a home's first year no account has a history.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from finance_platform.cent_columns import Numbers, amount_of, exact_sum
from finance_platform.money_text import grouped_money
from finance_platform.quality.month_columns import AccountMonths

_LONGEST = 12
"""Months of a year, of which the last has the entries."""

_LEAST_MONTHS = 3
"""An accrual that is reversed in the next month takes an account to zero too."""

_LEAST_ACCOUNTS = 2


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
    of_profit: AccountMonths, periods: Sequence[str], evaluated: Collection[str]
) -> tuple[YearEndEntries, ...]:
    """Return the periods that end a year of three to twelve months in which most accounts add up to zero.

    Args:
        of_profit: the months of the accounts of profit and loss.
        periods: every period with lines, in order.
        evaluated: those that may have such entries.
    """
    found = []
    for position, period in enumerate(periods):
        if period in evaluated:
            window = periods[max(0, position - _LONGEST + 1) : position + 1]
            candidates = _years(of_profit.grid(window), window)
            found += candidates[-1:]
    return tuple(found)


def _years(amounts: Numbers, window: Sequence[str]) -> list[YearEndEntries]:
    """Return the years that a window's last period ends, the longest last."""
    if not _may_be_zeroed(amounts):
        return []
    *earlier, period = window
    ends = amounts[:, -1]
    sums, highest = np.zeros_like(ends), np.zeros_like(ends)
    months = (ends != 0).astype(np.int64)
    years = []
    for place in range(len(earlier) - 1, -1, -1):
        amount = amounts[:, place]
        sums += amount
        highest = np.maximum(highest, abs(amount))
        months += amount != 0
        if len(window) - place < _LEAST_MONTHS:
            continue
        # The month with the entries has the largest amount; else the window has entries of the year before in it.
        is_zeroed = (ends != 0) & (ends == -sums) & (abs(ends) >= highest) & (months >= _LEAST_MONTHS)
        zeroed, active = int(is_zeroed.sum()), int((months > 0).sum())
        if zeroed >= _LEAST_ACCOUNTS and 2 * zeroed >= active:
            gross = amount_of(exact_sum(abs(ends[is_zeroed])))
            years.append(YearEndEntries(earlier[place], period, zeroed, active, gross))
    return years


def _may_be_zeroed(amounts: Numbers) -> bool:
    """Return whether enough accounts add up to zero at the end of a window, whatever their other months are."""
    with_end = amounts[amounts[:, -1] != 0]
    totals = np.cumsum(with_end[:, ::-1], axis=1)[:, _LEAST_MONTHS - 1 :]
    return int((totals == 0).any(axis=1).sum()) >= _LEAST_ACCOUNTS
