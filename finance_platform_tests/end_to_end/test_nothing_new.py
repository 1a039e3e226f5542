"""`run` with nothing new: no run is recorded, and whatever a run would do, repair or send starts one.

Belongs here: what differs from the last complete run, one thing at a time. Does not belong here: random histories (see
`model_based`, which holds every refresh to changing nothing where the command would not have started one).
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance

from finance_platform import bootstrap
from finance_platform.bootstrap import reports_folder
from finance_platform.cli.status import read_status, record_status
from finance_platform.code_version import platform_version
from finance_platform.deliveries.commits import commit_key, read_commits
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.orchestration.job_runners.job_process import JobProcess
from finance_platform.orchestration.nothing_new import answer_without_run
from finance_platform.orchestration.runs import COMMAND_LINE, STARTED_BY
from finance_platform.refresh import nothing_new
from finance_platform.refresh import status as use_case
from finance_platform.refresh.known_status import identify_home
from finance_platform.refresh.nothing_new import find_nothing_new
from finance_platform.refresh.status_ahead import StatusAhead, derive_status_ahead, is_status_of
from finance_platform.refresh.steps import complete_run
from finance_platform.refresh.steps.complete_run import CompleteRun, read_complete_run, record_complete_run
from finance_platform.refresh.steps.recorded_code import COMPLETE
from finance_platform.refresh.steps.report import REPORT_FILE
from finance_platform.reports.pack.file_names import PACK_FILE, WORKBOOK_FILE
from finance_platform.reports.status_record import encode_status
from finance_platform.reports.variance import variance_rows
from finance_platform.settings import Settings, load_settings
from finance_platform.storage.listed_once import listed_once, listed_until_written
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import ObjectStore, StoredObject
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform_tests.dagster_jobs import runs_write_workbooks
from finance_platform_tests.end_to_end.dagster_refresh import run_refresh_job
from finance_platform_tests.end_to_end.home import Home, copy_home
from finance_platform_tests.end_to_end.test_start_up import NEVER, probe
from finance_platform_tests.profiles import at_night, current_profile
from finance_platform_tests.unit.factories import write

pytestmark = pytest.mark.end_to_end

NOW = datetime.now(UTC)


@pytest.fixture(scope="module", autouse=True)
def _workbooks() -> Iterator[None]:
    """Processes of the command would write a workbook that is missing."""
    with runs_write_workbooks():
        yield


@pytest.fixture(scope="module")
def home(small_home_once_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home after a complete run that Dagster has recorded; every test leaves it unchanged but for its last run."""
    copied = copy_home(small_home_once_run, tmp_path_factory.mktemp("nothing_new") / "home")
    (copied.path / "printed.txt").write_text(copied.command("run").stdout)
    return copied


@pytest.fixture
def settings(home: Home) -> Settings:
    return load_settings(home=home.path)


def is_needed(settings: Settings) -> bool:
    """Whether the command `run` starts a run."""
    return answer_without_run(settings) is None


