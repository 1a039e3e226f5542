"""Kept members: rows of dimensions that stay as they are published, since others would move closed periods.

Belongs here: the columns that decide where reports show money, comparing them, and the version of a dimension that has
the new rows of all members but those. Does not belong here: rows of the fact table (see `closed_periods`).

A change of an attribute that concerns a closed period waits in every period. Members without rows in closed periods,
names, which group nothing, and attributes that change from an open period on, are published at once.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from finance_platform.contracts.model import Contract, Versions
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DATE, DIM_DEPARTMENT, DIM_SCENARIO, WHOLE_TABLE
from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.events import utc_text
from finance_platform.deliveries.members.attribute_history import HISTORY, history_in
from finance_platform.deliveries.members.reorganisations import REORGANISATIONS
from finance_platform.feeds.values.dates import period_number
from finance_platform.slices.commits import SliceCommit, find_damaged_slices, read_slice, write_slice
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.version_diff import KEPT, Names, explain_diff
from finance_platform.slices.versions import TargetSlice
from finance_platform.slices.waiting_changes import ConcernedMembers, WaitingChange, find_concerned
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.port import ObjectStore

GROUPING_COLUMNS: Mapping[Contract, tuple[str, ...]] = MappingProxyType(
    {
        DIM_DATE: ("fiscal_year", "fiscal_quarter", "fiscal_period"),
        DIM_DEPARTMENT: ("business_unit", "parent_department_code"),
        DIM_ACCOUNT: (
            "account_type",
            "category",
            "profit_sign",
            "is_monetary",
            "measure",
            "parent_account_number",
        ),
        DIM_SCENARIO: ("scenario_type", "is_baseline"),
    }
)
"""By dimension, the columns that decide where reports show an amount; a test compares them with the movements' ones."""

_CODES: Mapping[Contract, str] = MappingProxyType(
    {
        DIM_DATE: "year_month",
        DIM_DEPARTMENT: "department_code",
        DIM_ACCOUNT: "account_number",
        DIM_SCENARIO: "scenario_name",
    }
)

_Row = dict[str, Any]
_Rows = dict[int, _Row]


@dataclass(frozen=True)
class KeptMembers:
    """A dimension with rows that stay as they are published.

    Attributes:
        contract: the dimension.
        target: the version to publish: the published one, or one with the rows of both.
        commit: its commit; None if a run has to write it.
        rows: its rows.
        change: what waits.
    """

    contract: Contract
    target: TargetSlice
    commit: SliceCommit | None
    rows: _Rows
    change: WaitingChange


def keep_members(
    processed: ObjectStore, snapshot: Snapshot, published: Versions
) -> tuple[Snapshot, list[KeptMembers], list[tuple[str, str]]]:
    """Return the snapshot with dimensions that move no money of closed periods, these, and what is not known.

    Args:
        processed: the processed zone.
        snapshot: its state; the dimensions that follow from it are built.
        published: the published versions.

    Returns:
        The snapshot; the dimensions with rows that stay as they are published; the table and slice of each dimension
        whose published version has a damaged record, so that what would move is not known.

    Raises:
        DamagedObjectError: rows of a dimension or of a closed period are damaged.
    """
    unknown, kept = [], {}
    for contract in GROUPING_COLUMNS:
        name = (contract.name, WHOLE_TABLE)
        built, version = snapshot.built.get(name), published.get(name)
        if built is None or version is None or built.version == version:
            continue
        current = read_slice(processed, *name, version)
        if current is None:
            unknown += [name] if find_damaged_slices(processed, [(*name, version)]) else []
        elif one := _keep(processed, snapshot, contract, current, built, published):
            kept[name] = one
    target = [
        kept[name].target if (name := (slice_.table, slice_.slice)) in kept else slice_ for slice_ in snapshot.target
    ]
    built_after = {name: commit for name, commit in snapshot.built.items() if name not in kept}
    built_after |= {name: one.commit for name, one in kept.items() if one.commit}
    after = replace(snapshot, target=target, built=built_after)
    return after, list(kept.values()), unknown


def _keep(
    processed: ObjectStore,
    snapshot: Snapshot,
    contract: Contract,
    current: SliceCommit,
    built: SliceCommit,
    published: Versions,
) -> KeptMembers | None:
    """Return what stays of a dimension; None if nothing does."""
    old, new = _rows(processed, contract, current), _rows(processed, contract, built)
    concerned = _concerned(processed, snapshot, contract, _Sides(contract, current, built, old, new), published)
    if not concerned or not concerned.keys:
        return None
    change = WaitingChange(
        contract.name,
        concerned.periods,
        tuple(explain_diff(current.inputs or {}, built.inputs, Names(snapshot.commits, snapshot.state.by_id))),
        concerned.amounts,
        tuple(sorted({str(old[key][_CODES[contract]]) for key in concerned.keys})),
    )
    rows = {**new, **{key: old[key] for key in concerned.keys}}
    history = _kept_history(contract, current, built, concerned.keys)
    if rows == old and history == _history(current) and _reorganisations(current) == _reorganisations(built):
        target = TargetSlice(contract.name, WHOLE_TABLE, current.version, current.inputs or {})
        return KeptMembers(contract, target, current, rows, change)
    target = _target(contract, current, built, concerned.keys, history)
    commit = read_slice(processed, contract.name, WHOLE_TABLE, target.version)
    return KeptMembers(contract, target, commit, rows, change)


