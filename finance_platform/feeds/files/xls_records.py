"""The records of a workbook of the older format xls: passwords, the date system, cells that are errors, and formats.

Belongs here: what the parser does not report. Does not belong here: values of cells (see `workbook_worker`), the newer
formats (see `workbook_package`).
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator

import olefile

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.files.displayed_units import Displayed, DisplayedCell, group_cells
from finance_platform.feeds.files.file_format import OpenFile
from finance_platform.feeds.files.formula_sums import MAX_SUMS, FormulaSums
from finance_platform.feeds.files.number_formats import BUILT_IN, Kind, Mark, marks_of_format
from finance_platform.feeds.files.workbook_shared import (
    FaultyCells,
    MergedCells,
    check_faulty_count,
    damaged,
    needs_password,
)
from finance_platform.feeds.files.xls_formulas import Place, read_tokens, shared_place
from finance_platform.feeds.files.xlsx_formats import foreign_formats
from finance_platform.feeds.limits import MAX_XLS_BYTES
from finance_platform.feeds.violations import UNKNOWN_ERROR

_BOUND_SHEET, _DATE_MODE, _FILE_PASS, _END, _FORMULA, _BOOL_OR_ERROR = 0x85, 0x22, 0x2F, 0x0A, 0x06, 0x205
_BEGIN, _FORMAT, _CELL_STYLE, _NUMBER, _SHORT_NUMBER, _SHORT_NUMBERS = 0x809, 0x41E, 0xE0, 0x203, 0x27E, 0xBD
_FONT, _STRUCK, _LAST_FONT_IN_ORDER = 0x31, 0x08, 3
"""Fonts are numbered without a fourth one."""
_SHARED_FORMULA, _BEFORE_TOKENS, _BEFORE_SHARED_TOKENS = 0x4BC, 20, 8
"""The record of a formula that a range of cells shares, and the bytes before the tokens of a cell's and of this one."""

_ROW, _HIDDEN, _LEVEL_OF_GROUP = 0x208, 0x20, 0x07
_COLUMNS, _HIDDEN_COLUMN, _LEVEL_OF_COLUMN_GROUP, _MOST_COLUMNS = 0x7D, 0x01, 0x700, 256
_UNICODE_VERSION, _FIRST_OWN_FORMAT = 0x600, 164
_WHOLE, _HUNDREDTHS, _BITS_OF_KIND = 2, 1, 2
_ERRORS = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}
_ERROR_RESULT = 2
_NOT_A_NUMBER = b"\xff\xff"


