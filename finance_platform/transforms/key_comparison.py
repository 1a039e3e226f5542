"""Rows that share a key, compared in Arrow: identical ones are duplicates, differing ones are all rejected.

Belongs here: the rule, for the tasks of Spark, the process of a job and `feed check` alike (266, 297), and the columns
that it compares. Does not belong here: bringing the rows of a key together (see `repeated_keys`,
`spark_jobs.small_batches`, `refresh.file_check.compared_rows`). Nothing here imports Spark.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import REPEATED_KEYS, ROW_COLUMNS, arrow_schema
from finance_platform.transforms.reasons import CONFLICTING_KEY, REPEATED_ROW, describe_place

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
    places = (
        [_place(row) for row in rows.select(PLACE).take(pa.array(ends)).to_pylist()]
        for ends in (repeats.firsts, repeats.lasts)
    )
    yield from _outcomes(rows.take(pa.array(repeats.rows)), compared, repeats.is_conflict, *places)


def _outcomes(
    repeats: pa.Table,
    compared: Sequence[str],
    is_conflict: npt.NDArray[np.bool_],
    first_places: Iterable[str],
    last_places: Iterable[str],
) -> Iterator[pa.RecordBatch]:
    """Yield `REPEATED_KEYS` of rows that repeat or contradict others, of which the first and the last are at places."""
    rules = ["conflicting_key" if conflicts else "repeated_row" for conflicts in is_conflict.tolist()]
    words = {"conflicting_key": CONFLICTING_KEY, "repeated_row": REPEATED_ROW}
    # The key may be of several columns, so none is named.
    reasons = [
        {
            "rule": rule,
            "column": "",
            "value": line_key[:_MAX_KEY_CHARACTERS],
            "words": words[rule].format(key=line_key, first=first, last=last),
        }
        for rule, line_key, first, last in zip(
            rules, repeats["line_key"].to_pylist(), first_places, last_places, strict=True
        )
    ]
    columns = {
        "key_outcome": ["rejected" if conflicts else "duplicate" for conflicts in is_conflict.tolist()],
        "key_rules": rules,
        "key_reasons": [_to_json([reason]) for reason in reasons],
        "key_raw_row": _as_typed(repeats.select(list(compared))),
    }
    schema = arrow_schema(REPEATED_KEYS)
    values = [columns[name] if name in columns else repeats[name] for name in schema.names]
    yield from pa.table(values, names=schema.names).cast(schema).combine_chunks().to_batches()


def _differs(column: pa.ChunkedArray, order: pa.Array) -> npt.NDArray[np.bool_]:
    """Return whether each value differs from the one before, in an order; a blank differs from a value."""
    values = column.take(order).combine_chunks()
    before, after = values[:-1], values[1:]
    is_other = pc.fill_null(pc.not_equal(before, after), False)
    is_other = pc.or_(is_other, pc.xor(pc.is_null(before), pc.is_null(after)))
    return np.concatenate([[False], np.asarray(is_other)]).astype(bool)


def _place(row: Mapping[str, Any]) -> str:
    return describe_place(row["source_sheet"], row["source_row"], row["source_column"])


def _as_typed(rows: pa.Table) -> list[str]:
    """Return each row as a JSON object of its values that are not blank."""
    texts = {name: rows[name].cast(pa.string()) for name in rows.column_names}
    rows_as_text = pa.table(texts).to_pylist()
    return [_to_json({name: text for name, text in row.items() if text is not None}) for row in rows_as_text]


def _to_json(value: Any) -> str:
    """Return a value as `feeds.reasons` writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
