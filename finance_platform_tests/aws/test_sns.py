"""Alerts by SNS, on a fake of AWS: routing, message, sending once, errors.

Belongs here: `notifications.sns`, `routing`, `alert_message`. Does not belong here: the file of JSON lines (see
`unit/notifications/test_alerts_file`), which findings are alerted (see `orchestration`).
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import boto3
import pytest

from finance_platform.bootstrap import open_alerts
from finance_platform.errors import SettingsError
from finance_platform.notifications.alert_message import SUBJECT_LENGTH, TEXT_BYTES, record_key, subject, text
from finance_platform.notifications.alerts import DATA_KINDS, OPERATIONS_KINDS, Alert, AlertError, Kind
from finance_platform.notifications.sns import TopicAlerts
from finance_platform.orchestration.resources import platform_resources
from finance_platform.settings import load_settings
from finance_platform.storage.local import LocalStore
from finance_platform_tests.aws.fault_responses import fault_server, xml_error
from finance_platform_tests.aws.moto_server import MotoServer, environment
from finance_platform_tests.unit.factories import settings

FAILURE = Alert(
    key="load failed for 1a2b: The load was rolled back",
    kind="run_failure",
    title="The load was rolled back, in step load",
    where="refresh, load",
    found={"error": "expected 3 rows, found 2", "raw zone": "gl_1.csv is new"},
    fix="build these slices again",
    link="http://127.0.0.1:3000/runs/run-1",
    run_id="run-1",
    at="2026-01-01T00:00:00+00:00",
)
RESTATEMENT = replace(FAILURE, key="restatement of 2024-03 by load 7", kind="restatement", title="2024-03 was restated")
GONE = "arn:aws:sns:eu-central-1:123456789012:gone"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use fake credentials and an address without a service, unless a test sets another."""
    for name, value in environment("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)


class Topic:
    """A topic with a subscribed queue."""

    def __init__(self, name: str) -> None:
        self.arn = boto3.client("sns", region_name="eu-central-1").create_topic(Name=name)["TopicArn"]
        self._sqs = boto3.client("sqs", region_name="eu-central-1")
        self._queue = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        boto3.client("sns", region_name="eu-central-1").subscribe(
            TopicArn=self.arn, Protocol="sqs", Endpoint=f"arn:aws:sqs:eu-central-1:123456789012:{name}"
        )

    def receive(self) -> list[dict[str, Any]]:
        """Return the messages since the last call."""
        messages = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]


@pytest.fixture
def failures(moto: MotoServer, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Topic:
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto.address)
    return Topic(f"failures-{abs(hash(request.node.name))}")


@pytest.fixture
def anomalies(moto: MotoServer, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Topic:
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto.address)
    return Topic(f"anomalies-{abs(hash(request.node.name))}")


def test_every_kind_has_exactly_one_audience():
    kinds: list[Kind] = [*OPERATIONS_KINDS, *DATA_KINDS]
    assert sorted(kinds) == sorted(get_args(Kind))


def test_a_message_has_subject_text_and_attributes(tmp_path: Path, failures: Topic):
    assert TopicAlerts(failures.arn, LocalStore(tmp_path)).send([FAILURE]) == [FAILURE]
    (message,) = failures.receive()
    assert message["Subject"] == "run failure: The load was rolled back, in step load"
    assert message["Message"] == (
        "The load was rolled back, in step load\n\nKind:  run failure\nWhere: refresh, load\nRun:   run-1\n"
        "At:    2026-01-01T00:00:00+00:00\n\nFound:\n  error: expected 3 rows, found 2\n"
        "  raw zone: gl_1.csv is new\n\nWhat to do: build these slices again\n"
        "More: http://127.0.0.1:3000/runs/run-1\n"
    )
    assert message["MessageAttributes"]["kind"] == {"Type": "String", "Value": "run_failure"}
    assert message["MessageAttributes"]["run_id"] == {"Type": "String", "Value": "run-1"}


def test_each_kind_goes_to_the_topic_of_its_audience(tmp_path: Path, failures: Topic, anomalies: Topic):
    home = settings(home=tmp_path, failures_topic_arn=failures.arn, anomalies_topic_arn=anomalies.arn)
    alerts = [replace(FAILURE, key=kind, kind=kind, title=kind) for kind in get_args(Kind)]
    assert len(open_alerts(home).send(alerts)) == len(alerts)
    assert sorted(message["Message"].split("\n")[0] for message in failures.receive()) == sorted(OPERATIONS_KINDS)
    assert sorted(message["Message"].split("\n")[0] for message in anomalies.receive()) == sorted(DATA_KINDS)
    assert not home.alerts_path.exists()


def test_a_kind_without_a_topic_goes_into_the_file(tmp_path: Path, failures: Topic):
    home = settings(home=tmp_path, failures_topic_arn=failures.arn)
    assert open_alerts(home).send([RESTATEMENT, FAILURE])
    assert [json.loads(line)["kind"] for line in home.alerts_path.read_text().splitlines()] == ["restatement"]
    assert len(failures.receive()) == 1


def test_without_topics_all_alerts_go_into_the_file(tmp_path: Path):
    home = settings(home=tmp_path)
    assert open_alerts(home).send([RESTATEMENT, FAILURE])
    assert len(home.alerts_path.read_text().splitlines()) == 2


def test_steps_and_sensors_send_to_the_same_topics(tmp_path: Path, failures: Topic):
    home = settings(home=tmp_path, failures_topic_arn=failures.arn)
    assert platform_resources(home)["alerts"].send([FAILURE]) == [FAILURE]
    assert open_alerts(home).send([FAILURE]) == []
    assert len(failures.receive()) == 1


