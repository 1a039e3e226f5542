"""The fourth step: publish the target slices in one transaction that commits only what passes the blocking checks.

Belongs here: the warehouse's assets. Does not belong here: the step itself (see `refresh.steps.publish`).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import dagster as dg

from finance_platform.bootstrap import home_lock, warehouse_readers
from finance_platform.contracts.star import FACT_FINANCIALS, STAR
from finance_platform.errors import StarNotBuiltError
from finance_platform.home import Home
from finance_platform.notifications.alerts import Alerts
from finance_platform.notifications.metrics import Metrics, send_or_warn
from finance_platform.orchestration.ahead.pack_ahead import PackAhead, read_pack
from finance_platform.orchestration.ahead.taken_steps import TakenSteps
from finance_platform.orchestration.assets.earlier_steps import repeat_earlier_steps
from finance_platform.orchestration.assets.period_partitions import report_periods
from finance_platform.orchestration.assets.selections import (
    Result,
    StepResult,
    is_of_checks_alone,
    log_result,
    report_results,
    selected_checks,
    selected_outcomes,
    warn_if_nothing_is_read,
)
from finance_platform.orchestration.assets.star import RebuildConfig, log_built, star_results
from finance_platform.orchestration.checks import check_result, check_specs
from finance_platform.orchestration.error_handling import POOL, dagster_failures, fail_on_blocking_checks
from finance_platform.orchestration.job_runners.pipes_jobs import DagsterJobRunner
from finance_platform.orchestration.run_log import log_repairs
from finance_platform.orchestration.ui.formatting import format_periods
from finance_platform.orchestration.ui.period_grid import grid_after
from finance_platform.orchestration.ui.previews import preview_table, previous_previews
from finance_platform.orchestration.ui.slice_metadata import compute_table_version, describe_slices, unchanged_metadata
from finance_platform.orchestration.ui.table_specs import warehouse_spec
from finance_platform.orchestration.ui.warehouse_metadata import ALSO_LOADED, PublishedTables
from finance_platform.quality.checks import WAREHOUSE_CHECKS, Outcome
from finance_platform.refresh.steps.build_star import build_star, check_built
from finance_platform.refresh.steps.full_audit import Audited
from finance_platform.refresh.steps.publish import Publication, check_published, publish
from finance_platform.reports.metrics import restated_amount
from finance_platform.reports.movements import restatement_alerts
from finance_platform.reports.pack.model import Pack
from finance_platform.reports.period_totals import period_totals
from finance_platform.settings import Settings, StarSettings
from finance_platform.storage.listed_once import listed_once
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.port import Warehouse


def warehouse_assets(settings: Settings) -> dg.AssetsDefinition:
    """Return the step with one output per table of the star."""

    @dg.multi_asset(
        name="load",
        pool=POOL,
        specs=[warehouse_spec(contract, settings) for contract in STAR],
        check_specs=check_specs(WAREHOUSE_CHECKS),
        can_subset=True,
    )
    def load(
        context: dg.AssetExecutionContext,
        config: RebuildConfig,
        raw_zone: dg.ResourceParam[ObjectStore],
        processed_zone: dg.ResourceParam[ObjectStore],
        spark_jobs: dg.ResourceParam[DagsterJobRunner],
        warehouse: dg.ResourceParam[Warehouse],
        alerts: dg.ResourceParam[Alerts],
        metrics: dg.ResourceParam[Metrics | None],
        steps_ahead: dg.ResourceParam[TakenSteps],
        pack_ahead: dg.ResourceParam[PackAhead | None],
    ) -> Iterator[StepResult]:
        run_id, home = context.run.run_id, Home(settings, raw_zone, processed_zone, warehouse)
        with dagster_failures(context), home_lock(settings, run_id, context.log.warning), warehouse_readers(settings):
            if is_of_checks_alone(context):
                outcomes, audited = check_published(home, at=datetime.now(UTC))
                yield from selected_checks(context, outcomes, partial(_audit_metadata, audited))
                fail_on_blocking_checks(selected_outcomes(context, outcomes))
                return
            repeat_earlier_steps(context, "load", settings, raw_zone, processed_zone, spark_jobs)
            attempt = partial(
                publish,
                home,
                clock=lambda: datetime.now(UTC),
                run_id=run_id,
                rebuild=config.to_rebuild(),
                once_published=partial(_read_pack_ahead, pack_ahead, processed_zone, warehouse, settings),
            )
            try:
                result = steps_ahead.take_published() or attempt()
            except StarNotBuiltError as error:
                _build_first(context, error, settings, processed_zone, spark_jobs)
                result = attempt()
            log_repairs(context, result.repaired)
            _log(context, result)
            warn_if_nothing_is_read(context, result.snapshot)
            if result.load is not None and result.load.load_number is not None:
                amount = restated_amount(result.movements, result.load.load_number, datetime.now(UTC))
                send_or_warn(metrics, [amount], context.log)
            results = _results(context, settings, result, warehouse)
            yield from report_results(context, results, "all stale slices are published together or none")
            # Alerts come last: if they fail, the published data stays valid.
            _send_alerts(context, settings, result.movements, alerts)
            fail_on_blocking_checks([*result.star_outcomes, *result.outcomes])

    return load


def _read_pack_ahead(ahead: PackAhead | None, processed: ObjectStore, warehouse: Warehouse, settings: Settings) -> None:
    def read() -> Pack:
        with warehouse_readers(settings):  # of the other thread
            return read_pack(listed_once(processed), warehouse, settings)

    if ahead is not None:
        ahead.begin(read)


def _build_first(
    context: dg.AssetExecutionContext,
    error: StarNotBuiltError,
    settings: Settings,
    processed: ObjectStore,
    spark_jobs: DagsterJobRunner,
) -> None:
    """Build what a load needs and a selection left out; the tables of the processed zone get events of their own."""
    context.log.info(f"not selected and done all the same, because a load needs it: build_star; {error.found}")
    built = build_star(processed, spark_jobs.bind(context), StarSettings.of(settings))
    log_built(context, built)
    outcomes = check_built(built, processed)
    for result in star_results(built, outcomes, processed):
        log_result(context, result)
    fail_on_blocking_checks(outcomes)


def _log(context: dg.AssetExecutionContext, result: Publication) -> None:
    if result.refusal:
        # The step fails after the blocking checks are reported.
        context.log.warning(result.refusal)
    elif result.load is None:
        context.log.info("nothing to load: the warehouse holds every slice in its target version")
    else:
        number = result.load.load_number
        restated = {row["period"] for row in result.movements if row["load_number"] == number and row["is_restatement"]}
        slices = describe_slices([loaded.name for loaded in result.load.loaded]) or "no rows"
        left = f", left {describe_slices(result.load.unchanged)} as before" if result.load.unchanged else ""
        context.log.info(f"loaded {slices}{left}, {len(restated)} restated, as load {number}")


def _results(
    context: dg.AssetExecutionContext, settings: Settings, result: Publication, warehouse: Warehouse
) -> Iterator[Result]:
    grid = grid_after(result, period_totals(warehouse))
    page = PublishedTables(result.snapshot, result.load, result.movements, grid)
    previews = previous_previews(context.instance, [dg.AssetKey(["warehouse", contract.name]) for contract in STAR])
    report_periods(
        context,
        grid,
        page.restated_at,
        loaded_now=page.changed_slices(FACT_FINANCIALS),
        currency=settings.currency,
    )
    unchanged = () if result.load is None else result.load.unchanged
    also_loaded = {ALSO_LOADED: dg.MetadataValue.text(", ".join(result.also_loaded))} if result.also_loaded else {}
    for contract in STAR:
        version = compute_table_version(contract, result.snapshot)
        preview = previews.get(("warehouse", contract.name, version.value)) or preview_table(contract, warehouse)
        yield dg.MaterializeResult(
            asset_key=["warehouse", contract.name],
            data_version=version,
            metadata={
                **page.metadata(contract),
                **(also_loaded if contract is FACT_FINANCIALS else {}),
                **unchanged_metadata([slice_name for table, slice_name in unchanged if table == contract.name]),
                **preview,
            },
            check_results=[
                check_result(outcome, _audit_metadata(result.audited, outcome))
                for outcome in result.outcomes
                if outcome.check.asset == ("warehouse", contract.name)
            ],
        )


def _audit_metadata(audited: Audited, outcome: Outcome) -> dict[str, dg.MetadataValue]:
    """Return which slices a blocking check has read, and when every slice last passed them all."""
    if not outcome.check.is_blocking:
        return {}
    slices = "every slice"
    if audited.periods is not None:
        slices = f"{format_periods(audited.periods)}: what this load replaced" if audited.periods else "no period"
    passed = dg.MetadataValue.timestamp(datetime.fromisoformat(audited.last_full)) if audited.last_full else None
    return {"audited": dg.MetadataValue.text(slices), **({"every_slice_passed": passed} if passed else {})}


def _send_alerts(
    context: dg.AssetExecutionContext, settings: Settings, movements: Sequence[dict[str, Any]], alerts: Alerts
) -> None:
    restatements = restatement_alerts(movements, threshold=settings.restatement_alert_from, ui_url=settings.ui_url)
    for alert in alerts.send(restatements):
        context.log.warning(f"{alert.title}. Fix: {alert.fix}")
