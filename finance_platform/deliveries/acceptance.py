"""Acceptance: whether a delivery that was read counts at once, or is held until a person accepts it.

Belongs here: the reasons to hold a delivery, and warnings. A verdict is made once, against the deliveries that count at
that moment, and recorded in the register; only a new discovery leads to a new verdict.
Does not belong here: what people decide (see `decisions`), what follows from a verdict (see `state`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from finance_platform.deliveries.commits import DeliveryCommit, read_commits
from finance_platform.deliveries.overlaps import Cell as LinesCell
from finance_platform.deliveries.overlaps import Overlap, Overlaps, compute_overlaps
from finance_platform.deliveries.register import TOLERANCE, DeliveryDiscovered, Register, Verdict, utc_text
from finance_platform.deliveries.state import DeliveryState, LiveDelivery, covered_periods, derive_state
from finance_platform.feeds.codes import fold
from finance_platform.storage.port import ObjectStore

_ACCEPT = "`finance-platform accept {key} --why TEXT` takes it as it is, `withdraw` drops it"
_CORRECT = "correct the file and send it again, or widen `tolerance` in the descriptor; " + _ACCEPT
_REPORT = "this is a fault of the platform: keep the file and report it"

_MAX_NAMES = 5

_Cell = tuple[str, str]
"""Scenario, folded, and period."""


def evaluate_deliveries(
    processed: ObjectStore, *, at: datetime, run_id: str, holds_closed_periods: bool = False
) -> list[Verdict]:
    """Make a verdict on every delivery that awaits one, in delivery order; record the verdicts and return them.

    Args:
        processed: the processed zone; the caller holds the run's lock.
        at: now, UTC.
        run_id: the run that evaluates.
        holds_closed_periods: whether a delivery that would restate a closed period is held.
    """
    register = Register(processed)
    state = derive_state(register.events(), read_commits(processed))
    if not state.awaiting_verdict:
        return []
    candidate_keys = {candidate.event.object_key for candidate in state.awaiting_verdict}
    others = [delivery for delivery in state.live if delivery.event.object_key not in candidate_keys]
    overlaps = compute_overlaps(processed, [*others, *state.awaiting_verdict])
    policy = _AcceptancePolicy(state, overlaps, holds_closed_periods=holds_closed_periods)
    verdicts = [policy.evaluate(candidate, utc_text(at), run_id) for candidate in state.awaiting_verdict]
    register.append(verdicts)
    return verdicts


def tolerance_breach(event: DeliveryDiscovered, commit: DeliveryCommit) -> str | None:
    """Return how the rejected rows or amounts exceed the feed's tolerance; None if they do not."""
    rejected = commit.outcome("rejected")
    share = Decimal(event.tolerated_share)
    if rejected.rows > share * commit.read.rows:
        return f"{rejected.rows} of {commit.read.rows} rows rejected, tolerated {share:%}"
    if event.tolerated_amount is not None and rejected.absolute > Decimal(event.tolerated_amount):
        return f"{rejected.absolute} rejected, tolerated {event.tolerated_amount}"
    return None


@dataclass
class _FeedIndex:
    """The live deliveries of one feed by the cells of their lines, and by fingerprint."""

    by_cell: dict[_Cell, dict[str, LiveDelivery]] = field(default_factory=dict)
    by_fingerprint: dict[str, dict[str, LiveDelivery]] = field(default_factory=dict)

    def add(self, delivery: LiveDelivery) -> None:
        for cell in _cells(delivery):
            self.by_cell.setdefault(cell, {})[delivery.delivery_id] = delivery
        self.by_fingerprint.setdefault(delivery.event.fingerprint, {})[delivery.delivery_id] = delivery

    def remove(self, delivery: LiveDelivery) -> None:
        for cell in _cells(delivery):
            del self.by_cell[cell][delivery.delivery_id]
        del self.by_fingerprint[delivery.event.fingerprint][delivery.delivery_id]


