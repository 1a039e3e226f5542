"""Sums of rows by key in Arrow tables: by places in an array where the keys' values have few combinations.

Belongs here: which sums of numbers are made so, exactly, and which by Arrow's hash table; the order of rows with keys.
Does not belong here: what keys and sums mean (see `fact_tables`, `spark_jobs.line_sums`).

A ledger's period has some 30 days and some hundred accounts. To number the values of each key, and to add up at the
place of their combination, takes half the time of a hash table of rows with several keys (336).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE

_Known = TypeVar("_Known")

Numbers = npt.NDArray[np.int64]

_PLACES_PER_ROW = 16
"""With more combinations than that for each row, most places are empty, and to look through them takes as long."""

_FEW_PLACES, _MOST_PLACES = 1 << 16, 1 << 21
"""So many places are used whatever the number of rows, and no more: each of some arrays takes 16 MiB then."""

_CLOSE = 1 << 10
"""Values that are at most so far from each other, as the days of a period, are numbered by their distance."""

_MOST_SUM = (1 << 63) - 1

_SIGN = 63
"""A number that is shifted by so many bits is the upper half of the same number as a decimal."""


def as_array(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array; `combine_chunks` copies a column of one chunk too."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


@dataclass(frozen=True)
class _Encoded:
    """The places of a column's values among its values in ascending order.

    Attributes:
        places: of each row.
        values: the values; some that are between others may have no row.
    """

    places: Numbers
    values: Numbers


class KeyedRows:
    """Rows that are added up or sorted by some of their columns."""

    def __init__(self, rows: pa.Table) -> None:
        """Take the rows of a table; each column is encoded once, at its first use."""
        self._rows = rows
        self._encoded: dict[str, _Encoded | None] = {}
        self._addends_of: dict[str, Numbers | None] = {}

    def sums(self, keys: Sequence[str], sums: Sequence[str], *, count: str = "") -> pa.Table:
        """Return sums of columns by key: the keys, the sums, and the number of rows if it is given a name.

        Decimals become sums of money. The order of the keys is not defined.

        Args:
            keys: the columns of the key.
            sums: whole numbers and decimals.
            count: a name for the number of rows, if it is needed.
        """
        places = self._places(keys)
        addends = _all_known(self._addends(name) for name in sums) if places else None
        if places is None or addends is None:
            return self._sums_by_arrow(keys, sums, count)
        filled, counts, totals = _sums_at(places, addends)
        columns = self._keys_at(keys, filled)
        for name, total in zip(sums, totals, strict=True):
            columns[name] = _sum_array(total, self._type(name))
        if count:
            columns[count] = pa.array(counts)
        return pa.table(columns)

    def sorted_by(self, keys: Sequence[str]) -> pa.Table:
        """Return the rows in the order of their keys, nulls last."""
        if self._is_sorted_by(keys):
            return self._rows
        places = self._places(keys)
        if places is not None and places.are_few:
            row_at = np.full(places.count, -1, np.int64)
            row_at[places.of_rows] = np.arange(len(self._rows))
            order = row_at[row_at >= 0]
            if len(order) == len(self._rows):  # else some keys are equal
                return self._rows.take(pa.array(order))
        return self._rows.take(pc.sort_indices(self._rows, [(name, "ascending") for name in keys]))

    def _is_sorted_by(self, keys: Sequence[str]) -> bool:
        """Return whether the keys ascend, no two of them equal; not if one of them has no number for each row."""
        is_after: npt.NDArray[np.bool_] = np.zeros(max(len(self._rows) - 1, 0), np.bool_)
        for name in reversed(keys):
            if (values := _whole_numbers(self._rows[name])) is None:
                return False
            is_after = (values[1:] > values[:-1]) | ((values[1:] == values[:-1]) & is_after)
        return bool(is_after.all())

    def _type(self, name: str) -> pa.DataType:
        return self._rows.schema.field(name).type

    def _places(self, keys: Sequence[str]) -> _Places | None:
        """Return where each row's combination of keys is among all of them; None if these have no numbers."""
        encoded = _all_known(self._encode(name) for name in keys)
        if encoded is None:
            return None
        count = math.prod(len(column.values) for column in encoded)
        if count > _MOST_SUM:
            return None
        of_rows = encoded[0].places
        for column in encoded[1:]:
            of_rows = of_rows * len(column.values) + column.places if len(column.values) > 1 else of_rows
        most = min(max(_FEW_PLACES, _PLACES_PER_ROW * len(self._rows)), _MOST_PLACES)
        return _Places(of_rows, count, are_few=count <= most)

    def _keys_at(self, keys: Sequence[str], places: Numbers) -> dict[str, pa.Array]:
        """Return the keys of some of the places."""
        columns = {}
        for name in reversed(keys):
            encoded = self._encode(name)
            if encoded is not None:
                before = places // len(encoded.values)
                of_column = places - before * len(encoded.values)  # a third of the time of `divmod`
                columns[name] = _key_array(encoded.values[of_column], self._type(name))
                places = before
        return {name: columns[name] for name in keys}

    def _encode(self, name: str) -> _Encoded | None:
        """Return the places of a key's values; None if it has no number for each row."""
        if name not in self._encoded:
            self._encoded[name] = _encode(self._rows[name])
        return self._encoded[name]

    def _addends(self, name: str) -> Numbers | None:
        """Return a column as whole numbers of 64 bits, of which every sum has 64 bits too; None if it has no such."""
        if name not in self._addends_of:
            self._addends_of[name] = _addends(self._rows[name])
        return self._addends_of[name]

    def _sums_by_arrow(self, keys: Sequence[str], sums: Sequence[str], count: str) -> pa.Table:
        aggregations: list[tuple[Any, str]] = [(name, "sum") for name in sums]
        names = {f"{name}_sum": name for name in sums}
        if count:
            aggregations.append(([], "count_all"))
            names["count_all"] = count
        # One task in several threads would take the cores of the others.
        grouped = pa.TableGroupBy(self._rows, list(keys), use_threads=False).aggregate(aggregations)
        columns = {names.get(name, name): grouped[name] for name in (*keys, *names)}
        return pa.table(
            {
                name: values.cast(SUM_OF_MONEY_TYPE) if pa.types.is_decimal(values.type) else values
                for name, values in columns.items()
            }
        )


