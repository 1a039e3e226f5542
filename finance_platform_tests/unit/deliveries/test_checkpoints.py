"""Checkpoints: most documents are read from a few files, and nothing else is different."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.deliveries.checkpoints import drop_checkpoints, find_outdated, find_untrusted, update_checkpoints
from finance_platform.deliveries.commits import COMMITS, DeliveryCommit, commit_key, read_commits
from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.deliveries.register import DOCUMENTS, Register
from finance_platform.errors import RegisterError
from finance_platform.refresh.steps.repair import find_damage, repair
from finance_platform.slices.retention import find_expired, remove
from finance_platform.storage import immutable_documents
from finance_platform.storage.immutable_documents import forget_documents
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import StoredObject
from finance_platform.storage.records import RecordType
from finance_platform_tests.unit.deliveries.test_commits import commits
from finance_platform_tests.unit.zone import NOON, Line, Zone

MANY, FEWEST = 12, 3
RUN = "this run"


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(immutable_documents, "FEWEST_NEW", FEWEST)
    forget_documents()
    yield
    forget_documents()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Zone:
    """The zone that others are copies of, without checkpoints."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(immutable_documents, "FEWEST_NEW", FEWEST)
        forget_documents()
        zone = Zone(tmp_path_factory.mktemp("template") / "processed")
        for number in range(MANY):
            zone.deliver(f"{number:02d}.csv", [Line(f"T{number}")])
        zone.evaluate()
        forget_documents()
    return zone


