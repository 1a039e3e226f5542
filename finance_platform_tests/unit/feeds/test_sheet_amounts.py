"""Amounts of sheets whose cells are partly numbers and partly texts, and what shows how the texts are written."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import pytest
import xlsxwriter

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_text, check_written
from finance_platform_tests.workbooks import Formula, Rows, ods, xls, xlsx

DESCRIPTOR = """\
feed: x
kind: ledger
path: "x.{xlsx,xls,ods}"
columns: {date: Date, department: Unit, account: Account, amount: {from: Amount, decimal: "%s", thousands: "%s"}}
constants: {scenario: Actual}
"""
AMERICAN, GERMAN = (".", ","), (",", ".")
WRITERS: dict[str, Callable[[Mapping[str, Rows]], bytes]] = {"xlsx": xlsx, "xls": xls, "ods": ods}
DOUBT = "one mark before three digits could mean two things"


def check(folder: Path, amounts: Sequence[object], marks: tuple[str, str], ending: str = "xlsx") -> FileCheck:
    rows: Rows = [["Date", "Unit", "Account", "Amount"], *(["2025-01-31", "D1", "6000", amount] for amount in amounts)]
    return check_text(folder, WRITERS[ending]({"GL": rows}), DESCRIPTOR % marks, f"x.{ending}")


def total(read: FileCheck) -> Decimal:
    return sum((count.amount for count in read.sums.values()), Decimal(0))


@pytest.mark.parametrize("ending", list(WRITERS))
def test_a_number_with_three_decimals_is_never_read_as_thousands(tmp_path: Path, ending: str):
    read = check(tmp_path, [123.456, -7.125, "1.234,50", 1234.5], GERMAN, ending)
    assert total(read) == Decimal("123.46") + Decimal("-7.13") + Decimal("1234.50") * 2
    assert not read.findings.notes


@pytest.mark.parametrize(("marks", "text"), [(AMERICAN, "1.100"), (AMERICAN, "1,100"), (GERMAN, "1.100")])
def test_numbers_do_not_show_how_a_text_beside_them_is_written(tmp_path: Path, marks: tuple[str, str], text: str):
    (note,) = check(tmp_path, [12.5, 99.25, text], marks).findings.notes
    assert DOUBT in note
    assert repr(text) in note


@pytest.mark.parametrize("ending", list(WRITERS))
def test_a_number_of_another_column_says_nothing_about_a_text(tmp_path: Path, ending: str):
    header: list[object] = ["Date", "Unit", "Account", "Amount", "Rate"]
    lines: Rows = [
        ["2025-01-31", "D1", "6000", amount, rate] for amount, rate in (("1.234", 1.234), (12.5, 1.5), (0.125, 2))
    ]
    read = check_text(tmp_path, WRITERS[ending]({"GL": [header, *lines]}), DESCRIPTOR % GERMAN, f"x.{ending}")
    assert total(read) == Decimal("1234.00") + Decimal("12.50") + Decimal("0.13")
    assert [DOUBT in note and "'1.234'" in note for note in read.findings.notes] == [True]


@pytest.mark.parametrize("mapping", ["unpivot", "measures"])
def test_numbers_of_columns_that_are_lines_keep_three_decimals(tmp_path: Path, mapping: str):
    rows: Rows = [["Unit", "Account", "Jan", "Feb"], ["D1", "6000", 1.234, "1.234,50"], ["D1", "6100", 12.5, 123.456]]
    (tmp_path / "x.xlsx").write_bytes(xlsx({"GL": rows}))
    shapes = {
        "unpivot": "unpivot: {columns: [Jan, Feb], into: date, year: 2025}",
        "measures": "measures: {Jan: {date: 2025-01-01}, Feb: {date: 2025-02-01}}",
    }
    text = DESCRIPTOR % GERMAN
    date = "date: {formats: [MMM]}, " if mapping == "unpivot" else ""
    text = text.replace("date: Date, ", date).replace("from: Amount, ", "")
    read = check_written(tmp_path, text + shapes[mapping], "x.xlsx")
    assert total(read) == Decimal("1.23") + Decimal("1234.50") + Decimal("12.50") + Decimal("123.46")
    assert not read.findings.notes


@pytest.mark.parametrize(
    ("marks", "amounts"),
    [
        (AMERICAN, [1.234, 5, 123.456]),
        (AMERICAN, ["1,234.50", "1,100", 12.5]),
        (AMERICAN, ["12.50-", "1.100"]),
        (AMERICAN, ["(1100)", "1100", 12.5]),
        (GERMAN, ["1.234,50", "1.100", 12.5]),
        (GERMAN, ["12,50", "1.100", 0.125]),
        (GERMAN, [1234.567, 12.5, -0.001]),
    ],
)
def test_amounts_that_can_mean_one_thing_have_no_note(
    tmp_path: Path, marks: tuple[str, str], amounts: Sequence[object]
):
    assert not check(tmp_path, amounts, marks).findings.notes


_OF_WRITER = b'calcId="124519" fullCalcOnLoad="1"'
"""What XlsxWriter writes, which has each value of a formula from the program that calls it."""


@pytest.mark.parametrize(
    ("calculation", "is_stale"),
    [
        ('fullCalcOnLoad="1"', True),
        ('calcMode="manual" calcOnSave="0"', True),
        ('calcCompleted="0"', True),
        ('calcMode="manual"', False),  # is calculated when it is saved
        ('fullCalcOnLoad="0"', False),
        ("", False),
    ],
)
def test_values_of_formulas_that_were_not_calculated_are_a_warning(tmp_path: Path, calculation: str, is_stale: bool):
    def change(name: str, part: bytes) -> bytes:
        of_excel = f'calcId="191029" {calculation}'.encode()
        return part.replace(_OF_WRITER, of_excel) if name == "xl/workbook.xml" else part

    check(tmp_path, [1, Formula("1+1", 2), Formula("1-1", 0)], AMERICAN)
    with zipfile.ZipFile(tmp_path / "x.xlsx") as package:
        parts = {name: change(name, package.read(name)) for name in package.namelist()}
    with zipfile.ZipFile(tmp_path / "x.xlsx", "w") as package:
        for name, part in parts.items():
            package.writestr(name, part)
    read = check_written(tmp_path, DESCRIPTOR % AMERICAN, "x.xlsx")
    assert (total(read), not read.holds) == (Decimal(3), True)
    assert [(text.split(", because")[0], note.count) for text, note in read.findings.notes.items()] == is_stale * [
        ("the stored values of formulas of 'Amount' may be out of date, first on sheet 'GL' row 3", 2)
    ]


def test_values_that_a_program_gave_xlsxwriter_with_its_formulas_have_no_warning(tmp_path: Path):
    read = check(tmp_path, [1, Formula("1+1", 2), Formula("1+4", 5)], AMERICAN)
    assert (total(read), read.holds, read.findings.notes) == (Decimal(8), {}, {})


def test_a_formula_that_a_program_gave_no_value_is_a_warning_beside_those_that_have_one(tmp_path: Path):
    read = check(tmp_path, [1, Formula("1+1", 2), Formula("1+2", 0)], AMERICAN)
    (note,) = read.findings.notes
    assert note.startswith("the stored values of formulas of 'Amount' may be out of date, first on sheet 'GL' row 4,")
    assert read.findings.notes[note].count == 1


@pytest.mark.parametrize("code", ["yyyy-mm-dd", "dd.mm.yyyy hh:mm", "[h]:mm"])
def test_a_formula_of_days_that_was_never_calculated_has_no_value(tmp_path: Path, code: str):
    """It is 0, which a format of days displays as midnight."""
    book = xlsxwriter.Workbook(tmp_path / "x.xlsx")
    sheet = book.add_worksheet("GL")
    sheet.write_row(0, 0, ["Date", "Unit", "Account", "Amount"])
    sheet.write_formula(1, 0, "=DATE(2025,1,31)", book.add_format({"num_format": code}))
    sheet.write_row(1, 1, ["D1", "6000", 5])
    book.close()
    read = check_written(tmp_path, DESCRIPTOR % AMERICAN, "x.xlsx")
    (row,) = read.refused_rows
    assert "date: the cell's formula has no stored value" in row.reasons
    assert any("a formula that was never calculated" in reason for reason in read.holds)


def test_a_file_whose_formulas_were_never_calculated_is_held_with_that_as_the_cause(tmp_path: Path):
    read = check(tmp_path, [Formula("1+1", 0), Formula("2+2", 0)], AMERICAN)
    assert "a formula that was never calculated" in next(iter(read.holds))
    assert any("calculate it (in LibreOffice with Ctrl+Shift+F9" in fix for fix in read.holds.values())
