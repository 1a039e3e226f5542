"""The metrics port: the names and units of metrics, and the protocol of its adapters.

Belongs here: the protocol, its value, the names that dashboards and alarms use. Does not belong here: the API of any
service.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

from finance_platform.errors import TransientError

Name = Literal[
    "RowsRead",
    "RowsAccepted",
    "RowsRejected",
    "MoneyRejected",
    "FreshnessLag",
    "RunDuration",
    "RunsSucceeded",
    "RunsFailed",
    "RestatedAmount",
    "SensorEvaluations",
]
Unit = Literal["Count", "Seconds", "None"]

UNITS: dict[Name, Unit] = {
    "RowsRead": "Count",
    "RowsAccepted": "Count",
    "RowsRejected": "Count",
    "MoneyRejected": "None",
    "FreshnessLag": "Seconds",
    "RunDuration": "Seconds",
    "RunsSucceeded": "Count",
    "RunsFailed": "Count",
    "RestatedAmount": "None",
    "SensorEvaluations": "Count",
}
"""The unit of each metric; money has none, it is in the home's currency."""

FEED_METRICS: tuple[Name, ...] = ("RowsRead", "RowsAccepted", "RowsRejected", "MoneyRejected", "FreshnessLag")
"""The metrics by feed; the others describe the whole home."""


class MetricsError(TransientError):
    """Metrics could not be sent; no published number is affected."""

    title = "Metrics could not be sent"


@dataclass(frozen=True)
class Metric:
    """One figure at one time.

    Attributes:
        name: the metric.
        value: the figure; money is exact.
        at: the time, with a time zone.
        feed: the feed, for `FEED_METRICS`; empty for the others.
    """

    name: Name
    value: Decimal | int
    at: datetime
    feed: str = ""

    def __post_init__(self) -> None:
        """Validate the metric.

        Raises:
            ValueError: a feed metric has no feed, another metric has one, or the time has no time zone.
        """
        if bool(self.feed) != (self.name in FEED_METRICS):
            raise ValueError(f"{self.name} with feed {self.feed!r}: only {', '.join(FEED_METRICS)} have a feed")
        if self.at.tzinfo is None:
            raise ValueError(f"{self.at} has no time zone")

    @property
    def unit(self) -> Unit:
        """The unit of the value."""
        return UNITS[self.name]


class Metrics(Protocol):
    """Sends metrics."""

    def send(self, metrics: Sequence[Metric]) -> None:
        """Send metrics; there is no record of them, so a metric that is sent twice counts twice.

        Raises:
            MetricsError: some could not be sent.
        """
        ...


def send_or_warn(metrics: Metrics | None, figures: Sequence[Metric], log: logging.Logger) -> None:
    """Send metrics; log a warning where that fails, since a missing point in a graph does not make a number wrong."""
    if metrics is None or not figures:
        return
    try:
        metrics.send(figures)
    except MetricsError as error:
        names = ", ".join(dict.fromkeys(figure.name for figure in figures))
        log.warning(f"{error.title}: {names}: {error.found}. Fix: {error.fix}")
