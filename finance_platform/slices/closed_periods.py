"""Closed periods: the ones that keep their published rows although a build would give other rows.

Belongs here: the rule of the setting CLOSED_PERIODS=hold for changes that no held delivery can stop (master data,
account types, settings, the platform's own code). A delivery that would restate a closed period is held (see
`deliveries.acceptance`), so a change that a delivery caused was accepted by a person and is published.
Does not belong here: closing and reopening (see `deliveries.period_decisions`), dimensions (see `kept_members`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from finance_platform.contracts.star import FACT_FINANCIALS, WHOLE_TABLE
from finance_platform.errors import DamagedObjectError, MissingRecordError
from finance_platform.settings import Settings, StarSettings
from finance_platform.slices.commits import SliceCommit, find_damaged_slices, read_slice
from finance_platform.slices.equal_rows import has_equal_rows
from finance_platform.slices.kept_members import KeptMembers, keep_members, write_kept_members
from finance_platform.slices.readings import INPUTS_OF_DELIVERIES, same_readings
from finance_platform.slices.settings_in_force import find_waiting_settings
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.version_diff import Names, explain_diff
from finance_platform.slices.versions import TargetSlice
from finance_platform.slices.waiting_changes import WaitingChange, moved_amounts
from finance_platform.storage.port import ObjectStore


@dataclass(frozen=True)
class FrozenPeriods:
    """A snapshot that keeps closed periods as they are published, and the periods that this concerns.

    Attributes:
        snapshot: has the published version of each frozen period as its target.
        periods: the frozen periods: closed ones whose rows a build would change.
        unknown: slices of which it cannot be said whether a build would change closed periods, since the record of
            their published version is damaged; nothing is published without a decision.
        waiting: what a build would change in closed periods, and waits for a decision.
        to_write: dimensions whose target version has rows of two others, and is not written yet.
    """

    snapshot: Snapshot
    periods: tuple[str, ...]
    unknown: tuple[tuple[str, str], ...] = ()
    waiting: tuple[WaitingChange, ...] = ()
    to_write: tuple[KeptMembers, ...] = ()


def freeze(
    processed: ObjectStore, settings: Settings, snapshot: Snapshot, versions: Mapping[tuple[str, str], str]
) -> FrozenPeriods:
    """Return the target slices, with closed periods as they are published where the home holds those.

    Args:
        processed: the processed zone.
        settings: the home.
        snapshot: the processed zone's state.
        versions: version by table and slice, as the load ledger says.
    """
    closed = snapshot.state.closed
    if not (settings.holds_closed_periods and closed):
        return FrozenPeriods(snapshot, ())
    frozen = freeze_closed_periods(processed, snapshot, versions)
    after, kept, unknown = keep_members(processed, frozen.snapshot, versions)
    waiting = find_waiting_settings(processed, StarSettings.of(settings), snapshot.settings, closed, versions)
    return FrozenPeriods(
        after,
        frozen.periods,
        unknown=(*frozen.unknown, *unknown),
        waiting=(*waiting, *frozen.waiting, *(one.change for one in kept)),
        to_write=tuple(one for one in kept if one.commit is None),
    )


def build_kept_members(processed: ObjectStore, frozen: FrozenPeriods) -> FrozenPeriods:
    """Write the dimensions that have rows of two versions and are not written yet; only a run does."""
    written = [write_kept_members(processed, one) for one in frozen.to_write]
    built = {**frozen.snapshot.built, **{(one.table, one.slice): one for one in written}}
    return replace(frozen, snapshot=replace(frozen.snapshot, built=built), to_write=())


def freeze_closed_periods(
    processed: ObjectStore, snapshot: Snapshot, published: Mapping[tuple[str, str], str]
) -> FrozenPeriods:
    """Return the snapshot without the changes to rows of closed periods that no delivery caused.

    Args:
        processed: the processed zone.
        snapshot: its state.
        published: version by table and slice, as the load ledger says.
    """
    frozen: dict[tuple[str, str], SliceCommit] = {}
    unknown, waiting = [], []
    for period, closing in snapshot.state.closed.items():
        name = (FACT_FINANCIALS.name, period)
        # A warehouse that was lost is built again with the version that was signed.
        built, version = snapshot.built.get(name), published.get(name) or closing.versions.get(FACT_FINANCIALS.name)
        if built is None or version is None or built.version == version:
            continue
        current = read_slice(processed, *name, version)
        if current is None and find_damaged_slices(processed, [(*name, version)]):
            unknown.append(name)
        elif (
            current
            and _has_same_lines(snapshot, period, built, current)
            and not has_equal_rows(processed, built, current)
        ):
            frozen[name] = current
            waiting.append(_waiting_change(processed, snapshot, built, current))
    target_slices = [
        TargetSlice(target.table, target.slice, frozen[name].version, frozen[name].inputs or {})
        if (name := (target.table, target.slice)) in frozen
        else target
        for target in snapshot.target
    ]
    after = replace(snapshot, target=target_slices, built={**snapshot.built, **frozen})
    waiting.sort(key=lambda change: change.periods)
    return FrozenPeriods(after, tuple(sorted(period for _, period in frozen)), tuple(sorted(unknown)), tuple(waiting))


def unknown_slice(table: str, slice_name: str) -> MissingRecordError:
    """Return the error about a slice that closed periods need and whose published version has a damaged record."""
    is_dimension = slice_name == WHOLE_TABLE
    subject = f"{table} has changed" if is_dimension else f"{slice_name} is closed, its inputs have changed"
    period = "PERIOD" if is_dimension else slice_name
    figures = "the figures of closed periods" if is_dimension else "its figures"
    return MissingRecordError(
        f"{subject}, and the record of its published version below "
        f"slices/{table}/{slice_name}/ in the processed zone is damaged, so whether {figures} would "
        "change is not known; nothing is published",
        fix=f"restore that file from a backup, or `finance-platform reopen {period} --why TEXT` "
        + ("for every closed period and run" if is_dimension else "and run"),
    )


def _waiting_change(
    processed: ObjectStore, snapshot: Snapshot, built: SliceCommit, current: SliceCommit
) -> WaitingChange:
    causes = explain_diff(current.inputs or {}, built.inputs, Names(snapshot.commits, snapshot.state.by_id))
    try:
        amounts = moved_amounts(processed, current, built)
    except DamagedObjectError:
        amounts = {}  # what is published stays, and is built again when the period is opened
    return WaitingChange(FACT_FINANCIALS.name, (current.slice,), tuple(causes), amounts)


def _has_same_lines(snapshot: Snapshot, period: str, built: SliceCommit, current: SliceCommit) -> bool:
    """Return whether two versions count the same lines; a longer export that repeats the period changes nothing.

    If lines supersede each other, the deliveries must be the same, since only they determine which lines remain, or
    other readings of the same bytes with the same lines, as after a release that reads files again.
    """
    new, old = built.inputs or {}, current.inputs or {}
    if same_readings(old, new, snapshot.commits) is not None:
        return True
    if any(inputs.get(part) for inputs in (new, old) for part in INPUTS_OF_DELIVERIES[1:]):
        return False
    return _contents(snapshot, period, new) == _contents(snapshot, period, old)


def _contents(snapshot: Snapshot, period: str, inputs: Mapping[str, Any]) -> list[str]:
    return sorted(
        count.content or f"unknown: {delivery_id}"
        for delivery_id, *scenarios in inputs.get("lines", ())
        for count in snapshot.commits[delivery_id].periods
        if count.period == period and count.scenario in scenarios
    )
