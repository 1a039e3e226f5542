"""Discovery of one object: its feed, its fingerprint, and its event, if it is not as it was entered.

Belongs here: matching objects to feeds, reading fingerprints, the fields of a register's event. Does not belong here:
the listing and what is reported of it (see `discovery`), reading the content of files (see `feeds`, `spark_jobs`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import attrgetter
from typing import Any

from finance_platform.count_text import pluralize
from finance_platform.deliveries.commits import delivery_id, earlier_delivery_ids, read_commits
from finance_platform.deliveries.current_state import state_of
from finance_platform.deliveries.lookups import earlier_lookup_identities, has_lookups, with_lookups
from finance_platform.deliveries.ownership import BrokenOwners
from finance_platform.deliveries.register import (
    DeliveryDiscovered,
    Event,
    Register,
    select_discovered,
    select_withdrawn,
    utc_text,
)
from finance_platform.deliveries.spread_weights import like_rule
from finance_platform.errors import FileNameError, FinancePlatformError
from finance_platform.feeds.descriptor import FeedDescriptor
from finance_platform.feeds.feed_set import FeedSet, Problem
from finance_platform.feeds.file_names import order_from_name, orders_from_names
from finance_platform.feeds.resolved import Kind, ResolvedFeed
from finance_platform.safe_text import quote_name
from finance_platform.settings import Settings
from finance_platform.storage.port import ObjectStore, StoredObject, error_message

_MAX_NAMES = 3


@dataclass
class ObjectDiscovery:
    """Compares the objects of one listing with the register, one after the other, and keeps what it finds.

    `last` has the last event of each object, `unweighted` and `withdrawn` what `_unweighted_ids` and
    `_withdrawn_contents` return, `declared` the identities of rules without what they look up or are spread like, where
    they differ, and `earlier_identities` those of `earlier_lookup_identities`.
    """

    raw: ObjectStore
    feed_set: FeedSet
    feeds: Mapping[str, ResolvedFeed]
    owners: BrokenOwners
    identities: Mapping[str, tuple[str, Kind]]
    last: Mapping[str, DeliveryDiscovered]
    at: datetime
    run_id: str
    skip_unstable: bool
    problems: list[Problem]
    unweighted: Mapping[str, str]
    withdrawn: Mapping[tuple[str, str], Sequence[DeliveryDiscovered]]
    declared: Mapping[str, str]
    earlier_identities: Mapping[str, Sequence[str]]
    new: list[DeliveryDiscovered] = field(default_factory=list)
    present: dict[str, dict[str, str]] = field(default_factory=dict)
    unmatched: list[str] = field(default_factory=list)
    etags: dict[str, str] = field(default_factory=dict)
    still_being_written: list[str] = field(default_factory=list)
    unavailable: list[str] = field(default_factory=list)
    blocked: dict[str, list[str]] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    orders: dict[str, dict[str, str]] = field(default_factory=dict)
    of_feeds: dict[str, tuple[Any, ...]] = field(default_factory=dict)

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
        known = select_discovered(events)
        feeds = {feed.feed: feed.resolve(settings) for feed in feed_set.feeds}
        declared = {
            name: feed.rules.identity for name, feed in feeds.items() if feed.rules.lookup or like_rule(feed.rules)
        }
        if has_lookups(feeds):
            feeds = with_lookups(feeds, state_of(register.store, events, read_commits(register.store)))
        identities = {name: (feed.rules.identity, feed.rules.kind) for name, feed in feeds.items()}
        last = {event.object_key: event for event in known}
        return ObjectDiscovery(
            raw=raw,
            feed_set=feed_set,
            feeds=feeds,
            owners=BrokenOwners(feed_set, identities, last),
            identities=identities,
            last=last,
            at=at,
            run_id=run_id,
            skip_unstable=skip_unstable,
            problems=list(feed_set.problems),
            unweighted=_unweighted_ids(register, feeds),
            withdrawn=_withdrawn_contents(known, select_withdrawn(events)),
            declared=declared,
            earlier_identities=earlier_lookup_identities(feeds, known),
        )

    def with_blocked_files(self, problem: Problem) -> Problem:
        """Return the problem of a descriptor with the files that are not read because of it."""
        files = self.blocked.get(problem.where, [])
        if not files:
            return problem
        number = pluralize(len(files), "file is", "files are")
        names = ", ".join(files[:_MAX_NAMES]) + (", …" if len(files) > _MAX_NAMES else "")
        return replace(problem, message=f"{problem.message}; {number} not read because of it: {names}")

    def add(self, item: StoredObject) -> None:
        """Enter one object of the listing."""
        self.etags[item.key] = item.etag
        if self._is_as_entered(item):
            self._keep_last(item.key)
            return
        if not _is_unicode(item.key):
            self.problems.append(_undecodable_name(item.key))
            return
        last = self.last.get(item.key)
        is_unchanged = last is not None and last.etag == item.etag
        if self.skip_unstable and not is_unchanged and not item.is_stable(self.at):
            self.still_being_written.append(item.key)
            self._keep_last(item.key)
            return
        match = self.owners.settle(item.key, self.feed_set.match(item.key))
        if item.refusal:
            feed = match.feed.feed if match.feed else ""
            message = f"the file cannot be opened: {item.refusal.reason}"
            self.problems.append(Problem(item.key, message, item.refusal.fix, feed))
        elif match.broken_descriptor:
            self.blocked.setdefault(match.broken_descriptor, []).append(item.key)
        elif match.problem:
            self.problems.append(match.problem)
        elif _is_marker(item.key):
            return
        elif match.feed is None:
            self._add_unmatched(item.key)
        else:
            self._add_delivery(item, match.feed)

    def _is_as_entered(self, item: StoredObject) -> bool:
        """Return whether the last event of an object says all about it; of thousands of objects, most are so."""
        last = self.last.get(item.key)
        if last is None or last.etag != item.etag:
            return False
        feed = self.owners.settle(item.key, self.feed_set.match(item.key)).feed
        if feed is None or last.order or (feed.order and feed.order.from_name):
            return False  # names that have no order are reported
        identity = self._delivery_id(item.key, last.fingerprint, feed.feed, last)
        return identity == last.delivery_id and self._fields_of(feed) == _OF_FEED(last)

    def _fields_of(self, feed: FeedDescriptor) -> tuple[Any, ...]:
        if feed.feed not in self.of_feeds:
            self.of_feeds[feed.feed] = _fields_of(feed)
        return self.of_feeds[feed.feed]

    def _add_unmatched(self, key: str) -> None:
        for folder in _folders(key):
            match = self.feed_set.match(folder)
            if match.feed:
                self.folders.setdefault(folder, match.feed.feed)
                return
        self.unmatched.append(key)

    def _add_delivery(self, item: StoredObject, feed: FeedDescriptor) -> None:
        last = self.last.get(item.key)
        try:
            event = self._discover(item, feed, last)
        except FileNameError as error:
            self.problems.append(
                Problem(item.key, error.found.removeprefix(f"{quote_name(item.key)}: "), error.fix, feed.feed)
            )
            return
        except OSError as error:
            # Whatever the reason: its end (a permission, a restored archive, a disk that answers again) need not change
            # the etag, and what is recorded with its etag is read by no further run.
            self.problems.append(_unreadable(item.key, feed.feed, error))
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
        of_feed = self._fields_of(feed)
        identity, order = self._delivery_id(item.key, fingerprint, feed.feed, last), self._order(feed, item.key)
        # Of thousands of objects most are as they were entered, and no event is made to be compared. Size and time are
        # parts of an etag.
        is_same = last and is_as_entered and (last.delivery_id, last.order) == (identity, order)
        if last and is_same and _OF_FEED(last) == of_feed:
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
            reads_again=self._reads_again(identity, item.key, fingerprint, feed.feed, last),
            rules=self.declared.get(feed.feed, ""),
            **dict(zip(_FEED_FIELDS, of_feed, strict=True)),
        )

    def _delivery_id(self, key: str, fingerprint: str, feed: str, last: DeliveryDiscovered | None) -> str:
        """Return the identity of a delivery; one with weights stays, until `refresh.spread_years` finds others.

        One that a person withdrew stays, too, if nothing but the release has changed, or what it looks up, also if the
        object had other bytes since: as another delivery it would count again, although the file is the one that the
        person meant. If the withdrawal is undone, it is read again.
        """
        identity = delivery_id(key, fingerprint, feed, *self.identities[feed])
        if last is None or last.delivery_id == identity or self.unweighted.get(last.delivery_id) == identity:
            return last.delivery_id if last else identity
        withdrawn = self.withdrawn.get((key, fingerprint), ())
        same = (one.delivery_id for one in withdrawn if self._is_read_again(key, fingerprint, feed, one))
        return next(same, identity)

    def _is_read_again(self, key: str, fingerprint: str, feed: str, earlier: DeliveryDiscovered) -> bool:
        """Return whether an earlier delivery of an object had the same bytes and the same rules of its descriptor."""
        if earlier.rules:
            return (earlier.fingerprint, earlier.feed, earlier.rules) == (fingerprint, feed, self.declared.get(feed))
        earlier_id = self.unweighted.get(earlier.delivery_id, earlier.delivery_id)
        identity, kind = self.identities[feed]
        of_rules = ((key, fingerprint, feed, one, kind) for one in (identity, *self.earlier_identities.get(feed, ())))
        return any(earlier_id == delivery_id(*one) or earlier_id in earlier_delivery_ids(*one) for one in of_rules)

    def _reads_again(
        self, identity: str, key: str, fingerprint: str, feed: str, last: DeliveryDiscovered | None
    ) -> str:
        """Return which delivery another one of the same bytes and rules is instead of; empty if it is of others."""
        if last is None or last.delivery_id == identity:
            return last.reads_again if last else ""
        is_again = self._is_read_again(key, fingerprint, feed, last)
        return last.delivery_id if is_again else ""

    def _order(self, feed: FeedDescriptor, key: str) -> str:
        if feed.order is None or feed.order.from_name is None:
            return ""
        pattern = feed.order.from_name
        if feed.feed not in self.orders:
            known = [event.object_key for event in self.last.values() if event.feed == feed.feed]
            self.orders[feed.feed] = orders_from_names(pattern, known)
        return self.orders[feed.feed].get(key) or order_from_name(pattern, key)

    def _keep_last(self, key: str) -> None:
        """Treat an object as in the last scan: its earlier version still counts."""
        last = self.last.get(key)
        if last is None:
            del self.etags[key]
            return
        self.etags[key] = last.etag
        self.present.setdefault(last.feed, {})[key] = last.fingerprint


def _unweighted_ids(register: Register, feeds: Mapping[str, ResolvedFeed]) -> dict[str, str]:
    """Return the identities without weights of the deliveries of files of years, by delivery id."""
    if not any(like_rule(feed.rules) for feed in feeds.values()):
        return {}
    commits = read_commits(register.store).values()
    return {one.delivery_id: one.unweighted_id for one in commits if one.unweighted_id}


def _withdrawn_contents(
    known: Iterable[DeliveryDiscovered], withdrawn: Collection[str]
) -> dict[tuple[str, str], list[DeliveryDiscovered]]:
    """Return the deliveries that people withdrew, by object and content, the last one that was discovered first."""
    last = {event.delivery_id: event for event in known if event.delivery_id in withdrawn} if withdrawn else {}
    contents: dict[tuple[str, str], list[DeliveryDiscovered]] = {}
    for event in reversed(last.values()):
        contents.setdefault((event.object_key, event.fingerprint), []).append(event)
    return contents


_FEED_FIELDS = (
    "feed",
    "kind",
    "load_mode",
    "tolerated_share",
    "tolerated_amount",
    "is_scoped",
    "tolerated_removal",
    "is_held_when_late",
    "late_lines",
)
"""The fields of a discovery that follow from the feed; the other ones follow from the object, or say when it was
entered."""

_OF_FEED = attrgetter(*_FEED_FIELDS)


def _fields_of(feed: FeedDescriptor) -> tuple[Any, ...]:
    """Return the fields of a discovery that follow from the feed, in the order of `_FEED_FIELDS`."""
    amount, removal = feed.tolerance.rejected_amount, feed.hold_if_removes
    return (
        feed.feed,
        feed.kind,
        feed.load.mode,
        str(feed.tolerance.rejected_rows),
        None if amount is None else str(amount),
        bool(feed.load.scope),
        None if removal == "never" else str(removal),
        feed.hold_if_late,
        feed.late_lines or "",
    )


def _is_unicode(key: str) -> bool:
    """Return whether a key can be written to JSON; a file system may have names in any encoding."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_marker(key: str) -> bool:
    """Return whether an object is the marker that Spark writes once a folder is complete."""
    return key.rpartition("/")[2] == "_SUCCESS"


def _folders(key: str) -> Iterator[str]:
    """Yield the folders of a key, the outermost first, each with a `/` at its end."""
    ends = (end for end, letter in enumerate(key, start=1) if letter == "/")
    return (key[:end] for end in ends)


def _undecodable_name(key: str) -> Problem:
    escaped = key.encode(errors="backslashreplace").decode()
    return Problem(escaped, "the file's name is not valid UTF-8", "rename the file")


def _unreadable(key: str, feed: str, error: OSError) -> Problem:
    fix = error.fix if isinstance(error, FinancePlatformError) else "check its permissions, then run again"
    return Problem(key, f"the file cannot be opened: {error_message(error)}", fix, feed)
