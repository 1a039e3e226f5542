"""Intake: one look at the raw zone says what is new, what is gone, and what nothing can read."""

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
from finance_platform.deliveries.discovery import RawZoneScan, scan_raw_zone
from finance_platform.deliveries.register import DeliveryDiscovered, Register, select_discovered
from finance_platform.deliveries.state import derive_state
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import StoredObject
from finance_platform_tests.unit.factories import LEDGER, feed, settings, with_lines, write

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


class CountingLake(LocalStore):
    """A lake on disk that remembers which objects it was made to read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.fingerprinted: list[str] = []

    def fingerprint(self, key: str) -> str:
        self.fingerprinted.append(key)
        return super().fingerprint(key)


@dataclass
class Home:
    """A home with a ledger feed, and a short way to look at it."""

    path: Path
    raw: CountingLake
    looks: int = 0

    def feed(self, text: str = LEDGER, name: str = "ledger") -> None:
        write(self.path / "feeds" / f"{name}.yaml", text)

    def deliver(self, key: str, content: str = "a,b\n1,2\n") -> Path:
        return write(self.path / "raw" / key, content)

    @property
    def register(self) -> Register:
        return Register(LocalStore(self.path / "processed"))

    @property
    def entered(self) -> list[DeliveryDiscovered]:
        """The deliveries that the register has."""
        return select_discovered(self.register.events())

    def look(self, *, record: bool = True, **values: Any) -> RawZoneScan:
        """Take stock, a minute later each time."""
        self.looks += 1
        at, run_id = NOON + timedelta(minutes=self.looks), f"run-{self.looks}"
        catalog = load_feed_set(self.path / "feeds")
        self.raw.fingerprinted.clear()
        return scan_raw_zone(self.raw, self.register, catalog, settings(**values), at=at, run_id=run_id, record=record)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path, CountingLake(tmp_path / "raw"))
    home.feed()
    return home


def new_keys(intake: RawZoneScan) -> list[str]:
    return [event.object_key for event in intake.events[len(intake.events) - intake.new_count :]]


# What is new


def test_a_new_object_is_entered_into_the_register_with_all_that_is_known_of_it(home: Home) -> None:
    home.feed(with_lines(LEDGER, load="{mode: replace_period}", tolerance="{rejected_rows: 0.01, rejected_amount: 5}"))
    path = home.deliver("ledger.csv", "12345")
    os.utime(path, (1_735_689_600, 1_735_689_600))
    home.look()
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
    assert event.delivery_id == delivery_id("ledger.csv", event.fingerprint, "ledger", rules.identity)


def test_an_unchanged_object_makes_no_event_and_is_not_read_again(home: Home) -> None:
    home.deliver("ledger.csv")
    home.look()
    again = home.look()
    assert (again.new_count, home.raw.fingerprinted) == (0, [])
    assert len(home.entered) == 1


def test_only_what_is_new_is_read(home: Home) -> None:
    home.deliver("ledger_1.csv")
    home.look()
    home.deliver("ledger_2.csv")
    assert new_keys(home.look()) == ["ledger_2.csv"]
    assert home.raw.fingerprinted == ["ledger_2.csv"]


def test_an_object_that_was_touched_without_a_change_is_read_once_and_stays_the_same_delivery(home: Home) -> None:
    path = home.deliver("ledger.csv")
    home.look()
    os.utime(path, (1, 1))
    touched = home.look()
    assert home.raw.fingerprinted == ["ledger.csv"]
    assert len({event.delivery_id for event in touched.events}) == 1
    assert home.look().new_count == 0
    assert home.raw.fingerprinted == []


def test_a_touched_object_keeps_the_time_at_which_its_content_was_first_seen(home: Home) -> None:
    os.utime(home.deliver("ledger.csv"), (1_735_689_600, 1_735_689_600))
    home.look()
    os.utime(home.path / "raw" / "ledger.csv", (1_800_000_000, 1_800_000_000))
    (pending,) = derive_state(home.look().events, {}).pending
    assert pending.delivery_id == home.entered[0].delivery_id


def test_a_replaced_object_is_another_delivery(home: Home) -> None:
    home.deliver("ledger.csv", "old")
    home.look()
    home.deliver("ledger.csv", "new")
    old, new = home.look().events
    assert old.delivery_id != new.delivery_id


def test_a_replacement_of_the_same_size_and_time_is_found(home: Home) -> None:
    path = home.deliver("ledger.csv", "old")
    before = path.stat()
    home.look()
    home.deliver("ledger.csv", "new")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert home.look().new_count == 1


def test_an_object_that_is_replaced_by_renaming_is_found(home: Home) -> None:
    home.deliver("ledger.csv", "old")
    home.look()
    beside = write(home.path / "raw" / ".half", "new")
    beside.rename(home.path / "raw" / "ledger.csv")
    assert home.look().new_count == 1


def test_the_same_content_under_two_keys_is_two_deliveries(home: Home) -> None:
    home.deliver("ledger_1.csv", "same")
    home.deliver("ledger_2.csv", "same")
    one, other = home.look().events
    assert one.fingerprint == other.fingerprint
    assert one.delivery_id != other.delivery_id


def test_a_changed_reading_rule_makes_another_delivery_of_the_same_bytes_without_reading_them(home: Home) -> None:
    home.deliver("ledger.csv")
    home.look()
    home.feed(LEDGER.replace("yyyy-MM-dd", "dd.MM.yyyy"))
    old, new = home.look().events
    assert (old.fingerprint, old.delivery_id != new.delivery_id) == (new.fingerprint, True)
    assert home.raw.fingerprinted == []


def test_a_setting_that_decides_what_is_rejected_makes_another_delivery(home: Home) -> None:
    home.deliver("ledger.csv")
    home.look()
    old, new = home.look(currency="EUR").events
    assert old.delivery_id != new.delivery_id


def test_a_changed_tolerance_is_entered_and_leaves_the_delivery_the_same(home: Home) -> None:
    home.deliver("ledger.csv")
    home.look()
    home.feed(with_lines(LEDGER, tolerance="{rejected_rows: 0.5}"))
    old, new = home.look().events
    assert (old.delivery_id, old.tolerated_share, new.tolerated_share) == (new.delivery_id, "0", "0.5")
    assert (old.tolerated_amount, new.tolerated_amount) == (None, None)


def test_a_changed_description_is_no_event(home: Home) -> None:
    home.deliver("ledger.csv")
    home.look()
    home.feed(with_lines(LEDGER, description="Other words", owner="somebody else"))
    assert home.look().new_count == 0


def test_a_status_records_nothing(home: Home) -> None:
    home.deliver("ledger.csv")
    assert home.look(record=False).new_count == 1
    assert home.entered == []
    assert home.look().new_count == 1


# What is gone, and what nothing can read


def test_an_object_that_vanished_is_named_and_its_delivery_stays(home: Home) -> None:
    home.deliver("ledger.csv")
    home.look()
    (home.path / "raw" / "ledger.csv").unlink()
    gone = home.look()
    assert (list(gone.vanished), gone.new_count) == (["ledger.csv"], 0)
    assert len(derive_state(gone.events, {}).pending) == 1


def test_an_object_that_comes_back_as_it_was_is_no_longer_vanished(home: Home) -> None:
    path = home.deliver("ledger.csv")
    home.look()
    shutil.move(path, home.path / "aside.csv")
    home.look()
    shutil.move(home.path / "aside.csv", path)
    back = home.look()
    assert list(back.vanished) == []
    assert len({event.delivery_id for event in back.events}) == 1


def test_an_object_that_no_feed_names_is_listed_and_makes_no_event(home: Home) -> None:
    home.deliver("notes.txt")
    home.deliver("sub/ledger.csv")
    found = home.look()
    assert (list(found.unmatched), found.new_count) == (["notes.txt", "sub/ledger.csv"], 0)


def test_an_object_that_two_feeds_match_is_a_problem_and_the_others_go_on(home: Home) -> None:
    home.feed(with_lines(LEDGER, feed="rival", path="'*_1.csv'"), "rival")
    home.deliver("ledger_1.csv")
    home.deliver("ledger_2.csv")
    found = home.look()
    assert [problem.where for problem in found.problems] == ["ledger_1.csv"]
    assert new_keys(found) == ["ledger_2.csv"]


def test_a_broken_descriptor_stops_its_own_files_and_their_deliveries_stay(home: Home) -> None:
    home.deliver("ledger.csv")
    home.deliver("transactions.csv")
    home.look()
    home.feed(LEDGER.replace("account:", "acount:"))
    home.deliver("ledger.csv", "new content")
    found = home.look()
    assert sorted(problem.where for problem in found.problems) == [
        str(home.path / "feeds" / "ledger.yaml"),
        "ledger.csv",
    ]
    assert (found.new_count, list(found.vanished)) == (0, [])


@pytest.mark.parametrize("target", ["nowhere.csv", "ledger_1.csv"], ids=["dangling link", "link to itself"])
def test_an_object_that_cannot_be_opened_is_a_problem_of_its_feed_and_the_others_go_on(home: Home, target: str) -> None:
    home.deliver("ledger_2.csv")
    # Links that lead nowhere cannot be opened by root either.
    (home.path / "raw" / "ledger_1.csv").symlink_to(target)
    found = home.look()
    assert [(problem.where, problem.feed) for problem in found.problems] == [("ledger_1.csv", "ledger")]
    assert found.problems[0].message.startswith("the file cannot be opened: ")
    assert new_keys(found) == ["ledger_2.csv"]


def test_an_object_that_cannot_be_opened_any_more_keeps_its_delivery_and_has_not_vanished(home: Home) -> None:
    path = home.deliver("ledger.csv")
    home.look()
    path.unlink()
    path.symlink_to("nowhere.csv")
    found = home.look()
    assert (len(found.problems), list(found.vanished), found.new_count) == (1, [], 0)


def test_an_object_that_goes_between_listing_and_reading_is_a_problem_and_the_others_go_on(home: Home) -> None:
    home.deliver("ledger_1.csv")
    home.deliver("ledger_2.csv")

    class Vanishing(CountingLake):
        def list_objects(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
            for item in list(super().list_objects(prefix, after=after)):
                if item.key == "ledger_1.csv":
                    (home.path / "raw" / item.key).unlink()
                yield item

    home.raw = Vanishing(home.path / "raw")
    found = home.look()
    assert [problem.where for problem in found.problems] == ["ledger_1.csv"]
    assert new_keys(found) == ["ledger_2.csv"]


def test_an_object_whose_name_is_no_text_is_a_problem_and_the_others_go_on(home: Home) -> None:
    home.deliver("ledger_2.csv")
    (home.path / "raw" / os.fsdecode(b"ledger_M\xfcller.csv")).write_text("a,b\n")
    found = home.look()
    assert [problem.where for problem in found.problems] == ["ledger_M\\udcfcller.csv"]
    assert "rename" in found.problems[0].fix
    assert new_keys(found) == ["ledger_2.csv"]


# The feeds' listings


def test_the_data_version_of_a_feed_changes_with_its_objects_and_nothing_else(home: Home) -> None:
    path = home.deliver("ledger.csv", "one")
    home.deliver("transactions.csv")
    before = home.look()
    os.utime(path, (1, 1))
    home.deliver("budget.csv")
    touched = home.look()
    assert touched.data_version("ledger") == before.data_version("ledger")
    assert touched.data_version("budget") != before.data_version("budget")
    home.deliver("ledger.csv", "two")
    replaced = home.look()
    assert replaced.data_version("ledger") != before.data_version("ledger")
    assert replaced.data_version("transactions") == before.data_version("transactions")


def test_the_data_version_changes_when_an_object_vanishes(home: Home) -> None:
    home.deliver("ledger.csv")
    before = home.look().data_version("ledger")
    (home.path / "raw" / "ledger.csv").unlink()
    assert home.look().data_version("ledger") != before


def test_every_feed_is_handed_on_resolved(home: Home) -> None:
    found = home.look(currency="EUR")
    assert found.feeds["ledger"] == replace(feed(currency="EUR"), name="ledger")
    assert {"transactions", "budget", "forecast", "departments", "accounts"} < found.feeds.keys()


def test_an_empty_home_has_nothing_to_say(home: Home) -> None:
    found = home.look()
    assert (found.new_count, found.events, found.problems, found.unmatched, found.vanished) == (0, [], [], [], [])
