"""The amounts of a pack by column: a hundred thousand of them, which a page adds up and writes in a few steps.

Belongs here: the columns, choosing among them, exact sums of them. Does not belong here: what is summed (see
`browser_data`, `page`), which amounts a pack has (see `read_model`).

Money is whole cents here, in columns that nothing else sees: a single amount is a cell with a `Decimal`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.cent_columns import (
    Mask,
    Numbers,
    amount_of,
    cents_in,
    cents_of,
    exact_sum,
    run_starts,
    sums_of_runs,
    whole_numbers,
)
from finance_platform.reports.pack.model import Cell

_DIGITS = 2
_MONEY = pa.decimal128(38, _DIGITS)
_SIGN = 63


@dataclass(frozen=True, eq=False)
class Amounts(Sequence[Cell]):
    """Amounts in an order; as a sequence, their cells, which are made when they are asked for.

    Attributes:
        scenarios: the key of each amount's scenario.
        departments: likewise.
        accounts: likewise.
        names: the names of the periods that have an amount.
        periods: the place of each amount's period among these.
        cents: each amount in cents.
    """

    scenarios: Numbers
    departments: Numbers
    accounts: Numbers
    names: Sequence[str]
    periods: Numbers
    cents: Numbers

    @classmethod
    def of(cls, cells: Sequence[Cell]) -> Amounts:
        """Return cells by column.

        Raises:
            ValueError: an amount has fractions of a cent, which no table holds.
        """
        if isinstance(cells, cls):
            return cells
        names: dict[str, int] = {}
        periods = [names.setdefault(cell.period, len(names)) for cell in cells]
        return cls(
            whole_numbers([cell.scenario for cell in cells]),
            whole_numbers([cell.department for cell in cells]),
            whole_numbers([cell.account for cell in cells]),
            list(names),
            whole_numbers(periods),
            whole_numbers([cents_of(cell.amount) for cell in cells]),
        )

    @classmethod
    def of_table(cls, table: pa.Table) -> Amounts:
        """Return the rows of a query: scenario, department, account, period and amount."""
        scenarios, departments, accounts, periods, amounts = table.columns
        encoded = pc.dictionary_encode(periods).combine_chunks()
        return cls(
            np.asarray(scenarios, np.int64),
            np.asarray(departments, np.int64),
            np.asarray(accounts, np.int64),
            encoded.dictionary.to_pylist(),
            np.asarray(encoded.indices, np.int64),
            cents_in(amounts.combine_chunks()),
        )

    def __len__(self) -> int:
        return len(self.cents)

    @overload
    def __getitem__(self, place: int) -> Cell: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Cell, ...]: ...
    def __getitem__(self, place: int | slice) -> Cell | tuple[Cell, ...]:
        return self._cells[place]

    def __iter__(self) -> Iterator[Cell]:
        return iter(self._cells)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._cells == tuple(other)

    def __hash__(self) -> int:
        return hash(self._cells)

    @cached_property
    def _cells(self) -> tuple[Cell, ...]:
        keys = (column.tolist() for column in (self.scenarios, self.departments, self.accounts))
        periods = map(self.names.__getitem__, self.periods.tolist())
        amounts = map(amount_of, self.cents.tolist())
        return tuple(map(Cell._make, zip(*keys, periods, amounts, strict=True)))

    def select(self, scenarios: Collection[int], accounts: Collection[int], periods: Collection[str]) -> Amounts:
        """Return the amounts of some scenarios, accounts and periods."""
        is_chosen = self.are_in(periods)
        for keys, chosen in ((self.scenarios, scenarios), (self.accounts, accounts)):
            is_chosen &= pc.is_in(pa.array(keys), pa.array(list(chosen), pa.int64())).to_numpy(zero_copy_only=False)
        return self.where(is_chosen)

    def are_in(self, periods: Collection[str]) -> Mask:
        """Return of each amount whether its period is one of some."""
        return np.array([name in periods for name in self.names], np.bool_)[self.periods]

    def where(self, mask: Mask) -> Amounts:
        """Return those of the amounts for which it is true."""
        used, periods = np.unique(self.periods[mask], return_inverse=True)
        names = [self.names[place] for place in used.tolist()]
        scenarios, departments, accounts = (one[mask] for one in (self.scenarios, self.departments, self.accounts))
        return Amounts(scenarios, departments, accounts, names, periods, self.cents[mask])

    @property
    def used_scenarios(self) -> set[int]:
        """The keys of the scenarios that have an amount."""
        return _distinct(self.scenarios)

    @property
    def used_departments(self) -> set[int]:
        """The keys of the departments that have an amount."""
        return _distinct(self.departments)

    def by(self, departments: Mapping[int, int]) -> Amounts:
        """Return the sums with other departments in the place of theirs, by scenario, department, account and period.

        Args:
            departments: the new key by the present one.
        """
        keys, places = np.unique(self.departments, return_inverse=True)
        others = np.array([departments[key] for key in keys.tolist()], np.int64)[places]
        rank = {name: number for number, name in enumerate(sorted(self.names))}
        periods = np.array([rank[name] for name in self.names], np.int64)[self.periods]
        unsorted: list[Numbers] = [self.scenarios, others, self.accounts, periods]
        order = np.lexsort(unsorted[::-1])
        columns = [column[order] for column in unsorted]
        starts = run_starts(columns)
        scenarios, others, accounts, periods = (column[starts] for column in columns)
        return Amounts(scenarios, others, accounts, sorted(rank), periods, sums_of_runs(self.cents[order], starts))

    def largest_sum(self, years: Mapping[str, int]) -> Decimal:
        """Return the largest amount of a year, one scenario and one account, whatever its sign.

        Args:
            years: the year of each period.
        """
        of_names = np.array([years[name] for name in self.names], np.int64)
        columns = (self.scenarios, self.accounts, of_names[self.periods])
        order = np.lexsort(columns)
        starts = run_starts([column[order] for column in columns])
        return amount_of(max(map(abs, sums_of_runs(self.cents[order], starts).tolist()), default=0))

    def total(self) -> Decimal:
        """Return the sum."""
        return amount_of(exact_sum(self.cents))

    def gross(self) -> Decimal:
        """Return the sum without their signs."""
        return amount_of(exact_sum(abs(self.cents)))

    def count_from(self, least: Decimal) -> int:
        """Return how many are as large as a least amount, whatever their sign."""
        return int(np.count_nonzero(abs(self.cents) >= cents_of(least)))

    def parts(self, size: int) -> Iterator[Amounts]:
        """Yield them in their order, so many at once."""
        for start in range(0, len(self), size):
            rows = slice(start, start + size)
            keys = self.scenarios[rows], self.departments[rows], self.accounts[rows]
            yield Amounts(*keys, self.names, self.periods[rows], self.cents[rows])

    def period_texts(self) -> bytes:
        """Return the names of the periods, with a zero byte between them."""
        return joined(pa.array(self.names, pa.string()).take(pa.array(self.periods)))

    def texts(self) -> bytes:
        """Return the amounts as texts, with a zero byte between them."""
        if self.cents.dtype == object:
            return "\0".join(str(amount_of(one)) for one in self.cents).encode()
        words = np.stack([self.cents, self.cents >> _SIGN], axis=1)
        money = pa.Array.from_buffers(_MONEY, len(words), [None, pa.py_buffer(words)])
        return joined(money.cast(pa.string()))


def joined(texts: pa.Array) -> bytes:
    """Return texts with a zero byte between them."""
    together = pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts)
    return pc.binary_join(together, "\0")[0].as_buffer().to_pybytes()  # type: ignore[no-any-return]


def _distinct(keys: Numbers) -> set[int]:
    """Return the distinct keys; NumPy's own function imports for 10 ms what nothing else needs."""
    return set(pc.unique(pa.array(keys)).to_pylist())


def divided(numbers: Numbers, by: int) -> Numbers:
    """Return numbers divided by another one, rounded half to even."""
    if by == 1:
        return numbers
    quotients = numbers // by
    twice = 2 * (numbers - quotients * by)
    rounded: Numbers = quotients + ((twice > by) | ((twice == by) & (quotients % 2 == 1)))
    return rounded
