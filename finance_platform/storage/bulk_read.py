"""Bulk reads of many objects of a store, as a whole or what is asked for, and bulk writes of small documents.

Belongs here: concurrent requests where each one waits for a network. Does not belong here: what the documents mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO, TypeVar

from finance_platform.storage.factory import is_remote
from finance_platform.storage.port import ObjectStore

_Read = TypeVar("_Read")
_Item = TypeVar("_Item")

_THREADS = 10
"""The number of connections of a boto3 client; one after the other, S3 serves thirty to fifty reads a second."""

_BATCH = 500
"""The number of documents that are in memory at once."""


def map_many(store: ObjectStore, items: Sequence[_Item], read: Callable[[_Item], _Read]) -> Iterator[_Read]:
    """Yield what a function reads for each item, in order; of a remote store, it reads several at once."""
    if not is_remote(store.root):
        yield from map(read, items)
        return
    with ThreadPoolExecutor(_THREADS) as threads:
        for first in range(0, len(items), _BATCH):
            yield from threads.map(read, items[first : first + _BATCH])


def find_many(store: ObjectStore, keys: Sequence[str]) -> Iterator[bytes | None]:
    """Yield the bytes of each object, in the order of the keys; None for an object that does not exist."""
    yield from map_many(store, keys, lambda key: _find(store, key))


def open_many(store: ObjectStore, keys: Sequence[str], read: Callable[[BinaryIO], _Read]) -> Iterator[_Read]:
    """Open each object and yield what a function reads of it, such as a footer, in the order of the keys.

    Raises:
        FileNotFoundError: an object does not exist.
    """

    def read_one(key: str) -> _Read:
        with store.open(key) as stream:
            return read(stream)

    yield from map_many(store, keys, read_one)


def read_many(store: ObjectStore, keys: Sequence[str]) -> Iterator[bytes]:
    """Yield the bytes of each object, in the order of the keys.

    Raises:
        FileNotFoundError: an object does not exist.
    """
    for key, data in zip(keys, find_many(store, keys), strict=True):
        if data is None:
            raise FileNotFoundError(f"{key} is not in {store.root}")
        yield data


def write_many(store: ObjectStore, documents: Mapping[str, bytes]) -> None:
    """Write documents, in their order but to a remote store several at once; each is atomic by itself.

    Raises:
        OSError: a document cannot be written; some of the others may be.
    """
    for _ in map_many(store, list(documents), lambda key: store.write(key, documents[key])):
        pass


def _find(store: ObjectStore, key: str) -> bytes | None:
    try:
        return store.read(key)
    except FileNotFoundError:
        return None
