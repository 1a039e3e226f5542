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
import pytest

from finance_platform.bootstrap import processed_zone
from finance_platform.contracts.star import STAR
from finance_platform.settings import Settings
from finance_platform.storage.port import StoredObject
from finance_platform_tests.aws.fakes import Deployment, StandIns, deployed, stand_ins
from finance_platform_tests.aws.two_profiles import OF_A_RUN, SAMPLE, AwsHome, in_lake, in_warehouse, local_sample
from finance_platform_tests.end_to_end.small_home import Home

pytestmark = pytest.mark.end_to_end


@dataclass(frozen=True)
class DeployedHome(AwsHome):
    """A home on the stand-ins.

    Attributes:
        deployment: what it was given there.
    """

    deployment: Deployment


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIns]:
    """All stand-ins."""
    with stand_ins(tmp_path_factory.mktemp("glue")) as found:
        yield found


@pytest.fixture(scope="module")
def make_home(there: StandIns, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], DeployedHome]:
    """Makes a home on AWS whose raw zone has the files of a folder."""

    def make(files: Path) -> DeployedHome:
        deployment = deployed(there)
        home = DeployedHome(Home(tmp_path_factory.mktemp("home")), deployment.settings, deployment)
        for path in sorted(files.iterdir()):
            home.deployment.send(path)
        return home

    return make


@pytest.fixture(scope="module")
def on_aws(make_home: Callable[[Path], DeployedHome]) -> DeployedHome:
    """A home with the sample, after its first run on profile aws."""
    home = make_home(SAMPLE)
    done = home.command("run")
    assert done.returncode == 0, done.stdout + done.stderr
    return home


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with the sample, after its first run on a laptop."""
    return local_sample(tmp_path_factory)


# One job, two profiles


def test_every_table_of_the_warehouse_is_what_the_local_profile_makes(on_aws: DeployedHome, local: Settings):
    ours, theirs = in_warehouse(on_aws.settings), in_warehouse(local)
    assert {table: len(rows) for table, rows in ours.items()} == {table: len(rows) for table, rows in theirs.items()}
    for table, rows in theirs.items():
        assert ours[table] == rows, table
    assert len(ours["FactFinancials"]) == 34703


def test_every_table_of_the_processed_zone_is_what_the_local_profile_makes(on_aws: DeployedHome, local: Settings):
    ours, theirs = in_lake(on_aws.settings), in_lake(local)
    assert ours.keys() == theirs.keys()
    for table, rows in theirs.items():
        assert ours[table] == rows, table


def test_the_report_lies_beside_the_processed_zone_and_says_the_same(on_aws: DeployedHome, local: Settings):
    bucket = on_aws.deployment.bucket("processed")
    found = boto3.client("s3").get_object(Bucket=bucket, Key="reports/variance_report.csv")["Body"].read().decode()
    assert found == (Path(local.reports_root) / "variance_report.csv").read_text()
    assert next(csv.DictReader(io.StringIO(found)))["AccountType"]


def test_nothing_of_a_run_lies_in_the_raw_zone_and_no_zone_lies_on_this_disk(on_aws: DeployedHome):
    listed = boto3.client("s3").list_objects_v2(Bucket=on_aws.deployment.bucket("raw"))["Contents"]
    assert {one["Key"] for one in listed} == {path.name for path in SAMPLE.iterdir()}
    assert not {path.name for path in on_aws.home.path.iterdir()} & {"raw", "processed", "warehouse.duckdb", "reports"}


def test_a_second_run_has_nothing_to_do_and_starts_no_job(on_aws: DeployedHome, there: StandIns):
    jobs = len(there.glue.runs)
    done = on_aws.command("run")
    assert (done.returncode, "Nothing to do" in done.stdout) == (0, True), done.stdout
    assert len(there.glue.runs) == jobs


def test_the_catalog_lists_what_lies_in_the_processed_zone(on_aws: DeployedHome):
    database = on_aws.deployment.setting("DATA_CATALOG_DATABASE")
    tables = {one["Name"] for one in boto3.client("glue").get_tables(DatabaseName=database)["TableList"]}
    assert {contract.name for contract in STAR} < tables


def test_the_run_is_measured(on_aws: DeployedHome):
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
    command: tuple[str, ...], on_aws: DeployedHome, local: Settings
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


# What comes later: from here on the home is another


def test_a_correction_moves_a_closed_period_with_an_alert_and_a_bad_file_stops_nobody(
    on_aws: DeployedHome, tmp_path: Path
):
    assert on_aws.command("close", "2025-03", "--why", "signed").returncode == 0
    corrected = (
        (SAMPLE / "forecast.csv").read_text().replace("2025-03,D300,4100,1821740.00", "2025-03,D300,4100,1821740.01")
    )
    for name, text in (("forecast.csv", corrected), ("budget.csv", "month,what\n2024-01,1\n")):
        (tmp_path / name).write_text(text)
        on_aws.deployment.send(tmp_path / name)
    done = on_aws.command("run")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "budget.csv" in done.stdout
    moved = json.loads(on_aws.command("movements", "--format", "json").stdout)
    assert [
        (row["Period"], row["Scenario"], row["Measure"], row["Difference"], row["IsRestatement"]) for row in moved
    ] == [("2025-03", "Forecast", "Amount", "0.01", True)]
    told = [json.loads(processed_zone(on_aws.settings).read(item.key)) for item in _alerts(on_aws)]
    assert "restatement of 2025-03 by load 2" in {note["key"] for note in told}


def _alerts(home: DeployedHome) -> list[StoredObject]:
    return list(processed_zone(home.settings).list_objects("alerts"))
