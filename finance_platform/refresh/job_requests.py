"""Requests: what each Glue job is asked for, as JSON. Pure functions of state and plan.

Belongs here: the request documents. Does not belong here: starting jobs (see `resources`), doing them (see `glue`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from finance_platform.deliveries.overlaps import Overlaps
from finance_platform.deliveries.register import DeliveryDiscovered
from finance_platform.deliveries.state import DeliveryState
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.settings import StarSettings
from finance_platform.slices.versions import ContributingDelivery, TargetSlice, contributing_deliveries, scenarios


def standardise_request(pending: Sequence[DeliveryDiscovered], feeds: Mapping[str, ResolvedFeed]) -> dict[str, Any]:
    """Return the request to read the pending deliveries, with the feeds that they need."""
    names = ("delivery_id", "object_key", "feed", "kind", "fingerprint")
    return {
        "deliveries": [{name: getattr(event, name) for name in names} for event in pending],
        "feeds": {event.feed: feeds[event.feed].to_json() for event in pending},
    }


def build_request(
    state: DeliveryState, overlaps: Overlaps, slices: Sequence[TargetSlice], settings: StarSettings
) -> dict[str, Any]:
    """Return the request to build slices out of the live deliveries' lines."""
    periods = {wanted.slice for wanted in slices}
    inputs = [
        (period, item)
        for period, items in contributing_deliveries(state, overlaps).items()
        if period in periods
        for item in items
    ]
    return {
        "deliveries": [
            {
                "delivery_id": delivery.delivery_id,
                "feed": delivery.event.feed,
                "kind": delivery.event.kind,
                "files": {table: [asdict(file) for file in files] for table, files in delivery.commit.files.items()},
            }
            for delivery in state.live
        ],
        "slices": [asdict(wanted) for wanted in slices],
        "counted": [(item.delivery.delivery_id, period, name) for period, item in inputs for name in item.scenarios],
        "hiders": _hiders([item for _, item in inputs], overlaps),
        "hidden_scopes": [
            (item.delivery.delivery_id, scenario, period, scope)
            for period, item in inputs
            for scenario, scope in item.hidden_scopes
        ],
        "scenarios": scenarios(state),
        "baseline_scenario": settings.baseline_scenario,
    }


def _hiders(items: Sequence[ContributingDelivery], overlaps: Overlaps) -> list[tuple[str, str, list[str]]]:
    """Return delivery, the later one that hides lines of it by key, and the periods in which that one has the keys."""
    pairs = {(item.delivery.delivery_id, hider) for item in items for hider in item.hiders}
    return sorted((delivery, hider, list(overlaps.shared(delivery, hider).hider_periods)) for delivery, hider in pairs)
