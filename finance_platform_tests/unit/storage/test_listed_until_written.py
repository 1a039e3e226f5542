"""A store that lists a folder once until something in it is written through it; on S3, it also reads once."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finance_platform.code_version import JobName
from finance_platform.errors import DiskError, LeaseLostError
from finance_platform.refresh.steps.step_listings import listed_between_jobs
from finance_platform.storage import listed_once, listing_store, remembered_reads
from finance_platform.storage.documents import find_damaged_files
from finance_platform.storage.lease import LeaseTimings, hold_lease, lease_key
from finance_platform.storage.listed_once import (
    forget_listings,
    list_ahead,
    listed_until_written,
    listed_while_locked,
    note_written,
    with_listing_of,
)
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import ObjectStore, StoredObject
from finance_platform.storage.remembered_reads import forget_reads
from finance_platform_tests.profiles import at_night, current_profile

_FOLDERS = ("", "deliveries", "slices", "slices/fact")


class CountingStore(LocalStore):
    """A store on disk that counts its listings by folder, and its reads and searches by key."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.listings: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()

    def list_objects(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        self.listings[prefix] += 1
        return super().list_objects(prefix, after=after)

    def find(self, key: str) -> StoredObject | None:
        self.requests[key] += 1
        return super().find(key)

    def read(self, key: str) -> bytes:
        self.requests[key] += 1
        return super().read(key)

    def open(self, key: str) -> BinaryIO:
        self.requests[key] += 1
        return super().open(key)


class RemoteStore(CountingStore):
    """The same with an address on S3."""

    @property
    def root(self) -> str:
        return f"s3://bucket{super().root}"


def _filled(store: CountingStore) -> CountingStore:
    for key in ("deliveries/a.json", "deliveries/b.json", "slices/fact/v1.json", "slices/other.json"):
        store.write(key, b"1")
    return store


@pytest.fixture
def store(tmp_path: Path) -> CountingStore:
    return _filled(CountingStore(tmp_path))


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[CountingStore]:
    yield _filled(RemoteStore(tmp_path))
    forget_reads()


@pytest.fixture
def large(remote: CountingStore, monkeypatch: pytest.MonkeyPatch) -> CountingStore:
    """A remote store with more objects than are listed at once."""
    monkeypatch.setattr(listing_store, "SMALL_OBJECTS", 3)
    monkeypatch.setattr(listing_store, "_PAGE", 2)
    return remote


def _keys(store: ObjectStore, folder: str) -> list[str]:
    return [item.key for item in store.list_objects(folder)]


def test_a_folder_is_listed_once_while_others_are_written(store: CountingStore) -> None:
    listed = listed_until_written(store)
    for _ in range(3):
        assert _keys(listed, "deliveries") == ["deliveries/a.json", "deliveries/b.json"]
        listed.write("slices/new.json", b"2")
    assert store.listings == {"deliveries": 1}
    assert [item.key for item in listed.list_objects("deliveries", after="deliveries/a.json")] == ["deliveries/b.json"]


def _replace(store: ObjectStore) -> None:
    found = store.find("deliveries/a.json")
    assert found
    assert store.replace("deliveries/a.json", b"22", etag=found.etag)


def _fail(store: ObjectStore) -> None:
    with pytest.raises(DiskError):
        store.write("deliveries/a.json/below", b"2")


_CHANGES = pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda store: store.write("deliveries/c.json", b"2"), id="write"),
        pytest.param(lambda store: store.write("deliveries/a.json", b"22"), id="overwrite"),
        pytest.param(lambda store: store.write_new("deliveries/c.json", b"2"), id="write_new"),
        pytest.param(_replace, id="replace"),
        pytest.param(lambda store: store.delete("deliveries/a.json"), id="delete"),
        pytest.param(lambda store: store.delete("slices/fact/v1.json"), id="delete below"),
        pytest.param(lambda store: store.delete_folder("slices"), id="delete_folder"),
        pytest.param(lambda store: store.delete_folder("slices/fact"), id="delete a folder below"),
        pytest.param(_fail, id="a failed write"),
    ],
)


