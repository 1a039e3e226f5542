"""Vouchers whose debits and credits differ, or of which a line is rejected: all of their lines are rejected.

Grain of the output: one voucher of one delivery that is rejected whole.

Amounts are compared exactly and before rounding, and a voucher's lines need not be adjacent. A line that repeats
another one under the same key is a duplicate and no part of its voucher.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from finance_platform.transforms.reasons import (
    MAX_QUOTED,
    describe_half_voucher,
    describe_place,
    describe_unbalanced_voucher,
)
from finance_platform.transforms.spark_on_demand import F, Window

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_VOUCHER = ("delivery_id", "voucher")
_REJECTED = ("voucher_rules", "voucher_reasons")
_SCHEMA = pa.schema([(name, pa.string()) for name in (*_VOUCHER, *_REJECTED)])


def rejected_vouchers(rows: DataFrame) -> DataFrame:
    """Return the vouchers that are rejected whole, with their rule and reason.

    Args:
        rows: staged ledger rows with the outcomes of their own and of their keys. They are read several times.
    """
    lines = rows.where(F.col("voucher").isNotNull() & F.col("outcome").isin("accepted", "rejected"))
    amount, zero = F.col("voucher_amount"), F.lit(0).cast("decimal(38,18)")
    sums = lines.groupBy(*_VOUCHER).agg(
        F.sum(F.when(amount > 0, amount).otherwise(zero)).alias("debit"),
        F.sum(F.when(amount < 0, -amount).otherwise(zero)).alias("credit"),
        F.sum(F.when(_is_rejected(), 1).otherwise(0)).alias("rejected_count"),
    )
    broken = sums.where((F.col("rejected_count") > 0) | (F.col("debit") != F.col("credit")))
    first = Window.partitionBy(*_VOUCHER).orderBy("source_sheet", "source_row", "source_column")
    bad = lines.where(_is_rejected()).withColumn("nth", F.row_number().over(first)).where(F.col("nth") == 1)
    described = broken.join(
        bad.select(*_VOUCHER, "source_sheet", "source_row", "rules"), on=list(_VOUCHER), how="left"
    ).select(*_VOUCHER, "debit", "credit", "source_sheet", "source_row", "rules")
    return described.mapInArrow(_describe_batches, ", ".join(f"{name} string" for name in _SCHEMA.names))


def with_rejected_vouchers(rows: DataFrame, vouchers: DataFrame, shown: Sequence[str]) -> DataFrame:
    """Return the rows with the accepted lines of these vouchers rejected.

    Args:
        rows: staged ledger rows with the outcomes of their own and of their keys.
        vouchers: the result of `rejected_vouchers`.
        shown: the columns that show such a line, since it was accepted as delivered.
    """
    joined = rows.join(vouchers, on=list(_VOUCHER), how="left")
    is_rejected = (F.col("outcome") == "accepted") & F.col("voucher_rules").isNotNull()
    as_typed = F.to_json(F.struct(*[F.col(name).cast("string").alias(name) for name in shown]))
    changed = {
        "outcome": F.lit("rejected"),
        "rules": F.col("voucher_rules"),
        "reasons": F.col("voucher_reasons"),
        "raw_row": as_typed,
    }
    return joined.select(
        *[
            F.when(is_rejected, changed[name]).otherwise(F.col(name)).alias(name) if name in changed else F.col(name)
            for name in rows.columns
        ]
    )


def voucher_periods(rows: DataFrame) -> DataFrame:
    """Return delivery_id, first and other: pairs of periods in which one voucher has accepted lines.

    Args:
        rows: staged ledger rows with their final outcomes.
    """
    accepted = rows.where(F.col("voucher").isNotNull() & (F.col("outcome") == "accepted"))
    places = accepted.select(*_VOUCHER, "period").distinct()
    first = F.min("period").over(Window.partitionBy(*_VOUCHER))
    pairs = places.withColumn("first", first).where(F.col("period") != F.col("first"))
    return pairs.select("delivery_id", "first", F.col("period").alias("other")).distinct()


def _is_rejected() -> Column:
    return F.col("outcome") == "rejected"


def _describe_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield rule and reason of each voucher; in Python, because engines write decimals in different ways."""
    for batch in batches:
        yield pa.RecordBatch.from_pylist([_describe(voucher) for voucher in batch.to_pylist()], schema=_SCHEMA)


def _describe(voucher: dict[str, Any]) -> dict[str, str]:
    name = voucher["voucher"]
    if voucher["source_row"] is not None:
        place = describe_place(voucher["source_sheet"], voucher["source_row"])
        rule, words = describe_half_voucher(name, place, voucher["rules"])
    else:
        rule, words = describe_unbalanced_voucher(name, voucher["debit"], voucher["credit"])
    # As `feeds.reasons` writes it; a voucher may be named by several columns, so none is named.
    reason = {"rule": rule, "column": "", "value": name[:MAX_QUOTED], "words": words}
    return {
        **{column: voucher[column] for column in _VOUCHER},
        "voucher_rules": rule,
        "voucher_reasons": json.dumps([reason], ensure_ascii=False, separators=(",", ":")),
    }
