"""News: what has changed since the last complete refresh, found without reading a single raw object.

Belongs here: comparing listings, and the name of the state that a run would bring up to date.
Does not belong here: when a run is started (see `sensors`), what a run makes of the changes (see `intake`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from finance_platform.deliveries.register import DecisionRecorded, Register
from finance_platform.deliveries.scans import (
    ObjectVersion,
    ScanRecord,
    decisions_since,
    incomplete_scan,
    last_refresh,
    listed,
)
from finance_platform.storage.port import ObjectStore, StoredObject

Change = Literal["new", "overwritten", "gone"]

_TERMS_CHANGED = "descriptors, settings or code changed"

_NAMED = 3


@dataclass
class _Kind:
    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, key: str) -> None:
        self.count += 1
        if len(self.first) < _NAMED:
            self.first.append(key)

    def __str__(self) -> str:
        return ", ".join(self.first) + (f" and {self.count - len(self.first)} more" if self.count > _NAMED else "")


@dataclass(frozen=True)
class RawZoneChanges:
    """What a run would find.

    Attributes:
        object_count: raw objects that are there.
        changes: what happened to raw objects, in words.
        settling: objects that somebody may still be writing, in words; empty where there are none.
        refreshed: the look that the last complete refresh was made from.
        state: names all of this; the same for the same changes since the same refresh, empty where nothing is new.
    """

    object_count: int
    changes: tuple[str, ...]
    settling: str
    refreshed: ScanRecord | None
    state: str

    @property
    def only_config_changed(self) -> bool:
        """Whether no file and no decision is new, but descriptors, settings or code are."""
        return self.changes == (_TERMS_CHANGED,)


def detect_changes(raw: ObjectStore, processed: ObjectStore, terms: str, at: datetime) -> RawZoneChanges:
    """Compare the raw zone, the decisions and the terms with what the last complete refresh was made from.

    Both listings are read side by side in the order of keys, so memory does not grow with them.

    Args:
        raw: the raw zone; it is listed, not read.
        processed: the processed zone.
        terms: see `looks.fingerprint_config`.
        at: now, UTC.
    """
    refreshed = last_refresh(processed)
    digest = hashlib.sha256()
    kinds: dict[Change, _Kind] = {"new": _Kind(), "overwritten": _Kind(), "gone": _Kind()}
    settling = _Kind()
    count = 0
    for item, was in _side_by_side(raw.list_objects(), listed(processed, refreshed)):
        count += item is not None
        change = _change(item, was)
        key = item.key if item else was[0] if was else ""
        if change and item and not item.is_settled(at):
            settling.add(key)
        elif change:
            kinds[change].add(key)
            digest.update(f"{change}\0{key}\0{item.etag if item else ''}\0".encode(errors="surrogateescape"))
    changes = [f"{kind.count} {name} ({kind})" for name, kind in kinds.items() if kind.count]
    for decision in decisions_since(Register(processed), refreshed):
        subject = decision.object_key if isinstance(decision, DecisionRecorded) else decision.period
        changes.append(f"{subject} {decision.action}")
        digest.update(f"{decision}\0".encode(errors="surrogateescape"))
    if refreshed and refreshed.terms != terms:
        changes.append(_TERMS_CHANGED)
    left = incomplete_scan(processed)
    if left and not changes:
        # What made it start may be gone again, and what it had begun is still half done.
        changes.append(f"run {left.run_id} broke off")
        digest.update(f"{left.listing}\0".encode())
    digest.update(f"{terms}\0{refreshed.run_id if refreshed else ''}".encode())
    state = digest.hexdigest()[:16] if changes else ""
    return RawZoneChanges(count, tuple(changes), str(settling), refreshed, state)


def _change(item: StoredObject | None, was: ObjectVersion | None) -> Change | None:
    if was is None:
        return "new"
    if item is None:
        return "gone"
    return None if item.etag == was[1] else "overwritten"


def _side_by_side(
    present: Iterator[StoredObject], recorded: Iterator[ObjectVersion]
) -> Iterator[tuple[StoredObject | None, ObjectVersion | None]]:
    """Yield what is there beside what was there, matched by key; both come in the order of keys."""
    item, was = next(present, None), next(recorded, None)
    while item or was:
        if item and was and item.key == was[0]:
            yield item, was
            item, was = next(present, None), next(recorded, None)
        elif was is None or (item and item.key < was[0]):
            yield item, None
            item = next(present, None)
        else:
            yield None, was
            was = next(recorded, None)
