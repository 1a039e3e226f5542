"""Decisions of people about deliveries, and their register events.

Belongs here: accept, withdraw, reinstate; each refuses a decision that would have no effect. Does not belong here:
decisions that are refused for what would follow (see `decision_refusals`), decisions about periods (see
`period_decisions`), whether another person must agree (see `approvals`), what follows from the events (see
`state_derivation`), when a delivery is held (see `acceptance`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from finance_platform.deliveries.approvals import Author, record_decision
from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.current_state import read_whole_state
from finance_platform.deliveries.decided_amounts import add_amounts, amounts_of_delivery
from finance_platform.deliveries.decision_errors import last_decision, no_such_delivery
from finance_platform.deliveries.decision_refusals import (
    refuse_booked_keys,
    refuse_closed,
    refuse_closed_with_missing,
    refuse_unloadable,
    refuse_wrong_bookings_after,
    would_change,
)
from finance_platform.deliveries.events import DecidedAmount, DecisionProposed, DecisionRecorded, DeliveryDiscovered
from finance_platform.deliveries.portions import Portion
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.state import DeliveryState, InactiveDelivery, LiveDelivery, has_effect, live_with
from finance_platform.deliveries.verdicts.booked_differences import (
    find_wrong_bookings,
    refuse_wrong_bookings,
    state_after,
)
from finance_platform.deliveries.verdicts.bookings import Booking, plan_decided_bookings, write_booking
from finance_platform.deliveries.verdicts.changed_lines import find_periods_with_other_lines
from finance_platform.errors import DecisionError
from finance_platform.safe_text import quote_name
from finance_platform.storage.port import ObjectStore


def accept(
    processed: ObjectStore, object_key: str, author: Author, periods: Collection[str] = ()
) -> DecisionRecorded | DecisionProposed:
    """Let a held delivery, or the late lines of one, count from the next run on; the caller holds the run's lock.

    As every decision it is only proposed if the author needs the approval of another person, who has not proposed it.

    Args:
        processed: the processed zone.
        object_key: the raw object.
        author: who decides.
        periods: of late lines, the periods that are meant; if there are none, the file if it waits as a whole, else
            all of its late lines.

    Raises:
        DecisionError: no delivery that can be accepted is held under that key, or its lines of a period do not wait.
    """
    return _record_acceptance(processed, author, plan_acceptance(processed, object_key, periods))


@dataclass(frozen=True)
class PlannedAcceptance:
    """An acceptance that no rule refuses; only its author can still be refused.

    Attributes:
        state: the deliveries before it.
        held: the delivery that it is about.
        late_periods: the periods whose late lines it is about; none if the whole delivery is.
        delivery: the delivery as it would count in its own periods; None if nothing is known of its lines.
        bookings: what it books in a later period.
    """

    state: DeliveryState
    held: InactiveDelivery
    late_periods: tuple[str, ...]
    delivery: LiveDelivery | None
    bookings: Sequence[Booking]


def plan_acceptance(
    processed: ObjectStore, object_key: str, periods: Collection[str] = (), *, is_booked_later: bool = False
) -> PlannedAcceptance:
    """Return an acceptance of a held delivery, or of its late lines, as a person may make it; nothing is written.

    A preview shows it and a decision records it, so what one refuses, the other does.

    Args:
        processed: the processed zone.
        object_key: the raw object.
        periods: of late lines, the periods that are meant; all that wait if there are none.
        is_booked_later: whether what would change closed periods is booked in the next open one.

    Raises:
        DecisionError: see `accept` and `book`.
    """
    state, held = _acceptable(processed, object_key, periods)
    late = _select_late(processed, held, periods)
    delivery, bookings, accepted = None, [], state.live
    if is_booked_later or held.would_count:
        delivery = _accepted(held, late)
        accepted = live_with(state.live, delivery)
        refuse_booked_keys(processed, state, accepted, object_key)
    if is_booked_later and delivery:
        bookings = plan_decided_bookings(processed, state, delivery, late)
    unsigned = ("", "", "")  # who, why and when; what follows from a decision does not depend on them
    decision = _event("accepted", held.event, unsigned, late_periods=late, bookings=bookings)
    if bookings:
        accepted = state_after(processed, decision, bookings).live
    if delivery:
        refuse_unloadable(processed, state, accepted, object_key, bookings)
    refuse_wrong_bookings_after(processed, state, decision, bookings)
    return PlannedAcceptance(state, held, late, delivery, bookings)


def _record_acceptance(
    processed: ObjectStore, author: Author, plan: PlannedAcceptance
) -> DecisionRecorded | DecisionProposed:
    for booking in plan.bookings:
        write_booking(processed, booking)
    held, late = plan.held, plan.late_periods
    amounts = amounts_of_delivery(processed, _commit_of(held, late), plan.state)
    decision = _event("accepted", held.event, author.signed, amounts, late_periods=late, bookings=plan.bookings)
    return record_decision(processed, author, decision, "accepted", decision.object_key)


def _acceptable(
    processed: ObjectStore, object_key: str, periods: Collection[str]
) -> tuple[DeliveryState, InactiveDelivery]:
    """Return what is held of an object: its late lines if periods are named, else the file if it waits as a whole."""
    state = read_whole_state(processed)
    late = [one for one in state.inactive if one.late and one.event.object_key == object_key]
    held = _find(processed, state, object_key, (late if periods else ()) or state.inactive, "held")
    if reason := _reason_against(state, held):
        alone = "".join(f"; `{_accept_alone(one)}` accepts its late lines alone" for one in late if one is not held)
        raise DecisionError(f"{quote_name(object_key)} {reason}", fix=held.fix + alone)
    return state, held


def _reason_against(state: DeliveryState, held: InactiveDelivery) -> str:
    """Return why a held delivery cannot be accepted; empty if it can."""
    if held.is_refused:
        return f"could not be read: {held.reason}"
    if any(held.commit.unaccounted):
        return f"is {held.reason}"
    if held.is_waiting:
        return f"cannot be published yet: {held.reason}"
    if held.would_count and not has_effect(held.would_count, state.live):
        return f"has nothing to publish: {held.reason}"
    return ""


def _accept_alone(held: InactiveDelivery) -> str:
    """Return the command that accepts late lines of a file that waits as a whole."""
    periods = " ".join(f"--period {period}" for period in held.late_periods)
    return f"finance-platform accept {quote_name(held.event.object_key)} {periods} --why TEXT"


def book(
    processed: ObjectStore, object_key: str, author: Author, periods: Collection[str] = ()
) -> DecisionRecorded | DecisionProposed:
    """Accept a delivery or its late lines, and book what would change closed periods in the next open one.

    Args:
        processed: the processed zone; the caller holds the run's lock.
        object_key: the raw object.
        author: who decides.
        periods: of late lines, the periods that are meant; all that wait if there are none.

    Raises:
        DecisionError: as for `accept`, and if no closed period would change, or lines of plans would be booked.
    """
    return _record_acceptance(processed, author, plan_acceptance(processed, object_key, periods, is_booked_later=True))


def _accepted(held: InactiveDelivery, late: Collection[str]) -> LiveDelivery:
    """Return a held delivery as it would count if it, or its late lines of some periods, were accepted.

    Raises:
        DecisionError: nothing of it would count.
    """
    whole = held.would_count
    if whole and late:
        whole = whole.restricted_to(Portion(without=whole.portion.without.union(held.late_periods).difference(late)))
    if whole is None:
        raise DecisionError(f"{quote_name(held.event.object_key)} has nothing to publish: {held.reason}", fix=held.fix)
    return whole


def withdraw_late_lines(
    processed: ObjectStore, object_key: str, author: Author, periods: Collection[str] = ()
) -> DecisionRecorded | DecisionProposed:
    """Drop the late lines of a delivery, whose others count; the caller holds the run's lock.

    Args:
        processed: the processed zone.
        object_key: the raw object.
        author: who decides.
        periods: the periods that are meant; all that wait if there are none.

    Raises:
        DecisionError: no lines of the object wait, or those of a period do not.
    """
    state = read_whole_state(processed)
    with_late = [one for one in state.inactive if one.late]
    held = _find(processed, state, object_key, with_late, "held for late lines")
    late = _select_late(processed, held, periods)
    amounts = amounts_of_delivery(processed, _commit_of(held, late), state)
    return _decide(processed, author, "withdrawn", held.event, amounts, late_periods=late)


def reinstate_late_lines(
    processed: ObjectStore, object_key: str, author: Author, periods: Collection[str] = ()
) -> DecisionRecorded | DecisionProposed:
    """Let late lines that were withdrawn wait again; the caller holds the run's lock.

    Args:
        processed: the processed zone.
        object_key: the raw object.
        author: who decides.
        periods: the periods that are meant; those of the last withdrawal if there are none.

    Raises:
        DecisionError: no late lines of the object are withdrawn, or those of a period are not.
    """
    state = read_whole_state(processed)
    latest_first = _latest_first(processed, (one for one in state.withdrawn if one.late))
    withdrawn = _find(processed, state, object_key, latest_first, "withdrawn for its late lines")
    late = _select_late(processed, withdrawn, periods)
    amounts = amounts_of_delivery(processed, _commit_of(withdrawn, late), state)
    return _decide(processed, author, "reinstated", withdrawn.event, amounts, late_periods=late)


def _select_late(processed: ObjectStore, held: InactiveDelivery, periods: Collection[str]) -> tuple[str, ...]:
    """Return the late periods that a decision is about; none if it is about a whole delivery.

    Raises:
        DecisionError: a period is not among those of the late lines, or is decided together with one that is not named.
    """
    late, name = held.late_periods, quote_name(held.event.object_key)
    if unknown := sorted(set(periods).difference(late)):
        fix = f"choose among {', '.join(late)}" if late else "leave out --period: the whole file waits"
        decided = last_decision(Register(processed).events(), held.event.object_key, unknown)
        text = f"no lines of {name} in {', '.join(unknown)} wait for a decision of their own"
        raise DecisionError(f"{text}{f'; {decided}' if decided else ''}", fix=fix)
    for group in held.late if periods else ():
        if 0 < len(set(group).intersection(periods)) < len(group):
            raise DecisionError(
                f"lines of {name} move between {' and '.join(group)}, or share vouchers or reversals",
                fix=f"decide about these periods together: {' '.join(f'--period {period}' for period in group)}",
            )
    return tuple(sorted(periods)) if periods else late


def _commit_of(held: InactiveDelivery, periods: Collection[str]) -> DeliveryCommit:
    """Return the commit of a delivery that does not count, or of its late lines in some periods."""
    return Portion(frozenset(periods)).of(held.commit) if periods else held.commit


def withdraw(
    processed: ObjectStore, object_key: str, author: Author, *, holds_closed_periods: bool = False
) -> DecisionRecorded | DecisionProposed:
    """Take an object's lines out from the next run on, or drop its held delivery; the caller holds the run's lock.

    Raises:
        DecisionError: the object has no delivery that counts or is held, or a closed period would change and
            `holds_closed_periods` is set.
    """
    state = read_whole_state(processed)
    live = [delivery for delivery in state.live if delivery.event.object_key == object_key]
    live_ids = {one.delivery_id for one in live if one.portion.only is None and not one.booked_from}
    # A delivery that counts as before a change of its descriptor is taken out, although it is held since then.
    held = [
        delivery
        for delivery in state.inactive
        if delivery.event.object_key == object_key and delivery.commit.delivery_id not in live_ids
    ]
    split = [delivery for delivery in live if delivery.portion.without and delivery.portion.only is None]
    if not held and split:
        return _withdraw_split(processed, state, split[0], author, holds_closed_periods=holds_closed_periods)
    if held:
        amounts = amounts_of_delivery(processed, held[0].commit, state)
        return _decide(processed, author, "withdrawn", held[0].event, amounts, keeps_earlier=True)
    missing = [event for event in state.missing if event.object_key == object_key]
    if missing and not live:
        refuse_closed_with_missing(state, object_key, holds_closed_periods=holds_closed_periods)
        return _decide(processed, author, "withdrawn", missing[0], leaves=_unjudged(processed, state, missing[0]))
    if not live:
        counting = [delivery.event.object_key for delivery in state.live]
        known = [*counting, *(delivery.event.object_key for delivery in state.inactive)]
        raise no_such_delivery(state, Register(processed).events(), object_key, "counts or is held", known)
    # Lines of another version that are booked later may come first in the order.
    subject = next((one for one in live if not one.booked_from), live[0])
    remaining = [delivery for delivery in state.live if delivery.event.object_key != object_key]
    if changed := find_periods_with_other_lines(
        processed, state.live, remaining, state.closed if holds_closed_periods else ()
    ):
        refuse_closed(processed, state, subject)
        # It has no lines there itself: these are bookings of its other versions, which go with it.
        raise would_change("without", object_key, changed)
    refuse_unloadable(processed, state, remaining, object_key)
    amounts = add_amounts(amounts_of_delivery(processed, one.commit, state) for one in live)
    leaves = _unjudged(processed, state, subject.event)
    return _decide(processed, author, "withdrawn", subject.event, amounts, leaves=leaves)


def _unjudged(processed: ObjectStore, state: DeliveryState, withdrawn: DeliveryDiscovered) -> str:
    """Return the newest delivery of a withdrawn one's object if no run has judged it yet; empty if there is none.

    The same bytes under the same rules, read again, are what the person withdraws (372).
    """
    unjudged = (*state.pending, *(one.event for one in state.awaiting_verdict))
    newest = next((one for one in unjudged if one.object_key == withdrawn.object_key), None)
    if newest is None or newest.delivery_id == withdrawn.delivery_id:
        return ""
    discovered = (one for one in Register(processed).events() if isinstance(one, DeliveryDiscovered))
    again = {one.delivery_id: one.reads_again for one in discovered if one.object_key == withdrawn.object_key}
    earlier = newest.reads_again
    while earlier and earlier != withdrawn.delivery_id:
        earlier = again.pop(earlier, "")
    return "" if earlier else newest.delivery_id


def _withdraw_split(
    processed: ObjectStore, state: DeliveryState, delivery: LiveDelivery, author: Author, *, holds_closed_periods: bool
) -> DecisionRecorded | DecisionProposed:
    """Take out a delivery that counts in some periods only; the object's earlier version counts everywhere again."""
    key = delivery.event.object_key
    decision = DecisionRecorded("withdrawn", key, delivery.event.delivery_id, *author.signed, keeps_earlier=True)
    after = state_after(processed, decision).live
    if changed := find_periods_with_other_lines(
        processed, state.live, after, state.closed if holds_closed_periods else ()
    ):
        raise would_change("without", key, changed)
    refuse_booked_keys(processed, state, after, key)
    refuse_unloadable(processed, state, after, key)
    amounts = add_amounts(
        amounts_of_delivery(processed, one.commit, state)
        for one in (delivery, *_bookings_of_one(key, state.live, after))
    )
    return _decide(processed, author, "withdrawn", delivery.event, amounts, keeps_earlier=True)


