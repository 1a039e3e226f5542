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

from finance_platform.lake.looks import Look, Seen, decisions_since, last_refresh, listed, unfinished_look
from finance_platform.lake.port import Lake, LakeObject
from finance_platform.lake.register import Decided, Register

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
class News:
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
    refreshed: Look | None
    state: str

    @property
    def is_only_of_terms(self) -> bool:
        """Whether no file and no decision is new, but descriptors, settings or code are."""
        return self.changes == (_TERMS_CHANGED,)


def find_news(raw: Lake, processed: Lake, terms: str, at: datetime) -> News:
    """Compare the raw zone, the decisions and the terms with what the last complete refresh was made from.

    Both listings are read side by side in the order of keys, so memory does not grow with them.

    Args:
        raw: the raw zone; it is listed, not read.
        processed: the processed zone.
        terms: see `looks.terms_of`.
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
            digest.update(f"{change}\0{key}\0{item.stamp if item else ''}\0".encode(errors="surrogateescape"))
    changes = [f"{kind.count} {name} ({kind})" for name, kind in kinds.items() if kind.count]
    for decision in decisions_since(Register(processed), refreshed):
        subject = decision.object_key if isinstance(decision, Decided) else decision.period
        changes.append(f"{subject} {decision.action}")
        digest.update(f"{decision}\0".encode(errors="surrogateescape"))
    if refreshed and refreshed.terms != terms:
        changes.append(_TERMS_CHANGED)
    left = unfinished_look(processed)
    if left and not changes:
        # What made it start may be gone again, and what it had begun is still half done.
        changes.append(f"run {left.run_id} broke off")
        digest.update(f"{left.listing}\0".encode())
    digest.update(f"{terms}\0{refreshed.run_id if refreshed else ''}".encode())
    state = digest.hexdigest()[:16] if changes else ""
    return News(count, tuple(changes), str(settling), refreshed, state)


def _change(item: LakeObject | None, was: Seen | None) -> Change | None:
    if was is None:
        return "new"
    if item is None:
        return "gone"
    return None if item.stamp == was[1] else "overwritten"


def _side_by_side(
    present: Iterator[LakeObject], recorded: Iterator[Seen]
) -> Iterator[tuple[LakeObject | None, Seen | None]]:
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
