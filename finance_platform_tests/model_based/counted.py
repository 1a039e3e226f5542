"""The lines that count in the deliveries of a story, in plain Python.

Belongs here: which lines later files hide, written a second time. Does not belong here: which deliveries count (the
state says that), what must hold (see `test_stories`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, TypeVar

from finance_platform.deliveries.lines import read_lines
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.storage.port import ObjectStore
from finance_platform_tests.unit.zone import Line

_Place = TypeVar("_Place")


class Money(NamedTuple):
    """What a line says."""

    scenario: str
    period: str
    department: str
    amount: Decimal


def counted_lines(
    store: ObjectStore, live: Sequence[LiveDelivery], sent: Mapping[str, Sequence[Line]]
) -> Counter[Money]:
    """Return the lines that no later delivery hides.

    Args:
        store: the processed zone; it has the lines that are booked.
        live: the deliveries that count.
        sent: the lines of each delivery as they were sent.
    """
    ordered = sorted(live, key=lambda one: one.position)
    as_sent = [one for one in ordered if not one.booked_from]
    lines = [[line for line in sent[one.delivery_id] if line.period in one.portion] for one in as_sent]
    counted: Counter[Money] = Counter()
    for nth, one in enumerate(as_sent):
        hidden = {
            claim
            for other, of_other in zip(as_sent[nth + 1 :], lines[nth + 1 :], strict=True)
            if other.event.object_key != one.event.object_key and _load(other) == _load(one)
            for claim in (*(_claim(one, line) for line in of_other), *_declared_claims(other, sent))
        }
        counted.update(
            _money(line) for line in lines[nth] if _claim(one, line) is None or _claim(one, line) not in hidden
        )
    for one in ordered:
        if one.booked_from:
            for table in read_lines(store, one.commit, ("scenario", "period", "department_code", "amount")):
                counted.update(Money(*row.values()) for row in table.to_pylist())
    return counted


def _load(delivery: LiveDelivery) -> tuple[str, str, bool]:
    return delivery.event.feed, delivery.event.load_mode, delivery.event.is_scoped


def _claim(delivery: LiveDelivery, line: Line) -> tuple[str | None, ...] | None:
    """Return what a line must have in common with one of a later file to be hidden by it; None if nothing hides it."""
    match _load(delivery):
        case _, "upsert", _:
            return (line.key,)
        case _, "replace_period", is_scoped:
            return (line.scenario, line.period, *([line.scope] if is_scoped else []))
    return None


def _declared_claims(delivery: LiveDelivery, sent: Mapping[str, Sequence[Line]]) -> Iterator[tuple[str | None, ...]]:
    """Yield what a file replaces in the period that its name declares, whether it has lines there or not."""
    _, mode, is_scoped = _load(delivery)
    for period in delivery.commit.covers if mode == "replace_period" else ():
        if is_scoped:
            yield from {(line.scenario, period, line.scope) for line in sent[delivery.delivery_id]}
        else:
            scenarios = {line.scenario for line in sent[delivery.delivery_id]}
            yield from ((scenario, period) for scenario in scenarios.union(delivery.commit.constant_scenarios))


def _money(line: Line) -> Money:
    return Money(line.scenario, line.period, line.department, Decimal(line.amount))


def sums(lines: Counter[Money], place: Callable[[Money], _Place]) -> dict[_Place, Decimal]:
    """Return the amounts that are not zero, by place."""
    amounts: defaultdict[_Place, Decimal] = defaultdict(Decimal)
    for line, count in lines.items():
        amounts[place(line)] += line.amount * count
    return {of: amount for of, amount in amounts.items() if amount}


def in_periods(lines: Counter[Money], periods: Collection[str]) -> Counter[Money]:
    """Return the lines of some periods."""
    return Counter({line: count for line, count in lines.items() if line.period in periods})