@dataclass(frozen=True)
class _Sides:
    """A dimension as it is published and as it is built: the members' rows, and what they were in earlier periods."""

    contract: Contract
    current: SliceCommit
    built: SliceCommit
    old: _Rows
    new: _Rows

    def changed(self, period: str) -> set[int]:
        """Return the members that reports would show elsewhere in a period."""
        columns, key = GROUPING_COLUMNS[self.contract], self.contract.surrogate_key
        before, after = (
            {**rows, **history_in(period, _history(commit), key)}
            for rows, commit in ((self.old, self.current), (self.new, self.built))
        )
        return {
            member
            for member, row in before.items()
            if member in self.old and (member not in self.new or any(row[one] != after[member][one] for one in columns))
        }


def _history(commit: SliceCommit) -> list[_Row]:
    rows: list[_Row] = (commit.inputs or {}).get(HISTORY, [])
    return rows


def _reorganisations(commit: SliceCommit) -> list[_Row]:
    rows: list[_Row] = (commit.inputs or {}).get(REORGANISATIONS, [])
    return rows


def _kept_history(contract: Contract, current: SliceCommit, built: SliceCommit, keys: Collection[int]) -> list[_Row]:
    """Return what members were, those that stay as they are published among them."""
    key = contract.surrogate_key
    kept = [row for row in _history(current) if row[key] in keys]
    others = [row for row in _history(built) if row[key] not in keys]
    return sorted([*kept, *others], key=lambda row: (row[key], row["valid_from"]))


def _concerned(
    processed: ObjectStore, snapshot: Snapshot, contract: Contract, sides: _Sides, published: Versions
) -> ConcernedMembers:
    """Return which members with rows in closed periods are changed there, and their money there."""
    key_column = contract.surrogate_key or ""
    keys: set[int] = set()
    every: set[int] = set()
    periods: list[str] = []
    amounts: dict[str, Decimal] = {}
    for period in sorted(snapshot.state.closed):
        changed = sides.changed(period)
        concerned = find_concerned(processed, [period], published, key_column, changed)
        every |= changed
        keys |= concerned.keys
        periods += concerned.periods
        for scenario, amount in concerned.amounts.items():
            amounts[scenario] = amounts.get(scenario, Decimal(0)) + amount
    if contract is DIM_DATE:
        # The days of a period are shown together, also those without a row.
        months = {period_number(period) for period in periods}
        keys = {key for key in every if key // 100 in months}
    return ConcernedMembers(frozenset(keys), tuple(periods), amounts)


def _rows(processed: ObjectStore, contract: Contract, commit: SliceCommit) -> _Rows:
    return {row[contract.surrogate_key]: row for row in _read(processed, commit)}


def _read(processed: ObjectStore, commit: SliceCommit) -> Iterator[_Row]:
    for file in commit.files:
        with open_parquet(processed, file.key) as parquet:
            yield from parquet.read().to_pylist()


def _target(
    contract: Contract, current: SliceCommit, built: SliceCommit, keys: Collection[int], history: list[_Row]
) -> TargetSlice:
    """Return the version that has rows of both; its inputs explain it as what it was built from."""
    text = json.dumps([contract.name, KEPT, current.version, built.version, sorted(keys)])
    of_current = dict(current.inputs or {})
    inputs = {**(built.inputs or {}), KEPT: of_current.get(KEPT, of_current)}
    inputs = {name: value for name, value in inputs.items() if name != HISTORY}
    if history:
        inputs[HISTORY] = history
    return TargetSlice(contract.name, WHOLE_TABLE, hashlib.sha256(text.encode()).hexdigest()[:16], inputs)


def is_of_kept_members(inputs: Mapping[str, Any]) -> bool:
    """Return whether a version has rows of two others, so that it is no hash of its inputs."""
    return KEPT in inputs


def write_kept_members(processed: ObjectStore, kept: KeptMembers) -> SliceCommit:
    """Write the version that has rows of both, and return its commit."""
    contract, target, rows = kept.contract, kept.target, [kept.rows[key] for key in sorted(kept.rows)]
    buffer, attempt = io.BytesIO(), f"{KEPT}-{target.version}"
    pq.write_table(pa.Table.from_pylist(rows, arrow_schema(contract.stored_columns)), buffer)
    file = DataFile(f"{contract.name}/{attempt}/part-00000.parquet", buffer.tell())
    processed.write(file.key, buffer.getvalue())
    commit = SliceCommit(
        contract.name,
        WHOLE_TABLE,
        target.version,
        len(rows),
        (file,),
        inputs=target.inputs,
        attempt=attempt,
        built_at=utc_text(datetime.now(UTC)),
    )
    write_slice(processed, commit)
    return commit
