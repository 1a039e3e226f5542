"""Totals of the reports and the lines behind them: they agree to the cent, on the sample.

Belongs here: random totals, the command. Does not belong here: cells (see `test_trace`), the views themselves (see
`warehouse/test_report_views`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.errors import TraceError
from finance_platform.trace.published_lines import LineStore, PublishedPeriod, open_lines
from finance_platform.trace.totals import Horizon, TotalMeasure, TotalName, trace_total
from finance_platform_tests.cached_queries import CachedWarehouse
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.end_to_end.sample_home import refresh_sample_once
from finance_platform_tests.profiles import current_profile

pytestmark = pytest.mark.end_to_end

HORIZONS: tuple[Horizon, ...] = ("month", "year to date", "rest of year", "full year")
MEASURES: tuple[TotalMeasure, ...] = ("amount", "reference", "variance")
PERIODS = ("2025-02", "2025-06", "2025-09")
PAIRS = (("Actual", "Budget"), ("Actual", "Prior Year"), ("Budget", "Actual"))
CONTEXTS = 40 if current_profile().is_exhaustive else 2
TOTALS_OF_A_CONTEXT = 34


@dataclass(frozen=True)
class CachedLines(LineStore):
    """The lines of a home, each period's read once."""

    read: dict[tuple[Any, ...], list[tuple[DeliveryCommit, pa.Table]]] = field(default_factory=dict)

    def published(
        self,
        period: PublishedPeriod,
        columns: Sequence[str],
        *,
        scenario: str | None = None,
        feeds: Collection[str] | None = None,
    ) -> Iterator[tuple[DeliveryCommit, pa.Table]]:
        key = (period.period, *columns, scenario)
        if key not in self.read:
            self.read[key] = list(super().published(period, columns, scenario=scenario, feeds=feeds))
        return iter(self.read[key])


@dataclass
class Sample:
    """The sample home, its warehouse and lines."""

    home: Home
    warehouse: CachedWarehouse
    lines: CachedLines


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    home = Home(refresh_sample_once(tmp_path_factory).path)
    store = open_lines(home.processed)
    lines = CachedLines(store.processed, store.commits, store.events, store.state)
    return Sample(home, CachedWarehouse(home.warehouse), lines)


@dataclass
class Shown:
    """The figures that the views of reports show over one horizon of a scenario and reference.

    Attributes:
        context: the horizon.
        lines: business unit, line, and amount, reference and variance.
        cells: business unit, department, account, and the same figures.
    """

    context: TotalName
    lines: Sequence[Sequence[Any]]
    cells: Sequence[Sequence[Any]]

    def figure(self, name: TotalName) -> Decimal:
        """Return what is shown for a total: a line by business unit, or an account by department."""
        rows, wanted = self.cells, (name.unit, name.department, name.account)
        if name.line is not None:
            rows, wanted = self.lines, (name.unit, name.line, None)
        place = len(rows[0]) - 3 + MEASURES.index(name.measure) if rows else 0
        chosen = (row for row in rows if all(value in (None, shown) for value, shown in zip(wanted, row, strict=False)))
        return sum((row[place] or Decimal(0) for row in chosen), Decimal("0.00"))


def show(sample: Sample, context: TotalName) -> Shown:
    """Read the figures of a horizon."""
    sums = "SUM(Amount), SUM(ReferenceAmount), SUM(Variance)"
    where = (
        "WHERE AsOfPeriod = :period AND Horizon = :horizon AND ScenarioName = :scenario AND ReferenceName = :reference"
    )
    lines, cells = (
        sample.warehouse.query(f"SELECT {keys}, {sums} FROM {view} {where} GROUP BY {keys}", context.bound).rows
        for view, keys in (
            ("ProfitAndLossByHorizon", "BusinessUnit, Line"),
            ("VarianceByHorizon", "BusinessUnit, DepartmentCode, AccountNumber"),
        )
    )
    return Shown(context, lines, sorted(cells))


