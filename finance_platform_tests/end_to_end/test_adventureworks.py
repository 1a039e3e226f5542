"""Tests on AdventureWorks: a published ledger matches independently counted figures to the cent.

Belongs here: the published figures. Does not belong here: the same on the JVM (see `transforms.test_engine_parity`).
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finance_platform_tests.end_to_end.adventureworks_home import published_files, refresh_adventureworks_once
from finance_platform_tests.end_to_end.dagster_refresh import RefreshedHome

pytestmark = pytest.mark.end_to_end

CENT = Decimal("0.01")
TYPES = {
    "Assets": "Asset",
    "Liabilities": "Liability",
    "Expenditures": "Expense",
    "Revenue": "Revenue",
    "Balances": "Statistical",
    "Flow": "Statistical",
}
FACTS = """
FROM FactFinancials
INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey
INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
INNER JOIN DimAccount ON DimAccount.AccountKey = FactFinancials.AccountKey
INNER JOIN DimDepartment ON DimDepartment.DepartmentKey = FactFinancials.DepartmentKey
"""

Sums = dict[str, tuple[int, Decimal]]


@pytest.fixture(scope="module")
def published() -> Path:
    """The folder of the published files."""
    return published_files()


@pytest.fixture(scope="module")
def known(published: Path) -> dict[str, Any]:
    """The independently counted figures."""
    answers: dict[str, Any] = json.loads((published / "known_answers.json").read_text(encoding="utf-8"))
    return answers


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> RefreshedHome:
    """A home with the published files and three descriptors, after one run."""
    return refresh_adventureworks_once(tmp_path_factory)


def summed(home: RefreshedHome, by: str) -> Sums:
    """Return number of lines and sum of amounts by scenario and another column."""
    sql = f"SELECT ScenarioName, {by}, SUM(TransactionCount), SUM(Amount) {FACTS} GROUP BY ScenarioName, {by}"
    return {f"{scenario}|{name}": (int(lines), amount) for scenario, name, lines, amount in home.select(sql)}


def expected_sums(block: dict[str, Any]) -> Sums:
    """Return the same from the known answers, to the cent."""
    return {name: (part["rows"], Decimal(part["sum"]).quantize(CENT)) for name, part in block.items()}


def test_the_run_reads_every_file_with_a_feed_and_refuses_nothing(home: RefreshedHome) -> None:
    """No delivery is held, refused or left unread; no row is rejected, repeated or skipped."""
    assert home.succeeded
    state = home.state
    assert (list(state.inactive), list(state.pending)) == ([], [])
    read = {key: (commit.read.rows, commit.outcome("accepted").rows) for key, commit in home.commits().items()}
    assert read == {
        "FactFinance.csv": (39_409, 39_409),
        "DimAccount.csv": (99, 99),
        "DimDepartmentGroup.csv": (7, 7),
    }
    assert all(home.rows(commit, "rejected_rows") == [] for commit in home.commits().values())


def test_every_check_except_warnings_passes(home: RefreshedHome) -> None:
    """All of them were evaluated."""
    assert home.failed_checks() == []
    evaluated = {check.name.partition(": ")[2] for check in home.checks}
    assert {
        "every_row_is_accounted_for",
        "ledger_lines_equal_star",
        "lake_equals_warehouse",
        "grain_is_unique",
    } <= evaluated


def test_files_without_a_feed_cause_warnings_and_stop_nothing(home: RefreshedHome) -> None:
    """DimDate, DimOrganization, DimScenario and the licence are not read; those that share a fix share a line."""
    named = [message.partition(". Fix: ")[0] for message in home.warnings if "without a feed" in message]
    assert named == [
        "2 files without a feed descriptor: DimDate.csv; DimScenario.csv",
        "1 file without a feed descriptor: DimOrganization.csv",
        "1 file without a feed descriptor: license.txt",
    ]
    assert [check.name for check in home.checks if "unread_files" in check.name and not check.passed] == [
        "raw/unread_files: every_file_has_a_feed"
    ]
    assert list(home.errors) == []


def test_actual_and_budget_are_the_published_sums_to_the_cent(home: RefreshedHome) -> None:
    """Anybody with this database can count them."""
    rows = home.select(f"SELECT ScenarioName, SUM(TransactionCount), SUM(Amount) {FACTS} GROUP BY ScenarioName")
    assert {scenario: (int(lines), amount) for scenario, lines, amount in rows} == {
        "Actual": (34_563, Decimal("1316228562.70")),
        "Budget": (4_846, Decimal("42411850.00")),
    }


def test_every_year_is_the_published_sum(home: RefreshedHome, known: dict[str, Any]) -> None:
    """By scenario and calendar year."""
    assert summed(home, "Year") == expected_sums(known["rounded_2dp_half_up"]["by_scenario_year"])


def test_every_account_type_is_the_published_sum(home: RefreshedHome, known: dict[str, Any]) -> None:
    """By scenario; accounts in units are Statistical."""
    expected: Sums = {}
    for name, (lines, amount) in expected_sums(known["rounded_2dp_half_up"]["by_scenario_account_type"]).items():
        scenario, _, published = name.partition("|")
        before = expected.get(f"{scenario}|{TYPES[published]}", (0, Decimal(0)))
        expected[f"{scenario}|{TYPES[published]}"] = (before[0] + lines, before[1] + amount)
    assert summed(home, "AccountType") == expected


def test_every_department_group_and_organization_is_the_published_sum(
    home: RefreshedHome, known: dict[str, Any]
) -> None:
    """The names come from the ledger's lines, through maps of the descriptor."""
    assert summed(home, "DepartmentName") == expected_sums(known["rounded_2dp_half_up"]["by_scenario_department_group"])
    assert summed(home, "BusinessUnit") == expected_sums(known["by_scenario_organization"])