@dataclass(frozen=True)
class _Places:
    """The places of rows among all combinations of their keys' values.

    Attributes:
        of_rows: the place of each row.
        count: the number of combinations.
        are_few: whether an array may have an element for each.
    """

    of_rows: Numbers
    count: int
    are_few: bool


def _sums_at(places: _Places, addends: Sequence[Numbers]) -> tuple[Numbers, Numbers, list[Numbers]]:
    """Return the places that rows have, the number of rows at each, and the sums at each."""
    if places.are_few:
        counts = np.bincount(places.of_rows, minlength=places.count)
        filled = np.flatnonzero(counts != 0)
        totals = [np.zeros(places.count, np.int64) for _ in addends]
        for total, numbers in zip(totals, addends, strict=True):
            np.add.at(total, places.of_rows, numbers)
        return filled, counts[filled], [total[filled] for total in totals]
    columns = {"place": places.of_rows} | {str(number): addend for number, addend in enumerate(addends)}
    sums = [([], "count_all"), *((str(number), "sum") for number in range(len(addends)))]
    # One task in several threads would take the cores of the others.
    grouped = pa.TableGroupBy(pa.table(columns), ["place"], use_threads=False).aggregate(sums)
    totals = [grouped[f"{number}_sum"].to_numpy() for number in range(len(addends))]
    return grouped["place"].to_numpy(), grouped["count_all"].to_numpy(), totals


def _all_known(values: Iterable[_Known | None]) -> list[_Known] | None:
    """Return values; None if one of them is not known."""
    known = []
    for value in values:
        if value is None:
            return None
        known.append(value)
    return known


def _whole_numbers(column: pa.ChunkedArray) -> Numbers | None:
    """Return numbers, days or booleans as whole numbers; None if not every row has one."""
    if column.null_count:
        return None
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    elif pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    elif not pa.types.is_signed_integer(column.type):
        return None
    return as_array(column).to_numpy().astype(np.int64, copy=False)  # type: ignore[no-any-return]


def _encode(column: pa.ChunkedArray) -> _Encoded | None:
    """Return the places of a column's values; None for no rows, and where not every row has a number."""
    values = _whole_numbers(column)
    if values is None or not len(values):
        return None
    least, greatest = int(values.min()), int(values.max())
    if greatest - least < _CLOSE:
        return _Encoded(values - least, np.arange(least, greatest + 1))
    encoded = pc.dictionary_encode(pa.array(values))
    distinct = encoded.dictionary.to_numpy().astype(np.int64, copy=False)
    order = np.argsort(distinct)
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    return _Encoded(places[encoded.indices.to_numpy()], distinct[order])


def _addends(column: pa.ChunkedArray) -> Numbers | None:
    """Return the values of rows, at least one, as whole numbers, money in cents; see `KeyedRows._addends`."""
    if column.null_count:
        return None
    if pa.types.is_decimal128(column.type) and column.type.scale == SUM_OF_MONEY_TYPE.scale:
        amounts = as_array(column)
        words = np.frombuffer(amounts.buffers()[1], np.int64)[2 * amounts.offset : 2 * (amounts.offset + len(amounts))]
        numbers, upper = words[::2], words[1::2]
        if (upper != numbers >> _SIGN).any():
            return None
    elif (of_rows := _whole_numbers(column)) is not None:
        numbers = of_rows
    else:
        return None
    if len(numbers) * max(int(numbers.max()), -int(numbers.min())) > _MOST_SUM:
        return None
    return numbers


def _key_array(numbers: Numbers, kind: pa.DataType) -> pa.Array:
    return pa.array(numbers).cast(pa.int32()).cast(kind) if pa.types.is_date32(kind) else pa.array(numbers).cast(kind)


def _sum_array(numbers: Numbers, kind: pa.DataType) -> pa.Array:
    if not pa.types.is_decimal(kind):
        return pa.array(numbers)
    words = np.stack([numbers, numbers >> _SIGN], axis=1)
    return pa.Array.from_buffers(SUM_OF_MONEY_TYPE, len(numbers), [None, pa.py_buffer(words)])
