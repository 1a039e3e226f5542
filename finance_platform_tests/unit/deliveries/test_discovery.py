"""Discovery: new, vanished and unusable objects of the raw zone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from finance_platform.deliveries.commits import delivery_id
from finance_platform.deliveries.delivery_identities import DeliveryIdentities
from finance_platform.deliveries.discovery import RawZoneScan, scan_raw_zone
from finance_platform.deliveries.events import DeliveryDiscovered, select_discovered
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.feeds.reader_versions import OF_FORMAT
from finance_platform.refresh.steps.standardise import standardise
from finance_platform.storage.listed_once import listed_once
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import ObjectStore, StoredObject
from finance_platform_tests.unit.factories import LEDGER, decision_on, feed, settings, verdict_on, with_lines, write

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


class CountingStore(LocalStore):
    """A store on disk that records which objects were fingerprinted."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.fingerprinted: list[str] = []

    def fingerprint(self, key: str) -> str:
        self.fingerprinted.append(key)
        return super().fingerprint(key)


@dataclass
class Home:
    """A home with a ledger feed."""

    path: Path
    raw: CountingStore
    scans: int = 0

    def feed(self, text: str = LEDGER, name: str = "ledger") -> None:
        write(self.path / "feeds" / f"{name}.yaml", text)

    def deliver(self, key: str, content: str = "a,b\n1,2\n") -> Path:
        return write(self.path / "raw" / key, content)

    @property
    def register(self) -> Register:
        return Register(LocalStore(self.path / "processed"))

    @property
    def entered(self) -> list[DeliveryDiscovered]:
        """The deliveries in the register."""
        return list(select_discovered(self.register.events()))

    def scan(self, *, raw: ObjectStore | None = None, enters: bool = True, **values: Any) -> RawZoneScan:
        """Scan the raw zone, or one that wraps it, a minute later each time, and enter what is new."""
        self.scans += 1
        at, run_id = NOON + timedelta(minutes=self.scans), f"run-{self.scans}"
        feed_set = load_feed_set(self.path / "feeds")
        self.raw.fingerprinted.clear()
        raw = raw or self.raw
        scan = scan_raw_zone(raw, self.register, feed_set, settings(**values), at=at, run_id=run_id)
        if enters:
            self.register.append(scan.new)
        return scan


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path, CountingStore(tmp_path / "raw"))
    home.feed()
    return home


def new_keys(scan: RawZoneScan) -> list[str]:
    return [event.object_key for event in scan.new]


# New deliveries


def test_an_object_with_another_event_since_the_last_scan_is_compared_with_that(home: Home) -> None:
    home.deliver("ledger.csv")
    home.scan()
    assert home.scan().new == []
    (event,) = home.entered
    home.register.append([replace(event, delivery_id="of another process")])
    (again,) = home.scan().new
    assert again.delivery_id == event.delivery_id


def test_objects_that_are_as_they_were_in_the_last_scan_are_not_identified_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    identified: list[str] = []
    identify = DeliveryIdentities.identify

    def identify_and_note(identities: DeliveryIdentities, key: str, *values: Any) -> str:
        identified.append(key)
        return identify(identities, key, *values)

    monkeypatch.setattr(DeliveryIdentities, "identify", identify_and_note)
    for key in ("ledger_1.csv", "ledger_2.csv"):
        home.deliver(key)
    home.scan()
    assert home.scan().new == []
    identified.clear()
    scan = home.scan()
    assert (scan.new, identified) == ([], [])
    assert list(scan.present["ledger"]) == ["ledger_1.csv", "ledger_2.csv"]
    home.deliver("ledger_2.csv", "a,b\n1,3\n")
    assert new_keys(home.scan()) == ["ledger_2.csv"]
    assert set(identified) == {"ledger_2.csv"}
    identified.clear()
    assert (home.scan().new, set(identified)) == ([], {"ledger_2.csv"})  # an event more makes no other object another
    home.feed(with_lines(LEDGER, load="{mode: replace_period}"))
    assert new_keys(home.scan(enters=False)) == ["ledger_1.csv", "ledger_2.csv"]
    assert new_keys(home.scan(currency="CHF")) == ["ledger_1.csv", "ledger_2.csv"]


