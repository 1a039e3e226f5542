"""Rows that are put together from ready cells, against the same cells written by XlsxWriter one by one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook
from xlsxwriter.worksheet import Worksheet

from finance_platform.reports.ready_rows import ReadyRows, ready_number

_TEXTS = [
    "Rent",
    "Rent & <heat>",
    "Lease",
    " spaces around ",
    "a\x07bell",
    "_x0041_",
    "Müller – 私",
    "line\nend",
    "'=1+1",
    '"quoted"',
    "",
    "<r>rich</r>",
    " x",
    "x\u00a0",
    "tab\t",
    "A_B",
    "_x000D_",
    "\uffff",
    "Rent",
]
_NUMBERS = [0.0, -0.01, 1234567890123.45, 1e-7, 1e21, -5.0, 0.1 + 0.2, *map(float, range(12))]


def _workbook(write_rows: Callable[[xlsxwriter.Workbook, ReadyRows], None]) -> bytes:
    stream = BytesIO()
    with xlsxwriter.Workbook(stream, {"constant_memory": True}) as workbook:
        # Without it, two workbooks that are written in two different seconds differ.
        workbook.set_properties({"created": datetime(2025, 1, 1, tzinfo=UTC)})
        sheet = workbook.add_worksheet("Data", ReadyRows)
        sheet.set_column(2, 2, 20, workbook.add_format({"italic": True}))
        sheet.set_row(1, 44)
        sheet.write_string(1, 0, "Text", workbook.add_format({"bold": True}))
        sheet.write_string(1, 1, "Number", workbook.add_format({"bottom": 1}))
        write_rows(workbook, sheet)
    return stream.getvalue()


def _by_cell(workbook: xlsxwriter.Workbook, sheet: ReadyRows) -> None:
    quoted, cents = workbook.add_format({"quote_prefix": True}), workbook.add_format({"num_format": "0.00"})
    for row, (text, number) in enumerate(zip(_TEXTS, _NUMBERS, strict=True), 2):
        sheet.write_string(row, 0, text, quoted)
        sheet.write_number(row, 1, number, cents)
        sheet.write_number(row, 2, row)
        sheet.write_string(row, 27, text)


def _ready(workbook: xlsxwriter.Workbook, sheet: ReadyRows) -> None:
    quoted, cents = workbook.add_format({"quote_prefix": True}), workbook.add_format({"num_format": "0.00"})
    amount = ""
    for row, (text, number) in enumerate(zip(_TEXTS, _NUMBERS, strict=True), 2):
        name = sheet.ready_cell(0, text, quoted)
        amount = amount or sheet.ready_cell(1, 0, cents)
        rest = sheet.ready_cell(2, row) + sheet.ready_cell(27, text)
        sheet.write_ready_row(row, f"{name}{ready_number(amount, number)}{rest}")


def _made(workbook: xlsxwriter.Workbook, sheet: ReadyRows) -> None:
    quoted, cents = workbook.add_format({"quote_prefix": True}), workbook.add_format({"num_format": "0.00"})
    for row, (text, number) in enumerate(zip(_TEXTS, _NUMBERS, strict=True), 2):
        is_shown = text.replace("\n", "").isprintable()
        ready = sheet.ready_text if is_shown else sheet.ready_cell
        cells = [ready(0, text, quoted), sheet.ready_number(1, number, cents)]
        # The style of a column is not that of a cell that has none of its own.
        sheet.write_ready_row(row, "".join([*cells, sheet.ready_cell(2, row), ready(27, text)]))


def test_ready_rows_give_the_bytes_of_cells_that_are_written_one_by_one():
    assert _workbook(_ready) == _workbook(_by_cell)


def test_texts_and_numbers_without_xlsxwriter_give_its_bytes():
    assert _workbook(_made) == _workbook(_by_cell)


@pytest.mark.parametrize("text", ["<r>bold</r>", "<r><t>x</t></r>", "<r>&</r>"])
def test_a_text_that_looks_like_markup_is_a_text(text: str):
    def by_cell(_: xlsxwriter.Workbook, sheet: ReadyRows) -> None:
        sheet.write_string(2, 0, text)

    def ready(_: xlsxwriter.Workbook, sheet: ReadyRows) -> None:
        sheet.write_ready_row(2, sheet.ready_text(0, text))

    for write_rows in (by_cell, ready):
        workbook = CalamineWorkbook.from_filelike(BytesIO(_workbook(write_rows)))
        assert workbook.get_sheet_by_name("Data").to_python()[-1][0] == text


@pytest.mark.parametrize("row", [2, 3, 1000])
def test_a_ready_cell_is_of_whatever_row_it_is_written_into(row: int):
    def write_one(_: xlsxwriter.Workbook, sheet: ReadyRows) -> None:
        cell = sheet.ready_cell(3, "1", None)
        sheet.write_ready_row(2, cell)
        if row > 2:
            sheet.write_ready_row(row, cell)

    def write_by_cell(_: xlsxwriter.Workbook, sheet: ReadyRows) -> None:
        for written in sorted({2, row}):
            sheet.write_string(written, 3, "1")

    assert _workbook(write_one) == _workbook(write_by_cell)


@pytest.mark.parametrize("is_expanded", [False, True])
def test_a_formula_is_written_as_xlsxwriter_writes_it_whatever_came_before(is_expanded: bool):
    formulas = [
        *("=SUM(A1:A2)", "=SUM(B1:B2)", "=A1+B1", "A1", "{=SUM(A1:A2)}", "=SUM(A1:A2)}", "="),
        *("=XLOOKUP(A1,A2,A3)", "=SUM(XLOOKUP(A1,A2,A3))", "=XLOOKUP(A2,A2,A3)", "=_xlfn.XLOOKUP(A1,A2,A3)"),
        *('="XLOOKUP(1)"', '="SUM(XLOOKUP(1)"', "=SINGLE(A1)", "=IF(SORT(A1),1,2)", "=IF(A1,1,2)", "=STDEV.S(A1)"),
    ]

    def write(sheet_class: type[Worksheet] | None) -> list[str]:
        with xlsxwriter.Workbook(BytesIO(), {"use_future_functions": is_expanded}) as workbook:
            sheet = workbook.add_worksheet("Data", sheet_class)
            return [sheet._prepare_formula(formula, later) for formula in formulas * 2 for later in (False, True)]

    assert write(ReadyRows) == write(None)
