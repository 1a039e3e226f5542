"""Acceptance: whether a delivery that was read counts at once, or is held.

Belongs here: verdicts, and what to do about a held delivery. A verdict is made once, against the deliveries that count
at that moment, and recorded in the register; only a new discovery leads to a new verdict, the arrival of what a
waiting delivery needs, or the opening of the closed period because of which it waits.
Does not belong here: the reasons (see `hold_reasons`), what people decide (see `decisions`), what follows from a
verdict (see `state_derivation`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from finance_platform.count_text import period_spans
from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.current_state import read_state
from finance_platform.deliveries.events import Verdict, utc_text
from finance_platform.deliveries.hold_kinds import UNBOOKABLE
from finance_platform.deliveries.live_lines import LiveLines
from finance_platform.deliveries.members.merged_codes import find_merging
from finance_platform.deliveries.overlaps import NO_OVERLAPS, Overlaps, record_overlaps
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.state import DeliveryState, EarlierReading, LiveDelivery
from finance_platform.deliveries.verdicts.bookings import Booking, write_booking
from finance_platform.deliveries.verdicts.earlier_readings import describe_differences, find_differences
from finance_platform.deliveries.verdicts.fixes import fix_of_hold, fix_of_late_lines, may_book, name_file
from finance_platform.deliveries.verdicts.hold_reasons import HOLD, PUBLISH, RESTATEMENT, HoldReasons
from finance_platform.deliveries.verdicts.late_lines import Groups
from finance_platform.deliveries.verdicts.live_deliveries import LiveDeliveries
from finance_platform.deliveries.verdicts.moved_files import find_lines_returned_by_moves
from finance_platform.deliveries.verdicts.other_loads import find_returning_years
from finance_platform.deliveries.verdicts.returning_lines import (
    ReturningLines,
    find_own_returning_lines,
    find_returning_lines_of_others,
)
from finance_platform.storage.port import ObjectStore

_REPORT = "this is a fault of the platform: keep the file and report it"


def evaluate_deliveries(
    processed: ObjectStore, *, at: datetime, run_id: str, holds_closed_periods: bool
) -> list[Verdict]:
    """Make a verdict on every delivery that awaits one, in delivery order; record the verdicts and return them.

    Reference deliveries come first, since ledger lines may need their types. Deliveries that others can set free, and
    those that wait because of a period that is open by now, are evaluated again, and have a new verdict if the result
    is another one.

    Args:
        processed: the processed zone; the caller holds the run's lock.
        at: now, UTC.
        run_id: the run that evaluates.
        holds_closed_periods: whether lines that would restate a closed period wait, where their feed does not say it.
    """
    state = read_state(processed)
    candidates = _candidates(state)
    verdicts = _evaluate(processed, state, candidates, at, run_id, holds_closed_periods=holds_closed_periods)
    if verdicts or len(candidates) < len(state.awaiting_verdict) + len(state.waiting):
        # Late lines of a file that counts as before, by a verdict that repeats the last one or holds what was found.
        state = read_state(processed)
        if any(one.late for one in state.waiting):
            candidates = _candidates(state, are_late_lines_first=True)
            verdicts += _evaluate(processed, state, candidates, at, run_id, holds_closed_periods=holds_closed_periods)
    return verdicts


def _candidates(state: DeliveryState, *, are_late_lines_first: bool = False) -> list[LiveDelivery]:
    """Return the deliveries to judge: of each file the newest version as a whole, or the late lines of what counts.

    The newest version may replace the late lines, so these are judged after it.
    """
    undecided = [*state.awaiting_verdict, *state.waiting]
    first = {one.event.object_key for one in undecided if bool(one.late) is are_late_lines_first}
    candidates = [
        one for one in undecided if bool(one.late) is are_late_lines_first or one.event.object_key not in first
    ]
    return sorted(candidates, key=lambda one: (one.event.kind == "ledger", one.position))


def _evaluate(
    processed: ObjectStore,
    state: DeliveryState,
    candidates: Sequence[LiveDelivery],
    at: datetime,
    run_id: str,
    *,
    holds_closed_periods: bool,
) -> list[Verdict]:
    if not candidates:
        return []
    candidate_keys = {candidate.event.object_key for candidate in candidates}
    others = [delivery for delivery in state.effective if delivery.event.object_key not in candidate_keys]
    published = NO_OVERLAPS
    if state.all_effective:
        others_published = [one for one in state.live if one.event.object_key not in candidate_keys]
        published = record_overlaps(processed, state.live)
        replaced = _versions_to_replace(state.live, candidates)
        published |= record_overlaps(processed, [*others_published, *candidates, *replaced])
    overlaps = published
    if len(others) < len(state.effective):  # else the deliveries below are these, and the candidates
        overlaps |= record_overlaps(processed, state.effective)
    overlaps |= record_overlaps(processed, [*others, *candidates, *_versions_to_replace(state.effective, candidates)])
    merging = find_merging(processed, [*state.effective, *candidates])
    returning: dict[str, Sequence[ReturningLines]] = {}
    while True:
        policy = _AcceptancePolicy(
            processed,
            state,
            overlaps,
            holds_closed_periods=holds_closed_periods,
            returning=returning,
            merging=merging,
        )
        by_id = _judge(policy, candidates, utc_text(at), run_id)
        found = policy.returning_lines(candidates)
        if found.keys() <= returning.keys():
            break
        # These files wait, and those that replace their lines are judged again beside what counts instead of them.
        returning = found | returning
    awaiting = {one.delivery_id for one in state.awaiting_verdict}
    earlier = {one.delivery_id: one for one in candidates if one.delivery_id not in awaiting}
    verdicts = [verdict for of_id, verdict in by_id.items() if not _is_repeated(verdict, earlier.get(of_id))]
    Register(processed).append(verdicts)
    return verdicts


def _judge(policy: _AcceptancePolicy, candidates: Sequence[LiveDelivery], at: str, run_id: str) -> dict[str, Verdict]:
    """Return the verdict on each candidate, judged one after the other."""
    by_id = {one.delivery_id: policy.evaluate(one, at, run_id) for one in candidates}
    waiting = _still_waiting(candidates, by_id)
    while waiting:
        # One that counts now may be what another one waits for.
        by_id |= {one.delivery_id: policy.evaluate(one, at, run_id) for one in waiting}
        still_waiting = _still_waiting(waiting, by_id)
        if len(still_waiting) == len(waiting):
            break
        waiting = still_waiting
    return {one.delivery_id: policy.with_offers(one, by_id[one.delivery_id]) for one in candidates}


def _versions_to_replace(deliveries: Sequence[LiveDelivery], candidates: Sequence[LiveDelivery]) -> list[LiveDelivery]:
    """Return the versions that count until one of the candidates does, if there are candidates for other objects too.

    A candidate that comes first is judged while they count, and they stay if the candidate for their object is held.
    """
    ids, keys = {one.delivery_id for one in candidates}, {one.event.object_key for one in candidates}
    if len(keys) == 1:
        return []
    return [one for one in deliveries if one.event.object_key in keys and one.delivery_id not in ids]


def _still_waiting(candidates: Sequence[LiveDelivery], verdicts: Mapping[str, Verdict]) -> list[LiveDelivery]:
    return [candidate for candidate in candidates if verdicts[candidate.delivery_id].may_end]


def _is_repeated(verdict: Verdict, candidate: LiveDelivery | None) -> bool:
    earlier = candidate.verdict if candidate else None
    if candidate is None or earlier is None:
        return False
    if candidate.late and set(verdict.late) == set(candidate.late):
        # The one before also has the groups about which people have decided.
        verdict = replace(verdict, late=earlier.late, rejudges=())
    return replace(verdict, at=earlier.at, run_id=earlier.run_id, is_new_split=earlier.is_new_split) == earlier


class _AcceptancePolicy:
    """Makes verdicts; a delivery that counts after its verdict is among those that the next one is judged against."""

    def __init__(
        self,
        processed: ObjectStore,
        state: DeliveryState,
        overlaps: Overlaps,
        *,
        holds_closed_periods: bool,
        returning: Mapping[str, Sequence[ReturningLines]],
        merging: Collection[str],
    ) -> None:
        self._live = LiveDeliveries(state.effective, overlaps)
        self._processed = processed
        policy = HOLD if holds_closed_periods else PUBLISH
        self._published = LiveDeliveries(state.live, overlaps) if state.all_effective else None
        self._counted_before = {one.delivery_id: one for one in state.effective}
        self._live_lines = LiveLines(processed, overlaps)
        self._reasons = HoldReasons(
            processed,
            self._live,
            overlaps,
            set(state.closed),
            late_lines=policy,
            published=self._published,
            returning=returning,
            merging=merging,
        )
        self._earlier_readings = state.earlier_readings
        # A file of which a person withdrew only lines that waited counts in its other periods, and is no withdrawn one.
        self._withdrawn = {one.commit.delivery_id for one in state.withdrawn if not one.late}
        self._withdrawn_in_part = {one.commit.delivery_id for one in state.withdrawn if one.late}
        self._counted_then: dict[str, int] = {}

    def evaluate(self, candidate: LiveDelivery, at: str, run_id: str) -> Verdict:
        """Return the verdict; a delivery that counts joins the live ones."""
        rejudges = tuple(sorted(period for group in candidate.late for period in group))
        verdict = Verdict(candidate.event.object_key, candidate.delivery_id, at, run_id, rejudges=rejudges)
        if any(candidate.commit.unaccounted):
            return replace(verdict, reasons=(_unaccounted(candidate.commit),), fix=_REPORT, is_final=True)
        earlier = self._earlier_readings.get(candidate.delivery_id)
        differences = find_differences(self._processed, earlier, candidate) if earlier else []
        if earlier and not differences:
            return self._continue(candidate, earlier, verdict)
        is_decided = candidate.delivery_id in self._withdrawn_in_part
        if split := self._reasons.repeated_split(candidate, is_decided=is_decided):
            self._live.add(candidate, self._live.by_id[candidate.delivery_id].portion.without)
            # What was decided about an earlier reading is taken over once: people have decided about this one since.
            return replace(split, at=at, run_id=run_id, is_new_split=False, continues="")
        reasons, warnings = self._reasons.find(candidate)
        if candidate.late and candidate.verdict:
            warnings = candidate.verdict.warnings  # of its lines that count
        late: Groups = ()
        booked: list[LiveDelivery] = []
        bookings, too_large = self._reasons.bookings(candidate, {kind for kind, _ in reasons})
        if too_large:
            reasons.append((RESTATEMENT, too_large))
        if bookings:
            verdict = replace(
                verdict,
                booked_in=bookings[0].period,
                bookings=tuple((one.closed_period, one.booking_id) for one in bookings),
            )
            for booking in bookings:
                commit = write_booking(self._processed, booking)
                booked.append(candidate.booked_later(commit, booking.closed_period))
            warnings = (*warnings, _describe_bookings(bookings))
        elif reasons:
            late = self._reasons.late_periods(candidate, {kind for kind, _ in reasons}) or candidate.late
            reasons += self._reasons.wrong_bookings(candidate, reasons, late)
            kinds = tuple(dict.fromkeys(kind for kind, _ in reasons)) + ((UNBOOKABLE,) if too_large else ())
            texts = [text for _, text in reasons]
            texts[-1] += _describe_late(late)
            texts += describe_differences(earlier, differences)
            verdict = replace(
                verdict,
                reasons=tuple(texts),
                kinds=kinds,
                restates=self._reasons.restated_periods(candidate),
                moved=self._reasons.moved(candidate) if late else (),
                late=late,
                is_new_split=bool(late),
                fix=self._fix(candidate, kinds, late),
            )
        verdict = replace(
            verdict,
            booked=self._reasons.booked_periods(candidate),
            smaller=self._reasons.smaller_periods(candidate),
        )
        if not verdict.is_held or verdict.is_accepted_by(candidate.accepted):
            self._let_count(candidate, verdict, booked)
        self._counted_then[candidate.delivery_id] = len(self._live.added)
        return replace(verdict, warnings=warnings)

    def with_offers(self, candidate: LiveDelivery, verdict: Verdict) -> Verdict:
        """Return a verdict that offers what works beside all deliveries that count after those that were judged since.

        Its reasons to hold the delivery are those of then, but for new ones that no person can overrule.
        """
        counted_then = self._counted_then.get(candidate.delivery_id, len(self._live.added))
        is_decided = not verdict.reasons or verdict.is_accepted_by(candidate.accepted)
        if is_decided or counted_then == len(self._live.added):
            return verdict
        self._reasons.forget()
        obstacles = self._reasons.new_obstacles(candidate, verdict.kinds, verdict.late)
        kinds = tuple(dict.fromkeys((*verdict.kinds, *(kind for kind, _ in obstacles))))
        reasons = (*verdict.reasons, *(text for _, text in obstacles))
        return replace(verdict, reasons=reasons, kinds=kinds, fix=self._fix(candidate, kinds, verdict.late))

    def _fix(self, candidate: LiveDelivery, kinds: Collection[str], late: Groups) -> str:
        """Return what to do about a delivery that is held, or about its late lines."""
        is_too_large = UNBOOKABLE in kinds
        kinds = [kind for kind in kinds if kind != UNBOOKABLE]
        fix = fix_of_late_lines(kinds) if late else ""
        fix = fix or fix_of_hold(candidate, kinds, self._live, self._reasons)
        is_bookable = not is_too_large and may_book(fix) and self._reasons.may_be_booked(candidate, late)
        key, is_of_late_lines = candidate.event.object_key, bool(late)
        fix = name_file(fix, key, is_bookable=is_bookable, is_too_large=is_too_large, is_of_late_lines=is_of_late_lines)
        advice = candidate.commit.findings.advice
        return f"{advice}; or {fix}" if advice else fix

    def _let_count(self, candidate: LiveDelivery, verdict: Verdict, booked_later: Sequence[LiveDelivery]) -> None:
        """Let a delivery count for those that are judged after it, but for its lines that wait or are booked."""
        if candidate.delivery_id in self._withdrawn:
            return
        uncounted = [period for group in verdict.late for period in group]
        booked = frozenset({*verdict.booked, *(period for period, _ in verdict.bookings)})
        if booked and self._published is None:
            # The first lines that are booked: from now on others count than would without bookings.
            self._published = self._reasons.keep_published()
        self._live.add(replace(candidate, booked=booked) if booked else candidate, uncounted)
        if self._published:
            self._published.add(candidate, booked.union(uncounted))
            for one in booked_later:
                self._published.enter(one)

    def returning_lines(self, candidates: Sequence[LiveDelivery]) -> dict[str, Sequence[ReturningLines]]:
        """Return the lines that count again after all verdicts because of each candidate; most have none."""
        versions: dict[str, list[LiveDelivery]] = {}
        for version in self._counted_before.values():
            versions.setdefault(version.event.object_key, []).append(version)
        before, after = self._counted_before, self._live.by_id
        earlier = {one.delivery_id: versions.get(one.event.object_key, []) for one in candidates}
        found = {
            one.delivery_id: find_own_returning_lines(self._live_lines, before, after, one, earlier[one.delivery_id])
            for one in candidates
        }
        of_others = find_returning_lines_of_others(self._live_lines, before, after, earlier)
        of_moves = find_lines_returned_by_moves(self._live_lines, before, after, earlier)
        of_years = {
            one.delivery_id: find_returning_years(self._live_lines, self._live, one)
            for one in candidates
            if earlier[one.delivery_id]
        }
        sources = (found, of_others, of_moves, of_years)
        returning = {
            name: dict.fromkeys(lines for source in sources for lines in source.get(name, ())) for name in found
        }
        return {name: list(lines) for name, lines in returning.items() if lines}

    def _continue(self, candidate: LiveDelivery, earlier: EarlierReading, verdict: Verdict) -> Verdict:
        """Return the verdict on a file that is read again with the same lines and doubts; it counts as before.

        As a delivery that is discovered again it has no effect on others, so nothing is judged but what it is itself.
        """
        booked = earlier.uncounted - earlier.undecided
        self._live.add(replace(candidate, booked=booked), earlier.undecided)
        if self._published:
            self._published.add(candidate, earlier.uncounted)
        before, continues = earlier.verdict, earlier.commit.delivery_id
        if before is None:
            return replace(verdict, continues=continues)
        if before.late:
            verdict = replace(
                verdict,
                reasons=before.reasons,
                fix=before.fix,
                kinds=before.kinds,
                restates=before.restates,
                late=before.late,
                moved=before.moved,
            )
        return replace(
            verdict,
            warnings=before.warnings,
            smaller=before.smaller,
            booked=tuple(sorted(booked)),
            continues=continues,
        )


def _describe_late(late: Groups) -> str:
    """Return which lines of a delivery wait, and that its others count."""
    if not late:
        return ""
    shared = [group for group in late if len(group) > 1]
    groups = [
        *period_spans([group[0] for group in late if group not in shared]),
        *(f"{' and '.join(group)}, which share lines that move, vouchers, reversals or a year" for group in shared),
    ]
    return f"; only its lines of {' and of '.join(groups)} wait"


def _describe_bookings(bookings: Sequence[Booking]) -> str:
    closed = ", ".join(dict.fromkeys(one.closed_period for one in bookings))
    return f"would restate {closed}, closed, so what it would change there is booked in {bookings[0].period}"


def _unaccounted(commit: DeliveryCommit) -> str:
    rows, amount, unpriced = commit.unaccounted
    return f"not accounted for: {rows} rows, {amount}, {unpriced} cells that are not a valid amount"
