"""Documents that another file has on another day or account, under `upsert` with the day or the account in its key.

Belongs here: finding the lines that such a key lets count beside each other. Does not belong here: lines under keys or
codes that differ in their zeros (see `repeated_lines`), what is done about them (see `acceptance`).

A line replaces an earlier one of the same key. A document that is sent again after its day or account was corrected has
another key, so both lines count.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
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

_VALUES = {"date": "document_date", "account": "account_key"}
"""By a field of the key, the column that has it."""

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
    added to a document, have other amounts: if most numbers in both files have, none was moved. Fees and instalments
    have the same amount: a number that has it on several days of a period is one of these.
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
        # An earlier version counts with the same lines, and a person may have accepted them.
        added = self._lines.without_keys_of(own, live.earlier(candidate))
        numbers = pc.unique(added[_NUMBER].combine_chunks().drop_null())
        found = []
        for other in sharing if len(numbers) else ():
            of_other = self._counted(live, other, cells, numbers)
            name, moved = _moved(_without_keys(of_other, own), _without_keys(added, of_other), fields)
            if moved:
                found.append((other, name, moved))
        if not found:
            return []
        recurring = self._recurring(live, candidate, own, found)
        documents = (_documents(other, name, moved, recurring[name]) for other, name, moved in found)
        return [one for one in documents if one]

    def _counted(self, live: LiveDeliveries, one: LiveDelivery, cells: set[Cell], numbers: pa.Array) -> pa.Table:
        """Return the lines of a delivery that count and have one of some numbers."""
        superseded = self._lines.superseded(one, LiveSet(live.by_id, {}), cells)
        return self._lines.read(one, superseded, cells, _COLUMNS, having={_NUMBER: numbers.sort()})

    def _recurring(
        self,
        live: LiveDeliveries,
        candidate: LiveDelivery,
        own: pa.Table,
        found: Sequence[tuple[LiveDelivery, str, dict[str, Decimal]]],
    ) -> Mapping[str, set[str]]:
        """Return, by field, the numbers that have an amount on several days or accounts of a period already.

        They are looked for in the delivery, and in the last files of its feed, of whatever period: so a person accepts
        the first day of such a feed, and nothing is held on the others.
        """
        numbers = pa.array(sorted({number for *_, moved in found for number in moved}), pa.string())
        event = candidate.event
        of_feed = (one for one in live.in_order if one.event.feed == event.feed and one.event.kind == event.kind)
        others = [one for one in of_feed if one.event.object_key != event.object_key][-_MOST_FILES:]
        of_others = pa.concat_tables(self._counted(live, one, claimed_cells(one), numbers) for one in others)
        return {name: _repeated(own, name) | _repeated(of_others, name) for _, name, _ in found}

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


def _moved(kept: pa.Table, added: pa.Table, fields: Sequence[str]) -> tuple[str, dict[str, Decimal]]:
    """Return a field of the key and, by number, the gross amount of the lines that have another value of it."""
    before, after = _by_number(kept, added), _by_number(added, kept)
    both = before.keys() & after.keys()
    for name in fields:
        moved = {number: gross for number in both if (gross := _gross_of_pairs(before[number], after[number], name))}
        if 2 * len(moved) >= len(both):
            return name, moved
    return "", {}


def _repeated(table: pa.Table, name: str) -> set[str]:
    """Return the numbers that have the same amount with several values of a field in one scenario and period."""
    groups = table.group_by(["cell", _NUMBER, "amount", *_MOVES[name]]).aggregate([(_VALUES[name], "count_distinct")])
    several = pc.greater(groups[f"{_VALUES[name]}_count_distinct"], 1)
    return set(groups.filter(several)[_NUMBER].drop_null().to_pylist())


def _documents(
    other: LiveDelivery, name: str, moved: Mapping[str, Decimal], recurring: Collection[str]
) -> MovedDocuments | None:
    """Return the documents that were moved, without those that recur; None if none is left."""
    gross_of = {number: gross for number, gross in moved.items() if number not in recurring}
    if not gross_of:
        return None
    gross = reduce(EXACT.add, gross_of.values(), Decimal(0))
    return MovedDocuments(other.event.object_key, name, min(gross_of), len(gross_of), gross)


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
