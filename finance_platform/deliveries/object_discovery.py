"""Discovery of one object: its feed, its fingerprint, and its event, if it is not as it was entered.

Belongs here: matching objects to feeds, reading fingerprints, the fields of a register's event. Does not belong here:
which delivery an object is (see `delivery_identities`), how problems are reported (see `unusable_objects`), the listing
(see `discovery`), reading the content of files (see `feeds`, `spark_jobs`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from finance_platform.deliveries.commits import read_commits
from finance_platform.deliveries.current_state import state_of
from finance_platform.deliveries.delivery_identities import DeliveryIdentities
from finance_platform.deliveries.events import DeliveryDiscovered, Event, select_discovered, utc_text
from finance_platform.deliveries.feed_fields import FEED_FIELDS, OF_FEED, FieldsOfFeeds
from finance_platform.deliveries.lookups import has_lookups, with_lookups
from finance_platform.deliveries.ownership import BrokenOwners
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.unusable_objects import UnusableObjects
from finance_platform.errors import FileNameError
from finance_platform.feeds.descriptor import FeedDescriptor
from finance_platform.feeds.feed_set import FeedSet
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.settings import Settings
from finance_platform.storage.immutable_documents import keep, take_kept
from finance_platform.storage.plain_file import Refusal
from finance_platform.storage.port import ObjectStore, StoredObject


@dataclass
class ObjectDiscovery:
    """Compares the objects of one listing with the register, one after the other, and keeps what it finds.

    Attributes:
        raw: the raw zone.
        feed_set: the home's descriptors.
        feeds: every feed by name, with the rows that it looks up.
        owners: the objects of descriptors that cannot be used.
        identities: which delivery an object is.
        of_feeds: what an event has of its feed.
        last: the last event of each object.
        at: now, UTC.
        run_id: the run that scans.
        skip_unstable: whether to leave objects that someone may still be writing as they were known before.
        new: an event of each object that is not as it was entered.
        present: by feed, the fingerprint of each object, by key.
        etags: the etag of each object that is taken as it is, by key.
        still_being_written: objects that are left for the next scan.
        unavailable: objects that could not be read.
        unusable: objects that cannot be used.
        as_entered: by key, the event of each object that was found to be as it was entered.
    """

    raw: ObjectStore
    feed_set: FeedSet
    feeds: Mapping[str, ResolvedFeed]
    owners: BrokenOwners
    identities: DeliveryIdentities
    of_feeds: FieldsOfFeeds
    last: Mapping[str, DeliveryDiscovered]
    at: datetime
    run_id: str
    skip_unstable: bool
    unusable: UnusableObjects
    new: list[DeliveryDiscovered] = field(default_factory=list)
    present: dict[str, dict[str, str]] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    still_being_written: list[str] = field(default_factory=list)
    unavailable: list[str] = field(default_factory=list)
    as_entered: dict[str, DeliveryDiscovered] = field(default_factory=dict)

    @staticmethod
    def of(
        raw: ObjectStore,
        register: Register,
        events: Sequence[Event],
        feed_set: FeedSet,
        settings: Settings,
        *,
        at: datetime,
        run_id: str,
        skip_unstable: bool,
    ) -> ObjectDiscovery:
        """Return a discovery that has met no object; see `discovery.scan_raw_zone`."""
        declared = {feed.feed: feed.resolve(settings) for feed in feed_set.feeds}
        feeds = declared
        if has_lookups(declared):
            feeds = with_lookups(declared, state_of(register.store, events, read_commits(register.store)))
        last = {event.object_key: event for event in select_discovered(events)}
        identities = DeliveryIdentities.of(register, events, declared, feeds)
        return ObjectDiscovery(
            raw=raw,
            feed_set=feed_set,
            feeds=feeds,
            owners=BrokenOwners(feed_set, identities.rules, last),
            identities=identities,
            of_feeds=FieldsOfFeeds(last.values()),
            last=last,
            at=at,
            run_id=run_id,
            skip_unstable=skip_unstable,
            unusable=UnusableObjects(feed_set),
            as_entered=_take_as_entered(raw.root, feed_set, identities),
        )

    def keep(self) -> None:
        """Keep which objects are as they were entered, for the next scan of this process."""
        keep(_name_of_kept(self.raw.root), (self.feed_set, self.identities, self.as_entered))

    def add(self, item: StoredObject) -> None:
        """Enter one object of the listing."""
        self.etags[item.key] = item.etag
        if item.refusal and item.refusal.hides_files:
            self._add_hidden(item.key, item.refusal)
            return
        if self._is_as_entered(item):
            self._keep_last(item.key)
            return
        if not _is_unicode(item.key):
            self.unusable.add_undecodable(item.key)
            return
        last = self.last.get(item.key)
        is_unchanged = last is not None and last.etag == item.etag
        if self.skip_unstable and not is_unchanged and not item.is_stable(self.at):
            self.still_being_written.append(item.key)
            self._keep_last(item.key)
            return
        match = self.owners.settle(item.key, self.feed_set.match(item.key))
        if item.refusal:
            self.unusable.add_refused(item.key, item.refusal, match.feed.feed if match.feed else "")
        elif match.broken_descriptor:
            self.unusable.add_blocked(item.key, match.broken_descriptor)
        elif match.problem:
            self.unusable.add(match.problem)
        elif _is_marker(item.key):
            return
        elif match.feed is None:
            self.unusable.add_unmatched(item.key)
        else:
            self._add_delivery(item, match.feed)

    def _add_hidden(self, folder: str, refusal: Refusal) -> None:
        """Enter a folder that cannot be listed: what is known to be in it is not gone."""
        known = sorted(key for key in self.last if key.startswith(folder))
        for key in known:
            self._keep_last(key)
        feeds = [self.last[key].feed for key in known] or self.feed_set.feeds_below(folder)
        if feeds:
            self.unusable.add_refused(folder, refusal, feeds[0])
        else:
            self.unusable.unmatched.append(folder)

    def _is_as_entered(self, item: StoredObject) -> bool:
        """Return whether the last event of an object says all about it; of thousands of objects, most are so."""
        last = self.last.get(item.key)
        if last is None or last.etag != item.etag:
            return False
        if self.as_entered.get(item.key) is last:
            return True
        feed = self.owners.settle(item.key, self.feed_set.match(item.key)).feed
        if feed is None or last.order or (feed.order and feed.order.from_name):
            return False  # names that have no order are reported
        identity = self.identities.identify(item.key, last.fingerprint, feed.feed, last)
        is_same = identity == last.delivery_id and self.of_feeds.fields(feed) == OF_FEED(last)
        if is_same:
            self.as_entered[item.key] = last
        return is_same

    def _add_delivery(self, item: StoredObject, feed: FeedDescriptor) -> None:
        last = self.last.get(item.key)
        try:
            event = self._discover(item, feed, last)
        except FileNameError as error:
            self.unusable.add_misnamed(item.key, error, feed.feed)
            return
        except OSError as error:
            # Whatever the reason: its end (a permission, a restored archive, a disk that answers again) need not change
            # the etag, and what is recorded with its etag is read by no further run.
            self.unusable.add_unreadable(item.key, error, feed.feed)
            self.unavailable.append(item.key)
            self._keep_last(item.key)
            return
        self.present.setdefault(feed.feed, {})[item.key] = event.fingerprint
        if event != last:
            self.new.append(replace(event, at=utc_text(self.at), run_id=self.run_id))

    def _discover(
        self, item: StoredObject, feed: FeedDescriptor, last: DeliveryDiscovered | None
    ) -> DeliveryDiscovered:
        """Return the event for an object, of when it was entered last; bytes are read only if the etag has changed.

        Raises:
            FileNameError: the name does not contain what the descriptor reads from it.
            OSError: the object cannot be read.
        """
        is_as_entered = last is not None and last.etag == item.etag
        fingerprint = last.fingerprint if last and is_as_entered else self.raw.fingerprint(item.key)
        of_feed = self.of_feeds.fields(feed)
        identity = self.identities.identify(item.key, fingerprint, feed.feed, last)
        order = self.of_feeds.order(feed, item.key)
        # Of thousands of objects most are as they were entered, and no event is made to be compared. Size and time are
        # parts of an etag.
        is_same = last and is_as_entered and (last.delivery_id, last.order) == (identity, order)
        if last and is_same and OF_FEED(last) == of_feed:
            return last
        at, run_id = (last.at, last.run_id) if last else ("", "")
        return DeliveryDiscovered(
            object_key=item.key,
            delivery_id=identity,
            fingerprint=fingerprint,
            etag=item.etag,
            size=item.size,
            modified_at=utc_text(item.modified_at),
            order=order,
            at=at,
            run_id=run_id,
            reads_again=self.identities.reads_again(identity, item.key, fingerprint, feed.feed, last),
            rules=self.identities.declared.get(feed.feed, ""),
            keyed_by=" ".join(feed.load.key or feed.load.scope),
            **dict(zip(FEED_FIELDS, of_feed, strict=True)),
        )

    def _keep_last(self, key: str) -> None:
        """Treat an object as in the last scan: its earlier version still counts."""
        last = self.last.get(key)
        if last is None:
            del self.etags[key]
            return
        self.etags[key] = last.etag
        self.present.setdefault(last.feed, {})[key] = last.fingerprint


def _take_as_entered(root: str, feed_set: FeedSet, identities: DeliveryIdentities) -> dict[str, DeliveryDiscovered]:
    """Return the events that the last scan of this process has found to say all about an object with their etag.

    None if that was by other descriptors or identities. A run looks at its raw zone twice, and almost all of thousands
    of files are as they were.
    """
    kept_set, kept_identities, as_entered = take_kept(_name_of_kept(root)) or (None, None, {})
    return as_entered if kept_set is feed_set and kept_identities == identities else {}


def _name_of_kept(root: str) -> str:
    return f"objects of {root} that are as they were entered"


def _is_unicode(key: str) -> bool:
    """Return whether a key can be written to JSON; a file system may have names in any encoding."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True


_MARKERS = {"_success", "desktop.ini", "thumbs.db"}


def _is_marker(key: str) -> bool:
    """Return whether a program keeps an object without data beside files: Spark in each folder, Windows in some."""
    return key.rpartition("/")[2].casefold() in _MARKERS
