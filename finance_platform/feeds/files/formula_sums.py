"""Formulas of a sheet that only add up cells of the same sheet: a total, wherever it is and whatever it is called.

Belongs here: reading such a formula, and finding those in the XML of an xlsx sheet. Does not belong here: which of the
cells are lines (see `doubts.summed_lines`), the content of ods (see `ods_content`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from finance_platform.feeds.files.workbook_shared import column_number

_PREFIX = rb"(?:[\w.-]{1,60}:)?"
_FORMULA = rb"f(?:\s[^<>]*)?>(=?(?:[A-Z0-9$:,;+() ]{5,500}|SUMIFS?\([^<>]{5,400}))</"
_CELL = re.compile(
    b"<" + _PREFIX + rb"""c\s+r\s*=\s*["']([A-Z]{1,3})([0-9]{1,7})["'][^<>]*>\s*<"""
    + _PREFIX + _FORMULA
)  # fmt: skip
_PLAIN_FORMULA = re.compile(b"<" + _FORMULA)
_CELLS = r"[A-Z]{1,3}[0-9]{1,7}(?::[A-Z]{1,3}[0-9]{1,7})?"
_TERM = rf"(?:SUM\((?:{_CELLS})(?:[,;]{_CELLS})*\)|SUBTOTAL\((?:10)?9[,;]{_CELLS}\)|[A-Z]{{1,3}}[0-9]{{1,7}})"
_SUM = re.compile(rf"(?:ROUND\()?\(?({_TERM}(?:\+{_TERM})*)\)?(?:[,;][0-9]\))?")
_CHOICE = rf'(?:{_CELLS}|"[^"!]{{0,60}}"|[0-9.]{{1,20}})'
_SUM_OF_SOME = re.compile(
    rf"SUMIF\({_CELLS}[,;]{_CHOICE}[,;](?P<last>{_CELLS})\)"
    rf"|SUMIFS\((?P<first>{_CELLS})(?:[,;]{_CELLS}[,;]{_CHOICE}){{1,9}}\)"
)
"""A sum of the cells in a range beside which others meet a condition."""

_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})(?::([A-Z]{1,3})([0-9]{1,7}))?")
_OF_ODS = re.compile(r"^(?:of:|oooc:)?=|\[\.|(?<=:)\.|\]")
_MAX_TEXT, MAX_SUMS = 500, 20_000
_QUOTES = {"&quot;": '"'}


class Area(NamedTuple):
    """A rectangle of cells; rows are counted from 1, columns from 0."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int

    def meets(self, row: int, column: int) -> bool:
        """Return whether a cell is in a row or in a column of the area, as a total is in that of what it adds up."""
        return self.first_row <= row <= self.last_row or self.first_column <= column <= self.last_column

    @property
    def size(self) -> int:
        """The number of its cells."""
        return (self.last_row - self.first_row + 1) * (self.last_column - self.first_column + 1)


class FormulaSum(NamedTuple):
    """A formula that adds up cells of its sheet.

    Attributes:
        text: the formula.
        areas: the cells.
        is_of_some: whether a condition chooses among them.
    """

    text: str
    areas: tuple[Area, ...]
    is_of_some: bool = False


FormulaSums = dict[tuple[int, int], FormulaSum]
"""By row from 1 and column from 0 of the cell with the formula."""


def read_sum(formula: str) -> FormulaSum | None:
    """Return the cells that a formula adds up; None if it does something else, or copies one cell."""
    if len(formula) > _MAX_TEXT:
        return None
    text = formula.replace("$", "").replace(" ", "")
    if "=" in text:
        text = _OF_ODS.sub("", text)
    if chosen := _SUM_OF_SOME.fullmatch(text):
        reference = _REFERENCE.fullmatch(chosen["last"] or chosen["first"])
        return FormulaSum(text, (_area(reference),), is_of_some=True) if reference else None
    match = _SUM.fullmatch(text)
    if not match:
        return None
    areas = tuple(map(_area, _REFERENCE.finditer(match[1])))
    return None if len(areas) == 1 and "(" not in match[1] else FormulaSum(text, areas)


def add_sums(data: bytes, sums: FormulaSums, *, is_plain: bool = False) -> None:
    """Add the sums of a part of the XML of an xlsx sheet.

    Of formulas that a range of cells shares, the first cell alone has the text; it shows what the others are.

    Args:
        data: the XML.
        sums: gets the sums.
        is_plain: whether each cell begins with `<c r="`, so that formulas are found before their cells.
    """
    # It imports clients of HTTP and mail with it, and most files are no workbooks.
    from xml.sax.saxutils import unescape

    for match in _plain_cells(data) if is_plain else _CELL.finditer(data):
        if len(sums) >= MAX_SUMS:
            return
        # A byte that is not UTF-8 is the parser's to report.
        if found := read_sum(unescape(match[3].decode(errors="replace"), _QUOTES)):
            sums[int(match[2]), column_number(match[1])] = found


def _plain_cells(data: bytes) -> Iterator[re.Match[bytes]]:
    starts = (data.rfind(b"<c ", 0, formula.start()) for formula in _PLAIN_FORMULA.finditer(data))
    return filter(None, (_CELL.match(data, start) for start in starts if start >= 0))


def _area(match: re.Match[str]) -> Area:
    row, column = int(match[2]), column_number(match[1].encode())
    if not match[3]:
        return Area(row, column, row, column)
    other_row, other = int(match[4]), column_number(match[3].encode())
    return Area(min(row, other_row), min(column, other), max(row, other_row), max(column, other))
