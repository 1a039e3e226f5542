"""The checkpoints of ledger lines: they change how many files the build of a period opens, and nothing else."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from finance_platform.contracts.processed import TRANSACTIONS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.lines_checkpoint import (
    find_forged_lines,
    forget_lines,
    list_lines_checkpoints,
    period_with_checkpoint,
)
from finance_platform.deliveries.rows_checkpoint import SMALL_BYTES
from finance_platform.errors import DamagedObjectError
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.spark_jobs import period_files
from finance_platform.spark_jobs.period_files import make_period_builder, to_row
from finance_platform.spark_jobs.period_orders import orders_of
from finance_platform.spark_jobs.requests import BuildRequest, CountedLines, SourceFile, SupersededKeys
from finance_platform.storage import immutable_documents
from finance_platform.storage.checkpoints import store_checkpoint
from finance_platform.storage.local import LocalStore
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.transforms.rows import ledger_line
from finance_platform_tests.unit.counting_store import CountingStore
from finance_platform_tests.unit.deliveries.checkpoint_events import CheckpointEvents

JANUARY, FEBRUARY = "2025-01", "2025-02"
FEWEST = 3
SCHEMA = arrow_schema(TRANSACTIONS.columns)


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(immutable_documents, "FEWEST_NEW", 4 * FEWEST)


@dataclass
class Zone:
    """Files with lines of January and February, those that count, and later deliveries that supersede their keys."""

    path: Path
    store: CountingStore = field(init=False)
    files: dict[str, list[DataFile]] = field(default_factory=dict)
    superseded: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = CountingStore(self.path)

    def deliver(self, name: str, *keys: str, amount: str = "", feed: str = "a") -> None:
        """Write a file for each period with a line for each key, which count from now on."""
        self.files[name] = [self._write(name, period, keys or (name,), amount, feed) for period in (JANUARY, FEBRUARY)]

    def _write(self, name: str, period: str, keys: tuple[str, ...], amount: str, attempt: str) -> DataFile:
        amount = amount or f"{int(hashlib.sha256(name.encode()).hexdigest()[:4], 16)}.25"
        lines = [ledger_line(f"{period}-10", amount, delivery_id=name, line_key=key) for key in keys]
        table = pa.Table.from_pylist([{field.name: line.get(field.name) for field in SCHEMA} for line in lines], SCHEMA)
        buffer = io.BytesIO()
        pq.write_table(table, buffer)
        data = buffer.getvalue()
        key = f"transactions/{attempt}/split_by={name}/then_by={period}/part.parquet"
        self.store.write(key, data)
        return DataFile(key, len(data), sha256=hashlib.sha256(data).hexdigest())

    def build(self, *, is_believed: bool = True) -> dict[str, tuple[Any, ...]]:
        """Return file, control totals and superseded lines of each period; without checkpoints if none is believed."""
        names = sorted(self.files)
        places = {name: place for place, name in enumerate(names)}
        request = BuildRequest(
            deliveries=names,
            files=[SourceFile("transactions", file, [places[name]]) for name in names for file in self.files[name]],
            slices=[],
            counted=[CountedLines(period, "Actual", list(places.values()), 1) for period in (JANUARY, FEBRUARY)],
            superseded_keys=[
                SupersededKeys(earlier, later, [JANUARY, FEBRUARY])
                for earlier, later in self.superseded.items()
                if earlier in places and later in places
            ],
            superseded_scopes=[],
            scenarios=[("Actual", "Actual")],
            baseline_scenario="Budget",
        )
        builder = make_period_builder(
            self.store.root, folder="facts", types=[], type_spans=[], baseline_key=0, actual_key=surrogate_key("Actual")
        )
        listed = list_lines_checkpoints(self.store) if is_believed else {}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(period_files, "open_store", lambda *_: self.store)
            if not is_believed:
                patch.setattr(period_files, "SMALL_BYTES", 0)
            orders = orders_of(request, {JANUARY: True, FEBRUARY: True}, None, listed)
            rows = [dict(zip(("period", "document"), to_row(order), strict=True)) for order in orders]
            built = [row for batch in builder([pa.RecordBatch.from_pylist(rows)]) for row in batch.to_pylist()]
        documents = {row["period"]: json.loads(row["document"]) for row in built}
        return {
            period: (one["control"], one["superseded"], [self.store.read(key) for key, _ in one["files"]])
            for period, one in documents.items()
        }

    def reads_of_a_build(self) -> Counter[str]:
        self.store.reads.clear()
        self.build()
        return Counter({name: reads for name, reads in self.store.reads.items() if name != "facts"})

    @property
    def checkpoint(self) -> list[Path]:
        return sorted((self.path / "checkpoints/lines").glob("*/*"))

    def sources(self) -> set[str]:
        """Return the names of the deliveries whose files the checkpoints have."""
        tables = [pq.read_table(one) for one in self.checkpoint]
        keys = {key.partition("#")[0] for one in tables for key in one["source"].to_pylist()}
        return {key.partition("split_by=")[2].partition("/")[0] for key in keys}

    def all_files(self) -> list[DataFile]:
        return [file for of_delivery in self.files.values() for file in of_delivery]


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    """A zone with eight deliveries and the checkpoints of their lines."""
    zone = Zone(tmp_path)
    for number in range(8):
        zone.deliver(f"d{number}")
    zone.build()
    return zone


# Cost


def test_a_build_opens_no_file_that_the_checkpoint_of_its_period_has(zone: Zone):
    assert [path.parent.name for path in zone.checkpoint] == [JANUARY, FEBRUARY]
    assert zone.reads_of_a_build() == {"checkpoints": 2}


def test_the_opened_files_do_not_grow_with_the_deliveries_of_the_period(tmp_path: Path):
    zone, opened = Zone(tmp_path), []
    for number in range(20):
        zone.deliver(f"d{number:02}")
        opened.append(zone.reads_of_a_build()["transactions"])
    assert max(opened) == 2 * FEWEST
    assert len(zone.checkpoint) <= 8
    assert zone.build() == zone.build(is_believed=False)


def test_few_files_write_no_checkpoint(tmp_path: Path):
    zone = Zone(tmp_path)
    for number in range(FEWEST - 1):
        zone.deliver(f"d{number}")
    assert zone.build() == zone.build(is_believed=False)
    assert zone.checkpoint == []


@pytest.mark.parametrize(
    ("file", "period"),
    [
        (DataFile(f"transactions/a/split_by=d/then_by={JANUARY}/p.parquet", SMALL_BYTES), JANUARY),
        (DataFile(f"transactions/a/split_by=d/then_by={JANUARY}/p.parquet", SMALL_BYTES + 1), ""),
        (DataFile(f"transactions/a/split_by=d/then_by={JANUARY}/p.parquet", 1, is_shared=True), ""),
        (DataFile("transactions/a/split_by=d/p.parquet", 1), ""),
    ],
    ids=["small", "large", "of several deliveries", "of several periods"],
)
def test_only_small_files_of_one_delivery_and_period_are_taken_in(file: DataFile, period: str):
    assert period_with_checkpoint(file) == period


# Only what counts now counts


def test_lines_of_a_withdrawn_delivery_do_not_count_and_come_back_with_it(zone: Zone):
    everything = zone.build()
    withdrawn = zone.files.pop("d3")
    assert zone.build() == zone.build(is_believed=False) != everything
    zone.files["d3"] = withdrawn
    assert zone.build() == everything


def test_lines_of_a_checkpoint_give_way_to_a_file_with_many_more_keys(zone: Zone):
    """Such as files of days, and then one of the whole month."""
    everything = zone.build()
    zone.deliver("month", *(f"d{number}" for number in range(3, 200)))
    zone.superseded = {"d3": "month", "d5": "month"}
    built = zone.build()
    assert built == zone.build(is_believed=False) != everything
    assert {name for name, *_ in built[JANUARY][1]} == {"d3", "d5"}


def test_a_delivery_that_was_read_again_counts_as_it_was_read_last(zone: Zone):
    before = zone.build()
    zone.deliver("d3", amount="1000000.00", feed="again")
    assert zone.build() == zone.build(is_believed=False) != before


def test_lines_of_the_checkpoint_give_way_to_later_lines_with_their_keys(zone: Zone):
    before = zone.build()
    zone.deliver("e0", "d1", "d2", amount="3.00")
    zone.superseded |= {"d1": "e0", "d2": "e0"}
    after = zone.build()
    assert after == zone.build(is_believed=False)
    assert [len(superseded) for _, superseded, _ in (*before.values(), *after.values())] == [0, 0, 2, 2]


def test_a_file_of_the_checkpoint_is_written_again_when_most_of_it_no_longer_counts(zone: Zone):
    for number in range(5):
        del zone.files[f"d{number}"]
    assert zone.build() == zone.build(is_believed=False)
    assert zone.sources() == {"d5", "d6", "d7"}


def test_lines_of_removed_files_are_taken_out(zone: Zone):
    kept = {file.key for name in ("d2", "d3", "d4", "d5", "d6", "d7") for file in zone.files[name]}
    forget_lines(zone.store, kept)
    assert zone.sources() == {f"d{number}" for number in range(2, 8)}
    before = zone.checkpoint
    forget_lines(zone.store, kept)
    assert zone.checkpoint == before
    forget_lines(zone.store, ())
    assert zone.checkpoint == []


# It is never the truth


def forge(path: Path) -> bytes:
    """Return the bytes of a file of the checkpoint with other amounts."""
    table = pq.read_table(path)
    place = table.schema.get_field_index("amount")
    amounts = pa.array([Decimal("1.00")] * table.num_rows, table.schema.field(place).type)
    buffer = io.BytesIO()
    pq.write_table(table.set_column(place, table.schema.field(place), amounts), buffer)
    return buffer.getvalue()


def test_a_changed_checkpoint_changes_nothing_and_is_replaced(zone: Zone):
    expected = zone.build()
    before = {path: path.read_bytes() for path in zone.checkpoint}
    for path in before:
        path.write_bytes(forge(path))
    assert zone.build() == expected
    assert {path: path.read_bytes() for path in zone.checkpoint} == before
    assert zone.reads_of_a_build() == {"checkpoints": 2}


def test_a_damaged_checkpoint_of_few_files_is_replaced_too(tmp_path: Path):
    zone = Zone(tmp_path)
    zone.deliver("d0")
    expected = zone.build()
    store_checkpoint(zone.store, f"lines/{JANUARY}", b"foreign")
    assert zone.build() == expected
    assert zone.reads_of_a_build() == {"checkpoints": 1, "transactions": 1}


def test_verifying_finds_a_checkpoint_that_somebody_wrote(zone: Zone):
    assert list(find_forged_lines(zone.store, zone.all_files())) == []
    path = zone.checkpoint[0]
    key = store_checkpoint(zone.store, f"lines/{JANUARY}", forge(path))
    assert list(find_forged_lines(zone.store, zone.all_files())) == [key]


def test_a_file_whose_bytes_are_not_those_of_its_commit_is_in_no_checkpoint(zone: Zone):
    for number in range(FEWEST):
        zone.deliver(f"e{number}")
    zone.files["e1"] = [DataFile(file.key, file.size, sha256="of other bytes") for file in zone.files["e1"]]
    zone.build()
    assert zone.sources() == {*zone.files} - {"e1"}


def test_a_missing_file_that_the_checkpoint_lacks_is_named(zone: Zone):
    zone.deliver("new")
    (zone.path / zone.files["new"][0].key).unlink()
    with pytest.raises(DamagedObjectError, match="missing"):
        zone.build()


def test_a_task_that_was_killed_before_it_removed_a_file_leaves_one_that_the_next_removes(zone: Zone):
    for number in range(5):
        zone.deliver(f"e{number}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalStore, "delete", lambda *_: None)
        expected = zone.build()
    assert len(zone.checkpoint) == 4, "the new files have taken the old ones in"
    assert zone.build() == expected
    assert len(zone.checkpoint) == 2
    assert zone.build() == expected


@pytest.mark.parametrize("number", range(4))
def test_a_build_that_fails_at_any_write_or_removal_of_a_checkpoint_is_repaired_by_the_next(zone: Zone, number: int):
    for name in range(5):
        zone.deliver(f"e{name}")
    operations = count()

    def failing(change: Callable[..., None]) -> Callable[..., None]:
        def fail_once(store: LocalStore, key: str, *arguments: bytes) -> None:
            if key.startswith("checkpoints/") and next(operations) == number:
                raise OSError(28, "no space left")
            change(store, key, *arguments)

        return fail_once

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalStore, "write", failing(LocalStore.write))
        patch.setattr(LocalStore, "delete", failing(LocalStore.delete))
        with pytest.raises(OSError, match="no space left"):
            zone.build()
    assert zone.build() == zone.build(is_believed=False)
    assert zone.sources() == {*zone.files}
    assert len(zone.checkpoint) == 2


# The law


@dataclass
class History(Zone, CheckpointEvents):
    """A zone to which anything may happen; each method is one event, and `number` chooses what it is about."""

    withdrawn: dict[str, list[DataFile]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)

    def send(self, number: int) -> None:
        self.deliver(f"d{next(self.numbers):02}", *(f"k{place}" for place in range(number % 3)))

    def supersede(self, number: int) -> None:
        names = sorted(self.files)
        if len(names) > 1:
            self.superseded[names[number % (len(names) - 1)]] = names[-1]

    def read_again(self, number: int) -> None:
        if self.files:
            self.deliver(sorted(self.files)[number % len(self.files)], amount=f"{number}.00", feed=f"again{number}")


EVENTS = (
    *([History.send] * 6),
    *(History.supersede, History.withdraw, History.take_in, History.read_again),
    *(History.lose, History.damage, History.copy, History.restore),
)


@settings(max_examples=200 if current_profile().is_exhaustive else 3, deadline=None, phases=[Phase.generate])
@given(events=st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 40)), min_size=4, max_size=10))
def test_whatever_is_delivered_withdrawn_lost_or_damaged_a_period_is_built_of_the_files_that_count(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[Callable[[History, int], None], int]]
):
    history = History(tmp_path_factory.mktemp("law"))
    for event, number in events:
        event(history, number)
        assert history.build() == history.build(is_believed=False)
    shutil.rmtree(history.path)
