"""Changed lines: those that count without and with a delivery, and which of them one side lacks.

Belongs here: the comparison line by line, of deliveries of which others count then. Does not belong here: what is
booked of it (see `bookings`), whether counts and keys say that a period changes (see `restated_cells`).

Two lines are the same if their content is: the scope that a file replaces them by is no part of it. So a file that is
read again under another scope may change no line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from finance_platform.deliveries.live_lines import (
    Cell,
    LiveLines,
    LiveSet,
    cell_of,
    claimed_cells,
    concerned_cells,
    differing_deliveries,
)
from finance_platform.deliveries.overlaps import compute_overlaps
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.deliveries.verdicts.late_lines import read_changed
from finance_platform.deliveries.verdicts.live_deliveries import LiveDeliveries
from finance_platform.storage.port import ObjectStore

_CONTENT = (
    *("scenario", "document_date", "department_key", "account_key", "amount", "is_debit_positive"),
    *("line_key", "transaction_id"),
)
"""What makes two lines of a period the same line."""

Row = Mapping[str, Any]
"""A line, by column."""


def find_changed_lines(
    lines: LiveLines,
    live: LiveDeliveries,
    candidate: LiveDelivery,
    cells: Collection[Cell],
    columns: Sequence[str] = _CONTENT,
) -> tuple[list[Row], list[Row]]:
    """Return the lines that count without and with a delivery, of the deliveries of which others count then.

    Args:
        lines: reads the lines.
        live: the deliveries that count.
        candidate: the delivery.
        cells: the scenarios and periods to look at.
        columns: what the lines have; at least what makes them the same.
    """
    before, after = live.live_sets(candidate, cells)
    old, new = (read_changed(lines, *sets, cells, columns) for sets in ((before, after), (after, before)))
    return old.to_pylist(), new.to_pylist()


def find_changed_periods(
    lines: LiveLines, live: LiveDeliveries, candidate: LiveDelivery, periods: Collection[str]
) -> list[str]:
    """Return those of some periods in which other lines would count.

    Args:
        lines: reads the lines.
        live: the deliveries that count.
        candidate: the delivery.
        periods: the periods to look at.
    """
    cells = {cell for cell in live.affected_cells(candidate) if cell[1] in periods}
    changed = []
    for period in sorted({period for _, period in cells}):
        old, new = find_changed_lines(lines, live, candidate, {cell for cell in cells if cell[1] == period})
        if any(lacking(new, old)) or any(lacking(old, new)):
            changed.append(period)
    return changed


def find_periods_with_other_lines(
    processed: ObjectStore, before: Sequence[LiveDelivery], after: Sequence[LiveDelivery], periods: Collection[str]
) -> list[str]:
    """Return those of some periods in which other lines count among the deliveries after than among those before.

    Args:
        processed: the processed zone.
        before: the deliveries that count.
        after: those that would count.
        periods: the periods to look at.
    """
    changed = [one for one in differing_deliveries(before, after) if one.event.kind == "ledger"]
    if not changed or not periods:
        return []
    overlaps = compute_overlaps(processed, before) | compute_overlaps(processed, after)
    cells = {cell for cell in concerned_cells(overlaps, changed) if cell[1] in periods}
    first, second = (
        LiveSet(
            {one.delivery_id: one for one in live},
            {one.delivery_id: one for one in live if not cells.isdisjoint(claimed_cells(one))},
        )
        for live in (before, after)
    )
    lines = LiveLines(processed, overlaps)
    old, new = (
        Counter((cell_of(row["cell"])[1], *content_of(row)) for row in rows.to_pylist())
        for rows in (read_changed(lines, *sets, cells, _CONTENT) for sets in ((first, second), (second, first)))
    )
    return sorted({period for period, *_ in chain(old - new, new - old)})


def lacking(rows: Iterable[Row], others: Iterable[Row]) -> Iterator[Row]:
    """Yield the rows that the others lack; of several equal ones, as many as they have fewer."""
    present = Counter(content_of(row) for row in others)
    for row in rows:
        if present[content_of(row)]:
            present[content_of(row)] -= 1
        else:
            yield row


def lines_of(rows: Iterable[Row], deliveries: Collection[str]) -> Counter[tuple[Any, ...]]:
    """Return the rows of some deliveries, each with its delivery; rows have the column `delivery_id`."""
    return Counter((row["delivery_id"], *content_of(row)) for row in rows if row["delivery_id"] in deliveries)


def content_of(row: Row) -> tuple[Any, ...]:
    """Return what makes a row the same line as another one of its period."""
    return tuple(row[name] for name in _CONTENT)
