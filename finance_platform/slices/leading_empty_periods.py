"""Leading empty periods: the ones before the first live line of Actual in which all its lines are superseded.

Belongs here: finding that a period has no live line of Actual, by counts if they suffice, otherwise by keys.
Does not belong here: the coverage that follows (see `versions`), which delivery supersedes which (see `versions`,
`deliveries.overlaps`).

With ACTUALS_THROUGH, Actual covers the periods from its first line on, so other periods depend on this one fact.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.processed import BUDGET, TRANSACTIONS
from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.delivery_rows import read_rows
from finance_platform.deliveries.overlaps import Overlaps
from finance_platform.deliveries.state import DeliveryState, LiveDelivery
from finance_platform.slices.versions import ContributingDelivery, contributing_deliveries
from finance_platform.storage.port import ObjectStore

_ACTUAL = "Actual"


def find_leading_empty_periods(processed: ObjectStore, state: DeliveryState, overlaps: Overlaps) -> frozenset[str]:
    """Return the periods before the first live line of Actual in which Actual has superseded lines.

    Args:
        processed: the processed zone.
        state: its deliveries.
        overlaps: the lines that live deliveries claim from each other.
    """
    empty_periods = set()
    for period, contributions in contributing_deliveries(state, overlaps).items():
        with_actual = [item for item in contributions if _ACTUAL in item.scenarios]
        if any(_has_live_line(processed, item, period, overlaps, state.by_id) for item in with_actual):
            break
        if with_actual:
            empty_periods.add(period)
    return frozenset(empty_periods)


def _has_live_line(
    processed: ObjectStore,
    item: ContributingDelivery,
    period: str,
    overlaps: Overlaps,
    live: Mapping[str, LiveDelivery],
) -> bool:
    """Return whether at least one Actual line of a delivery is not superseded."""
    commit = item.delivery.commit
    rows = sum(count.rows for count in commit.periods if (count.scenario, count.period) == (_ACTUAL, period))
    if item.superseded_scopes:
        claims = [
            overlaps.overlap(commit.delivery_id, other).lines for other in overlaps.overlapping(commit.delivery_id)
        ]
        cells = {(scenario, period, scope) for scenario, scope in item.superseded_scopes if scenario == _ACTUAL}
        return rows > sum(max(lines.get(cell, 0) for lines in claims) for cell in cells)
    superseded = [
        overlaps.overlap(commit.delivery_id, later).lines.get((_ACTUAL, period, None), 0)
        for later in item.superseded_by
    ]
    is_whole = all(live[later].portion.is_whole for later in item.superseded_by)
    if rows > sum(superseded) or (is_whole and rows == max(superseded, default=0)):
        return rows > sum(superseded)
    # Several deliveries supersede some lines each, or one by a part of its own; only the keys show which lines remain.
    remaining = pa.chunked_array(_keys(processed, commit, {period}, (TRANSACTIONS.name,)), pa.string())
    for later in item.superseded_by:
        later_commit = live[later].commit
        for keys in _keys(processed, later_commit, {count.period for count in later_commit.periods}):
            remaining = remaining.filter(pc.invert(pc.is_in(remaining, value_set=keys)))
    return len(remaining) > 0


def _keys(
    processed: ObjectStore,
    commit: DeliveryCommit,
    periods: Collection[str],
    tables: Sequence[str] = (TRANSACTIONS.name, BUDGET.name),
) -> Iterator[pa.Array]:
    """Yield the keys of a delivery's lines in some periods, of Actual and plans or of one of them."""
    files = [file for table in tables for file in commit.files.get(table, ())]
    wanted = pa.array(sorted(periods), pa.string())
    for rows in read_rows(processed, commit.delivery_id, files, ["line_key", "period"]):
        counted = rows.filter(pc.is_in(rows["period"], value_set=wanted))
        yield counted["line_key"].combine_chunks()
