"""Overlaps: the lines that two deliveries both claim, computed once, in any order of arrival."""

from __future__ import annotations

import hashlib
import json
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finance_platform.deliveries.commits import read_commits
from finance_platform.deliveries.events import PeriodStatusChanged
from finance_platform.deliveries.overlap_documents import FOLDER, Cell, find_damaged_overlaps, read_group
from finance_platform.deliveries.overlaps import Overlaps, compute_overlaps, find_changed_overlaps, record_overlaps
from finance_platform.deliveries.portions import Portion
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.feeds.values.codes import fold
from finance_platform.refresh.verification.verify_records import find_forged_overlaps
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.unit.zone import Line, Zone, lines

FEW_EXAMPLES = settings(max_examples=current_profile().examples_of_slow(25))
PERIODS = ("2025-01", "2025-02", "2025-03")
Pairs = dict[tuple[str, str], tuple[dict[Cell, int], tuple[str, ...]]]


@contextmanager
def fresh_zone() -> Iterator[Zone]:
    """A zone for one example."""
    with tempfile.TemporaryDirectory() as folder:
        yield Zone(Path(folder))


def deliveries_of(zone: Zone) -> list[LiveDelivery]:
    """Return every delivery, as if it counted."""
    commits = read_commits(zone.store)
    awaiting = zone.state.awaiting_verdict
    return [LiveDelivery(item.event, commits[item.delivery_id], item.position) for item in awaiting]


def pairs(overlaps: Overlaps, deliveries: Sequence[LiveDelivery]) -> Pairs:
    """Return the overlaps of each pair of deliveries."""
    result: Pairs = {}
    ids = {delivery.delivery_id for delivery in deliveries}
    for delivery_id in ids:
        for other in ids.intersection(overlaps.overlapping(delivery_id)):
            overlap = overlaps.overlap(delivery_id, other)
            result[delivery_id, other] = (dict(overlap.lines), tuple(overlap.other_periods))
    return result


# By key


def by_key(sent: Mapping[str, Sequence[Line]]) -> Pairs:
    """Compare keys line by line."""
    result: Pairs = {}
    for name, its_lines in sent.items():
        for other, other_lines in sent.items():
            periods = {line.key: line.period for line in other_lines}
            common = [line for line in its_lines if line.key in periods] if name != other else []
            if common:
                cells: dict[Cell, int] = {}
                for line in common:
                    cell = (line.scenario, line.period, None)
                    cells[cell] = cells.get(cell, 0) + 1
                result[name, other] = (cells, tuple(sorted({periods[line.key] for line in common})))
    return result


key_lines = st.builds(
    Line,
    # Short and long keys, so that some ranges intersect, and text does not sort like numbers.
    key=st.sampled_from(["1", "10", "2", "9", "a", "b" * 80, "ä", "Z", "\U0001f4b6"]),
    period=st.sampled_from(PERIODS),
    scenario=st.sampled_from(["Actual", "Budget Q1"]),
)
key_deliveries = st.lists(st.lists(key_lines, max_size=6, unique_by=lambda line: line.key), min_size=2, max_size=6)


@FEW_EXAMPLES
@given(key_deliveries, st.randoms(use_true_random=False), st.booleans(), st.booleans())
def test_overlaps_by_key_are_those_of_a_line_by_line_comparison(
    sent: list[list[Line]], chance: random.Random, is_by_period: bool, is_large: bool
) -> None:
    with fresh_zone() as zone, pytest.MonkeyPatch.context() as patch:
        patch.setattr("finance_platform.deliveries.overlap_keys._POOLED_BYTES", 0 if is_large else 1 << 20)
        zone.is_by_period = is_by_period
        for number, its_lines in enumerate(sent):
            zone.deliver(f"{number}.csv", its_lines, load_mode="upsert")
        expected = by_key({f"{number}.csv@v1": its_lines for number, its_lines in enumerate(sent)})
        actual = _compute_in_steps(zone, chance)
    assert actual == expected


