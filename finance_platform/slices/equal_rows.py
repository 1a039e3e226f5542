"""Slices whose rows are those of another version: a load leaves the rows of such a slice as they are.

Belongs here: comparing the files of two versions of a slice. Does not belong here: loading (see `warehouse.load`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa

from finance_platform.contracts.model import SliceName
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.deliveries.members.attribute_history import HISTORY
from finance_platform.deliveries.members.reorganisations import REORGANISATIONS
from finance_platform.errors import DamagedObjectError
from finance_platform.slices.commits import SliceCommit, read_slices
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.version_diff import KEPT
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.port import ObjectStore


def find_unchanged(
    processed: ObjectStore, snapshot: Snapshot, published: Mapping[SliceName, str], names: Iterable[SliceName]
) -> dict[SliceName, str]:
    """Return the slices whose published version has the rows of the target version, with that published version.

    A period has the same rows if both versions name the same files (see `adoption`). A dimension is built again by each
    delivery, so its rows are compared; with them goes what its members were in earlier periods.

    Args:
        processed: the processed zone.
        snapshot: its state, whose target slices are built.
        published: version by table and slice, as the load ledger says.
        names: the slices to look at, by table and slice.
    """
    looked_at = [(*name, published[name]) for name in names if name in published and name in snapshot.built]
    before = {(one.table, one.slice): one for one in read_slices(processed, looked_at) if one is not None}
    return {name: one.version for name, one in before.items() if _is_unchanged(processed, snapshot.built[name], one)}


def _is_unchanged(processed: ObjectStore, built: SliceCommit, before: SliceCommit) -> bool:
    if built.table == FACT_FINANCIALS.name:
        return _has_same_files(built, before) and built.sums == before.sums
    old, new = before.inputs or {}, built.inputs or {}
    if KEPT in old or KEPT in new or any(old.get(part) != new.get(part) for part in (HISTORY, REORGANISATIONS)):
        return False
    try:
        return has_equal_rows(processed, built, before)
    except DamagedObjectError:
        return False  # the load names the damaged file


def has_equal_rows(processed: ObjectStore, built: SliceCommit, before: SliceCommit) -> bool:
    """Return whether two versions of a slice have the same rows; false if those of the earlier one are damaged.

    Raises:
        DamagedObjectError: the rows of `built` are damaged.
    """
    if built.row_count != before.row_count:
        return False
    if _has_same_files(built, before):
        return True
    rows = _rows(processed, built)
    try:
        return bool(rows == _rows(processed, before))
    except DamagedObjectError:
        return False


def _has_same_files(built: SliceCommit, before: SliceCommit) -> bool:
    return built.row_count == before.row_count and tuple(built.files) == tuple(before.files)


def _rows(processed: ObjectStore, commit: SliceCommit) -> pa.Table:
    tables = []
    for file in commit.files:
        with open_parquet(processed, file.key) as parquet:
            rows = parquet.read()
            # Where an engine knows that a column has no nulls, its files say so.
            tables.append(rows.cast(pa.schema([column.with_nullable(True) for column in rows.schema])))
    table = pa.concat_tables(tables) if tables else pa.table({})
    return table.sort_by([(name, "ascending") for name in table.column_names]) if tables else table
