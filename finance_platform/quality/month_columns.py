"""The months of all accounts by column: a home with many accounts has millions, each load evaluates them.

Belongs here: the columns, and choosing among them. Does not belong here: what is evaluated (see `account_months` and
the rules that it calls), SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.cent_columns import Mask, Numbers, amount_of, cents_in, cents_of, whole_numbers

_ZERO = Decimal("0.00")

_SAFE_BITS = 56
"""Amounts with fewer bits may be added up over the months of a year, and doubled, in 64; else Python's own are used."""


@dataclass(frozen=True)
class AccountMonth:
    """The total of an account in a period.

    Attributes:
        period: YYYY-MM.
        number: account number.
        name: account name.
        amount: Actual.
        lines: how many ledger lines it sums.
        moved: by how much loads recently changed the amount after it was first published.
        profit_sign: 1 of revenue, -1 of costs, 0 of accounts that are not of profit and loss.
        budget: the baseline.
    """

    period: str
    number: str
    name: str
    amount: Decimal
    lines: int
    moved: Decimal = _ZERO
    profit_sign: int = 1
    budget: Decimal = _ZERO


@dataclass(frozen=True, eq=False)
class AccountMonths:
    """The months of accounts, ordered by account and period; money is whole cents.

    Attributes:
        numbers: the numbers of the accounts, in order.
        names: their names.
        signs: their profit signs.
        periods: the periods that a month is in, in order.
        accounts: the place of each month's account.
        months: the place of each month's period.
        amounts: see `AccountMonth`.
        lines: likewise.
        moved: likewise.
        budgets: likewise.
    """

    numbers: Sequence[str]
    names: Sequence[str]
    signs: Numbers
    periods: Sequence[str]
    accounts: Numbers
    months: Numbers
    amounts: Numbers
    lines: Numbers
    moved: Numbers
    budgets: Numbers

    @classmethod
    def of(cls, rows: Iterable[AccountMonth]) -> AccountMonths:
        """Return months by column.

        Raises:
            ValueError: an amount has fractions of a cent, which no table holds.
        """
        months = list(rows)
        return cls._of_columns(
            pa.chunked_array([[month.period for month in months]], pa.string()),
            pa.chunked_array([[month.number for month in months]], pa.string()),
            pa.chunked_array([[month.name for month in months]], pa.string()),
            whole_numbers([cents_of(month.amount) for month in months]),
            whole_numbers([month.lines for month in months]),
            whole_numbers([cents_of(month.moved) for month in months]),
            whole_numbers([month.profit_sign for month in months]),
            whole_numbers([cents_of(month.budget) for month in months]),
        )

    @classmethod
    def of_table(cls, table: pa.Table) -> AccountMonths:
        """Return the rows of a query, whose columns are the attributes of an `AccountMonth`."""
        periods, numbers, names, amounts, lines, moved, signs, budgets = table.columns
        # A column at a time is made whole: all at once would be the table once more.
        return cls._of_columns(
            periods,
            numbers,
            names,
            cents_in(amounts.combine_chunks()),
            np.asarray(lines, np.int64),
            cents_in(moved.combine_chunks()),
            np.asarray(signs, np.int64),
            cents_in(budgets.combine_chunks()),
        )

    @classmethod
    def _of_columns(
        cls,
        periods: pa.ChunkedArray,
        numbers: pa.ChunkedArray,
        names: pa.ChunkedArray,
        amounts: Numbers,
        lines: Numbers,
        moved: Numbers,
        signs: Numbers,
        budgets: Numbers,
    ) -> AccountMonths:
        of_periods, months = _places(periods)
        of_accounts, accounts = _places(numbers)
        order = np.lexsort((months, accounts))
        accounts = accounts[order]
        firsts = order[np.searchsorted(accounts, np.arange(len(of_accounts)))]
        return cls(
            of_accounts,
            names.take(pa.array(firsts)).to_pylist(),
            signs[firsts],
            of_periods,
            accounts,
            months[order],
            _with_room(amounts[order]),
            lines[order],
            _with_room(moved[order]),
            _with_room(budgets[order]),
        )

    def of_profit(self) -> AccountMonths:
        """Return the months of the accounts of profit and loss."""
        return self._where((self.signs != 0)[self.accounts])

    def with_lines(self) -> AccountMonths:
        """Return the months that have ledger lines."""
        return self._where(self.lines > 0)

    def of_period(self, period: str) -> Numbers:
        """Return the places of the months of a period."""
        if (place := self._place_of.get(period)) is None:
            return np.arange(0)
        order, bounds = self._by_period
        return order[bounds[place] : bounds[place + 1]]

    def grid(self, periods: Sequence[str]) -> Numbers:
        """Return the amount of each account, in rows, and period, in columns; 0 where there is no month."""
        grid = np.zeros((len(self.numbers), len(periods)), self.amounts.dtype)
        for column, period in enumerate(periods):
            places = self.of_period(period)
            grid[self.accounts[places], column] = self.amounts[places]
        return grid

    def months_of(self, account: int) -> dict[str, AccountMonth]:
        """Return the months of the account at a place, by period."""
        begin, end = np.searchsorted(self.accounts, [account, account + 1])
        number, name, sign = self.numbers[account], self.names[account], int(self.signs[account])
        return {
            period: AccountMonth(
                period, number, name, amount_of(amount), lines, amount_of(moved), sign, amount_of(budget)
            )
            for period, amount, lines, moved, budget in zip(
                (self.periods[place] for place in self.months[begin:end].tolist()),
                *(column[begin:end].tolist() for column in (self.amounts, self.lines, self.moved, self.budgets)),
                strict=True,
            )
        }

    @cached_property
    def _place_of(self) -> Mapping[str, int]:
        return {period: place for place, period in enumerate(self.periods)}

    @cached_property
    def _by_period(self) -> tuple[Numbers, Numbers]:
        """The places of the months by period, and where those of each period begin and end among them."""
        # Numbers of 16 bits are sorted without comparisons, and few periods are asked for of millions of months.
        months = self.months.astype(np.int16) if len(self.periods) < 1 << 15 else self.months
        bounds = np.concatenate([[0], np.cumsum(np.bincount(self.months, minlength=len(self.periods)))])
        return np.argsort(months, kind="stable"), bounds

    def _where(self, mask: Mask) -> AccountMonths:
        """Return some of the months; accounts and periods keep their places."""
        if mask.all():
            return self
        columns = (self.accounts, self.months, self.amounts, self.lines, self.moved, self.budgets)
        return AccountMonths(self.numbers, self.names, self.signs, self.periods, *(column[mask] for column in columns))


def _places(texts: pa.ChunkedArray) -> tuple[list[str], Numbers]:
    """Return the distinct texts in order, and the place of each text among them."""
    encoded = pc.dictionary_encode(texts).combine_chunks()
    order = pc.array_sort_indices(encoded.dictionary)
    places = np.empty(len(order), np.int64)
    places[np.asarray(order, np.int64)] = np.arange(len(order))
    return encoded.dictionary.take(order).to_pylist(), places[np.asarray(encoded.indices, np.int64)]


def _with_room(cents: Numbers) -> Numbers:
    """Return amounts as numbers that may be added up without an overflow."""
    limit = 1 << _SAFE_BITS
    is_small = cents.dtype != object and not ((cents >= limit) | (cents <= -limit)).any()
    return cents if is_small else cents.astype(object)
