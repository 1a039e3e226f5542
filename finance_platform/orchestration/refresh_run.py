"""Running the refresh job from a program: the same Dagster job as the UI's, in this process.

Belongs here: starting the job, its outcome. Does not belong here: its log (see `run_log`), printing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from finance_platform.bootstrap import (
    home_lock,
    open_alerts,
    open_metrics,
    open_warehouse,
    processed_zone,
    raw_zone,
    reports_folder,
    warehouse_readers,
)
from finance_platform.code_version import platform_version
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.errors import UnusableResultError
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.notifications.alert_message import record_key
from finance_platform.notifications.alerts import Alert
from finance_platform.orchestration.ahead.pack_ahead import PackAhead
from finance_platform.orchestration.ahead.taken_steps import NOTHING_TAKEN, TakenSteps
from finance_platform.orchestration.checks import evaluated_check
from finance_platform.orchestration.code_location import execute_in_location
from finance_platform.orchestration.dagster_instance import open_instance
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.orchestration.job_runners.job_process import JobProcess
from finance_platform.orchestration.jobs import REFRESH, rebuild_config
from finance_platform.orchestration.resources import platform_resources
from finance_platform.orchestration.run_alerts import send_run_alerts
from finance_platform.orchestration.run_log import follow_steps
from finance_platform.orchestration.run_metrics import send_run_metrics
from finance_platform.orchestration.run_retention import purge_runs
from finance_platform.orchestration.runs import COMMAND_LINE, MAX_RETRIES_TAG, STARTED_BY, fail_orphaned_runs
from finance_platform.orchestration.ui.processed_metadata import READ_AGAIN_NOW, READ_NOW
from finance_platform.orchestration.ui.slice_metadata import CHANGED_NOW, UNCHANGED, parse_slices
from finance_platform.orchestration.ui.warehouse_metadata import ALSO_LOADED
from finance_platform.refresh.steps.complete_run import read_complete_run, record_complete_run
from finance_platform.refresh.steps.recorded_code import trust_recorded_code
from finance_platform.refresh.steps.register import require_raw_zone
from finance_platform.reports.run_outcome import RunOutcome
from finance_platform.settings import Settings
from finance_platform.storage.factory import is_remote
from finance_platform.storage.listed_once import listed_while_locked, note_written, with_listing_of
from finance_platform.storage.port import ObjectStore

_log = logging.getLogger(__name__)

# Dagster's daemon does not start such a run again: the person who has started it sees that it has failed.
_TAGS = {STARTED_BY: COMMAND_LINE, MAX_RETRIES_TAG: "0"}


def run_refresh(
    settings: Settings,
    *,
    rebuild: bool,
    periods: Sequence[str],
    on_step: Callable[[str], None],
    process: JobProcess | None = None,
    listed_at_end: ObjectStore | None = None,
    begun: TakenSteps = NOTHING_TAKEN,
) -> RunOutcome:
    """Run everything that is stale, end to end.

    Args:
        settings: the home.
        rebuild: make slices again although they are current.
        periods: with `rebuild`, only these periods of the fact table.
        on_step: called with a step's name when it starts.
        process: runs the Spark jobs of this machine; without it, each has a process of its own.
        listed_at_end: the processed zone, not listed yet; it lists what the run has left, for the record of the run
            and for what its caller reads afterwards.
        begun: the first steps, if they are taken already; the caller holds the home's lock.

    Raises:
        HomeError: the home has no raw zone, or cannot be written to.
        StorageError: the raw zone cannot be listed.
        LockedError: another run is at work in this home.
        KeyboardInterrupt: a person has interrupted a step; the run is recorded as failed.
    """
    require_raw_zone(raw_zone(settings), settings)
    platform = platform_version()
    # The jobs derive it themselves and refuse to make rows under another one.
    trust_recorded_code(processed_zone(settings))
    config = _run_config(rebuild=rebuild, periods=periods)
    with (
        home_lock(settings),
        warehouse_readers(settings),
        open_instance(settings.dagster_home) as instance,
        follow_steps(on_step) as watcher,
        PackAhead() as ahead,
    ):
        # A run of the command line holds the lock to its end, and this one holds it now.
        killed = fail_orphaned_runs(instance, from_command_line=True)
        processed = _listed_for_run(settings)
        # On Redshift, a second connection would be opened for the pack, and the engine is not this machine's.
        pack_ahead = None if settings.is_on_aws else ahead
        resources = platform_resources(settings, process, processed, steps_ahead=begun, pack_ahead=pack_ahead)
        job = build_definitions(settings, resources).resolve_job_def(REFRESH)
        result = execute_in_location(job, instance, run_config=config, tags=_TAGS, run_id=begun.run_id)
        ended = instance.get_run_by_id(result.run_id)
        alerts = _notify(settings, instance, [*killed, *([ended] if ended else [])])
        if is_interrupted(result.get_step_failure_events()):
            raise KeyboardInterrupt
        outcome = replace(_outcome(result), repaired=watcher.repaired)
        if outcome.succeeded:
            # After the alerts: if they cannot be sent, the next run sends them.
            _note_written_elsewhere(processed, settings, alerts)
            if listed_at_end is not None:
                with_listing_of(listed_at_end, processed)
            record_complete_run(
                listed_at_end or processed,
                open_warehouse(settings),
                reports_folder(settings),
                settings,
                run_id=outcome.run_id,
                checks=outcome.checks,
                platform=platform,
            )
            purge_runs(
                instance,
                settings.dagster_home,
                settings.run_retention_days,
                datetime.now(UTC),
                complete=outcome.run_id,
            )
        return outcome


def _run_config(*, rebuild: bool, periods: Sequence[str]) -> dict[str, Any]:
    """Return the configuration of a run of the command line, whose log is its output."""
    return {"loggers": {"quiet": {}}, **(rebuild_config(periods) if rebuild else {})}


def _note_written_elsewhere(processed: ObjectStore, settings: Settings, alerts: Sequence[Alert]) -> None:
    """Let the run's listings look up what other stores wrote: records of alerts, and reports in the zone."""
    written = [record_key(alert) for alert in alerts]
    if settings.reports_root.startswith(f"{processed.root}/"):
        written.append(f"{settings.reports_root.removeprefix(f'{processed.root}/')}/")
    note_written(processed, written)


