"""Raw lines: the text behind a ledger line, as an editor or a spreadsheet shows it, if the object has not changed.

Belongs here: whether an object is unchanged, and extracting its records by line, in constant memory.
Does not belong here: the meaning of the text (see `feeds`), which lines are traced (see `cell_to_lines`).
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from enum import StrEnum
from itertools import islice

from finance_platform.feeds.file_names import PACKED_ENDING, WORKBOOK_ENDINGS, file_ending
from finance_platform.feeds.files.file_format import OpenFile
from finance_platform.feeds.files.packed_text import unpacked
from finance_platform.feeds.files.workbook import Place, read_sheet_rows
from finance_platform.feeds.limits import MAX_ROW_CHARACTERS
from finance_platform.feeds.resolved import Dialect
from finance_platform.storage.port import ObjectStore

_CELL_MARK = " | "


class RawState(StrEnum):
    """The state of a raw object since a delivery of it was read."""

    SAME = "same"
    CHANGED = "changed"
    GONE = "gone"
    UNREADABLE = "unreadable"


def check_raw_state(raw: ObjectStore, object_key: str, fingerprint: str, etag: str | None) -> RawState:
    """Return whether an object is unchanged since it was read.

    Args:
        raw: the raw zone.
        object_key: the object.
        fingerprint: SHA-256 of the bytes that were read.
        etag: the etag that the register has for those bytes; if it is unchanged, nothing is read.
    """
    try:
        stored = raw.find(object_key)
        if stored is None:
            return RawState.GONE
        if stored.etag == etag:
            return RawState.SAME
        return RawState.SAME if raw.fingerprint(object_key) == fingerprint else RawState.CHANGED
    except OSError:
        return RawState.UNREADABLE


def read_raw_texts(raw: ObjectStore, object_key: str, places: Iterable[Place], dialect: Dialect) -> dict[Place, str]:
    """Return the text of records by their place; a quoted record of a text file may have several lines.

    Bytes that are invalid in the encoding become U+FFFD. Places that the file does not have are left out. The text of a
    sheet's row is its cells up to the last that is not blank, with ` | ` between them.

    Args:
        raw: the raw zone.
        object_key: the file.
        places: lines on which records begin, or rows of sheets.
        dialect: delimiter, quote and encoding of a text file.

    Raises:
        UnreadableDeliveryError: the workbook, or what gzip packed, is damaged.
    """
    ending = file_ending(object_key)
    if ending in WORKBOOK_ENDINGS:
        cells = read_sheet_rows(lambda: raw.open(object_key), places)
        return {place: _CELL_MARK.join(row).rstrip(_CELL_MARK) for place, row in cells.items()}
    open_file: OpenFile = lambda: raw.open(object_key)  # noqa: E731, the type of what `unpacked` takes
    texts = _read_lines(unpacked(open_file) if ending.endswith(PACKED_ENDING) else open_file, places, dialect)
    return {(None, row): text for row, text in texts.items()}


def _read_lines(open_file: OpenFile, places: Iterable[Place], dialect: Dialect) -> dict[int, str]:
    encoding = "utf-8-sig" if dialect.encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else dialect.encoding
    with open_file() as stream:
        # Like the reader: the csv module counts every kind of line break, so the text must keep them.
        lines = _Lines(io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline=""))
        records = {row: lines.read_record(row, dialect) for row in sorted({row for _, row in places})}
    return {row: text for row, text in records.items() if text is not None}


class _Lines:
    """The lines of a text, read once."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._position = 0

    def read_record(self, row: int, dialect: Dialect) -> str | None:
        """Return the record that begins on a later line, without its last line break."""
        # A record begins on this line, so no quote is open, and the lines before need no parsing.
        deque(islice(self._lines, row - 1 - self._position), maxlen=0)
        self._position = row - 1
        lines: list[str] = []
        csv.field_size_limit(MAX_ROW_CHARACTERS)  # the reader's limit, so that whatever was read can be shown
        with suppress(csv.Error):  # the lines up to the error are returned
            next(csv.reader(self._collect(lines), delimiter=dialect.delimiter, quotechar=dialect.quote), None)
        return "".join(lines).rstrip("\r\n") if lines else None

    def _collect(self, lines: list[str]) -> Iterator[str]:
        for line in self._lines:
            self._position += 1
            lines.append(line)
            yield line
