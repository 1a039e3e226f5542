"""The load ledger: which version of which slice is published, written in the transaction of the slice itself.

Belongs here: reading the ledger, and adding a load's rows to it.
Does not belong here: the data (see `load`), the register of the raw zone (see `deliveries`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from finance_platform.contracts.model import SliceName
from finance_platform.contracts.star import LOAD_LEDGER, STAR
from finance_platform.warehouse.load_request import LoadRequest, SliceToLoad
from finance_platform.warehouse.port import LoadConnection, NoWarehouseYetError, Queryable
from finance_platform.warehouse.statements import SqlFile, insert, statement

CONTRACT_NAMES = {contract.table: contract.name for contract in STAR}
"""Of the tables that have slices, by their names in the warehouse."""


@dataclass(frozen=True)
class PublishedSlice:
    """A slice that is published now.

    Attributes:
        version: its version.
        row_count: rows published.
        amount: SUM(Amount) of all scenarios; 0 for dimensions.
        loaded_at: when, UTC without a zone.
        load_number: the load that published it.
    """

    version: str
    row_count: int
    amount: Decimal
    loaded_at: datetime
    load_number: int


def published_slices(source: Queryable) -> dict[SliceName, PublishedSlice]:
    """Return the published slices by contract name and slice; empty if there is no warehouse yet."""
    try:
        return _slices(source.query(statement(SqlFile.PUBLISHED_SLICES)).rows)
    except NoWarehouseYetError:
        return {}


def slices_published_at(source: Queryable, at: datetime) -> dict[SliceName, PublishedSlice]:
    """Return the slices that were published at a time, UTC without a zone, as far as the ledger goes back."""
    return _slices(source.query(statement(SqlFile.PUBLISHED_AT), {"at": at}).rows)


def _slices(rows: Sequence[Sequence[Any]]) -> dict[SliceName, PublishedSlice]:
    return {
        (CONTRACT_NAMES[table], slice_name): PublishedSlice(version, row_count, amount, loaded_at, load_number)
        for table, slice_name, version, row_count, amount, loaded_at, load_number in rows
        if table in CONTRACT_NAMES
    }


def published_versions(source: Queryable) -> dict[SliceName, str]:
    """Return the version of each published slice; empty if there is no warehouse yet."""
    return {name: published.version for name, published in published_slices(source).items()}


def last_load_number(source: Queryable) -> int:
    """Return the number of the last load; 0 before the first."""
    return int(source.query(statement(SqlFile.LAST_LOAD_NUMBER)).rows[0][0])


def next_load_number(connection: LoadConnection) -> int:
    """Return the number of the next load; the caller holds the ledger's lock."""
    return last_load_number(connection) + 1


def record_load(
    connection: LoadConnection, slices: Sequence[SliceToLoad], load_number: int, request: LoadRequest
) -> None:
    """Add a row per slice that a load publishes or removes."""
    insert(connection, LOAD_LEDGER, [_row(loaded, load_number, request) for loaded in slices])


def _row(loaded: SliceToLoad, load_number: int, request: LoadRequest) -> dict[str, object]:
    return {
        "load_number": load_number,
        "table_name": loaded.contract.table,
        "slice": loaded.slice,
        "version": loaded.version or "",
        "is_removed": loaded.version is None,
        "row_count": loaded.row_count,
        "amount": loaded.amount,
        "run_id": request.run_id,
        "loaded_at": request.loaded_at_utc,
    }