def is_interrupted(failures: Sequence[dg.DagsterEvent]) -> bool:
    """Return whether a step was interrupted, which Dagster takes for its failure."""
    names = {dg.DagsterExecutionInterruptedError.__name__, KeyboardInterrupt.__name__}
    errors = [failure.step_failure_data.error for failure in failures]
    while errors:
        error = errors.pop()
        if error is not None:
            if error.cls_name in names:
                return True
            errors += [error.cause, error.context]
    return False


def _listed_for_run(settings: Settings) -> ObjectStore:
    """Return the processed zone for a run that holds the home's lock; on S3, with the listings of the whole run.

    No other process writes there meanwhile: runs and decisions of people take the lock, and jobs are the run's own.
    """
    processed = processed_zone(settings)
    if not is_remote(processed.root):
        return processed
    complete = read_complete_run(processed)
    return listed_while_locked(processed, complete.parts if complete else ())


def _notify(settings: Settings, instance: dg.DagsterInstance, runs: Sequence[dg.DagsterRun]) -> list[Alert]:
    """Send the alerts and the metrics of runs, which the sensors leave to it; return the alerts."""
    # First, since alerts that cannot be sent are an error and metrics that cannot are not.
    send_run_metrics(open_metrics(settings), instance, runs, _log)
    alerts = open_alerts(settings)
    return send_run_alerts(alerts, instance, runs, load_feed_set(settings.feeds_path), settings)


def _outcome(result: dg.JobExecutionResult) -> RunOutcome:
    metadata = {
        tuple(event.asset_key.path): event.step_materialization_data.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }
    checks = [evaluated_check(evaluation) for evaluation in result.get_asset_check_evaluations()]
    return RunOutcome(
        run_id=result.run_id,
        succeeded=result.success,
        is_broken=_is_broken(result),
        error=_error(result),
        checks=checks,
        deliveries_read=_read_now(metadata),
        built=_changed(metadata, "processed"),
        loaded=_changed(metadata, "warehouse"),
        unchanged=_changed(metadata, "warehouse", UNCHANGED),
        also_loaded=_also_loaded(metadata),
        read_again=_read_again(metadata),
    )


def _read_now(metadata: dict[tuple[str, ...], Any]) -> int:
    count = metadata.get(("processed", "rejected_rows"), {}).get(READ_NOW)
    return int(count.value) if count else 0


def _read_again(metadata: dict[tuple[str, ...], Any]) -> str:
    described = metadata.get(("processed", "rejected_rows"), {}).get(READ_AGAIN_NOW)
    return str(described.value) if described else ""


def _changed(metadata: dict[tuple[str, ...], Any], group: str, entry: str = CHANGED_NOW) -> list[str]:
    return [
        f"{path[-1]} {name}"
        for path, values in metadata.items()
        if path[0] == group and entry in values
        for name in parse_slices(str(values[entry].value))
    ]


def _also_loaded(metadata: dict[tuple[str, ...], Any]) -> tuple[str, ...]:
    text = metadata.get(("warehouse", FACT_FINANCIALS.name), {}).get(ALSO_LOADED)
    return tuple(text.value.split(", ")) if text else ()


def _is_broken(result: dg.JobExecutionResult) -> bool:
    """Return whether something failed other than a blocking check, which is an answer and no break."""
    titles = [_title(event) for event in result.get_step_failure_events()]
    return not result.success and (not titles or any(title != UnusableResultError.title for title in titles))


def _title(event: dg.DagsterEvent) -> str | None:
    """Return the title of an expected failure; None of an unexpected one."""
    failure = event.step_failure_data.user_failure_data
    title = failure.metadata.get("title") if failure else None
    return str(title.value) if title else None


def _error(result: dg.JobExecutionResult) -> str:
    """Return what an expected failure says of itself; of an unexpected one, the error and where its trace is."""
    for event in result.get_step_failure_events():
        failure = event.step_failure_data
        if failure.user_failure_data and failure.user_failure_data.description:
            return str(failure.user_failure_data.description)
        if failure.error:
            message = failure.error.message.strip()
            return (
                f"step {event.step_key}: {message}\n  Fix: the run's page in the UI has the trace: finance-platform ui"
            )
    return "" if result.success else "the run failed before its first step; see the UI"
