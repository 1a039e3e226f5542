"""Lines that count again because a file has moved to another feed.

Belongs here: finding them, after all files are judged. Does not belong here: files that are read again by their own
feed (see `returning_lines`), equal lines of files of two feeds (see `repeated_lines`).

Files of one feed replace lines of each other, those of two feeds do not. So the lines that a file had replaced in the
feed that it leaves count again beside it, and its own ones that were replaced there count beside those that did it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.deliveries.live_lines import Cell, LiveLines, LiveSet, Superseded, cell_of, claimed_cells
from finance_platform.deliveries.state import LiveDelivery, replaces_periods
from finance_platform.deliveries.verdicts.live_deliveries import cells_of_lines
from finance_platform.deliveries.verdicts.other_loads import COLUMNS_OF_FIELDS, fold_scenarios
from finance_platform.deliveries.verdicts.returning_lines import PLACE_IN_FILE, ReturningLines, comparable, sums_by_cell
from finance_platform.feeds.values.codes import fold

_NUMBER, _PLACE = "transaction_id", ("posting_date", "department_key", "account_key")
_PLACE_IN_CELL = ["cell", *PLACE_IN_FILE]


def find_lines_returned_by_moves(
    lines: LiveLines,
    before: Mapping[str, LiveDelivery],
    after: Mapping[str, LiveDelivery],
    candidates: Mapping[str, Iterable[LiveDelivery]],
) -> dict[str, list[ReturningLines]]:
    """Return by candidate the lines that count now and that files of the feed that it has left had replaced.

    These are lines of the candidate, and lines of files that stay in the feed and that it had replaced. A new content
    may lack what its earlier one had: only lines in whose place it has one count twice.

    Args:
        lines: reads the lines.
        before: the deliveries that counted before, by id.
        after: those that count with the verdicts.
        candidates: by the id of each delivery that was judged, those of `before` that are of its object.
    """
    moved = {
        name: [one for one in versions if one.event.feed != after[name].event.feed]
        for name, versions in candidates.items()
        if name in after and after[name].event.kind == "ledger"
    }
    if not any(moved.values()):
        return {}
    counted_before, now = _Counted(lines, before), _Counted(lines, after)
    returned: dict[str, pa.Table] = {}
    found: dict[str, list[ReturningLines]] = {}
    for name, versions in moved.items():
        tables: list[pa.Table] = []
        for version in versions:
            tables.append(_own(lines, counted_before, now, version, after[name]))
            for other in _replaced_files(lines, counted_before, after, version):
                if other not in returned:
                    own_before, own_now = (_read(counted, other) for counted in (counted_before, now))
                    returned[other] = _not_in(own_now, own_before)
                tables.append(_in_its_place(now, returned[other], version, after[name]))
        if several := _described(tables, [after[name], *before.values()]):
            found[name] = several
    return found


class _Counted:
    """The lines that count among some deliveries, with these by feed and cell."""

    def __init__(self, lines: LiveLines, deliveries: Mapping[str, LiveDelivery]) -> None:
        self.deliveries = deliveries
        self._lines = lines
        self._by_cell: dict[tuple[str, Cell], dict[str, LiveDelivery]] = {}
        for name, one in deliveries.items():
            for cell in claimed_cells(one):
                self._by_cell.setdefault((one.event.feed, cell), {})[name] = one

    def of_feed(self, feed: str, cells: Collection[Cell]) -> dict[str, LiveDelivery]:
        """Return the deliveries of a feed that claim one of some cells, by id."""
        return {name: one for cell in cells for name, one in self._by_cell.get((feed, cell), {}).items()}

    def read(self, delivery: LiveDelivery) -> pa.Table:
        """Return the lines of a delivery that count."""
        cells = cells_of_lines(delivery)
        live = LiveSet(self.deliveries, self.of_feed(delivery.event.feed, cells))
        return _read_lines(self._lines, delivery, self._lines.superseded(delivery, live, cells))


def _read(counted: _Counted, name: str) -> pa.Table:
    return counted.read(counted.deliveries[name])


def _read_lines(lines: LiveLines, delivery: LiveDelivery, superseded: Superseded) -> pa.Table:
    names = dict.fromkeys([*PLACE_IN_FILE, "amount", _NUMBER, *_PLACE, *COLUMNS_OF_FIELDS.values()])
    return fold_scenarios(comparable(lines.read(delivery, superseded, cells_of_lines(delivery), list(names))))


def _own(
    lines: LiveLines, counted_before: _Counted, now: _Counted, version: LiveDelivery, candidate: LiveDelivery
) -> pa.Table:
    """Return the lines of a candidate that count, of which its version in another feed was replaced there."""
    replaced = _not_in(_read_lines(lines, version, Superseded()), counted_before.read(version))
    counted = now.read(candidate)
    if version.event.fingerprint == candidate.event.fingerprint:
        return counted.join(replaced, keys=_PLACE_IN_CELL, join_type="left semi")
    return _with_equal_keys(counted, replaced, version)


def _replaced_files(
    lines: LiveLines, counted_before: _Counted, after: Mapping[str, LiveDelivery], version: LiveDelivery
) -> Iterator[str]:
    """Yield the deliveries that stay in a feed and of which a version that leaves it may have replaced lines."""
    names = set(lines.overlaps.overlapping(version.delivery_id))
    if replaces_periods(version):
        names |= counted_before.of_feed(version.event.feed, claimed_cells(version)).keys()
    for name in sorted(names & counted_before.deliveries.keys() & after.keys()):
        other = counted_before.deliveries[name]
        is_of_feed = other.event.feed == version.event.feed and other.event.object_key != version.event.object_key
        if is_of_feed and other.position < version.position:
            yield name


def _in_its_place(now: _Counted, returned: pa.Table, version: LiveDelivery, candidate: LiveDelivery) -> pa.Table:
    """Return lines that count again; if the candidate has another content, those in whose place it has one."""
    if not returned.num_rows or version.event.fingerprint == candidate.event.fingerprint:
        return returned
    return _with_equal_keys(returned, now.read(candidate), version)


def _with_equal_keys(table: pa.Table, others: pa.Table, version: LiveDelivery) -> pa.Table:
    """Return lines for which there is another one with the fields by which a version replaces lines."""
    if replaces_periods(version):
        return table.join(others.select(["cell"]), keys=["cell"], join_type="left semi")
    columns = [COLUMNS_OF_FIELDS[name] for name in version.event.keyed_by.split() if name in COLUMNS_OF_FIELDS]
    names = list(dict.fromkeys(["cell", *columns] if version.event.is_scoped else columns))
    if not names:  # it has replaced nothing, or an earlier release did not record the fields
        return table if others.num_rows else table.slice(0, 0)
    own, of_others = (_with_place_for_number(one) for one in (table, others))
    return own.join(of_others.select(names), keys=names, join_type="left semi")


def _with_place_for_number(table: pa.Table) -> pa.Table:
    """Return lines with the day, department and account as the number of those that have none."""
    place = pc.binary_join_element_wise(*(table[name].cast(pa.string()) for name in _PLACE), " ")
    table = table.set_column(table.column_names.index(_NUMBER), _NUMBER, pc.coalesce(table[_NUMBER], place))
    for name in set(COLUMNS_OF_FIELDS.values()) - {_NUMBER}:
        if table.schema.field(name).type == pa.string():
            table = table.set_column(table.column_names.index(name), name, pc.fill_null(table[name], ""))
    return table


def _not_in(table: pa.Table, other: pa.Table) -> pa.Table:
    return table.join(other.select(_PLACE_IN_CELL), keys=_PLACE_IN_CELL, join_type="left anti")


def _described(tables: Sequence[pa.Table], deliveries: Iterable[LiveDelivery]) -> list[ReturningLines]:
    table = pa.concat_tables([one.select(["cell", "amount"]) for one in tables]) if tables else None
    if table is None or not table.num_rows:
        return []
    names = {(fold(count.scenario), count.period): count.scenario for one in deliveries for count in one.commit.periods}
    sums = ((cell_of(row["cell"]), row["amount_count"], row["amount_sum"]) for row in sums_by_cell(table).to_pylist())
    return [ReturningLines(names[cell], cell[1], rows, gross) for cell, rows, gross in sorted(sums)]