def _compute_in_steps(zone: Zone, chance: random.Random) -> Pairs:
    """Compute overlaps of several random subsets, which are stored in between, and at last of all deliveries."""
    everything = deliveries_of(zone)
    for _ in range(chance.randint(0, 4)):
        subset = [delivery for delivery in everything if chance.random() < 0.6]
        chance.shuffle(subset)
        overlaps_of = record_overlaps if chance.random() < 0.8 else compute_overlaps
        overlaps_of(zone.store, subset)
    chance.shuffle(everything)
    return pairs(record_overlaps(zone.store, everything), everything)


def test_an_overlap_has_the_periods_of_the_other_delivery(zone: Zone) -> None:
    zone.deliver("a.csv", lines("T1"), load_mode="upsert")
    zone.deliver("b.csv", lines("T1", period="2025-03"), load_mode="upsert")
    overlaps = record_overlaps(zone.store, deliveries_of(zone))
    assert overlaps.overlap("a.csv@v1", "b.csv@v1").other_periods == ("2025-03",)
    assert overlaps.overlap("b.csv@v1", "a.csv@v1").other_periods == ("2025-01",)


def test_deliveries_of_two_feeds_do_not_overlap(zone: Zone) -> None:
    zone.deliver("a.csv", lines("T1"), load_mode="upsert")
    zone.deliver("b.csv", lines("T1"), load_mode="upsert", feed="bank")
    assert not pairs(record_overlaps(zone.store, deliveries_of(zone)), deliveries_of(zone))


@pytest.mark.parametrize("mode", ["append", "replace_period"])
def test_lines_are_not_read_if_the_commits_are_sufficient(zone: Zone, mode: str) -> None:
    for key in ("a.csv", "b.csv"):
        zone.deliver(key, lines("T1"), load_mode=mode)
    zone.store.opened.clear()
    assert not record_overlaps(zone.store, deliveries_of(zone)).overlapping("a.csv@v1")
    assert zone.store.opened == []


# By scope


def by_scope(sent: Mapping[str, Sequence[Line]], covers: Mapping[str, Sequence[str]]) -> Pairs:
    """Compare scopes line by line: a delivery claims the cells of its lines, and its scopes in every covered period."""
    result: Pairs = {}
    for name, its_lines in sent.items():
        for other, other_lines in sent.items():
            claimed = {(fold(line.scenario), line.period, line.scope) for line in other_lines}
            claimed |= {(fold(line.scenario), period, line.scope) for line in other_lines for period in covers[other]}
            cells: dict[Cell, int] = {}
            for line in its_lines if name != other else ():
                if (fold(line.scenario), line.period, line.scope) in claimed:
                    cell = (line.scenario, line.period, line.scope)
                    cells[cell] = cells.get(cell, 0) + 1
            if cells:
                result[name, other] = (cells, tuple(sorted({period for _, period, _ in cells})))
    return result


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


@FEW_EXAMPLES
@given(scope_deliveries, st.randoms(use_true_random=False))
def test_overlaps_by_scope_are_those_of_a_line_by_line_comparison(
    sent: list[tuple[list[Line], list[str]]], chance: random.Random
) -> None:
    with fresh_zone() as zone:
        for number, (its_lines, covers) in enumerate(sent):
            # If a name declares periods, no accepted line is outside of them.
            inside = [line for line in its_lines if line.period in covers or not covers]
            sent[number] = (inside, covers)
            zone.deliver(
                f"{number}.csv", inside, load_mode="replace_period", is_scoped=True, commit_covers=tuple(covers)
            )
        ids = [f"{number}.csv@v1" for number in range(len(sent))]
        expected = by_scope(
            dict(zip(ids, (its_lines for its_lines, _ in sent), strict=True)),
            dict(zip(ids, (covers for _, covers in sent), strict=True)),
        )
        actual = _compute_in_steps(zone, chance)
    assert actual == expected


