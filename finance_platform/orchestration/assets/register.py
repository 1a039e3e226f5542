"""The first step: scan the raw zone, enter what is new into the register.

Belongs here: the `raw/<feed>` assets, and the one for files that no feed reads. Does not belong here: the step itself
(see `refresh.steps.register`).
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from heapq import nlargest

import dagster as dg
from pydantic import Field

from finance_platform.bootstrap import home_lock
from finance_platform.count_text import pluralize
from finance_platform.deliveries.discovery import RawZoneScan
from finance_platform.feeds.descriptor import UNREAD_FILES
from finance_platform.feeds.feed_set import FeedSet, advise_unmatched
from finance_platform.orchestration.ahead.taken_steps import TakenSteps
from finance_platform.orchestration.assets.selections import StepResult, is_of_checks_alone, selected_checks
from finance_platform.orchestration.checks import check_specs
from finance_platform.orchestration.error_handling import dagster_failures
from finance_platform.orchestration.ui.feed_specs import describe_problem, raw_spec, unread_spec
from finance_platform.orchestration.ui.formatting import summarize
from finance_platform.orchestration.ui.metadata_values import ROWS_SHOWN, compute_data_version, table_metadata
from finance_platform.quality.checks import UNREAD_CHECKS, raw_checks
from finance_platform.quality.deliveries import check_raw, check_unread
from finance_platform.refresh.steps.register import look_at_raw_zone, register
from finance_platform.safe_text import quote_name
from finance_platform.settings import Settings
from finance_platform.storage.port import ObjectStore

_MAX_FIXES = 3
"""Of files without a feed, in a run's log."""


class RegisterConfig(dg.Config):
    """How the raw zone is scanned.

    Attributes:
        skip_unstable: leave a file that was written to in the last seconds, and may be incomplete, for the next run.
            A manual run reads files as they are; a run of the sensor skips unstable ones.
    """

    skip_unstable: bool = Field(
        False, description="Leave a file that was written to in the last seconds for the next run, as sensors do."
    )


def register_assets(settings: Settings, feed_set: FeedSet) -> dg.AssetsDefinition:
    """Return the step with one output per feed that the home knows when definitions load, and one for other files.

    Args:
        settings: the home.
        feed_set: its descriptors.
    """
    names = [feed.feed for feed in feed_set.feeds]

    @dg.multi_asset(
        name="register",
        specs=[*(raw_spec(feed, settings) for feed in feed_set.feeds), unread_spec(settings, feed_set)],
        check_specs=check_specs([*(check for name in names for check in raw_checks(name)), *UNREAD_CHECKS]),
        # The step always scans for every feed. But a UI that was opened before a descriptor came does not know the new
        # feed, and its selection must still run.
        can_subset=True,
    )
    def register_raw_files(
        context: dg.AssetExecutionContext,
        config: RegisterConfig,
        raw_zone: dg.ResourceParam[ObjectStore],
        processed_zone: dg.ResourceParam[ObjectStore],
        steps_ahead: dg.ResourceParam[TakenSteps],
    ) -> Iterator[StepResult]:
        run_id = context.run.run_id
        with dagster_failures(context), home_lock(settings, run_id, context.log.warning):
            if is_of_checks_alone(context):
                scan = look_at_raw_zone(raw_zone, processed_zone, settings, at=datetime.now(UTC), run_id=run_id)
                outcomes = [outcome for name in names for outcome in check_raw(name, scan)]
                outcomes += check_unread(scan, str(settings.feeds_path))
                yield from selected_checks(context, outcomes)
                return
            scan = steps_ahead.take_scan() or register(
                raw_zone,
                processed_zone,
                settings,
                at=datetime.now(UTC),
                run_id=run_id,
                skip_unstable=config.skip_unstable,
            )
            _log(context, scan)
            for name in names:
                if dg.AssetKey(["raw", name]) in context.selected_asset_keys:
                    yield _of_feed(context, name, scan)
            if dg.AssetKey(["raw", UNREAD_FILES]) in context.selected_asset_keys:
                yield _of_unread(context, scan, str(settings.feeds_path))

    return register_raw_files


def _log(context: dg.AssetExecutionContext, scan: RawZoneScan) -> None:
    count = sum(len(objects) for objects in scan.present.values())
    context.log.info(f"{count} raw objects, {scan.new_count} new or changed")
    # One line per kind, whatever their number: the checks list them.
    if scan.problems:
        problems = summarize([*map(describe_problem, scan.problems)])
        context.log.error(f"{pluralize(len(scan.problems), 'problem')} with descriptors or files: {problems}")
    for line in _unmatched_lines(scan):
        context.log.warning(line)
    if scan.still_being_written:
        files = pluralize(len(scan.still_being_written), "file")
        names = summarize([*map(quote_name, scan.still_being_written)])
        context.log.info(f"{files} still being written, left for the next run: {names}")
    if scan.vanished:
        files = pluralize(len(scan.vanished), "file")
        lines = "its lines" if len(scan.vanished) == 1 else "their lines"
        reason = f"delivered before, now gone from the raw zone; {lines} still count"
        context.log.warning(f"{files} {reason}: {summarize([*map(quote_name, scan.vanished)])}")


def _unmatched_lines(scan: RawZoneScan) -> Iterator[str]:
    """Yield a line for the files without a feed that share a fix, for few fixes: the check lists every file."""
    by_fix: dict[str, list[str]] = {}
    for key in scan.unmatched:
        by_fix.setdefault(advise_unmatched(key, near=scan.near_feeds.get(key, "")), []).append(quote_name(key))
    groups = list(by_fix.items())
    for fix, names in groups[:_MAX_FIXES]:
        yield f"{pluralize(len(names), 'file')} without a feed descriptor: {summarize(names)}. Fix: {fix}"
    if more := sum(len(names) for _, names in groups[_MAX_FIXES:]):
        yield f"{pluralize(more, 'more file')} without a feed descriptor: the check every_file_has_a_feed lists them"


def _of_feed(context: dg.AssetExecutionContext, name: str, scan: RawZoneScan) -> dg.MaterializeResult[None]:
    objects = scan.present.get(name, {})
    return dg.MaterializeResult(
        asset_key=["raw", name],
        data_version=dg.DataVersion(scan.data_version(name)),
        metadata=table_metadata("files", [{"file": key} for key in nlargest(ROWS_SHOWN, objects)], of_all=len(objects)),
        check_results=selected_checks(context, check_raw(name, scan)),
    )


def _of_unread(context: dg.AssetExecutionContext, scan: RawZoneScan, feeds_folder: str) -> dg.MaterializeResult[None]:
    problems = [{"file": one.where, "problem": one.message, "fix": one.fix} for one in scan.problems if not one.feed]
    files = [{"file": key} for key in scan.unmatched]
    return dg.MaterializeResult(
        asset_key=["raw", UNREAD_FILES],
        data_version=compute_data_version([*problems, *files]),
        metadata={
            # Descriptors come before the files that they would read.
            **table_metadata("unusable", problems),
            **table_metadata("without_a_feed", files),
        },
        check_results=selected_checks(context, check_unread(scan, feeds_folder)),
    )
