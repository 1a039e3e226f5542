"""What the workbook needs beyond a pack: the periods of each horizon, the variances, and the figures of its checks.

Belongs here: these values, and reading them from the views. Does not belong here: sums of amounts (see `sums`), cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from finance_platform.contracts.views import PRIOR_YEAR
from finance_platform.reports.pack.model import Pack
from finance_platform.warehouse.port import Queryable
from finance_platform.warehouse.statements import SqlFile, statement


@dataclass(frozen=True)
class HorizonPeriod:
    """Where a period of a horizon takes its amounts from; see the view of this name.

    Attributes:
        horizon: its number in `contracts.views.HORIZONS`, from 1.
        reference_name: the reference.
        period: the period, YYYY-MM.
        reference_period: the reference's period, YYYY-MM.
        scenario: key of the scenario of the amounts; None if there are none.
        reference: key of the reference's scenario; None if there are no amounts.
        is_compared: whether both sides have amounts that can be compared.
    """

    horizon: int
    reference_name: str
    period: str
    reference_period: str
    scenario: int | None
    reference: int | None
    is_compared: bool


@dataclass(frozen=True)
class TopVariance:
    """A variance year to date; see the view of this name. `owner`, `comment` and `nature` are blank if not given."""

    department: int
    account: int
    variance: Decimal
    impact: Decimal | None
    is_material: bool
    owner: str
    comment: str
    nature: str


@dataclass(frozen=True)
class Sides:
    """A figure of the scenario and of the reference; None without a period."""

    amount: Decimal | None
    reference: Decimal | None


@dataclass(frozen=True)
class WorkbookFigures:
    """What a workbook shows beyond its pack, and the figures of views that its sheets must add up to.

    Attributes:
        horizons: the periods of each horizon against the pack's reference, and against the prior year.
        variances: every variance year to date, the largest effect on profit first.
        amounts: how many amounts the pack has.
        total: their sum over everything.
        revenue: by horizon and business unit.
        profit: by horizon and business unit, after unclassified money.
        capex: by horizon and business unit.
        outlook: the expected profit by period of the fiscal year.
    """

    horizons: tuple[HorizonPeriod, ...]
    variances: tuple[TopVariance, ...]
    amounts: int
    total: Decimal
    revenue: Mapping[tuple[int, str], Sides]
    profit: Mapping[tuple[int, str], Sides]
    capex: Mapping[tuple[int, str], Sides]
    outlook: Mapping[str, Decimal]


def read_workbook_figures(warehouse: Queryable, pack: Pack) -> WorkbookFigures:
    """Return what the workbook of a pack needs, from the same views as the pack.

    Args:
        warehouse: the warehouse that the pack was read from.
        pack: the pack.
    """
    choice = pack.choice
    of_pack = {
        "unit": choice.unit,
        "first_period": pack.periods[0].name if pack.periods else "",
        "last_period": pack.periods[-1].name if pack.periods else "",
    }
    of_pair = {
        "period": choice.period,
        "scenario": choice.scenario,
        "reference": choice.reference or PRIOR_YEAR,
    }
    of_unit = of_pair | {"unit": choice.unit}
    of_year = {"fiscal_year": pack.period.fiscal_year if pack.period else 0, "unit": choice.unit}
    ((amounts, total),) = warehouse.query(statement(SqlFile.PACK_TOTAL_AMOUNTS), of_pack).rows
    by_unit = warehouse.query(statement(SqlFile.PACK_TOTAL_PROFIT), of_unit).rows
    return WorkbookFigures(
        horizons=tuple(HorizonPeriod(*row) for row in warehouse.query(statement(SqlFile.PACK_HORIZONS), of_pair).rows),
        variances=tuple(
            TopVariance(*row[:5], *(text or "" for text in row[5:]))
            for row in warehouse.query(statement(SqlFile.PACK_TOP_VARIANCES), of_unit).rows
        ),
        amounts=amounts,
        total=total,
        revenue={(horizon, unit): Sides(*sums[:2]) for horizon, unit, *sums in by_unit},
        profit={(horizon, unit): Sides(*sums[2:4]) for horizon, unit, *sums in by_unit},
        capex={(horizon, unit): Sides(*sums[4:]) for horizon, unit, *sums in by_unit},
        outlook=dict(warehouse.query(statement(SqlFile.PACK_TOTAL_OUTLOOK), of_year).rows),
    )
