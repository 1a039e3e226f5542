"""Booked differences: whether what is booked in a later period is what closed periods lack.

Belongs here: the comparison of what counts with bookings, and what would count without any. Does not belong here: the
lines of a booking (see `bookings`), what else makes a decision impossible (see `decisions`).

A booking is the difference between what counted in a closed period when it was made and what would count with the file.
If something else counts there since, such as another file that replaces its lines no longer, an amount is counted twice
or not at all. The same holds for an open period: a line of another file counts there beside a booking of its key, since
a booking replaces nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow.compute as pc

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.deliveries.commits import read_commits
from finance_platform.deliveries.events import DecisionRecorded
from finance_platform.deliveries.live_lines import (
    Cell,
    LiveLines,
    LiveSet,
    Superseded,
    cell_of,
    differing_deliveries,
    shared_cells,
)
from finance_platform.deliveries.overlaps import NO_OVERLAPS, compute_overlaps
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.state import DeliveryState, LiveDelivery
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform.deliveries.verdicts.bookings import Booking, commit_of_booking
from finance_platform.deliveries.verdicts.live_deliveries import cells_of_lines
from finance_platform.errors import DecisionError
from finance_platform.feeds.values.codes import fold
from finance_platform.safe_text import quote_name
from finance_platform.storage.port import ObjectStore

_PLACE = ("cell", "department_key", "account_key", "is_debit_positive")

_Sums = dict[tuple[Cell, int, int, bool], Decimal]
"""By scenario and period, department, account and the sign of debits, the money of lines."""


def refuse_wrong_bookings(
    processed: ObjectStore,
    state: DeliveryState,
    after: DeliveryState,
    object_key: str,
    planned: Sequence[Booking] = (),
) -> None:
    """Refuse a decision after which what is booked later would not be what closed periods lack.

    Args:
        processed: the processed zone.
        state: the deliveries before the decision.
        after: the deliveries after it.
        object_key: what it is about.
        planned: the bookings of the decision, which may not be written yet.

    Raises:
        DecisionError: there would be such a booking that there is not already.
    """
    for period, keys in find_wrong_bookings(processed, state, after, planned).items():
        raise DecisionError(
            f"with this decision about {quote_name(object_key)}, {describe_wrong_bookings(period, keys)}",
            fix=f"withdraw {_files(keys)} first; then send it again, or take it back",
        )


def describe_wrong_bookings(period: str, object_keys: Iterable[str]) -> str:
    """Return what is wrong in one of the periods that `find_wrong_bookings` returns."""
    twice = f"lines of {period} would count twice or not at all"
    return f"{twice} beside those of {_files(object_keys)} that are booked in a later period"


def _files(object_keys: Iterable[str]) -> str:
    return " and ".join(map(quote_name, object_keys))


def find_wrong_bookings(
    processed: ObjectStore, state: DeliveryState, after: DeliveryState, planned: Sequence[Booking] = ()
) -> dict[str, list[str]]:
    """Return the periods in which lines would count twice, or not, beside bookings after a decision, and their files.

    Args:
        processed: the processed zone.
        state: the deliveries before the decision.
        after: the deliveries after it.
        planned: the bookings of the decision, which may not be written yet.
    """
    wrong = _wrong_bookings(processed, after, {one.booking_id: one.rows for one in planned})
    known = _wrong_bookings(processed, state, {}) if wrong else {}
    named: dict[str, set[str]] = {}
    for (period, feeds), keys in wrong.items():
        # A file may have moved since, so feeds that were compared apart are compared together after the decision.
        if not any(period == of_period and feeds & of_feeds for of_period, of_feeds in known):
            named.setdefault(period, set()).update(keys)
    return {period: sorted(keys) for period, keys in sorted(named.items())}


def state_after(processed: ObjectStore, event: DecisionRecorded, planned: Sequence[Booking] = ()) -> DeliveryState:
    """Return the state after a decision that is not recorded yet, with bookings that may not be written yet."""
    commits = read_commits(processed)
    if planned:
        commits = {**commits, **{one.booking_id: commit_of_booking(one) for one in planned}}
    return derive_state([*Register(processed).events(), event], commits)


def _wrong_bookings(
    processed: ObjectStore, state: DeliveryState, planned: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[tuple[str, frozenset[str]], set[str]]:
    """Return the periods in which what counts, with the booked lines in their own, is not what would count without.

    That is each closed period of which lines are booked, and each in which other files have lines that are replaced
    only because of the lines that are booked, or only because of those that stay for them.

    Args:
        processed: the processed zone, whose lines of these periods are read.
        state: the deliveries.
        planned: by booking, lines that may not be written yet.

    Returns:
        By period and the feeds that were compared together, the booked files: those with booked lines of it, or else
        those that share keys or scopes with lines of it.
    """
    bookings = [one for one in state.live if one.booked_from]
    # A file that repeats lines which were booked for another version has no booking of its own.
    booked = [*bookings, *(one for one in state.effective if one.booked)]
    return {
        (period, feeds): keys
        for feeds in _compared_feeds(state, {one.event.object_key for one in booked})
        for period, keys in _wrong_in_feeds(
            processed, state, [one for one in booked if one.event.feed in feeds], planned, feeds
        )
    }


def _wrong_in_feeds(
    processed: ObjectStore,
    state: DeliveryState,
    booked: Sequence[LiveDelivery],
    planned: Mapping[str, Sequence[Mapping[str, Any]]],
    feeds: Collection[str],
) -> Iterator[tuple[str, set[str]]]:
    """Yield the periods that `_wrong_bookings` returns for some feeds, with the booked files.

    Args:
        processed: the processed zone, whose lines of these periods are read.
        state: the deliveries.
        booked: the bookings of these feeds, and the files that count with booked lines.
        planned: by booking, lines that may not be written yet.
        feeds: the feeds that are compared together.
    """
    cells = {cell for one in booked for cell in _closed_cells(one)}
    published, effective = (_of_feeds(of_state, feeds) for of_state in (state.live, state.effective))
    overlaps = compute_overlaps(processed, published) | compute_overlaps(processed, effective)
    otherwise = differing_deliveries(published, effective)  # what counts otherwise because of bookings
    cells |= shared_cells(overlaps, otherwise)
    sums: _Sums = {}
    _add_counted(sums, LiveLines(processed, overlaps), published, cells, 1)
    _add_counted(sums, LiveLines(processed, overlaps), effective, cells, -1)
    lines = LiveLines(processed, NO_OVERLAPS)
    for booking in booked:
        if booking.delivery_id in planned:
            _add_rows(sums, planned[booking.delivery_id], booking.booked_from)
        elif booking.booked_from:
            _add(sums, lines, booking, Superseded(), cells_of_lines(booking), 1, booking.booked_from)
    for period in {period for ((_, period), *_), amount in sums.items() if amount}:
        of_period = [one for one in booked if period in _closed_periods(one)]
        sharing = of_period or [one for one in otherwise if period in _periods(shared_cells(overlaps, [one]))]
        yield period, {one.event.object_key for one in sharing}


def _closed_cells(delivery: LiveDelivery) -> set[Cell]:
    scenarios = {fold(count.scenario) for count in delivery.commit.periods}
    return {(scenario, period) for scenario in scenarios for period in _closed_periods(delivery)}


def _closed_periods(delivery: LiveDelivery) -> Collection[str]:
    """Return the period that a booking is for, or those of which a file that counts has its lines in a later one."""
    return (delivery.booked_from,) if delivery.booked_from else delivery.booked


def _periods(cells: Iterable[Cell]) -> set[str]:
    return {period for _, period in cells}


def _compared_feeds(state: DeliveryState, object_keys: Collection[str]) -> list[frozenset[str]]:
    """Return the feeds that read some files, together if they have one in common.

    What counts of a file that has moved is in two feeds together. No other feeds are added up: what one of them has too
    much would hide what another one lacks.
    """
    by_key: dict[str, set[str]] = {}
    for one in (*state.live, *state.effective):
        if one.event.object_key in object_keys:
            by_key.setdefault(one.event.object_key, set()).add(one.event.feed)
    groups: list[frozenset[str]] = []
    for feeds in by_key.values():
        joined = [group for group in groups if group & feeds]
        groups = [*(group for group in groups if group not in joined), frozenset(feeds).union(*joined)]
    return groups


def _of_feeds(deliveries: Iterable[LiveDelivery], feeds: Collection[str]) -> list[LiveDelivery]:
    return [one for one in deliveries if one.event.feed in feeds and not one.booked_from]


def _add_counted(
    sums: _Sums, lines: LiveLines, deliveries: Collection[LiveDelivery], cells: Collection[Cell], sign: int
) -> None:
    """Add the lines of some cells that count among some deliveries, with a sign."""
    by_id = {one.delivery_id: one for one in deliveries}
    for delivery in deliveries:
        _add(sums, lines, delivery, lines.superseded(delivery, LiveSet(by_id, by_id), cells), cells, sign)


def _add_rows(sums: _Sums, rows: Iterable[Mapping[str, Any]], period: str) -> None:
    """Add lines as if they were in a period."""
    for row in rows:
        place = (fold(row["scenario"]), period), row["department_key"], row["account_key"], row["is_debit_positive"]
        sums[place] = sums.get(place, Decimal(0)) + row["amount"]


def _add(
    sums: _Sums,
    lines: LiveLines,
    delivery: LiveDelivery,
    superseded: Superseded,
    cells: Collection[Cell],
    sign: int,
    period: str = "",
) -> None:
    """Add the lines of a delivery in some cells, as if they were in `period` if there is one."""
    table = lines.read(delivery, superseded, cells, [*_PLACE[1:], "amount"])
    amounts = pc.cast(table["amount"], SUM_OF_MONEY_TYPE)
    table = table.set_column(table.column_names.index("amount"), "amount", amounts)
    for row in table.group_by(list(_PLACE)).aggregate([("amount", "sum")]).to_pylist():
        scenario, of_line = cell_of(row["cell"])
        place = (scenario, period or of_line), row["department_key"], row["account_key"], row["is_debit_positive"]
        sums[place] = sums.get(place, Decimal(0)) + sign * (row["amount_sum"] or Decimal(0))
