"""The checkpoint of the members: it changes how many files a build opens, and nothing else."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from finance_platform.contracts.processed import MEMBERS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries import members_checkpoint, rows_checkpoint
from finance_platform.deliveries.checkpoints import drop_checkpoints, find_untrusted
from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.members_checkpoint import CHECKPOINT, MembersFile, read_members
from finance_platform.errors import DamagedObjectError
from finance_platform.storage import immutable_documents
from finance_platform.storage.checkpoints import open_checkpoint, store_checkpoint
from finance_platform.storage.local import LocalStore
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.unit.counting_store import CountingStore
from finance_platform_tests.unit.deliveries.checkpoint_events import CheckpointEvents

FEWEST = 3
SCHEMA = arrow_schema(MEMBERS.columns)
Row = dict[str, Any]


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(immutable_documents, "FEWEST_NEW", FEWEST)


@dataclass
class Zone:
    """Files with members, and the deliveries of each whose rows count."""

    path: Path
    store: CountingStore = field(init=False)
    order: list[str] = field(default_factory=list)
    files: dict[str, tuple[DataFile, list[str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = CountingStore(self.path)

    def deliver(self, *deliveries: str, rows: Sequence[Row] | None = None, name: str = "") -> None:
        """Write a file with the members of some deliveries, which count from now on."""
        name = name or "-".join(deliveries)
        said = [member(one) for one in deliveries] if rows is None else rows
        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(list(said), SCHEMA), buffer)
        data = buffer.getvalue()
        key = f"members/{name}.parquet"
        self.store.write(key, data)
        file = DataFile(key, len(data), len(deliveries) > 1, hashlib.sha256(data).hexdigest())
        self.files[name] = file, list(deliveries)
        self.order += [one for one in deliveries if one not in self.order]

    def build(self) -> list[Row]:
        """Return the members that a build gets."""
        places = {name: place for place, name in enumerate(self.order)}
        files = [
            MembersFile(file, [places[one] for one in deliveries])
            for file, deliveries in self.files.values()
            if deliveries
        ]
        rows: list[Row] = read_members(self.store, files, self.order).to_pylist()
        return rows

    def reads_of_a_build(self) -> Counter[str]:
        self.store.reads.clear()
        self.build()
        return Counter(self.store.reads)

    @property
    def checkpoint(self) -> list[Path]:
        return sorted((self.path / "checkpoints/members").glob("*"))

    def sources(self) -> set[str]:
        """Return the names of the files that the checkpoint has."""
        tables = [pq.read_table(one) for one in self.checkpoint]
        return {Path(text.partition("#")[0]).stem for one in tables for text in one["source"].to_pylist()}


def member(delivery: str, code: str = "", **values: Any) -> Row:
    code = code or f"A-{delivery}"
    key = int(hashlib.sha256(code.lower().encode()).hexdigest()[:6], 16)
    return {"delivery_id": delivery, "dimension": "account", "member_key": key, "code": code, **values}


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    """A zone with eight deliveries and a checkpoint of their members."""
    zone = Zone(tmp_path)
    for number in range(8):
        zone.deliver(f"d{number}")
    zone.build()
    return zone


def codes(rows: Sequence[Row]) -> list[str]:
    return sorted(row["code"] for row in rows)


# Cost


def test_a_build_opens_no_file_that_the_checkpoint_has(zone: Zone):
    assert zone.reads_of_a_build() == {"checkpoints": 1}


def test_the_opened_files_do_not_grow_with_the_deliveries_before(tmp_path: Path):
    zone, opened = Zone(tmp_path), []
    for number in range(30):
        zone.deliver(f"d{number}")
        reads = zone.reads_of_a_build()
        opened.append(reads["members"])
        assert reads["checkpoints"] <= 10, (
            "one for each time that the number of files doubled, twice when it is written"
        )
    assert max(opened) == FEWEST
    assert len(zone.checkpoint) <= 5
    assert len(codes(zone.build())) == 30


def test_few_files_write_no_checkpoint(tmp_path: Path):
    zone = Zone(tmp_path)
    for number in range(FEWEST - 1):
        zone.deliver(f"d{number}")
    assert codes(zone.build()) == ["A-d0", "A-d1"]
    assert zone.checkpoint == []


def test_large_files_are_read_in_parts_and_give_several_files(zone: Zone, monkeypatch: pytest.MonkeyPatch):
    drop_checkpoints(zone.store)
    monkeypatch.setattr(rows_checkpoint, "_FILES_AT_ONCE", 2)
    monkeypatch.setattr(rows_checkpoint, "_MOST_BYTES", 1)
    monkeypatch.setattr(members_checkpoint, "_MOST_REPEATED", 1)
    expected = zone.build()
    assert len(zone.checkpoint) == 4
    assert zone.build() == expected
    before = zone.checkpoint
    for number in range(FEWEST):
        zone.deliver(f"e{number}")
    zone.build()
    assert set(before) < set(zone.checkpoint), "a large file is not written again"


def test_a_file_without_members_is_not_read_again(zone: Zone):
    for number in range(FEWEST):
        zone.deliver(f"empty{number}", rows=[])
    expected = zone.build()
    assert zone.reads_of_a_build()["members"] == 0
    assert zone.build() == expected


# Only what counts now counts


def test_of_equal_statements_about_a_member_only_the_first_deliverys_is_left(tmp_path: Path):
    zone = Zone(tmp_path)
    zone.deliver("first", rows=[member("first", "4000", name="Sales")])
    zone.deliver("second", rows=[member("second", "4000", name="Sales")])
    zone.deliver("third", rows=[member("third", "4000", name=None, category="Income")])
    zone.deliver("fourth", rows=[member("fourth", "4000", name="Sales")])
    for _ in range(2):
        assert [(row["delivery_id"], row["name"]) for row in zone.build()] == [("first", "Sales"), ("third", None)]
    del zone.files["first"]
    assert [row["delivery_id"] for row in zone.build()] == ["second", "third"]


def test_members_of_a_withdrawn_delivery_do_not_count_and_come_back_with_it(zone: Zone):
    everything = zone.build()
    withdrawn = zone.files.pop("d3")
    assert codes(zone.build()) == sorted({*codes(everything)} - {"A-d3"})
    zone.files["d3"] = withdrawn
    assert zone.build() == everything


def test_rows_of_a_shared_file_count_for_the_deliveries_that_name_it(zone: Zone):
    zone.deliver("s1", "s2", "s3")
    for number in range(FEWEST):
        zone.deliver(f"e{number}")
    zone.build()
    # s2 was read again into a file of its own, s3 is held.
    zone.files["s1-s2-s3"][1][:] = ["s1"]
    zone.deliver("s2", rows=[member("s2", "again")])
    found = codes(zone.build())
    assert "A-s1" in found
    assert "again" in found
    assert not {"A-s2", "A-s3"} & {*found}


def test_a_file_of_the_checkpoint_is_written_again_when_most_of_it_no_longer_counts(zone: Zone):
    (before,) = zone.checkpoint
    for number in range(5):
        del zone.files[f"d{number}"]
    assert codes(zone.build()) == ["A-d5", "A-d6", "A-d7"]
    assert not before.exists()
    assert zone.sources() == {"d5", "d6", "d7"}


def test_a_file_that_another_one_repeats_is_removed(zone: Zone, monkeypatch: pytest.MonkeyPatch):
    for number in range(5):
        zone.deliver(f"e{number}")
    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "delete", lambda *_: None)  # the job is killed
        expected = zone.build()
    assert len(zone.checkpoint) == 2, "the new file has taken the old one in"
    assert zone.build() == expected
    assert len(zone.checkpoint) == 1
    assert zone.build() == expected


# It is never the truth


def test_a_changed_checkpoint_changes_nothing_and_is_named(zone: Zone):
    expected = zone.build()
    (path,) = zone.checkpoint
    table = pq.read_table(path)
    code = pa.array(["forged"] * table.num_rows)
    pq.write_table(table.set_column(table.schema.get_field_index("code"), "code", code), path)
    assert [error.why for error in find_untrusted(zone.store)] == [
        "its content is not what was written, or it is no checkpoint"
    ]
    assert zone.build() == expected
    assert list(find_untrusted(zone.store)) == [], "it is written again under the name of its content"


def test_a_checkpoint_of_another_release_is_not_believed(zone: Zone):
    expected = zone.build()
    (path,) = zone.checkpoint
    buffer = io.BytesIO()
    pq.write_table(pq.read_table(path).replace_schema_metadata({"form": "other"}), buffer)
    path.unlink()
    store_checkpoint(zone.store, "members", buffer.getvalue())
    assert ["release" in error.why for error in find_untrusted(zone.store)] == [True]
    assert zone.build() == expected


def test_a_file_whose_bytes_are_not_those_of_its_commit_is_in_no_checkpoint(zone: Zone):
    for number in range(FEWEST):
        zone.deliver(f"e{number}")
    file, deliveries = zone.files["e1"]
    zone.files["e1"] = replace(file, sha256="of other bytes"), deliveries
    zone.build()
    assert zone.sources() == {*zone.files} - {"e1"}


def test_a_file_that_does_not_fit_its_columns_is_named(zone: Zone):
    zone.deliver("new")
    pq.write_table(pa.table({name: ["x"] for name in MEMBERS.column_names}), zone.path / "members/new.parquet")
    with pytest.raises(DamagedObjectError, match="its values do not fit"):
        zone.build()


def test_columns_that_a_file_lacks_are_null(zone: Zone):
    zone.deliver("new")
    needed = ["delivery_id", "dimension", "member_key", "code"]
    pq.write_table(pa.Table.from_pylist([member("new")], SCHEMA).select(needed), zone.path / "members/new.parquet")
    assert [row for row in zone.build() if row["code"] == "A-new"] == [{**dict.fromkeys(SCHEMA.names), **member("new")}]


def test_a_missing_file_that_the_checkpoint_lacks_is_named(zone: Zone):
    zone.deliver("new")
    (zone.path / "members/new.parquet").unlink()
    with pytest.raises(DamagedObjectError, match="missing"):
        zone.build()


def test_verifying_finds_a_checkpoint_that_somebody_wrote(zone: Zone):
    zone.deliver("empty", rows=[])
    zone.build()
    files = [file for file, _ in zone.files.values()]
    assert list(CHECKPOINT.find_forged(zone.store, files)) == []
    (path,) = zone.checkpoint
    for change in ("code", "row"):
        table = pq.read_table(path)
        forged = (
            table.slice(1)
            if change == "row"
            else table.set_column(4, "code", pa.array(["forged", *table["code"].to_pylist()[1:]]))
        )
        assert forged.schema.names == table.schema.names
        buffer = io.BytesIO()
        pq.write_table(forged, buffer)
        key = store_checkpoint(zone.store, "members", buffer.getvalue())
        expected = [key] if change == "code" else []  # without a row it lacks the file, which is read then
        assert list(CHECKPOINT.find_forged(zone.store, files)) == expected
        zone.store.delete(key)


def test_rows_of_removed_files_are_taken_out(zone: Zone):
    kept = {f"members/d{number}.parquet" for number in range(2, 8)}
    CHECKPOINT.forget_files(zone.store, kept)
    assert zone.sources() == {f"d{number}" for number in range(2, 8)}
    before = zone.checkpoint
    CHECKPOINT.forget_files(zone.store, kept)
    assert zone.checkpoint == before
    CHECKPOINT.forget_files(zone.store, ())
    assert zone.checkpoint == []


def test_a_checkpoint_is_read_as_one_of_its_form_only(zone: Zone):
    (path,) = zone.checkpoint
    with pytest.raises(DamagedObjectError, match="another release"):
        open_checkpoint(zone.store, f"checkpoints/members/{path.name}", "other")


# The law


@dataclass
class History(Zone, CheckpointEvents):
    """A zone to which anything may happen; each method is one event, and `number` chooses what it is about."""

    withdrawn: dict[str, tuple[DataFile, list[str]]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)

    def send(self, number: int) -> None:
        """Deliver one to three deliveries in one file; what they say of up to three members follows from the number."""
        names = [f"d{next(self.numbers)}" for _ in range(1 + number % 3)]
        said = [
            member(name, code, name=(None, "x", "y")[(number // (place + 1)) % 3])
            for name in names
            for place, code in enumerate(["a" if number % 5 else "A", "b", "c"][: number % 4])
        ]
        self.deliver(*names, rows=said)

    def read_again(self, number: int) -> None:
        if self.files:
            _, deliveries = self.files[sorted(self.files)[number % len(self.files)]]
            if deliveries:
                again = deliveries.pop()
                self.deliver(again, rows=[member(again, "again")], name=f"{again}-{next(self.numbers)}")

    def reorder(self, _: int) -> None:
        self.order.reverse()

    def first_statements(self) -> list[Row]:
        """Return what a build gets, by the words of the rule: of equal statements the first delivery's."""
        places = {name: place for place, name in enumerate(self.order)}
        rows = [
            row
            for file, deliveries in self.files.values()
            for row in pq.read_table(self.path / file.key).to_pylist()
            if row["delivery_id"] in deliveries
        ]
        first: dict[tuple[Any, ...], Row] = {}
        for row in sorted(rows, key=lambda row: places[row["delivery_id"]]):
            first.setdefault(tuple(value for name, value in row.items() if name != "delivery_id"), row)
        return sorted(first.values(), key=lambda row: (row["member_key"], places[row["delivery_id"]]))


EVENTS = (
    *([History.send] * 6),
    *(History.withdraw, History.take_in, History.read_again, History.reorder),
    *(History.lose, History.damage, History.copy, History.restore),
)


@settings(max_examples=300 if current_profile().is_exhaustive else 8, deadline=None, phases=[Phase.generate])
@given(events=st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 40)), min_size=4, max_size=10))
def test_whatever_is_delivered_withdrawn_lost_or_damaged_the_members_are_those_of_the_files(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[Callable[[History, int], None], int]]
):
    history = History(tmp_path_factory.mktemp("law"))
    for event, number in events:
        event(history, number)
        assert history.build() == history.first_statements()
    drop_checkpoints(history.store)
    assert history.build() == history.first_statements()
    shutil.rmtree(history.path)
