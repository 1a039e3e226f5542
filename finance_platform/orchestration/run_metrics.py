"""Run metrics: the duration and result of each run, from Dagster's storage.

Belongs here: metrics of runs, each sent once. Does not belong here: metrics of the data (see `reports.metrics`),
sending (see `notifications.metrics`), alerts (see `run_alerts`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime

import dagster as dg

from finance_platform.notifications.metrics import Metric, Metrics, send_or_warn
from finance_platform.orchestration.runs import KILLED, WILL_RETRY_TAG

METRICS_SENT = "finance_platform/measured"
"""The tag of a run whose metrics were sent."""


def send_run_metrics(
    metrics: Metrics | None, instance: dg.DagsterInstance, runs: Iterable[dg.DagsterRun], log: logging.Logger
) -> None:
    """Send the metrics of runs that have ended, once per run.

    Both the next start of the UI and the sensor `failed_runs` process a killed run. The run is tagged before its
    metrics are sent: a kill in between loses one point in a graph, while the other order could count the run twice.

    Args:
        metrics: where to send them; None if the home sends no metrics.
        instance: Dagster's storage in the home.
        runs: the runs.
        log: gets a warning if they cannot be sent.
    """
    if metrics is None:
        return
    for run_id in [run.run_id for run in runs]:
        run = instance.get_run_by_id(run_id)
        if run is None or METRICS_SENT in run.tags:
            continue
        instance.add_run_tags(run_id, {METRICS_SENT: "true"})
        send_or_warn(metrics, collect_run_metrics(instance, run), log)


def collect_run_metrics(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[Metric]:
    """Return the metrics of a run that has ended.

    A run that Dagster retries has none: its last attempt counts. A run whose process was killed has no duration,
    because the time of its end is unknown.
    """
    record = instance.get_run_record_by_id(run.run_id)
    if record is None or run.tags.get(WILL_RETRY_TAG) == "true":
        return []
    at = datetime.now(UTC)
    metrics = []
    if run.status == dg.DagsterRunStatus.SUCCESS:
        metrics.append(Metric("RunsSucceeded", 1, at))
    if run.status == dg.DagsterRunStatus.FAILURE:
        metrics.append(Metric("RunsFailed", 1, at))
    if record.start_time and record.end_time and not _is_killed(instance, run):
        metrics.append(Metric("RunDuration", round(record.end_time - record.start_time), at))
    return metrics


def _is_killed(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    if run.status != dg.DagsterRunStatus.FAILURE:
        return False
    ends = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    return any(entry.dagster_event is not None and entry.dagster_event.message == KILLED for entry in ends)
