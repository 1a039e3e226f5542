"""`dim_account`: every account that a reference file describes or a ledger line mentions.

Grain of the output: one account, in the order of keys.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.star import DIM_ACCOUNT, PROFIT_SIGNS
from finance_platform.transforms.dim_members import as_dimension, conformed_members

_MEMBER_COLUMNS = {
    "account_number": "code",
    "account_name": "name",
    "account_type": "account_type",
    "category": "category",
    "measure": "",
    "parent_account_number": "",
}


def dim_account(accounts: pa.Table, members: pa.Table, deliveries: Sequence[str]) -> pa.Table:
    """Return the dimension.

    Args:
        accounts: rows of reference deliveries.
        members: members of ledger deliveries.
        deliveries: see `dim_members.conformed_members`.
    """
    mentioned = members.filter(pc.equal(members["dimension"], "account"))
    rows = conformed_members(accounts, mentioned, deliveries, "account_key", _MEMBER_COLUMNS)
    account_type = pc.fill_null(rows["account_type"], "Unknown")
    derived = {
        "account_name": pc.coalesce(rows["account_name"], rows["account_number"]),
        "account_type": account_type,
        "category": pc.fill_null(rows["category"], "Unknown"),
        "profit_sign": pa.array([PROFIT_SIGNS.get(one, 0) for one in account_type.to_pylist()], pa.int64()),
        "is_monetary": pc.not_equal(account_type, "Statistical"),
        "measure": pc.fill_null(rows["measure"], "flow"),
    }
    return as_dimension(rows, derived, DIM_ACCOUNT)
