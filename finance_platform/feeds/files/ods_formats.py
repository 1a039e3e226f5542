"""What the formats of an ods workbook display: currencies, sides, signs, units, lines that are struck through.

Belongs here: its styles, and the cells that have them. Does not belong here: what a format displays (see
`number_formats`), the doubt in a ledger (see `displayed_units`), the parts of a workbook (see `workbook_package`).

A cell, its row or its column names a style, a style names the format of its numbers or a parent that does, and a format
may name another one for numbers that are not negative. Each format is made into a code such as xlsx has.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Literal, NamedTuple

from finance_platform.feeds.files.displayed_units import DisplayedCell
from finance_platform.feeds.files.number_formats import ALL_DECIMALS, Kind, Mark, foreign_marks, marks_of_format
from finance_platform.feeds.files.workbook_parts import make_parser

_NUMBERS = frozenset({"float", "currency", "percentage"})
_PARTS_OF_DAYS = {"day": "d", "month": "m"}
_FIRST_DAY = date(1899, 12, 30)
_TEXTS = frozenset({"text", "currency-symbol"})
_CELLS = frozenset({"table:table-cell", "table:covered-table-cell"})
_PLACES = frozenset({"table:table", "table:table-column", "table:table-row"})
_DEFAULT_STYLE = "table:default-cell-style-name"
_REPEATS = {what: f"table:number-{what}-repeated" for what in ("rows", "columns")}
_MAX_STYLES = 10_000
_MAX_PARENTS = 10
_MAX_ZEROS = 20
_MAX_COLUMNS = 1_000
"""Columns of equal cells that are looked at one by one; more are no amounts."""


class _Style(NamedTuple):
    format: str
    parent: str


class OdsFormats:
    """Finds the cells of one sheet whose format displays something that the numbers lack.

    Attributes:
        cells: those with a number and such a format.
    """

    def __init__(self, number: int, currency: str) -> None:
        """Begin.

        Args:
            number: of the sheet, from 0.
            currency: the home's.
        """
        self.cells: list[DisplayedCell] = []
        self._is_done = False
        self._number, self._currency, self._text = number, currency, ""
        self._codes: dict[str, str] = {}
        self._positive: dict[str, str] = {}
        self._negative: dict[str, str] = {}
        self._styles: dict[str, _Style] = {}
        self._struck: set[str] = set()
        self._displayed: dict[str, tuple[Mark, ...]] = {}
        self._format, self._style, self._is_text, self._is_percentage = "", "", False, False
        self._is_day = False
        self._table = self._row = -1
        self._column = self._row_repeats = 0
        self._of_row = ""
        self._of_columns: list[tuple[int, str]] = []

    def read(self, blocks: Iterable[bytes]) -> None:
        """Take the XML of a part, of that with the styles first.

        Raises:
            expat.ExpatError: it is not XML.
        """
        self._parser = make_parser(self._start, self._end)
        self._parser.CharacterDataHandler = self._take_text
        for block in blocks:
            self._parser.Parse(block)
            if self._is_done:
                break

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        values = {key.rpartition(":")[2]: value for key, value in attributes.items()}
        prefix, _, name = tag.rpartition(":")
        if prefix == "number":
            self._begin_format(name, values)
        elif name == "map" and self._format:
            signs = {"value()>": self._positive, "value()<": self._negative}.get(values.get("condition", "")[:8])
            if signs is not None:
                signs[self._format] = values.get("apply-style-name", "")
        elif name == "text-properties":
            self._begin_text_properties(values)
        elif name == "style":
            self._style = ""
            if values.get("family") == "table-cell" and len(self._styles) < _MAX_STYLES:
                self._style = values.get("name", "")
                self._styles[self._style] = _Style(
                    values.get("data-style-name", ""), values.get("parent-style-name", "")
                )
        elif tag == "office:body":
            self._is_done = not any(map(self._display, self._styles))
            # Most of a workbook are cells and their texts.
            self._parser.StartElementHandler = self._start_in_body
            self._parser.EndElementHandler = self._parser.CharacterDataHandler = None

    def _start_in_body(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in _CELLS:
            if self._table == self._number:
                self._add_cell(attributes)
        elif tag in _PLACES:
            self._begin_of_table(tag, attributes)

    def _end(self, tag: str) -> None:
        prefix, _, name = tag.rpartition(":")
        if prefix == "number":
            self._end_text()
            if name.endswith("-style"):
                self._format = ""
        elif name == "style":
            self._style = ""

    def _take_text(self, text: str) -> None:
        if self._is_text:
            self._text += text

    def _begin_format(self, name: str, values: dict[str, str]) -> None:
        if name.endswith("-style"):
            self._format = values.get("name", "") if len(self._codes) < _MAX_STYLES else ""
            self._codes.setdefault(self._format, "")
            self._is_percentage, self._is_day = name == "percentage-style", name == "date-style"
        elif name == "number" and self._format:
            self._codes[self._format] += _digits(values)
        elif name == "scientific-number" and self._format:
            self._codes[self._format] += "0E+00"
        elif self._is_day and self._format and name != "date-style":
            self._codes[self._format] += _PARTS_OF_DAYS.get(name, "" if name == "text" else "y")
        self._is_text, self._text = bool(self._format) and name in _TEXTS, ""

    def _end_text(self) -> None:
        if self._is_text:
            text = self._text.replace('"', "")
            self._codes[self._format] += "%" if self._is_percentage and "%" in text else f'"{text}"'
        self._is_text = False

    def _begin_text_properties(self, values: dict[str, str]) -> None:
        if self._format and "color" in values:
            self._codes[self._format] += "[Red]"
        elif self._style and values.get("text-line-through-style", "none") != "none":
            self._struck.add(self._style)

    def _begin_of_table(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "table:table":
            self._table, self._row, self._row_repeats, self._of_columns = self._table + 1, 1, 0, []
            self._is_done = self._table > self._number
        elif self._table != self._number:
            return
        elif tag == "table:table-column":
            self._of_columns.append((_repeats(attributes, "columns"), attributes.get(_DEFAULT_STYLE, "")))
        else:
            self._row += self._row_repeats
            self._column, self._row_repeats = 0, _repeats(attributes, "rows")
            self._of_row = attributes.get(_DEFAULT_STYLE, "")

    def _add_cell(self, attributes: dict[str, str]) -> None:
        count = _repeats(attributes, "columns") if _REPEATS["columns"] in attributes else 1
        kind = attributes.get("office:value-type")
        if kind in _NUMBERS:
            self._add(attributes, attributes.get("office:value", ""), min(count, _MAX_COLUMNS))
        elif kind == "date":
            self._add(attributes, _serial(attributes.get("office:date-value", "")), min(count, _MAX_COLUMNS))
        self._column += count

    def _add(self, attributes: dict[str, str], text: str, count: int) -> None:
        for column in range(self._column, self._column + count):
            marks = self._display(attributes.get("table:style-name") or self._of_row or self._of_column(column))
            try:
                self.cells += [DisplayedCell(column, self._row, mark, float(text)) for mark in marks]
            except ValueError:
                return  # not a number, which the parser reports

    def _of_column(self, column: int) -> str:
        for count, style in self._of_columns:
            column -= count
            if column < 0:
                return style
        return ""

    def _display(self, style: str) -> tuple[Mark, ...]:
        """Return what a style displays, without the home's currency."""
        if style not in self._displayed:
            name, found, is_struck = style, _Style("", ""), False
            for _ in range(_MAX_PARENTS):
                found = self._styles.get(name, _Style("", ""))
                is_struck = is_struck or name in self._struck
                if found.format or not found.parent:
                    break
                name = found.parent
            marks = foreign_marks(marks_of_format(self._code(found.format)), self._currency)
            self._displayed[style] = (*marks, *((Mark(Kind.STRUCK),) if is_struck else ()))
        return self._displayed[style]

    def _code(self, name: str) -> str:
        """Return a format as a code; its own text is that of negative numbers if it names others for the rest."""
        own = self._codes.get(name, "")
        if name not in self._positive:
            return own
        negative = self._codes.get(self._negative[name], "") if name in self._negative else own
        return f"{self._codes.get(self._positive[name], '')};{negative}"


