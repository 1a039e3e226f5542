"""The job `standardise`: raw objects become ledger lines, reference rows and rejected rows.

Belongs here: the order of the steps and the commits at the end. Does not belong here: rules (see `feeds`,
`transforms`), counting (see `delivery_results`).

Request: see `StandardiseRequest`. Result: `{"committed": [delivery ids], "not_opened": [{object_key, reason}]}`; the
commits have the figures.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from finance_platform.contracts.model import Contract
from finance_platform.contracts.processed import (
    ACCOUNT_COUNTS,
    ACCOUNTS,
    BUDGET,
    DEPARTMENTS,
    MEMBER_ATTRIBUTES,
    MEMBERS,
    REJECTED_ROWS,
    TRANSACTIONS,
)
from finance_platform.contracts.schemas import MEASURED, NOT_OPENED, REFUSED, REPEATED_KEYS, STAGED_ROWS, spark_schema
from finance_platform.deliveries.commits import write_commit
from finance_platform.feeds.read_file import make_reader
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.spark_jobs.delivery_results import DeliveryResult, count_written
from finance_platform.spark_jobs.harness import run_job
from finance_platform.spark_jobs.requests import DeliveryToRead, StandardiseRequest
from finance_platform.spark_jobs.session import spark_session
from finance_platform.spark_jobs.tables import read_files, write_split, write_whole
from finance_platform.storage.factory import open_store
from finance_platform.transforms.accepted_rows import accepted_rows
from finance_platform.transforms.member_attributes import ATTRIBUTE_FIELDS, member_attributes
from finance_platform.transforms.members import members
from finance_platform.transforms.rejected_rows import rejected_rows
from finance_platform.transforms.repeated_keys import find_possible_duplicates, repeated_keys, with_outcomes

_log = logging.getLogger(__name__)

_LINEAGE = {"delivery_id", "feed", "source_file", "source_sheet", "source_row", "line_key"}
_TABLES = {
    "ledger": (TRANSACTIONS, BUDGET, MEMBERS, REJECTED_ROWS),
    "departments": (DEPARTMENTS, REJECTED_ROWS),
    "accounts": (ACCOUNTS, REJECTED_ROWS),
}


def standardise(arguments: JobArguments, request: dict[str, Any]) -> dict[str, Any]:
    """Start Spark and read every delivery of the request."""
    # A wrong bucket or wrong credentials are reported here; Spark would report a worker's failure as a stack trace. A
    # missing folder is reported file by file.
    open_store(arguments.raw_uri, arguments.raw_options).exists()
    with spark_session(arguments.spark_engine, arguments.s3_options) as spark:
        return read_deliveries(spark, arguments, StandardiseRequest.from_json(request))


def read_deliveries(spark: SparkSession, arguments: JobArguments, request: StandardiseRequest) -> dict[str, Any]:
    """Read every delivery of the request, write its rows, commit it; return the job's result."""
    committed: list[str] = []
    not_opened: list[dict[str, str]] = []
    for kind in _TABLES:
        deliveries = [delivery for delivery in request.deliveries if delivery.kind == kind]
        if not deliveries:
            continue
        _log.info("reading %d deliveries of kind %s", len(deliveries), kind)
        results = _read_and_write(spark, arguments, kind, deliveries, request)
        arguments.processed.sync(_written_keys(results.values()))
        for delivery in deliveries:
            result = results[delivery.delivery_id]
            if not result.is_opened:
                not_opened.append({"object_key": delivery.object_key, "reason": result.summary["reasons"]})
                continue
            rules = request.feeds[delivery.feed].rules
            write_commit(arguments.processed, result.to_commit(delivery, rules, arguments.attempt))
            committed.append(delivery.delivery_id)
    arguments.temporary.delete_folder(_staging(arguments.attempt))
    return {"committed": committed, "not_opened": not_opened}


def _written_keys(results: Iterable[DeliveryResult]) -> list[str]:
    """Return the keys of the Parquet files that the commits will name."""
    return [file.key for result in results for files in result.files.values() for file in files]


def _staging(attempt: str) -> str:
    return f"staging/{attempt}"