def note_listings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Return the listings of local folders from now on: name of the store, prefix."""
    listings: list[tuple[str, str]] = []
    list_objects = LocalStore.list_objects

    def list_and_note(store: LocalStore, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        listings.append((Path(store.root).name, prefix))
        return list_objects(store, prefix, after=after)

    monkeypatch.setattr(LocalStore, "list_objects", list_and_note)
    return listings


def record(home: Home, settings: Settings, processed: ObjectStore | None = None, **changed: Any) -> bool:
    """Record the home as it is for what its last complete run has left, with some values changed."""
    complete = read_complete_run(home.processed)
    assert complete is not None
    values = {"run_id": complete.run_id, "checks": complete.checks, "platform": platform_version(), **changed}
    return record_complete_run(
        processed or home.processed, home.warehouse, reports_folder(settings), settings, **values
    )


def record_again(home: Home, settings: Settings) -> None:
    """Take the home as it is for complete, since a file that was put back is another one for its etag."""
    assert record(home, settings)
    assert not is_needed(settings)


def runs_of(home: Home) -> list[str]:
    with DagsterInstance.from_config(str(home.path / "dagster")) as instance:
        return [run.run_id for run in instance.get_runs()]


def without_run_line(output: str) -> list[str]:
    return [line for line in output.splitlines() if not line.startswith(("Run ", "No run "))]


def test_nothing_new_is_reported_as_a_run_would_without_one_and_without_dagster(home: Home):
    before = runs_of(home)
    done = probe(home, "run", "--home", str(home.path))
    assert done.code == 0
    assert done.modules.isdisjoint(NEVER)
    assert without_run_line(done.stdout) == without_run_line((home.path / "printed.txt").read_text())
    assert f"No run was needed since run {before[0]}, " in done.stdout
    assert runs_of(home) == before


def test_the_json_of_nothing_new_names_the_last_complete_run(home: Home):
    document = json.loads(home.command("run", "--json").stdout)
    (last, *_) = runs_of(home)
    assert (document["run_id"], document["unchanged_since"], document["succeeded"]) == (None, last, True)
    assert document["status"]["is_sound"]
    assert document["checks"]


def test_actual_against_budget_is_taken_from_the_record_while_the_warehouse_is_the_same(
    home: Home, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """To add it up again reads the whole fact table."""
    expected = variance_rows(home.warehouse)
    monkeypatch.delattr(nothing_new, "variance_rows")
    answer = answer_without_run(settings)
    assert answer is not None
    assert list(answer.variance) == expected


def recorded_statuses(home: Home) -> list[Path]:
    return sorted((home.path / "processed" / "looks").glob("status-*.json.gz"))


def test_the_status_of_an_unchanged_home_is_read_from_its_record_and_is_the_one_that_follows(
    home: Home, settings: Settings
):
    assert answer_without_run(settings) is not None
    (record,) = recorded_statuses(home)
    outputs = [home.command("status", *options).stdout for options in ((), ("--json",), ("--by-file",))]
    with moved_away(record):
        derived = [home.command("status", *options).stdout for options in ((), ("--json",), ("--by-file",))]
    assert outputs == derived
    assert "duckdb" not in probe(home, "status", "--home", str(home.path)).modules


@pytest.fixture
def ahead(settings: Settings) -> StatusAhead:
    """The status of the home as it is, derived beside a run."""
    ahead = derive_ahead(settings)
    assert ahead is not None
    return ahead


def derive_ahead(settings: Settings) -> StatusAhead | None:
    return derive_status_ahead(bootstrap.open_home(settings), at=NOW)


def test_a_status_that_was_derived_beside_a_run_is_printed_and_recorded_at_its_end(
    home: Home, settings: Settings, ahead: StatusAhead, monkeypatch: pytest.MonkeyPatch
):
    (record,) = recorded_statuses(home)
    with moved_away(record):
        expected = json.dumps(read_status(settings).as_json())
        monkeypatch.setattr(use_case, "read_status", None)
        shown = record_status(settings, listed_once(home.processed), ahead)
        assert json.dumps(shown.as_json()) == expected
        assert record.read_bytes() == ahead.document


def test_a_status_that_was_derived_beside_a_run_is_that_of_the_same_inputs_alone(home: Home, ahead: StatusAhead):
    processed, warehouse = home.processed, home.warehouse
    assert is_status_of(ahead, processed, warehouse, at=NOW)
    assert not is_status_of(ahead, processed, warehouse, at=NOW + timedelta(days=1))
    for other in (replace(ahead, listing="another"), replace(ahead, warehouse="another")):
        assert not is_status_of(other, processed, warehouse, at=NOW)
    for key in ("slices/other.json", "register/999999999999.json", "fact_financials/_delta.json"):
        processed.write(key, b"{}")
        assert not is_status_of(ahead, processed, warehouse, at=NOW), key
        processed.delete(key)
    # The run writes the logs of open tables, and the files that they need, beside it.
    for key in ("fact_financials/_delta_log/9.json", "transactions/open/9.parquet", "looks/other.json"):
        processed.write(key, b"{}")
        assert is_status_of(ahead, processed, warehouse, at=NOW), key
        processed.delete(key)


@pytest.mark.parametrize("change", ["add", "overwrite", "remove", "none"])
def test_a_status_by_an_earlier_listing_is_not_that_of_a_home_that_another_process_has_changed(
    change: str, home: Home, tmp_path: Path
):
    copied = copy_home(home.path, tmp_path / "home")
    settings = load_settings(home=copied.path)
    listed = listed_until_written(copied.processed)
    first = next(iter(read_commits(listed)))  # as the fork of a run has read them at its beginning
    path = copied.path / "processed" / commit_key(first)
    if change == "add":
        path.with_name("of_another_process.json").write_bytes(path.read_bytes())
    elif change == "overwrite":
        path.write_bytes(path.read_bytes())
    elif change == "remove":
        path.unlink()
    ahead = derive_status_ahead(replace(bootstrap.open_home(settings), processed=listed), at=NOW)
    assert ahead is not None
    assert is_status_of(ahead, copied.processed, copied.warehouse, at=NOW) is (change == "none")


def test_a_status_of_a_home_that_needs_a_run_is_not_derived_beside_one(home: Home, tmp_path: Path):
    copied = copy_home(home.path, tmp_path / "home")
    assert derive_ahead(load_settings(home=copied.path)) is not None
    shutil.copy(copied.path / "raw/transactions.csv", copied.path / "raw/transactions_2.csv")
    assert derive_ahead(load_settings(home=copied.path)) is None


def test_a_recorded_status_that_is_damaged_is_none_and_one_that_somebody_wrote_is_a_finding(
    home: Home, settings: Settings
):
    assert answer_without_run(settings) is not None
    (record,) = recorded_statuses(home)
    content, expected = record.read_bytes(), home.command("status", "--json").stdout
    try:
        for damaged in (b"", content[:-9], gzip.compress(b"{}"), gzip.compress(b"[1]"), b"\x1f\x8b"):
            record.write_bytes(damaged)
            assert home.command("status", "--json").stdout == expected
        text, lines = gzip.decompress(content).split(b"\n")
        document = json.loads(text)
        document["deliveries"]["columns"]["accepted"][0] += 1
        record.write_bytes(gzip.compress(b"\n".join((json.dumps(document).encode(), lines))))
        assert home.command("status", "--json").stdout != expected
        verified = home.command("verify")
        assert verified.returncode == 1
        assert f"looks/{record.name}" in "".join(verified.stdout.split())
        assert "somebody wrote it" in " ".join(verified.stdout.split())
    finally:
        record.write_bytes(content)
    assert home.command("verify").returncode == 0


def test_a_status_is_recorded_by_the_day_only_where_files_are_due(home: Home, settings: Settings):
    complete = read_complete_run(home.processed)
    assert complete is not None
    opened = bootstrap.open_home(settings)
    today, tomorrow = (identify_home(opened, complete, datetime(2031, 1, day, tzinfo=UTC)) for day in (1, 2))
    assert today
    assert (today == tomorrow) is not any(
        feed.expect or feed.freshness for feed in load_feed_set(settings.feeds_path).feeds
    )


@contextmanager
def moved_away(path: Path) -> Iterator[None]:
    """Without a file, which is itself again afterwards: a rename within a folder leaves its content and inode."""
    aside = path.with_name(f".{path.name}")
    path.rename(aside)
    try:
        yield
    finally:
        aside.rename(path)


def add(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")


NEW_FILES = (
    "raw/transactions_new.csv",
    "feeds/other.yaml",
    "warehouse.duckdb.loading-1-2",
    "warehouse.duckdb.wal",
    "processed/damaged/suspects.json",
    "processed/register/000000000099.json",
    "processed/slices/stray.json",
)


def test_a_file_that_appears_needs_a_run(home: Home, settings: Settings):
    for name in NEW_FILES:
        path = home.path / name
        had_folder = path.parent.exists()
        add(path)  # within the seconds in which a sensor would leave it alone
        assert is_needed(settings), name
        path.unlink()
        if not had_folder:
            path.parent.rmdir()
    assert not is_needed(settings)


def test_a_file_that_appears_needs_a_run_before_the_whole_processed_zone_is_listed(
    home: Home, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """With 20,000 deliveries on S3, a listing of everything is 300 requests."""
    listings = note_listings(monkeypatch)
    path = home.path / "raw" / "new.csv"
    add(path)
    assert is_needed(settings)
    path.unlink()
    assert ("raw", "") in listings
    assert ("processed", "") not in listings


def test_a_change_of_any_setting_needs_a_run(home: Home):
    for name, value in (("baseline_scenario", "Plan"), ("restatement_alert_from", 7), ("actuals_through", "2024-02")):
        assert is_needed(load_settings(home=home.path, **{name: value})), name


def test_the_same_places_and_the_settings_of_the_ui_need_no_run(home: Home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(home.path.parent)
    assert not is_needed(load_settings(home=Path(home.path.name))), "a path from the folder of now"
    raw = load_settings(home=home.path).raw_root
    assert not is_needed(load_settings(home=home.path, raw_uri=raw)), "as `finance-platform ui` writes the default"
    of_the_ui = {"ui_url": "http://127.0.0.1:3001", "auto_refresh": False, "sensor_interval_seconds": 60}
    assert not is_needed(load_settings(home=home.path, **of_the_ui)), "set for the processes of the UI alone"
    assert is_needed(load_settings(home=home.path, raw_uri=str(home.path / "other"))), "another place"


def test_another_platform_needs_a_run(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(complete_run, "platform_version", lambda: "another")
    assert is_needed(settings)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "same size, other bytes": lambda path: path.write_bytes(path.read_bytes()[::-1]),
}
FOLDERS = ("register", "deliveries", "slices", "fact_financials", "transactions")
DAMAGED = (
    [(folder, damage) for folder in FOLDERS for damage in DAMAGES]
    if current_profile().is_exhaustive
    else [("register", "truncated"), ("slices", "missing"), ("fact_financials", "same size, other bytes")]
)


def test_a_damaged_object_of_the_processed_zone_needs_a_run(home: Home, settings: Settings):
    for folder, damage in DAMAGED:
        path = min(path for path in (home.path / "processed" / folder).rglob("*") if path.is_file())
        status, content = path.stat(), path.read_bytes()
        DAMAGES[damage](path)
        if path.exists():
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert is_needed(settings), path
        path.write_bytes(content)
        record_again(home, settings)


def test_lost_records_of_scans_need_a_run(home: Home, settings: Settings):
    for path in (home.path / "processed" / "looks").iterdir():
        with moved_away(path):
            # A recorded status is derived again; without the others, nothing is known to be unchanged.
            assert is_needed(settings) is not path.name.startswith("status-"), path
    assert not is_needed(settings)


def test_a_warehouse_that_somebody_wrote_to_needs_a_run(home: Home, settings: Settings):
    with moved_away(home.path / "warehouse.duckdb"):
        assert is_needed(settings)
    assert is_needed(settings)  # a rename is a change of its etag
    record_again(home, settings)
    (home.path / "warehouse.duckdb").touch()
    assert is_needed(settings)
    record_again(home, settings)


@pytest.mark.parametrize("name", [PACK_FILE, WORKBOOK_FILE])
def test_a_file_of_the_report_pack_that_is_lost_or_edited_needs_a_run(home: Home, settings: Settings, name: str):
    file = home.path / "reports" / name
    with moved_away(file):
        assert is_needed(settings)
    file.write_bytes(file.read_bytes() + b"edited")
    assert is_needed(settings)
    record_again(home, settings)


def test_a_report_that_is_lost_or_edited_needs_a_run(home: Home, settings: Settings):
    report = home.path / "reports" / REPORT_FILE
    content = report.read_bytes()
    report.write_bytes(content + b"edited\n")
    assert is_needed(settings)
    report.unlink()
    assert is_needed(settings)
    report.write_bytes(content)
    assert not is_needed(settings)


def test_lost_alerts_need_a_run(home: Home, settings: Settings):
    add(home.path / "alerts.jsonl")
    record_again(home, settings)
    with moved_away(home.path / "alerts.jsonl"):
        assert is_needed(settings)
    (home.path / "alerts.jsonl").write_text("one more, of the UI")
    assert not is_needed(settings)


def test_a_history_that_is_not_whole_needs_a_run(home: Home, settings: Settings):
    for name in ("dagster.yaml", "history", "history/runs.db", "history/runs/index.db"):
        with moved_away(home.path / "dagster" / name):
            assert is_needed(settings), name
    assert not is_needed(settings)


@dg.job
def a_job() -> None:
    """A job whose runs are recorded and never started."""


def test_a_run_that_was_killed_or_has_failed_needs_another_one(home: Home, settings: Settings, tmp_path: Path):
    kept = shutil.copytree(home.path / "dagster", tmp_path / "dagster")
    for tags, status in (({STARTED_BY: COMMAND_LINE}, None), ({}, "failed")):
        with DagsterInstance.from_config(str(home.path / "dagster")) as instance:
            run = instance.create_run_for_job(job_def=a_job, tags=tags)
            if status:
                instance.report_run_failed(run)
        assert is_needed(settings)
        shutil.rmtree(home.path / "dagster")
        shutil.copytree(kept, home.path / "dagster")
    assert not is_needed(settings)


def test_a_record_that_is_damaged_or_of_another_release_needs_a_run(home: Home, settings: Settings):
    path = home.path / "processed" / COMPLETE
    content = path.read_bytes()
    for other in (b"", b"{}", content.replace(b'"platform"', b'"release"')):
        path.write_bytes(other)
        assert is_needed(settings)
    path.write_bytes(content)
    assert not is_needed(settings)


def test_a_run_whose_checks_are_not_all_known_leaves_no_record(home: Home, settings: Settings):
    complete = read_complete_run(home.processed)
    assert complete is not None
    assert not record(home, settings, run_id="other", checks=complete.checks[1:], platform="any")
    assert read_complete_run(home.processed) == complete


def test_the_status_after_a_run_is_that_of_the_listing_which_the_record_of_the_run_has_made(
    home: Home, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """With 20,000 deliveries on S3, a listing of everything is 300 requests."""
    listings = note_listings(monkeypatch)
    listed = listed_once(home.processed)
    assert record(home, settings, listed)
    status = record_status(settings, listed, None)
    assert listings == [("processed", ""), ("raw", "")]
    assert encode_status(read_status(settings)) == encode_status(status)


def test_the_record_of_a_run_during_which_the_platform_was_replaced_has_no_version_of_its_code(
    home: Home, settings: Settings
):
    """Else the old files, when they are back, would be taken for the code of the new ones."""
    complete = read_complete_run(home.processed)
    assert complete is not None
    assert complete.code
    assert record(home, settings, platform="replaced")
    found = read_complete_run(home.processed)
    assert found is not None
    assert found.code == {}
    record_again(home, settings)


def test_where_the_warehouse_s_content_has_no_version_its_checks_are_evaluated_again(home: Home, settings: Settings):
    """As on Redshift, whose tables somebody may have changed without a trace."""
    complete = read_complete_run(home.processed)
    assert complete is not None

    class WithoutVersion(DuckDBWarehouse):
        def content_version(self) -> str:
            return ""

    warehouse = WithoutVersion(home.warehouse.path)

    def find(recorded: CompleteRun) -> bool:
        opened = replace(bootstrap.open_home(settings), warehouse=warehouse)
        reports = bootstrap.reports_folder(settings)
        return find_nothing_new(opened, reports, recorded, at=datetime.now(UTC), last_run=None) is not None

    assert find(replace(complete, warehouse=""))
    failed = [replace(check, passed=False) for check in complete.checks]
    assert not find(replace(complete, warehouse="", checks=failed))
    of_a_load = [replace(check, summary="2 sums compared") if check.passed else check for check in complete.checks]
    assert find(replace(complete, warehouse="", checks=of_a_load))


@at_night("takes two runs")
def test_a_run_of_the_ui_with_an_alert_to_send_leaves_no_record(home: Home, settings: Settings):
    with moved_away(home.path / "raw" / "transactions.csv"):
        assert run_refresh_job(home.path).succeeded
        assert is_needed(settings)
    assert home.command("run").returncode == 0
    assert not is_needed(settings)


def test_a_decision_and_a_touched_file_need_a_run_also_of_the_ui_and_after_it_nothing_is_new(
    home: Home, settings: Settings
):
    assert home.command("close", "2024-01", "--why", "signed").returncode == 0
    assert is_needed(settings)
    (home.path / "raw" / "transactions.csv").touch()
    done = run_refresh_job(home.path)
    assert done.succeeded
    assert not is_needed(settings)
    recorded = read_complete_run(home.processed)
    assert recorded is not None
    evaluated = {(check.name, check.passed) for check in done.checks}
    assert {(f"{check.asset}: {check.name}", check.passed) for check in recorded.checks} == evaluated


def test_only_force_starts_a_run_with_nothing_new(home: Home, monkeypatch: pytest.MonkeyPatch):
    def start(*_: object, **__: object) -> None:
        raise LookupError("a run starts")

    monkeypatch.setattr("finance_platform.cli.run._run", start)
    assert home.command("run").returncode == 0
    assert "LookupError: a run starts" in home.command("run", "--force").stderr


def test_no_other_run_enters_files_between_the_listing_and_the_first_step_that_goes_by_it(
    home: Home, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """Another run's newer version of a file would be entered again with the time and size of the older one."""
    locked = list[bool]()

    def begin(*_: object, **__: object) -> None:
        locked.append(bootstrap.is_home_locked(settings))
        raise LookupError("the first step begins")

    monkeypatch.setattr("finance_platform.orchestration.ahead.steps_ahead.steps_ahead", begin)
    process = JobProcess(write(tmp_path / "host.py", ""))
    monkeypatch.setattr("finance_platform.cli.run.job_process", lambda *_, **__: closing(process))
    file = home.path / "raw" / "other.csv"
    file.write_text("a,b\n1,2\n")
    try:
        assert "the first step begins" in home.command("run").stderr
    finally:
        file.unlink()
    assert locked == [True]
    assert not bootstrap.is_home_locked(settings)


@at_night("the test above shows that it starts")
def test_a_forced_run_is_a_run(home: Home):
    before = runs_of(home)
    done = home.command("run", "--force")
    assert done.returncode == 0
    assert "Nothing to do" in done.stdout
    assert len(runs_of(home)) == len(before) + 1


def test_every_report_that_a_run_writes_is_compared(settings: Settings):
    """`find_nothing_new` compares the variance report and the files of the pack; another report needs the same."""
    specs = build_definitions(settings).resolve_all_asset_specs()
    assert {spec.key.path[-1] for spec in specs if spec.key.path[0] == "reporting"} == {
        "variance_report",
        "report_pack",
    }
