"""The port of metrics: what a metric is, and what an adapter must do.

Belongs here: the protocol, its value, the names that dashboards and alarms know. Does not belong here: any service's
own words.
"""

from __future__ import annotations

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
}
"""The unit of each; money has none that dashboards know, it is in the home's one currency."""

OF_A_FEED: tuple[Name, ...] = ("RowsRead", "RowsAccepted", "RowsRejected", "MoneyRejected", "FreshnessLag")
"""Those that are told feed by feed; the others are of the home."""


class MetricsError(TransientError):
    """Nobody can see the figures; the numbers are as they are."""

    title = "Metrics could not be sent"


@dataclass(frozen=True)
class Metric:
    """One figure at one moment.

    Attributes:
        name: what it measures.
        value: how much; money stays exact up to the adapter.
        at: when; it knows its time zone.
        feed: of which feed, for those `OF_A_FEED`; empty for the others.
    """

    name: Name
    value: Decimal | int
    at: datetime
    feed: str = ""

    def __post_init__(self) -> None:
        """Refuse a figure that no dashboard would find.

        Raises:
            ValueError: a feed's metric names no feed or another names one, or the moment has no time zone.
        """
        if bool(self.feed) != (self.name in OF_A_FEED):
            raise ValueError(f"{self.name} of feed {self.feed!r}: a feed is named by {', '.join(OF_A_FEED)} alone")
        if self.at.tzinfo is None:
            raise ValueError(f"{self.at} has no time zone")

    @property
    def unit(self) -> Unit:
        """What the value counts."""
        return UNITS[self.name]


class Metrics(Protocol):
    """Where metrics go."""

    def send(self, metrics: Sequence[Metric]) -> None:
        """Send metrics, each once; they are not noted anywhere, so whoever sends one twice has it counted twice.

        Raises:
            MetricsError: some could not be sent.
        """
        ...
