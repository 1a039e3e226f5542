"""Documents that another file has on another day or account, under `upsert` with the day or the account in its key.

Belongs here: finding the lines that such a key lets count beside each other. Does not belong here: lines under keys or
codes that differ in their zeros (see `repeated_lines`), what is done about them (see `acceptance`).

A line replaces an earlier one of the same key. A document that is sent again after its day or account was corrected has
another key, so both lines count.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.deliveries.live_lines import Cell, LiveLines, LiveSet, Superseded, cell_of, claimed_cells
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.deliveries.verdicts.live_deliveries import LiveDeliveries
from finance_platform.feeds.values.amounts import EXACT
from finance_platform.feeds.values.codes import fold

_NUMBER = "transaction_id"
_MOVES = {"date": ("department_key", "account_key"), "account": ("document_date", "department_key")}
"""By a field of the key, what a line keeps that was moved to another value of it, beside its number and amount."""

_COLUMNS = (_NUMBER, "document_date", "department_key", "account_key", "amount")
_MOST_FILES = 50
"""Files that are compared, the last ones first: in a feed of a file for each document, thousands may have one month."""

_MOST_KEPT = 20_000
"""Lines of a delivery whose numbers are kept: there are many files only of those with fewer."""

_Lines = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class MovedDocuments:
    """Documents of a delivery that another file has under another key.

    Attributes:
        object_key: the other file.
        field: the field of the key that differs.
        number: the number of the first document.
        documents: how many documents.
        gross: the sum of their lines that would count twice, of absolute amounts.
    """

    object_key: str
    field: str
    number: str
    documents: int
    gross: Decimal


class MovedDocumentsFinder:
    """Finds documents that would count twice, because another file has them on another day or account.

    A line was moved if its number, its amount and all else are those of a line of another file in the scenarios and
    periods of the delivery, of which it has no line with the same key. Numbers that begin again, and lines that are
    added to a document, have other amounts: if most numbers in both files have, none was moved.
    """

    def __init__(self, lines: LiveLines) -> None:
        """Prepare to read.

        Args:
            lines: reads the lines.
        """
        self._lines = lines
        self._numbers: dict[str, frozenset[str] | None] = {}

    def find(self, live: LiveDeliveries, candidate: LiveDelivery) -> list[MovedDocuments]:
        """Return the documents of a delivery that another file has.

        Args:
            live: the deliveries that count.
            candidate: the delivery that is judged.
        """
        event = candidate.event
        fields = [name for name in _MOVES if name in event.keyed_by.split()]
        if event.kind != "ledger" or event.load_mode != "upsert" or _NUMBER not in event.keyed_by.split() or not fields:
            return []
        if any(one.event.fingerprint == event.fingerprint for one in live.earlier(candidate)):
            return []  # it was read before, and counts as it was read then
        cells = {cell for cell in claimed_cells(candidate) if cell[1] in candidate.portion}
        others = {
            one.delivery_id: one
            for cell in cells
            for one in live.others(candidate, cell)
            if (one.event.load_mode, one.event.keyed_by) == (event.load_mode, event.keyed_by)  # else see `other_loads`
        }
        newest = sorted(others.values(), key=lambda one: one.position, reverse=True)[:_MOST_FILES]
        sharing = [one for one in newest if self._share_numbers(candidate, one)]
        if not sharing:
            return []
        own = self._lines.read(candidate, Superseded(), cells, _COLUMNS)
        for earlier in live.earlier(candidate):  # it counts with the same lines, and a person may have accepted them
            own = _without_keys(own, self._lines.read(earlier, Superseded(), cells, _COLUMNS))
        return [found for other in sharing if (found := _moved(self._lines, live, own, other, cells, fields))]

    def _share_numbers(self, candidate: LiveDelivery, other: LiveDelivery) -> bool:
        own, of_other = self._numbers_of(candidate), self._numbers_of(other)
        return own is None or of_other is None or not own.isdisjoint(of_other)

    def _numbers_of(self, delivery: LiveDelivery) -> frozenset[str] | None:
        """Return the numbers of a delivery, which are read once; None of one that has too many to keep."""
        name = delivery.delivery_id
        if name not in self._numbers:
            counts = delivery.commit.periods
            is_small = sum(one.rows for one in counts) <= _MOST_KEPT
            cells = {(fold(one.scenario), one.period) for one in counts}
            table = self._lines.read(delivery, Superseded(), cells, [_NUMBER]) if is_small else None
            numbers = None if table is None else frozenset(table[_NUMBER].drop_null().to_pylist())
            self._numbers[name] = numbers
        return self._numbers[name]


def _moved(
    lines: LiveLines, live: LiveDeliveries, own: pa.Table, other: LiveDelivery, cells: set[Cell], fields: Sequence[str]
) -> MovedDocuments | None:
    of_other = lines.read(other, lines.superseded(other, LiveSet(live.by_id, {}), cells), cells, _COLUMNS)
    kept = _by_number(_without_keys(of_other, own), own)
    added = _by_number(_without_keys(own, of_other), of_other) if kept else {}
    both = kept.keys() & added.keys()
    for name in fields:
        moved = {number: gross for number in both if (gross := _gross_of_pairs(kept[number], added[number], name))}
        if moved and 2 * len(moved) >= len(both):
            gross = Decimal(0)
            for amount in moved.values():
                gross = EXACT.add(gross, amount)
            return MovedDocuments(other.event.object_key, name, min(moved), len(moved), gross)
    return None


def _without_keys(table: pa.Table, other: pa.Table) -> pa.Table:
    return table.filter(pc.invert(pc.is_in(table["line_key"], value_set=other["line_key"].combine_chunks())))


def _by_number(table: pa.Table, other: pa.Table) -> _Lines:
    """Return the lines whose number another table has too, by number."""
    numbers = other[_NUMBER].combine_chunks().drop_null()
    found: _Lines = defaultdict(list)
    for row in table.filter(pc.is_in(table[_NUMBER], value_set=numbers)).to_pylist():
        if row[_NUMBER] is not None:
            found[row[_NUMBER]].append(row)
    return found


def _gross_of_pairs(kept: Sequence[dict[str, Any]], added: Sequence[dict[str, Any]], name: str) -> Decimal:
    """Return the gross amount of the lines of one document that were moved to another value of a field."""
    pairs = Counter(_places(kept, name)) & Counter(_places(added, name))
    gross = Decimal(0)
    for (_, amount, *_rest), count in pairs.items():
        gross = EXACT.add(gross, abs(amount) * count)
    return gross


def _places(rows: Sequence[dict[str, Any]], name: str) -> Iterator[tuple[Any, ...]]:
    return ((cell_of(row["cell"])[0], row["amount"], *(row[column] for column in _MOVES[name])) for row in rows)
