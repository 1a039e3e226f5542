"""The sensor on the raw zone: when it starts a run, why it skips, and how it handles failures.

Belongs here: ticks of the sensor on real homes with a real Dagster instance. Does not belong here: change detection
(see `unit/deliveries/test_changes`), real runs (see `test_refresh`), the daemon.

A failed run is recorded in the instance as failed; no run is executed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Self

import dagster as dg
import pytest
from dagster._core.events import EngineEventData

from finance_platform.deliveries.discovery import scan_raw_zone
from finance_platform.deliveries.events import utc_text
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.scans import (
    fingerprint_config,
    incomplete_scan,
    last_refresh,
    mark_refreshed,
    record_scan,
)
from finance_platform.errors import FinancePlatformError, HomeError
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.notifications.metrics import Metric, Metrics
from finance_platform.orchestration.code_location import LOCATION
from finance_platform.orchestration.dagster_instance import open_instance
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.orchestration.jobs import REFRESH
from finance_platform.orchestration.resources import platform_resources
from finance_platform.orchestration.runs import ATTEMPT, CHANGES, COMMAND_LINE, STARTED_BY, STATE, WILL_RETRY_TAG
from finance_platform.orchestration.sensors.attempts import PAUSES
from finance_platform.orchestration.sensors.raw_files import raw_files_sensor
from finance_platform.refresh.steps.register import register
from finance_platform.storage.file_lock import run_lock
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import LEDGER, settings, write


@dataclass(frozen=True)
class Tick:
    """The result of one evaluation: the requested runs, or the reason for none."""

    run_requests: list[dg.RunRequest]
    skip_message: str


@dataclass
class Home:
    """A home and its sensor."""

    path: Path
    instance: dg.DagsterInstance

    def deliver(self, key: str) -> Path:
        """Put a file into the raw zone; its change time cannot be set, so tests move the sensor's clock instead."""
        return write(self.path / "raw" / key, f"a,b\n{key},2\n")

    def refresh(self) -> None:
        """Record the scan of a complete refresh."""
        home, processed = settings(home=self.path), LocalStore(self.path / "processed")
        feed_set, at = load_feed_set(home.feeds_path), datetime.now(UTC)
        run_id = f"run at {at}"
        raw = LocalStore(self.path / "raw")
        events = Register(processed)
        scan = scan_raw_zone(raw, events, feed_set, home, at=at, run_id=run_id)
        events.append(scan.new)
        config = fingerprint_config(feed_set, home)
        record_scan(processed, scan.etags.items(), config=config, run_id=run_id, at=utc_text(at))
        mark_refreshed(processed, run_id)

    def tick(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *,
        later: timedelta = timedelta(minutes=1),
        sensor: dg.SensorDefinition | None = None,
        metrics: Metrics | None = None,
    ) -> Tick:
        """Evaluate the sensor at a later time; `sensor`: the one of an earlier tick, as in a process that goes on."""
        monkeypatch.setattr("finance_platform.orchestration.sensors.raw_files.datetime", _clock(later))
        home = settings(home=self.path)
        sensor = sensor or raw_files_sensor(home)
        resources = {name: platform_resources(home)[name] for name in sensor.required_resource_keys}
        resources["metrics"] = metrics
        definitions = build_definitions(home)
        with dg.build_sensor_context(
            instance=self.instance, repository_def=definitions.get_repository_def(), resources=resources
        ) as context:
            result = sensor.evaluate_tick(context)
        return Tick(list(result.run_requests or []), result.skip_message or "")

    def record_run(self, status: dg.DagsterRunStatus, parent: str | None = None, **tags: str) -> dg.DagsterRun:
        """Record a run of the refresh in the instance without executing it; `parent`: the run that it retries."""
        job = build_definitions(settings(home=self.path)).resolve_job_def(REFRESH)
        run = self.instance.create_run_for_job(job, tags=tags, parent_run_id=parent, root_run_id=parent)
        if status == dg.DagsterRunStatus.FAILURE:
            self.instance.report_run_failed(run)
        elif status != dg.DagsterRunStatus.NOT_STARTED:
            self.instance.report_dagster_event(_status_event(run, status), run.run_id)
        return run

    @property
    def alerts(self) -> list[dict[str, Any]]:
        path = self.path / "alerts.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _clock(later: timedelta) -> type:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp((datetime.now(tz) + later).timestamp(), tz)

    return Clock


