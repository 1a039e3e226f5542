"""What Dagster records of an error has no credentials: no password of an address, no signature of a request.

Belongs here: errors of steps, sensors, jobs and commands whose library quotes an address. Does not belong here: which
texts are credentials (see `unit.test_safe_text`), whole commands (see `machine.test_secrets_and_modes`).
"""

import traceback
from pathlib import Path

import dagster as dg
import pytest

from finance_platform.cli.options import EXIT_FAILED, report_error
from finance_platform.errors import FinancePlatformError, TransientStorageError
from finance_platform.orchestration.error_handling import credentials_hidden, dagster_failures
from finance_platform.orchestration.resources import platform_resources
from finance_platform.orchestration.sensors.alerts import alerting_sensors
from finance_platform.orchestration.sensors.raw_files import raw_files_sensor
from finance_platform.spark_jobs.failure import JobFailure
from finance_platform.storage.s3 import s3_client
from finance_platform_tests.machine.secret_scan import files_with
from finance_platform_tests.unit.factories import settings

PROXY = "http://proxy:hunter2@127.0.0.1:9"
SIGNED = "Max retries exceeded with url: /?Action=GetCallerIdentity&X-Amz-Signature=hunter2"
ON_AWS = {
    "profile": "aws",
    "raw_uri": "s3://raw",
    "processed_uri": "s3://processed",
    "scripts_uri": "s3://scripts",
    "redshift_host": "127.0.0.1",
    "redshift_secret_id": "loader",
    "redshift_copy_role_arn": "arn:aws:iam::123456789012:role/copy",
    "aws_region": "eu-central-1",
}


@dg.asset
def failing(context: dg.AssetExecutionContext) -> None:
    with dagster_failures(context):
        context.log.warning("trying %s", PROXY)
        raise RuntimeError(SIGNED) from OSError(f"no route to {PROXY}")


def test_a_step_that_fails_on_a_fault_records_it_and_its_cause_without_credentials(tmp_path: Path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        result = dg.materialize([failing], instance=instance, raise_on_error=False)
        (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_failure_data.error is not None
    recorded = failure.step_failure_data.error.to_string()
    assert "no route to http://***@127.0.0.1:9" in recorded
    assert "RuntimeError: Max retries exceeded with url: /?Action=GetCallerIdentity&X-Amz-Signature=***" in recorded
    assert files_with(["hunter2"], tmp_path) == {}


def test_an_expected_error_stays_itself_without_the_causes_that_have_credentials():
    with pytest.raises(TransientStorageError, match="busy") as caught, credentials_hidden():
        raise TransientStorageError("busy", fix="wait") from OSError(PROXY)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_an_error_without_credentials_keeps_its_class_and_its_cause():
    with pytest.raises(KeyError, match="absent") as caught, credentials_hidden():
        raise KeyError("absent") from ValueError("why")
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_sensor_that_cannot_reach_s3_names_it_without_the_password_of_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", PROXY)
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "MAX_ATTEMPTS": "1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    s3_client.cache_clear()  # a test before may have had another address
    home = settings(home=tmp_path, **ON_AWS)
    sensor = raw_files_sensor(home)
    resources = {name: platform_resources(home)[name] for name in sensor.required_resource_keys}
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance=instance, resources=resources) as context,
        pytest.raises(TransientStorageError, match=r"http://\*\*\*@127.0.0.1:9/processed/") as caught,
    ):
        sensor.evaluate_tick(context)
    s3_client.cache_clear()
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_sensor_of_alerts_hides_credentials_too(tmp_path: Path):
    class Unreachable:
        def send(self, _: object) -> None:
            raise RuntimeError(SIGNED)

    (overdue,) = [one for one in alerting_sensors(settings(home=tmp_path)) if one.name == "overdue_feeds"]
    resources = {"alerts": Unreachable(), "metrics": None}
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance=instance, resources=resources) as context,
        pytest.raises(FinancePlatformError, match=r"X-Amz-Signature=\*\*\*") as caught,
    ):
        overdue.evaluate_tick(context)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_job_and_a_command_report_a_fault_without_credentials(capsys: pytest.CaptureFixture[str]):
    try:
        int(f"{SIGNED} by {PROXY}")
    except ValueError as error:
        found, code = JobFailure.of(error).found, report_error(error)
    printed = capsys.readouterr().err
    assert (code, "hunter2" in found) == (EXIT_FAILED, False)
    assert "ValueError: invalid literal for int() with base 10: 'Max retries exceeded" in printed
    assert "hunter2" not in printed
