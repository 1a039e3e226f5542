"""Ledger lines of one delivery, read by column from its Parquet files.

Belongs here: files, columns, and leaving out other periods. Does not belong here: which lines count (see `live_lines`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finance_platform.deliveries.commits import DataFile, DeliveryCommit
from finance_platform.deliveries.delivery_rows import read_shared
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.port import ObjectStore

_LINES = ("transactions", "budget")
_BATCH_ROWS = 1_000_000


def line_files(commit: DeliveryCommit) -> list[DataFile]:
    """Return the files that hold a delivery's ledger lines."""
    return [file for table in _LINES for file in commit.files.get(table, ())]


def read_lines(
    processed: ObjectStore, commit: DeliveryCommit, columns: Sequence[str], periods: Collection[str] | None = None
) -> Iterator[pa.Table]:
    """Yield columns of a delivery's lines, a million rows at a time.

    Args:
        processed: the processed zone.
        commit: the delivery's commit.
        columns: names of the columns.
        periods: leave out the lines of other periods; the files are sorted by period, so most are not read.
    """
    names = list(columns) if periods is None else list(dict.fromkeys([*columns, "period"]))
    for file in line_files(commit):
        for table in _tables(processed, commit.delivery_id, file, names, periods):
            if periods is not None:
                table = table.filter(pc.is_in(table["period"], value_set=pa.array(sorted(periods), pa.string())))
            yield table.select(list(columns))


def _tables(
    processed: ObjectStore, delivery_id: str, file: DataFile, columns: list[str], periods: Collection[str] | None
) -> Iterator[pa.Table]:
    """Yield columns of a delivery's lines in a file; of other periods, too, where the file is not sorted by them."""
    if file.is_shared:
        yield read_shared(processed, delivery_id, file.key, columns)
        return
    with open_parquet(processed, file.key, [*columns, "period"]) as parquet:
        for batch in parquet.iter_batches(_BATCH_ROWS, row_groups=_row_groups(parquet, periods), columns=columns):
            yield pa.Table.from_batches([batch])


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
