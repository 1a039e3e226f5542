"""The first step: look at the raw zone, enter what is new into the register.

Belongs here: the `raw/<feed>` assets, and the one for what no feed reads. Does not belong here: reading the files (see
`standardise`).
"""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

import dagster as dg

from finance_platform.bootstrap import home_lock
from finance_platform.deliveries.discovery import RawZoneScan, scan_raw_zone
from finance_platform.deliveries.register import Register, utc_text
from finance_platform.deliveries.scans import fingerprint_config, record_scan
from finance_platform.feeds.descriptor import UNREAD_FILES
from finance_platform.feeds.feed_set import FeedSet, load_feed_set
from finance_platform.orchestration.checks import check_result, check_specs
from finance_platform.orchestration.error_handling import dagster_failures
from finance_platform.orchestration.resources.lake import LakeResource
from finance_platform.orchestration.ui.formatting import few, version_of
from finance_platform.orchestration.ui.metadata_values import ROWS_SHOWN, table
from finance_platform.orchestration.ui.specs import raw_spec, unread_spec
from finance_platform.quality.checks import UNREAD_CHECKS, Outcome, counted, raw_checks
from finance_platform.quality.deliveries import check_raw, check_unread
from finance_platform.settings import Settings


class RegisterConfig(dg.Config):
    """How the raw zone is looked at.

    Attributes:
        skip_unstable: leave a file that was written to in the last seconds, and may be half there, for the next run.
            A person who starts a run means the files as they are; the sensor cannot know.
    """

    skip_unstable: bool = False


def register_assets(settings: Settings, catalog: FeedSet) -> dg.AssetsDefinition:
    """Return the step with one output per feed that the home knows when definitions load, and one for other files."""
    names = [feed.feed for feed in catalog.feeds]

    @dg.multi_asset(
        name="register",
        specs=[*(raw_spec(feed, settings) for feed in catalog.feeds), unread_spec(settings)],
        check_specs=check_specs([*(check for name in names for check in raw_checks(name)), *UNREAD_CHECKS]),
        # The step always looks at every feed. But a UI that was opened before a descriptor came does not know the new
        # feed, and what it asks for must not fail for that.
        can_subset=True,
    )
    def register(
        context: dg.AssetExecutionContext, config: RegisterConfig, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult[None]]:
        with dagster_failures(context), home_lock(settings, context.run.run_id):
            # Read again: a descriptor may have changed since the definitions were loaded.
            current = load_feed_set(settings.feeds_path)
            at, run_id = datetime.now(UTC), context.run.run_id
            intake = scan_raw_zone(
                lake.raw,
                Register(lake.processed),
                current,
                settings,
                at=at,
                run_id=run_id,
                skip_unstable=config.skip_unstable,
            )
            terms = fingerprint_config(current, settings)
            record_scan(lake.processed, intake.seen.items(), terms=terms, run_id=run_id, at=utc_text(at))
            _log(context, intake)
            for name in names:
                if dg.AssetKey(["raw", name]) in context.selected_asset_keys:
                    yield _of_feed(context, name, intake)
            if dg.AssetKey(["raw", UNREAD_FILES]) in context.selected_asset_keys:
                yield _of_unread(context, intake, str(settings.feeds_path))

    return register


def _log(context: dg.AssetExecutionContext, intake: RawZoneScan) -> None:
    count = sum(len(objects) for objects in intake.present.values())
    context.log.info(f"{count} raw objects, {intake.new_count} new or changed")
    # A line a kind, whatever their number: the checks list them.
    problems, unread, gone = intake.problems, intake.unmatched, intake.vanished
    if problems:
        said = few([f"{one.where}: {one.message}. Fix: {one.fix}" for one in problems])
        context.log.error(f"{counted(len(problems), 'problem')} with descriptors or files: {said}")
    if unread:
        fix = "add a descriptor to the home's feeds folder"
        context.log.warning(f"{counted(len(unread), 'file')} without a feed descriptor: {few(unread)}. Fix: {fix}")
    if intake.settling:
        said = few(intake.settling)
        context.log.info(f"{counted(len(intake.settling), 'file')} still being written, left for the next run: {said}")
    if gone:
        said = "delivered before, now gone from the raw zone; their lines still count"
        context.log.warning(f"{counted(len(gone), 'file')} {said}: {few(gone)}")


def _of_feed(context: dg.AssetExecutionContext, name: str, intake: RawZoneScan) -> dg.MaterializeResult[None]:
    objects = intake.present.get(name, {})
    return dg.MaterializeResult(
        asset_key=["raw", name],
        data_version=dg.DataVersion(intake.data_version(name)),
        metadata=table("files", [{"file": key, "fingerprint": one[:16]} for key, one in sorted(objects.items())]),
        check_results=_asked(context, check_raw(name, intake)),
    )


def _of_unread(context: dg.AssetExecutionContext, intake: RawZoneScan, feeds_folder: str) -> dg.MaterializeResult[None]:
    problems = [{"file": one.where, "problem": one.message, "fix": one.fix} for one in intake.problems if not one.feed]
    files = [{"file": key} for key in intake.unmatched]
    return dg.MaterializeResult(
        asset_key=["raw", UNREAD_FILES],
        data_version=version_of([*problems, *files]),
        metadata={
            # The first of them: descriptors come before the files that they would read.
            **table("unusable", problems[:ROWS_SHOWN]),
            "unusable_count": len(problems),
            **table("without_a_feed", files[:ROWS_SHOWN]),
            "without_a_feed_count": len(files),
        },
        check_results=_asked(context, check_unread(intake, feeds_folder)),
    )


def _asked(context: dg.AssetExecutionContext, outcomes: Collection[Outcome]) -> list[dg.AssetCheckResult]:
    asked = {(tuple(key.asset_key.path), key.name) for key in context.selected_asset_check_keys}
    return [check_result(found) for found in outcomes if (found.check.asset, found.check.name) in asked]
