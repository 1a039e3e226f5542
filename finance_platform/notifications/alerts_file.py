"""Alerts in a local file of JSON lines.

Belongs here: appending to that file. Does not belong here: which findings are alerted.
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
from finance_platform.safe_text import to_json
from finance_platform.storage.durability import create_folder, sync_folder


class AlertsFile:
    """Appends alerts to the file at `path`, one JSON object per line; runs and sensors may send at the same time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, alerts: Sequence[Alert]) -> list[Alert]:
        """Append the alerts whose keys are not in the file; see `Alerts`."""
        if not alerts:
            return []
        try:
            create_folder(self._path.parent)
            with self._path.open("ab+") as stream:
                sent = _append(stream, alerts)
            if sent:
                sync_folder(self._path.parent)  # the file may be new
        except OSError as error:
            raise AlertError(
                f"{self._path}: {error.strerror}", fix="free disk space, or make the file writable"
            ) from error
        return sent


def _append(stream: BinaryIO, alerts: Sequence[Alert]) -> list[Alert]:
    # Two processes may send the same alert; the second must see the line of the first.
    fcntl.flock(stream, fcntl.LOCK_EX)
    stream.seek(0)
    content = stream.read()
    known = _keys(content)
    sent = list({alert.key: alert for alert in alerts if alert.key not in known}.values())
    if sent:
        # A killed process may have left an incomplete line; the next alert starts on a line of its own.
        start = b"\n" if content and not content.endswith(b"\n") else b""
        stream.write(start + b"".join(to_json(asdict(alert)).encode() + b"\n" for alert in sent))
        stream.flush()
        os.fsync(stream.fileno())
    return sent


def _keys(content: bytes) -> set[str]:
    """Return the keys of all alerts in the file; an incomplete or foreign line has none."""
    keys = set()
    for line in content.splitlines():
        try:
            keys.add(json.loads(line)["key"])
        except (ValueError, TypeError, KeyError):
            continue
    return keys
