"""Master data changes from a date: closed periods keep the attributes that they had, and every view says so.

Belongs here: a changed account and department after a close, with a date and without one. Does not belong here: which
row counts in which period (see `unit/deliveries/test_attribute_spans`).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform.bootstrap import open_warehouse, processed_zone
from finance_platform.cli.as_of import shown_state
from finance_platform.quality.attributes import check_attributes
from finance_platform.settings import StarSettings, load_settings
from finance_platform.slices.snapshot import read_snapshot
from finance_platform.trace.cell_to_lines import trace_cell
from finance_platform.trace.cells import CellName, read_publication
from finance_platform.trace.file_to_cells import trace_file
from finance_platform.trace.published_cells import PublishedCells
from finance_platform.trace.published_lines import open_lines
from finance_platform.warehouse.ledger import published_slices
from finance_platform_tests.end_to_end.home import Home, copy_home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.end_to_end.small_home import ACCOUNTS, DEPARTMENTS
from finance_platform_tests.environment import platform_environment
from finance_platform_tests.profiles import at_night

pytestmark = pytest.mark.end_to_end

KEY = "journal/lines.csv"
MOVED = "SELECT DISTINCT LoadNumber, Period FROM Movements WHERE Kind = 'reclassification'"
BY_TYPE = "SELECT Period, AccountType, SUM(Actual) FROM ActualVsBudget GROUP BY 1, 2 ORDER BY 1, 2"
CATEGORIES = """
    SELECT Period, Category FROM PeriodAmount WHERE AccountNumber = '6000' AND ScenarioType = 'Actual' ORDER BY 1
"""
AMOUNTS = """
    SELECT Period, AccountType, Amount FROM PeriodAmount
    WHERE AccountNumber = '6000' AND ScenarioType = 'Actual' ORDER BY 1
"""
TO_DATE = """
    SELECT Line, SUM(Amount) FROM ProfitAndLossByHorizon
    WHERE AsOfPeriod = '2024-02' AND Horizon = 'year to date' AND ScenarioName = 'Actual' AND NOT IsSubtotal
        AND ReferenceName = 'Budget'
    GROUP BY 1 ORDER BY 1
