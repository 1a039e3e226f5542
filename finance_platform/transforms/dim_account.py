"""`dim_account`: every account that a reference file describes or a ledger line mentions.

Grain of the output: one account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from finance_platform.contracts.star import DIM_ACCOUNT
from finance_platform.transforms.dim_members import conformed_members
from finance_platform.transforms.spark_on_demand import F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MEMBER_COLUMNS = {
    "account_number": "code",
    "account_name": "name",
    "account_type": "account_type",
    "category": "category",
    "measure": "",
    "parent_account_number": "",
}


def dim_account(accounts: DataFrame, members: DataFrame, ranks: DataFrame) -> DataFrame:
    """Return the dimension.

    Args:
        accounts: rows of live reference deliveries.
        members: members of live ledger deliveries.
        ranks: delivery_id, rank: see `dim_members.conformed_members`.
    """
    mentioned = members.where(F.col("dimension") == "account")
    rows = conformed_members(accounts, mentioned, ranks, "account_key", MEMBER_COLUMNS)
    account_type = F.coalesce("account_type", F.lit("Unknown"))
    sign = F.when(account_type == "Revenue", F.lit(1)).when(account_type == "Expense", F.lit(-1)).otherwise(F.lit(0))
    derived = {
        "account_name": F.coalesce("account_name", "account_number"),
        "account_type": account_type,
        "category": F.coalesce("category", F.lit("Unknown")),
        "profit_sign": sign.cast("int"),
        "is_monetary": account_type != "Statistical",
        "measure": F.coalesce("measure", F.lit("flow")),
    }
    return rows.select(*[derived.get(name, F.col(name)).alias(name) for name in DIM_ACCOUNT.column_names])
