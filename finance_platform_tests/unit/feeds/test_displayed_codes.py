"""Codes that are numbers of a sheet, and that its formats display as other codes: 4000.1 as 4000.10."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import xlsxwriter

from finance_platform.feeds.files.number_formats import marks_of_format
from finance_platform.feeds.files.xlsx_formats import scan_cells
from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_written
from finance_platform_tests.unit.feeds.other_formats import ENDINGS, declare

DESCRIPTOR = """\
feed: x
kind: ledger
path: "x.{xlsx,xls,ods}"
columns: {date: Date, department: Unit, account: %s, amount: Amount}
constants: {scenario: Actual}
"""
Code = tuple[object, str]
"""A code and its format."""


def write(path: Path, codes: Sequence[Code]) -> None:
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("GL")
    decimals = book.add_format({"num_format": "0.00"})
    sheet.write_row(0, 0, ["Date", "Unit", "Account", "Amount"])
    for row, (code, form) in enumerate(codes, start=1):
        sheet.write_row(row, 0, ["2025-01-31", "D1"])
        sheet.write(row, 2, code, book.add_format({"num_format": form}))
        sheet.write_number(row, 3, row + 0.5, decimals)
    book.close()


def read(folder: Path, ending: str, account: str = "Account") -> FileCheck:
    return check_written(folder, DESCRIPTOR % account, f"x.{ending}")


def check(folder: Path, codes: Sequence[Code], account: str = "Account") -> FileCheck:
    write(folder / "x.xlsx", codes)
    return read(folder, "xlsx", account)


SUB_ACCOUNTS: list[Code] = [(4000.01, "0.00"), (4000.1, "0.00"), (4000.2, "0.00"), (4000, "0.00"), (4001, "General")]
DISPLAYED = declare(
    "codes that are displayed as others",
    lambda path: write(path, [*SUB_ACCOUNTS, (5000, '0"-US"'), (5000, '0"-UK"'), (12, '"A"0000'), (123456, "000-000")]),
)


@pytest.mark.parametrize("ending", ENDINGS)
def test_codes_that_are_displayed_as_other_codes_hold_the_file(
    tmp_path: Path, take: Callable[[str, str], None], ending: str
):
    take(DISPLAYED, ending)
    checked = read(tmp_path, ending)
    decimals, equal = checked.holds
    assert decimals == (
        "the formats of 'Account' display 2 codes with other decimals, such as '4000.10', first on sheet 'GL' row 3, "
        "and they are read as numbers, such as '4000.1'"
    )
    assert 'columns.account.map: {"4000.1": "4000.10"}' in checked.holds[decimals]
    assert equal == (
        "the formats of 'Account' display 1 code in several ways, such as '5000-UK' and '5000-US', which are both read "
        "as '5000'"
    )
    displayed = [note.split(" codes as ")[1] for note in checked.findings.notes]
    assert displayed == [
        "'5000-US', first on sheet 'GL' row 7, and they are read as '5000'",
        "'5000-UK', first on sheet 'GL' row 8, and they are read as '5000'",
        "'A0012', first on sheet 'GL' row 9, and they are read as '12'",
    ]


def test_codes_that_the_descriptor_gives_their_decimals_hold_nothing(tmp_path: Path):
    account = '{from: Account, map: {"4000.1": "4000.10", "4000.2": "4000.20"}}'
    checked = check(tmp_path, SUB_ACCOUNTS, account)
    assert (checked.holds, checked.findings.notes) == ({}, {})
    assert check(tmp_path, SUB_ACCOUNTS, account.replace("4000.2", "4000.3")).holds


def test_a_code_that_is_displayed_without_its_decimals_holds_the_file(tmp_path: Path):
    (reason,) = check(tmp_path, [(4000.6, "0"), (4001, "0")]).holds
    assert "such as '4001', first on sheet 'GL' row 2, and they are read as numbers, such as '4000.6'" in reason


@pytest.mark.parametrize(
    "codes",
    [
        [(4000, "0.00"), (4010, "0.00")],  # a whole sheet with one format
        [(4000, "#,##0.00"), (4000, "0"), (4000, "General")],
        [(4000.25, "0.00"), (4000.1, "General"), (4000.1, "0.0")],
        [(123456, "000-000"), (100000, "000-000"), (4000, "0_)"), (4000, "0 000")],  # the same digits
        [(4000, "#\\'##0"), (4000, "#\\'##0.00"), (4010, "#’##0.00")],  # groups as in Switzerland
        [("4000.10", "0.00"), ("4000-US", "@")],
    ],
)
def test_codes_that_look_as_they_are_read_say_nothing(tmp_path: Path, codes: Sequence[Code]):
    checked = check(tmp_path, codes)
    assert (checked.holds, checked.findings.notes) == ({}, {})


@pytest.mark.parametrize(
    ("number", "form"),
    [(1e30, '0"-US"'), (1e308, "0-00"), (4000.5, f"0.{'0' * 30}"), (123456789012345, f'0.{"0" * 30}"x"')],
)
def test_a_number_of_any_size_is_compared_under_a_format_of_any_length(tmp_path: Path, number: float, form: str):
    checked = check(tmp_path, [(4000, "0"), (number, form)])
    assert (checked.refusal, len(checked.tables)) == ("", 1)


@pytest.mark.parametrize(
    "cell",
    [
        b'<c r="AB2" s="1"><v>4000.1</v></c>',
        b'<c r="AB2" t="n" s="1"><f>1+2</f><v>4000.1</v></c>',
        b'<c s="1" r="AB2"><v>4000.1</v></c>',
        b'<x:c r="AB2" s="1"><x:v>4000.1</x:v></x:c>',
    ],
)
def test_codes_are_found_in_any_form_of_xml_and_in_their_columns_alone(cell: bytes):
    formats = {1: marks_of_format("0.00")}
    data = b'<row r="2"><c r="A2" s="1"><v>12.5</v></c><c r="B2"/>' + cell + b"</row>"
    for size in (7, len(data)):
        blocks = [data[start : start + size] for start in range(0, len(data), size)]
        (found,) = scan_cells(blocks, formats, {27, 500})
        assert (found.column, found.row, found.value) == (27, 2, 4000.1)
    assert not list(scan_cells([data], formats, ()))