def _read_and_write(
    spark: SparkSession,
    arguments: JobArguments,
    kind: str,
    deliveries: Sequence[DeliveryToRead],
    request: StandardiseRequest,
) -> dict[str, DeliveryResult]:
    """Read the files once into a staging table, then write each table from that; return the results by delivery id."""
    schema = STAGED_ROWS[kind]
    temporary, folder = arguments.temporary, f"{_staging(arguments.attempt)}/{kind}"
    staged_files = write_whole(_read(spark, arguments, kind, deliveries, request), schema, temporary, f"{folder}/rows")
    staged = read_files(spark, temporary, [file.key for file in staged_files], schema)
    summaries = staged.where(F.col("outcome").isin(MEASURED, REFUSED, NOT_OPENED)).collect()
    results = {summary["delivery_id"]: DeliveryResult(summary) for summary in summaries}
    # A file that breaks off half-way has rows before its summary; they stay behind in the staging table.
    unread = [summary["delivery_id"] for summary in summaries if summary["outcome"] != MEASURED]
    readable = staged.where(~F.col("delivery_id").isin(unread)) if unread else staged
    duplicate_files = write_whole(find_possible_duplicates(readable), schema, temporary, f"{folder}/duplicates")
    duplicates = read_files(spark, temporary, [file.key for file in duplicate_files], schema)
    repeat_files = write_whole(
        repeated_keys(duplicates, _compared_columns(kind)), REPEATED_KEYS, temporary, f"{folder}/repeats"
    )
    repeats = read_files(spark, temporary, [file.key for file in repeat_files], REPEATED_KEYS)
    rows = with_outcomes(readable, repeats)
    for contract in _tables(kind, deliveries, request):
        _write_table(spark, arguments, f"{contract.name}/{arguments.attempt}/{kind}", contract, rows, results)
    if kind == "ledger":
        for delivery_id, result in results.items():
            folder = f"{ACCOUNT_COUNTS.name}/{arguments.attempt}"
            result.write_account_counts(arguments.processed, folder, delivery_id)
    return results


def _read(
    spark: SparkSession,
    arguments: JobArguments,
    kind: str,
    deliveries: Sequence[DeliveryToRead],
    request: StandardiseRequest,
) -> DataFrame:
    """Return the staged rows of the files."""
    fields = ("delivery_id", "object_key", "feed", "fingerprint")
    listing = spark.createDataFrame(
        [tuple(getattr(delivery, name) for name in fields) for delivery in deliveries],
        ", ".join(f"{name} string" for name in fields),
    )
    # Every open file holds its batches. One reader for each of 36 files at once took 2.8 GiB, two readers took 0.8.
    readers = len(deliveries) if arguments.is_in_glue else min(len(deliveries), os.cpu_count() or 1)
    feeds = {name: feed.to_json() for name, feed in request.feeds.items()}
    read = make_reader(kind, feeds, arguments.raw_uri, arguments.raw_options)
    return listing.repartition(readers).mapInArrow(read, spark_schema(STAGED_ROWS[kind]))


def _tables(kind: str, deliveries: Sequence[DeliveryToRead], request: StandardiseRequest) -> tuple[Contract, ...]:
    """Return the tables that the deliveries have rows of; most feeds give no attributes, and a write takes time."""
    rules = [request.feeds[delivery.feed].rules for delivery in deliveries]
    has_attributes = kind == "ledger" and any(ATTRIBUTE_FIELDS & {*one.fields, *one.constants} for one in rules)
    return (*_TABLES[kind], MEMBER_ATTRIBUTES) if has_attributes else _TABLES[kind]


def _compared_columns(kind: str) -> list[str]:
    """Return the columns in which rows with the same key may differ."""
    data = set(_TABLES[kind][0].column_names) | (ATTRIBUTE_FIELDS if kind == "ledger" else set())
    return [column.name for column in STAGED_ROWS[kind] if column.name in data and column.name not in _LINEAGE]


def _write_table(
    spark: SparkSession,
    arguments: JobArguments,
    folder: str,
    contract: Contract,
    rows: DataFrame,
    results: dict[str, DeliveryResult],
) -> None:
    """Write the rows of one table, and enter files and counts into the results."""
    processed, of_table = arguments.processed, _rows_of_table(contract, rows)
    if contract in (TRANSACTIONS, BUDGET):
        files = write_split(of_table, contract.columns, processed, folder, "delivery_id", then_by="period")
    else:
        order = ("dimension", "member_key") if contract in (MEMBERS, MEMBER_ATTRIBUTES) else ("source_row",)
        files = write_split(of_table, contract.columns, processed, folder, "delivery_id", order)
    for delivery_id, of_delivery in files.items():
        results[delivery_id].files[contract.name] = of_delivery
    if contract is MEMBER_ATTRIBUTES:
        return  # its rows are neither lines nor members
    keys = [file.key for of_delivery in files.values() for file in of_delivery]
    count_written(contract, read_files(spark, processed, keys, contract.columns), results)


def _rows_of_table(contract: Contract, rows: DataFrame) -> DataFrame:
    if contract is MEMBERS:
        return members(rows)
    if contract is MEMBER_ATTRIBUTES:
        return member_attributes(rows)
    return rejected_rows(rows) if contract is REJECTED_ROWS else accepted_rows(rows, contract)


if __name__ == "__main__":
    run_job("standardise", standardise)
