"""Retention: what may go, by what stands for it and since when; and how it goes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from finance_platform.deliveries.commits import DataFile, write_commit
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.deliveries.register import (
    DecisionRecorded,
    DeliveryDiscovered,
    Event,
    PeriodStatusChanged,
    Register,
    Verdict,
)
from finance_platform.deliveries.state import derive_state
from finance_platform.slices.commits import SliceCommit, write_slice
from finance_platform.slices.retention import Removal, find_expired, remove, superseded_since
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.versions import TargetSlice
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import commit_of, delivered, in_period

FACT = "fact_financials"
NOW = datetime(2025, 12, 31, tzinfo=UTC)
SPRING, SUMMER, AUTUMN = (f"2025-{month:02d}-01T00:00:00.000000+00:00" for month in (3, 7, 11))


@pytest.fixture
def lake(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "processed")


def found(content: str, at: str) -> DeliveryDiscovered:
    return delivered(content=content, at=at)


def judged(event: DeliveryDiscovered, at: str, *reasons: str) -> Verdict:
    return Verdict(event.object_key, event.delivery_id, at, "run", reasons)


def history(*contents_and_times: tuple[str, str]) -> list[Event]:
    """One file in several versions, each of which counts at once."""
    pairs = [(event, judged(event, event.at)) for event in (found(*one) for one in contents_and_times)]
    return [event for pair in pairs for event in pair]


def home(lake: LocalStore, events: Sequence[Event], wanted: Sequence[TargetSlice] = ()) -> Snapshot:
    """A processed zone in which every delivery of the register was read, a file of lines each."""
    commits = {}
    for event in events:
        if isinstance(event, DeliveryDiscovered) and event.delivery_id not in commits:
            name = event.fingerprint if event.object_key == "ledger.csv" else event.object_key
            key = f"transactions/{name}/part.parquet"
            lake.write(key, b"lines")
            commit = commit_of(event, in_period("2025-01"), files={"transactions": (DataFile(key, 5),)}, attempt="")
            commits[event.delivery_id] = commit
            write_commit(lake, commit)
    Register(lake).append(events)
    return Snapshot(commits, derive_state(events, commits), NO_OVERLAPS, wanted, {})


def build(lake: LocalStore, version: str, lines: Sequence[Any] = (), built_at: str = SPRING, **others: Any) -> str:
    """One version of a period's slice, with a file."""
    key = f"{FACT}/{version}/part.parquet"
    lake.write(key, b"rows")
    inputs = {"lines": list(lines), "hidden": [], "hidden_scopes": []} | others
    files = (DataFile(key, 4),)
    write_slice(lake, SliceCommit(FACT, "2025-01", version, 1, files, inputs=inputs, built_at=built_at))
    return key


def going(lake: LocalStore, snapshot: Snapshot, published: str = "", days: int = 90) -> list[Removal]:
    versions = {(FACT, "2025-01"): published} if published else {}
    return find_expired(lake, snapshot, versions, now=NOW, retention_days=days)


def keys(removals: Sequence[Removal]) -> set[str]:
    return {key for removal in removals for key in removal.keys}


# Since when


def test_a_version_is_superseded_since_the_next_one_counts():
    assert superseded_since(history(("v1", SPRING), ("v2", SUMMER), ("v3", AUTUMN))) == {
        "ledger.csv@v1": SUMMER,
        "ledger.csv@v2": AUTUMN,
    }


def test_a_held_version_supersedes_once_it_is_accepted():
    first, held = found("v1", SPRING), found("v2", SUMMER)
    events: list[Event] = [first, judged(first, SPRING), held, judged(held, SUMMER, "too much rejected")]
    accepted = DecisionRecorded("accepted", held.object_key, held.delivery_id, "ann", "fine", AUTUMN)
    assert superseded_since([*events, accepted]) == {"ledger.csv@v1": AUTUMN}


def test_content_sent_back_is_the_newest_again():
    again = found("v1", AUTUMN)
    events = [*history(("v1", SPRING), ("v2", SUMMER)), again, judged(again, AUTUMN)]
    assert superseded_since(events) == {"ledger.csv@v2": AUTUMN}


def test_a_version_that_never_counted_goes_by_what_came_after_it():
    held, second = found("v1", SPRING), found("v2", SUMMER)
    events: list[Event] = [held, judged(held, SPRING, "no"), second, judged(second, SUMMER, "no")]
    assert superseded_since(events) == {"ledger.csv@v1": SUMMER}


# Deliveries


def test_a_delivery_goes_with_its_commit_first_once_it_is_past_the_retention(lake: LocalStore):
    snapshot = home(lake, history(("v1", SPRING), ("v2", SUMMER)))
    (removal,) = going(lake, snapshot)
    assert (removal.kind, removal.name, removal.since) == ("delivery", "ledger.csv", SUMMER)
    assert removal.keys == ("deliveries/ledger.csv@v1.json", "transactions/v1/part.parquet")
    assert going(lake, snapshot, days=300) == []


