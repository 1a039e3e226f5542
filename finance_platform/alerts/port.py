"""The port of alerts: what an alert says, and what an adapter must do.

Belongs here: the protocol and its value. Does not belong here: any service's own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["run failure", "failed check", "freshness violation", "exhausted retries", "restatement"]


@dataclass(frozen=True)
class Alert:
    """One message to people.

    Attributes:
        key: what happened, once and for all; an alert is sent once for each key.
        kind: what it is about, for whoever routes messages.
        title: what happened, in one line.
        where: the asset, check, step or feed.
        found: the figures; how much.
        fix: what to do.
        link: the page that shows more.
        run_id: the run in which it happened; empty where it happened in none.
        at: when, ISO 8601 UTC.
    """

    key: str
    kind: Kind
    title: str
    where: str
    found: Mapping[str, str]
    fix: str
    link: str
    run_id: str
    at: str


class Alerts(Protocol):
    """Where alerts go."""

    def send(self, alert: Alert) -> bool:
        """Send an alert unless one of its key was sent before; return whether it was sent."""
        ...
