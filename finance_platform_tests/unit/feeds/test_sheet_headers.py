"""Sheets that a feed does not read although they have the header and rows of those that it reads."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_written
from finance_platform_tests.unit.feeds.other_formats import ENDINGS, declare
from finance_platform_tests.workbooks import Rows, xlsx

DESCRIPTOR = """\
feed: x
kind: ledger
path: "x.{xlsx,xls,ods}"
columns: {date: {from: Date, formats: [yyyy-MM-dd]}, department: Unit, account: Account, amount: Net}
constants: {scenario: Actual}
sheet: %s
%s
"""
HEADER = ["Date", "Unit", "Account", "Net"]
OTHERS = ["Date", "Unit", "Account", "Quantity"]


def rows(amount: float, header: list[str] = HEADER) -> Rows:
    return [header, [date(2025, 1, 31), "D1", "4000", amount]]


SHEETS: dict[str, Rows] = {
    "East": rows(10),
    "West": rows(7),
    "North": rows(8),
    "Quantities": rows(9, OTHERS),
    "Template": [HEADER],
    "Notes": [["Made by"], ["controlling"]],
    "Blank": [],
    "Below": [[], *rows(6)],
}
REGIONS = declare("sheets of regions", lambda path: path.write_bytes(xlsx(SHEETS)))
NOTE = "the sheet 'North' has the header of 'East', which is read, and is not read"


def read(folder: Path, sheets: str, ending: str = "xlsx", more: str = "") -> FileCheck:
    return check_written(folder, DESCRIPTOR % (sheets, more), f"x.{ending}")


def check(folder: Path, sheets: dict[str, Rows], read_sheets: str, more: str = "") -> FileCheck:
    (folder / "x.xlsx").write_bytes(xlsx(sheets))
    return read(folder, read_sheets, more=more)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_sheet_that_a_list_leaves_out_is_named_by_its_header(
    tmp_path: Path, take: Callable[[str, str], None], ending: str
):
    take(REGIONS, ending)
    checked = read(tmp_path, "[East, West]", ending)
    (note,) = checked.findings.notes
    assert note == NOTE
    assert "name it in sheet:" in checked.findings.notes[note].fix
    assert [str(count.amount) for count in checked.sums.values()] == ["17.00"]


def test_a_sheet_without_rows_or_with_another_header_is_not_named(tmp_path: Path):
    sheets = {name: of_sheet for name, of_sheet in SHEETS.items() if name != "North"}
    assert not check(tmp_path, sheets, "[East, West]").findings.notes


def test_one_sheet_that_is_read_was_chosen_among_others(tmp_path: Path):
    assert not check(tmp_path, SHEETS, "[North]").findings.notes


def test_a_sheet_of_a_series_is_named_once(tmp_path: Path):
    checked = check(tmp_path, {"Jan": rows(1), "Feb": rows(2), "Mar": rows(3)}, "[Jan, Feb]")
    assert not checked.findings.notes
    assert [reason for reason in checked.holds if "'Mar'" in reason]


def test_hidden_sheets_have_their_own_note(tmp_path: Path):
    (tmp_path / "x.xlsx").write_bytes(xlsx(SHEETS, hidden=["North"]))
    (note,) = read(tmp_path, "[East, West]").findings.notes
    assert note.startswith("hidden sheets were not read")


def test_tables_without_a_header_are_not_compared(tmp_path: Path):
    sheets = {name: SHEETS[name][1:] for name in ("East", "West", "North")}
    names = "dialect: {header_row: 0, names: [Date, Unit, Account, Net]}"
    assert not check(tmp_path, sheets, "[East, West]", names).findings.notes


def test_headers_below_titles_and_in_cells_of_their_own_are_compared(tmp_path: Path):
    """Each library writes texts in its own way; only equal cells of the row of the header count."""
    sheets = {name: [["Region", name], [], *SHEETS[name]] for name in ("East", "West", "North")}
    data = xlsx(sheets)
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    texts = parts["xl/sharedStrings.xml"].split(b"<si>")[1:]
    for number in (1, 2, 3):
        name = f"xl/worksheets/sheet{number}.xml"
        for place, text in enumerate(texts):
            inner = text.split(b"</si>")[0]
            parts[name] = parts[name].replace(b't="s"><v>%d</v>' % place, b't="inlineStr"><is>' + inner + b"</is>")
    with zipfile.ZipFile(tmp_path / "x.xlsx", "w") as package:
        for name, part in parts.items():
            package.writestr(name, part)
    assert list(read(tmp_path, "[East, West]", more="dialect: {header_row: 3}").findings.notes) == [NOTE]