"""


@pytest.fixture
def home(january_closed: Path, tmp_path: Path) -> Home:
    """The small home with January closed."""
    return copy_home(january_closed, tmp_path / "home")


def test_a_changed_account_keeps_what_it_was_in_closed_periods_and_nothing_is_restated(home: Home, refresh: Refresher):
    before = home.select(BY_TYPE)
    january = [row for row in before if row[0] == "2024-01"]
    lines = dict(home.select(TO_DATE))
    home.write("raw/accounts.csv", ACCOUNTS.replace("6000,Salaries,Expense", "6000,Wages,Asset"))

    refreshed = refresh(home)

    assert not refreshed.needs_attention
    assert refreshed.alerts == []
    assert [row for row in home.select(BY_TYPE) if row[0] == "2024-01"] == january
    assert "Asset" in {row[1] for row in home.select(BY_TYPE) if row[0] == "2024-02"}
    assert home.select("SELECT AccountType FROM DimAccount WHERE AccountNumber = '6000'") == [("Asset",)]
    spans = (
        "SELECT ValidFrom, ValidTo, AccountName, AccountType FROM AccountSpan WHERE AccountNumber = '6000' ORDER BY 1"
    )
    assert home.select(spans) == [
        ("0001-01", "2024-01", "Salaries", "Expense"),
        ("2024-02", "9999-12", "Wages", "Asset"),
    ]
    moved = home.select("SELECT DISTINCT Period, IsRestatement FROM Movements WHERE Kind = 'reclassification'")
    assert moved == [("2024-02", False)]
    assert sum(dict(home.select(TO_DATE)).values()) < sum(lines.values())

    now = "SELECT AccountType, SUM(Amount) FROM FactFinancials JOIN DimAccount USING (AccountKey) GROUP BY 1"
    note = (
        "note: DimAccount has the attributes of now, and some members had others in earlier periods; join AccountSpan"
    )
    assert note in home.command("query", now).stderr
    assert note not in home.command("query", now, "--attributes", "as-is").stderr
    movements = home.select("SELECT COUNT(*) FROM Movements")
    with platform_environment(home.path):
        settings = load_settings(home=home.path)
        for as_of, in_january, in_february in (("", "Asset", "Asset"), ("close:2024-01", "Expense", "Expense")):
            with shown_state(settings, as_of, "as-is") as shown:
                rows = shown.warehouse.query(AMOUNTS).rows
                assert [row[:2] for row in rows] == [("2024-01", in_january), ("2024-02", in_february)]
                assert rows[0][2] == home.select(AMOUNTS)[0][2]
                assert as_of or shown.warehouse.query("SELECT COUNT(*) FROM Movements").rows == movements
    written = home.command("report", "--attributes", "as-is", "--period", "2024-01", "--out", str(home.path / "out"))
    assert written.returncode == 0, written.stderr
    (page,) = (home.path / "out").glob("report_pack-2024-01-as-is.html")
    assert "latest attributes in every period (as-is)" in page.read_text()


def test_a_chart_with_its_history_that_is_sent_again_after_a_close_changes_no_type(home: Home, refresh: Refresher):
    """Salaries are an asset from January on, which the row without a date beside the dated one does not undo."""
    header, *rows = ACCOUNTS.splitlines()
    dated = [f"{header},valid_from", *(f"{row}," for row in rows), "6000,Salaries,Asset,Payroll,,2024-01"]
    home.write("raw/accounts.csv", "\n".join(dated) + "\n")

    refreshed = refresh(home, FINANCE_PLATFORM_CLOSED_PERIODS="publish")

    assert [row[:2] for row in home.select(AMOUNTS)] == [("2024-01", "Asset"), ("2024-02", "Asset")]
    assert home.select("SELECT AccountType FROM DimAccount WHERE AccountNumber = '6000'") == [("Asset",)]
    assert len(refreshed.alerts) == 1


@at_night("`unit/deliveries/test_attribute_spans`; an account below")
def test_a_date_in_the_file_decides_and_one_in_a_closed_period_is_a_restatement(home: Home, refresh: Refresher):
    header = "account_number,account_name,account_type,category,valid_from"
    home.write("raw/accounts_later.csv", f"{header}\n4000,Subscriptions,Revenue,Recurring,soon\n")
    assert "accounts_later.csv" in refresh(home).held()
    home.write("raw/accounts_later.csv", f"{header}\n6000,Salaries,Expense,People,2024-02-15\n")
    assert refresh(home).alerts == []
    assert home.select(CATEGORIES) == [("2024-01", "Payroll"), ("2024-02", "People")]

    home.write("raw/accounts_later.csv", f"{header}\n6000,Salaries,Expense,People,2024-01\n")

    (alert,) = refresh(home, FINANCE_PLATFORM_CLOSED_PERIODS="publish").alerts
    assert home.select(CATEGORIES) == [("2024-01", "People"), ("2024-02", "People")]
    assert alert.found["periods"] == ["2024-01"]


@at_night("`test_one_figure_in_every_place`, `test_causes_in_closed_periods`")
def test_a_department_that_moves_to_another_unit_is_in_each_for_its_own_periods(home: Home, refresh: Refresher):
    total = "SELECT SUM(Amount) FROM VarianceByHorizon WHERE Horizon = 'full year' AND ReferenceName = 'Budget' "
    total += "AND AsOfPeriod = '2024-01' AND ScenarioName = 'Actual'"
    before = home.select(total)
    home.write("raw/departments.csv", DEPARTMENTS.replace("Facilities,Operations", "Facilities,Services"))

    assert refresh(home).alerts == []

    units = "SELECT Period, BusinessUnit FROM PeriodAmount WHERE DepartmentCode = '0450' AND ScenarioType = 'Actual'"
    assert home.select(f"{units} ORDER BY 1") == [("2024-01", "Operations"), ("2024-02", "Services")]
    assert home.select(total) == before
    written = home.command("report", "--period", "2024-02", "--out", str(home.path / "out"))
    assert written.returncode == 0, written.stderr


def test_a_department_that_is_split_is_shown_in_today_s_structure_and_in_the_old_one_to_the_cent(
    home: Home, refresh: Refresher
):
    fact = home.select(
        "SELECT YearMonth, AccountKey, ScenarioKey, SUM(Amount) FROM FactFinancials "
        "INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    header = "department_code,department_name,business_unit,parent_department_code,valid_from,"
    header += "predecessor_department_code,predecessor_share\n"
    old = "D100,Sales,Commercial,,,,\n0450,Facilities,Operations,,,,\n"
    parts = "D110,Online,Commercial,,2024-02,D100,33.3333%\nD120,Stores,Retail,,2024-02,D100,0.6\n"
    home.write("raw/departments.csv", f"{header}{old}{parts}")

    refreshed = refresh(home)

    assert not refreshed.needs_attention
    assert refreshed.alerts == []
    by_structure = "SELECT Period, AccountKey, ScenarioKey, SUM(Amount) FROM StructureAmount "
    by_structure += "INNER JOIN DimScenario ON DimScenario.ScenarioName = StructureAmount.ScenarioName "
    for which in ("IsCurrentStructure", "NOT IsCurrentStructure"):
        assert home.select(f"{by_structure} WHERE {which} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3") == fact
    january = "SELECT DepartmentCode, BusinessUnit, Amount, MovedAmount FROM StructureAmount WHERE Period = '2024-01' "
    january += "AND ScenarioName = 'Actual' AND AccountNumber = '4000' AND IsCurrentStructure ORDER BY 1"
    assert [tuple(map(str, row)) for row in home.select(january)] == [
        ("D100", "Commercial", "66.67", "0.00"),
        ("D110", "Commercial", "333.33", "333.33"),
        ("D120", "Retail", "600.00", "600.00"),
    ]
    home.write("raw/departments.csv", f"{header}{old}{parts.replace('0.6', '0.7')}")
    assert refresh(home).failed_checks == ["reorganisations_are_consistent"]
    assert home.select("SELECT COUNT(*) FROM DepartmentReorganisation") == [(0,)]


JOURNAL = """\
feed: journal
kind: ledger
path: journal/*.csv
columns: {date: Day, department: Department, account: Account, amount: Amount}
constants: {scenario: Actual}
sign: debit_positive
"""


def test_lines_and_a_lost_warehouse_have_the_type_that_the_account_had_in_their_period(
    small_home_once_run: Path, tmp_path: Path, refresh: Refresher
):
    home = copy_home(small_home_once_run, tmp_path / "home")
    home.write("feeds/journal.yaml", JOURNAL)
    lines = "Day,Department,Account,Amount\n2024-01-09,D100,4000,-70.00\n2024-02-09,D100,4000,-80.00\n"
    home.write("raw/journal/lines.csv", lines)
    header, *rows = ACCOUNTS.splitlines()
    dated = [f"{header},valid_from", *(f"{row}," for row in rows), "4000,Fees,Expense,Other,,2024-02"]
    home.write("raw/accounts.csv", "\n".join(dated) + "\n")
    assert not refresh(home).needs_attention
    with platform_environment(home.path):
        settings = load_settings(home=home.path)
        store, warehouse = open_lines(home.processed), open_warehouse(settings)
        traced = [trace_cell(warehouse, store, CellName(period, "D100", "4000")) for period in ("2024-01", "2024-02")]
        of_journal = [[str(line.star_amount) for line in one.lines if line.file == KEY] for one in traced]
        assert of_journal == [["70.00"], ["-80.00"]]
        assert all(one.reconciles for one in traced)
        reached = trace_file(store, read_publication(warehouse, store, KEY), KEY).cells
        assert {cell.period: str(cell.amount) for cell in reached} == {"2024-01": "70.00", "2024-02": "-80.00"}
        cells = PublishedCells(home.processed, warehouse, store, published_slices(warehouse))
        assert cells.compare() == []

    # The next accounts file changes a closed period, which waits, and an open one; the warehouse is lost meanwhile.
    assert home.command("close", "2024-01", "--why", "books closed").returncode == 0
    waiting = "SELECT Period, WaitingChanges FROM PeriodCalendar WHERE WaitingChanges > 0"
    assert home.select(waiting) == []
    spans = "SELECT ValidFrom, ValidTo, AccountType FROM AccountSpan WHERE AccountNumber = '4000' ORDER BY 1"
    before = home.select(spans), home.select(MOVED)
    changed = [row.replace("2024-02", "2024-01") for row in dated]
    home.write("raw/accounts.csv", "\n".join([*changed, "6000,Salaries,Expense,People,,2024-02"]) + "\n")
    (home.path / "warehouse.duckdb").unlink()
    refresh(home)
    assert home.select(waiting) == [("2024-01", 2)]  # the account's type, and the lines that it turns around
    assert home.select(spans) == before[0] == [("0001-01", "2024-01", "Revenue"), ("2024-02", "9999-12", "Expense")]
    moved = {period for _, period in set(home.select(MOVED)) - set(before[1])}
    assert min(moved) == "2024-02"


def test_actual_after_the_end_of_a_department_or_an_account_is_a_warning_in_open_periods(
    home: Home, refresh: Refresher
):
    home.write(
        "raw/departments.csv",
        "department_code,department_name,business_unit,valid_from,valid_to\n"
        "0450,Facilities,Operations,2020-01-01,2023-12-31\n"
        "D100,Sales,Commercial,2020-01-01,2024-01-31\nD100,Sales,Retail,2024-02-01,\n",
    )
    ended = ACCOUNTS.replace("parent_account_number", "valid_to").replace("Recurring,", "Recurring,2024-02-29")
    home.write("raw/accounts.csv", ended)

    refreshed = refresh(home)

    assert refreshed.failed_checks == []
    with platform_environment(home.path):
        settings = load_settings(home=home.path)
        processed = processed_zone(settings)
        snapshot = read_snapshot(processed, StarSettings.of(settings))
        _, accounts, departments = check_attributes(snapshot, processed)
    # January is closed, and the second department goes on in another business unit.
    assert departments.summary == "1 department has Actual after valid_to, lines 1, gross 1,250.25, most of 0450"
    assert accounts.summary == "1 account has Actual after valid_to, lines 1, gross 100.00, most of 4000"
    assert [row["what"] for row in (*departments.evidence, *accounts.evidence)] == [
        "department 0450 has 1 line of Actual from 2024-02 on, gross 1,250.25; its valid_to is in 2023-12",
        "account 4000 has 1 line of Actual from 2024-03 on, gross 100.00; its valid_to is in 2024-02",
    ]
    assert (departments.passed, departments.check.is_warning) == (False, True)

    home.write(
        "raw/departments.csv",
        "department_code,department_name,business_unit,valid_from,valid_to\n"
        "0450,Facilities,Operations,,2024-02-29\n"
        "D100,Sales,Commercial,2020-01-01,2024-01-31\nD100,Sales,Retail,2024-03-01,\n",
    )
    home.write("raw/accounts.csv", ACCOUNTS)
    refresh(home)
    with platform_environment(home.path):
        snapshot = read_snapshot(processed, StarSettings.of(settings))
        _, accounts, departments = check_attributes(snapshot, processed)
    assert accounts.passed
    (row,) = departments.evidence
    assert row["department"] == "D100"
    assert "of Actual from 2024-02 before 2024-03" in row["what"]
    assert row["what"].endswith("its valid_to is in 2024-01, and it begins again in 2024-03")

    home.write("raw/departments.csv", DEPARTMENTS)
    home.write("raw/accounts.csv", ended.replace("2024-02-29", "2024-03-31"))
    refresh(home)
    with platform_environment(home.path):
        snapshot = read_snapshot(processed, StarSettings.of(settings))
        assert [outcome.passed for outcome in check_attributes(snapshot, processed)] == [True, True, True]
