"""Metrics to a CloudWatch namespace.

Belongs here: the API of CloudWatch. Does not belong here: which metrics exist.

CloudWatch only has doubles, so money becomes a double here, and only here. That is exact to the cent below 90 trillion
(2^53 cents), and metrics never become part of a published number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from finance_platform.notifications.metrics import Metric, MetricsError

_BATCH_SIZE = 1000
"""The limit of CloudWatch for one call."""

FEED = "Feed"
"""The dimension with the feed's name."""

# A step waits for its metrics; they do not justify a long wait.
_CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})


class CloudWatchMetrics:
    """Sends metrics to one namespace."""

    def __init__(self, namespace: str, region: str = "") -> None:
        """Send to `namespace` in `region`; in the region that boto3 finds if it is empty."""
        self._namespace = namespace
        self._region = region

    def send(self, metrics: Sequence[Metric]) -> None:
        """Send metrics in batches; see `Metrics`."""
        if not metrics:
            return
        try:
            client: Any = boto3.client("cloudwatch", region_name=self._region or None, config=_CONFIG)
            for start in range(0, len(metrics), _BATCH_SIZE):
                batch = [_datum(metric) for metric in metrics[start : start + _BATCH_SIZE]]
                client.put_metric_data(Namespace=self._namespace, MetricData=batch)
        except (BotoCoreError, ClientError) as error:
            raise MetricsError(
                f"namespace {self._namespace}: {error}",
                fix="allow cloudwatch:PutMetricData to the platform's role; check the region and the credentials",
            ) from error


def _datum(metric: Metric) -> dict[str, Any]:
    return {
        "MetricName": metric.name,
        "Dimensions": [{"Name": FEED, "Value": metric.feed}] if metric.feed else [],
        "Timestamp": metric.at,
        "Value": float(metric.value),
        "Unit": metric.unit,
    }
