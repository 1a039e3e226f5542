"""Raw lines: the text behind a ledger line, as an editor shows it, where the raw object is still the one that was read.

Belongs here: whether an object is still the same, and cutting records out of it by their line, in constant memory.
Does not belong here: what the text means (see `feeds`), whose lines are asked for (see `trace`).
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from enum import StrEnum
from itertools import islice

from finance_platform.feeds.resolved import Dialect
from finance_platform.storage.port import ObjectStore

_CELL_LIMIT = 1 << 24
"""As the reader's: what was read once can be shown."""


class RawState(StrEnum):
    """What became of a raw object since a delivery of it was read."""

    SAME = "same"
    CHANGED = "changed"
    GONE = "gone"
    UNREADABLE = "unreadable"


def raw_state(raw: ObjectStore, object_key: str, fingerprint: str, etag: str | None) -> RawState:
    """Return whether an object still is what was read.

    Args:
        raw: the raw zone.
        object_key: the object.
        fingerprint: SHA-256 of the bytes that were read.
        etag: the listing's etag under which the register knows those bytes; where it is unchanged, nothing is read.
    """
    found = raw.find(object_key)
    if found is None:
        return RawState.GONE
    if found.etag == etag:
        return RawState.SAME
    try:
        return RawState.SAME if raw.fingerprint(object_key) == fingerprint else RawState.CHANGED
    except OSError:
        return RawState.UNREADABLE


def raw_texts(raw: ObjectStore, object_key: str, rows: Iterable[int], dialect: Dialect) -> dict[int, str]:
    """Return the text of records by the line on which each begins; a quoted record may have several lines.

    Bytes that are no text of the encoding show as U+FFFD. A line that the file does not have is left out.

    Args:
        raw: the raw zone.
        object_key: a delimited file.
        rows: lines on which records begin, counted from 1.
        dialect: how the file is cut into cells.
    """
    encoding = "utf-8-sig" if dialect.encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else dialect.encoding
    with raw.open(object_key) as stream:
        # As the reader does: the csv module counts every kind of line break, so the text must keep them.
        lines = _Lines(io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline=""))
        found = {row: lines.record(row, dialect) for row in sorted(set(rows))}
    return {row: text for row, text in found.items() if text is not None}


class _Lines:
    """The lines of a text, passed once."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._passed = 0

    def record(self, row: int, dialect: Dialect) -> str | None:
        """Return the record that begins on a line not passed yet, without its last line break."""
        # A record begins here, so no quote is open, and the lines before need no look.
        deque(islice(self._lines, row - 1 - self._passed), maxlen=0)
        self._passed = row - 1
        taken: list[str] = []
        csv.field_size_limit(_CELL_LIMIT)
        with suppress(csv.Error):  # the lines that were taken are shown all the same
            next(csv.reader(self._taking(taken), delimiter=dialect.delimiter, quotechar=dialect.quote), None)
        return "".join(taken).rstrip("\r\n") if taken else None

    def _taking(self, taken: list[str]) -> Iterator[str]:
        for line in self._lines:
            self._passed += 1
            taken.append(line)
            yield line
