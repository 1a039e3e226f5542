"""Raw objects as the register's events leave them, one event after the other.

Belongs here: the versions of an object, and what verdicts and decisions do to each. Does not belong here: what follows
from them with the commits (see `state_derivation`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from finance_platform.deliveries.events import DecisionRecorded, DeliveryDiscovered, Event, PeriodStatusChanged, Verdict
from finance_platform.deliveries.state import MASTER_DATA, FirstSeen
from finance_platform.feeds.values.dates import next_period

_Booking = tuple[tuple[str, ...], DecisionRecorded | Verdict | None]


@dataclass(slots=True)
class Version:
    """One delivery of an object with the events that concern it.

    Attributes:
        event: the last discovery.
        discovered_at: its place among all events; of one that a withdrawal left to the next run, that of the
            withdrawal.
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
        acceptance: the last acceptance of it as a whole.
        is_continued: whether a later reading with the same lines counts in its place, with what was decided about it.
        is_back: whether it has come back after other contents and was not judged since: its last verdict is of then.
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
    acceptance: DecisionRecorded | None = None
    is_continued: bool = False
    is_back: bool = False

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

    def await_verdict(self) -> None:
        """Let the next run judge it as a content that comes now, whatever was decided about its late lines before."""
        self.is_verdict_current, self.is_back, self.counted = False, True, None
        self.split, self.late, self.dropped, self.booked = None, frozenset(), {}, {}

    def continue_from(self, earlier: Version, verdict: Verdict) -> None:
        """Take over what was decided about an earlier reading with the same lines, which no longer counts."""
        self.accepted, self.acceptance = self.accepted | earlier.accepted, earlier.acceptance
        self.split = verdict if verdict.late else None
        self.late, self.dropped, self.booked = earlier.late, dict(earlier.dropped), dict(earlier.booked)
        self.is_reinstated = earlier.is_reinstated
        earlier.is_continued = True

    def groups(self, periods: Collection[str]) -> tuple[tuple[str, ...], ...]:
        """Return those groups of late periods that are among some periods."""
        return tuple(group for group in self.split.late if set(group) <= set(periods)) if self.split else ()

    def rejudge_late(self, verdict: Verdict) -> None:
        """Enter a verdict about lines that waited; what people decided about other periods stays."""
        decided = tuple(g for g in (self.split.late if self.split else ()) if not set(g).intersection(verdict.rejudges))
        self.split = replace(verdict, late=tuple(sorted({*verdict.late, *decided})), rejudges=())
        if self.counted is self.event:  # else the last verdict holds the file as its descriptor is now
            self.verdict = self.split
        self.late = self.late.difference(verdict.rejudges).union(*verdict.late)
        self.is_reinstated = False
        self.note_bookings(verdict)

    def reopened(self, closed: Collection[str]) -> tuple[str, ...]:
        """Return the periods because of which it waits as a whole, and that are open by now."""
        return tuple(period for period in (self.verdict.restates if self.verdict else ()) if period not in closed)

    def reopened_late(self, closed: Collection[str]) -> tuple[str, ...]:
        """Return the same of its late lines; of periods about which people have decided, nothing is judged again."""
        restated = self.split.restates if self.split else ()
        return tuple(period for period in restated if period in self.late and period not in closed)

    def decided(self) -> tuple[str, ...]:
        """Return the closed periods that the verdict about its late lines names, and about which people decided."""
        return tuple(period for period in self.split.restates if period not in self.late) if self.split else ()

    @property
    def is_counted(self) -> bool:
        """Whether it counts if it is the newest version that was read."""
        return self.counted is not None and not (self.withdrawn or self.is_continued)


@dataclass(slots=True)
class _Counted:
    """The time for which a version of master data counted; see `Description`."""

    delivery_id: str
    since: str
    until: str | None = None


