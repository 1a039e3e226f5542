"""Overlaps: which lines two deliveries both claim, found once, whatever the order in which they come."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finance_platform.deliveries.commits import read_commits
from finance_platform.deliveries.overlaps import FOLDER, Cell, Overlaps, compute_overlaps
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.feeds.codes import fold
from finance_platform_tests.unit.zone import Line, Zone, lines

QUICKLY = settings(max_examples=25)
PERIODS = ("2025-01", "2025-02", "2025-03")
Facts = dict[tuple[str, str], tuple[dict[Cell, int], tuple[str, ...]]]


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    return Zone(tmp_path / "processed")


@contextmanager
def fresh_zone() -> Iterator[Zone]:
    """A zone for one example of a law."""
    with tempfile.TemporaryDirectory() as folder:
        yield Zone(Path(folder))


def deliveries_of(zone: Zone) -> list[LiveDelivery]:
    """Everything that was delivered, as if all of it counted."""
    commits = read_commits(zone.lake)
    events = zone.state.awaiting_verdict
    return [LiveDelivery(one.event, commits[one.delivery_id], one.position) for one in events]


def facts(overlaps: Overlaps, deliveries: Sequence[LiveDelivery]) -> Facts:
    """All that is said about these deliveries."""
    found: Facts = {}
    ids = {one.delivery_id for one in deliveries}
    for one in ids:
        for claimant in ids.intersection(overlaps.overlapping(one)):
            shared = overlaps.overlap(one, claimant)
            found[one, claimant] = (dict(shared.lines), tuple(shared.other_periods))
    return found


# By key


def by_key(sent: Mapping[str, Sequence[Line]]) -> Facts:
    """The same, line by line."""
    found: Facts = {}
    for one, of_one in sent.items():
        for other, of_other in sent.items():
            there = {line.key: line.period for line in of_other}
            met = [line for line in of_one if line.key in there] if one != other else []
            if met:
                cells: dict[Cell, int] = {}
                for line in met:
                    cell = (line.scenario, line.period, None)
                    cells[cell] = cells.get(cell, 0) + 1
                found[one, other] = (cells, tuple(sorted({there[line.key] for line in met})))
    return found


key_lines = st.builds(
    Line,
    # Short and long keys, so that ranges meet and miss, and text is not compared as numbers are.
    key=st.sampled_from(["1", "10", "2", "9", "a", "b" * 80, "ä", "Z", "\U0001f4b6"]),
    period=st.sampled_from(PERIODS),
    scenario=st.sampled_from(["Actual", "Budget Q1"]),
)
key_deliveries = st.lists(st.lists(key_lines, max_size=6, unique_by=lambda line: line.key), min_size=2, max_size=6)


@QUICKLY
@given(key_deliveries, st.randoms(use_true_random=False))
def test_keys_are_counted_as_line_by_line_however_deliveries_arrive(
    sent: list[list[Line]], chance: random.Random
) -> None:
    with fresh_zone() as zone:
        for number, of_one in enumerate(sent):
            zone.deliver(f"{number}.csv", of_one, load_mode="upsert")
        expected = by_key({f"{number}.csv@v1": of_one for number, of_one in enumerate(sent)})
        found = _found_in_steps(zone, chance)
    assert found == expected


def _found_in_steps(zone: Zone, chance: random.Random) -> Facts:
    """Look several times, each time at other deliveries, and at last at all of them; facts are kept in between."""
    everything = deliveries_of(zone)
    for _ in range(chance.randint(0, 4)):
        some = [one for one in everything if chance.random() < 0.6]
        chance.shuffle(some)
        compute_overlaps(zone.lake, some, record=chance.random() < 0.8)
    chance.shuffle(everything)
    return facts(compute_overlaps(zone.lake, everything), everything)


def test_the_key_s_period_in_the_other_delivery_is_told(zone: Zone) -> None:
    zone.deliver("a.csv", lines("T1"), load_mode="upsert")
    zone.deliver("b.csv", lines("T1", period="2025-03"), load_mode="upsert")
    overlaps = compute_overlaps(zone.lake, deliveries_of(zone))
    assert overlaps.overlap("a.csv@v1", "b.csv@v1").other_periods == ("2025-03",)
    assert overlaps.overlap("b.csv@v1", "a.csv@v1").other_periods == ("2025-01",)


def test_keys_of_two_feeds_do_not_meet(zone: Zone) -> None:
    zone.deliver("a.csv", lines("T1"), load_mode="upsert")
    zone.deliver("b.csv", lines("T1"), load_mode="upsert", feed="bank")
    assert not facts(compute_overlaps(zone.lake, deliveries_of(zone)), deliveries_of(zone))


@pytest.mark.parametrize("mode", ["append", "replace_period"])
def test_what_the_commits_alone_say_is_not_read(zone: Zone, mode: str) -> None:
    for key in ("a.csv", "b.csv"):
        zone.deliver(key, lines("T1"), load_mode=mode)
    zone.lake.opened.clear()
    assert not compute_overlaps(zone.lake, deliveries_of(zone)).overlapping("a.csv@v1")
    assert zone.lake.opened == []


# By scope


def by_scope(sent: Mapping[str, Sequence[Line]], covers: Mapping[str, Sequence[str]]) -> Facts:
    """The same, line by line: a delivery claims where it has lines, and its scopes in every period that it covers."""
    found: Facts = {}
    for one, of_one in sent.items():
        for other, of_other in sent.items():
            claimed = {(fold(line.scenario), line.period, line.scope) for line in of_other}
            claimed |= {(fold(line.scenario), period, line.scope) for line in of_other for period in covers[other]}
            cells: dict[Cell, int] = {}
            for line in of_one if one != other else ():
                if (fold(line.scenario), line.period, line.scope) in claimed:
                    cell = (line.scenario, line.period, line.scope)
                    cells[cell] = cells.get(cell, 0) + 1
            if cells:
                found[one, other] = (cells, tuple(sorted({period for _, period, _ in cells})))
    return found


scope_lines = st.builds(
    Line,
    period=st.sampled_from(PERIODS),
    scenario=st.sampled_from(["Actual", "Budget Q1", "Budget q1"]),
    scope=st.sampled_from(["sales", "works", ""]),
)
scope_deliveries = st.lists(
    st.tuples(st.lists(scope_lines, max_size=5), st.lists(st.sampled_from(PERIODS), unique=True, max_size=3)),
    min_size=2,
    max_size=6,
)


@QUICKLY
@given(scope_deliveries, st.randoms(use_true_random=False))
def test_scopes_are_counted_as_line_by_line_however_deliveries_arrive(
    sent: list[tuple[list[Line], list[str]]], chance: random.Random
) -> None:
    with fresh_zone() as zone:
        for number, (of_one, covers) in enumerate(sent):
            # A name that declares periods leaves no accepted line outside them.
            inside = [line for line in of_one if line.period in covers or not covers]
            sent[number] = (inside, covers)
            zone.deliver(
                f"{number}.csv", inside, load_mode="replace_period", is_scoped=True, commit_covers=tuple(covers)
            )
        ids = [f"{number}.csv@v1" for number in range(len(sent))]
        expected = by_scope(
            dict(zip(ids, (of_one for of_one, _ in sent), strict=True)),
            dict(zip(ids, (c for _, c in sent), strict=True)),
        )
        found = _found_in_steps(zone, chance)
    assert found == expected


def test_a_declared_period_without_lines_claims_what_another_delivery_has_there(zone: Zone) -> None:
    zone.deliver("a.csv", [Line(period="2025-02", scope="sales")], load_mode="replace_period", is_scoped=True)
    zone.deliver(
        "b.csv",
        [Line(period="2025-01", scope="sales")],
        load_mode="replace_period",
        is_scoped=True,
        commit_covers=("2025-01", "2025-02"),
    )
    overlaps = compute_overlaps(zone.lake, deliveries_of(zone))
    assert overlaps.overlap("a.csv@v1", "b.csv@v1").lines == {("Actual", "2025-02", "sales"): 1}
    assert not overlaps.overlapping("b.csv@v1")


# What it costs


def three_files(zone: Zone) -> None:
    zone.deliver("a.csv", lines("A1", "A2"), load_mode="upsert")
    zone.deliver("b.csv", lines("B1", "B2"), load_mode="upsert")
    zone.deliver("c.csv", lines("A2", "C1"), load_mode="upsert")


def test_facts_are_found_once(zone: Zone) -> None:
    three_files(zone)
    before = compute_overlaps(zone.lake, deliveries_of(zone))
    zone.lake.opened.clear()
    after = compute_overlaps(zone.lake, deliveries_of(zone))
    assert zone.lake.opened == []
    assert facts(after, deliveries_of(zone)) == facts(before, deliveries_of(zone))


def test_a_part_of_what_was_compared_is_known(zone: Zone) -> None:
    three_files(zone)
    compute_overlaps(zone.lake, deliveries_of(zone))
    zone.lake.opened.clear()
    compute_overlaps(zone.lake, deliveries_of(zone)[:2])
    assert zone.lake.opened == []


def reads(zone: Zone) -> dict[str, int]:
    """How often each file was opened: once for its footer, once more for its keys."""
    return {key: zone.lake.opened.count(key) for key in zone.lake.opened}


def test_files_whose_keys_cannot_meet_those_of_a_new_delivery_are_not_read(zone: Zone) -> None:
    zone.deliver("a.csv", lines("A1", "A2"), load_mode="upsert")
    zone.deliver("b.csv", lines("B1", "B2"), load_mode="upsert")
    compute_overlaps(zone.lake, deliveries_of(zone))
    zone.deliver("c.csv", lines("A2", "A3"), load_mode="upsert")
    zone.lake.opened.clear()
    compute_overlaps(zone.lake, deliveries_of(zone))
    assert reads(zone) == {
        "transactions/a.csv@v1.parquet": 2,
        "transactions/b.csv@v1.parquet": 1,
        "transactions/c.csv@v1.parquet": 2,
    }


def test_files_that_were_compared_are_not_read_again_because_of_a_new_one_elsewhere(zone: Zone) -> None:
    three_files(zone)
    compute_overlaps(zone.lake, deliveries_of(zone))
    zone.deliver("d.csv", lines("D1"), load_mode="upsert")
    zone.lake.opened.clear()
    compute_overlaps(zone.lake, deliveries_of(zone))
    assert set(reads(zone).values()) == {1}


def test_one_delivery_alone_is_not_read(zone: Zone) -> None:
    zone.deliver("a.csv", lines("A1"), load_mode="upsert")
    zone.lake.opened.clear()
    compute_overlaps(zone.lake, deliveries_of(zone))
    assert zone.lake.opened == []


# What is kept


def kept(zone: Zone) -> list[str]:
    return [item.key for item in zone.lake.list_objects(FOLDER)]


def test_a_mere_look_writes_nothing(zone: Zone) -> None:
    three_files(zone)
    found = compute_overlaps(zone.lake, deliveries_of(zone), record=False)
    assert facts(found, deliveries_of(zone))
    assert kept(zone) == []
    compute_overlaps(zone.lake, deliveries_of(zone))
    assert kept(zone) == [f"{FOLDER}/ledger.key.json"]


def test_a_delivery_that_was_held_and_the_one_that_it_would_replace_are_both_remembered(zone: Zone) -> None:
    three_files(zone)
    everything = deliveries_of(zone)
    instead = replace(everything[0].event, delivery_id="a.csv@v2", fingerprint="v2")
    zone.deliver("a.csv", lines("A1"), content="v2", load_mode="upsert")
    commit = read_commits(zone.lake)["a.csv@v2"]
    candidate = replace(everything[0], event=instead, commit=commit)
    before = facts(compute_overlaps(zone.lake, everything), everything)
    compute_overlaps(zone.lake, [candidate, *everything[1:]])
    zone.lake.opened.clear()
    assert facts(compute_overlaps(zone.lake, everything), everything) == before
    assert zone.lake.opened == []


def test_facts_about_deliveries_that_went_long_ago_are_forgotten(zone: Zone) -> None:
    for number in range(6):
        zone.deliver(f"{number}.csv", lines("T1", "T2"), load_mode="upsert")
    everything = deliveries_of(zone)
    compute_overlaps(zone.lake, everything[:2])
    for number in range(1, 5):
        compute_overlaps(zone.lake, everything[number : number + 2])
    document = zone.lake.read(kept(zone)[0]).decode()
    assert "0.csv@v1" not in document
    assert "5.csv@v1" in document
