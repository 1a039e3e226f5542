"""A home as a use case gets it: its settings, and the ports to what it has.

Belongs here: what belongs to every home. Does not belong here: which adapter a port is (see `bootstrap`), the folder of
reports, which few use cases need.

A module of its own, since neither `bootstrap`, which makes it, nor `refresh`, which takes it, imports the other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from finance_platform.storage.listed_once import listed_once

if TYPE_CHECKING:
    from finance_platform.settings import Settings
    from finance_platform.storage.port import ObjectStore
    from finance_platform.warehouse.port import Warehouse


@dataclass(frozen=True)
class Home:
    """A home with its ports; nothing is opened or listed before it is used.

    Attributes:
        settings: its settings.
        raw: the raw zone; the platform never writes to it.
        processed: the processed zone.
        warehouse: the warehouse.
    """

    settings: Settings
    raw: ObjectStore
    processed: ObjectStore
    warehouse: Warehouse

    def listed_once(self) -> Home:
        """Return the home with zones that are listed at most once, for a use case that changes neither."""
        return replace(self, raw=listed_once(self.raw), processed=listed_once(self.processed))
