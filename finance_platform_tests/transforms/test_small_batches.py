"""Batches that are read without a plan of Spark's: the same commits, rows and order of rows as by Spark.

Belongs here: each kind of feed, refused and missing files, rows that Spark has to compare. Does not belong here: lines
that the reader writes (see `test_written_lines`), both jobs on a whole home (see `test_engine_parity`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from finance_platform.deliveries.commits import DeliveryCommit, read_commits
from finance_platform.errors import DiskError
from finance_platform.feeds import read_file
from finance_platform.feeds.files.tables import open_tables
from finance_platform.feeds.lines import line_files
from finance_platform.spark_jobs import batch_by_spark, batch_here, delivery_batch, small_batches, standardise_job
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.spark_jobs.requests import DeliveryToRead, StandardiseRequest
from finance_platform.spark_jobs.tables import read_files
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import LEDGER, feed, with_columns, write

KEYED = (
    with_columns({"date": "{from: Date, formats: [yyyy-MM-dd]}", "transaction_id": "{from: Id}"}).replace(
        "ledger*.csv", "'*.{csv,xlsx}'"
    )
    + "load: {mode: upsert, key: [transaction_id]}\n"
)
LINES = (
    "Id,Date,Dept,Account,Amount\nT1,2025-02-15,d2,4000,1.25\nT2,2025-01-15,D2,4000,-2.50\nT3,2025-01-16,D1,0310,x\n"
)

KINDS = {
    "departments": (
        "feed: f\nkind: departments\npath: '*.csv'\ncolumns: {code: C, name: N, parent: P, valid_from: F}\n",
        "C,N,P,F\nD3,South,,\nD1,North,D3,\nD1,North East,D3,2025-01\n,nameless,,\nD2,Ünïcode – A,D9,2024-07\n",
    ),
    "accounts": (
        "feed: f\nkind: accounts\npath: '*.csv'\ncolumns: {number: C, name: N, type: T}\n",
        "C,N,T\n4000,Sales,Revenue\n0310,Cash,Asset\n6000,Rent,no type\n,,\n",
    ),
    "lookup": (
        "feed: f\nkind: lookup\npath: '*.csv'\ncolumns: {key: C, date: N}\n",
        "C,N\nJ2,2025-01-31\nJ1,2025-02-30\nJ3,2025-02-01\n",
    ),
    "lookup of scenarios": (
        "feed: f\nkind: lookup\npath: '*.csv'\ncolumns: {key: C, period: P, scenario: S, currency: U}\n",
        "C,P,S,U\nJ2,2025-01,Budget,EUR\nJ1,2025-13,Actual,EUR\n",
    ),
    "comments": (
        "feed: f\nkind: comments\npath: '*.csv'\ncolumns: {period: P, department: D, account: A, comment: C}\n",
        'P,D,A,C\n2025-01,D1,4000,late\n2025-13,D1,4000,never\n2024-12,,4000,"a, b"\n',
    ),
    "balances": (
        "feed: f\nkind: balances\npath: '*.csv'\ncolumns: {period: P, account: A, balance: B}\n",
        'P,A,B\n2025-01,4000,-100.00\n2025-01,0310,"1,250.25"\n2025-02,4000,none\n',
    ),
    "ledger": (
        LEDGER.replace("ledger*.csv", "'*.csv'"),
        "Date,Dept,Account,Amount\n2025-02-15,d2,4000,1.25\n2025-01-15,D2,4000,-2.50\n\n2025-01-18,,4000,0.005\n",
    ),
    "lines that Spark would write": (KEYED, LINES),
    "lines of which some repeat a key": (KEYED, LINES + "T1,2025-02-15,d2,4000,1.25\nT2,2025-01-15,D2,4000,-2.50\n"),
}
"""By name: a descriptor, and a file with accepted and rejected rows."""


def read(
    spark: SparkSession | None, folder: Path, text: str, contents: dict[str, str | None]
) -> tuple[dict[str, DeliveryCommit], dict[str, Any]]:
    """Read files, None for one that vanishes; return the commits without names, and the rows of each file's tables."""
    (folder / "raw").mkdir(parents=True)
    (folder / "processed").mkdir()
    deliveries = []
    for number, (name, content) in enumerate(contents.items()):
        data = (content or "").encode()
        if content is not None:
            write(folder / "raw" / name, data)
        kind = feed(text).rules.kind
        deliveries.append(DeliveryToRead(f"d{number}", name, "f", kind, hashlib.sha256(data).hexdigest(), len(data)))
    arguments = JobArguments(str(folder / "raw"), str(folder / "processed"), "20250101T000000-1", "sail")
    request = StandardiseRequest(deliveries, {"f": replace(feed(text), name="f")})
    result = standardise_job.read_deliveries(spark, arguments, request)  # type: ignore[arg-type]
    commits = read_commits(LocalStore(folder / "processed"))
    assert sorted(result["committed"]) == sorted(commits)
    rows: dict[Any, Any] = {
        (name, table): [
            row
            for file in sorted(files, key=lambda file: file.key.rpartition("/")[0])
            for row in pq.ParquetFile(folder / "processed" / file.key).read().to_pylist()
        ]
        for name, commit in commits.items()
        for table, files in commit.files.items()
    }
    return {name: replace(one, attempt="", committed_at="", files={}) for name, one in commits.items()}, {
        **rows,
        "not opened": [file["object_key"] for file in result["not_opened"]],
    }


