"""The lake's port: what an adapter must do, whatever stores the bytes.

Belongs here: the protocol and its value types. Does not belong here: any storage's own words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO, Protocol

from finance_platform.errors import FinancePlatformError

HIDDEN = (".", "~$")
"""How names of hidden and temporary files and folders begin; no listing shows them."""

SETTLING = timedelta(seconds=5)
"""How long a file that is written in place must have been left alone; a copy over a slow network writes more often."""


@dataclass(frozen=True)
class StoredObject:
    """One object as a listing shows it.

    Attributes:
        key: path inside the zone, with `/`.
        size: in bytes.
        modified_at: UTC.
        etag: changes whenever the object is written; equal tags mean equal bytes.
        written_at: when somebody last wrote to it, UTC; None in a storage where an object appears whole or not at all.
    """

    key: str
    size: int
    modified_at: datetime
    etag: str
    written_at: datetime | None = None

    def is_settled(self, at: datetime) -> bool:
        """Return whether nobody has written to the object for a while, so that it is probably whole."""
        # A storage whose clock is ahead would otherwise keep its files from ever being read.
        return self.written_at is None or abs(at - self.written_at) >= SETTLING


def error_message(error: OSError) -> str:
    """Return in words why an object cannot be read, whichever storage says so."""
    return error.found if isinstance(error, FinancePlatformError) else error.strerror or str(error)


@dataclass(frozen=True)
class LocalCopy:
    """An object that can be read again and again at the cost of a local file.

    Attributes:
        open: opens it for reading.
        fingerprint: the SHA-256 of its bytes, in hex, asked for after they were read: other bytes have another one.
    """

    open: Callable[[], BinaryIO]
    fingerprint: Callable[[], str]


class ObjectStore(Protocol):
    """One zone of the lake.

    Every method raises `StorageError` where nothing can be done before someone mends something, and `TransientStorageError`
    where the storage is busy or out of reach.
    """

    @property
    def root(self) -> str:
        """Where the zone is, for messages and job arguments."""

    def exists(self) -> bool:
        """Return whether the zone is there to be read; an empty one is."""

    def list_objects(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        """Yield the objects in a folder, in the order of their keys; hidden and temporary files are left out.

        Args:
            prefix: the folder; all of the zone without one.
            after: leave out this key and those before it.
        """

    def find(self, key: str) -> StoredObject | None:
        """Return one object as a listing shows it, or None where there is none."""

    def fingerprint(self, key: str) -> str:
        """Return the SHA-256 of an object's bytes, in hex.

        Raises:
            OSError: the object cannot be read.
        """

    def open(self, key: str) -> BinaryIO:
        """Open an object for reading, from anywhere in it.

        Raises:
            FileNotFoundError: there is no such object.
        """

    def local_copy(self, key: str) -> AbstractContextManager[LocalCopy]:
        """Have an object at hand that is to be read several times; what is far away is fetched once, to local disk.

        Raises:
            OSError: the object cannot be read.
        """

    def read(self, key: str) -> bytes:
        """Return an object's bytes.

        Raises:
            FileNotFoundError: there is no such object.
        """

    def write(self, key: str, data: bytes) -> None:
        """Write an object atomically: a reader sees the old bytes or the new ones."""

    def write_new(self, key: str, data: bytes) -> bool:
        """Write an object atomically unless it exists; return whether it was written."""

    def replace(self, key: str, data: bytes, *, etag: str) -> bool:
        """Write an object atomically if nobody has written it since; return whether it was written.

        Args:
            key: the object.
            data: its bytes from now on.
            etag: as the listing showed it.
        """

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""

    def delete_folder(self, prefix: str) -> None:
        """Remove every object under a prefix."""

    def uri(self, key: str) -> str:
        """Return the address by which Spark and the warehouse know an object."""
