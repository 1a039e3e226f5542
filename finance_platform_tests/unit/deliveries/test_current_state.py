"""The remembered state of the deliveries, and what a snapshot derives of it, are what a new process derives."""

from __future__ import annotations

import shutil
import tempfile
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finance_platform.deliveries.commits import commit_key, read_commits
from finance_platform.deliveries.current_state import read_state
from finance_platform.deliveries.decisions import withdraw
from finance_platform.deliveries.state import DeliveryState
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform.errors import RegisterError
from finance_platform.reports.reconciliation import reconcile
from finance_platform.reports.statement import Reconciliation
from finance_platform.settings import StarSettings
from finance_platform.slices.snapshot import Snapshot, take_snapshot
from finance_platform.slices.versions import contributing_deliveries
from finance_platform.storage.immutable_documents import forget_documents, keep_equal, release_memory
from finance_platform.warehouse.port import NO_PARAMETERS, Parameters, QueryResult
from finance_platform.warehouse.statements import SqlFile, statement
from finance_platform_tests.profiles import current_profile
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


@pytest.mark.usefixtures("modules_stay_frozen")
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


_STAR = [
    StarSettings("Budget", None, 1, holds_closed_periods=False),
    StarSettings("Budget", "2025-01", 7, holds_closed_periods=False),
]


class _Warehouse:
    """A warehouse without slices that has these lines of Actual."""

    def __init__(self, lines: int) -> None:
        self._lines = lines

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:  # noqa: ARG002  the port's
        is_count = sql == statement(SqlFile.LINES_IN_WAREHOUSE)
        return QueryResult([], [("Actual", self._lines, Decimal(self._lines))] if is_count else [])


def _taken(zone: Zone, number: int) -> tuple[Snapshot, object, Reconciliation]:
    snapshot = take_snapshot(zone.store, _STAR[number % 2])
    statement = reconcile(zone.store, snapshot, _Warehouse(number % 2), currency="USD")
    return snapshot, dict(contributing_deliveries(snapshot.state, snapshot.overlaps)), statement


@settings(max_examples=current_profile().examples_of_slow(40))
@given(changes=st.lists(st.tuples(st.sampled_from([*_CHANGES, "lose overlaps"]), st.integers(0, 3)), max_size=4))
def test_after_every_change_a_snapshot_is_that_of_a_new_process(changes: list[tuple[str, int]]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="current-state-"))
    try:
        zone = Zone(folder / "processed")
        for number in range(2):
            zone.deliver(f"{number}.csv", lines("T1", f"T{number}"), load_mode="upsert")
        zone.evaluate()
        lost: dict[str, bytes] = {}
        for change, number in changes:
            _taken(zone, number + 1)
            if change == "lose overlaps":
                zone.store.delete_folder("overlaps")
            else:
                _change(zone, change, number, lost)
            taken = _taken(zone, number)
            forget_documents()
            assert taken == _taken(zone, number)
    finally:
        shutil.rmtree(folder)


def test_the_statement_of_the_same_deliveries_and_warehouse_is_added_up_once(tmp_path: Path) -> None:
    zone = Zone(tmp_path / "processed")
    zone.deliver("a.csv", lines("T1"))
    zone.evaluate()
    first, again, other = (_taken(zone, number)[2] for number in (0, 0, 1))
    assert again is first
    assert other.unexplained


def test_the_target_slices_of_the_same_deliveries_and_settings_are_derived_once(tmp_path: Path) -> None:
    zone = Zone(tmp_path / "processed")
    for name in ("a.csv", "b.csv"):
        zone.deliver(name, lines("T1"), load_mode="upsert")
    zone.evaluate()
    first, again = (take_snapshot(zone.store, _STAR[0]) for _ in range(2))
    assert again.target is first.target
    assert take_snapshot(zone.store, _STAR[1]).target != first.target


def test_a_value_that_equals_the_kept_one_is_the_kept_one() -> None:
    kept = keep_equal("test", ["a"])
    assert keep_equal("test", ["a"]) is kept
    assert keep_equal("test", ["b"]) == ["b"]
    assert keep_equal("test", ["a"]) is not kept


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
