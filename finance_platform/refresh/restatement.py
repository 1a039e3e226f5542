"""Restatement: what leads from the figures that a close signed to those that are published now, with who and why.

Belongs here: the closes that signed something, the decision behind each step, the rows of the tables SignedClose and
RestatementStep. Does not belong here: the steps themselves (see `trace.roll_forward`), the views (see `sql/views`),
printing (see `cli.restatement`).

The rows follow from signatures, slices and the register, so they survive the warehouse, and a close that was followed
by a reopening and another close keeps its own steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from finance_platform.contracts.model import Contract, Versions
from finance_platform.contracts.star import FACT_FINANCIALS, RESTATEMENT_STEP, SIGNED_CLOSE
from finance_platform.deliveries.events import DecisionRecorded, Event, PeriodStatusChanged, select_decisions
from finance_platform.errors import DamagedObjectError, MissingRecordError
from finance_platform.slices.signatures import Signature, read_signature
from finance_platform.storage.port import ObjectStore
from finance_platform.trace.period_versions import has_changed_members, read_members, read_version
from finance_platform.trace.published_lines import LineStore
from finance_platform.trace.roll_forward import WITHDRAWN, RollForward, Source, Sums, roll_forward

SIGNED, NOW = "signed", "now"
_ACTIONS = {WITHDRAWN: ("withdrawn",)}
_COUNTING = ("accepted", "reinstated", "withdrawn")


@dataclass(frozen=True)
class SignedClose:
    """One close of a period that has a signature.

    Attributes:
        event_number: of its event in the register.
        event: the event.
        number: 1 for the period's first signed close.
        is_latest: whether the period was not signed again.
    """

    event_number: int
    event: PeriodStatusChanged
    number: int
    is_latest: bool

    @property
    def name(self) -> str:
        """The close as `--as-of` takes it, without its prefix."""
        return f"{self.event.period}#{self.number}"


@dataclass(frozen=True)
class Decided:
    """The decision behind a step.

    Attributes:
        event_number: of its event in the register.
        who: who decided.
        why: in the person's words.
        at: when; ISO 8601.
        action: what was decided.
    """

    event_number: int
    who: str
    why: str
    at: str
    action: str


@dataclass(frozen=True)
class Restatement:
    """A signed close, and what leads from its figures to those of now.

    Attributes:
        close: the close.
        steps: the roll-forward.
        decided: the decision behind each step that has one.
    """

    close: SignedClose
    steps: RollForward
    decided: Mapping[Source, Decided]


def signed_closes(events: Sequence[Event]) -> list[SignedClose]:
    """Return every close that signed something, oldest first; the periods of an opening are signed with it."""
    numbered = [
        (number, event)
        for number, event in select_decisions(events)
        if isinstance(event, PeriodStatusChanged) and event.signature
    ]
    latest = {event.period: number for number, event in numbered}
    counts: dict[str, int] = {}
    closes = []
    for number, event in numbered:
        counts[event.period] = counts.get(event.period, 0) + 1
        closes.append(SignedClose(number, event, counts[event.period], latest[event.period] == number))
    return closes


def restate(
    store: LineStore,
    closes: Sequence[SignedClose],
    events: Sequence[Event],
    published: Versions,
    *,
    all_of: bool = True,
) -> Iterator[Restatement]:
    """Yield what leads from signed figures to published ones.

    Args:
        store: the lines of every delivery.
        closes: the closes to compare.
        events: the register's.
        published: the version of each published slice, by table and slice.
        all_of: also closes whose figures are still published as signed.

    Raises:
        MissingRecordError, DamagedObjectError: what was signed or is published is no longer there.
    """
    signatures: dict[str, Signature] = {}
    for close in closes:
        name = close.event.signature
        if name not in signatures:
            signatures[name] = read_signature(store.processed, name)
        signed = signatures[name].versions
        if all_of or not _is_as_signed(store.processed, close.event.period, signed, published):
            before = read_version(store.processed, close.event.period, signed)
            after = read_version(store.processed, close.event.period, published)
            steps = roll_forward(store, before, after)
            if steps.steps or all_of:
                yield Restatement(
                    close, steps, {source: one for source in steps.steps if (one := decided(source, close, events))}
                )


def _is_as_signed(processed: ObjectStore, period: str, signed: Versions, published: Versions) -> bool:
    name = (FACT_FINANCIALS.name, period)
    if signed.get(name) != published.get(name):
        return False
    return not has_changed_members(read_members(processed, signed, period), read_members(processed, published, period))


def decided(source: Source, close: SignedClose, events: Sequence[Event]) -> Decided | None:
    """Return the last decision about the file of a step since the close; else the reopening that allowed the change."""
    files = set(source.object_key.split(", ")) if source.object_key else set[str]()
    actions = _ACTIONS.get(source.cause, _COUNTING)
    about_file = reopened = None
    for number, event in enumerate(events[close.event_number :], start=close.event_number + 1):
        if (
            isinstance(event, DecisionRecorded)
            and event.object_key in files
            and event.action in actions
            and _moves(event, close.event.period)
        ):
            about_file = Decided(number, event.who, event.why, event.at, event.action)
        elif isinstance(event, PeriodStatusChanged) and (event.period, event.action) == (
            close.event.period,
            "reopened",
        ):
            reopened = Decided(number, event.who, event.why, event.at, event.action)
    return about_file or reopened


def _moves(decision: DecisionRecorded, period: str) -> bool:
    """Return whether a decision is about lines of a period, and does not book them in a later one."""
    is_about = not decision.late_periods or period in decision.late_periods
    return is_about and all(period != closed for closed, _ in decision.bookings)


def restatement_tables(
    store: LineStore, events: Sequence[Event], published: Versions
) -> dict[Contract, list[dict[str, object]]]:
    """Return the rows of SignedClose and RestatementStep.

    A close whose signature or slices are damaged has no steps: `verify` names it, and nothing else waits for it.

    Args:
        store: the lines of every delivery.
        events: the register's.
        published: the version of each slice that is published, or about to be.
    """
    closes: list[dict[str, object]] = []
    steps: list[dict[str, object]] = []
    for close in signed_closes(events):
        try:
            closes.append(_close_row(close, read_signature(store.processed, close.event.signature)))
            for restatement in restate(store, [close], events, published, all_of=False):
                steps += rows_of(restatement)
        except (DamagedObjectError, MissingRecordError):
            continue
    return {SIGNED_CLOSE: closes, RESTATEMENT_STEP: steps}


def _close_row(close: SignedClose, signature: Signature) -> dict[str, object]:
    event = close.event
    return {
        "period": event.period,
        "close_number": close.number,
        "event_number": close.event_number,
        "closed_at": _moment(event.at),
        "closed_by": SIGNED_CLOSE.fit("closed_by", event.who) or "",
        "opening_of": event.opening_of or None,
        "is_latest": close.is_latest,
        "load_number": signature.load_number,
    }


def rows_of(restatement: Restatement) -> Iterator[dict[str, Any]]:
    """Yield the rows of a close: the signed figures, a step for each cause, the figures of now."""
    steps = restatement.steps
    parts: list[tuple[Source, Sums]] = [
        (Source(SIGNED), steps.signed),
        *steps.steps.items(),
        (Source(NOW), steps.now),
    ]
    close = restatement.close
    for number, (source, sums) in enumerate(parts):
        decided = restatement.decided.get(source)
        for group, money in sorted(sums.items()):
            yield {
                "period": close.event.period,
                "close_number": close.number,
                "step_number": number,
                "cause": source.cause,
                "object_key": RESTATEMENT_STEP.fit("object_key", source.object_key),
                "detail": RESTATEMENT_STEP.fit("detail", source.detail),
                "decision_number": decided.event_number if decided else None,
                "decided_by": RESTATEMENT_STEP.fit("decided_by", decided.who) if decided else None,
                "reason": RESTATEMENT_STEP.fit("reason", decided.why) if decided else None,
                "measure": group.measure,
                "scenario_name": group.scenario,
                "account_type": group.account_type,
                "category": group.category or None,
                "business_unit": group.business_unit or None,
                "amount": money.amount,
                "profit_effect": money.profit_effect,
            }


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return (moment.astimezone(UTC) if moment.tzinfo else moment).replace(tzinfo=None)
