"""A thirteenth period that is read as the twelfth: of a year of four-week periods a warning, of a year-end none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import pytest

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_written

DESCRIPTOR = """\
feed: x
kind: ledger
path: x.csv
columns:
  department: Unit
  account: Account
  amount: Amount
  FIELD
constants: {scenario: Actual}
"""
PERIOD = "period: {from: Period, formats: [\"'FY'FF-'P'PP\"], calendar: fiscal, map: {FY24-P13: FY24-P12}}"
DAY_AND_PERIOD = f"date: Day\n  {PERIOD}"
PERIOD_ALONE = PERIOD.replace("period:", "date:")
TWO_COLUMNS = 'date: {from: "{Year}-{Number}", formats: [FFFF-PP, FFFF-P], calendar: fiscal, map: {2024-13: 2024-12}}'


def check(folder: Path, fields: str, lines: Mapping[int, int], amount: str = "100.00") -> FileCheck:
    """Check a file with as many lines of each period of a fiscal year that begins in July.

    Args:
        folder: of the file.
        fields: where the period comes from.
        lines: by period.
        amount: of each line of the thirteenth period.
    """
    rows = "".join(
        f"{date(2023, 7, 3) + timedelta(28 * (period - 1))},FY24-P{period:02d},2024,{period},D1,6000,"
        f"{amount if period == 13 else '100.00'}\n"
        for period, count in lines.items()
        for _ in range(count)
    )
    (folder / "x.csv").write_text(f"Day,Period,Year,Number,Unit,Account,Amount\n{rows}", encoding="utf-8")
    return check_written(folder, DESCRIPTOR.replace("FIELD", fields), fiscal_year_start_month=7)


def warnings(found: FileCheck) -> list[str]:
    return [text for text in found.findings.notes if "thirteen periods" in text]


FOUR_WEEKS = dict.fromkeys(range(1, 14), 20)


@pytest.mark.parametrize(
    ("fields", "text", "fix"),
    [
        (DAY_AND_PERIOD, "period: 20 lines of 'FY24-P13'", "read the months of the days alone, without columns.period"),
        (PERIOD_ALONE, "date: 20 lines of 'FY24-P13'", "none of these periods is a month: send the days"),
        (TWO_COLUMNS, "date: 20 lines of '2024-13'", "none of these periods is a month: send the days"),
    ],
)
def test_a_year_of_thirteen_periods_of_four_weeks_is_a_warning(tmp_path: Path, fields: str, text: str, fix: str):
    found = check(tmp_path, fields, FOUR_WEEKS)
    (warning,) = warnings(found)
    assert warning == (
        f"{text} count in 2024-06 beside 20 of its own, while the other periods mostly have 20: it may be one of "
        "thirteen periods of four weeks"
    )
    assert fix in found.findings.notes[warning].fix
    assert not found.refused_rows


@pytest.mark.parametrize(
    ("lines", "amount"),
    [
        (FOUR_WEEKS | {13: 3}, "100.00"),  # few entries of the year-end
        (FOUR_WEEKS, "0.40"),  # as many, with little money
        ({12: 20, 13: 20}, "100.00"),  # a year-end with its last month alone
        (dict.fromkeys(range(1, 13), 20), "100.00"),
    ],
    ids=["few lines", "little money", "few periods", "twelve months"],
)
def test_a_thirteenth_period_of_a_year_end_is_not(tmp_path: Path, lines: dict[int, int], amount: str):
    found = check(tmp_path, DAY_AND_PERIOD, lines, amount)
    assert not warnings(found)
    assert not found.refused_rows


def test_the_fix_of_four_week_periods_counts_the_months_of_the_days(tmp_path: Path):
    found = check(tmp_path, "date: Day", FOUR_WEEKS)
    assert not warnings(found)
    assert sum(count.rows for count in found.sums.values()) == 13 * 20
    assert found.sums["Actual", "2024-06"].rows == 20


def test_columns_of_thirteen_periods_are_a_warning_too(tmp_path: Path):
    headers = [f"FY24-P{number:02d}" for number in range(1, 14)]
    rows = "".join(f"D1,{account}{',100' * 13}\n" for account in (6000, 6100))
    (tmp_path / "x.csv").write_text(f"Unit,Account,{','.join(headers)}\n{rows}", encoding="utf-8")
    shape = DESCRIPTOR.replace("  amount: Amount\n", "").replace("FIELD", PERIOD_ALONE.replace("from: Period, ", ""))
    found = check_written(tmp_path, f'{shape}unpivot: {{columns: "FY.*", into: date}}\n', fiscal_year_start_month=7)
    assert [text[:33] for text in warnings(found)] == ["date: 2 lines of 'FY24-P13' count"]
