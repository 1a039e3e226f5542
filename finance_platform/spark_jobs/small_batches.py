"""Batches of deliveries whose staged rows this process holds, so that no plan of Spark's is worth starting (248, 265).

Belongs here: which batches these are, their staged rows, their tables in Arrow. Does not belong here: rules of reading
(see `feeds`), what Spark does with all other batches (see `batch_by_spark`), counting (see `delivery_results`).
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finance_platform.contracts.model import Column, Contract
from finance_platform.contracts.processed import LINE_CONTRACTS, MEMBERS, REJECTED_ROWS, TRANSACTIONS
from finance_platform.contracts.schemas import MEASURED, MENTIONED, NOT_OPENED, REFUSED, arrow_schema
from finance_platform.deliveries.commits import DataFile
from finance_platform.feeds.lines.line_files import parquet_bytes
from finance_platform.spark_jobs.arguments import SAIL, JobArguments
from finance_platform.spark_jobs.batches import may_share
from finance_platform.spark_jobs.requests import DeliveryToRead
from finance_platform.spark_jobs.tables import write_uri
from finance_platform.spark_jobs.tasks_here import task_threads
from finance_platform.storage.factory import is_remote
from finance_platform.storage.local_errors import translate_write_errors
from finance_platform.storage.port import ObjectStore
from finance_platform.transforms.members import ATTRIBUTES, SOURCES
from finance_platform.transforms.rejected_rows import OUTCOMES, blank_columns

SMALL_BATCH_BYTES = 1 << 20
"""The bytes of the files of a small batch: as long as Spark plans and starts its tasks, Python reads half of them."""

MOST_BYTES = 64 << 20
"""What staged rows take in memory; more are written to a file, of which a part of this size is read at a time."""

MOST_ROWS_OF_PART = 100_000
"""A reason is some times longer than its row, and a million rows may come in one batch."""


def runs_here(arguments: JobArguments) -> bool:
    """Return whether Spark's tasks would run in this process, and interim results are on its disk."""
    return arguments.spark_engine == SAIL and not is_remote(arguments.temporary.root)


def is_read_here(arguments: JobArguments, deliveries: Sequence[DeliveryToRead], written: Collection[str]) -> bool:
    """Return whether this process reads a batch itself.

    It reads few small files, files of which few rows are staged, and those that have no lines: their rows are staged as
    they become rows of their table, and no plan does more with them.

    Args:
        arguments: of the job.
        deliveries: the batch.
        written: ids of those whose lines the reader writes, so that they are not staged (115).
    """
    are_small = sum(delivery.size for delivery in deliveries) <= SMALL_BATCH_BYTES
    have_lines = any(delivery.kind == "ledger" for delivery in deliveries)
    are_few = not may_share(len(deliveries)) and (are_small or not have_lines)
    return runs_here(arguments) and (are_few or len(written) == len(deliveries))


