"""Conflicting attributes: members that ledger lines contradict where no master data decides, or reference files do.

Belongs here: comparing the attributes that deliveries give (see `transforms.member_attributes`), and the money of the
lines that do not get the attribute that they name. Does not belong here: whether a conflict holds a delivery (see
`acceptance`), the dimensions (see `transforms`).

A member has one value per attribute, that of its first line. Two values conflict if one delivery has both, or if two
deliveries have them for the same period; another value for a later period is a change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.processed import ACCOUNTS, DEPARTMENTS, MEMBER_ATTRIBUTES
from finance_platform.deliveries.delivery_rows import read_rows
from finance_platform.deliveries.overlaps import Overlaps
from finance_platform.deliveries.state import LiveDelivery, replaced_cells, replaces_periods
from finance_platform.feeds.values.codes import fold
from finance_platform.storage.port import ObjectStore

ACCOUNT_TYPE = "account type"

_LABELS = {
    "account": {"account_type": ACCOUNT_TYPE, "category": "category", "name": "name"},
    "department": {"name": "name", "business_unit": "business unit"},
}
_MASTER_DATA = {
    "account": ("accounts", {"account_type": "account_type", "category": "category", "name": "account_name"}),
    "department": ("departments", {"name": "department_name", "business_unit": "business_unit"}),
}
_COLUMNS = {contract.name: contract.column_names for contract in (MEMBER_ATTRIBUTES, ACCOUNTS, DEPARTMENTS)}
_CODE_COLUMNS = {"account": "account_number", "department": "department_code"}
_SAYS_NOTHING = "unknown"
"""A type that a source gives for accounts that it cannot classify."""


@dataclass(frozen=True)
class AttributeSource:
    """Lines of one delivery, scenario and period that give a member the same value; or a row of a reference file.

    Attributes:
        delivery_id: the delivery.
        object_key: its raw object.
        line: the first of the lines.
        scenario: as the lines name it; blank for a reference file about a member without lines.
        period: YYYY-MM; blank for a reference file.
        value: the value, as given.
        row_count: number of lines.
        gross: sum of their absolute amounts.
    """

    delivery_id: str
    object_key: str
    line: int
    scenario: str
    period: str
    value: str
    row_count: int
    gross: Decimal

    @property
    def compared(self) -> str:
        """The value without case and white space."""
        return _compared(self.value)


@dataclass(frozen=True)
class AttributeConflict:
    """Lines that give a member another value than the one that counts.

    Attributes:
        dimension: account or department.
        code: the member.
        attribute: account type, category, name or business unit.
        given: the lines at stake.
        counted: the first lines with the value that counts instead.
    """

    dimension: str
    code: str
    attribute: str
    given: AttributeSource
    counted: AttributeSource


class AttributeFiles:
    """The small files in which deliveries give attributes; each is read once."""

    def __init__(self, processed: ObjectStore) -> None:
        self._processed = processed
        self._rows: dict[tuple[str, str], Sequence[dict[str, Any]]] = {}

    def rows(self, delivery: LiveDelivery, table: str) -> Sequence[dict[str, Any]]:
        """Return a delivery's rows of a table; those of ledger lines by their first line."""
        files = delivery.commit.files.get(table)
        if not files:
            return ()
        name = delivery.delivery_id, table
        if name not in self._rows:
            tables = read_rows(self._processed, delivery.delivery_id, files, _COLUMNS[table])
            rows: list[dict[str, Any]] = [row for part in tables for row in part.to_pylist()]
            if table == "member_attributes":
                rows.sort(key=lambda row: int(row["first_row"]))
            self._rows[name] = rows
        return self._rows[name]


