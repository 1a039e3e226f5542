"""Repeated lines: those that another file of the feed has already, all of a scenario and period alike.

Belongs here: finding them under load mode append, which adds the lines of every file. Does not belong here: files with
the same bytes (see `hold_reasons`), lines with one key (see `overlaps`), what is done about them (see `acceptance`).

A file that is exported or saved again has other bytes: another order of rows, other ends of lines, another format. A
file that begins with the months of the one before has their lines too. Under `append` such lines would count twice,
and nothing else shows it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.deliveries.current_state import read_state
from finance_platform.deliveries.live_deliveries import LiveDeliveries, count_in_cell
from finance_platform.deliveries.live_lines import Cell, LiveLines, Superseded, claimed_cells
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.feeds.codes import fold
from finance_platform.storage.bulk_read import map_many
from finance_platform.storage.port import ObjectStore

_PLACE = ("posting_date", "department_key", "account_key", "amount")
_TEXTS = ("document_date", "transaction_id", "description", "reverses_transaction_id")
_COLUMNS = (*_PLACE, *_TEXTS)
_WIDE_MONEY = pa.decimal128(38, 2)


@dataclass(frozen=True)
class RepeatedLines:
    """The lines of a delivery in one scenario and period that another file has too.

    Attributes:
        object_key: the other file.
        scenario: as the delivery spells it.
        period: YYYY-MM.
        rows: how many lines.
        gross: the sum of their absolute amounts.
    """

    object_key: str
    scenario: str
    period: str
    rows: int
    gross: Decimal


@dataclass(frozen=True)
class _CellLines:
    """The lines of a delivery in a cell that change an amount: their number, gross money and hash."""

    rows: int
    gross: Decimal
    digest: bytes


class CellHashes:
    """What is compared of the lines of deliveries; the lines of each delivery and cell are read once.

    Thousands of files may have lines of the same money that differ in their numbers, such as one file for each voucher.
    """

    def __init__(self, processed: ObjectStore, lines: LiveLines) -> None:
        """Read nothing yet.

        Args:
            processed: the processed zone.
            lines: reads the lines of deliveries.
        """
        self._processed = processed
        self._lines = lines
        self._known: dict[tuple[str, Cell], _CellLines] = {}

    def of(self, deliveries: Sequence[LiveDelivery], cell: Cell) -> list[_CellLines]:
        """Return what is compared of the lines of deliveries in a cell; several are read at once from a remote zone."""
        unknown = [one for one in deliveries if (one.delivery_id, cell) not in self._known]
        read = map_many(self._processed, unknown, lambda one: self._read(one, cell))
        self._known |= {(one.delivery_id, cell): of_one for one, of_one in zip(unknown, read, strict=True)}
        return [self._known[one.delivery_id, cell] for one in deliveries]

    def _read(self, delivery: LiveDelivery, cell: Cell) -> _CellLines:
        table = self._lines.read(delivery, Superseded(), [cell], _COLUMNS).select(list(_COLUMNS))
        money = table["amount"].cast(_WIDE_MONEY)
        table = table.filter(pc.not_equal(money, pa.scalar(Decimal(0), _WIDE_MONEY)))
        gross = Decimal(pc.sum(pc.abs(money)).as_py() or 0)
        return _CellLines(table.num_rows, gross, _digest(table))


def find_repeated_lines(hashes: CellHashes, live: LiveDeliveries, candidate: LiveDelivery) -> list[RepeatedLines]:
    """Return the lines of a delivery that another live file of its feed has too, by scenario and period.

    Equal are day, department, account, amount, number and text of each line, in any order. The hashes in the commits
    are compared first, so that files are read only where these agree. Lines of zero change nothing and do not count.

    Args:
        hashes: those of the lines that are read.
        live: the deliveries that count.
        candidate: the delivery that is judged.
    """
    if candidate.event.kind != "ledger" or candidate.event.load_mode != "append":
        return []
    return list(_repeated(hashes, live, candidate))


def find_files_counted_twice(processed: ObjectStore, object_key: str) -> list[str]:
    """Return the files that count and have lines of an object that counts too; none if it is one line alone.

    A person may have decided so. After a decision, these are named, since a verdict names only what a run judges.

    Args:
        processed: the processed zone.
        object_key: the raw object.
    """
    live = read_state(processed).effective
    own = [one for one in live if one.event.object_key == object_key]
    others = LiveDeliveries((one for one in live if one.event.object_key != object_key), NO_OVERLAPS)
    hashes = CellHashes(processed, LiveLines(processed, NO_OVERLAPS))
    rows: Counter[str] = Counter()
    for repeated in (lines for one in own for lines in find_repeated_lines(hashes, others, one)):
        rows[repeated.object_key] += repeated.rows
    return sorted(name for name, count in rows.items() if count > 1)


def _repeated(hashes: CellHashes, live: LiveDeliveries, candidate: LiveDelivery) -> Iterator[RepeatedLines]:
    for cell, others in _similar(live, candidate).items():
        own, *of_others = hashes.of([candidate, *others], cell)
        other = next((one for one, lines in zip(others, of_others, strict=True) if lines == own), None)
        if own.rows and other:
            scenario = next(one.scenario for one in candidate.commit.periods if fold(one.scenario) == cell[0])
            yield RepeatedLines(other.event.object_key, scenario, cell[1], own.rows, own.gross)


def _similar(live: LiveDeliveries, candidate: LiveDelivery) -> dict[Cell, list[LiveDelivery]]:
    """Return the deliveries that may have the candidate's lines, by cell.

    Without those that have only one line in common: thousands of files of one line may well be alike, and would all be
    opened.
    """
    similar: dict[Cell, list[LiveDelivery]] = {}
    rows: Counter[str] = Counter()
    for cell in sorted(claimed_cells(candidate)):
        if cell[1] in candidate.portion:
            similar[cell] = [one for one in live.same_lines(candidate, cell) if one.event.load_mode == "append"]
            for other in similar[cell]:
                rows[other.event.object_key] += count_in_cell(candidate, cell).rows
    shared = {cell: [one for one in others if rows[one.event.object_key] > 1] for cell, others in similar.items()}
    return {cell: others for cell, others in shared.items() if others}


def _digest(lines: pa.Table) -> bytes:
    """Return a hash of lines in any order, equal for equal lines."""
    ordered = lines.sort_by([(name, "ascending") for name in _COLUMNS])
    columns = {name: ordered[name] for name in _PLACE}
    for name in _TEXTS:
        texts = ordered[name].cast(pa.string())
        # What a column has in the place of a null is not defined.
        columns |= {name: pc.fill_null(texts, ""), f"has_{name}": pc.is_valid(texts)}
    sink = pa.BufferOutputStream()
    table = pa.table(columns).combine_chunks()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return hashlib.sha256(sink.getvalue()).digest()
