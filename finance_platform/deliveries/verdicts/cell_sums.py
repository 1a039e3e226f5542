"""Cell sums: the sums of live lines that the star's columns could not hold.

Belongs here: which sums a load stores, and the ones that are too large, exactly.
Does not belong here: which lines count (see `live_lines`), parsing single amounts (see `feeds.values.amounts`).

Almost no home has as much money in all its files together as one cell can hold, and then no line is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import permutations
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.contracts.star import CREDIT_TYPES
from finance_platform.deliveries.live_lines import (
    LiveLines,
    LiveSet,
    cell_of,
    claimed_cells,
    concerned_cells,
    differing_deliveries,
)
from finance_platform.deliveries.members.account_types import AccountTypes
from finance_platform.deliveries.overlaps import Overlaps
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.deliveries.verdicts.bookings import Booking
from finance_platform.feeds.values.amounts import EXACT, LIMIT
from finance_platform.feeds.values.codes import fold
from finance_platform.feeds.values.dates import first_day
from finance_platform.money_text import grouped_money
from finance_platform.storage.port import ObjectStore

_COLUMNS = (
    "posting_date",
    "department_key",
    "department_code",
    "account_key",
    "account_number",
    "is_debit_positive",
    "amount",
)
_ZERO = Decimal("0.00")

_Member = tuple[str, int, int]
"""Period, department and account."""


@dataclass
class _Sums:
    """Sums of live lines, with the sign of the star.

    Attributes:
        days: by scenario, day and member.
        periods: by scenario and member.
        totals: by period, over all scenarios.
        names: department code and account number of each member.
        scenarios: the name of each folded scenario.
    """

    scenarios: Mapping[str, str]
    days: dict[tuple[str, date, _Member], Decimal] = field(default_factory=dict)
    periods: dict[tuple[str, _Member], Decimal] = field(default_factory=dict)
    totals: dict[str, Decimal] = field(default_factory=dict)
    names: dict[_Member, tuple[str, str]] = field(default_factory=dict)

    def add(self, rows: Iterable[Mapping[str, Any]], flipped: Collection[int]) -> None:
        """Add sums of one delivery's lines."""
        for row in rows:
            folded, period = cell_of(row["cell"])
            scenario = self.scenarios[folded]
            day, member = row["posting_date"], (period, row["department_key"], row["account_key"])
            is_flipped = row["is_debit_positive"] and row["account_key"] in flipped
            amount = -row["money_sum"] if is_flipped else row["money_sum"]
            self.names[member] = row["department_code_min"], row["account_number_min"]
            self.days[scenario, day, member] = self.days.get((scenario, day, member), _ZERO) + amount
            self.periods[scenario, member] = self.periods.get((scenario, member), _ZERO) + amount
            self.totals[period] = self.totals.get(period, _ZERO) + amount

    def stored(self) -> Iterator[tuple[str, Decimal]]:
        """Yield a description of each sum that a load stores, and the sum."""
        for (scenario, day, member), amount in self.days.items():
            yield f"{scenario} {day}, {self.describe(member)}", amount
        scenarios: dict[_Member, list[str]] = {}
        for (scenario, member), amount in self.periods.items():
            scenarios.setdefault(member, []).append(scenario)
            yield f"{scenario} {member[0]}, {self.describe(member)}", amount
        for member, of_member in scenarios.items():
            # Any scenario may be the baseline, which the others are compared with on the first day and in the period.
            for scenario, baseline in permutations(of_member, 2):
                name = f"{scenario} less {baseline} {member[0]}, {self.describe(member)}"
                own = self.days.get((scenario, first_day(member[0]), member), _ZERO), self.periods[scenario, member]
                yield name, max((amount - self.periods[baseline, member] for amount in own), key=abs)
        for period, amount in self.totals.items():
            yield f"the total of {period}", amount

    def describe(self, member: _Member) -> str:
        """Return the department and the account of a member."""
        department, account = self.names[member]
        return f"department {department}, account {account}"


def may_overflow(live: Decimal, candidate: LiveDelivery) -> bool:
    """Return whether `find_overflows` may return a sum; it looks at every delivery, and almost no home needs it.

    Args:
        live: the absolute amount of all accepted lines that count.
        candidate: the delivery that would count.
    """
    return EXACT.add(live, candidate.commit.outcome("accepted").absolute) >= LIMIT


