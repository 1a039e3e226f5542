"""The job `standardise`: raw objects become ledger lines, reference rows and rejected rows.

Belongs here: the order of the steps and the commits at the end. Does not belong here: rules (see `feeds`,
`transforms`), counting (see `delivery_results`).

Request: see `StandardiseRequest`. Result: `{"committed": [delivery ids], "not_opened": [{object_key, reason, fix}]}`;
the commits have the figures.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial, reduce
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finance_platform.contracts.model import Contract
from finance_platform.contracts.processed import (
    ACCOUNT_COUNTS,
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
from finance_platform.deliveries.commits import DataFile, write_commits
from finance_platform.feeds.lines.delivered_cells import make_cell_reader
from finance_platform.feeds.read_file import make_reader
from finance_platform.spark_jobs.arguments import JobArguments, staging_folder
from finance_platform.spark_jobs.batches import (
    BATCH_DELIVERIES,
    BATCH_OWN_FILES,
    in_batches,
    largest_first,
    reader_count,
    shared_folders,
    task_count,
)
from finance_platform.spark_jobs.delivery_results import (
    DeliveryResult,
    count_packed,
    count_written,
    counted_columns,
    enter_account_counts,
)
from finance_platform.spark_jobs.gathered_files import files_to_gather, gather_files
from finance_platform.spark_jobs.harness import run_job
from finance_platform.spark_jobs.line_sums import FILES, PACKED, make_file_summer, packed_rows
from finance_platform.spark_jobs.members_by_delivery import MEMBERS_AT_ONCE, member_groups
from finance_platform.spark_jobs.output_on_disk import output_of_job
from finance_platform.spark_jobs.requests import DeliveryToRead, StandardiseRequest
from finance_platform.spark_jobs.session import spark_session
from finance_platform.spark_jobs.small_batches import (
    StagedRows,
    is_read_here,
    lines_of_members,
    rows_of_table,
    rows_with,
    write_by_delivery,
)
from finance_platform.spark_jobs.staged_repeats import LateRows, StagedRepeats, columns_to_compare
from finance_platform.spark_jobs.tables import read_files, write_shared, write_split, write_whole
from finance_platform.spark_jobs.tasks_here import dealt, run_here
from finance_platform.spark_jobs.written_lines import WrittenLines, rejected_rows_of, writes_lines
from finance_platform.storage.bulk_read import map_many, open_many
from finance_platform.storage.factory import is_remote, open_store
from finance_platform.storage.parquet_rows import read_row_groups
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
from finance_platform.transforms.key_comparison import PLACE, compared_columns
from finance_platform.transforms.member_attributes import ATTRIBUTE_FIELDS, member_attributes
from finance_platform.transforms.members import members
from finance_platform.transforms.rejected_rows import rejected_rows
from finance_platform.transforms.repeated_keys import find_possible_duplicates, repeated_keys, with_outcomes
from finance_platform.transforms.spark_on_demand import F
from finance_platform.transforms.vouchers import rejected_vouchers, voucher_periods, with_rejected_vouchers

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_log = logging.getLogger(__name__)

_FILE_FIELDS = ("delivery_id", "object_key", "feed", "fingerprint")
_TABLES = {
    "ledger": (TRANSACTIONS, BUDGET, MEMBERS, REJECTED_ROWS),
    "lookup": (LOOKUP_ROWS, REJECTED_ROWS),
    "departments": (DEPARTMENTS, REJECTED_ROWS),
    "accounts": (ACCOUNTS, REJECTED_ROWS),
    "comments": (COMMENTS, REJECTED_ROWS),
    "statement_lines": (STATEMENT_LINES, REJECTED_ROWS),
    "balances": (BALANCES, REJECTED_ROWS),
}


def standardise(arguments: JobArguments, request: dict[str, Any]) -> dict[str, Any]:
    """Read every delivery of the request."""
    # A wrong bucket or wrong credentials are reported here; Spark would report a worker's failure as a stack trace. A
    # missing folder is reported file by file.
    open_store(arguments.raw_uri, arguments.raw_options).exists()
    with spark_session(arguments.spark_engine, arguments.s3_options, arguments.spark_master) as spark:
        return read_deliveries(spark, arguments, StandardiseRequest.from_json(request))


def read_deliveries(spark: SparkSession, arguments: JobArguments, request: StandardiseRequest) -> dict[str, Any]:
    """Read every delivery of the request, write its rows, commit it; return the job's result."""
    committed: list[str] = []
    not_opened: list[dict[str, str]] = []
    processed = output_of_job(arguments.processed, arguments.temporary, staging_folder(arguments.attempt))
    # A cluster has memory for all.
    most = BATCH_DELIVERIES if request.shares_files or arguments.is_on_cluster else BATCH_OWN_FILES
    for kind in _TABLES:
        of_kind = [delivery for delivery in request.deliveries if delivery.kind == kind]
        for number, deliveries in enumerate(in_batches(of_kind, most)):
            _log.info("reading %d deliveries of kind %s", len(deliveries), kind)
            folder = f"{kind}-{number}" if number else kind
            results = _Batch(spark, arguments, processed, request, kind, folder, deliveries).read_and_write()
            keys = _written_keys(results.values())
            hashes = _sync_and_hash(processed, keys)
            commits = []
            for delivery in deliveries:
                result = results[delivery.delivery_id]
                if not result.is_opened:
                    reason, fix = (result.summary[name] for name in ("reasons", "raw_row"))
                    not_opened.append({"object_key": delivery.object_key, "reason": reason, "fix": fix})
                    continue
                rules = request.feeds[delivery.feed].rules
                commits.append(result.to_commit(delivery, rules, arguments.attempt, hashes))
                committed.append(delivery.delivery_id)
            write_commits(processed, commits)
            arguments.temporary.delete_folder(staging_folder(arguments.attempt))
    return {"committed": committed, "not_opened": not_opened}


