"""Rows of deliveries from their Parquet files, those of an earlier release included."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.delivery_rows import read_rows
from finance_platform.errors import DamagedObjectError
from finance_platform.storage.local import LocalStore
from finance_platform.trace import published_lines


@pytest.mark.parametrize("is_shared", [False, True], ids=["own file", "shared file"])
def test_a_file_of_an_earlier_release_has_no_column_and_its_rows_name_none(tmp_path: Path, *, is_shared: bool) -> None:
    pq.write_table(pa.table({"delivery_id": ["a", "a"], "source_row": [2, 3]}), tmp_path / "old.parquet")
    store, file = LocalStore(tmp_path), DataFile("old.parquet", 1, is_shared)
    columns = ["source_row", "source_column"]
    rows = [{"source_row": 2, "source_column": None}, {"source_row": 3, "source_column": None}]
    assert pa.concat_tables(read_rows(store, "a", [file], columns)).to_pylist() == rows
    assert (
        pa.concat_tables(published_lines.read_rows(store, "a", [file], columns, {"source_row": 3})).to_pylist()
        == rows[1:]
    )


def test_a_file_without_another_column_is_damaged(tmp_path: Path) -> None:
    pq.write_table(pa.table({"delivery_id": ["a"], "source_row": [2]}), tmp_path / "cut.parquet")
    with pytest.raises(DamagedObjectError, match="no column amount"):
        list(read_rows(LocalStore(tmp_path), "a", [DataFile("cut.parquet", 1)], ["amount", "source_column"]))
