"""A small star in the processed zone: Parquet files with the contracts' columns, and the slices that name them.

Belongs here: rows, files and slices for the tests of the warehouse.
Does not belong here: assertions.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DATE, DIM_DEPARTMENT, DIM_SCENARIO, FACT_FINANCIALS
from finance_platform.warehouse.load_request import SliceSum, SliceToLoad

LOADED_AT = datetime(2025, 7, 1, 12, 0, tzinfo=UTC)

SALES, WORKS = 11, 12
REVENUE, RENT, TRUCKS, CASH, HEADS = 21, 22, 23, 24, 25
ACTUAL, BUDGET, FORECAST = 31, 32, 33

_ARROW: dict[str, pa.DataType] = {
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "date": pa.date32(),
    "boolean": pa.bool_(),
    "decimal(18,2)": pa.decimal128(18, 2),
}


class Fact(NamedTuple):
    """One row of FactFinancials, with the columns that a test needs."""

    day: str
    department: int
    account: int
    scenario: int
    amount: str
    budget: str = "0.00"
    variance: str | None = None
    transaction_count: int = 1

    def row(self) -> dict[str, Any]:
        """The row by column name."""
        amount, budget = Decimal(self.amount), Decimal(self.budget)
        day = date.fromisoformat(self.day)
        return {
            "date_key": int(f"{day:%Y%m%d}"),
            "department_key": self.department,
            "account_key": self.account,
            "scenario_key": self.scenario,
            "amount": amount,
            "budget_amount": budget,
            "variance": amount - budget if self.variance is None else Decimal(self.variance),
            "transaction_date": day,
            "transaction_count": self.transaction_count,
        }


def january() -> list[Fact]:
    """A month with a budget."""
    return [
        Fact("2025-01-01", SALES, REVENUE, ACTUAL, "0.00", "900.00"),
        Fact("2025-01-15", SALES, REVENUE, ACTUAL, "1000.00"),
        Fact("2025-01-01", SALES, RENT, ACTUAL, "250.50", "200.00"),
        Fact("2025-01-01", WORKS, TRUCKS, ACTUAL, "80.00", "100.00"),
        Fact("2025-01-31", WORKS, CASH, ACTUAL, "5000.00"),
        Fact("2025-01-31", WORKS, HEADS, ACTUAL, "12.00"),
        Fact("2025-01-01", SALES, REVENUE, BUDGET, "900.00", "900.00"),
        Fact("2025-01-01", SALES, RENT, BUDGET, "200.00", "200.00"),
        Fact("2025-01-01", WORKS, TRUCKS, BUDGET, "100.00", "100.00"),
        Fact("2025-01-01", SALES, RENT, FORECAST, "240.00", "200.00"),
    ]


def february() -> list[Fact]:
    """A month without a budget."""
    return [
        Fact("2025-02-10", SALES, REVENUE, ACTUAL, "1100.00"),
        Fact("2025-02-10", SALES, RENT, ACTUAL, "250.50"),
    ]


def write_parquet(path: Path, contract: Contract, rows: Sequence[dict[str, Any]]) -> str:
    """Write rows with a contract's stored columns and return the file's path."""
    schema = pa.schema([pa.field(c.name, _ARROW.get(c.type, pa.string())) for c in contract.stored_columns])
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)
    return str(path)


def _unlink(file: str) -> None:
    Path(file).unlink()


@dataclass
class StarFiles:
    """Writes slices below a folder, each version to files of its own.

    Attributes:
        folder: where files are written.
        address: moves a written file to a place that the warehouse can read, and returns its address.
        remove: deletes the file at an address.
    """

    folder: Path
    address: Callable[[Path], str] = str
    remove: Callable[[str], object] = _unlink
    _written: int = field(default=0)

    def dimensions(self, version: str = "d1") -> list[SliceToLoad]:
        """All four dimensions."""
        return [
            self.dimension(DIM_DATE, list(days(2025)), version),
            self.dimension(DIM_DEPARTMENT, departments(), version),
            self.dimension(DIM_ACCOUNT, accounts(), version),
            self.dimension(DIM_SCENARIO, scenarios(), version),
        ]

    def dimension(self, contract: Contract, rows: Sequence[dict[str, Any]], version: str = "d1") -> SliceToLoad:
        """One dimension, whole."""
        return SliceToLoad(contract.name, "all", version, (self._file(contract, rows),), len(rows))

    def facts(self, period: str, version: str, facts: Iterable[Fact], files: int = 1) -> SliceToLoad:
        """One period of the fact table, spread over some files."""
        rows = [fact.row() for fact in facts]
        paths = tuple(self._file(FACT_FINANCIALS, rows[index::files]) for index in range(files))
        return SliceToLoad("fact_financials", period, version, paths, len(rows), sums_of(rows))

    def _file(self, contract: Contract, rows: Sequence[dict[str, Any]]) -> str:
        self._written += 1
        return self.address(
            Path(write_parquet(self.folder / contract.name / f"{self._written:04}.parquet", contract, rows))
        )


def removed(period: str) -> SliceToLoad:
    """A period of the fact table to remove."""
    return SliceToLoad("fact_financials", period, None)


def sums_of(rows: Sequence[dict[str, Any]]) -> tuple[SliceSum, ...]:
    """The control sums of fact rows, as in their slice's commit."""
    by_scenario: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        by_scenario.setdefault(row["scenario_key"], []).append(row)
    return tuple(
        SliceSum(
            scenario,
            len(part),
            sum((row["amount"] for row in part), Decimal("0.00")),
            sum((row["budget_amount"] for row in part), Decimal("0.00")),
        )
        for scenario, part in sorted(by_scenario.items())
    )


