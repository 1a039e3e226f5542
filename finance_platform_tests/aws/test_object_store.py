"""What every lake does, on disk and on S3 alike.

Belongs here: the port's promises. Does not belong here: what one storage alone has (see `unit/test_local_lake`,
`test_s3_lake`).
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
from finance_platform_tests.unit.factories import decided, delivered


@pytest.fixture(params=["disk", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "disk":
        return LocalStore(tmp_path / "zone")
    return open_store(f"s3://{request.getfixturevalue('bucket')}/zone")


def keys(lake: ObjectStore, prefix: str = "", **values: str) -> list[str]:
    return [item.key for item in lake.list_objects(prefix, **values)]


def race(count: int, run: Callable[[int], bool]) -> list[int]:
    """Let so many threads begin at once; return those that won."""
    won: list[int] = []
    start = threading.Barrier(count)

    def one(number: int) -> None:
        start.wait()
        if run(number):
            won.append(number)

    racers = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    return won


# Listing


def test_a_zone_without_objects_is_empty(lake: ObjectStore):
    assert keys(lake) == []


def test_a_zone_with_an_object_is_there(lake: ObjectStore):
    lake.write("a.csv", b"")
    assert lake.exists()


def test_objects_are_listed_in_the_order_of_their_keys_whatever_folders_they_are_in(lake: ObjectStore):
    names = {"a-b.csv", "a/b.csv", "a/b/c.csv", "a.csv", "B", "ü/x", "ü-", "b c+d%.csv", "a/b-c", "\U0001f600"}
    for key in names:
        lake.write(key, b"")
    assert keys(lake) == sorted(names)


def test_a_prefix_lists_what_is_under_it_with_whole_keys(lake: ObjectStore):
    for key in ("a/1.json", "a/b/2.json", "ab/3.json", "c.json"):
        lake.write(key, b"")
    assert keys(lake, "a") == ["a/1.json", "a/b/2.json"]


def test_a_listing_can_begin_after_a_key(lake: ObjectStore):
    for key in ("a/1", "a/2", "a/3", "b/1"):
        lake.write(key, b"")
    assert keys(lake, after="a/2") == ["a/3", "b/1"]
    assert keys(lake, "a", after="a/2") == ["a/3"]
    assert keys(lake, after="a/2x") == ["a/3", "b/1"], "the key need not be there"


def test_a_name_that_begins_with_an_underscore_is_as_good_as_any(lake: ObjectStore):
    lake.write("_ledger.csv", b"")
    assert keys(lake) == ["_ledger.csv"]


@pytest.mark.parametrize("key", [".hidden.csv", "~$open.xlsx", ".cache/a.csv", "a/.b/c.csv"])
def test_hidden_and_temporary_files_are_left_out(key: str, lake: ObjectStore):
    lake.write(key, b"")
    lake.write("seen.csv", b"")
    assert keys(lake) == ["seen.csv"]


def test_an_object_is_listed_with_its_size_and_its_time_in_utc(lake: ObjectStore):
    lake.write("a.csv", b"12345")
    (item,) = lake.list_objects()
    assert (item.size, item.modified_at.tzinfo) == (5, UTC)
    assert abs(datetime.now(UTC) - item.modified_at) < timedelta(minutes=1)


def test_the_stamp_stays_while_nobody_writes_and_changes_when_somebody_does(lake: ObjectStore):
    lake.write("a.csv", b"1")
    before = list(lake.list_objects())
    assert list(lake.list_objects()) == before
    lake.write("a.csv", b"2")
    (after,) = lake.list_objects()
    assert after.etag != before[0].etag


def test_an_object_is_found_as_the_listing_shows_it(lake: ObjectStore):
    lake.write("a/b.csv", b"x")
    assert [lake.find("a/b.csv")] == list(lake.list_objects())
    assert lake.find("a") is None
    assert lake.find("a/b") is None
    assert lake.find("a/c.csv") is None


# Reading


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 2000], ids=["empty", "small", "in pieces"])
def test_what_was_written_is_read_and_fingerprinted(data: bytes, lake: ObjectStore):
    lake.write("deep/down/a.bin", data)
    with lake.open("deep/down/a.bin") as stream:
        assert stream.read() == lake.read("deep/down/a.bin") == data
    assert lake.fingerprint("deep/down/a.bin") == hashlib.sha256(data).hexdigest()


def test_an_object_is_read_from_anywhere_in_it(lake: ObjectStore):
    data = bytes(range(256)) * 2000
    lake.write("a.bin", data)
    with lake.open("a.bin") as stream:
        stream.seek(-300, io.SEEK_END)
        assert stream.read(100) == data[-300:-200]
        assert stream.tell() == len(data) - 200
        stream.seek(131_000)
        assert stream.read(1000) == data[131_000:132_000], "over the end of the first piece"
        stream.seek(-1000, io.SEEK_CUR)
        assert stream.read(10) == data[131_000:131_010]
        stream.seek(len(data) + 5)
        assert stream.read(10) == b""


def test_lines_are_read_as_text(lake: ObjectStore):
    lines = [f"line {number}\n" for number in range(50_000)]
    lake.write("a.csv", "".join(lines).encode())
    with lake.open("a.csv") as stream:
        assert list(io.TextIOWrapper(stream, "utf-8", newline="")) == lines


def test_parquet_is_read_by_its_footer_and_by_columns(lake: ObjectStore):
    table = pa.table({"a": range(100_000), "b": [str(number) for number in range(100_000)]})
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=20_000)
    lake.write("a.parquet", sink.getvalue())
    with lake.open("a.parquet") as stream:
        file = pq.ParquetFile(stream)
        assert file.metadata.num_rows == 100_000
        assert file.read_row_group(3, columns=["b"]).column("b")[0].as_py() == "60000"
    with lake.open("a.parquet") as stream:
        assert pq.read_table(stream) == table


def test_an_object_at_hand_is_opened_as_often_as_it_is_needed_and_hashed(lake: ObjectStore):
    lake.write("a.csv", b"1,2\n" * 100_000)
    with lake.local_copy("a.csv") as there:
        for _ in range(3):
            with there.open() as stream:
                assert stream.read() == b"1,2\n" * 100_000
        assert there.fingerprint() == lake.fingerprint("a.csv")


@pytest.mark.parametrize(
    "read",
    [
        lambda lake: lake.read("a.csv"),
        lambda lake: lake.open("a.csv"),
        lambda lake: lake.fingerprint("a.csv"),
        lambda lake: lake.local_copy("a.csv").__enter__().fingerprint(),
    ],
    ids=["read", "open", "fingerprint", "local_copy"],
)
def test_what_is_not_there_is_a_file_that_is_not_found(read: Callable[[ObjectStore], object], lake: ObjectStore):
    with pytest.raises(FileNotFoundError) as caught:
        read(lake)
    assert caught.value.strerror


def test_a_reader_sees_the_old_bytes_or_the_new_ones_and_never_a_mixture(lake: ObjectStore):
    texts = [bytes([letter]) * 200_000 for letter in b"ab"]
    lake.write("a.json", texts[0])
    stop = threading.Event()
    seen: set[bytes] = set()

    def look() -> None:
        while not stop.is_set():
            seen.add(lake.read("a.json"))

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(20):
        lake.write("a.json", texts[number % 2])
    stop.set()
    reader.join()
    assert seen
    assert seen <= set(texts)


# Writing


def test_a_write_replaces_the_whole_object(lake: ObjectStore):
    lake.write("a.json", b"a long text")
    lake.write("a.json", b"short")
    assert lake.read("a.json") == b"short"


def test_a_new_object_is_written_once_and_an_existing_one_is_never_touched(lake: ObjectStore):
    assert lake.write_new("a.json", b"first")
    assert not lake.write_new("a.json", b"second")
    assert lake.read("a.json") == b"first"


def test_of_many_writers_of_one_new_object_exactly_one_wins(lake: ObjectStore):
    won = race(8, lambda number: lake.write_new("a.json", str(number).encode()))
    assert [str(number).encode() for number in won] == [lake.read("a.json")]


def test_an_object_is_replaced_while_it_is_what_was_seen(lake: ObjectStore):
    lake.write("a.json", b"first")
    seen = lake.find("a.json")
    assert seen
    assert lake.replace("a.json", b"second", etag=seen.etag)
    assert not lake.replace("a.json", b"third", etag=seen.etag)
    assert lake.read("a.json") == b"second"


def test_what_is_gone_is_not_replaced(lake: ObjectStore):
    lake.write("a.json", b"first")
    seen = lake.find("a.json")
    assert seen
    lake.delete("a.json")
    assert not lake.replace("a.json", b"second", etag=seen.etag)
    assert lake.find("a.json") is None


def test_of_many_who_replace_what_they_saw_exactly_one_does(lake: ObjectStore):
    lake.write("a.json", b"first")
    seen = lake.find("a.json")
    assert seen
    won = race(8, lambda number: lake.replace("a.json", str(number).encode(), etag=seen.etag))
    assert [str(number).encode() for number in won] == [lake.read("a.json")]


def test_the_register_numbers_its_documents_and_gives_those_after_a_number(lake: ObjectStore):
    register = Register(lake)
    for number in range(3):
        register.append([decided("accepted", delivered(f"file {number}"))])
    assert register.length() == 3
    assert [event.object_key for event in register.events(after=2)] == ["file 2"]  # type: ignore[union-attr]
    assert len(register.events()) == 3


# Removing


def test_removing_a_folder_removes_all_in_it_and_nothing_beside_it(lake: ObjectStore):
    for key in ("a/1", "a/b/2", "a/.hidden", "ab/3"):
        lake.write(key, b"")
    lake.delete_folder("a")
    assert keys(lake) == ["ab/3"]
    assert lake.find("a/.hidden") is None


def test_removing_what_is_not_there_does_nothing(lake: ObjectStore):
    lake.write("a.csv", b"x")
    lake.delete_folder("a")
    lake.delete("b.csv")
    lake.delete("no/such/folder.csv")
    assert keys(lake) == ["a.csv"]
