"""The result of a query by column, as long as Arrow has every value as DuckDB's rows have it.

Belongs here: which types and values are the same in both. Does not belong here: time limits and rows (see `session`),
how a value is written (see `cli.csv_columns`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from finance_platform.warehouse.port import Batch

_Run: TypeAlias = Callable[[Callable[[], Any]], Any]
"""Runs a step in which the connection works, and returns its result."""

_BATCH_ROWS = 10_000
"""A text may have 65,535 bytes."""

_SAME_TYPES = re.compile(
    r"BOOLEAN|U?(TINY|SMALL|BIG)INT|U?INTEGER|DECIMAL\(\d+,\d+\)|FLOAT|DOUBLE|VARCHAR|DATE|TIMESTAMP( WITH TIME ZONE)?"
)
"""Not HUGEINT, the type of a sum of integers: Arrow's decimal has one digit less."""


class ColumnStream(NamedTuple):
    """The engine's names of the columns, and the batches."""

    names: Sequence[str]
    batches: Iterator[Batch]


def open_batches(connection: duckdb.DuckDBPyConnection, sql: str, run: _Run) -> ColumnStream | None:
    """Run a query and return its batches; None, without running it, if it must be read by row.

    The first batch is computed before this returns, so that an error comes before any output.

    Args:
        connection: the connection.
        sql: the query, in DuckDB's dialect.
        run: runs each step in which the connection works.
    """
    import duckdb

    connection.abort()  # `sql`, unlike `execute`, refuses to work while rows of a query before it are unread
    try:
        relation = run(lambda: connection.sql(sql))
    except duckdb.Error:
        return None  # the error of `execute`, which has the part of the query that is wrong, is the one to report
    if not all(_SAME_TYPES.fullmatch(str(kind)) for kind in relation.types):
        return None
    # Of a result that `execute` has begun, Arrow's reader would hold all rows.
    reader = run(lambda: relation.to_arrow_reader(_BATCH_ROWS))
    first = run(lambda: _next(reader))
    return ColumnStream(relation.columns, _batches(reader, first, run))


def _batches(reader: pa.RecordBatchReader, batch: pa.RecordBatch | None, run: _Run) -> Iterator[Batch]:
    while batch is not None:
        yield batch if _has_python_times(batch) else _rows(batch)
        batch = run(lambda: _next(reader))


def _next(reader: pa.RecordBatchReader) -> pa.RecordBatch | None:
    """Return the next batch, None after the last one; DuckDB's errors reach Arrow's reader as texts only."""
    import duckdb

    try:
        return reader.read_next_batch()
    except StopIteration:
        return None
    except OSError as error:
        kind = duckdb.InterruptException if str(error).startswith("INTERRUPT Error") else duckdb.Error
        raise kind(str(error)) from error


def _has_python_times(batch: pa.RecordBatch) -> bool:
    """Return whether each day and time is one of the years 1 to 9999, which Python has."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for column in batch.columns:
        if not pa.types.is_temporal(column.type):
            continue
        least, most = date.min, date.max
        if not pa.types.is_date(column.type):
            zone = UTC if column.type.tz else None
            least, most = datetime(1, 1, 1, tzinfo=zone), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=zone)
        is_within = pc.and_(
            pc.greater_equal(column, pa.scalar(least, column.type)), pc.less_equal(column, pa.scalar(most, column.type))
        )
        if pc.any(pc.invert(is_within)).as_py():
            return False
    return True


def _rows(batch: pa.RecordBatch) -> Batch:
    """Return the rows of a batch as DuckDB gives them, which has texts for times that Python lacks."""
    import duckdb
    import pyarrow as pa

    names = [f"column_{number}" for number in range(batch.num_columns)]  # a result may have a name twice
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.from_arrow(pa.Table.from_batches([batch]).rename_columns(names)).fetchall()
