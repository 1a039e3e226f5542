"""A pack of a few cells, made without a warehouse.

Belongs here: its figures. Does not belong here: expectations.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from finance_platform.reports.pack.model import (
    Cell,
    Choice,
    LineFigure,
    LoadStamp,
    Pack,
    PackAccount,
    PackDepartment,
    PackPeriod,
    PackScenario,
    Reliability,
    StatementRow,
)

WRITTEN_AT = datetime(2025, 10, 2, 8, 30, tzinfo=UTC)
MONTHS = tuple(f"{year}-{month:02d}" for year in (2024, 2025) for month in range(1, 13))
ACTUAL, BUDGET = 1, 2
SALES_UNIT, WORKS_UNIT = "Sales unit", "Works unit"
SALES, WORKS = 10, 11
REVENUE, RENT, MACHINES, UNTYPED = 20, 21, 22, 23


def made_pack(**changes: Any) -> Pack:
    """Return a pack: two units, actuals of 2024-01 to 2025-03, a budget of all months."""
    actual = [cell for period in MONTHS[:15] for cell in _month(ACTUAL, period, "100.10", "40.05")]
    budget = [cell for period in MONTHS for cell in _month(BUDGET, period, "110.00", "50.00")]
    extra = [Cell(ACTUAL, WORKS, MACHINES, "2025-02", Decimal("7.00"))]
    extra += [Cell(ACTUAL, WORKS, UNTYPED, "2025-03", Decimal("1.25"))]
    pack = Pack(
        entity="Made & Co",
        currency="EUR",
        choice=Choice("2025-03", "Actual", "Budget", ""),
        stamp=LoadStamp(3, datetime(2025, 4, 1, 6, 0), "abc123"),  # noqa: DTZ001  as the ledger stores it
        periods=tuple(_period(name) for name in MONTHS),
        scenarios=(
            PackScenario(ACTUAL, "Actual", "Actual", is_baseline=False, covered=frozenset(MONTHS[:15])),
            PackScenario(BUDGET, "Budget", "Budget", is_baseline=True, covered=frozenset(MONTHS)),
        ),
        departments=(
            PackDepartment(SALES, "D1", "Selling", SALES_UNIT, "", is_inferred=False),
            PackDepartment(WORKS, "D2", "Making", WORKS_UNIT, "D1", is_inferred=False),
        ),
        accounts=(
            PackAccount(REVENUE, "4000", "Goods", "Revenue", "Goods", 1, 1, is_mapped=False, is_inferred=False),
            PackAccount(RENT, "6100", "Rent", "Expense", "Rent", 2, 1, is_mapped=False, is_inferred=False),
            PackAccount(MACHINES, "0400", "Machines", "Asset", "CapEx", None, 1, is_mapped=False, is_inferred=False),
            PackAccount(UNTYPED, "9999", "9999", "Unknown", "Unknown", 3, 1, is_mapped=False, is_inferred=True),
        ),
        statement=(
            StatementRow(1, "Goods", is_subtotal=False, sign=1, parts=((1, 1),)),
            StatementRow(10, "Revenue, net", is_subtotal=True, sign=1, parts=((1, 1),)),
            StatementRow(2, "Rent", is_subtotal=False, sign=-1, parts=((2, 1),)),
            StatementRow(30, "Operating profit", is_subtotal=True, sign=1, parts=((1, 1), (2, -1))),
            StatementRow(3, "Unclassified", is_subtotal=False, sign=-1, parts=((3, 1),)),
            StatementRow(50, "Profit after unclassified", is_subtotal=True, sign=1, parts=((1, 1), (2, -1), (3, -1))),
        ),
        cells=tuple(
            sorted((*actual, *budget, *extra), key=lambda one: (one.scenario, one.department, one.account, one.period))
        ),
        outlook=dict.fromkeys(MONTHS[:15], ACTUAL) | dict.fromkeys(MONTHS[15:], BUDGET),
        profit_and_loss=_profit_and_loss(),
        thresholds={},
        comments=(),
        reliability=Reliability((), (), 0, (), (), 0),
        movements=(),
    )
    return replace(pack, **changes)


def named(**texts: str) -> Pack:
    """Return the pack with other texts: department, account, unit, line."""
    pack = made_pack()
    department, account = pack.departments[0], pack.accounts[0]
    changed = replace(
        department, name=texts.get("department", department.name), unit=texts.get("unit", department.unit)
    )
    return replace(
        pack,
        departments=(changed, *pack.departments[1:]),
        accounts=(replace(account, name=texts.get("account", account.name)), *pack.accounts[1:]),
        statement=(replace(pack.statement[0], label=texts.get("line", pack.statement[0].label)), *pack.statement[1:]),
    )


def _month(scenario: int, period: str, revenue: str, rent: str) -> list[Cell]:
    return [
        Cell(scenario, SALES, REVENUE, period, Decimal(revenue)),
        Cell(scenario, SALES, RENT, period, Decimal(rent)),
        Cell(scenario, WORKS, RENT, period, Decimal("10.00")),
    ]


def _period(name: str) -> PackPeriod:
    year, month = (int(part) for part in name.split("-"))
    has_actual = name in MONTHS[:15]
    return PackPeriod(name, year, month, has_actual, name <= "2024-12", has_actual, 2, 0 if has_actual else 2)


def _profit_and_loss() -> tuple[LineFigure, ...]:
    """Return the year to date: 3 months of 100.10 and 40.05 + 10, against 110 and 60."""
    rows = [(1, "300.30", "330.00", 1), (10, "300.30", "330.00", 1), (2, "150.15", "180.00", -1)]
    rows += [(30, "150.15", "150.00", 1), (3, "1.25", "0.00", -1), (50, "148.90", "150.00", 1)]
    return tuple(
        LineFigure(
            2,
            "Budget",
            order,
            Decimal(amount),
            Decimal(reference),
            Decimal(amount),
            Decimal(reference),
            sign * (Decimal(amount) - Decimal(reference)),
        )
        for order, amount, reference, sign in rows
    )
