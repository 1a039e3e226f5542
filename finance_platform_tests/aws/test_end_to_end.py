"""The whole platform on profile aws, over real HTTP to fakes: the same results as on the local profile.

Belongs here: scenarios through the command line that need all services at once. Does not belong here: one adapter.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest

from finance_platform.bootstrap import processed_zone
from finance_platform.contracts.star import STAR
from finance_platform.settings import Settings
from finance_platform.storage import immutable_documents
from finance_platform.storage.s3_options import S3Options, object_store_variables
from finance_platform_tests.aws.fakes import Deployment, Fakes, deploy, start_fakes
from finance_platform_tests.aws.iam import Needed, needed_for, refused
from finance_platform_tests.aws.moto_server import REGION, in_environment
from finance_platform_tests.aws.old_versions import without_rule
from finance_platform_tests.aws.two_profiles import (
    RUN_COLUMNS,
    AwsHome,
    local_part_of_the_sample,
    local_sample,
    processed_rows,
    warehouse_rows,
)
from finance_platform_tests.dagster_jobs import dagster_jobs_in_this_process, runs_write_workbooks
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.sample_home import SAMPLE
from finance_platform_tests.profiles import at_night, current_profile
from finance_platform_tests.shared_spark import shared_session
from finance_platform_tests.warehouse.engines import redshift_data
from finance_platform_tests.workbooks import Rows, xlsx

TARGETS_FEED = """
feed: targets
kind: ledger
path: targets.xlsx
sheet: Targets
columns: {date: Day, department: Department, account: Account, amount: Amount}
constants: {scenario: Budget targets}
"""
TARGETS: Rows = [
    ["Day", "Department", "Account", "Amount"],
    ["2025-04-01", "D300", 4100, 12.5],
    ["2025-04-02", "D300", 4100, 2.25],
]
FORECAST_SUM = """
SELECT SUM(Amount) AS Amount FROM FactFinancials INNER JOIN DimScenario USING (ScenarioKey)
WHERE ScenarioName = 'Forecast'
"""
TARGETS_SUM = """
SELECT SUM(TransactionCount) AS Lines, SUM(Amount) AS Amount FROM FactFinancials
INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey WHERE ScenarioName = 'Budget targets'
"""

WHOLE_SAMPLE = current_profile().is_exhaustive
"""By default two months of it: a twentieth of the rows, which the fakes copy, compare and send one by one."""

pytestmark = pytest.mark.end_to_end


@dataclass(frozen=True)
class DeployedHome(AwsHome):
    """A home on the fakes.

    Attributes:
        deployment: its deployment.
        needed: what its first run needed of S3.
    """

    deployment: Deployment
    needed: frozenset[Needed]


@pytest.fixture(scope="module", autouse=True)
def _dagster_jobs() -> Iterator[None]:
    """Jobs in the task and Dagster's own files at less cost; a second run would write a missing workbook."""
    with dagster_jobs_in_this_process(), runs_write_workbooks():
        yield


JOBS = {"in the task": "200000000", "in Glue": "0"}
"""`GLUE_FROM_BYTES` by the place where the sample's jobs run."""


@pytest.fixture(scope="module")
def fakes(local: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fakes]:
    """Every service; the local home comes first, because its Spark would take the fakes for its own S3."""
    assert local.profile == "local"
    if not current_profile().is_exhaustive:
        shared_session()  # it leaves variables in the environment, which would end with the block below
    with start_fakes(tmp_path_factory.mktemp("glue"), redshift_data(tmp_path_factory)) as running:
        options = S3Options(region=REGION, endpoint_url=running.aws.address)
        # A job in this process finds what a job's own process sets.
        with in_environment(running.environment | object_store_variables(options)):
            yield running


