"""The alerts resource: a file of JSON lines behind the alerts' port.

Belongs here: which adapter stands behind the port. Does not belong here: what is worth an alert.
"""

from pathlib import Path

import dagster as dg

from finance_platform.alerts.local import AlertsFile
from finance_platform.alerts.port import Alerts


class AlertsResource(dg.ConfigurableResource[Alerts]):
    """Where alerts go.

    Attributes:
        path: the file that gets them, one JSON object a line.
    """

    path: str

    def open(self) -> Alerts:
        """Return the alerts; nothing is written before one is sent."""
        return AlertsFile(Path(self.path))
