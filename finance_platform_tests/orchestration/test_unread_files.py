"""Files that no feed reads: failed checks in the UI, an alert, and a short log.

Belongs here: runs of `register` alone on unmatched files and invalid descriptors. Does not belong here: what makes a
descriptor invalid (see `unit/feeds/test_feed_set`), the checks on rows of evidence (see
`unit/quality/test_quality_deliveries`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from finance_platform.deliveries.events import DeliveryDiscovered, Verdict, utc_text
from finance_platform.deliveries.register import Register
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.notifications.alerts import Alert
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.orchestration.run_alerts import collect_run_alerts
from finance_platform.orchestration.ui.metadata_values import ROWS_SHOWN
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import LEDGER, settings, write

UNREAD = dg.AssetKey(["raw", "unread_files"])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one feed and its file."""
    write(tmp_path / "feeds/ledger.yaml", LEDGER)
    write(tmp_path / "raw/ledger_1.csv", "Date,Dept,Account,Amount\n")
    return tmp_path


def register(home: Path, instance: dg.DagsterInstance, *only: dg.AssetKey) -> dg.ExecuteInProcessResult:
    """Run the register step for all its assets or some of them."""
    job = build_definitions(settings(home=home)).resolve_implicit_global_asset_job_def()
    keys = only or [key for key in job.asset_layer.executable_asset_keys if key.path[0] == "raw"]
    return job.execute_in_process(instance=instance, asset_selection=list(keys))


def failed(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckSeverity]:
    return {
        f"{check.asset_key.to_user_string()} {check.check_name}": check.severity
        for check in result.get_asset_check_evaluations()
        if not check.passed
    }


