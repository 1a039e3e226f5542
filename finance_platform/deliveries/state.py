"""Deliveries as a state has them: those that count, and why others do not; what a delivery covers and replaces.

Belongs here: the values, and functions of a few of them. Does not belong here: how they follow from the register (see
`state_derivation`), when a delivery is held (see `acceptance`), versions of slices (see `slices`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.events import DecisionRecorded, DeliveryDiscovered, PeriodStatusChanged, Verdict
from finance_platform.deliveries.header_changes import HeaderChange
from finance_platform.deliveries.portions import WHOLE, Portion
from finance_platform.errors import LostDeliveryError
from finance_platform.feeds.values.codes import fold
from finance_platform.safe_text import quote_name

MASTER_DATA = ("departments", "accounts")
"""The kinds of feeds that describe members of a dimension."""

FirstSeen = tuple[int, str]
"""When an object's content was first seen: the number of the run's scan in the register, and the object's own time."""

Position = tuple[str, FirstSeen, str]
"""A delivery's place in the defined order: its order value, when its content was first seen, its key.

The register's order says which content was seen first, whatever the clocks of machines and files say. The objects' own
times decide only among contents that one run has found.
"""


@dataclass(frozen=True, slots=True)
class LiveDelivery:
    """A delivery whose lines count, or may count after its verdict.

    Attributes:
        event: the register's event.
        commit: the result of reading it, with the figures of the lines that count.
        position: its place in the defined order; of conflicting deliveries the last one wins.
        verdict: the last verdict, if there is one.
        accepted: the kinds of reasons to hold it that a person accepted.
        portion: the periods whose lines count.
        booked: of a delivery in `DeliveryState.effective`, the periods of which its lines are booked in a later one.
        bookings: of a delivery in `DeliveryState.effective`, all lines of its object that are booked in a later period.
        booked_from: of lines that are booked in a later period, the closed period that they concern; else empty.
        late: of a delivery that counts in part, the periods whose lines waited and are judged again, in groups.
        commit_of_all: of a delivery that counts in part, its commit with the figures of all its lines; else None.
    """

    event: DeliveryDiscovered
    commit: DeliveryCommit
    position: Position
    verdict: Verdict | None = None
    accepted: frozenset[str] = frozenset()
    portion: Portion = WHOLE
    booked: frozenset[str] = frozenset()
    bookings: frozenset[str] = frozenset()
    booked_from: str = ""
    late: tuple[tuple[str, ...], ...] = ()
    commit_of_all: DeliveryCommit | None = None

    @property
    def delivery_id(self) -> str:
        """The delivery's identity."""
        return self.commit.delivery_id

    def restricted_to(self, portion: Portion) -> LiveDelivery | None:
        """Return the delivery if only a portion of its lines counts; None if the portion has no period.

        What a file has beside its lines stays with the portion that is not of certain periods only. A delivery without
        lines in the periods that are left to it is live too: only its record says that it has none.
        """
        if portion == self.portion:
            return self
        if portion.only is not None and not portion.only.difference(portion.without):
            return None
        commit_of_all = self.commit_of_all or self.commit
        return replace(self, commit=portion.of(self.commit), portion=portion, commit_of_all=commit_of_all)

    def booked_later(self, commit: DeliveryCommit, period: str) -> LiveDelivery:
        """Return lines of its object that are booked in a later period than the closed one that they concern.

        Args:
            commit: of these lines.
            period: the closed period.
        """
        event = replace(self.event, delivery_id=commit.delivery_id, load_mode="append", is_scoped=False)
        return LiveDelivery(event, commit, self.position, booked_from=period)

    def joined_with(self, portion: Portion) -> LiveDelivery:
        """Return the delivery if the lines of another portion of it count too."""
        whole = replace(self, commit=self.commit_of_all or self.commit, portion=WHOLE, commit_of_all=None)
        return whole.restricted_to(self.portion.joined_with(portion)) or self

    def with_late_lines(self) -> LiveDelivery:
        """Return it with all of its lines, unless a newer version has left some periods to it."""
        if self.portion.only is not None:
            return self
        return replace(self, commit=self.commit_of_all or self.commit, portion=WHOLE, commit_of_all=None)

    def staying_in(self, periods: Collection[str]) -> LiveDelivery | None:
        """Return what remains of it if a newer version of its object counts everywhere but in some periods."""
        if self.booked_from:
            return self if self.booked_from in periods else None
        return self.restricted_to(self.portion.within(periods)) if periods else None


