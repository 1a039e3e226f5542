"""The package of a workbook (xlsx, ods): a zip file, checked before anything parses it, and the cells without a value.

Belongs here: sizes, passwords, the place of each sheet's XML, and the cells that the parser gives as blank although
they are an error or a formula that was never calculated. Does not belong here: values of cells (see `workbook_worker`),
the older format xls (see `xls_records`).
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import chain
from typing import BinaryIO
from xml.parsers import expat

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.files.displayed_units import Displayed, DisplayedCell, group_cells
from finance_platform.feeds.files.file_format import OpenFile
from finance_platform.feeds.files.number_formats import Kind, Mark
from finance_platform.feeds.files.ods_formats import OdsFormats
from finance_platform.feeds.files.workbook_process import SAVE_AGAIN, needs_password
from finance_platform.feeds.files.xlsx_formats import Formats, foreign_formats, read_formats, scan_cells
from finance_platform.feeds.limits import MAX_FAULTY_CELLS, MAX_WORKBOOK_BYTES, MAX_WORKBOOK_PARTS_BYTES
from finance_platform.feeds.violations import NO_VALUE, UNKNOWN_ERROR

FaultyCells = dict[int, dict[int, str]]
"""Text of the cells without a value, by row from 1 and column from 0."""

_BLOCK_BYTES = 1 << 20
_END_RECORD_BYTES = 22 + (1 << 16)
_TRUE, _FALSE = {"1", "true", "on"}, {"0", "false", "off"}
_CONTENT = "content.xml"
_HIDDEN = {"collapse", "filter"}
_HIDDEN_BYTES = (b'"collapse"', b'"filter"')
_MAX_HIDDEN = 100_000
"""Hidden rows that are stated once for several and that are looked at one by one; more are blank."""
_STYLES_OF_ODS = "styles.xml"

_ELEMENT = re.compile(rb"<(?:[\w.-]{1,60}:)?(row|c)(?=[\s/>])")
_REFERENCE = re.compile(rb"""\sr\s*=\s*["'](?:([A-Z]{1,3}))?([0-9]{1,7})["']""")
_ROW = re.compile(rb"<(?:[\w.-]{1,60}:)?row\s([^<>]{0,1000})>")
_VALUES = re.compile(rb"""(?<![\w:.])(r|hidden|outlineLevel)\s*=\s*["']([a-z0-9]{1,7})["']""")
_TRUE_BYTES = {b"1", b"true"}
_TYPE = re.compile(rb"""\st\s*=\s*["'](\w+)["']""")
_FORMULA = re.compile(rb"<(?:[\w.-]{1,60}:)?f[\s/>]")
_VALUE = re.compile(rb"<(?:[\w.-]{1,60}:)?v(?:\s[^>]{0,99})?>([^<]+)<")
_ZERO = re.compile(rb"0(?:\.0)?")
"""What libraries that cannot calculate store: XlsxWriter 0, and Apache POI 0.0."""
_FAULTY = (b"<f", b":f", b't="e"', b"t='e'")


class WorkbookPackage:
    """The zip file that an xlsx or ods workbook is.

    Attributes:
        is_1904: whether days are counted from 1904-01-01.
    """

    def __init__(self, open_file: OpenFile) -> None:
        """Read the directory, and check what the parts that every sheet needs unpack to.

        Raises:
            UnreadableDeliveryError: the file is damaged, too large, needs a password or is not such a workbook.
        """
        self._open = open_file
        self._unpacked = 0
        with open_file() as stream:
            _check_directory(stream)
            try:
                with zipfile.ZipFile(stream) as package:
                    parts = package.infolist()
            except (zipfile.BadZipFile, NotImplementedError, UnicodeError, ValueError, OSError) as error:
                raise damaged(
                    "the list of its parts cannot be read, as in a file that was changed on its way"
                ) from error
        self._parts = {part.filename.lower().replace("\\", "/"): part for part in parts}
        self._check_sizes(parts)
        self._check_kind()
        self.is_1904 = False
        self._is_uncalculated = self._is_stale = False
        self._last_scan: tuple[int, _SheetScan] | None = None
        self._sheets: list[str] = []
        if _CONTENT not in self._parts:
            self._read_list_of_sheets()
            for name in ("xl/sharedstrings.xml", "xl/styles.xml"):
                for _ in self._unpack(name) if name in self._parts else ():
                    pass

    def faulty_cells(self, number: int) -> FaultyCells:
        """Return the cells of a sheet that have no value although they are not blank.

        Raises:
            UnreadableDeliveryError: the sheet is damaged, unpacks to too much, or has too many such cells.
        """
        if _CONTENT in self._parts:
            return self._content.faulty.get(number, {}) if self._content else {}
        scan = self._scan(number)
        return scan.faulty if scan else {}

    def hidden_rows(self, number: int) -> set[int]:
        """Return the rows of a sheet that are hidden or filtered out, without those of groups that are folded.

        Raises:
            UnreadableDeliveryError: see `faulty_cells`.
        """
        if _CONTENT in self._parts:
            return self._content.hidden.get(number, set()) if self._content else set()
        scan = self._scan(number)
        return scan.hidden if scan else set()

    def _scan(self, number: int) -> _SheetScan | None:
        """Return what is in the XML of a sheet, that of the last one without unpacking it again; None without XML."""
        if self._last_scan and self._last_scan[0] == number:
            return self._last_scan[1]
        if number >= len(self._sheets):
            return None
        states = {"is_uncalculated": self._is_uncalculated, "is_stale": self._is_stale}
        scan = _SheetScan(**states)
        name = self._sheets[number]
        if not scan.scan(self._unpack(name)):
            self._unpacked -= self._parts[name].file_size
            scan = _SheetScan(has_references=False, **states)
            scan.scan(self._unpack(name))
        scan.finish()
        self._last_scan = (number, scan)
        return scan

    def displayed_units(self, number: int, header_row: int, currency: str) -> dict[int, list[Displayed]]:
        """Return what the formats of a sheet's numbers display, by column.

        Args:
            number: of the sheet, from 0.
            header_row: the rows up to it are not looked at.
            currency: the home's, which is not returned, so that most sheets are not looked into.

        Raises:
            UnreadableDeliveryError: the sheet or the styles are damaged.
        """
        if _CONTENT in self._parts:
            return group_cells(self._displayed_of_ods(number, currency), header_row)
        formats = foreign_formats(self._formats, currency)
        scan = self._scan(number)
        if scan is None:
            return {}
        cells = scan_cells(self._unpack(self._sheets[number]), formats) if formats else ()
        return group_cells(chain(scan.stale, cells), header_row)

    def _displayed_of_ods(self, number: int, currency: str) -> list[DisplayedCell]:
        formats = OdsFormats(number, currency)
        for name in (_STYLES_OF_ODS, _CONTENT):
            if name in self._parts:
                parser = _parser(formats.start, formats.end)
                parser.CharacterDataHandler = formats.text
                try:
                    for block in self._unpack(name):
                        parser.Parse(block)
                        if formats.is_done:
                            break
                except expat.ExpatError as error:
                    raise _not_xml(error) from error
        return formats.cells

    @cached_property
    def _formats(self) -> Formats:
        name = "xl/styles.xml"
        is_there = name in self._parts and self._parts[name].file_size <= MAX_WORKBOOK_PARTS_BYTES
        return read_formats(self._elements(name)) if is_there else {}

    def _check_sizes(self, parts: list[zipfile.ZipInfo]) -> None:
        size = sum(part.file_size for part in parts)
        if size > MAX_WORKBOOK_BYTES:
            raise _too_large(f"{size:,} bytes")
        if any(part.flag_bits & 1 for part in parts):
            raise needs_password()

    def _check_kind(self) -> None:
        if "xl/workbook.bin" in self._parts:
            raise UnreadableDeliveryError(
                "the file is a binary workbook (xlsb), which is not read", fix="save it as .xlsx and send that file"
            )
        manifest = "meta-inf/manifest.xml"
        if _CONTENT in self._parts and manifest in self._parts and b"encryption-data" in self._read(manifest):
            raise needs_password()
        if not {"xl/workbook.xml", _CONTENT} & self._parts.keys():
            raise UnreadableDeliveryError(
                "the file is a zip archive, not a workbook", fix="unpack it and send the files that it contains"
            )

    def _read_list_of_sheets(self) -> None:
        targets = {
            attributes.get("Id", ""): attributes.get("Target", "")
            for name, attributes in self._elements("xl/_rels/workbook.xml.rels")
            if name == "Relationship"
        }
        for name, attributes in self._elements("xl/workbook.xml"):
            if name == "workbookPr":
                self.is_1904 = attributes.get("date1904", "").lower() in _TRUE
            elif name == "calcPr":
                self._is_uncalculated = attributes.get("fullCalcOnLoad", "").lower() in _TRUE
                is_manual = attributes.get("calcMode") == "manual" and attributes.get("calcOnSave") in _FALSE
                self._is_stale = self._is_uncalculated or is_manual or attributes.get("calcCompleted") in _FALSE
            elif name == "sheet":
                target = next((targets[value] for key, value in attributes.items() if _is_id(key, value, targets)), "")
                path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
                if path.lower() not in self._parts:
                    raise damaged(f"it has no part {path!r}")
                self._sheets.append(path.lower())

    def _elements(self, name: str) -> Iterator[tuple[str, dict[str, str]]]:
        elements: list[tuple[str, dict[str, str]]] = []
        _parse(self._read(name), lambda tag, attributes: elements.append((_local(tag), attributes)))
        yield from elements

    def _read(self, name: str) -> bytes:
        if name not in self._parts:
            raise damaged(f"it has no part {name!r}")
        if self._parts[name].file_size > MAX_WORKBOOK_PARTS_BYTES:
            raise damaged(f"its part {name!r} is too large")
        return b"".join(self._unpack(name))

    def _unpack(self, name: str) -> Iterator[bytes]:
        """Yield a part's bytes, and count them, because the directory may state any number."""
        part = self._parts[name]
        if part.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise damaged(f"its part {name!r} is packed in an unknown way")
        size = 0
        with self._open() as stream:
            for block in _inflate(stream, part):
                size += len(block)
                if size > part.file_size:
                    raise damaged(f"its part {name!r} unpacks to more than the {part.file_size:,} bytes that it states")
                yield block
        self._unpacked += size
        if size != part.file_size:
            raise damaged(f"its part {name!r} ends too early")

    @cached_property
    def _content(self) -> _ContentScan | None:
        """What is in the XML of all sheets of an ods workbook; None if it has neither formulas nor hidden rows."""
        is_needed = False
        for block in self._unpack(_CONTENT):
            is_needed = is_needed or any(word in block for word in (b"formula", *_HIDDEN_BYTES))
        if not is_needed:
            return None
        scan = _ContentScan()
        parser = _parser(scan.start, scan.end)
        try:
            for block in self._unpack(_CONTENT):
                parser.Parse(block)
        except expat.ExpatError as error:
            raise _not_xml(error) from error
        return scan


class _SheetScan:
    """Finds the cells without a value in the XML of one sheet of an xlsx workbook."""

    def __init__(self, *, has_references: bool = True, is_uncalculated: bool = False, is_stale: bool = False) -> None:
        """Begin a sheet.

        Args:
            has_references: whether each cell states its place; else every cell is counted.
            is_uncalculated: whether the workbook asks to be calculated when it is opened.
            is_stale: whether stored values of formulas may be out of date.
        """
        self.faulty: FaultyCells = {}
        self.hidden: set[int] = set()
        self.stale: list[DisplayedCell] = []
        self._has_references, self._is_uncalculated, self._is_stale = has_references, is_uncalculated, is_stale
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
            end = data.rfind(b"<c")
            data, rest = (data[:end], data[end:]) if end > 0 else (b"", data)
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
            for row in _ROW.finditer(data):
                values = dict(_VALUES.findall(row[1]))
                if values.get(b"hidden") in _TRUE_BYTES and b"outlineLevel" not in values and b"r" in values:
                    self.hidden.add(int(values[b"r"]))
        if self._has_references:
            if data.count(b"<c ") != data.count(b'<c r="') or b"<c>" in data:
                return False
            if not any(mark in data for mark in _FAULTY):
                return True
        starts = list(_ELEMENT.finditer(data))
        ends = [start.start() for start in starts[1:]] + [len(data)]
        for match, end in zip(starts, ends, strict=True):
            self._add_element(match[1] == b"row", data[match.start() : end])
        return True

    def _add_element(self, is_row: bool, text: bytes) -> None:
        tag, _, content = text.partition(b">")
        reference = _REFERENCE.search(tag)
        if is_row:
            self._row, self._column = int(reference[2]) if reference else self._row + 1, -1
            return
        self._column += 1
        if reference and reference[1]:
            self._row, self._column = int(reference[2]), _column_number(reference[1])
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
        if self._is_uncalculated and kind == b"n" and _ZERO.fullmatch(value):
            self._zeros.append((self._row, self._column))
        else:
            self._has_results = True
        if kind == b"n" and len(self.stale) < MAX_FAULTY_CELLS:
            self.stale.append(DisplayedCell(self._column, self._row, Mark(Kind.STALE), 0))

    def _note(self, text: str) -> None:
        self._count += 1
        check_faulty_count(self._count, self._row)
        self.faulty.setdefault(self._row, {})[self._column] = text[:60]


class _ContentScan:
    """Finds the cells without a value in the XML of an ods workbook, in which cells and rows state repetitions."""

    def __init__(self) -> None:
        self.faulty: dict[int, FaultyCells] = {}
        self.hidden: dict[int, set[int]] = {}
        self._groups = 0
        self._table, self._row, self._column, self._count = -1, 0, 0, 0
        self._row_repeats = self._cell_repeats = 1
        self._text: str | None = None
        self._has_value = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = _local(tag)
        values = {_local(key): value for key, value in attributes.items()}
        if name == "table":
            self._table, self._row = self._table + 1, 1
        elif name == "table-row":
            self._column, self._row_repeats = 0, _repeats(values, "number-rows-repeated")
            if values.get("visibility") in _HIDDEN and not self._groups:
                rows = range(self._row, self._row + min(self._row_repeats, _MAX_HIDDEN))
                self.hidden.setdefault(self._table, set()).update(rows)
        elif name == "table-row-group":
            self._groups += 1
        elif name in {"table-cell", "covered-table-cell"}:
            self._cell_repeats = _repeats(values, "number-columns-repeated")
            is_error = attributes.get("calcext:value-type") == "error"
            kinds = ("value", "date-value", "time-value", "boolean-value", "string-value")
            has_value = any(f"office:{kind}" in attributes for kind in kinds)
            self._has_value = not is_error and (has_value or "formula" not in values)
            self._text = NO_VALUE if not is_error else UNKNOWN_ERROR
            if attributes.get("office:value-type") == "string" and not is_error:
                self._has_value = True

    def end(self, tag: str) -> None:
        name = _local(tag)
        if name in {"table-cell", "covered-table-cell"}:
            if not self._has_value and self._text:
                self._note(self._text)
            self._column += self._cell_repeats
        elif name == "table-row":
            self._row += self._row_repeats
        elif name == "table-row-group":
            self._groups -= 1

    def _note(self, text: str) -> None:
        if self._row_repeats * self._cell_repeats + self._count > MAX_FAULTY_CELLS:
            check_faulty_count(MAX_FAULTY_CELLS + 1, self._row)
        rows = self.faulty.setdefault(self._table, {})
        for row in range(self._row, self._row + self._row_repeats):
            for column in range(self._column, self._column + self._cell_repeats):
                self._count += 1
                rows.setdefault(row, {})[column] = text


def _has_no_more_cells(data: bytes) -> bool:
    end = data.rfind(b"sheetData>")
    return end > 0 and data[data.rfind(b"<", 0, end) :].startswith(b"</")


def _repeats(values: dict[str, str], name: str) -> int:
    written = values.get(name, "1")
    return int(written) if written.isascii() and written.isdigit() and len(written) < len("10000000") else 1


def check_faulty_count(count: int, row: int) -> None:
    """Refuse a sheet with too many cells that have no value."""
    if count > MAX_FAULTY_CELLS:
        raise UnreadableDeliveryError(
            f"row {row}: more than {MAX_FAULTY_CELLS:,} cells of the sheet are errors, or formulas without a value",
            fix="open the workbook in the spreadsheet program, recalculate it, correct the errors and save it again",
        )


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def _is_id(key: str, value: str, targets: dict[str, str]) -> bool:
    return _local(key) == "id" and value in targets


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _parser(
    start: Callable[[str, dict[str, str]], object], end: Callable[[str], object] | None = None
) -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


def _parse(data: bytes, start: Callable[[str, dict[str, str]], object]) -> None:
    try:
        _parser(start).Parse(data, True)
    except expat.ExpatError as error:
        raise _not_xml(error) from error


def _not_xml(error: expat.ExpatError) -> UnreadableDeliveryError:
    return damaged(f"one of its parts is not valid XML at line {error.lineno}, column {error.offset + 1}")


def _refuse_doctype(*_: object) -> None:
    raise damaged("its XML defines entities")


def _inflate(stream: BinaryIO, part: zipfile.ZipInfo) -> Iterator[bytes]:
    # A damaged end of the file moves every part, even to before the file.
    header = stream.read(30) if stream.seek(max(0, part.header_offset)) == part.header_offset else b""
    if not header.startswith(b"PK\x03\x04"):
        raise damaged(f"its part {part.filename!r} is not where its directory says")
    stream.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
    left = part.compress_size
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS) if part.compress_type == zipfile.ZIP_DEFLATED else None
    while left > 0:
        packed = stream.read(min(left, _BLOCK_BYTES // 4))
        if not packed:
            return
        left -= len(packed)
        if unpacker is None:
            yield packed
            continue
        try:
            while packed and not unpacker.eof:
                yield unpacker.decompress(packed, _BLOCK_BYTES)
                packed = unpacker.unconsumed_tail
        except zlib.error as error:
            raise damaged(f"its part {part.filename!r} cannot be unpacked") from error


def _check_directory(stream: BinaryIO) -> None:
    """Refuse a file without a directory at its end, as one that was cut off, and one with too large a directory."""
    size = stream.seek(0, 2)
    if size > MAX_WORKBOOK_BYTES:
        raise _too_large(f"a file of {size:,} bytes")
    stream.seek(max(0, size - _END_RECORD_BYTES))
    end = stream.read()
    position = end.rfind(b"PK\x05\x06")
    if position < 0:
        raise damaged("its end is missing, as in a file whose transfer was cut off")
    if int.from_bytes(end[position + 12 : position + 16], "little") > MAX_WORKBOOK_PARTS_BYTES:
        raise damaged("its directory is too large")
    stream.seek(0)


def _too_large(size: str) -> UnreadableDeliveryError:
    return UnreadableDeliveryError(
        f"the workbook unpacks to {size}; at most {MAX_WORKBOOK_BYTES:,} are read",
        fix="send it in several smaller workbooks, or as CSV, which has no limit",
    )


def damaged(reason: str) -> UnreadableDeliveryError:
    """Return the refusal of a damaged workbook."""
    return UnreadableDeliveryError(f"the workbook is damaged: {reason}", fix=SAVE_AGAIN)
