"""The second step: read the deliveries that were not read yet.

Belongs here: the assets of the processed zone's tables. Does not belong here: the step itself (see
`refresh.steps.standardise`), what a table's page shows (see `ui.processed_metadata`).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg

from finance_platform.bootstrap import home_lock
from finance_platform.contracts.model import Contract
from finance_platform.contracts.processed import PROCESSED
from finance_platform.count_text import pluralize
from finance_platform.deliveries.commits import OUTCOMES, DeliveryCommit
from finance_platform.deliveries.events import Verdict
from finance_platform.deliveries.register import Register
from finance_platform.feeds.feed_set import FeedSet
from finance_platform.notifications.metrics import Metrics, send_or_warn
from finance_platform.orchestration.ahead.taken_steps import TakenSteps
from finance_platform.orchestration.assets.delivery_events import last_arrivals, report_deliveries
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
from finance_platform.orchestration.run_log import log_lasting_damage, log_repairs
from finance_platform.orchestration.ui.formatting import LINES_SHOWN, format_periods, limit_lines
from finance_platform.orchestration.ui.processed_metadata import lines_version, processed_metadata, rows_behind
from finance_platform.orchestration.ui.table_specs import processed_spec
from finance_platform.quality.checks import ARRIVED_IN_ORDER, DELIVERY_CHECKS, SCHEMA_CHECKS, Outcome
from finance_platform.refresh.steps.standardise import ReadDeliveries, check_read, standardise
from finance_platform.reports.metrics import delivery_metrics, freshness_lags
from finance_platform.safe_text import quote_name
from finance_platform.settings import Settings, StarSettings
from finance_platform.slices.snapshot import Snapshot, read_snapshot, take_snapshot
from finance_platform.storage.listed_once import listed_until_written
from finance_platform.storage.port import ObjectStore

_NAMES = {contract.name for contract in PROCESSED}


def standardise_assets(settings: Settings, feed_set: FeedSet) -> dg.AssetsDefinition:
    """Return the step with one output per table of the processed zone.

    Args:
        settings: the home.
        feed_set: its descriptors.
    """
    checks = [check for check in SCHEMA_CHECKS if check.asset[1] in _NAMES] + list(DELIVERY_CHECKS)
    feeds = [feed.feed for feed in feed_set.feeds]

    @dg.multi_asset(
        name="standardise",
        pool=POOL,
        specs=[processed_spec(contract, feed_set, settings) for contract in PROCESSED],
        check_specs=check_specs(checks),
        can_subset=True,
    )
    def standardise_deliveries(
        context: dg.AssetExecutionContext,
        raw_zone: dg.ResourceParam[ObjectStore],
        processed_zone: dg.ResourceParam[ObjectStore],
        spark_jobs: dg.ResourceParam[DagsterJobRunner],
        metrics: dg.ResourceParam[Metrics | None],
        steps_ahead: dg.ResourceParam[TakenSteps],
    ) -> Iterator[StepResult]:
        def report_read(read: ReadDeliveries) -> None:
            _log_read(context, read)
            send_or_warn(metrics, delivery_metrics(read.commits, datetime.now(UTC)), context.log)

        run_id = context.run.run_id
        with dagster_failures(context), home_lock(settings, run_id, context.log.warning):
            if is_of_checks_alone(context):
                yield from _check_what_is_read(context, settings, processed_zone)
                return
            repeat_earlier_steps(context, "standardise", settings, raw_zone, processed_zone, spark_jobs)
            with attempts_explained(context):
                result = steps_ahead.take_standardised(report_read)
            checked = steps_ahead.take_checked()
            processed = listed_until_written(processed_zone)
            result = result or standardise(
                raw_zone,
                processed,
                spark_jobs.bind(context),
                settings,
                clock=lambda: datetime.now(UTC),
                run_id=run_id,
                on_read=report_read,
            )
            log_repairs(context, result.repaired)
            log_lasting_damage(context, result.not_repaired)
            _log_verdicts(context, result.verdicts)
            read = result.read.commits
            snapshot = checked.snapshot if checked else take_snapshot(processed, StarSettings.of(settings))
            warn_if_nothing_is_read(context, snapshot)
            report_deliveries(context, feeds, snapshot, Register(processed), currency=settings.currency)
            _send_lags(context, feeds, metrics)
            outcomes = checked.outcomes if checked else check_read(snapshot, read, processed)
            results = (_result(contract, snapshot, read, outcomes, processed, settings) for contract in PROCESSED)
            yield from report_results(context, results, "every pending file is read, whatever table its lines go into")
            fail_on_blocking_checks(outcomes)

    return standardise_deliveries


def _check_what_is_read(
    context: dg.AssetExecutionContext, settings: Settings, processed: ObjectStore
) -> Iterator[dg.AssetCheckResult]:
    snapshot = read_snapshot(processed, StarSettings.of(settings))
    outcomes = check_read(snapshot, [delivery.commit for delivery in snapshot.state.live], processed)
    yield from selected_checks(context, outcomes, lambda outcome: rows_behind(outcome, processed, snapshot.state))
    fail_on_blocking_checks(selected_outcomes(context, outcomes))


def _result(
    contract: Contract,
    snapshot: Snapshot,
    read: Sequence[DeliveryCommit],
    outcomes: Sequence[Outcome],
    processed: ObjectStore,
    settings: Settings,
) -> Result:
    return dg.MaterializeResult(
        asset_key=["processed", contract.name],
        data_version=lines_version(contract, snapshot),
        metadata=processed_metadata(contract, snapshot, read, processed, settings.currency),
        check_results=[
            check_result(outcome, rows_behind(outcome, processed, snapshot.state))
            for outcome in outcomes
            if outcome.check.asset == ("processed", contract.name)
        ],
    )


def _send_lags(context: dg.AssetExecutionContext, feeds: Sequence[str], metrics: Metrics | None) -> None:
    if metrics is not None:
        lags = freshness_lags(last_arrivals(context.instance, feeds), datetime.now(UTC))
        send_or_warn(metrics, lags, context.log)


def _log_read(context: dg.AssetExecutionContext, read: ReadDeliveries) -> None:
    if not read.commits and not read.not_opened:
        context.log.info("nothing new to read")
    errors = [
        f"{quote_name(file.object_key)} could not be read: {file.reason}. Fix: {file.fix}" for file in read.not_opened
    ]
    for line in limit_lines(errors, "could not be read; `finance-platform status` lists them"):
        context.log.error(line)
    warnings = [
        f"{quote_name(commit.object_key)}: {warning}" for commit in read.commits for warning in commit.findings.warnings
    ]
    for line in limit_lines(warnings, "warnings; `finance-platform status` lists them"):
        context.log.warning(line)
    lines = [f"read {quote_name(commit.object_key)}: {_describe([commit])}" for commit in read.commits]
    for line in limit_lines(lines, f"files read: {_describe(read.commits[LINES_SHOWN:])}"):
        context.log.info(line)


def _describe(read: Sequence[DeliveryCommit]) -> str:
    outcomes = [(name, sum(commit.outcome(name).rows for commit in read)) for name in OUTCOMES]
    rows = ", ".join(f"{count:,} {name}" for name, count in outcomes)
    periods = sorted({count.period for commit in read for count in commit.periods})
    reached = f", reaching {format_periods(periods)}" if periods else ""
    return f"{pluralize(sum(commit.read.rows for commit in read), 'row')}, {rows}{reached}"


def _log_verdicts(context: dg.AssetExecutionContext, verdicts: Sequence[Verdict]) -> None:
    held = [
        f"{quote_name(verdict.object_key)} is held: {'; '.join(verdict.reasons)}. Fix: {verdict.fix}"
        for verdict in verdicts
        if verdict.is_held
    ]
    for line in limit_lines(held, "are held; `finance-platform status` lists them"):
        context.log.error(line)
    warnings = [f"{quote_name(verdict.object_key)}: {warning}" for verdict in verdicts for warning in verdict.warnings]
    for line in limit_lines(warnings, f"warnings; the check {ARRIVED_IN_ORDER.name} lists them"):
        context.log.warning(line)
