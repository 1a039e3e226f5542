"""Reorganisations: which department takes over which part of another one, from which period on.

Belongs here: the rows of departments files that name a predecessor, which of them count, and those that contradict each
other. Does not belong here: what follows for amounts (see `department_structures`), the rules of one row (see
`feeds.reference_rows`).

Of the deliveries that describe a department from the period of the reorganisation on, the last one counts as a whole:
its rows about the department from that period replace those of earlier ones, as with attributes (see
`attribute_spans`). Rows that contradict each other do not count, so that no money is shown twice or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

from finance_platform.contracts.processed import DEPARTMENTS
from finance_platform.deliveries.delivery_rows import read_rows
from finance_platform.deliveries.state import DeliveryState, Description
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.storage.port import ObjectStore

REORGANISATIONS = "reorganisations"
"""The input of the departments' version that has the rows."""

_NAMES = ("department_name", "business_unit", "parent_department_code")
_COLUMNS = (
    "department_key",
    "department_code",
    "valid_from",
    "predecessor_department_code",
    "predecessor_share",
    "origin_share",
    "source_row",
    *_NAMES,
)
_WHOLE = Decimal(1)


@dataclass(frozen=True)
class Reorganisation:
    """One predecessor of one department.

    Attributes:
        period: from which on, YYYY-MM.
        predecessor: its code.
        successor: the code of the department that takes over.
        share: the part of the predecessor's earlier amounts that belongs to the successor, above 0 to 1.
        origin_share: the part of the successor's later amounts that belongs to the predecessor, 0 to 1.
        object_key: the file.
        line: the line of the file.
    """

    period: str
    predecessor: str
    successor: str
    share: Decimal
    origin_share: Decimal
    object_key: str
    line: int

    @property
    def predecessor_key(self) -> int:
        """Key of the predecessor."""
        return surrogate_key(self.predecessor)

    @property
    def successor_key(self) -> int:
        """Key of the successor."""
        return surrogate_key(self.successor)

    def to_input(self) -> dict[str, Any]:
        """Return what a version of the departments has of it; shares as text, since JSON has no decimals."""
        return {
            "valid_from": self.period,
            "department_key": self.successor_key,
            "predecessor_key": self.predecessor_key,
            "predecessor_code": self.predecessor,
            "share": str(self.share),
            "origin_share": str(self.origin_share),
        }


@dataclass(frozen=True)
class Contradiction:
    """Rows about reorganisations that cannot all be true.

    Attributes:
        text: what is wrong, with the fix.
        object_key: a file that has such a row.
        line: its line.
        period: the date of the reorganisation.
    """

    text: str
    object_key: str
    line: int
    period: str


@dataclass(frozen=True)
class Reorganisations:
    """The reorganisations that count, by period and codes, and what contradicts itself."""

    rows: Sequence[Reorganisation]
    contradictions: Sequence[Contradiction]


_Row = dict[str, Any]


def find_reorganisations(processed: ObjectStore, state: DeliveryState) -> Reorganisations:
    """Return the reorganisations that the departments files declare.

    Args:
        processed: the processed zone.
        state: the deliveries.

    Raises:
        DamagedObjectError: the rows of a delivery are damaged.
    """
    descriptions = [one for one in state.descriptions if one.delivery.event.kind == "departments"]
    if not any(one.delivery.commit.has_dates for one in descriptions):
        return Reorganisations((), ())
    counted: dict[tuple[int, str], tuple[Description, list[_Row]]] = {}
    firsts: dict[int, str] = {}
    for description in sorted(descriptions, key=lambda one: one.delivery.position):
        rows_of_file = list(_read(processed, description))
        dated = {row["department_key"] for row in rows_of_file if row["valid_from"]}
        for row in rows_of_file:
            key, since = row["department_key"], row["valid_from"] or description.since
            if description.until is not None and since >= description.until:
                continue
            # Beside rows with dates, a row without one says what was before them, as in `attribute_spans`.
            first = since if row["valid_from"] or key not in dated else ""
            firsts[key] = min(firsts.get(key, first), first)
            if row["valid_from"]:
                of_member = counted.get((key, since))
                if of_member is None or of_member[0] is not description:
                    of_member = counted[key, since] = (description, [])
                of_member[1].append(row)
    differing = [one for description, rows in counted.values() for one in _differing_rows(description, rows)]
    declared = [
        one
        for (key, since), (description, rows) in counted.items()
        for one in _of_department(description, rows, is_new=firsts[key] == since)
    ]
    return _consistent(sorted(declared, key=lambda one: (one.period, one.predecessor, one.successor)), differing)


