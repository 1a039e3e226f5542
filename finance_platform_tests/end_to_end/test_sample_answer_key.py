"""Tests on the shipped sample: the platform's results equal the generator's answer key, to the row and the cent."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from finance_platform.cli.reconciliation_output import print_sentences
from finance_platform.cli.status import read_status
from finance_platform.deliveries.commits import Count
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.reports.variance import variance_rows
from finance_platform.settings import load_settings
from finance_platform_tests.end_to_end.dagster_refresh import RefreshedHome
from finance_platform_tests.end_to_end.home import copy_home
from finance_platform_tests.end_to_end.sample_home import refresh_sample_once
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.unit.printed_text import printed

pytestmark = pytest.mark.end_to_end

REPOSITORY = Path(__file__).resolve().parents[2]
ANSWERS = REPOSITORY / "finance_platform_tests" / "sample" / "answer_key.json"
SCENARIO_OF = {"transactions.csv": "Actual", "budget.csv": "Budget", "forecast.csv": "Forecast"}
REFERENCES = ("departments.csv", "accounts.csv")
FACTS = """
FROM FactFinancials
INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey
INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
INNER JOIN DimAccount ON DimAccount.AccountKey = FactFinancials.AccountKey
INNER JOIN DimDepartment ON DimDepartment.DepartmentKey = FactFinancials.DepartmentKey
"""

Answer = dict[str, Any]


@pytest.fixture(scope="module")
def key() -> Answer:
    """The generator's answer key."""
    answers: Answer = json.loads(ANSWERS.read_text(encoding="utf-8"))
    return answers


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> RefreshedHome:
    """A home with the shipped files, after its first run; the last tests run it again, so it is a copy."""
    first = refresh_sample_once(tmp_path_factory)
    return replace(first, path=copy_home(first.path, tmp_path_factory.mktemp("sample") / "home").path)


def money(amount: Decimal | None) -> str:
    """Return an amount in the format of the key."""
    return f"{amount or Decimal(0):.2f}"


def format_count(count: Count) -> Answer:
    """Return a commit's count in the format of the key."""
    return {"rows": count.rows, "amount": money(count.amount), "unpriced": count.unpriced}


def locate(rows: Iterable[Answer]) -> Answer:
    """Return number, amount and lines of rejected rows in the format of the key."""
    rows = list(rows)
    return {
        "rows": len(rows),
        "amount": money(sum((row["amount"] for row in rows if row["amount"] is not None), Decimal(0))),
        "unpriced": sum(row["amount"] is None for row in rows),
        "lines": sorted(row["source_row"] for row in rows),
    }


def lines_and_amount(sums: Iterable[tuple[str, Any, Decimal]]) -> dict[str, Answer]:
    """Return lines and amount by name, in the format of the key."""
    return {name: {"lines": int(lines), "amount": money(amount)} for name, lines, amount in sums}


def test_the_first_run_publishes_everything(home: RefreshedHome) -> None:
    """Nothing is held or refused; the warnings are about inferred members and about lines beside children's."""
    assert home.succeeded
    assert (list(home.state.inactive), list(home.state.pending), list(home.errors)) == ([], [], [])
    assert home.failed_checks() == []
    assert [check.name for check in home.checks if not check.passed] == [
        "warehouse/dim_department: members_are_described",
        "warehouse/dim_department: parents_have_no_lines_beside_children",
        "warehouse/dim_account: members_are_described",
    ]


@pytest.mark.parametrize("file", SCENARIO_OF)
def test_every_row_and_cent_of_a_ledger_file_has_its_outcome(home: RefreshedHome, key: Answer, file: str) -> None:
    """Read = accepted + rejected + duplicate + skipped, in rows, in money, in cells without a valid amount."""
    commit, expected = home.commits()[file], key["files"][file]
    assert format_count(commit.read) == expected["candidate"]
    assert format_count(commit.outcome("accepted")) == expected["accepted"]
    for outcome in ("rejected", "duplicate", "skipped"):
        counts = {name: expected[outcome][name] for name in ("rows", "amount", "unpriced")}
        assert format_count(commit.outcome(outcome)) == counts
    assert money(commit.outcome("rejected").absolute) == expected["rejected"]["absolute_amount"]
    assert not any(commit.unaccounted)


