"""Spark jobs as subprocesses, with scripts that misbehave: each becomes a failure with its finding and its fix.

Belongs here: `job_runners.pipes_jobs`, `subprocess_jobs` and `error_handling`, with small scripts as the jobs. Does not
belong here: the work of the jobs.
"""

import fcntl
import json
import os
import re
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from finance_platform.errors import HomeError, JobError, LockedError, TransientJobError
from finance_platform.orchestration import error_handling
from finance_platform.orchestration.error_handling import dagster_failures
from finance_platform.orchestration.job_runners import pipes_jobs, subprocess_jobs
from finance_platform.orchestration.job_runners.pipes_jobs import JobZones, PipesJobRunner
from finance_platform.orchestration.job_runners.subprocess_jobs import SubprocessJobRunner, script_path
from finance_platform.refresh.steps.recorded_code import COMPLETE
from finance_platform.spark_jobs.job_lock import LOCK_FILE
from finance_platform_tests.forked_processes import scripts_are_forked
from finance_platform_tests.unit.factories import write
from finance_platform_tests.waits import wait_until

# Dagster's Pipes calls a deprecated method of Dagster's context.
pytestmark = pytest.mark.filterwarnings("ignore:.*run_id is deprecated:DeprecationWarning")

REQUEST = {"periods": ["2025-01", "2025-02"], "card": "4111-secret-request"}
VARIABLE_VALUE = "hunter2-secret-environment"

JOB = """
import sys
from finance_platform.spark_jobs.harness import run_job
{before}
def body(arguments, request):
    {body}
run_job("standardise", body)
"""
WITHOUT_HARNESS = """
import sys
from dagster_pipes import open_dagster_pipes
from finance_platform.spark_jobs.arguments import parse_arguments
from finance_platform.spark_jobs.harness import result_key
from finance_platform.storage.local import LocalStore
arguments = parse_arguments(sys.argv[1:])
processed = LocalStore(arguments.processed_uri)
with open_dagster_pipes() as pipes:
    {body}
"""
ECHO = "return {'periods': request['periods'], 'engine': arguments.spark_engine, 'raw': arguments.raw_uri}"

Run = Callable[..., dg.ExecuteInProcessResult]


def job(body: str, before: str = "") -> str:
    return JOB.format(body=body, before=before)


def without_harness(*statements: str) -> str:
    return WITHOUT_HARNESS.format(body="\n    ".join(statements))


@dg.asset
def echoed(
    context: dg.AssetExecutionContext, spark_jobs: dg.ResourceParam[PipesJobRunner]
) -> dg.MaterializeResult[None]:
    with dagster_failures(context):
        result = spark_jobs.bind(context).run("standardise", json.dumps(REQUEST).encode())
    return dg.MaterializeResult(metadata={"result": dg.MetadataValue.json(result)})


class BrokenJobs(SubprocessJobRunner):
    """Has a programming error."""

    def start_and_wait(self, *_: object) -> Sequence[Any]:
        raise ZeroDivisionError


@pytest.fixture(scope="module")
def _forks() -> Iterator[None]:
    with scripts_are_forked(subprocess_jobs, imports="finance_platform.spark_jobs.harness"):
        yield


@pytest.fixture
def run(new_run: Run, _forks: None) -> Run:
    """Runs a script as the job of a step, in a forked process."""
    return new_run


