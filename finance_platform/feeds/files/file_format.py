"""The format of a file by its bytes: text or not, its byte order mark, signs of another encoding than declared.

Belongs here: what first bytes and invalid bytes say about a file. Does not belong here: cutting it into cells (see
`delimited_file`).
"""

from __future__ import annotations

import codecs
import re
import unicodedata
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
_ZERO_PLACES = {
    "utf-16-le": (False, True, False, True),
    "utf-16-be": (True, False, True, False),
    "utf-32-le": (False, True, True, True),
    "utf-32-be": (True, True, True, False),
}
"""Which bytes of four can be zero in text without a byte order mark."""

_MANY_ZEROS, _FEW_ZEROS = 0.2, 0.02

_WINDOWS = "cp1252"
_SINGLE_BYTE = (_WINDOWS, "cp850", "mac_roman")
_SIGNS_IN_WORDS = "’"
_SIGNS_AFTER_WORDS = "’”»–—…™®©°ºª€%¹²³\xa0"
# Messages quote these characters alone, and few of them: the word around them may be a person's name.
_NOT_ASCII = re.compile(rb"[\x80-\xff]{1,60}")
_UTF8_LETTER = re.compile(rb"(?:[\xc3][\x80-\xbf])+")
_WESTERN = ("cp1252", "iso8859-1", "iso8859-15")
"""Western letters with accents in UTF-8; here, a capital A with a tilde before a sign, as no text has it."""

ZIP_MARK, OLE_MARK, GZIP_MARK = b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b"
"""The first bytes of zip files, as xlsx and ods are; of xls and of workbooks with a password; of gzip."""

_IN_WORKBOOKS = (b"[Content_Types].xml", b"xl/", b"_rels/", b"mimetype", b"docProps/", b"META-INF/")
_READ_WORKBOOK = (
    "save it as CSV; or rename it to its own ending, .xlsx, .xlsm, .xls or .ods, and add that to path: in the "
    "descriptor"
)
_OTHER_FORMATS = (
    (OLE_MARK, "a workbook", _READ_WORKBOOK),
    (b"%PDF", "a PDF document", "export the data from the source system as CSV"),
    (GZIP_MARK, "compressed by gzip", "unpack it; or add .gz to its name and to path: in the descriptor"),
    (b"PAR1", "a Parquet file", "export it as CSV"),
)

OpenFile = Callable[[], BinaryIO]


class Utf8Evidence(NamedTuple):
    """A text that is UTF-8 in a file that is declared to be of a single-byte encoding.

    Attributes:
        line: its line.
        as_utf8: the text.
        as_declared: what the declared encoding makes of it.
        is_mixed: whether other parts of the file are not UTF-8, so that no encoding reads all of it.
    """

    line: int
    as_utf8: str
    as_declared: str
    is_mixed: bool = False


def byte_order_mark(start: bytes) -> bytes:
    """Return the byte order mark with which a file begins; empty if it has none."""
    return next((mark for mark, _ in _BYTE_ORDER_MARKS if start.startswith(mark)), b"")


def marked_encoding(start: bytes) -> str | None:
    """Return the encoding of a file's byte order mark, if it has one."""
    return next((encoding for mark, encoding in _BYTE_ORDER_MARKS if start.startswith(mark)), None)


def unmarked_encoding(start: bytes) -> str | None:
    """Return the encoding of wide characters whose zero bytes a file without a byte order mark has.

    Delimiters, digits and line breaks have zero bytes in such a file, and these are in the same places of every four.
    """
    places = [start[place::4] for place in range(4)]
    shares = [place.count(0) / len(place) if place else 0.0 for place in places]
    has_zeros = tuple(share >= _MANY_ZEROS for share in shares)
    has_none = tuple(share < _FEW_ZEROS for share in shares)
    for encoding, zeros in _ZERO_PLACES.items():
        if has_zeros == zeros and has_none == tuple(not is_zero for is_zero in zeros):
            return encoding
    return None


