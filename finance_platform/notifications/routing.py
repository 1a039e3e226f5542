"""Alerts of each kind to their own place.

Belongs here: who gets which kind. Does not belong here: what is particular to any place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from finance_platform.notifications.alerts import Alert, AlertError, Alerts, Kind, together


class RoutedAlerts:
    """Alerts whose kind has a place of its own go there; the others, for which nobody listens, to the last resort."""

    def __init__(self, places: Mapping[Kind, Alerts], otherwise: Alerts) -> None:
        self._places = places
        self._otherwise = otherwise

    def send(self, alerts: Sequence[Alert]) -> list[Alert]:
        """Send each alert to its place; see `Alerts`.

        Raises:
            AlertError: some place did not take its alerts; every other got its own all the same.
        """
        by_place: dict[int, tuple[Alerts, list[Alert]]] = {}
        for alert in alerts:
            place = self._places.get(alert.kind, self._otherwise)
            by_place.setdefault(id(place), (place, []))[1].append(alert)
        sent: list[Alert] = []
        failures: list[AlertError] = []
        for place, own in by_place.values():
            try:
                sent += place.send(own)
            except AlertError as error:
                failures.append(error)
        if failures:
            raise together(failures)
        return sent
