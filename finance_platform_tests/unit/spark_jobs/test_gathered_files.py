"""Gathered files: rows of many small Parquet files in a few, under one contract, in bounded memory."""

from __future__ import annotations

import io
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from finance_platform.contracts.model import MONEY, Column
from finance_platform.contracts.schemas import contract_columns, parquet_columns
from finance_platform.deliveries.commits import DataFile
from finance_platform.errors import DamagedObjectError
from finance_platform.spark_jobs import gathered_files
from finance_platform.spark_jobs.gathered_files import FEW_FILES, MOST_BYTES, SMALL_BYTES, files_to_gather, gather_files
from finance_platform.storage.bulk_read import find_many
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import ObjectStore

COLUMNS = (
    Column("delivery_id", "varchar", "The delivery."),
    Column("line", "bigint", "The line."),
    Column("amount", MONEY, "The amount."),
    Column("note", "varchar", "A column that files of an earlier release lack.", nullable=True),
)
REMOTE = cast(ObjectStore, SimpleNamespace(root="s3://processed/zone"))


class CountingStore(LocalStore):
    """A folder that lists what was read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reads: list[str] = []

    def read(self, key: str) -> bytes:
        self.reads.append(key)
        return super().read(key)


@pytest.fixture
def store(tmp_path: Path) -> CountingStore:
    return CountingStore(tmp_path)


def test_each_file_is_read_once_and_its_rows_are_gathered_in_order(store: CountingStore):
    files = [_file(store, f"D{number}", [1, 2, 3]) for number in range(9)]
    keys = gather_files(store, files, COLUMNS, store, "staging/lines")
    assert keys == ["staging/lines/part-00000.parquet"]
    assert store.reads == [file.key for file in files]
    assert _rows(store, keys).to_pylist() == [
        {"delivery_id": f"D{number}", "line": line, "amount": Decimal(line), "note": f"note {line}"}
        for number in range(9)
        for line in (1, 2, 3)
    ]


def test_the_gathered_file_has_the_columns_and_types_of_the_contract_alone(store: CountingStore):
    rows = {"extra": ["x"], "note": ["n"], "amount": ["2.50"], "line": pa.array([7], pa.int32()), "delivery_id": ["D"]}
    keys = gather_files(store, [_write(store, "old", pa.table(rows))], COLUMNS, store, "staging/lines")
    assert parquet_columns(io.BytesIO(store.read(keys[0]))) == contract_columns(COLUMNS)
    assert _rows(store, keys).to_pylist() == [{"delivery_id": "D", "line": 7, "amount": Decimal("2.50"), "note": "n"}]


def test_a_column_that_a_file_of_an_earlier_release_lacks_is_null(store: CountingStore):
    earlier = _write(store, "earlier", _table("D1", [1]).drop_columns(["note"]))
    keys = gather_files(store, [earlier, _file(store, "D2", [2])], COLUMNS, store, "staging/lines")
    assert _rows(store, keys)["note"].to_pylist() == [None, "note 2"]


def test_rows_are_selected_by_file_before_they_are_put_together(store: CountingStore):
    shared, later = _file(store, "D1", [1, 2], name="shared"), _file(store, "D1", [1, 3], name="later")

    def select(file: DataFile, rows: pa.Table) -> pa.Table:
        return rows if file == later else rows.filter(pc.not_equal(rows["line"], 1))

    keys = gather_files(store, [shared, later], COLUMNS, store, "staging/lines", select)
    assert _rows(store, keys)["line"].to_pylist() == [2, 1, 3]


def test_no_rows_give_no_file(store: CountingStore):
    files = [_file(store, "D1", [1]), _file(store, "D2", [])]
    assert gather_files(store, files, COLUMNS, store, "a", lambda _, rows: rows.slice(0, 0)) == []
    assert gather_files(store, [], COLUMNS, store, "b") == []


def test_rows_beyond_the_limits_are_in_more_row_groups_and_files(store: CountingStore, monkeypatch: pytest.MonkeyPatch):
    files = [_file(store, f"D{number:02}", list(range(50))) for number in range(40)]
    monkeypatch.setattr(gathered_files, "_READ_BYTES", files[0].size * 3)
    monkeypatch.setattr(gathered_files, "_ROW_GROUP_BYTES", _table("D00", list(range(50))).nbytes * 5)
    monkeypatch.setattr(gathered_files, "_FILE_BYTES", 4_000)
    keys = gather_files(store, files, COLUMNS, store, "staging/lines")
    assert keys == [f"staging/lines/part-{number:05}.parquet" for number in range(len(keys))]
    groups = [pq.read_metadata(store.root + "/" + key).num_row_groups for key in keys]
    assert 1 < len(keys) < 10
    assert sum(groups) > len(keys)
    assert _rows(store, keys)["delivery_id"].to_pylist() == [f"D{number:02}" for number in range(40) for _ in range(50)]


def test_files_in_memory_are_limited_by_their_bytes(store: CountingStore, monkeypatch: pytest.MonkeyPatch):
    files = [_file(store, f"D{number}", [1]) for number in range(7)]
    monkeypatch.setattr(gathered_files, "_READ_BYTES", files[0].size * 2)
    batches: list[int] = []

    def count(source: ObjectStore, keys: Sequence[str]) -> Any:
        batches.append(len(keys))
        return find_many(source, keys)

    monkeypatch.setattr(gathered_files, "find_many", count)
    gather_files(store, files, COLUMNS, store, "staging/lines")
    assert batches == [2, 2, 2, 1]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (None, "it is missing"),
        (pa.table({"delivery_id": ["D"], "line": [1]}), "it has no column amount"),
        (pa.table({"delivery_id": ["D"], "line": [1], "amount": ["1O0"]}), "its values do not fit their columns"),
        (b"PAR1 not a file", "it is not a readable Parquet file"),
    ],
)
def test_a_damaged_file_is_named(store: CountingStore, damage: Any, message: str):
    good = _file(store, "D1", [1])
    if isinstance(damage, bytes):
        store.write("bad.parquet", damage)
    elif damage is not None:
        _write(store, "bad", damage)
    with pytest.raises(DamagedObjectError, match=rf"bad\.parquet: {message}"):
        gather_files(store, [good, DataFile("bad.parquet", 9)], COLUMNS, store, "staging/lines")


def test_files_on_disk_are_left_to_spark(store: CountingStore):
    assert files_to_gather(store, [DataFile(str(number), 1) for number in range(99)], store) == set()


def test_a_few_files_are_left_to_spark():
    files = [DataFile(str(number), 1) for number in range(FEW_FILES + 1)]
    assert files_to_gather(REMOTE, files, REMOTE) == {file.key for file in files}
    assert files_to_gather(REMOTE, files[1:], REMOTE) == set()


def test_large_files_are_left_to_spark():
    small = [DataFile(str(number), SMALL_BYTES) for number in range(FEW_FILES + 1)]
    assert files_to_gather(REMOTE, [DataFile("large", SMALL_BYTES + 1), *small], REMOTE) == {file.key for file in small}


def test_beyond_the_limit_of_bytes_the_smaller_files_are_gathered():
    count = MOST_BYTES // SMALL_BYTES
    files = [DataFile(f"{number:04}", SMALL_BYTES) for number in range(count + 9)]
    small = [DataFile(f"s{number}", SMALL_BYTES // 4) for number in range(8)]
    gathered = files_to_gather(REMOTE, [*files, *small], REMOTE)
    assert len(gathered) == count + 6
    assert {file.key for file in small} <= gathered


def _table(delivery_id: str, lines: list[int]) -> pa.Table:
    return pa.table(
        {
            "delivery_id": pa.array([delivery_id] * len(lines), pa.string()),
            "line": pa.array(lines, pa.int64()),
            "amount": pa.array([Decimal(line) for line in lines], pa.decimal128(18, 2)),
            "note": pa.array([f"note {line}" for line in lines], pa.string()),
        }
    )


def _file(store: ObjectStore, delivery_id: str, lines: list[int], name: str = "") -> DataFile:
    return _write(store, name or delivery_id, _table(delivery_id, lines))


def _write(store: ObjectStore, name: str, rows: pa.Table) -> DataFile:
    buffer = io.BytesIO()
    pq.write_table(rows, buffer)
    store.write(f"{name}.parquet", buffer.getvalue())
    return DataFile(f"{name}.parquet", buffer.tell())


def _rows(store: LocalStore, keys: Sequence[str]) -> pa.Table:
    return pa.concat_tables([pq.read_table(io.BytesIO(store.read(key))) for key in keys])
