"""The requests with which a refresh starts the Spark jobs. Pure functions of the state and the target slices.

Belongs here: which deliveries, lines and slices a request names. Does not belong here: the documents (see
`spark_jobs.requests`), starting jobs (see `spark_jobs.job_runner`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from finance_platform.contracts.processed import ACCOUNTS, BUDGET, DEPARTMENTS, MEMBER_ATTRIBUTES, MEMBERS, TRANSACTIONS
from finance_platform.deliveries.commits import DataFile
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

_LINE_TABLES = {TRANSACTIONS.name, BUDGET.name}
_MEMBER_TABLES = {MEMBERS.name, MEMBER_ATTRIBUTES.name, DEPARTMENTS.name, ACCOUNTS.name}


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


def files_to_read(request: BuildRequest) -> dict[str, DataFile]:
    """Return the files by key that the job reads for a request.

    These are the lines of the deliveries that count in the requested periods, and the members and master data of all.
    """
    with_lines = {counted.delivery_id for counted in request.counted}
    with_lines |= {
        delivery_id for keys in request.superseded_keys for delivery_id in (keys.delivery_id, keys.superseded_by)
    }
    return {
        file.key: file
        for delivery in request.deliveries
        for table, files in delivery.files.items()
        if table in _MEMBER_TABLES or (table in _LINE_TABLES and delivery.delivery_id in with_lines)
        for file in files
    }


def _superseded_keys(contributions: Sequence[ContributingDelivery], overlaps: Overlaps) -> list[SupersededKeys]:
    pairs = {
        (contribution.delivery.delivery_id, later)
        for contribution in contributions
        for later in contribution.superseded_by
    }
    return sorted(
        SupersededKeys(earlier, later, list(overlaps.overlap(earlier, later).other_periods)) for earlier, later in pairs
    )
