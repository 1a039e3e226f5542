"""Workbooks (xlsx, xls, ods): the rows of their sheets as batches of text.

Belongs here: headers of sheets, cells that have no value. Does not belong here: which sheets are read (see
`sheet_choice`), parsing (see `workbook_process`), sizes and damage (see `workbook_parts`, `xls_records`), the meaning
of cells (see `cells`).
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.cells import RawBatch, describe_place
from finance_platform.feeds.files.broken_lines import FileEnd
from finance_platform.feeds.files.displayed_codes import code_columns
from finance_platform.feeds.files.displayed_units import Displayed
from finance_platform.feeds.files.file_format import OLE_MARK, ZIP_MARK, OpenFile, Utf8Evidence, describe_format
from finance_platform.feeds.files.formula_sums import FormulaSums
from finance_platform.feeds.files.sheet_choice import choose_sheets, doubt_unread, note_unread
from finance_platform.feeds.files.sheet_headers import is_blank, note_unread_headers
from finance_platform.feeds.files.workbook_package import WorkbookPackage
from finance_platform.feeds.files.workbook_process import SheetArea, WorkbookProcess
from finance_platform.feeds.files.workbook_shared import FaultyCells, MergedCells
from finance_platform.feeds.files.xls_records import XlsRecords
from finance_platform.feeds.findings import Note
from finance_platform.feeds.header import header_names, join_rows
from finance_platform.feeds.limits import MAX_COLUMNS, MAX_NAME_CHARACTERS, MAX_ROW_CHARACTERS
from finance_platform.feeds.resolved import Dialect, ReadingRules

_WITHOUT_A_VALUE = {"", "0", "00:00:00", "0:00:00"}
"""What the parser gives for a cell that has none; 0, or midnight, for a formula that a library could not calculate."""
_SAMPLE_BYTES = 1 << 16

Place = tuple[str | None, int]
"""Sheet and row, or None and the line of a text file."""

Columns = list[list[str]]
"""Some rows of a sheet: the texts of each column."""


class WorkbookSheet:
    """One sheet of a workbook.

    Attributes:
        header: the columns' names, from column A to the last that has a cell.
        sheet: the sheet's name.
        notes: what was read in a way that a person should know.
        displayed: what the formats of its numbers display, by column from 0.
        hidden_rows: the rows that are hidden or filtered out, without those of groups that are folded.
        hidden_columns: the columns that are hidden, from 0, without those of groups that are folded.
        merged: the merged cells.
        sums: the formulas that only add up cells.
    """

    def __init__(
        self,
        process: WorkbookProcess,
        number: int,
        faulty: Callable[[], FaultyCells],
        dialect: Dialect,
        *,
        is_1904: bool = False,
        merged: MergedCells | None = None,
    ) -> None:
        """Parse the sheet and read its header.

        Args:
            process: that of the workbook.
            number: of the sheet, from 0.
            faulty: returns its cells that have no value although they are not blank; called for its rows, so that a
                header alone costs no search.
            dialect: of the feed.
            is_1904: whether days are counted from 1904-01-01.
            merged: merged cells that the parser does not report.

        Raises:
            UnreadableDeliveryError: the sheet is damaged or too large, or has no row for the header.
        """
        self.sheet: str | None = process.sheets[number].name
        self.notes: dict[str, Note] = {}
        self.doubts: dict[str, str] = {}
        self.end = FileEnd()
        self.displayed: Mapping[int, Sequence[Displayed]] = {}
        self.hidden_rows: Collection[int] = ()
        self.hidden_columns: Collection[int] = ()
        self.sums: FormulaSums = {}
        self._process, self._number, self._dialect = process, number, dialect
        self._find_faulty, self._faulty = faulty, FaultyCells()
        self._is_1904 = is_1904
        self._opened: tuple[SheetArea, Iterator[Columns]] | None = process.open_sheet(number)
        self._area = self._opened[0]
        self.merged = self._area.merged or merged or []
        self._first = next(self._opened[1], [])
        self.header = self._read_header()

    def batches(self) -> Generator[RawBatch, None, None]:
        """Yield every row after the header up to the last with a cell, in order; blank rows between them included.

        Raises:
            UnreadableDeliveryError: the sheet is damaged, or a row is too long.
        """
        self._faulty = self._find_faulty()
        row = self._area.first_row
        for columns in self._all_columns():
            skipped = max(0, min(len(columns[0]), self._dialect.header_row - row + 1))
            if skipped < len(columns[0]):
                yield self._batch(row + skipped, [texts[skipped:] for texts in columns])
            row += len(columns[0])

    def first_rows(self, count: int) -> list[tuple[int, list[str]]]:
        """Return number and cells of the first rows; rows above the header included."""
        before = [""] * self._area.first_column
        rows = zip(*(texts[:count] for texts in self._first), strict=True)
        return [
            (number, [cell[:MAX_NAME_CHARACTERS] for cell in (*before, *row)[:MAX_COLUMNS]])
            for number, row in enumerate(rows, start=self._area.first_row)
        ]

    def utf8_evidence(self) -> Utf8Evidence | None:
        """Return None: a workbook states its encoding."""
        return None

    def _all_columns(self) -> Iterator[Columns]:
        opened, self._opened = self._opened, None
        if opened is None:
            _, rest = self._process.open_sheet(self._number)
        else:
            _, rest = opened
            if self._first:
                yield self._first
        yield from rest

    def _read_header(self) -> list[str]:
        dialect, area = self._dialect, self._area
        if dialect.names:
            return self._declared_names()
        rows = [self._header_row(number) for number in (*dialect.header_above, dialect.header_row)]
        if not self._first or dialect.header_row >= area.first_row + len(self._first[0]):
            is_blank = "it is blank" if not self._first else "the sheet is shorter"
            raise UnreadableDeliveryError(
                f"the header should be in sheet {self.sheet!r} row {dialect.header_row}, but {is_blank}",
                fix="check sheet: and dialect.header_row in the descriptor",
            )
        return header_names(describe_place(self.sheet, dialect.header_row), join_rows(rows))

    def _declared_names(self) -> list[str]:
        names = list(self._dialect.names)
        width = self._area.first_column + self._area.width
        if width > MAX_COLUMNS:
            raise UnreadableDeliveryError(
                f"sheet {self.sheet!r} has {width:,} columns; at most {MAX_COLUMNS:,} are read",
                fix="send only the columns that the feed uses",
            )
        return [*names, *(f"(column {position})" for position in range(len(names) + 1, width + 1))]

    def _header_row(self, number: int) -> list[str]:
        """Return the texts of a row of the header; in all rows but the last, a merged cell names all its columns."""
        width = self._area.first_column + self._area.width
        offset = number - self._area.first_row
        texts = [""] * width
        if self._first and 0 <= offset < len(self._first[0]):
            texts = [""] * self._area.first_column + [column[offset] for column in self._first]
        if number != self._dialect.header_row:
            for (row, first), (last_row, last) in self.merged:
                if row <= number - 1 <= last_row and first < width:
                    texts[first : last + 1] = [texts[first]] * (min(last + 1, width) - first)
        return texts

    def _batch(self, first_row: int, columns: Columns) -> RawBatch:
        size = len(columns[0])
        self._fill_faulty(first_row, size, columns)
        self._blank_comments(columns)
        _check_row_lengths(self.sheet, first_row, columns)
        blank = pa.repeat(pa.scalar(""), size)
        start = self._area.first_column
        texts = {
            name: pa.array(columns[place - start], pa.string()) if 0 <= place - start < len(columns) else blank
            for place, name in enumerate(self.header)
        }
        rows = pa.array(np.arange(first_row, first_row + size, dtype=np.int64))
        return RawBatch(
            texts,
            rows,
            pa.nulls(size, pa.string()),
            self.sheet,
            is_1904=self._is_1904,
            long_numbers=self._process.long_numbers,
            three_decimals={
                name: self._process.three_decimals[place - start]
                for place, name in enumerate(self.header)
                if place - start in self._process.three_decimals
            },
        )

    def _fill_faulty(self, first_row: int, size: int, columns: Columns) -> None:
        if not self._faulty:
            return
        for row in range(first_row, first_row + size):
            for column, text in self._faulty.get(row, {}).items():
                place = column - self._area.first_column
                if 0 <= place < len(columns) and columns[place][row - first_row] in _WITHOUT_A_VALUE:
                    columns[place][row - first_row] = text

    def _blank_comments(self, columns: Columns) -> None:
        """Blank the rows that begin with the text of a comment, which is in column A or no row has it."""
        comment = self._dialect.comment
        if comment is None or self._area.first_column:
            return
        for position, text in enumerate(columns[0]):
            if text.startswith(comment):
                for texts in columns:
                    texts[position] = ""


def open_workbook(open_file: OpenFile, rules: ReadingRules) -> Iterator[WorkbookSheet]:
    """Yield the sheets of a workbook that a feed reads, one by one; each is dropped when the next is asked for.

    Raises:
        UnreadableDeliveryError: the file is not a workbook, is damaged, too large or protected by a password, or lacks
            a sheet that the feed reads.
    """
    contents = _open_contents(open_file)
    with _local_file(open_file) as stream, WorkbookProcess(stream) as process:
        numbers = choose_sheets(process.sheets, rules.sheets, partial(is_blank, process, contents))
        doubts, notes = doubt_unread(process.sheets, numbers), note_unread(process.sheets, numbers)
        notes |= note_unread_headers(process, contents, rules.dialect, numbers, [*doubts, *notes])
        for position, number in enumerate(numbers):
            faulty, merged = partial(contents.faulty_cells, number), contents.merged_cells(number)
            if rules.currency:  # a draft has none: it reads the first rows alone, and the process limits the parser
                faulty()
            sheet = WorkbookSheet(process, number, faulty, rules.dialect, is_1904=contents.is_1904, merged=merged)
            if rules.kind == "ledger" and rules.currency:
                codes = code_columns(sheet.header, rules)
                sheet.displayed = contents.displayed_units(number, rules.dialect.header_row, rules.currency, codes)
                sheet.sums = contents.sums(number)
                sheet.hidden_rows, sheet.hidden_columns = contents.hidden_rows(number), contents.hidden_columns(number)
            if position == 0:
                sheet.doubts, sheet.notes = sheet.doubts | doubts, sheet.notes | notes
            yield sheet


def read_sheet_rows(open_file: OpenFile, places: Iterable[Place]) -> dict[Place, list[str]]:
    """Return the cells of some rows by sheet and row; places that the workbook does not have are left out.

    Raises:
        UnreadableDeliveryError: the workbook is damaged, or too large.
    """
    wanted: dict[str, set[int]] = {}
    for sheet, row in places:
        wanted.setdefault(sheet or "", set()).add(row)
    cells: dict[Place, list[str]] = {}
    contents = _open_contents(open_file)
    with _local_file(open_file) as stream, WorkbookProcess(stream) as process:
        for number, info in enumerate(process.sheets):
            rows = wanted.get(info.name)
            if rows is None or not info.has_cells:
                continue
            table = WorkbookSheet(
                process, number, partial(contents.faulty_cells, number), Dialect(header_row=0, names=("",))
            )
            for batch in table.batches():
                first = batch.source_rows[0].as_py()
                for row in rows & set(range(first, first + len(batch))):
                    texts = [column[row - first].as_py() for column in batch.columns.values()]
                    cells[info.name, row] = texts
    return cells


def _open_contents(open_file: OpenFile) -> WorkbookPackage | XlsRecords:
    with open_file() as stream:
        start = stream.read(_SAMPLE_BYTES)
    if not start:
        raise UnreadableDeliveryError("the file is empty", fix="send it again; an empty file changes nothing")
    if start.startswith(ZIP_MARK):
        return WorkbookPackage(open_file)
    if start.startswith(OLE_MARK):
        return XlsRecords(open_file)
    name, fix = describe_format(start)
    raise UnreadableDeliveryError(f"the file is {name}, not a workbook", fix=fix)


def _local_file(open_file: OpenFile) -> BinaryIO:
    """Return the workbook as a file that another process can open."""
    stream = open_file()
    try:
        stream.fileno()
    except (OSError, io.UnsupportedOperation):
        with stream:
            copy = tempfile.TemporaryFile()  # noqa: SIM115, the caller closes it
            while block := stream.read(_SAMPLE_BYTES):
                copy.write(block)
            copy.flush()
            return copy
    return stream


def _check_row_lengths(sheet: str | None, first_row: int, columns: Columns) -> None:
    if len(columns[0]) > 1:  # the worker splits a batch of that many characters
        return
    length = sum(len(texts[0]) for texts in columns)
    if length > MAX_ROW_CHARACTERS:
        raise UnreadableDeliveryError(
            f"sheet {sheet!r} row {first_row}: the row has more than {MAX_ROW_CHARACTERS:,} characters",
            fix="shorten its texts",
        )