def test_months_with_several_posting_days_are_one_period(home: RefreshedHome, known: dict[str, Any]) -> None:
    """39 days of posting in 34 months."""
    by_month = {name.replace("-", ""): total for name, total in summed(home, "YearMonth").items()}
    assert by_month == expected_sums(known["by_scenario_month"])
    ((periods, days),) = home.select(
        f"SELECT COUNT(DISTINCT YearMonth), COUNT(DISTINCT FullDate) {FACTS} WHERE TransactionCount > 0"
        " AND ScenarioName = 'Actual'"
    )
    assert (periods, days) == (known["distinct_calendar_months"], known["distinct_date_keys"]) == (34, 39)


def test_the_variance_of_budgeted_and_booked_cells_is_the_published_one(
    home: RefreshedHome, known: dict[str, Any]
) -> None:
    """Over the months, departments and accounts with both, counted from the rows of Actual only."""
    (variances,) = home.select(
        f"""
        WITH Cell AS (
            SELECT DimDate.YearMonth, DepartmentCode, AccountNumber,
                SUM(Amount) AS Amount, SUM(BudgetAmount) AS BudgetAmount, SUM(Variance) AS Variance
            {FACTS}
            WHERE ScenarioName = 'Actual'
            GROUP BY DimDate.YearMonth, DepartmentCode, AccountNumber
            HAVING SUM(TransactionCount) > 0
        ), Budgeted AS (
            SELECT DISTINCT DimDate.YearMonth, DepartmentCode, AccountNumber {FACTS} WHERE ScenarioName = 'Budget'
        )
        SELECT SUM(Variance), SUM(Amount) - SUM(BudgetAmount) FROM Cell
        INNER JOIN Budgeted ON Budgeted.YearMonth = Cell.YearMonth
            AND Budgeted.DepartmentCode = Cell.DepartmentCode AND Budgeted.AccountNumber = Cell.AccountNumber
        """
    )
    expected = Decimal(known["rounded_2dp_half_up"]["sum_variance_actual_minus_budget_on_matched"])
    assert variances == (expected, expected)


def test_every_account_is_described_and_accounts_without_money_are_not_in_the_money_view(
    home: RefreshedHome, known: dict[str, Any]
) -> None:
    """Headcounts, units and month-end balances are never added to revenue and expense."""
    ((accounts, inferred),) = home.select(
        "SELECT COUNT(*), SUM(CASE WHEN IsInferred THEN 1 ELSE 0 END) FROM DimAccount"
    )
    assert (accounts, int(inferred)) == (99, 0)
    assert home.select("SELECT AccountType, Category FROM DimAccount WHERE AccountNumber = '1'") == [
        ("Unknown", "Unknown")
    ]
    money = known["rounded_2dp_half_up"]["by_scenario_account_type"]
    assert sorted(home.select("SELECT AccountType, SUM(Actual) FROM ActualVsBudget GROUP BY AccountType")) == [
        ("Expense", Decimal(money["Actual|Expenditures"]["sum"])),
        ("Revenue", Decimal(money["Actual|Revenue"]["sum"])),
    ]


def test_a_department_is_a_group_within_an_organization(home: RefreshedHome) -> None:
    """Two columns of the ledger form one code; the seven groups of the reference file are separate departments."""
    departments = home.select(
        "SELECT DepartmentName, BusinessUnit, IsInferred FROM DimDepartment WHERE DepartmentCode IN ('3-7', '7')"
    )
    assert sorted(departments) == [
        ("Sales and Marketing", "Northeast Division", True),
        ("Sales and Marketing", "Unknown", False),
    ]