def test_a_declared_period_without_lines_claims_lines_of_another_delivery(zone: Zone) -> None:
    zone.deliver("a.csv", [Line(period="2025-02", scope="sales")], load_mode="replace_period", is_scoped=True)
    zone.deliver(
        "b.csv",
        [Line(period="2025-01", scope="sales")],
        load_mode="replace_period",
        is_scoped=True,
        commit_covers=("2025-01", "2025-02"),
    )
    overlaps = record_overlaps(zone.store, deliveries_of(zone))
    assert overlaps.overlap("a.csv@v1", "b.csv@v1").lines == {("Actual", "2025-02", "sales"): 1}
    assert not overlaps.overlapping("b.csv@v1")


@pytest.mark.parametrize("has_own_lines", [True, False])
def test_a_portion_claims_in_its_declared_periods_the_scopes_of_the_whole_file(
    zone: Zone, *, has_own_lines: bool
) -> None:
    replacing: dict[str, Any] = {"load_mode": "replace_period", "is_scoped": True}
    zone.deliver("a.csv", [Line(period="2025-02", scope="sales")], **replacing)
    own = [Line(period="2025-02", scope="other")] if has_own_lines else []
    whole = [Line(period="2025-01", scope="sales"), *own]
    zone.deliver("b.csv", whole, commit_covers=("2025-01", "2025-02"), **replacing)
    first, second = deliveries_of(zone)
    portion = second.restricted_to(Portion(frozenset({"2025-02"})))
    assert portion is not None
    overlaps = record_overlaps(zone.store, [first, portion])
    assert overlaps.overlap("a.csv@v1", "b.csv@v1").lines == {("Actual", "2025-02", "sales"): 1}
    assert list(find_changed_overlaps(zone.store, [first, portion])) == []


# Cost


def three_files(zone: Zone) -> None:
    zone.deliver("a.csv", lines("A1", "A2"), load_mode="upsert")
    zone.deliver("b.csv", lines("B1", "B2"), load_mode="upsert")
    zone.deliver("c.csv", lines("A2", "C1"), load_mode="upsert")


def test_overlaps_are_computed_once(zone: Zone) -> None:
    three_files(zone)
    before = record_overlaps(zone.store, deliveries_of(zone))
    zone.store.opened.clear()
    after = record_overlaps(zone.store, deliveries_of(zone))
    assert zone.store.opened == []
    assert pairs(after, deliveries_of(zone)) == pairs(before, deliveries_of(zone))


def test_overlaps_of_a_subset_are_not_computed_again(zone: Zone) -> None:
    three_files(zone)
    record_overlaps(zone.store, deliveries_of(zone))
    zone.store.opened.clear()
    record_overlaps(zone.store, deliveries_of(zone)[:2])
    assert zone.store.opened == []


def reads(zone: Zone) -> dict[str, int]:
    """Return how often each file was opened: once for its footer, once more for its keys."""
    return {key: zone.store.opened.count(key) for key in zone.store.opened}


def test_files_whose_key_range_does_not_intersect_are_not_read(zone: Zone) -> None:
    zone.deliver("a.csv", lines("A1", "A2"), load_mode="upsert")
    zone.deliver("b.csv", lines("B1", "B2"), load_mode="upsert")
    record_overlaps(zone.store, deliveries_of(zone))
    zone.deliver("c.csv", lines("A2", "A3"), load_mode="upsert")
    zone.store.opened.clear()
    record_overlaps(zone.store, deliveries_of(zone))
    assert reads(zone) == {"transactions/a.csv@v1.parquet": 1, "transactions/c.csv@v1.parquet": 2}


def test_a_file_between_two_corrected_ones_is_not_read(zone: Zone) -> None:
    for name in ("A", "B", "C"):
        zone.deliver(f"{name}.csv", lines(f"{name}1", f"{name}9"), load_mode="upsert")
    record_overlaps(zone.store, deliveries_of(zone))
    zone.deliver("corrections.csv", lines("A9", "C1", "D1"), load_mode="upsert")
    zone.store.opened.clear()
    overlaps = record_overlaps(zone.store, deliveries_of(zone))
    assert set(reads(zone)) == {f"transactions/{name}.csv@v1.parquet" for name in ("A", "C", "corrections")}
    assert sorted(overlaps.overlapping("corrections.csv@v1")) == ["A.csv@v1", "C.csv@v1"]


