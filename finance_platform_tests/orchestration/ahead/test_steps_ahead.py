"""The first steps of a run, taken before Dagster is imported: what the run's steps get, and what they do themselves.

Belongs here: `orchestration.ahead.steps_ahead`, with a script as the process of the jobs. Does not belong here: the
steps themselves, the process (see `test_job_process`), what may be imported (see there).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pytest

from finance_platform.bootstrap import is_home_locked, raw_zone
from finance_platform.deliveries.discovery import RawZoneScan
from finance_platform.errors import JobError
from finance_platform.orchestration.ahead import steps_ahead as module
from finance_platform.orchestration.ahead.steps_ahead import StepsAhead, steps_ahead
from finance_platform.orchestration.ahead.taken_steps import NOTHING_TAKEN
from finance_platform.orchestration.job_runners import job_process
from finance_platform.orchestration.job_runners.job_process import FailedAttemptError, JobProcess
from finance_platform.orchestration.job_runners.subprocess_jobs import explain_attempt
from finance_platform.refresh.steps.standardise import ReadDeliveries, Standardised
from finance_platform.refresh.steps.unread_files import UnreadFile
from finance_platform.settings import Settings
from finance_platform.spark_jobs.job_runner import JobRunner
from finance_platform.storage.listed_once import listed_once
from finance_platform.storage.port import ObjectStore
from finance_platform_tests.unit.factories import settings, write
from finance_platform_tests.waits import is_alive, wait_for_text, wait_until

SCAN = cast("RawZoneScan", object())
READ = ReadDeliveries(not_opened=[UnreadFile("a.csv", "gone", "run again")])
HOST = """
import json, os, pathlib, signal, sys, time
print("ready", flush=True)
order = json.loads(sys.stdin.readline())
named = dict(zip(order["command_line"][::2], order["command_line"][1::2]))
attempt = pathlib.Path(named["--processed_uri"]) / "jobs" / named["--attempt"]
request = json.loads((attempt / "request.json").read_bytes())
{work}
(attempt / "result.json").write_text(json.dumps({{"requested": request, "variables": order["variables"]}}))
print("done", flush=True)
"""

Begin = Callable[..., StepsAhead]


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    (tmp_path / "raw").mkdir()
    return settings(home=tmp_path)


@pytest.fixture
def begin(home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Begins the steps of a run, whose second one is one job; `work` is what the job does."""
    opened: list[Any] = []

    def begun(
        work: str = "pass",
        *,
        after_job: Callable[[], None] = lambda: None,
        register: Callable[..., RawZoneScan] = lambda *_, **__: SCAN,
        raw: ObjectStore | None = None,
    ) -> StepsAhead:
        def standardise(
            _raw: object, _processed: object, jobs: JobRunner, *_: object, on_read: Callable[..., None], **__: object
        ) -> Standardised:
            result = jobs.run("standardise", b'{"deliveries": 1}')
            on_read(READ)
            after_job()
            return Standardised(READ, [], repaired=[str(result)])

        monkeypatch.setattr(module, "register", register)
        monkeypatch.setattr(module, "standardise", standardise)
        process = JobProcess(write(tmp_path / "host.py", HOST.format(work=work)))
        context = steps_ahead(home, process, partial(StepsAhead, raw=raw))
        steps = context.__enter__()
        assert isinstance(steps, StepsAhead)
        opened.extend([context, process])
        return steps

    yield begun
    for context, process in zip(opened[::2], opened[1::2], strict=True):
        context.__exit__(None, None, None)
        process.close()


def ignore(_: ReadDeliveries) -> None:
    pass


def test_the_steps_of_a_run_get_what_was_done_ahead_once(begin: Begin):
    steps, read = begin(), list[ReadDeliveries]()
    assert steps.take_scan() is SCAN
    assert steps.take_scan() is None
    done = steps.take_standardised(read.append)
    assert done is not None
    assert done.repaired == ["{'requested': {'deliveries': 1}, 'variables': {}}"]
    assert read == [READ]
    assert steps.take_standardised(read.append) is None
    assert read == [READ]


def test_the_first_step_has_the_listing_by_which_the_run_was_decided(begin: Begin, home: Settings):
    raw, listings = listed_once(raw_zone(home)), list[list[str]]()

    def register(raw: ObjectStore, *_: object, **__: object) -> RawZoneScan:
        listings.append([item.key for item in raw.list_objects()])
        return SCAN

    write(home.home_path / "raw" / "a.csv", "a")
    assert [item.key for item in raw.list_objects()] == ["a.csv"]
    write(home.home_path / "raw" / "b.csv", "left to the next run")
    begin(register=register, raw=raw)
    begin(register=register)
    assert listings == [["a.csv"], ["a.csv", "b.csv"]]


