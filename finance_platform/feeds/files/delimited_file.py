"""Delimited files: read as batches of text, each row with its line number in an editor.

Belongs here: cutting bytes into cells. Does not belong here: the meaning of cells (see `cells`, `ledger_lines`).

Arrow's CSV reader is fast, and right as long as each line is one row and quotes only enclose cells. The standard
library's reader handles everything else, from the first row that Arrow cannot read.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Any, BinaryIO, NamedTuple, TextIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv as arrow_csv

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.cells import LEFT_OVER, RawBatch
from finance_platform.feeds.files.broken_lines import FileEnd
from finance_platform.feeds.files.displayed_units import Displayed
from finance_platform.feeds.files.file_format import (
    OpenFile,
    Utf8Evidence,
    advise_encoding,
    find_other_format,
    find_utf8,
    is_single_byte,
    marked_encoding,
    unmarked_encoding,
)
from finance_platform.feeds.files.formula_sums import FormulaSums
from finance_platform.feeds.files.workbook_shared import MergedCells
from finance_platform.feeds.findings import Note
from finance_platform.feeds.header import header_names, join_rows
from finance_platform.feeds.limits import (
    MAX_BATCH_CELLS,
    MAX_BATCH_CHARACTERS,
    MAX_COLUMNS,
    MAX_NAME_CHARACTERS,
    MAX_ROW_CHARACTERS,
)
from finance_platform.feeds.resolved import Dialect

_BLOCK_BYTES = 4 << 20
_BATCH_ROWS = 20_000
_CELL_LIMIT = 1 << 24
_SAMPLE_BYTES = 1 << 16
_DOS_END_OF_FILE = "\x1a"
_ASCII_COMPATIBLE = {"utf-8-sig", "cp1252", "iso8859-1", "ascii", "cp1250"}
_NEWLINE, _RETURN = b"\n\r"


_MAX_HIDDEN = 1_000
"""Lines within cells that are kept: the first of them says that a quote is not closed."""

_MAX_KEPT_CHARACTERS = 10_000
"""Of such a line; a longer one is none of a ledger."""

_LEAST_WHOLE = 2
"""Rows before the last one that have all cells, so that one with fewer is no chance."""


class _Row(NamedTuple):
    line: int
    cells: list[str]
    characters: int
    has_breaks: bool


class DelimitedFile:
    """One delimited file, read in constant memory.

    Attributes:
        end: what was noticed about its lines; complete after the last batch.
    """

    def __init__(self, open_file: OpenFile, dialect: Dialect) -> None:
        """Read the header.

        Raises:
            UnreadableDeliveryError: the file is empty, not valid in its encoding, or has no line for the header.
        """
        self._open = open_file
        self._dialect = dialect
        encoding = codecs.lookup(dialect.encoding).name
        self._encoding = "utf-8-sig" if encoding == "utf-8" else encoding
        self.sheet: str | None = None
        self.notes: dict[str, Note] = {}
        self.doubts: dict[str, str] = {}
        self.end = FileEnd(delimiter=dialect.delimiter)
        self.displayed: Mapping[int, Sequence[Displayed]] = {}
        self.hidden_rows: Collection[int] = ()
        self.hidden_columns: Collection[int] = ()
        self.merged: MergedCells = []
        self.sums: FormulaSums = {}
        self._check_first_bytes()
        self._header_line, self.header = self._read_header()

    def batches(self) -> Generator[RawBatch, None, None]:
        """Yield every row after the header, blank ones included, in order.

        Raises:
            UnreadableDeliveryError: bytes are not valid in the encoding; names the line.
        """
        rows_read = 0
        if self._may_be_plain():
            # A line that is not one row, a ragged or blank row, or invalid bytes: each row before was one line.
            with suppress(_NotPlainError, pa.ArrowInvalid, UnicodeError):
                for batch in self._batches_by_arrow():
                    rows_read += len(batch)
                    yield batch
                return
        yield from self._batches_by_csv(skip=rows_read)

    def first_rows(self, count: int) -> list[tuple[int, list[str]]]:
        """Return line and cells of the first rows, as far as a header may extend; lines above the header included."""
        skips_spaces = self._has_spaces_before_quotes(_SAMPLE_BYTES)
        with self._open() as stream:
            rows = islice(self._rows(stream, skips_spaces=skips_spaces), count)
            return [(row.line, [cell[:MAX_NAME_CHARACTERS] for cell in row.cells[:MAX_COLUMNS]]) for row in rows]

    def utf8_evidence(self) -> Utf8Evidence | None:
        """Return the first text of a file that is UTF-8 throughout and not of the declared single-byte encoding."""
        return find_utf8(self._open, self._encoding)

    def _check_first_bytes(self) -> None:
        with self._open() as stream:
            start = stream.read(_SAMPLE_BYTES)
        if not start:
            raise UnreadableDeliveryError("the file is empty", fix="send it again; an empty file changes nothing")
        other_format = find_other_format(start)
        if other_format:
            raise UnreadableDeliveryError(f"the file is {other_format[0]}, not delimited text", fix=other_format[1])
        marked = marked_encoding(start)
        unmarked = None if marked else unmarked_encoding(start)
        if unmarked and codecs.lookup(unmarked).name != self._encoding:
            name = unmarked[:6]
            needs_mark = ", which needs the mark" if codecs.lookup(name).name == self._encoding else ""
            raise UnreadableDeliveryError(
                f"the file is {name} text without a byte order mark, but is declared as {self._dialect.encoding}"
                + needs_mark,
                fix=f"set dialect.encoding: {unmarked} in the descriptor",
            )
        if marked is None or marked == self._encoding:
            return
        name = marked.removesuffix("-sig")
        if not self._encoding.startswith(name):
            text = f"the file's byte order mark says {name}, so it was read as {name} and not as"
            fix = f"set dialect.encoding: {name} in the descriptor if all files of the feed have this mark"
            self.notes[f"{text} {self._dialect.encoding}"] = Note(1, fix)
        self._encoding = marked

    def _rows(self, stream: BinaryIO, *, skips_spaces: bool) -> Iterator[_Row]:
        csv.field_size_limit(_CELL_LIMIT)
        text = io.TextIOWrapper(stream, encoding=self._encoding, newline="")
        lines = _RowLines(text, self._dialect.comment)
        reader = csv.reader(
            lines,
            delimiter=self._dialect.delimiter,
            quotechar=self._dialect.quote,
            skipinitialspace=skips_spaces,
        )
        line = 0
        while True:
            lines.row_characters = 0
            try:
                row = next(reader)
            except StopIteration:
                return
            except UnicodeError:
                raise self._invalid_bytes() from None
            except csv.Error as error:
                raise UnreadableDeliveryError(
                    f"line {line + 1}: {error}", fix="check the dialect: delimiter and quote in the descriptor"
                ) from None
            if lines.is_too_long:
                raise _long_row(line + 1)
            if lines.is_exhausted:
                if reader.line_num > line + 1:
                    raise _unclosed_quote(line + 1)
                self.end = replace(self.end, has_break=lines.has_last_break)
                return
            yield _Row(line + 1, row, lines.row_characters, reader.line_num > line + 1)
            line = reader.line_num

    def _has_spaces_before_quotes(self, characters: int | None = None) -> bool:
        """Return whether a cell begins with a space and a quote, as in `1, "2"`; its quotes then enclose it.

        Args:
            characters: how much of the file to search; all of it by default.
        """
        delimiter, quote = self._dialect.delimiter, self._dialect.quote
        if " " in {delimiter, quote}:
            return False
        pattern = re.compile(f"{re.escape(delimiter)} +{re.escape(quote)}")
        rest = ""
        with self._open() as stream:
            text = io.TextIOWrapper(stream, encoding=self._encoding, errors="replace", newline="")
            try:
                while block := text.read(characters or _BLOCK_BYTES):
                    if f" {quote}" in rest + block and pattern.search(rest + block):
                        return True
                    if characters:
                        return False
                    rest = block[-_SAMPLE_BYTES:]
            except UnicodeError:
                return False  # reading the rows reports it
        return False

    def _read_header(self) -> tuple[int, list[str]]:
        dialect = self._dialect
        if dialect.names:
            return 0, list(dialect.names)
        skips_spaces = self._has_spaces_before_quotes(_SAMPLE_BYTES)
        above: list[list[str]] = []
        with self._open() as stream:
            for line, row, *_ in self._rows(stream, skips_spaces=skips_spaces):
                if line >= dialect.header_row:
                    return line, header_names(f"line {line}", join_rows([*above, row]))
                if line in dialect.header_above:
                    above.append(row[: MAX_COLUMNS + 1])
        raise UnreadableDeliveryError(
            f"the header should be on line {dialect.header_row}, but the file is shorter",
            fix="check dialect.header_row in the descriptor",
        )

    def _may_be_plain(self) -> bool:
        """Return whether the bytes of line ends, delimiters and quotes are these characters alone.

        A header without names, as a blank line is, leaves Arrow to take the row below for names.
        """
        characters = self._dialect.delimiter + self._dialect.quote + (self._dialect.comment or "")
        return bool(self.header) and self._encoding in _ASCII_COMPATIBLE and characters.isascii()

    def _batches_by_arrow(self) -> Iterator[RawBatch]:
        dialect = self._dialect
        encoding = "utf8" if self._encoding == "utf-8-sig" else self._encoding
        with self._open() as stream:
            plain = _PlainLines(stream, dialect, is_utf8=encoding == "utf8")
            options = (
                arrow_csv.ReadOptions(
                    column_names=self.header,
                    skip_rows=dialect.header_row,
                    encoding=encoding,
                    block_size=_BLOCK_BYTES,
                    use_threads=False,
                ),
                arrow_csv.ParseOptions(delimiter=dialect.delimiter, quote_char=dialect.quote, ignore_empty_lines=False),
                arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(self.header, pa.string()),
                    strings_can_be_null=False,
                    null_values=[],
                    check_utf8=encoding != "utf8",  # a block is checked as a whole, which takes a tenth of the time
                ),
            )
            # What is whole is read in this thread, since another one takes its time to start, and waits for Python.
            whole = plain.whole()
            blocks = arrow_csv.open_csv(plain, *options) if whole is None else _read_whole(whole, options)
            first = dialect.header_row + 1
            for block in blocks:
                for start in range(0, block.num_rows, self._max_rows()):
                    batch = block.slice(start, self._max_rows())
                    columns = dict(zip(self.header, batch.columns, strict=True))
                    rows = pa.array(np.arange(first, first + batch.num_rows, dtype=np.int64))
                    first += batch.num_rows
                    yield RawBatch(columns, rows, pa.nulls(batch.num_rows, pa.string()))
            self.end = replace(self.end, has_break=plain.has_last_break)

    def _max_rows(self) -> int:
        return max(1, MAX_BATCH_CELLS // max(1, len(self.header)))

    def _batches_by_csv(self, skip: int) -> Iterator[RawBatch]:
        lines: list[int] = []
        rows: list[list[str]] = []
        max_rows, characters = min(_BATCH_ROWS, self._max_rows()), 0
        skips_spaces = self._has_spaces_before_quotes()
        width, row_count, short_rows, widest = len(self.header), 0, 0, len(self.header) if skip else 0
        hidden: list[tuple[int, tuple[str, ...]]] = []
        row: list[str] = []
        longer: list[tuple[int, tuple[str, ...]]] = []
        with self._open() as stream:
            for line, row, length, has_breaks in self._rows(stream, skips_spaces=skips_spaces):
                if line <= self._header_line:
                    continue
                if skip:
                    skip -= 1
                    continue
                lines.append(line)
                rows.append([] if row == [_DOS_END_OF_FILE] else row)
                row_count += 1
                short_rows += len(row) < width
                widest = max(widest, len(row))
                if len(row) > width and len(longer) < _MAX_HIDDEN and length < _MAX_KEPT_CHARACTERS:
                    longer.append((line, tuple(row)))
                if has_breaks and len(hidden) < _MAX_HIDDEN:
                    hidden += self._hidden_lines(line, row)
                characters += length
                if len(rows) == max_rows or characters > MAX_BATCH_CHARACTERS:
                    yield self._batch(lines, rows)
                    lines, rows, characters = [], [], 0
        is_short = short_rows == 1 and len(row) < width and row_count > _LEAST_WHOLE
        lacking = max(0, width - widest) if self._dialect.names else 0
        kept = tuple(hidden[:_MAX_HIDDEN])
        self.end = replace(self.end, is_short=is_short, hidden=kept, longer=tuple(longer), lacking=lacking)
        if rows:
            yield self._batch(lines, rows)

    def _hidden_lines(self, line: int, row: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Yield the lines within a row's cells that have several cells themselves, but for the first of each cell."""
        for cell in row:
            for text in cell.split("\n")[1:]:
                line += 1
                cells = text.removesuffix("\r").split(self._dialect.delimiter)
                if len(cells) > 1 and len(text) < _MAX_KEPT_CHARACTERS:
                    yield line, tuple(cells)

    def _batch(self, lines: Sequence[int], rows: Sequence[list[str]]) -> RawBatch:
        width = len(self.header)
        problems = [_problem(row, width) for row in rows]
        padded = [(row + [""] * width)[:width] for row in rows]
        columns = {
            name: pa.array([row[position] for row in padded], pa.string()) for position, name in enumerate(self.header)
        }
        return RawBatch(columns, pa.array(lines, pa.int64()), pa.array(problems, pa.string()))

    def _invalid_bytes(self) -> UnreadableDeliveryError:
        encoding = self._encoding.removesuffix("-sig") if self.notes else self._dialect.encoding
        fix = "set dialect.encoding in the descriptor to the encoding that the sender uses"
        evidence = self.utf8_evidence()
        is_utf8 = evidence is not None and not evidence.is_mixed
        if is_utf8:
            fix = "set dialect.encoding: utf-8 in the descriptor; the whole file is valid UTF-8"
        has_ascii_breaks = b"\n".decode(self._encoding, "ignore") == "\n"
        with self._open() as stream:
            # In latin-1 every byte is a character, so it cuts bytes into lines as an editor does.
            text = io.TextIOWrapper(stream, "latin-1", newline="")
            lines = iter(lambda: text.readline(MAX_ROW_CHARACTERS), "") if has_ascii_breaks else ()
            for number, line in enumerate(lines, start=1):
                if len(line) == MAX_ROW_CHARACTERS:
                    return _long_row(number)
                try:
                    line.encode("latin-1").decode(self._encoding)
                except UnicodeDecodeError as error:
                    if self._encoding in {"utf-8-sig", "ascii"} or is_single_byte(self._encoding):
                        fix = fix if is_utf8 else advise_encoding(error, self._encoding)
                    byte = error.object[error.start]
                    return UnreadableDeliveryError(
                        f"line {number}: byte 0x{byte:02x} is not valid {encoding} text", fix=fix
                    )
        return UnreadableDeliveryError(f"the file is not valid {encoding} text", fix=fix)


