"""A workbook read cell by cell: values, formulas, and their results computed a second time.

Belongs here: the XML of cells, and the few kinds of formulas that sums are made of. Does not belong here: any import of
the product, expectations.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from xml.etree import ElementTree

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_TERM = re.compile(r"([+-]?)(SUMIFS\([^()]*\)|SUM\([^()]*\)|COUNT\([^()]*\)|('[^']+'!)?\$?[A-Z]+\$?[0-9]+|0)")
_CELL = re.compile(r"(?:'([^']+)'!|(\w+)!)?\$?([A-Z]+)\$?([0-9]+)")

Place = tuple[str, int]
"""Column and row."""


@dataclass(frozen=True)
class Cell:
    """A cell: its value (text, number, true or false), and its formula if it has one."""

    value: str | Decimal | bool
    formula: str = ""


class WorkbookFormulas:
    """The cells of a workbook by sheet, and the ranges that have names."""

    def __init__(self, content: bytes) -> None:
        """Read every sheet."""
        with zipfile.ZipFile(BytesIO(content)) as package:
            book = ElementTree.fromstring(package.read("xl/workbook.xml"))  # noqa: S314  written by the test
            names = [sheet.attrib["name"] for sheet in book.iter(f"{_MAIN}sheet")]
            shared = _shared_texts(package)
            self.sheets = {
                name: dict(_cells(package.read(f"xl/worksheets/sheet{number}.xml"), shared))
                for number, name in enumerate(names, 1)
            }
        self.names = {
            name.attrib["name"]: str(name.text)
            for name in book.iter(f"{_MAIN}definedName")
            if name.attrib["name"].startswith("Data_")
        }
        self._columns: dict[str, list[Cell | None]] = {}

    def rows(self, sheet: str) -> list[dict[str, Cell]]:
        """Return the rows of a sheet, each with its cells by column."""
        rows: dict[int, dict[str, Cell]] = {}
        for (column, row), cell in self.sheets[sheet].items():
            rows.setdefault(row, {})[column] = cell
        return [rows[row] for row in sorted(rows)]

    def sums(self) -> Iterator[tuple[str, Place, Cell]]:
        """Yield every cell whose formula adds and subtracts sums and cells: sheet, place, cell."""
        for name, cells in self.sheets.items():
            for place, cell in cells.items():
                if cell.formula and not _TERM.sub("", cell.formula):
                    yield name, place, cell

    def result(self, sheet: str, formula: str) -> Decimal:
        """Return the result of such a formula, computed from the values of other cells."""
        total = Decimal(0)
        for match in _TERM.finditer(formula):
            value = self._term(sheet, match[2])
            total += -value if match[1] == "-" else value
        return total

    def _term(self, sheet: str, term: str) -> Decimal:
        if term.startswith("SUMIFS("):
            return self._sum_ifs(sheet, term[7:-1].split(","))
        if term.startswith("COUNT("):
            return Decimal(sum(cell is not None for cell in self._column(term[6:-1])))
        if term.startswith("SUM("):
            values = self._range(sheet, term[4:-1])
            return sum((value for value in values if isinstance(value, Decimal)), Decimal(0))
        return Decimal(0) if term == "0" else self._number(sheet, term)

    def _sum_ifs(self, sheet: str, arguments: list[str]) -> Decimal:
        columns = [self._column(name) for name in arguments[1::2]]
        wanted = [self._criterion(sheet, text) for text in arguments[2::2]]
        total = Decimal(0)
        for row, cell in enumerate(self._column(arguments[0])):
            if cell is not None and all(
                _matches(column[row], one) for column, one in zip(columns, wanted, strict=True)
            ):
                assert isinstance(cell.value, Decimal)
                total += cell.value
        return total

    def _criterion(self, sheet: str, text: str) -> str | Decimal:
        if text.startswith('"'):
            return text.strip('"')
        return Decimal(text) if text.isdigit() else self._number(sheet, text)

    def _number(self, sheet: str, reference: str) -> Decimal:
        match = _CELL.fullmatch(reference)
        assert match, reference
        value = self.sheets[match[1] or match[2] or sheet].get((match[3], int(match[4])), Cell(Decimal(0))).value
        assert isinstance(value, Decimal), (reference, value)
        return value

    def _range(self, sheet: str, text: str) -> list[str | Decimal | bool]:
        if text in self.names:
            return [cell.value for cell in self._column(text) if cell]
        first, last = (_CELL.fullmatch(part) for part in text.split(":"))
        assert first, text
        assert last, text
        columns = [one for one in _letters() if first[3] <= one <= last[3] and len(one) == len(first[3])]
        places = [(column, row) for column in columns for row in range(int(first[4]), int(last[4]) + 1)]
        return [self.sheets[sheet][place].value for place in places if place in self.sheets[sheet]]

    def _column(self, name: str) -> list[Cell | None]:
        """Return the cells of a column of Data by its name."""
        if name not in self._columns:
            match = re.fullmatch(r"Data!\$([A-Z]+)\$([0-9]+):\$\1\$([0-9]+)", self.names[name])
            assert match, name
            cells = self.sheets["Data"]
            self._columns[name] = [cells.get((match[1], row)) for row in range(int(match[2]), int(match[3]) + 1)]
        return self._columns[name]


def _letters() -> Iterator[str]:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    yield from alphabet
    yield from (first + second for first in alphabet for second in alphabet)


def _matches(cell: Cell | None, wanted: str | Decimal) -> bool:
    if cell is None:
        return False
    if isinstance(wanted, Decimal):
        return cell.value == wanted
    if wanted == ">0":
        return isinstance(cell.value, Decimal) and cell.value > 0
    return isinstance(cell.value, str) and cell.value.casefold() == wanted.casefold()


def _shared_texts(package: zipfile.ZipFile) -> list[str]:
    """Return the texts that cells refer to; this product writes none, other programs do."""
    name = "xl/sharedStrings.xml"
    if name not in package.namelist():
        return []
    root = ElementTree.fromstring(package.read(name))  # noqa: S314  written by the test
    return ["".join(part.text or "" for part in item.iter(f"{_MAIN}t")) for item in root.iter(f"{_MAIN}si")]


def _cells(xml: bytes, shared: list[str]) -> Iterator[tuple[Place, Cell]]:
    for element in ElementTree.fromstring(xml).iter(f"{_MAIN}c"):  # noqa: S314  written by the test
        match = re.fullmatch("([A-Z]+)([0-9]+)", element.attrib["r"])
        assert match
        text = "".join(part.text or "" for part in element.iter() if part.tag in (f"{_MAIN}v", f"{_MAIN}t"))
        kind, formula = element.attrib.get("t", "n"), element.find(f"{_MAIN}f")
        if not text and formula is None:
            continue
        value: str | Decimal | bool = text
        if kind == "b":
            value = text == "1"
        elif kind == "s":
            value = shared[int(text)]
        elif kind == "n":
            value = Decimal(text)
        yield (match[1], int(match[2])), Cell(value, (formula.text or "") if formula is not None else "")