def departments() -> list[dict[str, Any]]:
    """Two departments, one of them inferred."""
    return [
        _department(SALES, "Sales", "0010", is_inferred=False),
        _department(WORKS, "Public works", "0020", is_inferred=True),
    ]


def accounts() -> list[dict[str, Any]]:
    """An account of each kind that the views treat differently."""
    return [
        _account(REVENUE, "Revenue", "4000", "Revenue", 1),
        _account(RENT, "Rent", "6000", "Expense", -1),
        _account(TRUCKS, "Trucks", "1500", "Asset", 0, category="CapEx"),
        _account(CASH, "Cash", "1000", "Asset", 0, measure="balance"),
        _account(HEADS, "Headcount", "9000", "Statistical", 0, is_monetary=False),
    ]


def scenarios() -> list[dict[str, Any]]:
    """Actual, the baseline and a forecast."""
    return [
        {"scenario_key": ACTUAL, "scenario_name": "Actual", "scenario_type": "Actual", "is_baseline": False},
        {"scenario_key": BUDGET, "scenario_name": "Budget", "scenario_type": "Budget", "is_baseline": True},
        {"scenario_key": FORECAST, "scenario_name": "Forecast", "scenario_type": "Forecast", "is_baseline": False},
    ]


def _department(key: int, name: str, code: str, *, is_inferred: bool) -> dict[str, Any]:
    return {
        "department_key": key,
        "department_name": name,
        "department_code": code,
        "business_unit": "Unknown",
        "is_inferred": is_inferred,
    }


def _account(
    key: int,
    name: str,
    number: str,
    account_type: str,
    sign: int,
    *,
    category: str = "Unknown",
    measure: str = "flow",
    is_monetary: bool = True,
) -> dict[str, Any]:
    return {
        "account_key": key,
        "account_name": name,
        "account_number": number,
        "account_type": account_type,
        "category": category,
        "profit_sign": sign,
        "is_monetary": is_monetary,
        "measure": measure,
        "is_inferred": False,
    }


def days(year: int) -> Iterable[dict[str, Any]]:
    """The rows of DimDate of a year."""
    day = date(year, 1, 1)
    while day.year == year:
        iso = day.isocalendar()
        yield {
            "date_key": int(f"{day:%Y%m%d}"),
            "full_date": day,
            "year": day.year,
            "quarter": (day.month + 2) // 3,
            "month": day.month,
            "day": day.day,
            "week_of_year": iso.week,
            "day_of_week": calendar.day_name[day.weekday()],
            "iso_year": iso.year,
            "month_name": calendar.month_name[day.month],
            "year_month": f"{day:%Y-%m}",
            "fiscal_year": day.year,
            "fiscal_quarter": (day.month + 2) // 3,
            "fiscal_period": day.month,
            "is_month_end": (day + timedelta(days=1)).day == 1,
        }
        day += timedelta(days=1)
