"""The timeline of each feed: events of deliveries that were read, of their verdicts, and of decisions about them.

Belongs here: the events of `deliveries/<feed>`. Does not belong here: reading and verdicts (see `standardise`), the
page and the freshness policy (see `ui.feed_specs`).
The commits are the truth and the events follow them: the next run reports what a killed process did not report.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster import DagsterInstance

from finance_platform.deliveries.commits import DELIVERED, OUTCOMES, ROUNDING, Count, DeliveryCommit
from finance_platform.deliveries.events import DecisionRecorded, select_decisions, select_discovered
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.state import DeliveryState, InactiveDelivery
from finance_platform.orchestration.ui.feed_specs import delivery_key
from finance_platform.orchestration.ui.formatting import format_periods, plain
from finance_platform.orchestration.ui.metadata_values import money_metadata
from finance_platform.reports.statement import NO_SCENARIO
from finance_platform.safe_text import markdown_lines, printable, printable_line, quote_name
from finance_platform.slices.snapshot import Snapshot

DELIVERY = "finance_platform/delivery"
"""The tag that names the delivery of an event."""

FIRST_SEEN = "first_seen"
"""The metadata name of the moment at which a run first found these bytes under this key."""

EVENTS_AT_ONCE = 200
"""A run that has read thousands of files reports only the last of them: an event takes some milliseconds."""

VERDICT = "finance_platform/verdict"
"""The tag of an event with the kind of the delivery's verdict."""

DECISION = "finance_platform/decision"
"""The tag of an event with the number of the decision that it reports."""

_STOPPED = ("held", "refused")

_STOPPED_AT_ONCE = 50
"""Of how many held files a run says so on the timelines: fewer than it looks back, else it would say so again."""

_Place = tuple[str, str, str]
"""When a delivery was read, its file, its identity; the order in which deliveries are reported."""


def report_deliveries(
    context: dg.AssetExecutionContext,
    feeds: Collection[str],
    snapshot: Snapshot,
    register: Register,
    *,
    currency: str,
) -> None:
    """Log an event for each delivery that was read after the last reported one, feed by feed.

    A new file or content is a materialization. A delivery that was only read again is an observation: a corrected
    descriptor, or another release, does not make a feed less overdue. A held or refused delivery has an observation
    behind its materialization, which the page marks with a ring instead of a tick, and another one once it is decided.
    Each decision of a person about a file, a withdrawal for example, has an observation with who and why.

    Args:
        context: the step that read them, whose events they are.
        feeds: the feeds that have a timeline.
        snapshot: the processed zone, with every verdict.
        register: knows when the bytes of each were first seen.
        currency: the home's.
    """
    # Each is decoded from JSON, which takes as long for two hundred of them as for what ten thousand deliveries are.
    observed = {feed: _observations(context.instance, feed) for feed in feeds}
    reported = _last_reported(context.instance, observed)
    new: dict[str, list[DeliveryCommit]] = {feed: [] for feed in sorted(feeds)}
    for commit in snapshot.commits.values():
        if commit.feed in new and ((last := reported.get(commit.feed)) is None or _is_after(commit, last)):
            new[commit.feed].append(commit)
    for commits in new.values():
        commits.sort(key=_place)
    if any(new.values()):
        for feed, number in _report_new(context, new, reported, snapshot, register, currency).items():
            observed[feed] = observed[feed][: max(0, EVENTS_AT_ONCE - number)]  # as many as are read with the new ones
    _report_verdicts(context, feeds, snapshot, observed)
    _report_decisions(context, feeds, register)


