"""Acceptance: whether a delivery that was read counts at once, or is held.

Belongs here: the reasons to hold a delivery, and warnings. A verdict is made once, against the deliveries that count at
that moment, and recorded in the register; only a new discovery leads to a new verdict, or the arrival of what a waiting
delivery needs.
Does not belong here: what people decide (see `decisions`), what follows from a verdict (see `state`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from finance_platform.deliveries.account_types import AccountTypes
from finance_platform.deliveries.attribute_conflicts import (
    AttributeConflict,
    AttributeFiles,
    find_type_conflicts,
    gross_by_scenario,
)
from finance_platform.deliveries.cell_sums import find_overflows
from finance_platform.deliveries.commits import OUTCOMES, DeliveryCommit, read_commits
from finance_platform.deliveries.live_lines import Cell, LiveLines, LiveSet, claimed_cells
from finance_platform.deliveries.overlaps import Cell as LinesCell
from finance_platform.deliveries.overlaps import Overlap, Overlaps, compute_overlaps
from finance_platform.deliveries.register import (
    CONFLICT,
    NOTHING_ACCEPTED,
    OVERFLOW,
    TOLERANCE,
    UNTYPED,
    DeliveryDiscovered,
    Register,
    Verdict,
    utc_text,
)
from finance_platform.deliveries.removals import Removal, find_removals
from finance_platform.deliveries.state import (
    DeliveryState,
    LiveDelivery,
    covered_periods,
    derive_state,
    has_effect,
    live_with,
    replaces_periods,
)
from finance_platform.feeds.codes import fold
from finance_platform.storage.port import ObjectStore

_ACCEPT = "`finance-platform accept {key} --why TEXT` takes it as it is, `withdraw` drops it"
_CORRECT = "correct the file and send it again, or widen `tolerance` in the descriptor; " + _ACCEPT
_SEND_AGAIN = "correct the file and send it again; `finance-platform withdraw {key} --why TEXT` drops it"
_TOO_LARGE = (
    "correct the amounts and send the file again, or withdraw another file with lines in the same place. "
    "`finance-platform withdraw {key} --why TEXT` drops the delivery"
)
_DESCRIBE = (
    "give these accounts a type in an accounts file; the hold then ends by itself. "
    "`finance-platform withdraw {key} --why TEXT` drops the delivery"
)
_GIVE_TYPE = (
    "correct the file and send it again, or give the account its type in an accounts file; the hold then ends by "
    "itself. `finance-platform accept {key} --why TEXT` takes it as it is: the type of the first line counts; "
    "`withdraw` drops it"
)
_PARTIAL = (
    "; if each file has only a part of a period, such as one department or entity, set "
    "`load: {{mode: replace_period, scope: [...]}}` or `mode: append` in the descriptor"
)
_REPORT = "this is a fault of the platform: keep the file and report it"

_REMOVAL = "removal"
_MAX_NAMES = 5
_MAX_REMOVALS = 20


def evaluate_deliveries(
    processed: ObjectStore, *, at: datetime, run_id: str, holds_closed_periods: bool = False
) -> list[Verdict]:
    """Make a verdict on every delivery that awaits one, in delivery order; record the verdicts and return them.

    Reference deliveries come first, since ledger lines may need their types. Deliveries that others can set free are
    evaluated again, and have a new verdict if the result is another one.

    Args:
        processed: the processed zone; the caller holds the run's lock.
        at: now, UTC.
        run_id: the run that evaluates.
        holds_closed_periods: whether a delivery that would restate a closed period is held.
    """
    register = Register(processed)
    state = derive_state(register.events(), read_commits(processed))
    candidates = sorted(
        [*state.awaiting_verdict, *state.waiting], key=lambda one: (one.event.kind == "ledger", one.position)
    )
    if not candidates:
        return []
    candidate_keys = {candidate.event.object_key for candidate in candidates}
    others = [delivery for delivery in state.live if delivery.event.object_key not in candidate_keys]
    # The live versions of the candidates' objects are compared with the others, but not with the candidates.
    overlaps = compute_overlaps(processed, state.live) | compute_overlaps(processed, [*others, *candidates])
    policy = _AcceptancePolicy(processed, state, overlaps, holds_closed_periods=holds_closed_periods)
    by_key = {one.event.object_key: policy.evaluate(one, utc_text(at), run_id) for one in candidates}
    waiting = _still_waiting(candidates, by_key)
    while waiting:
        # One that counts now may be what another one waits for.
        by_key |= {one.event.object_key: policy.evaluate(one, utc_text(at), run_id) for one in waiting}
        still_waiting = _still_waiting(waiting, by_key)
        if len(still_waiting) == len(waiting):
            break
        waiting = still_waiting
    earlier = {one.event.object_key: one.verdict for one in state.waiting}
    verdicts = [verdict for key, verdict in by_key.items() if not _is_repeated(verdict, earlier.get(key))]
    register.append(verdicts)
    return verdicts


def _still_waiting(candidates: Sequence[LiveDelivery], verdicts: Mapping[str, Verdict]) -> list[LiveDelivery]:
    return [candidate for candidate in candidates if verdicts[candidate.event.object_key].may_end]


def _is_repeated(verdict: Verdict, earlier: Verdict | None) -> bool:
    return earlier is not None and replace(verdict, at=earlier.at, run_id=earlier.run_id) == earlier


def tolerance_breach(event: DeliveryDiscovered, commit: DeliveryCommit) -> str | None:
    """Return how the rejected rows or amounts exceed the feed's tolerance; None if they do not."""
    rejected = commit.outcome("rejected")
    share = Decimal(event.tolerated_share)
    if rejected.rows > share * commit.read.rows:
        cause = f"; {commit.findings.cause}" if commit.findings.cause else ""
        return f"{rejected.rows} of {commit.read.rows} rows rejected, tolerated {share:%}{cause}"
    if event.tolerated_amount is not None and rejected.absolute > Decimal(event.tolerated_amount):
        return f"{rejected.absolute} rejected, tolerated {event.tolerated_amount}"
    for currency, amount in sorted(commit.rejected_foreign.items()):
        if event.tolerated_amount is not None and amount > Decimal(event.tolerated_amount):
            return f"{amount} {currency} rejected, tolerated {event.tolerated_amount}"
    return None