@dataclass(slots=True)
class RawObject:
    """One raw object: its versions, the current one last.

    Attributes:
        versions: by delivery, in the order in which they were discovered last.
        first_seen: by fingerprint, when the content was first seen.
        counted: of master data, when which version counted.
        ended_at: the place before which versions no longer count, whether a withdrawal is undone or not.
    """

    versions: dict[str, Version] = field(default_factory=dict)
    first_seen: dict[str, FirstSeen] = field(default_factory=dict)
    counted: list[_Counted] = field(default_factory=list)
    ended_at: int = -1

    def note_counted(self, first_open: str) -> None:
        """Note which version counts after an event; `first_open` is the first period after the last closed one."""
        version = self.counted_version()
        current = version.event.delivery_id if version else None
        last = self.counted[-1] if self.counted and self.counted[-1].until is None else None
        if last and current and version and version.verdict and version.verdict.continues == last.delivery_id:
            last.delivery_id = current  # the same rows, which describe the same periods
            return
        if last and last.delivery_id != current:
            last.until = first_open
        if current and (last is None or last.delivery_id != current):
            self.counted.append(_Counted(current, first_open))

    def discover(self, event: DeliveryDiscovered, place: int, scan: int) -> None:
        """Enter the discovery of a content: a new version, or one that was there before.

        Args:
            event: the discovery.
            place: its place among all events.
            scan: the number of its run's scan.
        """
        self.first_seen.setdefault(event.fingerprint, (scan, event.modified_at))
        counted = self.counted_version()
        self._keep_late(self.versions.get(event.delivery_id), counted, place)
        is_newest = next(reversed(self.versions), None) == event.delivery_id
        version = self.versions.get(event.delivery_id) or Version(event, place)
        # An undone withdrawal gives back what was withdrawn, also if it was found again since.
        is_counted = self._counts_if_undone(version) if version.withdrawn else version is counted
        self.versions.pop(event.delivery_id, None)
        version.event, version.discovered_at, version.is_verdict_current = event, place, False
        version.is_continued = False
        if not is_counted:
            version.is_back = version.is_back or (version.verdict is not None and not is_newest)
            version.counted = None  # the version that counts remains until this one has a verdict
            version.booked = {}  # the verdict compares it with what counts without these: it may have been withdrawn
        self.versions[event.delivery_id] = version

    def _counts_if_undone(self, version: Version) -> bool:
        """Return whether a withdrawn version counts if its withdrawal is undone."""
        withdrawals = [(one, one.withdrawn) for one in self._of_content(version.event.delivery_id)]
        for one, _ in withdrawals:
            one.withdrawn = None
        counted = self.counted_version()
        for one, withdrawal in withdrawals:
            one.withdrawn = withdrawal
        return counted is version

    def _keep_late(self, earlier: Version | None, counted: Version | None, place: int) -> None:
        """Keep an earlier version that is discovered again where the version that counts now leaves periods to it."""
        if earlier and counted and earlier is not counted and earlier.is_counted and counted.uncounted:
            kept = f"{earlier.event.delivery_id} before {place}"
            self.versions = {kept if one is earlier else name: one for name, one in self.versions.items()}

    def _of_content(self, delivery_id: str) -> list[Version]:
        """Return the version of a content, before any that was kept when the content came back, the newest first."""
        return [one for one in reversed(self.versions.values()) if one.event.delivery_id == delivery_id]

    def _counted_of(self, delivery_id: str, late: Collection[str] = ()) -> Version:
        """Return the version of a content that counts, without its lines of some late periods."""
        counted = (one for one in self._of_content(delivery_id) if one.is_counted)
        return next((one for one in counted if one.undecided.issuperset(late)), self.versions[delivery_id])

    def decide(self, event: DecisionRecorded, place: int) -> None:
        """Enter a decision about a version; `place` is its place among all events."""
        version = self.versions[event.delivery_id]
        if event.late_periods:
            _decide_late(self._counted_of(event.delivery_id, event.late_periods), event)
        elif event.action == "withdrawn":
            counted = self.counted_version()
            is_counted = counted is not None and counted.event.delivery_id == event.delivery_id
            for one in self._of_content(event.delivery_id) if is_counted else (version,):
                one.withdrawn, one.withdrawn_at = event, place
            if event.leaves in self.versions:
                self.versions[event.leaves].discovered_at = place  # as if it had been found now
        elif event.action == "reinstated":
            if event.is_judged_again:
                self._end_earlier(version)
            for one in self._of_content(event.delivery_id):
                one.withdrawn = None
                if event.is_judged_again:
                    one.await_verdict()
        elif version.verdict and not (version.verdict.is_final or version.verdict.is_waiting):
            version.counted = version.event
            version.accepted |= set(version.verdict.kinds)
            version.acceptance = event
            version.split, version.late, version.dropped = None, frozenset(), {}
            version.repeat_bookings(version.verdict.booked)
            version.note_bookings(event)

    def _end_earlier(self, version: Version) -> None:
        """Let the versions that were withdrawn with one stay out, since it is judged beside what counts without."""
        if version.withdrawn and not version.withdrawn.keeps_earlier:
            self.ended_at = max(self.ended_at, min(version.discovered_at, version.withdrawn_at))

    def evaluate(self, verdict: Verdict) -> None:
        """Enter a verdict about a version."""
        version = self.versions[verdict.delivery_id]
        version.is_verdict_current, version.is_back = True, False
        self._end_earlier(version)
        if verdict.rejudges:
            self._counted_of(verdict.delivery_id, verdict.rejudges).rejudge_late(verdict)
            return
        version.verdict = verdict
        if verdict.is_held and not verdict.is_accepted_by(version.accepted):
            return
        version.counted = version.event
        if verdict.continues in self.versions:
            version.continue_from(self._counted_of(verdict.continues), verdict)
            return
        if not (verdict.late and version.split) or version.split.late != verdict.late or verdict.is_new_split:
            # A verdict that repeats the split leaves what was decided since; a content that has come back is judged.
            version.split = verdict if verdict.late else None
            version.late, version.dropped = frozenset(chain.from_iterable(verdict.late)), {}
            version.repeat_bookings(verdict.booked)
            version.note_bookings(verdict)

    def newest_first(self) -> Sequence[Version]:
        """Return the versions, the last one that was discovered first.

        A version that was withdrawn comes before a later reading of the same bytes that no run has judged: these are
        withdrawn with it.
        """
        versions = list(reversed(self.versions.values()))
        version = versions[0] if versions else None
        for _ in self.versions:
            if version is None or version.verdict or not version.event.reads_again:
                break
            version = self.versions.get(version.event.reads_again)
            if version and version.withdrawn:
                versions.remove(version)
                return [version, *versions]
        return versions

    def earlier_reading(self, version: Version) -> Version | None:
        """Return the version that counts, if another one is the same bytes under the same rules, read again."""
        counted, name = self.counted_version(), version.event.reads_again
        if counted is version:
            return None  # what it looks up has changed and is as it was again
        for _ in self.versions:
            if not name or counted is None:
                return None
            if counted.event.delivery_id == name:
                return counted
            name = self.versions[name].event.reads_again if name in self.versions else ""
        return None

    @property
    def bookings(self) -> frozenset[str]:
        """The deliveries that have lines of its versions in a later period."""
        return frozenset(
            name for version in self.versions.values() for names, _ in version.booked.values() for name in names
        )

    @property
    def is_master_data(self) -> bool:
        """Whether its newest version describes departments or accounts."""
        return self.newest_first()[0].event.kind in MASTER_DATA

    @property
    def only_version(self) -> Version | None:
        """Its version, if it has only one and nothing but its lines follows from it once it is read; else None.

        Of most of thousands of objects it is so; a whole derivation finds the same.
        """
        if len(self.versions) != 1 or self.counted:
            return None
        (version,) = self.versions.values()
        is_plain = version.is_verdict_current and version.counted is version.event and not version.withdrawn
        return version if is_plain and not (version.late or version.dropped or version.booked) else None

    @property
    def withdrawn_at(self) -> int:
        """Place of the last withdrawal of the whole object; versions that were judged before it do not count."""
        places = (v.withdrawn_at for v in self.versions.values() if v.withdrawn and not v.withdrawn.keeps_earlier)
        return max((*places, self.ended_at))

    def counted_version(self) -> Version | None:
        """Return the newest version that counts, if there is one."""
        if not self.versions:
            return None
        withdrawn_at = self.withdrawn_at
        return next((v for v in self.newest_first() if v.is_counted and v.discovered_at >= withdrawn_at), None)


