"""The command `prove` on the stand-ins: what it finds there, and that it leaves nothing behind.

Belongs here: the command as a whole on each profile, and what the stand-ins are known to do differently from AWS. Does
not belong here: what AWS does, which only `prove` on a real account can show.
"""

from __future__ import annotations

import csv
import io
import json
import secrets
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result

from finance_platform.bootstrap import processed_zone
from finance_platform.cli import main
from finance_platform.deployment import proof
from finance_platform.deployment.aws import Account
from finance_platform.errors import TransientWarehouseError
from finance_platform.settings import load_settings
from finance_platform.warehouse.proof import Assumption, DiffersError, NotTriedError, try_all
from finance_platform.warehouse.redshift.apply_security import apply_security
from finance_platform.warehouse.redshift.credentials import Credentials
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint
from finance_platform.warehouse.redshift.security_statements import Security
from finance_platform_tests.aws.fake_glue import create_job, fake_glue, upload
from finance_platform_tests.aws.moto_server import REGION, MotoServer, in_environment
from finance_platform_tests.aws.redshift_copy import COPY_ROLE
from finance_platform_tests.aws.redshift_security import VIEWS
from finance_platform_tests.warehouse.engines import RedshiftEngine, redshift_engine

DIFFERENT_ON_POSTGRES = {
    "of two loads that write one table, the later one fails as transient",
    "a view that is replaced keeps its policies",
    "a mask hides a column from one role, through a view too",
    "a policy on a view that cannot be bound is taken or refused, and nothing else fails",
}
"""PostgreSQL has other isolation, no policies on views, no masks and no late-binding views."""

DIFFERENT_ON_MOTO = {
    "no bucket outside the deployment can be reached",
    "objects are encrypted with the deployment's key",
}
"""moto has no endpoint policies, and its buckets have no key unless a test gives them one."""


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RedshiftEngine, str]]:
    with redshift_engine(tmp_path_factory) as engine:
        database = engine.server.database()
        engine.server.psql(VIEWS, database)
        engine.warehouse(database).prepare()
        engine.server.people["admin"] = secrets.token_urlsafe(8)
        engine.server.psql("CREATE ROLE admin LOGIN SUPERUSER", database)
        owner = Credentials("127.0.0.1", engine.server.port, "admin", engine.server.people["admin"])
        endpoint = RedshiftEndpoint(database, "finance", COPY_ROLE, "127.0.0.1", engine.server.port, tls=False)
        apply_security(endpoint, Security(database, "finance"), lambda _: owner)
        yield engine, database


@pytest.fixture
def variables(warehouse: tuple[RedshiftEngine, str], aws: MotoServer, bucket: str) -> dict[str, str]:
    engine, database = warehouse
    people = {"owner": ("admin", engine.server.people["admin"]), "loader": (engine.server.user, engine.server.password)}
    for name, (user, password) in people.items():
        secret = json.dumps({"username": user, "password": password})
        boto3.client("secretsmanager", endpoint_url=aws.address).create_secret(
            Name=f"{name}-{bucket}", SecretString=secret
        )
    values = {
        "PROFILE": "aws",
        "AWS_REGION": REGION,
        "RAW_URI": f"s3://{bucket}/raw",
        "PROCESSED_URI": f"s3://{bucket}/processed",
        "SCRIPTS_URI": f"s3://{bucket}/scripts",
        "GLUE_JOB_PREFIX": bucket,
        "REDSHIFT_HOST": "127.0.0.1",
        "REDSHIFT_PORT": str(engine.server.port),
        "REDSHIFT_DATABASE": database,
        "REDSHIFT_COPY_ROLE_ARN": COPY_ROLE,
        "REDSHIFT_SECRET_ID": f"loader-{bucket}",
        "REDSHIFT_TLS": "false",
    }
    return {f"FINANCE_PLATFORM_{name}": value for name, value in values.items()}


def findings(result: Result) -> dict[str, tuple[str, str]]:
    """Return verdict and what was seen, by assumption."""
    return {row["assumption"]: (row["verdict"], row["seen"]) for row in csv.DictReader(io.StringIO(result.stdout))}


def by_verdict(found: dict[str, tuple[str, str]], verdict: str) -> set[str]:
    return {assumption for assumption, (its_verdict, _) in found.items() if its_verdict == verdict}


def test_on_a_laptop_every_assumption_about_the_embedded_warehouse_holds(tmp_path: Path):
    result = CliRunner().invoke(main, ["prove", "--home", str(tmp_path), "--format", "csv"])
    assert result.exit_code == 0, result.output
    found = findings(result)
    assert by_verdict(found, "as assumed") == found.keys()
    assert len(found) == 5
    assert list(tmp_path.iterdir()) == []


