"""Reversals: ledger lines that name the line that they reverse, and whether both cancel.

Belongs here: the lines that count and name another one, the lines that they name, and the rules between them. Does not
belong here: what a person reads about a broken rule (see `quality.reversals`), lines that wait (see `late_lines`).

A name is the `transaction_id` of a line, and a document may have several lines under one. So the lines of one feed,
scenario, name, department and account are compared together: what reverses them has the opposite sign and is at most
their sum, and a reversal that is reversed itself no longer reverses them (147). Only feeds with such lines are read,
and of them only row groups that may have one of the names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.deliveries.lines import Having, read_lines
from finance_platform.deliveries.live_lines import Cell, LiveLines, LiveSet, claimed_cells
from finance_platform.deliveries.overlaps import Overlaps
from finance_platform.deliveries.state import DeliveryState, InactiveDelivery, LiveDelivery
from finance_platform.deliveries.verdicts.live_deliveries import LiveDeliveries
from finance_platform.deliveries.verdicts.reversal_sums import doubtful_names
from finance_platform.feeds.cells import map_distinct
from finance_platform.feeds.values.codes import fold
from finance_platform.storage.port import ObjectStore

Rule = Literal["own", "missing", "elsewhere", "sign", "excess"]

_COLUMNS = (
    *("source_sheet", "source_row", "scenario", "period", "department_code", "department_key", "account_number"),
    *("account_key", "amount", "transaction_id", "reverses_transaction_id"),
)
_ZERO = Decimal("0.00")


class _Name(NamedTuple):
    """What a reversal names: the lines of a feed and scenario, folded, with this identifier."""

    feed: str
    scenario: str
    transaction_id: str


class Place(NamedTuple):
    """Department and account of lines."""

    department_key: int
    account_key: int


@dataclass(frozen=True)
class ReversalLine:
    """A line that reverses another one, or is reversed.

    Attributes:
        file: object key in the raw zone.
        sheet: of a workbook; else empty.
        row: the line number that an editor shows, or the row of the sheet.
        scenario: as delivered.
        period: YYYY-MM.
        department: code as delivered.
        account: number as delivered.
        amount: sign as delivered.
        transaction_id: its identifier in the source; may be empty.
        names: the identifier of the line that it reverses; empty if it reverses none.
        place: department and account.
    """

    file: str
    sheet: str
    row: int
    scenario: str
    period: str
    department: str
    account: str
    amount: Decimal
    transaction_id: str
    names: str
    place: Place


@dataclass(frozen=True)
class BrokenReversal:
    """Reversals that do not cancel the line that they name.

    Attributes:
        rule: own, they name themselves; missing, no line that counts has the name; elsewhere, only lines of other
            departments or accounts have it; sign, they do not have the opposite sign; excess, they are more than it.
        reversals: the lines that name it, in one department and account, in the order of deliveries.
        named: the lines with the name: those of the same department and account, or under `elsewhere` the others.
        waiting: under `missing`, the deliveries that do not count and have the name.
        taken_back: the sum of the lines that reverse these reversals.
    """

    rule: Rule
    reversals: Sequence[ReversalLine]
    named: Sequence[ReversalLine] = ()
    waiting: Sequence[InactiveDelivery] = field(default=())
    taken_back: Decimal = _ZERO

    @property
    def amount(self) -> Decimal:
        """The sum of the reversals, sign as delivered."""
        return total(self.reversals)

    @property
    def excess(self) -> Decimal:
        """By how much the reversals that are not reversed themselves are more than the line; not negative."""
        return max(_ZERO, abs(self.amount + self.taken_back) - abs(total(self.named)))


def total(lines: Iterable[ReversalLine]) -> Decimal:
    """Return the sum of lines, sign as delivered."""
    return sum((line.amount for line in lines), _ZERO)


def has_reversals(delivery: LiveDelivery) -> bool:
    """Return whether a line of a delivery that counts names a line that it reverses."""
    return any(count.reversals for count in delivery.commit.periods)


def find_broken_reversals(processed: ObjectStore, state: DeliveryState, overlaps: Overlaps) -> list[BrokenReversal]:
    """Return the reversals that do not cancel the line that they name, by feed and in the order of deliveries.

    Args:
        processed: the processed zone.
        state: the deliveries.
        overlaps: the lines that live deliveries claim from each other.

    Raises:
        DamagedObjectError: the rows of a delivery are damaged.
    """
    feeds = list(
        dict.fromkeys(one.event.feed for one in state.ledger for count in one.commit.periods if count.reversals)
    )
    if not feeds:
        return []
    reader = _Reader(processed, state, overlaps)
    return [broken for feed in feeds for broken in _broken_of_feed(reader, feed)]


def _broken_of_feed(reader: _Reader, feed: str) -> Iterator[BrokenReversal]:
    lines = reader.reversals(feed)
    named_lines = reader.named(feed, lines["names"].unique())
    doubtful = doubtful_names(lines, named_lines)
    if not len(doubtful):
        return
    groups: dict[_Name, dict[Place, list[ReversalLine]]] = {}
    reverses: dict[tuple[_Name, Place], set[str]] = {}
    for line in _as_lines(lines.filter(_are_compared(lines, doubtful))):
        name = _Name(feed, fold(line.scenario), line.names)
        groups.setdefault(name, {}).setdefault(line.place, []).append(line)
        reverses.setdefault((name._replace(transaction_id=line.transaction_id), line.place), set()).add(line.names)
    named: dict[_Name, list[ReversalLine]] = {}
    for line in _as_lines(named_lines.filter(pc.is_in(named_lines["number"], value_set=doubtful))):
        named.setdefault(_Name(feed, fold(line.scenario), line.transaction_id), []).append(line)
    names, numbers = set(doubtful.to_pylist()), {name.transaction_id for name in groups}
    wanted = {name: places for name, places in groups.items() if name.transaction_id in names}
    lost = {name.transaction_id for name in wanted if name not in named}
    waiting = reader.waiting(feed, lost) if lost else {}
    for name, places in wanted.items():
        for place, reversed_here in places.items():
            if own := [line for line in reversed_here if line.names == line.transaction_id]:
                yield BrokenReversal("own", own)
            reversals = [line for line in reversed_here if line.names != line.transaction_id]
            others = [line for line in named.get(name, ()) if line.names != line.transaction_id]
            is_taken_back = any(line.transaction_id in numbers for line in reversals)
            taken_back = _taken_back(groups, reverses, name, place) if is_taken_back else _ZERO
            if reversals and (broken := compare_reversals(place, reversals, others, waiting.get(name, ()), taken_back)):
                yield broken


def _are_compared(lines: pa.Table, doubtful: pa.Array) -> pa.ChunkedArray:
    """Return which reversals are looked at one by one: those of doubtful names, and all that reverse each other."""
    reverses_another = pc.is_in(lines["names"], value_set=lines["number"].unique())
    is_reversed = pc.is_in(lines["number"], value_set=lines["names"].unique())
    return pc.or_(pc.is_in(lines["names"], value_set=doubtful), pc.or_(reverses_another, is_reversed))


def _taken_back(
    groups: Mapping[_Name, Mapping[Place, Sequence[ReversalLine]]],
    reverses: Mapping[tuple[_Name, Place], Collection[str]],
    name: _Name,
    place: Place,
) -> Decimal:
    """Return the sum of the lines that reverse reversals of a name, of those that reverse them again, and so on.

    A document that reverses two others is left out: which one of both counts again, no line says.
    """

    def lines(number: str) -> Sequence[ReversalLine]:
        return groups.get(name._replace(transaction_id=number), {}).get(place, ())

    amount, seen, numbers = _ZERO, {name.transaction_id}, {name.transaction_id}
    while numbers:
        reversals = {line.transaction_id for number in numbers for line in lines(number)}
        numbers = {
            number
            for number in reversals - seen
            if len(reverses.get((name._replace(transaction_id=number), place), ())) == 1
        }
        seen |= numbers
        amount += sum((total(lines(number)) for number in numbers), _ZERO)
    return amount


def compare_reversals(
    place: Place,
    reversals: Sequence[ReversalLine],
    named: Sequence[ReversalLine],
    waiting: Sequence[InactiveDelivery],
    taken_back: Decimal,
) -> BrokenReversal | None:
    """Return how reversals break a rule; None if they do not.

    Args:
        place: the department and account of the reversals.
        reversals: the lines that name one identifier there.
        named: the lines with the identifier, of any department and account.
        waiting: the deliveries that do not count and have it.
        taken_back: the sum of the lines that reverse these reversals.
    """
    if not named:
        return BrokenReversal("missing", reversals, waiting=waiting)
    here = [line for line in named if line.place == place]
    if not here:
        return BrokenReversal("elsewhere", reversals, named)
    reversed_amount, amount = total(reversals), total(here)
    if reversed_amount * amount > 0 or (reversed_amount and not amount):
        return BrokenReversal("sign", reversals, here)
    broken = BrokenReversal("excess", reversals, here, taken_back=taken_back)
    # Reversals that are taken back by more than their amount are named themselves.
    return broken if broken.excess and (reversed_amount + taken_back) * reversed_amount > 0 else None


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

    def waiting(self, feed: str, names: Collection[str]) -> dict[_Name, list[InactiveDelivery]]:
        """Return the deliveries that do not count and have lines with these identifiers, by name."""
        having = {"transaction_id": pa.array(sorted(names), pa.string())}
        waiting: dict[_Name, list[InactiveDelivery]] = {}
        for stopped in self._state.inactive:
            if stopped.commit.feed != feed or stopped.is_refused:
                continue
            periods = set(stopped.late_periods) or None
            columns = ("scenario", "transaction_id")
            for table in read_lines(self._processed, stopped.commit, columns, periods, having=having):
                for row in table.group_by(list(columns)).aggregate([]).to_pylist():
                    waiting.setdefault(_Name(feed, fold(row["scenario"]), row["transaction_id"]), []).append(stopped)
        return waiting

    def _of_feed(self, feed: str) -> list[LiveDelivery]:
        return [one for one in self._live.in_order if one.event.kind == "ledger" and one.event.feed == feed]

    def _read(self, delivery: LiveDelivery, cells: Collection[Cell], having: Having) -> pa.Table:
        """Return lines as `doubtful_names` takes them, by sheet and row."""
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
