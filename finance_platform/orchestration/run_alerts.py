"""Run alerts: the failure of a run and the checks that failed in it, from Dagster's storage.

Belongs here: which events of a run cause an alert, and when two alerts are the same.
Does not belong here: sending (see `notifications.alerts`), alerts on data (see `reports.movements`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import dagster as dg

# The public API has no filter for the history of a check, and reading all of it is slow after months of runs.
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from finance_platform.errors import UnusableResultError
from finance_platform.feeds.feed_set import FeedSet
from finance_platform.notifications.alerts import Alert, Alerts
from finance_platform.orchestration.checks import evidence_rows
from finance_platform.orchestration.runs import CHANGES, STATE, WILL_RETRY_TAG
from finance_platform.quality.checks import Check, all_checks

_EVIDENCE_ROWS = 5
_TRACE = "see the stack trace on the run's page"
_KILLED = "the process died without an error (possibly out of memory); start a refresh, which continues the work"
_MAX_MESSAGE_LENGTH = 300


def collect_run_alerts(instance: dg.DagsterInstance, run: dg.DagsterRun, feed_set: FeedSet, ui_url: str) -> list[Alert]:
    """Return the alerts of a run that has ended.

    Args:
        instance: Dagster's storage in the home.
        run: the run.
        feed_set: the home's feeds, which have checks of their own.
        ui_url: the address of the UI.
    """
    return [*_failures(instance, run, ui_url), *_failed_checks(instance, run, feed_set, ui_url)]


def send_run_alerts(
    alerts: Alerts, instance: dg.DagsterInstance, runs: Iterable[dg.DagsterRun], feed_set: FeedSet, ui_url: str
) -> list[Alert]:
    """Send the alerts of runs that have ended; return those that were not sent before.

    Raises:
        AlertError: the alerts cannot be sent.
    """
    return alerts.send([alert for run in runs for alert in collect_run_alerts(instance, run, feed_set, ui_url)])


def _failures(instance: dg.DagsterInstance, run: dg.DagsterRun, ui_url: str) -> Iterator[Alert]:
    if run.status != dg.DagsterRunStatus.FAILURE or run.tags.get(WILL_RETRY_TAG) == "true":
        return  # only the last attempt of a run that Dagster retries sends an alert
    entries = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    yield from (alert for entry in entries if (alert := _step_failure(run, entry, ui_url)))
    if not entries:
        ends = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
        message = (ends[-1].dagster_event.message if ends and ends[-1].dagster_event else None) or "no reason recorded"
        title = "The run failed outside of its steps"
        yield _failure(run, "the run", title, message[:_MAX_MESSAGE_LENGTH], _KILLED, ui_url)


def _step_failure(run: dg.DagsterRun, entry: dg.EventLogEntry, ui_url: str) -> Alert | None:
    event = entry.dagster_event
    if event is None or event.step_key is None:
        return None
    error, expected = event.step_failure_data.error, event.step_failure_data.user_failure_data
    if expected and expected.metadata:
        title, found, fix = (str(expected.metadata[name].value) for name in ("title", "found", "fix"))
        if title == UnusableResultError.title:
            return None  # the blocking check has an alert of its own
        return _failure(run, event.step_key, title, found, fix, ui_url)
    # Dagster wraps a step's error in an error of its own.
    root = error.cause or error if error else None
    title = f"Unexpected error: {root.cls_name if root else 'not recorded'}"
    return _failure(run, event.step_key, title, _first_line(root.message) if root else "", _TRACE, ui_url)


def _first_line(message: str) -> str:
    """Return the beginning of an unexpected error; later lines may quote personal data from a file."""
    lines = message.strip().splitlines()
    return lines[0][:_MAX_MESSAGE_LENGTH] if lines else ""


def _failure(run: dg.DagsterRun, step: str, title: str, found: str, fix: str, ui_url: str) -> Alert:
    # Attempts at one state that fail in the same way share one alert; so do a run and its retries.
    origin = run.tags.get(STATE) or run.root_run_id or run.run_id
    return Alert(
        key=f"{step} failed for {origin}: {title}",
        kind="run failure",
        title=f"{title}, in step {step}" if step != "the run" else title,
        where=f"{run.job_name}, {step}",
        found={"error": found, "raw zone": run.tags.get(CHANGES, "not scanned")},
        fix=fix,
        link=f"{ui_url}/runs/{run.run_id}",
        run_id=run.run_id,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _failed_checks(instance: dg.DagsterInstance, run: dg.DagsterRun, feed_set: FeedSet, ui_url: str) -> Iterator[Alert]:
    checks = {(check.asset, check.name): check for check in all_checks(feed.feed for feed in feed_set.feeds)}
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        if entry.dagster_event is None:
            continue
        evaluation = entry.dagster_event.asset_check_evaluation_data
        group, name = evaluation.asset_key.path
        check = checks.get(((group, name), evaluation.check_name))
        if check and check.is_alerted and not evaluation.passed:
            yield _failed_check(instance, run, check, evaluation, ui_url)


def _failed_check(
    instance: dg.DagsterInstance, run: dg.DagsterRun, check: Check, evaluation: dg.AssetCheckEvaluation, ui_url: str
) -> Alert:
    evidence = evidence_rows(evaluation)
    path = "/".join(check.asset)
    fingerprint = hashlib.sha256("\0".join([evaluation.description or "", *evidence]).encode()).hexdigest()[:12]
    return Alert(
        # The same finding is sent again only if the check has passed in between.
        key=f"{path} {check.name} after {_last_pass(instance, evaluation)}: {fingerprint}",
        kind="failed check",
        title=f"{check.name} failed on {path}: {evaluation.description}",
        where=f"{path}, {check.name}",
        found={str(number): row for number, row in enumerate(evidence[:_EVIDENCE_ROWS], start=1)},
        fix=check.description,
        link=f"{ui_url}/assets/{path}?view=checks&checkDetail={check.name}",
        run_id=run.run_id,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _last_pass(instance: dg.DagsterInstance, evaluation: dg.AssetCheckEvaluation) -> str:
    """Return the run in which a check last passed."""
    history = instance.event_log_storage.get_asset_check_execution_history(
        check_key=evaluation.asset_check_key, limit=1, status={AssetCheckExecutionRecordStatus.SUCCEEDED}
    )
    return history[0].run_id if history else "the beginning"
