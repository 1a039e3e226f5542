"""The tables of earlier attributes: what members whose attributes changed were in which periods.

Belongs here: the rows of DepartmentHistory and AccountHistory, and what they say about a period. Does not belong here:
which description counts in a period (see `attribute_spans`), storing the rows (see `warehouse.report_tables`).

The rows are an input of the version of their dimension, so that a version says what its members were in each period.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import (
    ACCOUNT_HISTORY,
    DEPARTMENT_HISTORY,
    DIM_ACCOUNT,
    DIM_DEPARTMENT,
    FIRST_PERIOD,
    LAST_PERIOD,
    PROFIT_SIGNS,
)
from finance_platform.deliveries.members.account_types import STATISTICAL, UNKNOWN, AccountTypes
from finance_platform.deliveries.members.attribute_spans import Attributes, Span, attribute_spans
from finance_platform.deliveries.state import DeliveryState, LiveDelivery
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.feeds.values.dates import period_before
from finance_platform.storage.port import ObjectStore

Row = dict[str, Any]
History = Mapping[Contract, Sequence[Row]]

HISTORY = "history"
"""The input of a dimension's version that has the rows."""

HISTORIES: Mapping[str, Contract] = MappingProxyType(
    {DIM_DEPARTMENT.name: DEPARTMENT_HISTORY, DIM_ACCOUNT.name: ACCOUNT_HISTORY}
)
"""By dimension, the table of what its members were."""

NO_HISTORY: History = MappingProxyType({})

_KINDS: Mapping[str, tuple[Contract, tuple[str, ...]]] = {
    "departments": (DEPARTMENT_HISTORY, ("business_unit",)),
    "accounts": (ACCOUNT_HISTORY, ("account_type", "category", "measure")),
}
"""By kind of file, the table, and the attributes by which reports group."""


def attribute_history(processed: ObjectStore, state: DeliveryState) -> dict[Contract, list[Row]]:
    """Return the rows of both tables.

    Args:
        processed: the processed zone.
        state: the deliveries.

    Raises:
        DamagedObjectError: the rows of a delivery are damaged.
    """
    return {
        table: [
            row for key, spans in attribute_spans(processed, state, kind).items() for row in _rows(key, spans, kind)
        ]
        for kind, (table, _) in _KINDS.items()
    }


def history_in(period: str, rows: Iterable[Row], key_column: str) -> dict[int, Row]:
    """Return the rows that hold in a period, by key."""
    return {row[key_column]: row for row in rows if row["valid_from"] <= period <= row["valid_to"]}


class TypesInPeriods:
    """The type of accounts in each period, as the views have it."""

    def __init__(
        self, processed: ObjectStore, state: DeliveryState, live: Sequence[LiveDelivery], keys: Collection[int]
    ) -> None:
        """Read the types.

        Args:
            processed: the processed zone.
            state: the deliveries, with those that describe earlier periods.
            live: those that count, or would count, in order.
            keys: the accounts.

        Raises:
            DamagedObjectError: the rows of a delivery are damaged.
        """
        self._current = AccountTypes(processed).types(live, keys)
        self._earlier = attribute_history(processed, state)[ACCOUNT_HISTORY] if keys else []

    def type_in(self, period: str, key: int) -> str:
        """Return the type of an account in a period, `Unknown` without one."""
        found = history_in(period, (row for row in self._earlier if row["account_key"] == key), "account_key")
        return str(found[key]["account_type"]) if key in found else self._current.get(key, UNKNOWN)


def _rows(key: int, spans: Sequence[Span], kind: str) -> Iterator[Row]:
    table, classes = _KINDS[kind]
    first = [spans[0].attributes[name] for name in classes]
    ends = [*(period_before(span.since) for span in spans[1:]), LAST_PERIOD]
    for span, end in zip(spans, ends, strict=True):
        of_class = [span.attributes[name] for name in classes]
        values: Row = {
            f"{kind.removesuffix('s')}_key": key,
            f"{kind.removesuffix('s')}_class_key": key if of_class == first else _class_key(key, of_class),
            "valid_from": span.since or FIRST_PERIOD,
            "valid_to": end,
            "is_current": span is spans[-1],
            **span.attributes,
            **_derived(span.attributes),
        }
        yield {name: values[name] for name in table.column_names}


def _class_key(key: int, of_class: Sequence[str | None]) -> int:
    return surrogate_key(" ".join([str(key), *(f"{len(value or '')}:{value}" for value in of_class)]))


def _derived(attributes: Attributes) -> Row:
    account_type = attributes.get("account_type") or ""
    return {"profit_sign": PROFIT_SIGNS.get(account_type, 0), "is_monetary": account_type != STATISTICAL}
