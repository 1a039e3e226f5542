"""Small objects of remote stores that this process has read, by their etags.

Belongs here: keeping bytes within a limit, and forgetting them. Does not belong here: which etag an object has now (see
`listed_once`), parsed documents (see `immutable_documents`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from finance_platform.storage.port import ObjectStore, StoredObject

LARGEST_BYTES = 2 << 20
"""The size up to which an object that is read as a whole is kept; commits of slices of 20,000 deliveries are less."""

LARGEST_OPENED_BYTES = 64 << 10
"""The size up to which an object that is opened is read as a whole, since often its footer alone is wanted."""

MOST_BYTES = 24 << 20
"""How much is kept; what was used longest ago leaves first."""


class _Kept:
    """Bytes by root, key and etag; threads may share it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._data: OrderedDict[tuple[str, str], tuple[str, bytes]] = OrderedDict()
        self._size = 0

    def get(self, name: tuple[str, str], etag: str) -> bytes | None:
        with self._guard:
            known = self._data.get(name)
            if known is None or known[0] != etag:
                return None
            self._data.move_to_end(name)
            return known[1]

    def put(self, name: tuple[str, str], etag: str, data: bytes) -> None:
        with self._guard:
            self._remove(name)
            self._data[name] = etag, data
            self._size += len(data)
            while self._size > MOST_BYTES:
                self._remove(next(iter(self._data)))

    def forget(self, name: tuple[str, str]) -> None:
        with self._guard:
            self._remove(name)

    def clear(self) -> None:
        with self._guard:
            self._data.clear()
            self._size = 0

    def _remove(self, name: tuple[str, str]) -> None:
        self._size -= len(self._data.pop(name, ("", b""))[1])


_kept = _Kept()


def read_once(store: ObjectStore, item: StoredObject) -> bytes:
    """Return the bytes of an object as it was listed; equal etags mean equal bytes, so they are requested once.

    Args:
        store: the store.
        item: the object, as a listing describes it.

    Raises:
        FileNotFoundError: the object was removed since.
    """
    name = (store.root, item.key)
    known = _kept.get(name, item.etag)
    if known is not None:
        return known
    data = store.read(item.key)
    keep_read(store, item, data)
    return data


def keep_read(store: ObjectStore, item: StoredObject, data: bytes) -> None:
    """Keep bytes of an object for `read_once`.

    Args:
        store: the store.
        item: the object, as a listing describes it.
        data: what was read or written before or after that listing.
    """
    # Of another length, it was written again since, and has another etag.
    if len(data) == item.size <= LARGEST_BYTES:
        _kept.put((store.root, item.key), item.etag, data)


def forget_read(store: ObjectStore, key: str) -> None:
    """Forget an object, so that its bytes are requested again."""
    _kept.forget((store.root, key))


def forget_reads() -> None:
    """Forget every object, as a process that has just started."""
    _kept.clear()
