"""Movements: the changes that a load makes to what is published, recorded in the load's own transaction.

Belongs here: the attributes that are compared, the scratch tables that describe the load, the order of the statements.
Does not belong here: the comparison itself (see `sql/load` and `attribute_changes`), why a slice differs (see
`slices.version_diff`), reports on movements (see `reports`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from finance_platform.contracts.model import MONEY, Column, Contract, SliceName
from finance_platform.contracts.star import (
    ACCOUNT_HISTORY,
    DEPARTMENT_HISTORY,
    DIM_ACCOUNT,
    DIM_DATE,
    DIM_DEPARTMENT,
    DIM_SCENARIO,
    FACT_FINANCIALS,
    MOVEMENTS,
    WHOLE_TABLE,
)
from finance_platform.feeds.values.dates import period_number
from finance_platform.warehouse.attribute_changes import (
    ComparedAttribute,
    insert_changed_attributes,
    insert_changed_spans,
)
from finance_platform.warehouse.date_ranges import covering_ranges
from finance_platform.warehouse.load_request import LoadRequest, SliceToLoad
from finance_platform.warehouse.port import LoadConnection
from finance_platform.warehouse.statements import SqlFile, create_scratch, insert, insert_into_stage, statement

COMPARED_ATTRIBUTES: Mapping[Contract, tuple[ComparedAttribute, ...]] = MappingProxyType(
    {
        DIM_DATE: (
            ComparedAttribute("fiscal_year", "FiscalYear", "year_month"),
            ComparedAttribute("fiscal_quarter", "FiscalQuarter", "year_month"),
            ComparedAttribute("fiscal_period", "FiscalPeriod", "year_month"),
        ),
        DIM_DEPARTMENT: (
            ComparedAttribute("department_code", "DepartmentCode", "department_key", is_name=True),
            ComparedAttribute("department_name", "DepartmentName", "department_key", is_name=True),
            ComparedAttribute("business_unit", "BusinessUnit", "department_key"),
            ComparedAttribute("parent_department_code", "ParentDepartment", "department_key"),
        ),
        DIM_ACCOUNT: (
            ComparedAttribute("account_number", "AccountNumber", "account_key", is_name=True),
            ComparedAttribute("account_name", "AccountName", "account_key", is_name=True),
            ComparedAttribute("account_type", "AccountType", "account_key"),
            ComparedAttribute("category", "Category", "account_key"),
            ComparedAttribute("profit_sign", "ProfitSign", "account_key"),
            ComparedAttribute("is_monetary", "IsMonetary", "account_key"),
            ComparedAttribute("measure", "Measure", "account_key"),
            ComparedAttribute("parent_account_number", "ParentAccount", "account_key"),
        ),
        DIM_SCENARIO: (
            ComparedAttribute("scenario_name", "ScenarioName", "scenario_key", is_name=True),
            ComparedAttribute("scenario_type", "ScenarioType", "scenario_key"),
            ComparedAttribute("is_baseline", "IsBaseline", "scenario_key"),
        ),
    }
)
"""By dimension, the attributes whose changes are reported; a test requires every attribute that a view reads."""

_KEY_COLUMNS: Mapping[Contract, str] = MappingProxyType(
    {
        DIM_DATE: "Period",
        DIM_DEPARTMENT: "DepartmentKey",
        DIM_ACCOUNT: "AccountKey",
        DIM_SCENARIO: "ScenarioKey",
    }
)
_HISTORIES: Mapping[Contract, Contract] = MappingProxyType(
    {DIM_DEPARTMENT: DEPARTMENT_HISTORY, DIM_ACCOUNT: ACCOUNT_HISTORY}
)
"""By dimension, the table of what its members were in earlier periods."""

_CAUSE_BYTES = 4096

_SLICE = Contract(
    name="stage_slice",
    table="StageSlice",
    grain="One slice that a load replaces or removes, or one closed period.",
    natural_key=("table_name", "slice"),
    columns=(
        Column("table_name", "varchar(64)", "The table."),
        Column("slice", "varchar(16)", "Period YYYY-MM, or all."),
        Column("period_number", "integer", "The period as yyyymm; null for a dimension.", nullable=True),
        Column("is_loaded", "boolean", "True if this load replaces or removes it."),
        Column("is_closed", "boolean", "True if the period is closed."),
        Column("old_version", "varchar(64)", "The version published until now.", nullable=True),
        Column("new_version", "varchar(64)", "The version that is loaded.", nullable=True),
        Column("cause", "varchar(4096)", "The changes in its inputs.", nullable=True),
    ),
)
_RECLASSIFICATION = Contract(
    name="stage_reclassification",
    table="StageReclassification",
    grain="One attribute of one member or period that a load changes; one of the four keys is set.",
    natural_key=("period", "scenario_key", "department_key", "account_key", "valid_from", "attribute"),
    columns=(
        Column("period", "varchar(7)", "The period, or null.", nullable=True),
        Column("scenario_key", "bigint", "The scenario, or null.", nullable=True),
        Column("department_key", "bigint", "The department, or null.", nullable=True),
        Column("account_key", "bigint", "The account, or null.", nullable=True),
        Column("valid_from", "varchar(7)", "The first period of a member's change.", nullable=True),
        Column("valid_to", "varchar(7)", "Its last period.", nullable=True),
        Column("attribute", "varchar(16)", "The attribute."),
        Column("is_name", "boolean", "True for a name, which groups nothing."),
        Column("old_value", "varchar(256)", "Its value before, if any.", nullable=True),
        Column("new_value", "varchar(256)", "Its value after, if any.", nullable=True),
        Column("old_version", "varchar(64)", "The dimension's version before.", nullable=True),
        Column("new_version", "varchar(64)", "The dimension's version after.", nullable=True),
        Column("cause", "varchar(4096)", "The changes in the dimension's inputs.", nullable=True),
    ),
)
_CELL = Contract(
    name="stage_cell",
    table="StageCell",
    grain="One cell (measure, scenario, period, department, account) that a load may move.",
    natural_key=("measure", "period", "scenario_key", "department_key", "account_key"),
    columns=(
        *(MOVEMENTS.column(name) for name in ("measure", "period", "scenario_key", "department_key", "account_key")),
        Column("old_amount", MONEY, "The published amount."),
        Column("new_amount", MONEY, "The staged amount."),
        Column("old_count", "bigint", "Ledger lines that are published; 0 for BudgetAmount."),
        Column("new_count", "bigint", "Ledger lines after the load; 0 for BudgetAmount."),
        Column("had_lines", "boolean", "True if the cell has published rows."),
        Column("has_lines", "boolean", "True if the cell has rows after the load."),
        Column("has_money", "boolean", "False if neither measure has an amount, before or after."),
        Column("is_first", "boolean", "True if the fact table has none of the measure, scenario, period."),
    ),
)
_PUBLISHED_CELL = Contract(
    name="stage_published_cell",
    table="StagePublishedCell",
    grain="One cell (scenario, period, department, account) that is published and that a load may move.",
    natural_key=("period_number", "scenario_key", "department_key", "account_key"),
    columns=(
        Column("period_number", "integer", "The period as yyyymm."),
        *(MOVEMENTS.column(name) for name in ("scenario_key", "department_key", "account_key")),
        Column("is_loaded", "boolean", "True if the load replaces or removes its period."),
        Column("old_amount", MONEY, "The published amount."),
        Column("old_budget_amount", MONEY, "The published BudgetAmount."),
        Column("old_count", "bigint", "Ledger lines that are published."),
        Column("had_budget", "integer", "1 if a row has a BudgetAmount other than 0, else 0."),
    ),
)
_EARLIER_MEASURE = Contract(
    name="stage_earlier_measure",
    table="StageEarlierMeasure",
    grain="One measure of a scenario in a period that was published before and has no amounts now.",
    natural_key=("measure", "period", "scenario_key"),
    columns=tuple(MOVEMENTS.column(name) for name in ("measure", "period", "scenario_key")),
)
_FIRST_LOAD = 1
"""The number of the load that moves nothing: nothing was published before it."""

SCRATCH = (_SLICE, _RECLASSIFICATION, _PUBLISHED_CELL, _CELL, _EARLIER_MEASURE)
"""The tables for intermediate results of a load."""


def record_movements(
    connection: LoadConnection,
    load_number: int,
    slices: Sequence[SliceToLoad],
    published: Mapping[SliceName, str],
    request: LoadRequest,
) -> None:
    """Record the changes that the staged slices will make; every stage table exists, nothing is replaced yet.

    Args:
        connection: the load transaction.
        load_number: the load's number in the ledger.
        slices: the slices to replace or remove.
        published: version by slice, before the load.
        request: the load.
    """
    if load_number == _FIRST_LOAD:
        return
    for scratch in SCRATCH:
        connection.execute(create_scratch(scratch))
    insert(connection, _SLICE, _slice_rows(slices, published, request))
    loaded = {target.contract for target in slices}
    compared = [one for one in COMPARED_ATTRIBUTES if one in loaded and (one.name, WHOLE_TABLE) in published]
    for dimension in compared:
        attributes = COMPARED_ATTRIBUTES[dimension]
        key_column, history = _KEY_COLUMNS[dimension], _HISTORIES.get(dimension)
        if history is None:
            connection.execute(insert_changed_attributes(_RECLASSIFICATION, dimension, key_column, attributes))
        else:
            insert_into_stage(connection, history, request.attribute_history(history))
            connection.execute(insert_changed_spans(_RECLASSIFICATION, dimension, history, key_column, attributes))
    has_reclassified = bool(compared) and _count(connection, SqlFile.COUNT_RECLASSIFICATIONS) > 0
    _stage_published_cells(connection, slices, has_reclassified=has_reclassified)
    connection.execute(statement(SqlFile.STAGE_CELLS))
    if _count(connection, SqlFile.COUNT_FIRST_CELLS):
        connection.execute(statement(SqlFile.STAGE_EARLIER_MEASURES))
    load = {"load_number": load_number, "run_id": request.run_id, "loaded_at": request.loaded_at_utc}
    connection.execute(statement(SqlFile.WRITE_MOVEMENTS), load)
    if has_reclassified:
        connection.execute(statement(SqlFile.WRITE_RECLASSIFICATIONS), load)


def _stage_published_cells(
    connection: LoadConnection, slices: Sequence[SliceToLoad], *, has_reclassified: bool
) -> None:
    """Stage what is published in the replaced periods, and beyond them only where an attribute changes."""
    periods = [target.slice for target in slices if target.contract.sliced_by_period]
    for days in covering_ranges(periods):
        connection.execute(statement(SqlFile.STAGE_REPLACED_CELLS), days.parameters)
    if has_reclassified:
        connection.execute(statement(SqlFile.STAGE_RECLASSIFIED_CELLS))


def _count(connection: LoadConnection, file: SqlFile) -> int:
    return int(connection.query(statement(file)).rows[0][0])


def join_within_limit(texts: Sequence[str], limit: int = _CAUSE_BYTES) -> str | None:
    """Return texts as one of at most `limit` bytes, ending with the number of those left out; None if there is none."""
    for count in range(len(texts), 0, -1):
        omitted = len(texts) - count
        joined = "; ".join([*texts[:count], *([f"… and {omitted} more"] if omitted else [])])
        if len(joined.encode()) <= limit:
            return joined
    return f"… and {len(texts)} more" if texts else None


def _slice_rows(
    slices: Sequence[SliceToLoad], published: Mapping[SliceName, str], request: LoadRequest
) -> list[dict[str, object]]:
    closed = set(request.closed_periods)
    loaded: list[dict[str, object]] = [
        {
            "table_name": target.contract.table,
            "slice": target.slice,
            "period_number": period_number(target.slice) if target.contract.sliced_by_period else None,
            "is_loaded": True,
            "is_closed": target.contract.sliced_by_period and target.slice in closed,
            "old_version": published.get(target.name),
            "new_version": target.version,
            "cause": join_within_limit(request.causes.get(target.name, ())),
        }
        for target in slices
    ]
    # A reclassification also restates closed periods that this load does not replace.
    other_periods = closed - {target.slice for target in slices if target.contract.sliced_by_period}
    not_loaded: list[dict[str, object]] = [
        {
            "table_name": FACT_FINANCIALS.table,
            "slice": period,
            "period_number": period_number(period),
            "is_loaded": False,
            "is_closed": True,
            "old_version": None,
            "new_version": None,
            "cause": None,
        }
        for period in sorted(other_periods)
    ]
    return [*loaded, *not_loaded]
