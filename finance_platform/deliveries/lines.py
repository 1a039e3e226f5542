"""Ledger lines of one delivery, read by column from its Parquet files.

Belongs here: files, columns, and leaving out other periods. Does not belong here: which lines count (see `live_lines`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finance_platform.contracts.processed import LINE_TABLES
from finance_platform.deliveries.commits import DataFile, DeliveryCommit
from finance_platform.deliveries.delivery_rows import ADDED_COLUMNS, read_shared, with_added
from finance_platform.known_texts import KnownTexts
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.port import ObjectStore

Having = Mapping[str, pa.Array | None]
"""By column of text, the values that lines must have there; None for any value, but not none."""

ANY_LINE: Having = MappingProxyType({})
_BATCH_ROWS = 1_000_000
FEW_KEYS = 10_000


def line_files(commit: DeliveryCommit) -> list[DataFile]:
    """Return the files that hold a delivery's ledger lines."""
    return [file for table in LINE_TABLES for file in commit.files.get(table, ())]


def period_of_file(key: str) -> str:
    """Return the accounting period whose lines a file has; empty for a file that is not split by period."""
    return key.partition("/then_by=")[2].partition("/")[0]


def has_equal_lines(processed: ObjectStore, one: DeliveryCommit, other: DeliveryCommit, columns: Sequence[str]) -> bool:
    """Return whether two small deliveries have the same lines in the same order, as far as some columns say.

    Only files that deliveries share are compared, which stay decoded: of others, this is not known, and not returned.

    Args:
        processed: the processed zone.
        one: the commit of a delivery.
        other: that of another one.
        columns: names of the columns.
    """
    for table in LINE_TABLES:
        files = one.files.get(table, ()), other.files.get(table, ())
        if len(files[0]) != len(files[1]) or not all(file.is_shared for of_one in files for file in of_one):
            return False
        for own, others in zip(*files, strict=True):
            lines = read_shared(processed, one.delivery_id, own.key, columns)
            if not lines.equals(read_shared(processed, other.delivery_id, others.key, columns)):
                return False
    return True


def read_lines(
    processed: ObjectStore,
    commit: DeliveryCommit,
    columns: Sequence[str],
    periods: Collection[str] | None = None,
    keys: pa.Array | None = None,
    having: Having = ANY_LINE,
    repeating: Collection[str] = (),
) -> Iterator[pa.Table]:
    """Yield columns of a delivery's lines, a million rows at a time.

    Args:
        processed: the processed zone.
        commit: the delivery's commit.
        columns: names of the columns.
        periods: leave out the lines of other periods; files of other periods are not opened.
        keys: leave out the lines with other keys; of row groups that have none of them, at most the keys are read.
        having: leave out the lines without these values; row groups that cannot have them by their footers are not
            read.
        repeating: columns of text that few distinct values repeat, which may be returned as dictionaries.
    """
    known = None if keys is None else KnownTexts(keys)
    for file in line_files(commit):
        wanted: dict[str, pa.Array | None] = dict(having)
        if periods is not None:
            period = period_of_file(file.key)
            if period and period not in periods:
                continue
            if not period:
                wanted["period"] = pa.array(sorted(periods), pa.string())
        if keys is not None and file.is_shared:
            wanted["line_key"] = keys
        names = list(dict.fromkeys([*columns, *wanted]))
        # A column by which lines are chosen is text, as the values are.
        encoded = [name for name in repeating if name not in wanted]
        for table in _tables(processed, commit.delivery_id, file, names, periods, known, having, encoded):
            for name, values in wanted.items():  # those of `having`, which fewer lines have, first
                is_wanted = pc.is_valid(table[name]) if values is None else pc.is_in(table[name], value_set=values)
                table = table.filter(is_wanted)
            yield table.select(list(columns))


def _tables(
    processed: ObjectStore,
    delivery_id: str,
    file: DataFile,
    columns: list[str],
    periods: Collection[str] | None,
    keys: KnownTexts | None,
    having: Having,
    repeating: Collection[str],
) -> Iterator[pa.Table]:
    """Yield columns of a delivery's lines in a file, of its own those with one of the keys; of other values, too."""
    if file.is_shared:
        yield read_shared(processed, delivery_id, file.key, columns)
        return
    with open_parquet(processed, file.key, {*columns, "period"} - ADDED_COLUMNS, repeating) as parquet:
        groups = _row_groups(parquet, periods)
        for name, values in having.items():
            groups = [number for number in groups if may_have(parquet, number, name, values)]
        if keys is not None:
            for number in groups:
                yield from _with_keys(parquet, number, columns, keys)
            return
        for batch in parquet.iter_batches(_BATCH_ROWS, row_groups=groups, columns=columns):
            yield with_added(pa.Table.from_batches([batch]), columns)


def _with_keys(file: pq.ParquetFile, row_group: int, columns: list[str], keys: KnownTexts) -> Iterator[pa.Table]:
    """Yield columns of the lines of a row group that have one of the keys; the others are read only if one has."""
    if len(keys) <= max(file.metadata.row_group(row_group).num_rows, FEW_KEYS):
        # To find out which of more keys may be there takes longer than to read those of the group.
        keys = KnownTexts(_within(file, row_group, "line_key", keys.texts))
    if not len(keys):
        return

    def read(names: list[str]) -> Iterator[pa.RecordBatch]:
        yield from file.iter_batches(_BATCH_ROWS, row_groups=[row_group], columns=names)

    found = []
    for batch in read(["line_key"]):
        has_key = keys.are_among(batch["line_key"])
        found.append((has_key, batch["line_key"].filter(has_key)))
    if not any(len(kept) for _, kept in found):
        return
    others = [name for name in columns if name != "line_key"]
    batches = read(others) if others else (None for _ in found)
    for batch, (has_key, kept) in zip(batches, found, strict=True):
        table = pa.table({"line_key": kept})
        if batch is not None:
            table = pa.Table.from_batches([batch]).filter(has_key).append_column("line_key", table["line_key"])
        yield with_added(table, columns)


def may_have(file: pq.ParquetFile, row_group: int, name: str, values: pa.Array | None) -> bool:
    """Return whether a line of a row group may have one of the values in a column, by the footer's statistics."""
    footer = file.metadata
    if name not in footer.schema.names:
        return False
    group = footer.row_group(row_group)
    statistics = group.column(footer.schema.names.index(name)).statistics
    if statistics is not None and statistics.has_null_count and statistics.null_count == group.num_rows:
        return False
    return values is None or len(_within(file, row_group, name, values)) > 0


def _within(file: pq.ParquetFile, row_group: int, name: str, values: pa.Array) -> pa.Array:
    """Return those of some values that a line of a row group may have in a column: all that are between its bounds."""
    footer = file.metadata
    statistics = footer.row_group(row_group).column(footer.schema.names.index(name)).statistics
    if statistics is None or not statistics.has_min_max:
        return values
    is_within = pc.and_(pc.greater_equal(values, statistics.min), pc.less_equal(values, statistics.max))
    return values.filter(pc.fill_null(is_within, True))


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
