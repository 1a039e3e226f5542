"""Alerts on failed runs, failed checks and overdue feeds: each sent once, with a fix.

Belongs here: alerts of real runs, the sensors that send them, killed runs. Does not belong here: restatements (see
`warehouse/test_movements_report`), the sensor on the raw zone (see `test_raw_files_sensor`).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from finance_platform.errors import JobError, UiOpenError
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.notifications.alerts import Alert
from finance_platform.notifications.alerts_file import AlertsFile
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.orchestration.job_runners.glue_errors import error_from_run
from finance_platform.orchestration.jobs import REFRESH
from finance_platform.orchestration.run_alerts import collect_run_alerts
from finance_platform.orchestration.runs import (
    COMMAND_LINE,
    STARTED_BY,
    STATE,
    fail_orphaned_runs,
    fail_orphaned_runs_unless_locked,
    unfinished_runs,
)
from finance_platform.orchestration.sensors.alerts import alerting_sensors
from finance_platform.storage.file_lock import is_locked, run_lock, ui_lock
from finance_platform_tests.unit.factories import settings, write

LEDGER = """\
feed: gl
kind: ledger
path: gl_*.csv
sign: debit_positive
columns: {date: date, department: department, account: account, amount: amount}
constants: {scenario: Actual}
"""
UI = "http://127.0.0.1:3000"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose only file cannot be opened, so that a check fails without any job."""
    write(tmp_path / "feeds" / "gl.yaml", LEDGER)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "gl_1.csv").symlink_to(tmp_path / "nowhere.csv")
    return tmp_path


def run(home: Path, instance: dg.DagsterInstance, **tags: str) -> dg.DagsterRun:
    """Run the register step alone, as the UI would."""
    job = build_definitions(settings(home=home)).resolve_implicit_global_asset_job_def()
    keys = [key for key in job.asset_layer.executable_asset_keys if key.path[0] == "raw"]
    result = job.execute_in_process(instance=instance, asset_selection=keys, tags=tags, raise_on_error=False)
    ended = instance.get_run_by_id(result.run_id)
    assert ended
    return ended


def alerts_of(home: Path, instance: dg.DagsterInstance, ended: dg.DagsterRun) -> list[Alert]:
    return collect_run_alerts(instance, ended, load_feed_set(home / "feeds"), settings(home=home))


def test_the_alert_on_a_failed_check_has_its_finding_its_fix_and_a_link(home: Path, instance: dg.DagsterInstance):
    ended = run(home, instance)
    (alert,) = alerts_of(home, instance, ended)
    assert (alert.kind, alert.where) == ("failed_check", "raw/gl, files_can_be_opened")
    assert alert.title == "files_can_be_opened failed on raw/gl: 1 file cannot be opened"
    assert "gl_1.csv" in alert.found["rows"][0].values()
    assert alert.fix
    assert alert.link == f"{UI}/assets/raw/gl?view=checks&checkDetail=files_can_be_opened"
    assert alert.run_id == ended.run_id


def test_a_check_that_keeps_failing_is_the_same_alert_until_it_has_passed(home: Path, instance: dg.DagsterInstance):
    file = home / "raw" / "gl_1.csv"
    keys = []
    for is_broken in (True, True, False, True):
        file.unlink()
        if is_broken:
            file.symlink_to(home / "nowhere.csv")
        else:
            file.write_text("date,department,account,amount\n")
        keys.append({alert.key for alert in alerts_of(home, instance, run(home, instance))})
    first, repeated, passed, broken_again = keys
    assert first == repeated
    assert passed == set()
    assert broken_again
    assert broken_again != first


def test_another_finding_of_the_same_check_is_another_alert(home: Path, instance: dg.DagsterInstance):
    (first,) = alerts_of(home, instance, run(home, instance))
    (home / "raw" / "gl_2.csv").symlink_to(home / "nowhere.csv")
    (second,) = alerts_of(home, instance, run(home, instance))
    assert first.key != second.key


def test_a_warning_that_is_not_urgent_sends_no_alert(home: Path, instance: dg.DagsterInstance):
    not_urgent = {"deliveries_arrive_in_order", "actuals_have_no_gaps", "members_are_described"}
    names = {alert.where.split(", ")[1] for alert in alerts_of(home, instance, run(home, instance))}
    assert not names & not_urgent


