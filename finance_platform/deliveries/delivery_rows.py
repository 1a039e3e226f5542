"""Rows of one delivery, read by column from its Parquet files; small deliveries share files.

Belongs here: which rows of a file belong to a delivery. Does not belong here: ledger lines and their periods (see
`lines`), which deliveries share a file (see `spark_jobs.batches`).

A shared file is small (see `spark_jobs.batches`) and never changes, and who reads one of its deliveries mostly reads
the others next. So the last few shared files stay decoded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.deliveries.commits import DataFile
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.port import ObjectStore

_DELIVERY = "delivery_id"
_FILES_KEPT = 16

ADDED_COLUMNS = frozenset(
    {
        *("source_column", "valid_from", "predecessor_department_code", "predecessor_share", "origin_share"),
        *("reverses_transaction_id", "valid_to"),
    }
)
"""Columns that files of an earlier release lack; they are null there."""


@dataclass(frozen=True)
class _SharedFile:
    """Columns of a shared file; the same file has the same rows, through whichever object of the store it is read."""

    root: str
    key: str
    columns: tuple[str, ...]
    store: ObjectStore = field(compare=False, repr=False)


def read_rows(
    processed: ObjectStore, delivery_id: str, files: Iterable[DataFile], columns: Sequence[str]
) -> Iterator[pa.Table]:
    """Yield columns of a delivery's rows, one table for each of its files.

    Args:
        processed: the processed zone.
        delivery_id: the delivery.
        files: its files of one table.
        columns: names of the columns.
    """
    for file in files:
        if file.is_shared:
            yield read_shared(processed, delivery_id, file.key, columns)
        else:
            with open_parquet(processed, file.key, set(columns) - ADDED_COLUMNS) as parquet:
                yield with_added(parquet.read(columns=list(columns)), columns)


def with_added(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Return a table with these columns; those that files of an earlier release lack are null."""
    for name in ADDED_COLUMNS.intersection(columns).difference(table.column_names):
        table = table.append_column(name, pa.nulls(table.num_rows, pa.string()))
    return table.select(list(columns))


def read_shared(processed: ObjectStore, delivery_id: str, key: str, columns: Sequence[str]) -> pa.Table:
    """Return columns of a delivery's rows in a file that it shares with others."""
    table, places = _decode(_SharedFile(processed.root, key, tuple(columns), processed))
    slices = [table.slice(start, length) for start, length in places.get(delivery_id, ())]
    return pa.concat_tables(slices) if len(slices) > 1 else slices[0] if slices else table.slice(0, 0)


@lru_cache(maxsize=_FILES_KEPT)
def _decode(file: _SharedFile) -> tuple[pa.Table, dict[str, list[tuple[int, int]]]]:
    """Return the columns of a file, and first row and number of rows of each delivery in it."""
    names = list(dict.fromkeys([*file.columns, _DELIVERY]))
    with open_parquet(file.store, file.key, set(names) - ADDED_COLUMNS) as parquet:
        table = with_added(parquet.read(columns=names), names).combine_chunks()
    places: dict[str, list[tuple[int, int]]] = {}
    if table.num_rows:
        runs = pc.run_end_encode(table[_DELIVERY].combine_chunks())
        start = 0
        for delivery_id, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            places.setdefault(delivery_id, []).append((start, end - start))
            start = end
    return table.select(list(file.columns)), places
