"""Which adapters stand behind the alerts' port.

Belongs here: the choice. Does not belong here: settings, what an adapter does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from finance_platform.notifications.alerts import DATA_KINDS, OPERATIONS_KINDS, Alerts, Kind, SentLog
from finance_platform.notifications.alerts_file import AlertsFile
from finance_platform.notifications.routing import RoutedAlerts


@dataclass(frozen=True)
class Topics:
    """The ARNs of SNS topics; empty where there is none.

    Attributes:
        failures: is told of `OPERATIONS_KINDS`.
        anomalies: is told of `DATA_KINDS`.
    """

    failures: str = ""
    anomalies: str = ""


def open_alerts(file: Path, topics: Topics, notes: SentLog) -> Alerts:
    """Return where alerts go: a kind that has a topic to that topic alone, any other into the file.

    A topic's alerts are kept by their notes, and what writes them may be a container, whose files end with it.

    Args:
        file: JSON lines.
        topics: where to tell people.
        notes: what was sent to topics.
    """
    wanted = [(kind, topics.failures) for kind in OPERATIONS_KINDS] + [(kind, topics.anomalies) for kind in DATA_KINDS]
    of_topic = {topic: _of_topic(topic, notes) for _, topic in wanted if topic}
    places: dict[Kind, Alerts] = {kind: of_topic[topic] for kind, topic in wanted if topic}
    return RoutedAlerts(places, AlertsFile(file)) if places else AlertsFile(file)


def _of_topic(topic: str, notes: SentLog) -> Alerts:
    from finance_platform.notifications.sns import TopicAlerts  # boto3 takes most of a second to import

    return TopicAlerts(topic, notes)