@pytest.mark.parametrize("file", REFERENCES)
def test_every_row_of_a_reference_file_is_accepted(home: RefreshedHome, key: Answer, file: str) -> None:
    """All departments and accounts of the sample are valid."""
    commit, expected = home.commits()[file], key["files"][file]
    assert commit.read.rows == expected["candidate"]["rows"]
    assert commit.outcome("accepted").rows == expected["accepted"]["rows"]
    assert len(home.rows(commit, file.removesuffix(".csv"))) == expected["accepted"]["rows"]
    assert home.rows(commit, "rejected_rows") == []


@pytest.mark.parametrize("file", SCENARIO_OF)
def test_rejected_rows_have_their_rule_and_the_line_that_an_editor_shows(
    home: RefreshedHome, key: Answer, file: str
) -> None:
    """By rule: number of rows, money, lines of the file."""
    rows, expected = home.rows(home.commits()[file], "rejected_rows"), key["files"][file]
    by_rule: dict[str, list[Answer]] = {}
    for row in rows:
        if row["outcome"] == "rejected":
            by_rule.setdefault(row["rules"], []).append(row)
    assert {rule: locate(rule_rows) for rule, rule_rows in by_rule.items()} == expected["rejected"]["by_rule"]
    for outcome in ("duplicate", "skipped"):
        assert locate(row for row in rows if row["outcome"] == outcome) == expected[outcome]
    assert all(row["reasons"] for row in rows)


@pytest.mark.parametrize("file", SCENARIO_OF)
def test_every_line_of_a_file_is_in_exactly_one_table(home: RefreshedHome, key: Answer, file: str) -> None:
    """Each line after the header is a ledger line or a rejected row, once."""
    commit = home.commits()[file]
    lines = [
        row["source_row"] for table in ("transactions", "budget", "rejected_rows") for row in home.rows(commit, table)
    ]
    assert sorted(lines) == list(range(2, key["files"][file]["candidate"]["rows"] + 2))


@pytest.mark.parametrize("file", SCENARIO_OF)
def test_a_rejected_row_shows_the_row_as_it_was_delivered(home: RefreshedHome, file: str) -> None:
    """Also one that only another row rejects, whose reason names the column and the value of its key."""
    lines = (home.path / "raw" / file).read_text(encoding="utf-8").split("\n")
    header = next(csv.reader(lines))
    for row in home.rows(home.commits()[file], "rejected_rows"):
        cells = next(csv.reader([lines[row["source_row"] - 1]]), [])
        delivered = dict(zip_longest(header, cells, fillvalue=""))
        assert json.loads(row["raw_row"]) == delivered, row["reasons"]
        if row["rules"] in {"repeated_row", "conflicting_key"}:
            (reason,) = json.loads(row["reasons"])
            assert reason["value"] == delivered[reason["column"]]


@pytest.mark.parametrize(
    ("dimension", "code", "name"),
    [("departments", "DepartmentCode", "DimDepartment"), ("accounts", "AccountNumber", "DimAccount")],
)
def test_codes_without_a_reference_row_are_inferred_with_all_their_money(
    home: RefreshedHome, key: Answer, dimension: str, code: str, name: str
) -> None:
    """None is dropped, and no other code is inferred."""
    sql = f"SELECT {code}, SUM(TransactionCount), SUM(Amount) {FACTS} WHERE {name}.IsInferred GROUP BY {code}"
    assert lines_and_amount(home.select(sql)) == key["inferred"][dimension]
    inferred = {row[0] for row in home.select(f"SELECT {code} FROM {name} WHERE IsInferred")}
    assert inferred == set(key["inferred"][dimension])


