"""Removals: the live lines of a feed that a delivery would take out, by scenario, period and department.

Belongs here: which cells and keys disappear, with their lines and money, and which periods become much smaller. Does
not belong here: which lines count (see `live_lines`), the tolerated share (see `acceptance`).

A line is lost if its cell (scenario, period, department, account) has fewer lines than before, however many lines
another cell gains; under load mode upsert, if its key is no longer in that department and period. Only deliveries of
which other lines count than before are read, and the rest of the feed only where their loss exceeds the tolerance.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.deliveries.live_lines import Cell, LiveLines, LiveSet, Superseded, cell_of
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.feeds.values.codes import fold

_GROUP = ("cell", "department_key")
_COLUMNS = ("department_key", "department_code", "account_key", "line_key", "amount")
_ZERO = Decimal("0.00")

COLUMNS_OF_LOSSES = ("scenario", "period", *_COLUMNS)
"""The columns by which lines are lost: deliveries in which these are equal take nothing from each other."""


@dataclass(frozen=True)
class Removal:
    """The lines of one department that a delivery would take out of one scenario and period.

    Attributes:
        cell: scenario, folded, and period.
        department_key: surrogate key.
        department: code.
        lines: how many lines go.
        before: how many live lines the feed has there.
        amount: the net money that goes, sign as delivered.
        gross: the sum of the absolute amounts that go.
    """

    cell: Cell
    department_key: int
    department: str
    lines: int
    before: int
    amount: Decimal
    gross: Decimal

    def exceeds(self, share: Decimal) -> bool:
        """Return whether all lines go, or more than a share of them."""
        return self.lines >= self.before or self.lines > share * self.before


@dataclass(frozen=True)
class SmallerPeriod:
    """A scenario and period in which files have fewer lines and less money than those that they replace.

    Attributes:
        cell: scenario, folded, and period.
        lines: how many lines they have.
        before: how many lines those that they replace have.
        gross: the sum of the absolute amounts of the lines.
        gross_before: that of those before.
    """

    cell: Cell
    lines: int
    before: int
    gross: Decimal
    gross_before: Decimal


@dataclass(frozen=True)
class OtherLines:
    """Lines of a scenario and period that are replaced by their key, most of them by another line.

    Attributes:
        cell: scenario, folded, and period.
        lines: how many have another account and another amount.
        replaced: how many are replaced.
        gross: the sum of the absolute amounts of the first.
    """

    cell: Cell
    lines: int
    replaced: int
    gross: Decimal


@dataclass(frozen=True)
class Losses:
    """What a delivery takes out.

    Attributes:
        removals: what goes beyond the tolerated share, by scenario, period and department.
        smaller: the scenarios and periods that become much smaller, without those of the removals.
        others: those in which keys name other lines than before.
    """

    removals: Sequence[Removal] = ()
    smaller: Sequence[SmallerPeriod] = ()
    others: Sequence[OtherLines] = ()


_LEAST_LINES = 10
"""Lines of a scenario and period from which on a tenth of them says something."""

_SHARE_LEFT = Decimal("0.9")


class DepartmentCounts:
    """The numbers of live lines by cell and department; the lines of a delivery are read once.

    If all files of a feed lose lines, each is judged beside all others of its periods.
    """

    def __init__(self, lines: LiveLines) -> None:
        self._lines = lines
        self._known: dict[tuple[object, ...], dict[tuple[Cell, int], int]] = {}

    def of_feed(self, live: LiveSet, cells: Collection[Cell]) -> dict[tuple[Cell, int], int]:
        """Return the number of live lines of the whole feed, by cell and department."""
        counts: dict[tuple[Cell, int], int] = {}
        for delivery in live.of_feed.values():
            own = {(fold(one.scenario), one.period) for one in delivery.commit.periods}.intersection(cells)
            superseded = self._lines.superseded(delivery, live, own)
            for place, count in self._of(delivery, superseded, own).items():
                counts[place] = counts.get(place, 0) + count
        return counts

    def _of(
        self, delivery: LiveDelivery, superseded: Superseded, cells: Collection[Cell]
    ) -> dict[tuple[Cell, int], int]:
        by_key = frozenset((name, other.portion) for name, other in superseded.by_key.items())
        place = delivery.delivery_id, delivery.portion, superseded.cells, superseded.scopes, by_key, frozenset(cells)
        if place not in self._known:
            table = self._lines.read(delivery, superseded, cells, ["department_key"])
            rows = table.group_by(list(_GROUP)).aggregate([([], "count_all")]).to_pylist()
            self._known[place] = {(cell_of(row["cell"]), row["department_key"]): row["count_all"] for row in rows}
        return self._known[place]


def find_losses(
    lines: LiveLines,
    before: LiveSet,
    after: LiveSet,
    cells: Collection[Cell],
    tolerated: Decimal,
    counts: DepartmentCounts,
) -> Losses:
    """Return what a delivery takes out.

    Args:
        lines: reads the feed's lines.
        before: the live deliveries.
        after: the live deliveries with the one that is evaluated.
        cells: the scenarios and periods that may change.
        tolerated: the share of lines that may go.
        counts: how many lines deliveries have, of which other losses were found before.
    """
    changed_before = changed_deliveries(lines, before, after, cells)
    if not changed_before:
        return Losses()
    changed_after = changed_deliveries(lines, after, before, cells)
    deliveries = [*before.of_feed.values(), *after.of_feed.values()]
    by_key = _have_equal_fields(deliveries)
    keys = _keys_of_difference(lines, before, after, cells) if by_key else None
    read_once = _ReadOnce(lines, cells, keys)
    lines_before, lines_after = read_once.read(before, changed_before), read_once.read(after, changed_after)
    lost = _lost(lines_before, lines_after, "line_key" if by_key else "account_key")
    # More live lines can only lower the share, so the rest of the feed is read for few departments or none.
    suspects = [removal for removal in lost if removal.exceeds(tolerated)]
    removals: list[Removal] = []
    if suspects:
        totals = counts.of_feed(before, {removal.cell for removal in suspects})
        whole = [replace(one, before=totals[one.cell, one.department_key]) for one in suspects]
        exceeding = (one for one in whole if one.exceeds(tolerated))
        removals = sorted(exceeding, key=lambda one: (one.cell, one.department))
    named = {removal.cell for removal in removals}
    smaller = _smaller(lines_before, lines_after) if lost else []
    # A new version of a file replaces the earlier one as a whole, whatever the keys of both.
    staying = {name: superseded for name, superseded in changed_before.items() if name in after.of_feed}
    others = _others(read_once.read(before, staying), lines_after) if by_key and staying else []
    return Losses(removals, [one for one in smaller if one.cell not in named], others)


def _have_equal_fields(deliveries: Iterable[LiveDelivery]) -> bool:
    """Return whether deliveries replace lines by a key of the same fields.

    After a change of the key, no line has the one that it had, and nothing is lost because of it.
    """
    events = [one.event for one in deliveries]
    return all(one.load_mode == "upsert" for one in events) and len({one.keyed_by for one in events}) <= 1


def _others(before: pa.Table, after: pa.Table) -> list[OtherLines]:
    """Return the cells in which most of the keys, ten at least, have another account and another amount than before.

    A correction changes one of both, or a few lines.
    """
    columns = ["cell", "line_key", "account_key", "amount"]
    if min(len(before), len(after)) < _LEAST_LINES:
        return []
    pairs = before.select(columns).join(after.select(columns), keys=columns[:2], join_type="inner", right_suffix=" now")
    is_other = pc.and_(
        pc.not_equal(pairs["account_key"], pairs["account_key now"]), pc.not_equal(pairs["amount"], pairs["amount now"])
    )
    gross = pc.if_else(is_other, pc.abs(pairs["amount"].cast(SUM_OF_MONEY_TYPE)), _ZERO)
    table = pa.table({"cell": pairs["cell"], "lines": pc.cast(is_other, pa.int64()), "gross": gross})
    counts = table.group_by("cell").aggregate([("lines", "sum"), ("gross", "sum"), ([], "count_all")]).to_pylist()
    others = [
        OtherLines(cell_of(row["cell"]), row["lines_sum"], row["count_all"], row["gross_sum"])
        for row in counts
        if row["lines_sum"] >= _LEAST_LINES and row["lines_sum"] * 2 > row["count_all"]
    ]
    return sorted(others, key=lambda one: one.cell)


def _smaller(before: pa.Table, after: pa.Table) -> list[SmallerPeriod]:
    """Return the cells of which a tenth of the lines or more is gone, and money too."""
    remaining = {row["cell"]: row for row in _sums(after, ["cell"]).to_pylist()}
    smaller = []
    for row in _sums(before, ["cell"]).to_pylist():
        left = remaining.get(row["cell"], {"lines": 0, "gross": _ZERO})
        gross, gross_before = left["gross"] or _ZERO, row["gross"] or _ZERO
        if row["lines"] >= _LEAST_LINES and left["lines"] <= _SHARE_LEFT * row["lines"] and gross < gross_before:
            smaller.append(SmallerPeriod(cell_of(row["cell"]), left["lines"], row["lines"], gross, gross_before))
    return sorted(smaller, key=lambda one: one.cell)


def changed_deliveries(
    lines: LiveLines, live: LiveSet, other: LiveSet, cells: Collection[Cell]
) -> dict[str, Superseded]:
    """Return what is superseded of each delivery of which not the same lines count in the other set."""
    changed = {}
    for delivery_id, delivery in live.of_feed.items():
        superseded = lines.superseded(delivery, live, cells)
        there = other.of_feed.get(delivery_id)
        if there is None or there.portion != delivery.portion or lines.superseded(there, other, cells) != superseded:
            changed[delivery_id] = superseded
    return changed


def _keys_of_difference(lines: LiveLines, before: LiveSet, after: LiveSet, cells: Collection[Cell]) -> pa.Array:
    """Return the keys of the deliveries that only one set has; no other key has another line than before.

    Of one that only `after` has, those in periods in which it has keys of others: with the others it replaces no line.
    """
    gone = _not_in(before, after)
    tables = [lines.read(delivery, Superseded(), cells, ["line_key"]) for delivery in gone]
    for delivery in _not_in(after, before):
        own = delivery.delivery_id
        others = [one for one in lines.overlaps.overlapping(own) if one in before.of_feed]
        shared = {period for one in others for period in lines.overlaps.overlap(one, own).other_periods}
        of_shared = {cell for cell in cells if cell[1] in shared}
        tables.append(lines.read(delivery, Superseded(), of_shared, ["line_key"]))
    keys = [chunk for table in tables for chunk in table["line_key"].chunks]
    return pc.unique(pa.chunked_array(keys, pa.string()))


def _not_in(live: LiveSet, other: LiveSet) -> list[LiveDelivery]:
    """Return the deliveries that the other set does not have, or has with another position or portion."""
    return [
        delivery
        for delivery_id, delivery in live.of_feed.items()
        if (there := other.of_feed.get(delivery_id)) is None
        or (there.position, there.portion) != (delivery.position, delivery.portion)
    ]


class _ReadOnce:
    """Reads the lines of deliveries that count before and after; of most that do, later ones supersede some by key.

    Most of what supersedes them does so in both sets, and is compared with them once.
    """

    def __init__(self, lines: LiveLines, cells: Collection[Cell], keys: pa.Array | None) -> None:
        self._lines, self._cells, self._keys = lines, cells, keys
        self._claimed: dict[tuple[object, ...], pa.Table] = {}
        self._superseded: dict[tuple[object, ...], pa.ChunkedArray] = {}

    def read(self, live: LiveSet, changed: Mapping[str, Superseded]) -> pa.Table:
        """Return the lines of some deliveries that count in a set."""
        tables = [self._lines.nothing(_COLUMNS)]
        for name, superseded in changed.items():
            delivery = live.of_feed[name]
            place = name, delivery.portion, superseded.cells, superseded.scopes
            if place not in self._claimed:
                by_key_too = replace(superseded, by_key={})
                self._claimed[place] = self._lines.read(delivery, by_key_too, self._cells, _COLUMNS, self._keys)
            claimed = self._claimed[place]
            by_key = [self._is_superseded(place, other) for other in superseded.by_key.values()]
            tables.append(claimed.filter(pc.invert(reduce(pc.or_, by_key))) if by_key else claimed)
        return pa.concat_tables(tables)

    def _is_superseded(self, place: tuple[object, ...], other: LiveDelivery) -> pa.ChunkedArray:
        """Return which lines that a delivery claims have a key of another one."""
        pair = *place, other.delivery_id, other.portion
        if pair not in self._superseded:
            self._superseded[pair] = self._lines.have_key_of(self._claimed[place], other)
        return self._superseded[pair]


def _lost(before: pa.Table, after: pa.Table, unit: str) -> list[Removal]:
    """Return the lines of `before` that `after` lacks, by cell and department, beside the lines of `before`."""
    columns = [*_GROUP, unit]
    remaining = _sums(after, columns).select([*columns, "lines", "net", "gross"])
    joined = _sums(before, columns).join(remaining, keys=columns, join_type="left outer", right_suffix="_after")
    gone = pc.max_element_wise(pc.subtract(joined["lines"], pc.fill_null(joined["lines_after"], 0)), 0)
    counted = joined.append_column("gone", gone)
    departments: dict[tuple[str, int], Removal] = {}
    whole = counted.group_by(list(_GROUP)).aggregate([("lines", "sum"), ("gone", "sum"), ("department", "min")])
    for row in whole.to_pylist():
        if row["gone_sum"]:
            name = row["cell"], row["department_key"]
            departments[name] = Removal(
                cell_of(row["cell"]),
                row["department_key"],
                row["department_min"],
                lines=row["gone_sum"],
                before=row["lines_sum"],
                amount=_ZERO,
                gross=_ZERO,
            )
    for row in counted.filter(pc.greater(counted["gone"], 0)).to_pylist():
        name = row["cell"], row["department_key"]
        departments[name] = _with_money(departments[name], row)
    return list(departments.values())


def _with_money(removal: Removal, row: Mapping[str, Decimal | None]) -> Removal:
    amount = (row["net"] or _ZERO) - (row["net_after"] or _ZERO)
    gross = max((row["gross"] or _ZERO) - (row["gross_after"] or _ZERO), _ZERO)
    return replace(removal, amount=removal.amount + amount, gross=removal.gross + gross)


def _sums(lines: pa.Table, columns: Sequence[str]) -> pa.Table:
    wide = pc.cast(lines["amount"], SUM_OF_MONEY_TYPE)
    table = lines.append_column("net", wide).append_column("gross", pc.abs(wide))
    sums = table.group_by(list(columns)).aggregate(
        [("amount", "count"), ("net", "sum"), ("gross", "sum"), ("department_code", "min")]
    )
    names = {"amount_count": "lines", "net_sum": "net", "gross_sum": "gross", "department_code_min": "department"}
    return sums.rename_columns([names.get(name, name) for name in sums.column_names])