def _status_event(run: dg.DagsterRun, status: dg.DagsterRunStatus) -> dg.DagsterEvent:
    kinds = {
        dg.DagsterRunStatus.STARTED: dg.DagsterEventType.RUN_START,
        dg.DagsterRunStatus.SUCCESS: dg.DagsterEventType.RUN_SUCCESS,
        dg.DagsterRunStatus.CANCELED: dg.DagsterEventType.RUN_CANCELED,
    }
    return dg.DagsterEvent(event_type_value=kinds[status].value, job_name=run.job_name)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    write(tmp_path / "feeds" / "ledger.yaml", LEDGER)
    with dg.DagsterInstance.ephemeral() as instance:
        home = Home(tmp_path, instance)
        home.deliver("ledger_1.csv")
        home.refresh()
        yield home


def request_of(result: Tick) -> dg.RunRequest:
    (request,) = result.run_requests
    return request


def test_without_changes_no_run_starts_and_the_reason_names_the_last_scan(home: Home, monkeypatch: pytest.MonkeyPatch):
    result = home.tick(monkeypatch)
    assert not result.run_requests
    assert result.skip_message.startswith("no changes since the scan of run run at ")
    assert result.skip_message.endswith(" UTC: 1 raw file")


def test_one_run_starts_for_all_changes_and_its_tags_list_them(home: Home, monkeypatch: pytest.MonkeyPatch):
    home.deliver("ledger_2.csv")
    home.deliver("ledger_3.csv")
    (home.path / "raw" / "ledger_1.csv").unlink()
    request = request_of(home.tick(monkeypatch))
    assert request.tags[CHANGES] == "2 new (ledger_2.csv, ledger_3.csv); 1 gone (ledger_1.csv)"
    assert request.tags[ATTEMPT] == "1"
    assert request.run_key == f"{request.tags[STATE]}-1"


def test_the_run_skips_files_that_are_still_being_written(home: Home, monkeypatch: pytest.MonkeyPatch):
    home.deliver("ledger_2.csv")
    assert request_of(home.tick(monkeypatch)).run_config == {"ops": {"register": {"config": {"skip_unstable": True}}}}


def test_while_a_file_is_being_written_no_run_starts(home: Home, monkeypatch: pytest.MonkeyPatch):
    home.deliver("ledger_2.csv")
    result = home.tick(monkeypatch, later=timedelta(0))
    assert not result.run_requests
    assert result.skip_message.startswith("ledger_2.csv: still being written")


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.NOT_STARTED])
def test_while_a_run_is_in_progress_no_other_run_starts(
    home: Home, monkeypatch: pytest.MonkeyPatch, status: dg.DagsterRunStatus
):
    home.deliver("ledger_2.csv")
    run = home.record_run(status)
    result = home.tick(monkeypatch)
    assert not result.run_requests
    assert result.skip_message.startswith(f"run {run.run_id} is in progress")


def test_the_sensor_also_waits_for_a_run_of_another_job(home: Home, monkeypatch: pytest.MonkeyPatch):
    home.deliver("ledger_2.csv")
    by_hand = build_definitions(settings(home=home.path)).resolve_implicit_global_asset_job_def()
    run = home.instance.create_run_for_job(by_hand)
    assert home.tick(monkeypatch).skip_message.startswith(f"run {run.run_id} is in progress")


