"""Run alerts: the end of a run and the checks that failed in it, from Dagster's storage.

Belongs here: which events of a run cause an alert, and when two alerts are the same.
Does not belong here: sending (see `notifications.alerts`), alerts on data (see `reports.movements`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg

# The public API has no filter for the history of a check, and reading all of it is slow after months of runs.
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from finance_platform.errors import UnusableResultError
from finance_platform.feeds.feed_set import FeedSet
from finance_platform.notifications.alerts import Alert, Alerts
from finance_platform.orchestration.checks import evidence_records, evidence_rows, summary_of
from finance_platform.orchestration.error_handling import TIMED_OUT
from finance_platform.orchestration.runs import CHANGES, STATE, WILL_RETRY_TAG
from finance_platform.quality.checks import Check, all_checks
from finance_platform.settings import Settings

_EVIDENCE_ROWS = 5
_TRACE = "see the stack trace on the run's page"
_KILLED = "the process died without an error (possibly out of memory); start a refresh, which continues the work"
_SLOW = "find out what it waited for on the run's page; a refresh continues the work"
_TIMED_OUT = ("Run timed out", "Exceeded maximum runtime")
"""How Dagster's messages begin on a run that did not start in time, or did not end."""

_MAX_MESSAGE_LENGTH = 300
_REPORT_PACK = ("reporting", "report_pack")


def collect_run_alerts(
    instance: dg.DagsterInstance, run: dg.DagsterRun, feed_set: FeedSet, settings: Settings
) -> list[Alert]:
    """Return the alerts of a run that has ended.

    Args:
        instance: Dagster's storage in the home.
        run: the run.
        feed_set: the home's feeds, which have checks of their own.
        settings: the address of the UI, and whether a run that succeeded has an alert.
    """
    ui_url = settings.ui_url
    alerts = [*_failures(instance, run, ui_url), *_failed_checks(instance, run, feed_set, ui_url)]
    if settings.alert_run_finished and run.status == dg.DagsterRunStatus.SUCCESS:
        alerts.append(_finished(instance, run, ui_url))
    return alerts


def send_run_alerts(
    alerts: Alerts, instance: dg.DagsterInstance, runs: Iterable[dg.DagsterRun], feed_set: FeedSet, settings: Settings
) -> list[Alert]:
    """Send the alerts of runs that have ended; return those that were not sent before.

    Raises:
        AlertError: the alerts cannot be sent.
    """
    return alerts.send([alert for run in runs for alert in collect_run_alerts(instance, run, feed_set, settings)])


def _finished(instance: dg.DagsterInstance, run: dg.DagsterRun, ui_url: str) -> Alert:
    record = instance.get_run_record_by_id(run.run_id)
    seconds = round(record.end_time - record.start_time) if record and record.start_time and record.end_time else None
    loaded: dict[str, list[str]] = {}
    report_pack = None
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        if entry.asset_materialization is None:
            continue
        group, name = entry.asset_materialization.asset_key.path[0], entry.asset_materialization.asset_key.path[-1]
        metadata = entry.asset_materialization.metadata
        changed = metadata.get("slices_changed_now")
        if group == "warehouse" and isinstance(changed, dg.JsonMetadataValue) and isinstance(changed.value, list):
            loaded |= {name: [str(one) for one in changed.value]} if changed.value else {}
        if (group, name) == _REPORT_PACK and "dagster/uri" in metadata:
            report_pack = str(metadata["dagster/uri"].value)
    return Alert(
        key=f"{run.run_id} finished",
        kind="run_finished",
        title="The refresh has finished" if loaded else "The refresh has finished; nothing was new",
        where=run.job_name,
        found={"seconds": seconds, "loaded": loaded, "report_pack": report_pack},
        fix="nothing",
        link=f"{ui_url}/runs/{run.run_id}",
        run_id=run.run_id,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _failures(instance: dg.DagsterInstance, run: dg.DagsterRun, ui_url: str) -> Iterator[Alert]:
    if run.status != dg.DagsterRunStatus.FAILURE or run.tags.get(WILL_RETRY_TAG) == "true":
        return  # only the last attempt of a run that Dagster retries sends an alert
    entries = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    yield from (alert for entry in entries if (alert := _step_failure(run, entry, ui_url)))
    if not entries:
        ends = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
        message = (ends[-1].dagster_event.message if ends and ends[-1].dagster_event else None) or "no reason recorded"
        if message.startswith(_TIMED_OUT):
            alert = _failure(run, "the run", "The run timed out", message[:_MAX_MESSAGE_LENGTH], _SLOW, ui_url)
            yield replace(alert, kind="timed_out")
            return
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
        alert = _failure(run, event.step_key, title, found, fix, ui_url)
        return replace(alert, kind="timed_out") if TIMED_OUT in expected.metadata else alert
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
        kind="run_failure",
        title=f"{title}, in step {step}" if step != "the run" else title,
        where=f"{run.job_name}, {step}",
        found={"error": found, "raw_zone": run.tags.get(CHANGES, "not scanned")},
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
    fingerprint = hashlib.sha256("\0".join([summary_of(evaluation), *evidence]).encode()).hexdigest()[:12]
    return Alert(
        # The same finding is sent again only if the check has passed in between.
        key=f"{path} {check.name} after {_last_pass(instance, evaluation)}: {fingerprint}",
        kind="failed_check",
        title=f"{check.name} failed on {path}: {summary_of(evaluation)}",
        where=f"{path}, {check.name}",
        found={"rows": evidence_records(evaluation)[:_EVIDENCE_ROWS], "row_count": len(evidence)},
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