def _written_keys(results: Iterable[DeliveryResult]) -> list[str]:
    """Return the keys of the Parquet files that the commits will name; small deliveries share them."""
    return sorted({file.key for result in results for files in result.files.values() for file in files})


def _sync_and_hash(processed: ObjectStore, keys: Sequence[str]) -> dict[str, str]:
    """Write files to the disk, and return the hashes of their bytes; on this machine the disk writes meanwhile."""
    if is_remote(processed.root):
        processed.sync(keys)
        return dict(zip(keys, map_many(processed, keys, processed.fingerprint), strict=True))
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        hashes = threads.map(processed.fingerprint, keys)
        processed.sync(keys)
        return dict(zip(keys, hashes, strict=True))


@dataclass(frozen=True)
class _Batch:
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

    def read_and_write(self) -> dict[str, DeliveryResult]:
        """Read the files once into staged rows, then write each table from these; return the results by id."""
        schema, temporary = STAGED_ROWS[self.kind], self.arguments.temporary
        folder = f"{staging_folder(self.arguments.attempt)}/{self.folder}"
        if is_read_here(self.arguments, self.deliveries, self._written_by_reader):
            rows_here, read = StagedRows(schema, temporary, f"{folder}/rows"), self._reader()
            rows_here.fill([read([pa.RecordBatch.from_pylist([file])]) for file in self._files()], self._readers())
            if self._is_written_here(rows_here):
                return self._write_here(rows_here)
            staged_files = rows_here.files()
        else:
            staged_files = write_whole(self._read(), schema, temporary, f"{folder}/rows")
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

    def _is_written_here(self, staged: StagedRows) -> bool:
        """Return whether this process writes the tables; Spark does if rows that become lines may be too many."""
        are_many = staged.is_on_disk and len(self._written_by_reader) < len(self.deliveries)
        return not are_many and not self._has_vouchers() and MEMBER_ATTRIBUTES not in self._tables()

    def _write_here(self, staged: StagedRows) -> dict[str, DeliveryResult]:
        """Write the tables in this process, rejected rows a part at a time."""
        results = {summary["delivery_id"]: DeliveryResult(summary) for summary in staged.summaries}
        written, processed = WrittenLines.of(results), self.processed
        repeats = self._repeats_here(staged, written, results)
        rows = self._write_rejected_here(staged, repeats, results)
        self._count_lines(written.data_files, results)
        lines = lines_of_members(processed, written.data_files) if written.is_reduced else None
        for contract in self._tables():
            if contract is REJECTED_ROWS:
                continue
            then_by = "period" if contract in LINE_CONTRACTS else None
            of_table = rows_of_table(contract, rows, lines)
            own = write_by_delivery(of_table, processed, self._folder_of(contract), _order_of(contract), then_by)
            for name in [*written.of_table(contract.name), *own]:
                of_reader = written.of_table(contract.name).get(name, [])
                results[name].files[contract.name] = [*of_reader, *own.get(name, ())]
            self._count(contract, [file for of_delivery in own.values() for file in of_delivery], results)
        if self.kind == "ledger":
            enter_account_counts(processed, self._folder_of(ACCOUNT_COUNTS), results, {})
        return results

    def _repeats_here(
        self, staged: StagedRows, written: WrittenLines, results: Mapping[str, DeliveryResult]
    ) -> StagedRepeats | None:
        """Return the rows that repeat a key; lines that the reader wrote leave their files if others reject them."""
        if not any(result.summary["may_repeat"] for result in results.values()):
            return None
        compared, arguments = compared_columns(self.kind), self.arguments
        parts = staged.parts(columns_to_compare(compared))
        repeats = StagedRepeats.find(parts, _measured(results), compared)
        if written.may_repeat:
            written.remove(self.processed, repeats.rejected())
        read = make_cell_reader(self._feeds(), arguments.raw_uri, arguments.raw_options)
        repeats.read_again(read, self._files())
        return repeats

    def _write_rejected_here(
        self, staged: StagedRows, repeats: StagedRepeats | None, results: Mapping[str, DeliveryResult]
    ) -> pa.Table:
        """Write the rejected rows of each part of the staged rows; return all other rows of readable files."""
        others, measured, parts, late = [], _measured(results), 0, LateRows(())
        if repeats and staged.is_on_disk:
            repeats, of_written = repeats.apart()
            wanted = staged.parts(wanted=of_written.positions)
            late = LateRows(of_written.take_out(part, start)[1] for start, part in wanted)
        for start, part in staged.parts():
            rows, of_repeats = repeats.take_out(part, start) if repeats else (part, None)
            rows = rows.filter(pc.is_in(rows["delivery_id"], measured))
            rejected = [rows_of_table(REJECTED_ROWS, rows), *([] if of_repeats is None else [of_repeats])]
            rejected.append(late.before(pa.concat_tables(rejected)))
            self._write_rejected_part(pa.concat_tables(rejected), parts, results)
            others.append(rows_with(rows, ["accepted", MENTIONED]))
            parts += 1
        self._write_rejected_part(late.rest(), parts, results)
        files = [file for result in results.values() for file in result.files.get(REJECTED_ROWS.name, ())]
        self._count(REJECTED_ROWS, files, results)
        return pa.concat_tables(others)

    def _write_rejected_part(self, rows: pa.Table, number: int, results: Mapping[str, DeliveryResult]) -> None:
        folder = self._folder_of(REJECTED_ROWS)
        own = write_by_delivery(rows, self.processed, f"{folder}-part-{number:05}", PLACE)
        for name, of_delivery in own.items():
            results[name].files.setdefault(REJECTED_ROWS.name, []).extend(of_delivery)

    def _folder_of(self, contract: Contract) -> str:
        """Return the new folder of a table's files."""
        return f"{contract.name}/{self.arguments.attempt}/{self.folder}"

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

    def _has_vouchers(self) -> bool:
        return any(self.request.feeds[delivery.feed].rules.balanced_by for delivery in self.deliveries)

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

    def _listing(self) -> DataFrame:
        """Return the files of the deliveries."""
        return self.spark.createDataFrame(
            [tuple(file.values()) for file in self._files()], ", ".join(f"{name} string" for name in _FILE_FIELDS)
        )

    def _files(self) -> list[dict[str, str]]:
        deliveries = largest_first(self.deliveries, lambda delivery: delivery.size)
        return [{name: getattr(delivery, name) for name in _FILE_FIELDS} for delivery in deliveries]

    def _readers(self) -> int:
        # Every open file holds its batches. One reader for each of 36 files at once took 2.8 GiB, two readers took 0.8.
        is_on_cluster = self.arguments.is_on_cluster
        return reader_count(self.deliveries) if is_on_cluster else min(len(self.deliveries), os.cpu_count() or 1)

    def _feeds(self) -> dict[str, dict[str, Any]]:
        return {name: feed.to_json() for name, feed in self.request.feeds.items()}

    def _read(self) -> DataFrame:
        """Return the staged rows of the files."""
        schema = spark_schema(STAGED_ROWS[self.kind])
        return self._listing().repartition(self._readers()).mapInArrow(self._reader(), schema)

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
        tables = _TABLES[self.kind]
        return (*tables, MEMBER_ATTRIBUTES) if self.kind == "ledger" and has_attributes else tables

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
        folder, is_by_period, order = self._folder_of(contract), contract in LINE_CONTRACTS, _order_of(contract)
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


def _measured(results: Mapping[str, DeliveryResult]) -> pa.Array:
    """Return the ids of the deliveries that could be read."""
    return pa.array([name for name, one in results.items() if one.summary["outcome"] == MEASURED], pa.string())


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


def _order_of(contract: Contract) -> tuple[str, ...]:
    """Return the columns that a delivery's rows of a table are sorted by, other than lines that are split by period."""
    return ("dimension", "member_key") if contract in (MEMBERS, MEMBER_ATTRIBUTES) else PLACE


def _count_rows(store: ObjectStore, files: Sequence[DataFile]) -> int:
    """Return the number of rows of Parquet files, from their footers."""
    keys = [file.key for file in files]
    return sum(open_many(store, keys, lambda stream: int(pq.read_metadata(stream).num_rows)))


if __name__ == "__main__":
    run_job("standardise", standardise)
