"""Plan files: scenarios by the files' names, several files of one scenario, and which file plans a cell.

Belongs here: what a planner sends over time. Does not belong here: every name (see the unit tests of feed sets).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform_tests.end_to_end.home import Home, copy_home
from finance_platform_tests.end_to_end.in_process_refresh import Refreshed, Refresher
from finance_platform_tests.end_to_end.small_home import BUDGET, create_small_home
from finance_platform_tests.profiles import at_night

pytestmark = pytest.mark.end_to_end

HEADER = "period,department_code,account_number,budget_amount\n"
SALES = HEADER + "2025-01,D1,6100,60.00\n2025-01,D1,6101,5.00\n"
HR = HEADER + "2025-01,D2,6100,25.00\n"
REPLACING_PERIODS = """\
feed: budget
kind: ledger
path: budget*.csv
columns:
  date: {from: [period, date], formats: [yyyy-MM, yyyy-MM-dd]}
  department: {from: [department_code, department]}
  account: {from: [account_number, account]}
  amount: {from: [budget_amount, amount], decimal: ".", thousands: ","}
constants: {scenario: Budget}
load: {mode: replace_period}
"""
EXTRACT = """\
feed: extract
kind: ledger
path: extract/*.csv
columns:
  date: {from: month, formats: [yyyy-MM]}
  department: department
  account: account
  amount: amount
  scenario: {from_name: "_(q[1-4])_", map: {q1: Budget Q1, q2: Budget Q2}}
load: {mode: replace_period, covers: {from_name: "_([0-9]{4}-[0-9]{2})"}}
"""


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory, refresh: Refresher) -> Path:
    """A home with the budget of one department, after its first refresh; for copies."""
    home = Home(tmp_path_factory.mktemp("planned"))
    home.write(
        "raw/accounts.csv", "account_number,account_name,account_type\n6100,Rent,Expense\n6101,Storage,Expense\n"
    )
    home.write("raw/departments.csv", "department_code,department_name,business_unit\nD1,Sales,North\nD2,HR,North\n")
    home.write(
        "raw/transactions.csv",
        "transaction_id,transaction_date,department_code,account_number,amount\n"
        "T1,2025-01-05,D1,6100,50.00\nT2,2025-01-05,D2,6100,20.00\n",
    )
    home.write("raw/budget_sales.csv", SALES)
    assert not refresh(home).needs_attention
    return home.path


@pytest.fixture
def home(planned: Path, tmp_path: Path) -> Home:
    """A home of the test's own with the budget of one department."""
    return copy_home(planned, tmp_path / "home")


def plan(home: Home) -> dict[str, str]:
    """Return the planned amounts by scenario, department and account."""
    rows = home.select(
        "SELECT ScenarioName, DepartmentCode, AccountNumber, SUM(Amount) FROM FactFinancials"
        " INNER JOIN DimScenario USING (ScenarioKey) INNER JOIN DimDepartment USING (DepartmentKey)"
        " INNER JOIN DimAccount USING (AccountKey)"
        " WHERE ScenarioName <> 'Actual' AND TransactionCount > 0 GROUP BY 1, 2, 3"
    )
    return {f"{scenario} {department} {account}": str(amount) for scenario, department, account, amount in rows}


def budgets(home: Home) -> dict[str, str]:
    """Return the budget of each department as the report view has it."""
    rows = home.query("SELECT DepartmentCode, SUM(Budget) AS B FROM ActualVsBudget GROUP BY 1")
    return {row["DepartmentCode"]: row["B"] for row in rows}


@pytest.fixture(scope="module")
def sent_again(planned: Path, refresh: Refresher, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """The plan after each refresh of a home: two files more, corrections, and one file less."""
    home = copy_home(planned, tmp_path_factory.mktemp("sent_again") / "home")
    plans = [plan(home)]
    two_lines = HR + "2025-01,D2,6101,4.00\n"
    home.write("raw/budget_hr.csv", two_lines)
    home.write("raw/budget_v2.csv", HEADER + "2025-01,d1,6101,7.00\n2025-02,D2,6101,1.00\n2025-02,D2,6101,2.00\n")
    assert not refresh(home).needs_attention
    plans.append(plan(home))
    # One file comes with another amount and a row less; the first one is corrected, so now it is the later one.
    home.write("raw/budget_hr.csv", HR.replace("25.00", "26.00"))
    home.write("raw/budget_sales.csv", SALES.replace("5.00", "6.00"))
    assert not refresh(home).needs_attention
    plans.append(plan(home))
    home.write("raw/budget_sales.csv", SALES)
    assert home.command("withdraw", "budget_v2.csv", "--why", "a draft").returncode == 0
    assert not refresh(home).needs_attention
    assert budgets(home) == {"D1": "65.00", "D2": "26.00"}
    return [*plans, plan(home)]


def test_a_plan_file_replaces_and_removes_its_own_rows_and_no_others(sent_again: list[dict[str, str]]):
    first, second, third, last = sent_again
    assert [one.get("Budget D2 6100") for one in sent_again] == [None, "25.00", "26.00", "26.00"]
    # The other file has two rows of February there, which add up.
    assert (second["Budget D2 6101"], third["Budget D2 6101"]) == ("7.00", "3.00")
    assert {one["Budget D1 6100"] for one in sent_again} == {"60.00"}
    assert last == {**first, "Budget D2 6100": "26.00"}


def test_of_two_files_that_plan_a_cell_the_later_one_counts(sent_again: list[dict[str, str]]):
    assert [one["Budget D1 6101"] for one in sent_again] == ["5.00", "7.00", "6.00", "5.00"]


@pytest.fixture(scope="module")
def named(planned: Path, refresh: Refresher, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Refreshed]:
    """The home after plans with all kinds of names came at once."""
    home = copy_home(planned, tmp_path_factory.mktemp("named") / "home")
    # The first quarter's plan begins as a copy of the budget.
    home.write("raw/budget_q1.csv", SALES)
    home.write("raw/budget_q1_hr.csv", HR)
    home.write("raw/forecast_2025-06.csv", SALES.replace("budget", "forecast").replace("60.00", "61.00"))
    home.write("raw/forecast_2025-07.csv", SALES.replace("budget", "forecast").replace("60.00", "61.00"))
    home.write("raw/forecast_hr.csv", HR.replace("budget", "forecast"))
    cells = "2025-01,D2,6100,9.00,\n2025-01,D2,6101,8.00,Forecast\n"
    home.write("raw/budget_q2.csv", HEADER.strip() + ",Scenario\n" + cells)
    home.write("raw/budget_copy.csv", SALES)
    home.write("feeds/extract.yaml", EXTRACT)
    home.write("raw/extract/a_2025-01.csv", "month,department,account,amount\n2025-01,D1,6100,1.00\n")
    return home, refresh(home)


def test_a_plan_named_after_its_quarter_or_month_is_a_scenario_of_its_own(named: tuple[Home, Refreshed], planned: Path):
    home = named[0]
    assert budgets(home) == budgets(Home(planned))
    of_columns = {"Budget Q2 D2 6100": "9.00", "Forecast D2 6101": "8.00"}
    assert plan(home) == of_columns | {
        "Budget D1 6100": "60.00",
        "Budget D1 6101": "5.00",
        "Budget Q1 D1 6100": "60.00",
        "Budget Q1 D1 6101": "5.00",
        "Budget Q1 D2 6100": "25.00",
        "Forecast D2 6100": "25.00",
        "Forecast 2025-06 D1 6100": "61.00",
        "Forecast 2025-06 D1 6101": "5.00",
        "Forecast 2025-07 D1 6100": "61.00",
        "Forecast 2025-07 D1 6101": "5.00",
    }


def test_a_column_says_another_scenario_than_the_name(named: tuple[Home, Refreshed]):
    of_department = {cell: amount for cell, amount in plan(named[0]).items() if " D2 " in cell}
    assert (of_department["Budget Q2 D2 6100"], of_department["Forecast D2 6101"]) == ("9.00", "8.00")
    assert "Budget Q2 D2 6101" not in of_department


def test_a_copy_of_a_plan_under_another_suffix_is_held(named: tuple[Home, Refreshed]):
    assert named[1].held() == {"budget_copy.csv": "the same content as budget_sales.csv, which counts already"}


def test_a_file_whose_name_does_not_give_the_scenario_is_refused(named: tuple[Home, Refreshed]):
    (row,) = [row for row in named[1].status.deliveries if row["file"] == "extract/a_2025-01.csv"]
    assert row["state"] == "refused"
    assert row["reason"] == "extract/a_2025-01.csv: the name gives no scenario: it does not match '_(q[1-4])_'"


@at_night("`unit/deliveries/test_overlaps`; an empty extract in `test_stories`")
def test_an_empty_file_clears_the_period_and_the_scenario_of_its_name(home: Home, refresh: Refresher):
    header = "month,department,account,amount\n"
    home.write("feeds/extract.yaml", EXTRACT)
    home.write("raw/extract/a_q1_2025-01.csv", header + "2025-01,D1,6100,1.00\n")
    home.write("raw/extract/a_q2_2025-01.csv", header + "2025-01,D1,6100,2.00\n")
    assert not refresh(home).needs_attention
    home.write("raw/extract/b_q1_2025-01.csv", header)
    assert list(refresh(home).held()) == ["extract/b_q1_2025-01.csv"]
    assert home.command("accept", "extract/b_q1_2025-01.csv", "--why", "no plan").returncode == 0
    assert not refresh(home).needs_attention
    assert plan(home) == {"Budget D1 6100": "60.00", "Budget D1 6101": "5.00", "Budget Q2 D1 6100": "2.00"}


@at_night("`unit/deliveries/test_acceptance`")
def test_a_budget_that_is_read_again_under_the_scenario_of_its_name_moves_nothing(tmp_path: Path, refresh: Refresher):
    """A home whose budget was read by the descriptor that replaced whole periods, with a closed period on hold."""
    home = create_small_home(tmp_path)
    descriptor = home.write("feeds/budget.yaml", REPLACING_PERIODS)
    assert not refresh(home).needs_attention
    assert home.command("close", "2024-01", "--why", "books closed").returncode == 0
    first = home.tables()
    descriptor.unlink()
    again = refresh(home, FINANCE_PLATFORM_CLOSED_PERIODS="hold")
    assert again.read == ["budget.csv"]
    assert not again.needs_attention
    assert again.alerts == []
    assert home.tables() == first
    home.write("raw/budget_b.csv", BUDGET.splitlines()[0] + "\n2024-02,D100,6000,1.00\n")
    assert not refresh(home, FINANCE_PLATFORM_CLOSED_PERIODS="hold").needs_attention
