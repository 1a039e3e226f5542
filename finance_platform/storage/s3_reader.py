"""Seekable streams of one S3 object, as a Parquet reader needs them.

Belongs here: byte ranges, retries after a broken connection, several reads of one version and their hash. Does not
belong here: the store (see `s3`).

boto3's stream cannot seek and ends with its connection; pyarrow's own S3 client would find other credentials, does not
support requester-pays buckets, and has error messages of its own.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import random
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from finance_platform.storage.s3_errors import S3Operation, http_status, translate_s3_errors

FIRST_BYTES = 128 << 10
"""Small objects, the most frequent, fit into the first response."""

WHOLE = 1 << 40
"""More than the size of any object: S3 returns the whole object in one response, and so of one version."""

_AHEAD_BYTES = 8 << 20
"""Length of a piece during sequential reads: the limit of memory, and 128 requests for 1 GB."""

_RETRIES = 4
"""How often one piece is requested again; the client's own retries do not cover the response's body."""

_MAX_PAUSE_SECONDS = 0.5

Get = Callable[..., Any]


class ObjectStream(io.RawIOBase):
    """An object's bytes, all of one version: if it is overwritten meanwhile, the next piece is refused."""

    def __init__(
        self, get: Get, attempt: S3Operation, first_bytes: int = FIRST_BYTES, reads: ObjectReads | None = None
    ) -> None:
        """Read the first piece.

        Args:
            get: the client's `get_object` with bucket and key.
            attempt: for errors.
            first_bytes: the length of the first piece.
            reads: the reads that this one belongs to, of the same version.

        Raises:
            FileNotFoundError: the object does not exist.
        """
        super().__init__()
        self._get = get
        self._attempt = attempt
        self._reads = reads
        self._position = 0
        self._start, self._piece = 0, b""
        self._version: dict[str, str] = reads.version if reads else {}
        self._size = 0
        self._fetch(0, first_bytes)

    @property
    def size(self) -> int:
        """The length of the object."""
        return self._size

    @property
    def etag(self) -> str:
        """The version of the object."""
        return self._version.get("IfMatch", "")

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position of the next byte."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position; nothing is requested before the next read."""
        self._position = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence])
        return self._position

    def readall(self) -> bytes:
        """Return all bytes from the current position on."""
        return self.read(max(0, self._size - self._position)) or b""

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer up to the end of the object."""
        target = memoryview(buffer).cast("B")
        count = min(len(target), max(0, self._size - self._position))
        done = 0
        while done < count:
            if not self._start <= self._position < self._start + len(self._piece):
                is_sequential = self._position == self._start + len(self._piece)
                self._fetch(self._position, max(count - done, _AHEAD_BYTES if is_sequential else FIRST_BYTES))
            chunk = memoryview(self._piece)[self._position - self._start :][: count - done]
            target[done : done + len(chunk)] = chunk
            done += len(chunk)
            self._position += len(chunk)
        return done

    def _fetch(self, start: int, count: int) -> None:
        self._piece = b""  # frees its memory before the next piece arrives
        with translate_s3_errors(self._attempt):
            for retries in itertools.count():
                response = self._request(start, count)
                try:
                    self._start, self._piece = start, response["Body"].read()
                except BotoCoreError:
                    if retries == _RETRIES:
                        raise
                    time.sleep(random.uniform(0, _MAX_PAUSE_SECONDS))  # noqa: S311  jitter, no secret
                else:
                    break
        if self._reads:
            self._reads.add(self._start, self._piece)

    def _request(self, start: int, count: int) -> dict[str, Any]:
        try:
            response: dict[str, Any] = self._get(Range=f"bytes={start}-{start + count - 1}", **self._version)
        except ClientError as error:
            if http_status(error) != 416 or start > 0:
                raise
            self._size = 0  # an empty object has no first byte
            return {"Body": io.BytesIO()}
        self._version["IfMatch"] = response["ETag"]
        self._size = int(response.get("ContentRange", f"/{response['ContentLength']}").rpartition("/")[2])
        return response


class ObjectReads:
    """Several reads of one object without a copy of it: all are of the version that the first one found.

    Attributes:
        version: the condition of every request; empty before the first response.
    """

    def __init__(self, get: Get, attempt: S3Operation) -> None:
        """Make no request yet; see `ObjectStream`."""
        self.version: dict[str, str] = {}
        self._get, self._attempt = get, attempt
        self._digest, self._hashed = hashlib.sha256(), 0

    def open(self) -> ObjectStream:
        """Open the object for one read.

        Raises:
            OSError: the object cannot be read, or has another version than before.
        """
        return ObjectStream(self._get, self._attempt, reads=self)

    def add(self, start: int, piece: bytes) -> None:
        """Hash a piece that was read, as far as it continues what is hashed."""
        new = memoryview(piece)[self._hashed - start :] if start <= self._hashed else memoryview(b"")
        self._digest.update(new)
        self._hashed += len(new)

    def fingerprint(self) -> str:
        """Return the SHA-256 of the object's bytes; only those are requested that no read has come to.

        Raises:
            OSError: see `open`.
        """
        with self.open() as stream:
            stream.seek(self._hashed)
            while stream.read(_AHEAD_BYTES):
                pass
        return self.digest()

    def digest(self) -> str:
        """Return the SHA-256 of the bytes that were read so far without a gap."""
        return self._digest.hexdigest()