@pytest.fixture
def new_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a script as the job of a step."""
    zones = JobZones(str(tmp_path / "raw"), str(tmp_path / "processed"))
    monkeypatch.setenv("WAREHOUSE_PASSWORD", VARIABLE_VALUE)

    def materialize(script: str, runner: type[SubprocessJobRunner] = SubprocessJobRunner) -> dg.ExecuteInProcessResult:
        path = write(tmp_path / "job.py", script)
        return dg.materialize(
            [echoed],
            resources={"spark_jobs": runner(zones, "sail", lambda _: path)},
            instance=dg.DagsterInstance.ephemeral(),
            raise_on_error=False,
        )

    return materialize


def result_of(execution: dg.ExecuteInProcessResult) -> Any:
    (event,) = execution.get_asset_materialization_events()
    return event.step_materialization_data.materialization.metadata["result"].value


def failure_of(execution: dg.ExecuteInProcessResult) -> dg.Failure:
    """The failure as the UI shows it."""
    assert not execution.success
    (event,) = execution.get_step_failure_events()
    failure = event.step_failure_data.user_failure_data
    assert failure is not None, event.step_failure_data.error
    return dg.Failure(failure.description, dict(failure.metadata))


def text(failure: dg.Failure, name: str) -> str:
    return str(failure.metadata[name].value)


def attempts(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "processed" / "jobs").iterdir())


# Results


def test_every_job_has_its_script():
    for name in ("standardise", "build_star"):
        assert script_path(name).is_file()


def test_a_job_gets_its_request_and_its_one_result_is_returned(new_run: Run, tmp_path: Path):
    result = result_of(new_run(job(ECHO)))
    (attempt,) = attempts(tmp_path)
    assert result == {
        "periods": ["2025-01", "2025-02"],
        "engine": "sail",
        "raw": str(tmp_path / "raw"),
        "attempt": attempt.name,
    }
    assert json.loads((attempt / "request.json").read_text()) == REQUEST
    assert json.loads((attempt / "result.json").read_text()) == result


def test_two_attempts_never_share_a_folder(run: Run, tmp_path: Path):
    for _ in range(2):
        assert run(job(ECHO)).success
    assert len(attempts(tmp_path)) == 2


def test_a_script_that_does_nothing_has_sent_no_result(run: Run, tmp_path: Path):
    failure = failure_of(run("pass\n"))
    assert text(failure, "title") == JobError.title
    assert text(failure, "found") == "standardise sent 0 results, expected exactly one"
    assert text(failure, "fix") == f"read the job's log, {attempts(tmp_path)[0] / 'job.log'}"
    assert str(failure.description).startswith(f"{JobError.title}: standardise sent 0 results")


def test_a_script_that_logs_and_ends_without_a_result_has_sent_none(run: Run):
    assert "sent 0 results" in text(failure_of(run(without_harness("pipes.log.info('almost')"))), "found")


def test_two_results_are_rejected(run: Run):
    script = without_harness(
        "processed.write(result_key(arguments.attempt), b'{}')",
        "pipes.report_custom_message({})",
        "pipes.report_custom_message({})",
    )
    failure = failure_of(run(script))
    assert text(failure, "found") == "standardise sent 2 results, expected exactly one"
    assert text(failure, "fix")


def test_a_result_other_than_the_written_one_is_rejected(run: Run):
    script = without_harness(
        "processed.write(result_key(arguments.attempt), b'{\"committed\": [1]}')",
        "pipes.report_custom_message({'committed': [1, 2]})",
    )
    failure = failure_of(run(script))
    assert text(failure, "found") == "standardise sent a result other than the one it wrote to the processed zone"
    assert text(failure, "fix") == "run again"


def test_a_result_that_was_not_written_is_rejected(run: Run):
    failure = failure_of(run(without_harness("pipes.report_custom_message({'committed': []})")))
    assert text(failure, "found") == "standardise sent a result other than the one it wrote to the processed zone"


# Failures


def test_a_crash_is_reported_with_its_error_and_the_place_of_the_log(run: Run, tmp_path: Path):
    failure = failure_of(run(job("raise ValueError('the disk is full')")))
    assert text(failure, "found") == "standardise: ValueError: the disk is full"
    assert text(failure, "fix") == f"read the job's log, {attempts(tmp_path)[0] / 'job.log'}"


def test_an_error_with_a_fix_is_reported_by_its_message_and_fix(run: Run):
    raising = "raise HomeError('the home', fix='make it writable')"
    failure = failure_of(run(job(raising, before="from finance_platform.errors import HomeError")))
    assert text(failure, "found") == f"standardise: {HomeError.title}: the home"
    assert text(failure, "fix").startswith("make it writable; if that does not help, read the job's log, ")


def test_a_transient_error_of_a_job_is_retried(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(error_handling, "PAUSES_SECONDS", (0,))
    raising = "raise TransientStorageError('S3 was busy', fix='run again')"
    execution = run(job(raising, before="from finance_platform.errors import TransientStorageError"))
    assert restarts(execution) == 1
    assert text(failure_of(execution), "title") == TransientJobError.title
    assert text(failure_of(execution), "found").endswith(": S3 was busy")


def restarts(execution: dg.ExecuteInProcessResult) -> int:
    return sum(event.event_type == dg.DagsterEventType.STEP_RESTARTED for event in execution.all_events)


def test_a_job_with_other_code_than_the_platform_builds_nothing_and_the_record_of_its_code_is_removed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The platform has its versions from the record of the last complete run, or is older than its files."""
    record = write(tmp_path / "processed" / COMPLETE, "{}")
    monkeypatch.setattr(pipes_jobs, "code_version", lambda _: "older")
    failure = failure_of(run(job(ECHO)))
    assert re.fullmatch(r"standardise: the job has the code [0-9a-f]{16}, the platform older", text(failure, "found"))
    assert "finance-platform deploy" in text(failure, "fix")
    assert not record.exists()


