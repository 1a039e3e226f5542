"""Sums of written ledger lines by delivery, scenario, period and account, and a hash of what the star derives from.

Belongs here: reading lines back from their files in tasks, and adding them up. Does not belong here: what is counted of
other tables, the commit (see `delivery_results`).

Lines that the reader has written are read by Arrow: a plan of Spark's takes three times the processor time (224).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.model import Column
from finance_platform.contracts.processed import TRANSACTIONS
from finance_platform.contracts.schemas import SUM_OF_MONEY, SUM_OF_MONEY_TYPE, arrow_schema
from finance_platform.storage.parquet_rows import read_row_groups
from finance_platform.storage.port import ObjectStore
from finance_platform.text_hashes import FACTOR, Hashes, hash_texts, mix
from finance_platform.transforms.fact_tables import encode
from finance_platform.transforms.keyed_sums import as_array

FILES = "key string, size bigint"
PACKED = "sums binary"
"""Rows of `SUMS` as a stream of Arrow: PySpark takes longer for each value of a row than Arrow takes to sum it."""

SUMS = (
    *(Column(name, "varchar", "See TRANSACTIONS.") for name in ("delivery_id", "scenario", "scenario_type", "period")),
    Column("account_key", "bigint", "The account."),
    Column("row_count", "bigint", "Number of lines."),
    Column("amount", SUM_OF_MONEY, "Sum of their amounts."),
    Column("absolute", SUM_OF_MONEY, "Sum of their absolute amounts."),
    Column("first_day", "date", "The first posting date."),
    Column("last_day", "date", "The last one."),
    Column("reversals", "bigint", "Number of lines that reverse another one."),
    Column("content_high", "bigint", "Sum of the upper halves of the lines' hashes."),
    Column("content_low", "bigint", "Sum of the lower halves."),
)
"""What tasks return, the texts in dictionaries; of one place, there may be several rows."""

PLACE = ("delivery_id", "scenario", "scenario_type", "period")
"""The columns of `SUMS` whose lines a commit counts together."""

_NUMBERS = ("posting_date", "department_key", "account_key", "is_debit_positive")
_USED = {*PLACE, *_NUMBERS, "amount", "line_key", "reverses_transaction_id"}

LINE_COLUMNS = tuple(column for column in TRANSACTIONS.columns if column.name in _USED)
"""The columns of lines that are needed."""

_NULLABLE = [column.name for column in LINE_COLUMNS if column.nullable]
_SCHEMA = arrow_schema(LINE_COLUMNS)
_PLACE_TYPE = pa.dictionary(pa.int32(), pa.string())
_RESULT = pa.schema([(one.name, _PLACE_TYPE if one.name in PLACE else one.type) for one in arrow_schema(SUMS)])
_SUMMED_ALONE = 10_000
"""Fewer lines wait for others; more have dictionaries that need not be put together."""

_PACKED_TOGETHER = 10_000
"""So many sums are one row: a megabyte, which each engine sends at once."""

_NO_TEXT = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_LOWER = np.uint64((1 << 32) - 1)


def make_file_summer(
    opened: Callable[[], ObjectStore],
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return the function for `mapInArrow`: rows of `FILES` in, rows of `PACKED` out.

    Args:
        opened: opens the processed zone.
    """

    def add_up(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        files = [(row["key"], row["size"]) for batch in batches for row in batch.to_pylist()]
        names = [column.name for column in LINE_COLUMNS]
        yield from _sum_tables(read_row_groups(opened(), files, names, nullable=_NULLABLE, repeating=PLACE))

    return add_up


def _sum_tables(tables: Iterable[pa.Table]) -> Iterator[pa.RecordBatch]:
    waiting: list[pa.Table] = []
    for table in tables:
        if len(table) >= _SUMMED_ALONE:
            yield from _sum(_prepared(table))
            continue
        waiting.append(table)
        if sum(map(len, waiting)) >= _SUMMED_ALONE:
            yield from _sum(_prepared(_joined(waiting)))
            waiting = []
    if waiting:
        yield from _sum(_prepared(_joined(waiting)))


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Return tables as one; a column that some lack, because they are of an earlier release, is null there."""
    return pa.concat_tables(tables, promote_options="default")


def _prepared(lines: pa.Table) -> pa.Table:
    """Return the columns to add up; the place of each line is a text in a dictionary."""
    columns = {
        name: lines[name] if name in lines.column_names else pa.nulls(len(lines), _SCHEMA.field(name).type)
        for name in _SCHEMA.names
    }
    table = pa.table(columns)
    hashes = hash_lines(table)
    amount = table["amount"].cast(SUM_OF_MONEY_TYPE)
    return pa.table(
        {
            **{name: _as_dictionary(table[name]) for name in PLACE},
            "account_key": table["account_key"],
            "posting_date": table["posting_date"].cast(pa.date32()),
            "amount": amount,
            "absolute": pc.abs(amount),
            "is_reversal": pc.is_valid(table["reverses_transaction_id"]).cast(pa.int64()),
            "content_high": pa.array((hashes >> _HALF).astype(np.int64)),
            "content_low": pa.array((hashes & _LOWER).astype(np.int64)),
        }
    )


def _as_dictionary(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        return column.cast(pa.dictionary(pa.int32(), pa.string()))
    return pc.dictionary_encode(column.cast(pa.string()))


def _sum(lines: pa.Table) -> Iterator[pa.RecordBatch]:
    """Yield the sums of lines."""
    if not len(lines):
        return
    encoded = [encode(lines[name]) for name in PLACE]
    place = np.zeros(len(lines), np.int64)
    for column in encoded:
        place = place * len(column.values) + column.places
    table = lines.drop_columns(list(PLACE)).append_column("place", pa.array(place))
    # One task in several threads would take the cores of the others.
    sums = pa.TableGroupBy(table, ["place", "account_key"], use_threads=False).aggregate(
        [
            ([], "count_all"),
            ("posting_date", "min_max"),
            *((name, "sum") for name in ("amount", "absolute", "is_reversal", "content_high", "content_low")),
        ]
    )
    columns = {
        "account_key": sums["account_key"],
        "row_count": sums["count_all"],
        "amount": sums["amount_sum"],
        "absolute": sums["absolute_sum"],
        "first_day": pc.struct_field(sums["posting_date_min_max"], "min"),
        "last_day": pc.struct_field(sums["posting_date_min_max"], "max"),
        "reversals": sums["is_reversal_sum"],
        "content_high": sums["content_high_sum"],
        "content_low": sums["content_low_sum"],
    }
    numbers = sums["place"].to_numpy()
    for name, column in reversed(list(zip(PLACE, encoded, strict=True))):
        numbers, places = np.divmod(numbers, len(column.values))
        texts = pa.array(column.values, pa.string())
        columns[name] = pa.DictionaryArray.from_arrays(pa.array(places, pa.int32()), texts)
    result = pa.table([columns[field.name].cast(field.type) for field in _RESULT], schema=_RESULT)
    for batch in result.to_batches(_PACKED_TOGETHER):
        stream = pa.BufferOutputStream()
        with pa.ipc.new_stream(stream, _RESULT) as writer:
            writer.write_batch(batch)
        yield pa.RecordBatch.from_arrays([pa.array([stream.getvalue().to_pybytes()], pa.binary())], ["sums"])


def packed_rows(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[bytes]]:
    """Yield rows of `PACKED` as Spark collects them."""
    for batch in batches:
        for stream in batch.column(0).to_pylist():
            yield (stream,)


def unpack(rows: Iterable[Sequence[bytes]]) -> Iterator[pa.Table]:
    """Yield `SUMS` of collected rows of `PACKED`."""
    for (stream,) in rows:
        # Read as a file, each message is copied: a dictionary that is kept would keep the whole stream.
        yield pa.ipc.open_stream(io.BytesIO(stream)).read_all()


def hash_lines(lines: pa.Table) -> Hashes:
    """Return a hash of what the star derives from each line; equal lines have equal hashes."""
    hashes: Hashes = np.zeros(len(lines), np.uint64)
    for name in _NUMBERS:
        hashes = _add(hashes, _whole_numbers(lines[name]))
    hashes = _add(hashes, _cents(lines["amount"]))
    keys = as_array(lines["line_key"].cast(pa.string()))
    if keys.null_count == len(keys):
        return mix(hashes ^ _NO_TEXT)
    texts = hash_texts(keys)
    if keys.null_count:
        texts[np.asarray(pc.is_null(keys))] = _NO_TEXT
    return mix(hashes ^ texts)


def _add(hashes: Hashes, numbers: Hashes) -> Hashes:
    words = (hashes ^ numbers) * FACTOR
    return words ^ (words >> _HALF)


def _whole_numbers(column: pa.ChunkedArray) -> Hashes:
    """Return days, keys or booleans as numbers."""
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    return np.asarray(pc.fill_null(column.cast(pa.int64()), -1).to_numpy()).view(np.uint64)


def _cents(column: pa.ChunkedArray) -> Hashes:
    """Return amounts in cents: the lower half of a decimal, which holds its 18 digits."""
    amounts = as_array(column)
    words = np.frombuffer(amounts.buffers()[1], np.uint64)[2 * amounts.offset : 2 * (amounts.offset + len(amounts))]
    return words[::2]