def _report_new(
    context: dg.AssetExecutionContext,
    new: Mapping[str, list[DeliveryCommit]],
    reported: Mapping[str, _Place],
    snapshot: Snapshot,
    register: Register,
    currency: str,
) -> dict[str, int]:
    """Log an event for each new delivery, up to a limit; return how many of each feed's are observations.

    The new ones of a feed are in the order in which they were read, since the last event says which were reported.
    """
    observations = dict.fromkeys(new, 0)
    shown = [commit for commits in new.values() for commit in commits[-EVENTS_AT_ONCE:]]
    contents = {(commit.object_key, commit.fingerprint) for commit in shown}
    seen = _first_seen(contents, register)
    verdicts = _verdicts(snapshot.state, {commit.delivery_id for commit in shown})
    for feed, commits in new.items():
        if not commits:
            continue
        known = _contents_until(reported.get(feed), contents, snapshot.commits)
        left_out = commits[:-EVENTS_AT_ONCE]
        if left_out:
            context.log.info(
                f"{len(left_out):,} deliveries of {feed}, {quote_name(left_out[0].object_key)} to "
                f"{quote_name(left_out[-1].object_key)}, have no event of their own: only the last {EVENTS_AT_ONCE} of "
                "a run have; `finance-platform status` lists all"
            )
        for commit in commits[-EVENTS_AT_ONCE:]:
            content = commit.object_key, commit.fingerprint
            kind = dg.AssetObservation if content in known else dg.AssetMaterialization
            observations[feed] += kind is dg.AssetObservation
            known.add(content)
            verdict = verdicts.get(commit.delivery_id) or _why_unlisted(snapshot.state, commit)
            context.log_event(kind(**_event(commit, seen.get(content), verdict, currency)))
    return observations


def _first_seen(contents: Collection[tuple[str, str]], register: Register) -> dict[tuple[str, str], str]:
    """Return when each of some contents of objects was first discovered; thousands of others are passed over."""
    keys, seen = {key for key, _ in contents}, dict[tuple[str, str], str]()
    for event in select_discovered(register.events()):
        if event.object_key in keys:
            seen.setdefault((event.object_key, event.fingerprint), event.at)
    return seen


def _report_verdicts(
    context: dg.AssetExecutionContext,
    feeds: Collection[str],
    snapshot: Snapshot,
    observed: Mapping[str, Sequence[dg.EventLogRecord]],
) -> None:
    """Log an observation for each held or refused delivery without one, and for each that no longer is."""
    of_feeds = [delivery for delivery in snapshot.state.inactive if delivery.commit.feed in feeds]
    stopped = {delivery.commit.delivery_id: delivery for delivery in of_feeds}
    known = _reported_verdicts(observed)
    last = sorted(of_feeds, key=lambda delivery: _place(delivery.commit))[-_STOPPED_AT_ONCE:]
    for delivery_id, delivery in ((one.commit.delivery_id, one) for one in last):
        kind = _stop_kind(delivery)
        if known.get(delivery_id) != kind:
            text = f"{kind}: {delivery.reason}"
            context.log_event(_verdict_event(delivery.commit, kind, text, f"Fix: {delivery.fix}"))
    ended = [one for one, kind in known.items() if kind in _STOPPED and one not in stopped]
    now = _verdicts(snapshot.state, ended) if ended else {}
    for delivery_id in ended:
        if commit := snapshot.commits.get(delivery_id):
            kind, verdict = known[delivery_id], now.get(delivery_id) or _why_unlisted(snapshot.state, commit)
            context.log_event(_verdict_event(commit, "decided", f"no longer {kind}: {verdict}"))


def _why_unlisted(state: DeliveryState, commit: DeliveryCommit) -> str:
    """Return why a delivery neither counts nor is held, nor was withdrawn itself."""
    if state.is_withdrawn_with_file(commit.object_key, commit.fingerprint):
        return "the same bytes, read again, are withdrawn with their file"
    return "a later version of the file replaced it"


def _report_decisions(context: dg.AssetExecutionContext, feeds: Collection[str], register: Register) -> None:
    """Log an observation for each decision about a feed's file after the last one that has an event."""
    events = register.events()
    numbered = [(number, one) for number, one in select_decisions(events) if isinstance(one, DecisionRecorded)]
    if not numbered:
        return
    feed_of = {event.delivery_id: event.feed for event in select_discovered(events)}
    by_feed: dict[str, list[tuple[int, DecisionRecorded]]] = {}
    for number, event in numbered:
        if feed_of.get(event.delivery_id) in feeds:
            by_feed.setdefault(feed_of[event.delivery_id], []).append((number, event))
    for feed, decisions in sorted(by_feed.items()):
        last = _last_decision(context.instance, feed)
        for number, decision in decisions[-_STOPPED_AT_ONCE:]:
            if number > last:
                context.log_event(_decision_event(feed, number, decision))