def test_the_owner_s_proof_runs_on_the_stand_in_and_leaves_nothing_behind(
    warehouse: tuple[RedshiftEngine, str], variables: dict[str, str], bucket: str
):
    engine, database = warehouse
    variables["FINANCE_PLATFORM_REDSHIFT_SECRET_ID"] = f"owner-{bucket}"
    result = CliRunner().invoke(main, ["prove", "--as-owner", "--format", "csv"], env=variables)
    found = findings(result)
    assert result.exit_code == 1, result.output
    assert by_verdict(found, "not as assumed") == DIFFERENT_ON_POSTGRES, found
    assert "less than a dollar" in result.stderr
    assert found["row-level security shows a role its rows, through a view too"][1] == (
        "[2, 1, 0] rows of the table, [2, 1, 0] of the view"
    )
    assert found["each role of the platform finds its tables in the catalog and reads a view"] == (
        "as assumed",
        "finance_loader: 2 of 2, finance_controller: 2 of 2, finance_analyst: 2 of 2, finance_partner: 2 of 2",
    )
    assert found["LOCK waits, and what follows sees what the other load committed"] == (
        "as assumed",
        "it waited; saw [1] rows",
    )
    left = "SELECT COUNT(*) FROM (SELECT nspname FROM pg_namespace UNION ALL SELECT rolname FROM pg_roles UNION ALL "
    left += "SELECT polname FROM svv_rls_policy) AS names (name) WHERE name LIKE 'prove%'"
    assert engine.server.psql(left, database) == "0"


def test_the_platform_s_proof_copies_a_file_and_runs_glue(
    variables: dict[str, str], aws: MotoServer, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Account, "poll_seconds", 0.1)
    with in_environment(aws.environment), fake_glue(tmp_path, aws, python=sys.executable):
        create_job(f"{bucket}-standardise", upload("", f"s3://{bucket}/scripts/releases/x/standardise_job.py"))
        wheel = upload("", f"s3://{bucket}/scripts/releases/x/finance_platform-1-py3-none-any.whl")
        variables["FINANCE_PLATFORM_GLUE_MODULES"] = wheel
        result = CliRunner().invoke(main, ["prove", "--format", "csv"], env=variables)
    found = findings(result)
    assert by_verdict(found, "not as assumed") <= DIFFERENT_ON_MOTO, found
    assert found["COPY loads decimals, texts and NULLs of Parquet unchanged"][0] == "as assumed", found
    assert found["Glue installs the wheels and has pyarrow"][1].startswith("Python 3"), found
    assert "remote --as-owner prove" in found["DDL is rolled back with its transaction"][1]
    keys = {item["Key"] for item in boto3.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])}
    assert not [key for key in keys if "prove" in key or "manifest" in key]


def test_the_platform_s_proof_reads_the_lock_of_the_newest_event(aws: MotoServer):
    with in_environment(aws.environment):
        client, name = boto3.client("s3"), f"locked-{secrets.token_hex(6)}"
        client.create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}, ObjectLockEnabledForBucket=True
        )
        on_aws = {"processed_uri": f"s3://{name}/zone", "aws_region": REGION}

        def look(**values: Any) -> tuple[str, str]:
            home = load_settings(**on_aws, **values)
            (one,) = [one for one in proof.task_assumptions(Account(REGION), home) if "locked" in one.text]
            (finding,) = try_all([one])
            return finding.verdict, finding.seen

        locked: Any = {"s3_lock_days": 30, "s3_lock_mode": "COMPLIANCE"}
        assert look() == ("not tried", "evidence has no lock: RegisterLockDays is 0")
        assert look(**locked)[0] == "not tried"
        processed_zone(load_settings(**on_aws)).write_new("register/000000000001.json", b"{}")
        assert look(**locked) == ("not as assumed", "zone/register/000000000001.json has no lock")
        processed_zone(load_settings(**on_aws, **locked)).write_new("register/000000000002.json", b"{}")
        verdict, seen = look(**locked)
    assert verdict == "as assumed"
    assert seen.startswith("zone/register/000000000002.json: COMPLIANCE until 20")


