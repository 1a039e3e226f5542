"""The state that follows from the register's events and the commits.

Belongs here: which deliveries are live, held, refused, withdrawn or pending; which periods are closed. Pure functions.
Does not belong here: when a delivery is held (see `acceptance`), versions of slices (see `slices`).
"""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import chain, islice
from typing import Any

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.header_changes import HeaderChange, HeaderHistory
from finance_platform.deliveries.portions import WHOLE, Portion
from finance_platform.deliveries.register import (
    DecisionRecorded,
    DeliveryDiscovered,
    Event,
    PeriodStatusChanged,
    Verdict,
)
from finance_platform.errors import LostDeliveryError
from finance_platform.feeds.codes import fold
from finance_platform.feeds.dates import next_period
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
        booked_from: of lines that are booked in a later period, the closed period that they concern; else empty.
        late: of a delivery that counts in part, the periods whose lines waited and are judged again, in groups.
    """

    event: DeliveryDiscovered
    commit: DeliveryCommit
    position: Position
    verdict: Verdict | None = None
    accepted: frozenset[str] = frozenset()
    portion: Portion = WHOLE
    booked: frozenset[str] = frozenset()
    booked_from: str = ""
    late: tuple[tuple[str, ...], ...] = ()

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
        return replace(self, commit=portion.of(self.commit), portion=portion)

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


@dataclass(frozen=True)
class DeliveryState:
    """The deliveries of the processed zone and the closed periods.

    Attributes:
        live: deliveries that count, in the defined order.
        inactive: current deliveries that are held or refused.
        pending: current deliveries that are not read yet.
        superseded: commits that once counted and were replaced.
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
    """

    live: Sequence[LiveDelivery]
    inactive: Sequence[InactiveDelivery]
    pending: Sequence[DeliveryDiscovered]
    superseded: Sequence[DeliveryCommit]
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

    def lost_delivery(self, missing: DeliveryDiscovered) -> LostDeliveryError:
        """Return the error about a delivery of `missing`."""
        return lost_delivery(missing, booked_from=self.missing_bookings.get(missing.delivery_id, ""))

    @property
    def effective(self) -> Sequence[LiveDelivery]:
        """The live deliveries, in order, as if lines that are booked in a later period were in their own.

        What a further delivery would change is judged against them: it is a correction of these lines.
        """
        return self.all_effective or self.live

    @property
    def ledger(self) -> list[LiveDelivery]:
        """The live deliveries of ledger feeds, in order."""
        return [delivery for delivery in self.live if delivery.event.kind == "ledger"]


_Booking = tuple[tuple[str, ...], DecisionRecorded | Verdict | None]


@dataclass(slots=True)
class _Version:
    """One delivery of an object with the events that concern it.

    Attributes:
        event: the last discovery.
        discovered_at: its place among all events.
        verdict: the last verdict.
        is_verdict_current: whether the verdict is about the last discovery.
        counted: the discovery as which it counts; a verdict that holds a later one does not change it.
        accepted: the kinds of reasons that a person accepted.
        withdrawn: the withdrawal in force.
        withdrawn_at: its place among all events.
        split: the verdict by which lines of some periods wait although the others count.
        late: the periods whose lines wait for a decision.
        dropped: the last decision about each of the periods whose lines a person withdrew.
        booked: by closed period, the deliveries that have its lines in a later period, and the decision; none if an
            earlier version's lines are booked, which this one repeats.
        is_reinstated: whether late lines wait again after a withdrawal, and were not judged since.
    """

    event: DeliveryDiscovered
    discovered_at: int
    verdict: Verdict | None = None
    is_verdict_current: bool = False
    counted: DeliveryDiscovered | None = None
    accepted: frozenset[str] = frozenset()
    withdrawn: DecisionRecorded | None = None
    withdrawn_at: int = -1
    split: Verdict | None = None
    late: frozenset[str] = frozenset()
    dropped: dict[str, DecisionRecorded] = field(default_factory=dict)
    booked: dict[str, _Booking] = field(default_factory=dict)
    is_reinstated: bool = False

    @property
    def undecided(self) -> frozenset[str]:
        """The periods in which the object's earlier version counts instead, and no booking has the difference."""
        return self.late.union(self.dropped)

    @property
    def uncounted(self) -> frozenset[str]:
        """The periods in which the object's earlier version counts instead."""
        return self.undecided.union(self.booked)

    def repeat_bookings(self, periods: Collection[str]) -> None:
        """Note the periods of which it repeats booked lines, its own or those of an earlier version."""
        self.booked = {period: self.booked.get(period, ((), None)) for period in periods} if periods else {}

    def note_bookings(self, decision: DecisionRecorded | Verdict) -> None:
        """Note the closed periods whose lines a decision or a verdict books in a later one."""
        if not decision.bookings:
            return
        for period in dict.fromkeys(period for period, _ in decision.bookings):
            own = tuple(booking for of_period, booking in decision.bookings if of_period == period)
            self.booked[period] = own, decision

    def groups(self, periods: Collection[str]) -> tuple[tuple[str, ...], ...]:
        """Return those groups of late periods that are among some periods."""
        return tuple(group for group in self.split.late if set(group) <= set(periods)) if self.split else ()

    def rejudge_late(self, verdict: Verdict) -> None:
        """Enter a verdict about lines that waited; what people decided about other periods stays."""
        decided = tuple(g for g in (self.split.late if self.split else ()) if not set(g).intersection(verdict.rejudges))
        self.split = self.verdict = replace(verdict, late=tuple(sorted({*verdict.late, *decided})), rejudges=())
        self.late = self.late.difference(verdict.rejudges).union(*verdict.late)
        self.is_reinstated = False
        self.note_bookings(verdict)

    def reopened(self, closed: Collection[str]) -> tuple[str, ...]:
        """Return the periods because of which it, or lines of it, wait, and that are open by now."""
        verdict = self.split if self.late else self.verdict
        periods = verdict.restates if verdict else ()
        # Of late lines, those of other periods are decided about, whatever becomes of these periods.
        return tuple(period for period in periods if period not in closed and (not self.late or period in self.late))

    def decided(self) -> tuple[str, ...]:
        """Return the closed periods that the verdict about its late lines names, and about which people decided."""
        return tuple(period for period in self.split.restates if period not in self.late) if self.split else ()

    @property
    def is_counted(self) -> bool:
        """Whether it counts if it is the newest version that was read."""
        return self.counted is not None and not self.withdrawn


