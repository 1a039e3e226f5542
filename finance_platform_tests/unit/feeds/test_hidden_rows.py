"""Rows that are hidden or filtered out, and hidden columns of months: they count, and a warning says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from finance_platform.feeds.findings import Note
from finance_platform_tests.office import converted
from finance_platform_tests.unit.checked_files import check_written
from finance_platform_tests.unit.feeds.other_formats import ENDINGS, declare

DESCRIPTOR = """\
feed: x
kind: ledger
path: "x.{xlsx,xls,ods}"
columns: {department: Unit, account: Account, date: {formats: [yyyy-MM]}}
unpivot: {columns: ["2025-01", "2025-02"], into: date}
constants: {scenario: Budget}
"""

AMOUNTS = [(10, 11), (20, 21), (0, 0), (40, 41), (50, 51)]


BY_PATTERN = DESCRIPTOR.replace('["2025-01", "2025-02"]', '"20[0-9-]+"')


def write(path: Path, prepare: Callable[[Any], None]) -> None:
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Plan")
    sheet.write_row(0, 0, ["Unit", "Account", "2025-01", "2025-02"])
    for row, amounts in enumerate(AMOUNTS, start=1):
        sheet.write_row(row, 0, [f"D{row % 2}", "6000", *amounts])
    prepare(sheet)
    book.close()


def notes_of(folder: Path, ending: str, descriptor_text: str = DESCRIPTOR) -> dict[str, Note]:
    return dict(check_written(folder, descriptor_text, f"x.{ending}").findings.notes)


def notes(folder: Path, prepare: Callable[[Any], None]) -> dict[str, Note]:
    write(folder / "x.xlsx", prepare)
    return notes_of(folder, "xlsx")


def hide(sheet: Any, *rows: int, **options: Any) -> None:
    for row in rows:
        sheet.set_row(row, None, None, {"hidden": True, **options})


def _hidden_rows(sheet: Any) -> None:
    # A row of zeros changes nothing, and one of a folded group is below its heading.
    hide(sheet, 2, 3, 4)
    hide(sheet, 5, level=1)


def _hidden_month(sheet: Any) -> None:
    sheet.set_column(3, 3, None, None, {"hidden": True})


def _folded_month(sheet: Any) -> None:
    sheet.set_column(3, 3, None, None, {"hidden": True, "level": 1})
    sheet.set_column(1, 1, None, None, {"hidden": True})


ROWS = declare("hidden rows", lambda path: write(path, _hidden_rows))
MONTH = declare("hidden month", lambda path: write(path, _hidden_month))
FOLDED = declare("folded month", lambda path: write(path, _folded_month))


@pytest.mark.parametrize("ending", ENDINGS)
def test_hidden_rows_that_count_are_a_warning(tmp_path: Path, take: Callable[[str, str], None], ending: str):
    take(ROWS, ending)
    ((text, note),) = notes_of(tmp_path, ending).items()
    assert text == "rows that are hidden or filtered out count, first on sheet 'Plan' row 3"
    assert note.count == 2  # rows 3 and 5
    assert note.fix.startswith("clear the filter and show the rows at the source")


def test_rows_and_columns_that_libreoffice_hides_in_xlsx_are_a_warning(tmp_path: Path):
    """It writes a level of 0 for rows and columns in no group."""

    def prepare(sheet: Any) -> None:
        hide(sheet, 2)
        hide(sheet, 5, level=1)
        sheet.set_column(3, 3, None, None, {"hidden": True})

    notes(tmp_path, prepare)
    saved = tmp_path / "saved"
    saved.mkdir()
    converted(tmp_path / "x.xlsx", "xlsx:Calc MS Excel 2007 XML", saved)
    check = check_written(saved, BY_PATTERN, "x.xlsx")
    assert {text: note.count for text, note in check.findings.notes.items()} == {
        "rows that are hidden or filtered out count, first on sheet 'Plan' row 3": 1,
        "columns that are hidden count: '2025-02'": 4,
    }


def test_rows_that_a_filter_leaves_out_are_a_warning(tmp_path: Path):
    def prepare(sheet: Any) -> None:
        sheet.autofilter(0, 0, len(AMOUNTS), 3)
        sheet.filter_column("A", "x == D1")
        hide(sheet, 2, 4)

    assert [note.count for note in notes(tmp_path, prepare).values()] == [2]


@pytest.mark.parametrize(
    "prepare",
    [
        lambda sheet: sheet.autofilter(0, 0, len(AMOUNTS), 3),
        lambda sheet: hide(sheet, 3),
        lambda sheet: hide(sheet, 0, 20, 21),
        lambda sheet: hide(sheet, 1, 2, level=1),
        lambda sheet: sheet.set_column(1, 1, None, None, {"hidden": True}),
        lambda sheet: sheet.set_default_row(hide_unused_rows=True),
    ],
)
def test_a_sheet_whose_hidden_rows_have_no_amounts_or_are_groups_has_no_warning(
    tmp_path: Path, prepare: Callable[[Any], None]
):
    assert not notes(tmp_path, prepare)


@pytest.mark.parametrize("ending", ENDINGS)
def test_hidden_columns_of_months_that_a_pattern_chose_are_a_warning(
    tmp_path: Path, take: Callable[[str, str], None], ending: str
):
    """A template keeps the months of last year in hidden columns, and the pattern reads them."""
    take(MONTH, ending)
    ((text, note),) = notes_of(tmp_path, ending, BY_PATTERN).items()
    assert (text, note.count) == ("columns that are hidden count: '2025-02'", 4)  # not the line of zero
    assert "unpivot.columns" in note.fix


@pytest.mark.parametrize("ending", ENDINGS)
def test_columns_that_the_descriptor_names_or_a_group_folds_have_no_warning(
    tmp_path: Path, take: Callable[[str, str], None], ending: str
):
    take(MONTH, ending)
    assert not notes_of(tmp_path, ending)
    take(FOLDED, ending)
    assert not notes_of(tmp_path, ending, BY_PATTERN)
