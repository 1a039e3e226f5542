"""What `transactions` and `budget` share: accepted ledger lines in the contract's columns.

Grain of the output: one accepted ledger line.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from finance_platform.contracts.processed import TRANSACTIONS


def accepted_lines(rows: DataFrame) -> DataFrame:
    """Return the accepted rows of staged ledger rows, with every lineage and line column."""
    return rows.where(F.col("outcome") == "accepted").select(*TRANSACTIONS.column_names)
