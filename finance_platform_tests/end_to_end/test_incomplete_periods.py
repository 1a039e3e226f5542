"""Incomplete periods and fiscal years, from files to the report's file.

Belongs here: what a person sees after a refresh, a close, a setting. Does not belong here: the rule (see
`unit/slices/test_completeness`), the report's lines (see `unit/reports/test_variance`).
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from finance_platform_tests.end_to_end.home import Home, copy_home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher

pytestmark = pytest.mark.end_to_end

HEADER = "transaction_id,transaction_date,department_code,account_number,amount\n"
ACCOUNTS = "account_number,account_name,account_type\n6100,Rent,Expense\n"
MONTHS = [f"2025-{month:02}" for month in range(1, 7)]


def transactions(period: str, lines: int) -> str:
    """Return a file with so many lines of 10.00 in a month."""
    return HEADER + "".join(f"{period}-{line},{period}-10,D1,6100,10.00\n" for line in range(lines))


def report(home: Home) -> list[dict[str, str]]:
    text = (home.path / "reports" / "variance_report.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def expense(home: Home) -> tuple[str, ...]:
    names = ("FiscalYear", "Months", "Actual", "Budget", "Variance", "IncompletePeriods", "ActualIncomplete")
    (row,) = [row for row in report(home) if row["Line"] == "Expense"]
    return tuple(row[name] for name in names)


@pytest.fixture(scope="module")
def half_a_year(refresh: Refresher, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with ten lines of 10.00 in each of six months, and a budget of 90.00 for twelve; for copies."""
    home = Home(tmp_path_factory.mktemp("half_a_year"))
    home.write("raw/accounts.csv", ACCOUNTS)
    for period in MONTHS:
        home.write(f"raw/transactions_{period}.csv", transactions(period, 10))
    budget = "".join(f"2025-{month:02},D1,6100,90.00\n" for month in range(1, 13))
    home.write("raw/budget.csv", "period,department_code,account_number,budget_amount\n" + budget)
    refresh(home)
    return home.path


@pytest.fixture(scope="module")
def begun(half_a_year: Path, refresh: Refresher, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home after a refresh with three lines of the next month; for copies."""
    home = copy_home(half_a_year, tmp_path_factory.mktemp("begun") / "home")
    home.write("raw/transactions_early.csv", transactions("2025-07", 3))
    refresh(home)
    return home.path


@pytest.fixture
def home(half_a_year: Path, tmp_path: Path) -> Home:
    """A home of the test's own with these lines, after its first refresh."""
    return copy_home(half_a_year, tmp_path / "home")


@pytest.fixture
def begun_home(begun: Path, tmp_path: Path) -> Home:
    """A home of the test's own whose seventh month has begun."""
    return copy_home(begun, tmp_path / "home")


def test_lines_dated_in_the_next_month_do_not_move_the_variance_of_the_year(half_a_year: Path, begun: Path):
    assert expense(Home(half_a_year)) == ("2025", "6", "600.00", "540.00", "60.00", "", "0.00")

    home = Home(begun)
    assert expense(home) == ("2025", "6", "600.00", "540.00", "60.00", "2025-07", "30.00")
    rows = home.select("SELECT Period, Actual, Budget, IsComplete FROM ActualVsBudget ORDER BY Period")
    assert [row[0] for row in rows if not row[-1]] == ["2025-07"]
    assert [str(amount) for amount in rows[-1][1:3]] == ["30.00", "90.00"]


def test_a_month_becomes_complete_by_its_close_and_only_its_mark_changes(begun_home: Home, refresh: Refresher):
    home = begun_home
    before = home.tables()

    assert home.command("close", "2025-07", "--waive", "completeness", "--why", "no more lines").returncode == 0
    loaded = refresh(home).loaded

    assert (list(loaded), home.tables()) == ([], before)
    assert expense(home) == ("2025", "7", "630.00", "630.00", "0.00", "", "0.00")
    assert home.command("reopen", "2025-07", "--why", "more lines").returncode == 0
    refresh(home)
    assert expense(home) == ("2025", "6", "600.00", "540.00", "60.00", "2025-07", "30.00")


def test_a_setting_overrides_what_is_complete(begun_home: Home, refresh: Refresher):
    home = begun_home
    refresh(home, FINANCE_PLATFORM_ACTUALS_THROUGH="2025-07")
    assert expense(home) == ("2025", "7", "630.00", "630.00", "0.00", "", "0.00")

    refresh(home, FINANCE_PLATFORM_ACTUALS_THROUGH="2025-05")
    assert expense(home)[:3] == ("2025", "5", "500.00")
