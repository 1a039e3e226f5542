"""Ledger lines of one delivery, read by column from its Parquet files.

Belongs here: files, columns, and leaving out other periods. Does not belong here: which lines count (see `live_lines`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finance_platform.deliveries.commits import DataFile, DeliveryCommit
from finance_platform.deliveries.delivery_rows import ADDED_COLUMNS, read_shared, with_added
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.port import ObjectStore

Having = Mapping[str, pa.Array | None]
"""By column of text, the values that lines must have there; None for any value, but not none."""

ANY_LINE: Having = MappingProxyType({})
_LINES = ("transactions", "budget")
_BATCH_ROWS = 1_000_000


def line_files(commit: DeliveryCommit) -> list[DataFile]:
    """Return the files that hold a delivery's ledger lines."""
    return [file for table in _LINES for file in commit.files.get(table, ())]


def period_of_file(key: str) -> str:
    """Return the accounting period whose lines a file has; empty for a file that is not split by period."""
    return key.partition("/then_by=")[2].partition("/")[0]


def read_lines(
    processed: ObjectStore,
    commit: DeliveryCommit,
    columns: Sequence[str],
    periods: Collection[str] | None = None,
    keys: pa.Array | None = None,
    having: Having = ANY_LINE,
) -> Iterator[pa.Table]:
    """Yield columns of a delivery's lines, a million rows at a time.

    Args:
        processed: the processed zone.
        commit: the delivery's commit.
        columns: names of the columns.
        periods: leave out the lines of other periods; a file of one other period is not opened, and of one that has
            several, sorted, most row groups are not read.
        keys: leave out the lines with other keys; of row groups that have none of them, only the keys are read.
        having: leave out the lines without these values; row groups that cannot have them by their footers are not
            read.
    """
    wanted = {} if periods is None else {"period": pa.array(sorted(periods), pa.string())}
    if keys is not None:
        wanted["line_key"] = keys
    names = list(dict.fromkeys([*columns, *wanted, *having]))
    for file in line_files(commit):
        if periods is not None and (period := period_of_file(file.key)) and period not in periods:
            continue
        for table in _tables(processed, commit.delivery_id, file, names, periods, keys, having):
            for name, values in (*having.items(), *wanted.items()):  # the fewest lines first
                is_wanted = pc.is_valid(table[name]) if values is None else pc.is_in(table[name], value_set=values)
                table = table.filter(is_wanted)
            yield table.select(list(columns))


def _tables(
    processed: ObjectStore,
    delivery_id: str,
    file: DataFile,
    columns: list[str],
    periods: Collection[str] | None,
    keys: pa.Array | None,
    having: Having,
) -> Iterator[pa.Table]:
    """Yield columns of a delivery's lines in a file; of other periods and values, too, that lie among them."""
    if file.is_shared:
        yield read_shared(processed, delivery_id, file.key, columns)
        return
    with open_parquet(processed, file.key, {*columns, "period"} - ADDED_COLUMNS) as parquet:
        groups = _row_groups(parquet, periods)
        for name, values in having.items():
            groups = [number for number in groups if may_have(parquet, number, name, values)]
        if keys is not None:
            groups = [number for number in groups if _has_key(parquet, number, keys)]
        for batch in parquet.iter_batches(_BATCH_ROWS, row_groups=groups, columns=columns):
            yield with_added(pa.Table.from_batches([batch]), columns)


def _has_key(file: pq.ParquetFile, row_group: int, keys: pa.Array) -> bool:
    """Return whether a line of a row group has one of the keys."""
    found = file.read_row_group(row_group, columns=["line_key"])["line_key"]
    return bool(pc.any(pc.is_in(found, value_set=keys)).as_py())


def may_have(file: pq.ParquetFile, row_group: int, name: str, values: pa.Array | None) -> bool:
    """Return whether a line of a row group may have one of the values in a column, by the footer's statistics."""
    footer = file.metadata
    if name not in footer.schema.names:
        return False
    group = footer.row_group(row_group)
    statistics = group.column(footer.schema.names.index(name)).statistics
    if statistics is None:
        return True
    if statistics.has_null_count and statistics.null_count == group.num_rows:
        return False
    if values is None or not statistics.has_min_max:
        return True
    is_within = pc.and_(pc.greater_equal(values, statistics.min), pc.less_equal(values, statistics.max))
    return bool(pc.any(is_within).as_py())


def _row_groups(file: pq.ParquetFile, periods: Collection[str] | None) -> list[int]:
    """Return the row groups that may have lines of the periods."""
    footer = file.metadata
    if periods is None:
        return list(range(footer.num_row_groups))
    column = footer.schema.names.index("period")
    groups = []
    for number in range(footer.num_row_groups):
        bounds = footer.row_group(number).column(column).statistics
        if not (bounds and bounds.has_min_max) or any(bounds.min <= period <= bounds.max for period in periods):
            groups.append(number)
    return groups
