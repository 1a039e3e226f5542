"""The queue of S3 events, over real HTTP to moto: events only shorten the wait for the next listing.

Belongs here: the queue, and the sensor that polls it. Does not belong here: changes (see
`unit/deliveries/test_changes`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest

from finance_platform.bootstrap import open_raw_zone_events
from finance_platform.errors import S3EventsError
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.orchestration.jobs import REFRESH
from finance_platform.orchestration.resources import platform_resources
from finance_platform.orchestration.sensors.raw_files import raw_files_sensor
from finance_platform.storage.s3_events import S3EventQueue
from finance_platform_tests.aws.moto_server import REGION, MotoServer
from finance_platform_tests.unit.factories import LEDGER, settings, write


@pytest.fixture
def queue(aws: MotoServer, request: pytest.FixtureRequest) -> Any:
    """A queue of the test's own."""
    return boto3.resource("sqs", endpoint_url=aws.address).create_queue(
        QueueName=f"events-{abs(hash(request.node.name))}"
    )


def send(queue: Any, times: int = 1) -> None:
    for _ in range(times):
        queue.send_message(MessageBody='{"detail-type": "Object Created"}')


def test_poll_returns_false_without_a_message(queue: Any):
    assert not S3EventQueue(queue.url).poll()


def test_poll_returns_true_once_per_message(queue: Any):
    send(queue)
    events = S3EventQueue(queue.url)
    assert events.poll()
    assert not events.poll()


def test_many_messages_are_one_event(queue: Any):
    send(queue, 23)
    events = S3EventQueue(queue.url)
    assert events.poll()
    assert not events.poll()


def test_the_content_of_a_message_is_ignored(queue: Any):
    queue.send_message(MessageBody="no JSON at all")
    assert S3EventQueue(queue.url).poll()


def test_a_missing_queue_is_an_error_with_a_fix(queue: Any):
    with pytest.raises(S3EventsError, match="NonExistentQueue") as caught:
        S3EventQueue(queue.url + "-gone").poll()
    assert "check the queue's address" in str(caught.value)


def test_the_queue_is_read_in_the_configured_region(queue: Any, monkeypatch: pytest.MonkeyPatch):
    send(queue)
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(S3EventsError, match="region"):
        S3EventQueue(queue.url).poll()
    events = open_raw_zone_events(settings(raw_events_queue_url=queue.url, aws_region=REGION))
    assert events
    assert events.poll()


class Sensor:
    """The raw zone sensor of a home with a queue; each tick is some seconds after the last one."""

    def __init__(self, home: Path, queue_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        write(home / "feeds" / "ledger.yaml", LEDGER)
        write(home / "raw" / "ledger_1.csv", "a,b\n1,2\n")
        self.home, self.queue_url, self.monkeypatch = home, queue_url, monkeypatch
        self.cursor: str | None = None
        self.instance = dg.DagsterInstance.ephemeral()
        self.now = datetime.now(UTC) + timedelta(minutes=1)

    def tick(self, seconds: int = 10) -> tuple[int, str]:
        """Return the number of requested runs, and the reason of a skip."""
        self.now += timedelta(seconds=seconds)
        now = self.now

        class Clock(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return now.astimezone(tz)

        self.monkeypatch.setattr("finance_platform.orchestration.sensors.raw_files.datetime", Clock)
        home_settings = settings(home=self.home, raw_events_queue_url=self.queue_url, sensor_full_look_seconds=300)
        resources = {
            name: platform_resources(home_settings)[name]
            for name in raw_files_sensor(home_settings).required_resource_keys
        }
        with dg.build_sensor_context(instance=self.instance, cursor=self.cursor, resources=resources) as context:
            result = raw_files_sensor(home_settings).evaluate_tick(context)
        self.cursor = result.cursor
        return len(result.run_requests or []), result.skip_message or ""


def test_the_first_scan_needs_no_event(queue: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert Sensor(tmp_path, queue.url, monkeypatch).tick()[0] == 1


def test_without_an_event_the_raw_zone_is_listed_at_intervals(
    queue: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sensor = Sensor(tmp_path, queue.url, monkeypatch)
    sensor.tick()
    runs, why = sensor.tick()
    assert (runs, why[:28]) == (0, "no event since the last scan")
    assert sensor.tick(300)[0] == 1, "a lost event delays the file by minutes"


def test_after_an_event_the_raw_zone_is_listed_at_once(queue: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    sensor = Sensor(tmp_path, queue.url, monkeypatch)
    sensor.tick()
    send(queue)
    assert sensor.tick()[0] == 1


def test_if_the_queue_cannot_be_read_the_raw_zone_is_listed(
    queue: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sensor = Sensor(tmp_path, queue.url + "-gone", monkeypatch)
    sensor.tick()
    assert sensor.tick()[0] == 1


def test_after_a_failed_run_the_next_attempt_needs_no_event(
    queue: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sensor = Sensor(tmp_path, queue.url, monkeypatch)
    sensor.tick()
    job = build_definitions(settings(home=tmp_path)).resolve_job_def(REFRESH)
    sensor.instance.report_run_failed(sensor.instance.create_run_for_job(job))
    assert sensor.tick()[0] == 1


@pytest.mark.parametrize("events", [0, 1])
def test_events_of_a_run_are_taken_during_it_and_looked_at_after_it(
    events: int, queue: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sensor = Sensor(tmp_path, queue.url, monkeypatch)
    sensor.tick()
    job = build_definitions(settings(home=tmp_path)).resolve_job_def(REFRESH)
    run = sensor.instance.create_run_for_job(job)
    send(queue, events)
    assert sensor.tick() == (0, f"run {run.run_id} is in progress; the next scan is after its end")
    assert not S3EventQueue(queue.url).poll(), "an event that waits for an hour is an alarm"
    succeeded = dg.DagsterEvent(event_type_value=dg.DagsterEventType.RUN_SUCCESS.value, job_name=REFRESH)
    sensor.instance.report_dagster_event(succeeded, run.run_id)
    assert sensor.tick()[0] == events


def test_an_invalid_cursor_costs_one_scan(queue: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    sensor = Sensor(tmp_path, queue.url, monkeypatch)
    sensor.cursor = "from another release"
    assert sensor.tick()[0] == 1
    assert len(sensor.cursor or "") < 20
