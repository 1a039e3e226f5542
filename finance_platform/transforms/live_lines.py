"""Live lines: the ledger lines that count, after load modes and signs.

Grain of the output: one ledger line whose amount has the canonical sign.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from finance_platform.contracts.model import MONEY

_FLIPPED_TYPES = ("Revenue", "Liability", "Equity")


def live_lines(lines: DataFrame, counted: DataFrame, upserts: DataFrame) -> DataFrame:
    """Return the lines that count.

    Args:
        lines: ledger lines of the deliveries that reach the wanted periods, and of the upsert groups whole.
        counted: delivery_id, period, scenario: whose lines count where; decides replace_period.
        upserts: delivery_id, rank: deliveries in which a later one's key hides an earlier one's.
    """
    newest = Window.partitionBy("feed", "line_key").orderBy(F.col("rank").desc())
    ranked = lines.join(F.broadcast(upserts), on="delivery_id", how="inner")
    winners = ranked.withColumn("nth", F.row_number().over(newest)).where(F.col("nth") == 1).select(*lines.columns)
    others = lines.join(F.broadcast(upserts), on="delivery_id", how="left_anti")
    return (
        others.unionByName(winners)
        .join(F.broadcast(counted), on=["delivery_id", "period", "scenario"], how="left_semi")
        .select(*lines.columns)
    )


def with_natural_sign(lines: DataFrame, dim_account: DataFrame) -> DataFrame:
    """Return the lines with the canonical sign: under debit-positive feeds, credit-natured accounts are flipped."""
    types = dim_account.select("account_key", "account_type")
    is_flipped = F.col("is_debit_positive") & F.col("account_type").isin(*_FLIPPED_TYPES)
    signed = F.when(is_flipped, -F.col("amount")).otherwise(F.col("amount")).cast(MONEY)
    names = [signed.alias(name) if name == "amount" else F.col(name) for name in lines.columns]
    return lines.join(F.broadcast(types), on="account_key", how="left").select(*names)