def test_compared_files_are_not_read_again_for_a_delivery_in_another_key_range(zone: Zone) -> None:
    three_files(zone)
    record_overlaps(zone.store, deliveries_of(zone))
    zone.deliver("d.csv", lines("D1"), load_mode="upsert")
    zone.store.opened.clear()
    record_overlaps(zone.store, deliveries_of(zone))
    assert reads(zone) == {"transactions/d.csv@v1.parquet": 1}


def test_a_file_between_others_that_its_range_does_not_reach_is_not_read(zone: Zone) -> None:
    zone.deliver("chain.csv", lines("A1", "C9"), load_mode="upsert")
    zone.deliver("start.csv", lines("A1", "A2"), load_mode="upsert")
    record_overlaps(zone.store, deliveries_of(zone))
    zone.deliver("end.csv", lines("C8", "C9"), load_mode="upsert")
    zone.store.opened.clear()
    overlaps = record_overlaps(zone.store, deliveries_of(zone))
    assert set(reads(zone)) == {"transactions/chain.csv@v1.parquet", "transactions/end.csv@v1.parquet"}
    assert overlaps.overlapping("end.csv@v1") == ["chain.csv@v1"]


def test_lines_that_two_files_have_in_several_key_ranges_are_counted_together(tmp_path: Path) -> None:
    zone = Zone(tmp_path, is_by_period=True)
    zone.deliver("a.csv", [*lines("A1", "A2"), *lines("M1", "M2", period="2025-02")], load_mode="upsert")
    zone.deliver("b.csv", [*lines("A2"), *lines("M1", "M2", period="2025-03")], load_mode="upsert")
    overlap = record_overlaps(zone.store, deliveries_of(zone)).overlap("a.csv@v1", "b.csv@v1")
    assert overlap.lines == {("Actual", "2025-01", None): 1, ("Actual", "2025-02", None): 2}
    assert overlap.other_periods == ("2025-01", "2025-03")


def test_of_a_new_delivery_only_the_files_are_read_whose_keys_others_may_have(tmp_path: Path) -> None:
    zone = Zone(tmp_path, is_by_period=True)
    zone.deliver("a.csv", [*lines("A1", "A2"), *lines("M1", "M2", period="2025-02")], load_mode="upsert")
    zone.deliver("b.csv", lines("M2", "N1", period="2025-02"), load_mode="upsert")
    deliveries = deliveries_of(zone)
    zone.store.opened.clear()
    record_overlaps(zone.store, deliveries)
    a, b = "transactions/a.csv@v1/then_by=", "transactions/b.csv@v1/then_by="
    keys = {f"{a}2025-01/part.parquet": 1, f"{a}2025-02/part.parquet": 2, f"{b}2025-02/part.parquet": 2}
    assert reads(zone) == keys


def damage_row_group(zone: Zone, delivery_id: str, number: int) -> None:
    """Make one of the two row groups of a delivery's file unreadable."""
    path = zone.path / "transactions" / f"{delivery_id}.parquet"
    with pq.ParquetFile(path) as file:
        assert file.metadata.num_row_groups == 2
        group = file.metadata.row_group(number)
        pages = [group.column(place) for place in range(group.num_columns)]
    with path.open("r+b") as stream:
        for page in pages:
            stream.seek(page.dictionary_page_offset or page.data_page_offset)
            stream.write(bytes(page.total_compressed_size))


def test_row_groups_that_have_none_of_the_new_keys_are_not_read(zone: Zone) -> None:
    zone.deliver("old.csv", lines("A1", "A9", "C1", "C9"), load_mode="upsert")
    zone.deliver("later.csv", lines("A9", "D1"), load_mode="upsert")
    record_overlaps(zone.store, deliveries_of(zone))
    damage_row_group(zone, "old.csv@v1", 0)
    zone.deliver("new.csv", lines("B8", "C1", "C5"), load_mode="upsert")
    overlaps = record_overlaps(zone.store, deliveries_of(zone))
    assert overlaps.overlap("new.csv@v1", "old.csv@v1").lines == {("Actual", "2025-01", None): 1}


