"""`rejected_rows`: every candidate line that was not accepted, with the reasons.

Grain of the output: one rejected, duplicate or skipped candidate line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from finance_platform.contracts.model import MONEY
from finance_platform.contracts.processed import REJECTED_ROWS
from finance_platform.transforms.spark_on_demand import F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

OUTCOMES = ("rejected", "duplicate", "skipped")


def rejected_rows(rows: DataFrame) -> DataFrame:
    """Return the staged rows of any kind whose final outcome is not accepted."""
    if "amount" not in rows.columns:  # rows of a reference file
        rows = rows.withColumn("amount", F.lit(None).cast(MONEY))
        for name in ("scenario", "period", "currency"):
            rows = rows.withColumn(name, F.lit(None).cast("string"))
        if "account_key" not in rows.columns:
            rows = rows.withColumn("account_key", F.lit(None).cast("bigint"))
    return rows.where(F.col("outcome").isin(*OUTCOMES)).select(*REJECTED_ROWS.column_names)
