"""The timeline of each feed: an event for each delivery that was read, with what became of it.

Belongs here: `deliveries/<feed>`, its events. Does not belong here: reading and judging (see `standardise`), its page
and its freshness policy (see `specs`).
The commits are the truth and the events follow them: what a killed process did not tell, the next run tells.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster import DagsterInstance

from finance_platform.deliveries.commits import OUTCOMES, DeliveryCommit
from finance_platform.deliveries.register import Register, select_discovered
from finance_platform.deliveries.state import DeliveryState
from finance_platform.orchestration.ui.feed_specs import delivery_key
from finance_platform.orchestration.ui.formatting import format_periods
from finance_platform.orchestration.ui.metadata_values import money_metadata
from finance_platform.slices.snapshot import Snapshot

DELIVERY = "finance_platform/delivery"
"""The tag that names the delivery of an event."""

FIRST_SEEN = "first_seen"
"""The name of the moment at which the bytes of a delivery were first found under their name, whoever read them then."""

EVENTS_AT_ONCE = 200
"""The first run on a home that has read thousands of files tells of the last of them only."""

_Place = tuple[str, str, str]
"""When a delivery was read, its file, its identity; the order in which deliveries are told."""


def report_deliveries(
    context: dg.AssetExecutionContext,
    feeds: Collection[str],
    snapshot: Snapshot,
    register: Register,
    *,
    currency: str,
) -> None:
    """Log an event for each delivery that was read after the last one that an event tells of, feed by feed.

    What came is a materialization. What was only read again, by other rules, is an observation: a feed is not on time
    because somebody corrected its descriptor.

    Args:
        context: the step that read them, whose events they are.
        feeds: the feeds that have a timeline.
        snapshot: the lake after judging.
        register: says when the bytes of each were first seen.
        currency: the home's.
    """
    told = _last_told(context.instance, feeds)
    new = {feed: _after(told.get(feed), feed, snapshot.commits) for feed in sorted(feeds)}
    if not any(new.values()):
        return
    seen: dict[tuple[str, str], str] = {}
    for event in select_discovered(register.events()):
        seen.setdefault((event.object_key, event.fingerprint), event.at)
    verdicts = _verdicts(snapshot.state)
    for feed, commits in new.items():
        known = _contents_until(told.get(feed), snapshot.commits)
        for commit in commits:
            content = commit.object_key, commit.fingerprint
            kind = dg.AssetObservation if content in known else dg.AssetMaterialization
            known.add(content)
            verdict = verdicts.get(commit.delivery_id, "a later version of the file took its place")
            context.log_event(kind(**_event(commit, seen.get(content), verdict, currency)))


def last_arrivals(instance: DagsterInstance, feeds: Collection[str]) -> dict[str, datetime]:
    """Return, by feed, when its last delivery came; a feed that never had one is left out."""
    found = ((feed, last_arrival(instance, feed)) for feed in feeds)
    return {feed: arrival[0] for feed, arrival in found if arrival}


def last_arrival(instance: DagsterInstance, feed: str) -> tuple[datetime, dg.EventLogRecord] | None:
    """Return when a feed's last delivery came, and the event that tells of it; None where none ever came."""
    # As many as one run tells at once: after Dagster's storage was lost, old deliveries are told anew, in any order.
    told = instance.fetch_materializations(delivery_key(feed), limit=EVENTS_AT_ONCE).records
    return max(((_came(record), record) for record in told), key=lambda one: one[0], default=None)


def _came(record: dg.EventLogRecord) -> datetime:
    """Return when a delivery came: when its bytes were first seen, or else when it was told."""
    event = record.asset_materialization
    said = event.metadata.get(FIRST_SEEN) if event else None
    try:
        return datetime.fromisoformat(str(said.value if said else ""))
    except ValueError:
        return datetime.fromtimestamp(record.timestamp, UTC)


def _last_told(instance: DagsterInstance, feeds: Collection[str]) -> dict[str, _Place]:
    """Return, by feed, the place of the last delivery that an event tells of.

    Each timeline begins with a materialization, so one question finds the feeds that have one; Dagster's local storage
    has no such question for observations.
    """
    found = {}
    for record in instance.get_asset_records([delivery_key(feed) for feed in feeds]):
        last = record.asset_entry.last_materialization
        if last and last.asset_materialization:
            key = record.asset_entry.asset_key
            again = instance.fetch_observations(key, limit=1).records
            events = [last.asset_materialization, *(one.asset_observation for one in again)]
            found[key.path[-1]] = max(_place_told(event) for event in events if event)
    return found


def _place_told(event: dg.AssetMaterialization | dg.AssetObservation) -> _Place:
    """Return the place of the delivery that an event tells of; before all others where it tells of none."""
    said = [event.metadata[name].value if name in event.metadata else "" for name in ("read_at", "file")]
    return str(said[0]), str(said[1]), event.tags.get(DELIVERY, "") if event.tags else ""


def _after(told: _Place | None, feed: str, commits: Mapping[str, DeliveryCommit]) -> list[DeliveryCommit]:
    """Return the feed's commits after the one that was last told of, oldest first."""
    own = sorted((one for one in commits.values() if one.feed == feed), key=_place)
    return [one for one in own if told is None or _place(one) > told][-EVENTS_AT_ONCE:]


def _contents_until(told: _Place | None, commits: Mapping[str, DeliveryCommit]) -> set[tuple[str, str]]:
    """Return the files and bytes that were read before; none for a timeline that has not begun, which needs one."""
    return {(one.object_key, one.fingerprint) for one in commits.values() if told and _place(one) <= told}


def _place(commit: DeliveryCommit) -> _Place:
    return commit.committed_at, commit.object_key, commit.delivery_id


def _verdicts(state: DeliveryState) -> dict[str, str]:
    said = {one.delivery_id: "counts" for one in state.live}
    said |= {one.delivery_id: "not judged yet" for one in state.awaiting_verdict}
    for one in state.inactive:
        said[one.commit.delivery_id] = f"{'refused' if one.is_refused else 'held'}: {one.reason}"
    return said | {one.commit.delivery_id: one.reason for one in state.withdrawn}


def _event(commit: DeliveryCommit, seen_at: str | None, verdict: str, currency: str) -> dict[str, Any]:
    """Return what an event says, whichever kind it is."""
    metadata: dict[str, Any] = {
        "file": commit.object_key,
        "verdict": verdict,
        FIRST_SEEN: seen_at or "not known any more",
        "read_at": commit.committed_at,
        "candidate_lines": commit.read.rows,
        **{f"{name}_rows": commit.outcome(name).rows for name in OUTCOMES},
    }
    if commit.kind == "ledger":
        metadata |= money_metadata("delivered", commit.read.amount + commit.rounding, currency)
        for name in OUTCOMES:
            metadata |= money_metadata(f"{name}_amount", commit.outcome(name).amount, currency)
        metadata["periods"] = format_periods(sorted({count.period for count in commit.periods}))
    return {
        "asset_key": delivery_key(commit.feed),
        "description": f"{commit.object_key}: {verdict}",
        "tags": {"dagster/data_version": commit.delivery_id, DELIVERY: commit.delivery_id},
        "metadata": metadata,
    }
