"""Metrics of the data: rows and money of the deliveries read, the age of each feed, the amount restated by a load.

Belongs here: figures of the data. Does not belong here: figures of runs (see `orchestration.run_metrics`), sending.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from finance_platform.deliveries.commits import Count, DeliveryCommit
from finance_platform.feeds.values.codes import fold
from finance_platform.notifications.metrics import Metric
from finance_platform.reports.movements import largest_gross


def delivery_metrics(read: Iterable[DeliveryCommit], at: datetime) -> list[Metric]:
    """Return rows and money of deliveries, totalled by feed.

    Rows are candidate lines. Rejected money is absolute, so that a rejected invoice and a rejected credit note do not
    cancel out; rows whose amount is invalid or in a foreign currency have none. Scenarios are never added: of a feed
    with several it is that of the largest one.

    Args:
        read: the deliveries that one run read.
        at: the time of the metrics.
    """
    by_feed: dict[str, list[DeliveryCommit]] = {}
    for commit in read:
        by_feed.setdefault(commit.feed, []).append(commit)
    metrics = []
    for feed, commits in sorted(by_feed.items()):
        accepted, rejected = (_total(commits, outcome) for outcome in ("accepted", "rejected"))
        money: dict[str, Decimal] = {}
        for lines in (lines for commit in commits for lines in commit.scenarios):
            if lines.term == "rejected" and not lines.currency:
                scenario = fold(lines.scenario)
                money[scenario] = money.get(scenario, Decimal("0.00")) + lines.count.absolute
        metrics += [
            Metric("RowsRead", sum(commit.read.rows for commit in commits), at, feed),
            Metric("RowsAccepted", accepted.rows, at, feed),
            Metric("RowsRejected", rejected.rows, at, feed),
            Metric("MoneyRejected", max(money.values(), default=Decimal("0.00")), at, feed),
        ]
    return metrics


def freshness_lags(last_arrivals: Mapping[str, datetime], at: datetime) -> list[Metric]:
    """Return the time since each feed's last delivery arrived.

    Args:
        last_arrivals: by feed, when its last delivery arrived; a feed without deliveries has no lag.
        at: now.
    """
    return [
        Metric("FreshnessLag", max(0, int((at - arrived).total_seconds())), at, feed)
        for feed, arrived in sorted(last_arrivals.items())
    ]


def restated_amount(summary: Sequence[dict[str, Any]], load_number: int, at: datetime) -> Metric:
    """Return the largest gross amount of one scenario that a load changed in closed periods.

    It is 0.00 if there is none, so that graphs have no gaps.

    Args:
        summary: the movements, from `movement_summary`.
        load_number: the load.
        at: the time of the metric.
    """
    rows = [row for row in summary if row["load_number"] == load_number and row["is_restatement"]]
    return Metric("RestatedAmount", largest_gross(rows), at)


def _total(commits: Iterable[DeliveryCommit], outcome: str) -> Count:
    return sum((commit.outcome(outcome) for commit in commits), Count())
