"""Documents that never change are read once per process, whoever asks for them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from finance_platform.storage.bulk_read import read_immutable
from finance_platform.storage.local import LocalStore


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each object was read."""
    counted: Counter[str] = Counter()
    read = LocalStore.read

    def count(lake: LocalStore, key: str) -> bytes:
        counted[key] += 1
        return read(lake, key)

    monkeypatch.setattr(LocalStore, "read", count)
    return counted


def documents(zone: LocalStore) -> list[Any]:
    return read_immutable(zone, "deliveries", json.loads)


def test_a_document_is_read_once_and_a_new_one_when_it_comes(tmp_path: Path, reads: Counter[str]):
    zone = LocalStore(tmp_path)
    zone.write("deliveries/a.json", b"1")
    assert documents(zone) == documents(LocalStore(tmp_path)) == [1]
    zone.write("deliveries/b.json", b"2")
    assert documents(zone) == [1, 2]
    assert reads == {"deliveries/a.json": 1, "deliveries/b.json": 1}


def test_a_document_that_was_removed_is_gone_and_one_written_in_its_place_is_read(tmp_path: Path):
    zone = LocalStore(tmp_path)
    zone.write("deliveries/a.json", b"1")
    zone.write("deliveries/b.json", b"2")
    assert documents(zone) == [1, 2]
    zone.delete("deliveries/a.json")
    assert documents(zone) == [2]
    zone.write("deliveries/a.json", b"3")
    assert documents(zone) == [3, 2]


def test_zones_do_not_share_documents(tmp_path: Path):
    zones = [LocalStore(tmp_path / name) for name in ("here", "there")]
    for number, zone in enumerate(zones):
        zone.write("deliveries/a.json", str(number).encode())
    assert [documents(zone) for zone in zones] == [[0], [1]]
