"""Functions of `mapInArrow` in threads of this process, where Sail's tasks run too (265).

Belongs here: the threads. Does not belong here: when they are used (see `small_batches.runs_here`), the functions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

Task = Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]


def run_here(task: Task, parts: Sequence[Sequence[Mapping[str, Any]]], threads: int) -> Iterator[pa.RecordBatch]:
    """Yield what a task returns for the rows of each part, in their order.

    Args:
        task: a function of `mapInArrow`; few rows come out of it.
        parts: rows by column name; each part goes to the next thread that is free.
        threads: how many parts are worked on at once.
    """

    def run(part: Sequence[Mapping[str, Any]]) -> list[pa.RecordBatch]:
        return list(task([pa.RecordBatch.from_pylist(list(part))]))

    if threads == 1:
        for part in parts:
            yield from run(part)
        return
    with task_threads(threads) as pool:
        for batches in pool.map(run, parts):
            yield from batches


@contextmanager
def task_threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Yield threads that are waited for, unless this process is interrupted: it ends then, and they with it."""
    pool = ThreadPoolExecutor(count, thread_name_prefix="task")
    try:
        yield pool
    finally:
        pool.shutdown(wait=not isinstance(sys.exception(), KeyboardInterrupt), cancel_futures=True)


def dealt(rows: Sequence[Mapping[str, Any]], parts: int) -> list[Sequence[Mapping[str, Any]]]:
    """Return rows in so many parts, as Spark deals them to its tasks."""
    return [rows[part::parts] for part in range(parts)]
