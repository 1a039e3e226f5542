"""Reversals: ledger lines that name the line that they reverse, and whether both cancel.

Belongs here: the lines that count and name another one, the lines that they name, and which of them are compared one by
one. Does not belong here: the rules between them (see `broken_reversals`), lines that wait (see `late_lines`).

A name is the `transaction_id` of a line, and a document may have several lines under one. So the lines of one feed,
scenario, name, department and account are compared together: what reverses them has the opposite sign and is at most
their sum, and a reversal that is reversed itself no longer reverses them (147). Of very many that break one rule, the
first are compared one by one, and all others are added up (569). Only feeds with such lines are read, and of them only
row groups that may have one of the names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.deliveries.lines import Having, read_lines
from finance_platform.deliveries.live_lines import Cell, LiveLines, LiveSet, claimed_cells
from finance_platform.deliveries.overlaps import Overlaps
from finance_platform.deliveries.state import DeliveryState, InactiveDelivery, LiveDelivery
from finance_platform.deliveries.verdicts.broken_reversals import (
    BrokenReversal,
    BrokenReversals,
    OtherReversals,
    Place,
    ReversalLine,
    compare_reversals,
)
from finance_platform.deliveries.verdicts.live_deliveries import LiveDeliveries
from finance_platform.deliveries.verdicts.reversal_sums import GROUP, MIXED, add_up, doubtful_groups, first_of_each
from finance_platform.feeds.cells import map_distinct
from finance_platform.feeds.values.codes import fold
from finance_platform.storage.port import ObjectStore

_COLUMNS = (
    *("source_sheet", "source_row", "scenario", "period", "department_code", "department_key", "account_number"),
    *("account_key", "amount", "transaction_id", "reverses_transaction_id"),
)
_SAME_FIX = ("file", "rule", "waiting")
_MAY_WAIT = ("missing", MIXED)

MOST_LOOKED_AT = 50
"""How many reversals of a file that break the same rule are looked at one by one."""

_Waiting = Sequence[InactiveDelivery]


class _Group(NamedTuple):
    """What reversals name: the lines of a scenario, folded, with this identifier, in a department and account."""

    scenario: str
    name: str
    department_key: int
    account_key: int


def has_reversals(delivery: LiveDelivery) -> bool:
    """Return whether a line of a delivery that counts names a line that it reverses."""
    return any(count.reversals for count in delivery.commit.periods)


def find_broken_reversals(processed: ObjectStore, state: DeliveryState, overlaps: Overlaps) -> BrokenReversals:
    """Return the reversals that do not cancel the line that they name, by feed and in the order of deliveries.

    Args:
        processed: the processed zone.
        state: the deliveries.
        overlaps: the lines that live deliveries claim from each other.

    Raises:
        DamagedObjectError: the rows of a delivery are damaged.
    """
    feeds = list(dict.fromkeys(one.event.feed for one in state.reversing))
    if not feeds:
        return BrokenReversals()
    reader = _Reader(processed, state, overlaps)
    found = [_broken_of_feed(reader, feed) for feed in feeds]
    return BrokenReversals([one for of in found for one in of.first], [one for of in found for one in of.others])


def _broken_of_feed(reader: _Reader, feed: str, most: int = MOST_LOOKED_AT) -> BrokenReversals:
    lines = reader.reversals(feed)
    named_lines = reader.named(feed, lines["names"].unique())
    groups = doubtful_groups(lines, named_lines)
    if not len(groups):
        return BrokenReversals()
    waiting, groups = _add_waiting(reader, feed, groups)
    is_first = first_of_each(groups, _SAME_FIX, most)
    first = list(_look_at(lines, named_lines, groups.filter(is_first), waiting))
    sums = add_up(lines, groups.filter(pc.invert(is_first)), _SAME_FIX)
    others = [
        OtherReversals(row["rule"], row["file"], waiting[row["waiting"]], row["scenario"], row["gross_count"], gross)
        for row, gross in zip(sums.to_pylist(), sums["gross_sum"].to_pylist(), strict=True)
    ]
    return BrokenReversals(first, others)


def _add_waiting(reader: _Reader, feed: str, groups: pa.Table) -> tuple[list[_Waiting], pa.Table]:
    """Return the sets of deliveries that wait and have lost names, and the groups with the place of theirs."""
    is_missing = pc.is_in(groups["rule"], value_set=pa.array(_MAY_WAIT))
    by_name = reader.waiting(feed, groups.filter(is_missing)["name"].unique()) if pc.any(is_missing).as_py() else {}
    if not by_name:
        return [()], groups.append_column("waiting", pa.repeat(pa.scalar(0), len(groups)))
    places: dict[tuple[str, ...], int] = {(): 0}
    waiting: list[_Waiting] = [()]
    of_groups = []
    for scenario, name, rule in zip(*(groups[key].to_pylist() for key in ("folded", "name", "rule")), strict=True):
        deliveries = by_name.get((scenario, name), ()) if rule in _MAY_WAIT else ()
        place = places.setdefault(tuple(one.event.delivery_id for one in deliveries), len(waiting))
        if place == len(waiting):
            waiting.append(tuple(deliveries))
        of_groups.append(place)
    return waiting, groups.append_column("waiting", pa.array(of_groups, pa.int64()))


def _look_at(
    lines: pa.Table, named_lines: pa.Table, groups: pa.Table, waiting: Sequence[_Waiting]
) -> Iterator[BrokenReversal]:
    """Yield how the reversals of groups break a rule, one by one."""
    in_groups = pc.is_in(lines["names"], value_set=groups["name"])
    reversals: dict[_Group, list[ReversalLine]] = {}
    for line in _as_lines(lines.filter(in_groups)):
        reversals.setdefault(_Group(fold(line.scenario), line.names, *line.place), []).append(line)
    named: dict[tuple[str, str], list[ReversalLine]] = {}
    for line in _as_lines(named_lines.filter(pc.is_in(named_lines["number"], value_set=groups["name"]))):
        if line.names != line.transaction_id:
            named.setdefault((fold(line.scenario), line.transaction_id), []).append(line)
    for *of_group, place, back in zip(
        *(groups[key].to_pylist() for key in (*GROUP, "waiting", "taken_back")), strict=True
    ):
        group = _Group(*of_group)
        here = reversals[group]
        if own := [line for line in here if line.names == line.transaction_id]:
            yield BrokenReversal("own", own)
        others = [line for line in here if line.names != line.transaction_id]
        lines_with_name = named.get((group.scenario, group.name), ())
        of_rule = others and compare_reversals(Place(*group[2:]), others, lines_with_name, waiting[place], back)
        if of_rule:
            yield of_rule


class _Reader:
    """Reads the lines that count of a feed, and those of deliveries that wait."""

    def __init__(self, processed: ObjectStore, state: DeliveryState, overlaps: Overlaps) -> None:
        self._processed, self._state = processed, state
        self._live, self._lines = LiveDeliveries(state.live, overlaps), LiveLines(processed, overlaps)

    def reversals(self, feed: str) -> pa.Table:
        """Return the lines that count and name another one, in the order of deliveries and rows."""
        tables = []
        for delivery in self._of_feed(feed):
            cells = {(fold(count.scenario), count.period) for count in delivery.commit.periods if count.reversals}
            if cells:
                tables.append(self._read(delivery, cells, {"reverses_transaction_id": None}))
        return pa.concat_tables(tables)

    def named(self, feed: str, names: pa.Array) -> pa.Table:
        """Return the lines that count and have one of these identifiers."""
        having = {"transaction_id": names.sort()}
        return pa.concat_tables(self._read(one, claimed_cells(one), having) for one in self._of_feed(feed))

    def waiting(self, feed: str, names: pa.Array) -> dict[tuple[str, str], list[InactiveDelivery]]:
        """Return the deliveries that do not count and have lines with these identifiers, by scenario and name."""
        having = {"transaction_id": names.sort()}
        waiting: dict[tuple[str, str], list[InactiveDelivery]] = {}
        for stopped in self._state.inactive:
            if stopped.commit.feed != feed or stopped.is_refused:
                continue
            periods = set(stopped.late_periods) or None
            columns = ("scenario", "transaction_id")
            for table in read_lines(self._processed, stopped.commit, columns, periods, having=having):
                for row in table.group_by(list(columns)).aggregate([]).to_pylist():
                    waiting.setdefault((fold(row["scenario"]), row["transaction_id"]), []).append(stopped)
        return waiting

    def _of_feed(self, feed: str) -> list[LiveDelivery]:
        return [one for one in self._live.in_order if one.event.kind == "ledger" and one.event.feed == feed]

    def _read(self, delivery: LiveDelivery, cells: Collection[Cell], having: Having) -> pa.Table:
        """Return lines as `doubtful_groups` takes them, by sheet and row."""
        others = {one.delivery_id: one for cell in cells for one in self._live.of_cell(delivery.event.feed, cell)}
        superseded = self._lines.superseded(delivery, LiveSet(self._live.by_id, others), cells)
        lines = self._lines.read(delivery, superseded, cells, _COLUMNS, having=having)
        added = {
            "file": pa.repeat(pa.scalar(delivery.commit.object_key), len(lines)),
            "sheet": pc.fill_null(lines["source_sheet"], ""),
            "folded": map_distinct(lines["scenario"].combine_chunks(), fold, pa.string()),
            "number": pc.fill_null(lines["transaction_id"], ""),
            "names": pc.fill_null(lines["reverses_transaction_id"], ""),
        }
        table = pa.table({**{name: lines[name] for name in _COLUMNS}, **added})
        return table.sort_by([("sheet", "ascending"), ("source_row", "ascending")])


def _as_lines(lines: pa.Table) -> Iterator[ReversalLine]:
    """Yield lines of `_Reader` one by one."""
    for row in lines.to_pylist():
        yield ReversalLine(
            file=row["file"],
            sheet=row["sheet"],
            row=row["source_row"],
            scenario=row["scenario"],
            period=row["period"],
            department=row["department_code"],
            account=row["account_number"],
            amount=row["amount"],
            transaction_id=row["number"],
            names=row["names"],
            place=Place(row["department_key"], row["account_key"]),
        )
