"""The status of a home that is as the last complete run left it, taken from a record instead of derived again.

Belongs here: the identity of everything that a status depends on, the record, when it is read and written. Does not
belong here: the document (see `reports.status_record`), deriving a status (see `status`), what a complete run leaves
(see `complete_run`).

To derive a status, a process builds every event of the register and every commit of a delivery; to prove that nothing
has changed, it compares listings. The record can be lost without harm, and a record of anything else than the home as
it is now has another name, so none is ever outdated (169).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from finance_platform.deliveries.changes import detect_changes
from finance_platform.deliveries.scans import FOLDER, find_damaged_scans, fingerprint_config, require_whole_register
from finance_platform.errors import DamagedObjectError, FinancePlatformError
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.home import Home
from finance_platform.refresh.steps.complete_run import CompleteRun, is_home_as_recorded, is_release_as_recorded
from finance_platform.reports.status import Status
from finance_platform.reports.status_record import decode_status, encode_status
from finance_platform.storage.port import ObjectStore

_PREFIX, _SUFFIX = f"{FOLDER}/status-", ".json.gz"


def identify_home(home: Home, complete: CompleteRun, at: datetime) -> str:
    """Return the identity of all that a home's status depends on but its last run; empty if a run might change it.

    A warehouse whose content has no version may have other content with the same identity.

    Args:
        home: the home; its raw zone is listed, not read.
        complete: the record of the last complete run.
        at: now, UTC.
    """
    settings, processed = home.settings, home.processed
    if not is_release_as_recorded(settings, complete):
        return ""
    feed_set = load_feed_set(settings.feeds_path)
    changes = detect_changes(home.raw, processed, fingerprint_config(feed_set, settings), at)
    # The sensor leaves a file alone while somebody may be writing it; a person's run reads it as it is.
    if changes.changes or changes.still_being_written or changes.refreshed is None:
        return ""
    # After the changes, which say that a run is needed for less than a listing of the whole zone.
    if not is_home_as_recorded(processed, home.warehouse, complete):
        return ""
    if complete.warehouse:  # without a version, the status is derived, which looks at these as well
        if find_damaged_scans(processed):
            return ""
        require_whole_register(processed)
    has_days = any(feed.expect or feed.freshness for feed in feed_set.feeds)
    state = (complete.run_id, complete.platform, complete.settings, complete.processed, complete.warehouse)
    listing = (changes.refreshed.listing, changes.refreshed.terms, at.date().isoformat() if has_days else "")
    return hashlib.sha256(json.dumps([*state, *listing]).encode()).hexdigest()[:32]


def read_known_status(processed: ObjectStore, identity: str, last_run: Mapping[str, Any] | None) -> Status | None:
    """Return the recorded status of a home with an identity; None if none is recorded, or if it is damaged."""
    if not identity:
        return None
    key = _key(identity)
    try:
        return decode_status(key, processed.read(key), last_run)
    except (FileNotFoundError, DamagedObjectError):
        return None


def record_status(processed: ObjectStore, identity: str, status: Status) -> None:
    """Record a derived status, if it is one of a home that needs nothing; other states are short-lived."""
    if identity and is_lasting(status):
        _write(processed, identity, encode_status(status))


def record_document(
    processed: ObjectStore, identity: str, document: bytes, last_run: Mapping[str, Any] | None
) -> Status:
    """Record the document of a lasting status that is the one of a home with an identity, and return the status."""
    _write(processed, identity, document)
    return decode_status(_key(identity), document, last_run)


def is_lasting(status: Status) -> bool:
    """Return whether a status may be one of a home that needs nothing, so that it can be recorded."""
    return not (status.is_broken or status.is_stale or status.all_versions or status.details.damage)


def _write(processed: ObjectStore, identity: str, document: bytes) -> None:
    # The status itself is known: a zone that takes no object is reported by what must be written.
    with suppress(FinancePlatformError, OSError):
        processed.write(_key(identity), document)


def find_forged_status(processed: ObjectStore, identity: str, derive: Callable[[], Status]) -> str:
    """Return the key of the recorded status of a home if it is not the one that follows; empty if it is, or is lost.

    Args:
        processed: the processed zone.
        identity: of the home as it is now.
        derive: derives the status.
    """
    known = read_known_status(processed, identity, None)
    if known is None:
        return ""
    derived = derive()
    return "" if encode_status(known) == encode_status(derived) else _key(identity)


def _key(identity: str) -> str:
    return f"{_PREFIX}{identity}{_SUFFIX}"
