"""Workbooks for tests: xlsx by XlsxWriter; ods and xls, which no library of this project writes, byte by byte.

Belongs here: making workbooks. Does not belong here: what is read from them (see `unit/feeds/test_workbook.py`).
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from xml.sax.saxutils import escape

import xlsxwriter

Rows = Sequence[Sequence[Any]]

_FREE, _END_OF_CHAIN, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_SECTOR = 512
_SMALLEST_STREAM = 4096
"""Smaller streams are kept in another way."""


_ODS_MANIFEST = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
)


class Formula(str):
    """A formula, with the value that a spreadsheet program stored: a number, a text, an error, or '' for none."""

    value: Any

    def __new__(cls, text: str, value: Any = "") -> Formula:
        formula = super().__new__(cls, text)
        formula.value = value
        return formula


def xlsx(sheets: Mapping[str, Rows], *, hidden: Sequence[str] = (), is_1904: bool = False) -> bytes:
    """Return an xlsx workbook; dates become date cells."""
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"in_memory": True, "default_date_format": "dd/mm/yyyy", "date_1904": is_1904})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        if name in hidden:
            sheet.hide()
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                if isinstance(value, Formula):
                    sheet.write_formula(number, column, f"={value}", value=value.value)
                elif isinstance(value, date):
                    sheet.write_datetime(number, column, value)
                elif isinstance(value, str):
                    sheet.write_string(number, column, value)
                elif value is not None:
                    sheet.write(number, column, value)
    book.close()
    return stream.getvalue()


def ods(sheets: Mapping[str, Rows]) -> bytes:
    """Return an ods workbook."""
    tables = "".join(
        f'<table:table table:name="{escape(name)}">'
        + "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>" for row in rows)
        + "</table:table>"
        for name, rows in sheets.items()
    )
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content '
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
        f"{tables}</office:spreadsheet></office:body></office:document-content>"
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        package.writestr("content.xml", content)
        package.writestr("META-INF/manifest.xml", _ODS_MANIFEST)
    return stream.getvalue()


def _ods_cell(value: Any) -> str:
    formula = ""
    if isinstance(value, Formula):
        formula, value = f' table:formula="of:={escape(value)}"', value.value
    if value is None or value == "":
        return f"<table:table-cell{formula}/>"
    if isinstance(value, date):
        return f'<table:table-cell{formula} office:value-type="date" office:date-value="{value.isoformat()}"/>'
    if isinstance(value, (int, float)):
        return f'<table:table-cell{formula} office:value-type="float" office:value="{value}"/>'
    error = ' calcext:value-type="error"' if formula and value.startswith("#") else ""
    text = f"<text:p>{escape(value)}</text:p>"
    return f'<table:table-cell{formula} office:value-type="string"{error}>{text}</table:table-cell>'


def xls(sheets: Mapping[str, Rows], *, is_1904: bool = False) -> bytes:
    """Return an xls workbook of texts, numbers and errors (texts that begin with `#`)."""
    return container("Workbook", xls_stream(sheets, is_1904=is_1904))


def xls_stream(sheets: Mapping[str, Rows], *, is_1904: bool = False) -> bytes:
    """Return the records of an xls workbook, which a container makes a file."""
    names = [name.encode("latin-1") for name in sheets]
    parts = [_xls_sheet(rows) for rows in sheets.values()]
    start = _record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0)) + _record(0x22, struct.pack("<H", is_1904))
    start += _record(0xE0, bytes(20)) * 16
    offset = len(start) + sum(4 + 8 + len(name) for name in names) + 4
    for name, part in zip(names, parts, strict=True):
        start += _record(0x85, struct.pack("<IBBBB", offset, 0, 0, len(name), 0) + name)
        offset += len(part)
    return start + _record(0x0A, b"") + b"".join(parts)


def _xls_sheet(rows: Rows) -> bytes:
    records = [_record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0))]
    errors = {"#NULL!": 0, "#DIV/0!": 7, "#VALUE!": 15, "#REF!": 23, "#NAME?": 29, "#NUM!": 36, "#N/A": 42}
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            place = struct.pack("<HHH", number, column, 15)
            if isinstance(value, (int, float)):
                records.append(_record(0x203, place + struct.pack("<d", value)))
            elif value in errors:
                records.append(_record(0x205, place + struct.pack("<BB", errors[value], 1)))
            elif value:
                text = value.encode("utf-16-le")
                records.append(_record(0x204, place + struct.pack("<HB", len(value), 1) + text))
    return b"".join(records) + _record(0x0A, b"")


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def container(name: str, stream: bytes) -> bytes:
    """Return an OLE file with one stream."""
    data = stream.ljust(_SMALLEST_STREAM, b"\0")
    data = data.ljust(-(-len(data) // _SECTOR) * _SECTOR, b"\0")
    count = len(data) // _SECTOR
    fat_sectors = -(-(count + 2) // (_SECTOR // 4 - 1))
    chain = [*range(fat_sectors + 2, fat_sectors + 1 + count), _END_OF_CHAIN]
    fat = [_FAT] * fat_sectors + [_END_OF_CHAIN, *chain]
    fat += [_FREE] * (fat_sectors * _SECTOR // 4 - len(fat))
    header = struct.pack(
        "<8s16sHHHHH6xIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", bytes(16), 0x3E, 3, 0xFFFE, 9, 6, 0, fat_sectors, fat_sectors, 0,
        _SMALLEST_STREAM, _END_OF_CHAIN, 0, _END_OF_CHAIN, 0,
    )  # fmt: skip
    places = [*range(fat_sectors), *[_FREE] * (109 - fat_sectors)]
    directory = _entry("Root Entry", 5, 1, _END_OF_CHAIN, 0) + _entry(name, 2, _FREE, fat_sectors + 1, len(data))
    directory = directory.ljust(_SECTOR, b"\0")
    return header + struct.pack("<109I", *places) + struct.pack(f"<{len(fat)}I", *fat) + directory + data


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    return struct.pack(
        "<64sHBBIII16sIQQIII", text, len(text), kind, 1, _FREE, _FREE, child, bytes(16), 0, 0, 0, start, size, 0
    )


def as_text(value: Any) -> str:
    """Return the text that a reader gives for a value of a cell."""
    if isinstance(value, datetime):
        return value.isoformat()
    return "" if value is None else str(value)
