"""Metric values in CloudWatch, or in its stand-in.

Belongs here: reading them. Does not belong here: expectations.
"""

from __future__ import annotations

from datetime import UTC, datetime

import boto3

from finance_platform.notifications.metrics import UNITS, Name


def sums(namespace: str, name: Name, feed: str = "") -> tuple[float, float]:
    """Return the sum of all values of a metric, and how many values there are."""
    points = boto3.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": "Feed", "Value": feed}] if feed else [],
        StartTime=datetime(2025, 1, 1, tzinfo=UTC),
        EndTime=datetime(2050, 1, 1, tzinfo=UTC),
        Period=86400,
        Statistics=["Sum", "SampleCount"],
        Unit=UNITS[name],
    )["Datapoints"]
    return sum(point["Sum"] for point in points), sum(point["SampleCount"] for point in points)
