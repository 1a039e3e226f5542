"""Lines of Actual that count, by period, as the register, the commits and the overlaps give them.

Belongs here: taking the superseded lines out of the accepted ones before any slice is built. Does not belong here:
which deliveries contribute (see `versions`), lines of built slices (see `line_counts`).
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import combinations

from finance_platform.deliveries.overlaps import Overlaps
from finance_platform.deliveries.state import DeliveryState
from finance_platform.slices.versions import ContributingDelivery, contributing_deliveries

_ACTUAL = "Actual"


def count_actual_lines(state: DeliveryState, overlaps: Overlaps) -> dict[str, int]:
    """Return the number of lines of Actual that count, by period; a period without any has none.

    It is exact but where several later deliveries supersede lines of one delivery and have keys in common: then it is
    the most that can be left.

    Args:
        state: the deliveries.
        overlaps: the lines that live deliveries claim from each other.
    """
    lines: dict[str, int] = {}
    for period, items in contributing_deliveries(state, overlaps).items():
        for item in items:
            counts = [count for count in item.accepted if count.scenario_type == _ACTUAL]
            rows = sum(count.rows for count in counts)
            if rows and (item.superseded_by or item.superseded_scopes):
                rows -= _superseded(item, period, {count.scenario for count in counts}, overlaps)
            if rows > 0:
                lines[period] = lines.get(period, 0) + rows
    return lines


def _superseded(item: ContributingDelivery, period: str, scenarios: Collection[str], overlaps: Overlaps) -> int:
    """Return how many lines of some scenarios and a period later deliveries supersede, at least."""
    name = item.delivery.delivery_id
    scopes = {(scenario, period, scope) for scenario, scope in item.superseded_scopes if scenario in scenarios}
    in_scopes = sum(
        max(overlaps.overlap(name, other).lines.get(cell, 0) for other in overlaps.overlapping(name)) for cell in scopes
    )
    by_other = [
        sum(
            count
            for (scenario, of_period, _), count in overlaps.overlap(name, other).lines.items()
            if of_period == period and scenario in scenarios
        )
        for other in item.superseded_by
    ]
    share_keys = any(
        overlaps.overlap(one, other).lines or overlaps.overlap(other, one).lines
        for one, other in combinations(item.superseded_by, 2)
    )
    return in_scopes + (max(by_other, default=0) if share_keys else sum(by_other))