def _bookings_of_one(
    object_key: str, live: Iterable[LiveDelivery], other: Iterable[LiveDelivery]
) -> list[LiveDelivery]:
    """Return the lines of an object that are booked in a later period in one state, and not in another one."""
    elsewhere = {one.delivery_id for one in other}
    of_object = [one for one in live if one.booked_from and one.event.object_key == object_key]
    return [one for one in of_object if one.delivery_id not in elsewhere]


def reinstate(
    processed: ObjectStore, object_key: str, author: Author, *, holds_closed_periods: bool = False
) -> DecisionRecorded | DecisionProposed:
    """Undo an object's latest withdrawal from the next run on; the caller holds the run's lock.

    Raises:
        DecisionError: the object is not withdrawn, or a closed period would change and `holds_closed_periods` is set.
    """
    state = read_whole_state(processed)
    latest_first = _latest_first(processed, (one for one in state.withdrawn if not one.late))
    withdrawn = _find(processed, state, object_key, latest_first, "withdrawn")
    was_held = withdrawn.decision is not None and withdrawn.decision.keeps_earlier
    decision = DecisionRecorded("reinstated", object_key, withdrawn.event.delivery_id, *author.signed)
    state_then = state_after(processed, decision)
    after = state_then.live
    changed = find_periods_with_other_lines(processed, state.live, after, state.closed if holds_closed_periods else ())
    if changed and not was_held:
        refuse_closed(processed, state, withdrawn)
    amounts = amounts_of_delivery(processed, withdrawn.commit, state)
    if find_wrong_bookings(processed, state, state_then):
        if _newest(processed, object_key) != withdrawn.event.delivery_id:
            refuse_wrong_bookings(processed, state, state_then, object_key)
        # Until it has a verdict, and if it is held then, the same counts as now.
        return _decide(processed, author, "reinstated", withdrawn.event, amounts, is_judged_again=True)
    if changed:
        # A delivery that counted in part, or whose lines were booked, counts there again; the period was closed since.
        raise would_change("with", object_key, changed)
    refuse_unloadable(processed, state, after, object_key)
    own = [one for one in after if one.delivery_id == withdrawn.commit.delivery_id]
    if bookings := _bookings_of_one(object_key, after, state.live):
        # What is booked in a later period is not what the file has in the closed one.
        amounts = add_amounts(amounts_of_delivery(processed, one.commit, state) for one in (*own, *bookings))
    return _decide(processed, author, "reinstated", withdrawn.event, amounts)


