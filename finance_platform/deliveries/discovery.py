"""Intake: the raw zone's listing against the register; what is new, and what nothing can read.

Belongs here: listing, fingerprints, matching objects to feeds, new register events.
Does not belong here: reading the files' contents as rows (see `glue`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from finance_platform.deliveries.commits import delivery_id
from finance_platform.deliveries.register import DeliveryDiscovered, Register, delivered, utc_text
from finance_platform.errors import FileNameError, FinancePlatformError, TransientStorageError
from finance_platform.feeds.file_names import order_of_name
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.storage.port import ObjectStore, StoredObject, error_message

if TYPE_CHECKING:
    from finance_platform.feeds.descriptor import FeedDescriptor
    from finance_platform.feeds.feed_set import FeedSet, Problem
    from finance_platform.settings import Settings


@dataclass(frozen=True)
class RawZoneScan:
    """What one look at the raw zone gave.

    Attributes:
        events: the deliveries that the register knows, the new ones last.
        new_count: how many events are new.
        present: by feed, the objects that are there now: key and fingerprint.
        problems: descriptors and objects that cannot be used; each stops only itself.
        unmatched: objects that no descriptor names.
        vanished: objects that the register knows and the raw zone no longer has; their lines stay.
        seen: every object that was taken as it is, with its etag.
        settling: objects that somebody may still be writing; they are left for the next look.
        out_of_reach: objects that the storage did not give just now; to the next look they are as new as they were.
        feeds: every feed, resolved.
    """

    events: Sequence[DeliveryDiscovered]
    new_count: int
    present: Mapping[str, Mapping[str, str]]
    problems: Sequence[Problem]
    unmatched: Sequence[str]
    vanished: Sequence[str]
    feeds: Mapping[str, ResolvedFeed]
    seen: Mapping[str, str] = field(default_factory=dict)
    settling: Sequence[str] = ()
    out_of_reach: Sequence[str] = ()

    def data_version(self, feed: str) -> str:
        """Return a hash of a feed's listing: the same objects and bytes give the same version."""
        listing = sorted(self.present.get(feed, {}).items())
        return hashlib.sha256(json.dumps(listing).encode()).hexdigest()[:16]


def scan_raw_zone(
    raw: ObjectStore,
    register: Register,
    catalog: FeedSet,
    settings: Settings,
    *,
    at: datetime,
    run_id: str,
    record: bool = True,
    skip_unstable: bool = False,
) -> RawZoneScan:
    """List the raw zone and enter what is new into the register.

    Args:
        raw: the raw zone.
        register: the register of the processed zone.
        catalog: the home's descriptors.
        settings: for the currency and the date range, which are part of the reading rules.
        at: now, UTC.
        run_id: the run that looks.
        record: whether to enter new events; a mere status does not.
        skip_unstable: whether to leave what somebody may still be writing as it was known before.
    """
    known = delivered(register.events())
    last = {event.object_key: event for event in known}
    feeds = {feed.feed: feed.resolve(settings) for feed in catalog.feeds}
    identities = {name: feed.rules.identity for name, feed in feeds.items()}
    new: list[DeliveryDiscovered] = []
    present: dict[str, dict[str, str]] = {}
    problems, unmatched, settling = list(catalog.problems), [], []
    out_of_reach: list[str] = []
    seen: dict[str, str] = {}
    for item in raw.list_objects():
        seen[item.key] = item.etag
        if not _is_text(item.key):
            problems.append(_unwritable_name(item.key))
            continue
        before = last.get(item.key)
        if skip_unstable and not item.is_settled(at) and not (before and before.etag == item.etag):
            settling.append(item.key)
            continue
        match = catalog.match(item.key)
        if match.problem:
            problems.append(match.problem)
        elif match.feed is None or _is_marker(item.key):
            unmatched.append(item.key)
        else:
            event = _event(raw, item, match.feed, identities[match.feed.feed], before, problems, out_of_reach)
            if event is None:
                continue
            present.setdefault(match.feed.feed, {})[item.key] = event.fingerprint
            stamped = replace(event, at=utc_text(at), run_id=run_id)
            if _differs(stamped, before):
                new.append(stamped)
    if record:
        register.append(new)
    vanished = sorted(set(last) - seen.keys())
    for key in (*settling, *out_of_reach):
        _leave_as_it_was(key, last.get(key), seen, present)
    unread = sorted(key for key in unmatched if not _is_marker(key))
    return RawZoneScan(
        [*known, *new], len(new), present, problems, unread, vanished, feeds, seen, settling, out_of_reach
    )


