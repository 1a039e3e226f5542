"""Emptied periods: where lines of Actual were delivered, and later deliveries hide every one of them.

Belongs here: telling that a period has no Actual line left, by counts where they suffice, else by keys.
Does not belong here: what follows for coverage (see `plan`), who hides what (see `overlaps`, `plan`).

With ACTUALS_THROUGH, Actual covers the periods from its first line on, so other periods depend on this one fact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.overlaps import Overlaps
from finance_platform.deliveries.state import DeliveryState
from finance_platform.slices.versions import ContributingDelivery, contributing_deliveries
from finance_platform.storage.port import ObjectStore

_ACTUAL = "Actual"


def find_leading_empty_periods(processed: ObjectStore, state: DeliveryState, overlaps: Overlaps) -> frozenset[str]:
    """Return the periods before Actual's first line that counts, in which Actual has hidden lines.

    Args:
        processed: the processed zone.
        state: what is in the lake.
        overlaps: which lines the live deliveries claim from each other.
    """
    commits = {delivery.delivery_id: delivery.commit for delivery in state.ledger}
    emptied = set()
    for period, found in contributing_deliveries(state, overlaps).items():
        items = [item for item in found if _ACTUAL in item.scenarios]
        if any(_shows(processed, item, period, overlaps, commits) for item in items):
            break
        if items:
            emptied.add(period)
    return frozenset(emptied)


def _shows(
    processed: ObjectStore,
    item: ContributingDelivery,
    period: str,
    overlaps: Overlaps,
    commits: Mapping[str, DeliveryCommit],
) -> bool:
    """Return whether at least one Actual line of a delivery is hidden by none."""
    commit = item.delivery.commit
    rows = sum(count.rows for count in commit.periods if (count.scenario, count.period) == (_ACTUAL, period))
    if item.hidden_scopes:
        claims = [
            overlaps.shared(commit.delivery_id, other).lines for other in overlaps.overlapping(commit.delivery_id)
        ]
        cells = {(scenario, period, scope) for scenario, scope in item.hidden_scopes if scenario == _ACTUAL}
        return rows > sum(max(lines.get(cell, 0) for lines in claims) for cell in cells)
    hidden = [overlaps.shared(commit.delivery_id, hider).lines.get((_ACTUAL, period, None), 0) for hider in item.hiders]
    if rows > sum(hidden) or rows == max(hidden, default=0):
        return rows > sum(hidden)
    # Several deliveries hide some each; whether they hide the same ones, only the keys say.
    left = pa.chunked_array(_keys(processed, commit, period), pa.string())
    for hider in item.hiders:
        for keys in _keys(processed, commits[hider]):
            left = left.filter(pc.invert(pc.is_in(left, value_set=keys)))
    return len(left) > 0


def _keys(processed: ObjectStore, commit: DeliveryCommit, period: str | None = None) -> Iterator[pa.Array]:
    """Yield the keys of a delivery's lines: all, or those of Actual in one period."""
    tables = ("transactions", "budget") if period is None else ("transactions",)
    for file in (file for table in tables for file in commit.files.get(table, ())):
        with processed.open(file.key) as stream:
            rows = pq.read_table(stream, columns=["line_key", "period"])
        if period is not None:
            rows = rows.filter(pc.equal(rows["period"], period))
        yield rows["line_key"].combine_chunks()
