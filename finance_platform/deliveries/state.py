"""The state: what the register's events and the commits together mean.

Belongs here: which deliveries are live, held, refused, withdrawn or still to be read; which periods are closed. Pure
functions. Does not belong here: when a delivery is held (see `judging`), versions of slices (see `plan`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.register import (
    DecisionRecorded,
    DeliveryDiscovered,
    Event,
    PeriodStatusChanged,
    Verdict,
)
from finance_platform.feeds.codes import fold

Position = tuple[str, str, str]
"""Where a delivery stands: what its order says, when this content was first seen, its key."""


@dataclass(frozen=True)
class LiveDelivery:
    """A delivery whose lines count, or might.

    Attributes:
        event: the register's event.
        commit: what reading it gave.
        position: its place in the defined order; the last one wins where two say different things.
        judged: what the platform made of it, if it did already.
        accepted: the kinds of reasons to hold it that somebody accepted.
    """

    event: DeliveryDiscovered
    commit: DeliveryCommit
    position: Position
    judged: Verdict | None = None
    accepted: frozenset[str] = frozenset()

    @property
    def delivery_id(self) -> str:
        """The delivery's identity."""
        return self.commit.delivery_id


@dataclass(frozen=True)
class InactiveDelivery:
    """A delivery that was read and does not count: held, refused whole, or withdrawn."""

    event: DeliveryDiscovered
    commit: DeliveryCommit
    reason: str
    fix: str
    decided: DecisionRecorded | None = None

    @property
    def is_refused(self) -> bool:
        """Whether the file as a whole could not be read."""
        return self.commit.status == "refused"


@dataclass(frozen=True)
class DeliveryState:
    """What is in the lake.

    Attributes:
        live: deliveries that count, in the defined order.
        stopped: the current deliveries that are held or refused.
        pending: current deliveries that are not read yet.
        superseded: commits that once counted and were replaced.
        awaiting_verdict: current deliveries that are read, and that nobody has judged since they were found.
        withdrawn: deliveries that a person took out, and that could be taken in again.
        closed: by period, how it was closed; open periods are not in it.
    """

    live: Sequence[LiveDelivery]
    stopped: Sequence[InactiveDelivery]
    pending: Sequence[DeliveryDiscovered]
    superseded: Sequence[DeliveryCommit]
    awaiting_verdict: Sequence[LiveDelivery] = ()
    withdrawn: Sequence[InactiveDelivery] = ()
    closed: Mapping[str, PeriodStatusChanged] = field(default_factory=dict)

    @property
    def ledger(self) -> list[LiveDelivery]:
        """The live deliveries of ledger feeds, in order."""
        return [delivery for delivery in self.live if delivery.event.kind == "ledger"]


@dataclass
class _Version:
    """One delivery of an object: its last event, and what was said of it since.

    Attributes:
        event: the last one.
        found_at: place of that event among all events.
        judged: the last verdict.
        is_judged_again: whether that verdict is about the last event.
        counted: the event under whose terms it counts; a verdict against other terms leaves it as it is.
        accepted: the kinds of reasons that somebody accepted.
        withdrawn: who took it out.
        withdrawn_at: place of that event among all events.
    """

    event: DeliveryDiscovered
    found_at: int
    judged: Verdict | None = None
    is_judged_again: bool = False
    counted: DeliveryDiscovered | None = None
    accepted: frozenset[str] = frozenset()
    withdrawn: DecisionRecorded | None = None
    withdrawn_at: int = -1

    @property
    def counts(self) -> bool:
        """Whether it would count if it were the newest, and could be read."""
        return self.counted is not None and not self.withdrawn


@dataclass
class _Object:
    """One raw object: its deliveries, the one that it is now last."""

    versions: dict[str, _Version] = field(default_factory=dict)
    first_seen: dict[str, str] = field(default_factory=dict)

    def deliver(self, event: DeliveryDiscovered, place: int) -> None:
        self.first_seen.setdefault(event.fingerprint, event.modified_at)
        counting = self._counting()
        version = self.versions.pop(event.delivery_id, None) or _Version(event, place)
        version.event, version.found_at, version.is_judged_again = event, place, False
        if version is not counting:
            version.counted = None  # what counts meanwhile goes on counting until this one is judged against it
        self.versions[event.delivery_id] = version

    def decide(self, event: DecisionRecorded, place: int) -> None:
        version = self.versions[event.delivery_id]
        if event.action == "withdrawn":
            version.withdrawn, version.withdrawn_at = event, place
        elif event.action == "reinstated":
            version.withdrawn = None
        elif version.judged and not version.judged.is_final:
            version.counted = version.event
            version.accepted |= set(version.judged.kinds)

    def judge(self, event: Verdict) -> None:
        version = self.versions[event.delivery_id]
        version.judged, version.is_judged_again = event, True
        if not event.is_held or event.is_accepted_by(version.accepted):
            version.counted = version.event

    def newest_first(self) -> Iterator[_Version]:
        return reversed(self.versions.values())

    @property
    def taken_out_at(self) -> int:
        """Place of the last withdrawal in force that took the object out; what was found before it does not count."""
        places = (v.withdrawn_at for v in self.versions.values() if v.withdrawn and not v.withdrawn.keeps_earlier)
        return max(places, default=-1)

    def _counting(self) -> _Version | None:
        """Return the version that counts as things stand."""
        after = self.taken_out_at
        return next((one for one in self.newest_first() if one.counts and one.found_at > after), None)


