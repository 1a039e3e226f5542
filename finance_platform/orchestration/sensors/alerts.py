"""Sensors that send alerts and metrics: of failed runs, of failed checks, of overdue feeds.

Belongs here: when Dagster evaluates them, and overdue feeds. Does not belong here: the alerts and metrics of runs (see
`run_alerts`, `run_metrics`), starting runs (see `raw_files`).

The command line sends the alerts of its own runs, because it works without a daemon.
"""

import json
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg

from finance_platform.feeds.descriptor import FeedDescriptor
from finance_platform.feeds.expectations import last_due_days
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.notifications.alerts import Alert, Alerts
from finance_platform.notifications.metrics import Metrics, send_or_warn
from finance_platform.orchestration.assets.delivery_events import last_arrival, last_arrivals
from finance_platform.orchestration.error_handling import credentials_hidden
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
    @credentials_hidden()
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
        description="Alerts once on each feed that is overdue by its descriptor's `freshness` or `expect`; a feed of "
        "the home is overdue too if no file ever came.",
        minimum_interval_seconds=_FRESHNESS_SECONDS,
        default_status=_default_status(settings),
    )
    @credentials_hidden()
    def overdue_feeds(
        context: dg.SensorEvaluationContext,
        alerts: dg.ResourceParam[Alerts],
        metrics: dg.ResourceParam[Metrics | None],
    ) -> dg.SkipReason:
        at = datetime.now(UTC)
        feed_set = load_feed_set(settings.feeds_path)
        feeds = feed_set.feeds
        if metrics is not None:
            # Also here and not only in runs: the lag must grow in the graph while no file comes and no run starts.
            lags = freshness_lags(last_arrivals(context.instance, [feed.feed for feed in feeds]), at)
            send_or_warn(metrics, lags, context.log)
        arrivals = {feed.feed: last_arrival(context.instance, feed.feed) for feed in feeds if _is_expected(feed)}
        # A shipped feed that never had a file is not in use; a descriptor of the home says that files come.
        waiting = _waiting_since(
            context.cursor,
            [feed.feed for feed in feed_set.own if feed.feed in arrivals and not arrivals[feed.feed]],
            at,
        )
        context.update_cursor(json.dumps({feed: since.isoformat() for feed, since in waiting.items()}))
        overdue = []
        for feed in feeds:
            arrival = arrivals.get(feed.feed)
            since = arrival[0] if arrival else waiting.get(feed.feed)
            found = _find_overdue(feed, arrival, since, at, settings.close_holidays) if since else None
            if since and found is not None:
                overdue.append(_overdue_alert(feed, arrival, since, found, settings, at))
        alerts.send(overdue)
        return dg.SkipReason("; ".join(alert.title for alert in overdue) or "no feed is overdue")

    return overdue_feeds


def _is_expected(feed: FeedDescriptor) -> bool:
    return feed.freshness is not None or feed.expect is not None


def _waiting_since(cursor: str | None, feeds: Iterable[str], at: datetime) -> dict[str, datetime]:
    """Return since when the sensor waits for the first delivery of each feed."""
    known = json.loads(cursor) if cursor else {}
    return {feed: datetime.fromisoformat(known[feed]) if feed in known else at for feed in feeds}


def _find_overdue(
    feed: FeedDescriptor, arrival: object, since: datetime, at: datetime, holidays: Collection[date]
) -> dict[str, Any] | None:
    """Return what was expected if it has not come; None if the feed is on time.

    Args:
        feed: the feed.
        arrival: its last delivery; None if none ever came.
        since: when its last delivery came, or since when the first one is waited for.
        at: now.
        holidays: days that are not working days.
    """
    if feed.freshness is not None and at - since >= timedelta(days=feed.freshness.fail_after_days):
        return {"expected_within_days": feed.freshness.fail_after_days}
    if feed.expect is not None:
        due_before, due = last_due_days(at.date(), feed.expect.by_working_day, holidays)
        if since.date() <= (due_before if arrival else due):
            return {"due": due.isoformat()}
    return None


def _overdue_alert(
    feed: FeedDescriptor,
    arrival: tuple[datetime, dg.EventLogRecord] | None,
    since: datetime,
    found: dict[str, Any],
    settings: Settings,
    at: datetime,
) -> Alert:
    due = f", due on {found['due']}" if "due" in found else ""
    # A monthly expectation is missed again each month.
    subject = f"{feed.feed} is overdue since {since.isoformat()}{due}"
    came = f"no delivery since {since:%Y-%m-%d}" if arrival else "no delivery has ever come"
    return Alert(
        key=subject,
        kind="freshness_violation",
        title=f"{feed.feed} is overdue: {came}{due}",
        where=f"deliveries/{feed.feed}",
        found={"last_delivery": since.isoformat(timespec="seconds") if arrival else None, **found},
        fix=f"ask {feed.owner or 'the owner of the feed'} for the file `{feed.path_text}`, or change its "
        f"`{'expect' if 'due' in found else 'freshness'}`",
        link=f"{settings.ui_url}/assets/deliveries/{feed.feed}",
        run_id=arrival[1].run_id if arrival else "",
        at=at.isoformat(timespec="seconds"),
    )
