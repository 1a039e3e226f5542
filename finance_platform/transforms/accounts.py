"""`accounts`: the accounts that reference files describe, as delivered.

Grain of the output: one account of one delivery.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from finance_platform.contracts.processed import ACCOUNTS


def accounts(rows: DataFrame) -> DataFrame:
    """Return the accepted rows of staged accounts that have their final outcomes."""
    return rows.where(F.col("outcome") == "accepted").select(*ACCOUNTS.column_names)