def _problem(row: Sequence[str], width: int) -> str | None:
    """Return what is wrong with a row: cells beyond the header that are not blank; missing ones count as blank."""
    if not any(cell.strip() for cell in row[width:]):
        return None
    return f"the row has {len(row)} cells, the header {width}{LEFT_OVER}{', '.join(row[width:])[:200]}"


def _long_row(line: int) -> UnreadableDeliveryError:
    return UnreadableDeliveryError(
        f"line {line}: the row that begins here has more than {MAX_ROW_CHARACTERS:,} characters",
        fix="break it into lines, or correct dialect.quote and .delimiter in the descriptor: a quote may not be closed",
    )


def _unclosed_quote(line: int) -> UnreadableDeliveryError:
    return UnreadableDeliveryError(
        f"line {line}: a quote is opened in this row and never closed, so the rest of the file would be one cell",
        fix="close or remove the quote; if quotes are plain text, set dialect.quote to a character not in the file",
    )


class _NotPlainError(ValueError):
    """A line is not one row in every CSV reader's eyes, or is longer than a block."""


def _read_whole(data: pa.Buffer, options: tuple[Any, ...]) -> list[pa.RecordBatch]:
    """Return the rows of a file of one block, as `open_csv` does."""
    return arrow_csv.read_csv(data, *options).to_batches()  # type: ignore[no-any-return]  # of Arrow


