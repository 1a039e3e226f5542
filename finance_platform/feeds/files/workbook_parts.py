"""The parts of a zip file that an xlsx or ods workbook is: checked sizes, unpacked bytes, XML elements.

Belongs here: the zip file, and XML that cannot exhaust memory. Does not belong here: which parts a workbook has (see
`workbook_package`), what is in them (see `xlsx_sheet`, `ods_content`).
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO
from xml.parsers import expat

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.files.file_format import OpenFile
from finance_platform.feeds.files.workbook_shared import damaged, needs_password
from finance_platform.feeds.limits import MAX_WORKBOOK_BYTES, MAX_WORKBOOK_PARTS_BYTES

_BLOCK_BYTES = 1 << 20
_END_RECORD_BYTES = 22 + (1 << 16)


class WorkbookParts:
    """The parts of a workbook by their names in small letters."""

    def __init__(self, open_file: OpenFile) -> None:
        """Read the directory, and check what all parts unpack to.

        Raises:
            UnreadableDeliveryError: the file is damaged, too large or needs a password.
        """
        self._open = open_file
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
        size = sum(part.file_size for part in parts)
        if size > MAX_WORKBOOK_BYTES:
            raise _too_large(f"{size:,} bytes")
        if any(part.flag_bits & 1 for part in parts):
            raise needs_password()

    def __contains__(self, name: str) -> bool:
        return name in self._parts

    def size(self, name: str) -> int:
        """Return the bytes to which a part unpacks, as the directory states them."""
        return self._parts[name].file_size

    def elements(self, name: str) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield the elements of an XML part, without their prefixes, with their attributes."""
        elements: list[tuple[str, dict[str, str]]] = []
        _parse(self.read(name), lambda tag, attributes: elements.append((local_name(tag), attributes)))
        yield from elements

    def read(self, name: str) -> bytes:
        """Return a part that is needed as a whole, and is not large."""
        if name not in self._parts:
            raise damaged(f"it has no part {name!r}")
        if self._parts[name].file_size > MAX_WORKBOOK_PARTS_BYTES:
            raise damaged(f"its part {name!r} is too large")
        return b"".join(self.unpack(name))

    def unpack(self, name: str) -> Iterator[bytes]:
        """Yield a part's bytes; refuse it if they are not as many as the directory states."""
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
        if size != part.file_size:
            raise damaged(f"its part {name!r} ends too early")


def local_name(name: str) -> str:
    """Return the name of an element or attribute without its prefix."""
    return name.rpartition(":")[2]


def make_parser(
    start: Callable[[str, dict[str, str]], object], end: Callable[[str], object] | None = None
) -> expat.XMLParserType:
    """Return a parser of XML that refuses entities."""
    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


def _parse(data: bytes, start: Callable[[str, dict[str, str]], object]) -> None:
    try:
        make_parser(start).Parse(data, True)
    except expat.ExpatError as error:
        raise not_xml(error) from error


def not_xml(error: expat.ExpatError) -> UnreadableDeliveryError:
    """Return the refusal of a part that is not XML."""
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