def derive_state(events: Sequence[Event], commits: Mapping[str, DeliveryCommit]) -> DeliveryState:
    """Return what the events and commits mean.

    For each raw object the newest delivery counts that was read and is neither held nor withdrawn; until a new one
    does, the old one stays. A withdrawal takes out the object, what it said before included, unless what was
    withdrawn had never counted; what is found after it counts as ever. A delivery that counts and is then judged by
    other terms, and held, goes on counting by the former ones.
    """
    objects: dict[str, _Object] = {}
    closed: dict[str, PeriodStatusChanged] = {}
    for place, event in enumerate(events):
        match event:
            case DeliveryDiscovered():
                objects.setdefault(event.object_key, _Object()).deliver(event, place)
            case Verdict():
                objects[event.object_key].judge(event)
            case DecisionRecorded():
                objects[event.object_key].decide(event, place)
            case PeriodStatusChanged():
                closed.pop(event.period, None)
                if event.action == "closed":
                    closed[event.period] = event
    state = _Derivation(commits)
    for found in objects.values():
        state.add(found)
    state.live.sort(key=lambda delivery: delivery.position)
    state.awaiting_verdict.sort(key=lambda delivery: delivery.position)
    return DeliveryState(
        state.live, state.stopped, state.pending, state.superseded, state.awaiting_verdict, state.withdrawn, closed
    )


@dataclass
class _Derivation:
    commits: Mapping[str, DeliveryCommit]
    live: list[LiveDelivery] = field(default_factory=list)
    stopped: list[InactiveDelivery] = field(default_factory=list)
    pending: list[DeliveryDiscovered] = field(default_factory=list)
    superseded: list[DeliveryCommit] = field(default_factory=list)
    awaiting_verdict: list[LiveDelivery] = field(default_factory=list)
    withdrawn: list[InactiveDelivery] = field(default_factory=list)

    def add(self, found: _Object) -> None:
        """Enter what one object comes to."""
        after, is_settled = found.taken_out_at, False
        for nth, version in enumerate(found.newest_first()):
            commit = self.commits.get(version.event.delivery_id)
            if commit is None:
                if nth == 0:
                    self.pending.append(version.event)
                continue
            if nth == 0 and commit.status == "read" and not version.is_judged_again:
                self.awaiting_verdict.append(_read(version, version.event, commit, found))
            if version.withdrawn and is_settled:
                continue  # something newer counts in its place, or was taken out as well
            if self._enter(version, commit, found, is_current=nth == 0, is_taken_out=version.found_at < after):
                after = version.found_at  # what was found before it no longer matters
                is_settled = True
            elif version.withdrawn and not version.withdrawn.keeps_earlier:
                is_settled = True

    def _enter(
        self, version: _Version, commit: DeliveryCommit, found: _Object, *, is_current: bool, is_taken_out: bool
    ) -> bool:
        """Enter one version that was read or refused; return whether it is the one that counts."""
        if version.withdrawn:
            if is_current or not version.withdrawn.keeps_earlier:
                self.withdrawn.append(_withdrawn(version, commit, version.withdrawn))
            return False
        if version.counted is None or commit.status != "read":
            if is_current:
                self._stop(version, commit)
            return False
        if is_taken_out:
            self.superseded.append(commit)
            return False
        self.live.append(_read(version, version.counted, commit, found))
        if is_current and version.is_judged_again and version.counted != version.event:
            self._stop(version, commit)
        return True

    def _stop(self, version: _Version, commit: DeliveryCommit) -> None:
        if commit.status == "refused":
            self.stopped.append(InactiveDelivery(version.event, commit, commit.refusal, commit.fix))
        elif version.judged:
            reason = "; ".join(version.judged.reasons)
            self.stopped.append(InactiveDelivery(version.event, commit, reason, version.judged.fix))


def _read(version: _Version, event: DeliveryDiscovered, commit: DeliveryCommit, found: _Object) -> LiveDelivery:
    position = (event.order or commit.order, found.first_seen[event.fingerprint], event.object_key)
    return LiveDelivery(event, commit, position, version.judged, version.accepted)


def _withdrawn(version: _Version, commit: DeliveryCommit, decided: DecisionRecorded) -> InactiveDelivery:
    reason = f"withdrawn by {decided.who}: {decided.why}"
    fix = f"`finance-platform withdraw --undo {decided.object_key} --why TEXT` takes it in again"
    return InactiveDelivery(version.event, commit, reason, fix, decided)


def covered_periods(delivery: LiveDelivery) -> set[tuple[str, str]]:
    """Return scenario (folded) and period of all that a replace_period delivery covers.

    It covers what it has lines of, and every period that its name declares, for the scenarios that it has lines of or
    that its feed is all about.
    """
    commit = delivery.commit
    with_lines = {(fold(count.scenario), count.period) for count in commit.periods}
    names = {scenario for scenario, _ in with_lines} | {fold(name) for name in commit.constant_scenarios}
    return with_lines | {(scenario, period) for scenario in names for period in commit.covers}
