"""`slices.retention`: the data that expires, since when, and its removal."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from finance_platform.deliveries.commits import DataFile, read_retired, retire_commit, write_commit
from finance_platform.deliveries.decisions import book, withdraw, withdraw_late_lines
from finance_platform.deliveries.events import DecisionRecorded, DeliveryDiscovered, Event, PeriodStatusChanged, Verdict
from finance_platform.deliveries.members.account_counts import counts_of_delivery
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform.slices.commits import SliceCommit, write_slice
from finance_platform.slices.retention import Removal, find_expired, remove, superseded_since
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.versions import TargetSlice
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import commit_of, delivered, in_period
from finance_platform_tests.unit.zone import ADA, Line, Zone

FACT = "fact_financials"
NOW = datetime(2025, 12, 31, tzinfo=UTC)
SPRING, SUMMER, AUTUMN = (f"2025-{month:02d}-01T00:00:00.000000+00:00" for month in (3, 7, 11))


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "processed")


def discovered(content: str, at: str) -> DeliveryDiscovered:
    return delivered(content=content, at=at)


def verdict_on(event: DeliveryDiscovered, at: str, *reasons: str) -> Verdict:
    return Verdict(event.object_key, event.delivery_id, at, "run", reasons)


def history(*contents_and_times: tuple[str, str]) -> list[Event]:
    """Return the events of one file in several versions, each of which counts at once."""
    pairs = [(event, verdict_on(event, event.at)) for event in (discovered(*version) for version in contents_and_times)]
    return [event for pair in pairs for event in pair]


SHARED = "transactions/shared/part.parquet"


def home(
    store: LocalStore, events: Sequence[Event], target: Sequence[TargetSlice] = (), shared: Collection[str] = ()
) -> Snapshot:
    """Write a processed zone in which every delivery of the register was read and has one file of lines.

    Args:
        store: the processed zone.
        events: the register's.
        target: of the snapshot.
        shared: contents of the deliveries that have their lines in the same file.
    """
    commits = {}
    for event in events:
        if isinstance(event, DeliveryDiscovered) and event.delivery_id not in commits:
            name = event.fingerprint if event.object_key == "ledger.csv" else event.object_key
            key = SHARED if event.fingerprint in shared else f"transactions/{name}/part.parquet"
            store.write(key, b"lines")
            commit = commit_of(event, in_period("2025-01"), files={"transactions": (DataFile(key, 5),)}, attempt="")
            commits[event.delivery_id] = commit
            write_commit(store, commit)
    Register(store).append(events)
    return Snapshot(commits, derive_state(events, commits), NO_OVERLAPS, target, {})


def build(store: LocalStore, version: str, lines: Sequence[Any] = (), built_at: str = SPRING, **others: Any) -> str:
    """Write a version of a period's slice with one file; return the file's key."""
    key = f"{FACT}/{version}/part.parquet"
    store.write(key, b"rows")
    inputs = {"lines": list(lines), "hidden": [], "hidden_scopes": []} | others
    files = (DataFile(key, 4),)
    write_slice(store, SliceCommit(FACT, "2025-01", version, 1, files, inputs=inputs, built_at=built_at))
    return key


def expired(store: LocalStore, snapshot: Snapshot, published: str = "", days: int = 90) -> list[Removal]:
    versions = {(FACT, "2025-01"): published} if published else {}
    return find_expired(store, snapshot, versions, now=NOW, retention_days=days, needed_keys=())


def keys(removals: Sequence[Removal]) -> set[str]:
    return {key for removal in removals for key in removal.keys}


# Since when


def test_a_version_is_superseded_since_the_next_one_counts():
    assert superseded_since(history(("v1", SPRING), ("v2", SUMMER), ("v3", AUTUMN))) == {
        "ledger.csv@v1": SUMMER,
        "ledger.csv@v2": AUTUMN,
    }


def test_a_held_version_supersedes_once_it_is_accepted():
    first, held = discovered("v1", SPRING), discovered("v2", SUMMER)
    events: list[Event] = [first, verdict_on(first, SPRING), held, verdict_on(held, SUMMER, "too much rejected")]
    accepted = DecisionRecorded("accepted", held.object_key, held.delivery_id, "ann", "fine", AUTUMN)
    assert superseded_since([*events, accepted]) == {"ledger.csv@v1": AUTUMN}


def test_content_sent_back_is_the_newest_again():
    again = discovered("v1", AUTUMN)
    events = [*history(("v1", SPRING), ("v2", SUMMER)), again, verdict_on(again, AUTUMN)]
    assert superseded_since(events) == {"ledger.csv@v2": AUTUMN}


def test_a_version_that_never_counted_is_superseded_since_the_next_one_was_discovered():
    held, second = discovered("v1", SPRING), discovered("v2", SUMMER)
    events: list[Event] = [held, verdict_on(held, SPRING, "no"), second, verdict_on(second, SUMMER, "no")]
    assert superseded_since(events) == {"ledger.csv@v1": SUMMER}


# Deliveries


def test_an_expired_delivery_is_removed_with_its_commit_first(store: LocalStore):
    snapshot = home(store, history(("v1", SPRING), ("v2", SUMMER)))
    (removal,) = expired(store, snapshot)
    assert (removal.kind, removal.name, removal.since) == ("delivery", "ledger.csv", SUMMER)
    assert removal.keys == ("deliveries/ledger.csv@v1.json", "transactions/v1/part.parquet")
    assert expired(store, snapshot, days=300) == []


def test_a_file_that_a_delivery_shares_with_one_that_counts_is_not_removed(store: LocalStore):
    snapshot = home(store, history(("v1", SPRING), ("v2", SUMMER)), shared=("v1", "v2"))
    removals = expired(store, snapshot)
    assert [removal.keys for removal in removals] == [("deliveries/ledger.csv@v1.json",)]
    remove(store, removals)
    assert store.find(SHARED) is not None


def test_a_file_of_several_expired_deliveries_goes_with_the_last_of_them(store: LocalStore):
    snapshot = home(store, history(("v1", SPRING), ("v2", SUMMER), ("v3", AUTUMN)), shared=("v1", "v2"))
    assert [removal.keys for removal in expired(store, snapshot, days=10)] == [
        ("deliveries/ledger.csv@v1.json",),
        ("deliveries/ledger.csv@v2.json", SHARED),
    ]


def test_a_delivery_that_is_live_held_withdrawn_or_without_verdict_stays_whatever_its_age(store: LocalStore):
    live, held, withdrawn, unevaluated = (
        delivered(f"{name}.csv", "v1", at=SPRING) for name in ("live", "held", "withdrawn", "unevaluated")
    )
    events: list[Event] = [live, held, withdrawn, unevaluated, verdict_on(live, SPRING), verdict_on(held, SPRING, "no")]
    events += [
        verdict_on(withdrawn, SPRING),
        DecisionRecorded("withdrawn", "withdrawn.csv", withdrawn.delivery_id, "a", "b", SPRING),
    ]
    removals = expired(store, home(store, events), days=0)
    assert not [removal for removal in removals if removal.kind == "delivery"]


@pytest.mark.parametrize(
    "named",
    [
        {"lines": [["ledger.csv@v1", "Actual"]]},
        {"hidden": [["other", "ledger.csv@v1"]]},
        {"hidden_scopes": [["ledger.csv@v1", "Actual", "4:D100"]]},
    ],
)
def test_a_delivery_that_a_published_version_names_stays(store: LocalStore, named: dict[str, Any]):
    snapshot = home(store, history(("v1", SPRING), ("v2", SUMMER)))
    build(store, "old", **named)
    assert expired(store, snapshot, published="old") == []


MONTHS = ["2025-01", "2025-02"]


def remove_all_that_may_be(zone: Zone) -> None:
    now = NOW + timedelta(days=4000)
    remove(zone.store, find_expired(zone.store, zone.snapshot(), {}, now=now, retention_days=0, needed_keys=()))


def leave_as_they_are(zone: Zone) -> None:
    assert [one.late for one in zone.state.inactive] == [(("2025-01",),)]


def book_late_lines(zone: Zone) -> None:
    book(zone.store, "a.csv", ADA)


def withdraw_what_is_late(zone: Zone) -> None:
    withdraw_late_lines(zone.store, "a.csv", ADA)


@pytest.mark.parametrize("decide", [leave_as_they_are, book_late_lines, withdraw_what_is_late])
def test_versions_after_one_that_has_a_closed_period_stay(tmp_path: Path, decide: Callable[[Zone], None]) -> None:
    """Without them, the state would lack a delivery that counts if the newest one is withdrawn."""
    zone = Zone(tmp_path / "processed")
    for nth in range(4):
        sent = Line("1", amount=f"1{nth}.00"), Line("2", "2025-02", amount=f"2{nth}.00")
        zone.deliver("a.csv", sent, f"v{nth}", tolerated_removal=None)
        zone.evaluate(holds_closed_periods=True)
        if nth == 0:
            zone.append(PeriodStatusChanged("closed", "2025-01", "ada", "done", SPRING))
        else:
            decide(zone)
    before = zone.state
    remove_all_that_may_be(zone)
    assert zone.state == before
    withdraw(zone.store, "a.csv", ADA)
    assert [one.delivery_id for one in zone.state.live if one.portion.only is None and not one.booked_from] == [
        "a.csv@v2"
    ]
    assert not zone.state.missing


def test_a_version_that_has_a_closed_period_again_after_a_withdrawal_stays(tmp_path: Path) -> None:
    """January was opened since, so the newest version counts there; the one before it leaves January to the first."""
    zone = Zone(tmp_path / "processed")

    def change_status(action: Literal["closed", "reopened"], period: str) -> None:
        zone.append(PeriodStatusChanged(action, period, "ada", "done", SPRING))

    def send(january: str, february: str, march: str) -> None:
        amounts = {"2025-01": january, "2025-02": february, "2025-03": march}
        sent = [Line(period, period, amount=amount) for period, amount in amounts.items()]
        zone.deliver("a.csv", sent, f"{january} {february} {march}", tolerated_removal=None)
        zone.evaluate(holds_closed_periods=True)

    send("1.00", "1.00", "1.00")
    change_status("closed", "2025-01")
    send("2.00", "1.00", "2.00")
    change_status("closed", "2025-02")
    send("3.00", "3.00", "3.00")
    change_status("reopened", "2025-01")
    send("4.00", "4.00", "4.00")
    remove_all_that_may_be(zone)
    withdraw(zone.store, "a.csv", ADA)
    counted = {one.event.fingerprint: sorted(count.period for count in one.commit.periods) for one in zone.state.live}
    assert counted == {"1.00 1.00 1.00": ["2025-01"], "2.00 1.00 2.00": ["2025-02"], "3.00 3.00 3.00": ["2025-03"]}


def test_versions_before_one_that_was_held_and_withdrawn_stay(tmp_path: Path) -> None:
    """A later verdict lets the last one count once its withdrawal is undone: until then, the two before it do."""
    zone = Zone(tmp_path / "processed")

    def send(*amounts: str, tolerated_removal: str | None = None) -> None:
        sent = [Line(period, period, amount=amount) for period, amount in zip(MONTHS, amounts, strict=False)]
        zone.deliver("a.csv", sent, " ".join(amounts), tolerated_removal=tolerated_removal)
        zone.evaluate(holds_closed_periods=True)

    send("1.00", "1.00")
    zone.append(PeriodStatusChanged("closed", MONTHS[0], "ada", "done", SPRING))
    send("2.00", "2.00")
    send("3.00", "3.00")
    send("1.00", tolerated_removal="0.1")
    withdraw(zone.store, "a.csv", ADA)
    send("1.00")
    before = zone.state
    assert [one.event.fingerprint for one in before.withdrawn] == ["1.00"]
    remove_all_that_may_be(zone)
    assert zone.state == before


def test_a_delivery_that_only_an_expired_version_names_is_removed_with_it(store: LocalStore):
    snapshot = home(store, history(("v1", SPRING), ("v2", SUMMER)))
    key = build(store, "old", [["ledger.csv@v1", "Actual"]])
    removals = expired(store, snapshot)
    assert [removal.kind for removal in removals] == ["slice version", "delivery"]
    assert removals[0].keys == (f"slices/{FACT}/2025-01/old.json", key)


# Slices


def test_a_version_that_is_a_target_published_recorded_by_a_closing_or_young_stays(store: LocalStore):
    closing = PeriodStatusChanged("closed", "2025-01", "ann", "year end", SPRING, {FACT: "closed"})
    reopened = PeriodStatusChanged("reopened", "2025-01", "ann", "late invoice", SUMMER)
    snapshot = home(store, [closing, reopened], [TargetSlice(FACT, "2025-01", "target", {})])
    for version in ("target", "published", "closed"):
        build(store, version)
    build(store, "young", built_at="2025-12-01T00:00:00+00:00")
    build(store, "old")
    assert [removal.name for removal in expired(store, snapshot, "published")] == [f"{FACT} 2025-01 old"]


def share(store: LocalStore, version: str, key: str, built_at: str = SPRING) -> None:
    """Write a version that names the file of another one."""
    write_slice(store, SliceCommit(FACT, "2025-01", version, 1, (DataFile(key, 4),), inputs={}, built_at=built_at))


def test_a_file_that_a_version_shares_with_one_that_stays_is_not_removed(store: LocalStore):
    key = build(store, "old")
    share(store, "new", key, AUTUMN)
    removals = expired(store, home(store, []))
    assert keys(removals) == {f"slices/{FACT}/2025-01/old.json"}
    remove(store, removals)
    assert store.find(key) is not None


def test_a_file_of_several_expired_versions_goes_with_the_last_of_them(store: LocalStore):
    key = build(store, "a")
    for version in ("b", "c"):
        share(store, version, key)
    removals = expired(store, home(store, []))
    assert [removal.keys for removal in removals] == [
        (f"slices/{FACT}/2025-01/a.json",),
        (f"slices/{FACT}/2025-01/b.json",),
        (f"slices/{FACT}/2025-01/c.json", key),
    ]
    assert sum(removal.size for removal in removals) == sum(len(store.read(one)) for one in keys(removals))


def test_a_version_of_another_release_expires_too(store: LocalStore):
    document = {"table": FACT, "slice": "2025-01", "version": "x", "files": [{"key": f"{FACT}/x.parquet", "size": 1}]}
    store.write(f"slices/{FACT}/2025-01/x.json", json.dumps(document).encode())
    store.write(f"{FACT}/x.parquet", b"x")
    assert keys(expired(store, home(store, []))) == {f"slices/{FACT}/2025-01/x.json", f"{FACT}/x.parquet"}


# Stray files and jobs


def test_only_files_that_no_commit_names_and_staging_expire_at_once(store: LocalStore):
    snapshot = home(store, history(("v1", SPRING)))
    stray = {"transactions/dead/part.parquet", "staging/dead/rows.parquet", f"{FACT}/dead/part.parquet"}
    stray |= {"manifests/stagedimdate-dead.json"}
    for key in (*stray, "overlaps/ledger.key.json", "somebody/else.txt", "job.lock"):
        store.write(key, b"x")
    assert keys(expired(store, snapshot)) == stray


def test_job_folders_expire_when_they_are_old_and_their_attempt_has_no_results(store: LocalStore):
    snapshot = home(store, history(("v1", SPRING)))
    store.write("jobs/a1/request.json", b"{}")
    assert expired(store, snapshot) == []  # written now
    later = datetime.now(UTC) + timedelta(days=91)
    assert keys(find_expired(store, snapshot, {}, now=later, retention_days=90, needed_keys=())) == {
        "jobs/a1/request.json"
    }
    key = build(store, "v", built_at=SPRING)
    commit = SliceCommit(FACT, "2025-01", "v", 1, (DataFile(key, 4),), inputs={}, attempt="a1", built_at=SPRING)
    write_slice(store, commit)
    published = {(FACT, "2025-01"): "v"}
    assert find_expired(store, snapshot, published, now=later, retention_days=90, needed_keys=()) == []


# Removing


def test_removed_data_is_gone_and_nothing_more_expires(store: LocalStore):
    events = history(("v1", SPRING), ("v2", SUMMER))
    snapshot = home(store, events)
    removals = expired(store, snapshot)
    remove(store, removals)
    commits = {name: commit for name, commit in snapshot.commits.items() if name != "ledger.csv@v1"}
    left = Snapshot(commits, derive_state(events, commits), NO_OVERLAPS, (), {})
    assert expired(store, left) == []
    assert not (Path(store.root) / "transactions" / "v1").exists()
    retired = snapshot.commits["ledger.csv@v1"]
    assert read_retired(store) == {"ledger.csv@v1": replace(retired, files={})}


def test_a_removed_delivery_keeps_its_counts_by_account(store: LocalStore):
    """The statement of all versions needs them to show statistical lines apart."""
    store.write("account_counts/v1/a.parquet", b"counts")
    commit = commit_of(
        discovered("v1", SPRING), files={"account_counts": (DataFile("account_counts/v1/a.parquet", 6),)}
    )
    retire_commit(store, commit, counts_of_delivery(store, commit))
    store.delete("account_counts/v1/a.parquet")
    (retired,) = read_retired(store).values()
    (file,) = retired.files["account_counts"]
    assert store.read(file.key) == b"counts"


def test_an_interrupted_removal_leaves_a_stray_file_for_the_next_one(store: LocalStore):
    events = history(("v1", SPRING), ("v2", SUMMER))
    (removal,) = expired(store, home(store, events))
    store.delete(removal.keys[0])
    commits = {
        "ledger.csv@v2": commit_of(
            discovered("v2", SUMMER),
            in_period("2025-01"),
            files={"transactions": (DataFile("transactions/v2/part.parquet", 5),)},
        )
    }
    left = Snapshot(commits, derive_state(events, commits), NO_OVERLAPS, (), {})
    assert keys(expired(store, left)) == {"transactions/v1/part.parquet"}
