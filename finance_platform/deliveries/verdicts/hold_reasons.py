"""The reasons to hold a delivery, and its warnings, each a clause for people.

Belongs here: what is judged beside the deliveries that count. Does not belong here: what a commit alone shows (see
`commit_reasons`), words (see `reason_texts`), the verdict and what to do about it (see `acceptance`), which deliveries
count (see `live_deliveries`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from decimal import Decimal
from functools import reduce

from finance_platform.count_text import list_periods
from finance_platform.deliveries.commits import hash_kind
from finance_platform.deliveries.events import Verdict
from finance_platform.deliveries.hold_kinds import (
    BOOKED_KEY,
    CAME_LATE,
    CONFLICT,
    CONTROL_TOTAL,
    DOUBT,
    MOVED,
    NOTHING_ACCEPTED,
    OTHER_LOAD,
    OVERFLOW,
    SHARED_KEY,
    TOLERANCE,
    UNTYPED,
)
from finance_platform.deliveries.lines import has_equal_lines
from finance_platform.deliveries.live_lines import Cell, LiveLines, LiveSet
from finance_platform.deliveries.members.account_types import AccountTypes
from finance_platform.deliveries.members.merged_codes import find_merged_codes
from finance_platform.deliveries.overlaps import Overlaps
from finance_platform.deliveries.portions import Portion
from finance_platform.deliveries.state import DeliveryState, LiveDelivery, replaced_cells, replaces_periods
from finance_platform.deliveries.verdicts.account_sums import CellSums
from finance_platform.deliveries.verdicts.attribute_conflicts import (
    AttributeFiles,
    GivenTypes,
    find_type_conflicts,
    gross_by_scenario,
)
from finance_platform.deliveries.verdicts.booked_differences import describe_wrong_bookings, find_wrong_bookings
from finance_platform.deliveries.verdicts.bookings import (
    Booking,
    commit_of_booking,
    find_ended_bookings,
    find_kept_keys,
    find_plans,
    find_shared_keys,
    plan_bookings,
)
from finance_platform.deliveries.verdicts.cell_hashes import CellHashes
from finance_platform.deliveries.verdicts.cell_sums import find_overflows, may_overflow
from finance_platform.deliveries.verdicts.changed_lines import find_changed_periods
from finance_platform.deliveries.verdicts.commit_reasons import nothing_accepted, tolerance_breach
from finance_platform.deliveries.verdicts.late_lines import Groups, find_late_periods
from finance_platform.deliveries.verdicts.live_deliveries import LiveDeliveries, effect_of
from finance_platform.deliveries.verdicts.moved_amounts import MovedCell, by_scenario, find_moved_cells
from finance_platform.deliveries.verdicts.moved_documents import MovedDocumentsFinder
from finance_platform.deliveries.verdicts.other_loads import find_other_loads
from finance_platform.deliveries.verdicts.reason_texts import (
    describe_contradiction,
    describe_moved,
    describe_others,
    describe_repeated,
    describe_smaller,
    name_accounts,
    returning_money,
    shorten,
    untyped_accounts,
    words_of_signs,
)
from finance_platform.deliveries.verdicts.removals import COLUMNS_OF_LOSSES, DepartmentCounts, Losses, find_losses
from finance_platform.deliveries.verdicts.repeated_lines import RepeatedLines, find_repeated_lines
from finance_platform.deliveries.verdicts.repeated_sums import find_repeated_sums
from finance_platform.deliveries.verdicts.restated_cells import find_restated_cells
from finance_platform.deliveries.verdicts.returning_lines import ReturningLines, find_returning_lines
from finance_platform.errors import DecisionError
from finance_platform.feeds.values.amounts import EXACT
from finance_platform.feeds.values.codes import fold
from finance_platform.money_text import grouped_money, net_and_gross
from finance_platform.safe_text import quote_name
from finance_platform.storage.port import ObjectStore

RETURNING = "returning"
"""The kind of a reason about lines that would count again because of another load mode."""

REMOVAL = "removal"
"""The kind of a reason about lines that would go."""

REPEATED = "repeated"
"""The kind of a reason about lines that another file has already and that would count twice."""

RESTATEMENT = "restatement"
"""The kind of a reason about a closed period that would change."""

HOLD, NEXT_OPEN_PERIOD, PUBLISH = "hold", "next_open_period", "publish"
"""What becomes of lines that would change a closed period."""

_MAX_REMOVALS = 20


class HoldReasons:
    """Judges candidates against the deliveries that count; what it reads is read once."""

    def __init__(
        self,
        processed: ObjectStore,
        live: LiveDeliveries,
        overlaps: Overlaps,
        closed_periods: Collection[str],
        *,
        late_lines: str = HOLD,
        published: LiveDeliveries | None = None,
        returning: Mapping[str, Sequence[ReturningLines]] | None = None,
        merging: Collection[str] = (),
    ) -> None:
        """Prepare to judge.

        Args:
            processed: the processed zone.
            live: the deliveries that count.
            overlaps: the lines that they and the candidates claim from each other.
            closed_periods: the closed periods.
            published: the deliveries that count where lines are booked in a later period, if that is not `live`.
            late_lines: what becomes of lines that would change them where the feed does not say it.
            returning: by delivery, its lines that would count again with the files that are judged after it.
            merging: the deliveries with codes that share a surrogate key with others; see `merged_codes`.
        """
        self._processed = processed
        self._live = live
        self._overlaps = overlaps
        self._closed = closed_periods
        self._late_lines = late_lines
        self._published = published
        self._known_returning = returning or {}
        self._account_types = AccountTypes(processed)
        self._merging = merging
        self._attribute_files = AttributeFiles(processed)
        self._given_types = GivenTypes(self._attribute_files)
        self._live_lines = LiveLines(processed, overlaps)
        self._cell_hashes = CellHashes(processed, self._live_lines)
        self._cell_sums = CellSums(self._live_lines)
        self._moved_documents = MovedDocumentsFinder(self._live_lines)
        self._department_counts = DepartmentCounts(self._live_lines)
        self._known_losses: tuple[LiveDelivery, set[Cell], Losses] | None = None
        self._known_moves: tuple[LiveDelivery, list[MovedCell]] | None = None
        self._known_restated: tuple[LiveDelivery, set[Cell]] | None = None

    def keep_published(self) -> LiveDeliveries:
        """Return the deliveries that count now as those that are published, where lines are booked from now on."""
        self._published = LiveDeliveries(list(self._live.by_id.values()), self._overlaps)
        return self._published

    def find(self, candidate: LiveDelivery) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
        """Return kind and text of each reason to hold a delivery, and the warnings."""
        self.forget()
        breach = tolerance_breach(candidate.event, candidate.commit)
        reasons = [(TOLERANCE, breach)] if breach else []
        current = self._live.by_id.get(candidate.delivery_id)
        if current and current.portion.only is not None:
            current = None  # a newer version has left some periods to it
        if current and current.portion.is_whole and effect_of(current.event) == effect_of(candidate.event):
            # It counts already and only its etag or its tolerance has changed: it has no effect on other deliveries.
            return reasons, candidate.verdict.warnings if candidate.verdict else ()
        late: tuple[str, ...] = ()
        if current is None and (reason := nothing_accepted(candidate)):
            reasons.append((NOTHING_ACCEPTED, reason))
        reasons += self._obstacles(candidate)
        reasons += [(CONFLICT, text) for text in self._type_conflicts(candidate)]
        copies: list[tuple[str, str]] = []
        if current is None:
            late = tuple(self._lateness(candidate))
            copies = [("duplicate", text) for text in self._duplicates(candidate)]
        # Of a delivery that counts in some periods, lines that have waited in others may be repeated meanwhile.
        reasons += copies or [(REPEATED, text) for text in self._repeated(candidate)]
        reasons += [(RETURNING, text) for text in self._returning(candidate)]
        reasons += [(OTHER_LOAD, text) for text in self._other_loads(candidate)]
        if current is None:
            reasons += [(MOVED, describe_moved(one)) for one in self._moved_documents.find(self._live, candidate)]
        reasons += [(DOUBT, text) for text in candidate.commit.findings.doubts]
        reasons += [(CONTROL_TOTAL, text) for text in candidate.commit.findings.control_totals.breaches]
        reasons += [(REMOVAL, text) for text in self._removals(candidate)]
        reasons += [(RESTATEMENT, text) for text in self._restatements(candidate)]
        reasons += [("late", text) for text in late if candidate.event.is_held_when_late]
        return reasons, late

    def forget(self) -> None:
        """Forget what was found beside the deliveries that counted before."""
        self._known_losses = self._known_moves = self._known_restated = None

    def _obstacles(self, candidate: LiveDelivery) -> list[tuple[str, str]]:
        """Return the reasons to hold a delivery that no person can overrule."""
        return [
            *((UNTYPED, text) for text in self._untyped(candidate)),
            *((SHARED_KEY, text) for text in self._merged_codes(candidate)),
            *((OVERFLOW, text) for text in self._overflows(candidate)),
            *((BOOKED_KEY, text) for text in self._booked_keys(candidate)),
        ]

    def new_obstacles(self, candidate: LiveDelivery, kinds: Collection[str], late: Groups) -> list[tuple[str, str]]:
        """Return why no person can accept a delivery by now that is held for reasons of other kinds.

        Args:
            candidate: the delivery.
            kinds: those of its reasons.
            late: the periods whose lines wait; none if all of it does.
        """
        obstacles = self._obstacles(candidate)
        obstacles += self.wrong_bookings(candidate, obstacles, late)
        return [(kind, text) for kind, text in obstacles if kind not in kinds]

    def _untyped(self, candidate: LiveDelivery) -> Iterator[str]:
        """Yield the accounts whose sign would not be known, by the file that needs it."""
        if not (candidate.commit.is_debit_positive or self._live.has_debit_positive):
            return
        before, after = self._live.in_order, self._live.in_order_with(candidate)
        untyped = self._account_types.newly_untyped(before, after, self._live.difference(candidate))
        for object_key, numbers in sorted(untyped.items()):
            if object_key == candidate.event.object_key:
                yield untyped_accounts(numbers)
            else:
                accounts = name_accounts(numbers)
                file = quote_name(object_key)
                yield f"would leave {accounts} without a type, which {file} needs for the sign of its amounts"

    def _merged_codes(self, candidate: LiveDelivery) -> list[str]:
        """Return the codes that would be one member with another code."""
        if candidate.delivery_id not in self._merging:
            return []
        return find_merged_codes(self._processed, self._live.in_order, self._live.in_order_with(candidate))

    def _overflows(self, candidate: LiveDelivery) -> Iterator[str]:
        """Yield one reason that names the sums that the warehouse could not hold."""
        live = self._published or self._live
        counted = self._counted(candidate) if may_overflow(live.gross, candidate) else None
        if counted and (sums := self._too_large(live.in_order, live.in_order_with(counted))):
            yield f"sums would have {sums}"

    def _too_large(
        self, before: Sequence[LiveDelivery], after: Sequence[LiveDelivery], planned: Sequence[Booking] = ()
    ) -> str:
        """Return which sums the warehouse could not hold after a change of what is published; empty if it could."""
        sums = find_overflows(
            self._processed, self._overlaps, self._account_types, before, after, planned, self._closed
        )
        return f"more than the 16 digits that the warehouse holds: {shorten(sums, '; ')}" if sums else ""

    def _booked_keys(self, candidate: LiveDelivery) -> Iterator[str]:
        """Yield one reason that names a file whose lines are booked in a later period, and cannot be replaced there."""
        if self._published is None:
            return  # nothing is booked
        shared = find_shared_keys(self._live, self._overlaps, candidate, with_bookings=True)
        if file := shared or find_kept_keys(self._published, self._live, self._overlaps, candidate):
            shares = "replaces periods" if replaces_periods(candidate) else "has keys"
            yield f"{shares} of {quote_name(file)}, whose late lines are booked in a later period"

    def wrong_bookings(
        self, candidate: LiveDelivery, reasons: Iterable[tuple[str, str]], late: Groups
    ) -> list[tuple[str, str]]:
        """Return why no person can accept a delivery that is held, if what is booked later would be wrong then.

        Args:
            candidate: the delivery.
            reasons: those to hold it.
            late: the periods whose lines wait; none if all of it does.
        """
        counted = self._counted(candidate)
        if late or self._published is None or counted is None or any(kind == BOOKED_KEY for kind, _ in reasons):
            return []
        whole = replace(candidate, booked=frozenset(self.booked_periods(candidate)))
        before, after = (
            DeliveryState(published, (), (), (), all_effective=effective)
            for published, effective in (
                (self._published.in_order, self._live.in_order),
                (self._published.in_order_with(counted), self._live.in_order_with(whole)),
            )
        )
        wrong = find_wrong_bookings(self._processed, before, after)
        return [(BOOKED_KEY, describe_wrong_bookings(*of_period)) for of_period in wrong.items()]

    def _type_conflicts(self, candidate: LiveDelivery) -> Iterator[str]:
        """Yield one reason that names the accounts with two types, and the money of the lines that contradict."""
        if not self._given_types.may_conflict(candidate, self._live.added):
            return
        conflicts = find_type_conflicts(self._attribute_files, candidate, self._live.by_id.values(), self._overlaps)
        if not conflicts:
            return
        first = {conflict.code: conflict for conflict in reversed(conflicts)}
        named = [describe_contradiction(first[code], candidate) for code in sorted(first)]
        money = ", ".join(
            f"{name} {grouped_money(gross)}" for name, gross in sorted(gross_by_scenario(conflicts).items())
        )
        yield f"{shorten(named, '; ')}; gross at stake: {money}"

    def _duplicates(self, candidate: LiveDelivery) -> Iterator[str]:
        for other in self._live.same_content(candidate):
            if _has_same_lines(other, candidate):
                yield f"the same content as {quote_name(other.event.object_key)}, which counts already"

    def _repeated(self, candidate: LiveDelivery) -> Iterator[str]:
        """Yield the files that have lines of the candidate too, and which these are."""
        for file, lines in self._repeated_by_file(candidate):
            yield describe_repeated(file, lines)

    def _repeated_by_file(self, candidate: LiveDelivery) -> Iterator[tuple[str, list[RepeatedLines]]]:
        """Yield the lines that each file has too; one line alone may well be equal to another one."""
        repeated = find_repeated_lines(self._cell_hashes, self._live, candidate)
        known = {(one.feed, one.scenario, one.period) for one in repeated}
        sums = find_repeated_sums(self._cell_sums, self._live, candidate)
        repeated += [one for one in sums if (one.feed, one.scenario, one.period) not in known]
        for file in dict.fromkeys(one.object_key for one in repeated):
            lines = [one for one in repeated if one.object_key == file]
            if sum(one.rows for one in lines) > 1:
                yield file, lines

    def repeats_own_feed(self, candidate: LiveDelivery) -> bool:
        """Return whether a file of its feed has the lines under equal codes, which a load mode may replace."""
        found = (one for _, lines in self._repeated_by_file(candidate) for one in lines)
        return any(not one.feed and not one.has_other_codes for one in found)

    def repeats_without_zeros(self, candidate: LiveDelivery) -> bool:
        """Return whether a file has the lines under codes that differ in their zeros alone."""
        return any(one.has_lost_zeros for _, lines in self._repeated_by_file(candidate) for one in lines)

    def repeats_sums(self, candidate: LiveDelivery) -> bool:
        """Return whether the candidate has the sums of another feed, or that one has those of the candidate."""
        return any(one.has_sums for _, lines in self._repeated_by_file(candidate) for one in lines)

    def _returning(self, candidate: LiveDelivery) -> Iterator[str]:
        """Yield one reason that names the lines that count again because the load mode or its keys are others."""
        returning = self._known_returning.get(candidate.delivery_id)
        if returning := returning or find_returning_lines(self._live_lines, self._live, candidate):
            lines = [f"{one.scenario} {one.period}, {returning_money(one)}" for one in returning]
            event, earlier = candidate.event, [one.event for one in self._live.earlier(candidate)]
            others = sorted({one.feed for one in earlier} - {event.feed})
            has_load = any((one.load_mode, one.keyed_by) == (event.load_mode, event.keyed_by) for one in earlier)
            cause, feed = f"under `load: {{mode: {event.load_mode}}}`", "the feed"
            if others:
                cause, feed = f"read by the feed {event.feed}", f"the feed {others[0]}"
            elif has_load and candidate.commit.findings.weight_years:
                cause = "spread by other weights"
            yield f"{cause}, lines count again that another file of {feed} has replaced: {shorten(lines, '; ')}"

    def _other_loads(self, candidate: LiveDelivery) -> Iterator[str]:
        """Yield the files that count as they were read under another load, and of which the candidate has periods."""
        others = find_other_loads(self._live_lines, self._live, candidate)
        for which in dict.fromkeys(one.which for one in others):
            lines = [
                f"{one.scenario} {one.period}, lines {one.rows:,}, net {grouped_money(one.amount)}"
                for one in others
                if one.which == which
            ]
            yield f"{which}: {shorten(lines, '; ')}"

    def _removals(self, candidate: LiveDelivery, left_out: Collection[str] = ()) -> Iterator[str]:
        """Yield the departments of which the candidate would remove all live lines of its feed, or too many.

        Args:
            candidate: the delivery that is judged.
            left_out: periods that are not looked at.
        """
        tolerated = self._tolerated_removal(candidate)
        losses = self._losses(candidate, left_out)
        removals = losses.removals
        scenarios = self._scenarios(candidate) if removals or losses.others else {}
        yield from (describe_others(scenarios[one.cell[0]], one) for one in losses.others)
        for removal in removals[:_MAX_REMOVALS]:
            scenario, period = removal.cell
            yield (
                f"{scenarios[scenario]} {period} would lose {removal.lines:,} of {removal.before:,} lines of "
                f"department {removal.department}, {net_and_gross(removal.amount, removal.gross)}: "
                f"{Decimal(removal.lines) / removal.before:.0%}, tolerated {tolerated:.0%}"
            )
        if more := removals[_MAX_REMOVALS:]:
            lines, gross = sum(one.lines for one in more), sum((one.gross for one in more), Decimal(0))
            yield f"{len(more):,} more departments and periods would lose {lines:,} lines, gross {grouped_money(gross)}"

    def smaller_periods(self, candidate: LiveDelivery) -> tuple[tuple[str, str], ...]:
        """Return the periods in which the candidate has much less than what it replaces, each with a clause."""
        current = self._live.by_id.get(candidate.delivery_id)
        if current and current.portion.is_whole and effect_of(current.event) == effect_of(candidate.event):
            return candidate.verdict.smaller if candidate.verdict else ()
        smaller = self._losses(candidate).smaller
        scenarios = self._scenarios(candidate) if smaller else {}
        return tuple((one.cell[1], describe_smaller(scenarios[one.cell[0]], one)) for one in smaller)

    def _scenarios(self, candidate: LiveDelivery) -> dict[str, str]:
        deliveries = [*self._live.by_id.values(), candidate]
        return {fold(one.scenario): one.scenario for delivery in deliveries for one in delivery.commit.periods}

    def _losses(self, candidate: LiveDelivery, left_out: Collection[str] = ()) -> Losses:
        if candidate.event.tolerated_removal is None or not (
            self._live.affects_ledger(candidate) and self._live.may_remove_lines(candidate)
        ):
            return Losses()
        affected = {cell for cell in self._live.affected_cells(candidate) if cell[1] not in left_out}
        cells = {cell for cell in affected if not self._live.is_resent(candidate, cell)}
        if not cells or self._repeats_lines(candidate):
            return Losses()
        if (known := self._known_losses) and known[:2] == (candidate, cells):
            return known[2]
        before, after = self._live.live_sets(candidate, cells)
        tolerated = self._tolerated_removal(candidate)
        losses = self._find_losses(before, after, cells, tolerated)
        if (losses.removals or losses.smaller) and (first := self._live.with_first_readings(before)) is not before:
            # A line that another file has since this run alone, under another key or scope, was not published.
            named = {one.cell for one in losses.removals} | {one.cell for one in losses.smaller}
            losses = replace(self._find_losses(first, after, named, tolerated), others=losses.others)
        self._known_losses = candidate, cells, losses
        return losses

    def _tolerated_removal(self, candidate: LiveDelivery) -> Decimal:
        """Return the share of lines that may go: none if no file says so, but other fields of the key or scope."""
        is_as_before = self._live.has_other_fields(candidate)
        return Decimal(0) if is_as_before else Decimal(candidate.event.tolerated_removal or 0)

    def _find_losses(self, before: LiveSet, after: LiveSet, cells: Collection[Cell], tolerated: Decimal) -> Losses:
        return find_losses(self._live_lines, before, after, cells, tolerated, self._department_counts)

    def _repeats_lines(self, candidate: LiveDelivery) -> bool:
        """Return whether a candidate has the lines and keys of the version that it replaces, and claims no other line.

        So it is with nearly every file after a release that reads all files again. Only its own lines are read then,
        and not those of all others of its periods.
        """
        earlier = self._live.version_replaced_by(candidate)
        return earlier is not None and has_equal_lines(
            self._processed, earlier.commit, candidate.commit, COLUMNS_OF_LOSSES
        )

    def repeated_split(self, candidate: LiveDelivery, *, is_decided: bool = False) -> Verdict | None:
        """Return the verdict by which lines of a delivery wait already, if only its etag or its tolerance changed.

        Args:
            candidate: the delivery that is judged.
            is_decided: whether a person withdrew some of these lines; another `late_lines` changes nothing of it then.
        """
        current, verdict = self._live.by_id.get(candidate.delivery_id), candidate.verdict
        if candidate.late or verdict is None or not verdict.late:
            return None
        if current is None or current.portion.only is not None or current.portion.is_whole:
            return None  # none of its lines waits by now: a person may have accepted it as a whole
        is_same = effect_of(current.event) == effect_of(candidate.event)
        is_same &= is_decided or current.event.late_lines == candidate.event.late_lines
        return verdict if is_same and not tolerance_breach(candidate.event, candidate.commit) else None

    def late_periods(self, candidate: LiveDelivery, kinds: Collection[str]) -> Groups:
        """Return the periods whose lines wait while the candidate counts in its others; see `late_lines`.

        Args:
            candidate: the delivery that is judged.
            kinds: those of the reasons to hold it; nothing counts if one of them is about the others of its lines too.
        """
        if RESTATEMENT not in kinds or not {RESTATEMENT, REMOVAL, REPEATED}.issuperset(kinds):
            return ()
        restated, links = self._restated_cells(candidate), tuple(self._ended_bookings(candidate))
        groups = find_late_periods(self._live_lines, self._live, candidate, restated, links)
        if candidate.late:
            # Lines of other periods count, or are decided about: they never wait again because these are judged again.
            waiting = {period for group in candidate.late for period in group}
            groups = tuple(filter(None, (tuple(one for one in group if one in waiting) for group in groups)))
        late = {period for group in groups for period in group}
        if self._live.counts_already(candidate, late):
            return ()
        if REPEATED in kinds and late:
            # An export of the year to date has the lines of closed months again: these wait, and its new ones count.
            repeated = {one.period for _, lines in self._repeated_by_file(candidate) for one in lines}
            if not repeated <= late:
                return ()
        if late and not candidate.late and self._changes_beside(candidate, late):
            return ()  # a key that the earlier version has in an open period may hide a line of a closed one
        return () if late and any(self._removals(candidate, late)) else groups

    def _changes_beside(self, candidate: LiveDelivery, left_out: Collection[str]) -> bool:
        """Return whether a candidate would change closed periods even if its lines of some periods do not count."""
        counted = candidate.restricted_to(Portion(without=candidate.portion.without.union(left_out)))
        return counted is not None and bool(self._find_restated_cells(counted))

    def bookings(self, candidate: LiveDelivery, kinds: Collection[str]) -> tuple[list[Booking], str]:
        """Return what the candidate's feed books in the next open period; nothing if the candidate waits.

        Args:
            candidate: the delivery that is judged.
            kinds: those of the reasons to hold it; it waits if one of them is about more than closed periods.

        Returns:
            The bookings, and which sums of their period would be too large if there are none for that reason.
        """
        if self._policy(candidate) != NEXT_OPEN_PERIOD or RESTATEMENT not in kinds:
            return [], ""
        is_of_closed = {RESTATEMENT, REMOVAL}.issuperset(kinds)
        if not is_of_closed or any(self._removals(candidate, self.restated_periods(candidate))):
            return [], ""
        try:
            bookings = plan_bookings(self._live_lines, self._live, candidate, self._closed)
        except DecisionError:
            return [], ""  # a person decides
        booked = {one.closed_period for one in bookings}
        # An earlier booking that ends in a closed period is not undone by one of what the candidate changes itself.
        if find_plans(bookings) or any(self._ended_bookings(candidate, booked)):
            return [], ""
        kept = booked.union(candidate.portion.without, self.booked_periods(candidate))
        counted = candidate.restricted_to(Portion(without=frozenset(kept)))
        live = self._published or self._live
        if counted and find_changed_periods(self._live_lines, live, counted, self._closed):
            return [], ""
        too_large = self._too_large_if_booked(live, candidate, counted, bookings)
        return ([], too_large) if too_large else (bookings, "")

    def _too_large_if_booked(
        self,
        live: LiveDeliveries,
        candidate: LiveDelivery,
        counted: LiveDelivery | None,
        bookings: Sequence[Booking],
    ) -> str:
        """Return which sums would be too large if a candidate's bookings counted beside its other lines."""
        later = [candidate.booked_later(commit_of_booking(one), one.closed_period) for one in bookings]
        gross = reduce(EXACT.add, (one.commit.outcome("accepted").absolute for one in later), live.gross)
        if not may_overflow(gross, candidate):
            return ""
        after = live.in_order_with(counted) if counted else live.in_order
        sums = self._too_large(live.in_order, [*after, *later], bookings)
        return f"booked in {bookings[0].period}, sums would have {sums}" if sums else ""

    def may_be_booked(self, candidate: LiveDelivery, late: Groups) -> bool:
        """Return whether a person may book later what would change closed periods, as far as commits and keys say.

        Args:
            candidate: the delivery that waits.
            late: the periods whose lines wait; none if all of it does.
        """
        periods = {period for group in late for period in group}
        affected = self._live.affected_cells(candidate)
        closed = {cell for cell in affected if cell[1] in self._closed and (not late or cell[1] in periods)}
        cells = {cell for cell in self._restated_cells(candidate) if not late or cell[1] in periods}
        booked = {period for _, period in cells}
        versions = (candidate, *self._live.earlier(candidate))
        return bool(cells) and not (
            any(self._is_plan(cell, versions) for cell in cells)
            or (not late and self._live.counts_already(candidate, booked))
            or any(find_shared_keys(self._live, self._overlaps, one) for one in versions)
            # Also where its lines are equal, so that the period would not be restated.
            or any(self._live.changes_others_by_period(candidate, cell) for cell in closed)
            or any(self._ended_bookings(candidate, booked))
        )

    @staticmethod
    def _is_plan(cell: Cell, versions: Iterable[LiveDelivery]) -> bool:
        counts = (count for one in versions for count in one.commit.periods)
        return any((fold(one.scenario), one.period) == cell and one.scenario_type != "Actual" for one in counts)

    def _policy(self, candidate: LiveDelivery) -> str:
        return candidate.event.late_lines or self._late_lines

    def booked_periods(self, candidate: LiveDelivery) -> tuple[str, ...]:
        """Return the periods of which a candidate repeats lines that are booked in a later one."""
        earlier = self._live.earlier(candidate)
        booked = {period for one in earlier for period in one.booked if period in one.portion}
        if not booked:
            return ()
        cells = {cell for cell in self._live.affected_cells(candidate) if cell[1] in booked}
        changed = {period for _, period in find_restated_cells(self._live_lines, self._live, candidate, cells)}
        return tuple(sorted(booked - changed))

    def restated_periods(self, candidate: LiveDelivery) -> tuple[str, ...]:
        """Return the closed periods that the candidate would restate."""
        return tuple(sorted({period for _, period in self._restated_cells(candidate)}))

    def _restated_cells(self, candidate: LiveDelivery) -> set[Cell]:
        if self._known_restated is None or self._known_restated[0] is not candidate:
            self._known_restated = candidate, self._find_restated_cells(candidate)
        return self._known_restated[1]

    def _find_restated_cells(self, candidate: LiveDelivery) -> set[Cell]:
        if not self._live.affects_ledger(candidate) or not self._closed or self._policy(candidate) == PUBLISH:
            return set()
        restated = self._changed_cells(self._live, candidate)
        counted = self._counted(candidate)
        if self._published and counted:
            # Lines of another file that are booked later may be repeated here, and would count in the closed period.
            # A booking ends where this file counts instead of it, and it may be in a period that is closed since.
            restated |= self._changed_cells(self._published, counted)
        return restated

    def _changed_cells(self, live: LiveDeliveries, candidate: LiveDelivery) -> set[Cell]:
        """Return the cells of closed periods whose lines a candidate would change among some deliveries."""
        cells = {cell for cell in live.affected_cells(candidate) if cell[1] in self._closed}
        return find_restated_cells(self._live_lines, live, candidate, cells)

    def _counted(self, candidate: LiveDelivery) -> LiveDelivery | None:
        """Return what would be published of a candidate: all but lines of which it repeats a booking."""
        repeated = candidate.portion.without.union(self.booked_periods(candidate))
        return candidate.restricted_to(Portion(without=repeated))

    def _ended_bookings(self, candidate: LiveDelivery, booked: Collection[str] = ()) -> Iterator[tuple[str, str]]:
        """Yield the period of each booking that a candidate ends, and the one, closed since, in which it is booked.

        Args:
            candidate: the delivery that is judged.
            booked: periods in which what it would change is booked in a later one.
        """
        counted = self._counted(candidate) if self._published else None
        if self._published is not None and counted is not None:
            kept = counted.portion.without.union(booked)
            yield from find_ended_bookings(self._published.earlier(candidate), kept, self._closed)

    def _restatements(self, candidate: LiveDelivery) -> Iterator[str]:
        """Yield one reason that names the closed periods and the amounts by scenario that would move in them."""
        cells = self._restated_cells(candidate)
        if not cells:
            return
        periods = sorted({period for _, period in cells})
        amounts = ", ".join(
            f"{one.scenario} {net_and_gross(one.amount, one.gross)}"
            for one in by_scenario(self._moved_cells(candidate, cells))
        )
        verb = "is closed" if len(periods) == 1 else "are closed"
        signs = words_of_signs(is_debit_positive=candidate.commit.is_debit_positive)
        moved = f": {amounts}{signs}" if amounts else ""
        yield f"would restate {list_periods(periods)}, which {verb}{moved}"

    def moved(self, candidate: LiveDelivery) -> tuple[tuple[str, str, str, str], ...]:
        """Return what the candidate would move in closed periods, by period and scenario; see `Verdict.moved`."""
        known = self._known_moves
        is_known = known is not None and known[0] is candidate
        cells = self._moved_cells(candidate, set() if is_known else self._restated_cells(candidate))
        periods = sorted({cell.period for cell in cells})
        return tuple(
            (period, one.scenario, str(one.amount), str(one.gross))
            for period in periods
            for one in by_scenario(cell for cell in cells if cell.period == period)
        )

    def _moved_cells(self, candidate: LiveDelivery, cells: Set[Cell]) -> list[MovedCell]:
        """Return the amounts that would move in the closed periods that the candidate would restate."""
        if (known := self._known_moves) and known[0] is candidate:
            return known[1]
        live, counted = self._live, candidate
        if self._published and not cells <= self._changed_cells(self._live, candidate):
            live, counted = self._published, self._counted(candidate) or candidate
        moved = find_moved_cells(self._live_lines, *live.live_sets(counted, cells), cells) if cells else []
        self._known_moves = candidate, moved
        return moved

    def _lateness(self, candidate: LiveDelivery) -> list[str]:
        """Return a message if live deliveries of the feed sort after the candidate and supersede its lines."""
        others = set(self._overlaps.overlapping(candidate.delivery_id)) & self._live.by_id.keys()
        if candidate.event.kind == "ledger":
            cells = replaced_cells(candidate)
            same = (one for cell in cells for one in self._live.others(candidate, cell) if replaces_periods(one))
            others |= {other.delivery_id for other in same}
        names = sorted(
            self._live.by_id[other].event.object_key
            for other in others
            if self._live.by_id[other].position > candidate.position
            and self._live.by_id[other].event.object_key != candidate.event.object_key
        )
        if not names:
            return []
        verb = "sorts after it and wins" if len(names) == 1 else "sort after it and win"
        return [f"{CAME_LATE}{shorten(names)} {verb}"]


def _has_same_lines(first: LiveDelivery, second: LiveDelivery) -> bool:
    """Return whether two files of one content have the same lines; fields from their names may differ."""
    counts = [delivery.commit.periods for delivery in (first, second)]
    hashes = [count.content for periods in counts for count in periods]
    has_content = all(hashes) and len(set(map(hash_kind, hashes))) <= 1
    lines = [
        {(fold(count.scenario), count.period, count.content if has_content else "") for count in periods}
        for periods in counts
    ]
    return lines[0] == lines[1]
