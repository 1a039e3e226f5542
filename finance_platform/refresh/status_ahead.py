"""The status of a run's end, derived beside the run's process, and whether it is the status of what the run has left.

Belongs here: what it was derived from, comparing that with the home. Does not belong here: deriving a status (see
`status`), its record and the home's identity (see `known_status`).

Both processes hold the home's lock, but people and other programs may write into its folders. So the status has with
it what it follows from, as far as that is no part of the process: what is another one later makes it no status of then.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime

from finance_platform.data_catalog.delta_log import LOG_FOLDER
from finance_platform.data_catalog.open_tables import COPIES
from finance_platform.deliveries.scans import incomplete_scan, last_refresh
from finance_platform.home import Home
from finance_platform.refresh.known_status import is_lasting
from finance_platform.refresh.status import read_status
from finance_platform.refresh.steps.complete_run import is_compared
from finance_platform.reports.status_record import encode_status
from finance_platform.storage.listed_once import listed_once
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.port import Warehouse

_OF_OPEN_TABLES = frozenset({LOG_FOLDER, COPIES})
"""Folders of a table that the run's process writes meanwhile, and that no status depends on."""


@dataclass(frozen=True)
class StatusAhead:
    """A status and what it was derived from.

    Attributes:
        day: when, UTC; files may be due on another day.
        listing: the run's scan of the raw zone; see `ScanRecord`.
        processed: a hash of the objects of the processed zone, with their etags.
        warehouse: the version of the warehouse's content.
        document: the status; see `encode_status`.
    """

    day: date
    listing: str
    processed: str
    warehouse: str
    document: bytes


def derive_status_ahead(home: Home, *, at: datetime) -> StatusAhead | None:
    """Return the status of a home whose warehouse is loaded; None of one that a record may not have.

    Args:
        home: the home, with the raw zone as the run has listed it, which the run's scan is of.
        at: now, UTC.
    """
    scan = incomplete_scan(home.processed) or last_refresh(home.processed)
    version = home.warehouse.content_version()
    if scan is None or not version:
        return None
    listed = replace(home, processed=listed_once(home.processed))
    objects = _hash_objects(listed.processed)  # first, since a listing of everything has those of the folders
    status = read_status(listed, at=at)
    if not is_lasting(status):
        return None
    return StatusAhead(at.date(), scan.listing, objects, version, encode_status(status))


def is_status_of(ahead: StatusAhead, processed: ObjectStore, warehouse: Warehouse, *, at: datetime) -> bool:
    """Return whether a status is that of a home which is as the last complete run left it.

    Args:
        ahead: the status.
        processed: the processed zone as the run has left it; all of it is listed.
        warehouse: the warehouse.
        at: now, UTC.
    """
    refreshed = last_refresh(processed)
    return (
        refreshed is not None
        and (ahead.day, ahead.listing) == (at.date(), refreshed.listing)
        and ahead.warehouse == warehouse.content_version()
        and ahead.processed == _hash_objects(processed)
    )


def _hash_objects(processed: ObjectStore) -> str:
    """Return a hash of the objects that a status may depend on."""
    names = [
        f"{item.key}\0{item.etag}\0"
        for item in processed.list_objects()
        if is_compared(item.key) and not _OF_OPEN_TABLES.intersection(item.key.split("/", 2)[1:2])
    ]
    return hashlib.sha256("".join(names).encode(errors="surrogateescape")).hexdigest()[:32]
