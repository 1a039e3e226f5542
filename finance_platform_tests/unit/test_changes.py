"""News: what has changed in the raw zone since the last complete refresh, found by listing alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.deliveries.changes import RawZoneChanges, detect_changes
from finance_platform.deliveries.discovery import RawZoneScan, scan_raw_zone
from finance_platform.deliveries.register import DecisionRecorded, PeriodStatusChanged, Register, Verdict, utc_text
from finance_platform.deliveries.scans import (
    FOLDER,
    discard_scan,
    fingerprint_config,
    last_refresh,
    mark_refreshed,
    record_scan,
)
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import STABLE_AFTER
from finance_platform_tests.unit.factories import LEDGER, settings, write

LATER = timedelta(minutes=1)
CONTENT = "a,b\n1,2\n"


@dataclass
class Home:
    """A home in which runs take stock, and finish or not."""

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

    def terms(self, **values: object) -> str:
        return fingerprint_config(load_feed_set(self.path / "feeds"), settings(**values))

    def run(self, *, finishes: bool = True, at: datetime | None = None, skip_unstable: bool = False) -> RawZoneScan:
        self.runs += 1
        at, run_id = at or datetime.now(UTC) + LATER, f"run-{self.runs}"
        catalog = load_feed_set(self.path / "feeds")
        intake = scan_raw_zone(
            self.raw, self.register, catalog, settings(), at=at, run_id=run_id, skip_unstable=skip_unstable
        )
        record_scan(self.processed, intake.etags.items(), config=self.terms(), run_id=run_id, at=utc_text(at))
        if finishes:
            mark_refreshed(self.processed, run_id)
        return intake

    def news(self, *, at: datetime | None = None, **values: object) -> RawZoneChanges:
        return detect_changes(self.raw, self.processed, self.terms(**values), at or datetime.now(UTC) + LATER)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    write(tmp_path / "feeds" / "ledger.yaml", LEDGER)
    return Home(tmp_path)


@pytest.fixture
def refreshed(home: Home) -> Home:
    """A home that is up to date with two files."""
    home.deliver("ledger_1.csv")
    home.deliver("ledger_2.csv")
    home.run()
    return home


def changes(home: Home) -> Sequence[str]:
    return home.news().changes


def test_in_a_home_where_nothing_ever_ran_every_object_is_new(home: Home):
    home.deliver("ledger_1.csv")
    assert changes(home) == ("1 new (ledger_1.csv)",)


def test_after_a_complete_run_nothing_is_new(refreshed: Home):
    news = refreshed.news()
    assert (news.object_count, news.changes, news.state) == (2, (), "")
    assert news.refreshed
    assert news.refreshed.run_id == "run-1"


def test_a_run_that_breaks_off_leaves_everything_new(refreshed: Home):
    refreshed.deliver("ledger_3.csv")
    refreshed.run(finishes=False)
    assert changes(refreshed) == ("1 new (ledger_3.csv)",)


def test_an_object_with_new_content_is_overwritten(refreshed: Home):
    refreshed.deliver("ledger_1.csv", "other")
    assert changes(refreshed) == ("1 overwritten (ledger_1.csv)",)


def test_an_object_overwritten_with_as_many_bytes_in_the_same_second_is_found(refreshed: Home):
    path = refreshed.path / "raw" / "ledger_1.csv"
    before = path.stat()
    path.write_text(CONTENT.replace("1", "7"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert changes(refreshed) == ("1 overwritten (ledger_1.csv)",)


def test_an_object_that_comes_late_with_an_old_date_is_found(refreshed: Home):
    path = refreshed.deliver("ledger_0.csv")
    os.utime(path, (0, 0))
    assert changes(refreshed) == ("1 new (ledger_0.csv)",)


def test_an_object_that_is_taken_away_is_gone_once(refreshed: Home):
    (refreshed.path / "raw" / "ledger_2.csv").unlink()
    assert changes(refreshed) == ("1 gone (ledger_2.csv)",)
    refreshed.run()
    assert changes(refreshed) == ()


def test_an_object_that_no_feed_reads_is_new_once(refreshed: Home):
    refreshed.deliver("notes.doc")
    assert changes(refreshed) == ("1 new (notes.doc)",)
    refreshed.run()
    assert changes(refreshed) == ()


def test_an_object_with_a_name_that_is_no_text_is_new_once(refreshed: Home):
    (refreshed.path / "raw" / os.fsdecode(b"ledger_\xff.csv")).write_text(CONTENT)
    assert len(changes(refreshed)) == 1
    refreshed.run()
    assert changes(refreshed) == ()


def test_many_changes_are_counted_and_the_first_named(refreshed: Home):
    for number in range(3, 8):
        refreshed.deliver(f"ledger_{number}.csv")
    assert changes(refreshed) == ("5 new (ledger_3.csv, ledger_4.csv, ledger_5.csv and 2 more)",)


def test_a_file_that_is_still_being_written_is_left_for_later(refreshed: Home):
    refreshed.deliver("ledger_3.csv")
    now = datetime.now(UTC)
    news = refreshed.news(at=now)
    assert (news.changes, news.still_being_written, news.state) == ((), "ledger_3.csv", "")
    assert refreshed.news(at=now + STABLE_AFTER).changes == ("1 new (ledger_3.csv)",)


def test_a_file_being_written_does_not_keep_the_others_waiting(refreshed: Home):
    refreshed.deliver("ledger_3.csv")
    (refreshed.path / "raw" / "ledger_2.csv").unlink()
    news = refreshed.news(at=datetime.now(UTC))
    assert (news.changes, news.still_being_written) == (("1 gone (ledger_2.csv)",), "ledger_3.csv")


def test_a_run_may_leave_what_is_being_written_and_it_stays_new(refreshed: Home):
    refreshed.deliver("ledger_1.csv", "half of i")
    refreshed.deliver("ledger_3.csv", "half")
    intake = refreshed.run(at=datetime.now(UTC), skip_unstable=True)
    assert (intake.new_count, list(intake.still_being_written), list(intake.vanished)) == (0, ["ledger_1.csv", "ledger_3.csv"], [])
    assert sorted(intake.present["ledger"]) == ["ledger_1.csv", "ledger_2.csv"]
    assert changes(refreshed) == ("1 new (ledger_3.csv)", "1 overwritten (ledger_1.csv)")


def test_a_person_who_starts_a_run_means_the_files_as_they_are(refreshed: Home):
    refreshed.deliver("ledger_3.csv")
    assert refreshed.run(at=datetime.now(UTC)).new_count == 1


def test_a_decision_is_news_until_a_run_has_carried_it_out(refreshed: Home):
    decided = DecisionRecorded("withdrawn", "ledger_1.csv", "some-id", "ada", "a draft", "2025-06-01")
    refreshed.register.append([decided])
    assert changes(refreshed) == ("ledger_1.csv withdrawn",)
    refreshed.run()
    assert changes(refreshed) == ()


def test_a_decision_made_while_a_run_is_at_work_waits_for_the_next(refreshed: Home):
    refreshed.deliver("ledger_3.csv")
    refreshed.run(finishes=False)
    refreshed.register.append(
        [DecisionRecorded("withdrawn", "ledger_1.csv", "some-id", "ada", "a draft", "2025-06-01")]
    )
    mark_refreshed(refreshed.processed, "run-2")
    assert changes(refreshed) == ("ledger_1.csv withdrawn",)


def test_closing_a_period_is_news(refreshed: Home):
    refreshed.register.append([PeriodStatusChanged("closed", "2025-05", "ada", "books closed", "2025-06-01")])
    assert changes(refreshed) == ("2025-05 closed",)


def test_what_a_run_enters_of_its_own_is_no_news(refreshed: Home):
    refreshed.deliver("ledger_3.csv")
    refreshed.run(finishes=False)
    refreshed.register.append([Verdict("ledger_3.csv", "some-id", "2025-06-01", "run-2")])
    mark_refreshed(refreshed.processed, "run-2")
    assert changes(refreshed) == ()


def test_a_changed_descriptor_is_news(refreshed: Home):
    write(refreshed.path / "feeds" / "ledger.yaml", LEDGER + "hold_if_late: true\n")
    assert changes(refreshed) == ("descriptors, settings or code changed",)


def test_a_changed_setting_that_decides_the_star_is_news(refreshed: Home):
    assert refreshed.news(baseline_scenario="Forecast").changes == ("descriptors, settings or code changed",)


def test_a_state_has_the_same_name_until_it_changes(refreshed: Home):
    refreshed.deliver("ledger_3.csv")
    first = refreshed.news().state
    assert first
    refreshed.run(finishes=False)
    assert refreshed.news().state == first
    refreshed.deliver("ledger_4.csv")
    assert refreshed.news().state not in {"", first}


def test_a_state_that_comes_back_after_a_refresh_has_another_name(refreshed: Home):
    """As on S3, where the same bytes have the same ETag: the run that is asked for is another one."""
    first = refreshed.news(currency="EUR").state
    refreshed.deliver("ledger_3.csv")
    refreshed.run()
    assert refreshed.news(currency="EUR").state not in {"", first}


def test_a_run_that_finds_nothing_new_writes_nothing(refreshed: Home):
    before = {item.key: item.etag for item in refreshed.processed.list_objects()}
    refreshed.run()
    assert {item.key: item.etag for item in refreshed.processed.list_objects()} == before


def test_only_the_listing_of_the_last_refresh_is_kept(refreshed: Home):
    refreshed.deliver("ledger_3.csv")
    refreshed.run(finishes=False)
    refreshed.deliver("ledger_4.csv")
    refreshed.run()
    keys = [item.key for item in refreshed.processed.list_objects(FOLDER)]
    refresh = last_refresh(refreshed.processed)
    assert refresh
    assert sorted(keys) == sorted([f"{FOLDER}/refreshed.json", f"{FOLDER}/{refresh.listing}.jsonl.gz"])


def test_another_runs_look_is_not_taken_for_this_ones(refreshed: Home):
    refreshed.deliver("ledger_3.csv")
    refreshed.run(finishes=False)
    mark_refreshed(refreshed.processed, "run-1")
    assert changes(refreshed) == ("1 new (ledger_3.csv)",)


def test_records_that_are_lost_make_everything_new_and_nothing_else(refreshed: Home):
    refreshed.processed.delete_folder(FOLDER)
    assert changes(refreshed) == ("2 new (ledger_1.csv, ledger_2.csv)",)
    refreshed.run()
    assert changes(refreshed) == ()


def test_a_run_that_broke_off_is_news_even_when_what_started_it_is_gone(refreshed: Home):
    path = refreshed.deliver("ledger_3.csv")
    refreshed.run(finishes=False)
    path.unlink()
    assert changes(refreshed) == ("run run-2 broke off",)
    state = refreshed.news().state
    refreshed.run(finishes=False)
    assert changes(refreshed) == ("run run-3 broke off",)
    assert state
    refreshed.run()
    assert changes(refreshed) == ()


def test_a_state_that_a_broken_run_left_keeps_its_name_through_further_attempts(refreshed: Home):
    path = refreshed.deliver("ledger_3.csv")
    refreshed.run(finishes=False)
    path.unlink()
    refreshed.run(finishes=False)
    state = refreshed.news().state
    refreshed.run(finishes=False)
    assert refreshed.news().state == state


def test_what_a_run_saw_and_could_not_read_stays_news_although_the_run_goes_on(refreshed: Home):
    refreshed.deliver("ledger_3.csv")
    refreshed.run(finishes=False)
    discard_scan(refreshed.processed)
    mark_refreshed(refreshed.processed, "run-2")
    assert changes(refreshed) == ("1 new (ledger_3.csv)",)


def test_a_listing_that_is_lost_is_as_if_nobody_had_looked(refreshed: Home):
    (listing,) = [item.key for item in refreshed.processed.list_objects(FOLDER) if item.key.endswith(".gz")]
    refreshed.processed.delete(listing)
    assert changes(refreshed) == ("2 new (ledger_1.csv, ledger_2.csv)",)


@pytest.mark.parametrize("document", ["{", '{"listing": "a", "of another release": 1}'])
def test_a_record_in_another_form_is_as_if_nobody_had_looked(refreshed: Home, document: str):
    refreshed.processed.write(f"{FOLDER}/refreshed.json", document.encode())
    assert changes(refreshed) == ("2 new (ledger_1.csv, ledger_2.csv)",)


names = st.sampled_from(["a.csv", "a-b.csv", "a/x.csv", "b/y.csv", "ü.csv", "z.csv"])


@given(was=st.dictionaries(names, st.integers(0, 3)), now=st.dictionaries(names, st.integers(0, 3)))
def test_the_changes_are_the_difference_of_the_listings(
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
    found = {change.split()[1]: int(change.split()[0]) for change in home.news().changes}
    assert found == {name: count for name, count in expected.items() if count}
