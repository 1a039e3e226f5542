"""Work on a file's next batch while the one before is used.

Belongs here: an iterator that is one item ahead. Does not belong here: what the items are (see `read_file`).

Almost all time of reading is spent in Arrow and NumPy, which let other threads run meanwhile.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")


def read_ahead(items: Generator[_Item, None, None]) -> Iterator[_Item]:
    """Yield items, each made in a thread of its own while the one before is used; at most one waits.

    The thread starts after the second item: most files have one batch. An exception is raised at the place of the item
    that it prevented. The generator is closed when the items are no longer wanted.

    Args:
        items: are made by one thread at a time.
    """
    end = object()
    try:
        for _ in range(2):
            item = next(items, end)
            if item is end:
                return
            yield item  # type: ignore[misc]  # not the end
        with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as thread:
            following = thread.submit(next, items, end)
            while (item := following.result()) is not end:
                following = thread.submit(next, items, end)
                yield item  # type: ignore[misc]  # not the end
    finally:
        items.close()
