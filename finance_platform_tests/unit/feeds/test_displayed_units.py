"""Workbooks whose formats say what the numbers lack: currencies, and debits and credits. Which hold a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
import xlsxwriter

from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.files.displayed_units import DisplayedCell
from finance_platform.feeds.files.number_formats import Kind, Mark, displayed_text
from finance_platform.feeds.files.xlsx_formats import scan_cells
from finance_platform.refresh.file_check.feed_check import FileCheck, check_file
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.checked_files import check_written
from finance_platform_tests.unit.factories import settings
from finance_platform_tests.unit.feeds.other_formats import declare, take

DESCRIPTOR = """\
feed: x
kind: ledger
path: x.xlsx
columns: {date: Date, department: Unit, account: Account, amount: Amount%s}
constants: {scenario: Actual%s}
"""
WIDE = """\
feed: x
kind: ledger
path: x.xlsx
columns: {date: {formats: [yyyy-MM]}, department: Unit, account: Account}
unpivot: {columns: ["2025-01", "2025-02"], into: date}
constants: {scenario: Budget}
"""
EURO, DOLLAR, NONE = "#,##0.00 [$€-407]", "[$$-409]#,##0.00", r"_-* #,##0.00\ _€_-;\-* #,##0.00\ _€_-"

NEGATIVE = (-40, -40.125, -1e12 - 0.25)
"""Numbers of the three forms of which an xls workbook has records."""
DEBIT, CREDIT = '#,##0.00" Dr"', '#,##0.00" Cr"'
CONVERTED = {
    "currencies": [(10, DOLLAR), (20.125, EURO), (30, NONE), (1e12 + 0.25, '#,##0.00 "CHF"')],
    "sides": [(100, DEBIT), (40.5, CREDIT), (1e12 + 0.25, CREDIT)],
    **{f"sides with {credit}": [(100, DEBIT), (credit, f"{CREDIT};{CREDIT}")] for credit in NEGATIVE},
    **{f"plain {credit}": [(100, DOLLAR), (credit, NONE), (7, "0.00%")] for credit in NEGATIVE},
}
"""Amounts and their formats, by the name of their workbook."""


def check(
    folder: Path, amounts: Sequence[tuple[float, str]], descriptor: str = DESCRIPTOR % ("", ""), currency: str = "USD"
) -> FileCheck:
    write(folder / "x.xlsx", amounts)
    return check_written(folder, descriptor, "x.xlsx", currency=currency)


def write(path: Path, amounts: Sequence[tuple[float, str]]) -> Path:
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("GL")
    euro = book.add_format({"num_format": EURO})
    sheet.write_row(0, 0, ["Date", "Unit", "Account", "Amount", "Quantity"])
    for row, (amount, code) in enumerate(amounts, start=1):
        sheet.write_row(row, 0, ["2025-01-31", "D1", "6000"])
        sheet.write_number(row, 3, amount, book.add_format({"num_format": code}))
        sheet.write_number(row, 4, 5, euro)  # a column that nothing reads
    book.close()
    return path


def test_amounts_that_are_displayed_in_another_currency_hold_the_file(tmp_path: Path):
    amounts = [(10, DOLLAR), (20, EURO), (30, NONE), (40, EURO), (50, '#,##0.00 "CHF"')]
    held = check(tmp_path, amounts)
    assert held.holds == {
        "the formats of 'Amount' display 3 amounts in EUR, CHF, first on sheet 'GL' row 3, and they are read as USD": (
            "send the file with amounts in USD; if they are, add currency: USD to constants in the descriptor; if the "
            "books are kept in the other currency, set FINANCE_PLATFORM_CURRENCY in the home's .env"
        )
    }
    assert not check(tmp_path, amounts, DESCRIPTOR % ("", ", currency: USD")).holds
    assert not check(tmp_path, [(10, EURO), (20, EURO)], currency="EUR").holds


def test_months_that_are_displayed_in_another_currency_hold_the_file(tmp_path: Path):
    book = xlsxwriter.Workbook(tmp_path / "x.xlsx")
    sheet = book.add_worksheet("Plan")
    sheet.write_row(0, 0, ["Unit", "Account", "2025-01", "2025-02"])
    sheet.write_row(1, 0, ["D1", "6000", 5])
    sheet.write_number(1, 3, 6, book.add_format({"num_format": EURO}))
    book.close()
    (reason,) = check_written(tmp_path, WIDE, "x.xlsx").holds
    assert reason.startswith("the formats of '2025-02' display 1 amounts in EUR")


for _name, _amounts in CONVERTED.items():
    declare(_name, partial(write, amounts=_amounts))


@pytest.fixture(scope="module", params=["xls", "ods"])
def holds_of_converted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[str]]:
    """The reasons to hold each of `CONVERTED`, in another format."""
    folder, ending = tmp_path_factory.mktemp("converted"), request.param
    for name in CONVERTED:
        take(name, ending, folder / f"{name}.{ending}", tmp_path_factory)
    text = (DESCRIPTOR % ("", "")).replace("x.xlsx", f"'*.{ending}'")
    descriptor, store = parse_descriptor(text, "x.yaml"), LocalStore(folder)
    return {name: list(check_file(store, f"{name}.{ending}", descriptor, settings()).holds) for name in CONVERTED}


def test_a_workbook_of_another_format_is_held_for_another_currency_and_for_sides(
    holds_of_converted: dict[str, list[str]],
):
    (currency,) = holds_of_converted["currencies"]
    assert currency.startswith("the formats of 'Amount' display 2 amounts in EUR, CHF, first on sheet 'GL' row 3")
    (sides,) = holds_of_converted["sides"]
    assert "display 1 amounts as debits (Dr) and 2 as credits (Cr, first on sheet 'GL' row 3)" in sides


@pytest.mark.parametrize("credit", NEGATIVE)
def test_a_workbook_of_another_format_whose_numbers_have_signs_is_not_held(
    holds_of_converted: dict[str, list[str]], credit: float
):
    assert not holds_of_converted[f"sides with {credit}"]
    assert not holds_of_converted[f"plain {credit}"]


@pytest.mark.parametrize("code", [NONE, DOLLAR, "#,##0,", "General", "0.00%", '#,##0.00" h"', "[Red]#,##0.00"])
def test_other_formats_hold_nothing(tmp_path: Path, code: str):
    assert not check(tmp_path, [(10, code), (20, code)]).holds


def test_debits_and_credits_that_only_formats_say_hold_the_file(tmp_path: Path):
    held = check(tmp_path, [(10, '0.00" Dr"'), (20, '0.00" Cr"'), (30, '0.00" Dr"')])
    (reason,) = held.holds
    assert reason == (
        "the formats of 'Amount' display 2 amounts as debits (Dr) and 1 as credits (Cr, first on sheet 'GL' row 3), "
        "which the numbers do not say, so all are added"
    )
    assert "save the sheet as CSV" in held.holds[reason]


@pytest.mark.parametrize(
    "amounts",
    [
        [(10, '0.00" Dr"'), (-20, '0.00" Dr";0.00" Cr"')],  # one format for both signs
        [(10, '0.00" Dr"'), (-20, '0.00" Cr"')],
        [(10, '0.00" Dr"'), (20, '0.00" Dr"')],
        [(10, '0.00" Cr"'), (20, '0.00" Cr"')],
    ],
)
def test_sides_that_the_numbers_say_too_hold_nothing(tmp_path: Path, amounts: list[tuple[float, str]]):
    assert not check(tmp_path, amounts).holds


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("[$-409]d/m/yyyy", ""),
        ("[$EUR] #,##0.00", "EUR"),
        ("[$€-2] #,##0.00;[Red]-[$€-2] #,##0.00", "€"),
        (r"#,##0.00\ \€", "€"),
        ("£#,##0", "£"),
        ('"Dr "0.00', "Dr"),
        ('0;"€ "0', ""),
        ('"a;b €"0', "€"),
        ('"', ""),
        ("", ""),
    ],
)
def test_the_text_of_a_format_is_that_of_positive_numbers(code: str, text: str):
    assert displayed_text(code) == text


def test_cells_are_found_wherever_the_xml_is_cut_and_only_those_with_a_number():
    xml = (
        b'<sheetData><row r="1"><c r="A1" s="1"/><c r="B1" s="1"><v>5</v></c><c r="C1" s="1" t="s"><v>0</v></c></row>'
        b'<row r="2"><c s="1" r="AA2"><f>SUM(B1)</f><v>-5</v></c><x:c r="B2" s="2"><x:v>7</x:v></x:c>'
        b'<c r="C2" s="1"><f>B1</f></c></row></sheetData>'
    )

    def cut(size: int) -> Iterator[bytes]:
        yield from (xml[start : start + size] for start in range(0, len(xml), size))

    for size in range(1, len(xml) + 1):
        mark = Mark(Kind.CURRENCY, "€")
        found = list(scan_cells(cut(size), {1: (mark,)}))
        assert found == [DisplayedCell(1, 1, mark, 5), DisplayedCell(26, 2, mark, -5)], size
