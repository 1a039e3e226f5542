"""Rows of deliveries from their Parquet files, those of an earlier release included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.delivery_rows import read_rows
from finance_platform.deliveries.lines import may_have, read_lines
from finance_platform.errors import DamagedObjectError
from finance_platform.storage.local import LocalStore
from finance_platform.trace import published_lines
from finance_platform_tests.unit.factories import commit_of, delivered
from finance_platform_tests.unit.zone import RecordingStore


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


def test_a_delivery_has_its_own_rows_of_a_file_that_it_shares(tmp_path: Path) -> None:
    rows = pa.table({"delivery_id": ["a", "b", "b", "a", "c"], "source_row": range(5)})
    pq.write_table(rows, tmp_path / "shared.parquet")
    file = DataFile("shared.parquet", 1, is_shared=True)

    def read(delivery_id: str) -> list[int]:
        tables = read_rows(LocalStore(tmp_path), delivery_id, [file], ["source_row"])
        return [row for table in tables for row in table["source_row"].to_pylist()]

    assert [read(name) for name in ("a", "b", "c", "d")] == [[0, 3], [1, 2], [4], []]


def test_a_file_without_another_column_is_damaged(tmp_path: Path) -> None:
    pq.write_table(pa.table({"delivery_id": ["a"], "source_row": [2]}), tmp_path / "cut.parquet")
    with pytest.raises(DamagedObjectError, match="no column amount"):
        list(read_rows(LocalStore(tmp_path), "a", [DataFile("cut.parquet", 1)], ["amount", "source_column"]))


def test_only_lines_with_a_value_are_read_and_only_row_groups_thatmay_have_it(tmp_path: Path) -> None:
    numbers = pa.array(["A1", "A2", "B1", "B2", None, None, "C1", None])
    lines = pa.table({"period": ["2025-01"] * 8, "transaction_id": numbers, "source_row": range(8)})
    pq.write_table(lines, tmp_path / "lines.parquet", row_group_size=2)
    commit = replace(commit_of(delivered()), files={"transactions": (DataFile("lines.parquet", 1),)})

    def read(values: list[str] | None) -> list[int]:
        having = {"transaction_id": None if values is None else pa.array(values, pa.string())}
        tables = list(read_lines(LocalStore(tmp_path), commit, ["source_row"], having=having))
        assert all(table.column_names == ["source_row"] for table in tables)
        return [row for table in tables for row in table["source_row"].to_pylist()]

    assert read(["B1", "A2", "X"]) == [1, 2]
    assert read(None) == [0, 1, 2, 3, 6]
    with pq.ParquetFile(tmp_path / "lines.parquet") as file:
        groups = range(4)
        assert [may_have(file, group, "transaction_id", pa.array(["A9", "B1"])) for group in groups] == [
            *(False, True, False, False)
        ]
        assert [may_have(file, group, "transaction_id", None) for group in groups] == [True, True, False, True]
        assert not may_have(file, 0, "reverses_transaction_id", None)  # a file of an earlier release


def test_lines_of_an_earlier_release_are_read_without_the_column_and_reverse_none(tmp_path: Path) -> None:
    pq.write_table(pa.table({"period": ["2025-01"], "source_row": [2]}), tmp_path / "old.parquet")
    commit = replace(commit_of(delivered()), files={"transactions": (DataFile("old.parquet", 1),)})
    columns = ["source_row", "reverses_transaction_id"]
    (table,) = read_lines(LocalStore(tmp_path), commit, columns, {"2025-01"})
    assert table.to_pylist() == [{"source_row": 2, "reverses_transaction_id": None}]
    assert not list(read_lines(LocalStore(tmp_path), commit, columns, having={"reverses_transaction_id": None}))


def test_only_files_of_wanted_periods_are_opened(tmp_path: Path) -> None:
    files = {"2025-01": "a/then_by=2025-01/a.parquet", "2025-02": "a/then_by=2025-02/b.parquet", "": "a/both.parquet"}
    for period, key in files.items():
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        periods = [period] if period else ["2025-01", "2025-02"]
        pq.write_table(pa.table({"period": periods, "source_row": range(len(periods))}), tmp_path / key)
    commit = commit_of(delivered())
    commit = replace(commit, files={"transactions": tuple(DataFile(key, 1) for key in files.values())})
    store = RecordingStore(tmp_path)

    def read(periods: set[str] | None) -> list[str]:
        return [row for table in read_lines(store, commit, ["period"], periods) for row in table["period"].to_pylist()]

    assert read({"2025-02"}) == ["2025-02", "2025-02"]
    assert store.opened == [files["2025-02"], files[""]]
    assert sorted(read(None)) == ["2025-01", "2025-01", "2025-02", "2025-02"]


def test_only_lines_with_a_key_are_returned_and_only_row_groups_that_may_have_it_are_decoded(tmp_path: Path) -> None:
    keys = ["A1", "A2", "B1", "B2", None, "C1", "D1", "D2"]
    lines = pa.table({"period": ["2025-01"] * 8, "line_key": keys, "source_row": range(8)})
    pq.write_table(lines, tmp_path / "lines.parquet", row_group_size=2)
    commit = replace(commit_of(delivered()), files={"transactions": (DataFile("lines.parquet", 1),)})

    def read(*values: str | None, columns: Sequence[str] = ("source_row",)) -> list[object]:
        wanted = pa.array(values, pa.string())
        tables = read_lines(LocalStore(tmp_path), commit, columns, keys=wanted, repeating=["period"])
        return [row for table in tables for row in table[columns[0]].to_pylist()]

    assert read("A2", "B1", "B3", "C1") == [1, 2, 5]
    assert read("A2", "D2", columns=["line_key", "period", "source_row"]) == ["A2", "D2"]
    assert read("B1", columns=["line_key"]) == ["B1"]
    assert read(None, "X") == [4]
    assert read() == []
    with pq.ParquetFile(tmp_path / "lines.parquet") as file:
        group = file.metadata.row_group(0)
        page = group.column(1).dictionary_page_offset
    with (tmp_path / "lines.parquet").open("r+b") as stream:
        stream.seek(page)
        stream.write(bytes(group.column(1).total_compressed_size))
    assert read("B1", "C1") == [2, 5]
    with pytest.raises(DamagedObjectError):
        read("A2")
