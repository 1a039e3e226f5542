"""What `dim_department` and `dim_account` share: members from reference files and from ledger lines.

Grain of the output: one member, with the attributes that the first to know says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F


def conformed_members(
    reference: DataFrame, mentioned: DataFrame, ranks: DataFrame, key: str, columns: Mapping[str, str]
) -> DataFrame:
    """Return one row per member: `key`, every column of `columns`, and is_inferred.

    A reference file's latest delivery decides; where it is silent, the ledger lines' first mention in delivery order.

    Args:
        reference: reference rows of live deliveries.
        mentioned: member rows of live ledger deliveries.
        ranks: delivery_id, rank: the defined order.
        key: name of the surrogate key in `reference`.
        columns: output column to the name of the member column that knows it, empty where none does.
    """
    described = _first_known(reference.join(F.broadcast(ranks), "delivery_id"), key, list(columns), latest_first=True)
    inferred = mentioned.select(
        "delivery_id",
        F.col("member_key").alias(key),
        *[(F.col(source) if source else F.lit(None).cast("string")).alias(name) for name, source in columns.items()],
    )
    seen = _first_known(inferred.join(F.broadcast(ranks), "delivery_id"), key, list(columns), latest_first=False)
    left = described.withColumn("is_described", F.lit(True)).alias("described")
    joined = left.join(seen.alias("seen"), on=key, how="full_outer")
    return joined.select(
        key,
        *[F.coalesce(F.col(f"described.{name}"), F.col(f"seen.{name}")).alias(name) for name in columns],
        F.col("is_described").isNull().alias("is_inferred"),
    )


def _first_known(rows: DataFrame, key: str, columns: Sequence[str], *, latest_first: bool) -> DataFrame:
    by_rank = F.col("rank").desc() if latest_first else F.col("rank").asc()
    nth = Window.partitionBy(key).orderBy(by_rank)
    if latest_first:
        # The latest description counts whole: an attribute that it leaves blank is not filled from an older one.
        return rows.withColumn("nth", F.row_number().over(nth)).where(F.col("nth") == 1).select(key, *columns)
    whole = nth.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    known = rows.select(
        key,
        *[F.first(name, ignorenulls=True).over(whole).alias(name) for name in columns],
        F.row_number().over(nth).alias("nth"),
    )
    return known.where(F.col("nth") == 1).select(key, *columns)
