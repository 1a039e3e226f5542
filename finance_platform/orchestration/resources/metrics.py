"""The metrics resource: CloudWatch behind the metrics' port, or nothing.

Belongs here: which adapter stands behind the port, and that no run fails for want of a graph.
Does not belong here: which figures there are.
"""

import logging
from collections.abc import Sequence

import dagster as dg

from finance_platform.notifications.metrics import Metric, Metrics, MetricsError


class MetricsResource(dg.ConfigurableResource[Metrics]):
    """Where metrics go.

    Attributes:
        namespace: CloudWatch's namespace; empty where nobody looks.
        region: of CloudWatch; as boto3 finds it unless given.
    """

    namespace: str = ""
    region: str = ""

    def open(self) -> Metrics | None:
        """Return the metrics, or None where nobody looks; nothing is opened before one is sent."""
        if not self.namespace:
            return None
        from finance_platform.notifications.cloudwatch import (
            CloudWatchMetrics,  # boto3 takes most of a second to import
        )

        return CloudWatchMetrics(self.namespace, self.region)


def send_or_warn(metrics: Metrics | None, found: Sequence[Metric], log: logging.Logger) -> None:
    """Send metrics; where that fails, say so in a log and go on: a missing point in a graph is no broken number."""
    if metrics is None or not found:
        return
    try:
        metrics.send(found)
    except MetricsError as error:
        log.warning(
            f"{error.title}: {', '.join(dict.fromkeys(one.name for one in found))}: {error.found}. Fix: {error.fix}"
        )
