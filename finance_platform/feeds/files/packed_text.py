"""Text that is packed with gzip: unpacked as it is read, up to a limit, with damage as a refusal.

Belongs here: unpacking. Does not belong here: cutting the text into cells (see `delimited_file`).
"""

from __future__ import annotations

import gzip
import io
import zlib
from typing import BinaryIO, cast

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.files.file_format import GZIP_MARK, OpenFile, find_other_format
from finance_platform.feeds.limits import MAX_UNPACKED_BYTES

_BUFFER_BYTES = 1 << 18


def unpacked(open_file: OpenFile) -> OpenFile:
    """Return the function that opens the text inside a file.

    What it opens raises `UnreadableDeliveryError` if the file is not packed with gzip, is damaged, or unpacks to too
    much.
    """
    return lambda: cast("BinaryIO", io.BufferedReader(_Unpacked(open_file()), _BUFFER_BYTES))


class _Unpacked(io.RawIOBase):
    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        start = packed.read(_BUFFER_BYTES)
        packed.seek(0)
        if start and not start.startswith(GZIP_MARK):
            name = (find_other_format(start) or ("text",))[0]
            packed.close()
            raise UnreadableDeliveryError(
                f"the file is {name}, not compressed by gzip as its name says", fix="remove .gz from its name"
            )
        self._stream = gzip.GzipFile(fileobj=packed)
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            data = self._stream.read1(len(buffer))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise UnreadableDeliveryError(
                f"the file is damaged: what gzip packed cannot be unpacked ({error})",
                fix="send it again; its transfer may have been cut off",
            ) from error
        self._size += len(data)
        if self._size > MAX_UNPACKED_BYTES:
            raise UnreadableDeliveryError(
                f"the file unpacks to more than {MAX_UNPACKED_BYTES:,} bytes, which is the most that is read",
                fix="send it in several smaller files, or unpacked, for which there is no limit",
            )
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
            self._packed.close()
        super().close()
