"""Merged cells: an amount that covers several months or lines holds the file; merged texts and blocks do not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_written
from finance_platform_tests.unit.feeds.other_formats import ENDINGS, declare

WIDE = """\
feed: x
kind: ledger
path: "x.{xlsx,xls,ods}"
dialect: {header_row: %s}
columns: {department: {from: Unit, fill_down: true}, account: Account, date: {formats: [yyyy-MM, yyyy MM]}}
unpivot: {columns: "[0-9- ]+", into: date}
skip: [{name: section, column: Unit, matches: "^Section"}]
constants: {scenario: Budget}
"""
HEADER = ["Unit", "Account", "2025-01", "2025-02", "2025-03", "Note"]
ROWS = [["D1", "6000", 300, 0, 0], ["D1", "6100", 1, 2, 3], ["D2", "6000", 4, 5, 6]]


def write(path: Path, prepare: Callable[[Any], None], rows: Sequence[Sequence[object]] = (HEADER, *ROWS)) -> None:
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Plan")
    for row, values in enumerate(rows):
        sheet.write_row(row, 0, values)
    prepare(sheet)
    book.close()


def checked(folder: Path, ending: str = "xlsx", header_row: str = "1", text: str = WIDE) -> FileCheck:
    return check_written(folder, text % header_row, f"x.{ending}")


QUARTER = declare("amount of a quarter", lambda path: write(path, lambda sheet: sheet.merge_range("C2:E2", 300)))
LINES = declare("amount of two lines", lambda path: write(path, lambda sheet: sheet.merge_range("D2:D3", 70)))
YEAR = declare(
    "merged year above months",
    lambda path: write(
        path,
        lambda sheet: sheet.merge_range("C1:E1", "2025"),
        [["", "", "2025"], ["Unit", "Account", "01", "02", "03"], *ROWS],
    ),
)


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_amount_that_covers_several_months_holds_the_file(
    tmp_path: Path, take: Callable[[str, str], None], ending: str
):
    """300 for the quarter was read as 300 in January."""
    take(QUARTER, ending)
    held = checked(tmp_path, ending).holds
    (reason,) = held
    assert reason == (
        "1 amounts are in cells that are merged with those of other amounts, first '2025-01' on sheet 'Plan' row 2 "
        "with 2 more, and count in the place of the first cell alone"
    )
    assert "enter the amount of each" in held[reason]


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_amount_that_covers_several_lines_holds_the_file(
    tmp_path: Path, take: Callable[[str, str], None], ending: str
):
    take(LINES, ending)
    (reason,) = checked(tmp_path, ending).holds
    assert "first '2025-02' on sheet 'Plan' row 2 with 1 more" in reason


@pytest.mark.parametrize(
    "prepare",
    [
        lambda sheet: sheet.merge_range("A2:A3", "D1"),  # a name above its lines
        lambda sheet: sheet.merge_range("A5:E5", "Section B"),
        lambda sheet: sheet.merge_range("E2:F2", 7),  # with a column that nothing reads
        lambda sheet: sheet.merge_range("C2:E2", 0),
        lambda sheet: [
            sheet.merge_range(f"{column}5:{column}6", value) for column, value in zip("ABC", "D67", strict=True)
        ],
        lambda sheet: sheet.merge_range("G2:I9", 5),
    ],
)
def test_merged_cells_that_are_one_line_or_no_amount_hold_nothing(tmp_path: Path, prepare: Callable[[Any], None]):
    write(tmp_path / "x.xlsx", prepare)
    check = checked(tmp_path)
    assert (check.refusal, check.holds) == ("", {})


@pytest.mark.parametrize(("below", "is_held"), [("", False), ("6100", True)])
def test_rows_without_an_account_are_parts_of_the_line_above_them(tmp_path: Path, below: str, *, is_held: bool):
    """A template has two rows for each account, and its amounts are merged over both, but not the account."""
    rows: Sequence[Sequence[object]] = [HEADER, ["D1", "6000", 300, 10, 20], ["", below], ["D1", "6200", 1, 2, 3]]
    write(tmp_path / "x.xlsx", lambda sheet: sheet.merge_range("C2:C3", 300), rows)
    check = checked(tmp_path)
    assert (check.refusal, bool(check.holds)) == ("", is_held)


@pytest.mark.parametrize(("second", "is_held"), [("D2", True), ("", False)])
def test_an_account_above_several_departments_is_not_one_line(tmp_path: Path, second: str, *, is_held: bool):
    """The account is merged over the same rows as the amount, and each row has a department of its own."""
    descriptor = WIDE.replace(", fill_down: true", "").replace(
        "account: Account", "account: {from: Account, fill_down: true}"
    )
    rows: Sequence[Sequence[object]] = [
        HEADER,
        ["D1", "6000", 300, 1, 2],
        [second, "", "", "", ""],
        ["D3", "6200", 1, 2, 3],
    ]

    def prepare(sheet: Any) -> None:
        sheet.merge_range("B2:B3", "6000")
        sheet.merge_range("C2:C3", 300)

    write(tmp_path / "x.xlsx", prepare, rows)
    check = checked(tmp_path, text=descriptor)
    assert (check.refusal, bool(check.holds)) == ("", is_held)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_merged_cell_of_the_upper_header_is_read_in_each_format(
    tmp_path: Path, take: Callable[[str, str], None], ending: str
):
    take(YEAR, ending)
    check = checked(tmp_path, ending, "[1, 2]")
    assert check.refusal == ""
    assert sorted(period for _, period in check.sums) == ["2025-01", "2025-02", "2025-03"]
