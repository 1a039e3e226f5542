"""The formats of an xlsx workbook: what its styles display, and the cells of a sheet that have them.

Belongs here: the XML of styles and of sheets. Does not belong here: the parts of a workbook (see `workbook_package`),
what a format displays (see `number_formats`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from finance_platform.feeds.files.displayed_units import DisplayedCell
from finance_platform.feeds.files.number_formats import BUILT_IN, Kind, Mark, foreign_marks, marks_of_format

Formats = Mapping[int, tuple[Mark, ...]]
"""What the format of cells displays, by the number of their style."""

_PREFIX = rb"(?:[\w.-]{1,60}:)?"
_CELL = re.compile(
    rb"<" + _PREFIX + rb"c\s([^<>]{0,300})>"
    rb"(?:<" + _PREFIX + rb"f\b[^<>]*(?:/>|>[^<]*</" + _PREFIX + rb"f>))?<" + _PREFIX + rb"v[^<>]{0,60}>([^<]{1,60})<"
)
_ATTRIBUTE = re.compile(rb"""\b(r|s|t)\s*=\s*["']([A-Za-z]*)([0-9]*)["']""")
_MAX_FORMATS = 1_000
_FALSE = {"0", "false", "off"}
_SECTIONS = {"fonts", "cellXfs", "cellStyles", "dxfs", "tableStyles", "cellStyleXfs", "fills", "borders"}


def read_formats(elements: Iterable[tuple[str, Mapping[str, str]]]) -> Formats:
    """Return what the styles of a workbook display.

    Args:
        elements: those of its part `styles.xml`, in their order.
    """
    codes = {number: marks_of_format(code) for number, code in BUILT_IN.items()}
    struck: set[str] = set()
    styles: dict[int, tuple[Mark, ...]] = {}
    section, number = "", -1
    for name, attributes in elements:
        if name in _SECTIONS:
            section, number = name, -1
        elif name == "numFmt" and len(codes) < _MAX_FORMATS:
            codes[attributes.get("numFmtId", "")] = marks_of_format(attributes.get("formatCode", ""))
        elif (section, name) in {("fonts", "font"), ("cellXfs", "xf")}:
            number += 1
            if name == "xf":
                marks = codes.get(attributes.get("numFmtId", ""), ())
                is_struck = attributes.get("fontId", "") in struck
                if marks := (*marks, *((Mark(Kind.STRUCK),) if is_struck else ())):
                    styles[number] = marks
        elif (section, name) == ("fonts", "strike") and attributes.get("val", "1").lower() not in _FALSE:
            struck.add(str(number))
    return styles


def foreign_formats(formats: Formats, currency: str) -> Formats:
    """Return the formats without what is of the home's currency, so that most sheets need no search."""
    foreign = {style: foreign_marks(marks, currency) for style, marks in formats.items()}
    return {style: marks for style, marks in foreign.items() if marks}


def scan_cells(blocks: Iterable[bytes], formats: Formats) -> Iterator[DisplayedCell]:
    """Yield column, row, mark and number of each cell with a number whose format displays something.

    Args:
        blocks: the XML of a sheet.
        formats: those of the workbook.
    """
    rest = b""
    for block in blocks:
        data = rest + block
        end = max(0, data.rfind(b"<c"))
        rest = data[end:]
        yield from _scan(data[:end], formats)
    yield from _scan(rest, formats)


def _scan(data: bytes, formats: Formats) -> Iterator[DisplayedCell]:
    for match in _CELL.finditer(data):
        values = {name: (letters, digits) for name, letters, digits in _ATTRIBUTE.findall(match[1])}
        style = values.get(b"s", (b"", b""))[1]
        letters, row = values.get(b"r", (b"", b""))
        is_number = b"".join(values.get(b"t", (b"n",))) == b"n"
        if style and letters and row and is_number and (marks := formats.get(int(style))):
            try:
                value = float(match[2])
            except ValueError:
                continue  # not a number, which the parser reports
            for mark in marks:
                yield DisplayedCell(_position(letters), int(row), mark, value)


def _position(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number - 1
