"""`dim_department`: every department that a reference file describes or a ledger line mentions.

Grain of the output: one department, in the order of keys.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.star import DIM_DEPARTMENT
from finance_platform.transforms.dim_members import as_dimension, conformed_members

_MEMBER_COLUMNS = {
    "department_code": "code",
    "department_name": "name",
    "business_unit": "business_unit",
    "parent_department_code": "",
}


def dim_department(departments: pa.Table, members: pa.Table, deliveries: Sequence[str]) -> pa.Table:
    """Return the dimension.

    Args:
        departments: rows of reference deliveries.
        members: members of ledger deliveries.
        deliveries: see `dim_members.conformed_members`.
    """
    mentioned = members.filter(pc.equal(members["dimension"], "department"))
    rows = conformed_members(departments, mentioned, deliveries, "department_key", _MEMBER_COLUMNS)
    derived = {
        "department_name": pc.coalesce(rows["department_name"], rows["department_code"]),
        "business_unit": pc.fill_null(rows["business_unit"], "Unknown"),
    }
    return as_dimension(rows, derived, DIM_DEPARTMENT)
