"""The sensor on the raw zone: one run for all that is new, again with patience where it fails, and never in silence.

Belongs here: from news and earlier attempts to a run, a skip with its reason, or an alert.
Does not belong here: what is new (see `lake.news`), when to try again (see `attempts`).

The sensor has no memory of its own. What was done, the processed zone says; what was tried, the tags of runs say.
Where a queue is told of writes, its messages shorten the wait; the raw zone is listed every few minutes all the same.
"""

from datetime import UTC, datetime

import dagster as dg
from dagster._core.execution.plan.resume_retry import ReexecutionStrategy
from dagster._core.storage.tags import RETRY_STRATEGY_TAG

from finance_platform.deliveries.changes import RawZoneChanges, detect_changes
from finance_platform.deliveries.scans import fingerprint_config
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.notifications.alerts import Alert
from finance_platform.orchestration.jobs import REFRESH
from finance_platform.orchestration.resources.alerts import AlertsResource
from finance_platform.orchestration.resources.lake import LakeResource
from finance_platform.orchestration.run_alerts import send_run_alerts
from finance_platform.orchestration.runs import (
    ATTEMPT,
    CHANGES,
    STATE,
    fail_orphaned_runs_unless_locked,
    unfinished_runs,
)
from finance_platform.orchestration.sensors.attempts import GiveUp, Start, Wait, next_attempt
from finance_platform.settings import Settings
from finance_platform.storage.s3_events import S3EventsError

_FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
_TAG_LENGTH = 250
_ATTEMPTS_LOOKED_AT = 20


def raw_files_sensor(settings: Settings) -> dg.SensorDefinition:
    """Return the sensor that starts the refresh when raw files, decisions, descriptors or settings have changed."""

    @dg.sensor(
        name="raw_files",
        job_name=REFRESH,
        minimum_interval_seconds=settings.sensor_interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING if settings.auto_refresh else dg.DefaultSensorStatus.STOPPED,
        description="Starts one refresh for all raw files that are new, overwritten or gone, for decisions, and for "
        "changed descriptors or settings. Files that are still being written wait. A refresh that fails is tried "
        "again after 1, 5 and 15 minutes; then one alert is sent, and nothing more until something changes.",
    )
    def raw_files(
        context: dg.SensorEvaluationContext, lake: LakeResource, alerts: AlertsResource
    ) -> dg.RunRequest | dg.SkipReason:
        at, catalog = datetime.now(UTC), load_feed_set(settings.feeds_path)
        killed = fail_orphaned_runs_unless_locked(context.instance, settings)
        send_run_alerts(alerts.open(), context.instance, killed, catalog, settings.ui_url)
        at_work = unfinished_runs(context.instance)
        if at_work:
            return dg.SkipReason(f"run {at_work[0].run_id} is at work; what is new is looked at when it has ended")
        next_look = _next_look(context, lake, settings, at)
        if next_look:
            return dg.SkipReason(
                f"no event since the last look; the next one is at {next_look:%H:%M:%S} UTC at the latest"
            )
        # The cursor says when the raw zone was looked at, no more: losing it costs one look.
        context.update_cursor(str(int(at.timestamp())))
        news = detect_changes(lake.raw, lake.processed, fingerprint_config(catalog, settings), at)
        if not news.changes:
            return dg.SkipReason(_nothing(news))
        return _attempt(context, settings, news, alerts, at)

    return raw_files


def _next_look(
    context: dg.SensorEvaluationContext, lake: LakeResource, settings: Settings, at: datetime
) -> datetime | None:
    """Return when the raw zone is looked at again, where nobody has told of anything; None where it is now."""
    hints = lake.hints
    if hints is None or _has_failed_last(context.instance):
        return None  # the next attempt is due when it is due, and nobody tells of that
    last = int(context.cursor) if context.cursor and context.cursor.isdecimal() else 0
    due = datetime.fromtimestamp(last + settings.sensor_full_look_seconds, UTC)
    try:
        is_told = hints.arrived()
    except S3EventsError as error:
        context.log.warning(f"{error.title}: {error.found}. Fix: {error.fix}")
        is_told = True
    return None if is_told or due <= at else due


