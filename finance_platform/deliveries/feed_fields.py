"""What an event of the register has of the feed that reads its object.

Belongs here: the fields that follow from a descriptor, and the place of an object that its name says. Does not belong
here: which object is an event (see `object_discovery`), the events (see `events`).
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.feeds.descriptor import FeedDescriptor
from finance_platform.feeds.file_names import order_from_name, orders_from_names


class FieldsOfFeeds:
    """What an event has of its feed, which is derived once for all objects of the feed."""

    def __init__(self, known: Iterable[DeliveryDiscovered]) -> None:
        """Keep the last events, by whose names many orders are derived at once."""
        self._known = known
        self._fields: dict[str, tuple[Any, ...]] = {}
        self._orders: dict[str, dict[str, str]] = {}

    def fields(self, feed: FeedDescriptor) -> tuple[Any, ...]:
        """Return the fields of an event that follow from the feed, in the order of `FEED_FIELDS`."""
        if feed.feed not in self._fields:
            self._fields[feed.feed] = _fields_of(feed)
        return self._fields[feed.feed]

    def order(self, feed: FeedDescriptor, key: str) -> str:
        """Return the place of an object among those of its feed; empty if its name does not say it.

        Raises:
            FileNameError: the name does not contain what the descriptor reads from it.
        """
        if feed.order is None or feed.order.from_name is None:
            return ""
        pattern = feed.order.from_name
        if feed.feed not in self._orders:
            known = [event.object_key for event in self._known if event.feed == feed.feed]
            self._orders[feed.feed] = orders_from_names(pattern, known)
        return self._orders[feed.feed].get(key) or order_from_name(pattern, key)


FEED_FIELDS = (
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

OF_FEED = attrgetter(*FEED_FIELDS)


def _fields_of(feed: FeedDescriptor) -> tuple[Any, ...]:
    """Return the fields of a discovery that follow from the feed, in the order of `FEED_FIELDS`."""
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
