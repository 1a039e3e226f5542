"""Immutable documents are read once per process."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from finance_platform.storage.immutable_documents import (
    FEWEST_RELEASED,
    DocumentFolder,
    read_immutable,
    release_memory,
)
from finance_platform.storage.local import LocalStore


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


def parse(_: str, data: bytes) -> Any:
    return json.loads(data)


def documents(store: LocalStore) -> list[Any]:
    return read_immutable(store, DocumentFolder("deliveries", parse))


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


def test_stores_do_not_share_documents(tmp_path: Path):
    stores = [LocalStore(tmp_path / name) for name in ("one", "other")]
    for number, store in enumerate(stores):
        store.write("deliveries/a.json", str(number).encode())
    assert [documents(store) for store in stores] == [[0], [1]]


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
