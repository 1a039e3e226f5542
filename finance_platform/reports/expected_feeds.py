"""Expected feeds: when the last file of each came, when the next is due, and which are overdue.

Belongs here: feeds with `expect` or `freshness`. Does not belong here: the calendar (see `feeds.expectations`), alerts
(see `orchestration.sensors.alerts`), the lines of a period (see `quality.feed_completeness`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from finance_platform.deliveries.register import DeliveryDiscovered, Event
from finance_platform.feeds.descriptor import FeedDescriptor
from finance_platform.feeds.expectations import last_due_days, next_due_day
from finance_platform.feeds.feed_set import FeedSet


@dataclass(frozen=True)
class ExpectedFeed:
    """A feed of which files are expected.

    Attributes:
        feed: its name.
        path: the files that it reads, as its descriptor says.
        owner: who is to be asked; empty if the descriptor names no one.
        last: the day on which its last file was found, UTC; None if none ever came.
        due: the day until which a file is or was due; None if no day is known before a first file has come.
        is_overdue: whether that day has passed.
    """

    feed: str
    path: str
    owner: str
    last: date | None
    due: date | None
    is_overdue: bool

    @property
    def sentence(self) -> str:
        """What came and what is due."""
        came = f"the last file came on {self.last.isoformat()}" if self.last else "no file has ever come"
        due = f", {'was due' if self.is_overdue else 'due'} on {self.due.isoformat()}" if self.due else ""
        return f"{came}{due}"

    @property
    def fix(self) -> str:
        """What to do where it is overdue; empty otherwise."""
        if not self.is_overdue:
            return ""
        return f"ask {self.owner or 'the owner of the feed'} for the file `{self.path}`"

    def as_json(self) -> dict[str, Any]:
        """Return the feed as JSON values; days are ISO 8601."""
        return {
            "feed": self.feed,
            "path": self.path,
            "owner": self.owner,
            "last": self.last.isoformat() if self.last else None,
            "due": self.due.isoformat() if self.due else None,
            "is_overdue": self.is_overdue,
        }


def expected_feeds(
    feed_set: FeedSet, events: Iterable[Event], at: datetime, holidays: Collection[date]
) -> list[ExpectedFeed]:
    """Return the feeds of which files are expected, overdue ones first.

    A shipped feed that never had a file is not in use; a descriptor of the home says that files come.

    Args:
        feed_set: the home's feeds.
        events: the register.
        at: now, UTC.
        holidays: days that are not working days, besides Saturdays and Sundays.
    """
    arrivals = {
        event.feed: date.fromisoformat(event.at[:10]) for event in events if isinstance(event, DeliveryDiscovered)
    }
    own = {feed.feed for feed in feed_set.own}
    expected = [
        _expected(feed, arrivals, at.date(), holidays)
        for feed in feed_set.feeds
        if (feed.expect or feed.freshness) and (feed.feed in own or feed.feed in arrivals)
    ]
    return sorted(expected, key=lambda one: (not one.is_overdue, one.feed))


def _expected(
    feed: FeedDescriptor, arrivals: Mapping[str, date], today: date, holidays: Collection[date]
) -> ExpectedFeed:
    last = arrivals.get(feed.feed)
    missed: list[date] = []
    coming: list[date] = []
    if feed.expect:
        due_before, due = last_due_days(today, feed.expect.by_working_day, holidays)
        if last is None or last <= due_before:
            missed.append(due)
        else:
            coming.append(next_due_day(today, feed.expect.by_working_day, holidays))
    if feed.freshness and last:
        due = last + timedelta(days=feed.freshness.fail_after_days)
        (missed if due <= today else coming).append(due)
    due_day = min(missed or coming, default=None)
    return ExpectedFeed(feed.feed, feed.path_text, feed.owner, last, due_day, bool(missed))
