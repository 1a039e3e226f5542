"""The variance report: Actual against Budget by fiscal year, from revenue to profit, then the other accounts.

Belongs here: the report's lines, totals and CSV text. Does not belong here: the definition of a variance (see the view
ActualVsBudget) and of a complete period (see `slices.completeness`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from typing import NamedTuple

from finance_platform.money_text import plain_money
from finance_platform.safe_text import spreadsheet_cell
from finance_platform.warehouse.port import Queryable, Warehouse
from finance_platform.warehouse.statements import SqlFile, statement

NO_BUDGET = "no budget"
INCOMPLETE = "incomplete"
NOT_MEANINGFUL = "n/m"

MONTHS_OF_YEAR = 12

PROFIT, NET_PROFIT = "Operating profit", "Net profit"
"""Revenue less Expense, without and with non-operating lines of the statement, which has the same names for it."""
UNCLASSIFIED = "Unclassified"
PROFIT_AFTER_UNCLASSIFIED = "Profit after unclassified"

_ZERO = Decimal("0.00")
_TENTH = Decimal("0.1")
_CLASSIFIED = ("Revenue", "Expense")
_UNKNOWN = "Unknown"
_PROFIT_TYPES = (*_CLASSIFIED, _UNKNOWN)

_CAPEX = "capex"


@dataclass(frozen=True)
class VarianceRow:
    """One line of one fiscal year; amounts in the home's currency, of complete periods, natural sign.

    Attributes:
        fiscal_year: named by the calendar year in which it ends.
        months: complete periods of the year.
        line: Revenue, Expense, a total, or category and type of other accounts; unique within a year.
        account_type: Revenue, Expense and so on; empty for a total.
        actual: of the complete periods; None if the year has none.
        actual_with_budget: Actual of the complete periods that have a budget; None if the year has none.
        budget: of those periods; None if the year has none.
        variance: actual_with_budget - budget; None if the year has no such period.
        favourable_sign: 1 if more is better, -1 if less is better, 0 if neither.
        incomplete_periods: the year's periods that the amounts above leave out.
        actual_incomplete: Actual of those periods.
    """

    fiscal_year: int
    months: int
    line: str
    account_type: str
    actual: Decimal | None
    actual_with_budget: Decimal | None
    budget: Decimal | None
    variance: Decimal | None
    favourable_sign: int = 0
    incomplete_periods: tuple[str, ...] = ()
    actual_incomplete: Decimal = _ZERO

    @property
    def variance_percent(self) -> str:
        """The variance in percent of the budget; `n/m` if the budget is 0 or has another sign than Actual."""
        return self.grouped_percent.replace(",", "")

    @property
    def grouped_percent(self) -> str:
        """The same with grouped digits, for people."""
        if self.variance is None or self.budget is None or self.actual_with_budget is None:
            return ""
        if not self.budget or self.budget * self.actual_with_budget < 0:
            return NOT_MEANINGFUL
        percent = 100 * self.variance / abs(self.budget)
        return f"{percent.quantize(_TENTH, ROUND_HALF_UP):+,}" if percent else "0.0"

    @property
    def effect(self) -> str:
        """`favourable`, `unfavourable` or `as planned`; empty for an account type that is neither."""
        if self.variance is None or not self.favourable_sign:
            return ""
        if not self.variance:
            return "as planned"
        return "favourable" if self.variance * self.favourable_sign > 0 else "unfavourable"

    def cells(self) -> dict[str, str]:
        """Return the row as text; `no budget` or `incomplete` in place of a missing amount."""
        return {
            "FiscalYear": str(self.fiscal_year),
            "Months": str(self.months),
            "Line": self.line,
            "AccountType": self.account_type,
            "Actual": self.text_of(self.actual),
            "ActualWithBudget": self.text_of(self.actual_with_budget),
            "Budget": self.text_of(self.budget),
            "Variance": self.text_of(self.variance),
            "VariancePercent": self.variance_percent,
            "Effect": self.effect,
            "IncompletePeriods": " ".join(self.incomplete_periods),
            "ActualIncomplete": plain_money(self.actual_incomplete),
        }

    def text_of(self, amount: Decimal | None, write: Callable[[Decimal], str] = plain_money) -> str:
        """Return one of the row's amounts as text, or why it has none."""
        if amount is None:
            return NO_BUDGET if self.months else INCOMPLETE
        return write(amount)


AMOUNTS = ("actual", "actual_with_budget", "budget", "variance", "actual_incomplete")
"""The fields of a row that are decimals, or None."""

REPORT_COLUMNS = tuple(VarianceRow(0, 0, "", "", None, None, None, None).cells())
"""The columns of the report's file."""


class _Part(NamedTuple):
    """A row of the query: an account type, or a category of one, in one period; no budget is None."""

    fiscal_year: int
    period: str
    is_complete: bool
    has_budget: bool
    account_type: str
    category: str
    profit_sign: int
    actual: Decimal
    budget: Decimal | None
    variance: Decimal | None
    has_non_operating: bool


