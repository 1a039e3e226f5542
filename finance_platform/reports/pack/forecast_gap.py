"""What the forecast of an outlook lacks: lines and business units with a budget, and nothing in any of its months.

Belongs here: finding them in a pack, for its first screen and its workbook. Does not belong here: the same of a choice
of business unit and period in the page (see `web/scripts/60_detail_pages.js`), the outlook itself (see the view).

The outlook takes a month whole from one plan, so what a forecast of some departments or costs lacks counts as zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from finance_platform.reports.pack.amounts import Amounts
from finance_platform.reports.pack.browser_data import DEFAULT_THRESHOLD
from finance_platform.reports.pack.model import Pack

_ZERO = Decimal("0.00")


@dataclass(frozen=True)
class ForecastGap:
    """What a forecast lacks.

    Attributes:
        forecast: its name.
        plan: the budget that has amounts there.
        places: lines of the statement, the largest first; of one that some units have, with the units that do not.
        amount: what the budget has there, revenue and costs both positive.
    """

    forecast: str
    plan: str
    places: Sequence[str]
    amount: Decimal


def find_forecast_gap(pack: Pack) -> ForecastGap | None:
    """Return what the forecast lacks; None without one, or if that is less than the home's materiality."""
    plans = [one for one in pack.scenarios if one.is_baseline and one.type == "Budget"]
    forecasts = {one.key: one.name for one in pack.scenarios if one.type == "Forecast"}
    if not plans or pack.period is None:
        return None
    plan, year = plans[0], pack.period.fiscal_year
    months = {
        one.name: pack.outlook[one.name]
        for one in pack.periods
        if one.fiscal_year == year and one.name in plan.covered and pack.outlook.get(one.name) in forecasts
    }
    if not months:
        return None
    forecast = months[max(months)]  # a month before those of the latest one may be from the one before
    months = {name: scenario for name, scenario in months.items() if scenario == forecast}
    planned, expected = _amounts(pack, dict.fromkeys(months, plan.key)), _amounts(pack, months)
    units = {one.unit for one in pack.departments}
    lacking: dict[int, dict[str, Decimal]] = {}
    for (line, unit), amounts in planned.items():
        if not any(expected.get((line, unit), {}).values()) and (amount := sum(amounts.values(), _ZERO)):
            lacking.setdefault(line, {})[unit] = amount
    total = sum((abs(amount) for amounts in lacking.values() for amount in amounts.values()), _ZERO)
    if not total or total < pack.thresholds.get(None, DEFAULT_THRESHOLD).amount:
        return None
    labels = {row.order: row.label for row in pack.statement}
    lines = sorted(lacking, key=lambda line: (-abs(sum(lacking[line].values(), _ZERO)), line))
    has_forecast = {line for (line, _), amounts in expected.items() if any(amounts.values())}
    places = [
        f"{labels[line]} of {_name_units(sorted(lacking[line]))}"
        if line in has_forecast and len(units) > 1
        else labels[line]
        for line in lines
    ]
    return ForecastGap(forecasts[forecast], plan.name, places, total)


def _amounts(pack: Pack, months: dict[str, int]) -> dict[tuple[int, str], dict[str, Decimal]]:
    """Return the amounts by line and business unit, and by month, of the scenario that each month names."""
    units = {one.key: one.unit for one in pack.departments}
    accounts = {one.key: (one.line, one.factor) for one in pack.accounts if one.line is not None}
    found: dict[tuple[int, str], dict[str, Decimal]] = {}
    for cell in Amounts.of(pack.cells).select(set(months.values()), accounts, months):
        if months[cell.period] == cell.scenario:
            line, factor = accounts[cell.account]
            of_months = found.setdefault((line, units[cell.department]), {})
            of_months[cell.period] = of_months.get(cell.period, _ZERO) + factor * cell.amount
    return found


def _name_units(units: Sequence[str]) -> str:
    return " and ".join(units) if len(units) < 3 else f"{len(units)} units"
