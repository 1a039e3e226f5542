"""`members`: the departments and accounts that one delivery's ledger lines mention.

Grain of the output: one member of one dimension in one delivery. Small, so that dimensions never read lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from finance_platform.contracts.processed import MEMBERS
from finance_platform.contracts.schemas import MENTIONED
from finance_platform.transforms.spark_on_demand import F, Window

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SOURCES = {
    "department": {
        "member_key": "department_key",
        "code": "department_code",
        "name": "department_name",
        "business_unit": "business_unit",
    },
    "account": {
        "member_key": "account_key",
        "code": "account_number",
        "name": "account_name",
        "account_type": "account_type",
        "category": "account_category",
    },
}
_USED = [name for sources in SOURCES.values() for name in sources.values()]
ATTRIBUTES = ("name", "business_unit", "account_type", "category")


def members(rows: DataFrame, lines: DataFrame | None = None) -> DataFrame:
    """Return the members that accepted, staged ledger rows mention.

    The code and each attribute are the first ones of the delivery, by line; of several on one line, in the order of
    text.

    Args:
        rows: the staged rows, the first line of each member among them also where its line is in its file already.
        lines: accepted lines that are in their files already, which have no attributes: if some that were the first of
            their members have left the files again.
    """
    outcomes = ("accepted", MENTIONED) if lines is None else ("accepted",)
    accepted = rows.where(F.col("outcome").isin(*outcomes)).select("delivery_id", "source_row", *_USED)
    if lines is not None:
        present = set(lines.columns)
        columns = [F.col(name) if name in present else F.lit(None).cast("string").alias(name) for name in _USED]
        accepted = accepted.unionByName(lines.select("delivery_id", "source_row", *columns))
    departments = _members_of(accepted, "department")
    return departments.unionByName(_members_of(accepted, "account")).select(*MEMBERS.column_names)


def _members_of(accepted: DataFrame, dimension: str) -> DataFrame:
    sources = SOURCES[dimension]
    columns = [
        F.col(sources[name]).alias(name) if name in sources else F.lit(None).cast("string").alias(name)
        for name in ("member_key", "code", *ATTRIBUTES)
    ]
    spellings = (
        accepted.select("delivery_id", "source_row", *columns)
        .groupBy("delivery_id", "member_key", "code", *ATTRIBUTES)
        .agg(F.min("source_row").alias("first_row"))
    )
    whole = (
        Window.partitionBy("delivery_id", "member_key")
        .orderBy("first_row", "code", *ATTRIBUTES)
        .rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    )
    nth = Window.partitionBy("delivery_id", "member_key").orderBy("first_row", "code", *ATTRIBUTES)
    return (
        spellings.select(
            "delivery_id",
            F.lit(dimension).alias("dimension"),
            "member_key",
            F.first("code").over(whole).alias("code"),
            *[F.first(name, ignorenulls=True).over(whole).alias(name) for name in ATTRIBUTES],
            F.row_number().over(nth).alias("nth"),
        )
        .where(F.col("nth") == 1)
        .select(*MEMBERS.column_names)
    )
