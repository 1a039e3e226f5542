"""Sensors that send alerts and metrics: of failed runs, of failed checks, of overdue feeds.

Belongs here: when Dagster evaluates them, and overdue feeds. Does not belong here: the alerts and metrics of runs (see
`run_alerts`, `run_metrics`), starting runs (see `raw_files`).

The command line sends the alerts of its own runs, because it works without a daemon.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg

from finance_platform.feeds.descriptor import FeedDescriptor
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.notifications.alerts import Alert, Alerts
from finance_platform.notifications.metrics import Metrics, send_or_warn
from finance_platform.orchestration.assets.delivery_events import last_arrival, last_arrivals
from finance_platform.orchestration.run_alerts import send_run_alerts
from finance_platform.orchestration.run_metrics import send_run_metrics
from finance_platform.orchestration.runs import is_from_command_line
from finance_platform.reports.metrics import freshness_lags
from finance_platform.settings import Settings

_FRESHNESS_SECONDS = 300
_RUNS_SECONDS = 15


def alerting_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """Return the sensors that send alerts: of failed runs, of failed checks in other runs, of overdue feeds."""
    return [
        _run_sensor(settings, "failed_runs", dg.DagsterRunStatus.FAILURE, "Alerts on failed runs, once per cause."),
        _run_sensor(
            settings,
            "finished_runs",
            dg.DagsterRunStatus.SUCCESS,
            "Alerts on failed checks in runs that succeeded, and on such runs where the setting asks for it.",
        ),
        _freshness_sensor(settings),
    ]


def _default_status(settings: Settings) -> dg.DefaultSensorStatus:
    return dg.DefaultSensorStatus.RUNNING if settings.auto_refresh else dg.DefaultSensorStatus.STOPPED


def _run_sensor(
    settings: Settings, name: str, status: dg.DagsterRunStatus, description: str
) -> dg.RunStatusSensorDefinition:
    @dg.run_status_sensor(
        status,
        name=name,
        description=description,
        minimum_interval_seconds=_RUNS_SECONDS,
        default_status=_default_status(settings),
    )
    def report_run(
        context: dg.RunStatusSensorContext,
        alerts: dg.ResourceParam[Alerts],
        metrics: dg.ResourceParam[Metrics | None],
    ) -> None:
        if is_from_command_line(context.dagster_run):
            return
        feed_set = load_feed_set(settings.feeds_path)
        runs = [context.dagster_run]
        # Metrics first: if they cannot be sent, that is a warning; if alerts cannot be sent, that is an error.
        send_run_metrics(metrics, context.instance, runs, context.log)
        for alert in send_run_alerts(alerts, context.instance, runs, feed_set, settings):
            context.log.info(f"sent the alert: {alert.title}")

    return report_run


def _freshness_sensor(settings: Settings) -> dg.SensorDefinition:
    @dg.sensor(
        name="overdue_feeds",
        description="Alerts once on each feed whose last delivery is older than its descriptor's `freshness` allows.",
        minimum_interval_seconds=_FRESHNESS_SECONDS,
        default_status=_default_status(settings),
    )
    def overdue_feeds(
        context: dg.SensorEvaluationContext,
        alerts: dg.ResourceParam[Alerts],
        metrics: dg.ResourceParam[Metrics | None],
    ) -> dg.SkipReason:
        at = datetime.now(UTC)
        feeds = load_feed_set(settings.feeds_path).feeds
        if metrics is not None:
            # Also here and not only in runs: the lag must grow in the graph while no file comes and no run starts.
            lags = freshness_lags(last_arrivals(context.instance, [feed.feed for feed in feeds]), at)
            send_or_warn(metrics, lags, context.log)
        overdue = [alert for feed in feeds if (alert := _overdue_alert(context.instance, feed, settings.ui_url, at))]
        alerts.send(overdue)
        return dg.SkipReason("; ".join(alert.title for alert in overdue) or "no feed is overdue")

    return overdue_feeds


def _overdue_alert(instance: dg.DagsterInstance, feed: FeedDescriptor, ui_url: str, at: datetime) -> Alert | None:
    if feed.freshness is None:
        return None
    last = last_arrival(instance, feed.feed)
    if last is None:
        return None  # a feed that never had a file is not in use
    arrived_at, record = last
    days = feed.freshness.fail_after_days
    if at - arrived_at < timedelta(days=days):
        return None
    return Alert(
        key=f"{feed.feed} is overdue since {arrived_at.isoformat()}",
        kind="freshness_violation",
        title=f"{feed.feed} is overdue: no delivery since {arrived_at:%Y-%m-%d}",
        where=f"deliveries/{feed.feed}",
        found={"last_delivery": arrived_at.isoformat(timespec="seconds"), "expected_within_days": days},
        fix=f"ask {feed.owner or 'the owner of the feed'} for the file `{feed.path_text}`, or change its `freshness`",
        link=f"{ui_url}/assets/deliveries/{feed.feed}",
        run_id=record.run_id,
        at=at.isoformat(timespec="seconds"),
    )
