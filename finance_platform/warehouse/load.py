"""The load transaction: every stale slice, its ledger rows, and nothing by halves.

Belongs here: the order of the steps, and what must agree before anything is replaced.
Does not belong here: what is stale in the lake (see `lake`), how an engine locks or copies (see the adapters), the
checks of what was loaded (see `quality`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import LOAD_LEDGER, STAR, WHOLE_TABLE
from finance_platform.errors import LoadError, TransientWarehouseError
from finance_platform.warehouse import ledger, movements, statements
from finance_platform.warehouse.load_request import LoadResult, SliceName, SliceToLoad, check_plan
from finance_platform.warehouse.movements import NO_CAUSES, LoadContext
from finance_platform.warehouse.port import LoadConnection, Queryable, Warehouse
from finance_platform.warehouse.statements import SqlFile

PAUSES_SECONDS = (1.0, 5.0, 15.0)
"""How long a load waits before it tries again; it tries once more than there are pauses."""

_DIFFERENCES_SHOWN = 5
_NOTHING = "no rows"


Audit = Callable[[Queryable], bool]
"""Looks at a warehouse, says whether it may be published."""


class AuditFailedError(LoadError):
    """The transaction did all that was asked of it, and its own audit refused the outcome; nothing was published."""


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
    closed_periods: Collection[str] = (),
    causes: Mapping[SliceName, Sequence[str]] = NO_CAUSES,
    audit: Audit | None = None,
) -> LoadResult:
    """Bring the warehouse to what the lake wants, in one transaction, all or nothing.

    Args:
        warehouse: where to.
        slices: what should be published; those that are published in that version already are left alone.
        run_id: the run that the ledger names.
        loaded_at: LoadTimestamp of every row and LoadedAt of every ledger row; it must know its time zone.
        again: slices to load even though they are published in that version already, after a rebuild.
        closed_periods: periods in which a movement is a restatement, YYYY-MM.
        causes: by slice, what changed in what it is made from; movements tell it.
        audit: looks at what is about to be published, inside the transaction; its no rolls everything back. A
            transaction that is tried again is audited again.

    Raises:
        AuditFailedError: the audit said no; nothing was published.
        LoadError: the plan cannot be carried out, or the files are not what the slices say; nothing was published.
        TransientWarehouseError: the warehouse stayed busy through every attempt; nothing was published.
        ValueError: `loaded_at` has no time zone.
    """
    if loaded_at.tzinfo is None:
        raise ValueError(f"loaded_at {loaded_at} has no time zone")
    plan = check_plan(slices)
    stamp = loaded_at.astimezone(UTC).replace(tzinfo=None)
    circumstances = LoadContext(run_id, stamp, closed_periods, causes)
    for pause in PAUSES_SECONDS:
        try:
            return _publish_once(warehouse, plan, again, circumstances, audit)
        except TransientWarehouseError:
            time.sleep(pause)
    return _publish_once(warehouse, plan, again, circumstances, audit)


def _publish_once(
    warehouse: Warehouse,
    plan: Sequence[SliceToLoad],
    again: Collection[SliceName],
    circumstances: LoadContext,
    audit: Audit | None,
) -> LoadResult:
    with warehouse.transaction() as connection:
        connection.lock(LOAD_LEDGER.table)
        present = ledger.published_versions(connection)
        stale = [wanted for wanted in plan if present.get(wanted.name) != wanted.version or wanted.name in again]
        already = tuple(wanted.name for wanted in plan if wanted not in stale)
        if not stale:
            return LoadResult(None, (), already)
        number = ledger.next_load_number(connection)
        _load(connection, stale, present, number, circumstances)
        ledger.write(
            connection, stale, load_number=number, run_id=circumstances.run_id, loaded_at=circumstances.loaded_at
        )
        moved = movements.moved(connection, number)
        if audit is not None and not audit(connection):
            raise AuditFailedError(
                f"load {number} of {len(stale)} slices would break a blocking check; what was published before stays",
                fix="mend what the failed checks name and run again",
            )
    return LoadResult(number, tuple(stale), already, moved)


def _load(
    connection: LoadConnection,
    stale: Sequence[SliceToLoad],
    present: Mapping[SliceName, str],
    number: int,
    circumstances: LoadContext,
) -> None:
    """Replace what is stale. Old and staged rows stand side by side before `_replace`, nowhere else."""
    tables = [(contract, list(group)) for contract, group in groupby(stale, lambda wanted: wanted.contract)]
    for contract in STAR:
        connection.execute(statements.create_stage(contract))
    for contract, group in tables:
        _stage(connection, contract, group)
    for contract, group in tables:
        _compare(connection, contract, group)
    movements.write(connection, number, stale, present, circumstances)
    for contract, group in tables:
        _replace(connection, contract, group, circumstances.loaded_at)


def _stage(connection: LoadConnection, contract: Contract, slices: Sequence[SliceToLoad]) -> None:
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
