"""Slices of the fact table that one task each builds, from the files of a period's lines to the slice's own file.

Belongs here: reading the lines of a period, writing its rows, its control totals. Does not belong here: which periods
are built so (see `period_orders`), sums and rows (see `transforms.fact_tables`), commits (see `build_star_job`).

The lines of a period stay in the task that reads them, and no plan of Spark's sorts or joins them (223).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.lines_checkpoint import lines_checkpoint
from finance_platform.deliveries.rows_checkpoint import SMALL_BYTES, CheckpointFile, places_among
from finance_platform.feeds.values.dates import first_day, period_of
from finance_platform.known_texts import KnownTexts
from finance_platform.slices.commits import SupersededLines
from finance_platform.spark_jobs.control_totals import STAR_SUMS, PeriodControl, compare_accounts
from finance_platform.spark_jobs.period_orders import PeriodOrder
from finance_platform.spark_jobs.tasks_here import dealt, run_here
from finance_platform.storage.bulk_read import map_many
from finance_platform.storage.factory import is_remote, open_store
from finance_platform.storage.parquet_rows import WHOLE_BYTES, read_row_groups
from finance_platform.storage.port import ObjectStore
from finance_platform.storage.s3_options import NO_OPTIONS, S3Options
from finance_platform.transforms.fact_tables import LINE_COLUMNS, LINE_KEY, TEXTS, CreditAccounts, PeriodSums, fact_rows
from finance_platform.transforms.keyed_sums import KeyedRows, as_array

ORDERS = "period string, document string"
RESULTS = "period string, document string"
_RESULT_SCHEMA = pa.schema([("period", pa.string()), ("document", pa.string())])

PeriodBuilder = Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]

_NAMES = [column.name for column in LINE_COLUMNS]
_REPEATING = [column.name for column in FACT_FINANCIALS.stored_columns if column.name not in ("amount", "variance")]
"""Columns with few distinct values."""


_STATISTICAL = "Statistical"
"""The type of accounts that are no money."""

_KNOWN_AT_ONCE = 2
"""So many sets of keys, each of `SUPERSEDING_BYTES` of files at most, wait for the next period."""


@dataclass(frozen=True)
class BuiltPeriod:
    """A period's file, if it has rows, its control totals and superseded lines."""

    files: Sequence[DataFile]
    control: PeriodControl
    superseded: Sequence[SupersededLines] = ()


