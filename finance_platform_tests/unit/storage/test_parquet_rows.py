"""`storage.parquet_rows`: rows of many files a row group at a time, and the error of a file that cannot be read."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.errors import DamagedObjectError
from finance_platform.storage import bulk_read, parquet_rows
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.local import LocalStore
from finance_platform.storage.parquet_rows import read_row_groups
from finance_platform.storage.repeated_texts import open_with_dictionaries


class CountingStore(LocalStore):
    """A store that records which objects are read whole, and which are opened."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.whole: list[str] = []
        self.opened: list[str] = []

    def read(self, key: str) -> bytes:
        self.whole.append(key)
        return super().read(key)

    def open(self, key: str) -> BinaryIO:
        self.opened.append(key)
        return super().open(key)


@pytest.fixture
def store(tmp_path: Path) -> CountingStore:
    """Return a store with two files of five rows, in row groups of two."""
    store = CountingStore(tmp_path)
    for name in ("a", "b"):
        buffer = io.BytesIO()
        pq.write_table(pa.table({"name": [name] * 5, "n": range(5), "unused": [0] * 5}), buffer, row_group_size=2)
        store.write(f"{name}.parquet", buffer.getvalue())
    return store


FILES = [("a.parquet", 10), ("b.parquet", 10)]


def test_rows_come_a_row_group_at_a_time_with_the_columns_that_are_needed(store: CountingStore):
    tables = list(read_row_groups(store, FILES, ["n", "name", "later"], nullable=["later"], repeating=["name"]))
    assert [len(table) for table in tables] == [2, 2, 1] * 2
    assert {tuple(table.column_names) for table in tables} == {("n", "name")}
    assert pa.concat_tables(tables)["name"].to_pylist() == ["a"] * 5 + ["b"] * 5
    assert all(pa.types.is_dictionary(table["name"].type) for table in tables)
    assert (store.whole, store.opened) == ([], ["a.parquet", "b.parquet"])


def test_a_small_file_of_a_remote_store_takes_one_request(store: CountingStore, monkeypatch: pytest.MonkeyPatch):
    for module in (parquet_rows, bulk_read):
        monkeypatch.setattr(module, "is_remote", lambda _: True)
    large = [("a.parquet", parquet_rows.WHOLE_BYTES + 1), ("b.parquet", parquet_rows.WHOLE_BYTES)]
    rows = pa.concat_tables(read_row_groups(store, large, ["name"]))
    assert sorted(rows["name"].to_pylist()) == ["a"] * 5 + ["b"] * 5
    assert (store.whole, store.opened) == (["b.parquet"], ["a.parquet"])


@pytest.mark.parametrize("remote", [False, True])
def test_a_file_that_cannot_be_read_is_named(store: CountingStore, monkeypatch: pytest.MonkeyPatch, remote: bool):
    for module in (parquet_rows, bulk_read):
        monkeypatch.setattr(module, "is_remote", lambda _: remote)
    with pytest.raises(DamagedObjectError, match=r"gone.parquet: it is missing"):
        list(read_row_groups(store, [("gone.parquet", 10)], ["n"]))
    store.write("damaged.parquet", b"PAR1")
    with pytest.raises(DamagedObjectError, match=r"damaged.parquet: it is not a readable Parquet file"):
        list(read_row_groups(store, [("damaged.parquet", 10)], ["n"]))
    with pytest.raises(DamagedObjectError, match=r"a.parquet: it has no column amount"):
        list(read_row_groups(store, FILES, ["n", "amount"], nullable=["n"]))


def test_a_file_without_a_column_of_repeated_texts_is_named_and_read_where_it_is_not_needed(store: CountingStore):
    repeating = ["name", "of_another_release"]
    (rows, *_) = read_row_groups(store, [("a.parquet", 1)], ["name"], repeating=repeating)
    assert pa.types.is_dictionary(rows["name"].type)
    with pytest.raises(DamagedObjectError, match="it has no column of_another_release"):
        list(read_row_groups(store, [("a.parquet", 1)], repeating, repeating=repeating))
    with open_parquet(store, "b.parquet", ["name"], repeating) as file:
        assert pa.types.is_dictionary(file.read()["name"].type)
    with (
        pytest.raises(DamagedObjectError, match="it has no column of_another_release"),
        open_parquet(store, "b.parquet", repeating, repeating),
    ):
        pass


def test_a_column_that_has_fields_in_another_release_is_opened_although_its_texts_repeat_in_this_one():
    rows = pa.table({"read": [{"rows": "12"}], "feed": ["ledger"]})
    file = io.BytesIO()
    pq.write_table(rows, file)
    opened = open_with_dictionaries(file, ["read", "feed"]).read()
    assert opened.to_pylist() == rows.to_pylist()
    assert pa.types.is_dictionary(opened["feed"].type)