@pytest.fixture
def zone(template: Zone, tmp_path: Path) -> Zone:
    """A zone with many deliveries, and checkpoints of them."""
    shutil.copytree(template.path, tmp_path / "processed")
    zone = Zone(tmp_path / "processed", template.days, template.runs)
    update_checkpoints(zone.store)  # they know the files by more than their names and contents
    forget_documents()
    return zone


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many objects of each folder were read."""
    counted: Counter[str] = Counter()
    read = LocalStore.read

    def count(store: LocalStore, key: str) -> bytes:
        counted[key.partition("/")[0]] += 1
        return read(store, key)

    monkeypatch.setattr(LocalStore, "read", count)
    return counted


def files(zone: Zone, folder: str = "deliveries") -> list[Path]:
    return sorted((zone.path / "checkpoints" / folder).glob("*"))


def everything(zone: Zone) -> object:
    """Return what a process that has just started reads."""
    forget_documents()
    return read_commits(zone.store), zone.register.events()


def without_checkpoints(zone: Zone) -> object:
    drop_checkpoints(zone.store)
    return everything(zone)


def find_problems(zone: Zone) -> list[str]:
    return [str(one) for one in find_damage(LocalStore(zone.path.parent / "raw"), zone.store)]


# The same documents


@given(st.lists(commits, min_size=1, max_size=4))
def test_columns_give_the_same_records(several: list[DeliveryCommit]):
    record_type: RecordType[DeliveryCommit] = COMMITS.record_type
    for records in ([*several, None], several):
        table = pa.table(record_type.encode(records))
        assert list(record_type.decode(table)) == records
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("finance_platform.storage.records._VALUES_KEPT", 1)
            assert list(record_type.decode(table)) == records


@given(st.lists(commits, min_size=2, max_size=4), st.data())
def test_columns_of_some_rows_give_the_records_of_these(several: list[DeliveryCommit], data: st.DataObject):
    record_type: RecordType[DeliveryCommit] = COMMITS.record_type
    table = pa.table(record_type.encode(several))
    first = data.draw(st.integers(0, len(several)))
    chosen = data.draw(st.lists(st.booleans(), min_size=len(several), max_size=len(several)))
    assert list(record_type.decode(table.slice(first))) == several[first:]
    expected = [one for one, is_chosen in zip(several, chosen, strict=True) if is_chosen]
    assert list(record_type.decode(table.filter(pa.array(chosen, pa.bool_())))) == expected


def test_columns_of_nested_records_have_no_name_that_an_earlier_release_opens_as_texts():
    record_type = COMMITS.record_type
    assert record_type.nested
    assert not record_type.nested.keys() & record_type.encode([]).keys()


def test_texts_are_shared_where_they_repeat_and_thousands_of_different_ones_are_not_interned():
    @dataclass(frozen=True, slots=True)
    class Named:
        name: str
        feed: str

    record_type: RecordType[Named] = RecordType({"": Named}, {})
    rows = [Named(f"a name among {number} others", f"feed {number % 3}") for number in range(3_000)]
    decoded = list(record_type.decode(pa.table(record_type.encode(rows))))

    assert decoded == rows
    first, fourth, again = decoded[0], decoded[3], "".join(["a name among ", "1707", " others"])
    assert first
    assert fourth
    assert first.feed is fourth.feed
    assert sys.intern(again) is again  # no equal text was interned


def test_records_with_and_without_slots_are_built_as_their_types_build_them():
    @dataclass(frozen=True, slots=True)
    class WithSlots:
        name: str
        number: int = 0

    @dataclass(frozen=True)
    class WithoutSlots:
        name: str
        given: str = ""

    checked: list[str] = []

    @dataclass(frozen=True, slots=True)
    class Checked:
        name: str

        def __post_init__(self) -> None:
            checked.append(self.name)

    record_type: RecordType[Any] = RecordType({"a": WithSlots, "b": WithoutSlots, "c": Checked}, {})
    records = [WithSlots("x", 1), WithoutSlots("y", "z"), Checked("z"), WithSlots("x"), None, Checked("u")]

    assert list(record_type.decode(pa.table(record_type.encode(records)))) == records
    assert checked == ["z", "u"] * 2


def test_documents_from_a_checkpoint_are_equal_to_the_documents(zone: Zone):
    zone.deliver("refused.csv", [], commit_status="refused", commit_refusal="it has no header")
    zone.evaluate()
    zone.append(*zone.register.events()[:1])
    update_checkpoints(zone.store)
    from_checkpoint = everything(zone)
    assert from_checkpoint == without_checkpoints(zone)


def test_a_document_without_events_stays_in_its_place(zone: Zone):
    zone.store.write("register/000000000014.json", b'{"events": []}')
    update_checkpoints(zone.store)
    zone.append(*zone.register.events()[:FEWEST])
    update_checkpoints(zone.store)
    from_checkpoint = everything(zone)
    assert from_checkpoint == without_checkpoints(zone)


# Cost


def test_a_process_reads_what_is_newer_than_the_checkpoint_and_few_files(zone: Zone, reads: Counter[str]):
    zone.deliver("new.csv", [Line("N")])
    forget_documents()
    reads.clear()
    assert len(read_commits(zone.store)) == MANY + 1
    assert len(zone.register.events()) == 2 * MANY + 1
    assert reads == {"checkpoints": 2, "deliveries": 1, "register": 1}


def test_a_process_that_has_read_a_checkpoint_opens_it_no_more(zone: Zone, reads: Counter[str]):
    everything(zone)
    reads.clear()
    assert find_problems(zone) == []
    assert not list(find_outdated(zone.store, RUN))
    update_checkpoints(zone.store)
    assert reads["checkpoints"] == 0


def test_a_checkpoint_that_is_written_over_later_is_opened_again(zone: Zone):
    expected = everything(zone)
    (path,) = files(zone)
    path.write_bytes(b"no checkpoint" * 100)
    assert [error.key for error in find_untrusted(zone.store)] == [f"checkpoints/deliveries/{path.name}"]
    assert everything(zone) == expected


def test_commits_lie_in_a_checkpoint_in_the_order_of_files_and_are_read_in_that_of_their_keys(zone: Zone):
    (path,) = files(zone)
    table = pq.read_table(path)
    ids = [key.removeprefix("deliveries/").removesuffix(".json") for key in table["document_key"].to_pylist()]
    commits = read_commits(zone.store)
    assert [commits[name].object_key for name in ids] == [f"{number:02d}.csv" for number in range(MANY)]
    assert list(commits) == sorted(ids)


def test_few_documents_have_a_checkpoint_if_they_are_large(
    zone: Zone, reads: Counter[str], monkeypatch: pytest.MonkeyPatch
):
    """A run that finds thousands of files enters them into the register as one document."""
    register = Register(LocalStore(zone.path.parent / "one"))
    register.append(zone.register.events())
    monkeypatch.setattr(immutable_documents, "FEWEST_NEW", 100)
    update_checkpoints(register.store)
    assert list(register.store.list_objects("checkpoints")) == []
    monkeypatch.setattr(immutable_documents, "LARGE_BYTES", 1_000)
    update_checkpoints(register.store)
    register.append(zone.register.events()[:1])
    expected = register.events()
    forget_documents()
    reads.clear()
    assert register.events() == expected
    assert reads == {"checkpoints": 1, "register": 1}
    drop_checkpoints(register.store)
    (lost,) = find_outdated(register.store, RUN)
    assert lost.why == "it lacks 2 documents"


def test_thousands_of_files_that_a_run_has_just_entered_are_no_damage_of_a_checkpoint(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
):
    """They are one document of the register, which is large enough for a checkpoint."""
    update_checkpoints(zone.store)
    monkeypatch.setattr(immutable_documents, "LARGE_BYTES", 1_000)
    found = [one for one in zone.register.events() if isinstance(one, DeliveryDiscovered)]
    zone.register.append([replace(one, run_id=RUN) for one in found])
    raw = LocalStore(zone.path.parent / "raw")
    assert repair(raw, zone.store, at=datetime.now(UTC), run_id=RUN) == ([], [])
    (killed_before_its_end,), _ = repair(raw, zone.store, at=datetime.now(UTC), run_id="the next run")
    assert "it lacks a document" in killed_before_its_end


def test_the_number_of_files_grows_more_slowly_than_that_of_documents(tmp_path: Path):
    zone, counts = Zone(tmp_path), list[int]()
    for number in range(60):
        zone.deliver(f"{number:02d}.csv", [Line(f"T{number}")])
        update_checkpoints(zone.store)
        counts.append(len(files(zone)))
    assert max(counts) <= 4
    assert len(read_commits(zone.store)) == 60


def test_a_run_without_news_writes_no_checkpoint(zone: Zone):
    before = [(path, path.stat().st_mtime_ns) for path in files(zone)]
    zone.deliver("new.csv", [Line("N")])
    update_checkpoints(zone.store)
    assert [(path, path.stat().st_mtime_ns) for path in files(zone)] == before


# The documents are the truth


def test_a_document_that_was_written_again_is_read_itself(zone: Zone):
    changed = next(iter(read_commits(zone.store).values()))
    data = (zone.path / commit_key(changed.delivery_id)).read_bytes().replace(b'"order": ""', b'"order": "7"')
    (zone.path / commit_key(changed.delivery_id)).write_bytes(data)
    forget_documents()
    assert read_commits(zone.store)[changed.delivery_id].order == "7"


def test_a_removed_document_does_not_come_back_from_a_checkpoint(zone: Zone):
    gone = next(iter(read_commits(zone.store)))
    zone.store.delete(commit_key(gone))
    forget_documents()
    assert gone not in read_commits(zone.store)


def test_a_damaged_commit_is_found_behind_a_checkpoint(zone: Zone):
    damaged = next(iter(read_commits(zone.store)))
    (zone.path / commit_key(damaged)).write_bytes(b"{")
    forget_documents()
    assert damaged not in read_commits(zone.store)
    assert any(problem.startswith(commit_key(damaged)) for problem in find_problems(zone))
    update_checkpoints(zone.store)
    assert damaged not in read_commits(zone.store)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"events": [{"event": "judged", "mood": "good"}]}'])
def test_an_edited_event_is_found_behind_a_checkpoint(zone: Zone, content: bytes):
    (zone.path / "register/000000000002.json").write_bytes(content)
    forget_documents()
    with pytest.raises(RegisterError, match="event number 2"):
        zone.register.events()


@pytest.mark.parametrize("number", [1, 5])
def test_a_missing_event_is_found_behind_a_checkpoint(zone: Zone, number: int):
    (zone.path / f"register/{number:012d}.json").unlink()
    forget_documents()
    with pytest.raises(RegisterError, match=f"event number {number}: the event is missing"):
        zone.register.events()


def test_an_edited_event_counts_as_it_is_now(zone: Zone):
    path = zone.path / "register/000000000001.json"
    path.write_bytes(path.read_bytes().replace(b"2025-05-01", b"2025-04-30"))
    forget_documents()
    assert zone.register.events()[0].modified_at == "2025-04-30"  # type: ignore[union-attr]


# Damaged checkpoints


def damage_in_the_middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def replace_by_foreign(path: Path) -> None:
    pq.write_table(pa.table({"document_key": ["a"], "document_etag": ["b"]}), path)


@pytest.mark.parametrize("damage", [damage_in_the_middle, truncate, empty, replace_by_foreign])
@pytest.mark.parametrize("folder", ["deliveries", "register"])
def test_a_damaged_checkpoint_is_named_and_written_again(zone: Zone, folder: str, damage: Callable[[Path], None]):
    expected = everything(zone)
    (path,) = files(zone, folder)
    damage(path)
    assert everything(zone) == expected
    (problem,) = find_problems(zone)
    assert problem.startswith(f"checkpoints/{folder}/{path.name} is damaged")
    assert problem.endswith("what it has is read one by one, and it is written again")
    forget_documents()
    repaired, not_repaired = repair(LocalStore(zone.path.parent / "raw"), zone.store, at=datetime.now(UTC), run_id=RUN)
    assert problem in repaired
    assert not_repaired == []
    update_checkpoints(zone.store)
    assert len(files(zone, folder)) == 1
    assert everything(zone) == expected
    assert find_problems(zone) == []
    assert repair(LocalStore(zone.path.parent / "raw"), zone.store, at=datetime.now(UTC), run_id=RUN) == ([], [])


def test_a_checkpoint_of_another_release_is_not_read(zone: Zone, monkeypatch: pytest.MonkeyPatch):
    """Not even if this one has a column more."""
    expected = everything(zone)
    record_type = COMMITS.record_type
    assert record_type is not None
    monkeypatch.setitem(vars(record_type), "form", "another")
    monkeypatch.setitem(vars(record_type), "columns", (*record_type.columns, "of_this_release"))
    assert [error.why for error in find_untrusted(zone.store)] == ["another release wrote it"]
    assert everything(zone) == expected


@pytest.mark.parametrize("folder", ["deliveries", "register"])
def test_a_lost_checkpoint_is_named_by_a_run_and_written_again(zone: Zone, folder: str):
    expected = everything(zone)
    for path in files(zone, folder):
        path.unlink()
    assert everything(zone) == expected
    count = MANY if folder == "deliveries" else MANY + 1
    assert [(error.key, error.why) for error in find_outdated(zone.store, RUN)] == [
        (f"checkpoints/{folder}", f"it lacks {count} documents")
    ]
    update_checkpoints(zone.store)
    assert not list(find_outdated(zone.store, RUN))
    assert len(files(zone, folder)) == 1


def test_the_checkpoints_of_a_copied_home_are_outdated_and_no_damage(zone: Zone, tmp_path: Path):
    copy = LocalStore(shutil.copytree(zone.path, tmp_path / "copy" / "processed"))
    repaired, lasting = repair(LocalStore(zone.path.parent / "raw"), copy, at=datetime.now(UTC), run_id=RUN)
    assert len(repaired) == 2
    for sentence in repaired:
        assert " is outdated (" in sentence
        assert "copied, removed or written again" in sentence
        assert "damaged" not in sentence
    assert lasting == []


def test_a_checkpoint_of_documents_that_were_written_again_is_named_and_written_again(zone: Zone):
    paths = sorted((zone.path / "deliveries").glob("*.json"))[:2]
    for path in paths:
        path.write_bytes(path.read_bytes() + b"\n")
    assert [error.why for error in find_outdated(zone.store, RUN)] == [
        "2 of its documents were copied, removed or written again"
    ]
    update_checkpoints(zone.store)
    assert not list(find_outdated(zone.store, RUN))
    assert len(files(zone)) == 1


def test_a_checkpoint_that_is_replaced_while_it_is_read_does_no_harm(zone: Zone, monkeypatch: pytest.MonkeyPatch):
    expected = everything(zone)
    listed = LocalStore.list_objects

    def list_then_replace(store: LocalStore, prefix: str = "", **named: str) -> Iterator[StoredObject]:
        items = list(listed(store, prefix, **named))
        if prefix.startswith("checkpoints"):
            drop_checkpoints(store)
        return iter(items)

    monkeypatch.setattr(LocalStore, "list_objects", list_then_replace)
    assert everything(zone) == expected


def test_a_checkpoint_never_has_what_vacuum_removed(tmp_path: Path):
    zone = Zone(tmp_path / "processed")
    for number in range(MANY):
        zone.deliver("same.csv", [Line(f"T{number}")], f"v{number}")
        zone.evaluate()
    update_checkpoints(zone.store)
    # Closed and corrected versions count no more; a year later nothing needs them.
    expired = find_expired(
        zone.store, zone.snapshot(), {}, now=NOON.replace(year=2027), retention_days=1, needed_keys=()
    )
    gone = {removal.keys[0] for removal in expired if removal.kind == "delivery"}
    assert len(gone) == MANY - 1
    remove(zone.store, expired)
    named = {key for path in files(zone) for key in pq.read_table(path)["document_key"].to_pylist()}
    assert not gone & named
    assert not list(find_outdated(zone.store, RUN))
    assert Register(zone.store).events()


def test_the_register_and_the_commits_have_record_types():
    forms = {folder.record_type.form for folder in (COMMITS, DOCUMENTS) if folder.record_type}
    assert len(forms) == 2


@pytest.mark.parametrize(
    "step", [lambda zone: update_checkpoints(zone.store), lambda zone: find_damage(zone.store, zone.store)]
)
def test_a_step_lists_each_folder_of_documents_once(
    zone: Zone, monkeypatch: pytest.MonkeyPatch, step: Callable[[Zone], object]
):
    listed: Counter[str] = Counter()
    list_objects = LocalStore.list_objects

    def count(store: LocalStore, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        listed[prefix] += 1
        return list_objects(store, prefix, after=after)

    monkeypatch.setattr(LocalStore, "list_objects", count)
    step(zone)
    assert {folder: listed[folder] for folder in ("register", "deliveries", "retired_deliveries")} == {
        "register": 1,
        "deliveries": 1,
        "retired_deliveries": 1,
    }
