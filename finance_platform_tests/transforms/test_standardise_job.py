"""`spark_jobs.standardise_job`: two attempts at the same request, since the job of a killed run may continue.

Does not belong here: the lock that keeps a second job out (see `aws/test_job_lock`).
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from finance_platform.deliveries.commits import DeliveryCommit, read_commits
from finance_platform.spark_jobs import batch_by_spark, batch_here, members_by_delivery, standardise_job
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.spark_jobs.requests import DeliveryToRead, StandardiseRequest
from finance_platform.spark_jobs.standardise_job import read_deliveries
from finance_platform.storage import parquet_rows
from finance_platform.storage.local import LocalStore
from finance_platform_tests.in_process_jobs import InProcessArguments
from finance_platform_tests.unit.factories import LEDGER, feed, write

LINES = b"Date,Dept,Account,Amount\n2025-01-15,D100,4000,100.25\n2025-02-03,D100,4000,-0.25\n"


def attempted(spark: SparkSession, folder: Path, attempt: str) -> DeliveryCommit:
    """Run one attempt and return the commit after it."""
    arguments = JobArguments(str(folder / "raw"), str(folder / "processed"), attempt, "sail")
    delivery = DeliveryToRead("d1", "gl.csv", "ledger", "ledger", hashlib.sha256(LINES).hexdigest())
    read_deliveries(spark, arguments, StandardiseRequest([delivery], {"ledger": feed(LEDGER)}))
    return read_commits(LocalStore(folder / "processed"))["d1"]


def without_names(commit: DeliveryCommit) -> DeliveryCommit:
    """Return a commit without the parts that name its attempt."""
    return replace(commit, attempt="", committed_at="", files={})


def rows(folder: Path, commit: DeliveryCommit) -> list[dict[str, Any]]:
    files = [folder / "processed" / file.key for file in commit.files["transactions"]]
    return sorted((row for file in files for row in pq.ParquetFile(file).read().to_pylist()), key=str)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "raw/gl.csv", LINES)
    (tmp_path / "processed").mkdir()
    return tmp_path


def test_the_attempt_that_commits_last_has_its_own_files_and_the_same_rows(spark: SparkSession, folder: Path):
    first = attempted(spark, folder, "20250101T000000-1")
    of_first = rows(folder, first)
    last = attempted(spark, folder, "20250101T000000-2")
    assert {file.key for file in first.files["transactions"]}.isdisjoint(f.key for f in last.files["transactions"])
    assert rows(folder, last) == rows(folder, first) == of_first
    assert without_names(first) == without_names(last)


def test_an_attempt_never_writes_into_the_folders_of_another(spark: SparkSession, folder: Path):
    attempted(spark, folder, "20250101T000000-1")
    with pytest.raises(Exception, match="20250101T000000-1"):
        attempted(spark, folder, "20250101T000000-1")


class RecordingStore(LocalStore):
    """A store that records which objects this process read whole, and which addresses Spark was given."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.read_whole: list[str] = []
        self.addresses: list[str] = []

    def read(self, key: str) -> bytes:
        self.read_whole.append(key)
        return super().read(key)

    def uri(self, key: str) -> str:
        self.addresses.append(key)
        return super().uri(key)


def test_written_files_of_a_remote_store_are_read_back_once_and_give_the_same_commits(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    names = ["d1", "d2", "d3"]
    contents = {name: LINES + f"2025-03-01,D200,x,{name[1]}.00\n".encode() * 2 for name in names}
    commits = {}
    monkeypatch.setattr(standardise_job, "BATCH_OWN_FILES", 2)
    for remote in (False, True):
        monkeypatch.setattr(parquet_rows, "is_remote", lambda _, remote=remote: remote)
        folder = tmp_path / str(remote)
        (folder / "processed").mkdir(parents=True)
        for name, content in contents.items():
            write(folder / f"raw/{name}.csv", content)
        store = RecordingStore(folder / "processed")
        arguments = InProcessArguments(str(folder / "raw"), store.root, "attempt-1", "sail", store=store)
        deliveries = [
            DeliveryToRead(name, f"{name}.csv", "ledger", "ledger", hashlib.sha256(content).hexdigest())
            for name, content in contents.items()
        ]
        request = StandardiseRequest(deliveries, {"ledger": feed(LEDGER)}, shares_files=False)
        read_deliveries(spark, arguments, request)
        commits[remote] = read_commits(store)
    assert {name: without_names(one) for name, one in commits[True].items()} == {
        name: without_names(one) for name, one in commits[False].items()
    }
    written = {file.key for one in commits[True].values() for of_table in one.files.values() for file in of_table}
    lines = {file.key for one in commits[True].values() for file in one.files["transactions"]}
    counts = {file.key for one in commits[True].values() for file in one.files["account_counts"]}
    assert {store.read_whole.count(key) for key in written - counts} == {1}
    assert written.isdisjoint(store.addresses)
    # A writer holds memory for each open file, so fewer deliveries are read at once where each has its own.
    assert len({key.split("/")[2] for key in lines}) == 2


def test_members_are_the_same_in_however_many_groups_they_are_derived(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    names = ["d1", "d2", "d3"]
    contents = {name: LINES + f"2025-03-01,D{name[1]}00,400{name[1]},2.00\n".encode() for name in names}
    commits, members = {}, {}
    monkeypatch.setattr(batch_here, "is_read_here", lambda *_: False)
    for most in (1_000, 3):
        monkeypatch.setattr(batch_by_spark, "MEMBERS_AT_ONCE", most)
        monkeypatch.setattr(members_by_delivery, "MEMBERS_AT_ONCE", most)
        folder = tmp_path / str(most)
        (folder / "processed").mkdir(parents=True)
        for name, content in contents.items():
            write(folder / f"raw/{name}.csv", content)
        arguments = JobArguments(str(folder / "raw"), str(folder / "processed"), "attempt-1", "sail")
        deliveries = [
            DeliveryToRead(name, f"{name}.csv", "ledger", "ledger", hashlib.sha256(content).hexdigest())
            for name, content in contents.items()
        ]
        read_deliveries(spark, arguments, StandardiseRequest(deliveries, {"ledger": feed(LEDGER)}))
        commits[most] = read_commits(LocalStore(folder / "processed"))
        keys = {name: [file.key for file in one.files["members"]] for name, one in commits[most].items()}
        members[most] = {
            name: [row for key in of_one for row in pq.ParquetFile(folder / "processed" / key).read().to_pylist()]
            for name, of_one in keys.items()
        }
        assert len({key.split("/")[2] for of_one in keys.values() for key in of_one}) == (1 if most > 3 else 3)
    assert [len(of_one) for of_one in members[3].values()] == [3, 4, 4]
    assert members[3] == members[1_000]
    assert {name: without_names(one) for name, one in commits[3].items()} == {
        name: without_names(one) for name, one in commits[1_000].items()
    }
