"""The shared part of `dim_department` and `dim_account`: members from reference files and from ledger lines.

Grain of the output: one member, with the attributes of the source that takes precedence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from finance_platform.transforms.spark_on_demand import F, Window

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def conformed_members(
    reference: DataFrame, mentioned: DataFrame, ranks: DataFrame, key: str, columns: Mapping[str, str]
) -> DataFrame:
    """Return one row per member: `key`, every column of `columns`, and is_inferred.

    The latest reference delivery of a member gives its attributes, the last of its rows about the member; for those
    that are blank there, the first ledger delivery that has a value gives it. These are the attributes of the last
    periods; what they were in earlier ones is not in the dimension (see `deliveries.attribute_spans`).

    Args:
        reference: reference rows of live deliveries.
        mentioned: member rows of live ledger deliveries.
        ranks: delivery_id, rank: the defined order.
        key: name of the surrogate key in `reference`.
        columns: output column to member column; empty if members have no such column.
    """
    described = _first_known(reference.join(F.broadcast(ranks), "delivery_id"), key, list(columns), latest_first=True)
    inferred = mentioned.select(
        "delivery_id",
        F.col("member_key").alias(key),
        *[(F.col(source) if source else F.lit(None).cast("string")).alias(name) for name, source in columns.items()],
    )
    by_lines = _first_known(inferred.join(F.broadcast(ranks), "delivery_id"), key, list(columns), latest_first=False)
    left = described.withColumn("is_described", F.lit(True)).alias("described")
    joined = left.join(by_lines.alias("inferred"), on=key, how="full_outer")
    return joined.select(
        key,
        *[F.coalesce(F.col(f"described.{name}"), F.col(f"inferred.{name}")).alias(name) for name in columns],
        F.col("is_described").isNull().alias("is_inferred"),
    )


def _first_known(rows: DataFrame, key: str, columns: Sequence[str], *, latest_first: bool) -> DataFrame:
    if latest_first:
        # Of rows with one date, one for each predecessor, the first one counts; a date counts before none.
        place = [F.col("valid_from").desc_nulls_last(), F.coalesce("source_sheet", F.lit("")), F.col("source_row")]
        nth = Window.partitionBy(key).orderBy(F.col("rank").desc(), *place)
        # The latest description counts as a whole: an attribute that is blank in it is not filled from an older one.
        return rows.withColumn("nth", F.row_number().over(nth)).where(F.col("nth") == 1).select(key, *columns)
    nth = Window.partitionBy(key).orderBy(F.col("rank").asc())
    whole = nth.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    known = rows.select(
        key,
        *[F.first(name, ignorenulls=True).over(whole).alias(name) for name in columns],
        F.row_number().over(nth).alias("nth"),
    )
    return known.where(F.col("nth") == 1).select(key, *columns)