@pytest.mark.filterwarnings("error::FutureWarning")  # each would be in the log of every job
@pytest.mark.parametrize("name", KINDS)
def test_a_small_batch_gives_what_spark_gives_without_a_plan_of_spark(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    text, content = KINDS[name]
    if name == "lines that Spark would write":
        monkeypatch.setattr(delivery_batch, "writes_lines", lambda *_, **__: [])
    contents = {"b.csv": content, "a.csv": content.partition("\n")[0] + "\n", "empty.csv": "", "gone.csv": None}
    of_python = read(None, tmp_path / "python", text, contents)
    monkeypatch.setattr(batch_here, "is_read_here", lambda *_: False)
    assert of_python == read(spark, tmp_path / "spark", text, contents)
    commits, rows = of_python
    assert commits["d0"].outcomes["accepted"].rows
    assert commits["d0"].outcomes["rejected"].rows
    assert commits["d2"].status == "refused"
    assert rows["not opened"] == ["gone.csv"]


def test_members_of_written_lines_need_no_plan_of_spark_however_many_they_are(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # Each in two spellings, of which the first one of the file counts, and not in the order of their keys.
    accounts = [f"{prefix}{number}" for number in range(60, 0, -1) for prefix in ("n", "N", "ü")]
    lines = [f"T{place},2025-01-15,D{place % 3},{account},1.25" for place, account in enumerate(accounts, 4)]
    contents: dict[str, str | None] = {"a.csv": LINES + "\n".join(lines) + "\n"}
    monkeypatch.setattr(small_batches, "MOST_BYTES", 1)
    of_arrow = read(None, tmp_path / "arrow", KEYED, contents)
    monkeypatch.setattr(batch_here, "is_read_here", lambda *_: False)
    assert of_arrow == read(spark, tmp_path / "spark", KEYED, contents)
    rows: dict[Any, Any] = of_arrow[1]
    members = rows["d0", "members"]
    assert len(members) == 3 + 121
    assert {member["code"] for member in members} >= {"n60", "ü60", "4000"}


def test_rows_that_may_become_lines_are_left_to_spark_if_they_take_much_memory(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    text, content = KINDS["accounts"]
    monkeypatch.setattr(small_batches, "MOST_BYTES", 1)
    plans = []

    def read_by_spark(*given: Any) -> Any:
        plans.append(given)
        return read_files(*given)

    monkeypatch.setattr(batch_by_spark, "read_files", read_by_spark)
    small = read(spark, tmp_path / "small", text, {"a.csv": content, "b.csv": content})
    assert plans
    monkeypatch.setattr(batch_here, "is_read_here", lambda *_: False)
    assert small == read(spark, tmp_path / "spark", text, {"a.csv": content, "b.csv": content})


CONFLICT = "T2,2025-01-15,D2,4000,-3.50\nT2,2025-01-15,D2,4000,-3.50\nT1,2025-02-15,d2,4000,1.25\n"


@pytest.mark.parametrize("are_many", [False, True], ids=["few rows", "more rows than the memory takes"])
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("accounts", "4000,Sales,Revenue\n4000,Other,Expense\n0310,Cash,Asset\n"),
        ("departments", "D1,North,D3,\n"),
        ("lookup", "J2,2025-01-31\nJ1,2025-02-01\nJ3,2025-02-02\n"),
        ("lookup of scenarios", "J2,2025-01,Budget,EUR\nJ1,2025-01,Actual,USD\n"),
        ("comments", "2025-01,D1,4000,late\n2024-12,D2,4000,soon\n2024-12,D2,4000,late\n"),
        ("balances", "2025-01,4000,-100.00\n2025-01,0310,3.00\n"),
        ("lines of which some repeat a key", CONFLICT),
        ("lines of which some repeat a key", "T4,2025-02-15,d2,4000,1.25\nT1,2025-02-15,d2,4000,9.25\n"),
        ("lines of which some repeat a key", "T1,2025-02-15,d2,,1.25\nT2,2025-03-15,D7,4001,-2.50\n"),
        ("lines that Spark would write", CONFLICT),
    ],
    ids=[
        "accounts",
        "departments",
        "lookup",
        "scenarios",
        "comments",
        "balances",
        "both",
        "the first line of a member",
        "another period",
        "staged lines",
    ],
)
def test_rows_that_repeat_a_key_are_compared_as_by_spark_without_a_plan_of_it(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, more: str, are_many: bool
):
    text, content = KINDS[name]
    if name == "lines that Spark would write":
        monkeypatch.setattr(delivery_batch, "writes_lines", lambda *_, **__: [])
    contents: dict[str, str | None] = {
        "b.csv": content + more,
        "a.csv": content,
        "c.csv": content + more + more,
        "empty.csv": "",
    }
    is_of_reader = name == "lines of which some repeat a key"
    if are_many and is_of_reader:
        monkeypatch.setattr(small_batches, "MOST_BYTES", 1)
    here = read(None, tmp_path / "here", text, contents)
    monkeypatch.setattr(batch_here, "is_read_here", lambda *_: False)
    assert here == read(spark, tmp_path / "spark", text, contents)


@given(
    rows=st.lists(st.tuples(st.sampled_from(["", "T1", "T2", "T3"]), st.sampled_from(["1.25", "1.250", "-2.00"]))),
    most_bytes=st.sampled_from([1, 1 << 20]),
    most_rows=st.sampled_from([1, 2, 1 << 20]),
)
@settings(max_examples=25, deadline=None)
def test_of_equal_rows_with_one_key_the_first_counts_and_of_differing_ones_none(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], most_bytes: int, most_rows: int
):
    lines = [f"{key},2025-01-15,D2,4000,{amount}\n" for key, amount in rows]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(small_batches, "MOST_BYTES", most_bytes)
        patch.setattr(small_batches, "MOST_ROWS_OF_PART", most_rows)
        content = "Id,Date,Dept,Account,Amount\n" + "".join(lines)
        tables: dict[Any, Any] = read(None, tmp_path_factory.mktemp("law"), KEYED, {"a.csv": content})[1]
    amounts: dict[str, list[Decimal]] = {}
    for key, amount in rows:
        amounts.setdefault(key, []).append(Decimal(amount))
    outcomes: dict[int, str] = {}
    for number, (key, _) in enumerate(rows):
        is_first = key not in [earlier for earlier, _ in rows[:number]]
        of_equal = "accepted" if is_first else "duplicate"
        outcomes[number + 2] = "rejected" if not key or len(set(amounts[key])) > 1 else of_equal
    rejected: list[dict[str, Any]] = tables.get(("d0", "rejected_rows"), [])
    # In the order of the file too, however many parts they were written in.
    assert [(row["source_row"], row["outcome"]) for row in rejected] == [
        (row, outcome) for row, outcome in outcomes.items() if outcome != "accepted"
    ]
    counting = [row["source_row"] for row in tables.get(("d0", "transactions"), [])]
    assert sorted(counting) == [row for row, outcome in outcomes.items() if outcome == "accepted"]
    for row in rejected:
        assert json.loads(row["raw_row"])["Amount"] == rows[row["source_row"] - 2][1]


