"""Formats of an ods workbook: where a cell has its style from, and what a style displays.

Belongs here: elements of sheets and styles that spreadsheet programs write in other ways than LibreOffice does for a
small table. Does not belong here: the doubts in a ledger (see `test_displayed_units`).
"""

from __future__ import annotations

import pytest

from finance_platform.feeds.files.ods_formats import OdsFormats

STYLES = """
<number:currency-style style:name="N1"><number:currency-symbol>EUR</number:currency-symbol><number:number/>
</number:currency-style>
<number:currency-style style:name="N2"><number:currency-symbol>USD</number:currency-symbol><number:number/>
</number:currency-style>
<number:number-style style:name="N3P0"><number:number/><number:text> Dr</number:text></number:number-style>
<number:number-style style:name="N3"><number:number/><number:text> Cr</number:text>
<style:map style:condition="value()&gt;=0" style:apply-style-name="N3P0"/></number:number-style>
<style:style style:name="euro" style:family="table-cell" style:data-style-name="N1"/>
<style:style style:name="bold euro" style:family="table-cell" style:parent-style-name="euro"/>
<style:style style:name="dollar" style:family="table-cell" style:data-style-name="N2"/>
<style:style style:name="side" style:family="table-cell" style:data-style-name="N3"/>
<style:style style:name="loop" style:family="table-cell" style:parent-style-name="loop"/>
"""


def cells(sheets: str, number: int = 0, styles: str = STYLES) -> list[tuple[int, int, str, bool]]:
    formats = OdsFormats(number, "USD")
    formats.read([f"<document>{styles}<office:body>{sheets}</office:body></document>".encode()])
    return [(column, row, mark.text, value < 0) for column, row, mark, value in formats.cells]


def cell(value: float, style: str = "", repeated: int = 1) -> str:
    named = f' table:style-name="{style}"' if style else ""
    return (
        f'<table:table-cell{named} office:value-type="float" office:value="{value}" '
        f'table:number-columns-repeated="{repeated}"/>'
    )


def row(content: str, attributes: str = "") -> str:
    return f"<table:table-row {attributes}>{content}</table:table-row>"


@pytest.mark.parametrize(
    ("style", "text"), [("euro", "EUR"), ("bold euro", "EUR"), ("side", "Dr"), ("dollar", ""), ("loop", ""), ("?", "")]
)
def test_a_style_displays_its_format_that_of_its_parent_or_that_of_positive_numbers(style: str, text: str):
    found = cells(f"<table:table>{row(cell(-1.5, style))}</table:table>")
    assert found == ([(0, 1, text, True)] if text else [])


def test_a_cell_without_a_style_has_that_of_its_row_or_of_its_column():
    columns = (
        '<table:table-column table:number-columns-repeated="2"/>'
        '<table:table-column table:default-cell-style-name="euro" table:number-columns-repeated="1022"/>'
    )
    rows = row(cell(1) + cell(2) + cell(3) + cell(4, "dollar")) + row(cell(5), 'table:default-cell-style-name="side"')
    assert cells(f"<table:table>{columns}{rows}</table:table>") == [(2, 1, "EUR", False), (0, 2, "Dr", False)]


def test_repeated_cells_and_rows_move_what_follows_them():
    blank = '<table:table-cell table:number-columns-repeated="3"/>'
    rows = row(blank, 'table:number-rows-repeated="40"') + row(blank + cell(7, "euro", repeated=2) + cell(8, "euro"))
    assert cells(f"<table:table>{rows}</table:table>") == [(column, 41, "EUR", False) for column in (3, 4, 5)]
    # A row that is stated a million times ends; so does a cell in as many columns.
    many = row(cell(1, "euro", repeated=9_999_999), 'table:number-rows-repeated="9999999"')
    assert len(cells(f"<table:table>{many}</table:table>")) == 1_000


def test_only_the_sheet_that_is_asked_for_is_searched():
    sheets = f"<table:table>{row(cell(1, 'euro'))}</table:table><table:table>{row(cell(2, 'side'))}</table:table>"
    assert (cells(sheets), cells(sheets, 1), cells(sheets, 2)) == ([(0, 1, "EUR", False)], [(0, 1, "Dr", False)], [])


def test_nothing_is_searched_where_no_style_displays_anything_else():
    formats = OdsFormats(0, "EUR")
    formats.read(iter([b"<document><office:body>", b"no XML << is read any more"]))
    assert formats.cells == []
