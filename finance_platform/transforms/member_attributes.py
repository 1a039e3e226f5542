"""`member_attributes`: the attributes that one delivery's ledger lines give its departments and accounts.

Grain of the output: one combination of attributes of a member in one scenario and period of a delivery.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from finance_platform.contracts.processed import MEMBER_ATTRIBUTES
from finance_platform.transforms.members import ATTRIBUTES
from finance_platform.transforms.spark_on_demand import F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_SOURCES = {
    "department": {"name": "department_name", "business_unit": "business_unit"},
    "account": {"name": "account_name", "account_type": "account_type", "category": "account_category"},
}
_CODES = {"department": "department_code", "account": "account_number"}

ATTRIBUTE_FIELDS = frozenset(source for sources in _SOURCES.values() for source in sources.values())
"""The fields of a ledger line that give attributes; a feed with none of them has no rows here."""


def member_attributes(rows: DataFrame) -> DataFrame:
    """Return the attributes that accepted, staged ledger rows give; lines without any give none."""
    accepted = rows.where(F.col("outcome") == "accepted")
    return _attributes_of(accepted, "department").unionByName(_attributes_of(accepted, "account"))


def _attributes_of(accepted: DataFrame, dimension: str) -> DataFrame:
    sources = _SOURCES[dimension]
    has_attribute = reduce(lambda left, right: left | right, (F.col(name).isNotNull() for name in sources.values()))
    attributes = [
        F.col(sources[name]).alias(name) if name in sources else F.lit(None).cast("string").alias(name)
        for name in ATTRIBUTES
    ]
    lines = accepted.where(has_attribute).select(
        "delivery_id",
        F.lit(dimension).alias("dimension"),
        F.col(f"{dimension}_key").alias("member_key"),
        "scenario",
        "period",
        *attributes,
        F.col(_CODES[dimension]).alias("code"),
        "source_row",
        "amount",
    )
    return (
        lines.groupBy("delivery_id", "dimension", "member_key", "scenario", "period", *ATTRIBUTES)
        .agg(
            F.min("code").alias("code"),
            F.min("source_row").alias("first_row"),
            F.count(F.lit(1)).alias("row_count"),
            F.sum(F.abs("amount")).cast("string").alias("gross_amount"),
        )
        .select(*MEMBER_ATTRIBUTES.column_names)
    )
