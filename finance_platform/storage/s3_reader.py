"""Reading one object of S3 in pieces, forwards or from anywhere, as a Parquet reader asks.

Belongs here: which bytes are asked for, and asking again where a connection is cut. Does not belong here: the zone.

boto3 gives a stream that cannot seek and ends where its connection does; pyarrow's own S3 client would find other
credentials, know nothing of buckets whose readers pay, and tell of failures in words of its own.
"""

from __future__ import annotations

import io
import itertools
import random
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from finance_platform.storage.s3_errors import Attempt, explained_by_s3, status_of

FIRST_BYTES = 128 << 10
"""The first answer holds small objects, which are most, as a whole."""

WHOLE = 1 << 40
"""More than any object has: S3 gives what there is, in one answer and so of one version."""

_AHEAD_BYTES = 8 << 20
"""Read ahead while somebody reads on: memory stays at this, and 1 GB is 128 requests."""

_CUTS = 4
"""How often one piece is asked for again; the client's own retries end where the answer's body begins."""

_LONGEST_PAUSE_SECONDS = 0.5

Get = Callable[..., Any]


class ObjectStream(io.RawIOBase):
    """An object's bytes, all of one version: where it is overwritten meanwhile, the next piece is refused."""

    def __init__(self, get: Get, attempt: Attempt, first_bytes: int = FIRST_BYTES) -> None:
        """Read the first piece.

        Args:
            get: the client's `get_object`, which knows bucket and key.
            attempt: for errors.
            first_bytes: how long the first piece is.

        Raises:
            FileNotFoundError: there is no such object.
        """
        super().__init__()
        self._get = get
        self._attempt = attempt
        self._position = 0
        self._start, self._piece = 0, b""
        self._version: dict[str, str] = {}
        self._size = 0
        self._fetch(0, first_bytes)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return where the next byte is read."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go anywhere; nothing is asked for before it is read."""
        self._position = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence])
        return self._position

    def readall(self) -> bytes:
        """Return all bytes from here on."""
        return self.read(max(0, self._size - self._position)) or b""

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer, as far as the object goes."""
        target = memoryview(buffer).cast("B")
        wanted = min(len(target), max(0, self._size - self._position))
        done = 0
        while done < wanted:
            if not self._start <= self._position < self._start + len(self._piece):
                reads_on = self._position == self._start + len(self._piece)
                self._fetch(self._position, max(wanted - done, _AHEAD_BYTES if reads_on else FIRST_BYTES))
            taken = memoryview(self._piece)[self._position - self._start :][: wanted - done]
            target[done : done + len(taken)] = taken
            done += len(taken)
            self._position += len(taken)
        return done

    def _fetch(self, start: int, count: int) -> None:
        self._piece = b""  # two pieces at once are never needed
        with explained_by_s3(self._attempt):
            for cuts in itertools.count():
                answer = self._answer(start, count)
                try:
                    self._start, self._piece = start, answer["Body"].read()
                except BotoCoreError:
                    if cuts == _CUTS:
                        raise
                    time.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))  # noqa: S311  no secret, only spread out
                else:
                    return

    def _answer(self, start: int, count: int) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self._get(Range=f"bytes={start}-{start + count - 1}", **self._version)
        except ClientError as error:
            if status_of(error) != 416 or start > 0:
                raise
            self._size = 0  # an empty object has no first byte
            return {"Body": io.BytesIO()}
        self._version = {"IfMatch": answer["ETag"]}
        self._size = int(answer.get("ContentRange", f"/{answer['ContentLength']}").rpartition("/")[2])
        return answer