class XlsRecords:
    """The records of an xls workbook.

    Attributes:
        is_1904: whether days are counted from 1904-01-01.
    """

    def __init__(self, open_file: OpenFile) -> None:
        """Read the records before those of the sheets.

        Raises:
            UnreadableDeliveryError: the file is damaged, too large, needs a password or is not such a workbook.
        """
        self._data = _read_stream(open_file)
        self.is_1904 = False
        self._sheets: list[int] = []
        self._styles = _Styles()
        for kind, start, end in self._records(0):
            if kind == _FILE_PASS:
                raise needs_password()
            if kind == _DATE_MODE:
                self.is_1904 = self._data[start:end] == b"\1\0"
            elif kind == _BOUND_SHEET and end - start >= struct.calcsize("<I"):
                self._sheets.append(struct.unpack_from("<I", self._data, start)[0])
            else:
                self._styles.add(kind, self._data[start:end])

    def faulty_cells(self, number: int) -> FaultyCells:
        """Return the cells of a sheet that are errors.

        Raises:
            UnreadableDeliveryError: the sheet has too many such cells.
        """
        faulty: FaultyCells = {}
        for count, (row, column, code) in enumerate(self._errors(number), start=1):
            check_faulty_count(count, row + 1)
            faulty.setdefault(row + 1, {})[column] = _ERRORS.get(code, UNKNOWN_ERROR)
        return faulty

    def hidden_rows(self, number: int) -> set[int]:
        """Return the rows of a sheet that are hidden or filtered out, without those of groups that are folded."""
        hidden = set()
        for kind, start, end in self._records(self._sheets[number]) if number < len(self._sheets) else ():
            if kind == _ROW and end - start >= struct.calcsize("<H10xH"):
                row, options = struct.unpack_from("<H10xH", self._data, start)
                if options & _HIDDEN and not options & _LEVEL_OF_GROUP:
                    hidden.add(row + 1)
        return hidden

    def hidden_columns(self, number: int) -> set[int]:
        """Return the columns of a sheet that are hidden, from 0, without those of groups that are folded."""
        hidden: set[int] = set()
        for kind, start, end in self._records(self._sheets[number]) if number < len(self._sheets) else ():
            if kind == _COLUMNS and end - start >= struct.calcsize("<HH4xH"):
                first, last, options = struct.unpack_from("<HH4xH", self._data, start)
                if options & _HIDDEN_COLUMN and not options & _LEVEL_OF_COLUMN_GROUP:
                    hidden.update(range(first, min(last + 1, _MOST_COLUMNS)))
        return hidden

    def sums(self, number: int) -> FormulaSums:
        """Return the formulas of a sheet that only add up cells of it; none of a workbook before Excel 97."""
        sums: FormulaSums = {}
        shared: dict[Place, bytes] = {}
        sharing: dict[Place, Place] = {}
        for kind, start, end in self._records(self._sheets[number]) if number < len(self._sheets) else ():
            if not self._styles.is_unicode or len(sums) + len(sharing) >= MAX_SUMS:
                break
            if kind == _FORMULA and end - start > _BEFORE_TOKENS:
                place = Place(*struct.unpack_from("<HH", self._data, start))
                tokens = _tokens(self._data, start + _BEFORE_TOKENS, end)
                if first := shared_place(tokens):
                    sharing[place] = first
                elif found := read_tokens(tokens, place):
                    sums[place.row + 1, place.column] = found
            elif kind == _SHARED_FORMULA and end - start > _BEFORE_SHARED_TOKENS:
                row, column = struct.unpack_from("<HxxB", self._data, start)
                shared[Place(row, column)] = _tokens(self._data, start + _BEFORE_SHARED_TOKENS, end)
        for place, first in sharing.items():
            if first in shared and (found := read_tokens(shared[first], place)):
                sums[place.row + 1, place.column] = found
        return sums

    def merged_cells(self, number: int) -> MergedCells:  # noqa: ARG002
        """Return nothing: the parser reports the merged cells of a sheet."""
        return []

    def displayed_units(
        self, number: int, header_row: int, currency: str, code_columns: Collection[int] = ()
    ) -> dict[int, list[Displayed]]:
        """Return what the formats of a sheet's numbers display, by column.

        Args:
            number: of the sheet, from 0.
            header_row: the rows up to it are not looked at.
            currency: the home's, which is not returned, so that most sheets are not looked into.
            code_columns: the columns of codes, from 0.
        """
        formats = foreign_formats(self._styles.formats, currency)
        if not formats:
            return {}
        return group_cells(
            (
                DisplayedCell(column, row + 1, mark, value)
                for row, column, style, value in self._numbers(number)
                for mark in formats.get(style, ())
            ),
            header_row,
            code_columns,
            is_1904=self.is_1904,
        )

    def _numbers(self, number: int) -> Iterator[tuple[int, int, int, float]]:
        """Yield row, column and style of each number, and the number."""
        data = self._data
        sizes = {_NUMBER: 14, _SHORT_NUMBER: 10, _FORMULA: 14}
        for kind, start, end in self._records(self._sheets[number]) if number < len(self._sheets) else ():
            if kind in sizes and end - start >= sizes[kind]:
                last = start + sizes[kind]
                if kind != _FORMULA or data[last - 2 : last] != _NOT_A_NUMBER:
                    row, column, style = struct.unpack_from("<HHH", data, start)
                    place = start + struct.calcsize("<HHH")
                    is_short = kind == _SHORT_NUMBER
                    yield (
                        row,
                        column,
                        style,
                        _short(data, place) if is_short else struct.unpack_from("<d", data, place)[0],
                    )
            elif kind == _SHORT_NUMBERS and end - start >= struct.calcsize("<HH6sH"):
                row, first = struct.unpack_from("<HH", data, start)
                for offset, place in enumerate(range(start + 4, end - 7, 6)):
                    yield row, first + offset, struct.unpack_from("<H", data, place)[0], _short(data, place + 2)

    def _errors(self, number: int) -> Iterator[tuple[int, int, int]]:
        data = self._data
        for kind, start, end in self._records(self._sheets[number]) if number < len(self._sheets) else ():
            if kind == _BOOL_OR_ERROR and end - start >= struct.calcsize("<HHHBB"):
                row, column, _, code, is_error = struct.unpack_from("<HHHBB", data, start)
                if is_error:
                    yield row, column, code
            elif kind == _FORMULA and end - start >= struct.calcsize("<HHHBBB3s2s"):
                row, column, _, result, _, code, _, marker = struct.unpack_from("<HHHBBB3s2s", data, start)
                if marker == _NOT_A_NUMBER and result == _ERROR_RESULT:
                    yield row, column, code

    def _records(self, position: int) -> Iterator[tuple[int, int, int]]:
        """Yield kind, start and end of each record up to the end of its sheet, or of the list of sheets."""
        data = self._data
        while position + 4 <= len(data):
            kind, size = struct.unpack_from("<HH", data, position)
            position += 4
            if kind == _END or position + size > len(data):
                return
            yield kind, position, position + size
            position += size


