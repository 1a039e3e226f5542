"""The formats of an xlsx workbook: what its styles display, and the cells of a sheet that have them.

Belongs here: the XML of styles and of sheets. Does not belong here: the parts of a workbook (see `workbook_package`),
what a format displays (see `number_formats`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from itertools import chain

from finance_platform.feeds.files.displayed_units import DisplayedCell, first_counted_day
from finance_platform.feeds.files.number_formats import (
    BUILT_IN,
    Kind,
    Mark,
    foreign_marks,
    marks_of_format,
    only_of_codes,
)
from finance_platform.feeds.files.workbook_shared import column_number
from finance_platform.feeds.files.xlsx_sheet import has_plain_cells, last_element

Formats = Mapping[int, tuple[Mark, ...]]
"""What the format of cells displays, by the number of their style."""

_PREFIX = rb"(?:[\w.-]{1,60}:)?"
_CELL = re.compile(
    rb"<" + _PREFIX + rb"c\s([^<>]{0,300})>"
    rb"(?:<" + _PREFIX + rb"f\b[^<>]*(?:/>|>[^<]*</" + _PREFIX + rb"f>))?<" + _PREFIX + rb"v[^<>]{0,60}>([^<]{1,60})<"
)
_ATTRIBUTE = re.compile(rb"""\b(r|s|t)\s*=\s*["']([A-Za-z]*)([0-9]*)["']""")
_MAX_FORMATS = 1_000
_LETTERS = 26
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


def scan_cells(
    blocks: Iterable[bytes], formats: Formats, code_columns: Collection[int] = (), *, is_1904: bool = False
) -> Iterator[DisplayedCell]:
    """Yield column, row, mark and number of each cell with a number whose format displays something.

    Args:
        blocks: the XML of a sheet.
        formats: those of the workbook.
        code_columns: the columns of codes, from 0. What matters for codes alone, amounts have nearly all; so it is
            looked for in these columns.
        is_1904: whether days are counted from 1904-01-01.
    """
    first_day = first_counted_day(is_1904=is_1904)
    of_codes = _select(formats, are_of_codes=True) if code_columns else {}
    others = _select(formats, are_of_codes=False)
    if not of_codes and not others:
        return
    codes = [_plain_cell(_letters(column), of_codes) for column in sorted(code_columns if of_codes else ())]
    searches = [(of_codes, codes), (others, [_plain_cell(b"[A-Z]+", others)])]
    rest, is_last = b"", False
    for block in chain(blocks, (b"",)):
        is_last = not block
        data = rest + block
        end = len(data) if is_last else last_element(data)
        data, rest = data[:end], data[end:]
        is_plain = has_plain_cells(data)
        for selected, patterns in searches:
            if not selected:
                continue
            places = (match.start() for pattern in patterns for match in pattern.finditer(data)) if is_plain else ()
            found = filter(None, (_CELL.match(data, place) for place in places)) if is_plain else _CELL.finditer(data)
            yield from _scan(found, selected, first_day)


def _plain_cell(letters: bytes, formats: Formats) -> re.Pattern[bytes]:
    """Return a pattern of the cells of some columns with some formats, as most programs write them."""
    styles = "|".join(map(str, formats)).encode()
    return re.compile(b'<c r="' + letters + rb"""[0-9]+"[^<>]{0,100} s=["'](?:""" + styles + rb""")["']""")


def _select(formats: Formats, *, are_of_codes: bool) -> Formats:
    selected = {style: only_of_codes(marks, are_wanted=are_of_codes) for style, marks in formats.items()}
    return {style: marks for style, marks in selected.items() if marks}


def _scan(cells: Iterable[re.Match[bytes]], formats: Formats, first_day: date) -> Iterator[DisplayedCell]:
    for match in cells:
        values = {name: (letters, digits) for name, letters, digits in _ATTRIBUTE.findall(match[1])}
        style = values.get(b"s", (b"", b""))[1]
        letters, row = values.get(b"r", (b"", b""))
        kind = b"".join(values.get(b"t", (b"n",)))
        if style and letters and row and kind in {b"n", b"d"} and (marks := formats.get(int(style))):
            try:
                # A strict workbook has days as texts such as 2025-01-31; the parser reads them like the others.
                value = float(_count_days(match[2], first_day) if kind == b"d" else match[2])
            except ValueError:
                continue  # not a number, which the parser reports
            for mark in marks:
                yield DisplayedCell(column_number(letters), int(row), mark, value)


def _count_days(text: bytes, first_day: date) -> int:
    return (date.fromisoformat(text[: len("2025-01-31")].decode("ascii", "replace")) - first_day).days


def _letters(column: int) -> bytes:
    """Return the name of a column: A of 0, and AA of 26."""
    letters, number = b"", column + 1
    while number:
        number, place = divmod(number - 1, _LETTERS)
        letters = bytes([ord("A") + place]) + letters
    return letters
