"""What CloudWatch, or what stands in for it, was told.

Belongs here: asking it. Does not belong here: what it should have been told.
"""

from __future__ import annotations

from datetime import UTC, datetime

import boto3

from finance_platform.notifications.metrics import UNITS, Name


def sums(namespace: str, name: Name, feed: str = "") -> tuple[float, float]:
    """Return what CloudWatch knows of a metric, all in all: the sum, and of how many values."""
    found = boto3.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": "Feed", "Value": feed}] if feed else [],
        StartTime=datetime(2025, 1, 1, tzinfo=UTC),
        EndTime=datetime(2050, 1, 1, tzinfo=UTC),
        Period=86400,
        Statistics=["Sum", "SampleCount"],
        Unit=UNITS[name],
    )["Datapoints"]
    return sum(point["Sum"] for point in found), sum(point["SampleCount"] for point in found)
