"""A home whose zones are on S3: Dagster's resource, the first step of a run, the commands that take the lock.

Belongs here: the way from settings to S3. Does not belong here: whole runs (see `end_to_end`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner, Result
from dagster_aws.s3 import S3Resource

from finance_platform.cli import main
from finance_platform.deliveries.register import Register
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.orchestration.assets.register import register_assets
from finance_platform.orchestration.resources.lake import LakeResource
from finance_platform.orchestration.resources.lake_aws import AwsLakeResource
from finance_platform.orchestration.resources.wiring import platform_resources
from finance_platform.settings import Settings
from finance_platform.storage import lease
from finance_platform.storage.s3 import S3Store, s3_client
from finance_platform.storage.s3_options import S3Options
from finance_platform_tests.aws.faults import Broken, denied, expired
from finance_platform_tests.aws.moto_server import MotoServer
from finance_platform_tests.aws.test_s3_lease import another_machine
from finance_platform_tests.unit.factories import LEDGER, settings, write


@pytest.fixture
def home(bucket: str, tmp_path: Path) -> Settings:
    """A home with one raw file."""
    write(tmp_path / "feeds" / "ledger.yaml", LEDGER)
    found = settings(home=tmp_path, raw_uri=f"s3://{bucket}/raw", processed_uri=f"s3://{bucket}/processed")
    lake = platform_resources(found)["lake"]
    lake.raw.write("ledger_1.csv", b"Date,Dept,Account,Amount\n2025-01-15,D100,4000,100.00\n")
    return found


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


def test_on_aws_the_client_is_that_of_dagster_s_resource_for_s3_and_as_everywhere():
    found = on_aws(aws_region="eu-west-1", s3_endpoint_url="http://127.0.0.1:9", s3_request_payer=True)
    lake = platform_resources(found)["lake"]
    assert isinstance(lake, AwsLakeResource)
    assert isinstance(lake.s3, S3Resource)
    with dg.build_resources({"lake": lake}) as resources:
        raw, processed = resources.lake.raw, resources.lake.processed
        client = resources.lake.s3.get_client()
    assert (raw.root, processed.root) == ("s3://raw-bucket", "s3://processed-bucket/zone")
    assert isinstance(raw, S3Store)
    assert client is s3_client(S3Options(region="eu-west-1", endpoint_url="http://127.0.0.1:9"))
    assert (client.meta.region_name, client.meta.endpoint_url) == ("eu-west-1", "http://127.0.0.1:9")
    config = client.meta.config
    assert (config.retries["mode"], config.retries["total_max_attempts"]) == ("standard", 6)
    assert (config.connect_timeout, config.read_timeout) == (5, 20)


def register(home: Settings) -> tuple[dg.ExecuteInProcessResult, str]:
    """Run the first step; return its result and what a failure says."""
    resources = {"lake": platform_resources(home)["lake"]}
    found = dg.materialize(
        [register_assets(home, load_feed_set(home.feeds_path))],
        resources=resources,
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=False,
    )
    failures = [event.step_failure_data for event in found.get_step_failure_events()]
    said = [str(one.user_failure_data.description) for one in failures if one.user_failure_data]
    return found, "".join(said)


def test_the_first_step_enters_what_is_on_s3_and_gives_the_lease_back(home: Settings):
    found, _ = register(home)
    assert found.success
    lake: LakeResource = platform_resources(home)["lake"]
    assert [event.object_key for event in Register(lake.processed).events()] == ["ledger_1.csv"]  # type: ignore[union-attr]
    assert not lease.is_leased(lake.processed, lease.RUN)


@pytest.mark.parametrize(
    ("broken", "words", "fix"), [(expired(), "have expired", "sso login"), (denied(), "no permission", "s3:ListBucket")]
)
def test_what_no_run_can_do_without_fails_the_step_in_words_and_the_next_run_heals(
    broken: Broken, words: str, fix: str, home: Settings, aws: MotoServer
):
    with aws.faults.answering(broken, method="GET", to="prefix=raw"):
        found, said = register(home)
    assert not found.success
    assert words in said
    assert fix in said
    lake: LakeResource = platform_resources(home)["lake"]
    assert Register(lake.processed).events() == []
    assert register(home)[0].success


def command(home: Settings, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.setenv("FINANCE_PLATFORM_RAW_URI", home.raw_uri)
    monkeypatch.setenv("FINANCE_PLATFORM_PROCESSED_URI", home.processed_uri)
    return CliRunner().invoke(main, [arguments[0], "--home", str(home.home_path), *arguments[1:]])


def test_a_decision_waits_for_no_run_and_says_who_is_at_work(home: Settings, monkeypatch: pytest.MonkeyPatch):
    processed = platform_resources(home)["lake"].processed
    register(home)
    name = f"{home.raw_uri}/ledger_1.csv"
    with another_machine(processed):
        refused = command(home, monkeypatch, "withdraw", name, "--why", "sent in error")
        assert refused.exit_code == 3
        assert "ada on worker-7, process 1, run r1" in refused.stderr
    looked = command(home, monkeypatch, "withdraw", name, "--why", "sent in error")
    assert looked.exit_code == 2
    assert "no delivery of 'ledger_1.csv' counts" in looked.stderr, "it is not read yet"


def test_vacuum_waits_for_no_job_and_removes_what_nothing_names(home: Settings, monkeypatch: pytest.MonkeyPatch):
    processed = platform_resources(home)["lake"].processed
    processed.write("staging/gone/part-0.parquet", b"x")
    with another_machine(processed, lease.JOB):
        refused = command(home, monkeypatch, "vacuum", "--yes")
        assert (refused.exit_code, "`job`" in refused.stderr) == (3, True)
        assert processed.find("staging/gone/part-0.parquet")
    done = command(home, monkeypatch, "vacuum", "--yes")
    assert done.exit_code == 0, done.stderr
    assert processed.find("staging/gone/part-0.parquet") is None
