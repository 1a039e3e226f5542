"""The first step: scan the raw zone and enter what is new into the register.

Belongs here: the use case. Does not belong here: comparing listings (see `deliveries.discovery`), reading files (see
`standardise`).
"""

from __future__ import annotations

from datetime import datetime

from finance_platform.deliveries.discovery import RawZoneScan, scan_raw_zone
from finance_platform.deliveries.events import utc_text
from finance_platform.deliveries.register import FOLDER as REGISTER
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.scans import fingerprint_config, record_scan, require_whole_register
from finance_platform.errors import HomeError
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.settings import Settings
from finance_platform.slices.settings_in_force import settings_of_readers
from finance_platform.storage.listed_once import list_ahead, listed_until_written
from finance_platform.storage.port import ObjectStore


def register(
    raw: ObjectStore,
    processed: ObjectStore,
    settings: Settings,
    *,
    at: datetime,
    run_id: str,
    skip_unstable: bool = False,
) -> RawZoneScan:
    """Scan the raw zone, enter new and changed objects into the register, and record the scan.

    Args:
        raw: the raw zone.
        processed: the processed zone; the caller holds the home's lock.
        settings: the home; its descriptors are read again, since they may have changed.
        at: now, UTC.
        run_id: the run that scans.
        skip_unstable: whether to leave files that somebody may still be writing for the next run.

    Raises:
        HomeError: there is no raw zone.
        StorageError: the raw zone cannot be listed.
        RegisterError: an event of the register is damaged or missing.
    """
    processed = listed_until_written(processed)
    list_ahead(processed, [REGISTER])
    require_whole_register(processed)
    feed_set = load_feed_set(settings.feeds_path)
    events = Register(processed)
    of_readers = settings_of_readers(processed, settings)
    scan = scan_raw_zone(raw, events, feed_set, of_readers, at=at, run_id=run_id, skip_unstable=skip_unstable)
    if not scan.etags:
        require_raw_zone(raw, settings)
    events.append(scan.new)
    config = fingerprint_config(feed_set, settings)
    record_scan(processed, scan.etags.items(), config=config, run_id=run_id, at=utc_text(at))
    return scan


def look_at_raw_zone(
    raw: ObjectStore, processed: ObjectStore, settings: Settings, *, at: datetime, run_id: str
) -> RawZoneScan:
    """Scan the raw zone and record nothing: what is new stays new for the next run.

    Args:
        raw: the raw zone.
        processed: the processed zone.
        settings: the home.
        at: now, UTC.
        run_id: the run that looks.

    Raises:
        HomeError: there is no raw zone.
        StorageError: the raw zone cannot be listed.
        RegisterError: an event of the register is damaged or missing.
    """
    require_whole_register(processed)
    feed_set = load_feed_set(settings.feeds_path)
    of_readers = settings_of_readers(processed, settings)
    scan = scan_raw_zone(raw, Register(processed), feed_set, of_readers, at=at, run_id=run_id)
    if not scan.etags:
        require_raw_zone(raw, settings)
    return scan


def require_raw_zone(raw: ObjectStore, settings: Settings) -> None:
    """Check that there is a raw zone; the files of one that is gone are not files that were removed.

    Raises:
        HomeError: the home has no raw zone, as while a network drive is not mounted.
    """
    if not raw.exists():
        found = f"{settings.home_path} has no folder raw" if not settings.raw_uri else f"there is no {settings.raw_uri}"
        fix = f"create {settings.raw_root} and put files into it, or mount it again if it is on another drive"
        raise HomeError(found, fix=fix)
