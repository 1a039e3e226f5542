"""`spark_jobs.tasks_here`: functions of `mapInArrow` in threads of the process."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future

import pyarrow as pa
import pytest

from finance_platform.spark_jobs.tasks_here import dealt, run_here, task_threads

ROWS = [{"number": number} for number in range(5)]


def doubled(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield pa.RecordBatch.from_pylist([{"number": 2 * row["number"]} for row in batch.to_pylist()])


@pytest.mark.parametrize("threads", [1, 2])
def test_each_row_is_in_one_part_and_results_come_in_the_order_of_the_parts(threads: int):
    batches = run_here(doubled, dealt(ROWS, 2), threads)
    assert [batch["number"].to_pylist() for batch in batches] == [[0, 4, 8], [2, 6]]


def test_parts_are_worked_on_at_once():
    both = threading.Barrier(2, timeout=120)

    def meet(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        both.wait()
        yield from batches

    assert len(list(run_here(meet, dealt(ROWS, 2), 2))) == 2


@pytest.mark.parametrize("threads", [1, 2])
def test_the_error_of_a_task_is_that_of_the_job(threads: int):
    def fail(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if 3 in batch["number"].to_pylist():
                raise OSError("no space")
            yield batch

    with pytest.raises(OSError, match="no space"):
        list(run_here(fail, dealt(ROWS, 5), threads))


def test_an_interruption_waits_for_no_task():
    end = threading.Event()
    tasks: list[Future[bool]] = []

    def interrupted() -> None:
        with task_threads(1) as pool:
            tasks.extend(pool.submit(end.wait, 60) for _ in range(2))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not tasks[0].done()
    assert tasks[1].cancelled()
    end.set()