def test_a_killed_run_of_the_command_line_is_failed_with_an_alert_and_blocks_no_other_run(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    home.deliver("ledger_2.csv")
    run = home.record_run(dg.DagsterRunStatus.STARTED, **{STARTED_BY: COMMAND_LINE})
    assert request_of(home.tick(monkeypatch))
    # Otherwise it would keep its slot in the pool, and every run of the UI would wait in the queue forever.
    killed = home.instance.get_run_by_id(run.run_id)
    assert killed
    assert killed.status == dg.DagsterRunStatus.FAILURE
    assert [alert["run_id"] for alert in home.alerts] == [run.run_id]


@pytest.fixture
def home_on_disk(tmp_path: Path) -> Iterator[Home]:
    """A home whose Dagster starts runs as the UI does: in processes of this machine."""
    with open_instance(tmp_path / "dagster") as instance:
        home = Home(tmp_path, instance)
        write(tmp_path / "feeds" / "ledger.yaml", LEDGER)
        yield home


def record_process(home: Home, run: dg.DagsterRun, process: int) -> None:
    """Record what Dagster does when the process of a run begins."""
    home.instance.report_engine_event("Started process for run", run, EngineEventData.in_process(process))


@contextmanager
def zombie() -> Iterator[int]:
    """A process that has ended, and whose parent has not waited for it."""
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.read()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        yield process.pid


def test_a_run_of_the_ui_whose_process_is_gone_is_failed_and_repeated_and_blocks_no_other_run(
    home_on_disk: Home, monkeypatch: pytest.MonkeyPatch
):
    # Dagster's code server has noticed nothing: its thread for this ended with an error of a full disk.
    home = home_on_disk
    home.deliver("ledger_1.csv")
    with zombie() as process:
        run = home.record_run(dg.DagsterRunStatus.STARTED)
        record_process(home, run, process)
        assert home.tick(monkeypatch).skip_message.startswith(f"run {run.run_id} is in progress")
        assert request_of(home.tick(monkeypatch, later=timedelta(minutes=5)))
    gone = home.instance.get_run_by_id(run.run_id)
    assert gone
    # Dagster's daemon repeats it, so it sends no alert of its own.
    assert (gone.status, gone.tags[WILL_RETRY_TAG], home.alerts) == (dg.DagsterRunStatus.FAILURE, "true", [])


def test_a_run_of_the_ui_is_in_progress_as_long_as_its_process_lives_or_cannot_be_seen_and_holds_the_lock(
    home_on_disk: Home, monkeypatch: pytest.MonkeyPatch
):
    home = home_on_disk
    home.deliver("ledger_1.csv")
    run = home.record_run(dg.DagsterRunStatus.STARTED)
    later = timedelta(hours=5)
    waits = f"run {run.run_id} is in progress"
    assert home.tick(monkeypatch, later=later).skip_message.startswith(waits)  # no process is recorded yet
    record_process(home, run, os.getpid())
    assert home.tick(monkeypatch, later=later).skip_message.startswith(waits)
    with zombie() as process, run_lock(home.path):
        record_process(home, run, process)
        assert home.tick(monkeypatch, later=later).skip_message.startswith(waits)


def test_the_sensor_waits_for_a_run_of_the_command_line_that_holds_the_lock(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    home.deliver("ledger_2.csv")
    home.record_run(dg.DagsterRunStatus.STARTED, **{STARTED_BY: COMMAND_LINE})
    with run_lock(home.path):
        assert not home.tick(monkeypatch).run_requests


def fail(home: Home, request: dg.RunRequest) -> None:
    home.record_run(dg.DagsterRunStatus.FAILURE, **request.tags)


def test_after_a_failure_the_sensor_waits_and_then_retries_the_same_state(home: Home, monkeypatch: pytest.MonkeyPatch):
    home.deliver("ledger_2.csv")
    first = request_of(home.tick(monkeypatch))
    fail(home, first)
    waiting = home.tick(monkeypatch, later=timedelta(seconds=30))
    assert not waiting.run_requests
    assert "the next attempt is at" in waiting.skip_message
    assert "1 new (ledger_2.csv)" in waiting.skip_message
    second = request_of(home.tick(monkeypatch, later=PAUSES[0] + timedelta(seconds=30)))
    assert second.tags[STATE] == first.tags[STATE]
    assert (second.run_key, second.tags[ATTEMPT]) == (f"{first.tags[STATE]}-2", "2")


def test_after_a_run_that_a_person_has_cancelled_no_run_starts_until_the_state_changes(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    home.deliver("ledger_2.csv")
    fail(home, request_of(home.tick(monkeypatch)))
    second = request_of(home.tick(monkeypatch, later=timedelta(minutes=2)))
    run = home.record_run(dg.DagsterRunStatus.CANCELED, **second.tags)
    result = home.tick(monkeypatch, later=timedelta(days=2))
    assert not result.run_requests
    assert result.skip_message.startswith(f"run {run.run_id} was cancelled. Waiting for a change of raw files")
    assert home.alerts == []
    home.deliver("ledger_3.csv")
    assert request_of(home.tick(monkeypatch)).tags[ATTEMPT] == "1"


def test_after_the_last_attempt_one_alert_is_sent_and_no_run_starts_until_the_state_changes(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    home.deliver("ledger_2.csv")
    much_later = timedelta(hours=2)
    for _ in range(len(PAUSES) + 1):
        fail(home, request_of(home.tick(monkeypatch, later=much_later)))
    for _ in range(3):
        result = home.tick(monkeypatch, later=much_later)
        assert not result.run_requests
        assert result.skip_message.startswith(f"gave up after {len(PAUSES) + 1} failed attempts")
    (alert,) = home.alerts
    assert alert["kind"] == "exhausted_retries"
    assert alert["found"] == {"not_processed": "1 new (ledger_2.csv)", "failed_attempts": len(PAUSES) + 1}
    assert alert["link"] == f"http://127.0.0.1:3000/runs/{alert['run_id']}"
    home.deliver("ledger_3.csv")
    assert request_of(home.tick(monkeypatch)).tags[ATTEMPT] == "1"


def test_a_retry_by_dagster_after_a_kill_is_not_an_attempt_of_the_sensor(home: Home, monkeypatch: pytest.MonkeyPatch):
    home.deliver("ledger_2.csv")
    request = request_of(home.tick(monkeypatch))
    assert request.tags["dagster/retry_strategy"] == "ALL_STEPS"
    fail(home, request)
    (first,) = home.instance.get_runs()
    for status in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS):
        home.record_run(status, parent=first.run_id, **request.tags)
    later = home.tick(monkeypatch, later=PAUSES[0] + timedelta(seconds=30))
    assert request_of(later).tags[ATTEMPT] == "2"


def test_a_successful_run_that_leaves_changes_sends_one_alert_and_is_not_repeated(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    home.deliver("ledger_2.csv")
    run = home.record_run(dg.DagsterRunStatus.SUCCESS, **request_of(home.tick(monkeypatch)).tags)
    for _ in range(2):
        result = home.tick(monkeypatch)
        assert not result.run_requests
        assert result.skip_message.startswith(f"Run {run.run_id} succeeded, but changes remain")
    assert [alert["run_id"] for alert in home.alerts] == [run.run_id]


def test_a_ui_with_other_settings_than_the_runs_reports_that_without_an_alert(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    write(home.path / "feeds" / "ledger.yaml", LEDGER + "hold_if_late: true\n")
    home.record_run(dg.DagsterRunStatus.SUCCESS, **request_of(home.tick(monkeypatch)).tags)
    assert "restart the UI" in home.tick(monkeypatch).skip_message
    assert home.alerts == []


def test_the_sensor_opens_no_raw_file(home: Home, monkeypatch: pytest.MonkeyPatch):
    home.deliver("ledger_2.csv")
    opened: list[str] = []
    monkeypatch.setattr(Path, "open", _recording(opened, Path.open))
    monkeypatch.setattr("builtins.open", _recording(opened, open))
    assert request_of(home.tick(monkeypatch))
    assert any("feeds" in path for path in opened), "otherwise the test would observe nothing"
    assert not [path for path in opened if str(home.path / "raw") in path]


def _recording(opened: list[str], original: Callable[..., Any]) -> Callable[..., Any]:
    def opening(path: Any, *args: Any, **kwargs: Any) -> Any:
        opened.append(str(path))
        return original(path, *args, **kwargs)

    return opening


def test_a_failure_to_list_is_an_error_and_not_an_empty_zone(home: Home, monkeypatch: pytest.MonkeyPatch):
    (home.path / "raw" / "ledger_1.csv").unlink()
    (home.path / "raw").rmdir()
    (home.path / "raw").write_text("no folder")
    with pytest.raises(Exception, match="cannot list"):
        home.tick(monkeypatch)


def test_a_raw_zone_that_is_not_there_is_an_error_and_not_a_zone_whose_files_are_gone(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    # As while a network drive is not mounted: a run would name every file as gone.
    (home.path / "raw").rename(home.path / "elsewhere")
    raw, processed = LocalStore(home.path / "raw"), LocalStore(home.path / "processed")
    before = last_refresh(processed)
    with pytest.raises(HomeError, match="has no folder raw"):
        home.tick(monkeypatch)
    # Nor does a run that a person starts in the UI.
    with pytest.raises(HomeError, match="has no folder raw"):
        register(raw, processed, settings(home=home.path), at=datetime.now(UTC), run_id="by hand")
    assert (last_refresh(processed), incomplete_scan(processed)) == (before, None)
    (home.path / "elsewhere").rename(home.path / "raw")
    assert home.tick(monkeypatch).skip_message.startswith("no changes")
    (home.path / "raw" / "ledger_1.csv").unlink()
    assert request_of(home.tick(monkeypatch)).tags[CHANGES] == "1 gone (ledger_1.csv)"


def test_ticks_that_fail_for_five_minutes_send_one_alert_until_one_works(home: Home, monkeypatch: pytest.MonkeyPatch):
    sensor, raw = raw_files_sensor(settings(home=home.path)), home.path / "raw"

    def fails(minutes: float) -> int:
        with pytest.raises(HomeError):
            home.tick(monkeypatch, later=timedelta(minutes=minutes), sensor=sensor)
        return len(home.alerts)

    raw.rename(home.path / "elsewhere")
    assert [fails(0), fails(4), fails(6), fails(900)] == [0, 0, 1, 1]
    (alert,) = home.alerts
    assert alert["kind"] == "sensor_failure"
    assert alert["title"] == "The sensor raw_files fails, so no new file is loaded: The home folder cannot be used"
    assert alert["found"]["error"] == f"{home.path} has no folder raw"
    assert f"create {raw}" in alert["fix"]
    assert alert["link"].endswith(f"/locations/{LOCATION}/sensors/raw_files")

    (home.path / "elsewhere").rename(raw)
    assert home.tick(monkeypatch, later=timedelta(minutes=901), sensor=sensor).skip_message.startswith("no changes")
    raw.rename(home.path / "elsewhere")
    assert [fails(902), fails(906), fails(908)] == [1, 1, 2]


def test_an_alert_on_failing_ticks_that_cannot_be_sent_is_sent_by_a_later_tick(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    sensor, alerts = raw_files_sensor(settings(home=home.path)), home.path / "alerts.jsonl"
    (home.path / "raw").rename(home.path / "elsewhere")
    alerts.mkdir()
    for minutes in (0, 6):
        with pytest.raises(HomeError):  # and not the error of the alert
            home.tick(monkeypatch, later=timedelta(minutes=minutes), sensor=sensor)
    alerts.rmdir()
    with pytest.raises(HomeError):
        home.tick(monkeypatch, later=timedelta(minutes=7), sensor=sensor)
    assert [alert["kind"] for alert in home.alerts] == ["sensor_failure"]


def test_sensors_are_off_unless_a_setting_turns_them_on(tmp_path: Path):
    for is_on, expected in ((False, dg.DefaultSensorStatus.STOPPED), (True, dg.DefaultSensorStatus.RUNNING)):
        definitions = build_definitions(settings(home=tmp_path, auto_refresh=is_on))
        sensors = list(definitions.sensors or [])
        assert {sensor.name for sensor in sensors} == {
            "raw_files", "failed_runs", "finished_runs", "overdue_feeds", "run_retention"
        }  # fmt: skip
        assert {sensor.default_status for sensor in sensors} == {expected}


def test_a_setting_decides_how_often_the_sensor_is_evaluated(tmp_path: Path):
    sensor = raw_files_sensor(settings(home=tmp_path, sensor_interval_seconds=42))
    assert sensor.minimum_interval_seconds == 42


class SentMetrics:
    """Keeps the metrics that are sent; it fails on request."""

    def __init__(self) -> None:
        self.sent: list[Metric] = []

    def send(self, metrics: Sequence[Metric]) -> None:
        self.sent += metrics


def test_the_sensor_s_heartbeat_comes_every_five_minutes_whether_files_arrive_or_not(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    metrics, sensor = SentMetrics(), raw_files_sensor(settings(home=home.path))
    home.refresh()
    for minutes in (1, 2, 5.5, 7, 12):
        home.tick(monkeypatch, later=timedelta(minutes=minutes), sensor=sensor, metrics=metrics)
    home.deliver("actuals.csv")
    assert home.tick(monkeypatch, later=timedelta(minutes=18), sensor=sensor, metrics=metrics).run_requests
    assert [(metric.name, metric.value) for metric in metrics.sent] == [("SensorEvaluations", 1)] * 4


def test_a_sensor_that_fails_has_no_heartbeat(home: Home, monkeypatch: pytest.MonkeyPatch):
    metrics = SentMetrics()
    shutil.rmtree(home.path / "processed")
    write(home.path / "processed", "a file where the processed zone should be")
    with pytest.raises(FinancePlatformError):
        home.tick(monkeypatch, metrics=metrics)
    assert metrics.sent == []