def find_invalid_utf8(open_file: OpenFile) -> UnicodeDecodeError | None:
    """Return the error of the first bytes of a file that are not UTF-8; None if there are none. All of it is read."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with open_file() as stream:
            while block := stream.read(_BLOCK_BYTES):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return error
    return None


def advise_encoding(error: UnicodeDecodeError, declared: str) -> str:
    """Return the fix for bytes that are not valid in the declared encoding, with the characters that they would be."""
    if b"\0" in error.object:
        return (
            "set dialect.encoding in the descriptor to the encoding that the sender uses, such as utf-16-le or "
            "utf-16-be, because the line has zero bytes; if it has none in the source, send the file again"
        )
    match = _NOT_ASCII.match(error.object, error.start)
    written = match[0] if match else error.object[error.start : error.start + 1]
    end = error.start + len(written)
    neighbours = error.object[: error.start][-1:], error.object[end : end + 1]
    before, after = (neighbour.decode("ascii", "ignore") for neighbour in neighbours)
    texts = {name: _decode(written, name) for name in _SINGLE_BYTE if name != declared}
    windows = texts.get(_WINDOWS)
    if windows and _is_likely(windows, before, after):
        return f"set dialect.encoding: cp1252 in the descriptor, as Excel on Windows writes, if {windows!r} is right"
    samples = ", ".join(f"{name} ({text!r})" for name, text in texts.items() if text)
    not_windows = "" if windows or declared == _WINDOWS else "; it is not cp1252"
    return f"set dialect.encoding in the descriptor to the encoding of the right text: {samples}{not_windows}"


def _decode(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _is_likely(text: str, before: str, after: str) -> bool:
    """Return whether characters are likely between two others, which are blank if they are not ASCII.

    Inside a word only letters are likely, and no capital beside a small letter.
    """
    if any(unicodedata.category(character) == "Cc" for character in text):
        return False
    if not before.isalpha():
        return True
    if (before.islower() or after.islower()) and any(character.isupper() for character in text):
        return False
    allowed = _SIGNS_IN_WORDS if after.isalpha() else _SIGNS_AFTER_WORDS
    return all(character.isalpha() or character in allowed for character in text)


def find_other_format(start: bytes) -> tuple[str, str] | None:
    """Return the name and the fix of a format other than delimited text, by a file's first bytes."""
    if start and not start.strip(b"\0"):
        return "zero bytes", "send it again: it was not written to its end, as when a copy or a disk fails"
    if start.startswith(ZIP_MARK):
        entry = start[30 : 30 + int.from_bytes(start[26:28], "little")]
        if entry and not entry.startswith(_IN_WORKBOOKS):
            return "a zip archive", "unpack it and send the files that it contains"
        return "a workbook", _READ_WORKBOOK
    for beginning, name, fix in _OTHER_FORMATS:
        if start.startswith(beginning):
            return name, fix
    text = start.removeprefix(byte_order_mark(start)).replace(b"\0", b"").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html", b"<table", b"<head", b"<meta")):
        return "an HTML page", "export it as CSV; a page in place of a file is often a login form or an error message"
    if text.startswith((b"mime-version:", b"content-type: multipart/related")):
        return "a web archive", "export it as CSV"
    if text.startswith((b"<?xml", b"<workbook")):
        return "an XML document", "export it as CSV"
    return None


def describe_format(start: bytes) -> tuple[str, str]:
    """Return name and fix of a file whose ending is a workbook's and whose first bytes are not."""
    other = find_other_format(start)
    if other is None:
        return "text", "rename it to .csv and add that to path: in the descriptor, or save it as a workbook"
    name, fix = other
    if name in {"an HTML page", "a web archive", "an XML document"}:
        fix = "open it in the spreadsheet program and save it as .xlsx; many systems export such files under this name"
    return name, fix


def find_utf8(open_file: OpenFile, encoding: str) -> Utf8Evidence | None:
    """Return the first text that shows that a file declared to be of a single-byte encoding is UTF-8, or is in part."""
    if not is_single_byte(encoding):
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
        return _find_utf8_letters(open_file, encoding) if codecs.lookup(encoding).name in _WESTERN else None
    return evidence


def _find_utf8_letters(open_file: OpenFile, encoding: str) -> Utf8Evidence | None:
    """Return the first letters of a file that are UTF-8 although other parts of it are not."""
    line = 1
    with open_file() as stream:
        while block := stream.read(_BLOCK_BYTES):
            match = None if block.isascii() else _UTF8_LETTER.search(block)
            if match:
                line += block.count(b"\n", 0, match.start())
                return Utf8Evidence(line, match[0].decode(), match[0].decode(encoding, "replace"), is_mixed=True)
            line += block.count(b"\n")
    return None


@lru_cache
def is_single_byte(encoding: str) -> bool:
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
