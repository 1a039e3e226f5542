"""Deliveries of one kind that the job `standardise` reads together: what both ways of writing their tables need.

Belongs here: reading the files, which tables there are, counting what was written. Does not belong here: writing the
tables (see `batch_here`, `batch_by_spark`), which deliveries are read together (see `batches`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from finance_platform.contracts.model import Contract
from finance_platform.contracts.processed import (
    ACCOUNTS,
    BALANCES,
    BUDGET,
    COMMENTS,
    DEPARTMENTS,
    LINE_CONTRACTS,
    LOOKUP_ROWS,
    MEMBER_ATTRIBUTES,
    MEMBERS,
    REJECTED_ROWS,
    STATEMENT_LINES,
    TRANSACTIONS,
)
from finance_platform.contracts.schemas import MEASURED
from finance_platform.deliveries.commits import DataFile
from finance_platform.feeds.read_file import make_reader
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.spark_jobs.batches import largest_first, reader_count, task_count
from finance_platform.spark_jobs.delivery_results import DeliveryResult, count_packed, count_written, counted_columns
from finance_platform.spark_jobs.line_sums import FILES, PACKED, make_file_summer, packed_rows
from finance_platform.spark_jobs.requests import DeliveryToRead, StandardiseRequest
from finance_platform.spark_jobs.tasks_here import dealt, run_here
from finance_platform.spark_jobs.written_lines import writes_lines
from finance_platform.storage.factory import open_store
from finance_platform.storage.parquet_rows import read_row_groups
from finance_platform.storage.port import ObjectStore
from finance_platform.transforms.key_comparison import PLACE
from finance_platform.transforms.member_attributes import ATTRIBUTE_FIELDS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FILE_FIELDS = ("delivery_id", "object_key", "feed", "fingerprint")
TABLES = {
    "ledger": (TRANSACTIONS, BUDGET, MEMBERS, REJECTED_ROWS),
    "lookup": (LOOKUP_ROWS, REJECTED_ROWS),
    "departments": (DEPARTMENTS, REJECTED_ROWS),
    "accounts": (ACCOUNTS, REJECTED_ROWS),
    "comments": (COMMENTS, REJECTED_ROWS),
    "statement_lines": (STATEMENT_LINES, REJECTED_ROWS),
    "balances": (BALANCES, REJECTED_ROWS),
}


@dataclass(frozen=True)
class DeliveryBatch:
    """Deliveries of one kind that are read together.

    Attributes:
        spark: the session.
        arguments: of the job.
        processed: the processed zone, as Spark writes it.
        request: of the job.
        kind: of their feeds.
        folder: the batch's name in the folders of this attempt.
        deliveries: what to read.
    """

    spark: SparkSession
    arguments: JobArguments
    processed: ObjectStore
    request: StandardiseRequest
    kind: str
    folder: str
    deliveries: Sequence[DeliveryToRead]

    def _has_vouchers(self) -> bool:
        return any(self.request.feeds[delivery.feed].rules.balanced_by for delivery in self.deliveries)

    def _files(self) -> list[dict[str, str]]:
        deliveries = largest_first(self.deliveries, lambda delivery: delivery.size)
        return [{name: getattr(delivery, name) for name in FILE_FIELDS} for delivery in deliveries]

    def _readers(self) -> int:
        # Every open file holds its batches. One reader for each of 36 files at once took 2.8 GiB, two readers took 0.8.
        is_on_cluster = self.arguments.is_on_cluster
        return reader_count(self.deliveries) if is_on_cluster else min(len(self.deliveries), os.cpu_count() or 1)

    def _feeds(self) -> dict[str, dict[str, Any]]:
        return {name: feed.to_json() for name, feed in self.request.feeds.items()}

    @cached_property
    def _written_by_reader(self) -> list[str]:
        """The ids of the deliveries whose lines the reader writes."""
        return writes_lines(self.deliveries, self.request.feeds, shares_files=self.request.shares_files)

    def _reader(self) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
        feeds, arguments = self._feeds(), self.arguments
        return make_reader(
            self.kind,
            feeds,
            arguments.raw_uri,
            arguments.raw_options,
            arguments.processed_uri,
            arguments.s3_options,
            # Beside the folder of the rows that Spark writes: a write into an existing folder fails.
            dict.fromkeys(self._written_by_reader, f"{arguments.attempt}/{self.folder}-lines"),
        )

    def _tables(self) -> tuple[Contract, ...]:
        """Return the tables that the deliveries have rows of; most feeds give no attributes, and a write takes time."""
        rules = [self.request.feeds[name].rules for name in {delivery.feed for delivery in self.deliveries}]
        has_attributes = any(ATTRIBUTE_FIELDS & {*one.fields, *one.constants} for one in rules)
        tables = TABLES[self.kind]
        return (*tables, MEMBER_ATTRIBUTES) if self.kind == "ledger" and has_attributes else tables

    def _folder_of(self, contract: Contract) -> str:
        """Return the new folder of a table's files."""
        return f"{contract.name}/{self.arguments.attempt}/{self.folder}"

    def _count(self, contract: Contract, files: Sequence[DataFile], results: Mapping[str, DeliveryResult]) -> None:
        """Enter the rows of one table into the results, as they were written; attributes are not counted."""
        if contract in LINE_CONTRACTS:
            self._count_lines(files, results)
        elif files and contract is not MEMBER_ATTRIBUTES:
            sizes, columns = [(file.key, file.size) for file in files], counted_columns(contract)
            repeating = columns if contract is MEMBERS else ()
            count_written(contract, read_row_groups(self.processed, sizes, columns, repeating=repeating), results)

    def _count_lines(self, files: Sequence[DataFile], results: Mapping[str, DeliveryResult]) -> None:
        """Enter the lines of files into the results."""
        if not files:
            return
        # Results of Spark would be in memory three times: as the engine has them, sends them and returns them.
        is_here = not self.arguments.is_on_cluster
        count_packed(packed_rows(self._sum_here(files)) if is_here else self._sums_of(files).collect(), results)

    def _sum_here(self, files: Sequence[DataFile]) -> Iterator[pa.RecordBatch]:
        """Yield what `_sums_of` returns, in threads of this process."""
        summer = make_file_summer(lambda: self.processed)
        tasks = task_count([file.size for file in files], self.arguments.cores)
        rows = [{"key": file.key, "size": file.size} for file in largest_first(files, lambda file: file.size)]
        return run_here(summer, dealt(rows, tasks), tasks)

    def _sums_of(self, files: Sequence[DataFile]) -> DataFrame:
        """Return rows of `PACKED` of the lines of files."""
        arguments = self.arguments
        tasks = task_count([file.size for file in files], arguments.cores)
        rows = [(file.key, file.size) for file in largest_first(files, lambda file: file.size)]
        listing = self.spark.createDataFrame(rows, FILES).repartition(tasks)
        summer = make_file_summer(partial(open_store, arguments.processed_uri, arguments.s3_options))
        return listing.mapInArrow(summer, PACKED)


def measured_ids(results: Mapping[str, DeliveryResult]) -> pa.Array:
    """Return the ids of the deliveries that could be read."""
    return pa.array([name for name, one in results.items() if one.summary["outcome"] == MEASURED], pa.string())


def order_of(contract: Contract) -> tuple[str, ...]:
    """Return the columns that a delivery's rows of a table are sorted by, other than lines that are split by period."""
    return ("dimension", "member_key") if contract in (MEMBERS, MEMBER_ATTRIBUTES) else PLACE