class GivenTypes:
    """The types that lines give to accounts, which rule a conflict out for almost every delivery."""

    def __init__(self, files: AttributeFiles) -> None:
        self._files = files
        self._types: dict[tuple[str, int], set[str]] = {}
        self._unread: dict[str, list[LiveDelivery]] = {}
        self._added = 0

    def may_conflict(self, candidate: LiveDelivery, added: Sequence[LiveDelivery]) -> bool:
        """Return whether `find_type_conflicts` may find a conflict; it reads every delivery of the same periods.

        Args:
            candidate: a delivery that was read.
            added: every delivery that has counted; between two calls, deliveries are only added to its end.
        """
        for delivery in added[self._added :]:
            if delivery.commit.files.get("member_attributes"):
                for period in _periods(delivery):
                    self._unread.setdefault(period, []).append(delivery)
        self._added = len(added)
        own: dict[int, set[str]] = {}
        of_periods: dict[tuple[str, int], set[str]] = {}
        for period, key, account_type in self._given(candidate):
            self._read(period)
            own.setdefault(key, set()).add(account_type)
            of_periods.setdefault((period, key), {*self._types.get((period, key), ())}).add(account_type)
        return any(len(types) > 1 for types in (*own.values(), *of_periods.values()))

    def _read(self, period: str) -> None:
        """Enter the types of the deliveries with lines in a period."""
        for delivery in self._unread.pop(period, ()):
            for of_row, key, account_type in self._given(delivery):
                if of_row == period:
                    self._types.setdefault((period, key), set()).add(account_type)

    def _given(self, delivery: LiveDelivery) -> Iterator[tuple[str, int, str]]:
        """Yield period, account and type, as it is compared."""
        for row in self._files.rows(delivery, "member_attributes"):
            if row["dimension"] == "account" and _says_something("account_type", row["account_type"]):
                yield row["period"], row["member_key"], _compared(row["account_type"])


def find_attribute_conflicts(
    processed: ObjectStore, deliveries: Sequence[LiveDelivery], overlaps: Overlaps
) -> list[AttributeConflict]:
    """Return the conflicts of deliveries that count, or may count, in the order of members and lines.

    Lines of a scenario and period that later deliveries supersede as a whole do not take part.

    Args:
        processed: the processed zone.
        deliveries: of all kinds, in the defined order.
        overlaps: the lines that the deliveries claim from each other.
    """
    return _find_conflicts(AttributeFiles(processed), deliveries, overlaps)


def find_type_conflicts(
    files: AttributeFiles,
    candidate: LiveDelivery,
    deliveries: Iterable[LiveDelivery],
    overlaps: Overlaps,
) -> list[AttributeConflict]:
    """Return the conflicts of account type that a delivery has in itself or with the live ones, if it counts.

    Such a conflict changes profit, so it is a reason to hold the delivery. Only ledger files with lines in the same
    periods are read.

    Args:
        files: the attributes that deliveries give.
        candidate: a delivery that was read.
        deliveries: the live deliveries; an earlier delivery of the candidate's object is ignored.
        overlaps: the lines that the deliveries claim from each other.
    """
    if not candidate.commit.files.get("member_attributes"):
        return []
    periods = _periods(candidate)
    others = [
        other
        for other in deliveries
        if other.event.object_key != candidate.event.object_key
        and (other.event.kind != "ledger" or not periods.isdisjoint(_periods(other)))
    ]
    ordered = sorted([*others, candidate], key=lambda delivery: delivery.position)
    return [
        conflict
        for conflict in _find_conflicts(files, ordered, overlaps)
        if conflict.attribute == ACCOUNT_TYPE
        and candidate.delivery_id in {conflict.given.delivery_id, conflict.counted.delivery_id}
    ]


def find_master_data_conflicts(
    processed: ObjectStore, deliveries: Sequence[LiveDelivery], gross_of: GrossOf
) -> list[AttributeConflict]:
    """Return the members that two live reference files describe differently from one date on; the later file counts.

    Args:
        processed: the processed zone.
        deliveries: the live deliveries, in the defined order.
        gross_of: returns rows and gross amount of an account's lines by scenario.
    """
    conflicts = []
    for dimension, (_, columns) in _MASTER_DATA.items():
        described: dict[tuple[int, str, str], list[AttributeSource]] = {}
        codes: dict[int, str] = {}
        for delivery, row in _contradictory_rows(processed, deliveries, dimension):
            key = row[f"{dimension}_key"]
            codes[key] = row[_CODE_COLUMNS[dimension]]
            for attribute, column in columns.items():
                if _says_something(attribute, row[column]):
                    # Another value from another date on is a change.
                    described.setdefault((key, attribute, row["valid_from"]), []).append(
                        _description(delivery, row, row[column])
                    )
        for (key, attribute, _), sources in sorted(described.items()):
            counted = sources[-1]
            given = next((one for one in sources if one.compared != counted.compared), None)
            if given:
                money = gross_of(key) if dimension == "account" else {}
                conflicts += [
                    AttributeConflict(dimension, codes[key], _LABELS[dimension][attribute], at_stake, counted)
                    for at_stake in _with_money(given, money)
                ]
    return conflicts


