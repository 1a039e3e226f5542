"""Lines that the reader writes itself: the same commits and rows as where Spark writes them.

Belongs here: repeated keys, conflicts, hashes that collide, several files for a period. Does not belong here: which
lines are accepted (see `unit/feeds/test_ledger_lines`), rules of keys (see `test_repeated_keys`).
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession

from finance_platform.deliveries.commits import DeliveryCommit, read_commits
from finance_platform.feeds.lines import line_files
from finance_platform.feeds.lines.line_files import LineFiles, can_write_lines
from finance_platform.spark_jobs import batch_by_spark, batch_here, delivery_batch, standardise_job
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.spark_jobs.requests import DeliveryToRead, StandardiseRequest
from finance_platform.storage.local import LocalStore
from finance_platform.text_hashes import hash_texts
from finance_platform.transforms.repeated_keys import find_possible_duplicates
from finance_platform_tests.unit.factories import LEDGER, feed, write

KEYED = """\
feed: ledger
kind: ledger
path: ledger*.csv
columns:
  date: {from: Date}
  department: {from: Dept}
  account: {from: Account}
  amount: {from: Amount}
  scenario: {from: Plan}
  transaction_id: {from: Id}
  reverses: {from: Of}
  description: {from: Text}
scenarios: {Outlook: Forecast}
load: {mode: upsert, key: [transaction_id, scenario]}
"""
HEADER = "Date,Dept,Account,Amount,Plan,Id,Of,Text"


def lines(*, repeats: bool, conflicts: bool) -> bytes:
    """Return a file over three months and three plans, with rejected rows and, if asked for, keys that repeat."""
    chance = random.Random(7)
    rows = [
        f"2025-0{chance.randint(1, 3)}-1{chance.randint(0, 9)},d{chance.randint(1, 4)},400{chance.randint(0, 5)},"
        f"{chance.randint(-999, 999)}.{chance.randint(10, 99)},{chance.choice(('Actual', 'Budget', 'Outlook'))},"
        f"T{number},{f'T{number - 9}' if number % 9 == 8 else ''},{chance.choice(('Rent', 'Müller – A', ''))}"
        for number in range(300)
    ]
    rows[50] = rows[50].replace("2025-", "2025-x")
    if repeats:
        rows += [rows[3], rows[3], rows[200]]
        chance.shuffle(rows)
    if conflicts:
        # The only line with this account loses it, and two lines become one's duplicates and a third one's conflict.
        rows += [
            "2025-01-10,D9,9999,1.00,Actual,C1,,",
            "2025-02-10,D9,4000,1.00,Actual,C1,,",
            rows[0],
            f"{rows[0]} new",
        ]
    return "\n".join([HEADER, *rows, ""]).encode()


def read(spark: SparkSession, folder: Path, content: bytes, text: str) -> tuple[DeliveryCommit, dict[str, Any]]:
    """Read a file; return its commit without names, and the rows of each table."""
    write(folder / "raw/gl.csv", content)
    (folder / "processed").mkdir()
    arguments = JobArguments(str(folder / "raw"), str(folder / "processed"), "20250101T000000-1", "sail")
    delivery = DeliveryToRead("d1", "gl.csv", "ledger", "ledger", hashlib.sha256(content).hexdigest(), len(content))
    standardise_job.read_deliveries(spark, arguments, StandardiseRequest([delivery], {"ledger": feed(text)}))
    commit = read_commits(LocalStore(folder / "processed"))["d1"]
    rows = {}
    for table, files in commit.files.items():
        of_files = [pq.ParquetFile(folder / "processed" / file.key).read() for file in files]
        assert all(item.schema.equals(of_files[0].schema) for item in of_files)
        rows[table] = sorted((row for item in of_files for row in item.to_pylist()), key=str)
    return replace(commit, attempt="", committed_at="", files={}), rows


ReadBySpark = Callable[[bytes, str], tuple[DeliveryCommit, dict[str, Any]]]


@pytest.fixture(scope="module")
def written_by_spark(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> ReadBySpark:
    """Return a function that reads a file, each once, as if the reader wrote no lines."""

    @cache
    def read_by_spark(content: bytes, text: str) -> tuple[DeliveryCommit, dict[str, Any]]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(delivery_batch, "writes_lines", lambda *_, **__: [])
            return read(spark, tmp_path_factory.mktemp("by_spark"), content, text)

    return read_by_spark


@pytest.mark.parametrize("conflicts", [False, True])
@pytest.mark.parametrize("waiting_bytes", [1 << 30, 3_000], ids=["one file a period", "many files a period"])
def test_lines_that_the_reader_writes_are_those_that_spark_writes(
    spark: SparkSession,
    tmp_path: Path,
    written_by_spark: ReadBySpark,
    monkeypatch: pytest.MonkeyPatch,
    conflicts: bool,
    waiting_bytes: int,
):
    monkeypatch.setattr(line_files, "WAITING_BYTES", waiting_bytes)
    content = lines(repeats=True, conflicts=conflicts)
    assert can_write_lines(feed(KEYED).rules, "gl.csv")
    commit, rows = read(spark, tmp_path, content, KEYED)
    expected_commit, expected_rows = written_by_spark(content, KEYED)
    assert commit == expected_commit
    assert rows == expected_rows
    assert commit.outcomes["duplicate"].rows == 3
    reversals = [row for table in ("transactions", "budget") for row in rows[table] if row["reverses_transaction_id"]]
    assert len(reversals) == sum(count.reversals for count in commit.periods) > 30
    assert "conflicting_key" in commit.rules or not conflicts


def test_keys_are_compared_themselves_where_their_hashes_are_equal(
    spark: SparkSession, tmp_path: Path, written_by_spark: ReadBySpark, monkeypatch: pytest.MonkeyPatch
):
    content = lines(repeats=True, conflicts=True)
    expected = written_by_spark(content, KEYED)
    monkeypatch.setattr(line_files, "hash_texts", lambda texts: hash_texts(texts) % np.uint64(100))
    assert read(spark, tmp_path, content, KEYED) == expected


def test_no_line_of_a_feed_without_a_key_is_compared(
    spark: SparkSession, tmp_path: Path, written_by_spark: ReadBySpark
):
    content = b"Date,Dept,Account,Amount\n2025-01-15,D1,4000,1.25\n2025-01-15,D1,4000,1.25\n2025-02-30,D1,4000,1.25\n"
    commit, rows = read(spark, tmp_path, content, LEDGER)
    assert (commit, rows) == written_by_spark(content, LEDGER)
    assert commit.outcomes["accepted"].rows == 2


@pytest.mark.parametrize("repeats", [False, True])
def test_rows_are_compared_only_where_a_key_may_repeat(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repeats: bool
):
    compared = []

    def find(rows: DataFrame) -> DataFrame:
        compared.append(rows)
        return find_possible_duplicates(rows)

    monkeypatch.setattr(delivery_batch, "writes_lines", lambda *_, **__: [])
    monkeypatch.setattr(batch_here, "is_read_here", lambda *_: False)
    monkeypatch.setattr(batch_by_spark, "find_possible_duplicates", find)
    commit, _ = read(spark, tmp_path, lines(repeats=repeats, conflicts=False), KEYED)
    assert "duplicate" in commit.outcomes or not repeats
    assert len(compared) == repeats


def test_no_file_is_read_again_for_the_cells_of_duplicates(
    spark: SparkSession, tmp_path: Path, written_by_spark: ReadBySpark, monkeypatch: pytest.MonkeyPatch
):
    content = lines(repeats=True, conflicts=False)
    expected = written_by_spark(content, KEYED)

    def read_no_file(*_: Any) -> Any:
        def read(batches: Any) -> Any:
            assert not sum(len(batch) for batch in batches)
            return []

        return read

    for module in (batch_here, batch_by_spark):
        monkeypatch.setattr(module, "make_cell_reader", read_no_file)
    assert read(spark, tmp_path, content, KEYED) == expected
    duplicates = [row for row in expected[1]["rejected_rows"] if row["outcome"] == "duplicate"]
    assert len(duplicates) == 3
    assert all('"column":"Id | Plan"' in row["reasons"] and '"Plan": ' in row["raw_row"] for row in duplicates)


@pytest.mark.parametrize(
    ("change", "is_written"),
    [
        ({}, True),
        ({"description: {from: Text}": "account_name: {from: Text}"}, False),
        ({"load:": "types_by_prefix: {account_type: {4: Expense}}\nload:"}, False),
        ({"load:": "sign: debit_positive\nbalanced: {by: Id}\nload:"}, False),
    ],
    ids=["plain", "attributes", "types", "vouchers"],
)
def test_lines_that_other_rows_or_tables_need_are_left_to_the_job(change: dict[str, str], is_written: bool):
    text = KEYED
    for old, new in change.items():
        text = text.replace(old, new)
    assert can_write_lines(feed(text).rules, "gl.csv") is is_written
    assert not can_write_lines(feed(text).rules, "gl.xlsx")


def test_the_first_line_with_each_code_is_found_on_each_sheet(tmp_path: Path):
    files = LineFiles(LocalStore(tmp_path), "attempt", {"delivery_id": "d1"})
    codes = {"department_code": pa.array(["D1", "d1", "D1", "D2"]), "account_number": pa.array(["4000"] * 4)}
    is_written = np.array([False, True, True, True])
    assert files.mentions(codes, "North", is_written).tolist() == [1, 2, 3]
    assert files.mentions(codes, "North", is_written).tolist() == []
    assert files.mentions(codes, "South", np.array([True] * 4)).tolist() == [0, 1, 3]


def test_equal_texts_have_equal_hashes_wherever_they_are():
    texts = ["", "a", "abcdefgh", "abcdefghi", "ü" * 9, "a" * 5000, "a", None, "\0", "\0\0"]
    column = pa.array(["before", *texts], pa.string())
    hashes = hash_texts(column.slice(1)).tolist()
    distinct = {text: value for text, value in zip(texts, hashes, strict=True) if text is not None}
    assert len(set(distinct.values())) == len(distinct) == 8
    assert hashes[1] == hashes[6] == hash_texts(pa.array(["a"]))[0]
