"""A store whose folders are listed once, for a use case that only reads.

Belongs here: remembering listings. Does not belong here: documents (see `immutable_documents`), anything particular to
one adapter.

The parts of a use case list the same folders again and again. A listing of 20,000 files takes half a second on disk and
20 requests on S3, and two listings may differ while somebody writes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Any, cast

from finance_platform.storage.port import ObjectStore, StoredObject


def listed_once(store: ObjectStore) -> ObjectStore:
    """Return a store that answers as the given one does, and lists each folder once.

    Args:
        store: the store; what is written to it later is not listed.
    """
    return cast("ObjectStore", _ListedOnce(store))


class _ListedOnce:
    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._listings: dict[str, list[StoredObject]] = {}

    def list_objects(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        """Yield the objects in a folder as they were when it was first listed; see `ObjectStore`."""
        objects = self._list(prefix)
        yield from objects[bisect_right(objects, after, key=_key) :]

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


def _key(item: StoredObject) -> str:
    return item.key