def make_period_builder(
    root: str,
    options: S3Options = NO_OPTIONS,
    *,
    folder: str,
    types: Sequence[tuple[int, str | None]],
    type_spans: Sequence[tuple[int, str, str]],
    baseline_key: int,
    actual_key: int,
) -> PeriodBuilder:
    """Return the function for `mapInArrow`: rows of `to_row` in, rows for `from_rows` out.

    Args:
        root: the processed zone.
        options: options of its S3 client.
        folder: the new folder of the slices' files.
        types: key and type of each account.
        type_spans: see `BuildRequest`.
        baseline_key: surrogate key of the baseline.
        actual_key: surrogate key of scenario Actual.
    """
    statistical = {key for key, kind in types if kind == _STATISTICAL}
    credit = CreditAccounts(types, type_spans)

    def build_one(store: ObjectStore, order: PeriodOrder) -> pa.RecordBatch:
        counted = [(delivery_id, scenario) for delivery_id, scenario in order.counted]
        keys = {
            delivery_id: _known_keys(root, options, tuple((key, size) for key, size in files))
            for delivery_id, files in order.superseding
        }
        sums = PeriodSums(order.period, counted, credit.in_period(order.period), keys, statistical)
        names = [*_NAMES, LINE_KEY] if keys else _NAMES
        for lines in _read_lines(store, order, names):
            sums.add(lines)
        document = _write_period(store, folder, order, sums, baseline_key, actual_key)
        row = {"period": order.period, "document": json.dumps(document)}
        return pa.RecordBatch.from_pylist([row], _RESULT_SCHEMA)

    def build(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        store = open_store(root, options)
        orders = [PeriodOrder(**json.loads(row["document"])) for batch in batches for row in batch.to_pylist()]
        # Of a remote store, small periods wait for the network at the same time.
        small = [order for order in orders if order.size <= WHOLE_BYTES]
        yield from map_many(store, small, lambda order: build_one(store, order))
        for order in orders:
            if order.size > WHOLE_BYTES:
                yield build_one(store, order)

    return build


def to_row(order: PeriodOrder) -> tuple[str, str]:
    """Return an order as a row of `ORDERS`."""
    return order.period, json.dumps(asdict(order))


def build_here(
    builder: PeriodBuilder, orders: Sequence[PeriodOrder], threads: int, *, by_one: bool
) -> list[tuple[str, str]]:
    """Build periods in threads of this process; return what tasks would, as rows for `from_rows`.

    Args:
        builder: of `make_period_builder`.
        orders: the periods.
        threads: how many work at once.
        by_one: whether each gets one period after the other; else as Spark deals them, since a task reads small files
            of a remote store at the same time.
    """
    rows = [dict(zip(_RESULT_SCHEMA.names, to_row(order), strict=True)) for order in orders]
    try:
        built = run_here(builder, dealt(rows, len(rows) if by_one else threads), threads)
        return [(row["period"], row["document"]) for batch in built for row in batch.to_pylist()]
    finally:
        _known_keys.cache_clear()


def from_rows(rows: Iterable[Any]) -> dict[str, BuiltPeriod]:
    """Return what the tasks have built, by period."""
    built = {}
    for period, document in rows:
        values = json.loads(document)
        built[period] = BuiltPeriod(
            [DataFile(key, size) for key, size in values["files"]],
            PeriodControl.from_json(values["control"]),
            [
                SupersededLines(name, scenario, rows, Decimal(amount), Decimal(absolute), is_statistical)
                for name, scenario, rows, amount, absolute, is_statistical in values["superseded"]
            ],
        )
    return built


def _write_period(
    store: ObjectStore, folder: str, order: PeriodOrder, sums: PeriodSums, baseline_key: int, actual_key: int
) -> dict[str, Any]:
    """Write the rows of a period; return its file and its control totals."""
    superseded = [
        [
            row["delivery_id"],
            row["scenario"],
            row["rows"],
            str(row["amount"]),
            str(row["absolute"]),
            row["is_statistical"],
        ]
        for row in sums.superseded()
    ]
    if sums.is_empty:
        control = _compare(sums, STAR_SUMS.empty_table())
        return {"files": [], "control": control.to_json(), "superseded": superseded}
    rows = fact_rows(
        sums.cells(), sums.scenarios, first_day(order.period), order.actual_covers, baseline_key, actual_key
    )
    key = f"{folder}/split_by={order.period}/part-00000.parquet"
    data = _parquet_bytes(rows)
    store.write(key, data)
    # Of a remote store, the bytes that were sent: a file is sent once, as it was counted.
    control = _compare(sums, _star_sums(data if is_remote(store.root) else store.read(key), order.period))
    return {"files": [[key, len(data)]], "control": control.to_json(), "superseded": superseded}


def _read_lines(store: ObjectStore, order: PeriodOrder, names: Sequence[str]) -> Iterator[pa.Table]:
    """Yield the lines of an order's files; those of small ones are in a checkpoint, or come into it when many."""
    small = [DataFile(key, size, sha256=sha256) for key, size, sha256 in order.files if size <= SMALL_BYTES]
    large = [(key, size) for key, size, _ in order.files if size > SMALL_BYTES]
    yield from read_row_groups(store, large, names, repeating=TEXTS)
    for lines in map_many(store, order.shared, lambda one: _read_shared(store, *one, names)):
        yield from lines
    checkpoint = [CheckpointFile(key, size) for key, size in order.checkpoint]
    yield from lines_checkpoint(order.period).read_rows(store, small, checkpoint)


def _read_shared(
    store: ObjectStore, key: str, size: int, deliveries: Sequence[str], names: Sequence[str]
) -> list[pa.Table]:
    """Return the lines of a shared file that count; those of a delivery that was read again are in another file."""
    counting = pa.array(deliveries, pa.string())
    return [
        lines.filter(pc.is_valid(places_among(lines["delivery_id"], counting)))
        for lines in read_row_groups(store, [(key, size)], names, repeating=TEXTS)
    ]


@lru_cache(_KNOWN_AT_ONCE)
def _known_keys(root: str, options: S3Options, files: Sequence[tuple[str, int]]) -> KnownTexts:
    """Return the keys of the lines of files: the periods of a delivery mostly give way to lines of the same ones."""
    tables = read_row_groups(open_store(root, options), files, [LINE_KEY])
    chunks = [chunk for table in tables for chunk in table[LINE_KEY].chunks]
    return KnownTexts(pa.concat_arrays(chunks).drop_null() if chunks else pa.array([], pa.string()))


def _parquet_bytes(rows: pa.Table) -> bytes:
    buffer = pa.BufferOutputStream()
    pq.write_table(
        rows,
        buffer,
        compression="snappy",
        use_dictionary=_REPEATING,
        # As Spark writes them: a decimal of 18 digits is a number, and the columns have no types but Parquet's own.
        store_decimal_as_integer=True,
        store_schema=False,
    )
    return buffer.getvalue().to_pybytes()  # type: ignore[no-any-return]


def _compare(sums: PeriodSums, star: pa.Table) -> PeriodControl:
    control = compare_accounts(sums.accounts(), star)
    control.superseded_lines, control.superseded_amount = sums.superseded_in_all()
    return control


def _star_sums(data: bytes, period: str) -> pa.Table:
    """Return the sums of `control_totals.star_sums` for the rows of a written file that are of its period."""
    names = ["transaction_date", "scenario_key", "account_key", "amount", "budget_amount", "transaction_count"]
    rows = pq.ParquetFile(pa.BufferReader(data)).read(columns=names, use_threads=False)
    days = pc.dictionary_encode(as_array(rows["transaction_date"]))
    is_of_period = np.array([period_of(day) == period for day in days.dictionary.to_pylist()], np.bool_)
    if not is_of_period.all():
        rows = rows.filter(pa.array(is_of_period[days.indices.to_numpy()]))
    sums = KeyedRows(rows).sums(
        ("scenario_key", "account_key"), ("transaction_count", "amount", "budget_amount"), count="rows"
    )
    of_name = {"lines": "transaction_count"}
    return pa.table({name: sums[of_name.get(name, name)] for name in STAR_SUMS.names}).cast(STAR_SUMS)