@dataclass
class _FeedIndex:
    """The live deliveries of one feed by the cells of their lines, and by fingerprint."""

    by_cell: dict[Cell, dict[str, LiveDelivery]] = field(default_factory=dict)
    by_fingerprint: dict[str, dict[str, LiveDelivery]] = field(default_factory=dict)

    def add(self, delivery: LiveDelivery) -> None:
        for cell in claimed_cells(delivery):
            self.by_cell.setdefault(cell, {})[delivery.delivery_id] = delivery
        self.by_fingerprint.setdefault(delivery.event.fingerprint, {})[delivery.delivery_id] = delivery

    def remove(self, delivery: LiveDelivery) -> None:
        for cell in claimed_cells(delivery):
            del self.by_cell[cell][delivery.delivery_id]
        del self.by_fingerprint[delivery.event.fingerprint][delivery.delivery_id]


class _AcceptancePolicy:
    """The live deliveries while candidates are evaluated one after the other."""

    def __init__(
        self, processed: ObjectStore, state: DeliveryState, overlaps: Overlaps, *, holds_closed_periods: bool
    ) -> None:
        self._processed = processed
        self._overlaps = overlaps
        self._account_types = AccountTypes(processed)
        self._attribute_files = AttributeFiles(processed)
        self._live_lines = LiveLines(processed, overlaps)
        self._withdrawn = {withdrawn.commit.delivery_id for withdrawn in state.withdrawn}
        self._closed = set(state.closed) if holds_closed_periods else set()
        self._by_key: dict[str, LiveDelivery] = {}
        self._live: dict[str, LiveDelivery] = {}
        self._feeds: dict[str, _FeedIndex] = {}
        for delivery in state.live:
            self._add(delivery)

    def evaluate(self, candidate: LiveDelivery, at: str, run_id: str) -> Verdict:
        """Return the verdict; a delivery that counts joins the live ones."""
        verdict = Verdict(candidate.event.object_key, candidate.delivery_id, at, run_id)
        if any(candidate.commit.unaccounted):
            return replace(verdict, reasons=(_unaccounted(candidate.commit),), fix=_REPORT, is_final=True)
        reasons, warnings = self._reasons(candidate)
        if reasons:
            advice = candidate.commit.findings.advice
            kinds = tuple(dict.fromkeys(kind for kind, _ in reasons))
            fix = self._fix(candidate, kinds).format(key=candidate.event.object_key)
            verdict = replace(
                verdict,
                reasons=tuple(text for _, text in reasons),
                kinds=kinds,
                fix=f"{advice}; or {fix}" if advice else fix,
            )
        is_counted = not verdict.is_held or verdict.is_accepted_by(candidate.accepted)
        if is_counted and candidate.delivery_id not in self._withdrawn:
            self._add(candidate)
        return replace(verdict, warnings=warnings)

    def _fix(self, candidate: LiveDelivery, kinds: Collection[str]) -> str:
        """Return what to do about a held delivery; `accept` only if it can be accepted."""
        is_whole_period = candidate.event.load_mode == "replace_period" and not candidate.event.is_scoped
        cells = claimed_cells(candidate) if _REMOVAL in kinds and is_whole_period else ()
        is_of_others = any(self._others(candidate, cell) for cell in cells)
        return self._fix_by_kind(candidate, kinds) + (_PARTIAL if is_of_others else "")

    def _fix_by_kind(self, candidate: LiveDelivery, kinds: Collection[str]) -> str:
        if UNTYPED in kinds:
            return _DESCRIBE
        if OVERFLOW in kinds:
            return _TOO_LARGE
        if NOTHING_ACCEPTED in kinds and not has_effect(candidate, self._live.values()):
            return _SEND_AGAIN
        if TOLERANCE in kinds:
            return _CORRECT
        return _GIVE_TYPE if CONFLICT in kinds else _ACCEPT

    def _reasons(self, candidate: LiveDelivery) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
        """Return kind and text of each reason to hold a delivery, and the warnings."""
        breach = tolerance_breach(candidate.event, candidate.commit)
        reasons = [(TOLERANCE, breach)] if breach else []
        current = self._live.get(candidate.delivery_id)
        if current and _effect(current.event) == _effect(candidate.event):
            # It counts already and only its etag or its tolerance has changed: it has no effect on other deliveries.
            return reasons, candidate.verdict.warnings if candidate.verdict else ()
        late: tuple[str, ...] = ()
        if current is None and (reason := nothing_accepted(candidate)):
            reasons.append((NOTHING_ACCEPTED, reason))
        reasons += [(UNTYPED, text) for text in self._untyped(candidate)]
        reasons += [(OVERFLOW, text) for text in self._overflows(candidate)]
        reasons += [(CONFLICT, text) for text in self._type_conflicts(candidate)]
        if current is None:
            late = tuple(self._lateness(candidate))
            reasons += [("duplicate", text) for text in self._duplicates(candidate)]
        reasons += [("encoding", text) for text in candidate.commit.findings.doubts]
        reasons += [(_REMOVAL, text) for text in self._removals(candidate)]
        reasons += [("restatement", text) for text in self._restatements(candidate)]
        reasons += [("late", text) for text in late if candidate.event.is_held_when_late]
        return reasons, late

    def _add(self, delivery: LiveDelivery) -> None:
        earlier = self._by_key.get(delivery.event.object_key)
        if earlier:
            self._feeds[earlier.event.feed].remove(earlier)
            del self._live[earlier.delivery_id]
        self._by_key[delivery.event.object_key] = delivery
        self._live[delivery.delivery_id] = delivery
        self._feeds.setdefault(delivery.event.feed, _FeedIndex()).add(delivery)

    def _earlier(self, candidate: LiveDelivery) -> list[LiveDelivery]:
        """Return the live delivery of the candidate's object, if there is one."""
        earlier = self._by_key.get(candidate.event.object_key)
        return [earlier] if earlier else []

    def _others(self, candidate: LiveDelivery, cell: Cell) -> list[LiveDelivery]:
        """Return the live deliveries of other objects of the feed with lines in a cell."""
        feed = self._feeds.get(candidate.event.feed, _FeedIndex())
        deliveries = feed.by_cell.get(cell, {}).values()
        return [other for other in deliveries if other.event.object_key != candidate.event.object_key]

    def _untyped(self, candidate: LiveDelivery) -> Iterator[str]:
        """Yield the accounts whose sign would not be known, by the file that needs it."""
        if not (candidate.commit.is_debit_positive or self._has_debit_positive()):
            return
        before = sorted(self._live.values(), key=lambda delivery: delivery.position)
        untyped = self._account_types.newly_untyped(before, live_with(before, candidate))
        for object_key, numbers in sorted(untyped.items()):
            accounts = f"{'account' if len(numbers) == 1 else 'accounts'} {_shorten(sorted(numbers))}"
            if object_key == candidate.event.object_key:
                verb = "has" if len(numbers) == 1 else "have"
                yield f"{accounts} {verb} no type, which the sign of its debits and credits depends on"
            else:
                yield f"would leave {accounts} without a type, which {object_key} needs for the sign of its amounts"

    def _overflows(self, candidate: LiveDelivery) -> Iterator[str]:
        """Yield one reason that names the sums that the warehouse could not hold."""
        before = sorted(self._live.values(), key=lambda delivery: delivery.position)
        after = live_with(before, candidate)
        if sums := find_overflows(self._processed, self._overlaps, self._account_types, before, after):
            yield f"sums would have more than the 16 digits that the warehouse holds: {_shorten(sums, '; ')}"

    def _type_conflicts(self, candidate: LiveDelivery) -> Iterator[str]:
        """Yield one reason that names the accounts with two types, and the money of the lines that contradict."""
        conflicts = find_type_conflicts(self._attribute_files, candidate, self._live.values(), self._overlaps)
        if not conflicts:
            return
        first = {conflict.code: conflict for conflict in reversed(conflicts)}
        named = [_contradiction(first[code], candidate) for code in sorted(first)]
        money = ", ".join(f"{name} {gross:,.2f}" for name, gross in sorted(gross_by_scenario(conflicts).items()))
        yield f"{_shorten(named, '; ')}; gross at stake: {money}"

    def _has_debit_positive(self) -> bool:
        return any(delivery.commit.is_debit_positive for delivery in self._live.values())

    def _duplicates(self, candidate: LiveDelivery) -> Iterator[str]:
        feed = self._feeds.get(candidate.event.feed, _FeedIndex())
        for other in feed.by_fingerprint.get(candidate.event.fingerprint, {}).values():
            if other.event.object_key != candidate.event.object_key and _has_same_lines(other, candidate):
                yield f"the same content as {other.event.object_key}, which counts already"

    def _affected_cells(self, candidate: LiveDelivery) -> set[Cell]:
        """Return the cells whose live lines the candidate would change."""
        cells: set[Cell] = set()
        for delivery in (candidate, *self._earlier(candidate)):
            cells |= claimed_cells(delivery)
            for other in self._overlaps.overlapping(delivery.delivery_id):
                # The other delivery may have the same keys in other periods, which lose lines or regain them.
                if other in self._live:
                    cells |= _overlap_cells(self._overlaps.overlap(other, delivery.delivery_id))
        return cells

    def _removals(self, candidate: LiveDelivery) -> Iterator[str]:
        """Yield the departments of which the candidate would remove all live lines of its feed, or too many."""
        tolerated = candidate.event.tolerated_removal
        if not self._affects_ledger(candidate) or tolerated is None:
            return
        cells = {cell for cell in self._affected_cells(candidate) if not self._is_resent(candidate, cell)}
        before, after = self._live_sets(candidate, cells)
        removals = find_removals(self._live_lines, before, after, cells, Decimal(tolerated))
        scenarios = {
            fold(one.scenario): one.scenario for live in before.of_feed.values() for one in live.commit.periods
        }
        for removal in removals[:_MAX_REMOVALS]:
            scenario, period = removal.cell
            yield (
                f"{scenarios[scenario]} {period} would lose {removal.lines:,} of {removal.before:,} lines of "
                f"department {removal.department}, {_money(removal)}: {Decimal(removal.lines) / removal.before:.0%}, "
                f"tolerated {Decimal(tolerated):.0%}"
            )
        if more := removals[_MAX_REMOVALS:]:
            lines, gross = sum(one.lines for one in more), sum(one.gross for one in more)
            yield f"{len(more):,} more departments and periods would lose {lines:,} lines, gross {gross:,.2f}"

    def _live_sets(self, candidate: LiveDelivery, cells: Collection[Cell]) -> tuple[LiveSet, LiveSet]:
        """Return the live deliveries without and with the candidate."""
        others = {one.delivery_id: one for cell in cells for one in self._others(candidate, cell)}
        earlier = {one.delivery_id: one for one in self._earlier(candidate)}
        return (
            LiveSet(self._live, others | earlier),
            LiveSet(self._live_with(candidate), {**others, candidate.delivery_id: candidate}),
        )

    def _is_resent(self, candidate: LiveDelivery, cell: Cell) -> bool:
        """Return whether the earlier delivery has the same lines in a cell, and no other delivery is concerned."""
        for earlier in self._earlier(candidate):
            deliveries = (earlier, candidate)
            contents = [_content(delivery, cell) for delivery in deliveries]
            return (
                bool(contents[0])
                and contents[0] == contents[1]
                and _effect(earlier.event) == _effect(candidate.event)
                and not any(self._overlaps.overlapping(delivery.delivery_id) for delivery in deliveries)
                and (candidate.event.load_mode == "append" or not self._others(candidate, cell))
            )
        return False

    def _count_superseded(
        self,
        delivery: LiveDelivery,
        deliveries: Sequence[LiveDelivery],
        cell: Cell,
        live: Mapping[str, LiveDelivery],
    ) -> int:
        if delivery.event.load_mode == "replace_period" and not delivery.event.is_scoped:
            is_replaced = any(
                other.position > delivery.position and cell in claimed_cells(other) for other in deliveries
            )
            return _rows(delivery, cell) if is_replaced else 0
        superseded = self._superseded_lines(delivery, cell, live)
        if delivery.event.is_scoped:
            # A scope is replaced as a whole, so the union over several deliveries is known without reading lines.
            return sum({scope: rows for lines in superseded for scope, rows in lines.items()}.values())
        return max((sum(lines.values()) for lines in superseded), default=0)

    def _superseded_lines(
        self, delivery: LiveDelivery, cell: Cell, live: Mapping[str, LiveDelivery]
    ) -> list[dict[LinesCell, int]]:
        """Return, for each later live delivery, the lines of a cell that it supersedes."""
        return [
            {
                lines_cell: rows
                for lines_cell, rows in self._overlaps.overlap(delivery.delivery_id, other).lines.items()
                if (fold(lines_cell[0]), lines_cell[1]) == cell
            }
            for other in self._overlaps.overlapping(delivery.delivery_id)
            if other in live and live[other].position > delivery.position
        ]

    def _superseded_scopes(self, delivery: LiveDelivery, cell: Cell, live: Mapping[str, LiveDelivery]) -> list[str]:
        if not delivery.event.is_scoped:
            return []
        superseded = self._superseded_lines(delivery, cell, live)
        return sorted({scope or "" for lines in superseded for _, _, scope in lines})

    def _affects_ledger(self, candidate: LiveDelivery) -> bool:
        return any(delivery.event.kind == "ledger" for delivery in (candidate, *self._earlier(candidate)))

    def _restatements(self, candidate: LiveDelivery) -> Iterator[str]:
        if not self._affects_ledger(candidate) or not self._closed:
            return
        live_after = self._live_with(candidate)
        closed_cells = {cell for cell in self._affected_cells(candidate) if cell[1] in self._closed}
        periods = sorted({cell[1] for cell in closed_cells if self._is_restated(candidate, cell, live_after)})
        if periods:
            yield f"would restate {', '.join(periods)}, which {'is' if len(periods) == 1 else 'are'} closed"

    def _is_restated(self, candidate: LiveDelivery, cell: Cell, live_after: Mapping[str, LiveDelivery]) -> bool:
        """Return whether the lines of a cell would change; a file that repeats the live lines changes nothing."""
        others = self._others(candidate, cell)
        before = self._contents([*others, *self._earlier(candidate)], cell, self._live)
        return before != self._contents([*others, candidate], cell, live_after)

    def _contents(
        self, deliveries: Sequence[LiveDelivery], cell: Cell, live: Mapping[str, LiveDelivery]
    ) -> list[tuple[str, int, list[str]]]:
        """Return content hash, number of superseded lines and superseded scopes of each delivery with live lines."""
        superseded = {
            delivery.delivery_id: self._count_superseded(delivery, deliveries, cell, live) for delivery in deliveries
        }
        return sorted(
            (
                count.content or delivery.delivery_id,
                superseded[delivery.delivery_id],
                self._superseded_scopes(delivery, cell, live),
            )
            for delivery in deliveries
            if superseded[delivery.delivery_id] < _rows(delivery, cell)
            for count in delivery.commit.periods
            if (fold(count.scenario), count.period) == cell
        )

    def _live_with(self, candidate: LiveDelivery) -> Mapping[str, LiveDelivery]:
        """Return the live deliveries if the candidate counts instead of its object's earlier delivery."""
        live = dict(self._live)
        for earlier in self._earlier(candidate):
            del live[earlier.delivery_id]
        live[candidate.delivery_id] = candidate
        return live

    def _lateness(self, candidate: LiveDelivery) -> list[str]:
        """Return a message if live deliveries of the feed sort after the candidate and supersede its lines."""
        others = set(self._overlaps.overlapping(candidate.delivery_id)) & self._live.keys()
        if candidate.event.kind == "ledger" and not candidate.event.is_scoped:
            cells = claimed_cells(candidate) if candidate.event.load_mode == "replace_period" else set()
            others |= {other.delivery_id for cell in cells for other in self._others(candidate, cell)}
        names = sorted(
            self._live[other].event.object_key
            for other in others
            if self._live[other].position > candidate.position
            and self._live[other].event.object_key != candidate.event.object_key
        )
        if not names:
            return []
        verb = "sorts after it and wins" if len(names) == 1 else "sort after it and win"
        return [f"came late: {_shorten(names)} {verb}"]


