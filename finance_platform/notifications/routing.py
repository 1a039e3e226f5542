"""Routing of alerts by kind.

Belongs here: the choice of a destination. Does not belong here: sending (see `sns`, `alerts_file`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from finance_platform.notifications.alerts import Alert, AlertError, Alerts, Kind, combine_errors


class RoutedAlerts:
    """Sends alerts to the destination of their kind, and those of other kinds to the default."""

    def __init__(self, destinations: Mapping[Kind, Alerts], default: Alerts) -> None:
        self._destinations = destinations
        self._default = default

    def send(self, alerts: Sequence[Alert]) -> list[Alert]:
        """Send each alert to its destination; see `Alerts`.

        Raises:
            AlertError: a destination failed; the others have received their alerts.
        """
        batches: dict[int, tuple[Alerts, list[Alert]]] = {}
        for alert in alerts:
            destination = self._destinations.get(alert.kind, self._default)
            batches.setdefault(id(destination), (destination, []))[1].append(alert)
        sent: list[Alert] = []
        errors: list[AlertError] = []
        for destination, batch in batches.values():
            try:
                sent += destination.send(batch)
            except AlertError as error:
                errors.append(error)
        if errors:
            raise combine_errors(errors)
        return sent
