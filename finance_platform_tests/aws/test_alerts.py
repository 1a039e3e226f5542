"""Alerts by SNS, over a real wire to a stand-in of it: to whom, what they say, once, and what becomes of a no.

Belongs here: topics. Does not belong here: the file of JSON lines (see `unit/test_alerts`), what is worth an alert.
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
from finance_platform.notifications.alert_message import SUBJECT_LENGTH, TEXT_BYTES, note_key, subject, text
from finance_platform.notifications.alerts import DATA_KINDS, OPERATIONS_KINDS, Alert, AlertError, Kind
from finance_platform.notifications.sns import TopicAlerts
from finance_platform.orchestration.resources.wiring import platform_resources
from finance_platform.settings import load_settings
from finance_platform.storage.local import LocalStore
from finance_platform_tests.aws.fault_responses import answering, xml_error
from finance_platform_tests.aws.moto_server import MotoServer, environment
from finance_platform_tests.unit.factories import settings

FAILURE = Alert(
    key="load failed for 1a2b: The load was rolled back",
    kind="run failure",
    title="The load was rolled back, in step load",
    where="refresh, load",
    found={"error": "expected 3 rows, found 2", "raw zone": "gl_1.csv is new"},
    fix="build these slices again",
    link="http://127.0.0.1:3000/runs/run-1",
    run_id="run-1",
    at="2026-01-01T00:00:00+00:00",
)
ODD = replace(FAILURE, key="restatement of 2024-03 by load 7", kind="restatement", title="2024-03 was restated")
GONE = "arn:aws:sns:eu-central-1:123456789012:gone"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's, and no address: a test that says neither reaches nothing."""
    for name, value in environment("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)


class Topic:
    """A topic, and the queue of somebody who listens to it."""

    def __init__(self, name: str) -> None:
        self.arn = boto3.client("sns", region_name="eu-central-1").create_topic(Name=name)["TopicArn"]
        self._sqs = boto3.client("sqs", region_name="eu-central-1")
        self._queue = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        boto3.client("sns", region_name="eu-central-1").subscribe(
            TopicArn=self.arn, Protocol="sqs", Endpoint=f"arn:aws:sqs:eu-central-1:123456789012:{name}"
        )

    def heard(self) -> list[dict[str, Any]]:
        """Return the messages that came since this was last asked."""
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


def test_every_kind_has_one_audience():
    kinds: list[Kind] = [*OPERATIONS_KINDS, *DATA_KINDS]
    assert sorted(kinds) == sorted(get_args(Kind))


def test_a_message_says_what_where_how_much_what_to_do_and_where_more_is(tmp_path: Path, failures: Topic):
    assert TopicAlerts(failures.arn, LocalStore(tmp_path)).send([FAILURE]) == [FAILURE]
    (heard,) = failures.heard()
    assert heard["Subject"] == "run failure: The load was rolled back, in step load"
    assert heard["Message"] == (
        "The load was rolled back, in step load\n\nKind:  run failure\nWhere: refresh, load\nRun:   run-1\n"
        "At:    2026-01-01T00:00:00+00:00\n\nFound:\n  error: expected 3 rows, found 2\n"
        "  raw zone: gl_1.csv is new\n\nWhat to do: build these slices again\n"
        "More: http://127.0.0.1:3000/runs/run-1\n"
    )
    assert heard["MessageAttributes"]["kind"] == {"Type": "String", "Value": "run failure"}
    assert heard["MessageAttributes"]["run_id"] == {"Type": "String", "Value": "run-1"}


def test_each_kind_goes_to_its_audience(tmp_path: Path, failures: Topic, anomalies: Topic):
    found = settings(home=tmp_path, failures_topic_arn=failures.arn, anomalies_topic_arn=anomalies.arn)
    alerts = [replace(FAILURE, key=kind, kind=kind, title=kind) for kind in get_args(Kind)]
    assert len(open_alerts(found).send(alerts)) == len(alerts)
    assert sorted(heard["Message"].split("\n")[0] for heard in failures.heard()) == sorted(OPERATIONS_KINDS)
    assert sorted(heard["Message"].split("\n")[0] for heard in anomalies.heard()) == sorted(DATA_KINDS)
    assert not found.alerts_path.exists()


def test_a_kind_without_a_topic_goes_into_the_file(tmp_path: Path, failures: Topic):
    found = settings(home=tmp_path, failures_topic_arn=failures.arn)
    assert open_alerts(found).send([ODD, FAILURE])
    assert [json.loads(line)["kind"] for line in found.alerts_path.read_text().splitlines()] == ["restatement"]
    assert len(failures.heard()) == 1


def test_without_topics_there_is_the_file_alone(tmp_path: Path):
    found = settings(home=tmp_path)
    assert open_alerts(found).send([ODD, FAILURE])
    assert len(found.alerts_path.read_text().splitlines()) == 2


def test_the_steps_and_sensors_send_to_the_same_topics(tmp_path: Path, failures: Topic):
    found = settings(home=tmp_path, failures_topic_arn=failures.arn)
    assert platform_resources(found)["alerts"].open().send([FAILURE]) == [FAILURE]
    assert open_alerts(found).send([FAILURE]) == []
    assert len(failures.heard()) == 1


def test_an_alert_is_sent_once_whoever_asks(tmp_path: Path, failures: Topic):
    zone = LocalStore(tmp_path)
    first = TopicAlerts(failures.arn, zone).send([FAILURE, replace(FAILURE, title="in other words")])
    assert (first, TopicAlerts(failures.arn, zone).send([FAILURE])) == ([FAILURE], [])
    assert len(failures.heard()) == 1
    assert json.loads(zone.read(note_key(FAILURE)))["title"] == FAILURE.title


class KilledOnNote(LocalStore):
    """A zone whose process is killed before it can note anything."""

    def write_new(self, *_: Any) -> bool:
        raise KeyboardInterrupt


def test_a_kill_between_message_and_note_loses_nothing_and_tells_twice_at_most(tmp_path: Path, failures: Topic):
    with pytest.raises(KeyboardInterrupt):
        TopicAlerts(failures.arn, KilledOnNote(tmp_path)).send([FAILURE])
    assert TopicAlerts(failures.arn, LocalStore(tmp_path)).send([FAILURE]) == [FAILURE]
    assert TopicAlerts(failures.arn, LocalStore(tmp_path)).send([FAILURE]) == []
    assert len(failures.heard()) == 2


class ReadOnly(LocalStore):
    """A zone that takes nothing."""

    def write_new(self, key: str, *_: Any) -> bool:
        raise PermissionError(f"{key} is not yours to write")


def test_what_cannot_be_noted_is_an_error_that_says_it_will_be_sent_again(tmp_path: Path, failures: Topic):
    with pytest.raises(AlertError, match=r"sent again.*not yours to write"):
        TopicAlerts(failures.arn, ReadOnly(tmp_path)).send([FAILURE])


def test_a_topic_that_is_not_there_is_an_error_with_its_name_and_holds_up_no_other(
    tmp_path: Path, failures: Topic, anomalies: Topic
):
    found = settings(home=tmp_path, failures_topic_arn=GONE, anomalies_topic_arn=anomalies.arn)
    with pytest.raises(AlertError, match=f"{GONE}: NotFound") as caught:
        open_alerts(found).send([FAILURE, ODD])
    assert "create the topic, or correct its ARN" in caught.value.fix
    assert len(anomalies.heard()) == 1
    mended = settings(home=tmp_path, failures_topic_arn=failures.arn, anomalies_topic_arn=anomalies.arn)
    assert open_alerts(mended).send([FAILURE, ODD]) == [FAILURE], "what was not sent is sent later, and it alone"


@pytest.mark.parametrize(
    ("status", "code", "fix", "calls"),
    [
        (403, "AuthorizationError", "allow sns:Publish on the topic to the platform's role", 1),
        (400, "KMSAccessDenied", "kms:GenerateDataKey", 1),
        (403, "ExpiredToken", "renew the credentials", 1),
        (400, "Throttling", "nothing, if it passes", 3),
    ],
)
def test_a_no_says_which_topic_why_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, code: str, fix: str, calls: int
):
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    with answering(status, xml_error(code, "not today")) as service:
        monkeypatch.setenv("AWS_ENDPOINT_URL", service.address)
        with pytest.raises(AlertError, match=f"{GONE}: {code}: not today") as caught:
            TopicAlerts(GONE, LocalStore(tmp_path)).send([FAILURE, ODD])
    assert fix in caught.value.fix
    assert len(service.asked) == calls, "the topic's other alerts do not wait for the same answer"
    assert LocalStore(tmp_path).find(note_key(FAILURE)) is None