@dataclass
class StagedRows:
    """The staged rows of a batch, in memory as long as they take little of it.

    Attributes:
        columns: their columns.
        store: the temporary store.
        folder: a folder of it that nothing has written to yet.
        summaries: the rows about files as a whole, which are among the others too.
    """

    columns: Sequence[Column]
    store: ObjectStore
    folder: str
    summaries: list[dict[str, Any]] = field(default_factory=list, init=False)
    _parts: list[list[pa.RecordBatch]] = field(default_factory=list, init=False)
    _size: int = field(default=0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _open: ExitStack = field(default_factory=ExitStack, init=False)
    _writer: pq.ParquetWriter | None = field(default=None, init=False)

    def fill(self, files: Sequence[Iterable[pa.RecordBatch]], threads: int) -> None:
        """Take the rows of files, some of which are read at once; too many rows are written as they come."""
        self._parts = [[] for _ in files]
        with self._open:
            if threads == 1:
                for part, batches in enumerate(files):
                    self._take(part, batches)
            else:
                with task_threads(threads) as pool:
                    for _ in pool.map(self._take, range(len(files)), files):
                        pass
            if self.is_on_disk:
                self._write()
        self.summaries.sort(key=lambda summary: str(summary["delivery_id"]))

    @property
    def is_on_disk(self) -> bool:
        """Whether the rows were too many for the memory."""
        return self._writer is not None

    def parts(
        self, names: Sequence[str] | None = None, wanted: npt.NDArray[np.int64] | None = None
    ) -> Iterator[tuple[int, pa.Table]]:
        """Yield the position of the first row of each part, and its rows: as they came, if they are on the disk.

        Args:
            names: of the columns; those that the rows do not have are left out.
            wanted: positions of rows, ascending; parts without any of them are left out.
        """
        chosen = [column.name for column in self.columns if names is None or column.name in names]
        if not self.is_on_disk:
            yield 0, self._waiting().select(chosen)
            return
        with self.store.open(self._key) as stream:
            file, schema, start = pq.ParquetFile(stream), arrow_schema(self.columns), 0
            types = pa.schema([schema.field(name) for name in chosen])
            for number in range(file.num_row_groups):
                end = start + file.metadata.row_group(number).num_rows
                if wanted is None or np.diff(np.searchsorted(wanted, [start, end]))[0]:
                    yield start, file.read_row_group(number, columns=chosen).select(chosen).cast(types)
                start = end

    def files(self) -> list[DataFile]:
        """Return the file that has the rows, for Spark."""
        if not self.is_on_disk:
            with self._open:
                self._write()
        return [DataFile(self._key, Path(self.store.uri(self._key)).stat().st_size)]

    @property
    def _key(self) -> str:
        return f"{self.folder}/part-00000.parquet"

    def _waiting(self) -> pa.Table:
        return _as_table([batch for part in self._parts for batch in part], self.columns)

    def _take(self, part: int, batches: Iterable[pa.RecordBatch]) -> None:
        for batch in batches:
            is_summary = pc.is_in(batch["outcome"], pa.array([MEASURED, REFUSED, NOT_OPENED]))
            with self._lock:
                self._parts[part].append(batch)
                self.summaries += batch.filter(is_summary).to_pylist()
                self._size += batch.nbytes
                if self._size > MOST_BYTES:
                    self._write()

    def _write(self) -> None:
        """Write the rows that wait, as row groups of their own."""
        if self._writer is None:
            path = Path(self.store.uri(self._key))
            _new_folder(str(path.parent))
            self._open.enter_context(translate_write_errors("write", path))
            stream = self._open.enter_context(path.open("wb"))
            schema = arrow_schema(self.columns)
            self._writer = self._open.enter_context(
                pq.ParquetWriter(stream, schema, store_decimal_as_integer=True, store_schema=False)
            )
        self._writer.write_table(self._waiting(), row_group_size=MOST_ROWS_OF_PART)
        self._size = 0
        for part in self._parts:
            part.clear()


def _as_table(batches: Sequence[pa.RecordBatch], columns: Sequence[Column]) -> pa.Table:
    schema = arrow_schema(columns)
    return pa.concat_tables([schema.empty_table(), *(pa.Table.from_batches([batch]).cast(schema) for batch in batches)])


def rows_with(rows: pa.Table, outcomes: Sequence[str]) -> pa.Table:
    """Return the staged rows with some outcomes."""
    return rows.filter(pc.is_in(rows["outcome"], pa.array(outcomes, pa.string())))


def rows_of_table(contract: Contract, rows: pa.Table, lines: pa.Table | None = None) -> pa.Table:
    """Return the rows of one table, as `transforms` derive them.

    Args:
        contract: the table; not `MEMBER_ATTRIBUTES`.
        rows: the staged rows of the files that could be read, with their final outcomes.
        lines: see `transforms.members`.
    """
    if contract is MEMBERS and lines is not None:
        return _members(pa.concat_tables([rows_with(rows, ["accepted"]), lines], promote_options="default"))
    if contract is MEMBERS:
        return _members(rows_with(rows, ["accepted", MENTIONED]))
    if contract is REJECTED_ROWS:
        return _select(rows_with(rows, OUTCOMES), contract)
    accepted = rows_with(rows, ["accepted"])
    if contract in LINE_CONTRACTS:
        is_actual = pc.equal(accepted["scenario_type"], "Actual")
        accepted = accepted.filter(is_actual if contract is TRANSACTIONS else pc.invert(is_actual))
    return _select(accepted, contract)


def _select(rows: pa.Table, contract: Contract) -> pa.Table:
    schema = arrow_schema(contract.columns)
    blank = blank_columns(rows.column_names) if contract is REJECTED_ROWS else frozenset()
    columns = [pa.nulls(len(rows), item.type) if item.name in blank else rows[item.name] for item in schema]
    return pa.table(columns, schema=schema)


def _members(rows: pa.Table) -> pa.Table:
    """Return the members that rows mention; see `transforms.members`."""
    tables = [_members_of(rows, dimension, sources) for dimension, sources in SOURCES.items()]
    return pa.concat_tables(tables).cast(arrow_schema(MEMBERS.columns))


def _members_of(rows: pa.Table, dimension: str, sources: Mapping[str, str]) -> pa.Table:
    nothing = pa.nulls(len(rows), pa.string())
    values = {name: rows[sources[name]] if name in sources else nothing for name in ("member_key", "code", *ATTRIBUTES)}
    spellings = pa.table({"delivery_id": rows["delivery_id"], **values, "source_row": rows["source_row"]})
    ordered = _in_order(spellings, ["source_row", "code", *ATTRIBUTES])
    first = [("code", "first", pc.ScalarAggregateOptions(skip_nulls=False)), *((name, "first") for name in ATTRIBUTES)]
    found = ordered.group_by(["delivery_id", "member_key"], use_threads=False).aggregate(first)
    columns = {name: found[f"{name}_first"] for name in ("code", *ATTRIBUTES)}
    dimensions = pa.repeat(pa.scalar(dimension), len(found))
    return pa.table(
        {**{name: found[name] for name in ("delivery_id", "member_key")}, "dimension": dimensions, **columns}
    ).select(MEMBERS.column_names)


def lines_of_members(store: ObjectStore, files: Iterable[DataFile]) -> pa.Table:
    """Return the lines of files as far as members are derived from them, the first of equal ones of each file."""
    names = ["delivery_id", *_USED]
    schema = arrow_schema([column for column in TRANSACTIONS.columns if column.name in {*names, "source_row"}])
    names = [name for name in schema.names if name != "source_row"]
    tables = [schema.empty_table()]
    for file in files:
        with store.open(file.key) as stream:
            lines = pq.read_table(stream, columns=schema.names)
        firsts = lines.group_by(names, use_threads=False).aggregate([("source_row", "min")])
        tables.append(firsts.rename_columns([*names, "source_row"]).select(schema.names).cast(schema))
    return pa.concat_tables(tables)


_USED = [name for sources in SOURCES.values() for name in sources.values()]


def _in_order(rows: pa.Table, names: Iterable[str]) -> pa.Table:
    """Return rows sorted by columns, blanks first, as Spark sorts; equal ones stay in their order.

    The argument for the place of blanks differs between releases of Arrow, so a column with blanks has a key before it.
    """
    keys: dict[str, pa.ChunkedArray] = {}
    for name in names:
        if rows[name].null_count:
            keys[f"{name} has a value"] = pc.is_valid(rows[name])
        keys[name] = rows[name]
    return rows.take(pc.sort_indices(pa.table(keys), [(key, "ascending") for key in keys]))


def write_by_delivery(
    rows: pa.Table, store: ObjectStore, folder: str, order: Sequence[str], then_by: str | None = None
) -> dict[str, list[DataFile]]:
    """Write rows into a new folder, as `tables.write_split` does; return the files by delivery id.

    Args:
        rows: the rows.
        store: the store to write to; its files are synced with those of Spark.
        folder: a folder that nothing has written to yet.
        order: columns to sort by within a delivery; none for the order of the rows.
        then_by: a second column to split by.
    """
    if not len(rows):
        return {}
    root = _new_folder(write_uri(store, folder))
    split = ["delivery_id", *([then_by] if then_by else [])]
    places = rows.select(split).group_by(split, use_threads=False).aggregate([]).to_pylist()
    files: dict[str, list[DataFile]] = {}
    for place in sorted(places, key=lambda place: [place[name] for name in split]):
        part = rows
        for name, value in place.items():
            part = part.filter(pc.equal(part[name], value))
        if order:
            part = _in_order(part, order)
        names = [f"split_by={place['delivery_id']}", *([f"then_by={place[then_by]}"] if then_by else [])]
        data = parquet_bytes(part, store.root)
        path = root.joinpath(*names, "part-00000.parquet")
        with translate_write_errors("write", path):
            path.parent.mkdir(parents=True)
            path.write_bytes(data)
        files.setdefault(place["delivery_id"], []).append(DataFile("/".join([folder, *names, path.name]), len(data)))
    return files


def write_file(rows: pa.Table, store: ObjectStore, folder: str) -> DataFile:
    """Write rows as the only file of a new folder; see `write_by_delivery`."""
    uri, data = write_uri(store, folder), parquet_bytes(rows, store.root)
    file = DataFile(f"{folder}/part-00000.parquet", len(data))
    if is_remote(uri):
        store.write(file.key, data)
        return file
    path = _new_folder(uri) / "part-00000.parquet"
    with translate_write_errors("write", path):
        path.write_bytes(data)
    return file


def _new_folder(uri: str) -> Path:
    """Create a folder that belongs to this attempt alone.

    Raises:
        DiskError: it exists, or cannot be created.
    """
    path = Path(uri)
    with translate_write_errors("create", path):
        path.mkdir(parents=True)
    return path