@dataclass(slots=True)
class PlainObject:
    """An object whose last version was discovered and, at most, got a verdict by which it simply counts.

    So did each of its earlier versions: another content, or the same one under other reading rules. A version may have
    been discovered again, as every file is in a home that was copied or restored, and got such a verdict again. Of
    thousands of objects almost all are so, and this is a fifth of the work that a `RawObject` is. Any other event makes
    it one.

    Attributes:
        event: the discovery of the last version.
        place: its place among all events.
        scan: the number of its run's scan.
        verdict: the verdict about it, if there is one.
        earlier: the versions before it, the first one first; and each earlier discovery of the same version.
    """

    event: DeliveryDiscovered
    place: int
    scan: int
    verdict: Verdict | None = None
    earlier: tuple[PlainObject, ...] = ()

    def takes(self, event: DeliveryDiscovered | Verdict | DecisionRecorded, place: int, scan: int) -> bool:
        """Return whether the object is as plain with a further event, and has it then.

        Args:
            event: the event.
            place: its place among all events.
            scan: the number of the last scan.
        """
        if isinstance(event, DeliveryDiscovered):
            return self._takes_version(event, place, scan)
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

    def _takes_version(self, event: DeliveryDiscovered, place: int, scan: int) -> bool:
        # The version that counts stays in its place; an earlier one would come back before others.
        is_other = event.delivery_id != self.event.delivery_id
        is_back = is_other and any(one.event.delivery_id == event.delivery_id for one in self.earlier)
        if self.verdict is None or is_back:
            return False
        self.earlier = (*self.earlier, PlainObject(self.event, self.place, self.scan, self.verdict))
        self.event, self.place, self.scan, self.verdict = event, place, scan, None
        return True

    @property
    def replaced_ids(self) -> Iterable[str]:
        """The identities of its versions without the last one, the newest first."""
        ids = dict.fromkeys(one.event.delivery_id for one in reversed(self.earlier))
        ids.pop(self.event.delivery_id, None)
        return ids

    @property
    def first_seen(self) -> FirstSeen:
        """When the content of the last version was first seen."""
        fingerprint = self.event.fingerprint
        for one in self.earlier:
            if one.event.fingerprint == fingerprint:
                return one.scan, one.event.modified_at
        return self.scan, self.event.modified_at

    def in_full(self) -> RawObject:
        """Return the object as its events leave it."""
        raw_object = RawObject()
        for earlier in self.earlier:
            earlier.enter(raw_object)
        self.enter(raw_object)
        return raw_object

    def enter(self, raw_object: RawObject) -> None:
        """Enter the events of the last discovery into an object."""
        raw_object.discover(self.event, self.place, self.scan)
        if self.verdict is not None:
            raw_object.evaluate(self.verdict)


