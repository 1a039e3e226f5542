"""Alerts on a laptop: a file of JSON lines, appended to.

Belongs here: what is particular to that file. Does not belong here: what is worth an alert.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from finance_platform.notifications.alerts import Alert, AlertError


class AlertsFile:
    """Alerts in the file at `path`, one JSON object a line; runs and sensors may send at the same time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, alerts: Sequence[Alert]) -> list[Alert]:
        """Append the alerts whose keys are not in the file, which is read once; see `Alerts`."""
        if not alerts:
            return []
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab+") as stream:
                return _append(stream, alerts)
        except OSError as error:
            raise AlertError(f"{self._path}: {error.strerror}", fix="make room there, or make it writable") from error


def _append(stream: BinaryIO, alerts: Sequence[Alert]) -> list[Alert]:
    # Two processes may come with one alert; the second must see what the first has written.
    fcntl.flock(stream, fcntl.LOCK_EX)
    stream.seek(0)
    whole = stream.read()
    known = _keys(whole)
    sent = list({alert.key: alert for alert in alerts if alert.key not in known}.values())
    if sent:
        # What a killed process left half-written ends there, and what comes next begins on a line of its own.
        start = b"\n" if whole and not whole.endswith(b"\n") else b""
        stream.write(start + b"".join(json.dumps(asdict(one), ensure_ascii=False).encode() + b"\n" for one in sent))
        stream.flush()
        os.fsync(stream.fileno())
    return sent


def _keys(whole: bytes) -> set[str]:
    """Return the keys of all alerts sent; a line that a killed process left half-written counts for none."""
    keys = set()
    for line in whole.splitlines():
        try:
            keys.add(json.loads(line)["key"])
        except ValueError:
            continue
    return keys
