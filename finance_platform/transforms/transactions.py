"""`transactions`: accepted ledger lines of scenario Actual.

Grain of the output: one ledger line.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from finance_platform.contracts.processed import TRANSACTIONS
from finance_platform.transforms.accepted_lines import accepted_lines


def transactions(rows: DataFrame) -> DataFrame:
    """Return the Actual lines of staged ledger rows that have their final outcomes."""
    return accepted_lines(rows).where(F.col("scenario_type") == "Actual").select(*TRANSACTIONS.column_names)
