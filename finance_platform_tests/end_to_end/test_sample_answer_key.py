"""Tests on the shipped sample: the platform's answers are the generator's own truth, to the row and the cent."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterable
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from finance_platform.deliveries.commits import Count
from finance_platform.feeds.codes import surrogate_key
from finance_platform.reports.variance import variance_rows
from finance_platform_tests.end_to_end.refreshed_home import RefreshedHome, refresh

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
    """What the generator knows about the files that it wrote."""
    answers: Answer = json.loads(ANSWERS.read_text(encoding="utf-8"))
    return answers


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> RefreshedHome:
    """A home with the shipped files, after its first run."""
    folder = tmp_path_factory.mktemp("sample")
    shutil.copytree(REPOSITORY / "data" / "raw", folder / "raw")
    return refresh(folder)


def money(amount: Decimal | None) -> str:
    """Return an amount as the key writes it."""
    return f"{amount or Decimal(0):.2f}"


def counted(count: Count) -> Answer:
    """Return a commit's count as the key writes it."""
    return {"rows": count.rows, "amount": money(count.amount), "unpriced": count.unpriced}


def located(rows: Iterable[Answer]) -> Answer:
    """Return rejected rows as the key writes them: how many, how much, and on which lines."""
    rows = list(rows)
    return {
        "rows": len(rows),
        "amount": money(sum((row["amount"] for row in rows if row["amount"] is not None), Decimal(0))),
        "unpriced": sum(row["amount"] is None for row in rows),
        "lines": sorted(row["source_row"] for row in rows),
    }


def lines_and_amount(found: Iterable[tuple[str, Any, Decimal]]) -> dict[str, Answer]:
    """Return lines and amount by name, as the key writes them."""
    return {name: {"lines": int(lines), "amount": money(amount)} for name, lines, amount in found}


def test_the_first_run_publishes_everything(home: RefreshedHome) -> None:
    """Nothing is held or refused, and only the inferred members are warned of."""
    assert home.succeeded
    assert (list(home.state.stopped), list(home.state.pending), list(home.errors)) == ([], [], [])
    assert home.failed_checks() == []
    assert [check.name for check in home.checks if not check.passed] == [
        "warehouse/dim_department: members_are_described",
        "warehouse/dim_account: members_are_described",
    ]


@pytest.mark.parametrize("file", SCENARIO_OF)
def test_every_row_and_cent_of_a_ledger_file_has_its_outcome(home: RefreshedHome, key: Answer, file: str) -> None:
    """Read = accepted + rejected + duplicate + skipped, in rows, in money, in cells that are no amount."""
    commit, expected = home.commits()[file], key["files"][file]
    assert counted(commit.read) == expected["candidate"]
    assert counted(commit.outcome("accepted")) == expected["accepted"]
    for outcome in ("rejected", "duplicate", "skipped"):
        known = {name: expected[outcome][name] for name in ("rows", "amount", "unpriced")}
        assert counted(commit.outcome(outcome)) == known
    assert money(commit.outcome("rejected").absolute) == expected["rejected"]["absolute_amount"]
    assert not any(commit.unaccounted)


@pytest.mark.parametrize("file", REFERENCES)
def test_every_row_of_a_reference_file_is_taken(home: RefreshedHome, key: Answer, file: str) -> None:
    """All departments and accounts of the sample are sound."""
    commit, expected = home.commits()[file], key["files"][file]
    assert commit.read.rows == expected["candidate"]["rows"]
    assert commit.outcome("accepted").rows == expected["accepted"]["rows"]
    assert len(home.rows(commit, file.removesuffix(".csv"))) == expected["accepted"]["rows"]
    assert home.rows(commit, "rejected_rows") == []


@pytest.mark.parametrize("file", SCENARIO_OF)
def test_rejected_rows_stand_under_their_rules_with_the_lines_that_an_editor_shows(
    home: RefreshedHome, key: Answer, file: str
) -> None:
    """Rule by rule: how many rows, how much money, on which lines of the file."""
    rows, expected = home.rows(home.commits()[file], "rejected_rows"), key["files"][file]
    by_rule: dict[str, list[Answer]] = {}
    for row in rows:
        if row["outcome"] == "rejected":
            by_rule.setdefault(row["rules"], []).append(row)
    assert {rule: located(found) for rule, found in by_rule.items()} == expected["rejected"]["by_rule"]
    for outcome in ("duplicate", "skipped"):
        assert located(row for row in rows if row["outcome"] == outcome) == expected[outcome]
    assert all(row["reasons"] for row in rows)


