"""`dim_department`: every department that a reference file describes or a ledger line mentions.

Grain of the output: one department.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from finance_platform.contracts.star import DIM_DEPARTMENT
from finance_platform.transforms.dim_members import conformed_members
from finance_platform.transforms.spark_on_demand import F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MEMBER_COLUMNS = {
    "department_code": "code",
    "department_name": "name",
    "business_unit": "business_unit",
    "parent_department_code": "",
}


def dim_department(departments: DataFrame, members: DataFrame, ranks: DataFrame) -> DataFrame:
    """Return the dimension.

    Args:
        departments: rows of live reference deliveries.
        members: members of live ledger deliveries.
        ranks: delivery_id, rank: see `dim_members.conformed_members`.
    """
    mentioned = members.where(F.col("dimension") == "department")
    rows = conformed_members(departments, mentioned, ranks, "department_key", MEMBER_COLUMNS)
    filled = rows.withColumn("department_name", F.coalesce("department_name", "department_code")).withColumn(
        "business_unit", F.coalesce("business_unit", F.lit("Unknown"))
    )
    return filled.select(*DIM_DEPARTMENT.column_names)