def test_a_person_s_proof_pauses_a_cluster_asks_and_resumes_it_only_if_it_may(
    aws: MotoServer, bucket: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Account, "poll_seconds", 0.1)
    text = "a paused warehouse says so, and comes back"
    with in_environment(aws.environment):
        client = boto3.client("redshift")
        login = {"MasterUsername": "owner", "MasterUserPassword": secrets.token_hex(8) + "A"}
        client.create_cluster(ClusterIdentifier=bucket, NodeType="ra3.large", **login)

        def status() -> str:
            return str(client.describe_clusters(ClusterIdentifier=bucket)["Clusters"][0]["ClusterStatus"])

        def prove(ids: dict[str, str], ask: Callable[[], str] | None) -> tuple[str, str]:
            (one,) = [one for one in proof.person_assumptions(Account(REGION), ids, "s3://x", ask) if one.text == text]
            (finding,) = try_all([one])
            return finding.verdict, finding.seen

        assert prove({}, lambda: "")[1].startswith("the stack has no cluster")
        assert prove({"Cluster": bucket}, None)[0] == "not tried"
        assert status() == "available"
        seen = prove({"Cluster": bucket}, lambda: f"Warehouse cannot be reached: it is {status()}\n  Fix: resume it")
        assert seen == ("as assumed", "a query printed:   Fix: resume it")
        assert status() == "available"
        other = prove({"Cluster": bucket}, lambda: "no such host")
    assert other == ("not as assumed", "a query printed: no such host")


def test_a_person_s_proof_sees_whether_logs_have_the_key(aws: MotoServer, bucket: str):
    with in_environment(aws.environment):
        logs, group = boto3.client("logs"), f"/{bucket}/dagster"
        logs.create_log_group(logGroupName=group, kmsKeyId=f"arn:aws:kms:{REGION}:123456789012:key/of-the-stack")
        found = {}
        for key in ("of-the-stack", "another", ""):
            ids = {"TaskLogs": group, "Key": key} if key else {"TaskLogs": group}
            assumptions = proof.person_assumptions(Account(REGION), ids, "s3://x")
            (finding,) = try_all(one for one in assumptions if one.text.startswith("logs are"))
            found[key] = finding.verdict
    assert found == {"of-the-stack": "as assumed", "another": "not as assumed", "": "as assumed"}


def test_an_error_of_the_warehouse_is_a_finding_and_what_follows_is_tried():
    def fail() -> str:
        raise TransientWarehouseError("it is paused", fix="resume it")

    def differ() -> str:
        raise DiffersError("two rows")

    def leave_out() -> str:
        raise NotTriedError("there is no data catalog")

    tried = [Assumption(name, do) for name, do in (("a", fail), ("b", differ), ("c", leave_out), ("d", lambda: "one"))]
    assert [(finding.verdict, finding.seen) for finding in try_all(tried)] == [
        ("not as assumed", "it is paused"),
        ("not as assumed", "two rows"),
        ("not tried", "there is no data catalog"),
        ("as assumed", "one"),
    ]


def test_a_person_s_proof_sees_an_event_in_the_queue_and_an_alarm_without_an_action(
    aws: MotoServer, bucket: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(proof, "_ACTION_SECONDS", 1.0)
    monkeypatch.setattr(Account, "poll_seconds", 0.1)
    with in_environment(aws.environment):
        queue = boto3.client("sqs").create_queue(QueueName=bucket)["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:123456789012:{bucket}"
        events = boto3.client("events")
        events.put_rule(Name=bucket, EventPattern=json.dumps({"source": ["aws.s3"]}), State="ENABLED")
        events.put_targets(Rule=bucket, Targets=[{"Id": "queue", "Arn": arn}])
        boto3.client("s3").put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        boto3.client("cloudwatch").put_metric_alarm(
            AlarmName=bucket, MetricName="RunsFailed", Namespace="x", Period=300, EvaluationPeriods=1, Threshold=1,
            ComparisonOperator="GreaterThanThreshold", Statistic="Sum",
        )  # fmt: skip
        boto3.client("logs").create_log_group(logGroupName=f"/{bucket}/dagster")
        ids = {"RunFailedAlarm": bucket, "RawEvents": queue, "TaskLogs": f"/{bucket}/dagster"}
        assumptions = proof.person_assumptions(Account(REGION), ids, f"s3://{bucket}")
        found = {item.assumption: item for item in try_all(assumptions)}
        listed = boto3.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
        (alarm,) = boto3.client("cloudwatch").describe_alarms(AlarmNames=[bucket])["MetricAlarms"]
    assert found["a write to the raw zone reaches the queue"].verdict == "as assumed", found
    assert found["an alarm reaches its topic"].verdict == "not as assumed", "moto takes no action"
    assert found["a paused warehouse says so, and comes back"].verdict == "not tried"
    assert found["a password that is rotated reaches running tasks"].verdict == "not tried"
    assert found["logs are encrypted with the deployment's key"].seen.endswith("no key")
    assert listed == []
    assert alarm["StateValue"] != "ALARM"
