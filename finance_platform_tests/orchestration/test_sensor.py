"""The sensor on the raw zone: what starts a run, what does not and why, and what becomes of failures.

Belongs here: ticks of the sensor on real homes with a real Dagster instance. Does not belong here: what is new (see
`unit/test_news`), the UI's daemon that makes the ticks.

A run that a test needs to have failed is entered into the instance as such; what a real run does, `test_refresh` says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Self

import dagster as dg
import pytest

from finance_platform.deliveries.discovery import scan_raw_zone
from finance_platform.deliveries.register import Register, utc_text
from finance_platform.deliveries.scans import fingerprint_config, mark_refreshed, record_scan
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.orchestration.jobs import REFRESH
from finance_platform.orchestration.resources.alerts import AlertsResource
from finance_platform.orchestration.resources.lake import LakeResource
from finance_platform.orchestration.runs import ATTEMPT, CHANGES, COMMAND_LINE, STARTED_BY, STATE
from finance_platform.orchestration.sensors.attempts import PAUSES
from finance_platform.orchestration.sensors.raw_files import raw_files_sensor
from finance_platform.storage.file_lock import run_lock
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import LEDGER, settings, write


@dataclass(frozen=True)
class Tick:
    """What came of one look: runs that are asked for, or why there is none."""

    run_requests: list[dg.RunRequest]
    skip_message: str


@dataclass
class Home:
    """A home, and the sensor that looks at it."""

    path: Path
    instance: dg.DagsterInstance

    def deliver(self, key: str) -> Path:
        """Put a file into the raw zone; its change time cannot be set, so the clock of the sensor is what moves."""
        return write(self.path / "raw" / key, f"a,b\n{key},2\n")

    def refresh(self) -> None:
        """Leave behind what a complete refresh leaves of its look."""
        home, lake = settings(home=self.path), LocalStore(self.path / "processed")
        catalog, at = load_feed_set(home.feeds_path), datetime.now(UTC)
        run_id = f"run at {at}"
        intake = scan_raw_zone(LocalStore(self.path / "raw"), Register(lake), catalog, home, at=at, run_id=run_id)
        record_scan(lake, intake.seen.items(), terms=fingerprint_config(catalog, home), run_id=run_id, at=utc_text(at))
        mark_refreshed(lake, run_id)

    def tick(self, monkeypatch: pytest.MonkeyPatch, *, later: timedelta = timedelta(minutes=1)) -> Tick:
        """Let the sensor look, a while from now."""
        monkeypatch.setattr("finance_platform.orchestration.sensors.raw_files.datetime", _clock(later))
        home = settings(home=self.path)
        sensor = raw_files_sensor(home)
        resources = {
            "lake": LakeResource(raw_root=home.raw_root, processed_root=home.processed_root),
            "alerts": AlertsResource(path=str(home.alerts_path)),
        }
        definitions = build_definitions(home)
        with dg.build_sensor_context(
            instance=self.instance, repository_def=definitions.get_repository_def(), resources=resources
        ) as context:
            found = sensor.evaluate_tick(context)
        return Tick(list(found.run_requests or []), found.skip_message or "")

    def enter_run(self, status: dg.DagsterRunStatus, again: str | None = None, **tags: str) -> dg.DagsterRun:
        """Enter a run of the refresh into the instance, as if it had ended or were at work; `again`: its parent."""
        job = build_definitions(settings(home=self.path)).resolve_job_def(REFRESH)
        run = self.instance.create_run_for_job(job, tags=tags, parent_run_id=again, root_run_id=again)
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
        found = Home(tmp_path, instance)
        found.deliver("ledger_1.csv")
        found.refresh()
        yield found


def request_of(result: Tick) -> dg.RunRequest:
    (request,) = result.run_requests
    return request


def test_where_nothing_is_new_no_run_starts_and_the_reason_says_since_when(home: Home, monkeypatch: pytest.MonkeyPatch):
    result = home.tick(monkeypatch)
    assert not result.run_requests
    assert result.skip_message.startswith("nothing new: 1 raw files, as when run run at ")


def test_one_run_starts_for_all_that_is_new_and_its_tags_say_what(home: Home, monkeypatch: pytest.MonkeyPatch):
    home.deliver("ledger_2.csv")
    home.deliver("ledger_3.csv")
    (home.path / "raw" / "ledger_1.csv").unlink()
    request = request_of(home.tick(monkeypatch))
    assert request.tags[CHANGES] == "2 new (ledger_2.csv, ledger_3.csv); 1 gone (ledger_1.csv)"
    assert request.tags[ATTEMPT] == "1"
    assert request.run_key == f"{request.tags[STATE]}-1"


def test_the_run_leaves_files_that_are_still_being_written(home: Home, monkeypatch: pytest.MonkeyPatch):
    home.deliver("ledger_2.csv")
    assert request_of(home.tick(monkeypatch)).run_config == {"ops": {"register": {"config": {"skip_unstable": True}}}}


def test_while_a_file_is_being_written_nothing_starts(home: Home, monkeypatch: pytest.MonkeyPatch):
    home.deliver("ledger_2.csv")
    result = home.tick(monkeypatch, later=timedelta(0))
    assert not result.run_requests
    assert result.skip_message.startswith("ledger_2.csv: still being written")


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.NOT_STARTED])
def test_while_a_run_is_at_work_no_other_starts(
    home: Home, monkeypatch: pytest.MonkeyPatch, status: dg.DagsterRunStatus
):
    home.deliver("ledger_2.csv")
    run = home.enter_run(status)
    result = home.tick(monkeypatch)
    assert not result.run_requests
    assert result.skip_message.startswith(f"run {run.run_id} is at work")


def test_what_somebody_materializes_by_hand_is_waited_for_as_well(home: Home, monkeypatch: pytest.MonkeyPatch):
    home.deliver("ledger_2.csv")
    by_hand = build_definitions(settings(home=home.path)).resolve_implicit_global_asset_job_def()
    run = home.instance.create_run_for_job(by_hand)
    assert home.tick(monkeypatch).skip_message.startswith(f"run {run.run_id} is at work")


def test_a_killed_run_of_the_command_line_keeps_nothing_waiting_and_is_told(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    home.deliver("ledger_2.csv")
    run = home.enter_run(dg.DagsterRunStatus.STARTED, **{STARTED_BY: COMMAND_LINE})
    assert request_of(home.tick(monkeypatch))
    # Left as it is, it would hold its place in the pool, and every run of the UI would wait in the queue for ever.
    marked = home.instance.get_run_by_id(run.run_id)
    assert marked
    assert marked.status == dg.DagsterRunStatus.FAILURE
    assert [alert["run_id"] for alert in home.alerts] == [run.run_id]


def test_a_run_of_the_command_line_that_holds_the_home_s_lock_is_waited_for(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    home.deliver("ledger_2.csv")
    home.enter_run(dg.DagsterRunStatus.STARTED, **{STARTED_BY: COMMAND_LINE})
    with run_lock(home.path):
        assert not home.tick(monkeypatch).run_requests


def fail(home: Home, request: dg.RunRequest) -> None:
    home.enter_run(dg.DagsterRunStatus.FAILURE, **request.tags)


def test_after_a_failure_the_sensor_waits_and_then_tries_the_same_state_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    home.deliver("ledger_2.csv")
    first = request_of(home.tick(monkeypatch))
    fail(home, first)
    waiting = home.tick(monkeypatch, later=timedelta(seconds=30))
    assert not waiting.run_requests
    assert "the next is at" in waiting.skip_message
    assert "1 new (ledger_2.csv)" in waiting.skip_message
    second = request_of(home.tick(monkeypatch, later=PAUSES[0] + timedelta(seconds=30)))
    assert second.tags[STATE] == first.tags[STATE]
    assert (second.run_key, second.tags[ATTEMPT]) == (f"{first.tags[STATE]}-2", "2")


def test_a_run_that_somebody_cancels_is_not_started_again_at_once(home: Home, monkeypatch: pytest.MonkeyPatch):
    home.deliver("ledger_2.csv")
    home.enter_run(dg.DagsterRunStatus.CANCELED, **request_of(home.tick(monkeypatch)).tags)
    assert not home.tick(monkeypatch, later=timedelta(seconds=30)).run_requests


def test_after_the_last_attempt_one_alert_is_sent_and_nothing_more_until_the_state_changes(
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
    assert alert["kind"] == "exhausted retries"
    assert alert["found"] == {"not taken in": "1 new (ledger_2.csv)", "failed attempts": str(len(PAUSES) + 1)}
    assert alert["link"] == f"http://127.0.0.1:3000/runs/{alert['run_id']}"
    home.deliver("ledger_3.csv")
    assert request_of(home.tick(monkeypatch)).tags[ATTEMPT] == "1"


def test_what_dagster_runs_again_after_a_kill_is_no_attempt_of_the_sensor(home: Home, monkeypatch: pytest.MonkeyPatch):
    home.deliver("ledger_2.csv")
    request = request_of(home.tick(monkeypatch))
    assert request.tags["dagster/retry_strategy"] == "ALL_STEPS"
    fail(home, request)
    (first,) = home.instance.get_runs()
    for status in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS):
        home.enter_run(status, again=first.run_id, **request.tags)
    later = home.tick(monkeypatch, later=PAUSES[0] + timedelta(seconds=30))
    assert request_of(later).tags[ATTEMPT] == "2"


def test_a_run_that_ended_well_without_taking_all_in_is_told_once_and_not_started_for_ever(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    home.deliver("ledger_2.csv")
    run = home.enter_run(dg.DagsterRunStatus.SUCCESS, **request_of(home.tick(monkeypatch)).tags)
    for _ in range(2):
        result = home.tick(monkeypatch)
        assert not result.run_requests
        assert result.skip_message.startswith(f"Run {run.run_id} has ended well, and still there is news")
    assert [alert["run_id"] for alert in home.alerts] == [run.run_id]


def test_a_ui_with_other_settings_than_runs_have_says_so_and_alerts_nobody(home: Home, monkeypatch: pytest.MonkeyPatch):
    write(home.path / "feeds" / "ledger.yaml", LEDGER + "hold_if_late: true\n")
    home.enter_run(dg.DagsterRunStatus.SUCCESS, **request_of(home.tick(monkeypatch)).tags)
    assert "start the UI again" in home.tick(monkeypatch).skip_message
    assert home.alerts == []


def test_the_tick_opens_no_raw_file(home: Home, monkeypatch: pytest.MonkeyPatch):
    home.deliver("ledger_2.csv")
    opened: list[str] = []
    monkeypatch.setattr(Path, "open", _remembering(opened, Path.open))
    monkeypatch.setattr("builtins.open", _remembering(opened, open))
    assert request_of(home.tick(monkeypatch))
    assert any("feeds" in path for path in opened), "or the test would see nothing"
    assert not [path for path in opened if str(home.path / "raw") in path]


def _remembering(opened: list[str], original: Callable[..., Any]) -> Callable[..., Any]:
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


def test_sensors_are_off_unless_settings_turn_them_on(tmp_path: Path):
    for is_on, expected in ((False, dg.DefaultSensorStatus.STOPPED), (True, dg.DefaultSensorStatus.RUNNING)):
        definitions = build_definitions(settings(home=tmp_path, auto_refresh=is_on))
        sensors = list(definitions.sensors or [])
        assert {sensor.name for sensor in sensors} == {"raw_files", "failed_runs", "finished_runs", "overdue_feeds"}
        assert {sensor.default_status for sensor in sensors} == {expected}


def test_the_sensor_looks_as_often_as_the_setting_says(tmp_path: Path):
    sensor = raw_files_sensor(settings(home=tmp_path, sensor_interval_seconds=42))
    assert sensor.minimum_interval_seconds == 42
