"""Wide files whose months are totals since the beginning of the year: which are held, and which are plans that grow."""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_written

MONTHS = [f"2025-{month:02d}" for month in range(1, 13)]
DESCRIPTOR = """\
feed: wide
kind: ledger
path: wide.csv
columns: {date: {formats: [yyyy-MM]}, department: Dept, account: Account}
unpivot: {columns: "20.*", into: date}
constants: {scenario: Actual}
tolerance: {rejected_rows: 0.9}
skip: [{column: Account, matches: "^total", may_hold_money: true}]
"""


def check(folder: Path, rows: list[list[int]], months: int = 12) -> FileCheck:
    lines = [f"D1,{6000 + number},{','.join(map(str, row[:months]))}" for number, row in enumerate(rows)]
    (folder / "wide.csv").write_text("\n".join([f"Dept,Account,{','.join(MONTHS[:months])}", *lines, ""]))
    return check_written(folder, DESCRIPTOR, "wide.csv")


def totals(monthly: int) -> list[int]:
    return [monthly * month + month % 3 for month in range(1, 13)]


@pytest.mark.parametrize("months", [6, 12])
def test_months_that_are_totals_since_the_first_hold_the_file(tmp_path: Path, months: int):
    rows = [totals(monthly) for monthly in (100, 20, -50, 7000, 30, 31, 32, 33, 34)]
    (reason,) = check(tmp_path, [*rows, [5, *[0] * 11]], months).holds
    assert reason == (
        f"the amounts of 9 of 10 rows grow from '2025-01' to '{MONTHS[months - 1]}', mostly to {months / 2:g} times "
        "the first one or more, as if each month had the total since the first"
    )


@pytest.mark.parametrize(
    "rows",
    [
        [[100] * 12] * 9,
        [[100 + 10 * month for month in range(12)]] * 9,  # a plan that grows
        [totals(100)] * 4,  # too few
        [*[totals(100)] * 7, *[[5] * 12] * 3],  # others do not grow
        [[-100, *[100 * month for month in range(2, 13)]]] * 9,
        [[*totals(100)[:11], 1]] * 9,
    ],
)
def test_months_of_their_own_hold_nothing(tmp_path: Path, rows: list[list[int]]):
    assert not check(tmp_path, rows).holds


def test_few_months_say_nothing(tmp_path: Path):
    assert not check(tmp_path, [totals(100)] * 9, months=5).holds


@pytest.mark.parametrize(("actual", "is_held"), [("YTD Actual", True), ("Month Actual", False)])
def test_measures_of_year_to_date_columns_hold_the_file(tmp_path: Path, actual: str, is_held: bool):
    (tmp_path / "m.csv").write_text(f"Dept,Account,Period,{actual},Budget\nD1,4000,2025-03,93.50,30.50\n")
    text = (
        "feed: m\nkind: ledger\npath: m.csv\n"
        "columns: {department: Dept, account: Account, date: {from: Period, formats: [yyyy-MM]}}\n"
        f"measures: {{{actual}: {{scenario: Actual}}, Budget: {{scenario: Budget}}}}\n"
    )
    held = check_written(tmp_path, text, "m.csv").holds
    assert bool(held) == is_held
    assert all(reason.startswith("the header 'YTD Actual' says that amounts are totals since") for reason in held)
