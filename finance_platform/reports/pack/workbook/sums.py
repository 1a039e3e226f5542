"""Sums of a pack's amounts as the workbook's formulas take them: each is a SUMIFS on the sheet Data and its result.

Belongs here: which amounts belong to a figure, the columns of Data that say so, sums by line, unit, department and
account. Does not belong here: cells and sheets.

A column of Data marks the rows of one side of one horizon: 1 if both sides have the period, 2 if only this side has it.
Formulas compare numbers only. A text would be a pattern (`*`, `>`), and the codes 0460 and 460 would be the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from finance_platform.contracts.views import HORIZONS, PRIOR_YEAR
from finance_platform.reports.pack.amounts import Amounts
from finance_platform.reports.pack.model import Pack, PackAccount
from finance_platform.reports.pack.workbook.figures import WorkbookFigures
from finance_platform.reports.pack.workbook.sum_columns import Member, Numbering, Place, SumColumns, SumsByNumbers

SHOWN_HORIZONS = ("month", "year to date", "full year")
COMPARED, ONE_SIDED = 1, 2


class Side(StrEnum):
    """Whose amounts: the pack's scenario, the prior year, the pack's reference."""

    SCENARIO = "scenario"
    PRIOR_YEAR = "prior year"
    REFERENCE = "reference"


@dataclass(frozen=True)
class Mark:
    """A column of Data that marks the amounts of one side of one horizon.

    Attributes:
        horizon: one of `SHOWN_HORIZONS`.
        side: whose amounts.
        cells: the scenarios (keys) and periods that it marks, with COMPARED or ONE_SIDED.
    """

    horizon: str
    side: Side
    cells: Mapping[tuple[int, str], int]

    @property
    def header(self) -> str:
        """The header of the column."""
        return f"{self.horizon.capitalize()}: {self.side.value}"

    @cached_property
    def range_name(self) -> str:
        """The name of its cells in formulas."""
        return range_name(f"{self.horizon} {self.side.value}")

    @property
    def is_compared(self) -> bool:
        """Whether it has only periods that both sides have."""
        return all(value == COMPARED for value in self.cells.values())


@dataclass(frozen=True)
class Sum:
    """A sum of amounts: the formula, without `=`, and its result in home currency."""

    formula: str
    value: Decimal


@dataclass(frozen=True)
class Key:
    """What a formula compares to pick the rows of one line, unit, department or account.

    Attributes:
        columns: the columns of Data that are compared.
        numberings: what amounts have in these columns.
    """

    columns: tuple[str, ...]
    numberings: tuple[Numbering, ...]


def range_name(text: str) -> str:
    """Return the name of a column of Data in formulas."""
    return "Data_" + "".join(word.capitalize() for word in text.split())


AMOUNT, PROFIT = range_name("amount"), range_name("profit")
LINE, UNIT = range_name("line id"), range_name("unit id")
DEPARTMENT, ACCOUNT, OUTLOOK = range_name("department id"), range_name("account id"), range_name("outlook")
REVENUE = "Revenue"


@dataclass(frozen=True)
class _Accounts:
    """Some of the accounts: what a formula compares beside numbers, which are words of the platform, and who has it."""

    criteria: str
    has: Callable[[PackAccount], bool]


_EVERY = _Accounts("", lambda _: True)
_REVENUE = _Accounts(f',{range_name("type")},"{REVENUE}"', lambda account: account.type == REVENUE)
_CAPEX = _Accounts(f',{range_name("type")},"Asset",{range_name("category")},"CapEx"', lambda account: account.is_capex)


class Sums:
    """The sums of one pack.

    Attributes:
        marks: by horizon and side, the columns that mark amounts; a side without any period has none.
        units: the number of each business unit, from 1.
        departments: the number of each department, by key.
        accounts: the number of each account, by key.
        outlook: by scenario and period, the month of the fiscal year whose outlook takes the amount.
    """

    def __init__(self, pack: Pack, figures: WorkbookFigures) -> None:
        """Group the amounts of a pack by what formulas compare."""
        self._accounts = {one.key: one for one in pack.accounts}
        units = sorted({one.unit for one in pack.departments})
        self.units = {unit: number for number, unit in enumerate(units, 1)}
        self.departments = {one.key: number for number, one in enumerate(pack.departments, 1)}
        self.accounts = {one.key: number for number, one in enumerate(pack.accounts, 1)}
        self.marks = _marks(pack, figures)
        self.outlook = _outlook_months(pack)
        lines = {one.key: one.line for one in pack.accounts if one.line is not None}
        departments = Numbering(Member.DEPARTMENT, self.departments)
        self.keys = {
            "all": Key((), ()),
            "line": Key((LINE,), (Numbering(Member.ACCOUNT, lines),)),
            "unit": Key(
                (UNIT,), (Numbering(Member.DEPARTMENT, {one.key: self.units[one.unit] for one in pack.departments}),)
            ),
            "department": Key((DEPARTMENT,), (departments,)),
            "cell": Key((DEPARTMENT, ACCOUNT), (departments, Numbering(Member.ACCOUNT, self.accounts))),
        }
        self._marked = {place for mark in self.marks.values() for place in mark.cells}
        used = self._marked | self.outlook.keys()
        self._columns = SumColumns(Amounts.of(pack.cells), used.__contains__)
        self._sums: dict[object, SumsByNumbers] = {}
        self._weights: dict[tuple[str, str], npt.NDArray[np.int64]] = {}

    def mark(self, horizon: str, side: Side) -> Mark | None:
        """Return the column of a side of a horizon; None if the side has no amounts there."""
        return self.marks.get((horizon, side))

    def profit_of(self, account: int, amount: Decimal) -> Decimal | None:
        """Return what an amount adds to profit; None for an account outside of profit."""
        effect = profit_effect(self._accounts[account])
        return amount * effect if effect else None

    def amount(self, mark: Mark, key: str, places: Sequence[str], values: tuple[int, ...], *, compared: bool) -> Sum:
        """Return the sum of the natural amounts of a side; arguments as in `profit`."""
        return self._sum(AMOUNT, mark, key, places, values, compared=compared)

    def profit(
        self,
        mark: Mark,
        key: str = "all",
        places: Sequence[str] = (),
        values: tuple[int, ...] = (),
        *,
        compared: bool = False,
        revenue: bool = False,
    ) -> Sum:
        """Return the profit of a side.

        Args:
            mark: the side.
            key: one of `keys`.
            places: the cells with the numbers that are compared, such as `$A7`.
            values: these numbers.
            compared: whether only periods count that both sides have.
            revenue: whether only accounts of revenue count.
        """
        return self._sum(PROFIT, mark, key, places, values, compared=compared, only=_REVENUE if revenue else _EVERY)

    def capex(self, mark: Mark, *, compared: bool) -> Sum:
        """Return the capital expenditure of a side; arguments as in `profit`."""
        return self._sum(AMOUNT, mark, "all", (), (), compared=compared, only=_CAPEX)

    def outlook_profit(
        self, month: str | None, month_number: int, key: str, places: Sequence[str], values: tuple[int, ...]
    ) -> Sum:
        """Return the profit that the outlook expects of one month (its number is in the cell `month`), or of all."""
        criteria = _criteria(self.keys[key].columns, places) + f",{OUTLOOK},{month or _ANY}"
        months = {month_number} if month_number else {*self.outlook.values()}
        found = self._sums_by(
            PROFIT, key, _EVERY, (OUTLOOK, month_number), lambda place: self.outlook.get(place) in months
        )
        return Sum(f"SUMIFS({PROFIT}{criteria})", found.of(values))

    def cells_of(self, accounts: set[int], marks: Sequence[Mark]) -> list[tuple[int, int]]:
        """Return the departments and accounts (keys), of these accounts, that have an amount on one of the sides."""
        return self._columns.pairs(accounts, lambda place: any(place in mark.cells for mark in marks))

    def departments_in_use(self) -> set[int]:
        """Return the departments (keys) that have an amount of profit on a side."""
        of_profit = {key for key, account in self._accounts.items() if profit_effect(account)}
        return self._columns.departments(of_profit, self._marked.__contains__)

    def _sum(
        self,
        measure: str,
        mark: Mark,
        key: str,
        places: Sequence[str],
        values: tuple[int, ...],
        *,
        compared: bool,
        only: _Accounts | None = None,
    ) -> Sum:
        only = only or _EVERY
        criteria = _criteria(self.keys[key].columns, places) + only.criteria
        criteria += f",{mark.range_name},{COMPARED if compared else _ANY}"
        counting = (COMPARED,) if compared else (COMPARED, ONE_SIDED)
        found = self._sums_by(
            measure, key, only, (mark.range_name, compared), lambda place: mark.cells.get(place) in counting
        )
        return Sum(f"SUMIFS({measure}{criteria})", found.of(values))

    def _sums_by(
        self, measure: str, key: str, only: _Accounts, which: object, is_wanted: Callable[[Place], bool]
    ) -> SumsByNumbers:
        """Return the sums by what a key compares, of some scenarios and periods; `which` tells these apart."""
        place = (measure, key, only.criteria, which)
        if place not in self._sums:
            found, weights = self.keys[key], self._weights_of(measure, only)
            self._sums[place] = self._columns.add_up(found.columns, found.numberings, is_wanted, weights)
        return self._sums[place]

    def _weights_of(self, measure: str, only: _Accounts) -> npt.NDArray[np.int64]:
        """Return what the amounts of each account count for in a measure of some accounts."""
        if (measure, only.criteria) not in self._weights:
            effects = {
                account.key: (1 if measure == AMOUNT else profit_effect(account)) if only.has(account) else 0
                for account in self._accounts.values()
            }
            self._weights[measure, only.criteria] = self._columns.weights(effects)
        return self._weights[measure, only.criteria]


_ANY = '">0"'


def profit_effect(account: PackAccount) -> int:
    """Return 1 if an account's amounts raise profit, -1 if they lower it, as without a type, else 0."""
    return {REVENUE: 1, "Expense": -1, "Unknown": -1}.get(account.type, 0)


