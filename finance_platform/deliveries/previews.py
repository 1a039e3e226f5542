"""Previews: what a decision about a held delivery would move, before a person makes it.

Belongs here: the amounts by scenario, period and account type, and their effect on profit; what changes in lines of
other files. Does not belong here: the decision (see `decisions`), which deliveries are held (see `acceptance`), how
lines of other files are compared (see `effects_on_files`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from finance_platform.contracts.star import CREDIT_TYPES, PROFIT_SIGNS
from finance_platform.deliveries.decisions import plan_acceptance
from finance_platform.deliveries.effects_on_files import (
    EffectOnFile,
    States,
    effects_on_files,
    find_replaced_lines,
    find_retyped_lines,
)
from finance_platform.deliveries.events import DecisionRecorded
from finance_platform.deliveries.live_lines import LiveLines
from finance_platform.deliveries.members.attribute_history import TypesInPeriods
from finance_platform.deliveries.overlaps import compute_candidate_overlaps
from finance_platform.deliveries.portions import Portion
from finance_platform.deliveries.state import DeliveryState, LiveDelivery, live_with
from finance_platform.deliveries.verdicts.booked_differences import state_after
from finance_platform.deliveries.verdicts.live_deliveries import LiveDeliveries
from finance_platform.deliveries.verdicts.moved_amounts import MovedCell, find_moved_cells
from finance_platform.storage.port import ObjectStore


@dataclass(frozen=True)
class PreviewRow:
    """What would move in one scenario and period, on accounts of one type.

    Attributes:
        scenario: its name.
        period: YYYY-MM.
        is_closed: whether the period is closed, so that the decision restates it.
        account_type: type of the accounts in the period, `Unknown` without one.
        amount: the net difference, in the sign of the star.
        gross: the sum of the absolute differences by department and account.
        profit_effect: what profit changes by: that of Revenue less that of Expense; zero for other types.
    """

    scenario: str
    period: str
    is_closed: bool
    account_type: str
    amount: Decimal
    gross: Decimal
    profit_effect: Decimal


def preview_acceptance(processed: ObjectStore, object_key: str, periods: Collection[str] = ()) -> list[PreviewRow]:
    """Return what an acceptance of a held delivery would move; nothing for files of master data. Nothing is written.

    Args:
        processed: the processed zone.
        object_key: the raw object.
        periods: of late lines, the periods that are meant; all that wait if there are none.

    Raises:
        DecisionError: see `decisions.accept`.
        DamagedObjectError: the rows of a delivery are damaged.
    """
    plan = plan_acceptance(processed, object_key, periods)
    state, candidate = plan.state, plan.delivery
    if candidate is None:
        return []
    moved = _moved(processed, state, candidate)
    after = live_with(state.live, candidate)
    types = TypesInPeriods(processed, state, after, {cell.account_key for cell in moved})
    return _rows(moved, types, state.closed.keys())


def _moved(processed: ObjectStore, state: DeliveryState, candidate: LiveDelivery) -> list[MovedCell]:
    """Return the cells that would move if a delivery counted."""
    overlaps = compute_candidate_overlaps(processed, state.live, candidate)
    live = LiveDeliveries(state.live, overlaps)
    if not live.affects_ledger(candidate):
        return []
    cells = live.affected_cells(candidate)
    return find_moved_cells(LiveLines(processed, overlaps), *live.live_sets(candidate, cells), cells)


def preview_effects_on_files(
    processed: ObjectStore, object_key: str, periods: Collection[str] = (), *, is_booked_later: bool = False
) -> list[EffectOnFile]:
    """Return what an acceptance would change in lines of other files; nothing is written.

    Args:
        processed: the processed zone.
        object_key: the raw object.
        periods: of late lines, the periods that are meant; all that wait if there are none.
        is_booked_later: whether what would change closed periods is booked in the next open one; they stay as they are.

    Raises:
        DecisionError: as for `preview_acceptance`.
        DamagedObjectError: the rows of a delivery are damaged.
    """
    plan = plan_acceptance(processed, object_key, periods, is_booked_later=is_booked_later)
    state, candidate, late = plan.state, plan.delivery, plan.late_periods
    if is_booked_later and candidate:
        closed = [one for one in late or [count.period for count in candidate.commit.periods] if one in state.closed]
        candidate = candidate.restricted_to(Portion(without=candidate.portion.without.union(closed)))
        after = replace(state, live=live_with(state.live, candidate)) if candidate else state
    else:
        decision = DecisionRecorded("accepted", object_key, plan.held.event.delivery_id, "", "", "", late_periods=late)
        after = state_after(processed, decision)
    replaced = []
    if candidate:
        overlaps = compute_candidate_overlaps(processed, state.live, candidate)
        live = LiveDeliveries(state.live, overlaps)
        if live.affects_ledger(candidate):
            cells = live.affected_cells(candidate)
            sets = live.live_sets(candidate, cells)
            replaced = find_replaced_lines(LiveLines(processed, overlaps), *sets, cells, object_key)
    states = States.of(processed, state, after, {one.account_key for one in replaced})
    return effects_on_files(states, replaced, find_retyped_lines(processed, states, object_key))


def preview_booking(processed: ObjectStore, object_key: str, periods: Collection[str] = ()) -> list[PreviewRow]:
    """Return what an acceptance would move that books late lines in the next open period; nothing is written.

    Args:
        processed: the processed zone.
        object_key: the raw object.
        periods: of late lines, the periods that are meant; all that wait if there are none.

    Raises:
        DecisionError: see `decisions.book`.
        DamagedObjectError: the rows of a delivery are damaged.
    """
    plan = plan_acceptance(processed, object_key, periods, is_booked_later=True)
    state, candidate, bookings = plan.state, plan.delivery, plan.bookings
    if candidate is None:
        return []
    sums: dict[tuple[str, str, int, int, bool], Decimal] = {}
    for row in (row for booking in bookings for row in booking.rows):
        place = (row["scenario"], row["period"], row["department_key"], row["account_key"], row["is_debit_positive"])
        sums[place] = sums.get(place, Decimal(0)) + row["amount"]
    moved = [
        MovedCell(scenario, period, account, is_debit_positive, amount)
        for (scenario, period, _, account, is_debit_positive), amount in sorted(sums.items())
        if amount
    ]
    closed = [booking.closed_period for booking in bookings]
    elsewhere = candidate.restricted_to(Portion(without=candidate.portion.without.union(closed)))
    moved += _moved(processed, state, elsewhere) if elsewhere else []
    types = TypesInPeriods(processed, state, [*state.live, candidate], {cell.account_key for cell in moved})
    return _rows(moved, types, state.closed.keys())


def profit_effects(rows: Iterable[PreviewRow | EffectOnFile], *, of_closed: bool) -> dict[str, Decimal]:
    """Return what profit changes by, by scenario: of closed periods, or of all.

    Args:
        rows: what moves, and the effects of other types, which move no line.
        of_closed: whether only of closed periods.
    """
    effects: dict[str, Decimal] = {}
    for row in rows:
        if row.is_closed or not of_closed:
            effects[row.scenario] = effects.get(row.scenario, Decimal(0)) + row.profit_effect
    return effects


def _rows(moved: Sequence[MovedCell], types: TypesInPeriods, closed: Iterable[str]) -> list[PreviewRow]:
    sums: dict[tuple[str, str, str], tuple[Decimal, Decimal]] = {}
    for cell in moved:
        account_type = types.type_in(cell.period, cell.account_key)
        is_flipped = cell.is_debit_positive and account_type in CREDIT_TYPES
        amount = -cell.amount if is_flipped else cell.amount
        place = (cell.scenario, cell.period, account_type)
        net, gross = sums.get(place, (Decimal(0), Decimal(0)))
        sums[place] = (net + amount, gross + abs(amount))
    periods = set(closed)
    zero = Decimal(0)  # added, since a negative amount times no sign is a negative zero, which would be shown as -0.00
    return [
        PreviewRow(scenario, period, period in periods, kind, net, gross, net * PROFIT_SIGNS.get(kind, 0) + zero)
        for (scenario, period, kind), (net, gross) in sorted(sums.items())
    ]
