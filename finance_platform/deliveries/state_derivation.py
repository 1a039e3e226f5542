"""The state that follows from the register's events and the commits.

Belongs here: which deliveries are live, held, refused, withdrawn or pending; which periods are closed. Pure functions.
Does not belong here: the events of one object (see `raw_objects`), when a delivery is held (see `acceptance`).
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from itertools import chain, islice
from typing import Any

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.events import DecisionRecorded, DeliveryDiscovered, Event, PeriodStatusChanged, Verdict
from finance_platform.deliveries.header_changes import HeaderChange, HeaderHistory
from finance_platform.deliveries.portions import WHOLE, Portion
from finance_platform.deliveries.raw_objects import PlainObject, RawObject, Replay, Version, in_full_of, replay_events
from finance_platform.deliveries.state import (
    DeliveryState,
    Description,
    EarlierReading,
    InactiveDelivery,
    LiveDelivery,
    Position,
    add_counted,
)
from finance_platform.money_text import net_and_gross
from finance_platform.safe_text import quote_name


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
        self._replay = Replay()
        self._headers = HeaderHistory()
        self._parts: dict[str, _Part] = {}

    def derive(self, events: Sequence[Event], commits: Mapping[str, DeliveryCommit]) -> DeliveryState:
        """Return the state that follows from the events and commits; neither is changed afterwards.

        Whoever gets an exception does not go on with the derivation.
        """
        if len(events) < len(self._events) or not all(map(operator.is_, self._events, events)):
            self._replay, self._headers, self._parts, self._events = Replay(), HeaderHistory(), {}, ()
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
        for raw_object in map(in_full_of, replay_events(events).objects.values())
        for delivery_id, version in raw_object.versions.items()
        if delivery_id in commits
    }


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
    dormant: list[DeliveryCommit] = field(default_factory=list)
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
    earlier_readings: list[tuple[str, EarlierReading]] = field(default_factory=list)

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
            deliveries.sort(key=operator.attrgetter("position"))
        return DeliveryState(
            live=self.live,
            inactive=self.inactive,
            pending=self.pending,
            superseded=self.superseded,
            dormant=self.dormant,
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
            earlier_readings=dict(self.earlier_readings),
        )

    def add(self, raw_object: RawObject) -> None:
        """Enter the versions of one object."""
        self._add_descriptions(raw_object)
        self._add_dormant(raw_object)
        ends_at = raw_object.withdrawn_at
        hides_until = -1  # a newer version hides that earlier ones were withdrawn until then; one that counts, always
        portion: Portion = WHOLE  # what newer versions leave to the next one that counts
        effective: Portion | None = WHOLE  # the same, as if booked lines were in their own period
        for nth, version in enumerate(raw_object.newest_first()):
            commit = self.commits.get(version.event.delivery_id)
            if commit is None:
                if nth == 0:
                    self.pending.append(version.event)
                if version.is_counted and version.discovered_at >= ends_at:
                    self.missing.append(version.event)
                    # Earlier versions must not come back in its place.
                    ends_at, hides_until, portion = version.discovered_at, sys.maxsize, WHOLE
                continue
            if nth == 0 and commit.status == "read":
                self._enter_undecided(version, commit, raw_object)
            if version.withdrawn and version.withdrawn_at <= hides_until:
                continue  # a newer version counts instead, or was withdrawn as well and later
            is_ended = version.discovered_at < ends_at or version.is_continued
            portions = portion, effective
            if self._enter(version, commit, raw_object, *portions, is_current=nth == 0, is_ended=is_ended):
                hides_until = sys.maxsize
                portion = portion.leaving(version.uncounted) or WHOLE
                effective = effective.leaving(version.undecided) if effective else None
                if portion.is_whole:
                    ends_at = version.discovered_at  # earlier versions no longer count
            elif version.withdrawn and not version.withdrawn.keeps_earlier:
                hides_until = max(hides_until, version.withdrawn_at)

    def _add_dormant(self, raw_object: RawObject) -> None:
        """Enter the earlier versions that count, or count in more periods, if newer ones are taken out."""
        for nth, version in enumerate(raw_object.newest_first()):
            commit = self.commits.get(version.event.delivery_id)
            if version.counted is None or version.is_continued or commit is None:
                continue
            if nth:
                self.dormant.append(commit)
            leaves_earlier = version.withdrawn is not None and version.withdrawn.keeps_earlier
            if not version.uncounted and not leaves_earlier:
                return

    def _add_descriptions(self, raw_object: RawObject) -> None:
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

    def _enter_undecided(self, version: Version, commit: DeliveryCommit, raw_object: RawObject) -> None:
        """Enter a current version that has no verdict yet, or one that may end by itself."""
        if not version.is_verdict_current:
            self.awaiting_verdict.append(_live(version, version.event, commit, raw_object))
            self._enter_earlier_reading(version, raw_object)
        elif (
            version.verdict
            and version.verdict.is_held
            and (version.verdict.may_end or version.reopened(self.closed))
            and not version.withdrawn
            and version.counted != version.event  # a person may have accepted it
        ):
            self.waiting.append(_live(version, version.event, commit, raw_object))

    def _enter_earlier_reading(self, version: Version, raw_object: RawObject) -> None:
        """Enter the delivery that counts, if the version is the same bytes under the same rules, read again."""
        earlier = raw_object.earlier_reading(version) if version.event.reads_again else None
        commit = self.commits.get(earlier.event.delivery_id) if earlier else None
        if earlier and earlier.counted and commit:
            reading = EarlierReading(
                earlier.counted,
                commit,
                earlier.split or earlier.verdict,
                earlier.uncounted,
                earlier.undecided,
                earlier.acceptance,
                tuple(dict.fromkeys(earlier.dropped.values())),
            )
            self.earlier_readings.append((version.event.delivery_id, reading))

    def _enter(
        self,
        version: Version,
        commit: DeliveryCommit,
        raw_object: RawObject,
        portion: Portion,
        effective: Portion | None,
        *,
        is_current: bool,
        is_ended: bool,
    ) -> bool:
        """Enter one version that was read or refused; return whether it counts, in the periods of `portion`."""
        if version.withdrawn:
            newest = raw_object.newest_first()[0]
            # One that came back when the newest version was withdrawn, and was withdrawn then, is to be undone first:
            # what is booked of the newest version is the difference from it.
            came_back = version.withdrawn_at > (newest.withdrawn_at if newest.withdrawn else newest.discovered_at)
            is_kept = version is not raw_object.versions[version.event.delivery_id]  # withdrawn with its content
            if is_current or not version.withdrawn.keeps_earlier or (came_back and not is_kept):
                self.withdrawn.append(_withdrawn(version, commit, version.withdrawn, raw_object, self.closed))
            return False
        if version.counted is None or commit.status != "read":
            if is_current and not version.is_back:
                self._enter_inactive(version, commit, raw_object)
            return False
        if is_ended:
            self.superseded.append(commit)
            return False
        whole = _live(version, version.counted, commit, raw_object)
        live = whole.restricted_to(replace(portion, without=version.uncounted))
        if live:
            add_counted(self.live, live)
        else:
            self.superseded.append(commit)
        if effective is not None:
            self._enter_effective(version, whole, effective, raw_object.bookings)
        self._enter_bookings(version, whole, portion)
        if is_current and version.is_verdict_current and version.counted != version.event:
            self._enter_inactive(version, commit, raw_object)
        if portion.is_whole:
            self._enter_late(version, whole)
        return True

    def _enter_effective(
        self, version: Version, whole: LiveDelivery, portion: Portion, bookings: frozenset[str]
    ) -> None:
        """Enter the lines that count as if booked ones were in their own period."""
        counted = whole.restricted_to(replace(portion, without=version.undecided))
        if counted:
            # Of thousands of deliveries, almost none is booked elsewhere, and each stays the object that it is.
            booked = frozenset(version.booked)
            is_plain = not booked and not bookings
            add_counted(self.effective, counted if is_plain else replace(counted, booked=booked, bookings=bookings))

    def _enter_bookings(self, version: Version, whole: LiveDelivery, portion: Portion) -> None:
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
                commit_of_lines = self.commits.get(booking)
                if commit_of_lines is None:
                    event = replace(whole.event, delivery_id=booking, load_mode="append", is_scoped=False)
                    self.missing.append(event)
                    self.missing_bookings.append((booking, period))
                else:
                    self.live.append(whole.booked_later(commit_of_lines, period))

    def _enter_late(self, version: Version, whole: LiveDelivery) -> None:
        """Enter the lines that wait, and those that a person withdrew alone."""
        if version.split and version.late:
            reopened, groups = version.reopened_late(self.closed), version.groups(version.late)
            reason, fix = _words_of_hold(version.split, reopened, version.decided())
            if self.inactive:  # a derivation has one object
                options = " ".join(f"--period {period}" for period in sorted(version.late))
                fix += f"; since the file waits as a whole too, `accept` needs {options} for these lines"
            self.inactive.append(
                InactiveDelivery(
                    version.event,
                    Portion(version.late).of(whole.commit),
                    reason,
                    fix,
                    would_count=whole.restricted_to(Portion(without=version.uncounted - version.late)),
                    is_waiting=version.split.is_waiting,
                    late=groups,
                    reopened=reopened,
                )
            )
            # A change of `late_lines` leaves a file with withdrawn lines as it is (555), and books what waits.
            is_to_book = bool(version.dropped) and version.event.late_lines == "next_open_period"
            is_unjudged = bool(reopened) or version.is_reinstated or version.split.may_end or is_to_book
            if is_unjudged:
                # As if lines that are booked in a later period were in their own, as all live deliveries are then.
                candidate = whole.restricted_to(Portion(without=frozenset(version.dropped)))
                if candidate:
                    booked = frozenset(version.booked)
                    self.waiting.append(replace(candidate, verdict=version.split, late=groups, booked=booked))
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

    def _enter_inactive(self, version: Version, commit: DeliveryCommit, raw_object: RawObject) -> None:
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
    raw_object: RawObject | PlainObject,
    commits: Mapping[str, DeliveryCommit],
    closed: Mapping[str, PeriodStatusChanged],
) -> _Part:
    if isinstance(raw_object, PlainObject):
        event, verdict = raw_object.event, raw_object.verdict
        if verdict is not None and (commit := commits.get(event.delivery_id)) and commit.status == "read":
            position = event.order or commit.order, raw_object.first_seen, event.object_key
            only = LiveDelivery(event, commit, position, verdict)
            if not raw_object.earlier:
                return only
            replaced = map(commits.get, raw_object.replaced_ids)
            superseded = [one for one in replaced if one and one.status == "read"]
            return (("live", [only]), ("superseded", superseded), ("effective", [only])) if superseded else only
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


def _live(version: Version, event: DeliveryDiscovered, commit: DeliveryCommit, raw_object: RawObject) -> LiveDelivery:
    return LiveDelivery(event, commit, _position(event, commit, raw_object), version.verdict, version.accepted)


def _position(event: DeliveryDiscovered, commit: DeliveryCommit, raw_object: RawObject) -> Position:
    return event.order or commit.order, raw_object.first_seen[event.fingerprint], event.object_key


def _withdrawn(
    version: Version,
    commit: DeliveryCommit,
    decision: DecisionRecorded,
    raw_object: RawObject,
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
        if left := _words_of_amounts([one for one in verdict.moved if one[0] not in decided]):
            reason += f", and {left} of {', '.join(sorted(set(verdict.restates).difference(decided)))} still wait"
    if not reopened:
        return reason or "waits for the next run, which judges it again", verdict.fix
    verb = "was" if len(reopened) == 1 else "were"
    opened = f"{', '.join(reopened)} {verb} opened again, so the next run judges it again"
    return (
        f"{opened}; it was held because it \u201c{reason}\u201d",
        f"`finance-platform run` publishes it if nothing else holds it; {verdict.fix}",
    )


def _words_of_amounts(moved: Iterable[tuple[str, str, str, str]]) -> str:
    """Return what would move in some periods, by scenario: one amount, or net and gross where they differ."""
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for _, scenario, net, gross in moved:
        before = sums.get(scenario, (Decimal(0), Decimal(0)))
        sums[scenario] = before[0] + Decimal(net), before[1] + Decimal(gross)
    return ", ".join(f"{scenario} {net_and_gross(net, gross)}" for scenario, (net, gross) in sorted(sums.items()))


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