@dataclass(frozen=True, slots=True)
class InactiveDelivery:
    """A delivery that was read and does not count: held, refused or withdrawn; or those of its lines that do not.

    Attributes:
        event: the register's event.
        commit: the result of reading it, with the figures of the lines that do not count.
        reason: why it does not count.
        fix: what to do about it.
        decision: the withdrawal, if it is withdrawn.
        would_count: the delivery as it would count if it were accepted or reinstated; None if it was refused.
        is_waiting: whether it waits for other deliveries, so that it cannot be accepted.
        late: the periods whose lines do not count although the rest of the delivery does, in groups that are decided
            together; none if the whole delivery does not count.
        reopened: the periods that were closed when it was held and are open by now; the next run judges it again.
    """

    event: DeliveryDiscovered
    commit: DeliveryCommit
    reason: str
    fix: str
    decision: DecisionRecorded | None = None
    would_count: LiveDelivery | None = None
    is_waiting: bool = False
    late: tuple[tuple[str, ...], ...] = ()
    reopened: tuple[str, ...] = ()

    @property
    def late_periods(self) -> tuple[str, ...]:
        """The periods of `late`, in order."""
        return tuple(sorted(period for group in self.late for period in group))

    @property
    def is_refused(self) -> bool:
        """Whether the file as a whole could not be read."""
        return self.commit.status == "refused"


@dataclass(frozen=True, slots=True)
class EarlierReading:
    """A delivery that counts, of which another one is the same bytes under the same rules, read again.

    Attributes:
        event: the discovery as which it counts.
        commit: the result of reading it, with all its lines.
        verdict: the verdict about its late lines, else the last one.
        uncounted: the periods in which the object's earlier version counts instead.
        undecided: the same without those whose lines are booked in a later period.
        acceptance: the last acceptance of it as a whole; None if it counts without one.
        dropped: the decisions about late lines that a person withdrew.
    """

    event: DeliveryDiscovered
    commit: DeliveryCommit
    verdict: Verdict | None = None
    uncounted: frozenset[str] = frozenset()
    undecided: frozenset[str] = frozenset()
    acceptance: DecisionRecorded | None = None
    dropped: tuple[DecisionRecorded, ...] = ()


@dataclass(frozen=True, slots=True)
class Description:
    """A delivery of master data that counts or once counted, and the periods that it describes by default.

    Attributes:
        delivery: the delivery.
        since: the first period after the last one that was closed when it began to count; empty if none was closed.
        until: the same when it ceased to count; None if it counts.
    """

    delivery: LiveDelivery
    since: str
    until: str | None = None


Cell = tuple[str, str, str]
"""Scenario, its type and period of lines, as the delivery spells them."""


