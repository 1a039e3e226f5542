"""Immutable documents are read once per process."""

from __future__ import annotations

import gc
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from finance_platform.storage import immutable_documents
from finance_platform.storage.immutable_documents import (
    FEWEST_RELEASED,
    DocumentFolder,
    read_immutable,
    read_later,
    release_memory,
)
from finance_platform.storage.listed_once import listed_once, listed_until_written
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import ObjectStore
from finance_platform.storage.records import RecordType


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each object was read."""
    counted: Counter[str] = Counter()
    read = LocalStore.read

    def count(store: LocalStore, key: str) -> bytes:
        counted[key] += 1
        return read(store, key)

    monkeypatch.setattr(LocalStore, "read", count)
    return counted


@dataclass(frozen=True)
class Number:
    """The record of a document that is a number."""

    value: int


NUMBERS: DocumentFolder[Any] = DocumentFolder(
    "deliveries",
    parse=lambda _, data: json.loads(data),
    record_type=RecordType({"": Number}, {}),
    to_records=lambda number: [Number(number)],
    from_records=lambda _, records: records[0].value,
)


def documents(store: ObjectStore) -> list[Any]:
    return read_immutable(store, NUMBERS)


def test_each_document_is_read_once(tmp_path: Path, reads: Counter[str]):
    store = LocalStore(tmp_path)
    store.write("deliveries/a.json", b"1")
    assert documents(store) == documents(LocalStore(tmp_path)) == [1]
    store.write("deliveries/b.json", b"2")
    assert documents(store) == [1, 2]
    assert reads == {"deliveries/a.json": 1, "deliveries/b.json": 1}


def test_a_rewritten_document_is_read_again(tmp_path: Path):
    store = LocalStore(tmp_path)
    store.write("deliveries/a.json", b"1")
    store.write("deliveries/b.json", b"2")
    assert documents(store) == [1, 2]
    store.delete("deliveries/a.json")
    assert documents(store) == [2]
    store.write("deliveries/a.json", b"3")
    assert documents(store) == [3, 2]


def test_readers_of_one_listing_compare_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = listed_until_written(LocalStore(tmp_path))
    store.write("deliveries/a.json", b"1")
    assert documents(store) == [1]
    with monkeypatch.context() as patch:
        patch.setattr(immutable_documents, "_read_listed", None)
        assert documents(store) == documents(listed_once(store)) == [1]
    store.write("deliveries/b.json", b"2")
    assert documents(store) == [1, 2]


def test_a_document_that_comes_between_two_readers_of_a_listing_is_neither_lost_nor_there_twice(tmp_path: Path):
    disk = LocalStore(tmp_path)
    disk.write("deliveries/b.json", b"2")
    store = listed_until_written(disk)
    assert documents(store) == [2]
    disk.write("deliveries/a.json", b"1")  # another process, which the listing does not have yet
    assert documents(store) == [2]
    assert documents(disk) == [1, 2]  # a new listing has
    assert documents(store) == [2]  # and changes nothing for those who go by the earlier one
    assert store.write_new("deliveries/c.json", b"3")
    assert documents(store) == [2, 3]
    assert not store.write_new("deliveries/a.json", b"4")
    assert documents(store) == documents(listed_until_written(disk)) == [1, 2, 3]
    store.delete("deliveries/b.json")
    assert documents(store) == documents(disk) == [1, 3]


def test_stores_do_not_share_documents(tmp_path: Path):
    stores = [LocalStore(tmp_path / name) for name in ("one", "other")]
    for number, store in enumerate(stores):
        store.write("deliveries/a.json", str(number).encode())
    assert [documents(store) for store in stores] == [[0], [1]]


@pytest.mark.usefixtures("modules_stay_frozen")
@pytest.mark.parametrize(("records", "times"), [(FEWEST_RELEASED - 1, 1), (FEWEST_RELEASED, 2)])
def test_many_documents_are_forgotten_to_release_their_memory_and_then_read_again(
    tmp_path: Path, reads: Counter[str], records: int, times: int
):
    store = LocalStore(tmp_path)
    store.write("deliveries/a.json", b"1")
    assert documents(store) == [1]
    release_memory(records)
    assert documents(store) == [1]
    assert reads == {"deliveries/a.json": times}


def test_only_later_documents_are_read_if_they_are_few(tmp_path: Path, reads: Counter[str]):
    store = LocalStore(tmp_path)
    for number in range(200):
        store.write(f"deliveries/{number:03d}.json", str(number).encode())
    assert read_later(store, NUMBERS, "deliveries/197.json") == [198, 199]
    assert reads == {"deliveries/198.json": 1, "deliveries/199.json": 1}
    assert read_later(store, NUMBERS, "deliveries/199.json") == []
    assert read_later(store, NUMBERS, "deliveries/049.json") == list(range(50, 200))
    assert set(reads.values()) == {1, 2}, "many are read with all the others, once"
    assert read_later(store, NUMBERS, "deliveries/100.json") == list(range(101, 200))
    assert sum(reads.values()) == 202
    store.write("deliveries/199.json", b"7")
    assert read_later(store, NUMBERS, "deliveries/198.json") == [7]


def test_large_documents_are_left_out_of_searches_for_garbage_until_memory_is_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path)
    store.write("deliveries/1.json", b"{}")
    gc.unfreeze()
    documents(store)
    few = gc.get_freeze_count()
    monkeypatch.setattr(immutable_documents, "LASTING_BYTES", 1)
    store.write("deliveries/2.json", b"{}")
    documents(store)
    many = gc.get_freeze_count()
    release_memory(FEWEST_RELEASED)

    unfrozen = gc.get_freeze_count()
    gc.freeze()  # the modules of this process again

    assert few == 0 < many
    assert unfrozen == 0
    assert gc.isenabled()
