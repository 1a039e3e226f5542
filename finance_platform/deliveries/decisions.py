"""Decisions: what a person may decide, and the register's event that follows.

Belongs here: accept, withdraw and its undoing, close, reopen; each refuses what would have no effect, and says why.
Does not belong here: what follows from the events (see `state`), when something is held (see `judging`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from finance_platform.deliveries.commits import read_commits
from finance_platform.deliveries.overlaps import complete
from finance_platform.deliveries.register import DecisionRecorded, PeriodStatusChanged, Register, utc_text
from finance_platform.deliveries.state import (
    DeliveryState,
    InactiveDelivery,
    LiveDelivery,
    covered_periods,
    derive_state,
)
from finance_platform.errors import DecisionError
from finance_platform.feeds.codes import closest_match
from finance_platform.storage.port import ObjectStore

_Event = TypeVar("_Event", DecisionRecorded, PeriodStatusChanged)


@dataclass(frozen=True)
class Author:
    """Who decides, why, and when.

    Attributes:
        who: user name.
        why: in the person's words; goes into the register for good.
        at: now, UTC.
    """

    who: str
    why: str
    at: datetime


def accept(processed: ObjectStore, object_key: str, author: Author) -> DecisionRecorded:
    """Let a held delivery count from the next run on; the caller holds the run's lock.

    Raises:
        DecisionError: nothing that could be accepted is held under that key.
    """
    state = _state(processed)
    held = _find(object_key, state.stopped, "held")
    if held.is_refused:
        raise DecisionError(f"{object_key} could not be read: {held.reason}", fix=held.fix)
    if any(held.commit.unaccounted):
        raise DecisionError(f"{object_key} is {held.reason}", fix=held.fix)
    return _enter(processed, DecisionRecorded("accepted", object_key, held.commit.delivery_id, *_words(author)))


def withdraw(
    processed: ObjectStore, object_key: str, author: Author, *, holds_closed_periods: bool = False
) -> DecisionRecorded:
    """Take an object's lines out from the next run on, or drop its held delivery; the caller holds the run's lock.

    Raises:
        DecisionError: the object has no delivery that counts or is held, or a closed period would change while the
            home holds those.
    """
    state = _state(processed)
    counting = {delivery.delivery_id for delivery in state.live}
    stopped = [one for one in state.stopped if one.event.object_key == object_key]
    # One that counts by other terms than those under which it is held is taken out, not dropped.
    held = [one for one in stopped if one.commit.delivery_id not in counting]
    if held:
        decided = DecisionRecorded(
            "withdrawn", object_key, held[0].commit.delivery_id, *_words(author), keeps_earlier=True
        )
        return _enter(processed, decided)
    live = [delivery for delivery in state.live if delivery.event.object_key == object_key]
    if not live:
        raise _unknown(object_key, "counts or is held", [delivery.event.object_key for delivery in state.live])
    if holds_closed_periods:
        _refuse_closed(processed, state, live[0])
    return _enter(processed, DecisionRecorded("withdrawn", object_key, live[0].delivery_id, *_words(author)))


def reinstate(
    processed: ObjectStore, object_key: str, author: Author, *, holds_closed_periods: bool = False
) -> DecisionRecorded:
    """Undo an object's latest withdrawal from the next run on; the caller holds the run's lock.

    Raises:
        DecisionError: the object is not withdrawn, or a closed period would change while the home holds those.
    """
    state = _state(processed)
    latest_first = sorted(state.withdrawn, key=lambda one: one.decided.at if one.decided else "", reverse=True)
    withdrawn = _find(object_key, latest_first, "withdrawn")
    is_dropped = withdrawn.decided is not None and withdrawn.decided.keeps_earlier
    if holds_closed_periods and not is_dropped:
        _refuse_closed(processed, state, withdrawn)
    return _enter(processed, DecisionRecorded("reinstated", object_key, withdrawn.commit.delivery_id, *_words(author)))


def close(
    processed: ObjectStore, period: str, author: Author, *, wanted: Mapping[str, str], published: Mapping[str, str]
) -> PeriodStatusChanged:
    """Close a period: what changes it from now on is a restatement; the caller holds the run's lock.

    Args:
        processed: the processed zone.
        period: YYYY-MM.
        author: who closes it, and why.
        wanted: version of each period's fact slice that the lake asks for.
        published: version of each period's fact slice that the warehouse holds.

    Raises:
        DecisionError: the period is closed already, has nothing published, or is not up to date.
    """
    state = _state(processed)
    if period in state.closed:
        raise DecisionError(f"{period} was closed by {state.closed[period].who}: {state.closed[period].why}")
    if period not in published:
        raise DecisionError(f"nothing is published of {period}", fix=f"choose one of {_span(published)}")
    if wanted.get(period) != published[period]:
        raise DecisionError(f"{period} has changes that are not published yet", fix="run `finance-platform run` first")
    versions = {"fact_financials": published[period]}
    return _enter(processed, PeriodStatusChanged("closed", period, *_words(author), versions=versions))


def reopen(processed: ObjectStore, period: str, author: Author) -> PeriodStatusChanged:
    """Open a closed period again; the caller holds the run's lock.

    Raises:
        DecisionError: the period is not closed.
    """
    state = _state(processed)
    if period not in state.closed:
        closed = ", ".join(sorted(state.closed)) or "none"
        raise DecisionError(f"{period} is not closed", fix=f"closed periods: {closed}")
    return _enter(processed, PeriodStatusChanged("reopened", period, *_words(author)))


def _state(processed: ObjectStore) -> DeliveryState:
    return derive_state(Register(processed).events(), read_commits(processed))


def _refuse_closed(processed: ObjectStore, state: DeliveryState, moved: LiveDelivery | InactiveDelivery) -> None:
    """Refuse to take out or in what has lines in closed periods, or hides lines of others there."""
    delivery = LiveDelivery(moved.event, moved.commit, ("", "", ""))  # what it hides at any place in the order
    key = delivery.event.object_key
    own = sorted({count.period for count in delivery.commit.periods} & state.closed.keys())
    if own:
        raise DecisionError(f"{key} has lines in {', '.join(own)}, closed periods", fix="reopen them first")
    overlaps = complete(processed, [*state.live, delivery], record=False)
    others = overlaps.overlapping(delivery.delivery_id)
    hidden = {period for other in others for _, period, _ in overlaps.shared(other, delivery.delivery_id).lines}
    hidden |= {period for _, period in covered_periods(delivery)}
    if restated := sorted(hidden & state.closed.keys()):
        found = f"{key} hides lines of other files in {', '.join(restated)}, closed periods"
        raise DecisionError(found, fix="reopen them first")


def _enter(processed: ObjectStore, event: _Event) -> _Event:
    Register(processed).append([event])
    return event


def _words(author: Author) -> tuple[str, str, str]:
    return author.who, author.why, utc_text(author.at)


def _find(object_key: str, among: Iterable[InactiveDelivery], what: str) -> InactiveDelivery:
    candidates = list(among)
    for stopped in candidates:
        if stopped.event.object_key == object_key:
            return stopped
    raise _unknown(object_key, f"is {what}", [stopped.event.object_key for stopped in candidates])


def _unknown(object_key: str, what: str, known: Iterable[str]) -> DecisionError:
    names = sorted(known)
    near = closest_match(object_key, names)
    hint = f"did you mean {near!r}?" if near else f"these are: {', '.join(names[:10]) or 'none'}"
    return DecisionError(f"no delivery of {object_key!r} {what}", fix=f"{hint} `finance-platform status` lists all")


def _span(periods: Iterable[str]) -> str:
    ordered = sorted(periods)
    return f"{ordered[0]} … {ordered[-1]}" if ordered else "none: run `finance-platform run` first"
