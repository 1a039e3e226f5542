"""`spark_jobs.batches`: what is read at once, and which deliveries share files, is bounded however many arrive."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from finance_platform.spark_jobs import batches
from finance_platform.spark_jobs.batches import (
    in_batches,
    is_large,
    largest_first,
    reader_count,
    shared_folders,
    task_count,
)
from finance_platform.spark_jobs.requests import DeliveryToRead
from finance_platform_tests.profiles import current_profile

SIZES = st.sampled_from([0, 100, batches.SMALL_BYTES, batches.SMALL_BYTES + 1, 20 << 20, batches.BATCH_BYTES + 1])
RUNS = st.lists(st.tuples(SIZES, st.integers(1, 1_500)), max_size=4)
"""Sizes of files, and how many files in a row have them."""


def to_read(runs: list[tuple[int, int]]) -> list[DeliveryToRead]:
    sizes = [size for size, count in runs for _ in range(count)]
    return [DeliveryToRead(f"d{n}", f"{n}.csv", "ledger", "ledger", "", size) for n, size in enumerate(sizes)]


@settings(max_examples=current_profile().examples_of_slow(current_profile().examples))
@given(RUNS)
def test_every_delivery_is_in_one_batch_and_each_batch_is_bounded_by_bytes_and_count(runs: list[tuple[int, int]]):
    deliveries = to_read(runs)
    read = list(in_batches(deliveries))
    assert sorted(one.delivery_id for batch in read for one in batch) == sorted(one.delivery_id for one in deliveries)
    for batch in read:
        assert 0 < len(batch) <= batches.BATCH_DELIVERIES
        assert sum(map(is_large, batch)) <= batches.BATCH_LARGE
        assert len(batch) == 1 or sum(one.size for one in batch) <= batches.BATCH_BYTES


@given(RUNS)
def test_there_are_not_more_batches_than_twice_what_the_bounds_need(runs: list[tuple[int, int]]):
    deliveries = to_read(runs)
    large = sum(map(is_large, deliveries))
    size = sum(one.size for one in deliveries)
    needed = len(deliveries) / batches.BATCH_DELIVERIES + large / batches.BATCH_LARGE + size / batches.BATCH_BYTES
    assert len(list(in_batches(deliveries))) <= 2 * needed + 1


def test_deliveries_with_files_of_their_own_are_read_fewer_at_once():
    read = list(in_batches(to_read([(100, 1_000)]), batches.BATCH_OWN_FILES))
    assert [len(batch) for batch in read] == [250] * 4
    assert len(list(in_batches(to_read([(100, 1_000)])))) == 1


def test_a_few_large_files_are_read_at_once_whatever_else_arrives():
    assert len(list(in_batches(to_read([(3 << 20, 36), (100, 3)])))) == 1


def test_small_files_do_not_have_a_task_each():
    assert reader_count(to_read([(100, 5_000)])) < 5_000 / 10
    assert reader_count(to_read([(3 << 20, 36), (100, 1)])) == 37


@given(st.lists(st.integers(0, 2 * batches.SMALL_LINES), max_size=2_000))
def test_a_shared_file_is_bounded_and_has_small_deliveries_only(lines: list[int]):
    counts = {f"d{number}": count for number, count in enumerate(lines)}
    folders = shared_folders(counts)
    rows: Counter[str] = Counter()
    for name, folder in folders.items():
        rows[folder] += counts[name]
    small = [name for name, count in counts.items() if count <= batches.SMALL_LINES]
    assert list(folders) == (small if len(small) >= batches.FEWEST_SHARING else [])
    assert max(rows.values(), default=0) <= batches.SHARED_LINES
    # Two neighbours are never both less than half full.
    assert len(rows) <= 2 * sum(rows.values()) / batches.SHARED_LINES + 1


def test_tasks_are_as_many_as_cores_for_large_files_and_one_for_small_ones():
    large, small = [10 << 20] * 36, [10 << 10] * 36
    assert [task_count(sizes, 2) for sizes in (large, small, large[:1], [0])] == [2, 1, 1, 1]
    assert [task_count(sizes, None) for sizes in (large, small, [1 << 10] * 20_000)] == [36, 1, 5]


@given(st.lists(st.integers(0, 1 << 30), max_size=40), st.integers(1, 6))
def test_tasks_that_get_every_nth_item_have_about_as_much_to_read(sizes: list[int], tasks: int):
    dealt = [sum(largest_first(sizes, lambda size: size)[task::tasks]) for task in range(tasks)]
    assert max(dealt) - min(dealt) <= max(sizes, default=0)