def _last_decision(instance: DagsterInstance, feed: str) -> int:
    """Return the number of the last decision that the feed's timeline has; 0 if it has none."""
    records = _observations(instance, feed)
    tags = [(record.asset_observation.tags if record.asset_observation else None) or {} for record in records]
    return max((int(one[DECISION]) for one in tags if one.get(DECISION, "").isdigit()), default=0)


def _decision_event(feed: str, number: int, decision: DecisionRecorded) -> dg.AssetObservation:
    who = decision.who if decision.identified_by else f"{decision.who} (unverified)"
    text = plain(printable(f"{decision.action} by {who}: {decision.why}"))
    metadata = {"file": printable_line(decision.object_key), "decision": text, "decided_at": decision.at}
    if decision.prepared_by:
        metadata["prepared_by"] = printable_line(decision.prepared_by)
    return dg.AssetObservation(
        delivery_key(feed),
        description=markdown_lines(f"{quote_name(decision.object_key)}: {text}"),
        tags={DELIVERY: decision.delivery_id, DECISION: str(number)},
        metadata=metadata,
    )


def _observations(instance: DagsterInstance, feed: str) -> Sequence[dg.EventLogRecord]:
    """Return the last observations of a feed's timeline, the newest first."""
    return instance.fetch_observations(delivery_key(feed), limit=EVENTS_AT_ONCE).records


def _reported_verdicts(observed: Mapping[str, Sequence[dg.EventLogRecord]]) -> dict[str, str]:
    """Return, by delivery, the kind of its verdict in its last observation."""
    kinds: dict[str, str] = {}
    for records in observed.values():
        for record in records:
            tags = (record.asset_observation.tags if record.asset_observation else None) or {}
            if VERDICT in tags:
                kinds.setdefault(tags[DELIVERY], tags[VERDICT])
    return kinds


def _stop_kind(delivery: InactiveDelivery) -> str:
    return "refused" if delivery.is_refused else "held"


def _verdict_event(commit: DeliveryCommit, kind: str, *sentences: str) -> dg.AssetObservation:
    text = plain(printable(". ".join(sentences)))
    return dg.AssetObservation(
        delivery_key(commit.feed),
        description=markdown_lines(f"{quote_name(commit.object_key)} is {text}" if kind in _STOPPED else text),
        tags={DELIVERY: commit.delivery_id, VERDICT: kind},
        metadata={"file": printable_line(commit.object_key), "verdict": text},
    )


def last_arrivals(instance: DagsterInstance, feeds: Collection[str]) -> dict[str, datetime]:
    """Return, by feed, when its last delivery came; a feed that never had one is left out."""
    found = ((feed, last_arrival(instance, feed)) for feed in feeds)
    return {feed: arrival[0] for feed, arrival in found if arrival}


def last_arrival(instance: DagsterInstance, feed: str) -> tuple[datetime, dg.EventLogRecord] | None:
    """Return when a feed's last delivery came, and its event; None if the feed has no delivery."""
    # As many as one run reports: after Dagster's storage was lost, old deliveries are reported again, in any order.
    reported = instance.fetch_materializations(delivery_key(feed), limit=EVENTS_AT_ONCE).records
    return max(((_came(record), record) for record in reported), key=lambda arrival: arrival[0], default=None)


def _came(record: dg.EventLogRecord) -> datetime:
    """Return when a delivery came: when its bytes were first seen, or else when it was reported."""
    event = record.asset_materialization
    first_seen = event.metadata.get(FIRST_SEEN) if event else None
    try:
        return datetime.fromisoformat(str(first_seen.value if first_seen else ""))
    except ValueError:
        return datetime.fromtimestamp(record.timestamp, UTC)


def _last_reported(instance: DagsterInstance, observed: Mapping[str, Sequence[dg.EventLogRecord]]) -> dict[str, _Place]:
    """Return, by feed, the place of the last reported delivery.

    Each timeline begins with a materialization, so one query finds the feeds that have one; Dagster's local storage has
    no such query for observations.
    """
    places = {}
    for record in instance.get_asset_records([delivery_key(feed) for feed in observed]):
        last = record.asset_entry.last_materialization
        if last and last.asset_materialization:
            feed = record.asset_entry.asset_key.path[-1]
            events = [last.asset_materialization, *(record.asset_observation for record in observed[feed])]
            places[feed] = max(_reported_place(event) for event in events if event)
    return places


