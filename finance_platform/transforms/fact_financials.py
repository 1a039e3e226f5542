"""`fact_financials`: the amounts of each scenario by day, department and account, beside the baseline.

Grain of the output: one row per day, department, account and scenario. A period's baseline is booked on the period's
first day, once for every scenario that covers the period, so that no join fans out and no budget counts twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from finance_platform.contracts.model import MONEY
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.transforms.spark_on_demand import F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_CELL = ("period", "transaction_date", "department_key", "account_key", "scenario_key")


def fact_cells(lines: DataFrame) -> DataFrame:
    """Return the sums of the lines in each cell: a day, department, account and scenario of a period.

    `fact_financials` reads the cells five times, so a caller with many lines writes them to files in between.

    Args:
        lines: live lines with natural sign.
    """
    return (
        lines.withColumnRenamed("posting_date", "transaction_date")
        .groupBy(*_CELL, "scenario_type")
        # Spark widens a sum; the cast back keeps the type of the column.
        .agg(F.sum("amount").cast(MONEY).alias("amount"), F.count(F.lit(1)).alias("transaction_count"))
    )


def fact_financials(cells: DataFrame, coverage: DataFrame, baseline_key: int, actual_key: int) -> DataFrame:
    """Return the fact rows of the periods in `coverage`, with `period` as a last column to slice them by.

    Args:
        cells: see `fact_cells`.
        coverage: period, first_day, actual_covers; one row per period. Null: Actual covers it if it has lines.
        baseline_key: surrogate key of the baseline.
        actual_key: surrogate key of scenario Actual.
    """
    is_baseline = F.col("scenario_key") == F.lit(baseline_key)
    own = cells.select(
        *_CELL,
        "amount",
        F.when(is_baseline, F.col("amount")).otherwise(F.lit(0)).alias("budget_amount"),
        "transaction_count",
    )
    of_baseline = (
        cells.where(is_baseline)
        .groupBy("period", "department_key", "account_key")
        .agg(F.sum("amount").alias("budget_amount"))
        # The baseline is not compared with itself, not even where Actual is the baseline.
        .join(F.broadcast(_covering(cells, coverage, actual_key).where(~is_baseline)), on="period", how="inner")
        .select(
            "period",
            F.col("first_day").alias("transaction_date"),
            "department_key",
            "account_key",
            "scenario_key",
            F.lit(0).cast(MONEY).alias("amount"),
            "budget_amount",
            F.lit(0).cast("bigint").alias("transaction_count"),
        )
    )
    summed = (
        own.unionByName(of_baseline)
        .groupBy(*_CELL)
        .agg(
            # Spark widens a sum; the cast back keeps the Parquet type that COPY expects.
            F.sum("amount").cast(MONEY).alias("amount"),
            F.sum("budget_amount").cast(MONEY).alias("budget_amount"),
            F.sum("transaction_count").alias("transaction_count"),
        )
    )
    day = F.col("transaction_date")
    date_key = F.year(day) * F.lit(10000) + F.month(day) * F.lit(100) + F.dayofmonth(day)
    return (
        summed.withColumn("date_key", date_key.cast("int"))
        .withColumn("variance", (F.col("amount") - F.col("budget_amount")).cast(MONEY))
        .select(*[column.name for column in FACT_FINANCIALS.stored_columns], "period")
    )


def _covering(cells: DataFrame, coverage: DataFrame, actual_key: int) -> DataFrame:
    """Return period, first_day and scenario_key of every scenario that covers a period, Actual's gaps included."""
    plans = (
        cells.where(F.col("scenario_type") != "Actual")
        .select("period", "scenario_key")
        .distinct()
        .join(F.broadcast(coverage), on="period", how="inner")
        .select("period", "first_day", "scenario_key")
    )
    with_actuals = cells.where(F.col("scenario_type") == "Actual").select("period").distinct()
    by_lines = coverage.where(F.col("actual_covers").isNull()).join(with_actuals, on="period", how="left_semi")
    actual = (
        coverage.where(F.col("actual_covers"))
        .unionByName(by_lines)
        .select("period", "first_day", F.lit(actual_key).cast("bigint").alias("scenario_key"))
    )
    return plans.unionByName(actual)
