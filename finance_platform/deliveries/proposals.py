"""Proposals of decisions: which ones wait for a second person, with which command, and why another one has ended.

Belongs here: reading proposals in the register. Does not belong here: recording them (see `approvals`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from finance_platform.deliveries.events import (
    DecisionProposed,
    DecisionRecorded,
    Event,
    PeriodStatusChanged,
    select_decisions,
)
from finance_platform.deliveries.state import DeliveryState
from finance_platform.safe_text import quote_name

_EFFECTS = {
    "accepted": "is accepted",
    "withdrawn": "is withdrawn",
    "reinstated": "is no longer withdrawn",
    "closed": "is closed",
    "reopened": "is open again",
}
WAITS = "waits"
OTHER_FIGURES = "waits, but its figures have changed"
AGREED = "agreed"
ENDED = "ended"
_OTHER_FILE = "the file was replaced, or is read otherwise, since then"
_OTHER_FIGURES = (
    "the period is published with other figures or types of accounts since then, or was built again by another release"
)
_OTHER_GATES = "the gates that it waives, or what contradicts them, are others"


def subject_of(event: DecisionRecorded | PeriodStatusChanged | DecisionProposed) -> str:
    """Return what a decision is about: the path in the raw zone, or the period."""
    match event:
        case DecisionRecorded():
            return event.object_key
        case PeriodStatusChanged():
            return event.period
        case DecisionProposed():
            return event.subject


def content_of(proposal: DecisionProposed) -> tuple[object, ...]:
    """Return what two people must agree on; a file that was replaced meanwhile is another one.

    A period whose accounts have other types has other figures, although its lines are the same.
    """
    of_lines = proposal.late_periods, proposal.booked_in
    by_type = tuple(proposal.amounts) if proposal.action == "closed" else ()
    of_period = dict(proposal.versions), by_type, dict(proposal.waived)
    return proposal.action, proposal.subject, proposal.delivery_id, *of_period, *of_lines


def command_of(proposal: DecisionProposed) -> str:
    """Return the command with which another person makes the decision; every option that it needs is in it."""
    name = quote_name(proposal.subject)
    periods = [f"--period {period}" for period in proposal.late_periods]
    match proposal.action:
        case "closed":
            words = ["close", name, *(f"--waive {gate}" for gate in sorted(proposal.waived))]
        case "reopened":
            words = ["reopen", name]
        case "accepted":
            words = ["accept", name, *(["--in-next-open-period"] if proposal.booked_in else []), *periods]
        case _:
            undo = ["--undo"] if proposal.action == "reinstated" else []
            words = ["withdraw", *undo, *(["--late-lines", *periods] if periods else []), name]
    return f"finance-platform {' '.join(words)} --why TEXT"


def effect_of(proposal: DecisionProposed) -> str:
    """Return what the decision would do to its subject, as a clause."""
    late = f" for its late lines of {', '.join(proposal.late_periods)}" if proposal.late_periods else ""
    booked = f", and booked in {proposal.booked_in}" if proposal.booked_in else ""
    return f"{_EFFECTS[proposal.action]}{late}{booked}"


def open_proposals(
    events: Iterable[Event], state: DeliveryState, published: Mapping[str, str]
) -> list[DecisionProposed]:
    """Return the proposals that another person can still agree to, oldest first.

    Args:
        events: every event of the register.
        state: the deliveries, and which periods are closed.
        published: the published version of each period's fact slice.
    """
    last = last_decisions(events)
    return [one for one in last if isinstance(one, DecisionProposed) and _is_possible(one, state, published)]


def last_decisions(events: Iterable[Event]) -> list[DecisionRecorded | PeriodStatusChanged | DecisionProposed]:
    """Return the last decision or proposal about each file and period, in the order of these events."""
    last: dict[str, DecisionRecorded | PeriodStatusChanged | DecisionProposed] = {}
    for _, event in select_decisions(events):
        # At its end, so that the order is that of the newest about each subject.
        last.pop(subject_of(event), None)
        last[subject_of(event)] = event
    return list(last.values())


def outcomes(events: Iterable[Event], last: Mapping[str, str]) -> dict[int, str]:
    """Return, by the number of its event, what became of each proposal: a state of `last`, AGREED or ENDED.

    Args:
        events: every event of the register.
        last: by subject, the state of a proposal that is the last event about it.
    """
    found: dict[int, str] = {}
    numbers: dict[str, int] = {}
    proposals: dict[str, DecisionProposed] = {}
    for number, event in select_decisions(events):
        subject = subject_of(event)
        if (earlier := proposals.pop(subject, None)) is not None:
            found[numbers[subject]] = AGREED if _agrees(event, earlier) else ENDED
        if isinstance(event, DecisionProposed):
            numbers[subject], proposals[subject] = number, event
    return found | {numbers[subject]: last[subject] for subject in proposals}


def _agrees(event: DecisionRecorded | PeriodStatusChanged | DecisionProposed, proposal: DecisionProposed) -> bool:
    """Return whether an event is the decision of a second person; a close of a later period is none of this one."""
    if isinstance(event, DecisionProposed) or event.action != proposal.action:
        return False
    is_entailed = isinstance(event, PeriodStatusChanged) and bool(event.opening_of)
    return bool(event.prepared_by) and not is_entailed


def _is_possible(proposal: DecisionProposed, state: DeliveryState, published: Mapping[str, str]) -> bool:
    """Return whether the file still is in the version, or the period has the figures, that the proposal is about."""
    match proposal.action:
        case "closed":
            versions = {"fact_financials": published.get(proposal.subject, "")}
            return proposal.subject not in state.closed and dict(proposal.versions) == versions
        case "reopened":
            return proposal.subject in state.closed
        case "reinstated":
            return any(one.event.delivery_id == proposal.delivery_id for one in state.withdrawn)
        case "accepted":
            return any(one.event.delivery_id == proposal.delivery_id for one in state.inactive)
        case _:
            of_deliveries = (*(one.event for one in state.inactive), *(one.event for one in state.live))
            return any(one.delivery_id == proposal.delivery_id for one in (*of_deliveries, *state.missing))


def explain_ended(events: Sequence[Event], proposal: DecisionProposed) -> str:
    """Return which earlier proposal about the same subject a new one ends, and why it was not the same, else empty.

    Args:
        events: every event of the register, up to the new proposal at least.
        proposal: the new one.
    """
    place = max(place for place, event in enumerate(events) if event == proposal)
    for event in reversed(events[:place]):
        if not isinstance(event, DecisionRecorded | PeriodStatusChanged | DecisionProposed):
            continue
        if subject_of(event) != proposal.subject:
            continue
        if not isinstance(event, DecisionProposed):
            return ""
        return f"It ends what {event.who} has proposed on {event.at[:10]}: {_difference(event, proposal)}."
    return ""


def _difference(earlier: DecisionProposed, proposal: DecisionProposed) -> str:
    """Return in what two proposals about one subject differ, as a clause."""
    if command_of(earlier) != command_of(proposal):
        return f"that was `{command_of(earlier)}`"
    if earlier.delivery_id != proposal.delivery_id:
        return _OTHER_FILE
    return _OTHER_GATES if dict(earlier.waived) != dict(proposal.waived) else _OTHER_FIGURES
