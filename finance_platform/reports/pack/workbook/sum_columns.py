"""The amounts of a pack by column, added up by the numbers that a formula compares.

Belongs here: choosing amounts by scenario, period and account, and their exact sums by department and account. Does
not belong here: what a formula compares, and why (see `sums`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from finance_platform.cent_columns import Numbers, amount_of, run_starts, sums_of_runs
from finance_platform.reports.pack.amounts import Amounts

Place = tuple[int, str]
"""A scenario (key) and a period."""

_NEVER = -1
_NOTHING = Decimal("0.00")


class Member(StrEnum):
    """Whose number a formula compares."""

    DEPARTMENT = "department"
    ACCOUNT = "account"


@dataclass(frozen=True)
class Numbering:
    """The numbers that one column has: by key of a department or account; amounts of others are never picked."""

    member: Member
    numbers: Mapping[int, int]


@dataclass(frozen=True)
class SumsByNumbers:
    """Sums by the numbers that a formula compares.

    Attributes:
        ranks: for each column that is compared, the rank of each number.
        codes: the ranks of each sum as one number, ascending.
        cents: the sums.
    """

    ranks: Sequence[Mapping[int, int]]
    codes: npt.NDArray[np.int64]
    cents: Numbers

    def of(self, numbers: Sequence[int]) -> Decimal:
        """Return the sum of the amounts with these numbers; zero if there are none."""
        code = 0
        for number, ranks in zip(numbers, self.ranks, strict=True):
            if number not in ranks:
                return _NOTHING
            code = code * len(ranks) + ranks[number]
        found = int(np.searchsorted(self.codes, code))
        if found == len(self.codes) or self.codes[found] != code:
            return _NOTHING
        return amount_of(int(self.cents[found]))


@dataclass(frozen=True)
class _Order:
    """The amounts that numbers can pick, in the order of these: their positions, and the numbers as one code."""

    ranks: Sequence[Mapping[int, int]]
    rows: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int64]


class SumColumns:
    """The amounts of some scenarios and periods; they are sorted once for each choice of compared columns."""

    def __init__(self, amounts: Amounts, is_wanted: Callable[[Place], bool]) -> None:
        """Choose the amounts of the scenarios and periods of which a formula takes some."""
        scenarios, places = np.unique(amounts.scenarios, return_inverse=True)
        width = max(len(amounts.names), 1)
        self._places: list[Place] = [(key, name) for key in scenarios.tolist() for name in amounts.names]
        # Of each amount, the position of its scenario and period among all places.
        places = places * width + amounts.periods
        chosen = np.flatnonzero(np.array([is_wanted(place) for place in self._places], np.bool_)[places])
        self._place_of, self._cents = places[chosen], amounts.cents[chosen]
        self._keys: dict[Member, list[int]] = {}
        self._member_of: dict[Member, npt.NDArray[np.int64]] = {}
        for member, keys in ((Member.DEPARTMENT, amounts.departments), (Member.ACCOUNT, amounts.accounts)):
            distinct, self._member_of[member] = np.unique(keys[chosen], return_inverse=True)
            self._keys[member] = distinct.tolist()
        self._orders: dict[Sequence[str], _Order] = {}

    def add_up(
        self,
        columns: Sequence[str],
        numberings: Sequence[Numbering],
        is_wanted: Callable[[Place], bool],
        weights: npt.NDArray[np.int64],
    ) -> SumsByNumbers:
        """Return the sums of the amounts of some scenarios and periods.

        Args:
            columns: the names of the columns that are compared.
            numberings: their numbers.
            is_wanted: which scenarios and periods count.
            weights: of `weights`.
        """
        order = self._order(columns, numberings)
        counts = np.array([is_wanted(place) for place in self._places], np.bool_)
        weight = weights[self._member_of[Member.ACCOUNT][order.rows]]
        chosen = np.flatnonzero(counts[self._place_of[order.rows]] & (weight != 0))
        codes = order.codes[chosen]
        starts = run_starts([codes])
        cents = self._cents[order.rows[chosen]] * weight[chosen]
        return SumsByNumbers(order.ranks, codes[starts], sums_of_runs(cents, starts))

    def weights(self, effects: Mapping[int, int]) -> npt.NDArray[np.int64]:
        """Return what the amounts of each account count for.

        Args:
            effects: by key of the account: 1, -1, or 0 if its amounts do not count.
        """
        return np.array([effects[key] for key in self._keys[Member.ACCOUNT]], np.int64)

    def pairs(self, accounts: set[int], is_wanted: Callable[[Place], bool]) -> list[tuple[int, int]]:
        """Return the departments and accounts (keys), of these accounts, with amounts of some scenarios and periods."""
        chosen = self._of(accounts, is_wanted)
        of_pair = [self._member_of[member][chosen].tolist() for member in Member]
        departments, keys = self._keys[Member.DEPARTMENT], self._keys[Member.ACCOUNT]
        return sorted((departments[one], keys[other]) for one, other in set(zip(*of_pair, strict=True)))

    def departments(self, accounts: set[int], is_wanted: Callable[[Place], bool]) -> set[int]:
        """Return the departments (keys) that have amounts of these accounts and of some scenarios and periods."""
        chosen = self._of(accounts, is_wanted)
        keys = self._keys[Member.DEPARTMENT]
        return {keys[one] for one in np.unique(self._member_of[Member.DEPARTMENT][chosen]).tolist()}

    def _of(self, accounts: set[int], is_wanted: Callable[[Place], bool]) -> npt.NDArray[np.int64]:
        is_account = np.array([key in accounts for key in self._keys[Member.ACCOUNT]], np.bool_)
        counts = np.array([is_wanted(place) for place in self._places], np.bool_)
        return np.flatnonzero(is_account[self._member_of[Member.ACCOUNT]] & counts[self._place_of])

    def _order(self, columns: Sequence[str], numberings: Sequence[Numbering]) -> _Order:
        if columns not in self._orders:
            codes = np.zeros(len(self._cents), np.int64)
            is_picked = np.ones(len(self._cents), np.bool_)
            ranks = []
            for one in numberings:
                keys = self._keys[one.member]
                numbers = sorted({one.numbers[key] for key in keys if key in one.numbers})
                rank = {number: place for place, number in enumerate(numbers)}
                of_keys = [rank[one.numbers[key]] if key in one.numbers else _NEVER for key in keys]
                of_amounts = np.array(of_keys, np.int64)[self._member_of[one.member]]
                is_picked &= of_amounts != _NEVER
                codes = codes * len(rank) + of_amounts
                ranks.append(rank)
            rows = np.flatnonzero(is_picked)
            rows = rows[np.argsort(codes[rows], kind="stable")]
            self._orders[columns] = _Order(ranks, rows, codes[rows])
        return self._orders[columns]
