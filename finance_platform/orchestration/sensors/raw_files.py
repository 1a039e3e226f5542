"""The sensor on the raw zone: one run for all changes, retried with pauses if it fails, then an alert.

Belongs here: from changes and earlier attempts to a run, a skip with its reason, or an alert.
Does not belong here: what has changed (see `deliveries.changes`), when to retry (see `attempts`).

The sensor keeps no state: the processed zone records what was done, and the tags of runs record what was tried.
Events from a queue shorten the wait for the next scan; the raw zone is listed every few minutes in any case.
"""

import logging
from datetime import UTC, datetime, timedelta

import dagster as dg

from finance_platform.count_text import pluralize
from finance_platform.deliveries.changes import RawZoneChanges, detect_changes
from finance_platform.deliveries.scans import fingerprint_config
from finance_platform.errors import S3EventsError
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.notifications.alerts import Alert, Alerts
from finance_platform.notifications.metrics import Metric, Metrics, send_or_warn
from finance_platform.orchestration.error_handling import credentials_hidden
from finance_platform.orchestration.jobs import REFRESH
from finance_platform.orchestration.run_alerts import send_run_alerts
from finance_platform.orchestration.runs import (
    ATTEMPT,
    CHANGES,
    RETRY_STRATEGY_TAG,
    STATE,
    fail_orphaned_runs_unless_locked,
    fail_runs_without_process,
    unfinished_runs,
)
from finance_platform.orchestration.sensors.attempts import GiveUp, Start, Wait, next_attempt
from finance_platform.orchestration.sensors.failing_ticks import FailingTicks
from finance_platform.refresh.steps.register import require_raw_zone
from finance_platform.safe_text import printable
from finance_platform.settings import Settings
from finance_platform.storage.port import ObjectStore
from finance_platform.storage.s3_events import S3EventQueue

_HEARTBEAT = timedelta(minutes=5)
_FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
_MAX_TAG_LENGTH = 250
_MAX_ATTEMPTS_READ = 20
_WAITING = "Waiting for a change of raw files, decisions, descriptors or settings, or for a run by hand"
_SCAN_NOW = "0"
"""The cursor of a sensor whose next scan is due."""


def raw_files_sensor(settings: Settings) -> dg.SensorDefinition:
    """Return the sensor that starts the refresh when raw files, decisions, descriptors or settings have changed."""

    @dg.sensor(
        name="raw_files",
        job_name=REFRESH,
        minimum_interval_seconds=settings.sensor_interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING if settings.auto_refresh else dg.DefaultSensorStatus.STOPPED,
        description="Starts one refresh for all new, overwritten or deleted raw files, for decisions, and for changed "
        "descriptors or settings. Files that are still being written wait. A failed refresh is retried after 1, 5 and "
        "15 minutes; then the sensor sends one alert and waits until something changes. It also waits after a refresh "
        "that a person has cancelled.",
    )
    def raw_files(
        context: dg.SensorEvaluationContext,
        raw_zone: dg.ResourceParam[ObjectStore],
        processed_zone: dg.ResourceParam[ObjectStore],
        raw_zone_events: dg.ResourceParam[S3EventQueue | None],
        alerts: dg.ResourceParam[Alerts],
        metrics: dg.ResourceParam[Metrics | None],
    ) -> dg.RunRequest | dg.SkipReason:
        at = datetime.now(UTC)
        try:
            with credentials_hidden():
                result = evaluate(context, raw_zone, processed_zone, raw_zone_events, alerts, at)
        except Exception as error:
            failing.note(error, at, alerts, context.log)
            raise
        failing.end()
        # Only now: the heartbeat says that the sensor works, not that something calls it.
        heartbeat.send(metrics, at, context.log)
        return result

    heartbeat, failing = _Heartbeat(), FailingTicks("raw_files", settings.ui_url)

    def evaluate(
        context: dg.SensorEvaluationContext,
        raw_zone: ObjectStore,
        processed_zone: ObjectStore,
        raw_zone_events: S3EventQueue | None,
        alerts: Alerts,
        at: datetime,
    ) -> dg.RunRequest | dg.SkipReason:
        feed_set = load_feed_set(settings.feeds_path)
        killed = fail_orphaned_runs_unless_locked(context.instance, settings)
        killed += fail_runs_without_process(context.instance, settings, at)
        send_run_alerts(alerts, context.instance, killed, feed_set, settings)
        unfinished = unfinished_runs(context.instance)
        if unfinished:
            # Events are taken from the queue during a run too, else the alarm on their age would ring in a long one.
            if raw_zone_events is not None and _has_event(context, raw_zone_events):
                context.update_cursor(_SCAN_NOW)
            return dg.SkipReason(f"run {unfinished[0].run_id} is in progress; the next scan is after its end")
        next_scan = _next_scan(context, raw_zone_events, settings, at)
        if next_scan:
            return dg.SkipReason(
                f"no event since the last scan; the next scan is at {next_scan:%H:%M:%S} UTC at latest"
            )
        # The cursor holds the time of the last scan and nothing else: losing it costs one scan.
        context.update_cursor(str(int(at.timestamp())))
        changes = detect_changes(raw_zone, processed_zone, fingerprint_config(feed_set, settings), at)
        if not changes.object_count:
            require_raw_zone(raw_zone, settings)
        if not changes.changes:
            return dg.SkipReason(_describe_no_changes(changes))
        return _request_run(context, settings, changes, alerts, at)

    return raw_files


class _Heartbeat:
    """Sends a metric at most once in five minutes; its alarm rings when they stay out, whether files arrive or not."""

    def __init__(self) -> None:
        self._due: datetime | None = None

    def send(self, metrics: Metrics | None, at: datetime, log: logging.Logger) -> None:
        """Send it if it is due."""
        if self._due is None or at >= self._due:
            self._due = at + _HEARTBEAT
            send_or_warn(metrics, [Metric("SensorEvaluations", 1, at)], log)