@_CHANGES
def test_after_a_write_every_listing_is_that_of_the_store(
    store: CountingStore, change: Callable[[ObjectStore], None]
) -> None:
    listed = listed_until_written(store)
    for folder in _FOLDERS:
        list(listed.list_objects(folder))
    change(listed)
    for folder in reversed(_FOLDERS):
        assert list(listed.list_objects(folder)) == list(store.list_objects(folder))


def test_everything_is_listed_with_what_is_known_of_a_folder_that_was_listed(store: CountingStore) -> None:
    for key in ("a.json", "deliveries-2/a.json", "deliveries.json", "deliveries0/a.json"):
        store.write(key, b"1")
    listed = listed_until_written(store)
    known = {item.key: item for item in listed.list_objects("deliveries")}
    store.write("deliveries/a.json", b"of another process")
    store.delete("deliveries/b.json")
    store.write("slices/new.json", b"of another process")
    listed.write("deliveries/own.json", b"1")
    everything = list(listed.list_objects())
    assert [item.key for item in everything] == sorted(item.key for item in everything)
    elsewhere = {item.key: item for item in store.list_objects() if not item.key.startswith("deliveries/")}
    own = store.find("deliveries/own.json")
    assert {item.key: item for item in everything} == {**elsewhere, **known, "deliveries/own.json": own}
    assert "slices/new.json" in elsewhere


def test_an_object_whose_name_is_behind_a_folder_that_was_listed_is_in_a_listing_of_everything(
    store: CountingStore,
) -> None:
    for key in ("deliveries", "slices"):
        store.write(f"{key}0", b"1")  # 0 is the character after the slash
    listed = listed_until_written(store)
    for folder in ("deliveries", "slices"):
        list(listed.list_objects(folder))
    assert list(listed.list_objects()) == list(store.list_objects())


@pytest.mark.parametrize("count", [3, 300])
def test_few_and_many_objects_that_are_written_are_entered_into_a_listing(store: CountingStore, count: int) -> None:
    listed = listed_until_written(store)
    before = [list(listed.list_objects(folder)) for folder in _FOLDERS]
    for number in range(count):
        listed.write(f"deliveries/{number}.json", b"2")
        listed.write(f"slices/fact/{number}/a.json", b"2")
    listed.delete_folder("slices/fact/1")
    listed.delete("deliveries/a.json")
    assert [list(listed.list_objects(folder)) for folder in _FOLDERS] != before
    for folder in _FOLDERS:
        assert list(listed.list_objects(folder)) == list(store.list_objects(folder))


def _read(store: ObjectStore, key: str) -> bytes | None:
    try:
        return store.read(key)
    except FileNotFoundError:
        return None


@_CHANGES
@pytest.mark.parametrize("is_listed_first", [True, False])
@pytest.mark.parametrize("size", ["remote", "large"])
def test_after_a_write_what_is_read_is_that_of_the_store(
    size: str, is_listed_first: bool, change: Callable[[ObjectStore], None], request: pytest.FixtureRequest
) -> None:
    store: CountingStore = request.getfixturevalue(size)
    keys = [item.key for item in store.list_objects()] + ["deliveries/c.json", "slices/fact/v2.json", "none.json"]
    listed = listed_until_written(store)
    for folder in _FOLDERS if is_listed_first else ():
        list(listed.list_objects(folder))
    for key in keys:
        _read(listed, key)
    change(listed)
    for folder in ("", *_FOLDERS):
        for key in keys:
            assert _read(listed, key) == _read(store, key)
            assert listed.find(key) == store.find(key)
        assert list(listed.list_objects(folder)) == list(store.list_objects(folder))


def test_on_s3_a_small_store_is_listed_as_a_whole_and_what_is_written_is_looked_up(remote: CountingStore) -> None:
    listed = listed_until_written(remote)
    for folder in ("deliveries", "slices", "slices/fact"):
        assert _keys(listed, folder) == [item.key for item in LocalStore.list_objects(remote, folder)]
    assert remote.listings == {"": 1}
    listed.write("slices/new.json", b"2")
    assert len(_keys(listed, "slices")) == 3
    assert len(_keys(listed, "deliveries")) == 2
    assert remote.listings == {"": 1}
    forget_listings(listed)
    assert len(_keys(listed, "deliveries")) == 2
    assert remote.listings == {"": 2}


