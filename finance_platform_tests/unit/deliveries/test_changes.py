"""Changes of the raw zone since the last complete refresh, detected by listing alone."""

from __future__ import annotations

import errno
import gzip
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.deliveries.changes import RawZoneChanges, detect_changes
from finance_platform.deliveries.discovery import RawZoneScan, scan_raw_zone
from finance_platform.deliveries.events import DecisionRecorded, PeriodStatusChanged, Verdict, utc_text
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.scans import (
    FOLDER,
    discard_scan,
    fingerprint_config,
    last_refresh,
    mark_refreshed,
    read_listing,
    record_scan,
)
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import PART_OBJECTS, STABLE_AFTER
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.unit.factories import LEDGER, settings, write

PROFILE = current_profile()

LATER = timedelta(minutes=1)
CONTENT = "a,b\n1,2\n"


@dataclass
class Home:
    """A home with complete and incomplete runs."""

    path: Path
    runs: int = 0

    @property
    def raw(self) -> LocalStore:
        return LocalStore(self.path / "raw")

    @property
    def processed(self) -> LocalStore:
        return LocalStore(self.path / "processed")

    @property
    def register(self) -> Register:
        return Register(self.processed)

    def deliver(self, key: str, content: str = CONTENT) -> Path:
        return write(self.path / "raw" / key, content)

    def config(self, **values: object) -> str:
        return fingerprint_config(load_feed_set(self.path / "feeds"), settings(**values))

    def run(self, *, completes: bool = True, at: datetime | None = None, skip_unstable: bool = False) -> RawZoneScan:
        self.runs += 1
        at, run_id = at or datetime.now(UTC) + LATER, f"run-{self.runs}"
        feed_set = load_feed_set(self.path / "feeds")
        scan = scan_raw_zone(
            self.raw, self.register, feed_set, settings(), at=at, run_id=run_id, skip_unstable=skip_unstable
        )
        self.register.append(scan.new)
        record_scan(self.processed, scan.etags.items(), config=self.config(), run_id=run_id, at=utc_text(at))
        if completes:
            mark_refreshed(self.processed, run_id)
        return scan

    def changes(self, *, at: datetime | None = None, **values: object) -> RawZoneChanges:
        return detect_changes(self.raw, self.processed, self.config(**values), at or datetime.now(UTC) + LATER)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    write(tmp_path / "feeds" / "ledger.yaml", LEDGER)
    return Home(tmp_path)


@pytest.fixture
def refreshed(home: Home) -> Home:
    """A refreshed home with two files."""
    home.deliver("ledger_1.csv")
    home.deliver("ledger_2.csv")
    home.run()
    return home


def descriptions(home: Home) -> Sequence[str]:
    return home.changes().changes


def test_every_object_is_new_before_the_first_run(home: Home):
    home.deliver("ledger_1.csv")
    assert descriptions(home) == ("1 new (ledger_1.csv)",)


def test_what_is_refused_is_new_once_and_not_again_when_someone_writes_into_it(refreshed: Home):
    pipe = refreshed.path / "raw" / "ledger_3.csv"
    os.mkfifo(pipe)
    (refreshed.path / "raw" / "ledger_4.csv").symlink_to("/etc/passwd")
    assert descriptions(refreshed) == ("2 new (ledger_3.csv, ledger_4.csv)",)
    refreshed.run()
    os.utime(pipe, (1, 1))  # as a program that writes into the pipe does
    assert descriptions(refreshed) == ()
    pipe.unlink()
    refreshed.deliver("ledger_3.csv")
    assert descriptions(refreshed) == ("1 overwritten (ledger_3.csv)",)


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES], ids=errno.errorcode.get)
def test_an_object_that_a_complete_run_could_not_read_is_still_new_though_its_etag_stays(
    refreshed: Home, number: int, monkeypatch: pytest.MonkeyPatch
):
    refreshed.deliver("ledger_2.csv", f"{CONTENT}3,4\n")
    refreshed.deliver("ledger_3.csv")

    def fail(_: LocalStore, key: str) -> str:
        raise OSError(number, os.strerror(number), key)

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "fingerprint", fail)
        scan = refreshed.run()
    assert [problem.where for problem in scan.problems] == ["ledger_2.csv", "ledger_3.csv"]
    assert descriptions(refreshed) == ("1 new (ledger_3.csv)", "1 overwritten (ledger_2.csv)")
    assert refreshed.run().new_count == 2
    assert descriptions(refreshed) == ()


