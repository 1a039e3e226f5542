"""A home whose zones are on S3: Dagster resources, the first step of a run, commands that take the lock.

Belongs here: from settings to S3. Does not belong here: whole runs (see `end_to_end`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner, Result

from finance_platform.bootstrap import processed_zone, raw_zone
from finance_platform.cli import main
from finance_platform.deliveries.register import Register
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.orchestration.assets.register import register_assets
from finance_platform.orchestration.resources import platform_resources
from finance_platform.settings import Settings
from finance_platform.storage import lease
from finance_platform.storage.s3 import S3Store, s3_client
from finance_platform.storage.s3_options import S3Options
from finance_platform_tests.aws.moto_server import MotoServer
from finance_platform_tests.aws.s3_faults import Fault, denied, expired
from finance_platform_tests.aws.test_lease import another_machine
from finance_platform_tests.unit.factories import LEDGER, settings, write


@pytest.fixture
def home(bucket: str, tmp_path: Path) -> Settings:
    """A home with one raw file."""
    write(tmp_path / "feeds" / "ledger.yaml", LEDGER)
    home = settings(home=tmp_path, raw_uri=f"s3://{bucket}/raw", processed_uri=f"s3://{bucket}/processed")
    raw_zone(home).write("ledger_1.csv", b"Date,Dept,Account,Amount\n2025-01-15,D100,4000,100.00\n")
    return home


def on_aws(**values: Any) -> Settings:
    return settings(
        profile="aws",
        raw_uri="s3://raw-bucket",
        processed_uri="s3://processed-bucket/zone",
        scripts_uri="s3://scripts-bucket",
        redshift_workgroup="finance",
        redshift_copy_role_arn="arn:aws:iam::123456789012:role/copy",
        **values,
    )


def test_the_zones_on_aws_have_the_platform_s_client():
    home = on_aws(aws_region="eu-west-1", s3_endpoint_url="http://127.0.0.1:9", s3_request_payer=True)
    resources = platform_resources(home)
    raw, processed = resources["raw_zone"], resources["processed_zone"]
    assert (raw.root, processed.root) == ("s3://raw-bucket", "s3://processed-bucket/zone")
    assert isinstance(raw, S3Store)
    assert isinstance(processed, S3Store)
    client = s3_client(S3Options(region="eu-west-1", endpoint_url="http://127.0.0.1:9"))
    assert (client.meta.region_name, client.meta.endpoint_url) == ("eu-west-1", "http://127.0.0.1:9")
    config = client.meta.config
    assert (config.retries["mode"], config.retries["total_max_attempts"]) == ("standard", 6)
    assert (config.connect_timeout, config.read_timeout) == (5, 20)


def register(home: Settings) -> tuple[dg.ExecuteInProcessResult, str]:
    """Run the first step; return its result and the descriptions of failures."""
    resources = {name: platform_resources(home)[name] for name in ("raw_zone", "processed_zone", "steps_ahead")}
    result = dg.materialize(
        [register_assets(home, load_feed_set(home.feeds_path))],
        resources=resources,
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=False,
    )
    failures = [event.step_failure_data for event in result.get_step_failure_events()]
    descriptions = [str(failure.user_failure_data.description) for failure in failures if failure.user_failure_data]
    return result, "".join(descriptions)


def test_the_first_step_records_objects_on_s3_and_releases_the_lease(home: Settings):
    result, _ = register(home)
    assert result.success
    processed = processed_zone(home)
    assert [event.object_key for event in Register(processed).events()] == ["ledger_1.csv"]  # type: ignore[union-attr]
    assert not lease.is_leased(processed, lease.RUN)


@pytest.mark.parametrize(
    ("fault", "message", "fix"),
    [(expired(), "have expired", "sso login"), (denied(), "no permission", "s3:ListBucket")],
)
def test_an_error_of_the_raw_zone_fails_the_step_with_a_fix_and_the_next_run_succeeds(
    fault: Fault, message: str, fix: str, home: Settings, aws: MotoServer
):
    with aws.faults.inject(fault, method="GET", to="prefix=raw"):
        result, description = register(home)
    assert not result.success
    assert message in description
    assert fix in description
    processed = processed_zone(home)
    assert not Register(processed).events()
    assert register(home)[0].success


def command(home: Settings, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.setenv("FINANCE_PLATFORM_RAW_URI", home.raw_uri)
    monkeypatch.setenv("FINANCE_PLATFORM_PROCESSED_URI", home.processed_uri)
    return CliRunner().invoke(main, [arguments[0], "--home", str(home.home_path), *arguments[1:]])


def test_a_decision_is_refused_during_a_run_with_the_holder_of_the_lease(
    home: Settings, monkeypatch: pytest.MonkeyPatch
):
    processed = processed_zone(home)
    register(home)
    name = f"{home.raw_uri}/ledger_1.csv"
    with another_machine(processed):
        refused = command(home, monkeypatch, "withdraw", name, "--why", "sent in error")
        assert refused.exit_code == 3
        assert "ada on worker-7, process 1, run r1" in refused.stderr
    unknown = command(home, monkeypatch, "withdraw", name, "--why", "sent in error")
    assert unknown.exit_code == 2
    assert "no delivery of 'ledger_1.csv' counts" in unknown.stderr, "it is not read yet"


def test_vacuum_is_refused_during_a_job_and_removes_unreferenced_files_after_it(
    home: Settings, monkeypatch: pytest.MonkeyPatch
):
    processed = processed_zone(home)
    processed.write("staging/gone/part-0.parquet", b"x")
    with another_machine(processed, lease.JOB):
        refused = command(home, monkeypatch, "vacuum", "--yes")
        assert (refused.exit_code, "`job`" in refused.stderr) == (3, True)
        assert processed.find("staging/gone/part-0.parquet")
    done = command(home, monkeypatch, "vacuum", "--yes")
    assert done.exit_code == 0, done.stderr
    assert processed.find("staging/gone/part-0.parquet") is None
