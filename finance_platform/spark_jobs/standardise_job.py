"""The Glue job `standardise`: raw objects become ledger lines, reference rows and rejected rows.

Belongs here: the order of the steps and the commits at the end. Does not belong here: rules (`feeds`, `transforms`).

Request: `{"deliveries": [{delivery_id, object_key, feed, kind, fingerprint}], "feeds": {name: resolved feed}}`.
Result: `{"committed": [delivery ids], "not_opened": [{object_key, reason}]}`; the commits carry the figures.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from finance_platform.contracts.model import Contract
from finance_platform.contracts.processed import ACCOUNTS, BUDGET, DEPARTMENTS, MEMBERS, REJECTED_ROWS, TRANSACTIONS
from finance_platform.contracts.schemas import MEASURED, NOT_OPENED, REFUSED, REPEATS, STAGED, spark_schema
from finance_platform.deliveries.commits import Count, DataFile, DeliveryCommit, PeriodCount, write_commit
from finance_platform.feeds.codes import scenario_name
from finance_platform.feeds.read_file import reader
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.spark_jobs.harness import run_job
from finance_platform.spark_jobs.session import spark_session
from finance_platform.spark_jobs.tables import read_files, write_split, write_whole
from finance_platform.storage.factory import open_store
from finance_platform.storage.port import ObjectStore
from finance_platform.transforms.accounts import accounts
from finance_platform.transforms.budget import budget
from finance_platform.transforms.departments import departments
from finance_platform.transforms.members import members
from finance_platform.transforms.rejected_rows import rejected_rows
from finance_platform.transforms.repeated_keys import find_possible_duplicates, repeated_keys, with_outcomes
from finance_platform.transforms.transactions import transactions

_log = logging.getLogger(__name__)

_LINEAGE = {"delivery_id", "feed", "source_file", "source_sheet", "source_row", "line_key"}
_CONTENT = ("posting_date", "department_key", "account_key", "amount", "is_debit_positive", "line_key", "scope_key")
_OUTPUTS = {
    "ledger": ((TRANSACTIONS, transactions), (BUDGET, budget), (MEMBERS, members)),
    "departments": ((DEPARTMENTS, departments),),
    "accounts": ((ACCOUNTS, accounts),),
}
_SORT = {
    "members": ("dimension", "member_key"),
}


@dataclass
class _Measured:
    """What is known of the deliveries of one kind after their rows are written."""

    markers: dict[str, Row] = field(default_factory=dict)
    files: dict[str, dict[str, list[DataFile]]] = field(default_factory=dict)
    outcomes: dict[str, dict[str, Count]] = field(default_factory=dict)
    rules: dict[str, dict[str, int]] = field(default_factory=dict)
    periods: dict[str, list[PeriodCount]] = field(default_factory=dict)
    days: dict[str, tuple[str, str]] = field(default_factory=dict)
    members: dict[str, str] = field(default_factory=dict)


def standardise(arguments: JobArguments, request: dict[str, Any]) -> dict[str, Any]:
    """Start Spark, read every delivery of the request."""
    # Asked here, where what is wrong with a bucket or with credentials is told in words: of a worker's failure, Spark
    # shows a trace. A folder that is gone is told file by file.
    open_store(arguments.raw_uri, arguments.raw_options).exists()
    with spark_session(arguments.spark_engine, arguments.s3_options) as spark:
        return read_deliveries(spark, arguments, request)


def read_deliveries(spark: SparkSession, arguments: JobArguments, request: dict[str, Any]) -> dict[str, Any]:
    """Read every delivery of the request, write its rows, commit it."""
    processed = arguments.processed
    committed: list[str] = []
    not_opened: list[dict[str, str]] = []
    for kind in _OUTPUTS:
        deliveries = [delivery for delivery in request["deliveries"] if delivery["kind"] == kind]
        if not deliveries:
            continue
        _log.info("reading %d deliveries of kind %s", len(deliveries), kind)
        found = _read_and_write(spark, processed, arguments, kind, deliveries, request["feeds"])
        for delivery in deliveries:
            marker = found.markers[delivery["delivery_id"]]
            if marker["outcome"] == NOT_OPENED:
                not_opened.append({"object_key": delivery["object_key"], "reason": marker["reasons"]})
                continue
            write_commit(processed, _commit(delivery, marker, found, request["feeds"], arguments.attempt))
            committed.append(delivery["delivery_id"])
    arguments.temporary.delete_folder(_staging(arguments.attempt))
    return {"committed": committed, "not_opened": not_opened}


def _staging(attempt: str) -> str:
    return f"staging/{attempt}"


def _read_and_write(
    spark: SparkSession,
    processed: ObjectStore,
    arguments: JobArguments,
    kind: str,
    deliveries: Sequence[Mapping[str, Any]],
    feeds: dict[str, dict[str, object]],
) -> _Measured:
    """Read the files once into a staging table, then write each output from that."""
    schema = STAGED[kind]
    fields = ("delivery_id", "object_key", "feed", "fingerprint")
    listing = spark.createDataFrame(
        [tuple(delivery[name] for name in fields) for delivery in deliveries],
        ", ".join(f"{name} string" for name in fields),
    )
    # Every file that is open holds its batches. One reader for each of 36 files at once took 2.8 GiB, two took 0.8.
    readers = len(deliveries) if arguments.is_in_glue else min(len(deliveries), os.cpu_count() or 1)
    read = reader(kind, feeds, arguments.raw_uri, arguments.raw_options)
    staged_rows = listing.repartition(readers).mapInArrow(read, spark_schema(schema))
    temporary, folder = arguments.temporary, f"{_staging(arguments.attempt)}/{kind}"
    staged_files = write_whole(staged_rows, schema, temporary, f"{folder}/rows")
    staged = read_files(spark, temporary, [file.key for file in staged_files], schema)
    found = _Measured()
    markers = staged.where(F.col("outcome").isin(MEASURED, REFUSED, NOT_OPENED)).collect()
    found.markers = {row["delivery_id"]: row for row in markers}
    # A file that breaks off in its midst has rows before its marker; they stay behind in the staging table.
    unread = [row["delivery_id"] for row in markers if row["outcome"] != MEASURED]
    readable = staged.where(~F.col("delivery_id").isin(unread)) if unread else staged
    compared = [column.name for column in schema if column.name not in _LINEAGE and column.name in _data_columns(kind)]
    suspect_files = write_whole(find_possible_duplicates(readable), schema, temporary, f"{folder}/suspects")
    suspects = read_files(spark, temporary, [file.key for file in suspect_files], schema)
    repeat_files = write_whole(repeated_keys(suspects, compared), REPEATS, temporary, f"{folder}/repeats")
    repeats = read_files(spark, temporary, [file.key for file in repeat_files], REPEATS)
    rows = with_outcomes(readable, repeats)
    for contract, transform in (*_OUTPUTS[kind], (REJECTED_ROWS, rejected_rows)):
        _write_output(spark, processed, f"{contract.name}/{arguments.attempt}/{kind}", contract, transform(rows), found)
    return found


def _data_columns(kind: str) -> set[str]:
    contract = {"ledger": TRANSACTIONS, "departments": DEPARTMENTS, "accounts": ACCOUNTS}[kind]
    attributes = {"department_name", "business_unit", "account_name", "account_type", "account_category"}
    return set(contract.column_names) | (attributes if kind == "ledger" else set())


def _write_output(
    spark: SparkSession, processed: ObjectStore, folder: str, contract: Contract, rows: DataFrame, found: _Measured
) -> None:
    if contract in (TRANSACTIONS, BUDGET):
        files = write_split(rows, contract.columns, processed, folder, "delivery_id", then_by="period")
    else:
        order = _SORT.get(contract.name, ("source_row",))
        files = write_split(rows, contract.columns, processed, folder, "delivery_id", order)
    for delivery_id, of_delivery in files.items():
        found.files.setdefault(delivery_id, {})[contract.name] = of_delivery
    keys = [file.key for of_delivery in files.values() for file in of_delivery]
    written = read_files(spark, processed, keys, contract.columns)
    if contract is REJECTED_ROWS:
        _measure_rejected(written, found)
    elif contract is MEMBERS:
        _measure_members(written, found)
    elif contract in (TRANSACTIONS, BUDGET):
        _measure_lines(written, found)
    else:
        for row in written.groupBy("delivery_id").agg(F.count(F.lit(1)).alias("row_count")).collect():
            _add(found, row["delivery_id"], "accepted", Count(rows=row["row_count"], unpriced=row["row_count"]))


def _measure_lines(written: DataFrame, found: _Measured) -> None:
    """Count what was written, from what was written, so that a lost row shows."""
    sums = written.groupBy("delivery_id", "scenario", "scenario_type", "period").agg(
        F.count(F.lit(1)).alias("row_count"),
        F.sum("amount").alias("amount"),
        F.sum(F.abs("amount")).alias("absolute"),
        F.min("posting_date").alias("first_day"),
        F.max("posting_date").alias("last_day"),
        # A sum does not depend on the order of lines, and tells apart what a bitwise operation would cancel out.
        F.sum(F.xxhash64(*_CONTENT).cast("decimal(38,0)")).alias("content"),
    )
    for row in sums.collect():
        delivery_id = row["delivery_id"]
        _add(found, delivery_id, "accepted", Count(row["row_count"], row["amount"], row["absolute"]))
        found.periods.setdefault(delivery_id, []).append(
            PeriodCount(
                row["scenario"],
                row["scenario_type"],
                row["period"],
                row["row_count"],
                row["amount"],
                str(row["content"]),
            )
        )
        first, last = found.days.get(delivery_id, ("9999", ""))
        found.days[delivery_id] = (min(first, str(row["first_day"])), max(last, str(row["last_day"])))


def _measure_rejected(written: DataFrame, found: _Measured) -> None:
    sums = written.groupBy("delivery_id", "outcome", "rules").agg(
        F.count(F.lit(1)).alias("row_count"),
        F.sum("amount").alias("amount"),
        F.sum(F.abs("amount")).alias("absolute"),
        F.count("amount").alias("priced"),
    )
    for row in sums.collect():
        zero = Decimal("0.00")
        count = Count(
            row["row_count"], row["amount"] or zero, row["absolute"] or zero, row["row_count"] - row["priced"]
        )
        _add(found, row["delivery_id"], row["outcome"], count)
        rules = found.rules.setdefault(row["delivery_id"], {})
        for rule in row["rules"].split(","):
            rules[rule] = rules.get(rule, 0) + row["row_count"]


def _measure_members(written: DataFrame, found: _Measured) -> None:
    by_delivery: dict[str, list[list[str]]] = {}
    for row in written.drop("member_key").collect():
        by_delivery.setdefault(row["delivery_id"], []).append(
            [row[name] or "" for name in row.asDict() if name != "delivery_id"]
        )
    for delivery_id, rows in by_delivery.items():
        found.members[delivery_id] = hashlib.sha256(json.dumps(sorted(rows)).encode()).hexdigest()[:16]


def _add(found: _Measured, delivery_id: str, outcome: str, count: Count) -> None:
    outcomes = found.outcomes.setdefault(delivery_id, {})
    outcomes[outcome] = outcomes.get(outcome, Count()) + count


def _commit(
    delivery: Mapping[str, Any], marker: Row, found: _Measured, feeds: Mapping[str, Any], attempt: str
) -> DeliveryCommit:
    delivery_id = delivery["delivery_id"]
    names = {name: delivery[name] for name in ("delivery_id", "object_key", "feed", "kind", "fingerprint")}
    at = datetime.now(UTC).isoformat(timespec="microseconds")
    if marker["outcome"] == REFUSED:
        fix = marker["raw_row"] or ""
        return DeliveryCommit(
            **names, status="refused", refusal=marker["reasons"], fix=fix, attempt=attempt, committed_at=at
        )
    read = Count(marker["measured_rows"], Decimal(marker["measured_amount"]), unpriced=marker["measured_unpriced"])
    first, last = found.days.get(delivery_id, ("", ""))
    return DeliveryCommit(
        **names,
        status="read",
        read=read,
        rounding=Decimal(marker["measured_rounding"]),
        outcomes=found.outcomes.get(delivery_id, {}),
        rules=found.rules.get(delivery_id, {}),
        periods=sorted(found.periods.get(delivery_id, []), key=lambda count: (count.period, count.scenario)),
        files=found.files.get(delivery_id, {}),
        members_hash=found.members.get(delivery_id, ""),
        is_debit_positive=feeds[delivery["feed"]]["rules"]["is_debit_positive"],
        first_day=first,
        last_day=last,
        order=marker["measured_order"] or "",
        covers=tuple(json.loads(marker["covers"])),
        constant_scenarios=_constant_scenarios(feeds[delivery["feed"]]["rules"]),
        extra_columns=json.loads(marker["extra_columns"]),
        attempt=attempt,
        committed_at=at,
    )


def _constant_scenarios(rules: Mapping[str, Any]) -> tuple[str, ...]:
    constant = rules["constants"].get("scenario")
    return (scenario_name(constant, rules["scenarios"]),) if constant else ()


if __name__ == "__main__":
    run_job("standardise", standardise)
