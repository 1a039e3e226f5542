"""A delivery whose commit or rows are damaged while the raw zone no longer has its content: a person has to act.

Belongs here: that published figures stay, what is said, and that each part of the advice works.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform.deliveries import decisions, period_decisions
from finance_platform.deliveries.commits import commit_key
from finance_platform.deliveries.events import DeliveryDiscovered, PeriodStatusChanged
from finance_platform.errors import DamagedObjectError, DecisionError, LostDeliveryError
from finance_platform.refresh.steps.repair import find_damage, repair, require_none_missing, require_readable
from finance_platform.slices.retention import find_expired
from finance_platform.storage.documents import FOLDER
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.zone import ADA, NOON, Line, Zone


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    """A zone with two live deliveries: a.csv in its second version, and b.csv."""
    zone = Zone(tmp_path / "processed")
    zone.deliver("a.csv", [Line("T1")])
    zone.evaluate()
    zone.deliver("a.csv", [Line("T1", amount="20.00")], content="v2")
    zone.deliver("b.csv", [Line("T2")])
    zone.evaluate()
    return zone


@pytest.fixture
def raw(tmp_path: Path) -> LocalStore:
    """A raw zone in which both files are gone."""
    (tmp_path / "raw").mkdir()
    return LocalStore(tmp_path / "raw")


def live(zone: Zone, key: str) -> DeliveryDiscovered:
    (event,) = [delivery.event for delivery in zone.state.live if delivery.event.object_key == key]
    return event


def test_an_earlier_version_does_not_come_back_for_one_that_is_lost(zone: Zone):
    event = live(zone, "a.csv")
    zone.store.write(commit_key(event.delivery_id), b"{")
    assert [one.delivery_id for one in zone.state.missing] == [event.delivery_id]
    assert [one.event.object_key for one in zone.state.live] == ["b.csv"]
    with pytest.raises(LostDeliveryError, match=r"a\.csv"):
        require_none_missing(zone.state)


def test_the_damaged_commit_is_kept_and_a_person_is_told_what_to_do(zone: Zone, raw: LocalStore):
    event = live(zone, "a.csv")
    zone.store.write(commit_key(event.delivery_id), b"{")
    (damage,) = find_damage(raw, zone.store)
    assert "put a.csv with that content back into the raw zone" in damage.fix
    repaired, (sentence,) = repair(raw, zone.store, at=NOON, run_id="run")
    assert repaired == []
    assert "\n" not in sentence
    assert zone.store.read(f"{FOLDER}/20250601T120000Z/{commit_key(event.delivery_id)}") == b"{"
    assert [one.delivery_id for one in zone.state.missing] == [event.delivery_id]


def test_the_commit_of_a_file_that_is_back_is_derived_again(zone: Zone, raw: LocalStore):
    event = live(zone, "a.csv")
    zone.store.write(commit_key(event.delivery_id), b"{")
    raw.write("a.csv", b"anything")
    # The event of the test has no fingerprint of real bytes; equal bytes are recognised by it.
    assert "put a.csv" in find_damage(raw, zone.store)[0].fix


def test_a_commit_that_is_restored_from_a_backup_counts_again(zone: Zone, raw: LocalStore):
    event = live(zone, "a.csv")
    copy = zone.store.read(commit_key(event.delivery_id))
    zone.store.write(commit_key(event.delivery_id), copy[: len(copy) // 2])
    repair(raw, zone.store, at=NOON, run_id="run")
    zone.store.write(commit_key(event.delivery_id), copy)
    assert zone.state.missing == []
    assert live(zone, "a.csv") == event


def test_a_lost_delivery_can_be_withdrawn(zone: Zone, raw: LocalStore):
    zone.store.write(commit_key(live(zone, "a.csv").delivery_id), b"")
    repair(raw, zone.store, at=NOON, run_id="run")
    decisions.withdraw(zone.store, "a.csv", ADA)
    assert zone.state.missing == []
    assert [one.event.object_key for one in zone.state.live] == ["b.csv"]


def test_a_lost_delivery_is_not_withdrawn_from_a_closed_period_unseen(zone: Zone, raw: LocalStore):
    period_decisions.close(zone.store, "2025-01", ADA, target={"2025-01": "v"}, published={"2025-01": "v"})
    zone.store.write(commit_key(live(zone, "a.csv").delivery_id), b"")
    repair(raw, zone.store, at=NOON, run_id="run")
    with pytest.raises(DecisionError, match="2025-01"):
        decisions.withdraw(zone.store, "a.csv", ADA, holds_closed_periods=True)


def test_rows_that_cannot_be_read_again_leave_the_commit_and_stop_only_what_reads_them(zone: Zone, raw: LocalStore):
    event = live(zone, "a.csv")
    (delivery,) = [one for one in zone.state.live if one.event == event]
    (file,) = delivery.commit.files["transactions"]
    zone.store.delete(file.key)
    (damage,) = find_damage(raw, zone.store)
    assert damage.key == file.key
    repair(raw, zone.store, at=NOON, run_id="run")
    assert live(zone, "a.csv") == event
    (other,) = [one for one in zone.state.live if one.event.object_key == "b.csv"]
    intact = {one.key: one for one in other.commit.files["transactions"]}
    require_readable(zone.store, zone.state, intact)
    with pytest.raises(LostDeliveryError, match=r"a\.csv: its file"):
        require_readable(zone.store, zone.state, {file.key: file})


@pytest.mark.parametrize("content", [None, b"{", b"PAR1"])
@pytest.mark.parametrize("part", ["its record", "its rows"])
def test_lines_that_a_decision_booked_are_said_to_come_back_from_a_backup_alone(
    tmp_path: Path, part: str, content: bytes | None
):
    zone, raw = Zone(tmp_path / "processed"), LocalStore(tmp_path / "raw")
    zone.append(PeriodStatusChanged("closed", "2025-01", "ada", "done", "2025-01-28T00:00:00+00:00"))
    zone.deliver("late lines.csv", [Line("T1")])
    zone.evaluate(holds_closed_periods=True)
    decisions.book(zone.store, "late lines.csv", ADA)
    (booking,) = [one.commit for one in zone.state.live if one.booked_from]
    key = commit_key(booking.delivery_id) if part == "its record" else booking.files["transactions"][0].key
    zone.store.delete(key) if content is None else zone.store.write(key, content)

    (damage,) = find_damage(raw, zone.store)
    assert damage.key == key
    assert "a decision wrote it, with lines of 2025-01" in damage.effect
    assert damage.fix.startswith("restore the file of the processed zone from a backup; ")
    assert "withdraw 'late lines.csv' --why TEXT` takes its lines out" in damage.fix
    repaired, (sentence,) = repair(raw, zone.store, at=NOON, run_id="run")
    assert (repaired, sentence) == ([], str(damage))

    decisions.withdraw(zone.store, "late lines.csv", ADA)
    assert zone.state.missing == []


@pytest.mark.parametrize("loss", ["damaged", "missing"])
def test_nothing_is_vacuumed_while_a_commit_is_damaged(zone: Zone, loss: str):
    key = commit_key(live(zone, "a.csv").delivery_id)
    if loss == "damaged":
        zone.store.write(key, b"{}")
    else:
        zone.store.delete(key)
    with pytest.raises((LostDeliveryError, DamagedObjectError)):
        find_expired(zone.store, zone.snapshot(), {}, now=NOON, retention_days=0, needed_keys=())


def test_the_lost_commit_of_a_replaced_version_only_leaves_the_statement_of_all_versions(zone: Zone, raw: LocalStore):
    (replaced,) = [commit.delivery_id for commit in zone.state.superseded]
    zone.store.write(commit_key(replaced), b"null")
    (damage,) = find_damage(raw, zone.store)
    assert (damage.fix, "statement of all versions" in damage.effect) == ("", True)
    repair(raw, zone.store, at=NOON, run_id="run")
    assert find_damage(raw, zone.store) == []
    assert [one.event.object_key for one in zone.state.live] == ["a.csv", "b.csv"]