@dataclass(slots=True)
class _Counted:
    """The time for which a version of master data counted; see `Description`."""

    delivery_id: str
    since: str
    until: str | None = None


@dataclass(slots=True)
class _Object:
    """One raw object: its versions, the current one last."""

    versions: dict[str, _Version] = field(default_factory=dict)
    first_seen: dict[str, FirstSeen] = field(default_factory=dict)
    counted: list[_Counted] = field(default_factory=list)

    def note_counted(self, first_open: str) -> None:
        """Note which version counts after an event; `first_open` is the first period after the last closed one."""
        version = self.counted_version()
        current = version.event.delivery_id if version else None
        last = self.counted[-1] if self.counted and self.counted[-1].until is None else None
        if last and last.delivery_id != current:
            last.until = first_open
        if current and (last is None or last.delivery_id != current):
            self.counted.append(_Counted(current, first_open))

    def discover(self, event: DeliveryDiscovered, place: int, scan: int) -> None:
        self.first_seen.setdefault(event.fingerprint, (scan, event.modified_at))
        counted = self.counted_version()
        self._keep_late(self.versions.get(event.delivery_id), counted, place)
        version = self.versions.pop(event.delivery_id, None) or _Version(event, place)
        version.event, version.discovered_at, version.is_verdict_current = event, place, False
        if version is not counted:
            version.counted = None  # the version that counts remains until this one has a verdict
        self.versions[event.delivery_id] = version

    def _keep_late(self, earlier: _Version | None, counted: _Version | None, place: int) -> None:
        """Keep an earlier version that is discovered again where the version that counts now leaves periods to it."""
        if earlier and counted and earlier is not counted and earlier.is_counted and counted.uncounted:
            kept = f"{earlier.event.delivery_id} before {place}"
            self.versions = {kept if one is earlier else name: one for name, one in self.versions.items()}

    def decide(self, event: DecisionRecorded, place: int) -> None:
        version = self.versions[event.delivery_id]
        if event.late_periods:
            _decide_late(version, event)
        elif event.action == "withdrawn":
            version.withdrawn, version.withdrawn_at = event, place
        elif event.action == "reinstated":
            version.withdrawn = None
        elif version.verdict and not (version.verdict.is_final or version.verdict.is_waiting):
            version.counted = version.event
            version.accepted |= set(version.verdict.kinds)
            version.split, version.late, version.dropped = None, frozenset(), {}
            version.repeat_bookings(version.verdict.booked)
            version.note_bookings(event)

    def evaluate(self, verdict: Verdict) -> None:
        version = self.versions[verdict.delivery_id]
        version.is_verdict_current = True
        if verdict.rejudges:
            version.rejudge_late(verdict)
            return
        version.verdict = verdict
        if verdict.is_held and not verdict.is_accepted_by(version.accepted):
            return
        version.counted = version.event
        if version.split is None or version.split.late != verdict.late:
            # A verdict that repeats the split leaves what was decided since.
            version.split = verdict if verdict.late else None
            version.late, version.dropped = frozenset(chain.from_iterable(verdict.late)), {}
            version.repeat_bookings(verdict.booked)
            version.note_bookings(verdict)

    def newest_first(self) -> Iterator[_Version]:
        return reversed(self.versions.values())

    @property
    def is_master_data(self) -> bool:
        """Whether its newest version describes departments or accounts."""
        return next(self.newest_first()).event.kind in MASTER_DATA

    @property
    def only_version(self) -> _Version | None:
        """Its version, if it has only one and nothing but its lines follows from it once it is read; else None.

        Of most of thousands of objects it is so; `_Derivation` finds the same.
        """
        if len(self.versions) != 1 or self.counted:
            return None
        (version,) = self.versions.values()
        is_plain = version.is_verdict_current and version.counted is version.event and not version.withdrawn
        return version if is_plain and not (version.late or version.dropped or version.booked) else None

    @property
    def withdrawn_at(self) -> int:
        """Place of the last withdrawal of the whole object; versions that were discovered before it do not count."""
        places = (v.withdrawn_at for v in self.versions.values() if v.withdrawn and not v.withdrawn.keeps_earlier)
        return max(places, default=-1)

    def counted_version(self) -> _Version | None:
        """Return the newest version that counts, if there is one."""
        if not self.versions:
            return None
        withdrawn_at = self.withdrawn_at
        return next((v for v in self.newest_first() if v.is_counted and v.discovered_at > withdrawn_at), None)


