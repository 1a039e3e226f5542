"""`rejected_rows`: every candidate line that was not accepted, with the reasons.

Grain of the output: one rejected, duplicate or skipped candidate line.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from finance_platform.contracts.model import MONEY
from finance_platform.contracts.processed import REJECTED_ROWS
from finance_platform.transforms.spark_on_demand import F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

OUTCOMES = ("rejected", "duplicate", "skipped")

_OF_LINES = frozenset({"amount", "scenario", "period", "currency"})
"""The columns that are blank for rows of other files than ledgers, even where such rows name a scenario or a period."""


_KEY_TYPE = "bigint"
_TYPES = {"amount": MONEY, "account_key": _KEY_TYPE}


def blank_columns(staged: Collection[str]) -> frozenset[str]:
    """Return the columns of rejected rows that have no values, by the columns of the staged rows of their kind."""
    return frozenset() if "amount" in staged else _OF_LINES | {"account_key"}.difference(staged)


def rejected_rows(rows: DataFrame) -> DataFrame:
    """Return the staged rows of any kind whose final outcome is not accepted."""
    for name in sorted(blank_columns(rows.columns)):
        rows = rows.withColumn(name, F.lit(None).cast(_TYPES.get(name, "string")))
    return rows.where(F.col("outcome").isin(*OUTCOMES)).select(*REJECTED_ROWS.column_names)
