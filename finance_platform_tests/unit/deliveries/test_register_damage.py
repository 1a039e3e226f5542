"""A damaged register: it is never derived again, so the error names the event and what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from finance_platform.deliveries import decisions
from finance_platform.deliveries.events import select_discovered
from finance_platform.deliveries.register import FOLDER, Register
from finance_platform.errors import RegisterError
from finance_platform_tests.unit.factories import delivered
from finance_platform_tests.unit.zone import ADA, Line, Zone

DAMAGED = {
    "empty": b"",
    "truncated": b'{"events": [{"event": "delivered", "object_key": "a.c',
    "garbage": b"\x00\xff\xfe\x80",
    "nul bytes": b"\x00" * 300,
    "another encoding": '{"events": [{"event": "délivré"}]}'.encode("utf-16-le")[1:],
    "a list": b"[1, 2]",
    "a number": b"7",
    "other keys": b'{"rows": []}',
    "an unknown kind": b'{"events": [{"event": "approved", "object_key": "a.csv"}]}',
    "an unknown field": b'{"events": [{"event": "judged", "object_key": "a.csv", "mood": "good"}]}',
    "a field of another type": b'{"events": [{"event": "judged", "object_key": 3, "delivery_id": "", "at": "", '
    b'"run_id": ""}]}',
    "deeply nested": b"[" * 200_000,
}


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    """A zone with three documents in its register."""
    zone = Zone(tmp_path)
    zone.deliver("a.csv", [Line("T1")])
    zone.deliver("b.csv", [Line("T2")])
    zone.evaluate()
    return zone


def document(zone: Zone, number: int) -> Path:
    return zone.path / FOLDER / f"{number:012d}.json"


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_event_is_named_with_its_number_and_what_to_do(zone: Zone, damage: str):
    document(zone, 2).write_bytes(DAMAGED[damage])
    with pytest.raises(RegisterError) as caught:
        zone.register.events()
    assert f"{document(zone, 2)}, event number 2" in caught.value.found
    assert "restore this file from a backup" in caught.value.fix


@pytest.mark.parametrize("number", [1, 2])
def test_a_missing_event_before_others_is_named_and_the_fix_helps(zone: Zone, number: int):
    document(zone, number).unlink()
    errors = []
    # With the length that the last refresh has seen, as in every command, and without.
    for read in (zone.register.events, lambda: zone.register.require_length(3)):
        with pytest.raises(RegisterError, match=f"event number {number}: the event is missing") as caught:
            read()
        errors.append((caught.value.found, caught.value.fix))
    assert errors[0] == errors[1]
    content, path = re.search(r"put (\{.*\}) into (\S+?):", errors[1][1]).groups()  # type: ignore[union-attr]
    Path(path).write_text(content)
    zone.register.require_length(3)
    assert zone.register.events()


def test_a_restored_event_ends_the_error(zone: Zone):
    before = zone.register.events()
    data = document(zone, 2).read_bytes()
    document(zone, 2).write_bytes(data[:40])
    with pytest.raises(RegisterError):
        zone.register.events()
    document(zone, 2).write_bytes(data)
    assert zone.register.events() == before


def test_without_a_copy_the_document_that_the_fix_prints_lets_the_home_go_on(zone: Zone):
    document(zone, 1).write_bytes(b"")
    with pytest.raises(RegisterError) as caught:
        zone.register.events()
    content, path = re.search(r"put (\{.*\}) into (\S+?):", caught.value.fix).groups()  # type: ignore[union-attr]
    Path(path).write_text(content)
    # The verdict about the delivery that is no longer known is left out; a scan discovers the file again.
    assert [event.object_key for event in select_discovered(zone.register.events())] == ["b.csv"]
    assert [one.event.object_key for one in zone.state.live] == ["b.csv"]


def test_an_event_that_an_earlier_scan_has_seen_is_missed_at_the_end_too(zone: Zone):
    scan = {"listing": "x", "terms": "y", "register_length": 3, "run_id": "r", "at": ""}
    zone.store.write("looks/refreshed.json", json.dumps(scan).encode())
    document(zone, 3).unlink()
    with pytest.raises(RegisterError, match="event number 3: the event is missing") as caught:
        decisions.withdraw(zone.store, "a.csv", ADA)
    assert "remove the folder `looks`" in caught.value.fix
    zone.store.delete_folder("looks")
    # The lost document had the verdicts; they are made again.
    assert [one.event.object_key for one in zone.state.awaiting_verdict] == ["a.csv", "b.csv"]


def test_an_object_that_is_no_event_is_named_and_ignored(zone: Zone):
    before = zone.register.events()
    for name in ("notes.txt", "000000000002.json.bak", "2.json", "more/000000000004.json"):
        zone.store.write(f"{FOLDER}/{name}", b"hi\n")
    assert zone.register.events() == before
    assert zone.register.length() == 3
    assert zone.register.foreign_keys() == [
        f"{FOLDER}/{name}" for name in ("000000000002.json.bak", "2.json", "more/000000000004.json", "notes.txt")
    ]
    zone.register.append([delivered("c.csv")])
    assert document(zone, 4).exists()


def test_a_gap_is_never_filled(zone: Zone):
    document(zone, 2).unlink()
    zone.register.append([delivered("c.csv")])
    assert document(zone, 4).exists()
    assert not document(zone, 2).exists()
    assert Register(zone.store).length() == 3
