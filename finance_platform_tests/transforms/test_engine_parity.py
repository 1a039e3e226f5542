"""Sail and the JVM give identical tables, through the same job scripts that Glue runs.

One home has the cases that distinguish engines; each engine reads and builds it once. Both also refresh a home with a
published ledger. All tests on the JVM are here, because they share one JVM.
"""

from __future__ import annotations

import ast
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import Column, DataFrame, DataFrameReader, DataFrameWriter, GroupedData, SparkSession, functions

import finance_platform
from finance_platform.code_version import JobName
from finance_platform.contracts.model import MONEY, Contract
from finance_platform.contracts.processed import MEMBERS, PROCESSED
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import FACT_FINANCIALS, STAR
from finance_platform.deliveries.commits import OUTCOMES, DeliveryCommit
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.refresh.steps.build_star import build_star
from finance_platform.refresh.steps.register import register
from finance_platform.refresh.steps.standardise import standardise
from finance_platform.settings import StarSettings, load_settings
from finance_platform.slices.commits import SliceCommit
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.spark_jobs.harness import log_path, request_key, result_key
from finance_platform.spark_jobs.job_runner import JobRunner
from finance_platform.storage.local import LocalStore
from finance_platform_tests.end_to_end.adventureworks_home import (
    create_adventureworks_home,
    refresh_adventureworks_once,
)
from finance_platform_tests.end_to_end.dagster_refresh import run_refresh_job
from finance_platform_tests.environment import clean_environment
from finance_platform_tests.in_process_jobs import InProcessJobs
from finance_platform_tests.java import reason_without_java
from finance_platform_tests.one_jvm import RunningJvm, one_jvm
from finance_platform_tests.profiles import at_night
from finance_platform_tests.spark_connect_server import spark_connect_server
from finance_platform_tests.transforms import parity_home
from finance_platform_tests.transforms.parity_home import make_home

PACKAGE = Path(str(finance_platform.__file__)).parent
TABLES: tuple[Contract, ...] = (*PROCESSED, MEMBERS, *STAR)
VANISHING = "plans/9.txt"
"""A file that storage does not give: it stays pending, and the others are read."""
PHYSICAL = {
    "integer": "INT32",
    "date": "INT32",
    "bigint": "INT64",
    "boolean": "BOOLEAN",
    MONEY: "INT64",
}
"""The Parquet type of each contract type; texts are BYTE_ARRAY. Redshift's COPY accepts no others."""

FORBIDDEN = {
    # Not in Spark Connect; row-by-row Python; repairs by chance; actions outside the query plan.
    *("rdd", "sparkContext", "_sc", "_jvm", "_jsc", "_jdf"),
    *("udf", "pandas_udf", "UserDefinedFunction", "mapInPandas", "applyInPandas"),
    *("dropDuplicates", "drop_duplicates"),
    *("toPandas", "collect", "toLocalIterator", "toArrow", "SparkSession"),
    # Different results on Sail and the JVM.
    *("input_file_name", "_metadata", "try_to_date", "weekday", "monotonically_increasing_id"),
}
"""Names that no transform may use."""

_COUNT_TASKS = """
import json, os, sys
from collections import Counter
import pyarrow as pa
from finance_platform.spark_jobs.session import spark_session

def name_process(batches):
    import time
    import finance_platform
    for batch in batches:
        time.sleep(0.5)
        package = "sent" if ".zip" in finance_platform.__file__ else "found"
        yield pa.RecordBatch.from_pydict({"process": [f"{package} {os.getppid()}"]})

def tasks(rows):
    return Counter(row["process"] for row in rows.mapInArrow(name_process, "process string").collect())

with spark_session("jvm", master=sys.argv[1]) as spark:
    files = spark.createDataFrame([(str(number),) for number in range(4)], "name string")
    print(json.dumps([tasks(files.repartition(4)), tasks(files.groupBy("name").count().repartition(4, "name"))]))
"""
"""Prints how many tasks each executor had: its Python workers are children of one process."""