@dataclass(slots=True)
class _PlainObject:
    """An object of which one version was discovered and, at most, got a verdict by which it simply counts.

    Of thousands of objects almost all are so, and this is a fifth of the work that an `_Object` is. Any other event
    makes it one.
    """

    event: DeliveryDiscovered
    place: int
    scan: int
    verdict: Verdict | None = None

    def takes(self, event: DeliveryDiscovered | Verdict | DecisionRecorded) -> bool:
        """Return whether the object is as plain with a further event, and has it then."""
        if (
            not isinstance(event, Verdict)
            or event.delivery_id != self.event.delivery_id
            or event.reasons
            or event.late
            or event.booked
            or event.bookings
            or event.rejudges
        ):
            return False
        self.verdict = event
        return True

    def in_full(self) -> _Object:
        """Return the object as its events leave it."""
        raw_object = _Object()
        raw_object.discover(self.event, self.place, self.scan)
        if self.verdict is not None:
            raw_object.evaluate(self.verdict)
        return raw_object


def _in_full(raw_object: _Object | _PlainObject) -> _Object:
    return raw_object.in_full() if isinstance(raw_object, _PlainObject) else raw_object


def _decide_late(version: _Version, event: DecisionRecorded) -> None:
    """Enter a decision about lines that wait, or that a person withdrew, although the rest of the delivery counts."""
    periods = frozenset(event.late_periods)
    if event.action == "reinstated":
        back = periods.intersection(version.dropped)
        version.late |= back
        version.is_reinstated = True
        version.dropped = {period: one for period, one in version.dropped.items() if period not in back}
        return
    if event.action == "withdrawn":
        version.dropped |= dict.fromkeys(sorted(periods & version.late), event)
    version.late -= periods
    version.note_bookings(event)


def derive_state(events: Sequence[Event], commits: Mapping[str, DeliveryCommit]) -> DeliveryState:
    """Return the state that follows from the events and commits.

    Of each raw object the newest version counts that was read and is neither held nor withdrawn; the previous one
    remains until then. In the periods whose lines wait, or were withdrawn alone, it remains although the newest version
    counts. A withdrawal takes out the object with its earlier versions, unless the withdrawn version never counted;
    later versions count again. A delivery that counts, and is held after a change of its descriptor, counts as before
    the change.
    """
    return StateDerivation().derive(events, commits)


