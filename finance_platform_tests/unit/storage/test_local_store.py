"""The object store on disk: incomplete files, links, temporary files.

Belongs here: what is particular to a file system, what is synced when. Does not belong here: what every store does (see
`aws/test_object_store`).
"""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.errors import HomeError, UnreadableObjectError
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import STABLE_AFTER, StoredObject
from finance_platform_tests.unit.factories import write


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "zone")


def keys(store: LocalStore, prefix: str = "") -> list[str]:
    return [item.key for item in store.list_objects(prefix)]


def everything_in(folder: Path) -> list[str]:
    """Every file, hidden ones too."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """Make writes beyond `size` bytes fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def temporary_store() -> Iterator[LocalStore]:
    """An empty store for one example."""
    with tempfile.TemporaryDirectory() as folder:
        yield LocalStore(folder)


# Listing


part = st.sampled_from(["a", "a.csv", "a-b", "b", "ü", "B"])


@given(st.sets(st.lists(part, min_size=1, max_size=3).map("/".join), max_size=8))
def test_objects_are_listed_in_the_order_of_their_keys_across_folders(names: set[str]) -> None:
    files = {name for name in names if not any(other.startswith(f"{name}/") for other in names)}
    with temporary_store() as store:
        for key in files:
            write(Path(store.root) / key, "")
        assert keys(store) == sorted(files)


def test_a_file_is_stable_some_time_after_its_last_write(store: LocalStore) -> None:
    store.write("a.csv", b"")
    (item,) = store.list_objects()
    assert item.written_at
    assert not item.is_stable(item.written_at + STABLE_AFTER / 2)
    assert item.is_stable(item.written_at + STABLE_AFTER)


def test_a_file_of_a_store_whose_clock_is_ahead_is_stable(store: LocalStore) -> None:
    store.write("a.csv", b"")
    (item,) = store.list_objects()
    assert item.written_at
    assert item.is_stable(item.written_at - 2 * STABLE_AFTER)


def test_an_object_that_appears_whole_is_stable_at_once() -> None:
    now = datetime.now(UTC)
    assert StoredObject("a.csv", 1, now.timestamp(), "etag").is_stable(now)


@pytest.mark.parametrize("key", [".hidden.csv", "~$open.xlsx", ".cache/a.csv", "a/.b/c.csv"])
def test_hidden_and_temporary_files_are_left_out(key: str, store: LocalStore) -> None:
    write(Path(store.root) / key, "")
    store.write("seen.csv", b"")
    assert keys(store) == ["seen.csv"]


def test_an_object_is_listed_with_its_size_and_its_utc_time(store: LocalStore) -> None:
    path = write(Path(store.root) / "a.csv", "12345")
    os.utime(path, (1_735_689_600, 1_735_689_600))
    (item,) = store.list_objects()
    assert (item.size, item.modified_at) == (5, datetime(2025, 1, 1, tzinfo=UTC))


def test_the_etag_changes_even_if_size_and_time_are_reset(store: LocalStore) -> None:
    path = write(Path(store.root) / "a.csv", "old")
    before = path.stat()
    (old,) = store.list_objects()
    path.write_text("new")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    (new,) = store.list_objects()
    assert (old.size, old.modified_at) == (new.size, new.modified_at)
    assert old.etag != new.etag


def test_a_listing_looks_at_each_file_again(store: LocalStore) -> None:
    for name in ("changed", "grown", "kept", "linked", "removed", "replaced", "touched"):
        store.write(f"folder/{name}.csv", b"first")
    before = {item.key: item for item in store.list_objects()}
    folder = Path(store.root) / "folder"
    (folder / "added.csv").write_bytes(b"other")
    (folder / "changed.csv").write_bytes(b"other")
    (folder / "grown.csv").write_bytes(b"longer")
    (folder / "linked.csv").unlink()
    (folder / "linked.csv").symlink_to("nowhere")
    (folder / "removed.csv").unlink()
    store.write("folder/replaced.csv", b"other")
    os.utime(folder / "touched.csv", (before["folder/touched.csv"].modified_at.timestamp(),) * 2)
    after = {item.key: item for item in store.list_objects()}
    described = {key: store.find(key) for key in after}

    assert after == described
    assert after.keys() == before.keys() - {"folder/removed.csv"} | {"folder/added.csv"}
    assert [key for key in before if after.get(key) == before[key]] == ["folder/kept.csv"]
    assert after["folder/kept.csv"] is before["folder/kept.csv"]