_REFUSED = """
import sys
from finance_platform.errors import JobError
from finance_platform.spark_jobs.session import spark_session

try:
    with spark_session("jvm", master=sys.argv[1]):
        pass
except JobError as error:
    print(error)
"""
"""Prints why a server refuses a session."""

_NEW_IN_SPARK_4 = re.compile(r"versionadded:: 4")
_OF_OTHERS = {"exists", "scalar"}
"""Names of Spark 4 that object stores and Arrow have too."""

SPARK_35 = os.environ.get("PYTHON_WITH_SPARK_35", "")
"""The interpreter of an environment with PySpark 3.5, which cannot be in the same one as 4.1."""

Cells = tuple[Any, ...]


@dataclass(frozen=True)
class Run:
    """The results of one engine on the home."""

    processed: Path
    commits: Mapping[str, DeliveryCommit]
    slices: Sequence[SliceCommit]
    held: Mapping[str, str]

    def files(self, table: str) -> list[Path]:
        """Return the Parquet files of a table."""
        of_deliveries = [file for commit in self.commits.values() for file in commit.files.get(table, ())]
        of_slices = [file for commit in self.slices if commit.table == table for file in commit.files]
        return [self.processed / file.key for file in (*of_deliveries, *of_slices)]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return a table's rows."""
        return [row for file in self.files(table) for row in pq.ParquetFile(file).read().to_pylist()]


def take_away(home: Path) -> None:
    """Remove the file that vanishes after it was requested."""
    (home / "raw" / VANISHING).unlink(missing_ok=True)


class ScriptJobs:
    """Runs each job's script in a process of its own, as a laptop does, on one engine."""

    def __init__(self, home: Path, engine: str, master: str = "", python: str = sys.executable) -> None:
        self._home, self._engine, self._master, self._python = home, engine, master, python
        self._processed = LocalStore(home / f"processed-{engine}")

    def run(self, job: JobName, request: bytes) -> dict[str, Any]:
        """Run a job and return its result; the vanishing file goes when it has been requested."""
        take_away(self._home)
        root = str(self._processed.root)
        self._processed.write(request_key(job), request)
        arguments = JobArguments(str(self._home / "raw"), root, job, self._engine, self._master)
        command = [self._python, "-P", str(PACKAGE / "spark_jobs" / f"{job}_job.py"), *arguments.as_command_line()]
        ended = subprocess.run(
            command, check=False, timeout=1800 if self._master or self._python != sys.executable else 600
        )
        assert ended.returncode == 0, log_path(root, job).read_text(errors="replace")[-4000:]
        result: dict[str, Any] = json.loads(self._processed.read(result_key(job)))
        assert result["attempt"] == job
        return result


