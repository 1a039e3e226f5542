"""Work on a file's next batch while the one before is used.

Belongs here: an iterator that is one item ahead. Does not belong here: what the items are (see `read_file`).

Almost all time of reading is spent in Arrow and NumPy, which let other threads run meanwhile.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

_Item = TypeVar("_Item")


def read_ahead(items: Generator[_Item, None, None]) -> Iterator[_Item]:
    """Yield items, each made in a thread of its own while the one before is used; at most one waits.

    The thread starts after the second item: most files have one batch. An exception is raised at the place of the item
    that it prevented. The generator is closed when the items are no longer wanted.

    Args:
        items: are made by one thread at a time.
    """
    try:
        for _ in range(2):
            if not (item := _take(items)):
                return
            yield item[0]
        with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as thread:
            following = thread.submit(_take, items)
            while item := following.result():
                following = thread.submit(_take, items)
                yield item[0]
    finally:
        items.close()


def _take(items: Iterator[_Item]) -> list[_Item]:
    """Return the next item; nothing at the end."""
    return list(islice(items, 1))