class StateDerivation:
    """Derives states one after the other, and takes over what has not changed since the last one.

    What follows from a raw object depends on its own events, on the commits of the deliveries that these name, and on
    the closed periods. An object is derived again if it has a further event or if one of these commits is another
    object, and all are if a period was closed or opened, or if the earlier events are not the same objects.
    """

    def __init__(self) -> None:
        """Begin without events."""
        self._events: Sequence[Event] = ()
        self._commits: Mapping[str, DeliveryCommit] = {}
        self._replay = _Replay()
        self._headers = HeaderHistory()
        self._parts: dict[str, _Part] = {}

    def derive(self, events: Sequence[Event], commits: Mapping[str, DeliveryCommit]) -> DeliveryState:
        """Return the state that follows from the events and commits; neither is changed afterwards.

        Whoever gets an exception does not go on with the derivation.
        """
        if len(events) < len(self._events) or not all(map(operator.is_, self._events, events)):
            self._replay, self._headers, self._parts, self._events = _Replay(), HeaderHistory(), {}, ()
        replay, parts = self._replay, self._parts
        changed = replay.add(islice(events, len(self._events), None))
        self._headers.add(islice(events, len(self._events), None))
        if parts and changed is not None:
            changed_ids = {name for name, commit in commits.items() if self._commits.get(name) is not commit}
            changed_ids.update(name for name in self._commits if name not in commits)
            changed = replay.with_objects_of(changed, changed_ids)
        self._events, self._commits = events, commits
        if changed is None:
            parts.clear()
        new = list(islice(replay.objects, len(parts), None))  # an object keeps its place
        for key in chain(changed.intersection(parts) if changed else (), new):
            parts[key] = _derive_part(replay.objects[key], commits, replay.closed)
        state = _Derivation(commits, replay.closed)
        for part in parts.values():
            state.take(part)
        return state.finish(self._headers.changes(commits))


def derive_positions(
    events: Iterable[DeliveryDiscovered], commits: Mapping[str, DeliveryCommit]
) -> dict[str, Position]:
    """Return the place in the defined order of every delivery that was ever read, by id."""
    return {
        delivery_id: _position(version.event, commits[delivery_id], raw_object)
        for raw_object in map(_in_full, _replay(events).objects.values())
        for delivery_id, version in raw_object.versions.items()
        if delivery_id in commits
    }


def counted_objects(events: Iterable[Event]) -> set[str]:
    """Return the keys of the raw objects of which a version counts."""
    return {key for key, raw_object in _replay(events).objects.items() if _in_full(raw_object).counted_version()}


def _replay(events: Iterable[Event]) -> _Replay:
    replay = _Replay()
    replay.add(events)
    return replay


