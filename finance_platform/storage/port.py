"""The port of the object stores behind the raw and processed zones.

Belongs here: the protocol and its value types. Does not belong here: anything particular to one adapter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import BinaryIO, NamedTuple, Protocol, TypeVar

from finance_platform.errors import FinancePlatformError
from finance_platform.storage.plain_file import Refusal

_Key = TypeVar("_Key")

HIDDEN_PREFIXES = (".", "~$")
"""Prefixes of the names of hidden and temporary files and folders; no listing contains them."""

DATA_SUFFIXES = (".csv", ".tsv", ".txt")
"""Suffixes of files that feeds read; a folder with such a name was probably meant to be a file."""

STABLE_AFTER = timedelta(seconds=5)
"""How long a file that is written in place must be left alone; a copy over a slow network writes more often."""


PART_OBJECTS = 800
"""The objects between two keys of `expect_parts`: a fifth more still fit into one response of S3 to a list."""


class StoredObject(NamedTuple):
    """One object as a listing describes it; a tuple, since a listing of thousands makes one for each.

    Attributes:
        key: path in the store, with `/`.
        size: in bytes.
        modified: when it was modified, in seconds since 1970.
        etag: changes with every write of the object; equal etags mean equal bytes.
        written: time of the last write; None in a store where an object appears whole or not at all.
        refusal: why the object is never opened; None if it can be.
    """

    key: str
    size: int
    modified: float
    etag: str
    written: float | None = None
    refusal: Refusal | None = None

    @property
    def modified_at(self) -> datetime:
        """When it was modified, UTC."""
        return datetime.fromtimestamp(self.modified, UTC)

    @property
    def written_at(self) -> datetime | None:
        """Time of the last write, UTC; see `written`."""
        return None if self.written is None else datetime.fromtimestamp(self.written, UTC)

    def is_stable(self, at: datetime) -> bool:
        """Return whether the object was left alone long enough to be complete."""
        written_at = self.written_at
        # With `abs`, files of a store whose clock is ahead are read as well.
        return written_at is None or abs(at - written_at) >= STABLE_AFTER


def error_message(error: OSError) -> str:
    """Return why an object cannot be read, without the error's title or number."""
    return error.found if isinstance(error, FinancePlatformError) else error.strerror or str(error)


def part_ends(keys: Iterable[_Key]) -> list[_Key]:
    """Return each key of an earlier listing of everything, in its order, that is one for `expect_parts`."""
    return list(islice(keys, PART_OBJECTS - 1, None, PART_OBJECTS))


@dataclass(frozen=True)
class LocalCopy:
    """An object that can be read repeatedly at the cost of a local file.

    Attributes:
        open: opens it for reading.
        fingerprint: returns the SHA-256 of its bytes, in hex; called after a read, it shows whether they have changed.
    """

    open: Callable[[], BinaryIO]
    fingerprint: Callable[[], str]


class ObjectStore(Protocol):
    """One store of objects, such as the raw or the processed zone.

    Every method raises `StorageError` if someone has to fix something first, and `TransientStorageError` if the storage
    is busy or unreachable.
    """

    @property
    def root(self) -> str:
        """The store's address, for messages and job arguments."""

    def exists(self) -> bool:
        """Return whether the store can be listed; it may be empty."""

    def list_objects(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        """Yield the objects in a folder, ordered by key, without hidden and temporary files; none is opened.

        Args:
            prefix: the folder; the whole store if empty.
            after: leave out this key and those before it.
        """

    def find(self, key: str) -> StoredObject | None:
        """Return one object as a listing describes it, or None if it does not exist."""

    def find_objects(self, keys: Iterable[str]) -> dict[str, StoredObject]:
        """Return those of some objects that exist, by key, as a listing describes them.

        The cost follows the number of keys rather than that of the objects beside them.
        """

    def expect_parts(self, ends: Sequence[str]) -> None:
        """Let listings of everything be requested in parts that end at these keys, several at once.

        They decide how fast it is listed, never what is listed; a listing that this process has made is preferred.

        Args:
            ends: see `part_ends`.
        """

    def fingerprint(self, key: str) -> str:
        """Return the SHA-256 of an object's bytes, in hex.

        It ends even if the object grows or makes no progress while it is read.

        Raises:
            OSError: the object cannot be read.
        """

    def open(self, key: str) -> BinaryIO:
        """Open an object for reading; the stream can seek.

        Raises:
            FileNotFoundError: the object does not exist.
        """

    def local_copy(self, key: str) -> AbstractContextManager[LocalCopy]:
        """Provide one version of an object for several reads; a remote one is fetched once, to local disk, or streamed.

        Raises:
            OSError: the object cannot be read.
        """

    def read(self, key: str) -> bytes:
        """Return an object's bytes.

        Raises:
            FileNotFoundError: the object does not exist.
        """

    def read_version(self, key: str) -> tuple[bytes, str]:
        """Return an object's bytes, and the etag with which `replace` takes the place of these bytes alone.

        Raises:
            FileNotFoundError: the object does not exist.
        """

    def write(self, key: str, data: bytes) -> None:
        """Write an object atomically: a reader sees the old bytes or the new ones."""

    def write_new(self, key: str, data: bytes) -> bool:
        """Write an object atomically unless it exists; return whether it was written."""

    def replace(self, key: str, data: bytes, *, etag: str) -> bool:
        """Write an object atomically if it has not changed; return whether it was written.

        Args:
            key: the object.
            data: its new bytes.
            etag: the etag that it must still have.
        """

    def sync(self, keys: Iterable[str]) -> None:
        """Make objects that another program wrote, such as Spark, survive a power cut, before a commit names them.

        What `write`, `write_new` and `replace` have written survives without it.
        """

    def delete(self, key: str) -> None:
        """Remove an object, if it exists; the removal is durable before the next one."""

    def delete_folder(self, prefix: str) -> None:
        """Remove every object in a folder, hidden ones too."""

    def uri(self, key: str) -> str:
        """Return an object's address for Spark and the warehouse."""
