"""The events of the register: what was discovered, what was judged, and what people decided or proposed.

Belongs here: what an event says, and selecting events by what they are about. Does not belong here: how events are
stored (see `register`) and linked (see `event_chain`), what follows from them (see `state_derivation`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from finance_platform.deliveries.hold_kinds import ENDING_KINDS, TOLERANCE, WAITING_KINDS
from finance_platform.feeds.resolved import LoadMode
from finance_platform.storage.immutable_documents import derive_once


@dataclass(frozen=True, slots=True)
class DeliveryDiscovered:
    """A version of a raw object was discovered under the current reading rules.

    Attributes:
        object_key: path in the raw zone.
        feed: the feed that reads it.
        kind: ledger, departments, accounts or lookup.
        delivery_id: identity of the delivery.
        fingerprint: SHA-256 of the bytes.
        etag: the listing's etag; an object with the same etag is not read again.
        size: in bytes.
        modified_at: the object's own time, ISO 8601 UTC.
        load_mode: the effect of the delivery on the feed's earlier ones.
        tolerated_share: share of candidate lines that may be rejected before the delivery is held, a decimal.
        tolerated_amount: sum of absolute amounts that may be rejected, a decimal, or None for any.
        at: the time of discovery, ISO 8601 UTC.
        run_id: the run that discovered it.
        is_scoped: whether the delivery replaces its periods only within the values of the feed's scope.
        order: the order value in the name, as text that sorts; empty if the feed has no such rule.
        tolerated_removal: share of a department's live lines in a scenario and period that it may remove before it is
            held, or None for all.
        is_held_when_late: whether it is held, instead of only a warning, if it sorts before one that it overlaps.
        late_lines: what becomes of lines that would change a closed period: hold, next_open_period or publish; empty
            for what the home does.
        reads_again: the delivery of the same bytes under the same rules of the descriptor that it is instead of, since
            a later release, other rows that it looks up or other amounts that it is spread like may give other lines;
            empty if there is none.
        rules: the identity of the descriptor's rules, if its own identity is also of rows that it looks up or of
            amounts that it is spread like; else empty.
        keyed_by: the fields of the feed's key or scope, separated by blanks; empty if it has neither.
    """

    object_key: str
    feed: str
    kind: str
    delivery_id: str
    fingerprint: str
    etag: str
    size: int
    modified_at: str
    load_mode: LoadMode
    tolerated_share: str
    tolerated_amount: str | None
    at: str
    run_id: str
    is_scoped: bool = False
    order: str = ""
    tolerated_removal: str | None = "0.5"
    is_held_when_late: bool = False
    late_lines: str = ""
    reads_again: str = ""
    rules: str = ""
    keyed_by: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The platform's verdict on a delivery that was read: it counts, or it is held.

    Attributes:
        object_key: path in the raw zone.
        delivery_id: the delivery.
        at: when, ISO 8601 UTC.
        run_id: the run that evaluated it.
        reasons: why it is held, each a clause; empty if it counts.
        fix: what to do about a held delivery.
        is_final: whether it can never be accepted.
        warnings: messages about a delivery that counts.
        smaller: the periods in which it has much less than what it replaces, each with a message.
        kinds: the kind of each reason, without repetition.
        restates: the closed periods that a delivery would restate.
        late: the periods whose lines wait although the rest of the delivery counts, in groups that are decided
            together; none if the delivery counts or is held as a whole.
        booked: the periods of which it repeats the lines of an earlier version that are booked in a later period.
        booked_in: the period in which what would change closed periods is booked, since its feed says so; else empty.
        bookings: each of these closed periods, and a delivery that has booked lines of it.
        rejudges: the periods whose lines waited and that it judges again, since a closed one was opened; it says
            nothing about the delivery's other lines. None if it is about the whole delivery.
        continues: the earlier reading of the same bytes with the same lines, which counts: what was decided about that
            one is in force for this one; empty if there is none.
        moved: by closed period and scenario, the net and the gross amount that would move, decimals as text, sign as
            delivered.
        is_new_split: whether the lines in `late` were judged, so that they wait whatever was decided before about the
            same periods; false if the verdict repeats the one before.
    """

    object_key: str
    delivery_id: str
    at: str
    run_id: str
    reasons: tuple[str, ...] = ()
    fix: str = ""
    is_final: bool = False
    warnings: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    restates: tuple[str, ...] = ()
    late: tuple[tuple[str, ...], ...] = ()
    booked: tuple[str, ...] = ()
    booked_in: str = ""
    bookings: tuple[tuple[str, str], ...] = ()
    rejudges: tuple[str, ...] = ()
    smaller: tuple[tuple[str, str], ...] = ()
    continues: str = ""
    moved: tuple[tuple[str, str, str, str], ...] = ()
    is_new_split: bool = False

    def is_accepted_by(self, accepted: Collection[str]) -> bool:
        """Return whether an earlier acceptance covers the verdict.

        It covers reasons that depend on the content alone. Whether a delivery removes much, repeats another or restates
        a closed period depends on the other deliveries at that time, so a person decides each time.
        """
        return set(self.kinds) == {TOLERANCE} and TOLERANCE in accepted and not self.is_final

    @property
    def is_waiting(self) -> bool:
        """Whether the delivery waits for other deliveries, so that no person can accept it."""
        return not WAITING_KINDS.isdisjoint(self.kinds)

    @property
    def may_end(self) -> bool:
        """Whether other deliveries can end the hold, so that each run evaluates the delivery again."""
        return not ENDING_KINDS.isdisjoint(self.kinds)

    @property
    def is_held(self) -> bool:
        """Whether the delivery as a whole does not count until a person accepts it."""
        return bool(self.reasons) and not self.late


