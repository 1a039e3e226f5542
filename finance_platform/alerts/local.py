"""Alerts on a laptop: a file of JSON lines, appended to.

Belongs here: what is particular to that file. Does not belong here: what is worth an alert.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict
from pathlib import Path

from finance_platform.alerts.port import Alert


class AlertsFile:
    """Alerts in the file at `path`, one JSON object a line; runs and sensors may send at the same time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, alert: Alert) -> bool:
        """Append an alert unless its key is in the file; see `Alerts`."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab+") as stream:
            # Two processes may come with one alert; the second must see what the first has written.
            fcntl.flock(stream, fcntl.LOCK_EX)
            stream.seek(0)
            whole = stream.read()
            if alert.key in _keys(whole):
                return False
            # What a killed process left half-written ends there, and what comes next begins on a line of its own.
            start = b"\n" if whole and not whole.endswith(b"\n") else b""
            stream.write(start + json.dumps(asdict(alert), ensure_ascii=False).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        return True


def _keys(whole: bytes) -> set[str]:
    """Return the keys of all alerts sent; a line that a killed process left half-written counts for none."""
    keys = set()
    for line in whole.splitlines():
        try:
            keys.add(json.loads(line)["key"])
        except ValueError:
            continue
    return keys