def _reported_place(event: dg.AssetMaterialization | dg.AssetObservation) -> _Place:
    """Return the place of an event's delivery; before all others where it has none."""
    read_at, file = (event.metadata[name].value if name in event.metadata else "" for name in ("read_at", "file"))
    return str(read_at), str(file), event.tags.get(DELIVERY, "") if event.tags else ""


def _contents_until(
    reported: _Place | None, contents: Collection[tuple[str, str]], commits: Mapping[str, DeliveryCommit]
) -> set[tuple[str, str]]:
    """Return those of some contents that were reported before.

    None for a new timeline, which begins with a materialization.
    """
    if reported is None:
        return set()
    prints = {fingerprint for _, fingerprint in contents}
    same = (one for one in commits.values() if one.fingerprint in prints and not _is_after(one, reported))
    return {(one.object_key, one.fingerprint) for one in same}


def _is_after(commit: DeliveryCommit, place: _Place) -> bool:
    # Of thousands of commits, almost none was written at the same time as another one.
    if commit.committed_at != place[0]:
        return commit.committed_at > place[0]
    return _place(commit) > place


def _place(commit: DeliveryCommit) -> _Place:
    # The name as the metadata of an event has it, from which the place of a reported delivery is read.
    return commit.committed_at, printable_line(commit.object_key), commit.delivery_id


def _verdicts(state: DeliveryState, ids: Collection[str]) -> dict[str, str]:
    """Return what is said of those of some deliveries about which the state says something, by id."""
    verdicts = dict.fromkeys(state.by_id.keys() & ids, "counts")
    verdicts |= {one.delivery_id: "no verdict yet" for one in state.awaiting_verdict}
    for delivery in state.inactive:
        verdicts[delivery.commit.delivery_id] = f"{_stop_kind(delivery)}: {delivery.reason}"
    return verdicts | {delivery.commit.delivery_id: delivery.reason for delivery in state.withdrawn}


def _money(commit: DeliveryCommit, currency: str) -> dict[str, Any]:
    """Return the money delivered and by outcome; of a file with several scenarios by scenario, since they never add."""
    counts = [lines for lines in commit.scenarios if not lines.currency and lines.term != ROUNDING]
    if len({lines.scenario for lines in counts if lines.scenario}) <= 1:
        amounts = {"delivered": commit.read.amount}
        amounts |= {f"{name}_amount": commit.outcome(name).amount for name in OUTCOMES}
        # The reader's totals before any rule have no gross amount.
        gross = sum((lines.count for lines in counts if lines.term == DELIVERED), Count()).absolute
        if gross and not commit.read.amount:
            # Of vouchers, whose debits and credits cancel each other out.
            amounts["delivered_gross"] = gross
    else:
        amounts = {}
        for lines in counts:
            name = lines.term if lines.term == DELIVERED else f"{lines.term}_amount"
            amounts[f"{name}_{lines.scenario or NO_SCENARIO}"] = lines.count.amount
    metadata: dict[str, Any] = {}
    for name, amount in amounts.items():
        metadata |= money_metadata(name, amount, currency)
    return metadata


def _event(commit: DeliveryCommit, seen_at: str | None, verdict: str, currency: str) -> dict[str, Any]:
    """Return the fields of an event, of either kind."""
    metadata: dict[str, Any] = {
        "file": printable_line(commit.object_key),
        "verdict": plain(printable(verdict)),
        FIRST_SEEN: seen_at or "unknown",
        "read_at": commit.committed_at,
        "candidate_lines": commit.read.rows,
        **{f"{name}_rows": commit.outcome(name).rows for name in OUTCOMES},
    }
    if commit.kind == "ledger":
        metadata |= _money(commit, currency)
        totals = commit.findings.control_totals
        if totals.checked:
            metadata["control_totals"] = f"{totals.tied:,} of {totals.checked:,} tie"
        metadata["periods"] = format_periods(sorted({count.period for count in commit.periods}))
    return {
        "asset_key": delivery_key(commit.feed),
        "description": markdown_lines(f"{quote_name(commit.object_key)}: {plain(verdict)}"),
        "tags": {"dagster/data_version": commit.delivery_id, DELIVERY: commit.delivery_id},
        "metadata": metadata,
    }
