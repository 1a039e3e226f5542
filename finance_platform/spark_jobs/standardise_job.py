"""The job `standardise`: raw objects become ledger lines, reference rows and rejected rows.

Belongs here: the batches in their order, and the commits at the end. Does not belong here: the steps of a batch (see
`batch_here`, `batch_by_spark`), rules (see `feeds`, `transforms`), counting (see `delivery_results`).

Request: see `StandardiseRequest`. Result: `{"committed": [delivery ids], "not_opened": [{object_key, reason, fix}]}`;
the commits have the figures.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from finance_platform.deliveries.commits import write_commits
from finance_platform.spark_jobs.arguments import JobArguments, staging_folder
from finance_platform.spark_jobs.batch_by_spark import BatchBySpark
from finance_platform.spark_jobs.batch_here import BatchHere
from finance_platform.spark_jobs.batches import BATCH_DELIVERIES, BATCH_OWN_FILES, in_batches
from finance_platform.spark_jobs.delivery_batch import TABLES
from finance_platform.spark_jobs.delivery_results import DeliveryResult
from finance_platform.spark_jobs.harness import run_job
from finance_platform.spark_jobs.output_on_disk import output_of_job
from finance_platform.spark_jobs.requests import DeliveryToRead, StandardiseRequest
from finance_platform.spark_jobs.session import spark_session
from finance_platform.storage.bulk_read import map_many
from finance_platform.storage.factory import is_remote, open_store
from finance_platform.storage.port import ObjectStore

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_log = logging.getLogger(__name__)


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
    for kind in TABLES:
        of_kind = [delivery for delivery in request.deliveries if delivery.kind == kind]
        for number, deliveries in enumerate(in_batches(of_kind, most)):
            _log.info("reading %d deliveries of kind %s", len(deliveries), kind)
            folder = f"{kind}-{number}" if number else kind
            results = _read_and_write(spark, arguments, processed, request, kind, folder, deliveries)
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


def _read_and_write(
    spark: SparkSession,
    arguments: JobArguments,
    processed: ObjectStore,
    request: StandardiseRequest,
    kind: str,
    folder: str,
    deliveries: Sequence[DeliveryToRead],
) -> dict[str, DeliveryResult]:
    """Read the files once into staged rows, then write each table from these; return the results by id."""
    batch = (spark, arguments, processed, request, kind, folder, deliveries)
    here, by_spark = BatchHere(*batch), BatchBySpark(*batch)
    if not here.is_read_here:
        return by_spark.write(by_spark.read())
    rows = here.read()
    return here.write(rows) if here.is_written_here(rows) else by_spark.write(rows.files())


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


if __name__ == "__main__":
    run_job("standardise", standardise)