def let_register_fail(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("finance_platform.orchestration.assets.register.register", fail)


def test_the_alert_on_an_expected_error_has_its_title_its_finding_and_its_fix(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    let_register_fail(monkeypatch, JobError("the disk is full", fix="make room"))
    ended = run(home, instance)
    (alert,) = alerts_of(home, instance, ended)
    assert (alert.kind, alert.title) == ("run_failure", "A Spark job failed, in step register")
    assert (alert.found["error"], alert.fix) == ("the disk is full", "make room")
    assert alert.link == f"{UI}/runs/{ended.run_id}"


def test_the_alert_on_an_unexpected_error_has_its_type_and_points_to_the_stack_trace(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    let_register_fail(monkeypatch, ZeroDivisionError("division by zero"))
    (alert,) = alerts_of(home, instance, run(home, instance))
    assert alert.title == "Unexpected error: ZeroDivisionError, in step register"
    assert "trace" in alert.fix


def test_the_alert_on_an_unexpected_error_has_only_the_first_line_of_its_message(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    let_register_fail(monkeypatch, ValueError("cannot read line 7\nSmith, John; 1,000.00" + "x" * 1000))
    (alert,) = alerts_of(home, instance, run(home, instance))
    assert "Smith" not in str(alert)
    assert len(alert.found["error"]) <= 300


def test_attempts_at_one_state_that_fail_in_the_same_way_are_one_alert(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    let_register_fail(monkeypatch, JobError("the log is 20250601.log", fix="read it"))
    first = alerts_of(home, instance, run(home, instance, **{STATE: "abc"}))
    let_register_fail(monkeypatch, JobError("the log is 20250602.log", fix="read it"))
    second = alerts_of(home, instance, run(home, instance, **{STATE: "abc"}))
    other = alerts_of(home, instance, run(home, instance, **{STATE: "def"}))
    assert [alert.key for alert in first] == [alert.key for alert in second]
    assert [alert.key for alert in first] != [alert.key for alert in other]


def test_a_run_that_failed_outside_of_its_steps_sends_an_alert(home: Path, instance: dg.DagsterInstance):
    job = build_definitions(settings(home=home)).resolve_job_def(REFRESH)
    instance.report_run_failed(instance.create_run_for_job(job), "its process was killed")
    (failed,) = instance.get_runs()
    (alert,) = alerts_of(home, instance, failed)
    assert alert.title == "The run failed outside of its steps"
    assert "its process was killed" in alert.found["error"]


def test_a_time_out_of_a_job_and_of_a_run_is_an_alert_of_its_own_kind(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    let_register_fail(monkeypatch, error_from_run({"JobRunState": "TIMEOUT", "Id": "r", "JobName": "j"}, "console"))
    (of_a_job,) = alerts_of(home, instance, run(home, instance))
    assert (of_a_job.kind, of_a_job.title) == ("timed_out", "A Spark job failed, in step register")
    assert "it exceeded the job's timeout" in of_a_job.found["error"]
    job = build_definitions(settings(home=home)).resolve_job_def(REFRESH)
    # As Dagster's monitoring reports it.
    slow = instance.create_run_for_job(job)
    instance.report_run_failed(slow, "Run timed out due to taking longer than 180 seconds to start.")
    failed = instance.get_run_by_id(slow.run_id)
    assert failed
    (of_a_run,) = alerts_of(home, instance, failed)
    assert (of_a_run.kind, of_a_run.title) == ("timed_out", "The run timed out")


def test_a_run_that_succeeds_sends_an_alert_only_if_the_setting_asks_for_it(home: Path, instance: dg.DagsterInstance):
    ended = run(home, instance)
    feeds = load_feed_set(home / "feeds")
    assert {alert.kind for alert in alerts_of(home, instance, ended)} == {"failed_check"}
    alerts = collect_run_alerts(instance, ended, feeds, settings(home=home, alert_run_finished=True))
    (finished,) = [alert for alert in alerts if alert.kind == "run_finished"]
    assert finished.title == "The refresh has finished; nothing was new"
    assert finished.found["loaded"] == {}
    assert finished.link == f"{UI}/runs/{ended.run_id}"


def test_the_alert_of_a_run_that_succeeds_names_what_it_loaded_and_the_report_pack(
    home: Path, instance: dg.DagsterInstance
):
    @dg.op
    def publish() -> None:
        context = dg.OpExecutionContext.get()
        changed = {"slices_changed_now": dg.MetadataValue.json(["2025-06"])}
        context.log_event(dg.AssetMaterialization(["warehouse", "fact_financials"], metadata=changed))
        pack = {"dagster/uri": "s3://books/reports/report_pack.html"}
        context.log_event(dg.AssetMaterialization(["reporting", "report_pack"], metadata=pack))

    @dg.job
    def refresh() -> None:
        publish()

    ended = instance.get_run_by_id(refresh.execute_in_process(instance=instance).run_id)
    assert ended
    feeds = load_feed_set(home / "feeds")
    (finished,) = collect_run_alerts(instance, ended, feeds, settings(home=home, alert_run_finished=True))
    assert finished.title == "The refresh has finished"
    assert finished.found["loaded"] == {"fact_financials": ["2025-06"]}
    assert finished.found["report_pack"] == "s3://books/reports/report_pack.html"


# The sensors


def sent(home: Path) -> list[dict[str, Any]]:
    path = home / "alerts.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def sensor(home: Path, name: str) -> dg.SensorDefinition:
    return next(sensor for sensor in alerting_sensors(settings(home=home)) if sensor.name == name)


def evaluate_finished_runs(home: Path, instance: dg.DagsterInstance, ended: dg.DagsterRun) -> None:
    (end,) = instance.all_logs(ended.run_id, of_type=dg.DagsterEventType.RUN_SUCCESS)
    assert end.dagster_event
    context = dg.build_run_status_sensor_context(
        sensor_name="finished_runs",
        dagster_event=end.dagster_event,
        dagster_instance=instance,
        dagster_run=ended,
        resources={"alerts": AlertsFile(home / "alerts.jsonl"), "metrics": None},
    )
    sensor(home, "finished_runs")(context)


def test_the_sensor_on_finished_runs_sends_each_alert_once(home: Path, instance: dg.DagsterInstance):
    for _ in range(2):
        evaluate_finished_runs(home, instance, run(home, instance))
    assert [alert["kind"] for alert in sent(home)] == ["failed_check"]


def test_the_sensor_on_finished_runs_leaves_those_of_the_command_line_to_it(home: Path, instance: dg.DagsterInstance):
    of_command_line = run(home, instance, **{STARTED_BY: COMMAND_LINE})
    evaluate_finished_runs(home, instance, of_command_line)
    assert sent(home) == []
    # A re-execution in the UI keeps the tags.
    evaluate_finished_runs(home, instance, of_command_line._replace(parent_run_id="another"))
    assert [alert["kind"] for alert in sent(home)] == ["failed_check"]


def evaluate_overdue_feeds(home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, days: int) -> str:
    moment = datetime.now(UTC) + timedelta(days=days)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return moment.astimezone(tz)

    monkeypatch.setattr("finance_platform.orchestration.sensors.alerts.datetime", Clock)
    resources = {"alerts": AlertsFile(home / "alerts.jsonl"), "metrics": None}
    cursor = home / "cursor.json"
    before = cursor.read_text() if cursor.exists() else None
    with dg.build_sensor_context(instance=instance, resources=resources, cursor=before) as context:
        tick = sensor(home, "overdue_feeds").evaluate_tick(context)
    cursor.write_text(tick.cursor or "")
    return tick.skip_message or ""


def test_an_overdue_feed_sends_one_alert_until_a_delivery_comes(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    write(home / "feeds" / "gl.yaml", LEDGER + "owner: ledger@example.com\nfreshness: {fail_after_days: 31}\n")
    instance.report_runless_asset_event(dg.AssetMaterialization(["deliveries", "gl"]))
    assert evaluate_overdue_feeds(home, instance, monkeypatch, 30) == "no feed is overdue"
    for _ in range(2):
        assert evaluate_overdue_feeds(home, instance, monkeypatch, 32).startswith("gl is overdue: no delivery since ")
    (alert,) = sent(home)
    assert alert["kind"] == "freshness_violation"
    assert alert["found"]["expected_within_days"] == 31
    assert "ledger@example.com" in alert["fix"]
    assert alert["link"] == f"{UI}/assets/deliveries/gl"


def test_a_feed_without_freshness_or_without_any_file_is_never_overdue(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    instance.report_runless_asset_event(dg.AssetMaterialization(["deliveries", "gl"]))
    # The shipped transactions expect a file each month, but no file has ever come.
    assert evaluate_overdue_feeds(home, instance, monkeypatch, 999) == "no feed is overdue"


def test_a_feed_of_the_home_that_never_came_is_overdue_from_when_it_was_expected(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    write(home / "feeds" / "gl.yaml", LEDGER + "freshness: {fail_after_days: 31}\n")
    for days in (0, 30):
        assert evaluate_overdue_feeds(home, instance, monkeypatch, days) == "no feed is overdue"
    for days in (31, 40):
        assert evaluate_overdue_feeds(home, instance, monkeypatch, days) == "gl is overdue: no delivery has ever come"
    (alert,) = sent(home)
    assert (alert["found"], alert["run_id"]) == ({"last_delivery": None, "expected_within_days": 31}, "")
    instance.report_runless_asset_event(dg.AssetMaterialization(["deliveries", "gl"]))
    assert evaluate_overdue_feeds(home, instance, monkeypatch, 0) == "no feed is overdue"


def test_a_monthly_delivery_is_overdue_once_for_each_month_that_it_misses(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    write(home / "feeds" / "gl.yaml", LEDGER + "expect: {every: month, by_working_day: 3}\n")
    instance.report_runless_asset_event(dg.AssetMaterialization(["deliveries", "gl"]))
    assert evaluate_overdue_feeds(home, instance, monkeypatch, 0) == "no feed is overdue"
    for days in (70, 71, 140):
        message = evaluate_overdue_feeds(home, instance, monkeypatch, days)
        assert message.startswith("gl is overdue: no delivery since ")
    assert len({alert["found"]["due"] for alert in sent(home)}) == len(sent(home)) >= 2
    assert "change its `expect`" in sent(home)[0]["fix"]


# Killed runs


def record_started_run(instance: dg.DagsterInstance, home: Path, **tags: str) -> dg.DagsterRun:
    job = build_definitions(settings(home=home)).resolve_job_def(REFRESH)
    run = instance.create_run_for_job(job, tags=tags)
    started = dg.DagsterEvent(event_type_value=dg.DagsterEventType.RUN_START.value, job_name=run.job_name)
    instance.report_dagster_event(started, run.run_id)
    return run


def status_of(instance: dg.DagsterInstance) -> dict[str, dg.DagsterRunStatus]:
    return {run.run_id: run.status for run in instance.get_runs()}


def test_an_orphaned_run_of_the_command_line_is_failed_unless_a_run_holds_the_lock(
    home: Path, instance: dg.DagsterInstance
):
    run = record_started_run(instance, home, **{STARTED_BY: COMMAND_LINE})
    with run_lock(home):
        assert fail_orphaned_runs_unless_locked(instance, settings(home=home)) == []
    assert [failed.run_id for failed in fail_orphaned_runs_unless_locked(instance, settings(home=home))] == [run.run_id]
    assert status_of(instance) == {run.run_id: dg.DagsterRunStatus.FAILURE}


def test_the_command_line_fails_its_own_orphaned_runs_and_a_ui_those_of_uis(home: Path, instance: dg.DagsterInstance):
    own, of_ui = record_started_run(instance, home, **{STARTED_BY: COMMAND_LINE}), record_started_run(instance, home)
    assert [run.run_id for run in fail_orphaned_runs(instance, from_command_line=True)] == [own.run_id]
    assert status_of(instance) == {own.run_id: dg.DagsterRunStatus.FAILURE, of_ui.run_id: dg.DagsterRunStatus.STARTED}
    assert [run.run_id for run in fail_orphaned_runs(instance, from_command_line=False)] == [of_ui.run_id]
    assert unfinished_runs(instance) == []


def test_a_killed_run_sends_an_alert(home: Path, instance: dg.DagsterInstance):
    record_started_run(instance, home, **{STARTED_BY: COMMAND_LINE})
    (killed,) = fail_orphaned_runs_unless_locked(instance, settings(home=home))
    (alert,) = alerts_of(home, instance, killed)
    assert "its process was killed" in alert.found["error"]
    assert "start a refresh" in alert.fix


def test_a_failed_run_that_dagster_retries_sends_no_alert(home: Path, instance: dg.DagsterInstance):
    record_started_run(instance, home, **{STARTED_BY: COMMAND_LINE, "dagster/will_retry": "true"})
    (killed,) = fail_orphaned_runs_unless_locked(instance, settings(home=home))
    assert alerts_of(home, instance, killed) == []


def test_a_home_without_a_run_is_not_locked(tmp_path: Path):
    assert not is_locked(tmp_path)
    with run_lock(tmp_path):
        assert is_locked(tmp_path)
    assert not is_locked(tmp_path)


def test_a_second_ui_of_a_home_does_not_start(tmp_path: Path):
    with ui_lock(tmp_path), pytest.raises(UiOpenError, match="already open") as caught, ui_lock(tmp_path):
        pass
    assert "use the one that is open" in str(caught.value)