@dataclass(frozen=True)
class DeliveryState:
    """The deliveries of the processed zone and the closed periods.

    Attributes:
        live: deliveries that count, in the defined order.
        inactive: current deliveries that are held or refused.
        pending: current deliveries that are not read yet.
        superseded: commits that once counted and were replaced.
        dormant: commits of earlier versions of files of which no newer one counts in all its periods: each counts, or
            counts in more periods, if those are taken out.
        awaiting_verdict: current deliveries that are read and have no verdict since their last discovery.
        waiting: deliveries that other deliveries, or the opening of a period, can set free; each run evaluates them
            again.
        withdrawn: deliveries that a person withdrew, and that can be reinstated.
        missing: deliveries that count and have no commit, because it is damaged or lost; nothing can be published
            until they are read again.
        missing_bookings: of those, the lines that are booked in a later period: the closed period that they concern,
            by delivery id.
        closed: the closing event of each closed period.
        header_changes: how the header of each feed's last files differs from the one before.
        booked: lines of deliveries that count which another period has instead; what became of them is in `reason`.
        all_effective: see `effective`; empty if it is the same as `live`.
        descriptions: deliveries of master data, those that count and the earlier ones that still describe a period,
            in the order in which they counted for each object.
        lost_descriptions: earlier deliveries of master data that describe closed periods and have no commit, because it
            is damaged or lost: what they said of those periods is not known.
        earlier_readings: of deliveries that await a verdict, the one that counts and that they read again, by id.
    """

    live: Sequence[LiveDelivery]
    inactive: Sequence[InactiveDelivery]
    pending: Sequence[DeliveryDiscovered]
    superseded: Sequence[DeliveryCommit]
    dormant: Sequence[DeliveryCommit] = ()
    awaiting_verdict: Sequence[LiveDelivery] = ()
    waiting: Sequence[LiveDelivery] = ()
    withdrawn: Sequence[InactiveDelivery] = ()
    missing: Sequence[DeliveryDiscovered] = ()
    missing_bookings: Mapping[str, str] = field(default_factory=dict)
    closed: Mapping[str, PeriodStatusChanged] = field(default_factory=dict)
    header_changes: Sequence[HeaderChange] = ()
    descriptions: Sequence[Description] = ()
    lost_descriptions: Sequence[DeliveryDiscovered] = ()
    booked: Sequence[InactiveDelivery] = ()
    all_effective: Sequence[LiveDelivery] = ()
    earlier_readings: Mapping[str, EarlierReading] = field(default_factory=dict)

    def lost_delivery(self, missing: DeliveryDiscovered) -> LostDeliveryError:
        """Return the error about a delivery of `missing`."""
        return lost_delivery(missing, booked_from=self.missing_bookings.get(missing.delivery_id, ""))

    def is_withdrawn_with_file(self, object_key: str, fingerprint: str) -> bool:
        """Return whether a reading of an object that no list has is one of the bytes that a person withdrew."""
        return any(
            (one.event.object_key, one.event.fingerprint) == (object_key, fingerprint) and not one.late
            for one in self.withdrawn
        )

    @property
    def effective(self) -> Sequence[LiveDelivery]:
        """The live deliveries, in order, as if lines that are booked in a later period were in their own.

        What a further delivery would change is judged against them: it is a correction of these lines.
        """
        return self.all_effective or self.live

    # Of thousands of deliveries almost all are alike. What many readers look for among them is found once.

    @cached_property
    def ledger(self) -> Sequence[LiveDelivery]:
        """The live deliveries of ledger feeds, in order."""
        return [delivery for delivery in self.live if delivery.event.kind == "ledger"]

    @cached_property
    def reference(self) -> Sequence[LiveDelivery]:
        """The live deliveries of all other feeds, in order."""
        return [delivery for delivery in self.live if delivery.event.kind != "ledger"]

    @cached_property
    def by_id(self) -> Mapping[str, LiveDelivery]:
        """The live deliveries by identity."""
        return {delivery.commit.delivery_id: delivery for delivery in self.live}

    @cached_property
    def noted(self) -> Sequence[LiveDelivery]:
        """The live deliveries about which the reader or the verdict says more than that they count, in order."""
        return [one for one in self.live if one.commit.findings.notes or _is_noted(one.verdict)]

    @cached_property
    def partial(self) -> Sequence[LiveDelivery]:
        """The live deliveries of which not all lines count, in order."""
        return [one for one in self.live if one.portion is not WHOLE and not one.portion.is_whole]

    @cached_property
    def reversing(self) -> Sequence[LiveDelivery]:
        """The live deliveries of ledger feeds with a line that names a line that it reverses, in order."""
        return [one for one in self.ledger if any(count.reversals for count in one.commit.periods)]

    def latest_cells(self) -> list[tuple[Cell, LiveDelivery]]:
        """Return the cells, each with the last delivery that has lines of it, in the order of these deliveries."""
        return sorted(self.cells.items(), key=lambda cell: cell[1].position)

    @cached_property
    def cells(self) -> Mapping[Cell, LiveDelivery]:
        """The last live delivery with lines of each scenario, type and period; the cells in the order of the first."""
        return {
            (count.scenario, count.scenario_type, count.period): delivery
            for delivery in self.ledger
            for count in delivery.commit.periods
        }

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields: a process that gets the state finds what is in it itself."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


def _is_noted(verdict: Verdict | None) -> bool:
    return verdict is not None and bool(verdict.warnings or verdict.smaller)


