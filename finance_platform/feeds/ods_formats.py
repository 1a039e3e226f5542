"""Currencies and sides that the formats of an ods workbook display beside numbers.

Belongs here: its styles, and the cells that have them. Does not belong here: what a format displays, and the doubt in a
ledger (see `displayed_units`), the parts of a workbook (see `workbook_package`).

A cell, its row or its column names a style, a style names the format of its numbers or a parent that does, and a format
may name another one for numbers that are not negative.
"""

from __future__ import annotations

from typing import NamedTuple

from finance_platform.feeds.currencies import is_currency
from finance_platform.feeds.displayed_units import displayed_words

_NUMBERS = frozenset({"float", "currency"})
_TEXTS = frozenset({"text", "currency-symbol"})
_MAX_STYLES = 10_000
_MAX_PARENTS = 10
_MAX_COLUMNS = 1_000
"""Columns of equal cells that are looked at one by one; more are no amounts."""


class _Style(NamedTuple):
    format: str
    parent: str


class OdsFormats:
    """Finds the cells of one sheet whose format displays another currency than the home's, or a side.

    `start`, `end` and `text` take the events of a parser, of the part with the styles first.

    Attributes:
        cells: column, row and text of each, and if its number is negative.
        is_done: whether what follows has no such cell.
    """

    def __init__(self, number: int, currency: str) -> None:
        """Begin.

        Args:
            number: of the sheet, from 0.
            currency: the home's.
        """
        self.cells: list[tuple[int, int, str, bool]] = []
        self.is_done = False
        self._number, self._currency = number, currency
        self._texts: dict[str, str] = {}
        self._positive: dict[str, str] = {}
        self._styles: dict[str, _Style] = {}
        self._displayed: dict[str, str] = {}
        self._format, self._is_text = "", False
        self._table = self._row = -1
        self._column, self._row_repeats = 0, 1
        self._of_row = ""
        self._of_columns: list[tuple[int, str]] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take the begin of an element."""
        values = {key.rpartition(":")[2]: value for key, value in attributes.items()}
        prefix, _, name = tag.rpartition(":")
        if prefix == "number":
            self._begin_format(name, values)
        elif name == "map" and self._format and values.get("condition", "").startswith("value()>"):
            self._positive[self._format] = values.get("apply-style-name", "")
        elif name == "style" and values.get("family") == "table-cell" and len(self._styles) < _MAX_STYLES:
            style = _Style(values.get("data-style-name", ""), values.get("parent-style-name", ""))
            self._styles[values.get("name", "")] = style
        elif tag == "office:body":
            self.is_done = not any(map(self._display, self._styles))
        elif prefix == "table":
            self._begin_of_table(name, values)

    def end(self, tag: str) -> None:
        """Take the end of an element."""
        prefix, _, name = tag.rpartition(":")
        if prefix == "number":
            self._is_text = False
            if name.endswith("-style"):
                self._format = ""
        elif prefix == "table" and name == "table-row":
            self._row += self._row_repeats

    def text(self, text: str) -> None:
        """Take text between elements."""
        if self._is_text:
            self._texts[self._format] += text

    def _begin_format(self, name: str, values: dict[str, str]) -> None:
        if name.endswith("-style"):
            self._format = values.get("name", "") if len(self._texts) < _MAX_STYLES else ""
            self._texts.setdefault(self._format, "")
        self._is_text = bool(self._format) and name in _TEXTS

    def _begin_of_table(self, name: str, values: dict[str, str]) -> None:
        if name == "table":
            self._table, self._row, self._of_columns = self._table + 1, 1, []
            self.is_done = self._table > self._number
        elif self._table != self._number:
            return
        elif name == "table-column":
            self._of_columns.append((_repeats(values, "columns"), values.get("default-cell-style-name", "")))
        elif name == "table-row":
            self._column, self._row_repeats = 0, _repeats(values, "rows")
            self._of_row = values.get("default-cell-style-name", "")
        elif name in {"table-cell", "covered-table-cell"}:
            count = _repeats(values, "columns")
            if values.get("value-type") in _NUMBERS:
                self._add(values, min(count, _MAX_COLUMNS))
            self._column += count

    def _add(self, values: dict[str, str], count: int) -> None:
        is_negative = values.get("value", "").startswith("-")
        for column in range(self._column, self._column + count):
            if text := self._display(values.get("style-name") or self._of_row or self._of_column(column)):
                self.cells.append((column, self._row, text, is_negative))

    def _of_column(self, column: int) -> str:
        for count, style in self._of_columns:
            column -= count
            if column < 0:
                return style
        return ""

    def _display(self, style: str) -> str:
        """Return what a style displays beside a positive number; empty if nothing, or the home's currency."""
        if style not in self._displayed:
            name, found = style, _Style("", "")
            for _ in range(_MAX_PARENTS):
                found = self._styles.get(name, _Style("", ""))
                if found.format or not found.parent:
                    break
                name = found.parent
            text = displayed_words(self._texts.get(self._positive.get(found.format, found.format), ""))
            self._displayed[style] = "" if is_currency(text, self._currency) else text
        return self._displayed[style]


def _repeats(values: dict[str, str], what: str) -> int:
    written = values.get(f"number-{what}-repeated", "1")
    return int(written) if written.isascii() and written.isdigit() and len(written) < len("10000000") else 1