@pytest.fixture(scope="module", params=JOBS if current_profile().is_exhaustive else ["in the task"])
def on_aws(
    request: pytest.FixtureRequest, fakes: Fakes, local: Settings, tmp_path_factory: pytest.TempPathFactory
) -> DeployedHome:
    """A home with the files of the local one after its first run on profile aws."""
    deployment = deploy(fakes, glue_from_bytes=JOBS[request.param], alert_run_finished="true")
    home = AwsHome(Home(tmp_path_factory.mktemp("home")), deployment.settings)
    for path in sorted(Path(local.raw_root).iterdir()):
        deployment.deliver(path)
    started, before = len(fakes.glue.runs), len(fakes.aws.faults.requests)
    ended = home.command("run")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert len(fakes.glue.runs) - started == (2 if request.param == "in Glue" else 0)
    buckets = {deployment.bucket(zone): f"{zone}bucket" for zone in ("raw", "processed", "scripts")}
    needed = needed_for(fakes.aws.faults.requests[before:], buckets)
    return DeployedHome(home.home, home.variables, deployment, frozenset(needed))


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with the sample, or part of it, after its first run on profile local."""
    if WHOLE_SAMPLE:
        return local_sample(tmp_path_factory)
    return local_part_of_the_sample(tmp_path_factory.mktemp("part") / "home")


# One run, two profiles


def test_every_table_of_the_warehouse_equals_that_of_the_local_profile(on_aws: DeployedHome, local: Settings):
    actual, expected = warehouse_rows(on_aws.settings), warehouse_rows(local)
    assert {table: len(rows) for table, rows in actual.items()} == {
        table: len(rows) for table, rows in expected.items()
    }
    for table, rows in expected.items():
        assert actual[table] == rows, table
    assert len(actual["FactFinancials"]) == (34703 if WHOLE_SAMPLE else 1964)


def test_every_table_of_the_processed_zone_equals_that_of_the_local_profile(on_aws: DeployedHome, local: Settings):
    actual, expected = processed_rows(on_aws.settings), processed_rows(local)
    assert actual.keys() == expected.keys()
    for table, rows in expected.items():
        assert actual[table] == rows, table
    assert expected["rejected_rows"]


def test_the_report_is_in_the_bucket_of_the_processed_zone_and_equals_the_local_one(
    on_aws: DeployedHome, local: Settings
):
    response = boto3.client("s3").get_object(
        Bucket=on_aws.deployment.bucket("processed"), Key="reports/variance_report.csv"
    )
    report = response["Body"].read().decode()
    assert report == (Path(local.reports_root) / "variance_report.csv").read_text()
    assert next(csv.DictReader(io.StringIO(report)))["AccountType"]


def test_the_report_pack_is_in_that_bucket_as_a_page_and_has_the_figures_of_the_local_one(
    on_aws: DeployedHome, local: Settings
):
    response = boto3.client("s3").get_object(
        Bucket=on_aws.deployment.bucket("processed"), Key="reports/report_pack.html"
    )
    assert response["ContentType"] == "text/html; charset=utf-8"
    pages = (response["Body"].read().decode(), (Path(local.reports_root) / "report_pack.html").read_text("utf-8"))
    documents = [json.loads(page.split('id="pack-data">')[1].split("</script>")[0]) for page in pages]
    assert documents[0] == documents[1]
    assert documents[0]["series"]


def test_a_run_writes_nothing_to_the_raw_zone_and_no_zone_to_the_local_disk(on_aws: DeployedHome):
    objects = boto3.client("s3").list_objects_v2(Bucket=on_aws.deployment.bucket("raw"))["Contents"]
    assert {item["Key"] for item in objects} == {path.name for path in SAMPLE.iterdir()}
    assert not {path.name for path in on_aws.home.path.iterdir()} & {"raw", "processed", "warehouse.duckdb", "reports"}


def test_a_run_needs_no_right_on_s3_that_its_role_does_not_have(on_aws: DeployedHome):
    assert {"s3:ListBucket", "s3:GetObject", "s3:PutObject"} <= {one.action for one in on_aws.needed}
    left = [one for one in refused("PlatformRole", on_aws.needed) if refused("CopyRole", [one])]
    # Glue reads the scripts and the wheels of its jobs.
    assert [one for one in left if refused("GlueRole", [one])] == []


def test_every_folder_of_the_processed_bucket_is_evidence_or_loses_its_old_versions(on_aws: DeployedHome):
    folders = {item.key.partition("/")[0] for item in processed_zone(on_aws.settings).list_objects()}
    assert {"register", "loads", "settings", "members", "jobs"} <= folders
    assert without_rule(folders) == set()


def test_a_second_run_has_nothing_to_do_starts_no_job_and_reads_each_slice_once(fakes: Fakes, on_aws: DeployedHome):
    jobs = len(requests_of_jobs(on_aws))
    before = len(fakes.aws.faults.requests)
    immutable_documents.forget_documents()  # as a process that has just started
    ended = on_aws.command("run")
    paths = [one.path for one in fakes.aws.faults.requests[before:] if one.method == "GET" and "/slices/" in one.path]
    assert len(paths) == len(set(paths)) > 4, paths
    assert (ended.returncode, "Nothing to do" in ended.stdout) == (0, True), ended.stdout
    assert "No run was needed since run " in ended.stdout
    assert len(requests_of_jobs(on_aws)) == jobs == 2


def requests_of_jobs(home: DeployedHome) -> list[str]:
    keys = (item.key for item in processed_zone(home.settings).list_objects("jobs"))
    return [key for key in keys if key.endswith("/request.json")]


def test_the_data_catalog_lists_the_tables_of_the_processed_zone(on_aws: DeployedHome):
    database = on_aws.deployment.setting("DATA_CATALOG_DATABASE")
    tables = {table["Name"] for table in boto3.client("glue").get_tables(DatabaseName=database)["TableList"]}
    assert {contract.name for contract in STAR} < tables


def test_the_run_sends_its_metrics(on_aws: DeployedHome):
    metrics = boto3.client("cloudwatch").list_metrics(Namespace=on_aws.deployment.setting("METRICS_NAMESPACE"))
    names = {metric["MetricName"] for metric in metrics["Metrics"]}
    assert {"RowsRead", "RowsAccepted", "RowsRejected", "MoneyRejected", "RunDuration", "RunsSucceeded"} <= names


COMMANDS: tuple[tuple[str, ...], ...] = (
    ("status", "--json"),
    ("trace", "--period", "2025-03", "--department", "0450", "--account", "6110", "--format", "json"),
    ("verify", "--format", "json"),
    ("audit-sample", "2025-03", "--n", "3", "--seed", "1", "--format", "json"),
)
AT_NIGHT: tuple[tuple[str, ...], ...] = (
    ("rejected", "--format", "json"),
    ("movements", "--format", "json"),
    ("query", "SELECT COUNT(*) AS Days FROM DimDate", "--format", "json"),
    ("vacuum", "--json"),
)


@pytest.mark.parametrize("command", COMMANDS + AT_NIGHT if current_profile().is_exhaustive else COMMANDS)
def test_every_command_answers_as_on_the_local_profile(command: tuple[str, ...], on_aws: DeployedHome, local: Settings):
    actual, expected = on_aws.command(*command), Home(local.home_path).command(*command)
    assert (actual.returncode, actual.stderr) == (expected.returncode, expected.stderr)
    assert _without_runs(json.loads(actual.stdout)) == _without_runs(json.loads(expected.stdout))


def _without_runs(answer: Any) -> Any:
    """Remove the fields with times and runs from an answer."""
    if isinstance(answer, dict):
        removed = RUN_COLUMNS | {
            "LoadedAt",
            "RunId",
            "last_run",
            "modified_at",
            "at",
            "built_at",
            "first_seen",
            "discovered_at",
        }
        return {name: _without_runs(value) for name, value in answer.items() if name not in removed}
    return [_without_runs(item) for item in answer] if isinstance(answer, list) else answer


# Later deliveries: these change the home, so the tests above come first


@at_night("`test_closed_periods` and `test_sns` show both halves")
def test_a_correction_of_a_closed_period_sends_an_alert_and_a_bad_file_blocks_no_other_file(
    on_aws: DeployedHome, tmp_path: Path
):
    on_aws.variables["FINANCE_PLATFORM_CLOSED_PERIODS"] = "publish"
    waived = ("--waive", "rejected", "--waive", "unclassified")
    assert on_aws.command("close", "2025-03", *waived, "--why", "signed").returncode == 0
    corrected = (
        (SAMPLE / "forecast.csv").read_text().replace("2025-03,D300,4100,1821740.00", "2025-03,D300,4100,1821740.01")
    )
    corrected += "2025-03,D3\x0000,4100,1.00\n"  # no warehouse can hold NUL
    for name, text in (("forecast.csv", corrected), ("budget.csv", "month,what\n2024-01,1\n")):
        (tmp_path / name).write_text(text)
        on_aws.deployment.deliver(tmp_path / name)
    (tmp_path / "targets.xlsx").write_bytes(xlsx({"Targets": TARGETS, "Notes": [["not read"]]}))
    on_aws.deployment.deliver(tmp_path / "targets.xlsx")
    on_aws.home.write("feeds/targets.yaml", TARGETS_FEED)
    ended = on_aws.command("run")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "budget.csv" in ended.stdout
    movements = json.loads(on_aws.command("movements", "--format", "json").stdout)
    # The plan of the workbook is new, and compared with the budget of its period.
    movements = [row for row in movements if row["Scenario"] != "Budget targets"]
    assert [
        (row["Period"], row["Scenario"], row["Measure"], row["Difference"], row["IsRestatement"]) for row in movements
    ] == [("2025-03", "Forecast", "Amount", "0.01", True)]
    signed, now = (
        Decimal(json.loads(on_aws.command("query", *as_of, FORECAST_SUM, "--format", "json").stdout)[0]["Amount"])
        for as_of in (("--as-of", "close:2025-03"), ())
    )
    assert now - signed == Decimal("0.01")
    rejected = json.loads(on_aws.command("rejected", "--feed", "forecast", "--format", "json").stdout)
    assert [row["amount"] for row in rejected if row["rules"] == "nul_character"] == ["1.00"]
    targets = json.loads(on_aws.command("query", TARGETS_SUM, "--format", "json").stdout)
    assert [(row["Lines"], row["Amount"]) for row in targets] == [(2, "14.75")]
    processed = processed_zone(on_aws.settings)
    alerts = [json.loads(processed.read(item.key)) for item in processed.list_objects("alerts")]
    assert "restatement of 2025-03 by load 2" in {alert["key"] for alert in alerts}
    decisions = json.loads(on_aws.command("history", "--format", "json", "--period", "2025-03").stdout)
    # The stand-in is not AWS, so it proves nothing.
    assert {(row["action"], row["identified_by"]) for row in decisions} == {("closed", "unverified")}
    shown = json.loads(on_aws.command("query", "SELECT EventNumber FROM DecisionLog", "--format", "json").stdout)
    assert {row["event_number"] for row in decisions} <= {row["EventNumber"] for row in shown}
