"""The lake on disk, where it is no other than disk: files in the midst of being written, links, what is left behind.

Belongs here: what only a file system has. Does not belong here: what every lake does (see `aws/test_s3_and_disk`).
"""

from __future__ import annotations

import hashlib
import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.errors import HomeError
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import STABLE_AFTER, StoredObject
from finance_platform_tests.unit.factories import write


@pytest.fixture
def lake(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "zone")


def keys(lake: LocalStore, prefix: str = "") -> list[str]:
    return [item.key for item in lake.list_objects(prefix)]


def everything_in(folder: Path) -> list[str]:
    """Every file, hidden ones too."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """Let writes beyond `size` bytes fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def temporary_lake() -> Iterator[LocalStore]:
    """An empty lake for one example of a law."""
    with tempfile.TemporaryDirectory() as folder:
        yield LocalStore(folder)


# Listing


part = st.sampled_from(["a", "a.csv", "a-b", "b", "ü", "B"])


@given(st.sets(st.lists(part, min_size=1, max_size=3).map("/".join), max_size=8))
def test_objects_are_listed_in_the_order_of_their_keys_whatever_folders_they_are_in(names: set[str]) -> None:
    files = {name for name in names if not any(other.startswith(f"{name}/") for other in names)}
    with temporary_lake() as lake:
        for key in files:
            write(Path(lake.root) / key, "")
        assert keys(lake) == sorted(files)


def test_a_file_is_settled_once_nobody_has_written_to_it_for_a_while(lake: LocalStore) -> None:
    lake.write("a.csv", b"")
    (item,) = lake.list_objects()
    assert item.written_at
    assert not item.is_stable(item.written_at + STABLE_AFTER / 2)
    assert item.is_stable(item.written_at + STABLE_AFTER)


def test_a_storage_whose_clock_is_ahead_keeps_no_file_waiting_for_ever(lake: LocalStore) -> None:
    lake.write("a.csv", b"")
    (item,) = lake.list_objects()
    assert item.written_at
    assert item.is_stable(item.written_at - 2 * STABLE_AFTER)


def test_an_object_that_appears_whole_is_settled_at_once() -> None:
    now = datetime.now(UTC)
    assert StoredObject("a.csv", 1, now, "stamp").is_stable(now)


@pytest.mark.parametrize("key", [".hidden.csv", "~$open.xlsx", ".cache/a.csv", "a/.b/c.csv"])
def test_hidden_and_temporary_files_are_left_out(key: str, lake: LocalStore) -> None:
    write(Path(lake.root) / key, "")
    lake.write("seen.csv", b"")
    assert keys(lake) == ["seen.csv"]


def test_an_object_is_listed_with_its_size_and_its_time_in_utc(lake: LocalStore) -> None:
    path = write(Path(lake.root) / "a.csv", "12345")
    os.utime(path, (1_735_689_600, 1_735_689_600))
    (item,) = lake.list_objects()
    assert (item.size, item.modified_at) == (5, datetime(2025, 1, 1, tzinfo=UTC))


def test_the_stamp_changes_even_where_size_and_time_are_set_back(lake: LocalStore) -> None:
    path = write(Path(lake.root) / "a.csv", "old")
    before = path.stat()
    (old,) = lake.list_objects()
    path.write_text("new")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    (new,) = lake.list_objects()
    assert (old.size, old.modified_at) == (new.size, new.modified_at)
    assert old.etag != new.etag


def test_a_link_that_leads_nowhere_is_listed_and_cannot_be_opened(lake: LocalStore) -> None:
    lake.write("b.csv", b"")
    (Path(lake.root) / "a.csv").symlink_to("nowhere.csv")
    assert keys(lake) == ["a.csv", "b.csv"]
    with pytest.raises(OSError, match="No such file"):
        lake.open("a.csv")


def test_an_object_that_vanishes_during_the_listing_is_left_out(lake: LocalStore) -> None:
    for key in ("a.csv", "b.csv", "c.csv"):
        lake.write(key, b"")
    listing = lake.list_objects()
    first = next(listing)
    (Path(lake.root) / "b.csv").unlink()
    assert [first.key, *(item.key for item in listing)] == ["a.csv", "c.csv"]


def test_a_folder_that_cannot_be_listed_is_an_error_and_not_an_empty_zone(tmp_path: Path) -> None:
    # A file in the folder's place cannot be listed by root either.
    write(tmp_path / "zone", "")
    with pytest.raises(HomeError) as caught:
        keys(LocalStore(tmp_path / "zone"))
    assert caught.value.found.startswith(f"cannot list {tmp_path / 'zone'}: ")
    assert caught.value.fix


# Reading


@given(st.binary(max_size=200))
def test_what_was_written_is_read_and_fingerprinted(data: bytes) -> None:
    with temporary_lake() as lake:
        lake.write("deep/down/a.bin", data)
        with lake.open("deep/down/a.bin") as stream:
            assert stream.read() == lake.read("deep/down/a.bin") == data
        assert lake.fingerprint("deep/down/a.bin") == hashlib.sha256(data).hexdigest()


def test_an_address_is_an_absolute_path(lake: LocalStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert LocalStore("zone").uri("a/b.csv") == lake.uri("a/b.csv") == str(tmp_path / "zone" / "a" / "b.csv")


# Writing


def test_a_write_leaves_nothing_beside_the_object(lake: LocalStore) -> None:
    lake.write("a.json", b"1")
    lake.write_new("b.json", b"2")
    lake.write_new("b.json", b"3")
    assert everything_in(Path(lake.root)) == ["a.json", "b.json"]


@pytest.mark.parametrize("method", ["write", "write_new"])
def test_a_write_that_fails_half_way_leaves_the_old_object_and_no_partial_file(method: str, lake: LocalStore) -> None:
    lake.write("a.json", b"old")
    with files_limited_to(1000), pytest.raises(OSError, match="File too large"):
        getattr(lake, method)("a.json", b"x" * 100_000)
    assert everything_in(Path(lake.root)) == ["a.json"]
    assert lake.read("a.json") == b"old"


def test_a_write_to_the_place_of_a_folder_fails_and_leaves_no_partial_file(lake: LocalStore) -> None:
    lake.write("a/b.json", b"")
    with pytest.raises(OSError, match="directory"):
        lake.write("a", b"data")
    assert everything_in(Path(lake.root)) == ["a/b.json"]


def test_a_zone_that_cannot_be_written_to_is_an_error_with_a_fix(tmp_path: Path) -> None:
    write(tmp_path / "zone", "a file where the folder should be")
    with pytest.raises(HomeError) as caught:
        LocalStore(tmp_path / "zone").write("a/b.json", b"")
    assert str(tmp_path / "zone" / "a" / "b.json") in caught.value.found
    assert "--home" in caught.value.fix


def test_what_is_deleted_is_gone_with_the_folders_that_it_leaves_empty(lake: LocalStore) -> None:
    for key in ("a/b/c/1.parquet", "a/2.parquet"):
        lake.write(key, b"x")
    lake.delete("a/b/c/1.parquet")
    assert keys(lake) == ["a/2.parquet"]
    assert not (Path(lake.root) / "a" / "b").exists()
    lake.delete("a/2.parquet")
    assert everything_in(Path(lake.root)) == []
    assert Path(lake.root).is_dir()


def test_the_checksum_that_spark_hides_beside_a_file_goes_with_it(lake: LocalStore) -> None:
    lake.write("t/part.parquet", b"x")
    write(Path(lake.root) / "t" / ".part.parquet.crc", b"c")
    lake.delete("t/part.parquet")
    assert everything_in(Path(lake.root)) == []
