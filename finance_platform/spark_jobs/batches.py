"""Batches: which deliveries `standardise` reads at once, and which of them share files.

Belongs here: the bounds of a batch and of a shared file. Does not belong here: reading and writing (see
`standardise_job`).

A writer of Parquet holds a megabyte for each open file, and opening a file takes a millisecond, on S3 some tens. So the
number of files that are open at once is bounded, and small deliveries share files (048).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from finance_platform.spark_jobs.requests import DeliveryToRead

_Item = TypeVar("_Item")

BATCH_DELIVERIES = 1_000
BATCH_OWN_FILES = 250
"""The number of deliveries in a batch where each has files of its own: on one machine, a thousand of one line each took
1.2 GiB, 250 take 0.65 and as many processor seconds."""

BATCH_LARGE = 100
"""The number of deliveries in a batch that are too large to share files."""

BATCH_BYTES = 1 << 30
SMALL_BYTES = 64 << 10
SMALL_LINES = 1_000
"""A delivery with more candidate lines has files of its own, so that a reader skips what it does not need."""

SHARED_LINES = 20_000
"""The candidate lines of a shared file: reading all columns of all of them takes some milliseconds."""

TASK_BYTES = 4 << 20
"""The size of Parquet files for which another task is worth starting."""

FEWEST_SHARING = 16
"""Fewer small deliveries at once have files of their own."""


@dataclass
class _Batch:
    deliveries: list[DeliveryToRead]
    most: int
    size: int = 0
    large: int = 0

    def has_room(self, delivery: DeliveryToRead) -> bool:
        return not self.deliveries or (
            len(self.deliveries) < self.most
            and self.size + delivery.size <= BATCH_BYTES
            and self.large + is_large(delivery) <= BATCH_LARGE
        )

    def add(self, delivery: DeliveryToRead) -> None:
        self.deliveries.append(delivery)
        self.size += delivery.size
        self.large += is_large(delivery)


def is_large(delivery: DeliveryToRead) -> bool:
    """Return whether a delivery's file has more bytes than one whose lines share a file."""
    return delivery.size > SMALL_BYTES


def in_batches(deliveries: Sequence[DeliveryToRead], most: int = BATCH_DELIVERIES) -> Iterator[list[DeliveryToRead]]:
    """Yield deliveries in batches; the small ones first, and apart where they fill batches of their own.

    Args:
        deliveries: of one kind.
        most: the number of deliveries in a batch.
    """
    batch = _Batch([], most)
    small = [delivery for delivery in deliveries if not is_large(delivery)]
    large = [delivery for delivery in deliveries if is_large(delivery)]
    for delivery in [*small, *large] if len(small) > most else deliveries:
        if not batch.has_room(delivery):
            yield batch.deliveries
            batch = _Batch([], most)
        batch.add(delivery)
    if batch.deliveries:
        yield batch.deliveries


def reader_count(deliveries: Iterable[DeliveryToRead]) -> int:
    """Return the number of tasks that read a batch on a cluster: one for each large file, and one for many small."""
    sizes = [delivery.size for delivery in deliveries]
    large = sum(size > SMALL_BYTES for size in sizes)
    return large + -(-(len(sizes) - large) // FEWEST_SHARING)


def may_share(count: int) -> bool:
    """Return whether so many small deliveries that are read together share files."""
    return count >= FEWEST_SHARING


def task_count(sizes: Sequence[int], cores: int | None) -> int:
    """Return the number of tasks for items that need so many bytes of files to be read.

    Python's own part of small files takes longer in two threads than in one.

    Args:
        sizes: by item, at least one.
        cores: of this machine; None on a cluster.
    """
    worthwhile = max(1, -(-sum(sizes) // TASK_BYTES))
    return min(len(sizes), worthwhile, cores or len(sizes))


def largest_first(items: Iterable[_Item], size: Callable[[_Item], int]) -> list[_Item]:
    """Return items in an order in which each of several tasks has about as much to read, if it gets every n-th item.

    So Sail deals rows out. In the order of deliveries, one task would get a large file of each, and another the small
    one beside it (263).
    """
    return sorted(items, key=size, reverse=True)


def shared_folders(lines: Mapping[str, int]) -> dict[str, str]:
    """Return the folder of the files of each delivery that shares them with others.

    Args:
        lines: the number of candidate lines by delivery id, of deliveries that were read together.
    """
    small = {delivery_id: count for delivery_id, count in lines.items() if count <= SMALL_LINES}
    if not may_share(len(small)):
        return {}
    folders: dict[str, str] = {}
    number = filled = 0
    for delivery_id, count in small.items():
        if filled and filled + count > SHARED_LINES:
            number, filled = number + 1, 0
        folders[delivery_id] = f"shared-{number}"
        filled += count
    return folders