def find_overflows(
    processed: ObjectStore,
    overlaps: Overlaps,
    types: AccountTypes,
    before: Sequence[LiveDelivery],
    after: Sequence[LiveDelivery],
    planned: Iterable[Booking] = (),
    closed: Collection[str] = (),
) -> list[str]:
    """Return the sums that are too large after a change of the live deliveries, and were not before.

    Args:
        processed: the processed zone.
        overlaps: the lines that the deliveries claim from each other.
        types: reads the types of accounts.
        before: the deliveries that count, in order.
        after: those that would count, in order.
        planned: bookings among them that may not be written yet.
        closed: the closed periods, of which the warehouse has what leads from signed figures to those of now.
    """
    # A delivery that counts in other periods afterwards is there twice: its sums may move as far as both together.
    both = {(one.delivery_id, one.portion): one for one in (*before, *after) if one.event.kind == "ledger"}
    ledger = both.values()
    if _bound(ledger) < LIMIT:
        return []
    periods = {
        period
        for period in _changed_periods(overlaps, before, after)
        if _bound(one for one in ledger if _has_lines(one, period)) >= LIMIT
    }
    scenarios = {fold(count.scenario): count.scenario for one in ledger for count in one.commit.periods}
    reading = _Reading(processed, overlaps, types, {one.booking_id: one.rows for one in planned})
    sums_before, sums_after = (_sums(reading, live, periods, scenarios) for live in (before, after))
    known = {name for name, amount in sums_before.stored() if abs(amount) >= LIMIT}
    texts = [
        f"{name}: {grouped_money(amount)}"
        for name, amount in sums_after.stored()
        if abs(amount) >= LIMIT and name not in known
    ]
    for (scenario, member), amount in sums_after.periods.items():
        # The load writes by how much a published sum moved; one that was not published has not moved.
        moved = amount - sums_before.periods.get((scenario, member), amount)
        if abs(moved) >= LIMIT > abs(amount):
            texts.append(f"{scenario} {member[0]}, {sums_after.describe(member)}: moved by {grouped_money(moved)}")
    return sorted([*texts, *_restated(sums_before, sums_after, closed)])


def _restated(before: _Sums, after: _Sums, closed: Collection[str]) -> Iterator[str]:
    """Yield the scenarios and closed periods whose accounts move too far together, whatever groups they are in."""
    moved: dict[tuple[str, str, str], Decimal] = {}
    for scenario, member in before.periods.keys() | after.periods.keys():
        amount = after.periods.get((scenario, member), _ZERO) - before.periods.get((scenario, member), _ZERO)
        place = scenario, member[0], "up" if amount > 0 else "down"
        moved[place] = moved.get(place, _ZERO) + abs(amount)
    for (scenario, period, direction), amount in moved.items():
        if period in closed and amount >= LIMIT:
            yield f"{scenario} {period}, closed: accounts moved {direction} by {grouped_money(amount)} together"


def _has_lines(delivery: LiveDelivery, period: str) -> bool:
    return any(count.period == period for count in delivery.commit.periods)


def _bound(deliveries: Iterable[LiveDelivery]) -> Decimal:
    """Return a number that no sum of the deliveries' lines exceeds."""
    return sum((delivery.commit.outcome("accepted").absolute for delivery in deliveries), _ZERO)


def _changed_periods(overlaps: Overlaps, before: Sequence[LiveDelivery], after: Sequence[LiveDelivery]) -> set[str]:
    """Return the periods in which the deliveries that only one side has may change a sum."""
    changed = differing_deliveries(before, after)
    if any(delivery.event.kind == "accounts" for delivery in changed):
        changed = [*before, *after]  # another type may turn the sign of lines anywhere
    return {period for _, period in concerned_cells(overlaps, changed)}


@dataclass(frozen=True)
class _Reading:
    """What reads the lines of deliveries, and the types of their accounts; see `find_overflows`."""

    processed: ObjectStore
    overlaps: Overlaps
    types: AccountTypes
    planned: Mapping[str, Sequence[Mapping[str, Any]]]


def _sums(
    reading: _Reading, live: Sequence[LiveDelivery], periods: Collection[str], scenarios: Mapping[str, str]
) -> _Sums:
    lines, by_id = LiveLines(reading.processed, reading.overlaps), {one.delivery_id: one for one in live}
    ledger = [one for one in live if one.event.kind == "ledger"]
    # The accounts of a booking are those of its object's deliveries, which count beside it.
    flipping = {key for one in ledger if one.commit.is_debit_positive for key in reading.types.mentioned(one)}
    flipped = {key for key, account_type in reading.types.types(live, flipping).items() if account_type in CREDIT_TYPES}
    sums = _Sums(scenarios)
    for period in sorted(periods):
        claims = {one.delivery_id: {cell for cell in claimed_cells(one) if cell[1] == period} for one in ledger}
        in_period = [one for one in ledger if claims[one.delivery_id]]
        for delivery in in_period:
            cells = claims[delivery.delivery_id]
            if rows := reading.planned.get(delivery.delivery_id):
                sums.add(_grouped(lines.of_rows(rows, cells, _COLUMNS)), flipped)
                continue
            of_feed = {one.delivery_id: one for one in in_period if one.event.feed == delivery.event.feed}
            superseded = lines.superseded(delivery, LiveSet(by_id, of_feed), cells)
            sums.add(_grouped(lines.read(delivery, superseded, cells, _COLUMNS)), flipped)
    return sums


def _grouped(lines: pa.Table) -> list[dict[str, Any]]:
    table = lines.append_column("money", pc.cast(lines["amount"], SUM_OF_MONEY_TYPE))
    keys = ["cell", "posting_date", "department_key", "account_key", "is_debit_positive"]
    sums = table.group_by(keys).aggregate([("money", "sum"), ("department_code", "min"), ("account_number", "min")])
    rows: list[dict[str, Any]] = sums.to_pylist()
    return rows
