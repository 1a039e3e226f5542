"""Alerts to an SNS topic.

Belongs here: the API of SNS. Does not belong here: which findings are alerted, which topic gets them (see `routing`),
the text of a message (see `alert_message`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from finance_platform.errors import FinancePlatformError
from finance_platform.notifications.alert_message import attributes, record_key, subject, text, to_record
from finance_platform.notifications.alerts import Alert, AlertError, SentLog, combine_errors

# A step waits for its alerts; what cannot be sent within seconds is sent by the next run or sensor.
_CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})

_OF_ONE_MESSAGE = {"InvalidParameter", "ParameterValueInvalid"}
"""Codes by which SNS refuses one message, not the topic's others."""

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
_PASSES = "nothing, if it passes: unsent alerts are sent later; otherwise check network, region and credentials"


class TopicAlerts:
    """Sends alerts to one topic, and records which were sent.

    An alert is published first and recorded afterwards, so a killed process loses no alert: at most, the next process
    publishes it a second time.
    """

    def __init__(self, topic: str, sent_log: SentLog) -> None:
        """Send to the topic with this ARN; `sent_log` records the alerts sent."""
        self._topic = topic
        self._sent_log = sent_log

    def send(self, alerts: Sequence[Alert]) -> list[Alert]:
        """Publish the alerts that are not recorded; see `Alerts`.

        Raises:
            AlertError: some could not be sent; the refusal of one message does not affect the others.
        """
        sent: list[Alert] = []
        refused: list[AlertError] = []
        client: Any = None
        for alert in alerts:
            if alert.key in {earlier.key for earlier in sent} or self._is_recorded(alert):
                continue
            client = client or self._client()
            try:
                self._publish(client, alert)
            except _RefusedMessageError as error:
                refused.append(error)
                continue
            sent.append(alert)
            self._record(alert)
        if refused:
            raise combine_errors(refused)
        return sent

    def _client(self) -> Any:
        # The topic may be in another region than the platform; the ARN names it.
        return boto3.client("sns", region_name=self._topic.split(":")[3], config=_CONFIG)

    def _publish(self, client: Any, alert: Alert) -> None:
        try:
            client.publish(
                TopicArn=self._topic, Subject=subject(alert), Message=text(alert), MessageAttributes=attributes(alert)
            )
        except ClientError as error:
            details = error.response.get("Error", {})
            code = str(details.get("Code", ""))
            found = f"{self._topic}: {code}: {details.get('Message', '')}"
            if code in _OF_ONE_MESSAGE:
                raise _RefusedMessageError(f"{found}, of {alert.title!r}", fix="report it as a fault") from error
            raise AlertError(found, fix=_FIXES.get(code, _PASSES)) from error
        except BotoCoreError as error:
            raise AlertError(f"{self._topic}: {error}", fix=_PASSES) from error

    def _is_recorded(self, alert: Alert) -> bool:
        try:
            return self._sent_log.find(record_key(alert)) is not None
        except (OSError, FinancePlatformError) as error:
            raise AlertError(
                f"cannot check whether {alert.title!r} was sent before: {error}", fix="make the processed zone readable"
            ) from error

    def _record(self, alert: Alert) -> None:
        try:
            # If the record exists by now, another process has sent the same alert at the same time.
            self._sent_log.write_new(record_key(alert), to_record(alert))
        except (OSError, FinancePlatformError) as error:
            raise AlertError(
                f"{alert.title!r} was sent but cannot be recorded, so it will be sent again: {error}",
                fix="make the processed zone writable",
            ) from error


class _RefusedMessageError(AlertError):
    """SNS refuses this message."""
