"""Requests: what each Glue job is asked for, as JSON. Pure functions of state and plan.

Belongs here: the request documents. Does not belong here: starting jobs (see `resources`), doing them (see `glue`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.lake.plan import StarSettings, WantedSlice, period_inputs, scenarios, upsert_groups
from finance_platform.lake.register import Delivered
from finance_platform.lake.state import LakeState


def standardise_request(pending: Sequence[Delivered], feeds: Mapping[str, ResolvedFeed]) -> dict[str, Any]:
    """Return the request to read the pending deliveries, with the feeds that they need."""
    names = ("delivery_id", "object_key", "feed", "kind", "fingerprint")
    return {
        "deliveries": [{name: getattr(event, name) for name in names} for event in pending],
        "feeds": {event.feed: feeds[event.feed].to_json() for event in pending},
    }


def build_request(state: LakeState, slices: Sequence[WantedSlice], settings: StarSettings) -> dict[str, Any]:
    """Return the request to build slices out of the live deliveries' lines."""
    periods = {wanted.slice for wanted in slices}
    counted = [
        (item.delivery.delivery_id, period, scenario)
        for period, items in period_inputs(state).items()
        if period in periods
        for item in items
        for scenario in item.scenarios
    ]
    reaching = {delivery_id for delivery_id, _, _ in counted}
    groups = upsert_groups(state)
    rivals = [
        delivery.delivery_id
        for group in groups.values()
        if any(delivery.delivery_id in reaching for delivery in group)
        for delivery in group
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
        "counted": counted,
        "upserts": sorted(rivals),
        "scenarios": scenarios(state),
        "baseline_scenario": settings.baseline_scenario,
    }
