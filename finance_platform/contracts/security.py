"""The tables that the policies of row-level security read; they exist only on Redshift.

Belongs here: their contracts. Does not belong here: roles and policies (`sql/security`), the star (see `star`).
"""

from __future__ import annotations

from finance_platform.contracts.model import Column, Contract

BUSINESS_UNIT_ACCESS = Contract(
    name="business_unit_access",
    table="BusinessUnitAccess",
    grain="One user and business unit that the user may see; filled by administrators.",
    natural_key=("user_name", "business_unit"),
    columns=(
        Column("user_name", "varchar(128)", "Database user, as current_user returns it."),
        Column("business_unit", "varchar(256)", "Business unit, as DimDepartment spells it."),
    ),
)

DEPARTMENT_UNIT = Contract(
    name="department_unit",
    table="DepartmentUnit",
    grain="One department; filled by every load from DimDepartment.",
    natural_key=("department_key",),
    columns=(
        Column("department_key", "bigint", "The department."),
        Column("business_unit", "varchar(256)", "Its business unit."),
    ),
)

SECURITY: tuple[Contract, ...] = (BUSINESS_UNIT_ACCESS, DEPARTMENT_UNIT)
"""Every table that exists for security alone."""
