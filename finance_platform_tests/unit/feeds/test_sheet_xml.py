"""The XML of an xlsx sheet as programs spell it, and of any length.

Belongs here: what is found in the XML, whatever its prefixes and quotes are. Does not belong here: the text of cells
(see `test_workbook`), what formats mean (see `test_displayed_units`).
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.feeds.files.number_formats import Kind, Mark
from finance_platform.feeds.files.xlsx_formats import scan_cells
from finance_platform.feeds.files.xlsx_sheet import XlsxSheetScan
from finance_platform_tests.unit.feeds.test_workbook import changed, tables
from finance_platform_tests.workbooks import Formula, xlsx

SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda xml: xml,
    "prefixes": lambda xml: re.sub(r"<(/?)(?=\w)", r"<\1x:", xml),
    "single quotes": lambda xml: xml.replace('"', "'"),
    "line breaks": lambda xml: xml.replace("<c ", "<c\n"),
}
PERCENTAGE, STRUCK = 3, 4
FORMATS = {PERCENTAGE: (Mark(Kind.PERCENTAGE),), STRUCK: (Mark(Kind.STRUCK),)}

formulas = st.sampled_from(
    ["", "<f>A1*2</f>", "<f>SUM(B1:B9)</f>", '<f t="shared" ref="B2:B9" si="0">B1+C1</f>', '<f t="shared" si="0"/>']
)
values = st.sampled_from(["", "<v/>", "<v></v>", "<v>0</v>", "<v>12.5</v>", "<v>#REF!</v>", '<v t="e">text :c </v>'])
types = st.sampled_from(["", ' t="n"', ' t="e"', ' t="str"'])
styles = st.sampled_from(["", ' s="0"', f' s="{PERCENTAGE}"', f' s="{STRUCK}"'])
cells = st.tuples(styles, types, formulas, values)


def blocks(xml: str, size: int) -> Iterator[bytes]:
    data = xml.encode()
    return (data[start : start + size] for start in range(0, len(data), size))


def sheet(rows: list[list[tuple[str, str, str, str]]]) -> str:
    xml = "".join(
        f'<row r="{row}">'
        + "".join(
            f'<c r="{"ABCDE"[column]}{row}"{style}{kind}>{formula}{value}</c>'
            for column, (style, kind, formula, value) in enumerate(line)
        )
        + "</row>"
        for row, line in enumerate(rows, start=1)
    )
    return f"<worksheet><sheetData>{xml}</sheetData></worksheet>"


def scanned(xml: str, size: int, *, is_stale: bool) -> tuple[object, ...]:
    scan = XlsxSheetScan(is_uncalculated=is_stale, is_stale=is_stale)
    if not scan.scan(blocks(xml, size)):
        scan = XlsxSheetScan(has_references=False, is_uncalculated=is_stale, is_stale=is_stale)
        scan.scan(blocks(xml, size))
    scan.finish()
    return scan.faulty, scan.sums, scan.stale, set(scan_cells(blocks(xml, size), FORMATS))


@given(
    st.lists(st.lists(cells, min_size=1, max_size=5), max_size=6),
    st.sampled_from(sorted(SPELLINGS)),
    st.integers(20, 400),
    st.booleans(),
)
def test_what_is_found_in_a_sheet_depends_on_no_spelling_and_no_block(
    rows: list[list[tuple[str, str, str, str]]], spelling: str, size: int, is_stale: bool
):
    xml = sheet(rows)
    whole = scanned(SPELLINGS["prefixes"](xml), 1 << 20, is_stale=is_stale)
    assert scanned(SPELLINGS[spelling](xml), size, is_stale=is_stale) == whole


LEDGER: list[list[Any]] = [
    ["Date", "Dept", "Amount"],
    [date(2025, 3, 1), "D100", Formula("1+4", 5)],
    [None, "D200", Formula("2+5")],
]
ROWS = [(2, ("2025-03-01", "D100", "5")), (3, ("", "D200", "#NO VALUE!"))]


def test_a_sheet_may_have_formatted_rows_without_a_cell_to_its_last_row():
    rows = "".join(f'<row r="{row}" spans="1:3" s="1" customFormat="1"/>' for row in range(4, 400_000)).encode()
    data = changed(xlsx({"Ledger": LEDGER}), {"xl/worksheets/sheet1.xml": end_of_rows(rows)})
    assert tables(data)[0].rows == ROWS


@pytest.mark.parametrize("prefix", [b"", b"x:"])
def test_a_large_sheet_is_read_whatever_the_prefix_of_its_elements(prefix: bytes):
    row = b'<row r="%d"><c r="A%d" t="str"><v>' + b"a" * 400 + b"</v></c></row>"
    rows = b"".join(row % (number, number) for number in range(4, 45_000))

    def rewrite(xml: bytes) -> bytes:
        xml = end_of_rows(rows)(xml)
        return re.sub(rb"<(/?)(?=\w)", rb"<\1" + prefix, xml).replace(b" xmlns=", b" xmlns:x=") if prefix else xml

    data = changed(xlsx({"Ledger": LEDGER}), {"xl/worksheets/sheet1.xml": rewrite})
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        assert package.getinfo("xl/worksheets/sheet1.xml").file_size > 16 << 20
    read = tables(data)[0].rows
    assert (read[:2], len(read)) == (ROWS, 44_998)


def end_of_rows(rows: bytes) -> Callable[[bytes], bytes]:
    return lambda xml: xml.replace(b"</sheetData>", rows + b"</sheetData>")