def test_a_permanent_error_is_not_retried(run: Run):
    execution = run(job("raise ValueError('the disk is full')"))
    assert not [event for event in execution.all_events if event.event_type == dg.DagsterEventType.STEP_UP_FOR_RETRY]


def test_an_unexpected_error_keeps_its_stack_trace(run: Run):
    (event,) = run("", BrokenJobs).get_step_failure_events()
    assert event.step_failure_data.user_failure_data is None
    assert "ZeroDivisionError" in str(event.step_failure_data.error)


def test_an_expected_failure_has_no_stack_trace_of_its_cause(run: Run):
    (event,) = run(job("raise ValueError('the disk is full')")).get_step_failure_events()
    error = event.step_failure_data.error
    assert error is not None
    assert error.cause is None
    assert "spark_jobs/harness.py" not in str(error)


def test_a_crash_after_the_result_is_a_failure(run: Run):
    script = without_harness(
        "processed.write(result_key(arguments.attempt), b'{}')",
        "pipes.report_custom_message({})",
        "sys.exit(7)",
    )
    assert text(failure_of(run(script)), "found") == "standardise ended with the exit code 7; it wrote no log"


def test_an_end_before_the_log_exists_is_reported_as_such(run: Run):
    failure = failure_of(run("raise SystemExit(3)\n"))
    assert text(failure, "found") == "standardise ended with the exit code 3; it wrote no log"
    assert text(failure, "fix").endswith("is writable, and that there is free disk space and memory")


FOLDER_IN_PLACE_OF_THE_LOG = """
from finance_platform.spark_jobs.arguments import parse_arguments
from finance_platform.spark_jobs.harness import log_path
arguments = parse_arguments(sys.argv[1:])
log_path(arguments.processed_uri, arguments.attempt).mkdir(parents=True)
"""


def test_a_job_that_cannot_write_its_log_is_reported_with_the_reason_and_prints_no_traceback(
    run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    failure = failure_of(run(job(ECHO, before=FOLDER_IN_PLACE_OF_THE_LOG)))
    log = attempts(tmp_path)[0] / "job.log"
    assert text(failure, "found") == f"standardise: {HomeError.title}: cannot write {log}: Is a directory"
    assert text(failure, "fix").startswith("a folder is where a file is expected: move it away, then run again; ")
    assert "disk space" in text(failure, "fix")
    assert "harness.py" not in capfd.readouterr().err


NOTHING_MORE_IS_WRITTEN = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))"
"""As on a full disk, whatever of the processed zone: log, result, account."""


@pytest.mark.parametrize("size", [0, 250])
def test_a_job_that_can_write_neither_its_log_nor_its_messages_is_reported_with_the_reason(
    run: Run, tmp_path: Path, size: int
):
    """The log breaks off before its first line, and inside of the traceback."""
    body = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); " + NOTHING_MORE_IS_WRITTEN.format(size)
    body += "; arguments.processed.write('a', b'x' * 1000)"
    failure = failure_of(run(job(body)))
    target = tmp_path / "processed" / "a"
    assert text(failure, "found") == f"standardise: {HomeError.title}: cannot write {target}: File too large"
    assert text(failure, "fix").startswith("raise the limit of file sizes (`ulimit -f`), then run again; ")


def test_a_lock_that_cannot_be_created_is_reported_with_the_reason(run: Run, tmp_path: Path):
    (tmp_path / "processed" / LOCK_FILE).mkdir(parents=True)
    failure = failure_of(run(job(ECHO)))
    assert text(failure, "found").endswith(f"{tmp_path / 'processed' / LOCK_FILE}: Is a directory")
    assert text(failure, "fix").startswith("a folder is where a file is expected")


