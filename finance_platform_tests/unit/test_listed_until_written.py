"""A store that lists a folder once until something in it is written through it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from finance_platform.code_version import JobName
from finance_platform.errors import DiskError
from finance_platform.refresh.step_listings import listed_between_jobs
from finance_platform.storage.listed_once import listed_until_written
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import ObjectStore, StoredObject

_FOLDERS = ("", "deliveries", "slices", "slices/fact")


class CountingStore(LocalStore):
    """A store on disk that counts its listings by folder."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.listings: Counter[str] = Counter()

    def list_objects(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        self.listings[prefix] += 1
        return super().list_objects(prefix, after=after)


@pytest.fixture
def store(tmp_path: Path) -> CountingStore:
    store = CountingStore(tmp_path)
    for key in ("deliveries/a.json", "deliveries/b.json", "slices/fact/v1.json", "slices/other.json"):
        store.write(key, b"1")
    return store


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


@pytest.mark.parametrize(
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
def test_after_a_write_every_listing_is_that_of_the_store(
    store: CountingStore, change: Callable[[ObjectStore], None]
) -> None:
    listed = listed_until_written(store)
    for folder in _FOLDERS:
        list(listed.list_objects(folder))
    change(listed)
    for folder in reversed(_FOLDERS):
        assert list(listed.list_objects(folder)) == list(store.list_objects(folder))


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


def test_objects_of_a_folder_that_was_listed_are_found_in_its_listing(store: CountingStore) -> None:
    listed = listed_until_written(store)
    keys = ["deliveries/a.json", "deliveries/none.json", "slices/fact/v1.json"]
    assert list(listed.find_objects(keys)) == ["deliveries/a.json", "slices/fact/v1.json"]
    _keys(listed, "deliveries")
    store.delete("deliveries/a.json")  # by somebody else
    assert list(listed.find_objects(keys)) == ["deliveries/a.json", "slices/fact/v1.json"]
    listed.write("deliveries/none.json", b"3")
    assert list(listed.find_objects(keys)) == ["deliveries/none.json", "slices/fact/v1.json"]
    _keys(listed, "")
    assert list(listed.find_objects(keys)) == ["deliveries/none.json", "slices/fact/v1.json"]
