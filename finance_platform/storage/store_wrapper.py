"""A store around another store, for those that change some of its answers.

Belongs here: passing every call of the port on. Does not belong here: what a wrapper changes (see `listed_once`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO

from finance_platform.storage.port import LocalCopy, ObjectStore, StoredObject


class StoreWrapper:
    """An `ObjectStore` that answers as the one it wraps does; subclasses override what they change.

    It inherits nothing from the port, so the type checker reports a method of the port that is missing here.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @property
    def root(self) -> str:
        """See `ObjectStore`."""
        return self._store.root

    def exists(self) -> bool:
        """See `ObjectStore`."""
        return self._store.exists()

    def list_objects(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        """See `ObjectStore`."""
        return self._store.list_objects(prefix, after=after)

    def find(self, key: str) -> StoredObject | None:
        """See `ObjectStore`."""
        return self._store.find(key)

    def find_objects(self, keys: Iterable[str]) -> dict[str, StoredObject]:
        """See `ObjectStore`."""
        return self._store.find_objects(keys)

    def expect_parts(self, ends: Sequence[str]) -> None:
        """See `ObjectStore`."""
        self._store.expect_parts(ends)

    def fingerprint(self, key: str) -> str:
        """See `ObjectStore`."""
        return self._store.fingerprint(key)

    def open(self, key: str) -> BinaryIO:
        """See `ObjectStore`."""
        return self._store.open(key)

    def local_copy(self, key: str) -> AbstractContextManager[LocalCopy]:
        """See `ObjectStore`."""
        return self._store.local_copy(key)

    def read(self, key: str) -> bytes:
        """See `ObjectStore`."""
        return self._store.read(key)

    def read_version(self, key: str) -> tuple[bytes, str]:
        """See `ObjectStore`."""
        return self._store.read_version(key)

    def write(self, key: str, data: bytes) -> None:
        """See `ObjectStore`."""
        self._store.write(key, data)

    def write_new(self, key: str, data: bytes) -> bool:
        """See `ObjectStore`."""
        return self._store.write_new(key, data)

    def replace(self, key: str, data: bytes, *, etag: str) -> bool:
        """See `ObjectStore`."""
        return self._store.replace(key, data, etag=etag)

    def sync(self, keys: Iterable[str]) -> None:
        """See `ObjectStore`."""
        self._store.sync(keys)

    def delete(self, key: str) -> None:
        """See `ObjectStore`."""
        self._store.delete(key)

    def delete_folder(self, prefix: str) -> None:
        """See `ObjectStore`."""
        self._store.delete_folder(prefix)

    def uri(self, key: str) -> str:
        """See `ObjectStore`."""
        return self._store.uri(key)
