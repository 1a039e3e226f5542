"""Live lines: the ledger lines of deliveries that count, for any set of deliveries that may be live.

Belongs here: which lines of a delivery no later one supersedes, read from the Parquet files of those periods.
Does not belong here: what two deliveries have in common (see `overlaps`), the rules that need the lines (see
`removals`, `cell_sums`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.processed import TRANSACTIONS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.lines import ANY_LINE, Having, read_lines
from finance_platform.deliveries.overlaps import Overlaps
from finance_platform.deliveries.state import LiveDelivery, covered_periods, replaced_cells, replaces_periods
from finance_platform.feeds.values.codes import fold, fold_name
from finance_platform.storage.port import ObjectStore

Cell = tuple[str, str]
"""Scenario, folded, and period."""

_CELL = ("scenario", "period")
_REPEATING = (*_CELL, "scope_key", "department_code")
"""Text that is decoded, as dictionaries, in a quarter of the time."""

_SEPARATOR = "\x1f"
"""Joins the parts of a text that is only compared; no period has it."""


@dataclass(frozen=True)
class Superseded:
    """What later deliveries supersede of one delivery's lines in some cells.

    Attributes:
        cells: cells of which every line is superseded.
        scopes: scopes of which every line is superseded, as cell text and scope key.
        by_key: the deliveries, by id, that supersede the lines whose keys they have.
    """

    cells: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    by_key: Mapping[str, LiveDelivery] = field(default_factory=dict)


@dataclass(frozen=True)
class LiveSet:
    """Deliveries that count together.

    Attributes:
        live: all of them, by id.
        of_feed: those of one feed that claim one of the cells that matter, by id; of two feeds if an object has moved.
    """

    live: Mapping[str, LiveDelivery]
    of_feed: Mapping[str, LiveDelivery]


class LiveLines:
    """The lines that count of one feed, in some cells, for any set of live deliveries."""

    def __init__(self, processed: ObjectStore, overlaps: Overlaps) -> None:
        self._processed = processed
        self._overlaps = self.overlaps = overlaps

    def superseded(self, delivery: LiveDelivery, live_set: LiveSet, cells: Collection[Cell]) -> Superseded:
        """Return what the other live deliveries supersede of a delivery in some cells."""
        live = live_set.live
        if replaces_periods(delivery):
            same_feed = (one for one in live_set.of_feed.values() if one.event.feed == delivery.event.feed)
            later = [one for one in same_feed if one.position > delivery.position]
            replaced = {cell for one in later for cell in replaced_cells(one) if cell in cells}
            return Superseded(cells=frozenset(_cell_text(cell) for cell in replaced))
        scopes: set[str] = set()
        by_key: dict[str, LiveDelivery] = {}
        for other in self._overlaps.overlapping(delivery.delivery_id):
            if other not in live or live[other].position <= delivery.position or is_same_object(delivery, live[other]):
                continue
            for scenario, period, scope in self._overlaps.overlap(delivery.delivery_id, other).lines:
                cell = (fold(scenario), period)
                if cell in cells and delivery.event.is_scoped and period in live[other].portion:
                    scopes.add(_SEPARATOR.join((_cell_text(cell), scope or "")))
                elif cell in cells and not delivery.event.is_scoped:
                    by_key[other] = live[other]
        return Superseded(scopes=frozenset(scopes), by_key=by_key)

    def read(
        self,
        delivery: LiveDelivery,
        superseded: Superseded,
        cells: Collection[Cell],
        columns: Sequence[str],
        keys: pa.Array | None = None,
        having: Having = ANY_LINE,
    ) -> pa.Table:
        """Return lines of a delivery that count, with the text of their cell as column `cell`.

        Args:
            delivery: the delivery.
            superseded: what does not count.
            cells: the cells to read.
            columns: names of further columns.
            keys: leave out lines with other keys; None for any.
            having: leave out lines without these values; see `lines.read_lines`.
        """
        own = {(fold(count.scenario), count.period) for count in delivery.commit.periods}
        counted = {cell for cell in own.intersection(cells) if _cell_text(cell) not in superseded.cells}
        if not counted:
            return self.nothing(columns)
        periods = {period for _, period in counted}
        names = list(dict.fromkeys([*_CELL, "scope_key", "line_key", *columns]))
        tables = []
        for batch in read_lines(self._processed, delivery.commit, names, periods, keys, having, repeating=_REPEATING):
            table = _of_cells(batch, counted)
            if superseded.scopes:
                keys_of_scopes = pc.fill_null(table["scope_key"].cast(pa.string()), "")
                scope = pc.binary_join_element_wise(table["cell"], keys_of_scopes, _SEPARATOR)
                is_replaced = pc.is_in(scope, value_set=pa.array(sorted(superseded.scopes), pa.string()))
                table = table.filter(pc.invert(is_replaced))
            tables.append(table.select(list(_schema(columns).names)).cast(_schema(columns)))
        return self.without_keys_of(pa.concat_tables([self.nothing(columns), *tables]), superseded.by_key.values())

    @staticmethod
    def of_rows(rows: Iterable[Mapping[str, Any]], cells: Set[Cell], columns: Sequence[str]) -> pa.Table:
        """Return lines that are not written yet, as `read` returns them."""
        table = pa.Table.from_pylist(list(rows), schema=arrow_schema(TRANSACTIONS.stored_columns))
        schema = _schema(columns)
        return _of_cells(table, cells).select(schema.names).cast(schema)

    @staticmethod
    def nothing(columns: Sequence[str]) -> pa.Table:
        """Return no line, with the columns that `read` returns."""
        return _schema(columns).empty_table()

    def without_keys_of(self, lines: pa.Table, others: Iterable[LiveDelivery]) -> pa.Table:
        """Return the lines whose key no other of some deliveries has."""
        return reduce(lambda left, other: left.filter(pc.invert(self.have_key_of(left, other))), others, lines)

    def have_key_of(self, lines: pa.Table, other: LiveDelivery) -> pa.ChunkedArray:
        """Return which lines have a key of another delivery, of its periods in which its lines count."""
        own = lines["line_key"]
        if not len(own):
            return pa.chunked_array([], pa.bool_())
        keys = own.combine_chunks()
        found = [
            keys_of_table
            for table in read_lines(self._processed, other.commit, ["line_key"], counted_periods(other), keys)
            for keys_of_table in table["line_key"].chunks
        ]
        return pc.is_in(own, value_set=pa.chunked_array(found, pa.string()).combine_chunks())


def is_same_object(one: LiveDelivery, other: LiveDelivery) -> bool:
    """Return whether two deliveries are versions of one object: those that count together share no period and key."""
    return one.event.object_key == other.event.object_key


def counted_periods(delivery: LiveDelivery) -> set[str] | None:
    """Return the periods in which a delivery's lines count; None if they do in all of its periods."""
    return None if delivery.portion.is_whole else {count.period for count in delivery.commit.periods}


