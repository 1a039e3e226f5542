"""`slices.adoption` and `slices.equal_rows`: which slices are not built, and which rows a load leaves as they are.

Does not belong here: whole refreshes (see `model_based.test_resent_files`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.deliveries.decisions import withdraw
from finance_platform.refresh.steps.repair import discard_unreadable_slices
from finance_platform.slices.adoption import adopt_slices
from finance_platform.slices.commits import Difference, ScenarioSum, SliceCommit, read_slice, write_slice
from finance_platform.slices.equal_rows import find_unchanged
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.versions import TargetSlice, version_of
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.unit.zone import ADA, NOON, Line, Zone, many

JANUARY, FEBRUARY = "2025-01", "2025-02"
FACT = FACT_FINANCIALS.name
EXAMPLES = current_profile().examples // 25
SCHEMA = pa.schema([pa.field("amount", pa.int64())])
BASE = [*many(3, JANUARY), *many(2, FEBRUARY), *many(1, JANUARY, "Budget")]


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    """A zone with one file of two periods, whose slices are built."""
    zone = Zone(tmp_path / "processed")
    send(zone, BASE)
    build(zone)
    return zone


def send(zone: Zone, sent: Iterable[Line], key: str = "ledger.csv", content: str = "v1", **values: Any) -> None:
    """Deliver a file in a reading of its own, and let it count."""
    at = NOON + timedelta(days=zone.days)
    values = {"commit_attempt": f"a{zone.days:03d}", "commit_committed_at": at.isoformat(), **values}
    zone.deliver(key, list(sent), content, **values)
    assert zone.evaluate_held() == {}


def build(zone: Zone, **values: Any) -> None:
    """Write the slices of the fact table that are missing, each with a file of its own."""
    for target in zone.snapshot().to_build:
        if target.table == FACT:
            write_slice(zone.store, built(zone, target, **values))


def built(zone: Zone, target: TargetSlice, **values: Any) -> SliceCommit:
    file = zone.write(f"{FACT}/{target.version}/part-0.parquet", SCHEMA, [{"amount": 1}])
    sums = (ScenarioSum(1, "Actual", 1, 1, Decimal("10.00"), Decimal("0.00")),)
    return SliceCommit(
        target.table, target.slice, target.version, 1, (file,), sums, inputs=target.inputs, attempt="job", **values
    )


def adopted(zone: Zone, snapshot: Snapshot | None = None, suspects: Collection[str] = ()) -> set[str]:
    """Adopt what can be, and return its periods."""
    snapshot, at = snapshot or zone.snapshot(), datetime.now(UTC)
    return {period for _, period in adopt_slices(zone.store, snapshot, snapshot.to_build, suspects, at=at)}


def test_a_file_with_one_line_more_leaves_the_other_period_as_built(zone: Zone):
    before = zone.snapshot().built
    send(zone, [*BASE, Line(None, FEBRUARY, amount="7.00")], content="v2")

    assert adopted(zone) == {JANUARY}

    after = zone.snapshot()
    was, now = before[FACT, JANUARY], after.built[FACT, JANUARY]
    assert now.version != was.version
    assert [one[0] for one in (now.inputs or {})["lines"]] == ["ledger.csv@v2"]
    assert replace(now, version=was.version, inputs=was.inputs, built_at=was.built_at) == was
    assert [(one.table, one.slice) for one in after.to_build if one.table == FACT] == [(FACT, FEBRUARY)]


@pytest.mark.parametrize(
    "other",
    [
        Line(None, JANUARY, amount="10.01"),
        Line(None, JANUARY, day=16),
        Line(None, JANUARY, account="4001"),
        Line(None, JANUARY, department="D2"),
        Line("K1", JANUARY),
    ],
)
def test_a_period_with_another_line_is_built(zone: Zone, other: Line):
    send(zone, [other, *BASE[1:]], content="v2")
    assert adopted(zone) == {FEBRUARY}


def test_a_later_file_of_the_feed_with_the_same_period_leaves_it_as_built(tmp_path: Path):
    zone = Zone(tmp_path)
    send(zone, many(3, JANUARY), "to_january.csv", load_mode="replace_period")
    build(zone)
    send(zone, [*many(3, JANUARY), *many(2, FEBRUARY)], "to_february.csv", load_mode="replace_period")
    assert adopted(zone) == {JANUARY}


def test_files_that_are_read_again_together_leave_their_periods_as_built(zone: Zone):
    send(zone, many(4, JANUARY), "other.csv")
    build(zone)
    together = {"commit_attempt": "again", "commit_committed_at": "2025-09-01T00:00:00+00:00"}
    zone.deliver("ledger.csv", BASE, "v2", **together)
    send(zone, many(4, JANUARY), "other.csv", "v2", **together)
    assert adopted(zone) == {JANUARY, FEBRUARY}


def test_a_version_that_was_built_before_the_last_one_is_found(zone: Zone):
    send(zone, [Line(None, JANUARY, amount="11.00"), *BASE[1:]], content="v2")
    build(zone)
    send(zone, [*BASE, Line(None, FEBRUARY)], content="v3")
    assert adopted(zone) == {JANUARY}


def test_a_withdrawn_file_leaves_the_earlier_version_as_it_was(zone: Zone):
    before = zone.versions()
    send(zone, many(1, JANUARY), "more.csv")
    build(zone)
    withdraw(zone.store, "more.csv", ADA)
    assert zone.versions() == before
    assert [one for one in zone.snapshot().to_build if one.table == FACT] == []


def test_lines_without_a_hash_are_built(zone: Zone):
    commits = {
        name: replace(one, periods=[replace(count, content="") for count in one.periods])
        for name, one in zone.snapshot().commits.items()
    }
    for commit in commits.values():
        zone.commit(commit)
    send(zone, BASE, content="v2")
    assert adopted(zone) == set()


@pytest.mark.parametrize("part", ["hidden", "hidden_scopes", "portions", "booked"])
def test_a_period_whose_inputs_choose_among_lines_is_built(zone: Zone, part: str):
    send(zone, BASE, content="v2")
    snapshot = zone.snapshot()
    targets = []
    for target in snapshot.target:
        inputs = {**target.inputs, part: [["ledger.csv@v2", "x"]]} if target.slice == JANUARY else target.inputs
        earlier = {**inputs, "lines": [["ledger.csv@v1", *scenarios] for _, *scenarios in inputs.get("lines", ())]}
        targets.append(TargetSlice(target.table, target.slice, version_of(target.table, target.slice, inputs), inputs))
        base = TargetSlice(target.table, target.slice, version_of(target.table, target.slice, earlier), earlier)
        if target.table == FACT:
            write_slice(zone.store, built(zone, base))
    assert adopted(zone, replace(snapshot, target=targets)) == {FEBRUARY}


def test_a_slice_of_other_code_is_built(zone: Zone):
    send(zone, BASE, content="v2")
    snapshot = zone.snapshot()
    target = [
        TargetSlice(one.table, one.slice, version_of(one.table, one.slice, inputs), inputs)
        for one in snapshot.target
        for inputs in [{**one.inputs, "code": "of the next release"}]
    ]
    assert adopted(zone, replace(snapshot, target=target)) == set()


def test_a_slice_that_differs_from_its_lines_or_has_superseded_ones_is_not_adopted(tmp_path: Path):
    faults: list[dict[str, Any]] = [{"differences": (Difference(1, 4000, "1", "2"),)}, {"hidden_lines": 1}]
    for number, values in enumerate(faults):
        zone = Zone(tmp_path / str(number))
        send(zone, BASE)
        build(zone, **values)
        send(zone, BASE, content="v2")
        assert adopted(zone) == set()


def test_a_slice_whose_file_is_lost_is_not_adopted(zone: Zone):
    (file,) = zone.snapshot().built[FACT, JANUARY].files
    zone.store.delete(file.key)
    send(zone, BASE, content="v2")
    assert adopted(zone) == {FEBRUARY}


def test_a_slice_whose_file_a_step_could_not_read_is_not_adopted(zone: Zone):
    (file,) = zone.snapshot().built[FACT, JANUARY].files
    zone.store.write(file.key, b"PAR1" + b"x" * (file.size - 8) + b"PAR1")
    send(zone, BASE, content="v2")
    assert adopted(zone, suspects=[file.key]) == {FEBRUARY}


def test_a_slice_whose_shared_file_could_not_be_loaded_is_built_and_later_ones_have_its_new_file(zone: Zone):
    was = zone.snapshot().built[FACT, JANUARY]
    send(zone, BASE, content="v2")
    adopted(zone)
    content = zone.store.read(was.files[0].key)
    zone.store.write(was.files[0].key, b"PAR1" + b"x" * (len(content) - 8) + b"PAR1")
    now = zone.snapshot().built[FACT, JANUARY]

    assert discard_unreadable_slices(zone.store, [now], at=NOON) is not None

    assert adopted(zone) == set()
    build(zone)
    healed = zone.snapshot().built[FACT, JANUARY]
    assert healed.files != was.files
    send(zone, [*BASE, Line(None, FEBRUARY)], content="v3")
    assert adopted(zone) == {JANUARY}
    assert zone.snapshot().built[FACT, JANUARY].files == healed.files


def test_an_account_more_in_another_period_of_a_debit_positive_file_changes_no_sign(tmp_path: Path):
    zone = Zone(tmp_path)
    first = zone.members("m1", {"4000": "Revenue"})
    signed: dict[str, Any] = {"commit_is_debit_positive": True}
    send(zone, BASE, commit_files={"members": first}, **signed)
    build(zone)
    second = zone.members("m2", {"4000": "Revenue", "9999": "Revenue"})
    sent = [*BASE, Line(None, FEBRUARY, account="9999")]
    send(zone, sent, content="v2", commit_files={"members": second}, **signed)
    assert adopted(zone) == {JANUARY}


def test_a_period_whose_account_has_another_type_is_built(tmp_path: Path):
    zone = Zone(tmp_path)
    for content, account_type in (("v1", "Revenue"), ("v2", "Expense")):
        files = zone.members(content, {"4000": account_type})
        send(zone, BASE, content=content, commit_files={"members": files}, commit_is_debit_positive=True)
        if content == "v1":
            build(zone)
    assert adopted(zone) == set()


def test_an_adopted_slice_has_the_files_of_the_lines_that_it_names(tmp_path: Path):
    assert sum(adopted_in_a_random_zone(seed, tmp_path / f"{seed}") for seed in range(EXAMPLES))


def adopted_in_a_random_zone(seed: int, path: Path) -> int:
    """Send files that repeat and extend each other; compare each slice with the lines that were sent."""
    chance, zone, adopted_periods = Random(seed), Zone(path), 0
    sent: dict[str, list[Line]] = {}
    for number in range(8):
        key = chance.choice(["a.csv", "b.csv", "to_january.csv", "to_february.csv"])
        earlier = [lines for name, lines in sent.items() if chance.random() < 0.7 or name.startswith(key)]
        lines = [*chance.choice(earlier)] if earlier else [*BASE]
        if chance.random() < 0.7:
            new = Line(
                None, chance.choice([JANUARY, FEBRUARY]), chance.choice(["Actual", "Budget"]), amount=f"{number}"
            )
            lines.insert(0, new)
        mode = "replace_period" if key.startswith("to_") else "append"
        values = {"feed": mode, "load_mode": mode, "commit_attempt": f"{number}"}
        event = zone.deliver(key, lines, f"v{number}", commit_committed_at=f"2025-06-{number + 1:02d}", **values)
        sent[event.delivery_id] = lines
        zone.evaluate()
        before = {one.slice: one for one in zone.snapshot().to_build if one.table == FACT}
        adopted_periods += len(adopted(zone))
        after = zone.snapshot()
        for period, target in before.items():
            expected = sorted(
                (line.scenario, repr(line))
                for name, *scenarios in target.inputs["lines"]
                for line in sent[name]
                if line.period == period and line.scenario in scenarios
            )
            file = f"{FACT}/{hashlib.sha256(repr((period, expected)).encode()).hexdigest()}"
            commit = after.built.get((FACT, period))
            if commit is None:
                write_slice(
                    zone.store, replace(built(zone, target), files=(zone.write(file, SCHEMA, [{"amount": 1}]),))
                )
            else:
                assert [one.key for one in commit.files] == [file]
    return adopted_periods


# Rows that a load leaves as they are


def test_a_period_has_the_same_rows_where_both_versions_name_the_same_files(zone: Zone):
    published = {name: commit.version for name, commit in zone.snapshot().built.items()}
    send(zone, [*BASE, Line(None, FEBRUARY)], content="v2")
    adopted(zone)
    build(zone)
    after = zone.snapshot()
    assert find_unchanged(zone.store, after, published, after.built) == {(FACT, JANUARY): published[FACT, JANUARY]}
    assert read_slice(zone.store, FACT, JANUARY, published[FACT, JANUARY]) is not None


@pytest.mark.parametrize(
    ("changed", "inputs", "is_same"),
    [
        ({}, {"members": ["m1", "m2"]}, True),
        ({"name": "Sales and more"}, {"members": ["m1", "m2"]}, False),
        ({}, {"history": [{"department_key": 1}]}, False),
        ({}, {"reorganisations": [{"predecessor": 1}]}, False),
        ({}, {"kept": {"members": ["m1"]}}, False),
    ],
)
def test_a_dimension_has_the_same_rows_if_its_members_are_what_they_were_in_every_period(
    changed: dict[str, str], inputs: dict[str, Any], is_same: bool, tmp_path: Path
):
    zone, rows = Zone(tmp_path), [{"key": 1, "name": "Sales"}, {"key": 2, "name": "IT"}]
    name = ("dim_department", "all")

    def version(version: str, rows: list[dict[str, Any]], inputs: dict[str, Any]) -> SliceCommit:
        # Another engine, or another plan, may write which columns have no nulls.
        schema = pa.schema([pa.field("key", pa.int64(), nullable=version == "new"), ("name", pa.string())])
        file = zone.write(f"dim_department/{version}/part.parquet", schema, rows)
        commit = SliceCommit(*name, version, len(rows), (file,), inputs=inputs)
        write_slice(zone.store, commit)
        return commit

    version("old", rows, {"members": ["m1"]})
    new = version("new", [rows[1], {**rows[0], **changed}], inputs)
    snapshot = replace(zone.snapshot(), built={name: new})

    assert find_unchanged(zone.store, snapshot, {name: "old"}, [name]) == ({name: "old"} if is_same else {})
    zone.store.write("dim_department/old/part.parquet", b"no rows")
    assert find_unchanged(zone.store, snapshot, {name: "old"}, [name]) == {}
