"""The remembered state of the deliveries is the one that follows from all events and commits."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.deliveries.commits import commit_key, read_commits
from finance_platform.deliveries.current_state import read_state
from finance_platform.deliveries.decisions import withdraw
from finance_platform.deliveries.state import DeliveryState, derive_state
from finance_platform.errors import RegisterError
from finance_platform.storage.immutable_documents import forget_documents, release_memory
from finance_platform_tests.unit.zone import ADA, Line, Zone, lines


def _derived(zone: Zone) -> DeliveryState:
    """Return what a process that has just started derives."""
    forget_documents()
    return derive_state(zone.register.events(), read_commits(zone.store))


def test_a_state_is_derived_once_while_nothing_has_changed(tmp_path: Path) -> None:
    zone = Zone(tmp_path / "processed")
    zone.deliver("a.csv", lines("T1"))
    zone.evaluate()
    state = read_state(zone.store)
    assert read_state(zone.store) is state
    assert state == _derived(zone)


def test_a_state_is_forgotten_with_its_documents(tmp_path: Path) -> None:
    zone = Zone(tmp_path / "processed")
    zone.deliver("a.csv", lines("T1"))
    state = read_state(zone.store)
    release_memory(1_000_000)
    assert read_state(zone.store) is not state


def test_a_lost_event_is_an_error_although_the_state_was_derived(tmp_path: Path) -> None:
    zone = Zone(tmp_path / "processed")
    zone.deliver("a.csv", lines("T1"))
    zone.deliver("b.csv", lines("T2"))
    read_state(zone.store)
    zone.store.delete("register/000000000001.json")
    with pytest.raises(RegisterError, match="missing"):
        read_state(zone.store)


def test_commits_cannot_be_changed_by_those_who_share_them(tmp_path: Path) -> None:
    zone = Zone(tmp_path / "processed")
    zone.deliver("a.csv", lines("T1"))
    with pytest.raises(TypeError):
        read_commits(zone.store)["other"] = None  # type: ignore[index]


_CHANGES = ("deliver", "correct", "evaluate", "withdraw", "lose", "damage", "restore", "rewrite")


@given(changes=st.lists(st.tuples(st.sampled_from(_CHANGES), st.integers(0, 3)), min_size=1, max_size=4))
def test_after_every_change_the_state_is_the_derived_one(changes: list[tuple[str, int]]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="current-state-"))
    try:
        zone = Zone(folder / "processed")
        for number in range(2):
            zone.deliver(f"{number}.csv", lines(f"T{number}"))
        zone.evaluate()
        lost: dict[str, bytes] = {}
        for change, number in changes:
            read_state(zone.store)
            _change(zone, change, number, lost)
            state = read_state(zone.store)
            assert state == _derived(zone)
    finally:
        shutil.rmtree(folder)


def _change(zone: Zone, change: str, number: int, lost: dict[str, bytes]) -> None:
    """Change the zone as runs, people and faults do."""
    commits = sorted(read_commits(zone.store))
    key = commit_key(commits[number % len(commits)]) if commits else ""
    if change == "deliver":
        zone.deliver(f"{number}.csv", lines(f"T{number}", f"N{number}"))
    elif change == "correct":
        zone.deliver(f"{number}.csv", [Line(f"T{number}", amount=f"{len(zone.register.events())}.00")])
    elif change == "evaluate":
        zone.evaluate()
    elif change == "withdraw" and (live := read_state(zone.store).live):
        withdraw(zone.store, live[number % len(live)].event.object_key, ADA)
    elif change == "restore" and lost:
        zone.store.write(*lost.popitem())
    elif key:
        lost[key] = zone.store.read(key)
        if change == "lose":
            zone.store.delete(key)
        elif change == "damage":
            zone.store.write(key, b"{")
        elif change == "rewrite":
            zone.store.write(key, lost.pop(key))