def _has_failed_last(instance: dg.DagsterInstance) -> bool:
    last = instance.get_runs(dg.RunsFilter(job_name=REFRESH), limit=1)
    return bool(last) and last[0].status in _FAILED


def _nothing(news: RawZoneChanges) -> str:
    if news.settling:
        return f"{news.settling}: still being written; looked at again when nobody has written for a few seconds"
    since = f", as when run {news.refreshed.run_id} looked at {news.refreshed.at[:19]} UTC" if news.refreshed else ""
    return f"nothing new: {news.object_count:,} raw files{since}"


def _attempt(
    context: dg.SensorEvaluationContext, settings: Settings, news: RawZoneChanges, alerts: AlertsResource, at: datetime
) -> dg.RunRequest | dg.SkipReason:
    changes = "; ".join(news.changes)
    records = [
        record
        for record in context.instance.get_run_records(
            dg.RunsFilter(tags={STATE: news.state}), limit=_ATTEMPTS_LOOKED_AT
        )
        # What Dagster or a person runs again after a failure is no attempt of the sensor's.
        if record.dagster_run.parent_run_id is None
    ]
    done = [record.dagster_run.run_id for record in records if record.dagster_run.status not in _FAILED]
    if done:
        alert = _unexplained(news, done[0], settings.ui_url, at)
        if not news.only_config_changed:
            alerts.open().send([alert])
        return dg.SkipReason(f"{alert.title}: {changes}. Fix: {alert.fix}")
    failed_at = [_ended(record) for record in records]
    match next_attempt(failed_at, at):
        case Start(number):
            return _run_request(news, changes, number)
        case Wait(until, failed):
            return dg.SkipReason(
                f"{failed} of the attempts at this state failed; the next is at {until:%H:%M:%S} UTC: {changes}"
            )
        case GiveUp(failed):
            last = records[0].dagster_run.run_id
            alerts.open().send([_gave_up(news, changes, failed, last, settings.ui_url, at)])
            return dg.SkipReason(
                f"gave up after {failed} failed attempts, the last one run {last}. Waiting for a raw file, a decision, "
                f"a descriptor or a setting to change, or for a run by hand: {changes}"
            )


def _run_request(news: RawZoneChanges, changes: str, number: int) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{news.state}-{number}",
        # What is half there when the run comes to it is left for the next one.
        run_config={"ops": {"register": {"config": {"skip_unstable": True}}}},
        # Started again after a kill, a run must look again: what it has taken in is told by its own look.
        tags={
            STATE: news.state,
            ATTEMPT: str(number),
            CHANGES: changes[:_TAG_LENGTH],
            RETRY_STRATEGY_TAG: ReexecutionStrategy.ALL_STEPS.value,
        },
    )


def _unexplained(news: RawZoneChanges, run_id: str, ui_url: str, at: datetime) -> Alert:
    """Say that a run has done all it could, and that this is not all: trying again would do the same."""
    return Alert(
        key=f"state {news.state} stays after {run_id}",
        kind="exhausted retries",
        title=f"Run {run_id} has ended well, and still there is news",
        where="the raw zone",
        found={"not taken in": "; ".join(news.changes)},
        fix="this process has other settings than runs have; start the UI again"
        if news.only_config_changed
        else "start a refresh by hand; its log says what is left out",
        link=f"{ui_url}/runs/{run_id}",
        run_id=run_id,
        at=at.isoformat(timespec="seconds"),
    )


def _gave_up(news: RawZoneChanges, changes: str, failed: int, last_run: str, ui_url: str, at: datetime) -> Alert:
    return Alert(
        key=f"gave up on state {news.state}",
        kind="exhausted retries",
        title=f"The refresh has failed {failed} times and is not tried again",
        where="the raw zone",
        found={"not taken in": changes, "failed attempts": str(failed)},
        fix="the last run's page says what failed; mend it, then send the file again or start a refresh by hand",
        link=f"{ui_url}/runs/{last_run}",
        run_id=last_run,
        at=at.isoformat(timespec="seconds"),
    )


def _ended(record: dg.RunRecord) -> datetime:
    ended = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else record.update_timestamp
    # The time of the storage has no zone in some versions of it.
    return ended.replace(tzinfo=UTC) if ended.tzinfo is None else ended