@pytest.mark.parametrize("is_here", [True, False], ids=["in the process itself", "in tasks of Spark"])
@pytest.mark.parametrize("name", ["accounts", "ledger", "lines of which some repeat a key"])
def test_a_file_that_meets_a_fault_of_the_reader_leaves_nothing_and_the_others_are_read_as_without_it(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, is_here: bool
):
    """All of its lines are written by then."""
    text, content = KINDS[name]
    if not is_here:
        monkeypatch.setattr(batch_here, "is_read_here", lambda *_: False)
    without = read(spark, tmp_path / "without", text, {"b.csv": content, "c.csv": content})

    def failing(opened: Any, object_key: str, rules: Any) -> Any:
        yield from open_tables(opened, object_key, rules)
        if object_key == "strange.csv":
            raise ValueError("a strange file")

    monkeypatch.setattr(read_file, "open_tables", failing)
    monkeypatch.setattr(line_files, "WAITING_BYTES", 0)
    commits, rows = read(spark, tmp_path / "beside", text, {"b.csv": content, "c.csv": content, "strange.csv": content})
    assert rows.pop("not opened") == ["strange.csv"]
    without[1].pop("not opened")
    assert (commits, rows) == without
    if name == "ledger":
        assert list((tmp_path / "beside/processed").glob("*/*/*/split_by=d2/*/*.parquet"))


def test_few_small_files_and_those_that_the_reader_writes_or_without_lines_are_read_in_the_process():
    one = DeliveryToRead("d", "a.csv", "f", "ledger", "", 1_000)
    here = JobArguments("raw", "processed", "1", "sail")
    large = replace(one, size=small_batches.SMALL_BATCH_BYTES + 1)
    assert small_batches.is_read_here(here, [one] * 15, [])
    assert not small_batches.is_read_here(here, [one] * 16, [])
    assert not small_batches.is_read_here(here, [large], [])
    assert small_batches.is_read_here(here, [replace(large, kind="accounts")] * 15, [])
    assert not small_batches.is_read_here(here, [replace(one, kind="accounts")] * 16, [])
    assert small_batches.is_read_here(here, [large] * 40, ["d"] * 40)
    assert not small_batches.is_read_here(here, [large] * 40, ["d"] * 39)
    for elsewhere in (
        replace(here, spark_engine="jvm"),
        replace(here, spark_engine="glue"),
        replace(here, temp_uri="s3://bucket/temporary"),
    ):
        assert not small_batches.is_read_here(elsewhere, [one], ["d"])


def test_a_small_batch_never_writes_into_a_folder_that_exists(tmp_path: Path):
    (tmp_path / "accounts").mkdir()
    with pytest.raises(DiskError, match="accounts"):
        small_batches.write_by_delivery(pa.table({"delivery_id": ["d1"]}), LocalStore(tmp_path), "accounts", ())