def _read(processed: ObjectStore, description: Description) -> Iterator[_Row]:
    commit = description.delivery.commit
    for rows in read_rows(processed, commit.delivery_id, commit.files.get(DEPARTMENTS.name, ()), _COLUMNS):
        yield from rows.to_pylist()


def _of_department(description: Description, rows: Sequence[_Row], *, is_new: bool) -> Iterator[Reorganisation]:
    """Yield the predecessors of one department from one period on."""
    given = [row for row in rows if row["predecessor_department_code"]]
    # Without more knowledge, only a new department with one predecessor leads back to it without a doubt.
    origin = _WHOLE if is_new and len(given) == 1 else Decimal(0)
    for row in given:
        yield Reorganisation(
            row["valid_from"],
            row["predecessor_department_code"],
            row["department_code"],
            Decimal(row["predecessor_share"] or _WHOLE),
            Decimal(row["origin_share"] or origin),
            description.delivery.event.object_key,
            row["source_row"],
        )


def _differing_rows(description: Description, rows: Sequence[_Row]) -> Iterator[Contradiction]:
    """Yield the attributes that the rows of one department from one period on give differently."""
    for name in _NAMES:
        values = {row[name]: row for row in rows if row[name]}
        if len(values) > 1:
            texts = " and ".join(f"{value!r} (line {row['source_row']})" for value, row in values.items())
            row = rows[0]
            yield Contradiction(
                f"the rows of department {row['department_code']} from {row['valid_from']} give {texts} as {name}; "
                "the first one counts: give one value, or leave it blank in the other rows",
                description.delivery.event.object_key,
                row["source_row"],
                row["valid_from"],
            )


def _consistent(declared: Sequence[Reorganisation], differing: Sequence[Contradiction]) -> Reorganisations:
    contradictions = list(differing)
    rows, beyond = _drop_beyond_whole(
        declared,
        lambda one: (one.period, one.predecessor_key),
        lambda one: one.share,
        lambda one, total: (
            f"the departments that replace {one.predecessor} from {one.period} on take over {_percent(total)} of it; "
            "none of these rows counts: correct the shares, whose sum is at most 100 %"
        ),
    )
    contradictions += beyond
    backward, beyond = _drop_beyond_whole(
        rows,
        lambda one: (one.period, one.successor_key),
        lambda one: one.origin_share,
        lambda one, total: (
            f"the predecessors of {one.successor} from {one.period} on have {_percent(total)} of its later amounts; "
            "none of these origin shares counts: correct them, their sum is at most 100 %"
        ),
    )
    contradictions += beyond
    rows = [one if one in backward else replace(one, origin_share=Decimal(0)) for one in rows]
    for period in dict.fromkeys(one.period for one in rows):
        while cycle := _cycle([one for one in rows if one.period == period]):
            first = cycle[0]
            codes = " → ".join([*(one.predecessor for one in cycle), cycle[-1].successor])
            contradictions.append(
                Contradiction(
                    f"departments replace each other in a circle from {period} on: {codes}; none of these rows counts: "
                    "leave out one of them, or give the later step a later date",
                    first.object_key,
                    first.line,
                    period,
                )
            )
            rows = [one for one in rows if one not in cycle]
    return Reorganisations(tuple(rows), tuple(contradictions))


def _drop_beyond_whole(
    rows: Sequence[Reorganisation],
    group: Callable[[Reorganisation], Hashable],
    share: Callable[[Reorganisation], Decimal],
    describe: Callable[[Reorganisation, Decimal], str],
) -> tuple[list[Reorganisation], list[Contradiction]]:
    """Return the rows without the groups whose shares add up to more than the whole, and what these contradict."""
    totals: dict[Hashable, Decimal] = {}
    for one in rows:
        totals[group(one)] = totals.get(group(one), Decimal(0)) + share(one)
    first = {group(one): one for one in reversed(rows) if totals[group(one)] > _WHOLE}
    contradictions = [
        Contradiction(describe(one, totals[name]), one.object_key, one.line, one.period) for name, one in first.items()
    ]
    return [one for one in rows if group(one) not in first], contradictions


def _cycle(rows: Iterable[Reorganisation]) -> list[Reorganisation]:
    """Return rows in which departments replace each other in a circle, in order; empty if none do."""
    by_pair = {(one.predecessor_key, one.successor_key): one for one in rows}
    graph: dict[int, set[int]] = {}
    for predecessor, successor in by_pair:
        graph.setdefault(successor, set()).add(predecessor)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        nodes = error.args[1]
        return [by_pair[pair] for pair in pairwise(nodes)]
    return []


def _percent(share: Decimal) -> str:
    return f"{(share * 100).normalize():f} %"
