"""Judging: whether a delivery that was read counts at once, or is held until someone accepts it.

Belongs here: the reasons to hold, and what to warn of. A verdict is made once, against what counts at that moment, and
entered into the register; nothing is judged twice unless it is delivered again.
Does not belong here: what people decide (see `decisions`), what follows from a verdict (see `state`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from finance_platform.deliveries.commits import DeliveryCommit, read_commits
from finance_platform.deliveries.overlaps import Overlaps, Shared, complete
from finance_platform.deliveries.register import TOLERANCE, DeliveryDiscovered, Register, Verdict, utc_text
from finance_platform.deliveries.state import DeliveryState, LiveDelivery, covered_periods, derive_state
from finance_platform.feeds.codes import fold
from finance_platform.storage.port import ObjectStore

_ACCEPT = "`finance-platform accept {key} --why TEXT` takes it as it is, `withdraw` drops it"
_MEND = "correct the file and send it again, or widen `tolerance` in the descriptor; " + _ACCEPT
_KEEP = "this is a fault of the platform: keep the file and report it"

_Cell = tuple[str, str]
"""Scenario, folded, and period."""


def judge(processed: ObjectStore, *, at: datetime, run_id: str, holds_closed_periods: bool = False) -> list[Verdict]:
    """Judge every delivery that was read and not judged since, in delivery order; enter the verdicts and return them.

    Args:
        processed: the processed zone; the caller holds the run's lock.
        at: now, UTC.
        run_id: the run that judges.
        holds_closed_periods: whether a delivery that would restate a closed period is held.
    """
    register = Register(processed)
    state = derive_state(register.events(), read_commits(processed))
    if not state.awaiting_verdict:
        return []
    candidates = {candidate.event.object_key for candidate in state.awaiting_verdict}
    others = [delivery for delivery in state.live if delivery.event.object_key not in candidates]
    overlaps = complete(processed, [*others, *state.awaiting_verdict])
    bench = _AcceptancePolicy(state, overlaps, holds_closed_periods=holds_closed_periods)
    verdicts = [bench.judge(candidate, utc_text(at), run_id) for candidate in state.awaiting_verdict]
    register.append(verdicts)
    return verdicts


def tolerance_breach(event: DeliveryDiscovered, commit: DeliveryCommit) -> str | None:
    """Return why a delivery is held whatever else is there: more is rejected than tolerated; None when it is not."""
    rejected = commit.outcome("rejected")
    share = Decimal(event.tolerated_share)
    if rejected.rows > share * commit.read.rows:
        return f"{rejected.rows} of {commit.read.rows} rows rejected, tolerated {share:%}"
    if event.tolerated_amount is not None and rejected.absolute > Decimal(event.tolerated_amount):
        return f"{rejected.absolute} rejected, tolerated {event.tolerated_amount}"
    return None


@dataclass
class _Feed:
    """The live deliveries of one feed, and which of them have lines in which cell."""

    by_cell: dict[_Cell, dict[str, LiveDelivery]] = field(default_factory=dict)
    by_fingerprint: dict[str, dict[str, LiveDelivery]] = field(default_factory=dict)

    def enter(self, delivery: LiveDelivery) -> None:
        for cell in _cells(delivery):
            self.by_cell.setdefault(cell, {})[delivery.delivery_id] = delivery
        self.by_fingerprint.setdefault(delivery.event.fingerprint, {})[delivery.delivery_id] = delivery

    def leave(self, delivery: LiveDelivery) -> None:
        for cell in _cells(delivery):
            del self.by_cell[cell][delivery.delivery_id]
        del self.by_fingerprint[delivery.event.fingerprint][delivery.delivery_id]


class _AcceptancePolicy:
    """What counts while deliveries are judged one after the other."""

    def __init__(self, state: DeliveryState, overlaps: Overlaps, *, holds_closed_periods: bool) -> None:
        self._overlaps = overlaps
        self._withdrawn = {stopped.commit.delivery_id for stopped in state.withdrawn}
        self._closed = set(state.closed) if holds_closed_periods else set()
        self._by_key: dict[str, LiveDelivery] = {}
        self._live: dict[str, LiveDelivery] = {}
        self._feeds: dict[str, _Feed] = {}
        for delivery in state.live:
            self._enter(delivery)

    def judge(self, candidate: LiveDelivery, at: str, run_id: str) -> Verdict:
        """Return the verdict; one that counts takes its place among the others."""
        verdict = Verdict(candidate.event.object_key, candidate.delivery_id, at, run_id)
        if any(candidate.commit.unaccounted):
            return replace(verdict, reasons=(_unaccounted(candidate.commit),), fix=_KEEP, is_final=True)
        reasons, warnings = self._reasons(candidate)
        if reasons:
            mends = TOLERANCE in {kind for kind, _ in reasons}
            verdict = replace(
                verdict,
                reasons=tuple(text for _, text in reasons),
                kinds=tuple(dict.fromkeys(kind for kind, _ in reasons)),
                fix=(_MEND if mends else _ACCEPT).format(key=candidate.event.object_key),
            )
        is_counted = not verdict.is_held or verdict.is_accepted_by(candidate.accepted)
        if is_counted and candidate.delivery_id not in self._withdrawn:
            self._enter(candidate)
        return replace(verdict, warnings=warnings)

    def _reasons(self, candidate: LiveDelivery) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
        """Return the reasons to hold a delivery, each with its kind, and what to warn of."""
        mend = tolerance_breach(candidate.event, candidate.commit)
        reasons = [(TOLERANCE, mend)] if mend else []
        now = self._live.get(candidate.delivery_id)
        if now and _terms(now.event) == _terms(candidate.event):
            # It counts already, and was only touched, or is tolerated otherwise: it takes nothing from the others.
            return reasons, candidate.judged.warnings if candidate.judged else ()
        late = tuple(self._late(candidate)) if now is None else ()
        if now is None:
            reasons += [("duplicate", text) for text in self._duplicates(candidate)]
        reasons += [("removal", text) for text in self._removes(candidate)]
        reasons += [("restatement", text) for text in self._restates(candidate)]
        reasons += [("late", text) for text in late if candidate.event.is_held_when_late]
        return reasons, late

    def _enter(self, delivery: LiveDelivery) -> None:
        earlier = self._by_key.get(delivery.event.object_key)
        if earlier:
            self._feeds[earlier.event.feed].leave(earlier)
            del self._live[earlier.delivery_id]
        self._by_key[delivery.event.object_key] = delivery
        self._live[delivery.delivery_id] = delivery
        self._feeds.setdefault(delivery.event.feed, _Feed()).enter(delivery)

    def _others(self, candidate: LiveDelivery, cell: _Cell) -> list[LiveDelivery]:
        """Return the live deliveries of other objects that have to do with a cell."""
        feed = self._feeds.get(candidate.event.feed, _Feed())
        found = feed.by_cell.get(cell, {}).values()
        return [other for other in found if other.event.object_key != candidate.event.object_key]

    def _duplicates(self, candidate: LiveDelivery) -> Iterator[str]:
        feed = self._feeds.get(candidate.event.feed, _Feed())
        for other in feed.by_fingerprint.get(candidate.event.fingerprint, {}).values():
            if other.event.object_key != candidate.event.object_key:
                yield f"the same content as {other.event.object_key}, which counts already"

    def _touched(self, candidate: LiveDelivery) -> set[_Cell]:
        """Return the cells in which the candidate would change what counts."""
        earlier = self._by_key.get(candidate.event.object_key)
        touched = _cells(candidate) | (_cells(earlier) if earlier else set())
        for claimant in (candidate, *([earlier] if earlier else [])):
            for other in self._overlaps.overlapping(claimant.delivery_id):
                # The other one may have these keys in other periods, which then lose lines or get them back.
                if other in self._live:
                    touched |= _folded(self._overlaps.shared(other, claimant.delivery_id))
        return touched

    def _removes(self, candidate: LiveDelivery) -> Iterator[str]:
        """Yield where the candidate would take out all lines, or too many, of what counts of its feed."""
        tolerated = candidate.event.tolerated_removal
        if not self._concerns_lines(candidate) or tolerated is None:
            return
        earlier = self._by_key.get(candidate.event.object_key)
        now, then = self._before_and_after(candidate)
        for cell in sorted(self._touched(candidate)):
            others = self._others(candidate, cell)
            before = self._visible([*others, *([earlier] if earlier else [])], cell, now)
            after = self._visible([*others, candidate], cell, then)
            if before and (after == 0 or before - after > Decimal(tolerated) * before):
                yield (
                    f"{cell[0]} {cell[1]} would go from {before:,} lines to {after:,}: "
                    f"{Decimal(before - after) / before:.0%} removed, tolerated {Decimal(tolerated):.0%}"
                )

    def _visible(self, deliveries: Sequence[LiveDelivery], cell: _Cell, live: Mapping[str, LiveDelivery]) -> int:
        """Return how many lines of a cell count of `deliveries`, if exactly `live` are live.

        Where several later ones hide lines of one by key, the one that hides most is taken: a bound that needs no keys.
        """
        return sum(_rows(delivery, cell) - self._hidden(delivery, deliveries, cell, live) for delivery in deliveries)

    def _hidden(
        self,
        delivery: LiveDelivery,
        deliveries: Sequence[LiveDelivery],
        cell: _Cell,
        live: Mapping[str, LiveDelivery],
    ) -> int:
        if delivery.event.load_mode == "replace_period" and not delivery.event.is_scoped:
            is_replaced = any(other.position > delivery.position and cell in _cells(other) for other in deliveries)
            return _rows(delivery, cell) if is_replaced else 0
        hidden = [
            {
                place: rows
                for place, rows in self._overlaps.shared(delivery.delivery_id, other).lines.items()
                if (fold(place[0]), place[1]) == cell
            }
            for other in self._overlaps.overlapping(delivery.delivery_id)
            if other in live and live[other].position > delivery.position
        ]
        if delivery.event.is_scoped:
            # A scope is replaced whole, so what several others replace of it is known without reading lines.
            return sum({place: rows for one in hidden for place, rows in one.items()}.values())
        return max((sum(one.values()) for one in hidden), default=0)

    def _concerns_lines(self, candidate: LiveDelivery) -> bool:
        earlier = self._by_key.get(candidate.event.object_key)
        return "ledger" in {candidate.event.kind, earlier.event.kind if earlier else ""}

    def _restates(self, candidate: LiveDelivery) -> Iterator[str]:
        if not self._concerns_lines(candidate) or not self._closed:
            return
        touched = {cell for cell in self._touched(candidate) if cell[1] in self._closed}
        periods = sorted({cell[1] for cell in touched if self._changes(candidate, cell)})
        if periods:
            yield f"would restate {', '.join(periods)}, which {'is' if len(periods) == 1 else 'are'} closed"

    def _changes(self, candidate: LiveDelivery, cell: _Cell) -> bool:
        """Return whether a cell would hold other lines; a file that repeats what is there changes nothing."""
        before, after = self._before_and_after(candidate)
        others = self._others(candidate, cell)
        earlier = self._by_key.get(candidate.event.object_key)
        was = self._contents([*others, *([earlier] if earlier else [])], cell, before)
        return was != self._contents([*others, candidate], cell, after)

    def _contents(
        self, deliveries: Sequence[LiveDelivery], cell: _Cell, live: Mapping[str, LiveDelivery]
    ) -> list[tuple[str, int]]:
        """Return the content of each delivery that shows in a cell, and how many of its lines are hidden."""
        hidden = {delivery.delivery_id: self._hidden(delivery, deliveries, cell, live) for delivery in deliveries}
        return sorted(
            (count.content or delivery.delivery_id, hidden[delivery.delivery_id])
            for delivery in deliveries
            if hidden[delivery.delivery_id] < _rows(delivery, cell)
            for count in delivery.commit.periods
            if (fold(count.scenario), count.period) == cell
        )

    def _before_and_after(
        self, candidate: LiveDelivery
    ) -> tuple[Mapping[str, LiveDelivery], Mapping[str, LiveDelivery]]:
        """Return what is live without the candidate and with it."""
        earlier = self._by_key.get(candidate.event.object_key)
        after = dict(self._live)
        if earlier:
            del after[earlier.delivery_id]
        return self._live, {**after, candidate.delivery_id: candidate}

    def _late(self, candidate: LiveDelivery) -> list[str]:
        """Return what to say when the candidate comes after deliveries of its feed that sort after it and hide it."""
        later = set(self._overlaps.overlapping(candidate.delivery_id)) & self._live.keys()
        if candidate.event.kind == "ledger" and not candidate.event.is_scoped:
            cells = _cells(candidate) if candidate.event.load_mode == "replace_period" else set()
            later |= {other.delivery_id for cell in cells for other in self._others(candidate, cell)}
        names = sorted(
            self._live[other].event.object_key
            for other in later
            if self._live[other].position > candidate.position
            and self._live[other].event.object_key != candidate.event.object_key
        )
        if not names:
            return []
        others = "sorts after it and wins" if len(names) == 1 else "sort after it and win"
        return [f"came late: {', '.join(names[:5])} {others}"]


def _terms(event: DeliveryDiscovered) -> tuple[object, ...]:
    """Return what decides, beside its lines, what a delivery does to the others."""
    return event.feed, event.kind, event.load_mode, event.is_scoped, event.order


def _cells(delivery: LiveDelivery) -> set[_Cell]:
    if delivery.event.load_mode == "replace_period":
        return covered_periods(delivery)
    return {(fold(count.scenario), count.period) for count in delivery.commit.periods}


def _folded(shared: Shared) -> set[_Cell]:
    return {(fold(scenario), period) for scenario, period, _ in shared.lines}


def _rows(delivery: LiveDelivery, cell: _Cell) -> int:
    return sum(count.rows for count in delivery.commit.periods if (fold(count.scenario), count.period) == cell)


def _unaccounted(commit: DeliveryCommit) -> str:
    rows, amount, unpriced = commit.unaccounted
    return f"not accounted for: {rows} rows, {amount}, {unpriced} cells that are no amount"