@pytest.mark.parametrize("file", SCENARIO_OF)
def test_every_line_of_a_file_is_found_in_exactly_one_place(home: RefreshedHome, key: Answer, file: str) -> None:
    """As a ledger line or as a rejected row, once; from the line after the header to the last."""
    commit = home.commits()[file]
    found = [
        row["source_row"] for table in ("transactions", "budget", "rejected_rows") for row in home.rows(commit, table)
    ]
    assert sorted(found) == list(range(2, key["files"][file]["candidate"]["rows"] + 2))


@pytest.mark.parametrize("file", SCENARIO_OF)
def test_a_rejected_row_shows_the_row_as_it_was_delivered(home: RefreshedHome, file: str) -> None:
    """The cells of the very line that it names; a repeated or conflicting key shows the values that were compared."""
    lines = (home.path / "raw" / file).read_text(encoding="utf-8").split("\n")
    header = next(csv.reader(lines))
    rows = home.rows(home.commits()[file], "rejected_rows")
    whole = [row for row in rows if row["rules"] not in {"repeated_row", "conflicting_key"}]
    for row in whole:
        cells = next(csv.reader([lines[row["source_row"] - 1]]), [])
        delivered = dict(zip_longest(header, cells, fillvalue=""))
        assert json.loads(row["raw_row"]) == delivered, row["reasons"]
    for row in (row for row in rows if row not in whole):
        assert json.loads(row["raw_row"])["amount"] == money(row["amount"])


@pytest.mark.parametrize(
    ("dimension", "code", "name"),
    [("departments", "DepartmentCode", "DimDepartment"), ("accounts", "AccountNumber", "DimAccount")],
)
def test_codes_that_no_reference_file_has_are_inferred_with_all_their_money(
    home: RefreshedHome, key: Answer, dimension: str, code: str, name: str
) -> None:
    """None is dropped, and no other is inferred."""
    sql = f"SELECT {code}, SUM(TransactionCount), SUM(Amount) {FACTS} WHERE {name}.IsInferred GROUP BY {code}"
    assert lines_and_amount(home.query(sql)) == key["inferred"][dimension]
    inferred = {row[0] for row in home.query(f"SELECT {code} FROM {name} WHERE IsInferred")}
    assert inferred == set(key["inferred"][dimension])


@pytest.mark.parametrize("scenario", SCENARIO_OF.values())
def test_every_month_of_a_scenario_has_its_lines_and_its_amount(
    home: RefreshedHome, key: Answer, scenario: str
) -> None:
    """By accounting period."""
    sql = f"SELECT YearMonth, SUM(TransactionCount), SUM(Amount) {FACTS} WHERE ScenarioName = '{scenario}'"
    assert lines_and_amount(home.query(f"{sql} GROUP BY YearMonth")) == key["by_period"][scenario]


@pytest.mark.parametrize("scenario", SCENARIO_OF.values())
def test_every_year_and_account_type_of_a_scenario_has_its_lines_and_its_amount(
    home: RefreshedHome, key: Answer, scenario: str
) -> None:
    """Lines on accounts that nobody described are Unknown; a type with a budget and no lines has none."""
    sql = f"""
        SELECT Year, AccountType, SUM(TransactionCount), SUM(Amount) {FACTS}
        WHERE ScenarioName = '{scenario}' GROUP BY Year, AccountType HAVING SUM(TransactionCount) > 0
    """
    found: dict[str, dict[str, Answer]] = {}
    for year, account_type, lines, amount in home.query(sql):
        found.setdefault(str(year), {})[account_type] = {"lines": int(lines), "amount": money(amount)}
    assert found == key["by_year_and_type"][scenario]


