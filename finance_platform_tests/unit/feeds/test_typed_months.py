"""What a spreadsheet makes of `Jan-25` and of `1E5`: a day of this year, and a number. Its format shows it."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_written
from finance_platform_tests.unit.feeds.other_formats import ENDINGS, declare

LINES = """\
feed: x
kind: ledger
path: "x.{xlsx,xls,ods}"
columns: {date: {from: %s, formats: [%s]}, department: Unit, account: Account, amount: Net}
constants: {scenario: Budget}
"""
WIDE = """\
feed: x
kind: ledger
path: "x.{xlsx,xls,ods}"
columns: {date: {formats: [yyyy-MM]}, department: Unit, account: Account}
unpivot: {columns: "20[0-9-]+", into: date}
constants: {scenario: Budget}
"""
DAY_AND_MONTH, MONTH = "d-mmm", "mmm-yy"
Cell = tuple[object, str]
"""A value and its format."""


def write(path: Path, rows: Sequence[Sequence[object]], *, is_1904: bool = False) -> None:
    book = xlsxwriter.Workbook(path, {"date_1904": is_1904})
    sheet = book.add_worksheet("Plan")
    for number, row in enumerate(rows):
        for place, cell in enumerate(row):
            value, code = cell if isinstance(cell, tuple) else (cell, "General")
            style = book.add_format({"num_format": code})
            if isinstance(value, date):
                sheet.write_datetime(number, place, value, style)
            else:
                sheet.write(number, place, value, style)
    book.close()


def read(folder: Path, descriptor: str, ending: str) -> FileCheck:
    return check_written(folder, descriptor, f"x.{ending}")


def checked(folder: Path, rows: Sequence[Sequence[object]], descriptor: str, *, is_1904: bool = False) -> FileCheck:
    write(folder / "x.xlsx", rows, is_1904=is_1904)
    return read(folder, descriptor, "xlsx")


def lines(days: Sequence[Cell], header: str = "Period") -> list[list[object]]:
    return [[header, "Unit", "Account", "Net"], *([day, "D1", "4000", 5] for day in days)]


def wide(days: Sequence[Cell]) -> list[list[object]]:
    return [["Unit", "Account", *days], ["D1", "4000", *range(1, len(days) + 1)]]


def typed(months: Sequence[int], day: int = 25, year: int = 2026, code: str = DAY_AND_MONTH) -> list[Cell]:
    return [(date(year, month, day), code) for month in months]


MONTHS_ABOVE = declare("months above that became days", lambda path: write(path, wide(typed(range(1, 13)))))
MONTHS_OF_LINES = declare("months of lines that became days", lambda path: write(path, lines(typed([1, 1, 2]))))
CODE = declare(
    "code that became a number",
    lambda path: write(
        path,
        [
            *lines(typed([1], day=1, code="yyyy-mm-dd"), "Date"),
            [(date(2026, 1, 1), "yyyy-mm-dd"), "D1", (100000, "0.00E+00"), 7],
        ],
    ),
)


@pytest.mark.parametrize("ending", ENDINGS)
def test_headers_of_months_that_became_days_of_this_year_hold_the_file(
    tmp_path: Path, take: Callable[[str, str], None], ending: str
):
    """Jan-25 was typed for January 2025, and is read as January 2026."""
    take(MONTHS_ABOVE, ending)
    (reason,) = (held := read(tmp_path, WIDE, ending).holds)
    assert reason == (
        "12 headers are days such as 2026-01-25, which is displayed as 25-Jan and counts in 2026: a spreadsheet takes "
        "Jan-25, entered for a month of 2025, for such a day"
    )
    assert "with the year in four digits, such as 2025-01" in held[reason]


@pytest.mark.parametrize("ending", ENDINGS)
def test_months_of_lines_that_became_days_of_this_year_hold_the_file(
    tmp_path: Path, take: Callable[[str, str], None], ending: str
):
    take(MONTHS_OF_LINES, ending)
    held = read(tmp_path, LINES % ("Period", "MMM-yy"), ending).holds
    (reason,) = (text for text in held if "rejected" not in text)
    assert reason.startswith("3 cells of 'Period', first on sheet 'Plan' row 2, are days such as 2026-01-25, which is")


def test_months_that_became_days_are_found_in_a_workbook_that_counts_days_from_1904(tmp_path: Path):
    (reason,) = checked(tmp_path, wide(typed([1, 2])), WIDE, is_1904=True).holds
    assert reason.startswith("2 headers are days such as 2026-01-25")


@pytest.mark.parametrize("is_1904", [False, True])
def test_months_that_became_days_are_found_in_a_strict_workbook(tmp_path: Path, *, is_1904: bool):
    """It has days as texts, as ISO 8601 has them; their formats are the same."""
    write(tmp_path / "x.xlsx", wide(typed([1, 2])), is_1904=is_1904)
    with zipfile.ZipFile(tmp_path / "x.xlsx") as package:
        parts = {name: package.read(name) for name in package.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    for month, cell in ((1, b"C1"), (2, b"D1")):
        day = b' t="d"><v>2026-%02d-25T00:00:00</v>' % month
        parts[sheet] = re.sub(rb'(<c r="%s" s="[0-9]+")><v>[0-9]+</v>' % cell, rb"\1" + day, parts[sheet])
    assert parts[sheet].count(b't="d"') == 2
    with zipfile.ZipFile(tmp_path / "x.xlsx", "w") as package:
        for name, part in parts.items():
            package.writestr(name, part)
    (reason,) = read(tmp_path, WIDE, "xlsx").holds
    assert reason.startswith("2 headers are days such as 2026-01-25, which is displayed as 25-Jan")


def test_months_of_two_years_that_became_days_of_one_hold_the_file(tmp_path: Path):
    """Both are counted in 2026, so each month of it has the amounts of two years."""
    days = [*typed([1, 2], day=26), *typed([1, 2], day=27)]
    (reason,) = checked(tmp_path, wide(days), WIDE).holds
    assert reason.startswith("4 headers are days such as 2026-01-27, which is displayed as 27-Jan and counts in 2026")


@pytest.mark.parametrize(
    "days",
    [
        typed(range(1, 13), day=1, year=2025, code=MONTH),
        typed([1, 2, 3], code="dd/mm/yyyy"),  # the year is displayed
        typed([1, 2, 3], day=25, year=2025),  # Jan-25, typed in 2025: the month is right
        typed([1, 2, 3], day=15),
        [*typed([1], day=25), *typed([2], day=28)],  # the days of payments
        [(date(2028, month, day), DAY_AND_MONTH) for month, day in [(3, 31), (6, 30), (9, 30), (12, 31)]],
    ],
)
def test_headers_that_are_days_hold_nothing_without_a_sign_of_another_year(tmp_path: Path, days: list[Cell]):
    assert not checked(tmp_path, wide(days), WIDE).holds


def test_days_to_which_the_descriptor_gives_their_month_hold_nothing(tmp_path: Path):
    mapped = "formats: [yyyy-MM], map: {2026-01-25: 2025-01, 2026-02-25: 2025-02}"
    check = checked(tmp_path, wide(typed([1, 2])), WIDE.replace("formats: [yyyy-MM]", mapped))
    assert (check.holds, sorted(check.sums)) == ({}, [("Budget", "2025-01"), ("Budget", "2025-02")])


def test_days_of_a_column_of_days_hold_nothing_in_any_format(tmp_path: Path):
    """A batch of salaries of the 25th, typed without its year."""
    assert not checked(tmp_path, lines(typed([1, 1, 2]), "Date"), LINES % ("Date", "yyyy-MM-dd")).holds


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_code_that_became_a_number_holds_the_file(tmp_path: Path, take: Callable[[str, str], None], ending: str):
    take(CODE, ending)
    (reason,) = (held := read(tmp_path, LINES % ("Date", "yyyy-MM-dd"), ending).holds)
    assert reason == (
        "the formats of 'Account' display 1 codes as 1.00E+05, first on sheet 'Plan' row 3, and they are read as "
        "numbers such as 100000: a spreadsheet turns codes such as 1E5 into them"
    )
    assert "format the column as text" in held[reason]


@pytest.mark.parametrize("code", [(100000, "0"), (100000, "General"), (123456789012, "0.00E+00"), ("1E5", "General")])
def test_a_code_that_is_a_number_or_a_text_holds_nothing(tmp_path: Path, code: Cell):
    rows: list[list[object]] = [*lines([]), [(date(2026, 1, 1), "yyyy-mm-dd"), "D1", code, (7, "0.00E+00")]]
    assert not checked(tmp_path, rows, LINES % ("Period", "yyyy-MM-dd")).holds