def nothing_accepted(delivery: LiveDelivery) -> str | None:
    """Return why no row of a delivery was accepted; None if one was, or if the delivery may be without rows.

    A file without a rejected row may be without rows if its name declares its periods and its feed the scenario: it
    then states that there is nothing in these periods.
    """
    commit = delivery.commit
    if commit.outcome("accepted").rows:
        return None
    if replaces_periods(delivery) and covered_periods(delivery) and not commit.outcome("rejected").rows:
        return None
    if not commit.read.rows:
        return "the file has no rows"
    counts = [f"{commit.outcome(name).rows:,} {name}" for name in OUTCOMES if commit.outcome(name).rows]
    return f"none of {commit.read.rows:,} rows was accepted: {', '.join(counts)}"


def _contradiction(conflict: AttributeConflict, candidate: LiveDelivery) -> str:
    """Return the two types of an account and where they are, for a reader who has the candidate's file open."""
    places = [
        f"{source.value!r} in line {source.line}"
        + (f" of {source.object_key}" if source.delivery_id != candidate.delivery_id else "")
        for source in (conflict.given, conflict.counted)
    ]
    return f"account {conflict.code} has the type {places[0]} and {places[1]}"


def _shorten(names: Sequence[str], separator: str = ", ") -> str:
    more = len(names) - _MAX_NAMES
    return separator.join(names[:_MAX_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def _effect(event: DeliveryDiscovered) -> tuple[object, ...]:
    """Return what decides, beside its lines, a delivery's effect on other deliveries."""
    return event.feed, event.kind, event.load_mode, event.is_scoped, event.order


def _has_same_lines(first: LiveDelivery, second: LiveDelivery) -> bool:
    """Return whether two files of one content have the same lines; fields from their names may differ."""
    counts = [delivery.commit.periods for delivery in (first, second)]
    has_content = all(count.content for periods in counts for count in periods)
    lines = [
        {(fold(count.scenario), count.period, count.content if has_content else "") for count in periods}
        for periods in counts
    ]
    return lines[0] == lines[1]


def _content(delivery: LiveDelivery, cell: Cell) -> list[str]:
    """Return the hashes of a delivery's lines in a cell; nothing if one is not known."""
    contents = [one.content for one in delivery.commit.periods if (fold(one.scenario), one.period) == cell]
    return sorted(contents) if all(contents) else []


def _money(removal: Removal) -> str:
    if abs(removal.amount) == removal.gross:
        return f"{removal.amount:,.2f}"
    return f"net {removal.amount:,.2f}, gross {removal.gross:,.2f}"


def _overlap_cells(overlap: Overlap) -> set[Cell]:
    return {(fold(scenario), period) for scenario, period, _ in overlap.lines}


def _rows(delivery: LiveDelivery, cell: Cell) -> int:
    return sum(count.rows for count in delivery.commit.periods if (fold(count.scenario), count.period) == cell)


def _unaccounted(commit: DeliveryCommit) -> str:
    rows, amount, unpriced = commit.unaccounted
    return f"not accounted for: {rows} rows, {amount}, {unpriced} cells that are not a valid amount"