@dataclass(frozen=True, slots=True)
class DecidedAmount:
    """The money that a decision is about, in one scenario, account type and unit; amounts are decimals as text.

    Attributes:
        scenario: its name.
        account_type: the type of the accounts; empty if it is not known.
        unit: the foreign currency; empty for the home's own, or for what is counted on statistical accounts.
        rows: ledger lines, or cells of a closed period.
        net: the signed sum.
        gross: the sum of the lines' absolute amounts; empty if it is not known.
    """

    scenario: str
    account_type: str
    unit: str
    rows: int
    net: str
    gross: str = ""


@dataclass(frozen=True)
class DecisionRecorded:
    """A person's decision about a delivery.

    Attributes:
        action: accepted (a held delivery counts), withdrawn (it no longer counts) or reinstated (withdrawal undone).
        object_key: path in the raw zone.
        delivery_id: the object's delivery at the time of the decision.
        keeps_earlier: of a withdrawal: the delivery was held, so the object's earlier version still counts.
        who: the person's user name.
        why: in their words.
        at: when, ISO 8601 UTC.
        identified_by: how the person is known, see `Author`; empty if nothing proves it.
        proof: identity of the proof, which counts once; empty if there is none.
        prepared_by: who proposed it, if two people had to agree.
        amounts: the accepted lines of the delivery.
        late_periods: the periods of a decision about lines that wait, or have waited, although the rest of the delivery
            counts; none if it is about the whole delivery.
        booked_in: of an acceptance, the period in which what would change closed periods is booked instead; else empty.
        bookings: each of these closed periods, and the delivery that has the booked lines.
        leaves: of a withdrawal of what counts: the object's newest delivery, if no run had judged it yet; the next run
            judges it, and it may count. Empty if there was none.
        is_judged_again: of a reinstatement: whether the next run judges the delivery as a new one, since what is booked
            of it is not the difference to what counts by now.
    """

    action: Literal["accepted", "withdrawn", "reinstated"]
    object_key: str
    delivery_id: str
    who: str
    why: str
    at: str
    keeps_earlier: bool = False
    identified_by: str = ""
    proof: str = ""
    prepared_by: str = ""
    amounts: Sequence[DecidedAmount] = ()
    late_periods: tuple[str, ...] = ()
    booked_in: str = ""
    bookings: tuple[tuple[str, str], ...] = ()
    leaves: str = ""
    is_judged_again: bool = False

    @property
    def description(self) -> str:
        """Who decided what, when and why, as a clause."""
        lines = f"the lines of {', '.join(self.late_periods)}" if self.late_periods else "it"
        return f"{self.who} has {self.action} {lines} on {self.at[:10]} (\u201c{self.why}\u201d)"


