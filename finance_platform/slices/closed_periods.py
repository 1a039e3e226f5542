"""Closed periods: which of their slices stay as they are published, although the lake would build them otherwise.

Belongs here: the rule of the setting CLOSED_PERIODS=hold for what no delivery caused (account types, the baseline, the
platform's own code). A delivery that would restate a closed period is held itself, before it counts (see `judging`), so
what deliveries caused got here by somebody's decision and is published.
Does not belong here: closing and reopening (see `decisions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.slices.commits import SliceCommit, read_slice
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.versions import TargetSlice
from finance_platform.storage.port import ObjectStore

_OF_DELIVERIES = ("lines", "hidden", "hidden_scopes")


@dataclass(frozen=True)
class FrozenPeriods:
    """A snapshot that leaves closed periods as they are published, and which ones that concerns.

    Attributes:
        snapshot: wants, of each kept period, the version that is published.
        periods: the periods that are kept although the lake would build other rows.
    """

    snapshot: Snapshot
    periods: tuple[str, ...]


def freeze_closed_periods(
    processed: ObjectStore, snapshot: Snapshot, published: Mapping[tuple[str, str], str]
) -> FrozenPeriods:
    """Return the snapshot with the closed periods kept whose rows would change for no delivery's sake.

    Args:
        processed: the processed zone.
        snapshot: what the lake wants.
        published: version by table and slice, as the load ledger says.
    """
    kept: dict[tuple[str, str], SliceCommit] = {}
    for period in snapshot.state.closed:
        name = (FACT_FINANCIALS.name, period)
        wanted, version = snapshot.built.get(name), published.get(name)
        if wanted is None or version is None or wanted.version == version:
            continue
        there = read_slice(processed, *name, version)
        if there and _same_lines(snapshot, period, wanted, there) and not _same_rows(processed, wanted, there):
            kept[name] = there
    target_slices = [
        TargetSlice(one.table, one.slice, kept[name].version, kept[name].inputs or {})
        if (name := (one.table, one.slice)) in kept
        else one
        for one in snapshot.wanted
    ]
    after = replace(snapshot, wanted=target_slices, built={**snapshot.built, **kept})
    return FrozenPeriods(after, tuple(sorted(period for _, period in kept)))


def _same_lines(snapshot: Snapshot, period: str, wanted: SliceCommit, there: SliceCommit) -> bool:
    """Return whether two versions count the same lines; a longer export that repeats the period changes nothing.

    Where lines hide each other, the deliveries must be the same, since what is left of them is told by them alone.
    """
    new, old = wanted.inputs or {}, there.inputs or {}
    if all(_plain(new.get(part)) == _plain(old.get(part)) for part in _OF_DELIVERIES):
        return True
    if any(one.get(part) for one in (new, old) for part in _OF_DELIVERIES[1:]):
        return False
    return _contents(snapshot, period, new) == _contents(snapshot, period, old)


def _contents(snapshot: Snapshot, period: str, inputs: Mapping[str, Any]) -> list[str]:
    return sorted(
        count.content or f"unknown: {delivery_id}"
        for delivery_id, *scenarios in inputs.get("lines", ())
        for count in snapshot.commits[delivery_id].periods
        if count.period == period and count.scenario in scenarios
    )


def _plain(value: object) -> object:
    """Return lists for tuples: what was read from JSON has no others."""
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _same_rows(processed: ObjectStore, wanted: SliceCommit, there: SliceCommit) -> bool:
    return wanted.row_count == there.row_count and _rows(processed, wanted) == _rows(processed, there)


def _rows(processed: ObjectStore, commit: SliceCommit) -> pa.Table:
    tables = []
    for file in commit.files:
        with processed.open(file.key) as stream:
            tables.append(pq.read_table(stream))
    whole = pa.concat_tables(tables) if tables else pa.table({})
    return whole.sort_by([(name, "ascending") for name in whole.column_names]) if tables else whole
