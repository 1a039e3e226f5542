"""Errors about decisions that apply to nothing: what is true of the file instead, and who decided it.

Two people may decide about one file, or one person twice, and a file may be sent again in the meantime. So an error
says what was attempted, what is found, and what is to be done then.

Belongs here: these errors. Does not belong here: which decisions are possible (see `decisions`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from finance_platform.deliveries.events import DecisionRecorded, Event, PeriodStatusChanged, select_discovered
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.state import DeliveryState
from finance_platform.errors import DecisionError
from finance_platform.feeds.values.codes import closest_match
from finance_platform.safe_text import quote_name
from finance_platform.storage.port import ObjectStore

_COUNTS = "`finance-platform withdraw {key} --why TEXT` takes it out"
_WITHDRAWN = "`finance-platform withdraw --undo {key} --why TEXT` takes it in again"
_HELD = "`finance-platform status` has its reason, and what decides about it"
_UNREAD = "run `finance-platform run` first"
_NAMES = 10


def no_such_delivery(
    state: DeliveryState, events: Iterable[Event], object_key: str, status: str, known: Iterable[str]
) -> DecisionError:
    """Return the error about an object that has no delivery of a status.

    Args:
        state: the deliveries.
        events: the register's events.
        object_key: the raw object.
        status: what was expected of it, a clause.
        known: the objects that have such a delivery.
    """
    text = f"no delivery of {object_key!r} {status}"
    if found := _find(state, object_key):
        condition, fix = found
        decision = last_decision(events, object_key)
        same = "if that is what you decide too, nothing is to be done; otherwise " if decision else ""
        return DecisionError(
            f"{text}: {condition}{f'; {decision}' if decision else ''}",
            fix=f"{same}{fix.format(key=quote_name(object_key))}",
        )
    names = sorted(set(known))
    match = closest_match(object_key, names)
    hint = f"choose one of {', '.join(names[:_NAMES])};" if names else f"no file {status};"
    hint = f"did you mean {match!r}?" if match else hint
    return DecisionError(text, fix=f"{hint} `finance-platform status` lists all")


def last_decision(events: Iterable[Event], object_key: str, periods: Collection[str] = ()) -> str:
    """Return the last decision about an object, or about its late lines of some periods, as a clause; else empty."""
    decisions = [
        event.description
        for event in events
        if isinstance(event, DecisionRecorded)
        and event.object_key == object_key
        and (not periods or not set(periods).isdisjoint(event.late_periods))
    ]
    return decisions[-1] if decisions else ""


def last_reopening(events: Iterable[Event], period: str) -> str:
    """Return who reopened a period last, when and why, as a clause; empty if it was never closed."""
    changes = [event for event in events if isinstance(event, PeriodStatusChanged) and event.period == period]
    last = changes[-1] if changes else None
    return f"{last.who} has reopened it on {last.at[:10]} (\u201c{last.why}\u201d)" if last else ""


def require_judged_content(raw: ObjectStore, processed: ObjectStore, object_key: str) -> None:
    """Raise DecisionError if a raw object has other bytes than its last delivery, about which people can decide.

    A file that is gone has been judged; its bytes are read only if its etag is another one.
    """
    events = select_discovered(Register(processed).events())
    last = next((event for event in reversed(events) if event.object_key == object_key), None)
    item = raw.find_objects({object_key}).get(object_key)
    if last is None or item is None or item.refusal or item.etag == last.etag:
        return
    if raw.fingerprint(object_key) != last.fingerprint:
        raise DecisionError(
            f"{quote_name(object_key)} was sent again with another content since it was judged, on {last.at[:10]}; "
            "the decision would be about the earlier one",
            fix="run `finance-platform run` first, then decide about what it says of the file",
        )


def _find(state: DeliveryState, object_key: str) -> tuple[str, str] | None:
    """Return what is true of an object, a clause, and what can be done; None if the register does not know it."""
    pending = (*state.pending, *(one.event for one in state.awaiting_verdict))
    if any(event.object_key == object_key for event in pending):
        return "a version of it is not read yet", _UNREAD
    for deliveries, condition, fix in (
        (state.inactive, "it is held", _HELD),
        (state.live, "it counts", _COUNTS),
        (state.withdrawn, "it is withdrawn", _WITHDRAWN),
    ):
        if any(one.event.object_key == object_key for one in deliveries):
            return condition, fix
    return None
