"""Periods that are not those of the days beside them: which files are held, and that the fix helps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_written

DESCRIPTOR = """\
feed: x
kind: ledger
path: x.csv
columns: {date: %s, period: %s, department: Unit, account: Account, amount: Net}
constants: {scenario: %s}
"""
FISCAL = "{from: Period, formats: [FFFF-PP], calendar: fiscal}"

YEAR = [(f"2025-{month:02d}-15", f"2026-{month - 3:02d}") for month in range(4, 13)]
"""From April: the first period of the fiscal year 2026."""


def checked(
    folder: Path,
    lines: Sequence[tuple[str, str]],
    *,
    date: str = "Day",
    period: str = "Period",
    scenario: str = "Actual",
    first_month: int = 1,
) -> FileCheck:
    rows = "".join(f"{day},{of_day},D1,4000,1.00\n" for day, of_day in lines)
    (folder / "x.csv").write_text(f"Day,Period,Unit,Account,Net\n{rows}")
    return check_written(folder, DESCRIPTOR % (date, period, scenario), fiscal_year_start_month=first_month)


def test_fiscal_periods_that_are_read_as_months_hold_the_file(tmp_path: Path):
    check = checked(tmp_path, [("2025-03-31", "2025-03"), *YEAR])
    (reason,) = check.holds
    assert reason == (
        "period: 9 of 10 lines are in a period 9 months after that of their date, such as 2026-01 for a day of "
        "2025-04, first on line 3"
    )
    assert "set columns.period.calendar: fiscal with formats such as [FFFF-PP]" in check.holds[reason]


def test_the_fix_gives_each_line_the_month_of_its_day(tmp_path: Path):
    check = checked(tmp_path, YEAR, period=FISCAL, first_month=4)
    assert not check.holds
    assert [period for _, period in check.sums] == [day[:7] for day, _ in YEAR]


@pytest.mark.parametrize(
    "lines",
    [
        YEAR[:1],  # nine months late, in one month
        [("2025-04-15", "2025-01")],  # no line is booked before its day
        [(f"2025-{month:02d}-15", f"2025-{month + 3:02d}") for month in (1, 2, 3)],  # years begin in October
    ],
)
def test_a_short_file_with_fiscal_periods_is_held(tmp_path: Path, lines: list[tuple[str, str]]):
    assert checked(tmp_path, lines).holds


@pytest.mark.parametrize(
    "lines",
    [
        [("2025-01-15", "2025-01"), ("2025-02-15", "")],
        [("2025-01-31", "2025-02"), ("2025-02-28", "2025-03"), ("2025-03-31", "2025-04")],  # one month late
        [("2025-01-31", "2025-04"), ("2025-02-28", "2025-05")],  # late entries of a quarter
        [(day, period) for day, period in YEAR[:8]] + [("2025-12-15", "2025-12")],  # one in nine is another
        [],
    ],
)
def test_lines_that_are_booked_late_hold_nothing(tmp_path: Path, lines: list[tuple[str, str]]):
    assert not [reason for reason in checked(tmp_path, lines).holds if reason.startswith("period")]


def test_plans_and_dates_that_are_in_no_column_are_not_compared(tmp_path: Path):
    assert not checked(tmp_path, YEAR, scenario="Budget").holds
    assert not checked(tmp_path, YEAR, date='{from_name: "(x)", map: {x: 2025-01-31}}').holds