def _contradictory_rows(
    processed: ObjectStore, deliveries: Sequence[LiveDelivery], dimension: str
) -> Iterator[tuple[LiveDelivery, dict[str, Any]]]:
    """Yield the rows of the members that have two descriptions from one date on, in order; almost all have one."""
    table, attributes = _MASTER_DATA[dimension]
    key, code = f"{dimension}_key", _CODE_COLUMNS[dimension]
    columns = [key, code, *attributes.values(), "valid_from", "source_row"]
    parts = [
        rows.append_column("place", pa.repeat(place, rows.num_rows))
        for place, delivery in enumerate(deliveries)
        for rows in read_rows(processed, delivery.delivery_id, delivery.commit.files.get(table, ()), columns)
    ]
    if not parts:
        return
    rows = pa.concat_tables(parts)
    rows = rows.set_column(columns.index("valid_from"), "valid_from", pc.fill_null(rows["valid_from"], ""))
    start = [key, "valid_from"]
    descriptions = rows.group_by([*start, *attributes.values()]).aggregate([])
    numbers = descriptions.group_by(start).aggregate([([], "count_all")])
    members = numbers.filter(pc.greater(numbers["count_all"], 1))[key]
    for row in rows.filter(pc.is_in(rows[key], members)).to_pylist():
        yield deliveries[row["place"]], row


def _description(delivery: LiveDelivery, row: Mapping[str, Any], value: str) -> AttributeSource:
    return AttributeSource(
        delivery.delivery_id, delivery.event.object_key, row["source_row"], "", "", value, 0, Decimal("0.00")
    )


def _with_money(source: AttributeSource, money: Mapping[str, tuple[int, Decimal]]) -> list[AttributeSource]:
    """Return a source once per scenario with the money there; as it is if there is none."""
    return [
        replace(source, scenario=scenario, row_count=rows, gross=gross) for scenario, (rows, gross) in money.items()
    ] or [source]


def _says_something(attribute: str, value: str | None) -> bool:
    return bool(value) and not (attribute == "account_type" and fold(value or "") == _SAYS_NOTHING)


def gross_by_scenario(conflicts: Iterable[AttributeConflict]) -> dict[str, Decimal]:
    """Return the money at stake by scenario; scenarios are never added. Take conflicts of one attribute only."""
    totals: dict[str, Decimal] = {}
    for conflict in conflicts:
        given = conflict.given
        totals[given.scenario] = totals.get(given.scenario, Decimal("0.00")) + given.gross
    return totals


GrossOf = Callable[[int], Mapping[str, tuple[int, Decimal]]]
"""Returns number and gross amount of an account's live lines, by scenario."""

_Attribute = tuple[str, int, str]
"""Dimension, member key and attribute."""


def _periods(delivery: LiveDelivery) -> set[str]:
    return {count.period for count in delivery.commit.periods}


def _find_conflicts(
    files: AttributeFiles, deliveries: Sequence[LiveDelivery], overlaps: Overlaps
) -> list[AttributeConflict]:
    sources, codes = _read_sources(files, deliveries, overlaps)
    disputed = {name: given for name, given in sources.items() if len({one.compared for one in given}) > 1}
    if not disputed:
        return []
    decided = _decided_by_master_data(files, deliveries)
    return [
        AttributeConflict(dimension, codes[dimension, key], _LABELS[dimension][attribute], given, counted)
        for (dimension, key, attribute), all_given in sorted(disputed.items())
        if (dimension, key, attribute) not in decided
        for given, counted in _at_stake(all_given)
    ]