def test_a_new_object_is_recorded_with_all_its_properties(home: Home) -> None:
    home.feed(with_lines(LEDGER, load="{mode: replace_period}", tolerance="{rejected_rows: 0.01, rejected_amount: 5}"))
    path = home.deliver("ledger.csv", "12345")
    os.utime(path, (1_735_689_600, 1_735_689_600))
    home.scan()
    (event,) = home.entered
    assert (event.object_key, event.feed, event.kind, event.load_mode) == (
        "ledger.csv",
        "ledger",
        "ledger",
        "replace_period",
    )
    assert (event.size, event.modified_at) == (5, "2025-01-01T00:00:00.000000+00:00")
    assert (event.tolerated_share, event.tolerated_amount) == ("0.01", "5")
    assert (event.at, event.run_id) == ("2025-06-01T12:01:00.000000+00:00", "run-1")
    assert event.fingerprint == home.raw.fingerprint("ledger.csv")
    rules = feed((home.path / "feeds" / "ledger.yaml").read_text()).rules
    assert event.delivery_id == delivery_id("ledger.csv", event.fingerprint, "ledger", rules.identity, "ledger")


@pytest.mark.parametrize(
    ("load", "keyed_by"),
    [
        ("{mode: upsert, key: [date, account]}", "date account"),
        ("{mode: replace_period, scope: [department]}", "department"),
        ("{mode: append}", ""),
    ],
)
def test_the_fields_of_a_key_or_scope_are_recorded_and_not_added_to_an_event_of_an_earlier_release(
    home: Home, load: str, keyed_by: str
) -> None:
    home.feed(with_lines(LEDGER, load=load))
    home.deliver("ledger.csv")
    (event,) = home.scan(enters=False).new
    assert event.keyed_by == keyed_by
    home.register.append([replace(event, keyed_by="")])
    assert home.scan().new == []


def test_an_unchanged_object_has_no_event_and_is_not_read_again(home: Home) -> None:
    home.deliver("ledger.csv")
    home.scan()
    again = home.scan()
    assert (again.new_count, home.raw.fingerprinted) == (0, [])
    assert len(home.entered) == 1


def test_only_new_objects_are_read(home: Home) -> None:
    home.deliver("ledger_1.csv")
    home.scan()
    home.deliver("ledger_2.csv")
    assert new_keys(home.scan()) == ["ledger_2.csv"]
    assert home.raw.fingerprinted == ["ledger_2.csv"]


def test_a_touched_object_is_read_once_and_remains_the_same_delivery(home: Home) -> None:
    path = home.deliver("ledger.csv")
    home.scan()
    os.utime(path, (1, 1))
    touched = home.scan()
    assert home.raw.fingerprinted == ["ledger.csv"]
    assert len({event.delivery_id for event in touched.events}) == 1
    assert home.scan().new_count == 0
    assert home.raw.fingerprinted == []


def test_a_touched_object_keeps_its_delivery_id(home: Home) -> None:
    os.utime(home.deliver("ledger.csv"), (1_735_689_600, 1_735_689_600))
    home.scan()
    os.utime(home.path / "raw" / "ledger.csv", (1_800_000_000, 1_800_000_000))
    (pending,) = derive_state(home.scan().events, {}).pending
    assert pending.delivery_id == home.entered[0].delivery_id


def test_a_replaced_object_is_a_new_delivery(home: Home) -> None:
    home.deliver("ledger.csv", "old")
    home.scan()
    home.deliver("ledger.csv", "new")
    old, new = home.scan().events
    assert old.delivery_id != new.delivery_id


