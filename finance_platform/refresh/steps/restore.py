"""Filling a warehouse that was lost, switched or reset with what was published, and with the history of its loads.

Belongs here: the use case. Does not belong here: the records of loads (see `warehouse.load_records`), the load itself
(see `warehouse.load`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from finance_platform.contracts.model import SliceName
from finance_platform.count_text import pluralize
from finance_platform.errors import DamagedObjectError
from finance_platform.slices.commits import SliceCommit, read_slices
from finance_platform.slices.published import published_members
from finance_platform.storage.documents import find_damaged_files
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse import load
from finance_platform.warehouse.ledger import CONTRACT_NAMES, last_load_number
from finance_platform.warehouse.load_records import LoadRecord, LoadRecords, read_all
from finance_platform.warehouse.load_request import LoadRequest, SliceSum, SliceToLoad
from finance_platform.warehouse.port import Warehouse


def restore(
    processed: ObjectStore, warehouse: Warehouse, records: LoadRecords, *, run_id: str, clock: Callable[[], datetime]
) -> list[str]:
    """Bring records and warehouse together; return a sentence for each thing that was restored or cannot be.

    The warehouse has loads without a record: they get one. The records have loads that the warehouse lacks: what was
    published after them is published again, and the warehouse gets their rows of LoadLedger and Movements.

    Args:
        processed: the processed zone; the caller holds the home's lock.
        warehouse: a prepared warehouse.
        records: the records of loads.
        run_id: the run.
        clock: returns now, UTC.

    Raises:
        LoadError: what was published cannot be loaded.
    """
    last, newest = last_load_number(warehouse), max(records.numbers(), default=0)
    # Of loads without a record there is nothing to restore: one may be lost, or the note of the last load is wrong.
    confirmed = min(records.confirmed(), newest + 1)
    if last >= min(confirmed, newest):
        records.catch_up(warehouse, last)
        return []
    history: list[LoadRecord] = []
    damaged: list[DamagedObjectError] = []
    for record in read_all(records, confirmed):
        if isinstance(record, LoadRecord):
            history.append(record)
        else:
            damaged.append(record)
    slices, lacking = _published_slices(processed, history)
    versions = {one.name: one.version for one in slices if one.version is not None}
    result = load.restore(
        warehouse,
        LoadRequest(slices, run_id, clock()),
        history,
        records=records,
        members=published_members(processed, versions),
    )
    restored = f"load {result.load_number} ({pluralize(len(result.loaded), 'slice')})"
    sentences = [
        f"the warehouse lacked the loads {last + 1} to {confirmed}: the processed zone gave them, as {restored}"
    ]
    sentences += [
        f"{table} {name} as it was published is no longer in the processed zone, so it is published anew"
        for table, name in lacking
    ]
    return sentences + [f"{error.key}: {error.why}; what that load moved is not restored" for error in damaged]


def _published_slices(
    processed: ObjectStore, history: Sequence[LoadRecord]
) -> tuple[list[SliceToLoad], list[SliceName]]:
    """Return what was published after the last load, and the slices of it that are not in the processed zone."""
    versions: dict[SliceName, str | None] = {}
    for record in history:
        for row in record.ledger:
            if row["table_name"] in CONTRACT_NAMES:
                name = (CONTRACT_NAMES[row["table_name"]], row["slice"])
                versions[name] = None if row["is_removed"] else row["version"]
    wanted = [(*name, version) for name, version in versions.items() if version is not None]
    commits: Mapping[SliceName, SliceCommit] = {
        (commit.table, commit.slice): commit for commit in read_slices(processed, wanted) if commit
    }
    sizes = {file.key: file.size for commit in commits.values() for file in commit.files}
    damaged = find_damaged_files(processed, sizes)
    whole = {name: commit for name, commit in commits.items() if not any(file.key in damaged for file in commit.files)}
    lacking = [name for name, version in versions.items() if version is not None and name not in whole]
    return [slice_to_load(processed, name, whole.get(name)) for name in versions], lacking


def slice_to_load(
    processed: ObjectStore, name: SliceName, commit: SliceCommit | None, rows_of: str | None = None
) -> SliceToLoad:
    """Return a slice in the form that the load takes; one without a commit is to be removed."""
    table, slice_name = name
    if commit is None:
        return SliceToLoad(table, slice_name, None)
    sums = tuple(SliceSum(one.scenario_key, one.row_count, one.amount, one.budget_amount) for one in commit.sums)
    files = tuple(processed.uri(file.key) for file in commit.files)
    return SliceToLoad(table, slice_name, commit.version, files, commit.row_count, sums, rows_of)