def _latest_first(processed: ObjectStore, withdrawn: Iterable[InactiveDelivery]) -> list[InactiveDelivery]:
    """Return withdrawals, the last one first: in the register's order, since clocks of two machines may differ."""
    decisions = (event for event in Register(processed).events() if isinstance(event, DecisionRecorded))
    places = {decision: place for place, decision in enumerate(decisions)}
    return sorted(withdrawn, key=lambda one: places[one.decision] if one.decision else -1, reverse=True)


def _decide(
    processed: ObjectStore,
    author: Author,
    action: Literal["withdrawn", "reinstated"],
    delivery: DeliveryDiscovered,
    amounts: Sequence[DecidedAmount] = (),
    *,
    keeps_earlier: bool = False,
    late_periods: tuple[str, ...] = (),
    leaves: str = "",
    is_judged_again: bool = False,
) -> DecisionRecorded | DecisionProposed:
    event = _event(action, delivery, author.signed, amounts, keeps_earlier=keeps_earlier, late_periods=late_periods)
    event = replace(event, leaves=leaves, is_judged_again=is_judged_again)
    if action != "reinstated":  # that was looked at
        refuse_wrong_bookings_after(processed, read_whole_state(processed), event)
    return record_decision(processed, author, event, action, delivery.object_key)


