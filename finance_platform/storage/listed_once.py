"""A store whose folders are listed once, for a use case that only reads, or until something is written through it.

Belongs here: remembering listings. Does not belong here: documents (see `immutable_documents`), anything particular to
one adapter.

The parts of a use case list the same folders again and again. A listing of 20,000 files takes half a second on disk and
20 requests on S3, and two listings may differ while somebody writes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any, cast

from finance_platform.storage.port import ObjectStore, StoredObject


def listed_once(store: ObjectStore) -> ObjectStore:
    """Return a store that answers as the given one does, and lists each folder once.

    Args:
        store: the store; what is written to it later is not listed.
    """
    return cast("ObjectStore", _ListedOnce(store))


def listed_until_written(store: ObjectStore) -> ObjectStore:
    """Return a store that lists each folder once, and once more after each write or removal in it.

    What others write or remove meanwhile is not listed, so it is for a part of a step that holds the home's lock.

    Args:
        store: the store.
    """
    return cast("ObjectStore", _ListedUntilWritten(store))


def forget_listings(store: ObjectStore) -> None:
    """Let a store of `listed_until_written` list everything anew, because a job has written."""
    if isinstance(store, _ListedUntilWritten):
        store.forget_all()


class _ListedOnce:
    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._listings: dict[str, list[StoredObject]] = {}

    def list_objects(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        """Yield the objects in a folder as they were when it was first listed; see `ObjectStore`."""
        objects = self._list(prefix)
        yield from objects[bisect_right(objects, after, key=_key) :]

    def find_objects(self, keys: Iterable[str]) -> dict[str, StoredObject]:
        """Return those of some objects that exist, of folders that were listed as they were then."""
        found: dict[str, StoredObject] = {}
        unlisted: list[str] = []
        for folder, of_folder in groupby(sorted(keys), key=lambda key: key.partition("/")[0]):
            if folder in self._listings or "" in self._listings:
                sought = frozenset(of_folder)
                found |= {item.key: item for item in self._list(folder) if item.key in sought}
            else:
                unlisted += of_folder
        return found | self._store.find_objects(unlisted) if unlisted else found

    def _list(self, prefix: str) -> list[StoredObject]:
        if prefix in self._listings:
            return self._listings[prefix]
        if "" in self._listings:
            everything = self._listings[""]
            first = bisect_left(everything, f"{prefix}/", key=_key)
            end = bisect_left(everything, f"{prefix}{chr(ord('/') + 1)}", key=_key)
            listing = everything[first:end]
        else:
            listing = list(self._store.list_objects(prefix))
        self._listings[prefix] = listing
        return listing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class _ListedUntilWritten(_ListedOnce):
    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store)
        self._writes = 0

    def _list(self, prefix: str) -> list[StoredObject]:
        writes = self._writes
        listing = super()._list(prefix)
        if writes != self._writes:
            self._listings.pop(prefix, None)  # another thread has written while this one listed
        return listing

    def write(self, key: str, data: bytes) -> None:
        with self._changing(key):
            self._store.write(key, data)

    def write_new(self, key: str, data: bytes) -> bool:
        with self._changing(key):
            return self._store.write_new(key, data)

    def replace(self, key: str, data: bytes, *, etag: str) -> bool:
        with self._changing(key):
            return self._store.replace(key, data, etag=etag)

    def delete(self, key: str) -> None:
        with self._changing(key):
            self._store.delete(key)

    def delete_folder(self, prefix: str) -> None:
        with self._changing(f"{prefix}/"):
            self._store.delete_folder(prefix)

    def sync(self, keys: Iterable[str]) -> None:
        self._store.sync(keys)
        self.forget_all()

    def forget_all(self) -> None:
        """Forget every listing."""
        self._writes += 1
        self._listings = {}

    @contextmanager
    def _changing(self, key: str) -> Iterator[None]:
        """Forget the listings that have a key, or are of a folder in this one, whether the change succeeds or not."""
        try:
            yield
        finally:
            self._writes += 1
            for prefix in list(self._listings):
                folder = f"{prefix}/" if prefix else ""
                if key.startswith(folder) or (key.endswith("/") and folder.startswith(key)):
                    self._listings.pop(prefix, None)


def _key(item: StoredObject) -> str:
    return item.key
