"""What the workbook of a made pack shows beyond it, added up a second time from the pack's amounts.

Belongs here: figures as the views have them. Does not belong here: expectations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from finance_platform.reports.pack.model import Cell, LineFigure, Pack
from finance_platform.reports.pack.workbook.figures import HorizonPeriod, Sides, TopVariance, WorkbookFigures
from finance_platform_tests.report_pack.made_packs import (
    ACTUAL,
    BUDGET,
    MACHINES,
    MONTHS,
    RENT,
    REVENUE,
    SALES,
    UNTYPED,
    WORKS,
)

_SIGNS = {REVENUE: 1, RENT: -1, UNTYPED: -1}
_YEAR = MONTHS[12:24]
_PERIODS = {1: ("2025-03",), 2: _YEAR[:3], 4: _YEAR}


def made_figures(pack: Pack, **changes: Any) -> WorkbookFigures:
    """Return the figures of a made pack whose choice is 2025-03, Actual against Budget."""
    figures = WorkbookFigures(
        horizons=tuple(_horizons()),
        variances=(
            _variance(WORKS, MACHINES, "7.00", "-7.00"),
            _variance(SALES, REVENUE, "-29.70", "-29.70"),
            _variance(SALES, RENT, "-29.85", "29.85"),
            _variance(WORKS, UNTYPED, "1.25", "-1.25"),
        ),
        amounts=len(pack.cells),
        total=sum((cell.amount for cell in pack.cells), Decimal(0)),
        revenue=_by_unit(pack, lambda cell: cell.amount if cell.account == REVENUE else Decimal(0)),
        profit=_by_unit(pack, lambda cell: cell.amount * _SIGNS.get(cell.account, 0)),
        capex=_by_unit(pack, _capex),
        outlook={"2025": _sum(pack, 4, ACTUAL, lambda cell: cell.amount * _SIGNS.get(cell.account, 0))},
    )
    return replace(figures, **changes)


def with_statement(pack: Pack) -> Pack:
    """Return the pack with a statement that agrees with its amounts, for every horizon and reference."""
    found = []
    for horizon, name, reference in [(h, n, r) for h in _PERIODS for n, r in (("Budget", BUDGET), ("Prior Year", -1))]:
        for row in pack.statement:
            parts = dict(row.parts)

            def of_row(cell: Cell, parts: dict[int, int] = parts) -> Decimal:
                line = next(one.line for one in pack.accounts if one.key == cell.account)
                return cell.amount * parts.get(line or 0, 0)

            sides = (_sum(pack, horizon, ACTUAL, of_row), _sum(pack, horizon, reference, of_row))
            impact = row.sign * (sides[0] - sides[1])
            found.append(LineFigure(horizon, name, row.order, *sides, *sides, impact))
    return replace(pack, profit_and_loss=tuple(found))


def _horizons() -> Iterable[HorizonPeriod]:
    for horizon, periods in _PERIODS.items():
        for period in periods:
            scenario = ACTUAL if period <= "2025-03" else BUDGET
            before = f"2024{period[4:]}"
            yield HorizonPeriod(horizon, "Budget", period, period, scenario, BUDGET, is_compared=True)
            yield HorizonPeriod(horizon, "Prior Year", period, before, scenario, ACTUAL, is_compared=True)


def _variance(department: int, account: int, variance: str, impact: str) -> TopVariance:
    return TopVariance(department, account, Decimal(variance), Decimal(impact), True, "", "", "")


def _capex(cell: Cell) -> Decimal:
    return cell.amount if cell.account == MACHINES else Decimal(0)


def _sum(pack: Pack, horizon: int, side: int, value_of: Callable[[Cell], Decimal], unit: str = "") -> Decimal:
    """Add up a side: ACTUAL with its outlook, BUDGET, or the prior year (-1)."""
    units = {one.key: one.unit for one in pack.departments}
    total = Decimal(0)
    for cell in pack.cells:
        if unit and units[cell.department] != unit:
            continue
        for period in _PERIODS[horizon]:
            scenario = ACTUAL if side == ACTUAL and period <= "2025-03" else BUDGET
            place = (ACTUAL, f"2024{period[4:]}") if side == -1 else (scenario, period)
            total += value_of(cell) if (cell.scenario, cell.period) == place else 0
    return total


def _by_unit(pack: Pack, value_of: Callable[[Cell], Decimal]) -> dict[tuple[int, str], Sides]:
    units = {one.unit for one in pack.departments}
    return {
        (horizon, unit): Sides(_sum(pack, horizon, ACTUAL, value_of, unit), _sum(pack, horizon, BUDGET, value_of, unit))
        for horizon in _PERIODS
        for unit in units
    }