def _next_scan(
    context: dg.SensorEvaluationContext, events: S3EventQueue | None, settings: Settings, at: datetime
) -> datetime | None:
    """Return when the raw zone is scanned again if no event arrives; None for a scan now."""
    if events is None or _last_run_failed(context.instance):
        return None  # the next attempt is due at its time, without an event
    last = int(context.cursor) if context.cursor and context.cursor.isdecimal() else 0
    due = datetime.fromtimestamp(last + settings.sensor_full_look_seconds, UTC)
    return None if _has_event(context, events) or due <= at else due


def _has_event(context: dg.SensorEvaluationContext, events: S3EventQueue) -> bool:
    """Return whether events have arrived, or may have: a queue that cannot be read is a warning."""
    try:
        return events.poll()
    except S3EventsError as error:
        context.log.warning(f"{error.title}: {error.found}. Fix: {error.fix}")
        return True


def _last_run_failed(instance: dg.DagsterInstance) -> bool:
    last = instance.get_runs(dg.RunsFilter(job_name=REFRESH), limit=1)
    return bool(last) and last[0].status == dg.DagsterRunStatus.FAILURE


def _describe_no_changes(changes: RawZoneChanges) -> str:
    if changes.still_being_written:
        return f"{changes.still_being_written}: still being written; read after a few seconds without a write"
    last = changes.refreshed
    since = f" since the scan of run {last.run_id} at {last.at[:19]} UTC" if last else ""
    return f"no changes{since}: {pluralize(changes.object_count, 'raw file')}"


def _request_run(
    context: dg.SensorEvaluationContext, settings: Settings, changes: RawZoneChanges, alerts: Alerts, at: datetime
) -> dg.RunRequest | dg.SkipReason:
    summary = printable("; ".join(changes.changes))
    records = [
        record
        for record in context.instance.get_run_records(
            dg.RunsFilter(tags={STATE: changes.state}), limit=_MAX_ATTEMPTS_READ
        )
        # A retry by Dagster or by a person is not an attempt of the sensor.
        if record.dagster_run.parent_run_id is None
    ]
    if records and records[0].dagster_run.status == dg.DagsterRunStatus.CANCELED:
        # Only a person cancels a run: Dagster takes every other interruption for a failure.
        return dg.SkipReason(f"run {records[0].dagster_run.run_id} was cancelled. {_WAITING}: {summary}")
    succeeded = [record.dagster_run.run_id for record in records if record.dagster_run.status not in _FAILED]
    if succeeded:
        alert = _changes_remain_alert(changes, succeeded[0], settings.ui_url, at)
        if not changes.only_config_changed:
            alerts.send([alert])
        return dg.SkipReason(f"{alert.title}: {summary}. Fix: {alert.fix}")
    match next_attempt([_ended_at(record) for record in records], at):
        case Start(number):
            return _run_request(changes, summary, number)
        case Wait(until, failed):
            attempts = pluralize(failed, "attempt")
            return dg.SkipReason(f"{attempts} failed; the next attempt is at {until:%H:%M:%S} UTC: {summary}")
        case GiveUp(failed):
            last_run = records[0].dagster_run.run_id
            alerts.send([_gave_up_alert(changes, summary, failed, last_run, settings.ui_url, at)])
            return dg.SkipReason(
                f"gave up after {failed} failed attempts, the last one in run {last_run}. {_WAITING}: {summary}"
            )


def _run_request(changes: RawZoneChanges, summary: str, number: int) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{changes.state}-{number}",
        # A file that is half written when the run reads it is left for the next run.
        run_config={"ops": {"register": {"config": {"skip_unstable": True}}}},
        # A retry after a kill must scan again, because a refresh is recorded by the scan of its own run.
        tags={
            STATE: changes.state,
            ATTEMPT: str(number),
            CHANGES: summary[:_MAX_TAG_LENGTH],
            RETRY_STRATEGY_TAG: "ALL_STEPS",
        },
    )


def _changes_remain_alert(changes: RawZoneChanges, run_id: str, ui_url: str, at: datetime) -> Alert:
    """Return the alert for a run that succeeded without processing every change; another run would do the same."""
    return Alert(
        key=f"state {changes.state} stays after {run_id}",
        kind="exhausted_retries",
        title=f"Run {run_id} succeeded, but changes remain",
        where="the raw zone",
        found={"not_processed": list(changes.changes)},
        fix="this process has other settings than the runs; restart the UI"
        if changes.only_config_changed
        else "start a refresh by hand; its log lists what is left out",
        link=f"{ui_url}/runs/{run_id}",
        run_id=run_id,
        at=at.isoformat(timespec="seconds"),
    )


def _gave_up_alert(
    changes: RawZoneChanges, summary: str, failed: int, last_run: str, ui_url: str, at: datetime
) -> Alert:
    return Alert(
        key=f"gave up on state {changes.state}",
        kind="exhausted_retries",
        title=f"The refresh failed {failed} times and is not retried",
        where="the raw zone",
        found={"not_processed": summary, "failed_attempts": failed},
        fix="fix the error on the last run's page, then send the file again or start a refresh by hand",
        link=f"{ui_url}/runs/{last_run}",
        run_id=last_run,
        at=at.isoformat(timespec="seconds"),
    )


def _ended_at(record: dg.RunRecord) -> datetime:
    ended_at = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else record.update_timestamp
    # Some versions of Dagster's storage return times without a zone.
    return ended_at.replace(tzinfo=UTC) if ended_at.tzinfo is None else ended_at
