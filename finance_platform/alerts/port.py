"""The port of alerts: what an alert says, and what an adapter must do.

Belongs here: the protocol and its value. Does not belong here: any service's own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Alert:
    """One message to people.

    Attributes:
        key: what happened, once and for all; an alert is sent once for each key.
        kind: restatement, and what else is worth waking somebody for.
        title: what happened, in one line.
        found: the figures.
        fix: what to do.
        run_id: the run in which it happened.
        at: when, ISO 8601 UTC.
    """

    key: str
    kind: str
    title: str
    found: Mapping[str, str]
    fix: str
    run_id: str
    at: str


class Alerts(Protocol):
    """Where alerts go."""

    def send(self, alert: Alert) -> bool:
        """Send an alert unless one of its key was sent before; return whether it was sent."""
        ...
