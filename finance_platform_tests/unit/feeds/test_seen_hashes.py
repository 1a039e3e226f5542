"""Which keys of a file an earlier line has, by their hashes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from finance_platform.feeds.lines import line_files
from finance_platform.feeds.lines.line_files import KeyRepeats
from finance_platform.text_hashes import Hashes


def first_and_later(batches: list[Hashes]) -> list[bool]:
    """Return which hashes are met again, by a set."""
    seen: set[int] = set()
    are_seen = []
    for value in (int(value) for batch in batches for value in batch):
        are_seen.append(value in seen)
        seen.add(value)
    return are_seen


def found(batches: list[Hashes]) -> list[bool]:
    seen = line_files._SeenHashes()
    return [bool(is_seen) for batch in batches for is_seen in seen.add(batch)]


@pytest.mark.parametrize("distinct", [1, 3, 200, 1 << 60])
@pytest.mark.parametrize("size", [0, 1, 7, 400])
def test_a_hash_is_seen_if_an_earlier_line_of_the_file_has_it(distinct: int, size: int):
    draw = np.random.default_rng([distinct % 1_000, size])
    batches = [draw.integers(0, distinct, size, dtype=np.uint64) for _ in range(12)]
    assert found(batches) == first_and_later(batches)


def test_hashes_that_share_bits_are_distinguished(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(line_files, "_FIRST_BITS", 64)
    monkeypatch.setattr(line_files, "_MOST_BITS", 256)
    draw = np.random.default_rng(1)
    batches = [draw.integers(0, 3_000, 100, dtype=np.uint64) * np.uint64(1 << 40) for _ in range(20)]
    assert found(batches) == first_and_later(batches)


def test_more_bits_keep_what_was_seen(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(line_files, "_FIRST_BITS", 64)
    numbers = np.arange(5_000, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    batches = [*np.split(numbers, 50), numbers[::-1]]
    assert found(batches) == first_and_later(batches)


def test_accepted_rows_with_the_key_of_an_earlier_one_may_repeat_it():
    repeats = KeyRepeats()
    keys = pa.array(["a", "b", None, None, "a", "c"])
    assert repeats.add(keys, np.array([True] * 5 + [False])).tolist() == [False] * 4 + [True, False]
    # A rejected row is no earlier one.
    assert repeats.add(pa.array(["c", "b"]), np.array([True, True])).tolist() == [False, True]
    assert repeats.count == len(np.concatenate(repeats.hashes)) == 2


def test_a_file_without_keys_has_no_repeats():
    repeats = KeyRepeats()
    assert not repeats.add(pa.nulls(3, pa.string()), np.array([True] * 3)).any()
    assert repeats.count == 0


@pytest.mark.parametrize("breaks", [None, 0, 3, 11], ids=["in order", "at once", "later", "in the last batch"])
def test_keys_in_order_and_keys_that_lose_it_are_found_like_others(breaks: int | None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(line_files, "_SORTED_AT_ONCE", 100)
    draw = np.random.default_rng(breaks)
    numbers = np.sort(draw.integers(0, 500, 600))
    batches = [[f"T{number:04}" for number in batch] for batch in np.split(numbers, 12)]
    if breaks is not None:
        batches[breaks] = list(draw.permutation(batches[breaks]))
    repeats = KeyRepeats()
    found = [repeats.add(pa.array(batch, pa.string()), np.ones(len(batch), np.bool_)).tolist() for batch in batches]
    seen: set[str] = set()
    for batch, of_batch in zip(batches, found, strict=True):
        for key, may_repeat in zip(batch, of_batch, strict=True):
            assert may_repeat is (key in seen)
            seen.add(key)
    assert (repeats._seen is None) is (breaks is None)


def test_rejected_rows_and_rows_without_a_key_do_not_count_for_the_order_of_keys():
    repeats = KeyRepeats()
    keys = pa.array(["b", "a", None, "b", "c"])
    assert repeats.add(keys, np.array([True, False, True, True, True])).tolist() == [False] * 3 + [True, False]
    assert repeats._seen is None