def draw(shown: Shown, random: Random) -> TotalName:
    """Draw a total of a horizon that is shown."""
    unit, department, account, *_ = random.choice(shown.cells)
    name = replace(shown.context, measure=random.choice(MEASURES), unit=random.choice([None, unit]))
    if random.random() < 0.5:
        return replace(name, line=random.choice(shown.lines)[1])
    return replace(name, account=account, department=random.choice([None, department]))


def test_random_totals_are_the_sums_of_their_lines_to_the_cent(sample: Sample):
    random, traced = Random(20250101), 0
    for number in range(CONTEXTS):
        period, (scenario, reference) = random.choice(PERIODS), random.choice(PAIRS)
        shown = show(sample, TotalName(period, HORIZONS[number % len(HORIZONS)], scenario, reference))
        for _ in range(TOTALS_OF_A_CONTEXT):
            name = draw(shown, random)
            total = trace_total(sample.warehouse, sample.lines, name)
            assert (total.value, total.total) == (shown.figure(name), total.value), name
            traced += bool(total.lines)
    assert traced >= CONTEXTS * TOTALS_OF_A_CONTEXT / 2


def test_the_command_shows_a_units_year_to_date_a_variance_and_a_profit_line(sample: Sample):
    shown = show(sample, TotalName("2025-02", "year to date", "Actual", "Budget"))
    unit = shown.cells[0][0]
    options = ("trace", "--period", "2025-02", "--horizon", "year to date", "--unit", unit.upper())
    line = ("--statement-line", "operating profit", "--reference", "Budget")
    profit = sample.home.command(*options, *line, "--format", "json")
    assert profit.returncode == 0, profit.stderr
    document = json.loads(profit.stdout)
    assert document["ties"] is True
    assert document["published"] == f"{shown.figure(replace(shown.context, unit=unit, line='Operating profit')):.2f}"
    assert sum(Decimal(line["effect"]) for line in document["lines"]) == Decimal(document["published"])
    assert all(line["text"] for line in document["lines"])

    variance = sample.home.command(*options, *line, "--measure", "variance")
    assert variance.returncode == 0, variance.stderr
    assert f"Operating profit, {unit}, year to date as of 2025-02, Actual less Budget: " in variance.stdout
    assert variance.stdout.rstrip().endswith("is published: reconciled.")


def test_a_total_that_does_not_exist_is_refused_with_the_closest_name(sample: Sample):
    def refused(**values: str) -> TraceError:
        name = TotalName(**{"period": "2025-03", "line": "Operating profit"} | values)  # type: ignore[arg-type]
        with pytest.raises(TraceError) as error:
            trace_total(sample.warehouse, sample.lines, name)
        return error.value

    assert refused(line="Operating profitt").fix == "did you mean 'Operating profit'?"
    assert refused(scenario="Actuals").fix == "did you mean 'Actual'?"
    assert "is not published" in refused(period="1999-01").found
    assert "cannot be compared with itself" in refused(reference="Actual").found
    no_line = sample.home.command("trace", "--period", "2025-03", "--horizon", "month")
    assert (no_line.returncode, "a total needs --statement-line or --account" in no_line.stderr) == (2, True)
    no_budget = sample.home.command("trace", "--period", "2025-03", "--unit", "x", "--measure", "budget")
    assert (no_budget.returncode, "--measure reference" in no_budget.stderr) == (2, True)


def test_an_account_whose_category_changes_is_on_each_line_for_its_own_periods(run_home: Home, refresh: Refresher):
    header = "account_number,account_name,account_type,category,valid_from"
    run_home.write("raw/accounts_later.csv", f"{header}\n6000,Salaries,Expense,People,2024-02-15\n")
    refresh(run_home)
    store = open_lines(run_home.processed)
    periods = {}
    for line in ("Payroll", "People"):
        total = trace_total(run_home.warehouse, store, TotalName("2024-02", "full year", line=line))
        assert total.reconciles
        periods[line] = {one.period for one in total.lines}
    assert periods == {"Payroll": {"2024-01"}, "People": {"2024-02"}}
