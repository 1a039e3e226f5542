"""Many small documents of a zone, read together.

Belongs here: reading several at a time where each read waits for a network. Does not belong here: what they say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from finance_platform.storage.factory import is_remote
from finance_platform.storage.port import ObjectStore

_Document = TypeVar("_Document")

_AT_ONCE = 10
"""As many as a client of S3 keeps connections for; one after the other, S3 answers thirty to fifty in a second."""

_BATCH = 500
"""Of so many documents the texts are in memory at once."""


def find_many(lake: ObjectStore, keys: Sequence[str]) -> Iterator[bytes | None]:
    """Yield the bytes of each object, in the order of the keys; None for one that is not there."""
    if not is_remote(lake.root):
        yield from (_read(lake, key) for key in keys)
        return
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for first in range(0, len(keys), _BATCH):
            yield from threads.map(lambda key: _read(lake, key), keys[first : first + _BATCH])


def read_many(lake: ObjectStore, keys: Sequence[str]) -> Iterator[bytes]:
    """Yield the bytes of each object, in the order of the keys, as `ObjectStore.read` does.

    Raises:
        FileNotFoundError: one is not there.
    """
    for key, data in zip(keys, find_many(lake, keys), strict=True):
        if data is None:
            raise FileNotFoundError(f"{key} is not in {lake.root}")
        yield data


def read_immutable(lake: ObjectStore, folder: str, parse: Callable[[bytes], _Document]) -> list[_Document]:
    """Return the documents of a folder, in the order of their keys; each is read and parsed once per process.

    A document that was removed and written again has another etag in the listing, and is read again.

    Args:
        lake: the zone.
        folder: the folder; its documents are never rewritten.
        parse: turns bytes into a document that nobody changes; always the same function for the same folder.

    Raises:
        FileNotFoundError: a document vanished between the listing and the reading.
    """
    listed = {item.key: item.etag for item in lake.list_objects(folder)}
    earlier = _PARSED.get((lake.root, folder), {})
    current = {key: earlier[key] for key, etag in listed.items() if key in earlier and earlier[key][0] == etag}
    new = [key for key in listed if key not in current]
    for key, data in zip(new, read_many(lake, new), strict=True):
        current[key] = listed[key], parse(data)
    # One assignment, since threads of a code server may read the same folder at the same time.
    _PARSED[lake.root, folder] = current
    return [current[key][1] for key in listed]


_PARSED: dict[tuple[str, str], dict[str, tuple[str, Any]]] = {}
"""By zone and folder: etag and document by key."""


def _read(lake: ObjectStore, key: str) -> bytes | None:
    try:
        return lake.read(key)
    except FileNotFoundError:
        return None
