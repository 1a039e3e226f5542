"""What stands in the warehouse, as the lake knows it: the commits of published versions, and why wanted ones differ.

Belongs here: looking up slice commits by the versions that the load ledger names. Does not belong here: the ledger (see
`warehouse.ledger`), the sentences (see `causes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from finance_platform.slices.commits import SliceCommit, read_slice
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.version_diff import explain_diff
from finance_platform.slices.versions import TargetSlice
from finance_platform.storage.port import ObjectStore

Versions = Mapping[tuple[str, str], str]
"""Version by table and slice, as the load ledger says."""


def standing(processed: ObjectStore, snapshot: Snapshot, published: Versions) -> Snapshot:
    """Return the snapshot as it would be if the lake wanted what is published; versions without a commit have none."""
    wanted = [TargetSlice(*name, version, {}) for name, version in sorted(published.items())]
    found = {name: _commit(processed, snapshot, name, version) for name, version in published.items()}
    return replace(snapshot, wanted=wanted, built={name: commit for name, commit in found.items() if commit})


def causes(
    processed: ObjectStore, snapshot: Snapshot, published: Versions, names: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], list[str]]:
    """Return, by slice, what changed between the version that is published and the one that is wanted.

    A slice that is not published has nothing to compare with: the files that reach it came. One whose published
    version has no commit any more has no causes.
    """
    files = {delivery_id: commit.object_key for delivery_id, commit in snapshot.commits.items()}
    told = {}
    for name in names:
        wanted = snapshot.built.get(name)
        before = _commit(processed, snapshot, name, published[name]) if name in published else None
        if name in published and before is None:
            continue
        told[name] = explain_diff(before.inputs if before else {}, wanted.inputs if wanted else None, files)
    return told


def _commit(processed: ObjectStore, snapshot: Snapshot, name: tuple[str, str], version: str) -> SliceCommit | None:
    built = snapshot.built.get(name)
    if built and built.version == version:
        return built
    return read_slice(processed, *name, version)
