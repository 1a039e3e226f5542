"""The feeds of a home, with their files and their last deliveries: the use case of `feed list`.

Belongs here: counting the raw zone's files by feed, and the register's latest event of each. Does not belong here: the
state of deliveries (see `reports.status`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.deliveries.register import Register
from finance_platform.feeds.descriptor import FeedDescriptor
from finance_platform.feeds.feed_set import FeedSet, Problem
from finance_platform.storage.port import ObjectStore

COLUMNS = ("feed", "kind", "path", "descriptor", "files", "last delivery")


@dataclass(frozen=True)
class ListedFeed:
    """A feed, the number of its files in the raw zone, and when a delivery of it was last discovered."""

    feed: FeedDescriptor
    is_shipped: bool
    files: int
    last_delivery: str


@dataclass(frozen=True)
class FeedListing:
    """The feeds of a home.

    Attributes:
        feeds: by name.
        problems: the descriptors that are not valid, and files that several feeds match.
    """

    feeds: tuple[ListedFeed, ...]
    problems: tuple[Problem, ...]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield a row for each feed, with a value for each of `COLUMNS`."""
        for listed in self.feeds:
            origin = "shipped" if listed.is_shipped else "own"
            yield (
                listed.feed.feed,
                listed.feed.kind,
                listed.feed.path_text,
                origin,
                listed.files,
                listed.last_delivery or None,
            )


def list_feeds(raw: ObjectStore, processed: ObjectStore, feeds: FeedSet) -> FeedListing:
    """Return the feeds of a home; a raw zone or a register that does not exist yet is empty.

    Args:
        raw: the raw zone.
        processed: the processed zone, which has the register.
        feeds: the descriptors.

    Raises:
        RegisterError: the register is damaged.
    """
    files: Counter[str] = Counter()
    problems = list(feeds.problems)
    for item in raw.list_objects() if raw.exists() else ():
        match = feeds.match(item.key)
        if match.feed is not None:
            files[match.feed.feed] += 1
        elif match.problem is not None and not match.broken_descriptor:
            problems.append(match.problem)
    last: dict[str, str] = {}
    for event in Register(processed).events() if processed.exists() else ():
        if isinstance(event, DeliveryDiscovered):
            last[event.feed] = max(event.at, last.get(event.feed, ""))
    own = {feed.feed for feed in feeds.own}
    listed = (
        ListedFeed(
            feed, feed.feed not in own, files[feed.feed], f"{last[feed.feed][:16]}Z" if feed.feed in last else ""
        )
        for feed in feeds.feeds
    )
    return FeedListing(tuple(listed), tuple(problems))
