"""The alerts port: the content of an alert, and the protocols of its adapters.

Belongs here: the protocols, their value, the two audiences. Does not belong here: the API of any service.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from finance_platform.errors import TransientError

Kind = Literal[
    "run_failure",
    "timed_out",
    "exhausted_retries",
    "sensor_failure",
    "run_finished",
    "failed_check",
    "freshness_violation",
    "restatement",
]

OPERATIONS_KINDS: tuple[Kind, ...] = (
    *("run_failure", "timed_out", "exhausted_retries"),
    *("sensor_failure", "run_finished"),
)
"""Kinds for the people who operate the platform."""

DATA_KINDS: tuple[Kind, ...] = ("failed_check", "freshness_violation", "restatement")
"""Kinds for the people who know the data."""


class AlertError(TransientError):
    """An alert could not be sent; no published number is affected."""

    title = "An alert could not be sent"


def combine_errors(errors: Sequence[AlertError]) -> AlertError:
    """Return one error with the findings and fixes of at least one error."""
    findings = dict.fromkeys(error.found for error in errors)
    fixes = dict.fromkeys(error.fix for error in errors)
    return AlertError("; ".join(findings), fix="; ".join(fixes))


@dataclass(frozen=True)
class Alert:
    """One alert.

    Attributes:
        key: identity of the event; an alert is sent once for each key.
        kind: its subject, by which it is routed.
        title: what happened, in one line.
        where: the asset, check, step or feed.
        found: figures and details by name, as JSON has them: a text, a count, a list, or records with named cells.
            Money is a text with two decimals.
        fix: what to do.
        link: the page with more details.
        run_id: the run in which it happened; empty if there was none.
        at: the time, ISO 8601 UTC.
    """

    key: str
    kind: Kind
    title: str
    where: str
    found: Mapping[str, Any]
    fix: str
    link: str
    run_id: str
    at: str


class Alerts(Protocol):
    """Sends alerts."""

    def send(self, alerts: Sequence[Alert]) -> list[Alert]:
        """Send the alerts whose keys were not sent before; return those that were sent.

        Raises:
            AlertError: some could not be sent; another call sends only those.
        """
        ...


class SentLog(Protocol):
    """Record of the alerts sent, for a service that keeps none; an object store implements it."""

    def find(self, key: str) -> object | None:
        """Return the record with this key, or None."""
        ...

    def write_new(self, key: str, data: bytes) -> bool:
        """Write a record atomically unless it exists; return whether it was written."""
        ...
