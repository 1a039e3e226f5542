"""From what is on record to metrics: the deliveries that were read, how old each feed is, what a load restated.

Belongs here: figures of the data. Does not belong here: figures of runs (see `resources.run_metrics`), sending.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from finance_platform.deliveries.commits import Count, DeliveryCommit
from finance_platform.notifications.metrics import Metric
from finance_platform.reports.movements import moved_in_all


def metrics_of_deliveries(read: Iterable[DeliveryCommit], at: datetime) -> list[Metric]:
    """Return rows and money of deliveries, added up by feed.

    Rows are candidate lines. Money rejected is absolute, so that a refused invoice and a refused credit note do not
    make nothing; rows whose amount does not parse have none.

    Args:
        read: the deliveries that one run has read.
        at: when.
    """
    by_feed: dict[str, list[DeliveryCommit]] = {}
    for commit in read:
        by_feed.setdefault(commit.feed, []).append(commit)
    found = []
    for feed, commits in sorted(by_feed.items()):
        accepted, rejected = (_total(commits, outcome) for outcome in ("accepted", "rejected"))
        found += [
            Metric("RowsRead", sum(commit.read.rows for commit in commits), at, feed),
            Metric("RowsAccepted", accepted.rows, at, feed),
            Metric("RowsRejected", rejected.rows, at, feed),
            Metric("MoneyRejected", rejected.absolute, at, feed),
        ]
    return found


def freshness_lags(last_came: Mapping[str, datetime], at: datetime) -> list[Metric]:
    """Return how long ago each feed's last delivery came.

    Args:
        last_came: by feed, when its last delivery came; a feed that never had one has no lag.
        at: when this is asked.
    """
    return [
        Metric("FreshnessLag", max(0, int((at - came).total_seconds())), at, feed)
        for feed, came in sorted(last_came.items())
    ]


def restated_amount(summary: Sequence[dict[str, Any]], load_number: int, at: datetime) -> Metric:
    """Return the money that a load moved in closed periods, whichever way; zero is worth saying, for the graph.

    Args:
        summary: what moved, as `movement_summary` returns it.
        load_number: the load.
        at: when.
    """
    rows = [row for row in summary if row["load_number"] == load_number and row["is_restatement"]]
    return Metric("RestatedAmount", moved_in_all(rows) if rows else Decimal("0.00"), at)


def _total(commits: Iterable[DeliveryCommit], outcome: str) -> Count:
    return sum((commit.outcome(outcome) for commit in commits), Count())