def run_engine(home: Path, engine: str, jobs: JobRunner) -> Run:
    """Read the home's files and build the star by the use cases."""
    settings = load_settings(home=home, actuals_through="2025-06", fiscal_year_start_month=4)
    star = StarSettings.of(settings)
    raw, processed = LocalStore(home / "raw"), LocalStore(home / f"processed-{engine}")
    (home / "raw" / VANISHING).write_bytes(b"1|202104|8|02|5000|2|1.00|\n")
    scan = register(raw, processed, settings, at=datetime.now(UTC), run_id=engine)
    assert not scan.problems
    assert not scan.unmatched
    read = standardise(raw, processed, jobs, settings, clock=lambda: datetime.now(UTC), run_id=engine)
    held = {verdict.object_key: "; ".join(verdict.reasons) for verdict in read.verdicts if verdict.is_held}
    assert [file.object_key for file in read.read.not_opened] == [VANISHING]
    built = build_star(processed, jobs, star)
    snapshot = built.snapshot
    first = next(one.delivery_id for one in snapshot.state.live if one.event.object_key == "gl/1.csv")
    assert snapshot.overlaps.overlapping(first)
    assert [event.object_key for event in snapshot.state.pending] == [VANISHING]
    assert not [outcome for outcome in built.outcomes if outcome.check.is_blocking and not outcome.passed]
    return Run(home / f"processed-{engine}", snapshot.commits, list(snapshot.built.values()), held)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home that both engines read."""
    return make_home(tmp_path_factory.mktemp("parity"))


@pytest.fixture(scope="module")
def sail(home: Path, spark: SparkSession) -> Run:
    """The results of Sail, on the session of other tests; `end_to_end/test_command_line` runs its jobs as processes."""
    raw, processed = LocalStore(home / "raw"), LocalStore(home / "processed-sail")
    attempts = (f"attempt-{number}" for number in itertools.count(1))
    jobs = InProcessJobs(spark, raw, processed, attempts.__next__, lambda _: take_away(home))
    return run_engine(home, "sail", jobs)


@pytest.fixture(scope="module")
def _java() -> None:
    if reason := reason_without_java():
        pytest.skip(reason)


@pytest.fixture(scope="module")
def running_jvm(_java: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningJvm]:
    """The JVM of all jobs."""
    with one_jvm(tmp_path_factory.mktemp("jvm")) as running:
        yield running


@pytest.fixture(scope="module")
def jvm(home: Path, running_jvm: RunningJvm) -> Run:
    """The results of Spark on the JVM."""
    with clean_environment(home, **running_jvm.environment):
        return run_engine(home, "jvm", ScriptJobs(home, "jvm"))


def cells(rows: Iterable[Mapping[str, Any]]) -> list[Cells]:
    """Return rows in a defined order; null comes before every value."""
    return sorted((tuple(row.values()) for row in rows), key=lambda row: [(c is not None, str(c)) for c in row])


def comparable(commit: DeliveryCommit) -> dict[str, Any]:
    """Return a commit document without the parts that differ between runs."""
    document: dict[str, Any] = json.loads(commit.to_json())
    return {name: value for name, value in document.items() if name not in {"files", "attempt", "committed_at"}}


@pytest.mark.jvm
@pytest.mark.usefixtures("_java")
@pytest.mark.parametrize("contract", TABLES, ids=lambda contract: contract.name)
def test_both_engines_give_the_same_table_cell_for_cell(sail: Run, jvm: Run, contract: Contract) -> None:
    """In any order of rows and in any number of files."""
    ours, theirs = cells(sail.rows(contract.name)), cells(jvm.rows(contract.name))
    assert [(a, b) for a, b in zip(ours, theirs, strict=False) if a != b] == []
    assert len(ours) == len(theirs)


@pytest.mark.jvm
@pytest.mark.usefixtures("_java")
def test_both_engines_write_the_same_commit_of_every_delivery(sail: Run, jvm: Run) -> None:
    """Rows, money, rules, periods and refusals, down to the hash of the members."""
    assert sail.commits.keys() == jvm.commits.keys()
    for delivery_id, commit in sail.commits.items():
        assert comparable(commit) == comparable(jvm.commits[delivery_id]), commit.object_key


@pytest.mark.jvm
@pytest.mark.usefixtures("_java")
def test_both_engines_write_the_same_commit_of_every_slice(sail: Run, jvm: Run) -> None:
    """Rows and sums by scenario, and which files are held and why."""
    for ours, theirs in zip(sail.slices, jvm.slices, strict=True):
        assert (ours.version, ours.row_count, ours.sums) == (theirs.version, theirs.row_count, theirs.sums)
    assert sail.held == jvm.held


@pytest.mark.jvm
@pytest.mark.end_to_end
@at_night("takes minutes; TEST_PROFILE=nightly runs it")
def test_both_engines_give_the_same_warehouse_of_a_published_ledger(
    running_jvm: RunningJvm, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    """Every table of AdventureWorks' warehouse, cell for cell, but for the time of the load."""
    expected = refresh_adventureworks_once(tmp_path_factory)
    other = run_refresh_job(create_adventureworks_home(tmp_path), spark_engine="jvm", **running_jvm.environment)
    assert other.succeeded, other.errors
    assert other.tables() == expected.tables()


