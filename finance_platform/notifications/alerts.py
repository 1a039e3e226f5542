"""The port of alerts: what an alert says, and what an adapter must do.

Belongs here: the protocols, their value, the two audiences. Does not belong here: any service's own words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from finance_platform.errors import TransientError

Kind = Literal["run failure", "failed check", "freshness violation", "exhausted retries", "restatement"]

OPERATIONS_KINDS: tuple[Kind, ...] = ("run failure", "exhausted retries")
"""What those mend who run the platform."""

DATA_KINDS: tuple[Kind, ...] = ("failed check", "freshness violation", "restatement")
"""What those look into who know the data."""


class AlertError(TransientError):
    """People cannot be told; the numbers are as they are."""

    title = "An alert could not be sent"


def together(errors: Sequence[AlertError]) -> AlertError:
    """Return one error that says what several say; there is at least one."""
    found, fixes = (dict.fromkeys(said) for said in ([one.found for one in errors], [one.fix for one in errors]))
    return AlertError("; ".join(found), fix="; ".join(fixes))


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

    def send(self, alerts: Sequence[Alert]) -> list[Alert]:
        """Send the alerts whose keys were not sent before; return those that were sent.

        Raises:
            AlertError: they could not be sent; what was sent is known, and the rest may be sent again.
        """
        ...


class SentLog(Protocol):
    """Where it is noted what was sent, for an adapter that sends into the void; a zone of the lake will do."""

    def find(self, key: str) -> object | None:
        """Return something where there is a note under a key."""
        ...

    def write_new(self, key: str, data: bytes) -> bool:
        """Write a note, atomically, unless it exists; return whether it was written."""
        ...