def test_runs_that_cannot_read_an_object_leave_one_state_so_that_the_sensor_does_not_start_them_for_ever(
    refreshed: Home, monkeypatch: pytest.MonkeyPatch
):
    refreshed.deliver("ledger_3.csv")
    state = refreshed.changes().state

    def fail(_: LocalStore, key: str) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), key)

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "fingerprint", fail)
        refreshed.run()
        refreshed.run()
    assert refreshed.changes().state == state


def test_nothing_is_new_after_a_complete_run(refreshed: Home):
    changes = refreshed.changes()
    assert (changes.object_count, changes.changes, changes.state) == (2, (), "")
    assert changes.refreshed
    assert changes.refreshed.run_id == "run-1"


def test_after_an_incomplete_run_the_objects_are_still_new(refreshed: Home):
    refreshed.deliver("ledger_3.csv")
    refreshed.run(completes=False)
    assert descriptions(refreshed) == ("1 new (ledger_3.csv)",)


def test_an_object_with_new_content_is_overwritten(refreshed: Home):
    refreshed.deliver("ledger_1.csv", "other")
    assert descriptions(refreshed) == ("1 overwritten (ledger_1.csv)",)


def test_an_overwrite_with_the_same_size_and_time_is_detected(refreshed: Home):
    path = refreshed.path / "raw" / "ledger_1.csv"
    before = path.stat()
    path.write_text(CONTENT.replace("1", "7"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert descriptions(refreshed) == ("1 overwritten (ledger_1.csv)",)


def test_a_new_object_with_an_old_date_is_detected(refreshed: Home):
    path = refreshed.deliver("ledger_0.csv")
    os.utime(path, (0, 0))
    assert descriptions(refreshed) == ("1 new (ledger_0.csv)",)


def test_a_removed_object_is_gone_once(refreshed: Home):
    (refreshed.path / "raw" / "ledger_2.csv").unlink()
    assert descriptions(refreshed) == ("1 gone (ledger_2.csv)",)
    refreshed.run()
    assert descriptions(refreshed) == ()


def test_an_unmatched_object_is_new_once(refreshed: Home):
    refreshed.deliver("notes.doc")
    assert descriptions(refreshed) == ("1 new (notes.doc)",)
    refreshed.run()
    assert descriptions(refreshed) == ()


def test_an_object_whose_name_is_not_valid_utf_8_is_new_once(refreshed: Home):
    (refreshed.path / "raw" / os.fsdecode(b"ledger_\xff.csv")).write_text(CONTENT)
    assert len(descriptions(refreshed)) == 1
    refreshed.run()
    assert descriptions(refreshed) == ()


def test_many_changes_are_counted_and_only_the_first_are_named(refreshed: Home):
    for number in range(3, 8):
        refreshed.deliver(f"ledger_{number}.csv")
    assert descriptions(refreshed) == ("5 new (ledger_3.csv, ledger_4.csv, ledger_5.csv and 2 more)",)


def test_a_file_that_is_still_being_written_is_not_a_change_yet(refreshed: Home):
    refreshed.deliver("ledger_3.csv")
    now = datetime.now(UTC)
    changes = refreshed.changes(at=now)
    assert (changes.changes, changes.still_being_written, changes.state) == ((), "ledger_3.csv", "")
    assert refreshed.changes(at=now + STABLE_AFTER).changes == ("1 new (ledger_3.csv)",)


def test_a_file_that_is_still_being_written_does_not_delay_other_changes(refreshed: Home):
    refreshed.deliver("ledger_3.csv")
    (refreshed.path / "raw" / "ledger_2.csv").unlink()
    changes = refreshed.changes(at=datetime.now(UTC))
    assert (changes.changes, changes.still_being_written) == (("1 gone (ledger_2.csv)",), "ledger_3.csv")


def test_a_run_may_skip_files_that_are_still_being_written(refreshed: Home):
    refreshed.deliver("ledger_1.csv", "half of i")
    refreshed.deliver("ledger_3.csv", "half")
    scan = refreshed.run(at=datetime.now(UTC), skip_unstable=True)
    assert (scan.new_count, list(scan.still_being_written), list(scan.vanished)) == (
        0,
        ["ledger_1.csv", "ledger_3.csv"],
        [],
    )
    assert sorted(scan.present["ledger"]) == ["ledger_1.csv", "ledger_2.csv"]
    assert descriptions(refreshed) == ("1 new (ledger_3.csv)", "1 overwritten (ledger_1.csv)")


def test_a_run_by_hand_reads_files_as_they_are(refreshed: Home):
    refreshed.deliver("ledger_3.csv")
    assert refreshed.run(at=datetime.now(UTC)).new_count == 1


def test_a_decision_is_a_change_until_the_next_complete_run(refreshed: Home):
    decision = DecisionRecorded("withdrawn", "ledger_1.csv", "some-id", "ada", "a draft", "2025-06-01")
    refreshed.register.append([decision])
    assert descriptions(refreshed) == ("ledger_1.csv withdrawn",)
    refreshed.run()
    assert descriptions(refreshed) == ()


def test_a_decision_during_a_run_is_a_change_for_the_next_run(refreshed: Home):
    refreshed.deliver("ledger_3.csv")
    refreshed.run(completes=False)
    refreshed.register.append(
        [DecisionRecorded("withdrawn", "ledger_1.csv", "some-id", "ada", "a draft", "2025-06-01")]
    )
    mark_refreshed(refreshed.processed, "run-2")
    assert descriptions(refreshed) == ("ledger_1.csv withdrawn",)


def test_closing_a_period_is_a_change(refreshed: Home):
    refreshed.register.append([PeriodStatusChanged("closed", "2025-05", "ada", "books closed", "2025-06-01")])
    assert descriptions(refreshed) == ("2025-05 closed",)


def test_register_events_of_the_run_itself_are_not_changes(refreshed: Home):
    refreshed.deliver("ledger_3.csv")
    refreshed.run(completes=False)
    refreshed.register.append([Verdict("ledger_3.csv", "some-id", "2025-06-01", "run-2")])
    mark_refreshed(refreshed.processed, "run-2")
    assert descriptions(refreshed) == ()


def test_a_changed_descriptor_is_a_change(refreshed: Home):
    write(refreshed.path / "feeds" / "ledger.yaml", LEDGER + "hold_if_late: true\n")
    assert descriptions(refreshed) == ("descriptors, settings or code changed",)


def test_a_changed_setting_of_the_star_is_a_change(refreshed: Home):
    assert refreshed.changes(baseline_scenario="Forecast").changes == ("descriptors, settings or code changed",)


def test_the_state_is_the_same_until_something_changes(refreshed: Home):
    refreshed.deliver("ledger_3.csv")
    first = refreshed.changes().state
    assert first
    refreshed.run(completes=False)
    assert refreshed.changes().state == first
    refreshed.deliver("ledger_4.csv")
    assert refreshed.changes().state not in {"", first}


def test_the_same_changes_after_another_refresh_are_another_state(refreshed: Home):
    """As on S3, where the same bytes have the same ETag: a new run is required."""
    first = refreshed.changes(currency="EUR").state
    refreshed.deliver("ledger_3.csv")
    refreshed.run()
    assert refreshed.changes(currency="EUR").state not in {"", first}


def test_a_run_without_changes_writes_nothing(refreshed: Home):
    before = {item.key: item.etag for item in refreshed.processed.list_objects()}
    refreshed.run()
    assert {item.key: item.etag for item in refreshed.processed.list_objects()} == before


def test_only_the_listing_of_the_last_refresh_is_kept(refreshed: Home):
    refreshed.deliver("ledger_3.csv")
    refreshed.run(completes=False)
    refreshed.deliver("ledger_4.csv")
    refreshed.run()
    keys = [item.key for item in refreshed.processed.list_objects(FOLDER)]
    refresh = last_refresh(refreshed.processed)
    assert refresh
    assert sorted(keys) == sorted([f"{FOLDER}/refreshed.json", f"{FOLDER}/{refresh.listing}.jsonl.gz"])


def test_a_run_does_not_complete_the_scan_of_another_run(refreshed: Home):
    refreshed.deliver("ledger_3.csv")
    refreshed.run(completes=False)
    mark_refreshed(refreshed.processed, "run-1")
    assert descriptions(refreshed) == ("1 new (ledger_3.csv)",)


def test_without_records_every_object_is_new(refreshed: Home):
    refreshed.processed.delete_folder(FOLDER)
    assert descriptions(refreshed) == ("2 new (ledger_1.csv, ledger_2.csv)",)
    refreshed.run()
    assert descriptions(refreshed) == ()


def test_an_incomplete_run_is_a_change_even_if_its_cause_is_gone(refreshed: Home):
    path = refreshed.deliver("ledger_3.csv")
    refreshed.run(completes=False)
    path.unlink()
    assert descriptions(refreshed) == ("run run-2 broke off",)
    state = refreshed.changes().state
    refreshed.run(completes=False)
    assert descriptions(refreshed) == ("run run-3 broke off",)
    assert state
    refreshed.run()
    assert descriptions(refreshed) == ()


def test_the_state_of_an_incomplete_run_is_the_same_for_further_attempts(refreshed: Home):
    path = refreshed.deliver("ledger_3.csv")
    refreshed.run(completes=False)
    path.unlink()
    refreshed.run(completes=False)
    state = refreshed.changes().state
    refreshed.run(completes=False)
    assert refreshed.changes().state == state


def test_unreadable_objects_are_still_new_after_the_scan_is_discarded(refreshed: Home):
    refreshed.deliver("ledger_3.csv")
    refreshed.run(completes=False)
    discard_scan(refreshed.processed)
    mark_refreshed(refreshed.processed, "run-2")
    assert descriptions(refreshed) == ("1 new (ledger_3.csv)",)


def test_without_the_listing_every_object_is_new(refreshed: Home):
    (listing,) = [item.key for item in refreshed.processed.list_objects(FOLDER) if item.key.endswith(".gz")]
    refreshed.processed.delete(listing)
    assert descriptions(refreshed) == ("2 new (ledger_1.csv, ledger_2.csv)",)


@pytest.mark.parametrize("document", ["{", '{"listing": "a", "of another release": 1}'])
def test_with_a_record_in_another_form_every_object_is_new(refreshed: Home, document: str):
    refreshed.processed.write(f"{FOLDER}/refreshed.json", document.encode())
    assert descriptions(refreshed) == ("2 new (ledger_1.csv, ledger_2.csv)",)


names = st.sampled_from(["a.csv", "a-b.csv", "a/x.csv", "b/y.csv", "ü.csv", "z.csv"])


@hypothesis.settings(max_examples=PROFILE.examples_of_slow(PROFILE.examples))
@given(was=st.dictionaries(names, st.integers(0, 3)), now=st.dictionaries(names, st.integers(0, 3)))
def test_the_changes_are_the_differences_of_the_listings(
    tmp_path_factory: pytest.TempPathFactory, was: dict[str, int], now: dict[str, int]
):
    home = Home(tmp_path_factory.mktemp("home"))
    for key, content in was.items():
        home.deliver(key, str(content))
    home.run()
    for key in was.keys() - now.keys():
        (home.path / "raw" / key).unlink()
    for key, content in now.items():
        if was.get(key) != content:
            home.deliver(key, str(content))
    expected = {
        "new": len(now.keys() - was.keys()),
        "overwritten": sum(now[key] != was[key] for key in now.keys() & was.keys()),
        "gone": len(was.keys() - now.keys()),
    }
    counts = {change.split()[1]: int(change.split()[0]) for change in home.changes().changes}
    assert counts == {name: count for name, count in expected.items() if count}


def test_the_keys_at_which_the_next_listing_is_cut_are_those_of_the_last_refresh(tmp_path: Path) -> None:
    zone = LocalStore(tmp_path)
    versions = [(f"file_{number:04}.csv", "1") for number in range(2 * PART_OBJECTS + 5)]
    record_scan(zone, versions, config="1", run_id="r", at="2026-11-27T00:00:00Z")
    mark_refreshed(zone, "r")
    scan = last_refresh(zone)
    assert scan
    assert read_listing(zone, scan).part_ends() == [
        f"file_{PART_OBJECTS - 1:04}.csv",
        f"file_{2 * PART_OBJECTS - 1:04}.csv",
    ]
    listing = f"{FOLDER}/{scan.listing}.jsonl.gz"
    zone.write(listing, zone.read(listing)[:-20])
    assert read_listing(zone, scan).part_ends()[:1] == [f"file_{PART_OBJECTS - 1:04}.csv"]
    for damage in (b"none", gzip.compress(b"[]\n" * PART_OBJECTS)):
        zone.write(listing, damage)
        assert not read_listing(zone, scan).part_ends()
    zone.delete(listing)
    assert not read_listing(zone, scan).part_ends()
    assert not read_listing(zone, None).part_ends()


class RemoteStore(LocalStore):
    """A store on disk that is taken for one behind a network, and notes which objects are requested."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.requested: list[str] = []
        self.expected: Sequence[str] = ()

    @property
    def root(self) -> str:
        return f"s3://{super().root}"

    def read(self, key: str) -> bytes:
        self.requested.append(key)
        return super().read(key)

    def open(self, key: str) -> BinaryIO:
        self.requested.append(key)
        return super().open(key)

    def expect_parts(self, ends: Sequence[str]) -> None:
        self.expected = ends


def test_the_listing_of_the_last_refresh_is_requested_once(tmp_path: Path) -> None:
    """It has a line for each file of the home, and says both where a listing is cut and what has changed."""
    raw, processed = RemoteStore(tmp_path / "raw"), RemoteStore(tmp_path / "processed")
    for number in range(PART_OBJECTS + 1):
        write(tmp_path / "raw" / f"file_{number:04}.csv", "x")
    versions = [(item.key, item.etag) for item in raw.list_objects()]
    record_scan(processed, versions, config="1", run_id="r", at="2026-11-27T00:00:00Z")
    mark_refreshed(processed, "r")
    processed.requested.clear()
    assert not detect_changes(raw, processed, "1", datetime(2026, 11, 29, tzinfo=UTC)).changes
    assert raw.expected == [f"file_{PART_OBJECTS - 1:04}.csv"]
    assert sum(key.endswith(".gz") for key in processed.requested) == 1


def test_a_recorded_listing_has_the_bytes_of_earlier_releases(tmp_path: Path) -> None:
    """Its hash names it, and a listing with another name would start a run."""
    zone = LocalStore(tmp_path)
    versions = [('"\\\n.csv', "1"), ("M\u00e4rz.csv", "\x7f"), ("\U0001f4b6.csv", ""), ("\udcff.csv", "1-2")]
    record_scan(zone, versions, config="1", run_id="r", at="2026-11-27T00:00:00Z")
    (listing,) = [item.key for item in zone.list_objects(FOLDER) if item.key.endswith(".gz")]
    assert gzip.decompress(zone.read(listing)) == b"".join(json.dumps(one).encode() + b"\n" for one in versions)


@pytest.mark.parametrize("damage", [b"{", b"", b'["of three", "1", "2"]', b"\xff", b'["open'])
def test_the_objects_before_a_damaged_line_of_a_listing_are_known(damage: bytes, tmp_path: Path) -> None:
    zone = LocalStore(tmp_path)
    versions = [(f"file_{number:04}.csv", "1") for number in range(2_010)]
    record_scan(zone, versions, config="1", run_id="r", at="2026-11-27T00:00:00Z")
    mark_refreshed(zone, "r")
    scan = last_refresh(zone)
    assert scan
    assert list(read_listing(zone, scan).versions()) == versions
    listing = f"{FOLDER}/{scan.listing}.jsonl.gz"
    lines = gzip.decompress(zone.read(listing)).split(b"\n")
    for place in (0, 5, 1_000, 2_005):
        zone.write(listing, gzip.compress(b"\n".join([*lines[:place], damage, *lines[place + 1 :]])))
        assert list(read_listing(zone, scan).versions()) == versions[:place]