@pytest.mark.parametrize("scenario", SCENARIO_OF.values())
def test_every_month_of_a_scenario_has_the_expected_lines_and_amount(
    home: RefreshedHome, key: Answer, scenario: str
) -> None:
    """By accounting period."""
    sql = f"SELECT YearMonth, SUM(TransactionCount), SUM(Amount) {FACTS} WHERE ScenarioName = '{scenario}'"
    assert lines_and_amount(home.select(f"{sql} GROUP BY YearMonth")) == key["by_period"][scenario]


@pytest.mark.parametrize("scenario", SCENARIO_OF.values())
def test_every_year_and_account_type_of_a_scenario_has_the_expected_lines_and_amount(
    home: RefreshedHome, key: Answer, scenario: str
) -> None:
    """Lines on undescribed accounts are Unknown; a type with a budget and without lines is not in the key."""
    sql = f"""
        SELECT Year, AccountType, SUM(TransactionCount), SUM(Amount) {FACTS}
        WHERE ScenarioName = '{scenario}' GROUP BY Year, AccountType HAVING SUM(TransactionCount) > 0
    """
    by_year: dict[str, dict[str, Answer]] = {}
    for year, account_type, lines, amount in home.select(sql):
        by_year.setdefault(str(year), {})[account_type] = {"lines": int(lines), "amount": money(amount)}
    assert by_year == key["by_year_and_type"][scenario]


def test_the_fact_table_has_one_row_per_grain(home: RefreshedHome, key: Answer) -> None:
    """One row per day, department and account with lines, and one per budgeted cell of a covered month."""
    row_counts = dict(home.select(f"SELECT ScenarioName, COUNT(*) {FACTS} GROUP BY ScenarioName"))
    assert row_counts == key["fact_rows"]
    ((rows, distinct),) = home.select(
        "SELECT COUNT(*), COUNT(DISTINCT (DateKey, DepartmentKey, AccountKey, ScenarioKey)) FROM FactFinancials"
    )
    assert rows == distinct == sum(key["fact_rows"].values())


def test_actual_and_budget_are_compared_in_the_months_with_both(home: RefreshedHome, key: Answer) -> None:
    """The view's months, and its sums by year and account type."""
    expected = key["actual_vs_budget"]
    periods = [
        row[0] for row in home.select("SELECT DISTINCT Period FROM ActualVsBudget WHERE HasBudget ORDER BY Period")
    ]
    assert periods == expected["periods"]
    sums = home.select(
        "SELECT Year, AccountType, SUM(Actual), SUM(Budget), SUM(Variance) FROM ActualVsBudget"
        " WHERE HasBudget GROUP BY Year, AccountType"
    )
    by_year: dict[str, dict[str, Answer]] = {}
    for year, account_type, *amounts in sums:
        cells = dict(zip(("actual", "budget", "variance"), map(money, amounts), strict=True))
        by_year.setdefault(str(year), {})[account_type] = cells
    assert by_year == expected["by_year_and_type"]


def test_the_variance_report_has_the_same_figures(home: RefreshedHome, key: Answer) -> None:
    """In its rows, categories added up, and in its file."""
    rows = variance_rows(home.warehouse)
    by_year: dict[str, dict[str, Answer]] = {}
    for row in (row for row in rows if row.account_type):
        cells = {"actual": row.actual_with_budget, "budget": row.budget, "variance": row.variance}
        sums = by_year.setdefault(str(row.fiscal_year), {}).setdefault(
            row.account_type, dict.fromkeys(cells, Decimal(0))
        )
        for name, amount in cells.items():
            sums[name] += amount
    formatted = {
        year: {name: {part: money(amount) for part, amount in sums.items()} for name, sums in types.items()}
        for year, types in by_year.items()
    }
    assert formatted == key["actual_vs_budget"]["by_year_and_type"]
    report = (home.path / "reports" / "variance_report.csv").read_text(encoding="utf-8").splitlines()
    assert len(report) == len(rows) + 1