class _Replay:
    """The raw objects as events leave them, one after the other.

    Attributes:
        objects: by key, in the order in which they were discovered.
        closed: the closing of each closed period.
    """

    def __init__(self) -> None:
        self.objects: dict[str, _Object | _PlainObject] = {}
        self.closed: dict[str, PeriodStatusChanged] = {}
        self._place = self._scan = 0
        self._run_id: str | None = None
        self._owners: dict[str, str] = {}
        self._has_shared_ids = False

    def add(self, events: Iterable[Event]) -> set[str] | None:
        """Enter further events; return the keys of the objects that they are about, None if it may be every object."""
        changed, is_every = set[str](), False
        for place, event in enumerate(events, start=self._place):
            self._place = place + 1
            if isinstance(event, PeriodStatusChanged):
                is_every = True
                self.closed.pop(event.period, None)
                if event.action == "closed":
                    self.closed[event.period] = event
            elif isinstance(event, DeliveryDiscovered | Verdict | DecisionRecorded) and self._add(event, place):
                changed.add(event.object_key)
        return None if is_every else changed

    def _add(self, event: DeliveryDiscovered | Verdict | DecisionRecorded, place: int) -> bool:
        """Enter an event about a raw object; return whether the object is known."""
        raw_object = self.objects.get(event.object_key)
        if isinstance(event, DeliveryDiscovered):
            self._scan, self._run_id = self._scan + (event.run_id != self._run_id), event.run_id
            self._own(event.delivery_id, event.object_key)
            if raw_object is None and event.kind not in MASTER_DATA:
                self.objects[event.object_key] = _PlainObject(event, place, self._scan)
                return True
        if isinstance(raw_object, _PlainObject):
            if raw_object.takes(event):
                return True
            raw_object = self.objects[event.object_key] = raw_object.in_full()
        return self._add_in_full(raw_object, event, place)

    def _add_in_full(
        self, raw_object: _Object | None, event: DeliveryDiscovered | Verdict | DecisionRecorded, place: int
    ) -> bool:
        if raw_object is None:
            if not isinstance(event, DeliveryDiscovered):
                return False  # as below
            raw_object = self.objects[event.object_key] = _Object()
        match event:
            case DeliveryDiscovered():
                raw_object.discover(event, place, self._scan)
            case _ if event.delivery_id not in raw_object.versions:
                # A person has taken a damaged event out of the register; the discovery is entered again.
                return False
            case Verdict():
                raw_object.evaluate(event)
            case DecisionRecorded():
                raw_object.decide(event, place)
        if raw_object.is_master_data:
            raw_object.note_counted(next_period(max(self.closed)) if self.closed else "")
        if not isinstance(event, DeliveryDiscovered):
            for _, booking in event.bookings:
                self._own(booking, event.object_key)
        return True

    def with_objects_of(self, keys: set[str], ids: Collection[str]) -> set[str] | None:
        """Return keys with those of the objects whose events name one of the deliveries; None for every object."""
        if self._has_shared_ids and ids:
            return None
        return keys.union(self._owners[name] for name in ids if name in self._owners)

    def _own(self, delivery_id: str, key: str) -> None:
        # The key is part of a delivery's identity, so only a register that somebody has written has shared ones.
        self._has_shared_ids |= self._owners.setdefault(delivery_id, key) != key


