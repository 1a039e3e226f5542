"""The second step: read the deliveries that were not read yet, and decide which of them count.

Belongs here: the use case, and the check that the job did exactly what was requested.
Does not belong here: how a file is read (see `feeds`, `spark_jobs`), when a delivery is held (see
`deliveries.acceptance`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from finance_platform.contracts.processed import PROCESSED
from finance_platform.deliveries.checkpoints import update_checkpoints
from finance_platform.deliveries.commits import DeliveryCommit, delivery_id, read_commits
from finance_platform.deliveries.current_state import read_state
from finance_platform.deliveries.events import DeliveryDiscovered, Verdict, utc_text
from finance_platform.deliveries.lookups import discover_again, has_lookups, with_lookups
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.scans import discard_scan
from finance_platform.deliveries.spread_weights import like_rule
from finance_platform.deliveries.verdicts.acceptance import evaluate_deliveries
from finance_platform.errors import JobError
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.quality.checks import Outcome
from finance_platform.quality.deliveries import check_deliveries
from finance_platform.quality.processed import check_schema
from finance_platform.refresh.steps.job_requests import standardise_request, to_document
from finance_platform.refresh.steps.repair import damage_noted, repair
from finance_platform.refresh.steps.spread_years import YearsLikeFiles, has_years_like
from finance_platform.refresh.steps.step_listings import listed_between_jobs
from finance_platform.refresh.steps.unread_files import UnreadFile
from finance_platform.settings import Settings
from finance_platform.slices.settings_in_force import settings_of_readers
from finance_platform.slices.snapshot import Snapshot
from finance_platform.spark_jobs.job_runner import JobRunner
from finance_platform.storage.immutable_documents import release_memory
from finance_platform.storage.port import ObjectStore


@dataclass(frozen=True)
class ReadDeliveries:
    """What the job did with the pending deliveries.

    Attributes:
        commits: of the deliveries that were read, by delivery id.
        not_opened: the files that could not be read, which the next run tries again.
    """

    commits: Sequence[DeliveryCommit] = ()
    not_opened: Sequence[UnreadFile] = ()

    def __add__(self, other: ReadDeliveries) -> ReadDeliveries:
        return ReadDeliveries([*self.commits, *other.commits], [*self.not_opened, *other.not_opened])


@dataclass(frozen=True)
class Standardised:
    """What the step did.

    Attributes:
        read: what the job did.
        verdicts: on the deliveries that were read and had none yet.
        repaired: damaged objects of the processed zone that are derived again, a sentence each.
        not_repaired: those that stay damaged, since nothing has what they held.
    """

    read: ReadDeliveries
    verdicts: Sequence[Verdict]
    repaired: Sequence[str] = ()
    not_repaired: Sequence[str] = ()


def standardise(
    raw: ObjectStore,
    processed: ObjectStore,
    jobs: JobRunner,
    settings: Settings,
    *,
    clock: Callable[[], datetime],
    run_id: str,
    on_read: Callable[[ReadDeliveries], None] = lambda _: None,
) -> Standardised:
    """Read pending deliveries and enter a verdict on each.

    Args:
        raw: the raw zone.
        processed: the processed zone; the caller holds the home's lock.
        jobs: runs the job that reads.
        settings: the home.
        clock: returns now, UTC.
        run_id: the run.
        on_read: called once the deliveries are committed, before the verdicts: if the step fails later and is
            repeated, they are read already.

    Raises:
        JobError: the job failed, or its result differs from the request.
        TransientJobError: the job may succeed when it is started again.
        LostDeliveryError: a delivery counts, its commit is damaged, and it cannot be read again.
    """
    processed, jobs = listed_between_jobs(processed, jobs)
    step = _Step(raw, processed, jobs, settings, run_id)
    repaired, not_repaired = repair(raw, processed, at=clock(), run_id=run_id)
    first, first_verdicts = step.read_lookups(clock)
    weights, verdicts_on_weights = step.read_weights(clock)
    read = first + weights + step.read_pending()
    on_read(read)
    _require_none_lost(processed)
    verdicts = step.evaluate(clock())
    update_checkpoints(processed)
    return Standardised(read, [*first_verdicts, *verdicts_on_weights, *verdicts], repaired, not_repaired)


def check_read(snapshot: Snapshot, read: Sequence[DeliveryCommit], processed: ObjectStore) -> list[Outcome]:
    """Return the outcomes of every check of the step.

    Args:
        snapshot: the processed zone after it.
        read: the deliveries whose files are compared with the contracts.
        processed: the processed zone.
    """
    outcomes = check_deliveries(snapshot.state, snapshot.overlaps)
    for contract in PROCESSED:
        files = dict.fromkeys(file.key for one in read for file in one.files.get(contract.name, ()))
        outcomes.append(check_schema(contract, processed, files))
    return outcomes


def _require_none_lost(processed: ObjectStore) -> None:
    """Raise LostDeliveryError if a delivery counts and has no commit, and no later version was read in its place."""
    state = read_state(processed)
    replaced = {delivery.event.object_key for delivery in state.awaiting_verdict}
    for event in state.missing:
        if event.object_key not in replaced:
            raise state.lost_delivery(event)


@dataclass(frozen=True)
class _Step:
    """One run of the step: its ports, its home and its run."""

    raw: ObjectStore
    processed: ObjectStore
    jobs: JobRunner
    settings: Settings
    run_id: str

    def read_lookups(self, clock: Callable[[], datetime]) -> tuple[ReadDeliveries, Sequence[Verdict]]:
        """Read pending lookups, make a verdict on each, then enter files again that look up other rows than before."""
        if not has_lookups(self.feeds()):
            return ReadDeliveries(), ()
        read = self.read_pending(lambda event: event.kind == "lookup")
        at = clock()
        verdicts = self.evaluate(at)
        discover_again(Register(self.processed), self.feeds(), utc_text(at), self.run_id)
        return read, verdicts

    def read_weights(self, clock: Callable[[], datetime]) -> tuple[ReadDeliveries, Sequence[Verdict]]:
        """Read pending files that are not spread like others, make a verdict on each, then enter those that are again.

        Only files of years whose weights have changed are entered again.
        """
        feeds = self.feeds()
        if not has_years_like(feeds):
            return ReadDeliveries(), ()
        read = self.read_pending(lambda event: not like_rule(feeds[event.feed].rules))
        at = clock()
        verdicts = self.evaluate(at)
        with damage_noted(self.processed):
            YearsLikeFiles(self.raw, self.processed, feeds).discover_again(utc_text(at), self.run_id)
        return read, verdicts

    def evaluate(self, at: datetime) -> Sequence[Verdict]:
        """Make a verdict on each delivery that has none."""
        holds = self.settings.holds_closed_periods
        with damage_noted(self.processed):
            return evaluate_deliveries(self.processed, at=at, run_id=self.run_id, holds_closed_periods=holds)

    def feeds(self) -> dict[str, ResolvedFeed]:
        """Return the home's feeds by name, with the rows that they look up as they are live now."""
        settings = settings_of_readers(self.processed, self.settings)
        feeds = {feed.feed: feed.resolve(settings) for feed in load_feed_set(settings.feeds_path).feeds}
        return with_lookups(feeds, read_state(self.processed)) if has_lookups(feeds) else feeds

    def read_pending(self, is_wanted: Callable[[DeliveryDiscovered], bool] = lambda _: True) -> ReadDeliveries:
        """Read those pending deliveries that are wanted."""
        processed, feeds = self.processed, self.feeds()
        files = YearsLikeFiles(self.raw, processed, feeds)
        pending = _pending(self.raw, processed, feeds, files, is_wanted)
        not_opened = list(files.not_opened.values())
        if not (pending or not_opened):
            return ReadDeliveries()
        commits: Sequence[DeliveryCommit] = ()
        if pending:
            # The Data Catalog lists folders, and a folder of shared files has lines of held deliveries too.
            shares_files = not self.settings.data_catalog_database
            with files.weighted([event for event in pending if like_rule(feeds[event.feed].rules)]) as with_weights:
                request = to_document(standardise_request(pending, with_weights, shares_files=shares_files))
                requested = pa.array([event.delivery_id for event in pending], pa.string())
                # As objects, thousands of deliveries would take memory as long as the job runs.
                del pending
                release_memory(len(requested))
                result = self.jobs.run("standardise", request)
            not_opened += [UnreadFile(**file) for file in result["not_opened"]]
            commits = _new_commits(processed, requested, result)
        if not_opened:
            # The scan then does not count as a complete refresh, so these files are retried.
            discard_scan(processed)
        return ReadDeliveries(commits, not_opened)