def alerts(home: Path, instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> dict[str, Alert]:
    feed_set = load_feed_set(home / "feeds")
    sent = collect_run_alerts(instance, result.dagster_run, feed_set, settings(home=home))
    return {alert.where: alert for alert in sent}


def log_messages(instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> list[str]:
    return [entry.user_message for entry in instance.all_logs(result.run_id) if not entry.is_dagster_event]


def test_a_home_in_which_every_file_has_a_feed_passes_its_checks(home: Path, instance: dg.DagsterInstance):
    result = register(home, instance)
    evaluated = {check.check_name for check in result.get_asset_check_evaluations() if check.asset_key == UNREAD}
    assert (failed(result), evaluated) == ({}, {"descriptors_are_valid", "every_file_has_a_feed"})
    assert alerts(home, instance, result) == {}


def test_an_invalid_descriptor_fails_a_check_and_sends_an_alert(home: Path, instance: dg.DagsterInstance):
    write(home / "feeds/typo.yaml", "feed: typo\nkind: ledger\npath: typo*.csv\ncolums: {}\n")
    write(home / "raw/typo_1.csv", "a\n1\n")
    result = register(home, instance)
    assert failed(result) == {"raw/unread_files descriptors_are_valid": dg.AssetCheckSeverity.ERROR}
    (alert,) = alerts(home, instance, result).values()
    assert alert.where == "raw/unread_files, descriptors_are_valid"
    assert alert.title.endswith("1 unusable descriptor or file")
    assert "line 4: colums is not a known key" in str(alert.found["rows"][0])
    assert "1 file is not read because of it: typo_1.csv" in str(alert.found["rows"][0])


def test_a_file_that_no_feed_reads_is_a_warning_and_one_alert(home: Path, instance: dg.DagsterInstance):
    write(home / "raw/notes.csv", "what we agreed")
    first, second = register(home, instance), register(home, instance)
    assert failed(first) == {"raw/unread_files every_file_has_a_feed": dg.AssetCheckSeverity.WARN}
    alert, repeated = (
        alerts(home, instance, result)["raw/unread_files, every_file_has_a_feed"] for result in (first, second)
    )
    assert "notes.csv" in str(alert.found["rows"][0])
    assert str(home / "feeds") in str(alert.found["rows"][0])
    assert alert.key == repeated.key


def test_another_file_without_a_feed_is_another_alert(home: Path, instance: dg.DagsterInstance):
    write(home / "raw/notes.md", "what we agreed")
    first = alerts(home, instance, register(home, instance))
    write(home / "raw/ledgr_2.csv", "a slip in the name")
    second = alerts(home, instance, register(home, instance))
    assert {alert.key for alert in first.values()}.isdisjoint(alert.key for alert in second.values())


def test_an_unread_file_changes_the_data_version_of_its_asset_and_of_no_other(home: Path, instance: dg.DagsterInstance):
    def versions() -> dict[str, str]:
        events = register(home, instance).get_asset_materialization_events()
        materializations = [event.step_materialization_data.materialization for event in events]
        return {one.asset_key.path[-1]: (one.tags or {})["dagster/data_version"] for one in materializations}

    before, repeated = versions(), versions()
    write(home / "raw/notes.md", "what we agreed")
    after = versions()
    assert before == repeated
    assert {name for name in after if after[name] != before[name]} == {"unread_files"}


def test_a_step_that_runs_for_one_feed_reports_no_other(home: Path, instance: dg.DagsterInstance):
    write(home / "raw/notes.md", "what we agreed")
    result = register(home, instance, dg.AssetKey(["raw", "ledger"]))
    assert {event.asset_key for event in result.get_asset_materialization_events()} == {dg.AssetKey(["raw", "ledger"])}
    assert failed(result) == {}


def test_a_thousand_unread_files_make_neither_the_log_nor_the_events_longer(home: Path, instance: dg.DagsterInstance):
    def register_files(count: int) -> tuple[list[str], int, int]:
        for number in range(count):
            write(home / f"raw/odd_{number:04}.txt", "odd")
            (home / f"raw/ledger_{number:04}.csv").symlink_to("nowhere.csv")
        result = register(home, instance)
        events = [dg.serialize_value(entry) for entry in instance.all_logs(result.run_id)]
        for path in [*(home / "raw").glob("odd_*"), *(home / "raw").glob("ledger_0*")]:
            path.unlink()
        return log_messages(instance, result), len(events), sum(map(len, events))

    (lines_of_60, events_of_60, bytes_of_60), (lines, events, size) = register_files(60), register_files(1000)
    assert (len(lines), events) == (len(lines_of_60), events_of_60)
    assert size < bytes_of_60 + 2000
    (unread,) = [line for line in lines if "without a feed" in line]
    assert unread.startswith(
        "1,000 files without a feed descriptor: odd_0000.txt; odd_0001.txt; odd_0002.txt; and 997 more. Fix: "
    )
    assert [line for line in lines if line.startswith("1,000 problems with descriptors or files: ledger_0000.csv: ")]


@pytest.mark.parametrize(
    ("count", "start", "end"),
    [
        (1, "1 file delivered before, now gone from the raw zone; its lines still count: ", "ledger_gone_0.csv"),
        (5, "5 files delivered before, now gone from the raw zone; their lines still count: ", "_2.csv; and 2 more"),
    ],
)
def test_all_vanished_files_are_one_line_of_the_log(
    home: Path, instance: dg.DagsterInstance, count: int, start: str, end: str
):
    for number in range(count):
        write(home / f"raw/ledger_gone_{number}.csv", f"{number}")
    register(home, instance)
    events = Register(LocalStore(home / "processed"))
    found = [event for event in events.events() if isinstance(event, DeliveryDiscovered)]
    events.append([Verdict(event.object_key, event.delivery_id, utc_text(datetime.now(UTC)), "run") for event in found])
    for number in range(count):
        (home / f"raw/ledger_gone_{number}.csv").unlink()
    (line,) = [line for line in log_messages(instance, register(home, instance)) if "now gone" in line]
    assert line.startswith(start)
    assert line.endswith(end)


def test_the_page_counts_all_unread_files_and_shows_the_first(home: Path, instance: dg.DagsterInstance):
    for number in range(ROWS_SHOWN + 4):
        write(home / f"raw/odd_{number:02}.txt", "odd")
    register(home, instance)
    event = instance.get_latest_materialization_event(UNREAD)
    assert event
    assert event.asset_materialization
    metadata = event.asset_materialization.metadata
    assert metadata["without_a_feed_left_out"].value == f"4 of {ROWS_SHOWN + 4} rows"
    shown = [record.data["file"] for record in metadata["without_a_feed"].value.records]  # type: ignore[union-attr]
    assert shown == [f"odd_{number:02}.txt" for number in range(ROWS_SHOWN)]
    assert "unusable" not in metadata