def _serial(day: str) -> str:
    """Return the number of a day, as other formats have it; a text that is no day is returned as it is."""
    try:
        return str((date.fromisoformat(day[:10]) - _FIRST_DAY).days)
    except ValueError:
        return day


def _digits(values: dict[str, str]) -> str:
    """Return the digits of a number in a code: zeros to which it is filled, and a comma for each division by 1,000."""
    least, factor = (_whole(values.get(name, "1")) for name in ("min-integer-digits", "display-factor"))
    whole = "#,##0" if values.get("grouping") == "true" else "0" * max(1, min(least, _MAX_ZEROS))
    return whole + _decimals(values) + "," * ((len(str(factor)) - 1) // 3)


def _decimals(values: dict[str, str]) -> str:
    """Return the decimals of a number in a code; a format that does not state them displays all that there are."""
    if "decimal-places" not in values:
        return f".{ALL_DECIMALS}"
    most = min(_whole(values["decimal-places"]), _MAX_ZEROS)
    least = min(_whole(values.get("min-decimal-places", str(most))), most)
    return "." + "0" * least + "#" * (most - least) if most else ""


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < len("10000000000") else 1


def _repeats(attributes: dict[str, str], what: Literal["rows", "columns"]) -> int:
    written = attributes.get(_REPEATS[what], "1")
    return int(written) if written.isascii() and written.isdigit() and len(written) < len("10000000") else 1
