"""Days of fiscal years beside dates that nothing reads: a file that is a whole year away from them is held."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_written

FISCAL: dict[str, Any] = {"from": "{FY}-{P}", "formats": ["FFFF-P"], "calendar": "fiscal"}


def check(
    folder: Path, year: int, day: Callable[[int, int], str], header: str = "Posting Date", **changes: Any
) -> FileCheck:
    """Check a file of the twelve periods of the fiscal year from July 2024 to June 2025.

    Args:
        folder: where the file is.
        year: what the file calls the year.
        day: the text of the date from year and month.
        header: the header of the date.
        changes: to the descriptor.
    """
    months = [(2024 + (period > 6), (period + 5) % 12 + 1) for period in range(1, 13)]
    rows = "".join(f"{year},{period},D1,4000,5.00,{day(*month)}\n" for period, month in enumerate(months, start=1))
    (folder / "x.csv").write_text(f"FY,P,Unit,Account,Amount,{header}\n{rows}", encoding="utf-8")
    columns = {"date": FISCAL, "department": "Unit", "account": "Account", "amount": "Amount"}
    descriptor = {"feed": "x", "kind": "ledger", "path": "x.csv", "constants": {"scenario": "Actual"}}
    columns |= changes.pop("columns", {})
    return check_written(folder, {**descriptor, "columns": columns, **changes}, fiscal_year_start_month=7)


def iso(year: int, month: int) -> str:
    return f"{year}-{month:02d}-15"


@pytest.mark.parametrize(
    "day", [iso, lambda y, m: f"15.{m:02d}.{y}", lambda y, m: f"{m:02d}/15/{y}", lambda y, m: f"05/{m:02d}/{y}"]
)
def test_fiscal_years_that_are_named_by_their_first_year_hold_the_file(tmp_path: Path, day: Callable[[int, int], str]):
    held = check(tmp_path, 2024, day)
    (reason,) = held.holds
    assert reason.startswith(
        "the column 'Posting Date' is not read, and 12 of 12 lines are in a period a year before it"
    )
    fix = held.holds[reason]
    column = yaml.safe_load(fix[fix.index("{") : fix.index("}") + 1])
    read = check(tmp_path, 2024, day, columns={"date": column})
    assert not read.holds
    assert sorted(period for _, period in read.sums)[0] == "2024-07"
    assert not check(tmp_path, 2024, day, ignore_columns=["Posting Date"]).holds


@pytest.mark.parametrize(
    ("year", "day", "header"),
    [
        (2025, iso, "Posting Date"),
        (2025, lambda year, month: iso(year + (month == 12), month % 12 + 1), "Posting Date"),
        (2025, lambda year, month: iso(year + 1, month), "Due Date"),
        (2024, lambda year, month: "", "Posting Date"),  # noqa: ARG005
        (2025, lambda year, month: iso(2025, 6), "Entry Date"),  # noqa: ARG005
        (2025, lambda year, month: iso(year + 2, month), "Posting Date"),
    ],
)
def test_dates_that_are_those_of_their_periods_or_others_are_no_reason(
    tmp_path: Path, year: int, day: Callable[[int, int], str], header: str
):
    assert not check(tmp_path, year, day, header).holds
