"""Bulk reads of many small documents of a store.

Belongs here: concurrent reads where each one waits for a network. Does not belong here: what the documents mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from finance_platform.storage.factory import is_remote
from finance_platform.storage.port import ObjectStore

_Document = TypeVar("_Document")

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


def read_immutable(store: ObjectStore, folder: str, parse: Callable[[str, bytes], _Document]) -> list[_Document]:
    """Return the documents of a folder, in the order of their keys; each is read and parsed once per process.

    A document that was removed and written again has another etag, and is read again.

    Args:
        store: the store.
        folder: the folder; its documents are never rewritten.
        parse: turns key and bytes into a document that callers do not change; always the same function for the same
            folder.

    Raises:
        FileNotFoundError: a document was removed between the listing and the read.
    """
    etags = {item.key: item.etag for item in store.list_objects(folder)}
    earlier = _PARSED.get((store.root, folder), {})
    current = {key: earlier[key] for key, etag in etags.items() if key in earlier and earlier[key][0] == etag}
    new = [key for key in etags if key not in current]
    for key, data in zip(new, read_many(store, new), strict=True):
        current[key] = etags[key], parse(key, data)
    # One assignment, since threads of a code server may read the same folder at the same time.
    _PARSED[store.root, folder] = current
    return [current[key][1] for key in etags]


_PARSED: dict[tuple[str, str], dict[str, tuple[str, Any]]] = {}
"""By store and folder: etag and document by key."""


def _find(store: ObjectStore, key: str) -> bytes | None:
    try:
        return store.read(key)
    except FileNotFoundError:
        return None