def _pending(
    raw: ObjectStore,
    processed: ObjectStore,
    feeds: dict[str, ResolvedFeed],
    files: YearsLikeFiles,
    is_wanted: Callable[[DeliveryDiscovered], bool],
) -> list[DeliveryDiscovered]:
    """Return the deliveries that can be read now: their feed has a descriptor and their file is present."""
    state = read_state(processed)
    pending = [
        event
        for event in state.pending
        if event.feed in feeds and is_wanted(event) and _has_rules_of(event, feeds[event.feed], files)
    ]
    if not pending:
        return []
    # A file that vanished, or was replaced by something that is refused, before it was read would start a job in every
    # run.
    present = raw.find_objects({event.object_key for event in pending})
    return [event for event in pending if (item := present.get(event.object_key)) and not item.refusal]


def _has_rules_of(event: DeliveryDiscovered, feed: ResolvedFeed, files: YearsLikeFiles) -> bool:
    """Return whether a delivery is to be read by a feed's present rules, which the next scan gives it otherwise."""
    if like_rule(feed.rules):
        return event.delivery_id == files.identity(event)
    rules = feed.rules
    return event.delivery_id == delivery_id(
        event.object_key, event.fingerprint, event.feed, rules.identity, rules.reader
    )


def _new_commits(processed: ObjectStore, deliveries: pa.StringArray, result: dict[str, Any]) -> list[DeliveryCommit]:
    """Return the commits that the job reports, which must be those of the deliveries that it was asked for.

    Raises:
        JobError: they are not.
    """
    commits = read_commits(processed)
    requested = set(deliveries.to_pylist())
    reported = set(result["committed"])
    is_complete = len(reported) + len(result["not_opened"]) == len(requested)
    if reported - requested or reported - commits.keys() or not is_complete:
        raise JobError(
            f"standardise was asked for {len(requested)} deliveries and reports {len(reported)} as committed; "
            f"{len(reported & commits.keys())} of these have a commit",
            fix="run again; deliveries without a commit are read again",
        )
    return [commits[delivery_id] for delivery_id in sorted(reported)]