def test_the_home_is_locked_from_the_first_step_on(begin: Begin, home: Settings):
    assert not is_home_locked(home)
    begin()
    assert is_home_locked(home)


def test_a_job_that_failed_ahead_is_not_run_again_and_its_step_reports_it(begin: Begin):
    steps = begin("sys.exit(9)")
    with pytest.raises(FailedAttemptError) as raised:
        steps.take_standardised(ignore)
    error = explain_attempt(dg.build_asset_context(), raised.value)
    assert isinstance(error, JobError)
    assert "standardise ended with the exit code 9" in error.found


def test_a_job_whose_account_of_its_failure_was_written_is_explained_by_it(begin: Begin):
    account = '{"title": "The job failed", "found": "no space", "fix": "", "is_transient": false}'
    steps = begin(f"(attempt / 'failure.json').write_text({account!r}); sys.exit(1)")
    with pytest.raises(FailedAttemptError) as raised:
        steps.take_standardised(ignore)
    assert "no space" in str(explain_attempt(dg.build_asset_context(), raised.value))


def test_a_first_step_that_fails_ahead_is_taken_by_the_run_which_reports_the_error(begin: Begin):
    def register(*_: object, **__: object) -> RawZoneScan:
        raise OSError("the disk is full")

    steps = begin(register=register)
    assert steps.take_scan() is None
    assert steps.take_standardised(ignore) is None


def test_what_was_read_is_reported_where_the_verdicts_failed_ahead(begin: Begin):
    def fail() -> None:
        raise OSError("the disk is full")

    read: list[ReadDeliveries] = []
    assert begin(after_job=fail).take_standardised(read.append) is None
    assert read == [READ]


def test_a_process_that_ends_without_a_result_or_an_error_leaves_the_job_to_the_step(begin: Begin):
    assert begin("raise SystemExit(0)").take_standardised(ignore) is None


def test_a_run_that_ends_before_the_second_step_interrupts_its_job(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(job_process, "_END_SECONDS", 120)  # on a busy machine it may not end within seconds
    started, interrupted = tmp_path / "started", tmp_path / "interrupted"
    body = (
        f"try:\n    pathlib.Path({str(started)!r}).touch()\n    time.sleep(60)\n"
        f"finally:\n    pathlib.Path({str(interrupted)!r}).touch()"
    )
    with begin(body):
        wait_until(started.exists)
    assert interrupted.exists()


def test_a_job_that_does_not_end_when_it_is_interrupted_is_killed(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(job_process, "_END_SECONDS", 0.1)
    started = tmp_path / "started"
    with begin(f"signal.signal(signal.SIGINT, signal.SIG_IGN); {sleeping(started)}"):
        process = int(wait_for_text(started))
    wait_until(lambda: not is_alive(process))


def test_a_process_that_is_still_starting_is_killed_at_the_end_of_the_run(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    started = tmp_path / "started"
    script = "import os, pathlib, signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    monkeypatch.setitem(globals(), "HOST", f"{script}{sleeping(started)}\n#{{work}}")
    with begin():
        process = int(wait_for_text(started))
    wait_until(lambda: not is_alive(process))


def sleeping(started: Path) -> str:
    """Return statements of a process that says who it is, and sleeps for longer than a test waits."""
    return f"pathlib.Path({str(started)!r}).write_text(str(os.getpid())); time.sleep(600)"


@pytest.mark.parametrize("change", [{"raw_uri": "s3://bucket/raw"}, {"processed_uri": "s3://bucket/processed"}])
def test_zones_on_s3_begin_with_the_steps_of_the_run(home: Settings, change: dict[str, str]):
    with steps_ahead(home.model_copy(update=change), JobProcess()) as steps:
        assert steps is NOTHING_TAKEN


def test_a_run_without_a_process_or_a_raw_zone_begins_with_its_own_steps(home: Settings, tmp_path: Path):
    with steps_ahead(home, None) as steps:
        assert steps is NOTHING_TAKEN
    (tmp_path / "raw").rmdir()
    with steps_ahead(home, JobProcess()) as steps:
        assert steps is NOTHING_TAKEN


def test_nothing_is_entered_into_the_register_before_damaged_records_of_runs_are_set_aside(
    home: Settings, tmp_path: Path
):
    write(tmp_path / "dagster" / "history" / "runs.db", "not a database, but a text that somebody saved here")
    with steps_ahead(home, JobProcess()) as steps:
        assert steps is NOTHING_TAKEN
    assert not (tmp_path / "processed").exists()