@dataclass
class _Derivation:
    """What follows from some raw objects; the lists that `_LISTS` names, in the order of the objects.

    Attributes:
        commits: the commits.
        closed: the closing of each closed period.
        bookings: the deliveries of which lines are booked in a later period.
    """

    commits: Mapping[str, DeliveryCommit]
    closed: Mapping[str, PeriodStatusChanged]
    live: list[LiveDelivery] = field(default_factory=list)
    inactive: list[InactiveDelivery] = field(default_factory=list)
    pending: list[DeliveryDiscovered] = field(default_factory=list)
    superseded: list[DeliveryCommit] = field(default_factory=list)
    awaiting_verdict: list[LiveDelivery] = field(default_factory=list)
    waiting: list[LiveDelivery] = field(default_factory=list)
    withdrawn: list[InactiveDelivery] = field(default_factory=list)
    missing: list[DeliveryDiscovered] = field(default_factory=list)
    missing_bookings: list[tuple[str, str]] = field(default_factory=list)
    descriptions: list[Description] = field(default_factory=list)
    lost_descriptions: list[DeliveryDiscovered] = field(default_factory=list)
    booked: list[InactiveDelivery] = field(default_factory=list)
    effective: list[LiveDelivery] = field(default_factory=list)
    bookings: list[LiveDelivery] = field(default_factory=list)

    def take(self, part: _Part) -> None:
        """Add what follows from one object."""
        if isinstance(part, LiveDelivery):
            self.live.append(part)
            self.effective.append(part)
            return
        for name, items in part:
            getattr(self, name).extend(items)

    def finish(self, header_changes: Sequence[HeaderChange]) -> DeliveryState:
        """Return the state, once every object is entered."""
        if not self.bookings:
            self.effective.clear()  # the same as the live ones
        for deliveries in (self.live, self.effective, self.awaiting_verdict, self.waiting):
            deliveries.sort(key=_position_of)
        return DeliveryState(
            live=self.live,
            inactive=self.inactive,
            pending=self.pending,
            superseded=self.superseded,
            awaiting_verdict=self.awaiting_verdict,
            waiting=self.waiting,
            withdrawn=self.withdrawn,
            missing=self.missing,
            missing_bookings=dict(self.missing_bookings),
            closed=dict(self.closed),
            header_changes=header_changes,
            descriptions=self.descriptions,
            lost_descriptions=self.lost_descriptions,
            booked=self.booked,
            all_effective=self.effective or (),
        )

    def add(self, raw_object: _Object) -> None:
        """Enter the versions of one object."""
        self._add_descriptions(raw_object)
        ends_at, is_replaced = raw_object.withdrawn_at, False
        portion: Portion = WHOLE  # what newer versions leave to the next one that counts
        effective: Portion | None = WHOLE  # the same, as if booked lines were in their own period
        for nth, version in enumerate(raw_object.newest_first()):
            is_needed = not is_replaced or portion.only is not None
            commit = self.commits.get(version.event.delivery_id)
            if commit is None:
                if nth == 0:
                    self.pending.append(version.event)
                if version.is_counted and is_needed and version.discovered_at >= ends_at:
                    self.missing.append(version.event)
                    # Earlier versions must not come back in its place.
                    ends_at, is_replaced, portion = version.discovered_at, True, WHOLE
                continue
            if nth == 0 and commit.status == "read":
                self._enter_undecided(version, commit, raw_object)
            if version.withdrawn and is_replaced:
                continue  # a newer version counts instead, or was withdrawn as well
            is_ended = version.discovered_at < ends_at
            portions = portion, effective
            if self._enter(version, commit, raw_object, *portions, is_current=nth == 0, is_ended=is_ended):
                is_replaced = True
                portion = portion.leaving(version.uncounted) or WHOLE
                effective = effective.leaving(version.undecided) if effective else None
                if portion.is_whole:
                    ends_at = version.discovered_at  # earlier versions no longer count
            elif version.withdrawn and not version.withdrawn.keeps_earlier:
                is_replaced = True

    def _add_descriptions(self, raw_object: _Object) -> None:
        """Enter the versions of master data that describe a period, or may describe one before dates of later ones."""
        descriptions: list[Description] = []
        is_dated = False
        for counted in reversed(raw_object.counted):
            version = raw_object.versions[counted.delivery_id]
            commit = self.commits.get(counted.delivery_id)
            is_empty = counted.until is not None and counted.since >= counted.until
            if commit is None and counted.until is not None and not is_empty:
                self.lost_descriptions.append(version.event)
            if commit is None or commit.status != "read":
                continue
            if not is_empty or (not version.withdrawn and (is_dated or commit.has_dates)):
                live = _live(version, version.counted or version.event, commit, raw_object)
                descriptions.append(Description(live, counted.since, counted.until))
            is_dated = is_dated or bool(commit.dated_from)
        self.descriptions += reversed(descriptions)

    def _enter_undecided(self, version: _Version, commit: DeliveryCommit, raw_object: _Object) -> None:
        """Enter a current version that has no verdict yet, or one that may end by itself."""
        if not version.is_verdict_current:
            self.awaiting_verdict.append(_live(version, version.event, commit, raw_object))
        elif (
            version.verdict
            and version.verdict.is_held
            and (version.verdict.may_end or version.reopened(self.closed))
            and not version.withdrawn
            and version.counted != version.event  # a person may have accepted it
        ):
            self.waiting.append(_live(version, version.event, commit, raw_object))

    def _enter(
        self,
        version: _Version,
        commit: DeliveryCommit,
        raw_object: _Object,
        portion: Portion,
        effective: Portion | None,
        *,
        is_current: bool,
        is_ended: bool,
    ) -> bool:
        """Enter one version that was read or refused; return whether it counts, in the periods of `portion`."""
        if version.withdrawn:
            newest = next(raw_object.newest_first())
            # One that came back when the newest version was withdrawn, and was withdrawn then, is to be undone first:
            # what is booked of the newest version is the difference from it.
            if is_current or not version.withdrawn.keeps_earlier or version.withdrawn_at > newest.discovered_at:
                self.withdrawn.append(_withdrawn(version, commit, version.withdrawn, raw_object, self.closed))
            return False
        if version.counted is None or commit.status != "read":
            if is_current:
                self._enter_inactive(version, commit, raw_object)
            return False
        if is_ended:
            self.superseded.append(commit)
            return False
        whole = _live(version, version.counted, commit, raw_object)
        live = whole.restricted_to(replace(portion, without=version.uncounted))
        if live:
            self.live.append(live)
        else:
            self.superseded.append(commit)
        if effective is not None:
            self._enter_effective(version, whole, effective)
        self._enter_bookings(version, whole, portion)
        if is_current and version.is_verdict_current and version.counted != version.event:
            self._enter_inactive(version, commit, raw_object)
        if portion.is_whole:
            self._enter_late(version, whole)
        return True

    def _enter_effective(self, version: _Version, whole: LiveDelivery, portion: Portion) -> None:
        """Enter the lines that count as if booked ones were in their own period."""
        counted = whole.restricted_to(replace(portion, without=version.undecided))
        if counted:
            # Of thousands of deliveries, almost none is booked elsewhere, and each stays the object that it is.
            booked = frozenset(version.booked)
            self.effective.append(replace(counted, booked=booked) if booked else counted)

    def _enter_bookings(self, version: _Version, whole: LiveDelivery, portion: Portion) -> None:
        """Enter the lines that are booked in a later period, and those that they are booked for."""
        if version.booked:
            self.bookings.append(whole)
        for period, (bookings, decision) in version.booked.items():
            if portion.is_whole:
                commit = Portion(frozenset({period})).of(whole.commit)
                self.booked.append(
                    InactiveDelivery(version.event, commit, _words_of_booking(decision), "", late=((period,),))
                )
            for booking in bookings if period in portion else ():
                event = replace(whole.event, delivery_id=booking, load_mode="append", is_scoped=False)
                commit_of_lines = self.commits.get(booking)
                if commit_of_lines is None:
                    self.missing.append(event)
                    self.missing_bookings.append((booking, period))
                else:
                    self.live.append(LiveDelivery(event, commit_of_lines, whole.position, booked_from=period))

    def _enter_late(self, version: _Version, whole: LiveDelivery) -> None:
        """Enter the lines that wait, and those that a person withdrew alone."""
        if version.split and version.late:
            reopened, groups = version.reopened(self.closed), version.groups(version.late)
            self.inactive.append(
                InactiveDelivery(
                    version.event,
                    Portion(version.late).of(whole.commit),
                    *_words_of_hold(version.split, reopened, version.decided()),
                    would_count=whole.restricted_to(Portion(without=version.uncounted - version.late)),
                    is_waiting=version.split.is_waiting,
                    late=groups,
                    reopened=reopened,
                )
            )
            is_unjudged = bool(reopened) or version.is_reinstated or version.split.may_end
            if is_unjudged and version.is_verdict_current:
                # As if lines that are booked in a later period were in their own, as all live deliveries are then.
                candidate = whole.restricted_to(Portion(without=frozenset(version.dropped)))
                if candidate:
                    self.waiting.append(replace(candidate, late=groups, booked=frozenset(version.booked)))
        for decision in dict.fromkeys(version.dropped.values()):
            periods = [period for period, one in version.dropped.items() if one == decision]
            self.withdrawn.append(
                InactiveDelivery(
                    version.event,
                    Portion(frozenset(periods)).of(whole.commit),
                    *_words_of_withdrawal(decision),
                    decision,
                    would_count=whole.restricted_to(Portion(without=version.uncounted.difference(periods))),
                    late=version.groups(periods),
                )
            )

    def _enter_inactive(self, version: _Version, commit: DeliveryCommit, raw_object: _Object) -> None:
        if commit.status == "refused":
            drop = f"`finance-platform withdraw {quote_name(version.event.object_key)} --why TEXT` drops it"
            fix = f"{commit.fix}; {drop}" if commit.fix else drop
            self.inactive.append(InactiveDelivery(version.event, commit, commit.refusal, fix))
        elif version.verdict:
            reopened = version.reopened(self.closed)
            whole = _live(version, version.event, commit, raw_object)
            would_count = whole.restricted_to(Portion(without=frozenset(version.verdict.booked)))
            self.inactive.append(
                InactiveDelivery(
                    version.event,
                    commit,
                    *_words_of_hold(version.verdict, reopened),
                    would_count=would_count,
                    is_waiting=version.verdict.is_waiting,
                    reopened=reopened,
                )
            )


