"""The whole job on profile aws, over real wires to the stand-ins: what comes out is what the local profile makes.

Belongs here: stories through the command line that need all services at once. Does not belong here: one adapter's ways.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pyarrow.parquet as pq
import pytest

from finance_platform.adapters import open_warehouse, processed_zone
from finance_platform.contracts.processed import PROCESSED
from finance_platform.contracts.star import STAR, WAREHOUSE
from finance_platform.lake.deliveries import read_commits
from finance_platform.lake.plan import StarSettings
from finance_platform.lake.port import Lake
from finance_platform.lake.snapshot import take_snapshot
from finance_platform.settings import Settings, load_settings
from finance_platform_tests.aws.stand_ins import Deployment, StandIns, deployed, stand_ins
from finance_platform_tests.end_to_end.small_home import Ended, Home, small_home
from finance_platform_tests.environment import nobodys_environment
from finance_platform_tests.made_once import made_once

pytestmark = pytest.mark.end_to_end

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "raw"
OF_A_RUN = {"load_timestamp", "loaded_at", "run_id", "attempt", "applied_at", "changes"}
"""Columns that say when, by which run, and in which steps tables were made; two homes differ in them."""


@dataclass(frozen=True)
class AwsHome:
    """A home whose zones and warehouse are on the stand-ins."""

    home: Home
    deployment: Deployment

    def command(self, *arguments: str) -> Ended:
        """Run `finance-platform` on it, in this process."""
        return self.home.command(*arguments, **self.deployment.settings)

    @property
    def settings(self) -> Settings:
        """Its settings."""
        with nobodys_environment(self.home.path, **self.deployment.settings):
            return load_settings(home=self.home.path)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIns]:
    """All stand-ins."""
    with stand_ins(tmp_path_factory.mktemp("glue")) as found:
        yield found


@pytest.fixture(scope="module")
def make_home(there: StandIns, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], AwsHome]:
    """Makes a home on AWS whose raw zone has the files of a folder."""

    def make(files: Path) -> AwsHome:
        home = AwsHome(Home(tmp_path_factory.mktemp("home")), deployed(there))
        for path in sorted(files.iterdir()):
            home.deployment.send(path)
        return home

    return make


@pytest.fixture(scope="module")
def on_aws(make_home: Callable[[Path], AwsHome]) -> AwsHome:
    """A home with the sample, after its first run on profile aws."""
    home = make_home(SAMPLE)
    done = home.command("run")
    assert done.returncode == 0, done.stdout + done.stderr
    return home


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with the sample, after its first run on a laptop."""

    def run(folder: Path) -> None:
        home = Home(folder)
        for path in sorted(SAMPLE.iterdir()):
            home.write(f"raw/{path.name}", path.read_bytes())
        assert home.command("run").returncode == 0

    folder = made_once(tmp_path_factory, "sample_once_run", run)
    with nobodys_environment(folder):
        return load_settings(home=folder)