class _PlainLines(io.RawIOBase):
    """The bytes of a file, whole lines at a time, as long as each line is one row.

    So a file is read once, also where its last line is the first that is not plain.

    Attributes:
        has_last_break: whether the last line that was read is ended.
    """

    def __init__(self, stream: BinaryIO, dialect: Dialect, *, is_utf8: bool) -> None:
        """Begin at the start of a file.

        Args:
            stream: the file.
            dialect: its delimiter, quote and comment, all ASCII.
            is_utf8: whether its bytes must be valid UTF-8, which may begin with a byte order mark.
        """
        self._stream = stream
        self._marks, self._comment = dialect.delimiter + dialect.quote, dialect.comment or ""
        self._is_utf8 = is_utf8
        self._mark = codecs.BOM_UTF8 if is_utf8 else b""
        self._checked = self._rest = b""
        self._is_at_end = False
        self.has_last_break = True

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes: at most `size`, and not more than end with a line; none at the end of the file.

        Raises:
            _NotPlainError: a line among the next is not one row, or not valid UTF-8.
        """
        while not (self._checked or self._is_at_end):
            self._check_next()
        end = len(self._checked) if size < 0 else size
        data, self._checked = self._checked[:end], self._checked[end:]
        return data

    def whole(self) -> pa.Buffer | None:
        """Return the next bytes if they are all that is left; otherwise None.

        Raises:
            _NotPlainError: see `read`.
        """
        if not (self._checked or self._is_at_end):
            self._check_next()
        return pa.py_buffer(self.read()) if self._is_at_end else None

    def _check_next(self) -> None:
        # Arrow makes a batch of what it gets: whole lines, since it took the end of a first line for an empty file.
        data = self._rest
        while len(data) < _BLOCK_BYTES and not self._is_at_end:
            block = self._stream.read(_BLOCK_BYTES - len(data))
            data, self._is_at_end = data + block, not block
        end = len(data) if self._is_at_end else data.rfind(b"\n") + 1
        self._checked, self._rest = data[:end], data[end:]
        self.has_last_break = self._checked.endswith(b"\n") or not self._checked
        text, self._mark = self._checked.removeprefix(self._mark), b""
        if len(self._rest) == _BLOCK_BYTES or not _is_plain(text, self._marks, self._comment):
            raise _NotPlainError
        if self._is_utf8 and not _is_utf8(text):
            raise _NotPlainError


def _is_plain(lines: bytes, marks: str, comment: str) -> bool:
    """Return whether every line is one row, none a comment, and quotes only enclose cells or are doubled inside them.

    CSV readers differ on everything else.
    """
    # To find a byte that is not there takes a tenth of the time of counting it, and most files have neither.
    if b"\0" in lines or (b"\r" in lines and lines.count(b"\r") != lines.count(b"\r\n")):
        return False
    mark = comment.encode()
    if mark and mark in lines and (lines.startswith(mark) or b"\n" + mark in lines):
        return False
    delimiter, quote = marks.encode()
    if quote not in lines:
        return True
    data = np.frombuffer(lines, dtype=np.uint8)
    quotes = np.flatnonzero(data == quote)
    if _has_line_ends_inside(data, quotes):
        return False
    # Before the first byte and after the last one, a line begins.
    opening, closing = quotes[0::2], quotes[1::2]
    before_opening, after_closing = data[opening[opening > 0] - 1], data[closing[closing < len(data) - 1] + 1]
    may_open, may_close = np.zeros(256, np.bool_), np.zeros(256, np.bool_)
    may_open[[delimiter, quote, _NEWLINE]] = may_close[[delimiter, quote, _NEWLINE, _RETURN]] = True
    return bool(may_open[before_opening].all() and may_close[after_closing].all())


def _has_line_ends_inside(data: npt.NDArray[np.uint8], quotes: npt.NDArray[np.int64]) -> bool:
    """Return whether a line ends between the quotes of a cell, or a quote is not closed."""
    if len(quotes) & 1:
        return True
    opening, closing = quotes[0::2], quotes[1::2]
    if (closing - opening).sum() * _SPARSE > len(data):
        return bool((np.searchsorted(quotes, np.flatnonzero(data == _NEWLINE)) & 1).any())
    # Of few cells in quotes, only these are searched: their bytes, one after the other.
    lengths = closing - opening
    ends = np.cumsum(lengths)
    places = np.arange(lengths.sum()) + np.repeat(opening - (ends - lengths), lengths)
    return bool((data[places] == _NEWLINE).any())


_SPARSE = 16


def _is_utf8(lines: bytes) -> bool:
    """Return whether bytes are valid UTF-8; they are not copied for that."""
    ends = pa.py_buffer(np.array([0, len(lines)], np.int32))
    try:
        pa.StringArray.from_buffers(1, ends, pa.py_buffer(lines)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


class _RowLines:
    """The lines of a text and a blank one after them, which an unclosed quote makes part of the last row.

    Attributes:
        row_characters: the length of the lines since it was set to 0, which is done before each row.
        is_too_long: whether the last row was cut, because it exceeds `MAX_ROW_CHARACTERS`.
        is_exhausted: whether the blank line was reached.
        has_last_break: whether the last line is ended.
    """

    def __init__(self, text: TextIO, comment: str | None = None) -> None:
        self.row_characters = 0
        self.is_too_long = False
        self.is_exhausted = False
        self.has_last_break = True
        self._text = text
        self._comment = comment

    def __iter__(self) -> Iterator[str]:
        last = ""
        with self._text:
            while line := self._text.readline(MAX_ROW_CHARACTERS + 1):
                is_first_of_row = self.row_characters == 0
                self.row_characters += len(line)
                if is_first_of_row and self._comment and line.startswith(self._comment):
                    line = "\n"  # a row of its own, without cells
                if self.row_characters > MAX_ROW_CHARACTERS:
                    self.is_too_long = True
                    break
                last = line
                yield line
        self.has_last_break = not last or last.endswith(("\n", "\r"))
        self.is_exhausted = True
        yield ""
