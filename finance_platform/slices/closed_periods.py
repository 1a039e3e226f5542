"""Closed periods: the ones that keep their published rows although a build would give other rows.

Belongs here: the rule of the setting CLOSED_PERIODS=hold for changes that no delivery caused (account types, the
baseline, the platform's own code). A delivery that would restate a closed period is held (see
`deliveries.acceptance`), so a change that a delivery caused was accepted by a person and is published.
Does not belong here: closing and reopening (see `deliveries.decisions`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.errors import DamagedObjectError, MissingRecordError
from finance_platform.settings import Settings, StarSettings
from finance_platform.slices.commits import SliceCommit, find_damaged_slices, read_slice
from finance_platform.slices.snapshot import Snapshot, take_snapshot
from finance_platform.slices.versions import TargetSlice
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.port import ObjectStore

_INPUTS_OF_DELIVERIES = ("lines", "hidden", "hidden_scopes")


@dataclass(frozen=True)
class FrozenPeriods:
    """A snapshot that keeps closed periods as they are published, and the periods that this concerns.

    Attributes:
        snapshot: has the published version of each frozen period as its target.
        periods: the frozen periods: closed ones that a build would change.
        unknown: closed periods of which it cannot be said whether a build would change them, since the record of their
            published version is damaged or lost; nothing is published of them without a decision.
    """

    snapshot: Snapshot
    periods: tuple[str, ...]
    unknown: tuple[str, ...] = ()


def freeze(
    processed: ObjectStore,
    settings: Settings,
    versions: Mapping[tuple[str, str], str],
    *,
    record: bool = True,
    without: Collection[str] = (),
) -> FrozenPeriods:
    """Return the target slices, with closed periods as they are published where the home holds those.

    Args:
        processed: the processed zone.
        settings: the home.
        versions: version by table and slice, as the load ledger says.
        record: whether to keep newly computed overlaps; a status does not.
        without: deliveries whose rows are damaged, by id; they are taken as not read.
    """
    snapshot = take_snapshot(processed, StarSettings.of(settings), record=record, without=without)
    if not settings.holds_closed_periods:
        return FrozenPeriods(snapshot, ())
    return freeze_closed_periods(processed, snapshot, versions)


def freeze_closed_periods(
    processed: ObjectStore, snapshot: Snapshot, published: Mapping[tuple[str, str], str]
) -> FrozenPeriods:
    """Return the snapshot without the changes to closed periods that no delivery caused.

    Args:
        processed: the processed zone.
        snapshot: its state.
        published: version by table and slice, as the load ledger says.
    """
    frozen: dict[tuple[str, str], SliceCommit] = {}
    unknown = []
    for period, closing in snapshot.state.closed.items():
        name = (FACT_FINANCIALS.name, period)
        # A warehouse that was lost is built again with the version that was signed.
        built, version = snapshot.built.get(name), published.get(name) or closing.versions.get(FACT_FINANCIALS.name)
        if built is None or version is None or built.version == version:
            continue
        current = read_slice(processed, *name, version)
        if current is None and find_damaged_slices(processed, [(*name, version)]):
            unknown.append(period)
        elif (
            current
            and _has_same_lines(snapshot, period, built, current)
            and not _has_same_rows(processed, built, current)
        ):
            frozen[name] = current
    target_slices = [
        TargetSlice(target.table, target.slice, frozen[name].version, frozen[name].inputs or {})
        if (name := (target.table, target.slice)) in frozen
        else target
        for target in snapshot.target
    ]
    after = replace(snapshot, target=target_slices, built={**snapshot.built, **frozen})
    return FrozenPeriods(after, tuple(sorted(period for _, period in frozen)), tuple(sorted(unknown)))


def unknown_period(period: str) -> MissingRecordError:
    """Return the error about a closed period whose published version has a damaged record."""
    return MissingRecordError(
        f"{period} is closed, its inputs have changed, and the record of its published version below "
        f"slices/{FACT_FINANCIALS.name}/{period}/ in the processed zone is damaged, so whether its figures would "
        "change is not known; nothing is published",
        fix=f"restore that file from a backup, or `finance-platform reopen {period} --why TEXT` and run",
    )


def _has_same_lines(snapshot: Snapshot, period: str, built: SliceCommit, current: SliceCommit) -> bool:
    """Return whether two versions count the same lines; a longer export that repeats the period changes nothing.

    If lines supersede each other, the deliveries must be the same, since only they determine which lines remain.
    """
    new, old = built.inputs or {}, current.inputs or {}
    if all(_as_lists(new.get(part)) == _as_lists(old.get(part)) for part in _INPUTS_OF_DELIVERIES):
        return True
    if any(inputs.get(part) for inputs in (new, old) for part in _INPUTS_OF_DELIVERIES[1:]):
        return False
    return _contents(snapshot, period, new) == _contents(snapshot, period, old)


def _contents(snapshot: Snapshot, period: str, inputs: Mapping[str, Any]) -> list[str]:
    return sorted(
        count.content or f"unknown: {delivery_id}"
        for delivery_id, *scenarios in inputs.get("lines", ())
        for count in snapshot.commits[delivery_id].periods
        if count.period == period and count.scenario in scenarios
    )


def _as_lists(value: object) -> object:
    """Return a value with lists for tuples, as JSON gives them."""
    return [_as_lists(part) for part in value] if isinstance(value, list | tuple) else value


def _has_same_rows(processed: ObjectStore, built: SliceCommit, current: SliceCommit) -> bool:
    if built.row_count != current.row_count:
        return False
    rows = _rows(processed, built)
    try:
        return bool(rows == _rows(processed, current))
    except DamagedObjectError:
        return False  # what is published stays


def _rows(processed: ObjectStore, commit: SliceCommit) -> pa.Table:
    tables = []
    for file in commit.files:
        with open_parquet(processed, file.key) as parquet:
            tables.append(parquet.read())
    table = pa.concat_tables(tables) if tables else pa.table({})
    return table.sort_by([(name, "ascending") for name in table.column_names]) if tables else table
