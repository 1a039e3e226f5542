"""Metrics on AWS: a namespace of CloudWatch.

Belongs here: what is particular to CloudWatch. Does not belong here: which figures there are.

CloudWatch knows doubles alone, so it is here, and nowhere else, that money becomes one. That is exact to the cent
below 90 trillion (2^53 cents), and what is looked at or compared with an alarm's threshold is never added up into
a number that is published.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from finance_platform.notifications.metrics import Metric, MetricsError

_AT_ONCE = 1000
"""What CloudWatch takes in one call."""

FEED = "Feed"
"""The dimension that names a feed."""

# A step waits for its metrics, which are not worth a long wait.
_CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})


class CloudWatchMetrics:
    """Metrics to one namespace."""

    def __init__(self, namespace: str, region: str = "") -> None:
        """Send to `namespace`, in the region given or else the one that boto3 finds."""
        self._namespace = namespace
        self._region = region

    def send(self, metrics: Sequence[Metric]) -> None:
        """Send metrics, as many at once as CloudWatch takes; see `Metrics`."""
        if not metrics:
            return
        try:
            client: Any = boto3.client("cloudwatch", region_name=self._region or None, config=_CONFIG)
            for start in range(0, len(metrics), _AT_ONCE):
                batch = [_datum(metric) for metric in metrics[start : start + _AT_ONCE]]
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
