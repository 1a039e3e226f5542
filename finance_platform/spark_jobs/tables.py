"""Tables of the processed zone as Spark reads and writes them.

Belongs here: reading a list of files under a contract, writing a DataFrame into an attempt's own folder, and
bringing one into this process.
Does not belong here: what the tables hold (see `transforms`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finance_platform.contracts.model import Column
from finance_platform.contracts.schemas import contract_columns, parquet_columns, spark_schema
from finance_platform.deliveries.commits import DataFile
from finance_platform.errors import JobError
from finance_platform.spark_jobs.output_on_disk import OutputOnDisk
from finance_platform.storage.bulk_read import open_many
from finance_platform.storage.local_errors import translate_native_write_errors
from finance_platform.storage.port import ObjectStore
from finance_platform.transforms.spark_on_demand import F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def read_files(spark: SparkSession, store: ObjectStore, keys: Iterable[str], columns: Sequence[Column]) -> DataFrame:
    """Return the rows of exactly these files, under exactly this schema; no files give no rows."""
    uris = [store.uri(key) for key in keys]
    schema = spark_schema(columns)
    return spark.read.schema(schema).parquet(*uris) if uris else spark.createDataFrame([], schema)


def write_split(
    rows: DataFrame,
    columns: Sequence[Column],
    store: ObjectStore,
    folder: str,
    by: str,
    order: Sequence[str] = (),
    then_by: str | None = None,
) -> dict[str, list[DataFile]]:
    """Write rows into a new folder, one folder per value of `by`; return the files by value.

    Spark leaves the columns that it splits by out of the files, so it splits by copies.

    Args:
        rows: the rows.
        columns: the columns of the files.
        store: the store to write to.
        folder: a folder that nothing has written to yet.
        by: the column to split by.
        order: columns to sort by within a value; none for many rows, because a sort holds them all.
        then_by: a second column to split by, so that readers can skip files by their footers.

    Raises:
        DiskError: the disk is full, read-only or faulty.
        JobError: Spark wrote other columns or types than `columns`.
    """
    copies = {"split_by": by} | ({"then_by": then_by} if then_by else {})
    ordered = rows.sort(by, *order) if order else rows
    split = ordered.select(
        *[column.name for column in columns], *[F.col(name).alias(copy) for copy, name in copies.items()]
    )
    uri = write_uri(store, folder)
    with translate_native_write_errors(uri):
        split.write.partitionBy(*copies).parquet(uri)
    files: dict[str, list[DataFile]] = {}
    for file in _written(store, folder, columns):
        value = file.key.partition("/split_by=")[2].partition("/")[0]
        files.setdefault(value, []).append(file)
    return files


def write_shared(
    rows: DataFrame,
    columns: Sequence[Column],
    store: ObjectStore,
    folder: str,
    folders: DataFrame,
    order: Sequence[str],
) -> dict[str, list[DataFile]]:
    """Write rows of many small deliveries into a few files of a new folder; return the files by delivery id.

    Args:
        rows: the rows; those of deliveries that share no files are left out.
        columns: the columns of the files, delivery_id among them.
        store: the store to write to.
        folder: a folder that nothing has written to yet.
        folders: delivery_id, split_by: the folder of each delivery that shares files.
        order: columns to sort by within a delivery.

    Raises:
        DiskError, JobError: see `write_split`.
    """
    names = [column.name for column in columns]
    placed = rows.join(F.broadcast(folders), on="delivery_id", how="inner").sort("split_by", "delivery_id", *order)
    uri = write_uri(store, folder)
    with translate_native_write_errors(uri):
        placed.select(*names, "split_by").write.partitionBy("split_by").parquet(uri)
    files: dict[str, list[DataFile]] = {}
    for file in _written(store, folder, columns):
        for delivery_id in delivery_ids(store, file.key):
            files.setdefault(delivery_id, []).append(replace(file, is_shared=True))
    return files


def delivery_ids(store: ObjectStore, key: str) -> list[str]:
    """Return the deliveries that have rows in a shared file."""
    with store.open(key) as stream:
        ids: list[str] = pc.unique(pq.read_table(stream, columns=["delivery_id"])["delivery_id"]).to_pylist()
    return ids


def write_whole(rows: DataFrame, columns: Sequence[Column], store: ObjectStore, folder: str) -> list[DataFile]:
    """Write rows into a new folder as they are; return the files, possibly none.

    Raises:
        DiskError, JobError: see `write_split`.
    """
    uri = write_uri(store, folder)
    with translate_native_write_errors(uri):
        rows.write.parquet(uri)
    return _written(store, folder, columns)


def collect_table(rows: DataFrame, schema: pa.Schema) -> pa.Table:
    """Return rows as a table of this process; the Spark of Glue 5 has no method of its own for that (721)."""
    streams = rows.mapInArrow(_pack, "stream binary").collect()
    tables = (pa.ipc.open_stream(bytes(stream)).read_all().cast(schema) for (stream,) in streams)
    return pa.concat_tables([schema.empty_table(), *tables])


def _pack(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield each batch as a row with a stream of Arrow."""
    for batch in batches:
        stream = pa.BufferOutputStream()
        with pa.ipc.new_stream(stream, batch.schema) as writer:
            writer.write_batch(batch)
        yield pa.RecordBatch.from_pydict({"stream": [stream.getvalue().to_pybytes()]})


def write_uri(store: ObjectStore, folder: str) -> str:
    """Return where a new folder of a store is written."""
    return store.write_uri(folder) if isinstance(store, OutputOnDisk) else store.uri(folder)


def _written(store: ObjectStore, folder: str, columns: Sequence[Column]) -> list[DataFile]:
    """Return the files of a folder, after a check of their columns."""
    files = [DataFile(item.key, item.size) for item in store.list_objects(folder) if item.key.endswith(".parquet")]
    footers = open_many(store, [file.key for file in files], parquet_columns)
    for file, written in zip(files, footers, strict=True):
        if written != contract_columns(columns):
            raise JobError(
                f"{file.key}: expected the columns {contract_columns(columns)}, Spark wrote {written}",
                fix="this is a fault of the platform: report it",
            )
    return files