def test_the_fact_table_has_as_many_rows_as_its_grain_asks_for(home: RefreshedHome, key: Answer) -> None:
    """A row a day, department and account with lines, and one a budgeted cell of a covered month."""
    found = dict(home.query(f"SELECT ScenarioName, COUNT(*) {FACTS} GROUP BY ScenarioName"))
    assert found == key["fact_rows"]
    ((rows, distinct),) = home.query(
        "SELECT COUNT(*), COUNT(DISTINCT (DateKey, DepartmentKey, AccountKey, ScenarioKey)) FROM FactFinancials"
    )
    assert rows == distinct == sum(key["fact_rows"].values())


def test_actual_against_budget_is_compared_in_the_months_that_both_have(home: RefreshedHome, key: Answer) -> None:
    """The view's months, and its sums by year and account type."""
    expected = key["actual_vs_budget"]
    periods = [
        row[0] for row in home.query("SELECT DISTINCT Period FROM ActualVsBudget WHERE HasBudget ORDER BY Period")
    ]
    assert periods == expected["periods"]
    sums = home.query(
        "SELECT Year, AccountType, SUM(Actual), SUM(Budget), SUM(Variance) FROM ActualVsBudget"
        " WHERE HasBudget GROUP BY Year, AccountType"
    )
    found: dict[str, dict[str, Answer]] = {}
    for year, account_type, *amounts in sums:
        cells = dict(zip(("actual", "budget", "variance"), map(money, amounts), strict=True))
        found.setdefault(str(year), {})[account_type] = cells
    assert found == expected["by_year_and_type"]


def test_the_variance_report_says_the_same(home: RefreshedHome, key: Answer) -> None:
    """In rows and in the file that people open."""
    rows = variance_rows(home.warehouse)
    found: dict[str, dict[str, Answer]] = {}
    for row in rows:
        cells = {"actual": money(row.actual_with_budget), "budget": money(row.budget), "variance": money(row.variance)}
        found.setdefault(str(row.year), {})[row.account_type] = cells
    assert found == key["actual_vs_budget"]["by_year_and_type"]
    report = (home.path / "reports" / "variance_report.csv").read_text(encoding="utf-8").splitlines()
    assert len(report) == len(rows) + 1


STORIES = ("overspent_project", "missed_revenue_target", "late_invoice", "cloud_cost_creep", "keying_slip")


@pytest.mark.parametrize("name", STORIES)
def test_a_story_can_be_read_off_the_view_month_by_month(home: RefreshedHome, key: Answer, name: str) -> None:
    """Actual, budget, variance and number of lines of one department and account."""
    story = key["stories"][name]
    found = home.query(
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
        for period, actual, budget, variance, lines, _ in found
        if period in story["periods"]
    }
    assert months == story["by_period"]
    assert {row[-1] for row in found} == {story["account_type"]}


@pytest.mark.parametrize("name", STORIES)
def test_a_story_leads_back_to_its_lines_in_the_file(home: RefreshedHome, key: Answer, name: str) -> None:
    """The line numbers behind the number, whatever case the department was written in."""
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


def last_load(home: RefreshedHome) -> int:
    """Return the number of the last load."""
    ((number,),) = home.query("SELECT MAX(LoadNumber) FROM LoadLedger")
    return int(number)


def test_a_second_run_does_nothing(home: RefreshedHome) -> None:
    """No job starts, no Parquet is written, nothing is loaded, the warehouse is the very same file."""
    files, load = home.files(), last_load(home)
    logs = sorted(str(path) for path in home.path.rglob("job.log"))
    again = refresh(home.path)
    assert again.succeeded
    assert again.failed_checks() == []
    assert (again.files(), last_load(again)) == (files, load)
    assert sorted(str(path) for path in home.path.rglob("job.log")) == logs
    assert len(logs) == 2, "one standardise, one build_star"


def test_the_same_files_sent_again_change_nothing(home: RefreshedHome) -> None:
    """New times, old bytes: the register notes it at most, no job starts, nothing is loaded."""
    load, logs = last_load(home), len(list(home.path.rglob("job.log")))
    parquet = {name: found for name, found in home.files().items() if name.endswith(".parquet")}
    for position, file in enumerate(sorted((home.path / "raw").iterdir(), reverse=True)):
        os.utime(file, (1_900_000_000 + position, 1_900_000_000 + position))
    again = refresh(home.path)
    assert again.succeeded
    assert {name: found for name, found in again.files().items() if name.endswith(".parquet")} == parquet
    assert (last_load(again), len(list(home.path.rglob("job.log")))) == (load, logs)