def claimed_cells(delivery: LiveDelivery) -> set[Cell]:
    """Return the cells of a delivery's lines; under load mode replace_period also those that its name declares."""
    if delivery.event.load_mode == "replace_period":
        return covered_periods(delivery)
    return {(fold_name(count.scenario), count.period) for count in delivery.commit.periods}


def differing_deliveries(before: Iterable[LiveDelivery], after: Iterable[LiveDelivery]) -> list[LiveDelivery]:
    """Return the deliveries that only one of two sets has, or that count otherwise in the other one."""
    sides = [
        {(one.delivery_id, one.position, one.event.load_mode, one.portion): one for one in live}
        for live in (before, after)
    ]
    return [sides[number][key] for number in (0, 1) for key in sides[number].keys() - sides[1 - number].keys()]


def concerned_cells(overlaps: Overlaps, deliveries: Iterable[LiveDelivery]) -> set[Cell]:
    """Return the cells of which deliveries have lines, or may replace some."""
    several = list(deliveries)
    return shared_cells(overlaps, several).union(*map(claimed_cells, several))


def shared_cells(overlaps: Overlaps, deliveries: Iterable[LiveDelivery]) -> set[Cell]:
    """Return the cells in which other deliveries have lines that some deliveries claim."""
    return {
        (fold(scenario), period)
        for delivery in deliveries
        for other in overlaps.overlapping(delivery.delivery_id)
        for scenario, period, _ in overlaps.overlap(other, delivery.delivery_id).lines
    }


def cell_of(text: str) -> Cell:
    """Return the cell of a value of column `cell`."""
    scenario, _, period = text.rpartition(_SEPARATOR)
    return scenario, period


def _cell_text(cell: Cell) -> str:
    return _SEPARATOR.join(cell)


def _of_cells(table: pa.Table, cells: Set[Cell]) -> pa.Table:
    """Return lines of some cells, with their cell; the few spellings of scenarios are folded once each."""
    scenarios, periods = (pc.dictionary_encode(table[name].combine_chunks()) for name in _CELL)
    spelled = [
        (fold(name), period) for name in scenarios.dictionary.to_pylist() for period in periods.dictionary.to_pylist()
    ]
    places = pc.add(pc.multiply(scenarios.indices.cast(pa.int64()), len(periods.dictionary)), periods.indices)
    if not set(spelled) <= cells:
        is_wanted = pa.array([cell in cells for cell in spelled], pa.bool_()).take(places)
        table, places = table.filter(is_wanted), places.filter(is_wanted)
    return table.append_column("cell", pa.array(map(_cell_text, spelled), pa.string()).take(places))


def _schema(columns: Sequence[str]) -> pa.Schema:
    types = arrow_schema(TRANSACTIONS.columns)
    names = dict.fromkeys(["line_key", *columns])
    return pa.schema([pa.field("cell", pa.string()), *(types.field(name) for name in names)])