_LISTS = tuple(field.name for field in fields(_Derivation) if field.name not in {"commits", "closed"})

_Part = LiveDelivery | tuple[tuple[str, list[Any]], ...]
"""What follows from one raw object: a delivery that counts and nothing else, as of most of thousands, or what each list
of a `_Derivation` gets."""


def _derive_part(
    raw_object: _Object | _PlainObject,
    commits: Mapping[str, DeliveryCommit],
    closed: Mapping[str, PeriodStatusChanged],
) -> _Part:
    if isinstance(raw_object, _PlainObject):
        event, verdict = raw_object.event, raw_object.verdict
        if verdict is not None and (commit := commits.get(event.delivery_id)) and commit.status == "read":
            position = event.order or commit.order, (raw_object.scan, event.modified_at), event.object_key
            return LiveDelivery(event, commit, position, verdict)
        raw_object = raw_object.in_full()
    version = raw_object.only_version
    if version and (commit := commits.get(version.event.delivery_id)) and commit.status == "read":
        return _live(version, version.event, commit, raw_object)
    derivation = _Derivation(commits, closed)
    derivation.add(raw_object)
    part = tuple((name, items) for name in _LISTS if (items := getattr(derivation, name)))
    live = derivation.live
    is_live_alone = [name for name, _ in part] == ["live", "effective"] and len(live) == len(derivation.effective) == 1
    return live[0] if is_live_alone and live[0] is derivation.effective[0] else part


