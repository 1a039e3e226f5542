"""Alerts on a laptop: a file of JSON lines, appended to.

Belongs here: what is particular to that file. Does not belong here: what is worth an alert.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from finance_platform.alerts.port import Alert


class AlertsFile:
    """Alerts in the file at `path`, one JSON object a line; the caller holds the run's lock."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, alert: Alert) -> bool:
        """Append an alert unless its key is in the file; see `Alerts`."""
        if alert.key in self._keys():
            return False
        with self._path.open("ab") as stream:
            stream.write(json.dumps(asdict(alert), ensure_ascii=False).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        return True

    def _keys(self) -> set[str]:
        """Return the keys of all alerts sent; a line that a killed process left half-written counts for none."""
        if not self._path.exists():
            return set()
        keys = set()
        whole = self._path.read_bytes()
        for line in whole.splitlines():
            try:
                keys.add(json.loads(line)["key"])
            except ValueError:
                continue
        if whole and not whole.endswith(b"\n"):
            # What comes next begins on a line of its own.
            with self._path.open("ab") as stream:
                stream.write(b"\n")
        return keys