class _AcceptancePolicy:
    """The live deliveries while candidates are evaluated one after the other."""

    def __init__(self, state: DeliveryState, overlaps: Overlaps, *, holds_closed_periods: bool) -> None:
        self._overlaps = overlaps
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
            is_breach = TOLERANCE in {kind for kind, _ in reasons}
            verdict = replace(
                verdict,
                reasons=tuple(text for _, text in reasons),
                kinds=tuple(dict.fromkeys(kind for kind, _ in reasons)),
                fix=(_CORRECT if is_breach else _ACCEPT).format(key=candidate.event.object_key),
            )
        is_counted = not verdict.is_held or verdict.is_accepted_by(candidate.accepted)
        if is_counted and candidate.delivery_id not in self._withdrawn:
            self._add(candidate)
        return replace(verdict, warnings=warnings)

    def _reasons(self, candidate: LiveDelivery) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
        """Return kind and text of each reason to hold a delivery, and the warnings."""
        breach = tolerance_breach(candidate.event, candidate.commit)
        reasons = [(TOLERANCE, breach)] if breach else []
        current = self._live.get(candidate.delivery_id)
        if current and _effect(current.event) == _effect(candidate.event):
            # It counts already and only its etag or its tolerance has changed: it has no effect on other deliveries.
            return reasons, candidate.verdict.warnings if candidate.verdict else ()
        late: tuple[str, ...] = ()
        if current is None:
            late = tuple(self._lateness(candidate))
            reasons += [("duplicate", text) for text in self._duplicates(candidate)]
        reasons += [("removal", text) for text in self._removals(candidate)]
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

    def _others(self, candidate: LiveDelivery, cell: _Cell) -> list[LiveDelivery]:
        """Return the live deliveries of other objects of the feed with lines in a cell."""
        feed = self._feeds.get(candidate.event.feed, _FeedIndex())
        deliveries = feed.by_cell.get(cell, {}).values()
        return [other for other in deliveries if other.event.object_key != candidate.event.object_key]

    def _duplicates(self, candidate: LiveDelivery) -> Iterator[str]:
        feed = self._feeds.get(candidate.event.feed, _FeedIndex())
        for other in feed.by_fingerprint.get(candidate.event.fingerprint, {}).values():
            if other.event.object_key != candidate.event.object_key and _has_same_lines(other, candidate):
                yield f"the same content as {other.event.object_key}, which counts already"

    def _affected_cells(self, candidate: LiveDelivery) -> set[_Cell]:
        """Return the cells whose live lines the candidate would change."""
        cells: set[_Cell] = set()
        for delivery in (candidate, *self._earlier(candidate)):
            cells |= _cells(delivery)
            for other in self._overlaps.overlapping(delivery.delivery_id):
                # The other delivery may have the same keys in other periods, which lose lines or regain them.
                if other in self._live:
                    cells |= _overlap_cells(self._overlaps.overlap(other, delivery.delivery_id))
        return cells

    def _removals(self, candidate: LiveDelivery) -> Iterator[str]:
        """Yield the cells of which the candidate would remove all live lines of its feed, or more than tolerated."""
        tolerated = candidate.event.tolerated_removal
        if not self._affects_ledger(candidate) or tolerated is None:
            return
        live, live_after = self._live, self._live_with(candidate)
        for cell in sorted(self._affected_cells(candidate)):
            others = self._others(candidate, cell)
            before = self._count_lines([*others, *self._earlier(candidate)], cell, live)
            after = self._count_lines([*others, candidate], cell, live_after)
            if before and (after == 0 or before - after > Decimal(tolerated) * before):
                yield (
                    f"{cell[0]} {cell[1]} would go from {before:,} lines to {after:,}: "
                    f"{Decimal(before - after) / before:.0%} removed, tolerated {Decimal(tolerated):.0%}"
                )

    def _count_lines(self, deliveries: Sequence[LiveDelivery], cell: _Cell, live: Mapping[str, LiveDelivery]) -> int:
        """Return how many lines of a cell count of `deliveries`, if exactly `live` are live.

        If several later deliveries supersede lines of one by key, only the largest overlap is subtracted: a bound that
        needs no keys.
        """
        return sum(
            _rows(delivery, cell) - self._count_superseded(delivery, deliveries, cell, live) for delivery in deliveries
        )

    def _count_superseded(
        self,
        delivery: LiveDelivery,
        deliveries: Sequence[LiveDelivery],
        cell: _Cell,
        live: Mapping[str, LiveDelivery],
    ) -> int:
        if delivery.event.load_mode == "replace_period" and not delivery.event.is_scoped:
            is_replaced = any(other.position > delivery.position and cell in _cells(other) for other in deliveries)
            return _rows(delivery, cell) if is_replaced else 0
        superseded = self._superseded_lines(delivery, cell, live)
        if delivery.event.is_scoped:
            # A scope is replaced as a whole, so the union over several deliveries is known without reading lines.
            return sum({scope: rows for lines in superseded for scope, rows in lines.items()}.values())
        return max((sum(lines.values()) for lines in superseded), default=0)

    def _superseded_lines(
        self, delivery: LiveDelivery, cell: _Cell, live: Mapping[str, LiveDelivery]
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

    def _superseded_scopes(self, delivery: LiveDelivery, cell: _Cell, live: Mapping[str, LiveDelivery]) -> list[str]:
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

    def _is_restated(self, candidate: LiveDelivery, cell: _Cell, live_after: Mapping[str, LiveDelivery]) -> bool:
        """Return whether the lines of a cell would change; a file that repeats the live lines changes nothing."""
        others = self._others(candidate, cell)
        before = self._contents([*others, *self._earlier(candidate)], cell, self._live)
        return before != self._contents([*others, candidate], cell, live_after)

    def _contents(
        self, deliveries: Sequence[LiveDelivery], cell: _Cell, live: Mapping[str, LiveDelivery]
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
            cells = _cells(candidate) if candidate.event.load_mode == "replace_period" else set()
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
        return [f"came late: {', '.join(names[:_MAX_NAMES])} {verb}"]


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


def _cells(delivery: LiveDelivery) -> set[_Cell]:
    if delivery.event.load_mode == "replace_period":
        return covered_periods(delivery)
    return {(fold(count.scenario), count.period) for count in delivery.commit.periods}


def _overlap_cells(overlap: Overlap) -> set[_Cell]:
    return {(fold(scenario), period) for scenario, period, _ in overlap.lines}


def _rows(delivery: LiveDelivery, cell: _Cell) -> int:
    return sum(count.rows for count in delivery.commit.periods if (fold(count.scenario), count.period) == cell)


def _unaccounted(commit: DeliveryCommit) -> str:
    rows, amount, unpriced = commit.unaccounted
    return f"not accounted for: {rows} rows, {amount}, {unpriced} cells that are not a valid amount"