def test_a_result_that_cannot_be_sent_to_dagster_is_reported_with_the_folder_of_the_messages(run: Run):
    sending = (
        "from finance_platform.spark_jobs import harness\ndef fail(*_): raise OSError(28, 'No space left on device')"
    )
    failure = failure_of(run(job(ECHO, before=f"{sending}\nharness._report = fail")))
    assert text(failure, "found").endswith(
        f"cannot write messages to Dagster in {tempfile.gettempdir()}: No space left on device"
    )
    assert text(failure, "fix").startswith("free space there, ")


def test_a_job_that_dies_without_an_error_is_reported_with_how_it_ended_and_its_last_line(run: Run, tmp_path: Path):
    failure = failure_of(run(job("import os; print('at row 7', flush=True); os.kill(os.getpid(), 11)")))
    found = "standardise was ended by the signal SIGSEGV; the last line of its log: at row 7"
    assert text(failure, "found") == found
    assert text(failure, "fix") == f"read the job's log, {attempts(tmp_path)[0] / 'job.log'}"


def test_an_account_that_is_damaged_does_not_hide_how_the_job_ended(run: Run):
    writing = "from finance_platform.spark_jobs.harness import failure_key\n    "
    writing += "arguments.processed.write(failure_key(arguments.attempt), b'{'); raise ValueError('no rows')"
    assert text(failure_of(run(job(writing))), "found") == "standardise: ValueError: no rows"


def test_a_record_that_cannot_be_removed_does_not_hide_why_the_job_failed(run: Run, tmp_path: Path):
    (tmp_path / "processed" / COMPLETE).mkdir(parents=True)
    assert text(failure_of(run(job("raise ValueError('no rows')"))), "found") == "standardise: ValueError: no rows"


def test_a_failure_contains_nothing_of_the_environment_the_request_or_the_command(run: Run):
    execution = run(job("raise ValueError('the disk is full')"))
    (event,) = execution.get_step_failure_events()
    failure, error = failure_of(execution), event.step_failure_data.error
    assert error is not None
    shown = f"{failure.description} {failure.metadata} {error.to_string()}"
    for hidden in (VARIABLE_VALUE, "WAREHOUSE_PASSWORD", "4111-secret-request", "--processed_uri", "--spark_engine"):
        assert hidden not in shown


def test_an_interrupted_step_interrupts_its_job(run: Run, tmp_path: Path):
    script = without_harness(
        "import pathlib, time",
        "try:",
        f"    pathlib.Path({str(tmp_path / 'started')!r}).touch()",
        "    time.sleep(60)",
        "finally:",
        f"    pathlib.Path({str(tmp_path / 'interrupted')!r}).touch()",
    )

    def interrupt_when_started() -> None:
        wait_until((tmp_path / "started").exists)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt_when_started, daemon=True).start()
    assert not run(script).success
    assert (tmp_path / "interrupted").exists()


# One job at a time


def test_a_job_that_another_one_locks_out_is_retried_and_then_says_to_wait(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(error_handling, "PAUSES_SECONDS", (0, 0))
    (tmp_path / "processed").mkdir()
    with (tmp_path / "processed" / LOCK_FILE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        short_wait = "from finance_platform.spark_jobs import job_lock\njob_lock._LOCK_WAIT_SECONDS = 0.1"
        execution = run(job(ECHO, before=short_wait))
    assert restarts(execution) == 2
    assert text(failure_of(execution), "title") == LockedError.title
    assert text(failure_of(execution), "fix") == "wait until it has ended, then run again"


def test_a_job_waits_for_another_one_that_is_about_to_end(run: Run, tmp_path: Path):
    (tmp_path / "processed").mkdir()
    lock = (tmp_path / "processed" / LOCK_FILE).open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    threading.Timer(1.0, lock.close).start()
    assert result_of(run(job(ECHO)))["engine"] == "sail"


# Output


def test_a_megabyte_on_stdout_blocks_no_process(run: Run, capfd: pytest.CaptureFixture[str]):
    execution = run(job(ECHO, before="print('x' * 1_000_000); print('y' * 1_000_000, file=sys.stderr)"))
    assert result_of(execution)["engine"] == "sail"
    assert capfd.readouterr().out.count("x") >= 1_000_000


def test_the_output_of_a_job_is_in_its_log_and_not_on_stdout(
    run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    execution = run(job(f"print('z' * 1_000_000)\n    {ECHO}"))
    assert result_of(execution)["engine"] == "sail"
    assert "z" * 100 not in capfd.readouterr().out
    assert (attempts(tmp_path)[0] / "job.log").read_text().count("z") >= 1_000_000