@pytest.mark.jvm
@pytest.mark.usefixtures("_java")
@at_night("takes minutes; TEST_PROFILE=nightly runs it")
def test_two_executors_give_the_tables_of_one_process(sail: Run, home: Path, tmp_path: Path) -> None:
    """The job scripts on a cluster of two executor processes, which get the package from the job."""
    copy = shutil.copytree(home, tmp_path / "home", ignore=shutil.ignore_patterns("processed-*"))
    # Spark divides each group into 200 parts by default, and a task costs more than the few rows of this home.
    (tmp_path / "spark-defaults.conf").write_text("spark.sql.shuffle.partitions 4\nspark.ui.enabled false\n")
    with clean_environment(copy, SPARK_CONF_DIR=str(tmp_path)):
        cluster = run_engine(copy, "jvm", ScriptJobs(copy, "jvm", "local-cluster[2,1,1024]"))
    for contract in TABLES:
        assert cells(cluster.rows(contract.name)) == cells(sail.rows(contract.name))
    assert {one.version: one.sums for one in cluster.slices} == {one.version: one.sums for one in sail.slices}


@pytest.mark.jvm
@pytest.mark.usefixtures("_java")
@pytest.mark.skipif(not SPARK_35, reason="`make test-older-spark` sets PYTHON_WITH_SPARK_35")
def test_the_spark_of_glue_5_gives_the_tables_of_the_spark_of_glue_6(sail: Run, home: Path, tmp_path: Path) -> None:
    """The job scripts under another interpreter, with PySpark 3.5 and the packages that a job has there."""
    copy = shutil.copytree(home, tmp_path / "home", ignore=shutil.ignore_patterns("processed-*"))
    # The modules come from this checkout, all else from that interpreter's own environment.
    with clean_environment(copy, PYTHONPATH=str(PACKAGE.parent)):
        older = run_engine(copy, "jvm", ScriptJobs(copy, "jvm", python=SPARK_35))
    for contract in TABLES:
        assert cells(older.rows(contract.name)) == cells(sail.rows(contract.name)), contract.name
    assert {key: comparable(commit) for key, commit in older.commits.items()} == {
        key: comparable(commit) for key, commit in sail.commits.items()
    }
    assert {one.version: one.sums for one in older.slices} == {one.version: one.sums for one in sail.slices}


@pytest.mark.jvm
@pytest.mark.usefixtures("_java")
@at_night("takes minutes; TEST_PROFILE=nightly runs it")
def test_reading_and_grouping_spread_over_both_executors(tmp_path: Path) -> None:
    """Each file is a task of its own, and so is each part of a group."""
    with clean_environment(tmp_path):
        counted = subprocess.run(
            [sys.executable, "-c", _COUNT_TASKS, "local-cluster[2,1,1024]"],
            check=True,
            capture_output=True,
            text=True,
            timeout=600,
        )
    reading, grouping = json.loads(counted.stdout.splitlines()[-1])
    assert len(reading) == len(grouping) == 2, (reading, grouping)
    assert all(process.startswith("sent ") for process in reading), "executors must not need the package beforehand"