class _Styles:
    """What the styles of cells display, from the records of fonts, formats and styles.

    Attributes:
        formats: what each style displays, by its number; styles that display nothing are left out.
        is_unicode: whether the workbook is of Excel 97 or later.
    """

    def __init__(self) -> None:
        self.formats: dict[int, tuple[Mark, ...]] = {}
        self._codes = {int(number): marks_of_format(code) for number, code in BUILT_IN.items()}
        self._struck: set[int] = set()
        self._fonts = self._count = 0
        self.is_unicode = False

    def add(self, kind: int, data: bytes) -> None:
        """Add a record; those of other kinds are left out."""
        if kind == _BEGIN and len(data) >= struct.calcsize("<H"):
            self.is_unicode = struct.unpack_from("<H", data)[0] == _UNICODE_VERSION
        elif kind == _FORMAT and self.is_unicode and len(data) >= struct.calcsize("<HHB"):
            code, _, has_wide_characters = struct.unpack_from("<HHB", data)
            # Built-in formats show the sign of each reader's country.
            if code >= _FIRST_OWN_FORMAT:
                encoding = "utf-16-le" if has_wide_characters & 1 else "latin-1"
                text = data[struct.calcsize("<HHB") :].decode(encoding, errors="replace")
                self._codes[code] = marks_of_format(text)
        elif kind == _FONT and len(data) >= struct.calcsize("<HH"):
            if struct.unpack_from("<HH", data)[1] & _STRUCK:
                self._struck.add(self._fonts if self._fonts <= _LAST_FONT_IN_ORDER else self._fonts + 1)
            self._fonts += 1
        elif kind == _CELL_STYLE and len(data) >= struct.calcsize("<HH"):
            font, code = struct.unpack_from("<HH", data)
            marks = (*self._codes.get(code, ()), *((Mark(Kind.STRUCK),) if font in self._struck else ()))
            if marks:
                self.formats[self._count] = marks
            self._count += 1


def _tokens(data: bytes, place: int, end: int) -> bytes:
    """Return the tokens of a formula behind their number of bytes."""
    (size,) = struct.unpack_from("<H", data, place) if end - place > 1 else (0,)
    return data[place + 2 : min(place + 2 + size, end)]


def _short(data: bytes, place: int) -> float:
    """Return a number of four bytes: a whole one, or the first half of a long one, both also in hundredths."""
    (bits,) = struct.unpack_from("<i", data, place)
    if bits & _WHOLE:
        value = float(bits >> _BITS_OF_KIND)
    else:
        (value,) = struct.unpack("<d", bytes(4) + struct.pack("<i", bits & ~(_WHOLE | _HUNDREDTHS)))
    return value / 100 if bits & _HUNDREDTHS else value


def _read_stream(open_file: OpenFile) -> bytes:
    with open_file() as stream:
        size = stream.seek(0, 2)
        if size > MAX_XLS_BYTES:
            raise UnreadableDeliveryError(
                f"the workbook has {size:,} bytes; at most {MAX_XLS_BYTES:,} of the format xls are read",
                fix="save it as .xlsx, or send it in several smaller workbooks",
            )
        stream.seek(0)
        try:
            with olefile.OleFileIO(stream) as container:
                if container.exists("EncryptedPackage"):
                    raise needs_password()
                name = next((name for name in ("Workbook", "Book") if container.exists(name)), None)
                if name is not None:
                    return bytes(container.openstream(name).read())
        # What its parser raises on damaged files is not documented; each means the same.
        except (OSError, ValueError, LookupError, TypeError, AttributeError, struct.error, OverflowError) as error:
            raise damaged("its streams cannot be read, as in a file that was cut off or changed on its way") from error
    raise UnreadableDeliveryError(
        "the file is a document of another program, not a workbook", fix="send the workbook, or export it as CSV"
    )
