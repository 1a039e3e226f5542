"""Alerts on AWS: a topic of SNS.

Belongs here: what is particular to SNS. Does not belong here: what is worth an alert, which topic it goes to (see
`routing`), what a message says (see `message`), where it is noted what was sent (see `port.Notes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from finance_platform.errors import FinancePlatformError
from finance_platform.notifications.alert_message import attributes, note_key, note_of, subject, text
from finance_platform.notifications.alerts import Alert, AlertError, SentLog, together

# A step waits for its alerts; what cannot be sent in seconds is sent again by whoever comes next.
_CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})

_OF_ONE_MESSAGE = {"InvalidParameter", "ParameterValueInvalid"}
"""SNS refuses one message; the topic takes others."""

_GONE = "create the topic, or correct its ARN in the settings"
_DENIED = "allow sns:Publish on the topic to the platform's role"
_EXPIRED = "renew the credentials"
_FIXES = {
    "NotFound": _GONE,
    "NotFoundException": _GONE,
    "AuthorizationError": _DENIED,
    "AccessDenied": _DENIED,
    "AccessDeniedException": _DENIED,
    "KMSAccessDenied": "allow the platform's role kms:GenerateDataKey* and kms:Decrypt on the topic's key",
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
}
_PASSES = "nothing, if it passes: what was not sent is sent later; else check the network, the region, the credentials"


class TopicAlerts:
    """Alerts to one topic; what was sent is noted in the lake.

    An alert is published first and noted then. A process that is killed between the two loses no alert: whoever comes
    next publishes it a second time, and notes it.
    """

    def __init__(self, topic: str, notes: SentLog) -> None:
        """Send to the topic with this ARN; `notes` knows what was sent before."""
        self._topic = topic
        self._notes = notes

    def send(self, alerts: Sequence[Alert]) -> list[Alert]:
        """Publish the alerts that are not noted; see `Alerts`.

        Raises:
            AlertError: some could not be sent; a message that SNS refuses by itself holds up no other.
        """
        sent: list[Alert] = []
        refused: list[AlertError] = []
        client: Any = None
        for alert in alerts:
            if alert.key in {one.key for one in sent} or self._is_noted(alert):
                continue
            client = client or self._client()
            try:
                self._publish(client, alert)
            except _RefusedMessageError as error:
                refused.append(error)
                continue
            sent.append(alert)
            self._note(alert)
        if refused:
            raise together(refused)
        return sent

    def _client(self) -> Any:
        # A topic may be in another region than the platform; its ARN says in which.
        return boto3.client("sns", region_name=self._topic.split(":")[3], config=_CONFIG)

    def _publish(self, client: Any, alert: Alert) -> None:
        try:
            client.publish(
                TopicArn=self._topic, Subject=subject(alert), Message=text(alert), MessageAttributes=attributes(alert)
            )
        except ClientError as error:
            answer = error.response.get("Error", {})
            code = str(answer.get("Code", ""))
            found = f"{self._topic}: {code}: {answer.get('Message', '')}"
            if code in _OF_ONE_MESSAGE:
                raise _RefusedMessageError(
                    f"{found}, of {alert.title!r}", fix="report it: the message is ours"
                ) from error
            raise AlertError(found, fix=_FIXES.get(code, _PASSES)) from error
        except BotoCoreError as error:
            raise AlertError(f"{self._topic}: {error}", fix=_PASSES) from error

    def _is_noted(self, alert: Alert) -> bool:
        try:
            return self._notes.find(note_key(alert)) is not None
        except (OSError, FinancePlatformError) as error:
            raise AlertError(
                f"nobody knows whether {alert.title!r} was sent before: {error}", fix="make the processed zone readable"
            ) from error

    def _note(self, alert: Alert) -> None:
        try:
            # Where it is there by now, another process has told of the same at the same time.
            self._notes.write_new(note_key(alert), note_of(alert))
        except (OSError, FinancePlatformError) as error:
            raise AlertError(
                f"{alert.title!r} was sent and that cannot be noted, so it will be sent again: {error}",
                fix="make the processed zone writable",
            ) from error


class _RefusedMessageError(AlertError):
    """SNS does not take this one message."""
