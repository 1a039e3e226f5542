"""Sheets that a feed does not read although they have the header of those that it reads.

Belongs here: comparing headers, and the note; whether a sheet has anything at all. Does not belong here: which sheets
are read, and sheets that are called like those (see `sheet_choice`), sheets with the same lines (see
`doubts.repeated_sheets`).

A workbook has a sheet for each region, and a region is added. A feed that reads one sheet alone has chosen it among
others of the same form, such as the last version of a plan, so nothing is compared then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice

from finance_platform.feeds.files.workbook_package import WorkbookPackage
from finance_platform.feeds.files.workbook_process import WorkbookProcess
from finance_platform.feeds.files.xls_records import XlsRecords
from finance_platform.feeds.findings import Note
from finance_platform.feeds.resolved import Dialect
from finance_platform.feeds.values.codes import fold

_MAX_SHEETS = 50
_MAX_BLOCKS = 4
"""Of the XML of a sheet, in which its header is looked for."""

_LEAST_COLUMNS = 3
_ROW = rb"""<(?:[\w.-]{1,60}:)?row\s[^<>]{0,1000}?\br\s*=\s*["']%d["'][^<>]{0,1000}>"""
_ROW_END = re.compile(rb"</(?:[\w.-]{1,60}:)?row\s*>")
_CELL = re.compile(rb"<(?:[\w.-]{1,60}:)?c(\s[^<>]*)>")
_ATTRIBUTE = re.compile(rb"""\s(r|t)\s*=\s*["']([A-Za-z]{1,10})""")
_VALUE = re.compile(rb"<(?:[\w.-]{1,60}:)?[vt][\s>]")
_CONTENT = re.compile(rb"<(?:[\w.-]{1,60}:)?(?:v|f|is)[\s/>]")
"""A value, a formula or a text of a cell."""

_SHEET_END = re.compile(rb"</(?:[\w.-]{1,60}:)?worksheet\s*>")
_TAG = re.compile(rb"<[^<>]*>")
_FIX = "name it in sheet: in the descriptor if its rows belong to the feed"

Header = frozenset[tuple[bytes | int, str]]
"""Column and text of each cell; of xlsx, the number of the text in the workbook, which is the same for equal texts."""


def note_unread_headers(
    process: WorkbookProcess,
    contents: WorkbookPackage | XlsRecords,
    dialect: Dialect,
    numbers: Sequence[int],
    named: Iterable[str],
) -> dict[str, Note]:
    """Return a note about visible sheets with rows and the header of a sheet that is read, which are not read.

    Args:
        process: that of the workbook.
        contents: what the parser does not report.
        dialect: of the feed.
        numbers: the sheets that are read, from 0.
        named: what is said about sheets already; those in it are left out.
    """
    sheets = process.sheets
    others = [
        number
        for number, sheet in enumerate(sheets)
        if number not in numbers
        and sheet.is_visible
        and sheet.has_cells
        and not any(repr(sheet.name) in text for text in named)
    ]
    if len(numbers) < 2 or dialect.names or not others:
        return {}
    read: dict[Header, str] = {}
    for number in islice(numbers, _MAX_SHEETS):
        header, _ = _read_header(process, contents, number, dialect.header_row)
        read.setdefault(header, sheets[number].name)
    notes = {}
    for number in islice(others, _MAX_SHEETS):
        header, has_rows = _read_header(process, contents, number, dialect.header_row)
        if len(header) >= _LEAST_COLUMNS and has_rows and header in read:
            text = (
                f"the sheet {sheets[number].name!r} has the header of {read[header]!r}, which is read, and is not read"
            )
            notes[text] = Note(1, _FIX)
    return notes


def is_blank(process: WorkbookProcess, contents: WorkbookPackage | XlsRecords, number: int) -> bool:
    """Return whether a sheet has no cell with a text, such as one that the program adds to each new workbook.

    A sheet of xlsx that only begins without one is not searched to its end, and counts as one that has some.
    """
    if isinstance(contents, WorkbookPackage) and (start := contents.sheet_start(number, _MAX_BLOCKS)) is not None:
        return _CONTENT.search(start) is None and _SHEET_END.search(start) is not None
    _, batches = process.open_sheet(number)
    return not any(text for columns in batches for column in columns for text in column)


def _read_header(
    process: WorkbookProcess, contents: WorkbookPackage | XlsRecords, number: int, row: int
) -> tuple[Header, bool]:
    """Return the cells of a header, and whether the sheet has rows below it."""
    if isinstance(contents, WorkbookPackage) and (start := contents.sheet_start(number, _MAX_BLOCKS)) is not None:
        return _header_of_xml(start, row)
    # The parser has every sheet of xls and ods once it has opened the workbook.
    area, batches = process.open_sheet(number)
    columns = next(batches, [])
    offset = row - area.first_row
    if not columns or not 0 <= offset < len(columns[0]):
        return frozenset(), False
    texts = [fold(column[offset]) for column in columns]
    cells = frozenset((area.first_column + place, text) for place, text in enumerate(texts) if text)
    return cells, _has_texts(columns, offset + 1)


def _has_texts(columns: Sequence[Sequence[str]], first: int) -> bool:
    return any(text for column in columns for text in column[first:])


def _header_of_xml(data: bytes, row: int) -> tuple[Header, bool]:
    begin = re.search(_ROW % row, data)
    end = _ROW_END.search(data, begin.end()) if begin else None
    if begin is None or end is None or begin[0].endswith(b"/>"):
        return frozenset(), False
    starts = list(_CELL.finditer(data, begin.end(), end.start()))
    bounds = [*(start.start() for start in starts), end.start()]
    cells = set()
    for start, last in zip(starts, bounds[1:], strict=True):
        attributes = dict(_ATTRIBUTE.findall(start[1]))
        if text := _TAG.sub(b"", data[start.end() : last]).strip():
            kind = attributes.get(b"t", b"n").decode()
            cells.add((attributes.get(b"r", b""), f"{kind} {text.decode('utf-8', 'replace')}"))
    return frozenset(cells), bool(_VALUE.search(data, end.end()))
