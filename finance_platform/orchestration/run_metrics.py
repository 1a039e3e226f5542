"""From what a run has left in Dagster's storage to metrics: how long it took, and how it ended.

Belongs here: figures of runs, each run once. Does not belong here: figures of the data (see `reporting.measuring`),
sending (see `metrics`), what people are told of a run (see `run_alerts`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime

import dagster as dg
from dagster._core.storage.tags import WILL_RETRY_TAG

from finance_platform.notifications.metrics import Metric, Metrics
from finance_platform.orchestration.resources.metrics import send_or_warn
from finance_platform.orchestration.runs import KILLED

MEASURED = "finance_platform/measured"
"""The tag of a run whose metrics were sent."""


def measure_runs(
    metrics: Metrics | None, instance: dg.DagsterInstance, runs: Iterable[dg.DagsterRun], log: logging.Logger
) -> None:
    """Send the metrics of runs that have ended, of each once.

    A killed run of the UI is found at the UI's next start and by the sensor of failed runs too. It is marked before its
    metrics are sent: a kill between the two loses a point in a graph, where the other order would count a run twice.

    Args:
        metrics: where to; None where nobody looks.
        instance: Dagster's storage in the home.
        runs: the runs.
        log: gets a warning where they cannot be sent.
    """
    if metrics is None:
        return
    for run in runs:
        found = instance.get_run_by_id(run.run_id)
        if found is None or MEASURED in found.tags:
            continue
        instance.add_run_tags(run.run_id, {MEASURED: "true"})
        send_or_warn(metrics, metrics_of_run(instance, found), log)


def metrics_of_run(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[Metric]:
    """Return the metrics of a run that has ended.

    A run that is started again counts as none: its last attempt tells how it ended. One whose process was killed has no
    duration: nobody knows when it ended.
    """
    record = instance.get_run_record_by_id(run.run_id)
    if record is None or run.tags.get(WILL_RETRY_TAG) == "true":
        return []
    at = datetime.now(UTC)
    found = []
    if run.status == dg.DagsterRunStatus.SUCCESS:
        found.append(Metric("RunsSucceeded", 1, at))
    if run.status == dg.DagsterRunStatus.FAILURE:
        found.append(Metric("RunsFailed", 1, at))
    if record.start_time and record.end_time and not _is_killed(instance, run):
        found.append(Metric("RunDuration", round(record.end_time - record.start_time), at))
    return found


def _is_killed(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    if run.status != dg.DagsterRunStatus.FAILURE:
        return False
    ends = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    return any(entry.dagster_event is not None and entry.dagster_event.message == KILLED for entry in ends)
