"""Dagster's instance: the `dagster.yaml` of a home and that of AWS, and that Dagster accepts both.

Belongs here: configuration of the instance. Does not belong here: definitions.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._config import process_config, resolve_to_config_type
from dagster._core.instance.config import PoolGranularity, dagster_instance_config_schema
from dagster._core.storage import tags
from dagster_aws.ecs import EcsRunLauncher
from dagster_aws.s3 import S3ComputeLogManager

from finance_platform.errors import HomeError
from finance_platform.orchestration.dagster_instance import open_instance, prepare_dagster_home
from finance_platform.orchestration.dagster_storage import (
    RecordedRun,
    RecordsElsewhereError,
    has_recorded,
    read_last_run,
    read_states,
)
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.orchestration.jobs import REFRESH
from finance_platform.orchestration.runs import MAX_RETRIES_TAG, RETRY_STRATEGY_TAG, WILL_RETRY_TAG, last_run
from finance_platform_tests.unit.factories import settings

AWS = Path(__file__).parents[2] / "infra" / "dagster.yaml"
SAME_IN_BOTH = ("telemetry", "nux", "python_logs", "concurrency", "run_retries", "retention")


@pytest.fixture
def local(tmp_path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((prepare_dagster_home(tmp_path / "dagster") / "dagster.yaml").read_text())
    return document


def test_a_pipe_in_place_of_the_configuration_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "dagster.yaml")
    for use in (prepare_dagster_home, last_run):
        with pytest.raises(HomeError, match="is not a plain file"):
            use(tmp_path)


@pytest.fixture
def aws() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(AWS.read_text())
    return document


def schema_of(service: Any) -> Any:
    """The schema of the `config` of one of Dagster's classes; Dagster does not type it."""
    return service.config_type()


def errors_of(schema: Any, document: dict[str, Any]) -> list[str]:
    return [error.message for error in process_config(resolve_to_config_type(schema), document).errors or []]