def test_on_s3_a_large_store_is_listed_by_folders_and_its_size_is_asked_for_once(large: CountingStore) -> None:
    for _ in range(2):
        listed = listed_until_written(large)
        list_ahead(listed, ["deliveries", "slices"])
        assert len(_keys(listed, "deliveries")) == len(_keys(listed, "slices")) == 2
        assert len(_keys(listed, "slices/fact")) == 1
    assert large.listings == {"": 1, "deliveries": 2, "slices": 2}


def test_on_s3_an_object_that_was_listed_is_read_once_in_each_version(remote: CountingStore) -> None:
    for _ in range(2):
        listed = listed_until_written(remote)
        list(listed.list_objects("deliveries"))
        with listed.open("deliveries/a.json") as stream:
            assert stream.read() == listed.read("deliveries/a.json") == b"1"
        assert listed.find("deliveries/a.json")
    assert remote.requests["deliveries/a.json"] == 1
    remote.write("deliveries/a.json", b"another")  # by another process
    listed = listed_until_written(remote)
    list(listed.list_objects("deliveries"))
    assert listed.read("deliveries/a.json") == b"another"


def test_on_s3_an_object_that_was_not_listed_with_its_folder_is_not_requested(remote: CountingStore) -> None:
    listed = listed_until_written(remote)
    list(listed.list_objects("deliveries"))
    for read in (listed.read, listed.open):
        with pytest.raises(FileNotFoundError):
            read("deliveries/none.json")
    assert listed.find("deliveries/none.json") is None
    assert not remote.requests["deliveries/none.json"]


def test_hidden_objects_are_in_no_listing_and_are_read(remote: CountingStore) -> None:
    remote.write("deliveries/.hidden", b"1")
    listed = listed_until_written(remote)
    list(listed.list_objects("deliveries"))
    assert listed.read("deliveries/.hidden") == b"1"


def test_what_is_written_through_a_store_that_is_only_listed_once_is_read_from_the_store(remote: CountingStore) -> None:
    listed = listed_once.listed_once(remote)
    list(listed.list_objects())
    listed.write("deliveries/a.json", b"2")
    listed.write("deliveries/new.json", b"3")
    assert (listed.read("deliveries/a.json"), listed.read("deliveries/new.json")) == (b"2", b"3")
    assert len(_keys(listed, "deliveries")) == 2


def test_on_s3_what_is_beside_an_object_that_was_written_is_read_as_it_was_listed(remote: CountingStore) -> None:
    listed = listed_once.listed_once(remote)
    list(listed.list_objects())
    listed.write("deliveries/new.json", b"3")
    for _ in range(2):
        assert listed.read("deliveries/a.json") == b"1"
        with pytest.raises(FileNotFoundError):
            listed.read("deliveries/none.json")
    assert (remote.requests["deliveries/a.json"], remote.requests["deliveries/none.json"]) == (1, 0)
    listed.delete_folder("slices/fact")
    listed.write("deliveries/a.json", b"2")
    assert listed.read("deliveries/a.json") == b"2"
    with pytest.raises(FileNotFoundError):
        listed.read("slices/fact/v1.json")


def test_a_suspected_file_is_requested_again(remote: CountingStore) -> None:
    listed = listed_once.listed_once(remote)
    list(listed.list_objects())
    listed.read("slices/other.json")
    assert find_damaged_files(listed, {"slices/other.json": 1}, ["slices/other.json"])
    assert remote.requests["slices/other.json"] == 2


def test_so_many_bytes_are_kept_and_no_large_object(remote: CountingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered_reads, "LARGEST_BYTES", 4)
    monkeypatch.setattr(remembered_reads, "MOST_BYTES", 8)
    for number in range(4):
        remote.write(f"looks/{number}", b"1234")
    remote.write("looks/large", b"12345")
    items = {item.key: item for item in LocalStore.list_objects(remote, "looks")}
    order = ["looks/0", "looks/large", "looks/1", "looks/0", "looks/2", "looks/large", "looks/0", "looks/1"]
    for key in order:
        assert remembered_reads.read_once(remote, items[key]) == remote._root.joinpath(key).read_bytes()
    assert remote.requests == {"looks/0": 1, "looks/1": 2, "looks/2": 1, "looks/large": 2}