def test_the_report_leads_from_revenue_to_profit_with_unclassified_money_as_a_line(home: RefreshedHome) -> None:
    """The year to date is nine complete months."""
    rows = [row for row in variance_rows(home.warehouse) if row.fiscal_year == 2025]
    lines = {row.line: (money(row.actual), money(row.budget), row.variance_percent, row.effect) for row in rows}
    assert {(row.months, row.incomplete_periods) for row in rows} == {(9, ())}
    assert lines["Revenue"] == ("34780985.04", "35628870.00", "-2.4", "unfavourable")
    assert lines["Operating profit"] == ("2444051.93", "2927680.00", "-16.5", "unfavourable")
    assert lines["Unclassified"] == ("10922.70", "0.00", "n/m", "")
    assert lines["Profit after unclassified"] == ("2433129.23", "2927680.00", "-16.9", "unfavourable")
    assert list(lines)[5:] == [
        "CapEx (Asset)",
        "Deposits (Asset)",
        "Borrowings (Liability)",
        "Deferred Income (Liability)",
        "Deposits (Liability)",
    ]


def test_every_month_with_actuals_is_complete(home: RefreshedHome, key: Answer) -> None:
    """The months of the budget alone are not."""
    complete = [row[0] for row in home.select("SELECT Period FROM PeriodStatus WHERE IsComplete ORDER BY Period")]
    assert complete == sorted(key["by_period"]["Actual"])
    assert complete[-1] == "2025-09"


STORIES = ("overspent_project", "missed_revenue_target", "late_invoice", "cloud_cost_creep", "keying_slip")


@pytest.mark.parametrize("name", STORIES)
def test_a_story_is_visible_in_the_view_month_by_month(home: RefreshedHome, key: Answer, name: str) -> None:
    """Actual, budget, variance and number of lines of one department and account."""
    story = key["stories"][name]
    rows = home.select(
        "SELECT Period, Actual, Budget, Variance, TransactionCount, AccountType FROM ActualVsBudget"
        f" WHERE DepartmentCode = '{story['department']}' AND AccountNumber = '{story['account']}'"
    )
    months = {
        period: {
            "actual": money(actual),
            "budget": money(budget),
            "variance": money(variance),
            "actual_lines": lines,
        }
        for period, actual, budget, variance, lines, _ in rows
        if period in story["periods"]
    }
    assert months == story["by_period"]
    assert {row[-1] for row in rows} == {story["account_type"]}


@pytest.mark.parametrize("name", STORIES)
def test_a_story_is_traced_to_its_lines_in_the_file(home: RefreshedHome, key: Answer, name: str) -> None:
    """The line numbers behind the figure, whatever the case of the department code."""
    story = key["stories"][name]
    assert set(key["stories"]) == set(STORIES)
    cell = (surrogate_key(story["department"]), surrogate_key(story["account"]))
    lines = [
        row
        for row in home.rows(home.commits()["transactions.csv"], "transactions")
        if (row["department_key"], row["account_key"]) == cell and row["period"] in story["periods"]
    ]
    assert [row["source_row"] for row in lines] == story["source_lines"]
    assert money(sum((row["amount"] for row in lines), Decimal(0))) == story["actual"]


@pytest.fixture(scope="module")
def statement(home: RefreshedHome) -> dict[str, str]:
    """The equation of the shipped files as `run` prints it."""
    return printed_statement(home)


def printed_statement(home: RefreshedHome) -> dict[str, str]:
    """Return the equation of each scenario and measure as `run` prints it; at night after a run.

    By default as the function prints it with which a run ends (see `test_command_line`).
    """
    if current_profile().is_exhaustive:
        text = home.command("run").stdout
    else:
        text = printed(print_sentences, read_status(load_settings(home=home.path)).reconciliation)
    equations = (line.partition(": delivered ") for line in text.splitlines())
    return {place: f"delivered {equation}" for place, found, equation in equations if found}


def test_the_readme_shows_the_statement_that_a_run_prints(statement: dict[str, str]) -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    for place in ("Rows", "Actual USD net", "Actual USD gross", "Budget USD net"):
        assert f"    {place}: {statement[place]}\n" in readme
