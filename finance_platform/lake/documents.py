"""Many small documents of a zone, read together.

Belongs here: reading several at a time where each read waits for a network. Does not belong here: what they say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from finance_platform.lake.port import Lake
from finance_platform.lake.zones import is_far

_AT_ONCE = 10
"""As many as a client of S3 keeps connections for; one after the other, S3 answers thirty to fifty in a second."""

_BATCH = 500
"""Of so many documents the texts are in memory at once."""


def read_each(lake: Lake, keys: Sequence[str]) -> Iterator[bytes | None]:
    """Yield the bytes of each object, in the order of the keys; None for one that is not there."""
    if not is_far(lake.root):
        yield from (_read(lake, key) for key in keys)
        return
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for first in range(0, len(keys), _BATCH):
            yield from threads.map(lambda key: _read(lake, key), keys[first : first + _BATCH])


def read_all(lake: Lake, keys: Sequence[str]) -> Iterator[bytes]:
    """Yield the bytes of each object, in the order of the keys, as `Lake.read` does.

    Raises:
        FileNotFoundError: one is not there.
    """
    for key, data in zip(keys, read_each(lake, keys), strict=True):
        if data is None:
            raise FileNotFoundError(f"{key} is not in {lake.root}")
        yield data


def _read(lake: Lake, key: str) -> bytes | None:
    try:
        return lake.read(key)
    except FileNotFoundError:
        return None