def test_a_listing_that_a_write_has_overtaken_is_not_kept(store: CountingStore) -> None:
    listed = listed_until_written(store)
    objects = store.list_objects

    def list_while_written(prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        found = list(objects(prefix, after=after))
        listed.write("deliveries/c.json", b"2")
        return iter(found)

    store.list_objects = list_while_written  # type: ignore[method-assign]
    assert "deliveries/c.json" not in _keys(listed, "deliveries")
    store.list_objects = objects  # type: ignore[method-assign]
    assert "deliveries/c.json" in _keys(listed, "deliveries")


@pytest.mark.parametrize("fails", [False, True])
def test_what_a_job_has_written_is_listed_after_it(store: CountingStore, fails: bool) -> None:
    class Jobs:
        def run(self, job: JobName, request: bytes) -> dict[str, Any]:
            store.write(f"deliveries/{job}.json", request)
            if fails:
                raise RuntimeError
            return {}

    listed, jobs = listed_between_jobs(store, Jobs())
    assert len(_keys(listed, "deliveries")) == 2
    try:
        jobs.run("standardise", b"1")
    except RuntimeError:
        assert fails
    assert _keys(listed, "deliveries")[-1] == "deliveries/standardise.json"


@pytest.mark.parametrize("is_known", [True, False])
def test_what_a_job_says_that_it_has_written_is_looked_up_and_no_more(large: CountingStore, is_known: bool) -> None:
    written = {
        "standardise": ["deliveries/d.json", "transactions/now/ledger/1.parquet", "jobs/now/result.json"],
        "build_star": ["slices/fact/2025-01/v2.json", "fact_financials/now/1.parquet", "checkpoints/members/x.parquet"],
    }
    results: dict[str, dict[str, Any]] = {
        "standardise": {"committed": ["d"]},
        "build_star": {"built": [["fact", "2025-01", "v2"]]},
    }

    class Jobs:
        def run(self, job: JobName, request: bytes) -> dict[str, Any]:
            for key in written[job]:
                large.write(key, request)
            return {**results[job], **({"attempt": "now"} if is_known else {})}

    run, jobs = listed_between_jobs(listed_while_locked(large), Jobs())
    list(run.list_objects())
    for job in results:
        jobs.run(job, b"1")  # type: ignore[arg-type]
        assert list(run.list_objects()) == list(LocalStore.list_objects(large))
        for key in written[job]:
            assert run.read(key) == b"1"
    assert (large.listings["transactions/now"] > 0) == is_known
    assert large.listings[""] == (1 if is_known else 3)


def test_a_run_lists_everything_once_as_soon_as_it_looks_for_files(large: CountingStore) -> None:
    run = listed_while_locked(large)
    assert len(_keys(run, "deliveries")) == 2
    sought = ["slices/other.json", "transactions/none.parquet"]  # no more than a page, of a store that has more
    assert list(run.find_objects(sought)) == sought[:1]
    assert list(listed_until_written(run).find_objects(["slices/fact/v1.json"])) == ["slices/fact/v1.json"]
    assert len(_keys(listed_once.listed_once(run), "slices")) == 2
    large.requests.clear()
    for _ in range(2):
        assert listed_until_written(run).read("slices/other.json") == b"1"
    assert large.requests["slices/other.json"] == 1
    assert large.listings["deliveries"] == 1
    assert large.listings[""] == 2  # a first page, which says that there are more, and everything


def test_a_run_that_knows_where_to_cut_the_listing_lists_everything_at_its_first_need(
    large: CountingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected: list[Sequence[str]] = []
    monkeypatch.setattr(large, "expect_parts", expected.append, raising=False)
    run = listed_while_locked(large, ["deliveries/b.json"])
    assert not large.listings, "it may not need any"
    assert len(_keys(run, "deliveries")) == 2
    assert len(_keys(run, "slices")) == 2
    assert list(run.find_objects(["slices/other.json"])) == ["slices/other.json"]
    assert expected == [["deliveries/b.json"]]
    assert large.listings == {"": 1}


def test_the_listing_at_the_end_of_a_run_is_that_of_the_store(remote: CountingStore) -> None:
    run, at_end = listed_while_locked(remote), listed_once.listed_once(remote)
    list(run.list_objects())
    run.write("deliveries/c.json", b"2")
    run.delete("slices/other.json")
    remote.write("dim/_delta_log/0.json", b"3")
    note_written(run, ["dim/_delta_log/"])
    with_listing_of(at_end, run)
    assert list(at_end.list_objects()) == list(LocalStore.list_objects(remote))
    assert remote.listings == {"": 1, "dim/_delta_log": 1}
    remote.delete("deliveries/a.json")  # by the next run
    assert at_end.find("deliveries/a.json")
    assert remote.listings == {"": 1, "dim/_delta_log": 1}


def test_what_a_run_has_removed_is_gone_without_a_request_until_it_is_written_again(large: CountingStore) -> None:
    run = listed_until_written(large)
    assert _keys(run, "deliveries") == ["deliveries/a.json", "deliveries/b.json"]
    large.requests.clear()
    run.delete("deliveries/a.json")
    assert _keys(run, "deliveries") == ["deliveries/b.json"]
    assert not large.requests
    run.delete("deliveries/b.json")
    run.write("deliveries/b.json", b"2")
    large.write("deliveries/a.json", b"2")
    note_written(run, ["deliveries/a.json"])  # by a job
    assert _keys(run, "deliveries") == ["deliveries/a.json", "deliveries/b.json"]


def test_a_small_store_is_listed_anew_after_a_job_that_may_have_written_in_many_folders(remote: CountingStore) -> None:
    run = listed_while_locked(remote)
    list(run.list_objects())
    remote.write("transactions/now/1.parquet", b"1")
    note_written(run, ["transactions/now/", "members/now/"])
    assert _keys(run, "transactions") == ["transactions/now/1.parquet"]
    assert not _keys(run, "members")
    assert remote.listings == {"": 2}


def test_a_run_that_has_lost_its_lease_uses_no_listing(remote: CountingStore) -> None:
    run = listed_while_locked(remote)
    with hold_lease(remote, "run", timings=LeaseTimings(duration_seconds=60, renewal_seconds=0.01)):
        assert len(_keys(run, "deliveries")) == 2
        remote.delete(lease_key("run"))  # by another machine, which takes it over
        for _ in range(500):
            time.sleep(0.01)
            try:
                run.read("deliveries/a.json")
            except LeaseLostError:
                break
        for use in (lambda: _keys(run, "deliveries"), lambda: run.read("deliveries/a.json")):
            with pytest.raises(LeaseLostError):
                use()


def test_on_s3_a_document_that_was_written_is_not_requested(remote: CountingStore) -> None:
    run = listed_while_locked(remote)
    list(run.list_objects())
    run.write("deliveries/a.json", b"22")
    assert run.write_new("deliveries/new.json", b"333")
    assert not run.write_new("deliveries/b.json", b"4444")
    for _ in range(2):
        for key, data in (("deliveries/a.json", b"22"), ("deliveries/new.json", b"333")):
            assert run.read(key) == listed_once.listed_once(run).read(key) == data
        assert run.read("deliveries/b.json") == b"1"
        assert len(_keys(run, "deliveries")) == 3  # looks them up
    assert set(remote.requests) == {"deliveries/b.json", "deliveries/a.json", "deliveries/new.json"}
    assert remote.requests["deliveries/a.json"] == remote.requests["deliveries/new.json"] == 1
    run.write("deliveries/a.json", b"5")
    remote.write("deliveries/a.json", b"6")  # by a job
    note_written(run, ["deliveries/"])
    assert run.read("deliveries/a.json") == b"6"
    run.delete("deliveries/a.json")
    with pytest.raises(FileNotFoundError):
        run.read("deliveries/a.json")


def test_a_hidden_object_that_is_written_is_in_no_listing(remote: CountingStore) -> None:
    listed = listed_until_written(remote)
    list(listed.list_objects("deliveries"))
    listed.write("deliveries/.hidden", b"1")
    assert len(_keys(listed, "deliveries")) == 2


def test_objects_of_a_folder_that_was_listed_are_found_in_its_listing(store: CountingStore) -> None:
    listed = listed_until_written(store)
    keys = ["deliveries/a.json", "deliveries/none.json", "slices/fact/v1.json"]
    assert list(listed.find_objects(keys)) == ["deliveries/a.json", "slices/fact/v1.json"]
    _keys(listed, "deliveries")
    store.delete("deliveries/a.json")  # by somebody else
    assert list(listed.find_objects(keys)) == ["deliveries/a.json", "slices/fact/v1.json"]
    listed.write("deliveries/none.json", b"3")
    assert list(listed.find_objects(keys)) == ["deliveries/a.json", "deliveries/none.json", "slices/fact/v1.json"]
    listed.delete("deliveries/a.json")
    assert list(listed.find_objects(keys)) == ["deliveries/none.json", "slices/fact/v1.json"]
    _keys(listed, "")
    assert list(listed.find_objects(keys)) == ["deliveries/none.json", "slices/fact/v1.json"]


def test_objects_in_no_folder_are_found_in_a_listing_of_everything(store: CountingStore) -> None:
    for key in ("deliveries.csv", "a.csv"):
        store.write(key, b"1")
    listed = listed_until_written(store)
    keys = {"a.csv", "deliveries/a.json", "deliveries.csv", "none.csv"}
    for _ in range(2):
        assert set(listed.find_objects(keys)) == keys - {"none.csv"}
        _keys(listed, "")
    listed.delete("a.csv")
    assert set(listed.find_objects(keys)) == {"deliveries/a.json", "deliveries.csv"}


_PLACES = ("a/1", "a/b/1", "a/b/c/1", "ab/1", "a/.hidden", "top.csv")
_OWN = ("write", "write_new", "delete", "delete_folder")
_OTHERS = ("a job writes a document", "a job writes into a folder", "a job fails")
_USES = ("list", "list through another store", "find", "find some", "read", "open")
_STEPS = st.lists(
    st.tuples(
        st.sampled_from((*_OWN, *_OTHERS, *_USES, *_USES)),
        st.sampled_from(_PLACES),
        st.sampled_from(("", "a", "a/b", "ab")),
    ),
    min_size=15,
    max_size=30,
)


@at_night("few examples find nothing; TEST_PROFILE=nightly runs it")
@given(_STEPS, st.sampled_from((2, 1000)))
@settings(max_examples=current_profile().examples)
def test_whatever_a_run_and_its_jobs_write_the_run_has_what_the_store_has(
    steps: list[tuple[str, str, str]], page: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing_store, "_PAGE", page)
        patch.setattr(listing_store, "SMALL_OBJECTS", page)
        store = RemoteStore(Path(folder))
        run = listed_while_locked(store)
        for number, (step, key, prefix) in enumerate(steps):
            _take(run, store, step, key, prefix, bytes(number % 3 + 1))
    forget_reads()


def _take(run: ObjectStore, store: RemoteStore, step: str, key: str, folder: str, data: bytes) -> None:
    """Let a run or its job write, or compare what the run gets with what the store has."""
    plain = LocalStore(Path(store.root.removeprefix("s3://bucket")))
    match step:
        case "write" | "write_new":
            getattr(run, step)(key, data)
        case "delete":
            run.delete(key)
        case "delete_folder":
            run.delete_folder(folder or "a")
        case "a job writes a document":
            store.write(key, data)
            note_written(run, [key])
        case "a job writes into a folder":
            store.write(f"{folder or 'ab'}/of a job", data)
            note_written(run, [f"{folder or 'ab'}/", "none/", "nor this/"])
        case "a job fails":
            store.delete(key)
            forget_listings(run)
        case "list" | "list through another store":
            listed = run if step == "list" else listed_once.listed_once(run)
            assert list(listed.list_objects(folder)) == list(plain.list_objects(folder))
        case "find":
            assert run.find(key) == plain.find(key)
        case "find some":
            sought = [one for one in _PLACES[::2] if "." not in one] + [key] * ("hidden" not in key)
            assert run.find_objects(sought) == plain.find_objects(sought)
        case _:
            assert _read_by(run, step, key) == _read_by(plain, step, key)


def _read_by(store: ObjectStore, how: str, key: str) -> bytes | None:
    try:
        if how == "read":
            return store.read(key)
        with store.open(key) as stream:
            return stream.read()
    except FileNotFoundError:
        return None
