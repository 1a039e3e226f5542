"""The load transaction: every stale slice, its ledger rows, and nothing by halves.

Belongs here: the order of the steps, and what must agree before anything is replaced.
Does not belong here: what is stale in the lake (see `lake`), how an engine locks or copies (see the adapters), the
checks of what was loaded (see `quality`).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import LOAD_LEDGER, WHOLE_TABLE
from finance_platform.errors import LoadError, TransientWarehouseError
from finance_platform.warehouse import ledger, statements
from finance_platform.warehouse.plan import LoadResult, SliceName, SliceToLoad, check_plan
from finance_platform.warehouse.port import LoadConnection, Warehouse
from finance_platform.warehouse.statements import SqlFile

PAUSES_SECONDS = (1.0, 5.0, 15.0)
"""How long a load waits before it tries again; it tries once more than there are pauses."""

_DIFFERENCES_SHOWN = 5
_NOTHING = "no rows"


class _Control(NamedTuple):
    """What must be equal in the lake and in the stage; dimensions have no money."""

    row_count: int
    amount: Decimal = Decimal(0)
    budget_amount: Decimal = Decimal(0)

    def __str__(self) -> str:
        return f"{self.row_count} rows, Amount {self.amount:.2f}, BudgetAmount {self.budget_amount:.2f}"


def publish(
    warehouse: Warehouse,
    slices: Sequence[SliceToLoad],
    *,
    run_id: str,
    loaded_at: datetime,
    again: Collection[SliceName] = (),
) -> LoadResult:
    """Bring the warehouse to what the lake wants, in one transaction, all or nothing.

    Args:
        warehouse: where to.
        slices: what should be published; those that are published in that version already are left alone.
        run_id: the run that the ledger names.
        loaded_at: LoadTimestamp of every row and LoadedAt of every ledger row; it must know its time zone.
        again: slices to load even though they are published in that version already, after a rebuild.

    Raises:
        LoadError: the plan cannot be carried out, or the files are not what the slices say; nothing was published.
        TransientWarehouseError: the warehouse stayed busy through every attempt; nothing was published.
        ValueError: `loaded_at` has no time zone.
    """
    if loaded_at.tzinfo is None:
        raise ValueError(f"loaded_at {loaded_at} has no time zone")
    plan = check_plan(slices)
    stamp = loaded_at.astimezone(UTC).replace(tzinfo=None)
    for pause in PAUSES_SECONDS:
        try:
            return _publish_once(warehouse, plan, run_id, stamp, again)
        except TransientWarehouseError:
            time.sleep(pause)
    return _publish_once(warehouse, plan, run_id, stamp, again)


def _publish_once(
    warehouse: Warehouse, plan: Sequence[SliceToLoad], run_id: str, stamp: datetime, again: Collection[SliceName]
) -> LoadResult:
    """Run the transaction. Old and staged rows stand side by side between `_compare` and `_replace`, nowhere else."""
    with warehouse.transaction() as connection:
        connection.lock(LOAD_LEDGER.table)
        stale = _stale(connection, plan, again)
        already = tuple(wanted.name for wanted in plan if wanted not in stale)
        if not stale:
            return LoadResult(None, (), already)
        tables = [(contract, list(group)) for contract, group in groupby(stale, lambda wanted: wanted.contract)]
        for contract, group in tables:
            _stage(connection, contract, group)
        for contract, group in tables:
            _compare(connection, contract, group)
        for contract, group in tables:
            _replace(connection, contract, group, stamp)
        number = ledger.next_load_number(connection)
        ledger.write(connection, stale, load_number=number, run_id=run_id, loaded_at=stamp)
    return LoadResult(number, tuple(stale), already)


def _stale(connection: LoadConnection, plan: Sequence[SliceToLoad], again: Collection[SliceName]) -> list[SliceToLoad]:
    present = {name: slice_.version for name, slice_ in ledger.published(connection).items()}
    return [wanted for wanted in plan if present.get(wanted.name) != wanted.version or wanted.name in again]


def _stage(connection: LoadConnection, contract: Contract, slices: Sequence[SliceToLoad]) -> None:
    connection.execute(statements.create_stage(contract))
    files = [file for wanted in slices for file in wanted.files]
    if files:
        columns = [column.name for column in contract.stored_columns]
        connection.copy(statements.stage_table(contract), columns, files)


def _compare(connection: LoadConnection, contract: Contract, slices: Sequence[SliceToLoad]) -> None:
    """Refuse to replace anything by what is not, row for row and cent for cent, what the lake says it is."""
    if contract.sliced_by_period:
        expected, found = _expected_sums(slices), _staged_sums(connection)
    else:
        expected, found = _expected_counts(slices), _staged_count(connection, contract)
    differences = [
        f"{contract.table} {where}: expected {expected.get(where, _NOTHING)}, found {found.get(where, _NOTHING)}"
        for where in sorted({*expected, *found})
        if expected.get(where) != found.get(where)
    ]
    if differences:
        unsaid = len(differences) - _DIFFERENCES_SHOWN
        told = [*differences[:_DIFFERENCES_SHOWN], *([f"and {unsaid} more"] if unsaid > 0 else [])]
        raise LoadError("; ".join(told), fix="build these slices again: `finance-platform run --rebuild`")


def _expected_sums(slices: Sequence[SliceToLoad]) -> dict[str, _Control]:
    return {
        f"{wanted.slice} scenario {part.scenario_key}": _Control(part.row_count, part.amount, part.budget_amount)
        for wanted in slices
        for part in wanted.sums
        if part.row_count
    }


def _staged_sums(connection: LoadConnection) -> dict[str, _Control]:
    rows = connection.query(statements.statement(SqlFile.STAGED_FACT_SUMS)).rows
    return {f"{name} scenario {scenario}": _Control(*control) for name, scenario, *control in rows}


def _expected_counts(slices: Sequence[SliceToLoad]) -> dict[str, _Control]:
    return {wanted.slice: _Control(wanted.row_count) for wanted in slices}


def _staged_count(connection: LoadConnection, contract: Contract) -> dict[str, _Control]:
    return {WHOLE_TABLE: _Control(connection.query(statements.count_staged(contract)).rows[0][0])}


def _replace(connection: LoadConnection, contract: Contract, slices: Sequence[SliceToLoad], stamp: datetime) -> None:
    if contract.sliced_by_period:
        ranges: dict[str, int] = {}
        for index, wanted in enumerate(slices):
            ranges[f"first_{index}"], ranges[f"last_{index}"] = _date_keys(wanted.slice)
        connection.execute(statements.delete_ranges(contract, "date_key", len(slices)), ranges)
    else:
        connection.execute(statements.delete_all(contract))
    connection.execute(
        statements.insert_staged(contract), {column.name: stamp for column in contract.columns if column.set_by_load}
    )


def _date_keys(period: str) -> tuple[int, int]:
    """The lowest and the highest DateKey that a period may have."""
    month = int(period.replace("-", "")) * 100
    return month + 1, month + 31