def test_a_replacement_with_the_same_size_and_time_is_detected(home: Home) -> None:
    path = home.deliver("ledger.csv", "old")
    before = path.stat()
    home.scan()
    home.deliver("ledger.csv", "new")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert home.scan().new_count == 1


def test_a_replacement_by_renaming_is_detected(home: Home) -> None:
    home.deliver("ledger.csv", "old")
    home.scan()
    beside = write(home.path / "raw" / ".half", "new")
    beside.rename(home.path / "raw" / "ledger.csv")
    assert home.scan().new_count == 1


def test_the_same_content_under_two_keys_is_two_deliveries(home: Home) -> None:
    home.deliver("ledger_1.csv", "same")
    home.deliver("ledger_2.csv", "same")
    one, other = home.scan().events
    assert one.fingerprint == other.fingerprint
    assert one.delivery_id != other.delivery_id


def test_a_changed_reading_rule_is_a_new_delivery_and_reads_no_bytes(home: Home) -> None:
    home.deliver("ledger.csv")
    home.scan()
    home.feed(LEDGER.replace("yyyy-MM-dd", "dd.MM.yyyy"))
    old, new = home.scan().events
    assert (old.fingerprint, old.delivery_id != new.delivery_id) == (new.fingerprint, True)
    assert home.raw.fingerprinted == []


def test_a_changed_setting_of_the_reading_rules_is_a_new_delivery(home: Home) -> None:
    home.deliver("ledger.csv")
    home.scan()
    old, new = home.scan(currency="EUR").events
    assert old.delivery_id != new.delivery_id


@pytest.mark.parametrize("keeps_earlier", [False, True])
def test_a_release_that_reads_files_otherwise_does_not_bring_back_what_was_withdrawn(
    home: Home, monkeypatch: pytest.MonkeyPatch, *, keeps_earlier: bool
) -> None:
    home.deliver("ledger.csv")
    home.deliver("ledger_2.csv", "a,b\n3,4\n")
    with monkeypatch.context() as patch:
        patch.setitem(OF_FORMAT, "text", -1)
        first, _ = home.scan().events
    home.register.append([decision_on("withdrawn", first, keeps_earlier=keeps_earlier)])
    assert new_keys(home.scan()) == ["ledger_2.csv"]
    assert not home.scan().new_count
    home.register.append([decision_on("reinstated", first)])
    assert new_keys(home.scan()) == ["ledger.csv"]


