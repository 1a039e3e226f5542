"""Published slices, as the processed zone knows them: their commits, and how they differ from the target slices.

Belongs here: looking up slice commits by the versions that the load ledger names. Does not belong here: the ledger (see
`warehouse.ledger`), the sentences (see `version_diff`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from finance_platform.contracts.model import Contract, Versions
from finance_platform.contracts.star import DIM_DEPARTMENT, FACT_FINANCIALS, WHOLE_TABLE
from finance_platform.deliveries.members.attribute_history import HISTORIES, HISTORY, History, Row
from finance_platform.deliveries.members.department_structures import mapping_tables
from finance_platform.deliveries.members.reorganisations import REORGANISATIONS
from finance_platform.slices.commits import SliceCommit, read_inputs, read_slice
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.version_diff import Names, explain_diff
from finance_platform.slices.versions import TargetSlice
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.port import ObjectStore

_CELL = ("scenario_key", "account_key", "amount")


def published_snapshot(processed: ObjectStore, snapshot: Snapshot, published: Versions) -> Snapshot:
    """Return the snapshot with the published slices as the target; a version without a commit is not among the built.

    Args:
        processed: the processed zone.
        snapshot: its state.
        published: the published versions.
    """
    target = [TargetSlice(*name, version, {}) for name, version in sorted(published.items())]
    commits = {name: _commit(processed, snapshot, name, version) for name, version in published.items()}
    return replace(snapshot, target=target, built={name: commit for name, commit in commits.items() if commit})


def published_members(processed: ObjectStore, published: Versions) -> History:
    """Return what members are in which periods and how departments were reorganised, by table, in published versions.

    Those of a dimension that is not published are empty; those of one whose version is not in the processed zone are
    left out.
    """
    tables: dict[Contract, Sequence[Row]] = {}
    for name, table in HISTORIES.items():
        version = published.get((name, WHOLE_TABLE))
        commit = read_slice(processed, name, WHOLE_TABLE, version) if version else None
        if version and commit is None:
            continue
        inputs = (commit.inputs if commit else None) or {}
        tables[table] = inputs.get(HISTORY, [])
        if name == DIM_DEPARTMENT.name:
            tables |= mapping_tables(inputs.get(REORGANISATIONS, []))
    return tables


def explain_stale(
    processed: ObjectStore, snapshot: Snapshot, published: Versions, names: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], list[str]]:
    """Return, by slice, the differences between the inputs of the published version and of the target version.

    A slice that is not published is compared with no inputs at all, so that its files are the differences. A slice is
    left out if the inputs of its published version are unknown.

    Args:
        processed: the processed zone.
        snapshot: its state.
        published: the published versions.
        names: the slices, by table and slice.
    """
    names = list(names)
    if not names:
        return {}
    files = Names(snapshot.commits, snapshot.state.by_id)
    target = {(slice_.table, slice_.slice): slice_.inputs for slice_ in snapshot.target}
    old = read_inputs(processed, [(*name, published[name]) for name in names if name in published])
    differences = {}
    for name in names:
        inputs = old[*name, published[name]] if name in published else {}
        if inputs is not None:
            differences[name] = explain_diff(inputs, target.get(name), files)
    return differences


def published_cells(processed: ObjectStore, period: str, version: str) -> Iterator[tuple[str, int, Decimal]]:
    """Yield scenario, account key and amount of each row of a period of the fact table, sign of the star.

    Raises:
        DamagedObjectError: the rows of the version are damaged.
    """
    commit = read_slice(processed, FACT_FINANCIALS.name, period, version)
    names = {one.scenario_key: one.scenario for one in commit.sums} if commit else {}
    for file in commit.files if commit else ():
        with open_parquet(processed, file.key, _CELL) as parquet:
            for batch in parquet.iter_batches(columns=list(_CELL)):
                for row in batch.to_pylist():
                    yield names.get(row["scenario_key"], str(row["scenario_key"])), row["account_key"], row["amount"]


def _commit(processed: ObjectStore, snapshot: Snapshot, name: tuple[str, str], version: str) -> SliceCommit | None:
    built = snapshot.built.get(name)
    if built and built.version == version:
        return built
    return read_slice(processed, *name, version)