def test_what_counts_is_held_refused_withdrawn_or_not_judged_stays_whatever_its_age(lake: LocalStore):
    live, held, withdrawn, unjudged = (
        delivered(f"{name}.csv", "v1", at=SPRING) for name in ("live", "held", "withdrawn", "unjudged")
    )
    events: list[Event] = [live, held, withdrawn, unjudged, judged(live, SPRING), judged(held, SPRING, "no")]
    events += [
        judged(withdrawn, SPRING),
        DecisionRecorded("withdrawn", "withdrawn.csv", withdrawn.delivery_id, "a", "b", SPRING),
    ]
    assert not [one for one in going(lake, home(lake, events), days=0) if one.kind == "delivery"]


@pytest.mark.parametrize(
    "named",
    [
        {"lines": [["ledger.csv@v1", "Actual"]]},
        {"hidden": [["other", "ledger.csv@v1"]]},
        {"hidden_scopes": [["ledger.csv@v1", "Actual", "4:D100"]]},
    ],
)
def test_what_a_published_version_names_stays(lake: LocalStore, named: dict[str, Any]):
    snapshot = home(lake, history(("v1", SPRING), ("v2", SUMMER)))
    build(lake, "old", **named)
    assert going(lake, snapshot, published="old") == []


def test_what_a_version_names_that_goes_itself_goes_with_it(lake: LocalStore):
    snapshot = home(lake, history(("v1", SPRING), ("v2", SUMMER)))
    key = build(lake, "old", [["ledger.csv@v1", "Actual"]])
    found_ = going(lake, snapshot)
    assert [removal.kind for removal in found_] == ["slice version", "delivery"]
    assert found_[0].keys == (f"slices/{FACT}/2025-01/old.json", key)


# Slices


def test_a_version_that_is_wanted_published_recorded_by_a_closing_or_young_stays(lake: LocalStore):
    closing = PeriodStatusChanged("closed", "2025-01", "ann", "year end", SPRING, {FACT: "closed"})
    reopened = PeriodStatusChanged("reopened", "2025-01", "ann", "late invoice", SUMMER)
    snapshot = home(lake, [closing, reopened], [TargetSlice(FACT, "2025-01", "wanted", {})])
    for version in ("wanted", "published", "closed"):
        build(lake, version)
    build(lake, "young", built_at="2025-12-01T00:00:00+00:00")
    build(lake, "old")
    assert [removal.name for removal in going(lake, snapshot, "published")] == [f"{FACT} 2025-01 old"]


def test_a_version_that_another_release_wrote_goes_too(lake: LocalStore):
    document = {"table": FACT, "slice": "2025-01", "version": "x", "files": [{"key": f"{FACT}/x.parquet", "size": 1}]}
    lake.write(f"slices/{FACT}/2025-01/x.json", json.dumps(document).encode())
    lake.write(f"{FACT}/x.parquet", b"x")
    assert keys(going(lake, home(lake, []))) == {f"slices/{FACT}/2025-01/x.json", f"{FACT}/x.parquet"}


# What nobody names


def test_files_that_no_commit_names_and_staging_go_at_once_and_nothing_else_does(lake: LocalStore):
    snapshot = home(lake, history(("v1", SPRING)))
    stray = {"transactions/dead/part.parquet", "staging/dead/rows.parquet", f"{FACT}/dead/part.parquet"}
    stray |= {"manifests/stagedimdate-dead.json"}
    for key in (*stray, "overlaps/ledger.key.json", "somebody/else.txt", "job.lock"):
        lake.write(key, b"x")
    assert keys(going(lake, snapshot)) == stray


def test_job_folders_go_when_nothing_of_the_attempt_is_left_and_they_are_old(lake: LocalStore):
    snapshot = home(lake, history(("v1", SPRING)))
    lake.write("jobs/a1/request.json", b"{}")
    assert going(lake, snapshot) == []  # written now
    later = datetime.now(UTC) + timedelta(days=91)
    assert keys(find_expired(lake, snapshot, {}, now=later, retention_days=90)) == {"jobs/a1/request.json"}
    key = build(lake, "v", built_at=SPRING)
    commit = SliceCommit(FACT, "2025-01", "v", 1, (DataFile(key, 4),), inputs={}, attempt="a1", built_at=SPRING)
    write_slice(lake, commit)
    there = {(FACT, "2025-01"): "v"}
    assert find_expired(lake, snapshot, there, now=later, retention_days=90) == []


# Removing


def test_what_is_removed_is_gone_and_a_second_look_finds_nothing(lake: LocalStore):
    events = history(("v1", SPRING), ("v2", SUMMER))
    snapshot = home(lake, events)
    removals = going(lake, snapshot)
    remove(lake, removals)
    commits = {name: commit for name, commit in snapshot.commits.items() if name != "ledger.csv@v1"}
    left = Snapshot(commits, derive_state(events, commits), NO_OVERLAPS, (), {})
    assert going(lake, left) == []
    assert not (Path(lake.root) / "transactions" / "v1").exists()


def test_a_removal_that_is_broken_off_leaves_a_stray_file_for_the_next(lake: LocalStore):
    events = history(("v1", SPRING), ("v2", SUMMER))
    (removal,) = going(lake, home(lake, events))
    lake.delete(removal.keys[0])
    commits = {
        "ledger.csv@v2": commit_of(
            found("v2", SUMMER),
            in_period("2025-01"),
            files={"transactions": (DataFile("transactions/v2/part.parquet", 5),)},
        )
    }
    left = Snapshot(commits, derive_state(events, commits), NO_OVERLAPS, (), {})
    assert keys(going(lake, left)) == {"transactions/v1/part.parquet"}
