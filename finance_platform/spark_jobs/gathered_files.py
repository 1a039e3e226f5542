"""Small Parquet files of a remote store, gathered into a few interim files before Spark reads them.

Belongs here: which files are gathered, reading each of them once, writing their rows under one contract.
Does not belong here: which rows a job needs (its caller selects them), Spark.

On S3 each engine opens a file in every plan that reads it: Sail with 35 requests in a build, most of them for the
footer. Here a file takes one, ten files at a time, and only the interim files are opened by plans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from finance_platform.contracts.model import Column
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.commits import DataFile
from finance_platform.errors import DamagedObjectError
from finance_platform.spark_jobs.output_on_disk import OutputOnDisk
from finance_platform.storage.bulk_read import find_many
from finance_platform.storage.documents import read_parquet
from finance_platform.storage.factory import is_remote
from finance_platform.storage.port import ObjectStore

FEW_FILES = 2
"""So many files are read again at less cost than written and read once."""

SMALL_BYTES = 1 << 20
"""The size up to which a file is gathered: decoding and writing it then takes less time than the requests saved."""

MOST_BYTES = 256 << 20
"""How much is gathered at once: it passes through one process, on a cluster that of the driver."""

_READ_BYTES = 8 << 20
"""So many bytes of files are in memory before their rows are put together."""

_ROW_GROUP_BYTES = 16 << 20
"""The size of a row group in memory; a cluster reads each in another task."""

_FILE_BYTES = 32 << 20
"""The size at which an interim file is complete: it is in memory until then."""

Selection = Callable[[DataFile, pa.Table], pa.Table]
"""Returns the rows of a file that are gathered; the table has the columns of the contract."""


def files_to_gather(store: ObjectStore, files: Iterable[DataFile], target: ObjectStore) -> set[str]:
    """Return the keys of the files that are worth gathering: small ones of a store where each request waits.

    Beyond `MOST_BYTES`, the larger ones are left to Spark.

    Args:
        store: the store of the files.
        files: the files.
        target: where they would be gathered; if that is on disk, a single file is worth it.
    """
    if not is_remote(store.root):
        return set()
    if isinstance(store, OutputOnDisk):
        files = [file for file in files if not store.is_on_disk(file.key)]
    keys, size = [], 0
    for file in sorted(files, key=lambda file: (file.size, file.key)):
        size += file.size
        if file.size > SMALL_BYTES or size > MOST_BYTES:
            break
        keys.append(file.key)
    return set(keys) if len(keys) > FEW_FILES or not is_remote(target.root) else set()


def gather_files(
    source: ObjectStore,
    files: Sequence[DataFile],
    columns: Sequence[Column],
    target: ObjectStore,
    folder: str,
    select: Selection = lambda _, rows: rows,
    others: Iterable[pa.Table] = (),
) -> list[str]:
    """Read each file once and write their rows, in order, into a few files of a new folder.

    Args:
        source: the store of the files.
        files: small files; see `files_to_gather`.
        columns: the columns to gather; one that a file lacks, because it is of an earlier release, is null.
        target: the store to write to.
        folder: a folder that nothing has written to yet.
        select: which rows of a file are gathered; all by default.
        others: rows of other files, which are written first; they have the columns too.

    Returns:
        The keys of the new files; none if there are no rows.

    Raises:
        DamagedObjectError: a file is missing, lacks a column that is never null, has values that do not fit into
            their columns, or is not a Parquet file.
    """
    schema = arrow_schema(columns)
    writer = _InterimWriter(target, folder, schema)
    for rows in others:
        writer.write(rows.select(schema.names).cast(schema).combine_chunks())
    for batch in _in_batches(files):
        tables = []
        for file, data in zip(batch, find_many(source, [file.key for file in batch]), strict=True):
            tables.append(select(file, under_contract(file.key, data, columns)))
        writer.write(pa.concat_tables(tables).combine_chunks())
    return writer.close()


def _in_batches(files: Sequence[DataFile]) -> Iterator[list[DataFile]]:
    """Yield the files in batches of limited size, at least one file in each."""
    batch: list[DataFile] = []
    size = 0
    for file in files:
        if batch and size + file.size > _READ_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch


def under_contract(key: str, data: bytes | None, columns: Sequence[Column]) -> pa.Table:
    """Return the columns of a file in the types of a contract."""
    required = [column.name for column in columns if not column.nullable]
    rows = read_parquet(key, data, required, only=[column.name for column in columns])
    schema = arrow_schema(columns)
    try:
        values = [
            rows[field.name].cast(field.type) if field.name in rows.column_names else pa.nulls(len(rows), field.type)
            for field in schema
        ]
    except pa.ArrowException as error:
        raise DamagedObjectError(key, f"its values do not fit their columns: {' '.join(str(error).split())}") from None
    return pa.table(values, schema=schema)


class _InterimWriter:
    """Writes rows into files of a folder: row groups and files of limited size, whatever the size of what it gets."""

    def __init__(self, store: ObjectStore, folder: str, schema: pa.Schema) -> None:
        self._store, self._folder, self._schema = store, folder, schema
        self._keys: list[str] = []
        self._waiting: list[pa.Table] = []
        self._stream = pa.BufferOutputStream()
        self._parquet: pq.ParquetWriter | None = None

    def write(self, rows: pa.Table) -> None:
        """Add rows; those that fill no row group wait for more."""
        self._waiting.append(rows)
        if sum(table.nbytes for table in self._waiting) >= _ROW_GROUP_BYTES:
            self._write_row_groups()
            if self._stream.tell() >= _FILE_BYTES:
                self._write_file()

    def close(self) -> list[str]:
        """Write what waits and return the keys of all files."""
        self._write_row_groups()
        self._write_file()
        return self._keys

    def _write_row_groups(self) -> None:
        rows = pa.concat_tables(self._waiting) if self._waiting else self._schema.empty_table()
        self._waiting = []
        if not len(rows):
            return
        if self._parquet is None:
            self._parquet = pq.ParquetWriter(self._stream, self._schema)
        groups = max(1, rows.nbytes // _ROW_GROUP_BYTES)
        self._parquet.write_table(rows, row_group_size=-(-len(rows) // groups))

    def _write_file(self) -> None:
        if self._parquet is None:
            return
        self._parquet.close()
        key = f"{self._folder}/part-{len(self._keys):05}.parquet"
        self._store.write(key, self._stream.getvalue().to_pybytes())
        self._keys.append(key)
        self._stream, self._parquet = pa.BufferOutputStream(), None
