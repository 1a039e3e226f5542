"""Sensors that tell people: runs that failed, checks that failed in runs, feeds that are overdue; and that measure.

Belongs here: when Dagster asks, and what is then sent. Does not belong here: what an alert says (see
`resources.run_alerts`), what a raw file starts (see `raw_files`).

The command line tells of its own runs itself, since it works without a daemon.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg

from finance_platform.feeds.descriptor import FeedDescriptor
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.notifications.alerts import Alert
from finance_platform.orchestration.assets.delivery_events import last_arrival, last_arrivals
from finance_platform.orchestration.resources.alerts import AlertsResource
from finance_platform.orchestration.resources.metrics import MetricsResource, send_or_warn
from finance_platform.orchestration.run_alerts import send_run_alerts
from finance_platform.orchestration.run_metrics import measure_runs
from finance_platform.reports.metrics import freshness_lags
from finance_platform.settings import Settings

_FRESHNESS_SECONDS = 300
_RUNS_SECONDS = 15


def alerting_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """Return the sensors that tell of failed runs, of finished ones whose checks failed, of overdue feeds."""
    return [
        _run_sensor(settings, "failed_runs", dg.DagsterRunStatus.FAILURE, "Tells of runs that failed, once a cause."),
        _run_sensor(
            settings, "finished_runs", dg.DagsterRunStatus.SUCCESS, "Tells of checks that failed in a run that went on."
        ),
        _freshness_sensor(settings),
    ]


def _status(settings: Settings) -> dg.DefaultSensorStatus:
    return dg.DefaultSensorStatus.RUNNING if settings.auto_refresh else dg.DefaultSensorStatus.STOPPED


def _run_sensor(
    settings: Settings, name: str, status: dg.DagsterRunStatus, description: str
) -> dg.RunStatusSensorDefinition:
    @dg.run_status_sensor(
        status,
        name=name,
        description=description,
        minimum_interval_seconds=_RUNS_SECONDS,
        default_status=_status(settings),
    )
    def tell(context: dg.RunStatusSensorContext, alerts: AlertsResource, metrics: MetricsResource) -> None:
        catalog = load_feed_set(settings.feeds_path)
        runs = [context.dagster_run]
        # First, since alerts that cannot be sent are an error and metrics that cannot are not.
        measure_runs(metrics.open(), context.instance, runs, context.log)
        for alert in send_run_alerts(alerts.open(), context.instance, runs, catalog, settings.ui_url):
            context.log.info(f"told: {alert.title}")

    return tell


def _freshness_sensor(settings: Settings) -> dg.SensorDefinition:
    @dg.sensor(
        name="overdue_feeds",
        description="Tells once of each feed whose last delivery is longer ago than its descriptor's `freshness` says.",
        minimum_interval_seconds=_FRESHNESS_SECONDS,
        default_status=_status(settings),
    )
    def overdue_feeds(
        context: dg.SensorEvaluationContext, alerts: AlertsResource, metrics: MetricsResource
    ) -> dg.SkipReason:
        at = datetime.now(UTC)
        feeds = load_feed_set(settings.feeds_path).feeds
        opened = metrics.open()
        if opened is not None:
            # Here and not in runs alone: a lag that grows while nothing comes and nothing runs is the one to see.
            lags = freshness_lags(last_arrivals(context.instance, [feed.feed for feed in feeds]), at)
            send_or_warn(opened, lags, context.log)
        found = [alert for feed in feeds if (alert := _overdue(context.instance, feed, settings.ui_url, at))]
        alerts.open().send(found)
        return dg.SkipReason("; ".join(alert.title for alert in found) or "no feed is overdue")

    return overdue_feeds


def _overdue(instance: dg.DagsterInstance, feed: FeedDescriptor, ui_url: str, at: datetime) -> Alert | None:
    if feed.freshness is None:
        return None
    arrival = last_arrival(instance, feed.feed)
    if arrival is None:
        return None  # a feed that never had a file is not in use
    came, last = arrival
    days = feed.freshness.fail_after_days
    if at - came < timedelta(days=days):
        return None
    return Alert(
        key=f"{feed.feed} is overdue since {came.isoformat()}",
        kind="freshness violation",
        title=f"{feed.feed} is overdue: nothing came since {came:%Y-%m-%d}",
        where=f"deliveries/{feed.feed}",
        found={"last delivery": f"{came:%Y-%m-%d %H:%M} UTC", "expected within": f"{days} days"},
        fix=f"ask {feed.owner or 'the owner of the feed'} for the file `{feed.path}`, or change the feed's `freshness`",
        link=f"{ui_url}/assets/deliveries/{feed.feed}",
        run_id=last.run_id,
        at=at.isoformat(timespec="seconds"),
    )