def _position_of(delivery: LiveDelivery) -> Position:
    return delivery.position


def _live(version: _Version, event: DeliveryDiscovered, commit: DeliveryCommit, raw_object: _Object) -> LiveDelivery:
    return LiveDelivery(event, commit, _position(event, commit, raw_object), version.verdict, version.accepted)


def _position(event: DeliveryDiscovered, commit: DeliveryCommit, raw_object: _Object) -> Position:
    return event.order or commit.order, raw_object.first_seen[event.fingerprint], event.object_key


def _withdrawn(
    version: _Version,
    commit: DeliveryCommit,
    decision: DecisionRecorded,
    raw_object: _Object,
    closed: Collection[str],
) -> InactiveDelivery:
    would_count = _live(version, version.counted or version.event, commit, raw_object)
    reason, fix = _words_of_withdrawal(decision)
    of_closed = sorted({count.period for count in commit.periods}.intersection(closed))
    if of_closed and not decision.keeps_earlier:
        has = "it has lines in a closed period" if len(of_closed) == 1 else "it has lines in closed periods"
        fix += f"; {has}, {', '.join(of_closed)}, which may have to be opened first"
    return InactiveDelivery(version.event, commit, reason, fix, decision, would_count)


def _words_of_hold(verdict: Verdict, reopened: Sequence[str], decided: Sequence[str] = ()) -> tuple[str, str]:
    """Return why something is held and what to do.

    A reason about periods that are open by now is of then, and one about late lines may also be about periods that
    people have decided since.
    """
    reason = "; ".join(verdict.reasons)
    if reason and decided:
        reason += f"; its lines of {', '.join(decided)} are decided since"
    if not reopened:
        return reason or "waits for the next run, which judges it again", verdict.fix
    verb = "was" if len(reopened) == 1 else "were"
    opened = f"{', '.join(reopened)} {verb} opened again, so the next run judges it again"
    return (
        f"{opened}; it was held because it \u201c{reason}\u201d",
        f"`finance-platform run` publishes it if nothing else holds it; {verdict.fix}",
    )


def _words_of_booking(decision: DecisionRecorded | Verdict | None) -> str:
    """Return why other lines count instead of those of a closed period."""
    match decision:
        case DecisionRecorded():
            return f"booked in {decision.booked_in} by {decision.who}: {decision.why}"
        case Verdict():
            return f"booked in {decision.booked_in}, as `late_lines` of its feed says"
        case None:
            return "repeats lines of an earlier version that are booked in a later period"


def _words_of_withdrawal(decision: DecisionRecorded) -> tuple[str, str]:
    """Return why something does not count, and how it counts again."""
    options = "--late-lines --undo" if decision.late_periods else "--undo"
    return (
        f"withdrawn by {decision.who}: {decision.why}",
        f"`finance-platform withdraw {options} {quote_name(decision.object_key)} --why TEXT` takes it in again",
    )


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


def live_with(live: Iterable[LiveDelivery], delivery: LiveDelivery) -> list[LiveDelivery]:
    """Return the live deliveries, in order, if `delivery` counts instead of those of its object, where it does."""
    without, after = delivery.portion.without, [delivery]
    for other in live:
        if other.event.object_key != delivery.event.object_key:
            after.append(other)
        elif part := other.staying_in(without):
            after.append(part)
    return sorted(after, key=lambda one: one.position)


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
    lines or the one that its feed or its name gives.
    """
    commit = delivery.commit
    with_lines = {(fold(count.scenario), count.period) for count in commit.periods}
    scenarios = {scenario for scenario, _ in with_lines} | {fold(name) for name in commit.constant_scenarios}
    return with_lines | {(scenario, period) for scenario in scenarios for period in commit.covers}
