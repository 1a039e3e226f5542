"""Formats of cells that display another sign, unit or number than the cell has, or strike it through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import xlsxwriter

from finance_platform.feeds.files.number_formats import Kind, Mark, displayed_code, marks_of_format
from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_written
from finance_platform_tests.unit.feeds.other_formats import declare

DESCRIPTOR = """\
feed: x
kind: ledger
path: "x.{xlsx,xls,ods}"
columns: {date: Date, department: {from: Unit, pad: %s}, account: Account, amount: {from: %s, scale: %s}}
constants: {scenario: Actual}
sign: %s
types_by_prefix: {account_type: {6: Expense}}
"""
ACCOUNTING = r'_-* #,##0.00\ _€_-;\-* #,##0.00\ _€_-;_-* "-"??\ _€_-;_-@_-'
FLIPPED, UNSIGNED, BRACKETS = "-#,##0.00;#,##0.00", "#,##0.00;#,##0.00", "(#,##0.00)"


def write(
    path: Path,
    amounts: Sequence[tuple[float, str]],
    *,
    header: str = "Amount",
    struck: Sequence[int] = (),
    unit: tuple[object, str] = ("D1", "General"),
) -> None:
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("GL")
    sheet.write_row(0, 0, ["Date", "Unit", "Account", header])
    for row, (amount, code) in enumerate(amounts, start=1):
        sheet.write_row(row, 0, ["2025-01-31", "", "6000"])
        sheet.write(row, 1, unit[0], book.add_format({"num_format": unit[1]}))
        sheet.write_number(row, 3, amount, book.add_format({"num_format": code, "font_strikeout": row in struck}))
    book.close()


def read(
    folder: Path, ending: str, *, header: str = "Amount", scale: int = 1, sign: str = "natural", pad: int = 0
) -> FileCheck:
    return check_written(folder, DESCRIPTOR % (pad, header, scale, sign), f"x.{ending}")


def check(
    folder: Path,
    amounts: Sequence[tuple[float, str]],
    *,
    header: str = "Amount",
    scale: int = 1,
    sign: str = "natural",
    struck: Sequence[int] = (),
    unit: tuple[object, str] = ("D1", "General"),
    pad: int = 0,
) -> FileCheck:
    write(folder / "x.xlsx", amounts, header=header, struck=struck, unit=unit)
    return read(folder, "xlsx", header=header, scale=scale, sign=sign, pad=pad)


FORMATS = declare(
    "number formats",
    lambda path: write(
        path,
        [
            (10, "0.00"), (-20, UNSIGNED), (30.5, BRACKETS), (40, "0.00"), (12.5, '#,##0.0" k"'),
            (1_234_500.0, "#,##0.0,"), (1e12 + 0.25, '#,##0.0,,"M"'), (0.35, "0%"), (-5.25, ACCOUNTING),
            (-7, "#,##0.00;[Red]#,##0.00"),
        ],
        struck=[4],
        unit=(460, "0000"),
    ),
)  # fmt: skip


def test_amounts_whose_sign_is_another_one_than_is_displayed_hold_the_file(tmp_path: Path):
    hidden, added = check(tmp_path, [(10, "0.00"), (-20, UNSIGNED), (0, FLIPPED), (30.5, BRACKETS)]).holds
    assert hidden == (
        "the formats of 'Amount' display 1 amounts as positive, first on sheet 'GL' row 3, whose numbers are negative, "
        "and they are read as negative"
    )
    assert added == (
        "the formats of 'Amount' display 1 amounts as negative, first on sheet 'GL' row 5, whose numbers are positive, "
        "and they are read as positive"
    )


def test_signs_that_are_displayed_hold_nothing(tmp_path: Path):
    codes = [ACCOUNTING, "#,##0.00;[Red]#,##0.00", "#,##0.00_);(#,##0.00)", '#,##0.00"+";#,##0.00"-"', "0.00;-0.00;;@"]
    amounts = [(amount, code) for code in codes for amount in (5.25, -5.25, 0)]
    read = check(tmp_path, amounts)
    assert (read.holds, read.findings.notes) == ({}, {})


def test_a_descriptor_that_says_what_signs_mean_is_not_asked_again(tmp_path: Path):
    assert not check(tmp_path, [(-20, UNSIGNED), (30, BRACKETS)], sign="debit_positive").holds


def test_amounts_that_are_struck_through_hold_the_file(tmp_path: Path):
    (reason,) = check(tmp_path, [(10, "0.00"), (20, "0.00"), (30, "0.00")], struck=[2, 3]).holds
    assert (
        reason == "the formats of 'Amount' display 2 amounts struck through, first on sheet 'GL' row 3, and they count"
    )


@pytest.mark.parametrize(("code", "unit"), [('#,##0.0" k"', "thousands"), ('0.0" Mio."', "millions")])
def test_amounts_that_are_displayed_with_a_unit_that_the_descriptor_lacks_hold_the_file(
    tmp_path: Path, code: str, unit: str
):
    (reason,) = check(tmp_path, [(12.5, code)]).holds
    assert f"display 1 amounts in {unit}, first on sheet 'GL' row 2, and columns.amount has scale: 1" in reason
    scale = 1_000 if unit == "thousands" else 1_000_000
    assert not check(tmp_path, [(12.5, code)], scale=scale).holds


def test_whole_amounts_that_are_displayed_in_thousands_are_not_multiplied_in_silence(tmp_path: Path):
    amounts = [(1_234_500.0, "#,##0.0,"), (99_000.0, '#,##0.0,"k"')]
    (reason,) = check(tmp_path, amounts, scale=1000).holds
    assert "display 2 amounts divided by 1,000, first on sheet 'GL' row 2: the cells have whole amounts, and" in reason
    assert not check(tmp_path, amounts).holds
    # The header says what is displayed, so it is no reason to multiply.
    assert not check(tmp_path, amounts, header="kUSD").holds
    assert check(tmp_path, [(1234.5, "#,##0.0")], header="kUSD").holds


def test_codes_that_are_displayed_with_zeros_are_a_warning_unless_they_are_filled(tmp_path: Path):
    amounts = [(1.0, "0.00"), (2.0, "0.00")]
    (note,) = check(tmp_path, amounts, unit=(460, "0000")).findings.notes.items()
    text = "the formats of 'Unit' display 2 codes with zeros before them, first on sheet 'GL' row 2, and they are read"
    assert note[0].startswith(text)
    assert note[1].fix == "add pad: 4 to columns.department in the descriptor"
    assert not check(tmp_path, amounts, unit=(460, "0000"), pad=4).findings.notes
    assert not check(tmp_path, amounts, unit=(4600, "0000")).findings.notes


def test_percentages_among_amounts_are_a_warning(tmp_path: Path):
    read = check(tmp_path, [(10, "0.00"), (0.35, "0%"), (0.125, "0.0%")])
    (note,) = read.findings.notes
    assert "display 2 amounts as percentages, first on sheet 'GL' row 3: 35% is read as 0.35" in note
    assert not read.holds


def test_amounts_that_are_displayed_as_nothing_are_a_warning(tmp_path: Path):
    (note,) = check(tmp_path, [(10, "0.00"), (20, ";;;")]).findings.notes
    assert "display 1 amounts as nothing, first on sheet 'GL' row 3, and they count" in note


@pytest.mark.parametrize("ending", ["xls", "ods"])
def test_workbooks_of_other_formats_display_the_same(tmp_path: Path, take: Callable[[str, str], None], ending: str):
    take(FORMATS, ending)
    checked = read(tmp_path, ending, scale=100)
    found = [text.removeprefix("the formats of ") for text in (*checked.holds, *checked.findings.notes)]
    assert sorted(text.split(", first")[0] for text in found) == [
        "'Amount' display 1 amounts as negative",
        "'Amount' display 1 amounts as percentages",
        "'Amount' display 1 amounts as positive",
        "'Amount' display 1 amounts divided by 1,000",
        "'Amount' display 1 amounts divided by 1,000,000",
        "'Amount' display 1 amounts in thousands",
        "'Amount' display 1 amounts struck through",
        "'Unit' display 10 codes with zeros before them",
    ]


@pytest.mark.parametrize(
    ("code", "kinds"),
    [
        ("General", []),
        ("0.00E+00", [Kind.SCIENTIFIC]),
        ("##0.0E+0", [Kind.SCIENTIFIC]),
        ('0" E+"', [Kind.LITERAL]),
        ("d-mmm", [Kind.YEARLESS]),
        ("[$-407]d\\.\\ mmm;@", [Kind.YEARLESS]),
        ('dd"."mm"."', [Kind.YEARLESS]),
        ("d-mmm-yy", []),
        ("mmm-yy", []),
        ("d/m h:mm", []),
        ("dddd", []),
        ("mm:ss", []),
        ('"d"0"m"', [Kind.LITERAL]),
        ("#,##0.-", []),  # whole amounts in Switzerland
        ("000-000", [Kind.ZEROS, Kind.LITERAL]),
        ('0"-US"', [Kind.MINUS_ADDED, Kind.LITERAL]),
        ("0.00", [Kind.DECIMALS]),
        ("#,##0.00", []),
        ("# ?/?", []),
        ("mm:ss.0", []),
        ("yyyy-mm-dd", []),
        ("[h]:mm", []),
        ('#,##0" Stk"', []),
        ('[<1000]0;[>=1000]0.0,"k"', []),
        ("#,##0.00-", [Kind.MINUS_ADDED]),
        ('"-"0', [Kind.MINUS_ADDED]),
        ("_(#,##0_)", []),
        ("0;0", [Kind.MINUS_HIDDEN]),
        ("0;", [Kind.DECIMALS]),
        ('0"H";0"S"', [Kind.SIDE]),
        ('0.00 "C"', [Kind.SIDE]),
        ("#,##0.00\\ \\D", [Kind.SIDE]),
        ("0,,", [Kind.SCALED]),
        ("0\\%", []),
        (";;;", [Kind.NOTHING]),
        (";", [Kind.NOTHING]),
        ("", []),
        ("0" * 5_000, []),
    ],
)
def test_a_format_displays(code: str, kinds: list[Kind]):
    assert [mark.kind for mark in marks_of_format(code)] == kinds


@pytest.mark.parametrize(
    ("section", "value", "text"),
    [
        ("0.00", 4000.1, "4000.10"),
        ("[$-407]0.00", 0.005, "0.01"),
        ("0", 4000.5, "4001"),
        ("0.0##", 4000.25, "4000.25"),
        ("0.###############", 4000.1, "4000.1"),
        ("0000.00", 40.5, "0040.50"),
        ("0.00_)", 4000.1, "4000.10"),
        ("000-000", 123456, "123-456"),
        ("000-000", 12, "000-012"),
        ("00-00", 123456, "1234-56"),
        ("##-##", 5, "-5"),
        ('"A"0000', 12, "A0012"),
        ("00\\.00", 1234, "12.34"),
        ('0"x"0.00', 12.5, "1x2.50"),
    ],
)
def test_a_code_is_displayed_as_a_spreadsheet_does(section: str, value: float, text: str):
    assert displayed_code(section, value) == text


def test_millions_are_two_divisions():
    assert marks_of_format("0.0,,") == (Mark(Kind.SCALED, "6"),)
