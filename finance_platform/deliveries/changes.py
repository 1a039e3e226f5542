"""Changes since the last complete refresh, detected without reading any raw object.

Belongs here: comparing listings, and the name of the state that a run would bring up to date.
Does not belong here: when a run starts (see `orchestration.sensors`), what a run does with changes (see `discovery`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from finance_platform.deliveries.events import DecisionRecorded
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.scans import (
    ObjectVersion,
    ScanRecord,
    decisions_since,
    incomplete_scan,
    last_refresh,
    read_listing,
)
from finance_platform.safe_text import quote_name
from finance_platform.storage.factory import is_remote
from finance_platform.storage.port import ObjectStore, StoredObject

Change = Literal["new", "overwritten", "gone"]

_CONFIG_CHANGED = "descriptors, settings or code changed"

_MAX_NAMES = 3


@dataclass
class _Keys:
    """Object keys, of which only the first are kept."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, key: str) -> None:
        self.count += 1
        if len(self.first) < _MAX_NAMES:
            self.first.append(quote_name(key))

    def __str__(self) -> str:
        more = self.count - len(self.first)
        return ", ".join(self.first) + (f" and {more} more" if more else "")


@dataclass(frozen=True)
class RawZoneChanges:
    """The changes that a run would process.

    Attributes:
        object_count: the number of raw objects.
        changes: descriptions of the changes.
        still_being_written: names of objects that someone may still be writing; empty without any.
        refreshed: the scan of the last complete refresh.
        state: identifies the changes and the refresh that they are relative to; empty without changes.
    """

    object_count: int
    changes: tuple[str, ...]
    still_being_written: str
    refreshed: ScanRecord | None
    state: str

    @property
    def only_config_changed(self) -> bool:
        """Whether descriptors, settings or code have changed, but no file and no decision."""
        return self.changes == (_CONFIG_CHANGED,)


def detect_changes(raw: ObjectStore, processed: ObjectStore, config: str, at: datetime) -> RawZoneChanges:
    """Compare the raw zone, the decisions and the configuration with those of the last complete refresh.

    Both listings are read in parallel, ordered by key, so memory does not grow with them.

    Args:
        raw: the raw zone; it is listed, not read.
        processed: the processed zone.
        config: see `scans.fingerprint_config`.
        at: now, UTC.
    """
    refreshed = last_refresh(processed)
    digest = hashlib.sha256()
    changed: dict[Change, _Keys] = {"new": _Keys(), "overwritten": _Keys(), "gone": _Keys()}
    still_being_written = _Keys()
    count, hidden = 0, ""
    recorded = read_listing(processed, refreshed)
    if is_remote(raw.root):
        raw.expect_parts(recorded.part_ends())
    for key, item, etag in _merge(raw.list_objects(), recorded.versions()):
        count += item is not None
        if item and item.refusal and item.refusal.hides_files:
            hidden = key
        elif hidden and key.startswith(hidden):
            continue  # recorded in a folder that cannot be listed now: it is not gone
        change = _compare(item, etag)
        if change and item and not item.is_stable(at):
            still_being_written.add(key)
        elif change:
            changed[change].add(key)
            digest.update(f"{change}\0{key}\0{item.etag if item else ''}\0".encode(errors="surrogateescape"))
    changes = [f"{keys.count} {change} ({keys})" for change, keys in changed.items() if keys.count]
    for decision in decisions_since(Register(processed), refreshed):
        subject = quote_name(decision.object_key) if isinstance(decision, DecisionRecorded) else decision.period
        changes.append(f"{subject} {decision.action}")
        digest.update(f"{decision}\0".encode(errors="surrogateescape"))
    if refreshed and refreshed.terms != config:
        changes.append(_CONFIG_CHANGED)
    incomplete = incomplete_scan(processed)
    if incomplete and not changes:
        # The change that started the run may be undone, while its result is incomplete.
        changes.append(f"run {incomplete.run_id} broke off")
        digest.update(f"{incomplete.listing}\0".encode())
    digest.update(f"{config}\0{refreshed.run_id if refreshed else ''}".encode())
    state = digest.hexdigest()[:16] if changes else ""
    return RawZoneChanges(count, tuple(changes), str(still_being_written), refreshed, state)


def _compare(item: StoredObject | None, etag: str | None) -> Change | None:
    if etag is None:
        return "new"
    if item is None:
        return "gone"
    return None if item.etag == etag else "overwritten"


def _merge(
    current: Iterator[StoredObject], recorded: Iterator[ObjectVersion]
) -> Iterator[tuple[str, StoredObject | None, str | None]]:
    """Yield each key with its current object and its recorded etag; both listings are ordered by key."""
    item, version = next(current, None), next(recorded, None)
    while item or version:
        if item and (version is None or item.key < version[0]):
            yield item.key, item, None
            item = next(current, None)
        elif version and (item is None or version[0] < item.key):
            yield version[0], None, version[1]
            version = next(recorded, None)
        elif item and version:
            yield item.key, item, version[1]
            item, version = next(current, None), next(recorded, None)