@pytest.mark.jvm
@pytest.mark.usefixtures("_java")
@at_night("takes minutes; TEST_PROFILE=nightly runs it")
def test_a_server_of_spark_connect_gives_the_tables_of_one_process(sail: Run, home: Path, tmp_path: Path) -> None:
    """Spark's own server, which refuses static settings of a session; its token is in PySpark's variable alone."""
    copy = shutil.copytree(home, tmp_path / "home", ignore=shutil.ignore_patterns("processed-*"))
    with (
        spark_connect_server(tmp_path, "local[2]", "hunter2") as address,
        clean_environment(copy, SPARK_REMOTE=f"{address}/;token=hunter2"),
    ):
        connected = run_engine(copy, "jvm", ScriptJobs(copy, "jvm", address))
        counted = subprocess.run(
            [sys.executable, "-c", _COUNT_TASKS, address], check=True, capture_output=True, text=True, timeout=600
        )
        os.environ["SPARK_REMOTE"] = f"{address}/;token=wrong"
        refused = subprocess.run([sys.executable, "-c", _REFUSED, address], check=True, capture_output=True, text=True)
    for contract in TABLES:
        assert cells(connected.rows(contract.name)) == cells(sail.rows(contract.name)), contract.name
    assert {one.version: one.sums for one in connected.slices} == {one.version: one.sums for one in sail.slices}
    assert all(name.startswith("sent ") for tasks in json.loads(counted.stdout.splitlines()[-1]) for name in tasks)
    assert f"at {address} refuses the session: Invalid authentication token" in refused.stdout


@pytest.mark.jvm
def test_a_session_without_a_shared_jvm_starts_its_own(running_jvm: RunningJvm) -> None:
    """As every job on a laptop does."""
    assert running_jvm.counted == 3


@pytest.mark.parametrize("engine", ["sail", pytest.param("jvm", marks=pytest.mark.jvm)])
@pytest.mark.parametrize("contract", TABLES, ids=lambda contract: contract.name)
def test_files_match_the_contract_down_to_the_physical_type(
    request: pytest.FixtureRequest, engine: str, contract: Contract
) -> None:
    """COPY goes by position and physical type, and fails on anything else."""
    run: Run = request.getfixturevalue(engine)
    files = run.files(contract.name)
    assert files, "a table without files would pass"
    physical = [PHYSICAL.get(column.type, "BYTE_ARRAY") for column in contract.stored_columns]
    for file in files:
        parquet = pq.ParquetFile(file)
        columns = [parquet.schema.column(position) for position in range(len(parquet.schema))]
        assert parquet.schema_arrow.names == [column.name for column in contract.stored_columns], file
        assert parquet.schema_arrow.types == arrow_schema(contract.stored_columns).types, file
        assert [column.physical_type for column in columns] == physical, file
        assert {column.max_repetition_level for column in columns} == {0}, file


def test_the_home_contains_the_cases_that_distinguish_engines(sail: Run) -> None:
    """Equal tables prove little if they are empty."""
    counted = {
        commit.object_key: tuple(commit.outcome(name).rows for name in OUTCOMES)
        for commit in sail.commits.values()
        if commit.status == "read" and "/" in commit.object_key
    }
    assert counted == parity_home.OUTCOMES
    assert {c.object_key for c in sail.commits.values() if c.status == "refused"} == parity_home.REFUSED
    rules = {rule for row in sail.rows("rejected_rows") for rule in row["rules"].split(",")}
    assert {"conflicting_key", "repeated_row", "blank_row", "malformed_row", "invalid_amount"} <= rules
    assert {"unbalanced_voucher", "half_voucher"} <= rules
    assert not any(any(commit.unaccounted) for commit in sail.commits.values() if commit.status == "read")
    assert sail.held.keys() == parity_home.HELD.keys()
    assert all(account in sail.held[key] for key, account in parity_home.HELD.items())
    sheets = pa.Table.from_pylist(sail.rows("dim_account"))
    assert {"flow", "balance"} == set(sheets["measure"].to_pylist())