def test_a_release_does_not_bring_back_withdrawn_bytes_that_return_after_others(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home.deliver("ledger.csv")
    withdrawn = path.read_text()
    with monkeypatch.context() as patch:
        patch.setitem(OF_FORMAT, "text", -1)
        (first,) = home.scan().events
        home.register.append([decision_on("withdrawn", first)])
        path.write_text("a,b\n3,4\n")
        assert home.scan().new_count == 1
    path.write_text(withdrawn)
    back = home.scan().events[-1]
    assert (back.delivery_id, back.reads_again) == (first.delivery_id, "")
    assert home.scan(currency="EUR", enters=False).events[-1].delivery_id != first.delivery_id
    home.register.append([decision_on("reinstated", first)])
    assert home.scan().events[-1].reads_again == first.delivery_id


def test_a_withdrawn_file_is_read_again_with_other_bytes_or_rules(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home.deliver("ledger.csv")
    with monkeypatch.context() as patch:
        patch.setitem(OF_FORMAT, "text", -1)
        (first,) = home.scan().events
    home.register.append([decision_on("withdrawn", first)])
    assert home.scan(currency="EUR", enters=False).new_count == 1
    path.write_text("a,b\n1,2\n5,6\n")
    assert home.scan().new_count == 1


def test_a_release_that_reads_files_otherwise_names_the_delivery_that_it_reads_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home.deliver("ledger.csv")
    with monkeypatch.context() as patch:
        patch.setitem(OF_FORMAT, "text", -1)
        (first,) = home.scan().events
        assert first.reads_again == ""
    assert home.scan(enters=False, currency="EUR").events[-1].reads_again == ""  # other rules
    second = home.scan().events[-1]
    assert (second.reads_again, second.delivery_id != first.delivery_id) == (first.delivery_id, True)
    os.utime(path, (1, 1))
    assert home.scan().events[-1].reads_again == first.delivery_id
    path.write_text("a,b\n1,2\n5,6\n")
    assert home.scan().events[-1].reads_again == ""


def test_bytes_that_come_back_after_others_name_the_delivery_that_a_later_release_reads_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home.deliver("ledger.csv")
    content = path.read_text()
    with monkeypatch.context() as patch:
        patch.setitem(OF_FORMAT, "text", -1)
        (first,) = home.scan().events
        path.write_text("a,b\n3,4\n")
        assert home.scan().new_count == 1
    path.write_text(content)
    assert home.scan(enters=False, currency="EUR").events[-1].reads_again == ""  # other rules
    for modified_at in (1, 2):
        os.utime(path, (modified_at, modified_at))
        back = home.scan().events[-1]
        assert (back.reads_again, back.delivery_id != first.delivery_id) == (first.delivery_id, True)


def test_a_changed_tolerance_is_recorded_for_the_same_delivery(home: Home) -> None:
    home.deliver("ledger.csv")
    home.scan()
    home.feed(with_lines(LEDGER, tolerance="{rejected_rows: 0.5}"))
    old, new = home.scan().events
    assert (old.delivery_id, old.tolerated_share, new.tolerated_share) == (new.delivery_id, "0", "0.5")
    assert (old.tolerated_amount, new.tolerated_amount) == (None, None)


def test_an_order_that_begins_or_ends_is_recorded_for_the_same_delivery(home: Home) -> None:
    home.feed(with_lines(LEDGER, path="ledger_*.csv"))
    home.deliver("ledger_v2.csv")
    home.deliver("ledger_last.csv")
    home.scan()
    home.feed(with_lines(LEDGER, path="ledger_*.csv", order="{from_name: 'v([0-9]+)'}"))
    scan = home.scan()
    (ordered,) = scan.events[2:]
    assert (ordered.object_key, bool(ordered.order)) == ("ledger_v2.csv", True)
    assert [problem.where for problem in scan.problems] == ["ledger_last.csv"]
    home.feed(with_lines(LEDGER, path="ledger_*.csv"))
    scan = home.scan()
    (unordered,) = scan.events[3:]
    assert (unordered.object_key, unordered.order, unordered.delivery_id) == ("ledger_v2.csv", "", ordered.delivery_id)
    assert not scan.problems


def test_a_changed_description_has_no_event(home: Home) -> None:
    home.deliver("ledger.csv")
    home.scan()
    home.feed(with_lines(LEDGER, description="Other words", owner="somebody else"))
    assert home.scan().new_count == 0


def test_a_status_records_nothing(home: Home) -> None:
    home.deliver("ledger.csv")
    assert home.scan(enters=False).new_count == 1
    assert home.entered == []
    assert home.scan().new_count == 1


# Vanished and unusable objects


def test_a_vanished_object_is_reported_and_its_delivery_stays(home: Home) -> None:
    home.deliver("ledger.csv")
    (event,) = home.scan().events
    home.register.append([verdict_on(event)])
    (home.path / "raw" / "ledger.csv").unlink()
    gone = home.scan()
    assert (list(gone.vanished), gone.new_count) == (["ledger.csv"], 0)
    assert len(derive_state(gone.events, {}).pending) == 1


def test_an_object_that_never_counted_is_absent_and_has_not_vanished(home: Home) -> None:
    for name in ("held", "withdrawn", "unread"):
        home.deliver(f"ledger_{name}.csv", name)
    events = {event.object_key: event for event in home.scan().events}
    home.register.append(
        [verdict_on(events["ledger_held.csv"], "too much"), verdict_on(events["ledger_withdrawn.csv"])]
    )
    home.register.append([decision_on("withdrawn", events["ledger_withdrawn.csv"])])
    for path in (home.path / "raw").iterdir():
        path.unlink()
    scan = home.scan()
    assert (list(scan.vanished), len(scan.absent)) == ([], 3)


def test_an_object_whose_earlier_version_counts_has_vanished_although_the_last_one_is_held(home: Home) -> None:
    home.deliver("ledger.csv")
    (first,) = home.scan().events
    home.register.append([verdict_on(first)])
    home.deliver("ledger.csv", "other content")
    *_, second = home.scan().events
    home.register.append([verdict_on(second, "too much")])
    (home.path / "raw" / "ledger.csv").unlink()
    assert list(home.scan().vanished) == ["ledger.csv"]


def test_a_name_that_differs_from_a_path_in_case_only_is_read(home: Home) -> None:
    home.deliver("LEDGER_1.CSV")
    home.deliver("notes.txt")
    scan = home.scan()
    assert list(scan.unmatched) == ["notes.txt"]
    assert [event.object_key for event in scan.events] == ["LEDGER_1.CSV"]


def test_an_object_that_returns_unchanged_is_no_longer_vanished(home: Home) -> None:
    path = home.deliver("ledger.csv")
    home.scan()
    shutil.move(path, home.path / "aside.csv")
    home.scan()
    shutil.move(home.path / "aside.csv", path)
    back = home.scan()
    assert list(back.vanished) == []
    assert len({event.delivery_id for event in back.events}) == 1


def test_an_unmatched_object_is_reported_and_has_no_event(home: Home) -> None:
    home.deliver("notes.txt")
    home.deliver("sub/ledger.csv")
    scan = home.scan()
    assert (list(scan.unmatched), scan.new_count) == (["notes.txt", "sub/ledger.csv"], 0)


@pytest.mark.parametrize("name", ["_SUCCESS", "Thumbs.db", "sub/desktop.ini", "~$ledger.xlsx", ".DS_Store"])
def test_what_programs_keep_beside_files_is_no_file_without_a_feed(home: Home, name: str) -> None:
    home.deliver(name)
    scan = home.scan()
    assert (list(scan.unmatched), scan.new_count, scan.problems) == ([], 0, [])


def test_an_object_that_matches_two_feeds_is_a_problem_of_its_own(home: Home) -> None:
    home.feed(with_lines(LEDGER, feed="rival", path="'*_1.csv'"), "rival")
    home.deliver("ledger_1.csv")
    home.deliver("ledger_2.csv")
    scan = home.scan()
    assert [problem.where for problem in scan.problems] == ["ledger_1.csv"]
    assert new_keys(scan) == ["ledger_2.csv"]


def test_an_invalid_descriptor_affects_only_its_own_files_and_their_deliveries_stay(home: Home) -> None:
    home.deliver("ledger.csv")
    home.deliver("transactions.csv")
    home.scan()
    home.feed(LEDGER.replace("account:", "acount:"))
    home.deliver("ledger.csv", "new content")
    scan = home.scan()
    (problem,) = scan.problems
    assert problem.where == str(home.path / "feeds" / "ledger.yaml")
    assert problem.message.endswith("; 1 file is not read because of it: ledger.csv")
    assert (scan.new_count, list(scan.vanished)) == (0, [])


def test_an_invalid_descriptor_is_reported_once_with_the_number_of_its_files(home: Home) -> None:
    home.feed(LEDGER.replace("account:", "acount:"))
    for number in range(5):
        home.deliver(f"ledger_{number}.csv")
    (problem,) = home.scan().problems
    names = "ledger_0.csv, ledger_1.csv, ledger_2.csv, …"
    assert problem.message.endswith(f"; 5 files are not read because of it: {names}")


@pytest.mark.parametrize("target", ["nowhere.csv", "ledger_1.csv"], ids=["dangling link", "link to itself"])
def test_an_unreadable_object_is_a_problem_of_its_feed_alone(home: Home, target: str) -> None:
    home.deliver("ledger_2.csv")
    # Links that lead nowhere cannot be opened by root either.
    (home.path / "raw" / "ledger_1.csv").symlink_to(target)
    scan = home.scan()
    assert [(problem.where, problem.feed) for problem in scan.problems] == [("ledger_1.csv", "ledger")]
    assert scan.problems[0].message.startswith("the file cannot be opened: ")
    assert new_keys(scan) == ["ledger_2.csv"]


def test_a_pipe_a_device_a_folder_and_a_link_outside_are_refused_and_the_files_beside_them_are_read(home: Home) -> None:
    home.deliver("ledger_0.csv")
    outside = write(home.path / "secret.csv", "top secret\n")
    raw = home.path / "raw"
    os.mkfifo(raw / "ledger_1.csv")
    (raw / "ledger_2.csv").symlink_to("/dev/zero")
    (raw / "ledger_3.csv").mkdir()
    (raw / "ledger_4.csv").symlink_to(outside)
    home.deliver("ledger_5.csv/part-0.csv")
    home.deliver("ledger_5.csv/part-1.csv")
    os.mkfifo(raw / "other")
    scan = home.scan()
    reason = "the file cannot be opened: it is "
    assert {problem.where: (problem.feed, problem.message.removeprefix(reason)) for problem in scan.problems} == {
        "ledger_1.csv": ("ledger", "a named pipe (FIFO), not a plain file"),
        "ledger_2.csv": ("ledger", f"a link to '/dev/zero', which leads out of the folder '{raw}'"),
        "ledger_3.csv/": ("ledger", "a folder, not a plain file"),
        "ledger_4.csv": ("ledger", f"a link to '{outside}', which leads out of the folder '{raw}'"),
        "ledger_5.csv/": ("ledger", "a folder, not a plain file, and the files in it are not read"),
        "other": ("", "a named pipe (FIFO), not a plain file"),
    }
    assert all(problem.fix for problem in scan.problems)
    assert (new_keys(scan), home.raw.fingerprinted, scan.unmatched) == (["ledger_0.csv"], ["ledger_0.csv"], [])


def test_files_in_a_folder_that_a_descriptor_names_are_read_whatever_its_name_is(home: Home) -> None:
    home.feed(LEDGER.replace("path: ledger*.csv", "path: ledger.csv/part-*.csv"))
    home.deliver("ledger.csv/part-0.csv")
    scan = home.scan()
    assert (new_keys(scan), list(scan.problems)) == (["ledger.csv/part-0.csv"], [])


def test_a_delivery_that_is_replaced_by_a_pipe_keeps_counting_and_is_a_problem(home: Home) -> None:
    path = home.deliver("ledger.csv")
    home.scan()
    path.unlink()
    os.mkfifo(path)
    scan = home.scan()
    assert [problem.where for problem in scan.problems] == ["ledger.csv"]
    assert (list(scan.vanished), list(scan.absent), scan.new_count) == ([], [], 0)


def test_an_object_that_becomes_unreadable_keeps_its_delivery_and_has_not_vanished(home: Home) -> None:
    path = home.deliver("ledger.csv")
    home.scan()
    path.unlink()
    path.symlink_to("nowhere.csv")
    scan = home.scan()
    assert (len(scan.problems), list(scan.vanished), scan.new_count) == (1, [], 0)


def test_an_object_that_is_removed_after_the_listing_is_a_problem_of_its_own(home: Home) -> None:
    home.deliver("ledger_1.csv")
    home.deliver("ledger_2.csv")

    class Vanishing(CountingStore):
        def list_objects(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
            for item in list(super().list_objects(prefix, after=after)):
                if item.key == "ledger_1.csv":
                    (home.path / "raw" / item.key).unlink()
                yield item

    home.raw = Vanishing(home.path / "raw")
    scan = home.scan()
    assert [problem.where for problem in scan.problems] == ["ledger_1.csv"]
    assert new_keys(scan) == ["ledger_2.csv"]
    assert list(scan.unavailable) == ["ledger_1.csv"], "closing a period waits for it"


def test_what_changes_or_arrives_after_the_listing_is_entered_as_it_is_by_the_next_scan(home: Home) -> None:
    """The first step of a run goes by the listing by which the run was decided."""
    home.deliver("ledger_1.csv")
    store = home.raw
    listed = listed_once(store)
    assert [item.key for item in listed.list_objects()] == ["ledger_1.csv"]
    newer = "a,b\n1,2\n3,4\n"
    home.deliver("ledger_1.csv", newer)
    home.deliver("ledger_2.csv")
    assert new_keys(home.scan(raw=listed)) == ["ledger_1.csv"]
    scan = home.scan()
    assert new_keys(scan) == ["ledger_1.csv", "ledger_2.csv"]
    last = next(event for event in reversed(scan.events) if event.object_key == "ledger_1.csv")
    assert (last.size, last.fingerprint) == (len(newer), store.fingerprint("ledger_1.csv"))
    assert len({event.delivery_id for event in scan.events if event.object_key == "ledger_1.csv"}) == 1
    assert home.scan().new_count == 0


def test_an_object_whose_name_is_not_valid_utf_8_is_a_problem_of_its_own(home: Home) -> None:
    home.deliver("ledger_2.csv")
    (home.path / "raw" / os.fsdecode(b"ledger_M\xfcller.csv")).write_text("a,b\n")
    scan = home.scan()
    assert [problem.where for problem in scan.problems] == ["ledger_M\\udcfcller.csv"]
    assert "rename" in scan.problems[0].fix
    assert new_keys(scan) == ["ledger_2.csv"]


# Data versions and feeds


def test_the_data_version_of_a_feed_depends_only_on_its_objects(home: Home) -> None:
    path = home.deliver("ledger.csv", "one")
    home.deliver("transactions.csv")
    before = home.scan()
    os.utime(path, (1, 1))
    home.deliver("budget.csv")
    touched = home.scan()
    assert touched.data_version("ledger") == before.data_version("ledger")
    assert touched.data_version("budget") != before.data_version("budget")
    home.deliver("ledger.csv", "two")
    replaced = home.scan()
    assert replaced.data_version("ledger") != before.data_version("ledger")
    assert replaced.data_version("transactions") == before.data_version("transactions")


def test_the_data_version_changes_when_an_object_vanishes(home: Home) -> None:
    home.deliver("ledger.csv")
    before = home.scan().data_version("ledger")
    (home.path / "raw" / "ledger.csv").unlink()
    assert home.scan().data_version("ledger") != before


def test_the_scan_has_every_feed_resolved(home: Home) -> None:
    scan = home.scan(currency="EUR")
    assert scan.feeds["ledger"] == replace(feed(currency="EUR"), name="ledger")
    assert {"transactions", "budget", "forecast", "departments", "accounts"} < scan.feeds.keys()


def test_the_scan_of_an_empty_home_is_empty(home: Home) -> None:
    scan = home.scan()
    assert (scan.new_count, scan.events, scan.problems, scan.unmatched, scan.vanished) == (0, [], [], [], [])


# What is read


def test_a_file_that_becomes_a_pipe_before_it_was_read_starts_no_job(home: Home) -> None:
    path = home.deliver("ledger.csv")
    home.scan()
    path.unlink()
    os.mkfifo(path)

    class NoJobs:
        def run(self, *request: object) -> dict[str, Any]:
            raise AssertionError(f"nothing can be read: {request}")

    processed = LocalStore(home.path / "processed")
    result = standardise(home.raw, processed, NoJobs(), settings(home=home.path), clock=lambda: NOON, run_id="run-2")
    assert not result.read.commits
