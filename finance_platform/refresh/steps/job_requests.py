"""The requests with which a refresh starts the Spark jobs. Pure functions of the state and the target slices.

Belongs here: which deliveries, lines and slices a request names. Does not belong here: the fields of the documents (see
`spark_jobs.requests`), starting jobs (see `spark_jobs.job_runner`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from finance_platform.contracts.processed import ACCOUNTS, DEPARTMENTS, LINE_TABLES, MEMBER_ATTRIBUTES, MEMBERS
from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.deliveries.lines import period_of_file
from finance_platform.deliveries.live_files import live_files
from finance_platform.deliveries.overlaps import Overlaps
from finance_platform.deliveries.portions import WHOLE, Portion
from finance_platform.deliveries.state import DeliveryState
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.settings import StarSettings
from finance_platform.slices.versions import (
    ContributingDelivery,
    TargetSlice,
    contributing_deliveries,
    portions_of,
    scenarios,
)
from finance_platform.spark_jobs.requests import (
    BuildRequest,
    CountedLines,
    DeliveryToRead,
    JobRequest,
    SourceFile,
    StandardiseRequest,
    SupersededKeys,
    SupersededScope,
)

_MEMBER_TABLES = {MEMBERS.name, MEMBER_ATTRIBUTES.name, DEPARTMENTS.name, ACCOUNTS.name}


def to_document(request: JobRequest) -> bytes:
    """Return the document of a request, which needs none of the objects that the request was made of."""
    return json.dumps(request.to_json(), default=str).encode()


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
    state: DeliveryState,
    overlaps: Overlaps,
    slices: Sequence[TargetSlice],
    settings: StarSettings,
    account_history: Sequence[Mapping[str, Any]] = (),
) -> BuildRequest:
    """Return the request to build slices out of the live deliveries' lines.

    Args:
        state: the deliveries.
        overlaps: the lines that they claim from each other.
        slices: the slices to build.
        settings: the settings that determine the star.
        account_history: what accounts whose attributes change are in which periods.
    """
    periods = {target.slice for target in slices}
    contributions = [
        (period, contribution)
        for period, contributions in contributing_deliveries(state, overlaps).items()
        if period in periods
        for contribution in contributions
    ]
    places = {delivery.delivery_id: place for place, delivery in enumerate(state.live)}
    counted: dict[tuple[str, str], list[int]] = {}
    for period, contribution in contributions:
        for scenario in contribution.scenarios:
            counted.setdefault((period, scenario), []).append(places[contribution.delivery.delivery_id])
    superseded_keys = _superseded_keys([one for _, one in contributions], overlaps, portions_of(state))
    with_lines = {place for deliveries in counted.values() for place in deliveries}
    with_lines |= {places[name] for keys in superseded_keys for name in (keys.delivery_id, keys.superseded_by)}
    lines: Counter[tuple[int, str, str]] = Counter()
    for place, delivery in enumerate(state.live):
        if place in with_lines:
            for count in delivery.commit.periods:
                lines[place, count.period, count.scenario] += count.rows
    return BuildRequest(
        deliveries=list(places),
        files=_files(state, with_lines, periods.union(*(keys.periods for keys in superseded_keys))),
        slices=slices,
        counted=[
            CountedLines(*cell, deliveries, sum(lines[place, *cell] for place in deliveries))
            for cell, deliveries in counted.items()
        ],
        superseded_keys=superseded_keys,
        superseded_scopes=[
            SupersededScope(contribution.delivery.delivery_id, scenario, period, scope)
            for period, contribution in contributions
            for scenario, scope in contribution.superseded_scopes
        ],
        scenarios=scenarios(state),
        baseline_scenario=settings.baseline_scenario,
        type_spans=[
            (row["account_key"], row["valid_from"], row["account_type"])
            for row in sorted(account_history, key=lambda row: (row["account_key"], row["valid_from"]))
        ],
    )


def _files(state: DeliveryState, with_lines: Collection[int], periods: Collection[str]) -> list[SourceFile]:
    """Return the files with lines of some deliveries in some periods, and with the members and master data of all."""
    files: dict[tuple[str, DataFile], list[int]] = {}
    for by_table, places in live_files(state):
        counted = [place for place in places if place in with_lines]
        for table, of_table in by_table.items():
            deliveries = places if table in _MEMBER_TABLES else counted if table in LINE_TABLES else ()
            for file in of_table if deliveries else ():
                # Most files of lines have those of one period.
                period = period_of_file(file.key) if table in LINE_TABLES else ""
                if not period or period in periods:
                    files.setdefault((table, file), []).extend(deliveries)
    return [SourceFile(table, file, sorted(deliveries)) for (table, file), deliveries in files.items()]


def _superseded_keys(
    contributions: Sequence[ContributingDelivery], overlaps: Overlaps, portions: Mapping[str, Portion]
) -> list[SupersededKeys]:
    pairs = {
        (contribution.delivery.delivery_id, later)
        for contribution in contributions
        for later in contribution.superseded_by
    }
    return sorted(
        SupersededKeys(
            earlier,
            later,
            [one for one in overlaps.overlap(earlier, later).other_periods if one in portions.get(later, WHOLE)],
        )
        for earlier, later in pairs
    )
