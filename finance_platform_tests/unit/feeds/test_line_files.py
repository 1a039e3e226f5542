"""Lines that are written before all of their file are read."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform import text_hashes
from finance_platform.errors import DiskError
from finance_platform.feeds.lines import line_files
from finance_platform.feeds.lines.line_files import LineFiles, parquet_bytes
from finance_platform.storage.local import LocalStore
from finance_platform.text_hashes import hash_texts

LINEAGE = {"delivery_id": "d1", "feed": "ledger", "source_file": "gl.csv"}


class WatchedStore(LocalStore):
    """Notes which files are opened."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.opened: list[str] = []

    def open(self, key: str) -> BinaryIO:
        self.opened.append(key)
        return super().open(key)


def batch(keys: list[str], period: str, first_row: int) -> dict[str, pa.Array]:
    count = len(keys)
    same = {"outcome": "accepted", "scenario_type": "Actual", "scenario": "Actual", "period": period}
    return {
        **{name: pa.array([value] * count) for name, value in same.items()},
        "line_key": pa.array(keys),
        "source_row": pa.array(range(first_row, first_row + count), pa.int64()),
    }


def written(files: LineFiles, batches: list[tuple[list[str], str]]) -> list[str]:
    """Write lines; return the keys of those that may be met again."""
    row = 0
    for keys, period in batches:
        files.add(batch(keys, period, row), None)
        row += len(keys)
    files.finish()
    return sorted(key for lines in files.first_lines() for key in lines["line_key"].to_pylist())


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WatchedStore:
    monkeypatch.setattr(line_files, "WAITING_BYTES", 1)
    return WatchedStore(tmp_path)


def test_a_line_is_found_once_whether_its_key_is_met_again_before_its_file_is_written_or_after(store: WatchedStore):
    files = LineFiles(store, "attempt", LINEAGE)
    batches = [(["b", "c", "b"], "2025-01"), (["x", "c"], "2025-02"), (["a", "c", "b", "x"], "2025-01")]
    assert written(files, batches) == ["b", "c", "x"]
    assert files.repeats.count == 5
    keys = [key for file in files.written for key in pq.ParquetFile(store.uri(file.key)).read()["line_key"].to_pylist()]
    assert sorted(keys) == ["a", "b", "c", "x"]


def test_a_file_of_a_period_has_no_codes_of_other_periods(tmp_path: Path):
    numbers = [f"{number:05}" for number in range(5_000)]
    periods = ["2025-01"] * 4_990 + ["2025-02"] * 10
    of_year, of_month = (
        {**batch([f"T{number}" for number in part], "", 5_000 - len(part)), "account_number": pa.array(part)}
        for part in (numbers, numbers[-10:])
    )
    sizes = []
    for name, columns in (("year", of_year), ("month", of_month)):
        store = LocalStore(tmp_path / name)
        files = LineFiles(store, "attempt", LINEAGE)
        files.add({**columns, "period": pa.array(periods[-len(columns["line_key"]) :])}, None)
        files.finish()
        table = pq.read_table(store.uri(files.written[-1].key))
        assert table["account_number"].to_pylist() == numbers[-10:]
        sizes.append(files.written[-1].size)
    assert sizes[0] == sizes[1]


def test_files_that_cannot_have_the_keys_that_were_met_again_are_not_read(store: WatchedStore):
    files = LineFiles(store, "attempt", LINEAGE)
    months = [[f"T{month}{number:03}" for number in range(100)] for month in range(6)]
    batches = [([*keys, keys[-1]], f"2025-{place + 1:02}") for place, keys in enumerate(months)]
    reads = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pq.ParquetFile, "read", lambda *given, **_: reads.append(given))
        assert written(files, batches) == [keys[-1] for keys in months]
    assert len(files.written) == 6
    assert store.opened
    assert not reads


def test_files_have_the_bounds_by_which_readers_leave_them_out(store: WatchedStore):
    files = LineFiles(store, "attempt", LINEAGE)
    lines = batch(["b", "a"], "2025-01", 0)
    lines |= {"transaction_id": lines["line_key"], "reverses_transaction_id": pa.nulls(2, pa.string())}
    files.add(lines | {"account_key": pa.array([7, 5], pa.int64())}, None)
    files.finish()
    group = pq.ParquetFile(store.uri(files.written[0].key)).metadata.row_group(0)
    columns = (group.column(number) for number in range(group.num_columns))
    found = {one.path_in_schema: one.statistics for one in columns if one.statistics is not None}
    bounds = {name: (one.min, one.max) for name, one in found.items() if one.has_min_max}
    assert bounds.items() >= {"period": ("2025-01", "2025-01"), "account_key": (5, 7), "source_row": (0, 1)}.items()
    assert bounds["line_key"] == bounds["transaction_id"] == ("a", "b")
    assert found["reverses_transaction_id"].null_count == 2
    # Nearly every file has the same values of these, and to find them takes longer than to encode them.
    assert found.keys().isdisjoint({"delivery_id", "scenario", "department_code", "account_number", "description"})


