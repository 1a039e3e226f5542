"""Lines that the reader has written to their Parquet files itself (115).

Belongs here: which deliveries' lines it writes, the files of each, and lines that have to leave them again. Does not
belong here: writing them (see `feeds.lines.line_files`), all other rows (see `batch_here`, `batch_by_spark`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finance_platform.contracts.schemas import MEASURED
from finance_platform.deliveries.commits import DataFile
from finance_platform.feeds.lines.line_files import can_write_lines, parquet_bytes
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.spark_jobs.batches import is_large, may_share
from finance_platform.spark_jobs.delivery_results import DeliveryResult
from finance_platform.spark_jobs.requests import DeliveryToRead
from finance_platform.spark_jobs.rows_by_delivery import by_delivery
from finance_platform.storage.port import ObjectStore


def writes_lines(
    deliveries: Sequence[DeliveryToRead], feeds: Mapping[str, ResolvedFeed], *, shares_files: bool
) -> list[str]:
    """Return the ids of those deliveries of a batch whose lines the reader writes.

    Many small deliveries share files, which the job writes when it knows their lines.
    """
    are_shared = shares_files and may_share(sum(not is_large(delivery) for delivery in deliveries))
    return [
        delivery.delivery_id
        for delivery in deliveries
        if delivery.kind == "ledger"
        and (is_large(delivery) or not are_shared)
        and can_write_lines(feeds[delivery.feed].rules, delivery.object_key)
    ]


@dataclass
class WrittenLines:
    """The lines that the reader wrote.

    Attributes:
        files: by delivery id and table.
        may_repeat: the number of lines that were not written because an earlier line may have their key.
        is_reduced: whether lines have left their files again.
    """

    files: dict[str, dict[str, list[DataFile]]] = field(default_factory=dict)
    may_repeat: int = 0
    is_reduced: bool = False

    @staticmethod
    def of(results: Mapping[str, DeliveryResult]) -> WrittenLines:
        """Return what the summaries of the files say."""
        written = WrittenLines()
        for delivery_id, result in results.items():
            document = result.summary["written_files"]
            if result.summary["outcome"] != MEASURED or not document:
                continue
            written_files = json.loads(document)
            written.may_repeat += result.summary["may_repeat"]
            tables: dict[str, list[DataFile]] = {}
            written.files[delivery_id] = tables
            for table, key, size in written_files["files"]:
                tables.setdefault(table, []).append(DataFile(key, size))
        return written

    def of_table(self, table: str) -> dict[str, list[DataFile]]:
        """Return the files of one table by delivery id."""
        return {name: tables[table] for name, tables in self.files.items() if table in tables}

    @property
    def data_files(self) -> list[DataFile]:
        """The files of all deliveries."""
        return [file for tables in self.files.values() for files in tables.values() for file in files]

    def remove(self, store: ObjectStore, rows: Mapping[str, pa.Int64Array]) -> None:
        """Write files again without some lines, and remove the files as they were, which nothing names.

        Args:
            store: the processed zone.
            rows: `source_row` of the lines by delivery id.
        """
        self.is_reduced = self.is_reduced or bool(rows)
        for delivery_id, removed in rows.items():
            for table, files in self.files.get(delivery_id, {}).items():
                self.files[delivery_id][table] = [
                    kept for file in files if (kept := _without_rows(store, file, removed)) is not None
                ]


def _without_rows(store: ObjectStore, file: DataFile, rows: pa.Int64Array) -> DataFile | None:
    """Return a file without some rows: the file itself if it has none of them, None if it has no others."""
    with store.open(file.key) as stream:
        parquet = pq.ParquetFile(stream)
        is_kept = pc.invert(pc.is_in(parquet.read(["source_row"])["source_row"], rows))
        if pc.all(is_kept).as_py():
            return file
        data = parquet_bytes(parquet.read().filter(is_kept), store.root) if pc.any(is_kept).as_py() else b""
    key = f"{file.key.removesuffix('.parquet')}-kept.parquet"
    if data:
        store.write(key, data)
    store.delete(file.key)
    return DataFile(key, len(data)) if data else None


def rejected_rows_of(store: ObjectStore, repeats: Sequence[DataFile]) -> dict[str, pa.Int64Array]:
    """Return `source_row` of the lines that others with their key reject, by delivery id.

    Args:
        store: the temporary store.
        repeats: the files of `REPEATED_KEYS`.
    """
    tables = []
    for file in repeats:
        with store.open(file.key) as stream:
            table = pq.read_table(stream, columns=["delivery_id", "source_row", "key_outcome"])
        tables.append(table.filter(pc.equal(table["key_outcome"], "rejected")))
    rejected = by_delivery(pa.concat_tables(tables)) if tables else ()
    return {delivery_id: rows["source_row"].combine_chunks() for delivery_id, rows in rejected}