def lost_delivery(event: DeliveryDiscovered, part: str = "", *, booked_from: str = "") -> LostDeliveryError:
    """Return the error about a delivery that cannot be read again.

    Args:
        event: its discovery.
        part: what is damaged; its commit if empty.
        booked_from: of lines that are booked in a later period, the closed period that they concern; else empty.
    """
    key = event.object_key
    part = part or f"its record deliveries/{event.delivery_id}.json"
    withdrawal = f"`finance-platform withdraw {quote_name(key)} --why TEXT` takes its lines out"
    if booked_from:
        # The lines were computed from what was published when they were decided, so no file has them.
        return LostDeliveryError(
            f"{key}: {part} is damaged or missing in the processed zone, and a decision wrote it, with lines of "
            f"{booked_from} that are booked later; nothing that needs it is published, and what is published stays",
            fix=f"restore the file of the processed zone from a backup; {withdrawal}, those of {booked_from} too",
        )
    return LostDeliveryError(
        f"{key}: {part} is damaged or missing in the processed zone, and the raw zone does not have the content that "
        f"was read (SHA-256 {event.fingerprint}); nothing that needs it is published, and what is published stays",
        fix=f"put {key} with that content back into the raw zone and run, or restore the file of the processed zone "
        f"from a backup; {withdrawal}",
    )


def replaces_periods(delivery: LiveDelivery) -> bool:
    """Return whether a delivery replaces all lines of its feed in the scenarios and periods that it covers."""
    return delivery.event.load_mode == "replace_period" and not delivery.event.is_scoped


def replaced_cells(delivery: LiveDelivery) -> set[tuple[str, str]]:
    """Return scenario (folded) and period of the lines that a delivery replaces in those of its feed that do the same.

    A file of a feed whose load mode was changed keeps the mode that it was read with until it counts under the other
    one. Deliveries of different modes replace nothing of each other.
    """
    return covered_periods(delivery) if replaces_periods(delivery) else set()


def add_counted(counted: list[LiveDelivery], delivery: LiveDelivery) -> None:
    """Add what counts of a version of an object to what counts of its other versions.

    A content that was sent again is the newest version, and may be the one that counts in a closed period in which the
    newest version waits or is booked later: it is one delivery, with the lines of both.

    Args:
        counted: what counts of other objects, and behind it what counts of this one.
        delivery: a version that counts, or a portion of it.
    """
    for nth in range(len(counted) - 1, -1, -1):
        one = counted[nth]
        if one.event.object_key != delivery.event.object_key:
            break
        if one.delivery_id == delivery.delivery_id:
            counted[nth] = one.joined_with(delivery.portion)
            return
    counted.append(delivery)


def live_with(live: Iterable[LiveDelivery], delivery: LiveDelivery) -> list[LiveDelivery]:
    """Return the live deliveries, in order, if `delivery` counts instead of those of its object, where it does."""
    without, own, others = delivery.portion.without, [delivery], []
    for other in live:
        if other.event.object_key != delivery.event.object_key:
            others.append(other)
        elif part := other.staying_in(without):
            add_counted(own, part)
    return sorted([*own, *others], key=lambda one: one.position)


def has_effect(delivery: LiveDelivery, live: Iterable[LiveDelivery]) -> bool:
    """Return whether a delivery adds rows, or takes any out, if it counts beside the live ones.

    Without accepted rows it takes out those of its object's earlier version, and those of the periods that it covers.
    """
    if delivery.commit.outcome("accepted").rows:
        return True
    covered = replaced_cells(delivery)
    return any(
        bool(other.commit.outcome("accepted").rows)
        if other.event.object_key == delivery.event.object_key
        else other.event.feed == delivery.event.feed
        and other.position < delivery.position
        and replaces_periods(other)
        and any((fold(count.scenario), count.period) in covered for count in other.commit.periods)
        for other in live
    )


def covered_periods(delivery: LiveDelivery) -> set[tuple[str, str]]:
    """Return scenario (folded) and period of everything that a replace_period delivery covers.

    It covers the scenarios and periods of its lines, and every period that its name declares, for the scenarios of its
    lines or the one that its feed or its name gives. If it counts in some periods only, it covers in these what the
    whole does, so for the scenarios of all its lines.
    """
    commit = delivery.commit
    with_lines = {(fold(count.scenario), count.period) for count in commit.periods}
    counts = (delivery.commit_of_all or commit).periods if commit.covers else ()
    scenarios = {fold(name) for name in (*(count.scenario for count in counts), *commit.constant_scenarios)}
    return with_lines | {(scenario, period) for scenario in scenarios for period in commit.covers}