def in_warehouse(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table of a warehouse, but for what says when and by which run."""
    warehouse, found = open_warehouse(settings), {}
    for contract in WAREHOUSE:
        names = ", ".join(column.sql_name for column in contract.columns if column.name not in OF_A_RUN)
        found[contract.table] = sorted(warehouse.query(f"SELECT {names} FROM {contract.table}").rows, key=repr)
    return found


def in_lake(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table of a processed zone."""
    lake = processed_zone(settings)
    keys: dict[str, list[str]] = {contract.name: [] for contract in (*PROCESSED, *STAR)}
    for commit in read_commits(lake).values():
        for table, files in commit.files.items():
            keys.setdefault(table, []).extend(file.key for file in files)
    for (table, _), slice_commit in take_snapshot(lake, StarSettings.of(settings), record=False).built.items():
        keys[table] += [file.key for file in slice_commit.files]
    return {table: sorted((row for key in of for row in rows_of(lake, key)), key=repr) for table, of in keys.items()}


def rows_of(lake: Lake, key: str) -> Iterator[tuple[Any, ...]]:
    with lake.open(key) as stream:
        for row in pq.ParquetFile(stream).read().to_pylist():
            yield tuple(row.items())


# One job, two profiles


def test_every_table_of_the_warehouse_is_what_the_local_profile_makes(on_aws: AwsHome, local: Settings):
    ours, theirs = in_warehouse(on_aws.settings), in_warehouse(local)
    assert {table: len(rows) for table, rows in ours.items()} == {table: len(rows) for table, rows in theirs.items()}
    for table, rows in theirs.items():
        assert ours[table] == rows, table
    assert len(ours["FactFinancials"]) == 34703


def test_every_table_of_the_processed_zone_is_what_the_local_profile_makes(on_aws: AwsHome, local: Settings):
    ours, theirs = in_lake(on_aws.settings), in_lake(local)
    assert ours.keys() == theirs.keys()
    for table, rows in theirs.items():
        assert ours[table] == rows, table


def test_the_report_lies_beside_the_processed_zone_and_says_the_same(on_aws: AwsHome, local: Settings):
    bucket = on_aws.deployment.bucket("processed")
    found = boto3.client("s3").get_object(Bucket=bucket, Key="reports/variance_report.csv")["Body"].read().decode()
    assert found == (Path(local.reports_root) / "variance_report.csv").read_text()
    assert next(csv.DictReader(io.StringIO(found)))["AccountType"]


def test_nothing_of_a_run_lies_in_the_raw_zone_and_no_zone_lies_on_this_disk(on_aws: AwsHome):
    listed = boto3.client("s3").list_objects_v2(Bucket=on_aws.deployment.bucket("raw"))["Contents"]
    assert {one["Key"] for one in listed} == {path.name for path in SAMPLE.iterdir()}
    assert not {path.name for path in on_aws.home.path.iterdir()} & {"raw", "processed", "warehouse.duckdb", "reports"}


def test_a_second_run_has_nothing_to_do_and_starts_no_job(on_aws: AwsHome, there: StandIns):
    jobs = len(there.glue.runs)
    done = on_aws.command("run")
    assert (done.returncode, "Nothing to do" in done.stdout) == (0, True), done.stdout
    assert len(there.glue.runs) == jobs


def test_the_catalog_lists_what_lies_in_the_processed_zone(on_aws: AwsHome):
    database = on_aws.deployment.setting("DATA_CATALOG_DATABASE")
    tables = {one["Name"] for one in boto3.client("glue").get_tables(DatabaseName=database)["TableList"]}
    assert {contract.name for contract in STAR} < tables


def test_the_run_is_measured(on_aws: AwsHome):
    listed = boto3.client("cloudwatch").list_metrics(Namespace=on_aws.deployment.setting("METRICS_NAMESPACE"))
    names = {one["MetricName"] for one in listed["Metrics"]}
    assert {"RowsRead", "RowsAccepted", "RowsRejected", "MoneyRejected", "RunDuration", "RunsSucceeded"} <= names


@pytest.mark.parametrize(
    "command",
    [
        ("status", "--json"),
        ("rejected", "--format", "json"),
        ("movements", "--format", "json"),
        ("query", "SELECT COUNT(*) AS Days FROM DimDate", "--format", "json"),
        ("trace", "--period", "2025-03", "--department", "0450", "--account", "6110", "--format", "json"),
        ("vacuum", "--json"),
    ],
)
def test_every_question_gets_the_answer_that_it_gets_on_a_laptop(
    command: tuple[str, ...], on_aws: AwsHome, local: Settings
):
    ours, theirs = on_aws.command(*command), Home(local.home_path).command(*command)
    assert (ours.returncode, ours.stderr) == (theirs.returncode, theirs.stderr)
    assert _without_runs(json.loads(ours.stdout)) == _without_runs(json.loads(theirs.stdout))


def _without_runs(answer: Any) -> Any:
    """Leave out of an answer what says when and by which run."""
    if isinstance(answer, dict):
        left_out = OF_A_RUN | {"LoadedAt", "RunId", "last_run", "modified_at", "at", "built_at"}
        return {name: _without_runs(value) for name, value in answer.items() if name not in left_out}
    return [_without_runs(one) for one in answer] if isinstance(answer, list) else answer


# What comes later


@pytest.fixture(scope="module")
def small(make_home: Callable[[Path], AwsHome], tmp_path_factory: pytest.TempPathFactory) -> AwsHome:
    """A small home on AWS, after its first run."""
    home = make_home(small_home(tmp_path_factory.mktemp("sent")).path / "raw")
    done = home.command("run")
    assert done.returncode == 0, done.stdout + done.stderr
    return home


def test_a_correction_moves_a_closed_period_with_an_alert_and_a_bad_file_stops_nobody(small: AwsHome, tmp_path: Path):
    assert small.command("close", "2024-01", "--why", "signed").returncode == 0
    corrected = (
        "transaction_id,transaction_date,department_code,account_number,amount,description\n"
        "T1,2024-01-05,D100,4000,1000.01,January\nT2,2024-01-31,0450,6000,250.10,Salaries\n"
        "T3,2024-02-05,D100,4000,1100.00,February\nT4,2024-02-29,0450,6000,1250.25,Salaries\n"
        "T5,2024-03-05,D100,4000,-100.00,Credit note\n"
    )
    for name, text in (("transactions.csv", corrected), ("budget.csv", "month,what\n2024-01,1\n")):
        (tmp_path / name).write_text(text)
        small.deployment.send(tmp_path / name)
    done = small.command("run")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "budget.csv" in done.stdout
    moved = json.loads(small.command("movements", "--period", "2024-01", "--format", "json").stdout)
    assert [(row["Difference"], row["IsRestatement"]) for row in moved if row["Measure"] == "Amount"] == [
        ("0.01", True)
    ]
    sent = processed_zone(small.settings).list_objects("alerts")
    assert len(list(sent)) >= 1