@dataclass(frozen=True)
class PeriodStatusChanged:
    """A period was closed or reopened.

    Attributes:
        action: closed or reopened.
        period: YYYY-MM.
        versions: of a closing: the published version of the fact slice, by table.
        who: the person's user name.
        why: in their words.
        at: when, ISO 8601 UTC.
        identified_by: see `DecisionRecorded`, as the fields after it.
        amounts: what was published in the period when it was closed, sign of the star.
        waived: of a closing: what contradicted each gate that the person waived, by its name.
        opening_of: of a closing that came with the home's first one: the period that was closed; else empty.
        signature: of a closing: the name of the document of what it signed.
    """

    action: Literal["closed", "reopened"]
    period: str
    who: str
    why: str
    at: str
    versions: Mapping[str, str] = field(default_factory=dict)
    identified_by: str = ""
    proof: str = ""
    prepared_by: str = ""
    amounts: Sequence[DecidedAmount] = ()
    waived: Mapping[str, str] = field(default_factory=dict)
    opening_of: str = ""
    signature: str = ""


@dataclass(frozen=True)
class DecisionProposed:
    """A decision that takes effect only when another person makes it too.

    Attributes:
        action: of the decision.
        subject: the path in the raw zone, or the period.
        delivery_id: the delivery; empty for a period.
        who: the person's user name.
        why: in their words.
        at: when, ISO 8601 UTC.
        identified_by: see `DecisionRecorded`, as the fields after it.
        versions: of a closing: see `PeriodStatusChanged`.
        late_periods: see `DecisionRecorded`, as the field after it.
        waived: of a closing: see `PeriodStatusChanged`.
    """

    action: Literal["accepted", "withdrawn", "reinstated", "closed", "reopened"]
    subject: str
    delivery_id: str
    who: str
    why: str
    at: str
    identified_by: str = ""
    proof: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    amounts: Sequence[DecidedAmount] = ()
    late_periods: tuple[str, ...] = ()
    booked_in: str = ""
    waived: Mapping[str, str] = field(default_factory=dict)


DecisionEvent = DecisionRecorded | PeriodStatusChanged | DecisionProposed
Event = DeliveryDiscovered | Verdict | DecisionEvent


def select_discovered(events: Iterable[Event]) -> Sequence[DeliveryDiscovered]:
    """Return the discovered deliveries among events, oldest first; divided once for those that a register returned."""
    return _divide_once(events).discovered


def select_decisions(events: Iterable[Event]) -> Sequence[tuple[int, DecisionEvent]]:
    """Return what people decided or proposed, oldest first, each with its number among the events, from one on."""
    return _divide_once(events).decisions


def select_withdrawn(events: Iterable[Event]) -> set[str]:
    """Return the deliveries that people withdrew as a whole, whether these counted or were held."""
    withdrawn = set[str]()
    for _, event in select_decisions(events):
        if isinstance(event, DecisionRecorded) and not event.late_periods:
            if event.action == "withdrawn":
                withdrawn.add(event.delivery_id)
            elif event.action == "reinstated":
                withdrawn.discard(event.delivery_id)
    return withdrawn


class _Divided(NamedTuple):
    """Events by what they are about: thousands of deliveries have few decisions."""

    discovered: Sequence[DeliveryDiscovered]
    decisions: Sequence[tuple[int, DecisionEvent]]


def _divide_once(events: Iterable[Event]) -> _Divided:
    # No tuple ever changes, and a register returns the same one as long as no document has changed.
    return derive_once("divided events", (events,), _divide) if isinstance(events, tuple) else _divide(events)


def _divide(events: Iterable[Event]) -> _Divided:
    discovered: list[DeliveryDiscovered] = []
    decisions: list[tuple[int, DecisionEvent]] = []
    for number, event in enumerate(events, start=1):
        if isinstance(event, DeliveryDiscovered):
            discovered.append(event)
        elif not isinstance(event, Verdict):
            decisions.append((number, event))
    return _Divided(discovered, decisions)


def utc_text(moment: datetime) -> str:
    """Return a UTC moment as ISO 8601 text with microseconds, which sorts by time."""
    return moment.isoformat(timespec="microseconds")
