"""The third step: build the slices that the live deliveries ask for and that do not exist yet.

Belongs here: the star's assets in the processed zone. Does not belong here: the step itself (see
`refresh.steps.build_star`).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from finance_platform.bootstrap import delta_options, home_lock
from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import STAR
from finance_platform.data_catalog.delta_log import sync_as_reported
from finance_platform.data_catalog.glue import GlueDataCatalog
from finance_platform.data_catalog.sync import sync_or_warn
from finance_platform.errors import RebuildError
from finance_platform.feeds.feed_set import FeedSet
from finance_platform.orchestration.ahead.taken_steps import TakenSteps
from finance_platform.orchestration.assets.earlier_steps import repeat_earlier_steps
from finance_platform.orchestration.assets.selections import (
    Result,
    StepResult,
    is_of_checks_alone,
    report_results,
    selected_checks,
    selected_outcomes,
    warn_if_nothing_is_read,
)
from finance_platform.orchestration.checks import check_result, check_specs
from finance_platform.orchestration.error_handling import POOL, dagster_failures, fail_on_blocking_checks
from finance_platform.orchestration.job_runners.pipes_jobs import DagsterJobRunner
from finance_platform.orchestration.job_runners.subprocess_jobs import attempts_explained
from finance_platform.orchestration.jobs import REBUILD_PERIODS
from finance_platform.orchestration.run_log import log_repairs
from finance_platform.orchestration.ui.formatting import format_periods
from finance_platform.orchestration.ui.metadata_values import table_metadata
from finance_platform.orchestration.ui.previews import preview_files
from finance_platform.orchestration.ui.slice_metadata import (
    compute_table_version,
    describe_slices,
    period_rows,
    slice_metadata,
)
from finance_platform.orchestration.ui.table_specs import star_spec
from finance_platform.quality.checks import SCHEMA_CHECKS, STAR_CHECKS, Outcome
from finance_platform.quality.processed import check_schema
from finance_platform.refresh.steps.build_star import (
    BuiltStar,
    Rebuild,
    build_star,
    check_built,
    check_whole_star,
    expand_periods,
)
from finance_platform.settings import Settings, StarSettings
from finance_platform.slices.snapshot import Snapshot, read_snapshot
from finance_platform.storage.listed_once import listed_until_written
from finance_platform.storage.port import ObjectStore

_NAMES = {contract.name for contract in STAR}
_PERIODS_SHOWN = 12


class RebuildConfig(dg.Config):
    """Which slices to process again although they are current.

    Attributes:
        rebuild: whether to process slices again at all.
        periods: the periods of the fact table to process again, YYYY-MM or YYYY-MM..YYYY-MM; every slice when empty.
    """

    rebuild: bool = Field(
        False, description="Process slices again although they are current: all, or those of periods."
    )
    periods: list[str] = Field(
        default_factory=list,
        description="With rebuild: true, the periods of the fact table to process again, each YYYY-MM or "
        "YYYY-MM..YYYY-MM; every slice when empty.",
    )

    def to_rebuild(self) -> Rebuild:
        """Return the choice as the use cases take it.

        Raises:
            RebuildError: a period is not a month, or periods are given for nothing to be processed again.
        """
        if self.periods and not self.rebuild:
            raise RebuildError(
                "periods are given, and rebuild is not true",
                fix=f"set rebuild: true beside them, or start the job {REBUILD_PERIODS}, which does",
            )
        return Rebuild(self.rebuild, expand_periods(self.periods) if self.rebuild else ())


def star_assets(settings: Settings, feed_set: FeedSet) -> dg.AssetsDefinition:
    """Return the step with one output per table of the star.

    Args:
        settings: the home.
        feed_set: its descriptors.
    """
    checks = [check for check in SCHEMA_CHECKS if check.asset[1] in _NAMES] + list(STAR_CHECKS)

    @dg.multi_asset(
        name="build_star",
        pool=POOL,
        specs=[star_spec(contract, feed_set, settings) for contract in STAR],
        check_specs=check_specs(checks),
        can_subset=True,
    )
    def build_star_slices(
        context: dg.AssetExecutionContext,
        config: RebuildConfig,
        raw_zone: dg.ResourceParam[ObjectStore],
        processed_zone: dg.ResourceParam[ObjectStore],
        spark_jobs: dg.ResourceParam[DagsterJobRunner],
        data_catalog: dg.ResourceParam[GlueDataCatalog | None],
        steps_ahead: dg.ResourceParam[TakenSteps],
    ) -> Iterator[StepResult]:
        with dagster_failures(context), home_lock(settings, context.run.run_id, context.log.warning):
            if is_of_checks_alone(context):
                yield from _check_what_is_built(context, settings, processed_zone)
                return
            repeat_earlier_steps(context, "build_star", settings, raw_zone, processed_zone, spark_jobs)
            with attempts_explained(context):
                ahead = steps_ahead.take_built()
            processed = listed_until_written(processed_zone)
            if ahead is not None:
                result, outcomes = ahead.star, ahead.outcomes
                log_built(context, result)
            else:
                result = build_star(processed, spark_jobs.bind(context), StarSettings.of(settings), config.to_rebuild())
                log_built(context, result)
                outcomes = check_built(result, processed)
            warn_if_nothing_is_read(context, result.snapshot)
            results = star_results(result, outcomes, processed)
            yield from report_results(context, results, "every missing slice is built, whatever table it is of")
            fail_on_blocking_checks(outcomes)
            sync_or_warn(data_catalog, result.snapshot, processed, context.log)
            if settings.open_tables:
                synced = ahead.open_tables if ahead else None
                synced = synced or sync_as_reported(processed, result.snapshot, delta_options(settings))
                synced.write_to(context.log)

    return build_star_slices


def log_built(context: dg.AssetExecutionContext, result: BuiltStar) -> None:
    """Log what was repaired and built."""
    log_repairs(context, result.repaired)
    names = [(target.table, target.slice) for target in result.built]
    context.log.info(f"built {describe_slices(names)}" if names else "nothing to build")
    if result.adopted:
        context.log.info(f"left {format_periods(result.adopted)} as built: other deliveries have the same lines")


def star_results(result: BuiltStar, outcomes: Sequence[Outcome], processed: ObjectStore) -> Iterator[Result]:
    """Yield the result of each table of the star in the processed zone."""
    for contract in STAR:
        yield dg.MaterializeResult(
            asset_key=["processed", contract.name],
            data_version=compute_table_version(contract, result.snapshot),
            metadata=_metadata(contract, result, processed),
            check_results=[
                check_result(outcome) for outcome in outcomes if outcome.check.asset == ("processed", contract.name)
            ],
        )


def _check_what_is_built(
    context: dg.AssetExecutionContext, settings: Settings, processed: ObjectStore
) -> Iterator[dg.AssetCheckResult]:
    snapshot = read_snapshot(processed, StarSettings.of(settings))
    outcomes = check_whole_star(snapshot, processed)
    outcomes += [check_schema(contract, processed, _files(contract, snapshot)) for contract in STAR]
    yield from selected_checks(context, outcomes)
    fail_on_blocking_checks(selected_outcomes(context, outcomes))


def _built_now(contract: Contract, result: BuiltStar) -> list[tuple[str, str]]:
    return [(target.table, target.slice) for target in result.built if target.table == contract.name]


def _metadata(contract: Contract, result: BuiltStar, processed: ObjectStore) -> dict[str, Any]:
    changed = [slice_name for _, slice_name in _built_now(contract, result)]
    metadata = slice_metadata(contract, result.snapshot, changed)
    if contract.sliced_by_period:
        metadata |= table_metadata("periods", period_rows(result.snapshot), shown=_PERIODS_SHOWN)
    return metadata | preview_files(contract, processed, _files(contract, result.snapshot))


def _files(contract: Contract, snapshot: Snapshot) -> list[str]:
    names = sorted(name for name in snapshot.built if name[0] == contract.name)
    return [file.key for name in names for file in snapshot.built[name].files]