def test_stored_ranges_that_are_not_those_of_the_lines_are_found(zone: Zone) -> None:
    zone.deliver("a.csv", lines("A1"), load_mode="upsert")
    zone.deliver("b.csv", lines("B1"), load_mode="upsert")
    record_overlaps(zone.store, deliveries_of(zone))
    assert list(find_changed_overlaps(zone.store, deliveries_of(zone))) == []
    (key,) = stored(zone)
    assert read_group(zone.store, "ledger.key").key_ranges == {"a.csv@v1": ("A1", "A1"), "b.csv@v1": ("B1", "B1")}
    document = without_hash(zone, key)
    document["key_ranges"].update(first=["Z", "B1"], last=["Z", "B1"])
    zone.store.write(key, with_hash(document))
    assert list(find_changed_overlaps(zone.store, deliveries_of(zone))) == [key]


def test_a_range_is_stored_for_the_lines_that_count_not_for_the_whole_delivery(zone: Zone) -> None:
    """A file has the lines of one period, so the range of some periods may be too narrow for all."""
    zone.deliver("a.csv", [Line("A1"), Line("Z9", "2025-02")], load_mode="upsert")
    zone.deliver("b.csv", lines("B1"), load_mode="upsert")
    first, second = deliveries_of(zone)
    part = first.restricted_to(Portion(without=frozenset({"2025-01"})))
    assert part
    for deliveries in ([part, second], [first, second]):
        record_overlaps(zone.store, deliveries)
    group = read_group(zone.store, "ledger.key")
    assert group.key_ranges.keys() == frozenset[str]().union(*group.compared)
    assert len(group.key_ranges) == 3


def test_a_file_whose_scopes_are_in_other_periods_is_not_read(zone: Zone) -> None:
    values: dict[str, Any] = {"load_mode": "replace_period", "is_scoped": True}
    zone.deliver("january.csv", [Line(None, "2025-01", scope="s1")], **values)
    zone.deliver("declared.csv", [Line(None, "2025-01", scope="s1")], commit_covers=("2025-02",), **values)
    record_overlaps(zone.store, deliveries_of(zone))
    zone.deliver("february.csv", [Line(None, "2025-02", scope="s1")], **values)
    zone.store.opened.clear()
    overlaps = record_overlaps(zone.store, deliveries_of(zone))
    assert set(reads(zone)) == {"transactions/declared.csv@v1.parquet", "transactions/february.csv@v1.parquet"}
    assert overlaps.overlapping("february.csv@v1") == ["declared.csv@v1"]


@pytest.mark.parametrize(
    "change",
    [
        {"names": ["a.csv@v1", 2, "c.csv@v1"]},
        {"names": ["a.csv@v1"]},
        {"compared": ["112"]},
        {"compared": [["a.csv@v1"]]},
        {
            "shared": [
                {"delivery": "a.csv@v1", "hider": "b.csv@v1", "lines": [["Actual", 1, None, 1]], "hider_periods": []}
            ]
        },
        {"key_ranges": {"of": "111", "first": ["A1"], "last": ["A1"], "without_keys": "000"}},
        {"key_ranges": {"of": "100", "first": [1], "last": ["A1"], "without_keys": "000"}},
    ],
)
def test_a_document_with_another_content_is_damaged_and_computed_again(zone: Zone, change: dict[str, Any]) -> None:
    three_files(zone)
    before = record_overlaps(zone.store, deliveries_of(zone))
    (key,) = stored(zone)
    document = without_hash(zone, key)
    zone.store.write(key, with_hash(document | change))
    assert [one.key for one in find_damaged_overlaps(zone.store)] == [key]
    assert record_overlaps(zone.store, deliveries_of(zone)) == before
    assert without_hash(zone, key) == document


def without_hash(zone: Zone, key: str) -> dict[str, Any]:
    """Return a document without its hash."""
    document: dict[str, Any] = json.loads(zone.store.read(key))
    assert len(document.pop("sha256")) == 64
    return document


def with_hash(document: dict[str, Any]) -> bytes:
    """Return a document as it is stored, with the hash of its content."""
    content = json.dumps(document)[1:].encode()
    return b'{"sha256": "%b", %b' % (hashlib.sha256(content).hexdigest().encode(), content)