def _event(
    action: Literal["accepted", "withdrawn", "reinstated"],
    delivery: DeliveryDiscovered,
    signed: tuple[str, str, str],
    amounts: Sequence[DecidedAmount] = (),
    *,
    keeps_earlier: bool = False,
    late_periods: tuple[str, ...] = (),
    bookings: Sequence[Booking] = (),
) -> DecisionRecorded:
    return DecisionRecorded(
        action,
        delivery.object_key,
        delivery.delivery_id,
        *signed,
        keeps_earlier=keeps_earlier,
        amounts=amounts,
        late_periods=late_periods,
        booked_in=bookings[0].period if bookings else "",
        bookings=tuple((one.closed_period, one.booking_id) for one in bookings),
    )


def _newest(processed: ObjectStore, object_key: str) -> str:
    """Return the delivery of an object that was discovered last."""
    found = (event for event in reversed(Register(processed).events()) if isinstance(event, DeliveryDiscovered))
    return next(event.delivery_id for event in found if event.object_key == object_key)


def _find(
    processed: ObjectStore,
    state: DeliveryState,
    object_key: str,
    deliveries: Sequence[InactiveDelivery],
    status: str,
) -> InactiveDelivery:
    for delivery in deliveries:
        if delivery.event.object_key == object_key:
            return delivery
    known = [delivery.event.object_key for delivery in deliveries]
    raise no_such_delivery(state, Register(processed).events(), object_key, f"is {status}", known)
