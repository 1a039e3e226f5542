"""`budget`: accepted ledger lines of every plan scenario, budgets and forecasts alike.

Grain of the output: one ledger line.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from finance_platform.contracts.processed import BUDGET
from finance_platform.transforms.accepted_lines import accepted_lines


def budget(rows: DataFrame) -> DataFrame:
    """Return the plan lines of staged ledger rows that have their final outcomes."""
    return accepted_lines(rows).where(F.col("scenario_type") != "Actual").select(*BUDGET.column_names)