def test_overlaps_without_a_hash_are_damaged_and_computed_again(zone: Zone) -> None:
    """Somebody may have removed it, to let lines count twice or not at all."""
    three_files(zone)
    before = record_overlaps(zone.store, deliveries_of(zone))
    (key,) = stored(zone)
    document = without_hash(zone, key)
    zone.store.write(key, json.dumps(document | {"shared": []}).encode())
    assert [one.key for one in find_damaged_overlaps(zone.store)] == [key]
    assert record_overlaps(zone.store, deliveries_of(zone)) == before
    assert without_hash(zone, key) == document


def test_a_flipped_bit_never_gives_other_overlaps(zone: Zone) -> None:
    zone.deliver("a.csv", lines("A1", "B1"), load_mode="upsert")
    zone.deliver("b.csv", lines("B1", "C1"), load_mode="upsert")
    expected = record_overlaps(zone.store, deliveries_of(zone))
    (key,) = stored(zone)
    data = zone.store.read(key)
    members = read_group(zone.store, "ledger.key").compared[0]
    damaged = 0
    for place, byte in enumerate(data):
        zone.store.write(key, data[:place] + bytes([byte ^ 1]) + data[place + 1 :])
        group = read_group(zone.store, "ledger.key")
        assert group.compared in {(), (members,)}, place
        assert not group.compared or Overlaps(group.overlaps) == expected, place
        damaged += not group.compared
    assert damaged >= len(data) - len("sha256")


def test_verify_names_overlaps_whose_hash_is_of_another_content(zone: Zone) -> None:
    three_files(zone)
    record_overlaps(zone.store, deliveries_of(zone))
    assert list(find_forged_overlaps(zone.store, deliveries_of(zone))) == []
    (key,) = stored(zone)
    zone.store.write(
        key, zone.store.read(key).replace(b'"Actual", "2025-01", null, 1]', b'"Actual", "2025-01", null, 2]', 1)
    )
    ((named, why),) = find_forged_overlaps(zone.store, deliveries_of(zone))
    assert (named, why) == (key, "its content is not that of its hash; the next run compares the deliveries again")


def test_long_keys_are_not_stored_whole_and_overlap_all_the_same(zone: Zone) -> None:
    text = "paid to Ada Lovelace for her lectures in Turin " * 3
    zone.deliver("a.csv", lines(f"{text}1"), load_mode="upsert")
    zone.deliver("b.csv", lines(f"{text}1", f"{text}2"), load_mode="upsert")
    record_overlaps(zone.store, deliveries_of(zone))
    zone.deliver("c.csv", lines(f"{text}2"), load_mode="upsert")
    overlaps = record_overlaps(zone.store, deliveries_of(zone))
    assert set(overlaps.overlapping("b.csv@v1")) == {"a.csv@v1", "c.csv@v1"}
    assert "Turin" not in zone.store.read(stored(zone)[0]).decode()


def test_a_single_delivery_is_not_read(zone: Zone) -> None:
    zone.deliver("a.csv", lines("A1"), load_mode="upsert")
    zone.store.opened.clear()
    record_overlaps(zone.store, deliveries_of(zone))
    assert zone.store.opened == []


def test_the_largest_delivery_is_not_read_for_keys_that_no_other_can_have(zone: Zone) -> None:
    zone.deliver("old.csv", lines("A1", "A2", "C1", "C2"), load_mode="upsert")
    record_overlaps(zone.store, deliveries_of(zone))  # alone, it was compared with nothing
    zone.deliver("new.csv", lines("A2"), load_mode="upsert")
    damage_row_group(zone, "old.csv@v1", 1)
    overlaps = record_overlaps(zone.store, deliveries_of(zone))
    assert overlaps.overlap("new.csv@v1", "old.csv@v1").lines == {("Actual", "2025-01", None): 1}


# Storage


def stored(zone: Zone) -> list[str]:
    return [item.key for item in zone.store.list_objects(FOLDER)]