def _criteria(columns: Sequence[str], places: Sequence[str]) -> str:
    return "".join(f",{column},{place}" for column, place in zip(columns, places, strict=True))


def _marks(pack: Pack, figures: WorkbookFigures) -> dict[tuple[str, Side], Mark]:
    """Return the marks in the order of the columns; the prior year is a side of its own only beside a reference."""
    reference = pack.choice.reference
    cells: dict[tuple[str, Side], dict[tuple[int, str], int]] = {
        (horizon, side): {} for horizon in SHOWN_HORIZONS for side in Side
    }
    for one in figures.horizons:
        horizon = HORIZONS[one.horizon - 1]
        if horizon not in SHOWN_HORIZONS:
            continue
        value = COMPARED if one.is_compared else ONE_SIDED
        is_reference = one.reference_name == (reference or PRIOR_YEAR)
        if is_reference and one.scenario is not None:
            cells[horizon, Side.SCENARIO][one.scenario, one.period] = value if reference else ONE_SIDED
        side = Side.REFERENCE if is_reference and reference else Side.PRIOR_YEAR
        if one.reference is not None:
            cells[horizon, side][one.reference, one.reference_period] = value
    return {place: Mark(*place, marked) for place, marked in cells.items() if marked}


def _outlook_months(pack: Pack) -> dict[tuple[int, str], int]:
    year = pack.period.fiscal_year if pack.period else None
    return {
        (pack.outlook[one.name], one.name): one.fiscal_period
        for one in pack.periods
        if one.fiscal_year == year and one.name in pack.outlook
    }
