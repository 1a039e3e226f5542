"""Recorded rights: each document is written once, also if others record rights meanwhile."""

from __future__ import annotations

from pathlib import Path

from finance_platform.storage.listed_once import listed_until_written
from finance_platform.storage.local import LocalStore
from finance_platform.warehouse.access_rights import FOLDER, read_recorded, record
from finance_platform_tests.unit.zone import NOON


def test_rights_that_are_recorded_during_a_run_are_not_overwritten_by_it(tmp_path: Path) -> None:
    zone = LocalStore(tmp_path)
    run = listed_until_written(zone)
    assert record(run, at=NOON, units=frozenset({("ada", "North")}), roles=frozenset())
    assert len(list(run.list_objects(FOLDER))) == 1
    record(zone, at=NOON, units=frozenset({("bob", "South")}))  # by `secure`, which takes no lock
    record(run, at=NOON, units=frozenset({("cy", "West")}))
    documents = [zone.read(item.key).decode() for item in zone.list_objects(FOLDER)]
    assert [name for text in documents for name in ("ada", "bob", "cy") if name in text] == ["ada", "bob", "cy"]
    assert read_recorded(run).units == {("cy", "West")}