def _leave_as_it_was(
    key: str, before: DeliveryDiscovered | None, seen: dict[str, str], present: dict[str, dict[str, str]]
) -> None:
    """Take an object for what it was: whatever is there now, or is being written over it, that still counts."""
    if before is None:
        del seen[key]
        return
    seen[key] = before.etag
    present.setdefault(before.feed, {})[key] = before.fingerprint


def _event(
    raw: ObjectStore,
    item: StoredObject,
    feed: FeedDescriptor,
    identity: str,
    last: DeliveryDiscovered | None,
    problems: list[Problem],
    out_of_reach: list[str],
) -> DeliveryDiscovered | None:
    try:
        known = last.fingerprint if last and last.etag == item.etag else None
        fingerprint = known or raw.fingerprint(item.key)
        order = order_of_name(feed.order.from_name, item.key) if feed.order and feed.order.from_name else ""
    except OSError as error:
        problems.append(_unreadable(item.key, feed.feed, error))
        if isinstance(error, TransientStorageError):
            out_of_reach.append(item.key)
        return None
    except FileNameError as error:
        problems.append(_unnamed(item.key, feed.feed, error))
        return None
    amount, removal = feed.tolerance.rejected_amount, feed.hold_if_removes
    return DeliveryDiscovered(
        object_key=item.key,
        feed=feed.feed,
        kind=feed.kind,
        delivery_id=delivery_id(item.key, fingerprint, feed.feed, identity),
        fingerprint=fingerprint,
        etag=item.etag,
        size=item.size,
        modified_at=utc_text(item.modified_at),
        load_mode=feed.load.mode,
        tolerated_share=str(feed.tolerance.rejected_rows),
        tolerated_amount=None if amount is None else str(amount),
        at="",
        run_id="",
        is_scoped=bool(feed.load.scope),
        order=order,
        tolerated_removal=None if removal == "never" else str(removal),
        is_held_when_late=feed.hold_if_late,
    )


def _differs(event: DeliveryDiscovered, last: DeliveryDiscovered | None) -> bool:
    return last is None or replace(event, at=last.at, run_id=last.run_id) != last


def _is_text(key: str) -> bool:
    """Return whether a key can be written into JSON; a file system may hold names in any encoding."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_marker(key: str) -> bool:
    """Return whether Spark wrote an object only to say that it has written the others of its folder."""
    return key.rpartition("/")[2] == "_SUCCESS"


def _unwritable_name(key: str) -> Problem:
    from finance_platform.feeds.feed_set import Problem  # see _unreadable

    shown = key.encode(errors="backslashreplace").decode()
    return Problem(shown, "the name of the file is no UTF-8 text", "rename the file")


def _unnamed(key: str, feed: str, error: FileNameError) -> Problem:
    from finance_platform.feeds.feed_set import Problem  # see _unreadable

    return Problem(key, error.found.removeprefix(f"{key}: "), error.fix, feed)


def _unreadable(key: str, feed: str, error: OSError) -> Problem:
    from finance_platform.feeds.feed_set import Problem  # not at the top: Glue, which has no YAML, imports this package

    fix = error.fix if isinstance(error, FinancePlatformError) else "check its permissions, then run again"
    return Problem(key, f"the file cannot be opened: {error_message(error)}", fix, feed)
