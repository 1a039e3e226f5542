"""What a decision about a delivery must not do: change closed periods, let nothing be loaded, book wrongly.

Belongs here: refusing a decision for what would follow from it. Does not belong here: decisions and those that have no
effect (see `decisions`), what the other deliveries are (see `decision_errors`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from finance_platform.deliveries.decision_errors import last_decision
from finance_platform.deliveries.events import DecisionRecorded
from finance_platform.deliveries.members.account_types import AccountTypes
from finance_platform.deliveries.members.merged_codes import find_merged_codes
from finance_platform.deliveries.overlaps import compute_candidate_overlaps, compute_overlaps
from finance_platform.deliveries.portions import WHOLE
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.state import (
    DeliveryState,
    InactiveDelivery,
    LiveDelivery,
    covered_periods,
    replaces_periods,
)
from finance_platform.deliveries.verdicts.booked_differences import refuse_wrong_bookings, state_after
from finance_platform.deliveries.verdicts.bookings import Booking, find_kept_keys, find_shared_keys
from finance_platform.deliveries.verdicts.cell_sums import find_overflows
from finance_platform.deliveries.verdicts.live_deliveries import LiveDeliveries
from finance_platform.errors import DecisionError
from finance_platform.safe_text import quote_name
from finance_platform.storage.port import ObjectStore


def refuse_closed(processed: ObjectStore, state: DeliveryState, subject: LiveDelivery | InactiveDelivery) -> None:
    """Refuse to withdraw or reinstate a delivery that affects closed periods, wherever it is in the order."""
    portion = subject.portion if isinstance(subject, LiveDelivery) else WHOLE
    delivery = LiveDelivery(subject.event, subject.commit, ("", (0, ""), ""), portion=portion)
    key = delivery.event.object_key
    own = sorted({count.period for count in delivery.commit.periods} & state.closed.keys())
    if own:
        # Another person may have accepted it a moment ago.
        decided = last_decision(Register(processed).events(), key) if isinstance(subject, LiveDelivery) else ""
        text = f"{quote_name(key)} has lines in {_closed(own)}{f'; {decided}' if decided else ''}"
        raise DecisionError(text, fix=_reopen(own))
    overlaps = compute_overlaps(processed, [*state.live, delivery])
    others = overlaps.overlapping(delivery.delivery_id)
    periods = {period for other in others for _, period, _ in overlaps.overlap(other, delivery.delivery_id).lines}
    periods |= {period for _, period in covered_periods(delivery)}
    if restated := sorted(period for period in periods & state.closed.keys() if period in portion):
        message = f"{quote_name(key)} supersedes lines of other files in {_closed(restated)}"
        raise DecisionError(message, fix=_reopen(restated))


def refuse_closed_with_missing(state: DeliveryState, object_key: str, *, holds_closed_periods: bool) -> None:
    """Refuse to withdraw a delivery whose commit is lost while periods are closed: its periods are not known."""
    if holds_closed_periods and state.closed:
        raise DecisionError(
            f"the record of {object_key} is lost, so it may have lines in {_closed(state.closed)}",
            fix=f"put the file with its earlier content back and run, or {_reopen(state.closed)}",
        )


def would_change(preposition: Literal["with", "without"], object_key: str, periods: Sequence[str]) -> DecisionError:
    """Return the error about a decision that would change closed periods."""
    message = f"{preposition} {quote_name(object_key)}, {', '.join(periods)}, closed, would have other lines"
    return DecisionError(message, fix=_reopen(periods))


def refuse_booked_keys(
    processed: ObjectStore, state: DeliveryState, after: Sequence[LiveDelivery], object_key: str
) -> None:
    """Refuse a decision that lets lines of an object count of which other files have keys that are booked later."""
    for one in after if state.all_effective else ():
        if one.event.object_key != object_key:
            continue
        # Not beside `after`, which has the files of booked lines without these.
        of_all = compute_candidate_overlaps(processed, state.effective, one)
        effective = LiveDeliveries(state.effective, of_all)
        shared = find_shared_keys(effective, of_all, one, with_bookings=True)
        if not shared:
            of_published = compute_candidate_overlaps(processed, state.live, one)
            shared = find_kept_keys(LiveDeliveries(state.live, of_published), effective, of_published, one)
        if shared:
            shares = "replaces periods" if replaces_periods(one) else "has keys"
            raise DecisionError(
                f"{quote_name(object_key)} {shares} of {quote_name(shared)}, whose late lines are booked later",
                fix="withdraw that file first, or send the lines in it",
            )


def refuse_unloadable(
    processed: ObjectStore,
    state: DeliveryState,
    after: Sequence[LiveDelivery],
    object_key: str,
    planned: Sequence[Booking] = (),
) -> None:
    """Refuse a decision after which nothing could be loaded.

    Args:
        processed: the processed zone.
        state: the deliveries before the decision.
        after: those that count after it.
        object_key: what it is about.
        planned: the bookings among them, which may not be written yet.

    Raises:
        DecisionError: a sum would be too large, two codes would be one member, or an account would have no type.
    """
    if merged := find_merged_codes(processed, state.live, after):
        raise DecisionError(
            f"with this decision about {quote_name(object_key)}, {merged[0]}, so their amounts could not be separated",
            fix="give one of these codes another one by `map` in `columns` of its feed's descriptor",
        )
    types = AccountTypes(processed)
    overlaps = compute_overlaps(processed, state.live) | compute_overlaps(processed, after)
    if sums := find_overflows(processed, overlaps, types, state.live, after, planned, state.closed.keys()):
        raise DecisionError(
            f"with this decision about {quote_name(object_key)}, sums would be too large for the warehouse: {sums[0]}",
            fix="decide first about the other files with lines there, or correct the amounts",
        )
    untyped = types.newly_untyped(state.live, after)
    if untyped:
        needs = "; ".join(
            f"{', '.join(sorted(numbers))} in {quote_name(key)}" for key, numbers in sorted(untyped.items())
        )
        raise DecisionError(
            f"with this decision about {quote_name(object_key)}, accounts of debits and credits would have no type: "
            f"{needs}",
            fix="give these accounts a type in an accounts file and run first, or withdraw the files that need it",
        )


def refuse_wrong_bookings_after(
    processed: ObjectStore, state: DeliveryState, event: DecisionRecorded, bookings: Sequence[Booking] = ()
) -> None:
    """Refuse a decision after which what is booked later is not what closed periods lack; see `booked_differences`."""
    if state.all_effective or bookings:  # else nothing is booked
        after = state_after(processed, event, bookings)
        refuse_wrong_bookings(processed, state, after, event.object_key, bookings)


def _closed(periods: Collection[str]) -> str:
    """Return closed periods by name."""
    return f"{', '.join(sorted(periods))}, {'a closed period' if len(periods) == 1 else 'closed periods'}"


def _reopen(periods: Collection[str]) -> str:
    return "reopen it first" if len(periods) == 1 else "reopen them first"
