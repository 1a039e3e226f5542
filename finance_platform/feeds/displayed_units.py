"""What the formats of cells say about amounts: a currency, or that they are credits. The value of the cell lacks it.

Belongs here: reading formats, finding the cells that have them, and the doubt if a descriptor reads amounts otherwise.
Does not belong here: the parts of a workbook (see `workbook_package`), units in headers (see `stated_units`).

A spreadsheet shows 100.00 EUR for the number 100 with a format, and some systems export debits and credits so, each as
a positive number whose format ends with Dr or Cr. Formats of xlsx and xls are codes; those of ods
are elements (see `ods_formats`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finance_platform.feeds.cells import FieldSource, describe_place
from finance_platform.feeds.codes import clean, fold
from finance_platform.feeds.currencies import denoted_currencies, describe_currency, is_currency
from finance_platform.feeds.resolved import ReadingRules

if TYPE_CHECKING:
    from finance_platform.feeds.tables import Table  # which opens workbooks, and these read formats

_TOKEN = re.compile(r'"([^"]*)"|\[\$([^\]-]*)(?:-[^\]]*)?\]|\[[^\]]*\]|\\(.)|[_*].|([^\s#0?.,%/()+;-])|(.)', re.DOTALL)
_SECTION = re.compile(r'(?:"[^"]*"|\\.|[^;"\\])*')
_CREDIT, _DEBIT = "Cr", "Dr"
_SIDES = {"cr": _CREDIT, "cr.": _CREDIT, "credit": _CREDIT, "dr": _DEBIT, "dr.": _DEBIT, "debit": _DEBIT}
_PREFIX = rb"(?:[\w.-]{1,60}:)?"
_CELL = re.compile(
    rb"<" + _PREFIX + rb"c\s([^<>]{0,300})>"
    rb"(?:<" + _PREFIX + rb"f\b[^<>]*(?:/>|>[^<]*</" + _PREFIX + rb"f>))?<" + _PREFIX + rb"v[^<>]{0,60}>(-?)"
)
_ATTRIBUTE = re.compile(rb"""\b(r|s|t)\s*=\s*["']([A-Za-z]*)([0-9]*)["']""")
_MAX_FORMATS = 1_000

Formats = Mapping[int, str]
"""What the format of cells displays, a currency or a side, by the number of their style."""


@dataclass
class Displayed:
    """The cells of one column with one such text in their format.

    Attributes:
        text: a currency as the format has it, or `Cr` or `Dr`.
        cells: how many cells with a number.
        first_row: the row of the first one.
        negative: how many of the numbers are negative.
    """

    text: str
    cells: int
    first_row: int
    negative: int = 0


def read_formats(elements: Iterable[tuple[str, Mapping[str, str]]]) -> Formats:
    """Return what the styles of a workbook display beside numbers.

    Args:
        elements: those of its part `styles.xml`, in their order.
    """
    codes: dict[str, str] = {}
    styles: dict[int, str] = {}
    number = -1
    for name, attributes in elements:
        if name == "numFmt" and len(codes) < _MAX_FORMATS:
            codes[attributes.get("numFmtId", "")] = displayed_text(attributes.get("formatCode", ""))
        elif name == "cellXfs":
            number = 0
        elif name in {"cellStyles", "dxfs", "tableStyles", "cellStyleXfs"}:
            number = -1
        elif name == "xf" and number >= 0:
            if text := codes.get(attributes.get("numFmtId", ""), ""):
                styles[number] = text
            number += 1
    return styles


def foreign_formats(formats: Formats, currency: str) -> Formats:
    """Return the formats without those of the home's currency, so that most sheets need no search."""
    return {style: text for style, text in formats.items() if not is_currency(text, currency)}


def group_cells(cells: Iterable[tuple[int, int, str, bool]], header_row: int) -> dict[int, list[Displayed]]:
    """Return what the cells below a header display, by column.

    Args:
        cells: column, row and text of each, and if its number is negative.
        header_row: the rows up to it are left out.
    """
    found: dict[int, dict[str, Displayed]] = {}
    for column, row, text, is_negative in cells:
        if row > header_row:
            one = found.setdefault(column, {}).setdefault(text, Displayed(text, 0, row))
            one.cells += 1
            one.negative += is_negative
    return {column: list(texts.values()) for column, texts in found.items()}


def displayed_text(code: str) -> str:
    """Return the currency, or the side, that the format of a positive number displays; empty if neither.

    `_€` and `*€` are spaces, not signs: formats of accountants without a currency have them.
    """
    match = _SECTION.match(code)
    section = match[0] if match else ""
    parts = (
        next((part for part in token.groups()[:4] if part is not None), "" if token[5] is None else " ")
        for token in _TOKEN.finditer(section)
    )
    return displayed_words("".join(parts))


def displayed_words(text: str) -> str:
    """Return the currency, or the side, that is among the words beside a number; empty if neither."""
    for word in text.split():
        if side := _SIDES.get(word.casefold()):
            return side
        if denoted_currencies(word):
            return word
    return ""


def scan_cells(blocks: Iterable[bytes], formats: Formats) -> Iterator[tuple[int, int, str, bool]]:
    """Yield column, row and text of each cell with a number whose format displays something, and if it is negative.

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


def _scan(data: bytes, formats: Formats) -> Iterator[tuple[int, int, str, bool]]:
    for match in _CELL.finditer(data):
        values = {name: (letters, digits) for name, letters, digits in _ATTRIBUTE.findall(match[1])}
        style = values.get(b"s", (b"", b""))[1]
        letters, row = values.get(b"r", (b"", b""))
        is_number = b"".join(values.get(b"t", (b"n",))) == b"n"
        if style and letters and row and is_number and (text := formats.get(int(style))):
            yield _position(letters), int(row), text, bool(match[2])


def _position(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number - 1


def find_doubts(
    table: Table,
    rules: ReadingRules,
    sources: Mapping[str, FieldSource],
    cells: Collection[str] = (),
) -> dict[str, str]:
    """Return why amounts may have another unit or sign than they are read with, with what to do about it.

    Args:
        table: the table.
        rules: of the feed.
        sources: where the fields of its lines come from.
        cells: the headers of the cells of which each gives a line.
    """
    amount = sources.get("amount")
    wanted = {fold(name) for name in (*(amount.headers if amount else ()), *cells)}
    has_signs = amount is not None and amount.rule.sign_column is not None
    doubts: dict[str, str] = {}
    for position, name in enumerate(table.header):
        found = table.displayed.get(position, ()) if fold(name) in wanted else ()
        sides = {one.text: one for one in found if one.text in {_CREDIT, _DEBIT}}
        if "currency" not in sources:
            doubts |= _of_currency(table, name, [one for one in found if one.text not in sides], rules.currency)
        if len(sides) > 1 and not sides[_CREDIT].negative and not has_signs:
            debit, credit = sides[_DEBIT], sides[_CREDIT]
            place = describe_place(table.sheet, credit.first_row)
            doubts[
                f"the formats of {clean(name)!r} display {debit.cells:,} amounts as debits ({_DEBIT}) and "
                f"{credit.cells:,} as credits ({_CREDIT}, first on {place}), which the numbers do not say, so all are "
                "added"
            ] = (
                "save the sheet as CSV, which has the amounts as they are displayed, and write sign: debit_positive in "
                "the descriptor; if the amounts are to be added, accept the file"
            )
    return doubts


def _of_currency(table: Table, name: str, found: Iterable[Displayed], home: str) -> dict[str, str]:
    foreign = [one for one in found if not is_currency(one.text, home)]
    if not foreign:
        return {}
    first = min(foreign, key=lambda one: one.first_row)
    texts = ", ".join(dict.fromkeys(describe_currency(one.text) for one in foreign))
    return {
        f"the formats of {clean(name)!r} display {sum(one.cells for one in foreign):,} amounts in {texts}, first on "
        f"{describe_place(table.sheet, first.first_row)}, and they are read as {home}": (
            f"send the file with amounts in {home}; if they are, add currency: {home} to constants in the descriptor; "
            "if the books are kept in the other currency, set FINANCE_PLATFORM_CURRENCY in the home's .env"
        )
    }