def test_the_files_of_this_test_give_figures_that_were_computed_by_hand(sail: Run) -> None:
    """Signs, rounding, corrected and moved lines, replaced months."""
    names = {row["account_key"]: row["account_number"] for row in sail.rows("dim_account")}
    codes = {row["department_key"]: row["department_code"] for row in sail.rows("dim_department")}
    scenarios = {row["scenario_key"]: row["scenario_name"] for row in sail.rows("dim_scenario")}
    by_account: dict[tuple[str, str], Decimal] = {}
    by_cell: dict[tuple[str, str, str, str], Decimal] = {}
    for row in sail.rows(FACT_FINANCIALS.name):
        scenario, account = scenarios[row["scenario_key"]], names[row["account_key"]]
        period, department = f"{row['transaction_date']:%Y-%m}", codes[row["department_key"]]
        cell = (scenario, period, department, account)
        by_cell[cell] = by_cell.get(cell, Decimal(0)) + row["amount"]
        if scenario == "Actual":
            by_account[period, account] = by_account.get((period, account), Decimal(0)) + row["amount"]
    assert {key: by_account.get(key) for key in parity_home.GENERAL_LEDGER_FACTS} == parity_home.GENERAL_LEDGER_FACTS
    assert {key: by_cell.get(key) for key in parity_home.PLANS_FACTS} == parity_home.PLANS_FACTS
    assert ("2020-12", "10") not in by_account, "the line moved to January"


def test_all_spellings_of_a_code_are_one_member_with_the_right_name(sail: Run) -> None:
    """Full-width letters, lower case and spaces around; the reference file's spelling, else the first."""
    departments = {row["department_key"]: row for row in sail.rows("dim_department")}
    factory = departments[surrogate_key("de7")]
    assert (factory["department_code"], factory["department_name"]) == ("DE7", "Werk sieben")
    assert (factory["business_unit"], factory["is_inferred"]) == ("Produktion", False)
    assert departments[surrogate_key("8-02")]["business_unit"] == "Süden"
    accounts = {row["account_number"]: row["account_name"] for row in sail.rows("dim_account")}
    assert (accounts["0010"], accounts["10"]) == ("Erlöse laut Plan", "Aufwand laut Plan")


def names_used(source: str) -> set[str]:
    """Return every attribute and every imported name in Python source."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {part for alias in node.names for part in alias.name.split(".")}
    return names


@pytest.mark.parametrize("module", sorted((PACKAGE / "transforms").glob("*.py")), ids=lambda module: module.stem)
def test_transforms_use_no_name_that_an_engine_lacks_or_treats_differently(module: Path) -> None:
    """The same text runs on Sail, the JVM and Glue."""
    assert names_used(module.read_text(encoding="utf-8")) & FORBIDDEN == set()


def names_new_in_spark_4() -> set[str]:
    """Return the methods and functions of Spark that Glue 5 lacks, as their descriptions say."""
    owners = (DataFrame, Column, SparkSession, GroupedData, DataFrameReader, DataFrameWriter, functions)
    described = ((name, getattr(owner, name).__doc__ or "") for owner in owners for name in dir(owner))
    return {name for name, text in described if _NEW_IN_SPARK_4.search(text)} - _OF_OTHERS


@pytest.mark.parametrize(
    "module",
    [module for room in ("transforms", "spark_jobs") for module in sorted((PACKAGE / room).glob("*.py"))],
    ids=lambda module: f"{module.parent.name}.{module.stem}",
)
def test_jobs_use_nothing_that_the_spark_of_glue_5_lacks(module: Path) -> None:
    """Regions and accounts without Glue 6 run the same scripts; `toArrow` failed each build by a plan there."""
    assert names_used(module.read_text(encoding="utf-8")) & names_new_in_spark_4() == set()


def test_what_is_new_in_spark_4_is_found() -> None:
    """The test above can fail."""
    assert {"toArrow", "try_to_date", "dayname", "transpose"} <= names_new_in_spark_4()


@pytest.mark.parametrize(
    "source",
    [
        "rows.rdd.map(str)",
        "from pyspark.sql.functions import udf",
        "@F.udf('int')\ndef f(x): ...",
        "rows.dropDuplicates(['line_key'])",
        "spark.sparkContext._jvm.java",
        "[row for row in rows.collect()]",
    ],
)
def test_a_forbidden_name_is_found(source: str) -> None:
    """The test above can fail."""
    assert names_used(source) & FORBIDDEN
