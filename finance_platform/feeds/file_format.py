"""The format of a file by its bytes: text or not, its byte order mark, signs of another encoding than declared.

Belongs here: what first bytes and invalid bytes say about a file. Does not belong here: cutting it into cells (see
`delimited_file`).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from functools import lru_cache
from typing import BinaryIO, NamedTuple

_BLOCK_BYTES = 4 << 20
_BYTE_ORDER_MARKS = (  # the longer ones first, because that of UTF-32 begins like that of UTF-16
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Messages quote these characters alone: the word around them may be a person's name.
_NOT_ASCII = re.compile(rb"[\x80-\xff]+")

_IN_WORKBOOKS = (b"[Content_Types].xml", b"xl/", b"_rels/", b"mimetype", b"docProps/", b"META-INF/")
_SAVE_AS_CSV = "save it as CSV"
_OTHER_FORMATS = (
    (b"\xd0\xcf\x11\xe0", "a workbook", _SAVE_AS_CSV),
    (b"%PDF", "a PDF document", "export the data from the source system as CSV"),
    (b"\x1f\x8b", "compressed by gzip", "unpack it and send the file that it contains"),
    (b"PAR1", "a Parquet file", "export it as CSV"),
)

OpenFile = Callable[[], BinaryIO]


class Utf8Evidence(NamedTuple):
    """A text that is UTF-8 in a file that is declared to be of a single-byte encoding."""

    line: int
    as_utf8: str
    as_declared: str


def marked_encoding(start: bytes) -> str | None:
    """Return the encoding of a file's byte order mark, if it has one."""
    return next((encoding for mark, encoding in _BYTE_ORDER_MARKS if start.startswith(mark)), None)


def advise_encoding(error: UnicodeDecodeError) -> str:
    """Return the fix for bytes that are not valid UTF-8, with the characters that they would be."""
    if b"\0" in error.object:
        return "set dialect.encoding: utf-16 in the descriptor if the sender uses it; the line has zero bytes"
    match = _NOT_ASCII.match(error.object, error.start)
    try:
        text = (match[0] if match else error.object[error.start :]).decode("cp1252")
    except UnicodeDecodeError:
        return "set dialect.encoding in the descriptor to the encoding that the sender uses; it is not cp1252"
    return f"set dialect.encoding: cp1252 in the descriptor, as Excel on Windows writes, if {text!r} is right"


def find_other_format(start: bytes) -> tuple[str, str] | None:
    """Return the name and the fix of a format other than delimited text, by a file's first bytes."""
    if start.startswith(b"PK\x03\x04"):
        entry = start[30 : 30 + int.from_bytes(start[26:28], "little")]
        if entry and not entry.startswith(_IN_WORKBOOKS):
            return "a zip archive", "unpack it and send the files that it contains"
        return "a workbook", _SAVE_AS_CSV
    for beginning, name, fix in _OTHER_FORMATS:
        if start.startswith(beginning):
            return name, fix
    mark = next((mark for mark, _ in _BYTE_ORDER_MARKS if start.startswith(mark)), b"")
    text = start.removeprefix(mark).replace(b"\0", b"").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html", b"<table", b"<head", b"<meta")):
        return "an HTML page", "export it as CSV; a page in place of a file is often a login form or an error message"
    if text.startswith((b"<?xml", b"<workbook")):
        return "an XML document", "export it as CSV"
    return None


def find_utf8(open_file: OpenFile, encoding: str) -> Utf8Evidence | None:
    """Return the first text that shows that a file declared to be of a single-byte encoding is UTF-8 throughout."""
    if not _is_single_byte(encoding):
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    evidence, line = None, 1
    try:
        with open_file() as stream:
            while block := stream.read(_BLOCK_BYTES):
                match = None if evidence or block.isascii() else _NOT_ASCII.search(block)
                if match:
                    line += block.count(b"\n", 0, match.start())
                    as_utf8, as_declared = match[0].decode("utf-8", "ignore"), match[0].decode(encoding, "replace")
                    evidence = Utf8Evidence(line, as_utf8, as_declared)
                elif evidence is None:
                    line += block.count(b"\n")
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    return evidence


@lru_cache
def _is_single_byte(encoding: str) -> bool:
    """Return whether each byte of an encoding is one character."""
    if encoding.startswith("utf"):
        return False
    for byte in range(0x80, 0x100):
        try:
            bytes([byte]).decode(encoding)
        except UnicodeDecodeError as error:
            # Bytes without a character are undefined; lead bytes of longer characters are incomplete.
            if "undefined" not in error.reason and "range" not in error.reason:
                return False
        except UnicodeError:
            return False
    return True