def test_an_alert_is_sent_once(tmp_path: Path, failures: Topic):
    zone = LocalStore(tmp_path)
    first = TopicAlerts(failures.arn, zone).send([FAILURE, replace(FAILURE, title="in other words")])
    assert (first, TopicAlerts(failures.arn, zone).send([FAILURE])) == ([FAILURE], [])
    assert len(failures.receive()) == 1
    assert json.loads(zone.read(record_key(FAILURE)))["title"] == FAILURE.title


class KilledOnRecord(LocalStore):
    """A zone whose process is killed before it writes anything."""

    def write_new(self, *_: Any) -> bool:
        raise KeyboardInterrupt


def test_a_kill_between_message_and_record_sends_the_alert_twice_at_most(tmp_path: Path, failures: Topic):
    with pytest.raises(KeyboardInterrupt):
        TopicAlerts(failures.arn, KilledOnRecord(tmp_path)).send([FAILURE])
    assert TopicAlerts(failures.arn, LocalStore(tmp_path)).send([FAILURE]) == [FAILURE]
    assert TopicAlerts(failures.arn, LocalStore(tmp_path)).send([FAILURE]) == []
    assert len(failures.receive()) == 2


class ReadOnly(LocalStore):
    """A zone that cannot be written."""

    def write_new(self, key: str, *_: Any) -> bool:
        raise PermissionError(f"{key} is not yours to write")


def test_an_alert_that_cannot_be_recorded_is_an_error_and_will_be_sent_again(tmp_path: Path, failures: Topic):
    with pytest.raises(AlertError, match=r"sent again.*not yours to write"):
        TopicAlerts(failures.arn, ReadOnly(tmp_path)).send([FAILURE])


def test_a_missing_topic_is_an_error_with_its_name_and_does_not_affect_others(
    tmp_path: Path, failures: Topic, anomalies: Topic
):
    home = settings(home=tmp_path, failures_topic_arn=GONE, anomalies_topic_arn=anomalies.arn)
    with pytest.raises(AlertError, match=f"{GONE}: NotFound") as caught:
        open_alerts(home).send([FAILURE, RESTATEMENT])
    assert "create the topic, or correct its ARN" in caught.value.fix
    assert len(anomalies.receive()) == 1
    corrected = settings(home=tmp_path, failures_topic_arn=failures.arn, anomalies_topic_arn=anomalies.arn)
    assert open_alerts(corrected).send([FAILURE, RESTATEMENT]) == [FAILURE], "only the unsent alert is sent later"


@pytest.mark.parametrize(
    ("status", "code", "fix", "calls"),
    [
        (403, "AuthorizationError", "allow sns:Publish on the topic to the platform's role", 1),
        (400, "KMSAccessDenied", "kms:GenerateDataKey", 1),
        (403, "ExpiredToken", "renew the credentials", 1),
        (400, "Throttling", "nothing, if it passes", 3),
    ],
)
def test_a_refusal_is_an_error_with_topic_reason_and_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, code: str, fix: str, calls: int
):
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    with fault_server(status, xml_error(code, "not today")) as service:
        monkeypatch.setenv("AWS_ENDPOINT_URL", service.address)
        with pytest.raises(AlertError, match=f"{GONE}: {code}: not today") as caught:
            TopicAlerts(GONE, LocalStore(tmp_path)).send([FAILURE, RESTATEMENT])
    assert fix in caught.value.fix
    assert len(service.requests) == calls, "the topic's other alerts are not tried"
    assert LocalStore(tmp_path).find(record_key(FAILURE)) is None


def test_a_refused_message_does_not_affect_others(tmp_path: Path, failures: Topic, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("finance_platform.notifications.alert_message.TEXT_BYTES", 400_000)
    refused = replace(FAILURE, found={"error": "x" * 300_000})
    with pytest.raises(AlertError, match="InvalidParameter"):
        TopicAlerts(failures.arn, LocalStore(tmp_path)).send([refused, RESTATEMENT])
    assert len(failures.receive()) == 1


def test_missing_credentials_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(AlertError, match="credentials"):
        TopicAlerts(GONE, LocalStore(tmp_path)).send([FAILURE])


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Umsätze für Größe", "run failure: Umsatze fur Grosse"),
        ("Łódź – 'Ære’ 5 €", "run failure: Lodz - 'AEre' 5 EUR"),
        ("Έσοδα 2025", "run failure: ????? 2025"),
        ("two\nlines\tand a bell\a", "run failure: two lines and a bell"),
        ("long " * 40, f"run failure: {('long ' * 40)[:83]}..."),
    ],
)
def test_a_subject_is_short_ascii_on_one_line(title: str, expected: str):
    line = subject(replace(FAILURE, title=title))
    assert line == expected
    assert len(line) <= SUBJECT_LENGTH
    assert line.isascii()


def test_a_text_that_is_too_long_is_cut():
    body = text(replace(FAILURE, found={"error": "ü" * TEXT_BYTES}))
    assert len(body.encode()) <= TEXT_BYTES
    assert body.endswith(f"[cut here: the rest is behind the link]\n{FAILURE.link}\n")


def test_a_setting_that_is_not_a_topic_is_an_error():
    with pytest.raises(SettingsError, match="FINANCE_PLATFORM_FAILURES_TOPIC_ARN"):
        load_settings(failures_topic_arn="arn:aws:sqs:eu-central-1:123456789012:queue")