def test_without_record_nothing_is_written(zone: Zone) -> None:
    three_files(zone)
    overlaps = compute_overlaps(zone.store, deliveries_of(zone))
    assert pairs(overlaps, deliveries_of(zone))
    assert stored(zone) == []
    record_overlaps(zone.store, deliveries_of(zone))
    assert stored(zone) == [f"{FOLDER}/ledger.key.json"]


def test_overlaps_of_a_held_delivery_and_of_the_one_that_it_would_replace_are_kept(zone: Zone) -> None:
    three_files(zone)
    everything = deliveries_of(zone)
    replacement = replace(everything[0].event, delivery_id="a.csv@v2", fingerprint="v2")
    zone.deliver("a.csv", lines("A1"), content="v2", load_mode="upsert")
    commit = read_commits(zone.store)["a.csv@v2"]
    candidate = replace(everything[0], event=replacement, commit=commit)
    before = pairs(record_overlaps(zone.store, everything), everything)
    record_overlaps(zone.store, [candidate, *everything[1:]])
    zone.store.opened.clear()
    assert pairs(record_overlaps(zone.store, everything), everything) == before
    assert zone.store.opened == []


def test_lines_that_wait_overlap_once_they_count(zone: Zone) -> None:
    zone.deliver("a.csv", [Line("A1", "2025-01"), Line("A2", "2025-02")], load_mode="upsert")
    zone.deliver("b.csv", [Line("A1", "2025-01"), Line("B2", "2025-02")], load_mode="upsert")
    first, second = deliveries_of(zone)
    waiting = second.restricted_to(Portion(without=frozenset({"2025-01"})))
    assert waiting is not None
    assert pairs(record_overlaps(zone.store, [first, waiting]), [first, waiting]) == {}
    overlaps = record_overlaps(zone.store, [first, second])
    assert set(pairs(overlaps, [first, second])) == {("a.csv@v1", "b.csv@v1"), ("b.csv@v1", "a.csv@v1")}
    assert list(find_changed_overlaps(zone.store, [first, second])) == []


def two_versions_in_part(zone: Zone, **values: Any) -> list[LiveDelivery]:
    """Return two versions and another file: January waits in the later one, and the earlier one has no line there."""
    sent = [Line("K1", "2025-02", scope="s1"), Line("K2", "2025-03", scope="s1")]
    zone.deliver("a.csv", sent, "v1", **values)
    zone.deliver("b.csv", [Line("K9", "2025-03", scope="s2")], **values)
    zone.append(PeriodStatusChanged("closed", "2025-01", "ada", "done", "2025-06-01T00:00:00+00:00"))
    zone.evaluate(holds_closed_periods=True)
    record_overlaps(zone.store, zone.state.live)
    later = [Line("K3", "2025-01", scope="s1"), Line("K4", "2025-03", scope="s1")]
    zone.deliver("a.csv", [*sent, *later], "v2", **values)
    zone.evaluate(holds_closed_periods=True)
    live = zone.state.live
    assert {one.delivery_id: [count.period for count in one.commit.periods] for one in live} == {
        "a.csv@v1": [],
        "a.csv@v2": ["2025-02", "2025-03"],
        "b.csv@v1": ["2025-03"],
    }
    return list(live)


@pytest.mark.parametrize("values", [{"load_mode": "upsert"}, {"load_mode": "replace_period", "is_scoped": True}])
def test_a_version_that_counts_where_it_has_no_lines_overlaps_with_none(zone: Zone, values: dict[str, Any]) -> None:
    live = two_versions_in_part(zone, **values)
    assert pairs(record_overlaps(zone.store, live), live) == {}
    assert list(find_changed_overlaps(zone.store, live)) == []


def test_overlaps_of_former_deliveries_are_dropped(zone: Zone) -> None:
    for number in range(6):
        zone.deliver(f"{number}.csv", lines("T1", "T2"), load_mode="upsert")
    everything = deliveries_of(zone)
    record_overlaps(zone.store, everything[:2])
    for number in range(1, 5):
        record_overlaps(zone.store, everything[number : number + 2])
    document = zone.store.read(stored(zone)[0]).decode()
    assert "0.csv@v1" not in document
    assert "5.csv@v1" in document
