"""Plans of other years than that in their name: which are held, and which are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform.safe_text import quote_name
from finance_platform_tests.unit.checked_files import check_text, check_written
from finance_platform_tests.workbooks import xlsx

DESCRIPTOR = """\
feed: x
kind: ledger
path: "*.%s"
columns:
  date: {from: Day}
  department: Unit
  account: Account
  amount: Net
  scenario: {from: Scenario}
"""
LAST_YEAR = [f"2025-{month:02d}-01" for month in range(1, 13)]


def checked(folder: Path, name: str, days: list[str], scenario: str = "Budget") -> FileCheck:
    rows = "".join(f"{day},D1,4000,1.00,{scenario}\n" for day in days)
    return check_text(folder, f"Day,Unit,Account,Net,Scenario\n{rows}", DESCRIPTOR % "csv", name)


@pytest.mark.parametrize("name", ["budget_2026.csv", "Budget FY2026 final.csv", "plan-2026-v2.csv", "2026.csv"])
def test_a_plan_of_last_year_under_the_name_of_this_year_is_held(tmp_path: Path, name: str):
    check = checked(tmp_path, name, LAST_YEAR)
    (reason,) = check.holds
    assert reason == f"period: the plan is of 2025-01 to 2025-12, but the name {quote_name(Path(name).stem)} says 2026"
    assert check.holds[reason] == (
        "if these are the amounts of 2026, correct their periods and send the file again; if the periods are right, "
        "accept the file"
    )


@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("budget_2026.csv", [*LAST_YEAR, "2026-01-01"]),  # it has its year too
        ("budget_2026.csv", LAST_YEAR[6:]),  # the first half of a fiscal year that begins in July
        ("budget_2026.csv", ["2027-01-01", "2028-01-01"]),  # it looks ahead
        ("budget_2025.csv", LAST_YEAR),
        ("budget_2025_2026.csv", LAST_YEAR),
        ("budget 2025 (sent in 2026).csv", LAST_YEAR),
        ("budget_2026-01-10.csv", LAST_YEAR),  # exported on this day
        ("budget_10.01.2026.csv", LAST_YEAR),
        ("budget_20260110.csv", LAST_YEAR),
        ("budget_12026.csv", LAST_YEAR),
        ("budget.csv", LAST_YEAR),
    ],
)
def test_a_plan_that_may_be_right_is_not_held(tmp_path: Path, name: str, days: list[str]):
    assert not checked(tmp_path, name, days).holds


def test_entries_of_last_year_in_a_ledger_of_this_year_are_not_held(tmp_path: Path):
    assert not checked(tmp_path, "ledger_2026.csv", LAST_YEAR, "Actual").holds


@pytest.mark.parametrize(("sheet", "is_held"), [("Plan", True), ("2025", False), ("Version 2026", True)])
def test_the_year_of_a_sheet_is_worth_more_than_that_of_its_file(tmp_path: Path, sheet: str, is_held: bool):
    header = ["Day", "Unit", "Account", "Net", "Scenario"]
    (tmp_path / "budget 2026.xlsx").write_bytes(
        xlsx({sheet: [header, *([day, "D1", "4000", 1, "Budget"] for day in LAST_YEAR)]})
    )
    assert bool(check_written(tmp_path, DESCRIPTOR % "xlsx", "budget 2026.xlsx").holds) == is_held
