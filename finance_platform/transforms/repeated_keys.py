"""Rows of one delivery that share a key, brought together by Spark; `key_comparison` has the rule.

Grain of the output: one row that must not become a line because of its key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from typing import TYPE_CHECKING

import pyarrow as pa

from finance_platform.contracts.schemas import REPEATED_KEYS, WRITTEN, spark_schema
from finance_platform.transforms.key_comparison import IDENTITY, NULLABLE, compare_keys
from finance_platform.transforms.spark_on_demand import F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def find_possible_duplicates(staged: DataFrame) -> DataFrame:
    """Return the accepted rows whose key's hash occurs more than once in their delivery: all repeats, hardly more.

    A hash is one number: counting the hashes of a whole ledger takes a third of the time of counting its keys.
    """
    keyed = _keyed(staged).withColumn("key_hash", F.xxhash64("delivery_id", "line_key"))
    repeated = keyed.groupBy("key_hash").agg(F.count(F.lit(1)).alias("times")).where(F.col("times") > 1)
    return keyed.join(F.broadcast(repeated.select("key_hash")), on="key_hash", how="left_semi").select(*staged.columns)


def repeated_keys(staged: DataFrame, compared: Sequence[str]) -> DataFrame:
    """Return outcome, rules and reasons of the rows whose key occurs more than once in their delivery.

    Args:
        staged: staged rows of one kind of feed, all or the possible duplicates.
        compared: see `compare_keys`.
    """
    names = list(dict.fromkeys([*IDENTITY, *compared]))

    def compare(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        if rows := list(batches):
            table = pa.Table.from_batches(rows)
            rows.clear()
            yield from compare_keys(table, compared)

    # All rows of one key are in one task.
    keyed = _keyed(staged).select(*names).repartition("delivery_id", "line_key")
    return keyed.mapInArrow(compare, spark_schema(REPEATED_KEYS))


def _keyed(staged: DataFrame) -> DataFrame:
    """Return the lines that are compared: accepted ones with a key, some of which may be in their files already."""
    return staged.where(F.col("outcome").isin("accepted", WRITTEN) & F.col("line_key").isNotNull())


def with_outcomes(staged: DataFrame, repeats: DataFrame) -> DataFrame:
    """Return the staged rows with their final outcome; `repeats` is the result of `repeated_keys`."""
    repeated = repeats.select(
        *[F.col(name).alias(f"repeated_{name}") for name in IDENTITY],
        *[name for name in repeats.columns if name not in IDENTITY],
    )
    # The same line number may be on several sheets, and a row may give several lines; neither has a name that is blank.
    is_same = [
        F.coalesce(F.col(name), F.lit("")) == F.coalesce(F.col(f"repeated_{name}"), F.lit(""))
        if name in NULLABLE
        else F.col(name) == F.col(f"repeated_{name}")
        for name in IDENTITY
    ]
    joined = staged.join(F.broadcast(repeated), on=reduce(lambda left, right: left & right, is_same), how="left")
    names = {name: F.coalesce(F.col(f"key_{name}"), F.col(name)) for name in ("outcome", "rules", "reasons", "raw_row")}
    return joined.select(*[names.get(name, F.col(name)).alias(name) for name in staged.columns])
