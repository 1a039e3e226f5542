"""The timeline of each feed: an event for each delivery that was read, with what became of it.

Belongs here: `deliveries/<feed>`, its events. Does not belong here: reading and judging (see `standardise`), its page
and its freshness policy (see `specs`).
The commits are the truth and the events follow them: what a killed process did not tell, the next run tells.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import dagster as dg
from dagster import DagsterInstance

from finance_platform.assets.figures import money, span
from finance_platform.assets.specs import delivery_key
from finance_platform.lake.deliveries import OUTCOMES, DeliveryCommit
from finance_platform.lake.register import Register, delivered
from finance_platform.lake.snapshot import Snapshot
from finance_platform.lake.state import LakeState

DELIVERY = "finance_platform/delivery"
"""The tag that names the delivery of an event."""

_EVENTS_AT_ONCE = 200
"""The first run on a home that has read thousands of files tells of the last of them only."""


def report_deliveries(
    context: dg.AssetExecutionContext,
    feeds: Collection[str],
    snapshot: Snapshot,
    register: Register,
    *,
    currency: str,
) -> None:
    """Log an event for each delivery that was read after the last one that an event tells of, feed by feed.

    Args:
        context: the step that read them, whose events they are.
        feeds: the feeds that have a timeline.
        snapshot: the lake after judging.
        register: says when each was first seen.
        currency: the home's.
    """
    told = _last_told(context.instance, feeds)
    new = [commit for feed in sorted(feeds) for commit in _after(told.get(feed), feed, snapshot.commits)]
    if not new:
        return
    seen: dict[str, str] = {}
    for event in delivered(register.events()):
        seen.setdefault(event.delivery_id, event.at)
    verdicts = _verdicts(snapshot.state)
    for commit in new:
        verdict = verdicts.get(commit.delivery_id, "a later version of the file took its place")
        context.log_event(_event(commit, seen.get(commit.delivery_id), verdict, currency))


def _last_told(instance: DagsterInstance, feeds: Collection[str]) -> dict[str, str]:
    """Return, by feed, the delivery of its last event; one question for all feeds."""
    keys = [delivery_key(feed) for feed in feeds]
    found = {}
    for record in instance.get_asset_records(keys):
        last = record.asset_entry.last_materialization
        if last and last.asset_materialization and last.asset_materialization.tags:
            feed = record.asset_entry.asset_key.path[-1]
            found[feed] = last.asset_materialization.tags.get(DELIVERY, "")
    return found


def _after(told: str | None, feed: str, commits: Mapping[str, DeliveryCommit]) -> list[DeliveryCommit]:
    """Return the feed's commits after the one that was last told of, oldest first."""
    own = sorted((one for one in commits.values() if one.feed == feed), key=_place)
    last = commits.get(told) if told else None
    if last is None:
        return own[-_EVENTS_AT_ONCE:]
    return [one for one in own if _place(one) > _place(last)][-_EVENTS_AT_ONCE:]


def _place(commit: DeliveryCommit) -> tuple[str, str, str]:
    return commit.committed_at, commit.object_key, commit.delivery_id


def _verdicts(state: LakeState) -> dict[str, str]:
    said = {one.delivery_id: "counts" for one in state.live}
    said |= {one.delivery_id: "not judged yet" for one in state.unjudged}
    for one in state.stopped:
        said[one.commit.delivery_id] = f"{'refused' if one.is_refused else 'held'}: {one.reason}"
    return said | {one.commit.delivery_id: one.reason for one in state.withdrawn}


def _event(commit: DeliveryCommit, seen_at: str | None, verdict: str, currency: str) -> dg.AssetMaterialization:
    metadata: dict[str, Any] = {
        "file": commit.object_key,
        "verdict": verdict,
        "first_seen": seen_at or "not known any more",
        "read_at": commit.committed_at,
        "candidate_lines": commit.read.rows,
        **{f"{name}_rows": commit.outcome(name).rows for name in OUTCOMES},
    }
    if commit.kind == "ledger":
        metadata |= money("delivered", commit.read.amount + commit.rounding, currency)
        for name in OUTCOMES:
            metadata |= money(f"{name}_amount", commit.outcome(name).amount, currency)
        metadata["periods"] = span(sorted({count.period for count in commit.periods}))
    return dg.AssetMaterialization(
        delivery_key(commit.feed),
        description=f"{commit.object_key}: {verdict}",
        tags={"dagster/data_version": commit.delivery_id, DELIVERY: commit.delivery_id},
        metadata=metadata,
    )
