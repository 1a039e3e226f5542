"""The Spark session of a local job. It is short because what the session computes is tested by the jobs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.errors.utils import is_debugging_enabled
from pyspark.sql import SparkSession

import finance_platform
from finance_platform.spark_jobs.harness import INTERRUPTED_EXIT_CODE
from finance_platform.spark_jobs.session import spark_session
from finance_platform_tests.environment import unmeasured_environment

JOB = """
import sys, time
from finance_platform.spark_jobs.harness import ended_if_interrupted
from finance_platform.spark_jobs.session import spark_session

def task(batches):
    print("at work", flush=True)
    time.sleep(600)
    yield from batches

with ended_if_interrupted(), spark_session("sail") as spark:
    print("pysail" in sys.modules, flush=True)
    spark.range(1).mapInArrow(task, "id long").collect()
"""

HOST = """
import sys
import pyarrow as pa
from finance_platform.spark_jobs import job_host

job_host.main()
pa.array(["a text"])
print("pandas" in sys.modules)
with job_host.spark_session("sail") as spark:
    rows = spark.createDataFrame([(1, "a text")], "number bigint, name string")
    print(rows.mapInArrow(lambda batches: batches, rows.schema).collect(), rows.toPandas().shape)
"""

SMALL = """
import sys
from pathlib import Path
from finance_platform.spark_jobs.job_host import spark_session
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.end_to_end.small_home import create_small_home

home = create_small_home(Path(sys.argv[1]))
with spark_session("sail") as spark:
    assert Refresher(spark)(home).loaded
    print("pyspark" in sys.modules)
    print(spark.range(1).count(), "pyspark" in sys.modules)
"""

UNREACHABLE = """
from finance_platform.errors import TransientJobError
from finance_platform.spark_jobs import session

session.CONNECT_RETRIES = 1
try:
    with session.spark_session("jvm", master="sc://localhost:9"):
        pass
except TransientJobError as error:
    print(error.found)
"""

TASK = """
import sys
import finance_platform.feeds.read_file, finance_platform.spark_jobs.delivery_results
import finance_platform.feeds.files.workbook  # imported with the first workbook
from finance_platform.storage.factory import open_store
from finance_platform.storage.s3_options import NO_OPTIONS

open_store("s3://bucket/raw", NO_OPTIONS)
files = {name.partition(".")[0]: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
print(*(name for name, file in files.items() if file and "site-packages" in file))
"""
"""Prints the packages that a task of a cluster imports to read a file on S3."""

OF_BOTO3 = {"botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3", "certifi"}
OF_SPARK = {"pyspark", "py4j", "psutil", "setuptools"}


def test_spark_does_not_look_for_the_line_of_each_call(spark: SparkSession):
    assert spark.range(1).count() == 1
    assert not is_debugging_enabled(), "a quarter of a small refresh's time"


def test_sail_deals_rows_out_to_tasks_in_turn(spark: SparkSession):
    """So `batches.largest_first` gives each task about as much to read."""

    def joined(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        numbers = [row["number"] for batch in batches for row in batch.to_pylist()]
        yield pa.RecordBatch.from_pydict({"numbers": [" ".join(map(str, numbers))]})

    rows = spark.createDataFrame([(number,) for number in range(7)], "number bigint").repartition(2)
    assert {row.numbers for row in rows.mapInArrow(joined, "numbers string").collect()} == {"0 2 4 6", "1 3 5"}


def test_a_session_starts_when_it_is_used_and_an_interrupted_job_does_not_wait_for_its_end():
    command = [sys.executable, "-c", JOB]
    with subprocess.Popen(command, env=unmeasured_environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "False\n"
        assert process.stdout.readline() == "at work\n"
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(120) == INTERRUPTED_EXIT_CODE
        finally:
            process.kill()


def test_the_process_of_the_jobs_imports_pandas_for_a_session_and_not_for_an_array():
    command = [sys.executable, "-c", HOST]
    done = subprocess.run(
        command, env=unmeasured_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    # Its standard output is the log of its jobs, as its standard error is; Sail writes there too.
    assert {"False", "[Row(number=1, name='a text')] (1, 2)"} <= set(done.stderr.splitlines())


def test_jobs_on_a_few_small_files_import_no_pyspark_until_they_need_a_plan(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", SMALL, str(tmp_path)],
        env=unmeasured_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["False", "1 True"]


def test_the_page_on_spark_names_each_package_that_a_task_imports():
    printed = subprocess.run(
        [sys.executable, "-c", TASK], env=unmeasured_environment(), capture_output=True, text=True, check=True
    ).stdout
    of_module = packages_distributions()
    imported = {of_module[module][0].casefold() for module in printed.split() if module in of_module}
    page = Path(str(finance_platform.__file__)).parents[1] / "docs" / "spark.md"
    (line,) = re.findall(r"\*\*Packages\*\* there.*", page.read_text(encoding="utf-8"))
    named = set(re.findall("`([^`]+)`", line)) - {"requirements.txt"}
    assert imported - OF_BOTO3 - OF_SPARK == named
    assert not OF_BOTO3 & named


def test_on_a_cluster_the_environment_names_the_python_of_the_executors(monkeypatch: pytest.MonkeyPatch):
    def python_of(engine: str, master: str) -> str:
        # Sail starts nothing before its session is used.
        with pytest.raises(ValueError, match="nothing"), spark_session(engine, master=master):
            raise ValueError("nothing")
        return os.environ["PYSPARK_PYTHON"]

    monkeypatch.setenv("PYSPARK_PYTHON", "/opt/cluster/bin/python3")
    assert python_of("sail", "sc://unused") == "/opt/cluster/bin/python3"
    assert python_of("sail", "") == sys.executable
    monkeypatch.delenv("PYSPARK_PYTHON")
    assert python_of("sail", "sc://unused") == sys.executable


def test_a_server_of_spark_connect_that_does_not_answer_is_named_at_once_with_the_reason():
    printed = subprocess.run(
        [sys.executable, "-c", UNREACHABLE],
        env=unmeasured_environment() | {"SPARK_REMOTE": "sc://localhost:9/;x-secret=hunter2"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert printed.stdout.startswith("no server of Spark Connect answers at sc://localhost:9: failed to connect")
    assert "hunter2" not in printed.stdout + printed.stderr