def _read_sources(
    files: AttributeFiles, deliveries: Sequence[LiveDelivery], overlaps: Overlaps
) -> tuple[dict[_Attribute, list[AttributeSource]], dict[tuple[str, int], str]]:
    """Return the sources of each attribute in the order in which they count, and the code of each member."""
    sources: dict[_Attribute, list[AttributeSource]] = {}
    codes: dict[tuple[str, int], str] = {}
    places = {delivery.delivery_id: place for place, delivery in enumerate(deliveries)}
    last_places = _last_places(deliveries)
    for delivery in deliveries:
        rows = files.rows(delivery, "member_attributes")
        replaced = _replaced_cells(delivery, places, last_places, overlaps) if rows else frozenset()
        for row in rows:
            if (fold(row["scenario"]), row["period"]) in replaced:
                continue
            dimension, key = row["dimension"], row["member_key"]
            codes.setdefault((dimension, key), row["code"])
            for attribute in _LABELS[dimension]:
                value = row[attribute]
                if _says_something(attribute, value):
                    sources.setdefault((dimension, key, attribute), []).append(_source(delivery, row, value))
    return sources, codes


def _source(delivery: LiveDelivery, row: Mapping[str, Any], value: str) -> AttributeSource:
    return AttributeSource(
        delivery.delivery_id,
        delivery.event.object_key,
        row["first_row"],
        row["scenario"],
        row["period"],
        value,
        row["row_count"],
        Decimal(row["gross_amount"]),
    )


def _last_places(deliveries: Sequence[LiveDelivery]) -> dict[tuple[str, str, str], int]:
    """Return the place of the last delivery that covers each scenario and period of feeds that replace periods."""
    return {
        (delivery.event.feed, *cell): place
        for place, delivery in enumerate(deliveries)
        for cell in replaced_cells(delivery)
    }


def _replaced_cells(
    delivery: LiveDelivery,
    places: Mapping[str, int],
    last_places: Mapping[tuple[str, str, str], int],
    overlaps: Overlaps,
) -> frozenset[tuple[str, str]]:
    """Return scenario (folded) and period of the lines that later deliveries of the feed supersede as a whole."""
    lines: dict[tuple[str, str], int] = {}
    for count in delivery.commit.periods:
        cell = fold(count.scenario), count.period
        lines[cell] = lines.get(cell, 0) + count.rows
    place, feed = places[delivery.delivery_id], delivery.event.feed
    if replaces_periods(delivery):
        return frozenset(cell for cell in lines if last_places[(feed, *cell)] > place)
    replaced: set[tuple[str, str]] = set()
    for other in overlaps.overlapping(delivery.delivery_id):
        if places.get(other, -1) < place:
            continue
        claimed: dict[tuple[str, str], int] = {}
        for (scenario, period, _), rows in overlaps.overlap(delivery.delivery_id, other).lines.items():
            cell = fold(scenario), period
            claimed[cell] = claimed.get(cell, 0) + rows
        replaced |= {cell for cell, rows in claimed.items() if rows >= lines.get(cell, 0)}
    return frozenset(replaced)


def _at_stake(sources: Sequence[AttributeSource]) -> Iterator[tuple[AttributeSource, AttributeSource]]:
    """Yield the sources that contradict another one, each with the source whose value counts instead."""
    groups: dict[tuple[str, str], list[AttributeSource]] = {}
    for source in sources:
        groups.setdefault(("delivery", source.delivery_id), []).append(source)
        groups.setdefault(("period", source.period), []).append(source)
    contradicted: dict[AttributeSource, AttributeSource] = {}
    for group in groups.values():
        counted = next((source for source in group if source.compared == sources[0].compared), group[0])
        for source in group:
            if source.compared != counted.compared:
                contradicted.setdefault(source, counted)
    yield from ((source, contradicted[source]) for source in sources if source in contradicted)


def _decided_by_master_data(files: AttributeFiles, deliveries: Sequence[LiveDelivery]) -> set[_Attribute]:
    """Return the attributes that the latest description of a member gives."""
    decided: dict[tuple[str, int], set[_Attribute]] = {}
    for dimension, (table, columns) in _MASTER_DATA.items():
        for delivery in deliveries:
            for row in files.rows(delivery, table):
                key = row[f"{dimension}_key"]
                given = {(dimension, key, name) for name, column in columns.items() if row[column]}
                decided[dimension, key] = given
    return set().union(*decided.values())


@lru_cache(maxsize=65536)
def _compared(value: str) -> str:
    return "".join(fold(value).split())
