"""The first step: look at the raw zone, enter what is new into the register.

Belongs here: the `raw/<feed>` assets. Does not belong here: reading the files (see `standardise`).
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from finance_platform.assets.failures import explained_failures
from finance_platform.assets.figures import table
from finance_platform.assets.specs import raw_spec
from finance_platform.checks.translation import check_result, check_specs
from finance_platform.feeds.catalog import Catalog, load_catalog
from finance_platform.lake.intake import Intake, take_stock
from finance_platform.lake.lock import run_lock
from finance_platform.lake.looks import note_look, terms_of
from finance_platform.lake.register import Register, utc_text
from finance_platform.quality.catalogue import raw_checks
from finance_platform.quality.deliveries import check_raw
from finance_platform.resources.lake import LakeResource
from finance_platform.settings import Settings


class RegisterConfig(dg.Config):
    """How the raw zone is looked at.

    Attributes:
        leave_settling: leave a file that was written to in the last seconds, and may be half there, for the next run.
            A person who starts a run means the files as they are; the sensor cannot know.
    """

    leave_settling: bool = False


def register_assets(settings: Settings, catalog: Catalog) -> dg.AssetsDefinition:
    """Return the step with one output per feed that the home knows when definitions load."""
    names = [feed.feed for feed in catalog.feeds]

    @dg.multi_asset(
        name="register",
        specs=[raw_spec(feed, settings) for feed in catalog.feeds],
        check_specs=check_specs(check for name in names for check in raw_checks(name)),
        # The step always looks at every feed. But a UI that was opened before a descriptor came does not know the new
        # feed, and what it asks for must not fail for that.
        can_subset=True,
    )
    def register(
        context: dg.AssetExecutionContext, config: RegisterConfig, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult[None]]:
        with explained_failures(context), run_lock(settings.home_path):
            # Read again: a descriptor may have changed since the definitions were loaded.
            current = load_catalog(settings.feeds_path)
            at, run_id = datetime.now(UTC), context.run.run_id
            intake = take_stock(
                lake.raw,
                Register(lake.processed),
                current,
                settings,
                at=at,
                run_id=run_id,
                leave_settling=config.leave_settling,
            )
            terms = terms_of(current, settings)
            note_look(lake.processed, intake.seen.items(), terms=terms, run_id=run_id, at=utc_text(at))
            _log(context, intake)
            for name in names:
                if dg.AssetKey(["raw", name]) in context.selected_asset_keys:
                    yield _materialization(context, name, intake)

    return register


def _log(context: dg.AssetExecutionContext, intake: Intake) -> None:
    count = sum(len(objects) for objects in intake.present.values())
    context.log.info(f"{count} raw objects, {intake.new_count} new or changed")
    for problem in intake.problems:
        context.log.error(f"{problem.where}: {problem.message}. Fix: {problem.fix}")
    for key in intake.unmatched:
        context.log.warning(f"{key}: no feed descriptor matches this file. Fix: add one to the home's feeds folder")
    for key in intake.settling:
        context.log.info(f"{key}: still being written; left for the next run")
    for key in intake.vanished:
        context.log.warning(f"{key}: delivered before, now gone from the raw zone; its lines still count")


def _materialization(context: dg.AssetExecutionContext, name: str, intake: Intake) -> dg.MaterializeResult[None]:
    asked = {(tuple(key.asset_key.path), key.name) for key in context.selected_asset_check_keys}
    outcomes = [found for found in check_raw(name, intake) if (found.check.asset, found.check.name) in asked]
    objects = intake.present.get(name, {})
    return dg.MaterializeResult(
        asset_key=["raw", name],
        data_version=dg.DataVersion(intake.data_version(name)),
        metadata=table("files", [{"file": key, "fingerprint": one[:16]} for key, one in sorted(objects.items())]),
        check_results=[check_result(outcome) for outcome in outcomes],
    )
