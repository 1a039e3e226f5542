"""From what a run has left in Dagster's storage to alerts: its failure, and the checks that failed in it.

Belongs here: which events of a run are worth a message, and when two of them are the same.
Does not belong here: sending (see `alerts`), what is asked of data rather than of runs (see `reporting.movements`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.tags import WILL_RETRY_TAG

from finance_platform.errors import UnusableResultError
from finance_platform.feeds.feed_set import FeedSet
from finance_platform.notifications.alerts import Alert, Alerts
from finance_platform.orchestration.runs import CHANGES, STATE
from finance_platform.quality.checks import Check, checks_of

_EVIDENCE_ROWS = 5
_TRACE = "the run's page has the trace"
_KILLED = "its process ended without a word, as for want of memory; start a refresh, which takes it up again"
_MESSAGE = 300


def alerts_of_run(instance: dg.DagsterInstance, run: dg.DagsterRun, catalog: FeedSet, ui_url: str) -> list[Alert]:
    """Return what people should be told of a run that has ended.

    Args:
        instance: Dagster's storage in the home.
        run: the run.
        catalog: the home's feeds, which have checks of their own.
        ui_url: where the UI is.
    """
    return [*_failures(instance, run, ui_url), *_failed_checks(instance, run, catalog, ui_url)]


def send_run_alerts(
    alerts: Alerts, instance: dg.DagsterInstance, runs: Iterable[dg.DagsterRun], catalog: FeedSet, ui_url: str
) -> list[Alert]:
    """Send what people should be told of runs that have ended; return what was not sent before.

    Raises:
        AlertError: people cannot be told.
    """
    return alerts.send([alert for run in runs for alert in alerts_of_run(instance, run, catalog, ui_url)])


def _failures(instance: dg.DagsterInstance, run: dg.DagsterRun, ui_url: str) -> Iterator[Alert]:
    if run.status != dg.DagsterRunStatus.FAILURE or run.tags.get(WILL_RETRY_TAG) == "true":
        return  # of a run that is started again, its last attempt tells
    entries = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    told = [alert for entry in entries if (alert := _step_failure(run, entry, ui_url))]
    yield from told
    if not entries:
        ends = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
        message = (ends[-1].dagster_event.message if ends and ends[-1].dagster_event else None) or "no event says why"
        yield _failure(run, "the run", "The run failed outside of its steps", message[:_MESSAGE], _KILLED, ui_url)


def _step_failure(run: dg.DagsterRun, entry: dg.EventLogEntry, ui_url: str) -> Alert | None:
    event = entry.dagster_event
    if event is None or event.step_key is None:
        return None
    error, expected = event.step_failure_data.error, event.step_failure_data.user_failure_data
    if expected and expected.metadata:
        title, found, fix = (str(expected.metadata[name].value) for name in ("title", "found", "fix"))
        if title == UnusableResultError.title:
            return None  # the check that blocks is told of itself
        return _failure(run, event.step_key, title, found, fix, ui_url)
    # Dagster wraps what a step raises in an error of its own.
    root = error.cause or error if error else None
    title = f"An error that nobody expected: {root.cls_name if root else 'none is recorded'}"
    return _failure(run, event.step_key, title, _first_words(root.message) if root else "", _TRACE, ui_url)


def _first_words(message: str) -> str:
    """Return the beginning of an error that nobody expected; what engines quote further on may be anybody's data."""
    lines = message.strip().splitlines()
    return lines[0][:_MESSAGE] if lines else ""


def _failure(run: dg.DagsterRun, step: str, title: str, found: str, fix: str, ui_url: str) -> Alert:
    # Attempts at one state that fail in one way are one thing to tell; of other runs, each with its own retries.
    origin = run.tags.get(STATE) or run.root_run_id or run.run_id
    return Alert(
        key=f"{step} failed for {origin}: {title}",
        kind="run failure",
        title=f"{title}, in step {step}" if step != "the run" else title,
        where=f"{run.job_name}, {step}",
        found={"error": found, "raw zone": run.tags.get(CHANGES, "not looked at")},
        fix=fix,
        link=f"{ui_url}/runs/{run.run_id}",
        run_id=run.run_id,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _failed_checks(instance: dg.DagsterInstance, run: dg.DagsterRun, catalog: FeedSet, ui_url: str) -> Iterator[Alert]:
    checks = {(check.asset, check.name): check for check in checks_of(feed.feed for feed in catalog.feeds)}
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        if entry.dagster_event is None:
            continue
        found = entry.dagster_event.asset_check_evaluation_data
        group, name = found.asset_key.path
        check = checks.get(((group, name), found.check_name))
        if check and check.alerts and not found.passed:
            yield _failed_check(instance, run, check, found, ui_url)


def _failed_check(
    instance: dg.DagsterInstance, run: dg.DagsterRun, check: Check, found: dg.AssetCheckEvaluation, ui_url: str
) -> Alert:
    evidence = _evidence(found)
    path = "/".join(check.asset)
    told = hashlib.sha256("\0".join([found.description or "", *evidence]).encode()).hexdigest()[:12]
    return Alert(
        # The same finding is told again only after the check has passed in between.
        key=f"{path} {check.name} after {_last_pass(instance, found)}: {told}",
        kind="failed check",
        title=f"{check.name} does not hold on {path}: {found.description}",
        where=f"{path}, {check.name}",
        found={str(number): row for number, row in enumerate(evidence[:_EVIDENCE_ROWS], start=1)},
        fix=check.meaning,
        link=f"{ui_url}/assets/{path}?view=checks&checkDetail={check.name}",
        run_id=run.run_id,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _evidence(found: dg.AssetCheckEvaluation) -> list[str]:
    table = found.metadata.get("evidence")
    if not isinstance(table, dg.TableMetadataValue):
        return []
    return [", ".join(f"{name} {value}" for name, value in record.data.items() if value) for record in table.records]


def _last_pass(instance: dg.DagsterInstance, found: dg.AssetCheckEvaluation) -> str:
    history = instance.event_log_storage.get_asset_check_execution_history(
        check_key=found.asset_check_key, limit=1, status={AssetCheckExecutionRecordStatus.SUCCEEDED}
    )
    return history[0].run_id if history else "the beginning"
