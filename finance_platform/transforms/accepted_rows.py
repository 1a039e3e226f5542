"""The tables of accepted rows: `transactions`, `budget`, `departments` and `accounts`.

Grain of the output: one accepted ledger line, department or account of one delivery.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from finance_platform.contracts.model import Contract
from finance_platform.contracts.processed import BUDGET, TRANSACTIONS
from finance_platform.transforms.spark_on_demand import F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def accepted_rows(rows: DataFrame, contract: Contract) -> DataFrame:
    """Return the accepted rows of one table; ledger lines of Actual are transactions, those of all others are budget.

    Args:
        rows: staged rows with their final outcomes.
        contract: the table.
    """
    accepted = rows.where(F.col("outcome") == "accepted")
    if contract is TRANSACTIONS:
        accepted = accepted.where(F.col("scenario_type") == "Actual")
    elif contract is BUDGET:
        accepted = accepted.where(F.col("scenario_type") != "Actual")
    return accepted.select(*contract.column_names)
