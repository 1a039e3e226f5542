"""Discovery: the listing of the raw zone against the register: new deliveries, and objects that cannot be used.

Belongs here: one scan and its result, and what follows from it. Does not belong here: what becomes of one object (see
`object_discovery`), reading the content of files (see `feeds`, `spark_jobs`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from finance_platform.deliveries.events import DeliveryDiscovered, select_discovered
from finance_platform.deliveries.object_discovery import ObjectDiscovery
from finance_platform.deliveries.raw_objects import counted_objects
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.state import DeliveryState
from finance_platform.feeds.feed_set import FeedSet, Problem
from finance_platform.feeds.near_feeds import near_feeds
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.settings import Settings
from finance_platform.storage.port import ObjectStore


@dataclass(frozen=True)
class RawZoneScan:
    """The result of one scan of the raw zone.

    Attributes:
        events: the discovered deliveries, the new ones last.
        new_count: how many events are new.
        present: by feed, the fingerprint of each object that exists, by key.
        problems: descriptors and objects that cannot be used; each affects only itself.
        unmatched: objects that match no descriptor.
        vanished: objects that no longer exist, although their lines count.
        feeds: every feed, resolved.
        etags: the etag of every object that was taken as it is, by key.
        still_being_written: objects that are left for the next scan, since someone may still be writing them.
        unavailable: objects that could not be read; the next scan finds the same change.
        absent: every object that the register knows and that no longer exists.
        near_feeds: of objects that match no descriptor, what to do if one is meant for a feed whose path is close.
    """

    events: Sequence[DeliveryDiscovered]
    new_count: int
    present: Mapping[str, Mapping[str, str]]
    problems: Sequence[Problem]
    unmatched: Sequence[str]
    vanished: Sequence[str]
    feeds: Mapping[str, ResolvedFeed]
    etags: Mapping[str, str] = field(default_factory=dict)
    still_being_written: Sequence[str] = ()
    unavailable: Sequence[str] = ()
    absent: Sequence[str] = ()
    near_feeds: Mapping[str, str] = field(default_factory=dict)

    @property
    def new(self) -> Sequence[DeliveryDiscovered]:
        """The new events."""
        return self.events[len(self.events) - self.new_count :]

    def data_version(self, feed: str) -> str:
        """Return a hash of a feed's listing: the same objects and bytes have the same version."""
        listing = sorted(self.present.get(feed, {}).items())
        return hashlib.sha256(json.dumps(listing).encode()).hexdigest()[:16]


def scan_raw_zone(
    raw: ObjectStore,
    register: Register,
    feed_set: FeedSet,
    settings: Settings,
    *,
    at: datetime,
    run_id: str,
    skip_unstable: bool = False,
) -> RawZoneScan:
    """Compare a listing of the raw zone with the register; what is new has to be appended to it.

    Args:
        raw: the raw zone.
        register: the register of the processed zone.
        feed_set: the home's descriptors.
        settings: for the currency and the date range, which are part of the reading rules.
        at: now, UTC.
        run_id: the run that scans.
        skip_unstable: whether to leave objects that someone may still be writing as they were known before.
    """
    events = register.events()
    objects = ObjectDiscovery.of(
        raw, register, events, feed_set, settings, at=at, run_id=run_id, skip_unstable=skip_unstable
    )
    for item in raw.list_objects():
        objects.add(item)
    objects.keep()
    absent = sorted(objects.last.keys() - objects.etags.keys())
    counted = counted_objects(events) if absent else set()
    return RawZoneScan(
        events=[*select_discovered(events), *objects.new],
        new_count=len(objects.new),
        present=objects.present,
        problems=objects.unusable.problems(),
        unmatched=objects.unusable.unmatched,
        vanished=[key for key in absent if key in counted],
        feeds=objects.feeds,
        etags=objects.etags,
        still_being_written=objects.still_being_written,
        unavailable=objects.unavailable,
        absent=absent,
        near_feeds=near_feeds(objects.unusable.unmatched, feed_set) if objects.unusable.unmatched else {},
    )


def unread_objects(state: DeliveryState, scan: RawZoneScan) -> dict[str, DeliveryDiscovered]:
    """Return the current delivery of each object that exists and is not read yet or has no verdict, by key."""
    current = {event.object_key: event for event in scan.events}
    known = {delivery.event.delivery_id for delivery in state.live}
    known |= {inactive.event.delivery_id for inactive in (*state.inactive, *state.withdrawn)}
    known |= {current[key].delivery_id for key in (*scan.vanished, *scan.absent)}
    unread = {key: event for key, event in current.items() if event.delivery_id not in known}
    if unread and state.withdrawn:
        # The same bytes, read again, are withdrawn with their file: the next run neither reads nor judges them.
        withdrawn = {one.event.object_key for one in state.withdrawn}
        next_read = {event.delivery_id for event in (*scan.new, *state.pending)}
        next_read |= {delivery.delivery_id for delivery in state.awaiting_verdict}
        unread = {key: one for key, one in unread.items() if key not in withdrawn or one.delivery_id in next_read}
    return unread


def why_read_again(events: Iterable[DeliveryDiscovered]) -> str:
    """Return why files are read again that have not changed, as a clause; empty if none of these deliveries is one.

    A release that reads files otherwise reads those again, too, that look up rows, and no event says which it was.
    """
    again = [event for event in events if event.reads_again]
    if not again:
        return ""
    if all(event.rules for event in again):
        return "this release reads files otherwise, or what they look up or are spread like has changed"
    return "this release reads files otherwise"
