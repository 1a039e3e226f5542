"""The object store's contract, on disk and on S3.

Belongs here: what the port promises. Does not belong here: what is particular to one adapter (see
`unit/storage/test_local_store`, `test_s3_store`).
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.deliveries.register import Register
from finance_platform.storage.factory import open_store
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import ObjectStore
from finance_platform_tests.unit.factories import decision_on, delivered


@pytest.fixture(params=["disk", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "disk":
        return LocalStore(tmp_path / "zone")
    return open_store(f"s3://{request.getfixturevalue('bucket')}/zone")


def keys(store: ObjectStore, prefix: str = "", **values: str) -> list[str]:
    return [item.key for item in store.list_objects(prefix, **values)]


def race(count: int, run: Callable[[int], bool]) -> list[int]:
    """Start this many threads at once; return the numbers of those whose `run` returned True."""
    winners: list[int] = []
    start = threading.Barrier(count)

    def race_one(number: int) -> None:
        start.wait()
        if run(number):
            winners.append(number)

    racers = [threading.Thread(target=race_one, args=(number,)) for number in range(count)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    return winners


# Listing


def test_of_some_objects_those_that_exist_are_found(store: ObjectStore):
    names = [f"{folder}/{number:03d}.json" for folder in ("a", "a-b", "b") for number in range(120)]
    for name in names[::40]:
        store.write(name, name.encode())
    store.write("a/000.json.txt", b"another name")
    found = store.find_objects(names)
    assert sorted(found) == sorted(names[::40])
    assert all(item == store.find(key) for key, item in found.items())
    assert store.find_objects([]) == {}


def test_a_new_store_is_empty(store: ObjectStore):
    assert keys(store) == []


def test_a_store_with_an_object_exists(store: ObjectStore):
    store.write("a.csv", b"")
    assert store.exists()


def test_objects_are_listed_in_the_order_of_their_keys_across_folders(store: ObjectStore):
    names = {"a-b.csv", "a/b.csv", "a/b/c.csv", "a.csv", "B", "ü/x", "ü-", "b c+d%.csv", "a/b-c", "\U0001f600"}
    for key in names:
        store.write(key, b"")
    assert keys(store) == sorted(names)


def test_a_prefix_lists_the_objects_of_a_folder_with_full_keys(store: ObjectStore):
    for key in ("a/1.json", "a/b/2.json", "ab/3.json", "c.json"):
        store.write(key, b"")
    assert keys(store, "a") == ["a/1.json", "a/b/2.json"]


def test_a_listing_can_start_after_a_key(store: ObjectStore):
    for key in ("a/1", "a/2", "a/3", "b/1"):
        store.write(key, b"")
    assert keys(store, after="a/2") == ["a/3", "b/1"]
    assert keys(store, "a", after="a/2") == ["a/3"]
    assert keys(store, after="a/2x") == ["a/3", "b/1"], "the key need not exist"


def test_a_name_that_begins_with_an_underscore_is_listed(store: ObjectStore):
    store.write("_ledger.csv", b"")
    assert keys(store) == ["_ledger.csv"]


@pytest.mark.parametrize("key", [".hidden.csv", "~$open.xlsx", ".cache/a.csv", "a/.b/c.csv"])
def test_hidden_and_temporary_files_are_left_out(key: str, store: ObjectStore):
    store.write(key, b"")
    store.write("visible.csv", b"")
    assert keys(store) == ["visible.csv"]


def test_an_object_is_listed_with_its_size_and_its_utc_time(store: ObjectStore):
    store.write("a.csv", b"12345")
    (item,) = store.list_objects()
    assert (item.size, item.modified_at.tzinfo) == (5, UTC)
    assert abs(datetime.now(UTC) - item.modified_at) < timedelta(minutes=1)


def test_the_etag_changes_with_each_write_and_only_then(store: ObjectStore):
    store.write("a.csv", b"1")
    before = list(store.list_objects())
    assert list(store.list_objects()) == before
    store.write("a.csv", b"2")
    (after,) = store.list_objects()
    assert after.etag != before[0].etag


def test_find_and_the_listing_return_the_same_object(store: ObjectStore):
    store.write("a/b.csv", b"x")
    assert [store.find("a/b.csv")] == list(store.list_objects())
    assert store.find("a") is None
    assert store.find("a/b") is None
    assert store.find("a/c.csv") is None


# Reading


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 2000], ids=["empty", "small", "in pieces"])
def test_written_bytes_are_read_and_fingerprinted(data: bytes, store: ObjectStore):
    store.write("deep/down/a.bin", data)
    with store.open("deep/down/a.bin") as stream:
        assert stream.read() == store.read("deep/down/a.bin") == data
    assert store.fingerprint("deep/down/a.bin") == hashlib.sha256(data).hexdigest()


def test_a_stream_can_seek(store: ObjectStore):
    data = bytes(range(256)) * 2000
    store.write("a.bin", data)
    with store.open("a.bin") as stream:
        stream.seek(-300, io.SEEK_END)
        assert stream.read(100) == data[-300:-200]
        assert stream.tell() == len(data) - 200
        stream.seek(131_000)
        assert stream.read(1000) == data[131_000:132_000], "across the end of the first piece"
        stream.seek(-1000, io.SEEK_CUR)
        assert stream.read(10) == data[131_000:131_010]
        stream.seek(len(data) + 5)
        assert stream.read(10) == b""


def test_lines_are_read_as_text(store: ObjectStore):
    lines = [f"line {number}\n" for number in range(50_000)]
    store.write("a.csv", "".join(lines).encode())
    with store.open("a.csv") as stream:
        assert list(io.TextIOWrapper(stream, "utf-8", newline="")) == lines


def test_parquet_is_read_by_footer_and_column(store: ObjectStore):
    table = pa.table({"a": range(100_000), "b": [str(number) for number in range(100_000)]})
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=20_000)
    store.write("a.parquet", sink.getvalue())
    with store.open("a.parquet") as stream:
        file = pq.ParquetFile(stream)
        assert file.metadata.num_rows == 100_000
        assert file.read_row_group(3, columns=["b"]).column("b")[0].as_py() == "60000"
    with store.open("a.parquet") as stream:
        assert pq.read_table(stream) == table


def test_a_local_copy_is_opened_several_times_and_fingerprinted(store: ObjectStore):
    store.write("a.csv", b"1,2\n" * 100_000)
    with store.local_copy("a.csv") as copy:
        for _ in range(3):
            with copy.open() as stream:
                assert stream.read() == b"1,2\n" * 100_000
        assert copy.fingerprint() == store.fingerprint("a.csv")


@pytest.mark.parametrize(
    "read",
    [
        lambda store: store.read("a.csv"),
        lambda store: store.open("a.csv"),
        lambda store: store.fingerprint("a.csv"),
        lambda store: store.local_copy("a.csv").__enter__().fingerprint(),
    ],
    ids=["read", "open", "fingerprint", "local_copy"],
)
def test_a_missing_object_is_a_file_not_found_error(read: Callable[[ObjectStore], object], store: ObjectStore):
    with pytest.raises(FileNotFoundError) as caught:
        read(store)
    assert caught.value.strerror


def test_a_concurrent_reader_sees_the_old_bytes_or_the_new_ones(store: ObjectStore):
    texts = [bytes([letter]) * 200_000 for letter in b"ab"]
    store.write("a.json", texts[0])
    stop = threading.Event()
    texts_read: set[bytes] = set()

    def read_repeatedly() -> None:
        while not stop.is_set():
            texts_read.add(store.read("a.json"))

    reader = threading.Thread(target=read_repeatedly)
    reader.start()
    for number in range(20):
        store.write("a.json", texts[number % 2])
    stop.set()
    reader.join()
    assert texts_read
    assert texts_read <= set(texts)


# Writing


def test_a_write_replaces_the_object(store: ObjectStore):
    store.write("a.json", b"a long text")
    store.write("a.json", b"short")
    assert store.read("a.json") == b"short"


def test_write_new_leaves_an_existing_object_unchanged(store: ObjectStore):
    assert store.write_new("a.json", b"first")
    assert not store.write_new("a.json", b"second")
    assert store.read("a.json") == b"first"


def test_of_concurrent_writers_of_a_new_object_exactly_one_wins(store: ObjectStore):
    winners = race(8, lambda number: store.write_new("a.json", str(number).encode()))
    assert [str(number).encode() for number in winners] == [store.read("a.json")]


def test_an_object_is_replaced_if_it_has_the_same_etag(store: ObjectStore):
    store.write("a.json", b"first")
    item = store.find("a.json")
    assert item
    assert store.replace("a.json", b"second", etag=item.etag)
    assert not store.replace("a.json", b"third", etag=item.etag)
    assert store.read("a.json") == b"second"


def test_bytes_are_replaced_only_in_the_version_that_was_read_with_its_etag(store: ObjectStore):
    store.write("a.json", b"first")
    data, etag = store.read_version("a.json")
    assert data == b"first"
    assert store.replace("a.json", b"second", etag=etag)
    assert not store.replace("a.json", b"third", etag=etag)
    assert store.read("a.json") == b"second"
    with pytest.raises(FileNotFoundError):
        store.read_version("none.json")


def test_a_deleted_object_is_not_replaced(store: ObjectStore):
    store.write("a.json", b"first")
    item = store.find("a.json")
    assert item
    store.delete("a.json")
    assert not store.replace("a.json", b"second", etag=item.etag)
    assert store.find("a.json") is None


def test_of_concurrent_replacements_exactly_one_wins(store: ObjectStore):
    store.write("a.json", b"first")
    item = store.find("a.json")
    assert item
    winners = race(8, lambda number: store.replace("a.json", str(number).encode(), etag=item.etag))
    assert [str(number).encode() for number in winners] == [store.read("a.json")]


def test_the_register_counts_its_documents_and_returns_events_after_a_number(store: ObjectStore):
    register = Register(store)
    for number in range(3):
        register.append([decision_on("accepted", delivered(f"file {number}"))])
    assert register.length() == 3
    assert [event.object_key for event in register.events_after(2)] == ["file 2"]  # type: ignore[union-attr]
    assert len(register.events()) == 3


# Deleting


def test_deleting_a_folder_deletes_its_objects_and_no_others(store: ObjectStore):
    for key in ("a/1", "a/b/2", "a/.hidden", "ab/3"):
        store.write(key, b"")
    store.delete_folder("a")
    assert keys(store) == ["ab/3"]
    assert store.find("a/.hidden") is None


def test_deleting_a_missing_object_has_no_effect(store: ObjectStore):
    store.write("a.csv", b"x")
    store.delete_folder("a")
    store.delete("b.csv")
    store.delete("no/such/folder.csv")
    assert keys(store) == ["a.csv"]
