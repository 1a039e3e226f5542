"""The requests with which a refresh starts the Spark jobs. Pure functions of the state and the target slices.

Belongs here: which deliveries, lines and slices a request names. Does not belong here: the documents (see
`spark_jobs.requests`), starting jobs (see `spark_jobs.job_runner`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from finance_platform.deliveries.overlaps import Overlaps
from finance_platform.deliveries.register import DeliveryDiscovered
from finance_platform.deliveries.state import DeliveryState
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.settings import StarSettings
from finance_platform.slices.versions import ContributingDelivery, TargetSlice, contributing_deliveries, scenarios
from finance_platform.spark_jobs.requests import (
    BuildRequest,
    CountedLines,
    DeliveryToRead,
    SourceDelivery,
    StandardiseRequest,
    SupersededKeys,
    SupersededScope,
)


def standardise_request(
    pending: Sequence[DeliveryDiscovered], feeds: Mapping[str, ResolvedFeed], *, shares_files: bool = True
) -> StandardiseRequest:
    """Return the request to read the pending deliveries, with the feeds that they need."""
    deliveries = [
        DeliveryToRead(event.delivery_id, event.object_key, event.feed, event.kind, event.fingerprint, event.size)
        for event in pending
    ]
    return StandardiseRequest(deliveries, {event.feed: feeds[event.feed] for event in pending}, shares_files)


def build_request(
    state: DeliveryState, overlaps: Overlaps, slices: Sequence[TargetSlice], settings: StarSettings
) -> BuildRequest:
    """Return the request to build slices out of the live deliveries' lines."""
    periods = {target.slice for target in slices}
    contributions = [
        (period, contribution)
        for period, contributions in contributing_deliveries(state, overlaps).items()
        if period in periods
        for contribution in contributions
    ]
    return BuildRequest(
        deliveries=[
            SourceDelivery(delivery.delivery_id, delivery.event.feed, delivery.event.kind, dict(delivery.commit.files))
            for delivery in state.live
        ],
        slices=slices,
        counted=[
            CountedLines(contribution.delivery.delivery_id, period, scenario)
            for period, contribution in contributions
            for scenario in contribution.scenarios
        ],
        superseded_keys=_superseded_keys([contribution for _, contribution in contributions], overlaps),
        superseded_scopes=[
            SupersededScope(contribution.delivery.delivery_id, scenario, period, scope)
            for period, contribution in contributions
            for scenario, scope in contribution.superseded_scopes
        ],
        scenarios=scenarios(state),
        baseline_scenario=settings.baseline_scenario,
    )


def _superseded_keys(contributions: Sequence[ContributingDelivery], overlaps: Overlaps) -> list[SupersededKeys]:
    pairs = {
        (contribution.delivery.delivery_id, later)
        for contribution in contributions
        for later in contribution.superseded_by
    }
    return sorted(
        SupersededKeys(earlier, later, list(overlaps.overlap(earlier, later).other_periods)) for earlier, later in pairs
    )
