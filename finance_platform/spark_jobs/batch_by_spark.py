"""A batch whose tables Spark writes, from staged rows that it or this process has read.

Belongs here: the plans, in their order, and what they write. Does not belong here: rules (see `transforms`), batches
that need no plan (see `batch_here`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from finance_platform.contracts.model import Contract
from finance_platform.contracts.processed import (
    ACCOUNT_COUNTS,
    LINE_CONTRACTS,
    MEMBER_ATTRIBUTES,
    MEMBERS,
    REJECTED_ROWS,
    TRANSACTIONS,
)
from finance_platform.contracts.schemas import (
    DELIVERED_CELLS,
    MEASURED,
    MENTIONED,
    NOT_OPENED,
    REFUSED,
    REJECTED_VOUCHERS,
    REPEATED_KEYS,
    STAGED_ROWS,
    spark_schema,
)
from finance_platform.deliveries.commits import DataFile
from finance_platform.feeds.lines.delivered_cells import make_cell_reader
from finance_platform.spark_jobs.arguments import staging_folder
from finance_platform.spark_jobs.batches import shared_folders
from finance_platform.spark_jobs.delivery_batch import FILE_FIELDS, DeliveryBatch, order_of
from finance_platform.spark_jobs.delivery_results import DeliveryResult, enter_account_counts
from finance_platform.spark_jobs.gathered_files import files_to_gather, gather_files
from finance_platform.spark_jobs.members_by_delivery import MEMBERS_AT_ONCE, member_groups
from finance_platform.spark_jobs.tables import read_files, write_shared, write_split, write_whole
from finance_platform.spark_jobs.written_lines import WrittenLines, rejected_rows_of
from finance_platform.storage.bulk_read import open_many
from finance_platform.storage.port import ObjectStore
from finance_platform.transforms.accepted_rows import accepted_rows
from finance_platform.transforms.delivered_cells import (
    add_cells,
    cells_of_reader,
    places,
    with_cells,
    without_cells,
    without_places,
)
from finance_platform.transforms.key_comparison import compared_columns
from finance_platform.transforms.member_attributes import member_attributes
from finance_platform.transforms.members import members
from finance_platform.transforms.rejected_rows import rejected_rows
from finance_platform.transforms.repeated_keys import find_possible_duplicates, repeated_keys, with_outcomes
from finance_platform.transforms.spark_on_demand import F
from finance_platform.transforms.vouchers import rejected_vouchers, voucher_periods, with_rejected_vouchers

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class BatchBySpark(DeliveryBatch):
    """Deliveries whose tables Spark writes."""

    def read(self) -> list[DataFile]:
        """Read the files once into staged rows; return the files that have these."""
        folder = f"{staging_folder(self.arguments.attempt)}/{self.folder}"
        return write_whole(self._read(), STAGED_ROWS[self.kind], self.arguments.temporary, f"{folder}/rows")

    def write(self, staged_files: Sequence[DataFile]) -> dict[str, DeliveryResult]:
        """Write each table from staged rows; return the results by id."""
        schema, temporary = STAGED_ROWS[self.kind], self.arguments.temporary
        folder = f"{staging_folder(self.arguments.attempt)}/{self.folder}"
        staged = read_files(self.spark, temporary, [file.key for file in staged_files], schema)
        summaries = staged.where(F.col("outcome").isin(MEASURED, REFUSED, NOT_OPENED)).collect()
        results = {summary["delivery_id"]: DeliveryResult(summary.asDict()) for summary in summaries}
        # A file that breaks off half-way has rows before its summary; they stay behind in the staging table.
        unread = [summary["delivery_id"] for summary in summaries if summary["outcome"] != MEASURED]
        readable = staged.where(~F.col("delivery_id").isin(unread)) if unread else staged
        written = WrittenLines.of(results)
        rows, rejects_others = self._compared(readable, written, results, folder)
        rejected = rejected_rows(rows)
        if self._has_vouchers():
            for row in sorted(voucher_periods(rows).collect()):
                results[row["delivery_id"]].voucher_periods.append((row["first"], row["other"]))
        if rejects_others:
            rejected = self._with_cells(rejected, readable, folder)
        self._count_lines(written.data_files, results)
        lines = None
        if written.is_reduced:
            lines = self._read_back(written.data_files)
        shared = self._shared_folders(results)
        for contract in self._tables():
            of_table = rejected if contract is REJECTED_ROWS else _rows_of_table(contract, rows, lines)
            groups = self._member_groups(contract, staged_files, rows, results, shared) if lines is None else []
            parts = [_rows_of_table(contract, rows.where(F.col("delivery_id").isin(group)), None) for group in groups]
            self._write_table(contract, parts or [of_table], results, shared, written)
        if self.kind == "ledger":
            enter_account_counts(self.processed, self._folder_of(ACCOUNT_COUNTS), results, shared)
        return results

    def _read(self) -> DataFrame:
        """Return the staged rows of the files."""
        schema = spark_schema(STAGED_ROWS[self.kind])
        return self._listing().repartition(self._readers()).mapInArrow(self._reader(), schema)

    def _listing(self) -> DataFrame:
        """Return the files of the deliveries."""
        return self.spark.createDataFrame(
            [tuple(file.values()) for file in self._files()], ", ".join(f"{name} string" for name in FILE_FIELDS)
        )

    def _compared(
        self, readable: DataFrame, written: WrittenLines, results: Mapping[str, DeliveryResult], folder: str
    ) -> tuple[DataFrame, bool]:
        """Return the rows with their final outcomes, and whether rows are rejected because of others.

        Lines that the reader wrote leave their files if another line with their key rejects them.
        """
        temporary, schema = self.arguments.temporary, STAGED_ROWS[self.kind]
        if not any(result.summary["may_repeat"] for result in results.values()):
            return self._balanced(readable, folder)
        duplicate_files = write_whole(find_possible_duplicates(readable), schema, temporary, f"{folder}/duplicates")
        duplicates = read_files(self.spark, temporary, [file.key for file in duplicate_files], schema)
        repeat_files = write_whole(
            repeated_keys(duplicates, compared_columns(self.kind)), REPEATED_KEYS, temporary, f"{folder}/repeats"
        )
        if written.may_repeat:
            written.remove(self.processed, rejected_rows_of(temporary, repeat_files))
        repeats = read_files(self.spark, temporary, [file.key for file in repeat_files], REPEATED_KEYS)
        rows, has_broken_vouchers = self._balanced(with_outcomes(readable, repeats), folder)
        return rows, has_broken_vouchers or _count_rows(temporary, repeat_files) > 0

    def _balanced(self, rows: DataFrame, folder: str) -> tuple[DataFrame, bool]:
        """Return the rows with those vouchers rejected whole that are not balanced or whole; and if there are any."""
        if not self._has_vouchers():
            return rows, False
        temporary = self.arguments.temporary
        files = write_whole(rejected_vouchers(rows), REJECTED_VOUCHERS, temporary, f"{folder}/vouchers")
        vouchers = read_files(self.spark, temporary, [file.key for file in files], REJECTED_VOUCHERS)
        balanced = with_rejected_vouchers(rows, vouchers, compared_columns(self.kind))
        return balanced, _count_rows(temporary, files) > 0

    def _with_cells(self, rejected: DataFrame, staged: DataFrame, folder: str) -> DataFrame:
        """Return the rejected rows, those that only other rows reject with the cells of their files.

        A file is read again only for rows whose cells the reader has not kept.
        """
        temporary, feeds = self.arguments.temporary, self._feeds()
        files = write_whole(without_cells(rejected), REJECTED_ROWS.columns, temporary, f"{folder}/without_cells")
        rows = read_files(self.spark, temporary, [file.key for file in files], REJECTED_ROWS.columns)
        wanted, kept = places(rows), None
        if self.kind == "ledger":
            kept = cells_of_reader(staged)
            wanted = without_places(wanted, kept)
        of_files = wanted.join(F.broadcast(self._listing()), on="delivery_id", how="inner")
        read = make_cell_reader(feeds, self.arguments.raw_uri, self.arguments.raw_options)
        # Each file is read by one task.
        cells = of_files.repartition(self._readers(), "delivery_id").mapInArrow(read, spark_schema(DELIVERED_CELLS))
        cells = cells if kept is None else kept.unionByName(cells)
        return with_cells(rejected).unionByName(add_cells(rows, cells))

    def _shared_folders(self, results: Mapping[str, DeliveryResult]) -> dict[str, str]:
        """Return the folder of each delivery that shares files with others."""
        summaries = [results[delivery.delivery_id].summary for delivery in self.deliveries]
        lines = {
            one["delivery_id"]: one["measured_rows"]
            for one in summaries
            if one["outcome"] == MEASURED and not one["written_files"]
        }
        return shared_folders(lines) if self.request.shares_files else {}

    def _write_table(
        self,
        contract: Contract,
        parts: Sequence[DataFrame],
        results: Mapping[str, DeliveryResult],
        shared: Mapping[str, str],
        written: WrittenLines,
    ) -> None:
        """Write the rows of one table, and enter files and counts into the results, but those of written lines.

        Args:
            contract: the table.
            parts: its rows; deliveries that share files are all in the first part.
            results: by delivery id.
            shared: the name of the file of each delivery that shares it with others.
            written: lines that are written already.
        """
        processed, (of_table, *others) = self.processed, parts
        folder, is_by_period, order = self._folder_of(contract), contract in LINE_CONTRACTS, order_of(contract)
        files: dict[str, list[DataFile]] = {}
        # Of deliveries whose lines are written, only lines of which the hash of the key alone repeats are left.
        has_rows = not is_by_period or written.may_repeat or results.keys() - written.files.keys()
        if shared:
            folders = self.spark.createDataFrame(list(shared.items()), "delivery_id string, split_by string")
            # Beside the folder of the others: a write into an existing folder fails.
            files |= write_shared(of_table, contract.columns, processed, f"{folder}-shared", folders, order)
            of_table = of_table.join(F.broadcast(folders), on="delivery_id", how="left_anti").select(*of_table.columns)
        names = {name for name, result in results.items() if result.summary["outcome"] == MEASURED}
        if has_rows and names - shared.keys():
            if is_by_period:
                files |= write_split(of_table, contract.columns, processed, folder, "delivery_id", then_by="period")
            else:
                files |= write_split(of_table, contract.columns, processed, folder, "delivery_id", order)
            for number, part in enumerate(others, 1):
                files |= write_split(part, contract.columns, processed, f"{folder}-part-{number}", "delivery_id", order)
        own = list({file.key: file for of_delivery in files.values() for file in of_delivery}.values())
        for delivery_id, of_delivery in written.of_table(contract.name).items():
            files[delivery_id] = [*of_delivery, *files.get(delivery_id, ())]
        for delivery_id, of_delivery in files.items():
            results[delivery_id].files[contract.name] = of_delivery
        self._count(contract, own, results)

    def _read_back(self, files: Sequence[DataFile]) -> DataFrame | None:
        """Return the lines of files as they were written; None if there are none. Small ones on S3 are read once."""
        processed, temporary = self.processed, self.arguments.temporary
        gathered = files_to_gather(processed, files, temporary)
        small = [file for file in files if file.key in gathered]
        folder = f"{staging_folder(self.arguments.attempt)}/{self.folder}/read_back"
        parts = [
            read_files(self.spark, store, keys, TRANSACTIONS.columns)
            for store, keys in (
                (processed, [file.key for file in files if file.key not in gathered]),
                (temporary, gather_files(processed, small, TRANSACTIONS.columns, temporary, folder)),
            )
            if keys
        ]
        return reduce(lambda one, other: one.unionByName(other), parts) if parts else None

    def _member_groups(
        self,
        contract: Contract,
        staged: Sequence[DataFile],
        rows: DataFrame,
        results: Mapping[str, DeliveryResult],
        shared: Mapping[str, str],
    ) -> list[list[str]]:
        """Return the deliveries in groups, if they have too many members to derive all at once on this machine."""
        arguments = self.arguments
        if contract is not MEMBERS or arguments.is_on_cluster:
            return []
        if _count_rows(arguments.temporary, staged) <= MEMBERS_AT_ONCE:
            return []
        mentions = rows.where(F.col("outcome").isin("accepted", MENTIONED)).groupBy("delivery_id")
        distinct = mentions.agg(F.count_distinct("department_key"), F.count_distinct("account_key"))
        counts = {delivery_id: departments + accounts for delivery_id, departments, accounts in distinct.collect()}
        groups = member_groups({name: counts[name] for name in results if name in counts}, shared)
        return groups if len(groups) > 1 else []


def _rows_of_table(contract: Contract, rows: DataFrame, lines: DataFrame | None) -> DataFrame:
    """Return the accepted rows of a table that are not in their files yet; of members, all.

    Args:
        contract: the table.
        rows: the staged rows.
        lines: see `members`.
    """
    if contract is MEMBERS:
        return members(rows, lines)
    return member_attributes(rows) if contract is MEMBER_ATTRIBUTES else accepted_rows(rows, contract)


def _count_rows(store: ObjectStore, files: Sequence[DataFile]) -> int:
    """Return the number of rows of Parquet files, from their footers."""
    keys = [file.key for file in files]
    return sum(open_many(store, keys, lambda stream: int(pq.read_metadata(stream).num_rows)))