def test_dagster_accepts_both_documents(local: dict[str, Any], aws: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    for name in ("POSTGRES_HOST", "POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DATABASE"):
        monkeypatch.setenv(f"DAGSTER_{name}", "x")
    for document in (local, aws):
        assert errors_of(dagster_instance_config_schema(), document) == []


def test_the_services_of_aws_accept_their_configuration(aws: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DAGSTER_LOGS_BUCKET", "logs")
    monkeypatch.setenv("DAGSTER_RUN_TASK_DEFINITION", "finance-run")
    assert errors_of(schema_of(EcsRunLauncher), aws["run_launcher"]["config"]) == []
    assert errors_of(schema_of(S3ComputeLogManager), aws["compute_logs"]["config"]) == []


def test_a_misspelt_key_is_an_error(aws: dict[str, Any]):
    assert errors_of(schema_of(EcsRunLauncher), {**aws["run_launcher"]["config"], "memroy": "1"})


def test_runs_are_configured_alike_on_a_laptop_and_on_aws(local: dict[str, Any], aws: dict[str, Any]):
    assert {name: local[name] for name in SAME_IN_BOTH} == {name: aws[name] for name in SAME_IN_BOTH}


def test_no_secret_is_in_the_file(aws: dict[str, Any]):
    values = aws["storage"]["custom"]["config"]["postgres_db"]
    assert all(set(values[name]) == {"env"} for name in ("hostname", "username", "password", "db_name"))


def test_two_runs_that_write_never_run_concurrently(tmp_path: Path):
    with open_instance(tmp_path / "dagster") as instance:
        config = instance.get_concurrency_config().pool_config
        assert (config.default_pool_limit, config.pool_granularity) == (1, PoolGranularity.RUN)
    job = build_definitions(settings(home=tmp_path)).resolve_job_def(REFRESH)
    pools = {node.name: job.graph.node_named(node.name).definition.pools for node in job.nodes}
    assert {name for name, names in pools.items() if names == {"home"}} == {"standardise", "build_star", "load"}


def test_an_edited_file_is_not_overwritten(tmp_path: Path):
    folder = prepare_dagster_home(tmp_path)
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    prepare_dagster_home(tmp_path)
    assert (folder / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"


def test_an_unedited_file_of_an_earlier_version_is_replaced(tmp_path: Path):
    written = "# Written once by finance-platform; yours to change.\ntelemetry:\n  enabled: false\n"
    (tmp_path / "dagster.yaml").write_text(written)
    prepare_dagster_home(tmp_path)
    assert "concurrency" in (tmp_path / "dagster.yaml").read_text()


def test_dagster_still_uses_the_tags_that_the_platform_sets_and_reads():
    dagster_tags = (tags.MAX_RETRIES_TAG, tags.RETRY_STRATEGY_TAG, tags.WILL_RETRY_TAG)
    assert dagster_tags == (MAX_RETRIES_TAG, RETRY_STRATEGY_TAG, WILL_RETRY_TAG)


@pytest.fixture
def records_without_runs(tmp_path: Path) -> Path:
    """Dagster's storage, whose files are intact but for a table; a damaged file would be set aside."""
    folder = tmp_path / "dagster"
    with open_instance(folder) as instance:
        instance.get_runs()
    assert last_run(folder) is None
    with closing(sqlite3.connect(folder / "history" / "runs.db")) as connection:
        connection.execute("DROP TABLE runs")
    return folder


def test_records_that_cannot_be_read_are_one_sentence_with_a_fix(records_without_runs: Path):
    with (
        pytest.raises(HomeError, match="no such table: runs") as raised,
        open_instance(records_without_runs) as instance,
    ):
        instance.get_runs()
    assert raised.value.found.startswith(f"Dagster's storage in {records_without_runs}: ")
    assert "the history of runs is lost, no figure is" in raised.value.fix


def test_the_last_run_is_not_known_where_dagster_s_records_cannot_be_read(records_without_runs: Path):
    run = last_run(records_without_runs)
    assert run is not None
    assert (run["status"], run["error"]) == (
        "UNKNOWN",
        f"Dagster's storage in {records_without_runs}: NoSuchTableError: runs",
    )


@dg.job
def talkative() -> None:
    @dg.op
    def talk() -> None:
        os.write(1, b"a library writes\n")

    talk()


def test_output_of_a_run_goes_where_that_of_the_command_does_and_is_not_stored(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    folder = tmp_path / "dagster"
    with open_instance(folder) as instance:
        ended = talkative.execute_in_process(instance=instance)
        assert ended.success
    assert "a library writes" in capfd.readouterr().out
    assert {file.suffix for file in (folder / "storage").rglob("*") if file.is_file()} == {".complete"}
    with dg.DagsterInstance.from_config(str(folder)) as of_the_ui:
        (event,) = (one.dagster_event for one in of_the_ui.all_logs(ended.run_id, dg.DagsterEventType.LOGS_CAPTURED))
        assert event is not None
        logs = of_the_ui.compute_log_manager
        key = logs.build_log_key_for_run(ended.run_id, event.logs_captured_data.file_key)
        assert (logs.get_log_data(key).stdout, logs.is_capture_complete(key)) == (None, True)


def test_output_is_stored_where_a_person_has_configured_it(tmp_path: Path):
    storing = {"module": "dagster_aws.s3.compute_log_manager", "class": "S3ComputeLogManager"}
    folder = prepare_dagster_home(tmp_path / "dagster")
    (folder / "dagster.yaml").write_text(yaml.safe_dump({"compute_logs": {**storing, "config": {"bucket": "logs"}}}))
    with open_instance(folder) as instance:
        assert "capture_logs" not in vars(instance.compute_log_manager)


@dg.job(name="failing")
def failing() -> None:
    @dg.op
    def fail() -> None:
        raise ValueError("on purpose")

    fail()


def test_the_last_run_is_read_without_dagster_as_dagster_has_it(tmp_path: Path):
    folder = tmp_path / "dagster"
    with open_instance(folder) as instance:
        instance.create_run_for_job(job_def=failing, tags={"of": "the command line"})
        ended = failing.execute_in_process(instance=instance, raise_on_error=False)
        (record,) = instance.get_run_records(limit=1)
        assert read_last_run(folder) == RecordedRun(
            ended.run_id, "failing", record.dagster_run.status.value, record.start_time, record.end_time
        )
    assert read_states(folder, "of", "the command line") == {"NOT_STARTED"}
    assert read_states(folder, "of", "the UI") == set()
    assert has_recorded(folder, ended.run_id)
    assert not has_recorded(folder, "another")


def test_a_storage_elsewhere_is_read_through_dagster(tmp_path: Path):
    folder = tmp_path / "dagster"
    with open_instance(folder) as instance:
        ended = failing.execute_in_process(instance=instance, raise_on_error=False)
    (tmp_path / "elsewhere").mkdir()
    (folder / "history").rename(tmp_path / "elsewhere" / "history")
    own = {"storage": {"sqlite": {"base_dir": str(tmp_path / "elsewhere")}}}
    (folder / "dagster.yaml").write_text(yaml.safe_dump(own))
    with pytest.raises(RecordsElsewhereError):
        read_last_run(folder)
    run = last_run(folder)
    assert run is not None
    assert (run["run_id"], run["status"]) == (ended.run_id, "FAILURE")
