"""Bulk reads of many small documents of a store.

Belongs here: concurrent reads where each one waits for a network. Does not belong here: what the documents mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from finance_platform.storage.factory import is_remote
from finance_platform.storage.port import ObjectStore

_THREADS = 10
"""The number of connections of a boto3 client; one after the other, S3 serves thirty to fifty reads a second."""

_BATCH = 500
"""The number of documents that are in memory at once."""


def find_many(store: ObjectStore, keys: Sequence[str]) -> Iterator[bytes | None]:
    """Yield the bytes of each object, in the order of the keys; None for an object that does not exist."""
    if not is_remote(store.root):
        yield from (_find(store, key) for key in keys)
        return
    with ThreadPoolExecutor(_THREADS) as threads:
        for first in range(0, len(keys), _BATCH):
            yield from threads.map(lambda key: _find(store, key), keys[first : first + _BATCH])


def read_many(store: ObjectStore, keys: Sequence[str]) -> Iterator[bytes]:
    """Yield the bytes of each object, in the order of the keys.

    Raises:
        FileNotFoundError: an object does not exist.
    """
    for key, data in zip(keys, find_many(store, keys), strict=True):
        if data is None:
            raise FileNotFoundError(f"{key} is not in {store.root}")
        yield data


def _find(store: ObjectStore, key: str) -> bytes | None:
    try:
        return store.read(key)
    except FileNotFoundError:
        return None
