"""Rows that share a key, compared in Arrow: identical ones are duplicates, differing ones are all rejected.

Belongs here: the rule, for the tasks of Spark, the process of a job and `feed check` alike (266), and the columns
that it compares. Does not belong here: bringing the rows of a key together (see `repeated_keys`,
`spark_jobs.small_batches`, `refresh.file_check.compared_rows`). Nothing here imports Spark.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import REPEATED_KEYS, ROW_COLUMNS, arrow_schema
from finance_platform.json_columns import json_objects
from finance_platform.transforms.reasons import CONFLICTING_KEY, REPEATED_ROW, describe_places, in_words

PLACE = ("source_sheet", "source_row", "source_column")
NULLABLE = frozenset({"source_sheet", "source_column"})
"""The parts of a place that a row may lack."""

IDENTITY = ("delivery_id", "line_key", *PLACE)
"""What names a row with a key."""

_LINEAGE = frozenset({"delivery_id", "feed", "source_file", *PLACE, "line_key"})
_MAX_KEY_CHARACTERS = 200
_ROWS_AT_ONCE = 10_000
"""So many rows are described at once: of a file that has all of its lines twice, their values take gigabytes."""


def compared_columns(kind: str) -> list[str]:
    """Return the columns in which rows of a kind of feed may differ although they have the same key."""
    return [column.name for column in ROW_COLUMNS[kind] if column.name not in _LINEAGE]


@dataclass(frozen=True)
class Repeats:
    """The rows of a table whose key occurs more than once, but the first of identical ones.

    Attributes:
        rows: their positions in the table.
        is_conflict: whether the rows of the key differ; the others are identical.
        firsts: the position of the first row of the key, by its place.
        lasts: the position of the last one.
    """

    rows: npt.NDArray[np.int64]
    is_conflict: npt.NDArray[np.bool_]
    firsts: npt.NDArray[np.int64]
    lasts: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def take(self, chosen: slice | npt.NDArray[np.int64] | Sequence[int]) -> Repeats:
        """Return some of the rows."""
        at = chosen if isinstance(chosen, slice) else np.asarray(chosen, np.int64)
        return Repeats(self.rows[at], self.is_conflict[at], self.firsts[at], self.lasts[at])

    def in_parts(self) -> Iterator[Repeats]:
        """Yield them in parts, of which each is described at once."""
        for start in range(0, len(self), _ROWS_AT_ONCE):
            yield self.take(slice(start, start + _ROWS_AT_ONCE))


def compare_keys(rows: pa.Table, compared: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield rows of `REPEATED_KEYS`: outcome, rules and reasons of the rows whose key occurs more than once.

    Args:
        rows: rows with a key, in any order: of each key all.
        compared: the columns that must all be equal for two rows to be identical.
    """
    rows = rows.combine_chunks()  # else each part is taken from all chunks
    for repeats in find_repeats(rows, compared).in_parts():
        yield from describe_repeats(rows, compared, repeats)


def find_repeats(rows: pa.Table, compared: Sequence[str]) -> Repeats:
    """Return the rows that `compare_keys` describes, by key; see there."""
    if not len(rows):
        nothing = np.zeros(0, np.int64)
        return Repeats(nothing, np.zeros(0, np.bool_), nothing, nothing)
    # A sheet or a column without a name comes first.
    named = pa.table({name: pc.fill_null(rows[name], "") if name in NULLABLE else rows[name] for name in IDENTITY})
    order = pc.sort_indices(named, [(name, "ascending") for name in IDENTITY])
    is_first = _differs(rows["delivery_id"], order) | _differs(rows["line_key"], order)
    is_first[0] = True
    firsts = np.flatnonzero(is_first)
    lasts = np.append(firsts[1:], len(rows)) - 1
    is_other = np.zeros(len(rows), bool)
    for name in compared:
        is_other |= _differs(rows[name], order)
    is_conflict = np.logical_or.reduceat(is_other & ~is_first, firsts)
    key = np.cumsum(is_first) - 1
    repeats = np.flatnonzero(is_conflict[key] | ~is_first)
    of_key, at = key[repeats], order.to_numpy().astype(np.int64)
    return Repeats(at[repeats], is_conflict[of_key], at[firsts[of_key]], at[lasts[of_key]])


def describe_repeats(rows: pa.Table, compared: Sequence[str], repeats: Repeats) -> Iterator[pa.RecordBatch]:
    """Yield `REPEATED_KEYS` of rows of a table, in their order; see `compare_keys`."""
    if not len(repeats):
        return
    first, last = (describe_places(*_taken(rows, PLACE, ends).values()) for ends in (repeats.firsts, repeats.lasts))
    columns = _taken(rows, [*IDENTITY, *compared], repeats.rows)
    keys, is_conflict = columns["line_key"], pa.array(repeats.is_conflict)
    rules = pc.if_else(is_conflict, "conflicting_key", "repeated_row")
    conflicting, repeated = (
        in_words(words, key=keys, first=first, last=last) for words in (CONFLICTING_KEY, REPEATED_ROW)
    )
    reasons = json_objects(
        {
            "rule": rules,
            # The key may be of several columns, so none is named.
            "column": pa.repeat(pa.scalar(""), len(keys)),
            "value": pc.utf8_slice_codeunits(keys, 0, _MAX_KEY_CHARACTERS),
            "words": pc.if_else(is_conflict, conflicting, repeated),
        }
    )
    columns |= {
        "key_outcome": pc.if_else(is_conflict, "rejected", "duplicate"),
        "key_rules": rules,
        "key_reasons": pc.binary_join_element_wise("[", reasons, "]", ""),
        "key_raw_row": json_objects({name: columns[name].cast(pa.string()) for name in compared}),
    }
    schema = arrow_schema(REPEATED_KEYS)
    yield pa.RecordBatch.from_arrays([columns[item.name].cast(item.type) for item in schema], schema=schema)


def _taken(rows: pa.Table, names: Iterable[str], at: npt.NDArray[np.int64]) -> dict[str, pa.Array]:
    """Return columns of some rows."""
    taken = rows.select(list(dict.fromkeys(names))).take(pa.array(at))
    return {name: taken[name].combine_chunks() for name in taken.column_names}


def _differs(column: pa.ChunkedArray, order: pa.Array) -> npt.NDArray[np.bool_]:
    """Return whether each value differs from the one before, in an order; a blank differs from a value."""
    values = column.take(order).combine_chunks()
    before, after = values[:-1], values[1:]
    is_other = pc.fill_null(pc.not_equal(before, after), False)
    is_other = pc.or_(is_other, pc.xor(pc.is_null(before), pc.is_null(after)))
    return np.concatenate([[False], np.asarray(is_other)]).astype(bool)