def in_full_of(raw_object: RawObject | PlainObject) -> RawObject:
    """Return an object with its versions, whether it is plain or not."""
    return raw_object.in_full() if isinstance(raw_object, PlainObject) else raw_object


def _decide_late(version: Version, event: DecisionRecorded) -> None:
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


def counted_objects(events: Iterable[Event]) -> set[str]:
    """Return the keys of the raw objects of which a version counts."""
    objects = replay_events(events).objects
    return {key for key, raw_object in objects.items() if in_full_of(raw_object).counted_version()}


def replay_events(events: Iterable[Event]) -> Replay:
    """Return the raw objects as all of these events leave them."""
    replay = Replay()
    replay.add(events)
    return replay


_OF_OBJECTS = (DeliveryDiscovered, Verdict, DecisionRecorded)
"""The events about a raw object."""


class Replay:
    """The raw objects as events leave them, one after the other.

    Attributes:
        objects: by key, in the order in which they were discovered.
        closed: the closing of each closed period.
    """

    def __init__(self) -> None:
        self.objects: dict[str, RawObject | PlainObject] = {}
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
            if isinstance(event, _OF_OBJECTS):
                if self._add(event, place):
                    changed.add(event.object_key)
            elif isinstance(event, PeriodStatusChanged):
                is_every = True
                self.closed.pop(event.period, None)
                if event.action == "closed":
                    self.closed[event.period] = event
        return None if is_every else changed

    def _add(self, event: DeliveryDiscovered | Verdict | DecisionRecorded, place: int) -> bool:
        """Enter an event about a raw object; return whether the object is known."""
        raw_object = self.objects.get(event.object_key)
        if isinstance(event, DeliveryDiscovered):
            self._scan, self._run_id = self._scan + (event.run_id != self._run_id), event.run_id
            self._own(event.delivery_id, event.object_key)
            if raw_object is None and event.kind not in MASTER_DATA:
                self.objects[event.object_key] = PlainObject(event, place, self._scan)
                return True
        if isinstance(raw_object, PlainObject):
            if raw_object.takes(event, place, self._scan):
                return True
            raw_object = self.objects[event.object_key] = raw_object.in_full()
        return self._add_in_full(raw_object, event, place)

    def _add_in_full(
        self, raw_object: RawObject | None, event: DeliveryDiscovered | Verdict | DecisionRecorded, place: int
    ) -> bool:
        if raw_object is None:
            if not isinstance(event, DeliveryDiscovered):
                return False  # as below
            raw_object = self.objects[event.object_key] = RawObject()
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
