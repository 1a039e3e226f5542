"""Movements: what a load changes in what was published, written down in the load's own transaction.

Belongs here: the scratch tables that say what a load is about to do, and the order of the statements.
Does not belong here: the comparison itself (SQL, see `sql/load`), why a slice differs (see `lake.causes`), questions
about movements later on (see `reporting`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from finance_platform.contracts.model import MONEY, Column, Contract
from finance_platform.contracts.star import FACT_FINANCIALS, MOVEMENTS
from finance_platform.warehouse.inserting import insert
from finance_platform.warehouse.load_request import MovedSum, SliceName, SliceToLoad
from finance_platform.warehouse.port import LoadConnection
from finance_platform.warehouse.statements import SqlFile, create_scratch, statement

NO_CAUSES: Mapping[SliceName, Sequence[str]] = MappingProxyType({})

_CAUSE_BYTES = 4096

_SLICE = Contract(
    name="stage_slice",
    table="StageSlice",
    grain="One slice that a load replaces or takes out, or one closed period.",
    natural_key=("table_name", "slice"),
    columns=(
        Column("table_name", "varchar(64)", "The table.", "TableName"),
        Column("slice", "varchar(16)", "Period YYYY-MM, or all.", "Slice"),
        Column(
            "period_number", "integer", "The period as yyyymm; null for a dimension.", "PeriodNumber", nullable=True
        ),
        Column("is_loaded", "boolean", "True when this load replaces it or takes it out.", "IsLoaded"),
        Column("is_closed", "boolean", "True when the period is closed.", "IsClosed"),
        Column("old_version", "varchar(64)", "The version published until now.", "OldVersion", nullable=True),
        Column("new_version", "varchar(64)", "The version that is loaded.", "NewVersion", nullable=True),
        Column("cause", "varchar(4096)", "What changed in what it is made from.", "Cause", nullable=True),
    ),
)
_RECLASSIFICATION = Contract(
    name="stage_reclassification",
    table="StageReclassification",
    grain="One member and attribute of it that a load changes.",
    natural_key=("department_key", "account_key", "attribute"),
    columns=(
        Column("department_key", "bigint", "The department, or null.", "DepartmentKey", nullable=True),
        Column("account_key", "bigint", "The account, or null.", "AccountKey", nullable=True),
        Column("attribute", "varchar(16)", "The attribute.", "Attribute"),
        Column("old_value", "varchar(256)", "Its value before.", "OldValue"),
        Column("new_value", "varchar(256)", "Its value after.", "NewValue"),
        Column("old_version", "varchar(64)", "The dimension's version before.", "OldVersion", nullable=True),
        Column("new_version", "varchar(64)", "The dimension's version after.", "NewVersion", nullable=True),
        Column("cause", "varchar(4096)", "What changed in what the dimension is made from.", "Cause", nullable=True),
    ),
)
_CELL = Contract(
    name="stage_cell",
    table="StageCell",
    grain="One cell (measure, scenario, period, department, account) that a load may move.",
    natural_key=("measure", "period", "scenario_key", "department_key", "account_key"),
    columns=(
        *(MOVEMENTS.column(name) for name in ("measure", "period", "scenario_key", "department_key", "account_key")),
        Column("old_amount", MONEY, "What is published.", "OldAmount"),
        Column("new_amount", MONEY, "What will be.", "NewAmount"),
    ),
)
_SCRATCH = (_SLICE, _RECLASSIFICATION, _CELL)


class LoadContext(NamedTuple):
    """What the rows that a load writes about itself tell beside amounts.

    Attributes:
        run_id: the run.
        loaded_at: UTC without a zone.
        closed_periods: periods whose movements are restatements, YYYY-MM.
        causes: by slice, what changed in what it is made from, a sentence each.
    """

    run_id: str
    loaded_at: datetime
    closed_periods: Collection[str] = ()
    causes: Mapping[SliceName, Sequence[str]] = NO_CAUSES


def write(
    connection: LoadConnection,
    load_number: int,
    slices: Sequence[SliceToLoad],
    published: Mapping[SliceName, str],
    circumstances: LoadContext,
) -> None:
    """Write down what the staged slices will change; every stage table is there, nothing is replaced yet.

    Args:
        connection: the load transaction.
        load_number: the load's number in the ledger.
        slices: what is about to be replaced or taken out.
        published: version by slice, of what stands there.
        circumstances: run, closed periods and causes.
    """
    for scratch in _SCRATCH:
        connection.execute(create_scratch(scratch))
    insert(connection, _SLICE, _slice_rows(slices, published, circumstances))
    connection.execute(statement(SqlFile.STAGE_RECLASSIFICATIONS))
    connection.execute(statement(SqlFile.STAGE_CELLS))
    load = {"load_number": load_number, "run_id": circumstances.run_id, "loaded_at": circumstances.loaded_at}
    connection.execute(statement(SqlFile.WRITE_MOVEMENTS), load)
    connection.execute(statement(SqlFile.WRITE_RECLASSIFICATIONS), load)


def moved(connection: LoadConnection, load_number: int) -> tuple[MovedSum, ...]:
    """Return what a load moved; asked after the dimensions are replaced, so that new scenarios have names."""
    rows = connection.query(statement(SqlFile.MOVED_BY_LOAD), {"load_number": load_number}).rows
    return tuple(MovedSum(*row) for row in rows)


def joined_causes(causes: Sequence[str], limit: int = _CAUSE_BYTES) -> str | None:
    """Return causes as one text of at most `limit` bytes; what does not fit is counted. None when there is none."""
    for count in range(len(causes), 0, -1):
        unsaid = len(causes) - count
        text = "; ".join([*causes[:count], *([f"… and {unsaid} more"] if unsaid else [])])
        if len(text.encode()) <= limit:
            return text
    return f"… and {len(causes)} more" if causes else None


def _slice_rows(
    slices: Sequence[SliceToLoad], published: Mapping[SliceName, str], circumstances: LoadContext
) -> list[dict[str, object]]:
    closed = set(circumstances.closed_periods)
    loaded: list[dict[str, object]] = [
        {
            "table_name": wanted.contract.table,
            "slice": wanted.slice,
            "period_number": _period_number(wanted.slice) if wanted.contract.sliced_by_period else None,
            "is_loaded": True,
            "is_closed": wanted.contract.sliced_by_period and wanted.slice in closed,
            "old_version": published.get(wanted.name),
            "new_version": wanted.version,
            "cause": joined_causes(circumstances.causes.get(wanted.name, ())),
        }
        for wanted in slices
    ]
    # A reclassification reaches periods that this load leaves alone; closed ones are restated all the same.
    others = closed - {wanted.slice for wanted in slices if wanted.contract.sliced_by_period}
    left_alone: list[dict[str, object]] = [
        {
            "table_name": FACT_FINANCIALS.table,
            "slice": period,
            "period_number": _period_number(period),
            "is_loaded": False,
            "is_closed": True,
            "old_version": None,
            "new_version": None,
            "cause": None,
        }
        for period in sorted(others)
    ]
    return [*loaded, *left_alone]


def _period_number(period: str) -> int:
    return int(period.replace("-", ""))
