"""Ticks of a sensor that fail one after the other: an alert once they have failed for a while.

Belongs here: since when they fail, the alert. Does not belong here: what a sensor evaluates, alerts on runs (see
`run_alerts`).

Dagster shows a failed tick on the sensor's page alone. While the ticks of `raw_files` fail, no file is loaded, and no
run starts that could fail and send an alert (454).
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from finance_platform.notifications.alerts import Alert, AlertError, Alerts
from finance_platform.orchestration.code_location import LOCATION
from finance_platform.storage.machine_errors import translate_machine_error

ALERT_AFTER = timedelta(minutes=5)
"""For how long ticks fail before it is an alert: a network that fails for a minute is none."""

_MAX_MESSAGE_LENGTH = 300


class FailingTicks:
    """The ticks of a sensor in this process, as far as they fail without one between them that works."""

    def __init__(self, sensor: str, ui_url: str) -> None:
        """Begin without a failure.

        Args:
            sensor: its name.
            ui_url: the address of the UI, for the link.
        """
        self._sensor, self._ui_url = sensor, ui_url
        self._since: datetime | None = None
        self._is_sent = False

    def end(self) -> None:
        """Note a tick that works."""
        self._since, self._is_sent = None, False

    def note(self, error: Exception, at: datetime, alerts: Alerts, log: logging.Logger) -> None:
        """Note a tick that failed, and send the alert if it is due; one that cannot be sent is a warning.

        Args:
            error: why it failed, without credentials.
            at: now, UTC.
            alerts: where the alert is sent.
            log: the tick's.
        """
        self._since = self._since or at
        if self._is_sent or at - self._since < ALERT_AFTER:
            return
        try:
            alerts.send([self._alert(error, self._since, at)])
        except AlertError as not_sent:
            log.warning(str(not_sent))
        else:
            self._is_sent = True

    def _alert(self, error: Exception, since: datetime, at: datetime) -> Alert:
        known = translate_machine_error(error)
        lines = str(error).strip().splitlines()
        title = known.title if known else f"Unexpected error: {type(error).__name__}"
        text = since.isoformat(timespec="seconds")
        return Alert(
            key=f"sensor {self._sensor} fails since {text}",
            kind="sensor_failure",
            title=f"The sensor {self._sensor} fails, so no new file is loaded: {title}",
            where=self._sensor,
            found={
                "error": known.found if known else (lines[0][:_MAX_MESSAGE_LENGTH] if lines else ""),
                "fails_since": text,
            },
            fix=(known.fix if known else "") or "see the error of the sensor's last tick on its page",
            link=f"{self._ui_url}/locations/{LOCATION}/sensors/{self._sensor}",
            run_id="",
            at=at.isoformat(timespec="seconds"),
        )
