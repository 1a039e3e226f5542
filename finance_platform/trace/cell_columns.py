"""Cells of a period by column: sums of its lines, and whether two tables have the same rows.

Belongs here: adding up and comparing columns of Arrow. Does not belong here: what is compared, and what is said of a
difference (see `published_cells`).

A home has as many cells as lines if it has many accounts: five million in a home of five million lines.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE

CELL = ("scenario_key", "department_key", "account_key")
_SIGN = "is_debit_positive"
_COUNT, _AMOUNT = "lines", "amount"
_ADDED_TOGETHER = 50
"""So many tables of a period wait at most until they are added up: of a small delivery it is a few rows."""


class LineSums:
    """Sums of ledger lines by cell and sign, for each of some periods."""

    def __init__(self) -> None:
        """Begin without lines."""
        self._of_period: dict[str, list[pa.Table]] = {}

    def add(self, period: str, lines: pa.Table) -> None:
        """Add lines of a period, with `CELL`, amount and sign."""
        tables = self._of_period.setdefault(period, [])
        amounts = lines["amount"].cast(SUM_OF_MONEY_TYPE)
        counts = pc.is_valid(amounts).cast(pa.int64())
        columns = {name: lines[name].cast(pa.int64()) for name in CELL} | {_SIGN: lines[_SIGN].cast(pa.bool_())}
        tables.append(_added_up(pa.table({**columns, _COUNT: counts, _AMOUNT: amounts}), (*CELL, _SIGN)))
        if len(tables) >= _ADDED_TOGETHER:
            self._of_period[period] = [_added_up(pa.concat_tables(tables), (*CELL, _SIGN))]

    def take(self, period: str, credit: pa.Array) -> pa.Table | None:
        """Return the sums of a period by cell, and forget them; None if it has no lines.

        Args:
            period: YYYY-MM.
            credit: the keys of the accounts whose amounts have the other sign, if lines are debits and credits.
        """
        tables = self._of_period.pop(period, [])
        if not tables:
            return None
        sums = pa.concat_tables(tables)
        is_turned = pc.and_(pc.fill_null(sums[_SIGN], False), pc.is_in(sums["account_key"], value_set=credit))
        amounts = pc.if_else(is_turned, pc.negate(sums[_AMOUNT]), sums[_AMOUNT]).cast(SUM_OF_MONEY_TYPE)
        return _added_up(sums.set_column(sums.column_names.index(_AMOUNT), _AMOUNT, amounts), CELL)


def cell_sums(rows: pa.Table) -> pa.Table:
    """Return the lines and the amount of each cell of facts, without rows that only have a budget."""
    count, amount = rows["transaction_count"], rows["amount"]
    zero = pa.scalar(Decimal("0.00"), amount.type)
    kept = rows.filter(pc.or_(pc.not_equal(count, 0), pc.not_equal(amount, zero)))
    columns = {name: kept[name] for name in CELL}
    columns |= {_COUNT: kept["transaction_count"].cast(pa.int64()), _AMOUNT: kept["amount"].cast(SUM_OF_MONEY_TYPE)}
    return _added_up(pa.table(columns), CELL)


def cells_of(sums: pa.Table | None) -> dict[tuple[Any, ...], tuple[int, Decimal]]:
    """Return lines and amount by cell."""
    if sums is None:
        return {}
    *keys, counts, amounts = (sums[name].to_pylist() for name in (*CELL, _COUNT, _AMOUNT))
    return dict(zip(zip(*keys, strict=True), zip(counts, amounts, strict=True), strict=True))


def total(rows: pa.Table, name: str) -> Decimal:
    """Return the sum of a column of money."""
    return pc.sum(rows[name].cast(SUM_OF_MONEY_TYPE)).as_py() or Decimal("0.00")


def are_same_rows(table: pa.Table, other: pa.Table, key: Sequence[str]) -> bool:
    """Return whether two tables have the same rows, in any order, and no two of them the same key.

    Tables with other types count as different, although their values may be equal one by one.
    """
    if len(table) != len(other) or table.schema.types != other.schema.types:
        return False
    ordered = _sorted(table, key)
    return not _has_repeated(ordered, key) and (table.equals(other) or ordered.equals(_sorted(other, key)))


def with_types_of(table: pa.Table, other: pa.Table) -> pa.Table:
    """Return a table with the names and types of another one, or as it is if a value does not have its type."""
    try:
        return table.rename_columns(other.column_names).cast(other.schema.remove_metadata())
    except pa.ArrowInvalid:
        return table


def _added_up(table: pa.Table, keys: Collection[str]) -> pa.Table:
    sums = table.group_by(list(keys), use_threads=False).aggregate([(_COUNT, "sum"), (_AMOUNT, "sum")])
    columns = {name: sums[name] for name in keys}
    return pa.table({**columns, _COUNT: sums[f"{_COUNT}_sum"], _AMOUNT: sums[f"{_AMOUNT}_sum"].cast(SUM_OF_MONEY_TYPE)})


def _sorted(table: pa.Table, key: Sequence[str]) -> pa.Table:
    return table.take(pc.sort_indices(table, [(name, "ascending") for name in key])).combine_chunks()


def _has_repeated(ordered: pa.Table, key: Sequence[str]) -> bool:
    """Return whether two neighbours have the same key."""
    rows = len(ordered)
    if rows < 2:
        return False
    is_same = pa.scalar(True)
    for name in key:
        column = ordered[name]
        is_same = pc.and_(is_same, pc.equal(column.slice(0, rows - 1), column.slice(1)))
    return bool(pc.any(is_same).as_py())
