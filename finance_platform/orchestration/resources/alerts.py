"""The alerts resource: a file of JSON lines, or topics, behind the alerts' port.

Belongs here: which adapter stands behind the port. Does not belong here: what is worth an alert.
"""

from pathlib import Path

import dagster as dg

from finance_platform.notifications.alerts import Alerts
from finance_platform.notifications.alerts_file import AlertsFile
from finance_platform.notifications.opening import Topics, open_alerts
from finance_platform.orchestration.resources.lake import LakeResource


class AlertsResource(dg.ConfigurableResource[Alerts]):
    """Where alerts go.

    Attributes:
        path: the file that gets them, one JSON object a line.
    """

    path: str

    def open(self) -> Alerts:
        """Return the alerts; nothing is written before one is sent."""
        return AlertsFile(Path(self.path))


class TopicAlertsResource(AlertsResource):
    """Where alerts go that people get by SNS.

    Attributes:
        path: the file that gets those whose kind has no topic.
        lake: knows in its processed zone what was sent.
        failures_topic_arn: is told of failed runs; empty for none.
        anomalies_topic_arn: is told of odd data; empty for none.
    """

    lake: dg.ResourceDependency[LakeResource]
    failures_topic_arn: str = ""
    anomalies_topic_arn: str = ""

    def open(self) -> Alerts:
        """Return the alerts; nothing is sent or written before one is."""
        topics = Topics(self.failures_topic_arn, self.anomalies_topic_arn)
        return open_alerts(Path(self.path), topics, self.lake.processed)
