"""Changed lines: those that count without and with a delivery, and which of them one side lacks.

Belongs here: the comparison line by line, of deliveries of which others count then. Does not belong here: what is
booked of it (see `bookings`), whether counts and keys say that a period changes (see `restated_cells`).

Two lines are the same if their content is: the scope that a file replaces them by is no part of it. So a file that is
read again under another scope may change no line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from finance_platform.deliveries.live_lines import Cell, LiveLines
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.deliveries.verdicts.late_lines import read_changed
from finance_platform.deliveries.verdicts.live_deliveries import LiveDeliveries

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
