"""`departments`: the departments that reference files describe, as delivered.

Grain of the output: one department of one delivery.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from finance_platform.contracts.processed import DEPARTMENTS


def departments(rows: DataFrame) -> DataFrame:
    """Return the accepted rows of staged departments that have their final outcomes."""
    return rows.where(F.col("outcome") == "accepted").select(*DEPARTMENTS.column_names)
