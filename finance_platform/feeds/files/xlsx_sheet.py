"""The XML of one sheet of an xlsx workbook: cells without a value, formulas that may be out of date, hidden rows.

Belongs here: what the parser does not report, found in one pass over the bytes. Does not belong here: formats of cells
(see `xlsx_formats`), the parts of a workbook (see `workbook_parts`).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping

from finance_platform.feeds.files.displayed_units import DisplayedCell
from finance_platform.feeds.files.formula_sums import FormulaSums, add_sums
from finance_platform.feeds.files.number_formats import Kind, Mark
from finance_platform.feeds.files.workbook_shared import FaultyCells, check_faulty_count, column_number, damaged
from finance_platform.feeds.findings import NO_VALUE
from finance_platform.feeds.limits import MAX_COLUMNS, MAX_FAULTY_CELLS, MAX_WORKBOOK_PARTS_BYTES
from finance_platform.feeds.violations import UNKNOWN_ERROR

_ELEMENT = re.compile(rb"<(?:[\w.-]{1,60}:)?(row|c)(?=[\s/>])")
_REFERENCE = re.compile(rb"""\sr\s*=\s*["'](?:([A-Z]{1,3}))?([0-9]{1,7})["']""")
_ROW = re.compile(rb"<(?:[\w.-]{1,60}:)?row\s([^<>]{0,1000})>")
_VALUES = re.compile(rb"""(?<![\w:.])(r|min|max|hidden|outlineLevel)\s*=\s*["']([0-9]{1,7}|true)["']""")
_COLUMNS = re.compile(rb"<(?:[\w.-]{1,60}:)?col\s([^<>]{0,1000})>")
_TRUE_BYTES = {b"1", b"true"}
_TYPE = re.compile(rb"""\st\s*=\s*["'](\w+)["']""")
_FORMULA = re.compile(rb"<(?:[\w.-]{1,60}:)?f[\s/>]")
_VALUE = re.compile(rb"<(?:[\w.-]{1,60}:)?v(?:\s[^>]{0,99})?>([^<]+)<")
_ZERO = re.compile(rb"0(?:\.0)?")
"""What libraries that cannot calculate store: XlsxWriter 0, and Apache POI 0.0."""
_FAULTY = (b"<f", b":f", b't="e"', b"t='e'")
_ERRORS = _FAULTY[2:]
_PLAIN_FORMULA = re.compile(rb"<f[\s/>]")
_PLAIN_ERROR = re.compile(rb"""t=["']e["']""")
_PREFIXED = re.compile(rb":c[\s/>]")
_WINDOW_BYTES = 1 << 14


class XlsxSheetScan:
    """Finds the cells without a value in the XML of one sheet of an xlsx workbook.

    Attributes:
        faulty: cells that are errors, or formulas without a value.
        hidden: rows that are hidden or filtered out and in no group.
        hidden_columns: columns that are hidden and in no group, from 0.
        sums: formulas that only add up cells.
        stale: formulas whose stored value may be out of date.
    """

    def __init__(
        self,
        *,
        has_references: bool = True,
        is_uncalculated: bool = False,
        is_stale: bool = False,
        has_given_values: bool = False,
    ) -> None:
        """Begin a sheet.

        Args:
            has_references: whether each cell states its place; else every cell is counted.
            is_uncalculated: whether the workbook asks to be calculated when it is opened.
            is_stale: whether stored values of formulas may be out of date.
            has_given_values: whether only 0 may be, because a program has given the library each other value.
        """
        self.faulty: FaultyCells = {}
        self.hidden: set[int] = set()
        self.hidden_columns: set[int] = set()
        self.sums: FormulaSums = {}
        self.stale: list[DisplayedCell] = []
        self._has_references, self._is_uncalculated, self._is_stale = has_references, is_uncalculated, is_stale
        self._has_given_values = has_given_values
        self._zeros: list[tuple[int, int]] = []
        self._has_results = False
        self._row, self._column, self._count = 0, -1, 0

    def scan(self, blocks: Iterator[bytes]) -> bool:
        """Scan the sheet; return False, at once, if a cell does not state its place although all were said to."""
        rest, is_first = b"", True
        for block in blocks:
            data = rest + block
            if is_first and not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
                raise damaged("a sheet is not UTF-8 text")
            is_first = False
            if _has_no_more_cells(data):
                is_scanned = self._add(data)
                deque(blocks, maxlen=0)  # what follows is counted, but may be long and has no cells
                return is_scanned
            end = last_element(data)
            data, rest = data[:end], data[end:]
            if len(rest) > MAX_WORKBOOK_PARTS_BYTES:
                raise damaged("a cell is too long")
            if not self._add(data):
                return False
        return self._add(rest)

    def finish(self) -> None:
        """Add the formulas that seem to have no value.

        Libraries that cannot calculate store 0 for each formula, and have the workbook calculated when it is opened.
        """
        if self._is_uncalculated and not self._has_results:
            for row, column in self._zeros:
                self._row, self._column = row, column
                self._note(NO_VALUE)
            self.stale = []

    def _add(self, data: bytes) -> bool:
        if b"hidden=" in data:
            self._add_hidden(data)
        if self._has_references:
            if data.count(b"<c ") != data.count(b'<c r="') or b"<c>" in data:
                return False
            if not any(mark in data for mark in _FAULTY):
                return True
        is_plain = self._has_references and has_plain_cells(data)
        if b"<f" in data or b":f" in data:
            add_sums(data, self.sums, is_plain=is_plain)
        if is_plain:
            for cell in () if not self._is_stale and _has_all_values(data) else _cells_to_search(data):
                self._add_element(False, cell)
            return True
        starts = list(_ELEMENT.finditer(data))
        ends = [start.start() for start in starts[1:]] + [len(data)]
        for match, end in zip(starts, ends, strict=False):  # a part before the first row has no start
            self._add_element(match[1] == b"row", data[match.start() : end])
        return True

    def _add_hidden(self, data: bytes) -> None:
        """Add the rows and columns that are hidden; those of a group that is folded have an outline level above 0."""
        for row in _ROW.finditer(data):
            values = dict(_VALUES.findall(row[1]))
            place = values.get(b"r", b"")
            if _is_hidden(values) and place.isdigit():
                self.hidden.add(int(place))
        for columns in _COLUMNS.finditer(data):
            values = dict(_VALUES.findall(columns[1]))
            first, last = (values.get(name, b"") for name in (b"min", b"max"))
            if _is_hidden(values) and first.isdigit() and last.isdigit():
                self.hidden_columns.update(range(int(first) - 1, min(int(last), MAX_COLUMNS)))

    def _add_element(self, is_row: bool, text: bytes) -> None:
        tag, _, content = text.partition(b">")
        reference = _REFERENCE.search(tag)
        if is_row:
            self._row, self._column = int(reference[2]) if reference else self._row + 1, -1
            return
        self._column += 1
        if reference and reference[1]:
            self._row, self._column = int(reference[2]), column_number(reference[1])
        kind = _TYPE.search(tag)
        value = _VALUE.search(content)
        if kind and kind[1] == b"e":
            self._note(value[1].decode("utf-8", "replace").strip() if value else UNKNOWN_ERROR)
        elif (value is None or self._is_stale) and _FORMULA.search(content):
            self._add_formula(kind[1] if kind else b"n", value[1].strip() if value else None)

    def _add_formula(self, kind: bytes, value: bytes | None) -> None:
        if value is None:
            if kind not in {b"str", b"s", b"inlineStr"}:
                self._note(NO_VALUE)
            return
        is_zero = kind == b"n" and bool(_ZERO.fullmatch(value))
        if self._is_uncalculated and is_zero:
            self._zeros.append((self._row, self._column))
        else:
            self._has_results = True
        may_be_stale = kind == b"n" and (is_zero or not self._has_given_values)
        if may_be_stale and len(self.stale) < MAX_FAULTY_CELLS:
            self.stale.append(DisplayedCell(self._column, self._row, Mark(Kind.STALE), 0))

    def _note(self, text: str) -> None:
        self._count += 1
        check_faulty_count(self._count, self._row)
        self.faulty.setdefault(self._row, {})[self._column] = text[:60]


def last_element(data: bytes) -> int:
    """Return where the last row or cell of a part of the XML begins; 0 without one."""
    size = _WINDOW_BYTES
    while True:
        places = [match.start() for match in _ELEMENT.finditer(data, max(0, len(data) - size))]
        if places or size >= len(data):
            return places[-1] if places else 0
        size *= 4


def has_plain_cells(data: bytes) -> bool:
    """Return whether each cell of a part of the XML begins with `<c r="`, as those of most programs do."""
    return data.count(b"<c") == data.count(b'<c r="') and _PREFIXED.search(data) is None


def _has_all_values(data: bytes) -> bool:
    """Return whether plain cells have a value after each formula, and none is an error; False if that is uncertain."""
    if b"<v></v>" in data or any(mark in data for mark in _ERRORS):
        return False
    return data.count(b"</f><v>") + data.count(b"/><v>") == len(_PLAIN_FORMULA.findall(data))


def _cells_to_search(data: bytes) -> Iterator[bytes]:
    """Yield the plain cells that have a formula, or may be an error."""
    marks = [_PLAIN_FORMULA, *([_PLAIN_ERROR] if any(mark in data for mark in _ERRORS) else [])]
    starts = {data.rfind(b"<c ", 0, match.start()) for mark in marks for match in mark.finditer(data)}
    for start in sorted(starts - {-1}):
        end = data.find(b"<c ", start + 1)
        yield data[start : end if end > 0 else len(data)]


def _is_hidden(values: Mapping[bytes, bytes]) -> bool:
    return values.get(b"hidden") in _TRUE_BYTES and values.get(b"outlineLevel", b"0") == b"0"


def _has_no_more_cells(data: bytes) -> bool:
    end = data.rfind(b"sheetData>")
    return end > 0 and data[data.rfind(b"<", 0, end) :].startswith(b"</")
