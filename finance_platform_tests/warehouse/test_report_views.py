"""The views of reports: every figure equals a second computation without SQL, and no money is counted twice.

Belongs here: `sql/views` apart from ActualVsBudget (see `test_views`), on a star whose fiscal year begins in July; the
sums of the report pack and of its workbook over them. Does not belong here: cells (see `report_pack/test_workbook`).
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from finance_platform.contracts.views import HORIZONS, VIEWS
from finance_platform.reports.pack.browser_data import browser_data
from finance_platform.reports.pack.model import PackSelection, Reliability
from finance_platform.reports.pack.read_model import read_pack
from finance_platform.reports.pack.workbook.figures import read_workbook_figures
from finance_platform.reports.pack.workbook.write import workbook_bytes
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.port import NO_PARAMETERS, Parameters, QueryResult, Warehouse
from finance_platform.warehouse.statements import SqlFile, statement
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.report_pack.sums import statement_sums
from finance_platform_tests.report_pack.workbook_formulas import WorkbookFormulas
from finance_platform_tests.warehouse.engines import EVERY_ENGINE, Engine
from finance_platform_tests.warehouse.report_star import (
    ACCOUNTS,
    ACTUAL_PERIODS,
    BALANCE,
    BALANCES,
    COVERED,
    DEPARTMENTS,
    FLOWS,
    INCOMPLETE,
    PERIODS,
    PRIOR_YEAR,
    REORGANISED,
    THRESHOLDS,
    ZERO,
    Horizon,
    Ledger,
    build_ledger,
    fiscal_year,
    load_star,
    shift,
)

AS_OF = ("2024-08", "2024-09", "2025-02", "2025-05", "2025-08")
"""A month with all actuals, an incomplete one, the last complete one, one with plans only, one of a short year."""

PAIRS = (
    ("Actual", "Budget"),
    ("Actual", PRIOR_YEAR),
    ("Forecast 2024-12", "Budget"),
    ("Budget", "Actual"),
    ("Budget", PRIOR_YEAR),
)

ON_REDSHIFT_BY_DAY = ("test_a_view_s_key_is_unique_and_its_columns_have_the_types_of_the_contract",)


@dataclass
class Reports:
    """The star in a warehouse, and its cells."""

    warehouse: Warehouse
    ledger: Ledger

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.warehouse.query(sql).rows


@pytest.fixture(scope="module", params=EVERY_ENGINE)
def reports(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reports]:
    """The star of this module on one warehouse; no test changes it."""
    engine: Engine = request.getfixturevalue({"redshift": "redshift", "duckdb": "duckdb_engine"}[request.param])
    folder: Path = tmp_path_factory.mktemp("reports")
    yield Reports(load_star(engine.empty(folder), engine.star_files(folder)), build_ledger())
    engine.clean_up()


def test_the_periods_have_the_home_s_fiscal_year_and_the_last_complete_one_is_the_default(reports: Reports) -> None:
    rows = reports.rows("SELECT * FROM PeriodCalendar ORDER BY Period")
    calendar = {row[0]: row for row in rows}

    assert list(calendar) == [period for period in PERIODS if any(period in covered for covered in COVERED.values())]
    assert {period: row[1] for period, row in calendar.items()} == {one: fiscal_year(one) for one in calendar}
    assert [period for period, row in calendar.items() if row[8]] == sorted(reports.ledger.complete)
    assert [period for period, row in calendar.items() if row[11]] == ["2025-02"]
    assert [period for period, row in calendar.items() if row[12]] == [
        one for one in sorted(reports.ledger.complete) if one >= "2024-07"
    ]
    assert calendar["2024-07"][1:5] == (2025, 1, 1, "July")


def test_every_cell_of_every_horizon_equals_the_second_computation(reports: Reports) -> None:
    rows = reports.rows(
        "SELECT AsOfPeriod, Horizon, ScenarioName, ReferenceName, DepartmentKey, AccountKey, Amount, ReferenceAmount, "
        "ComparedAmount, ComparedReference, Variance, Impact, Periods, OutlookPeriods, ComparedPeriods "
        f"FROM VarianceByHorizon WHERE AsOfPeriod IN {AS_OF}"
    )
    by_key: dict[Horizon, dict[tuple[int, int], tuple[Any, ...]]] = {}
    for row in rows:
        by_key.setdefault(Horizon(*row[:4]), {})[row[4], row[5]] = row[6:]
    for as_of, horizon, (scenario, reference) in product(AS_OF, HORIZONS, PAIRS):
        key = Horizon(as_of, horizon, scenario, reference)
        periods = list(reports.ledger.periods(key))
        compared = sum(is_compared for *_, is_compared in periods)
        has_amount, has_reference = (any(row[place] for row in periods) for place in (1, 3))
        expected = {}
        for (department, account), cell in reports.ledger.by_cell(key).items():
            variance = cell.compared_amount - cell.compared_reference
            sign = ACCOUNTS[account][2]
            expected[department, account] = (
                cell.amount if has_amount else None,
                cell.reference if has_reference else None,
                cell.compared_amount if compared else None,
                cell.compared_reference if compared else None,
                variance if compared else None,
                variance * sign if compared and sign else None,
                sum(source is not None for _, source, *_ in periods),
                sum(source is not None and scenario == "Actual" != source for _, source, *_ in periods),
                compared,
            )

        assert by_key.get(key, {}) == expected, key


def test_variances_have_the_counts_of_periods_of_their_horizon(reports: Reports) -> None:
    columns = "AsOfPeriod, Horizon, ScenarioName, ReferenceName, FiscalYear, HorizonOrder, Periods, OutlookPeriods, "
    columns += "ComparedPeriods, IsComplete"
    of_spans = {row[:4]: row for row in reports.rows(f"SELECT {columns} FROM HorizonSpan")}
    of_variances = {row[:4]: row for row in reports.rows(f"SELECT DISTINCT {columns} FROM VarianceByHorizon")}

    assert len(of_variances) > 100
    assert of_variances == {key: of_spans[key] for key in of_variances}


def test_year_to_date_and_rest_of_year_add_up_to_the_full_year(reports: Reports) -> None:
    rows = reports.rows(
        "SELECT AsOfPeriod, ScenarioName, ReferenceName, AccountType, "
        "SUM(CASE WHEN Horizon IN ('year to date', 'rest of year') THEN Amount END), "
        "SUM(CASE WHEN Horizon = 'full year' THEN Amount END) FROM VarianceByHorizon "
        "WHERE AsOfPeriod IN ('2024-09', '2025-02') GROUP BY AsOfPeriod, ScenarioName, ReferenceName, AccountType"
    )

    assert len(rows) > 100
    assert [row for row in rows if row[4] != row[5]] == []


def test_the_outlook_takes_actuals_then_the_latest_forecast_then_the_budget(reports: Reports) -> None:
    rows = reports.rows("SELECT Period, ScenarioName, Source FROM OutlookSource ORDER BY Period")

    assert {period: scenario for period, scenario, _ in rows} == {
        period: source for period in PERIODS if (source := reports.ledger.outlook(period))
    }
    assert {source for _, _, source in rows} == {"actual", "forecast", "budget"}
    sums = dict(reports.rows("SELECT Period, SUM(Amount) FROM Outlook WHERE AccountKey = 14 GROUP BY Period"))
    assert sums == {period: reports.ledger.total(scenario, period, 14) for period, scenario, _ in rows}


SUM_OF_VIEW = {
    "PeriodAmount": "SELECT ScenarioName, AccountKey, SUM(Amount) FROM PeriodAmount GROUP BY ScenarioName, AccountKey",
    "ScenarioComparison": "SELECT ScenarioName, AccountKey, SUM(Amount) FROM ScenarioComparison "
    "WHERE ReferenceName = 'Prior Year' GROUP BY ScenarioName, AccountKey",
    "the reference of ScenarioComparison": "SELECT ReferenceName, AccountKey, SUM(ReferenceAmount) "
    "FROM ScenarioComparison WHERE ScenarioName = 'Forecast 2024-09' AND ReferenceName <> 'Prior Year' "
    "GROUP BY ReferenceName, AccountKey",
    "VarianceByHorizon": "SELECT ScenarioName, AccountKey, SUM(Amount) FROM VarianceByHorizon "
    "WHERE Horizon = 'month' AND ReferenceName = 'Prior Year' GROUP BY ScenarioName, AccountKey",
}


@pytest.mark.parametrize("view", SUM_OF_VIEW)
def test_a_view_adds_up_to_the_fact_table(reports: Reports, view: str) -> None:
    fact = reports.rows(
        "SELECT ScenarioName, AccountKey, SUM(Amount) FROM FactFinancials INNER JOIN DimScenario "
        "ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey GROUP BY ScenarioName, AccountKey"
    )
    rows = reports.rows(SUM_OF_VIEW[view])

    assert {row[:2]: row[2] for row in rows} == {
        row[:2]: row[2]
        for row in fact
        if (view == "PeriodAmount" or row[1] in FLOWS)
        and not (view.startswith("the reference") and row[0] == "Forecast 2024-09")
    }


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_view_s_key_is_unique_and_its_columns_have_the_types_of_the_contract(reports: Reports, view: Any) -> None:
    key = ", ".join(view.key)
    one_horizon = "WHERE AsOfPeriod = '2025-02' AND ScenarioName = 'Actual' AND Horizon = 'year to date'"
    bounded = one_horizon if "AsOfPeriod" in view.key else ""

    # One query, since the engine plans the views of reports for longer than it reads them.
    of_keys = f"SELECT COUNT(*) AS RowCount FROM {view.name} {bounded} GROUP BY {key}"
    assert reports.rows(f"SELECT MAX(RowCount) FROM ({of_keys}) AS Keys") == [(1,)], "no row, or a key of several"
    types = dict(
        reports.rows(
            "SELECT LOWER(column_name), "
            "CAST(numeric_precision AS VARCHAR(3)) || ',' || CAST(numeric_scale AS VARCHAR(3)) "
            "FROM information_schema.columns "
            f"WHERE table_schema = 'finance' AND LOWER(table_name) = '{view.name.lower()}' AND numeric_scale > 0"
        )
    )
    assert {name: f"decimal({type_})" for name, type_ in types.items()} == {
        column.name.lower(): column.type for column in view.columns if column.type.startswith("decimal")
    }


def line_of(account: int) -> tuple[str, int]:
    """Return the line and the sign of its effect on profit."""
    lines = {
        11: ("Sales", 1),
        12: ("Revenue without a category", 1),
        13: ("Cost of sales", -1),
        14: ("Payroll", -1),
        15: ("Payroll", -1),
        16: ("Interest", 1),
        19: ("Unclassified", -1),
    }
    return lines[account]


SUBTOTALS = {
    "Revenue, net": (11, 12),
    "Gross profit": (11, 12, 13),
    "Operating profit": (11, 12, 13, 14, 15),
    "Net profit": (11, 12, 13, 14, 15, 16),
    "Profit after unclassified": (11, 12, 13, 14, 15, 16, 19),
}


def test_the_statement_leads_from_revenue_to_profit_and_each_line_equals_the_second_computation(
    reports: Reports,
) -> None:
    rows = reports.rows(
        "SELECT Line, BusinessUnit, SUM(Amount) FROM ProfitAndLoss "
        "WHERE ScenarioName = 'Actual' AND Period BETWEEN '2023-07' AND '2024-06' GROUP BY Line, BusinessUnit"
    )
    order = reports.rows("SELECT LineOrder, MAX(Line) FROM StatementLine GROUP BY LineOrder ORDER BY LineOrder")
    expected: dict[tuple[str, str], Decimal] = {}
    for period, department, account, amount in reports.ledger.cells("Actual"):
        if not "2023-07" <= period <= "2024-06" or account not in (11, 12, 13, 14, 15, 16, 19):
            continue
        unit = DEPARTMENTS[department][0]
        line, sign = line_of(account)
        profit = amount * (ACCOUNTS[account][2] or -1)
        expected[line, unit] = expected.get((line, unit), ZERO) + profit * sign
        for subtotal, members in SUBTOTALS.items():
            if account in members:
                expected[subtotal, unit] = expected.get((subtotal, unit), ZERO) + profit

    assert {row[:2]: row[2] for row in rows} == expected
    assert [line for _, line in order] == [
        "Sales",
        "Revenue without a category",
        "Revenue, net",
        "Cost of sales",
        "Gross profit",
        "Payroll",
        "Operating profit",
        "Interest",
        "Net profit",
        "Unclassified",
        "Profit after unclassified",
    ]


def test_a_line_of_a_horizon_is_the_sum_of_the_cells_of_its_accounts(reports: Reports) -> None:
    amounts = ("Amount", "ReferenceAmount", "ComparedAmount", "ComparedReference", "Variance")
    key = (
        "AsOfPeriod, FiscalYear, Horizon, HorizonOrder, BusinessUnit, StatementLine.LineOrder, StatementLine.Section, "
        "StatementLine.Line, IsSubtotal, LineSign, ScenarioName, ReferenceName"
    )
    marks = "Periods, OutlookPeriods, ComparedPeriods, IsComplete"
    sums = ", ".join(f"SUM(VarianceByHorizon.{amount} * StatementLine.Factor)" for amount in amounts)
    impact = "SUM(VarianceByHorizon.Variance * StatementLine.Factor * StatementLine.LineSign)"
    of_cells = reports.rows(
        f"SELECT {key}, {sums}, {impact}, {marks} "
        "FROM VarianceByHorizon INNER JOIN StatementLine "
        "ON StatementLine.AccountClassKey = VarianceByHorizon.AccountClassKey "
        f"WHERE AsOfPeriod IN {AS_OF} GROUP BY {key}, {marks}"
    )
    of_lines = reports.rows(
        f"SELECT {key.replace('StatementLine.', '')}, {', '.join(amounts)}, Impact, {marks} "
        "FROM ProfitAndLossByHorizon "
        f"WHERE AsOfPeriod IN {AS_OF}"
    )

    assert len(of_lines) > 0
    assert sorted(map(repr, of_lines)) == sorted(map(repr, of_cells))


def test_totals_of_periods_are_the_sums_of_their_cells(reports: Reports) -> None:
    of_cells = reports.rows(
        "SELECT Period, ScenarioName, AccountType, SUM(Amount) FROM PeriodAmount "
        "WHERE AccountType IN ('Revenue', 'Expense') AND Measure = 'flow' "
        "GROUP BY Period, ScenarioName, AccountType ORDER BY Period, ScenarioName, AccountType"
    )

    assert reports.rows(statement(SqlFile.PERIOD_TOTALS)) == of_cells != []


def test_the_bridge_leads_from_one_profit_to_the_other_for_each_business_unit(reports: Reports) -> None:
    rows = reports.rows(
        "SELECT AsOfPeriod, Horizon, ScenarioName, ReferenceName, BusinessUnit, "
        "SUM(CASE WHEN StepKind <> 'end' THEN Impact ELSE 0 END), SUM(CASE WHEN StepKind = 'end' THEN Impact END) "
        "FROM VarianceBridge WHERE AsOfPeriod IN ('2024-09', '2025-02') AND ScenarioName = 'Actual' "
        "GROUP BY AsOfPeriod, Horizon, ScenarioName, ReferenceName, BusinessUnit"
    )

    assert len(rows) > 20
    assert [row for row in rows if row[5] != row[6]] == []
    ended = {row[:4] for row in rows}
    assert ("2025-02", "year to date", "Actual", "Budget") in ended
    assert ("2024-09", "month", "Actual", "Budget") in ended, "before the last complete period; marked incomplete"
    profit = reports.rows(
        "SELECT SUM(ComparedAmount) FROM ProfitAndLossByHorizon WHERE Line = 'Profit after unclassified' AND "
        "AsOfPeriod = '2025-02' AND Horizon = 'year to date' AND ScenarioName = 'Actual' AND ReferenceName = 'Budget'"
    )
    assert [(sum(row[6] for row in rows if row[:4] == ("2025-02", "year to date", "Actual", "Budget")),)] == profit


def test_key_figures_are_parts_of_the_statement_and_ratios_have_revenue_below(reports: Reports) -> None:
    where = (
        "WHERE AsOfPeriod = '2025-02' AND Horizon = 'year to date' "
        "AND ScenarioName = 'Actual' AND ReferenceName = 'Budget'"
    )
    rows = reports.rows(
        "SELECT KpiName, SUM(Numerator), SUM(Denominator), SUM(ComparedNumerator), SUM(ReferenceNumerator) "
        f"FROM Kpi {where} GROUP BY KpiName, KpiOrder ORDER BY KpiOrder"
    )
    lines = {
        line: (amount, compared, reference)
        for line, amount, compared, reference in reports.rows(
            "SELECT Line, SUM(Amount), SUM(ComparedAmount), SUM(ComparedReference) "
            f"FROM ProfitAndLossByHorizon {where} GROUP BY Line"
        )
    }
    of_figure = {
        "Revenue": "Revenue, net",
        "Gross margin": "Gross profit",
        "Opex ratio": "Payroll",
        "Operating profit": "Operating profit",
        "Operating margin": "Operating profit",
        "Profit": "Profit after unclassified",
    }

    assert [row[0] for row in rows] == [*of_figure, "CapEx"]
    revenue = lines["Revenue, net"][0]
    for name, numerator, denominator, compared, reference in rows[:-1]:
        assert (numerator, compared, reference) == lines[of_figure[name]]
        assert denominator == (revenue if "ratio" in name or "margin" in name else None)
    capex = reports.rows(f"SELECT SUM(Amount), SUM(ComparedAmount), SUM(ComparedReference) FROM CapExVsPlan {where}")
    assert capex == [(rows[-1][1], rows[-1][3], rows[-1][4])]


def test_a_cell_of_one_side_is_listed_once_and_only_where_both_sides_cover_the_period(reports: Reports) -> None:
    actual, budget = (
        {cell[:3] for cell in reports.ledger.cells(name) if cell[2] in FLOWS} for name in ("Actual", "Budget")
    )
    covered = {one for one in PERIODS if reports.ledger.covers("Actual", one) and reports.ledger.covers("Budget", one)}
    columns = "Period, DepartmentKey, AccountKey"

    unbudgeted = reports.rows(f"SELECT {columns} FROM UnbudgetedActual WHERE ReferenceName = 'Budget'")
    unspent = reports.rows(f"SELECT {columns} FROM UnspentBudget WHERE ReferenceName = 'Budget'")

    assert sorted(unbudgeted) == sorted(key for key in actual - budget if key[0] in covered)
    assert sorted(unspent) == sorted(key for key in budget - actual if key[0] in covered)
    assert unbudgeted
    assert unspent


def test_a_variance_is_null_where_a_side_does_not_cover_the_period(reports: Reports) -> None:
    rows = reports.rows(
        "SELECT DISTINCT Period, Variance IS NULL, IsCovered, IsComplete FROM ScenarioComparison "
        "WHERE ScenarioName = 'Actual' AND ReferenceName = 'Budget'"
    )
    ledger = reports.ledger

    assert {period for period, is_null, *_ in rows if not is_null} == {
        one for one in PERIODS if ledger.covers("Actual", one) and ledger.covers("Budget", one)
    }
    assert all(is_null != is_covered for _, is_null, is_covered, _ in rows)
    assert {period for period, *_, is_complete in rows if is_complete} <= ledger.complete
    assert {period for period, _, is_covered, is_complete in rows if is_covered and not is_complete} == {"2024-09"}


def test_prior_year_is_the_same_scenario_twelve_months_before(reports: Reports) -> None:
    rows = reports.rows(
        "SELECT Period, SUM(ReferenceAmount) FROM ScenarioComparison "
        "WHERE ScenarioName = 'Actual' AND ReferenceName = 'Prior Year' AND AccountKey = 14 GROUP BY Period"
    )

    assert {period: amount for period, amount in rows if amount} == {
        period: total
        for period in PERIODS
        if (total := reports.ledger.total("Actual", shift(period, -1), 14))
        and any(period in covered for covered in COVERED.values())
    }


def test_the_largest_effect_on_profit_comes_first_and_a_material_one_needs_a_comment(reports: Reports) -> None:
    rows = reports.rows(
        "SELECT ImpactRank, Impact, Variance, ReferenceAmount, DepartmentKey, AccountKey, IsMaterial, NeedsComment, "
        "Owner, Nature FROM TopVariance WHERE AsOfPeriod = '2025-02' AND Horizon = 'year to date' "
        "AND ScenarioName = 'Actual' AND ReferenceName = 'Budget' ORDER BY ImpactRank"
    )
    sizes = [abs(row[1]) for row in rows if row[1] is not None]

    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    assert sizes == sorted(sizes, reverse=True)
    assert {row[5] for row in rows if row[1] is None} == {18}, "a loan has no effect on profit"
    assert {row[1] == -row[2] for row in rows if row[5] in (17, 19)} == {True}, "CapEx and unclassified are costs"
    for _, impact, variance, reference, department, account, is_material, needs_comment, owner, nature in rows:
        amount, percent = map(Decimal, THRESHOLDS.get(account) or THRESHOLDS[None])
        is_large = abs(variance) >= amount and abs(variance) * 100 >= percent * abs(reference)
        assert is_material == (impact is not None and is_large)
        is_explained = (department, account) == (1, 14)
        assert needs_comment == (is_material and not is_explained)
        assert (owner, nature) == (("Anna", "timing") if is_explained else (None, None))
    assert {row[6] for row in rows} == {True, False}
    assert any(abs(row[2]) == Decimal(THRESHOLDS[13][0]) for row in rows if row[5] == 13)
    assert any(abs(row[2]) > Decimal(THRESHOLDS[16][0]) for row in rows if row[5] == 16 and not row[6])


def test_a_forecast_is_compared_with_complete_months_and_knows_how_far_ahead_it_was(reports: Reports) -> None:
    rows = reports.rows(
        "SELECT ForecastName, Period, MonthsAhead, SUM(Forecast), SUM(Actual), SUM(ForecastError), SUM(AbsoluteError) "
        "FROM ForecastAccuracy GROUP BY ForecastName, Period, MonthsAhead ORDER BY ForecastName, Period"
    )

    assert [row[:3] for row in rows] == [
        ("Forecast 2024-09", "2024-10", 1),
        ("Forecast 2024-09", "2024-11", 2),
        ("Forecast 2024-09", "2024-12", 3),
        ("Forecast 2024-09", "2025-01", 4),
        ("Forecast 2024-09", "2025-02", 5),
        ("Forecast 2024-12", "2024-12", 0),
        ("Forecast 2024-12", "2025-01", 1),
        ("Forecast 2024-12", "2025-02", 2),
    ]
    assert all(row[5] == row[4] - row[3] and row[6] > abs(row[5]) for row in rows)


def carried_balances(ledger: Ledger) -> dict[tuple[str, int], tuple[Decimal, Decimal]]:
    """Return opening balance and movement of each period and account, debit less credit."""
    delivered = {(period, account): Decimal(closing) for period, account, closing, *_ in BALANCES}
    covered = {period for period, _ in delivered}
    result: dict[tuple[str, int], tuple[Decimal, Decimal]] = {}
    for account, (kind, _, _) in ACCOUNTS.items():
        if kind == "Statistical":
            continue
        balance = stock = ZERO
        year, is_begun = 0, False
        for period in ACTUAL_PERIODS:
            total = ledger.total("Actual", period, account)
            debit = -total if kind in ("Revenue", "Liability") else total
            movement = debit - stock if account == BALANCE else debit
            stock = debit
            if kind not in ("Asset", "Liability") and fiscal_year(period) != year:
                balance, year = ZERO, fiscal_year(period)
            is_begun = is_begun or bool(movement) or (period, account) in delivered
            if is_begun:
                result[period, account] = balance, movement
            balance = delivered.get((period, account), ZERO) if is_begun and period in covered else balance + movement
    return result


def test_the_trial_balance_carries_forward_what_was_delivered_and_booked(reports: Reports) -> None:
    rows = reports.rows(
        "SELECT Period, AccountKey, OpeningBalance, Movement, ClosingBalance, DeliveredOpening, DeliveredBalance, "
        "Difference FROM TrialBalance"
    )
    assert {row[:2]: row[2:4] for row in rows} == carried_balances(reports.ledger)
    assert all(row[4] == row[2] + row[3] for row in rows)
    covered = {period for period, *_ in BALANCES}
    given = {row[:2]: row[5:7] for row in rows if row[0] in covered}
    assert given["2024-06", 17] == (Decimal("900.00"), Decimal("1000.00"))
    assert (given["2024-06", 18], given["2024-06", 11]) == ((None, ZERO), (None, Decimal("-50.00")))
    assert {row[:2] for row in rows if row[6] is None} == {row[:2] for row in rows if row[0] not in covered}
    assert all(row[7] == row[6] - row[4] for row in rows if row[6] is not None)


def test_money_without_a_type_is_listed_by_scenario(reports: Reports) -> None:
    rows = reports.rows("SELECT ScenarioName, SUM(Amount) FROM Unclassified GROUP BY ScenarioName")

    assert dict(rows) == {
        scenario: sum(amount for _, _, account, amount in reports.ledger.cells(scenario) if account == 19)
        for scenario in COVERED
    }


def in_structure(structure: str, period: str, department: int) -> dict[int, Decimal]:
    """Return who shows the amounts of a department in another structure, with the exact shares."""
    shares = {department: Decimal(1)}
    dates = sorted({one[0] for one in REORGANISED})
    steps = [date for date in dates if period < date <= structure]
    steps = steps or [date for date in reversed(dates) if structure < date <= period]
    for date in steps:
        rows = [(old, new, share) for at, old, new, share, _ in REORGANISED if at == date]
        if structure < date:
            rows = [(new, old, origin) for at, old, new, _, origin in REORGANISED if at == date]
        after: dict[int, Decimal] = {}
        for one, part in shares.items():
            moved = [(target, Decimal(share)) for source, target, share in rows if source == one]
            for target, share in [*moved, (one, 1 - sum((share for _, share in moved), ZERO))]:
                after[target] = after.get(target, ZERO) + part * share
        shares = {one: part for one, part in after.items() if part}
    return shares


def test_amounts_in_every_structure_add_up_to_the_cent_and_are_the_shares_of_the_departments(reports: Reports) -> None:
    rows = reports.rows(
        "SELECT StructureFrom, Period, ScenarioName, AccountKey, DepartmentKey, Amount FROM StructureAmount"
    )
    shown: dict[tuple[str, str, str, int], dict[int, Decimal]] = {}
    for structure, period, scenario, account, department, amount in rows:
        shown.setdefault((structure, period, scenario, account), {})[department] = amount
    structures = sorted({key[0] for key in shown})
    assert structures == ["0001-01", "2024-03", "2024-10", "2025-01"]
    for scenario, by_period in reports.ledger.amounts.items():
        for period, cells in by_period.items():
            for structure in structures:
                exact: dict[int, dict[int, Decimal]] = {}
                for (department, account), amount in cells.items():
                    for target, share in in_structure(structure, period, department).items():
                        of_account = exact.setdefault(account, {})
                        of_account[target] = of_account.get(target, ZERO) + amount * share
                for account, by_department in exact.items():
                    found = shown.pop((structure, period, scenario, account))
                    assert sum(found.values()) == reports.ledger.total(scenario, period, account)
                    assert found.keys() == by_department.keys()
                    assert all(abs(found[one] - amount) <= Decimal("0.05") for one, amount in by_department.items())
    assert not shown


def test_today_s_structure_is_that_after_the_last_reorganisation(reports: Reports) -> None:
    current = "SELECT DISTINCT StructureFrom, IsCurrentStructure FROM StructureAmount ORDER BY 1"
    assert reports.rows(current) == [("0001-01", False), ("2024-03", False), ("2024-10", False), ("2025-01", True)]
    departments = "SELECT DISTINCT DepartmentCode FROM StructureAmount WHERE IsCurrentStructure AND Period < '2024-01'"
    assert sorted(reports.rows(departments)) == [("D1",), ("D2",), ("D4",)]


def test_a_tree_has_each_branch_whole_and_ends_in_a_circle(reports: Reports) -> None:
    rows = reports.rows("SELECT AncestorKey, DescendantKey, Depth, IsTop FROM DepartmentTree ORDER BY 1, 2")

    assert rows == [
        (1, 1, 0, True),
        (1, 2, 1, True),
        (1, 3, 2, True),
        (2, 2, 0, False),
        (2, 3, 1, False),
        (3, 3, 0, False),
        (4, 4, 0, True),
        (5, 5, 0, True),
    ]
    accounts = reports.rows("SELECT AncestorNumber, DescendantNumber FROM AccountTree WHERE Depth > 0 ORDER BY 1, 2")
    circle = ("13", "14", "15")
    assert accounts == [("11", "12"), *((one, other) for one in circle for other in (*circle, "16") if one != other)]
    tops = reports.rows("SELECT DescendantKey FROM AccountTree WHERE IsTop ORDER BY DescendantKey")
    assert tops == [(key,) for key in sorted(ACCOUNTS)]
    above = (
        "SELECT DISTINCT AncestorNumber FROM AccountTree WHERE IsTop AND DescendantNumber IN ('13', '14', '15', '16')"
    )
    assert reports.rows(above) == [("13",)]


def test_an_incomplete_month_is_shown_and_marked(reports: Reports) -> None:
    rows = reports.rows(
        "SELECT DISTINCT AsOfPeriod, IsComplete FROM VarianceByHorizon WHERE Horizon = 'month' "
        "AND ScenarioName = 'Actual' AND ReferenceName = 'Budget' AND AsOfPeriod >= '2024-08' AND Amount <> 0"
    )

    assert {period for period, is_complete in rows if not is_complete} == set(INCOMPLETE)
    assert {period for period, is_complete in rows if is_complete} >= {"2024-08", "2025-02"}


@pytest.mark.parametrize(
    ("period", "reference"),
    [(period, reference) for period in AS_OF[:3] for reference in ("Budget", PRIOR_YEAR)]
    if current_profile().is_exhaustive
    else [(AS_OF[0], PRIOR_YEAR), (AS_OF[1], "Budget"), (AS_OF[2], PRIOR_YEAR)],
)
def test_the_report_pack_adds_up_its_cells_to_the_figures_of_the_statement(
    reports: Reports, period: str, reference: str
) -> None:
    # As a run reads it; only the embedded warehouse has a reader for each thread.
    with ThreadPoolExecutor(1) as thread:
        pack = read_pack(
            reports.warehouse,
            PackSelection(period, reference),
            entity="Made",
            currency="USD",
            reliability=None,
            movements=(),
            beside=thread if isinstance(reports.warehouse, DuckDBWarehouse) else None,
        )
    labels = {row.order: row.label for row in pack.statement}
    expected = {
        (one.horizon, labels[one.order]): (one.amount, one.compared_amount, one.compared_reference)
        for one in pack.profit_and_loss
        if one.reference_name == pack.choice.reference and one.horizon != 3 and one.order in labels
    }
    sums = {place: tuple(total) for place, total in statement_sums(browser_data(pack)).items()}
    assert expected
    # The view has no row for a line without an amount.
    assert {place: sums[place] for place in expected} == expected
    assert not [place for place in sums.keys() - expected.keys() if any(sums[place])]


@dataclass(frozen=True)
class RowsOnly:
    """A warehouse that returns rows, as Redshift does, and no columns."""

    warehouse: Warehouse

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        return self.warehouse.query(sql, parameters)


def test_the_report_pack_is_the_same_by_rows_and_by_column(reports: Reports) -> None:
    by_row, by_column = (
        read_pack(warehouse, entity="", currency="USD", reliability=None, movements=())
        for warehouse in (RowsOnly(reports.warehouse), reports.warehouse)
    )
    assert len(by_row.accounts) > 5
    assert by_row == by_column


def test_the_report_pack_of_a_unit_is_the_unit_s_part_of_the_whole(reports: Reports) -> None:
    whole = read_pack(reports.warehouse, entity="", currency="USD", reliability=None, movements=())
    data = browser_data(whole)
    units = list(enumerate(data["units"]))
    for index, unit in units if current_profile().is_exhaustive else units[-1:]:
        of_unit = PackSelection(unit=unit)
        part = read_pack(reports.warehouse, of_unit, entity="", currency="USD", reliability=None, movements=())
        assert {one.unit for one in part.departments} == {unit}
        own, filtered = statement_sums(browser_data(part)), statement_sums(data, index)
        assert own == {place: filtered[place] for place in own}


@pytest.mark.parametrize(
    ("period", "reference"),
    list(product(AS_OF[:4], ("Budget", PRIOR_YEAR, "Forecast 2024-12")))
    if current_profile().is_exhaustive
    else [(AS_OF[1], "Budget")],
)
def test_every_total_of_the_workbook_is_that_of_data_and_of_the_view(
    reports: Reports, period: str, reference: str
) -> None:
    pack = read_pack(
        reports.warehouse,
        PackSelection(period, reference),
        entity="Star",
        currency="USD",
        reliability=Reliability((), (), 0, (), (), 0),
        movements=(),
    )
    workbook = WorkbookFormulas(workbook_bytes(pack, read_workbook_figures(reports.warehouse, pack)))
    rows = [row for row in workbook.rows("Checks") if row.get("G") and row["G"].formula]
    assert len(rows) > 20
    assert [row for row in rows if row["G"].value is not True] == []
    wrong = [
        (sheet, place)
        for sheet, place, cell in list(workbook.sums())[::25]
        if abs(workbook.result(sheet, cell.formula) - Decimal(str(cell.value))) > Decimal("0.000001")
    ]
    assert wrong == []
