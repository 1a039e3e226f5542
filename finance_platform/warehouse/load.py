"""The load transaction: every stale slice and its ledger rows, all or nothing.

Belongs here: the order of the steps, and the comparison of totals before anything is replaced.
Does not belong here: which slices are stale (see `slices`), how an engine locks or copies (see the adapters), the
checks of what was loaded (see `quality`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from finance_platform.contracts.model import Contract, SliceName
from finance_platform.contracts.star import LOAD_LEDGER, MOVEMENTS, STAR, WHOLE_TABLE
from finance_platform.count_text import pluralize
from finance_platform.errors import LoadError, TransientWarehouseError
from finance_platform.money_text import plain_money
from finance_platform.warehouse import ledger, movements, period_status, statements
from finance_platform.warehouse.date_ranges import exact_ranges
from finance_platform.warehouse.load_request import LoadRequest, LoadResult, SliceToLoad, validate_slices
from finance_platform.warehouse.port import LoadConnection, Queryable, Warehouse
from finance_platform.warehouse.report_tables import replace_report_tables
from finance_platform.warehouse.statements import SqlFile, delete_all, insert

if TYPE_CHECKING:
    from finance_platform.warehouse.load_records import LoadRecord, LoadRecords

PAUSES_SECONDS = (1.0, 5.0, 15.0)
"""Pauses before the retries of a load."""

_DIFFERENCES_SHOWN = 5
_NOTHING = "no rows"


Audit = Callable[[Queryable], bool]
"""Checks the warehouse inside the transaction; returns whether it may be published."""


class AuditFailedError(LoadError):
    """The audit rejected the result of the load; nothing was published."""


class _ControlTotals(NamedTuple):
    """Totals that must be equal in the request and in the stage; dimensions have no money."""

    row_count: int
    amount: Decimal = Decimal(0)
    budget_amount: Decimal = Decimal(0)

    def __str__(self) -> str:
        return (
            f"{self.row_count} rows, Amount {plain_money(self.amount)}, BudgetAmount {plain_money(self.budget_amount)}"
        )


def publish(
    warehouse: Warehouse, request: LoadRequest, *, audit: Audit | None = None, records: LoadRecords | None = None
) -> LoadResult:
    """Publish slices in one transaction, all or nothing.

    Args:
        warehouse: the warehouse.
        request: what to publish.
        audit: runs inside the transaction, before it commits, in every attempt; False rolls everything back.
        records: takes what the load published and moved, before it is published; None for none.

    Raises:
        AuditFailedError: the audit returned False; nothing was published.
        LoadError: the slices cannot be loaded together, or their files differ from their totals; nothing was published.
        TransientWarehouseError: the warehouse stayed busy through every attempt; nothing was published.
    """
    targets = validate_slices(request.slices)
    attempt = partial(_publish_once, warehouse, targets, request, audit, records)
    for pause in PAUSES_SECONDS:
        try:
            return attempt()
        except TransientWarehouseError:
            time.sleep(pause)
    return attempt()


def restore(
    warehouse: Warehouse,
    request: LoadRequest,
    history: Sequence[LoadRecord],
    *,
    records: LoadRecords,
    members: Mapping[Contract, Sequence[Mapping[str, object]]],
) -> LoadResult:
    """Publish what was published in another warehouse, or in this one before it was reset, with the history of loads.

    It is a load of its own, without movements: nothing that was published changes.

    Args:
        warehouse: a prepared warehouse, whose last load is earlier than those of the history.
        request: what was published after the last load; a slice that cannot be had any more is to be removed.
        history: the records of loads that the warehouse lacks, in order.
        records: takes what the load published.
        members: by table, what members were in which periods; the next load compares with it.

    Raises:
        LoadError: see `publish`.
        TransientWarehouseError: the warehouse is busy; nothing was published.
    """
    targets = validate_slices(request.slices)
    with warehouse.transaction() as connection:
        connection.lock(LOAD_LEDGER.table)
        published = ledger.published_versions(connection)
        stale = [target for target in targets if published.get(target.name) != target.version]
        first = ledger.next_load_number(connection)
        _load(connection, stale, None, 0, request)
        for contract, rows in members.items():
            connection.execute(delete_all(contract))
            insert(connection, contract, rows)
        for record in history:
            if record.number >= first:
                insert(connection, LOAD_LEDGER, record.ledger)
                insert(connection, MOVEMENTS, record.movements)
        number = ledger.next_load_number(connection)
        ledger.record_load(connection, stale, number, request)
        records.write(connection, number)
    records.confirm(number)
    return LoadResult(number, tuple(stale))


def _publish_once(
    warehouse: Warehouse,
    targets: Sequence[SliceToLoad],
    request: LoadRequest,
    audit: Audit | None,
    records: LoadRecords | None,
) -> LoadResult:
    with warehouse.transaction() as connection:
        connection.lock(LOAD_LEDGER.table)
        published, force = ledger.published_versions(connection), request.force
        stale = [target for target in targets if published.get(target.name) != target.version or target.name in force]
        if not stale:
            return LoadResult(None, ())
        number = ledger.next_load_number(connection)
        changed = [target for target in stale if target.rows_of is None or target.name in force]
        unchanged = [target for target in stale if target not in changed]
        _require_published(unchanged, published)
        if changed:
            _load(connection, changed, published, number, request)
        ledger.record_load(connection, stale, number, request)
        period_status.replace_statuses(connection, request.closed_periods, request.actuals_through, request.lines)
        tables = request.report_tables
        replaced = () if tables is None else replace_report_tables(connection, tables)
        if audit is not None and not audit(connection):
            raise AuditFailedError(
                f"load {number} of {pluralize(len(stale), 'slice')} breaks a blocking check; "
                "the published data is unchanged",
                fix="fix the data that the failed checks name and run again",
            )
        if records is not None:
            records.write(connection, number)
    if records is not None:
        records.confirm(number)
    names = tuple(target.name for target in unchanged)
    return LoadResult(number, tuple(changed), replaced, names)


def _require_published(unchanged: Sequence[SliceToLoad], published: Mapping[SliceName, str]) -> None:
    """Raise LoadError if the version whose rows are to stay is not the published one any more."""
    for target in unchanged:
        if published.get(target.name) != target.rows_of:
            raise LoadError(
                f"{target.contract_name} {target.slice} was loaded by somebody else in the meantime",
                fix="run again",
            )


def _load(
    connection: LoadConnection,
    stale: Sequence[SliceToLoad],
    published: Mapping[SliceName, str] | None,
    number: int,
    request: LoadRequest,
) -> None:
    """Replace stale slices; movements are recorded while both exist, unless `published` is None."""
    tables = [(contract, list(group)) for contract, group in groupby(stale, lambda target: target.contract)]
    for contract in STAR:
        connection.execute(statements.create_stage(contract))
    for contract, group in tables:
        _stage(connection, contract, group)
    for contract, group in tables:
        _compare(connection, contract, group)
    if published is not None:
        movements.record_movements(connection, number, stale, published, request)
    for contract, group in tables:
        _replace(connection, contract, group, request.loaded_at_utc)


def _stage(connection: LoadConnection, contract: Contract, slices: Sequence[SliceToLoad]) -> None:
    files = [file for target in slices for file in target.files]
    if files:
        columns = [column.name for column in contract.stored_columns]
        connection.copy(statements.stage_table(contract), columns, files)


def _compare(connection: LoadConnection, contract: Contract, slices: Sequence[SliceToLoad]) -> None:
    """Raise LoadError if the staged rows and money differ from the totals that the slices declare."""
    if contract.sliced_by_period:
        expected, staged = _expected_sums(slices), _staged_sums(connection)
    else:
        expected, staged = _expected_counts(slices), _staged_count(connection, contract)
    differences = [
        f"{contract.table} {part}: expected {expected.get(part, _NOTHING)}, found {staged.get(part, _NOTHING)}"
        for part in sorted({*expected, *staged})
        if expected.get(part) != staged.get(part)
    ]
    if differences:
        omitted = len(differences) - _DIFFERENCES_SHOWN
        shown = [*differences[:_DIFFERENCES_SHOWN], *([f"and {omitted} more"] if omitted > 0 else [])]
        raise LoadError("; ".join(shown), fix="build these slices again: `finance-platform run --rebuild`")


def _expected_sums(slices: Sequence[SliceToLoad]) -> dict[str, _ControlTotals]:
    return {
        f"{target.slice} scenario {part.scenario_key}": _ControlTotals(part.row_count, part.amount, part.budget_amount)
        for target in slices
        for part in target.sums
        if part.row_count
    }


def _staged_sums(connection: LoadConnection) -> dict[str, _ControlTotals]:
    rows = connection.query(statements.statement(SqlFile.STAGED_FACT_SUMS)).rows
    return {f"{period} scenario {scenario}": _ControlTotals(*totals) for period, scenario, *totals in rows}


def _expected_counts(slices: Sequence[SliceToLoad]) -> dict[str, _ControlTotals]:
    return {target.slice: _ControlTotals(target.row_count) for target in slices}


def _staged_count(connection: LoadConnection, contract: Contract) -> dict[str, _ControlTotals]:
    return {WHOLE_TABLE: _ControlTotals(connection.query(statements.count_staged(contract)).rows[0][0])}


def _replace(
    connection: LoadConnection, contract: Contract, slices: Sequence[SliceToLoad], loaded_at: datetime
) -> None:
    if contract.sliced_by_period:
        ranges: dict[str, int] = {}
        days = exact_ranges(target.slice for target in slices)
        for index, (first, last) in enumerate(days):
            ranges[f"first_{index}"], ranges[f"last_{index}"] = first, last
        connection.execute(statements.delete_ranges(contract, "date_key", len(days)), ranges)
    else:
        connection.execute(statements.delete_all(contract))
    connection.execute(
        statements.insert_staged(contract),
        {column.name: loaded_at for column in contract.columns if column.set_by_load},
    )