def test_a_listing_of_more_files_than_are_kept_is_complete(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finance_platform.storage.local.MOST_KNOWN", 2)
    for name in ("a", "b", "c", "d"):
        store.write(name, b"first")
    before = list(store.list_objects())
    store.write("a", b"other")
    store.write("d", b"other")
    after = list(store.list_objects())

    assert after == [store.find(name) for name in ("a", "b", "c", "d")]
    assert [new is old for new, old in zip(after, before, strict=True)] == [False, True, False, False]


def test_a_dangling_link_is_listed_and_cannot_be_opened(store: LocalStore) -> None:
    store.write("b.csv", b"")
    (Path(store.root) / "a.csv").symlink_to("nowhere.csv")
    assert keys(store) == ["a.csv", "b.csv"]
    with pytest.raises(OSError, match="No such file"):
        store.open("a.csv")


def test_what_is_no_plain_file_is_listed_with_the_reason_and_never_opened(store: LocalStore) -> None:
    root = Path(store.root)
    root.mkdir()
    os.mkfifo(root / "pipe.csv")
    (root / "outside.csv").symlink_to("/etc/passwd")
    (root / "folder.csv").mkdir()
    (root / "empty").mkdir()
    (root / "disk").symlink_to("/usr")
    assert {item.key: item.refusal and item.refusal.reason.split(", ")[0] for item in store.list_objects()} == {
        "disk": "it is a link to '/usr'",
        "folder.csv/": "it is a folder",
        "outside.csv": "it is a link to '/etc/passwd'",
        "pipe.csv": "it is a named pipe (FIFO)",
    }
    for read in (store.open, store.read, store.fingerprint, lambda key: store.local_copy(key).__enter__().open()):
        for key in ("pipe.csv", "outside.csv"):
            with pytest.raises(UnreadableObjectError):
                read(key)


def test_what_is_refused_has_the_same_etag_until_it_is_replaced(store: LocalStore) -> None:
    path = Path(store.root) / "a.csv"
    path.parent.mkdir()
    os.mkfifo(path)
    before = store.find("a.csv")
    os.utime(path, (1, 1))
    assert before
    assert store.find("a.csv") == before._replace(modified=1.0)
    path.unlink()
    path.write_text("a plain file")
    after = store.find("a.csv")
    assert after
    assert after.etag != before.etag
    assert after.refusal is None


def test_the_files_of_a_linked_folder_are_listed_once_and_where_they_are(store: LocalStore) -> None:
    store.write("2025/a.csv", b"a")
    (Path(store.root) / "latest").symlink_to("2025")
    (Path(store.root) / "cycle").symlink_to(".")
    (Path(store.root) / "link.csv").symlink_to("2025/a.csv")
    assert keys(store) == ["2025/a.csv", "link.csv"]
    assert (store.read("link.csv"), store.read("latest/a.csv")) == (b"a", b"a")


def test_an_object_that_is_removed_during_the_listing_is_left_out(store: LocalStore) -> None:
    for key in ("a.csv", "b.csv", "c.csv"):
        store.write(key, b"")
    listing = store.list_objects()
    first = next(listing)
    (Path(store.root) / "b.csv").unlink()
    assert [first.key, *(item.key for item in listing)] == ["a.csv", "c.csv"]


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    # A file in the folder's place cannot be listed by root either.
    write(tmp_path / "zone", "")
    with pytest.raises(HomeError) as caught:
        keys(LocalStore(tmp_path / "zone"))
    assert caught.value.found.startswith(f"cannot list {tmp_path / 'zone'}: ")
    assert caught.value.fix


# Reading


@given(st.binary(max_size=200))
def test_written_bytes_are_read_and_fingerprinted(data: bytes) -> None:
    with temporary_store() as store:
        store.write("deep/down/a.bin", data)
        with store.open("deep/down/a.bin") as stream:
            assert stream.read() == store.read("deep/down/a.bin") == data
        assert store.fingerprint("deep/down/a.bin") == hashlib.sha256(data).hexdigest()


def test_an_address_is_an_absolute_path(store: LocalStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert LocalStore("zone").uri("a/b.csv") == store.uri("a/b.csv") == str(tmp_path / "zone" / "a" / "b.csv")


# Writing


def test_a_write_leaves_no_temporary_file(store: LocalStore) -> None:
    store.write("a.json", b"1")
    store.write_new("b.json", b"2")
    store.write_new("b.json", b"3")
    assert everything_in(Path(store.root)) == ["a.json", "b.json"]


@pytest.mark.parametrize("method", ["write", "write_new"])
def test_a_failed_write_leaves_the_old_object_and_no_partial_file(method: str, store: LocalStore) -> None:
    store.write("a.json", b"old")
    with files_limited_to(1000), pytest.raises(OSError, match="File too large"):
        getattr(store, method)("a.json", b"x" * 100_000)
    assert everything_in(Path(store.root)) == ["a.json"]
    assert store.read("a.json") == b"old"


def test_a_write_to_the_key_of_a_folder_fails_and_leaves_no_partial_file(store: LocalStore) -> None:
    store.write("a/b.json", b"")
    with pytest.raises(OSError, match="directory"):
        store.write("a", b"data")
    assert everything_in(Path(store.root)) == ["a/b.json"]


def test_a_store_that_is_not_writable_is_an_error_with_a_fix(tmp_path: Path) -> None:
    write(tmp_path / "zone", "a file where the folder should be")
    with pytest.raises(HomeError) as caught:
        LocalStore(tmp_path / "zone").write("a/b.json", b"")
    assert str(tmp_path / "zone" / "a" / "b.json") in caught.value.found
    assert "move it away" in caught.value.fix


@pytest.mark.parametrize(
    ("number", "fix"),
    [
        (errno.ENOSPC, "free space"),
        (errno.EDQUOT, "your quota is used up"),
        (errno.EROFS, "mount the file system writable"),
        (errno.EACCES, "make the folder writable"),
        (errno.EIO, "check the disk"),
        (errno.EMFILE, "ulimit -n"),
    ],
)
@pytest.mark.parametrize("call", ["write", "write_new", "replace", "delete", "sync"])
def test_an_error_of_the_disk_is_a_sentence_with_the_path_and_a_fix(
    call: str, number: int, fix: str, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write("a.json", b"old")
    etag = next(store.list_objects()).etag

    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    calls: dict[str, Callable[[], object]] = {
        "write": lambda: store.write("a.json", b"new"),
        "write_new": lambda: store.write_new("b.json", b"new"),
        "replace": lambda: store.replace("a.json", b"new", etag=etag),
        "delete": lambda: store.delete("a.json"),
        "sync": lambda: store.sync(["a.json"]),
    }
    with pytest.raises(HomeError) as caught:
        calls[call]()
    assert store.root in caught.value.found
    assert os.strerror(number) in caught.value.found
    assert caught.value.fix.startswith(fix) or fix in caught.value.fix
    assert everything_in(Path(store.root)) == ([] if call == "delete" else ["a.json"])


def test_an_error_of_reading_a_document_names_its_path_and_a_fix(store: LocalStore) -> None:
    (Path(store.root) / "a.json").mkdir(parents=True)
    with pytest.raises(UnreadableObjectError) as caught:
        store.read("a.json")
    assert str(Path(store.root) / "a.json") in caught.value.found
    assert caught.value.fix


# Durability


@contextmanager
def recorded_syncs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """Record the path of each file and folder that is synced, in order."""
    synced: list[Path] = []
    real_fsync = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        real_fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        yield synced


def test_files_of_another_program_are_synced_before_each_folder_once(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(store.root)
    names = ["t/1/split_by=a/x.parquet", "t/1/split_by=b/x.parquet", "t/1/split_by=b/y.parquet"]
    for name in names:
        write(root / name, "rows")
    with recorded_syncs(monkeypatch) as synced:
        store.sync(names)
    assert sorted(synced[:3]) == [root / name for name in names]
    folders = ["t/1/split_by=a", "t/1/split_by=b", "t/1", "t", "", ".."]
    assert sorted(synced[3:]) == sorted((root / folder).resolve() for folder in folders)


def test_a_write_syncs_the_content_then_the_name(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write("deliveries/a.json", b"1")
    folder = Path(store.root) / "deliveries"
    for write_it in (store.write, store.write_new):
        with recorded_syncs(monkeypatch) as synced:
            write_it(f"deliveries/{write_it.__name__}.json", b"2")
        content, name = synced
        assert content.name.startswith(".writing-")
        assert name == folder


def test_the_names_of_new_folders_are_synced_and_those_that_a_killed_process_created(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(store.root)
    (root / "slices").mkdir(parents=True)
    with recorded_syncs(monkeypatch) as synced:
        store.write("slices/fact/2025-01/v.json", b"1")
    names_of = {root.parent, root, root / "slices", root / "slices" / "fact"}
    assert names_of <= set(synced[: len(names_of)]), "before the document itself"
    assert synced[-1] == root / "slices" / "fact" / "2025-01"


def test_a_removal_is_durable_before_the_next_one(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("deliveries/a.json", "deliveries/b.json"):
        store.write(key, b"1")
    with recorded_syncs(monkeypatch) as synced:
        store.delete("deliveries/a.json")
    assert synced == [Path(store.root) / "deliveries"]


def test_a_file_system_that_cannot_sync_a_folder_is_usable(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    real_fsync = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        real_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    store.write("a/b.json", b"1")
    assert store.read("a/b.json") == b"1"


def test_deleting_the_last_file_of_a_folder_removes_the_folder(store: LocalStore) -> None:
    for key in ("a/b/c/1.parquet", "a/2.parquet"):
        store.write(key, b"x")
    store.delete("a/b/c/1.parquet")
    assert keys(store) == ["a/2.parquet"]
    assert not (Path(store.root) / "a" / "b").exists()
    store.delete("a/2.parquet")
    assert everything_in(Path(store.root)) == []
    assert Path(store.root).is_dir()


def test_the_hidden_checksum_of_spark_is_deleted_with_its_file(store: LocalStore) -> None:
    store.write("t/part.parquet", b"x")
    write(Path(store.root) / "t" / ".part.parquet.crc", b"c")
    store.delete("t/part.parquet")
    assert everything_in(Path(store.root)) == []
