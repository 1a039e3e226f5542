"""Open tables: which Parquet files of the processed zone each Delta table consists of.

Belongs here: the tables, their files and columns. Does not belong here: Delta's log (see `delta_log`), the tables of
the Glue Data Catalog (see `tables`), the star itself (see `slices`).

A table has the files of the deliveries and slices that count, and no file is rewritten. One kind is copied: a file that
small deliveries share may have rows of some that no longer count, and a Delta table takes a file whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from finance_platform.contracts.model import Column, Contract
from finance_platform.contracts.processed import LINE_CONTRACTS, REJECTED_ROWS
from finance_platform.contracts.star import STAR, WHOLE_TABLE
from finance_platform.data_catalog.tables import ALL_PERIODS, ROW_TABLES, SLICE
from finance_platform.deliveries.lines import period_of_file
from finance_platform.deliveries.live_files import Files, live_files
from finance_platform.slices.snapshot import Snapshot

COPIES = "open"
"""The folder of a table that has the copies of shared files."""


@dataclass(frozen=True)
class OpenFile:
    """One file of an open table.

    Attributes:
        key: its key in the processed zone.
        slice: the value of the partition column; None in a table without one.
        size: in bytes; None for a copy, which may have to be made.
        rows: how many it has; None if they were not counted.
        copied_from: the shared file that it is a copy of, in part; empty for a file of the platform itself.
        deliveries: those whose rows the copy has.
        periods: of deliveries of which not all lines count, the periods whose rows the copy has, by delivery.
    """

    key: str
    slice: str | None
    size: int | None
    rows: int | None = None
    copied_from: str = ""
    deliveries: frozenset[str] = frozenset()
    periods: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class OpenTable:
    """One table as Delta's log should describe it.

    Attributes:
        name: the contract's name, and the folder of the table.
        description: the meaning of a row.
        columns: the columns of the files.
        partition_by: the partition column, which is in no file; none for a table that is built whole.
        files: by key.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    partition_by: tuple[str, ...]
    files: Mapping[str, OpenFile]

    @property
    def version(self) -> str:
        """A hash of the files and the columns; equal for equal tables."""
        columns = [(column.name, column.type) for column in self.columns]
        files = sorted((file.key, file.slice) for file in self.files.values())
        return hashlib.sha256(json.dumps([columns, self.partition_by, files]).encode()).hexdigest()[:16]


def open_tables(snapshot: Snapshot) -> list[OpenTable]:
    """Return the open tables of the processed zone; a table of the star that was never built is left out."""
    state = snapshot.state
    live = [(one.files, [state.live[place].commit.delivery_id for place in one.places]) for one in live_files(state)]
    periods = {
        one.delivery_id: sorted({count.period for count in one.commit.periods})
        for one in state.live
        if not one.portion.is_whole
    }
    inactive = [(one.commit.files, [one.commit.delivery_id]) for one in state.inactive]
    tables = [table for contract in STAR if (table := _star_table(contract, snapshot))]
    for contract in (*LINE_CONTRACTS, *ROW_TABLES):
        # Held and refused deliveries have no lines that count, but rejected rows that need attention.
        delivered = [*live, *inactive] if contract is REJECTED_ROWS else live
        is_sliced = contract in LINE_CONTRACTS
        files = _delivery_files(contract, delivered, periods if is_sliced else {}, is_sliced=is_sliced)
        tables.append(_table(contract, files, is_sliced=is_sliced))
    return tables


def _star_table(contract: Contract, snapshot: Snapshot) -> OpenTable | None:
    slices = {name: commit for (table, name), commit in snapshot.built.items() if table == contract.name}
    is_sliced = contract.sliced_by_period
    if not is_sliced and WHOLE_TABLE not in slices:
        return None
    files = [
        OpenFile(file.key, name if is_sliced else None, file.size, commit.row_count if len(commit.files) == 1 else None)
        for name, commit in slices.items()
        for file in commit.files
    ]
    return _table(contract, files, is_sliced=is_sliced)


def _delivery_files(
    contract: Contract,
    delivered: Iterable[tuple[Files, Sequence[str]]],
    periods: Mapping[str, Sequence[str]],
    *,
    is_sliced: bool,
) -> Iterator[OpenFile]:
    """Yield the files of a table; `delivered` has files by table, and the deliveries that have them."""
    shared: dict[str, set[str]] = {}
    for by_table, ids in delivered:
        for file in by_table.get(contract.name, ()):
            if file.is_shared:
                shared.setdefault(file.key, set()).update(ids)
            else:
                yield OpenFile(file.key, _slice(file.key) if is_sliced else None, file.size)
    for key, deliveries in shared.items():
        partly = {delivery: periods[delivery] for delivery in sorted(deliveries) if delivery in periods}
        parts = [key, *sorted(deliveries), *([partly] if partly else [])]
        name = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
        copy = f"{contract.name}/{COPIES}/{name}.parquet"
        yield OpenFile(copy, _slice(key) if is_sliced else None, None, None, key, frozenset(deliveries), partly)


def _slice(key: str) -> str:
    return period_of_file(key) or ALL_PERIODS


def _table(contract: Contract, files: Iterable[OpenFile], *, is_sliced: bool) -> OpenTable:
    return OpenTable(
        name=contract.name,
        description=contract.grain,
        columns=contract.stored_columns,
        partition_by=(SLICE.name,) if is_sliced else (),
        files={file.key: file for file in files},
    )