class _Year(NamedTuple):
    """The periods of a fiscal year."""

    fiscal_year: int
    complete: tuple[str, ...]
    with_budget: tuple[str, ...]
    incomplete: tuple[str, ...]

    @classmethod
    def of(cls, parts: Iterable[_Part]) -> _Year:
        """Return the periods of a year's parts; those with a budget are complete too."""
        by_period = {part.period: part for part in parts}
        periods = [by_period[name] for name in sorted(by_period)]
        return cls(
            periods[0].fiscal_year,
            tuple(one.period for one in periods if one.is_complete),
            tuple(one.period for one in periods if one.is_complete and one.has_budget),
            tuple(one.period for one in periods if not one.is_complete),
        )


class _Sums(NamedTuple):
    """What the parts of one account type, or of a category of one, add up to in a fiscal year."""

    account_type: str
    category: str
    profit_sign: int
    actual: Decimal
    actual_with_budget: Decimal
    budget: Decimal
    variance: Decimal
    actual_incomplete: Decimal

    @classmethod
    def of(cls, parts: Sequence[_Part]) -> _Sums:
        """Return the sums of the parts of one type and category."""
        complete = [part for part in parts if part.is_complete]
        return cls(
            parts[0].account_type,
            parts[0].category,
            max(part.profit_sign for part in parts),
            sum((part.actual for part in complete), _ZERO),
            sum((part.actual for part in complete if part.has_budget), _ZERO),
            sum((part.budget or _ZERO for part in complete), _ZERO),
            sum((part.variance or _ZERO for part in complete), _ZERO),
            sum((part.actual for part in parts if not part.is_complete), _ZERO),
        )


def variance_rows(warehouse: Queryable) -> list[VarianceRow]:
    """Return the report's rows: by fiscal year, revenue to profit, then other account types by category."""
    parts = [_Part(*row) for row in warehouse.query(statement(SqlFile.VARIANCE_BY_PERIOD)).rows]
    return [row for _, of_year in groupby(parts, lambda part: part.fiscal_year) for row in _year_rows(list(of_year))]


def published_variance(warehouse: Warehouse) -> list[VarianceRow]:
    """Return the rows of `variance_rows`, added up once in a process for one state of the warehouse.

    A run needs them for its report, for the record of what it left, and for its output.
    """
    version = warehouse.content_version()
    if not version:
        return variance_rows(warehouse)
    if version not in _LATEST:
        rows = variance_rows(warehouse)
        _LATEST.clear()
        if warehouse.content_version() == version:
            _LATEST[version] = tuple(rows)
        return rows
    return list(_LATEST[version])


_LATEST: dict[str, tuple[VarianceRow, ...]] = {}
"""The rows of the state that was added up last, by the version of its content; at most one."""


def as_csv(rows: Sequence[VarianceRow]) -> str:
    """Return the report as CSV text for spreadsheets, with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, REPORT_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: spreadsheet_cell(cell) for name, cell in row.cells().items()} for row in rows)
    return text.getvalue()


def _year_rows(parts: Sequence[_Part]) -> Iterator[VarianceRow]:
    """Yield the lines of one fiscal year, given its parts by account type and category."""
    year = _Year.of(parts)
    sums = [_Sums.of(list(group)) for _, group in groupby(parts, lambda part: (part.account_type, part.category))]
    by_type = {row.account_type: row for row in sums if row.account_type in _PROFIT_TYPES}
    classified = [by_type[name] for name in _CLASSIFIED if name in by_type]
    for row in classified:
        yield _row(year, row.account_type, row.account_type, [(1, row)], row.profit_sign)
    signed = [(row.profit_sign, row) for row in classified]
    if signed:
        yield _row(year, NET_PROFIT if parts[0].has_non_operating else PROFIT, "", signed, 1)
    if _UNKNOWN in by_type:
        unknown = by_type[_UNKNOWN]
        yield _row(year, UNCLASSIFIED, _UNKNOWN, [(1, unknown)])
        # Taken as a cost until someone classifies it: an amount without an explanation must not raise profit.
        yield _row(year, PROFIT_AFTER_UNCLASSIFIED, "", [*signed, (-1, unknown)], 1)
    for row in sums:
        if row.account_type not in _PROFIT_TYPES:
            is_capex = row.account_type == "Asset" and row.category.casefold() == _CAPEX
            yield _row(
                year,
                line_of_category(row.account_type, row.category),
                row.account_type,
                [(1, row)],
                -1 if is_capex else 0,
            )


def line_of_category(account_type: str, category: str) -> str:
    """Return the name of the line of a category outside of profit."""
    return f"{account_type} without a category" if category in {"", _UNKNOWN} else f"{category} ({account_type})"


def _row(
    year: _Year, line: str, account_type: str, terms: Sequence[tuple[int, _Sums]], favourable_sign: int = 0
) -> VarianceRow:
    """Return a line that adds up signed sums; an amount is None if the year has no period of its kind."""

    def total(name: str, periods: Sequence[str]) -> Decimal | None:
        amounts = [sign * getattr(sums, name) for sign, sums in terms]
        return sum(amounts, _ZERO) if periods else None

    return VarianceRow(
        fiscal_year=year.fiscal_year,
        months=len(year.complete),
        line=line,
        account_type=account_type,
        actual=total("actual", year.complete),
        actual_with_budget=total("actual_with_budget", year.with_budget),
        budget=total("budget", year.with_budget),
        variance=total("variance", year.with_budget),
        favourable_sign=favourable_sign,
        incomplete_periods=year.incomplete,
        actual_incomplete=total("actual_incomplete", year.incomplete) or _ZERO,
    )
