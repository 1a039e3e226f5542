"""Raw objects of descriptors that cannot be used, by what the register knows about them.

Belongs here: which objects no other feed may read meanwhile. Does not belong here: what a broken descriptor still says
about its paths (see `feeds.feed_set`), the scan (see `discovery`).

Nothing published may move because a descriptor became unreadable. What its text does not say any more, the register
knows: by which feed and under which rules each object was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from finance_platform.deliveries.commits import delivery_id
from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.feeds.feed_set import FeedSet, Match, blocked_by
from finance_platform.feeds.resolved import Reader


class BrokenOwners:
    """The broken descriptors of a feed set as owners of raw objects."""

    def __init__(
        self, feed_set: FeedSet, identities: Mapping[str, tuple[str, Reader]], last: Mapping[str, DeliveryDiscovered]
    ) -> None:
        """Find the shipped feeds in whose stead a broken descriptor without a known path has read.

        Args:
            feed_set: the home's descriptors.
            identities: the identity of the reading rules of each feed that can be used, and its reader.
            last: the last event of each object.
        """
        self._is_any_broken = bool(feed_set.broken)
        self._own = {feed.feed for feed in feed_set.own}
        self._shipped = {feed.feed for feed in feed_set.shipped}
        self._identities, self._last = identities, last
        self._files = {broken.feed: broken.file for broken in feed_set.broken if broken.feed not in {"", *self._own}}
        self._nameless = [broken.file for broken in feed_set.broken if not broken.feed]
        self._in_stead_of = self._replaced_feeds(feed_set)

    def settle(self, object_key: str, match: Match) -> Match:
        """Return the match of an object: as by its name, unless the object belongs to a broken descriptor."""
        if match.broken_descriptor or not self._is_any_broken:
            return match
        owner = self._owner(object_key, match)
        return blocked_by(owner, object_key) if owner else match

    def _replaced_feeds(self, feed_set: FeedSet) -> dict[str, str]:
        """Return, by shipped feed, the broken descriptor that has read files of that feed's path."""
        if not any(broken.paths == () for broken in feed_set.broken):
            return {}
        pathless = {broken.file for broken in feed_set.broken if not broken.paths}
        replaced: dict[str, str] = {}
        for object_key in self._last:
            match = feed_set.match(object_key)
            owner = self._owner_of_known(object_key, match)
            if owner in pathless and match.feed and match.feed.feed in self._shipped:
                replaced.setdefault(match.feed.feed, owner)
        return replaced

    def _owner(self, object_key: str, match: Match) -> str:
        if object_key in self._last:
            return self._owner_of_known(object_key, match)
        return self._in_stead_of.get(match.feed.feed, "") if match.feed else ""

    def _owner_of_known(self, object_key: str, match: Match) -> str:
        event = self._last[object_key]
        if event.feed in self._files:
            return self._files[event.feed]
        if not self._nameless:
            return ""  # there is no such descriptor; to derive the identity of each of thousands of files takes a while
        is_own = event.feed in self._own or (match.feed is not None and match.feed.feed in self._own)
        return "" if is_own or self._was_read_as_now(event) else self._likeliest(event.feed)

    def _likeliest(self, feed: str) -> str:
        """Return a broken descriptor without a known feed, the one whose file is named like a feed if there is one."""
        files = sorted(self._nameless, key=lambda file: PurePath(file).stem != feed)
        return files[0] if files else ""

    def _was_read_as_now(self, event: DeliveryDiscovered) -> bool:
        """Return whether a shipped feed has read an object under the rules that it has now."""
        if event.feed not in self._shipped:
            return False
        rules = self._identities[event.feed]
        return event.delivery_id == delivery_id(event.object_key, event.fingerprint, event.feed, *rules)
