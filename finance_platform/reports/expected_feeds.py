"""Expected feeds: when the last file of each came, when the next is due, and which are overdue.

Belongs here: feeds with `expect` or `freshness`. Does not belong here: the calendar (see `feeds.expectations`), alerts
(see `orchestration.sensors.alerts`), the lines of a period (see `quality.feed_completeness`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from finance_platform.deliveries.events import DeliveryDiscovered, Event
from finance_platform.deliveries.state import DeliveryState
from finance_platform.feeds.descriptor import FeedDescriptor
from finance_platform.feeds.expectations import last_due_days, next_due_day
from finance_platform.feeds.feed_set import FeedSet

_COUNTS = "counts"
_HELD = "held"
_UNREADABLE = "unreadable"
_WITHDRAWN = "withdrawn"
_UNREAD = "not read yet"


_Content = tuple[str, str]  # object and fingerprint


class _Arrival(NamedTuple):
    at: str
    contents: list[_Content]


@dataclass(frozen=True)
class ExpectedFeed:
    """A feed of which files are expected.

    Attributes:
        feed: its name.
        path: the files that it reads, as its descriptor says.
        owner: who is to be asked; empty if the descriptor names no one.
        last: the day on which its last file was found, UTC; None if none ever came. A file that is only read again,
            after an upgrade or a change of its descriptor, came when its content was found first.
        due: the day until which a file is or was due; None if no day is known before a first file has come.
        is_overdue: whether that day has passed.
        last_state: what became of that file, or of those that were found with it: counts, held, unreadable, withdrawn
            or not read yet; empty if none ever came, and in records of earlier releases.
    """

    feed: str
    path: str
    owner: str
    last: date | None
    due: date | None
    is_overdue: bool
    last_state: str = ""

    @property
    def is_missing_in_figures(self) -> bool:
        """Whether a file came in time and does not count."""
        return not self.is_overdue and self.last_state not in ("", _COUNTS)

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
            "last_state": self.last_state or None,
        }


def expected_feeds(
    feed_set: FeedSet, events: Iterable[Event], state: DeliveryState, at: datetime, holidays: Collection[date]
) -> list[ExpectedFeed]:
    """Return the feeds of which files are expected, overdue ones first.

    A shipped feed that never had a file is not in use; a descriptor of the home says that files come.

    Args:
        feed_set: the home's feeds.
        events: the register.
        state: which deliveries count.
        at: now, UTC.
        holidays: days that are not working days, besides Saturdays and Sundays.
    """
    arrivals = _last_arrivals(events)
    states = _states(state)
    own = {feed.feed for feed in feed_set.own}
    expected = [
        _expected(feed, arrivals.get(feed.feed), states, at.date(), holidays)
        for feed in feed_set.feeds
        if (feed.expect or feed.freshness) and (feed.feed in own or feed.feed in arrivals)
    ]
    return sorted(expected, key=lambda one: (not one.is_overdue, one.feed))


def _last_arrivals(events: Iterable[Event]) -> dict[str, _Arrival]:
    """Return what each feed got last, in one scan; the same content under other reading rules is no other file."""
    known: set[_Content] = set()
    last: dict[str, _Arrival] = {}
    for event in events:
        if not isinstance(event, DeliveryDiscovered) or (content := _content(event)) in known:
            continue
        known.add(content)
        arrival = last.get(event.feed)
        if arrival is None or arrival.at != event.at:
            last[event.feed] = arrival = _Arrival(event.at, [])
        arrival.contents.append(content)
    return last


def _content(event: DeliveryDiscovered) -> _Content:
    return event.object_key, event.fingerprint


def _states(state: DeliveryState) -> dict[_Content, str]:
    """Return what became of each content of a file.

    One that is to be read again counts as long as its earlier reading does, and one whose late lines wait counts.
    """
    unread = (*state.pending, *(one.event for one in state.awaiting_verdict))
    states = dict.fromkeys(map(_content, unread), _UNREAD)
    states |= {_content(one.event): _WITHDRAWN for one in state.withdrawn}
    states |= {_content(one.event): _UNREADABLE if one.is_refused else _HELD for one in state.inactive}
    return states | {_content(one.event): _COUNTS for one in state.live}


def _state_of_several(states: Collection[str]) -> str:
    """Return the state of files that came together: what is to be done about one of them, or that one counts."""
    return next((one for one in (_HELD, _UNREADABLE, _UNREAD, _COUNTS, _WITHDRAWN) if one in states), _COUNTS)


def _expected(
    feed: FeedDescriptor,
    arrival: _Arrival | None,
    states: Mapping[_Content, str],
    today: date,
    holidays: Collection[date],
) -> ExpectedFeed:
    last = date.fromisoformat(arrival.at[:10]) if arrival else None
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
    last_state = _state_of_several({states.get(one, _COUNTS) for one in arrival.contents}) if arrival else ""
    return ExpectedFeed(feed.feed, feed.path_text, feed.owner, last, due_day, bool(missed), last_state)