def test_one_message_that_is_refused_holds_up_no_other(
    tmp_path: Path, failures: Topic, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("finance_platform.notifications.alert_message.TEXT_BYTES", 400_000)
    refused = replace(FAILURE, found={"error": "x" * 300_000})
    with pytest.raises(AlertError, match="InvalidParameter"):
        TopicAlerts(failures.arn, LocalStore(tmp_path)).send([refused, ODD])
    assert len(failures.heard()) == 1


def test_without_credentials_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(AlertError, match="credentials"):
        TopicAlerts(GONE, LocalStore(tmp_path)).send([FAILURE])


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Umsätze für Größe", "run failure: Umsatze fur Groe"),
        ("two\nlines\tand a bell\a", "run failure: two lines and a bell"),
        ("long " * 40, f"run failure: {('long ' * 40)[:83]}..."),
    ],
)
def test_a_subject_is_short_ascii_on_one_line(title: str, expected: str):
    found = subject(replace(FAILURE, title=title))
    assert found == expected
    assert len(found) <= SUBJECT_LENGTH
    assert found.isascii()


def test_a_text_that_is_too_long_is_cut_and_says_so():
    found = text(replace(FAILURE, found={"error": "ü" * TEXT_BYTES}))
    assert len(found.encode()) <= TEXT_BYTES
    assert found.endswith(f"[cut here: the rest is behind the link]\n{FAILURE.link}\n")


def test_something_that_is_no_topic_is_refused_at_once():
    with pytest.raises(SettingsError, match="FINANCE_PLATFORM_FAILURES_TOPIC_ARN"):
        load_settings(failures_topic_arn="arn:aws:sqs:eu-central-1:123456789012:queue")