def test_each_reader_gets_the_numbers_and_days_that_were_written(store: WatchedStore):
    most, cents = Decimal("9999999999999999.99"), Decimal("0.01")
    amounts = [most, -most, cents, -cents, Decimal("0.00"), most, None]
    days = [date(2025, 1, 31), date(1, 1, 1), None, date(9999, 12, 31), date(2025, 1, 1), date(2025, 1, 2), None]
    keys = [2**63 - 1, -(2**63), 0, None, 5, 5, -5]
    rows = [5_000_000_000, 2, 1, 4, 3, 9, 8]
    numbers = {"source_row": rows, "account_key": keys, "department_key": keys[::-1], "scenario_key": keys}
    lines = batch(list("abcdefg"), "2025-01", 0)
    lines |= {name: pa.array(values, pa.int64()) for name, values in numbers.items()}
    lines |= {"amount": pa.array(amounts, pa.decimal128(18, 2)), "posting_date": pa.array(days)}
    files = LineFiles(store, "attempt", LINEAGE)
    files.add(lines, None)
    files.finish()
    path, names = store.uri(files.written[0].key), [*numbers, "amount", "posting_date"]
    expected = [tuple(lines[name][place].as_py() for name in names) for place in range(7)]
    assert list(zip(*pq.read_table(path, columns=names).to_pydict().values(), strict=True)) == expected
    with duckdb.connect() as connection:
        selected = connection.execute(f"SELECT {', '.join(names)} FROM read_parquet(?)", [path]).fetchall()
    assert selected == expected


@pytest.mark.parametrize(("root", "has_differences"), [("/home/processed", True), ("s3://bucket/processed", False)])
def test_a_file_on_s3_has_no_encoding_that_redshift_spectrum_may_not_read(root: str, has_differences: bool):
    written = parquet_bytes(pa.table({"source_row": [1, 2], "amount": pa.array([1, 2], pa.decimal128(18, 2))}), root)
    group = pq.ParquetFile(pa.BufferReader(written)).metadata.row_group(0)
    for place in range(group.num_columns):
        assert ("DELTA_BINARY_PACKED" in group.column(place).encodings) is has_differences


def test_a_line_takes_few_bytes_for_its_row_its_keys_and_its_days(store: WatchedStore):
    count = 30_000
    places = range(count)
    lines = batch([f"T{place}" for place in places], "2025-01", 0)
    days = pa.array([date(2025, 1, 1) + timedelta(days=place * 7 % 31) for place in places])
    keys = pa.array([(place * 7919 % 120) * (2**56) - 2**62 for place in places], pa.int64())
    lines |= {"document_date": days, "posting_date": days, "account_key": keys, "department_key": keys}
    files = LineFiles(store, "attempt", LINEAGE)
    files.add(lines, None)
    files.finish()
    group = pq.ParquetFile(store.uri(files.written[0].key)).metadata.row_group(0)
    size = {
        (one := group.column(place)).path_in_schema: one.total_compressed_size for place in range(group.num_columns)
    }
    assert size["source_row"] < count / 10
    assert all(size[name] < count * 0.95 for name in ("document_date", "posting_date", "account_key", "department_key"))


def test_a_file_that_cannot_be_written_while_lines_are_read_is_an_error(store: WatchedStore):
    files = LineFiles(store, "attempt", LINEAGE)
    (Path(store.root) / "transactions").write_text("in the way")
    with pytest.raises((DiskError, OSError)):
        written(files, [(["a"], "2025-01"), (["b"], "2025-02")])


@pytest.mark.parametrize("at_once", [1, 3, 8])
def test_a_text_has_the_same_hash_wherever_it_is_in_a_column(monkeypatch: pytest.MonkeyPatch, at_once: int):
    texts = ["T1", "T1", "", "a key of more than two words", "12345678", None, "ü", "T1", "123456789"]
    expected = [hash_texts(pa.array([text], pa.string()))[0] for text in texts]
    monkeypatch.setattr(text_hashes, "_HASHED_AT_ONCE", at_once)
    column = pa.array(["before", *texts])
    assert hash_texts(column[1:]).tolist() == [int(one) for one in expected]
    assert len(set(expected[2:5])) == 3
    assert not len(hash_texts(column[:0]))
