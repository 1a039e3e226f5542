"""One process for the jobs of a run: what it does, and what a step reports if it does not.

Belongs here: `job_runners.job_process` and `spark_jobs.job_host`, with small bodies as the jobs and without Spark. Does
not belong here: jobs with processes of their own (see `test_subprocess_jobs`), the work of the jobs.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pytest

from finance_platform.errors import JobError, LockedError
from finance_platform.orchestration.error_handling import dagster_failures
from finance_platform.orchestration.job_runners import job_process as job_processes
from finance_platform.orchestration.job_runners import subprocess_jobs
from finance_platform.orchestration.job_runners.job_process import JobProcess, job_process
from finance_platform.orchestration.job_runners.pipes_jobs import JobZones, PipesJobRunner
from finance_platform.orchestration.job_runners.subprocess_jobs import SubprocessJobRunner
from finance_platform.orchestration.refresh_run import is_interrupted
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.spark_jobs.job_lock import LOCK_FILE
from finance_platform.spark_jobs.job_orders import JobOrder
from finance_platform_tests.forked_processes import scripts_are_forked
from finance_platform_tests.unit.factories import settings, write
from finance_platform_tests.waits import wait_until

# Dagster's Pipes calls a deprecated method of Dagster's context.
pytestmark = pytest.mark.filterwarnings("ignore:.*run_id is deprecated:DeprecationWarning")

HOST = """
import fcntl, os, pathlib, signal, sys, time
from contextlib import nullcontext
from finance_platform.spark_jobs import job_host, job_lock
def lock(path):
    with open(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
def standardise(spark, arguments, request):
    print("the output of standardise")
    {standardise}
    return {{"process": os.getpid(), "periods": request["periods"]}}
def build_star(spark, arguments, request):
    print("the output of build_star")
    return {{"process": os.getpid()}}
job_host.spark_session = lambda engine: nullcontext()
job_host._BODIES = {{"standardise": standardise, "build_star": build_star}}
job_lock._LOCK_WAIT_SECONDS = 0.1
job_host.main()
"""
OWN_PROCESS = """
import os
from finance_platform.spark_jobs.harness import run_job
run_job({job!r}, lambda arguments, request: {{"process": os.getpid(), "is_own": True}})
"""
REQUEST = {"periods": ["2025-01"]}

Run = Callable[..., dg.ExecuteInProcessResult]


@dg.asset
def both(context: dg.AssetExecutionContext, spark_jobs: dg.ResourceParam[PipesJobRunner]) -> dg.MaterializeResult[None]:
    jobs = spark_jobs.bind(context)
    with dagster_failures(context):
        results = [jobs.run(job, json.dumps(REQUEST).encode()) for job in ("standardise", "build_star")]
    return dg.MaterializeResult(metadata={"results": dg.MetadataValue.json(results)})


@dg.asset
def after_a_failure(
    context: dg.AssetExecutionContext, spark_jobs: dg.ResourceParam[PipesJobRunner]
) -> dg.MaterializeResult[None]:
    jobs = spark_jobs.bind(context)
    with pytest.raises(JobError) as raised:
        jobs.run("standardise", json.dumps(REQUEST).encode())
    result = jobs.run("build_star", json.dumps(REQUEST).encode())
    return dg.MaterializeResult(
        metadata={"found": raised.value.found, "fix": raised.value.fix, "results": dg.MetadataValue.json([result])}
    )


@dg.asset
def locked_out(
    context: dg.AssetExecutionContext, spark_jobs: dg.ResourceParam[PipesJobRunner]
) -> dg.MaterializeResult[None]:
    with pytest.raises(LockedError) as raised:
        spark_jobs.bind(context).run("standardise", json.dumps(REQUEST).encode())
    return dg.MaterializeResult(metadata={"fix": raised.value.fix})


@pytest.fixture(scope="module")
def _forks() -> Iterator[None]:
    with scripts_are_forked(job_processes, subprocess_jobs, imports="finance_platform.spark_jobs.job_host"):
        yield


@pytest.fixture
def run(new_run: Run, _forks: None) -> Run:
    """Runs an asset whose jobs have one process, which is forked."""
    return new_run


@pytest.fixture
def new_run(tmp_path: Path) -> Iterator[Run]:
    """Runs an asset whose jobs have one process."""
    opened: list[JobProcess] = []

    def materialize(
        asset: dg.AssetsDefinition,
        standardise: str = "pass",
        host: str = HOST,
        meanwhile: Callable[[], Iterator[None]] | None = None,
    ) -> Any:
        process = JobProcess(write(tmp_path / "host.py", host.format(standardise=standardise)), meanwhile)
        opened.append(process)
        scripts = {
            job: write(tmp_path / f"{job}.py", OWN_PROCESS.format(job=job)) for job in ("standardise", "build_star")
        }
        zones = JobZones(str(tmp_path / "raw"), str(tmp_path / "processed"))
        return dg.materialize(
            [asset],
            resources={"spark_jobs": SubprocessJobRunner(zones, "sail", scripts.__getitem__, process=process)},
            instance=dg.DagsterInstance.ephemeral(),
            raise_on_error=False,
        )

    yield materialize
    for process in opened:
        process.close()


def metadata_of(execution: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (event,) = execution.get_asset_materialization_events()
    return {name: one.value for name, one in event.step_materialization_data.materialization.metadata.items()}


def logs(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "processed" / "jobs").glob("*/job.log"), key=lambda log: log.stat().st_mtime_ns)


def test_both_jobs_of_a_run_have_one_process_and_a_log_each(new_run: Run, tmp_path: Path):
    standardised, built = metadata_of(new_run(both))["results"]
    assert standardised["process"] == built["process"] != os.getpid()
    assert standardised["periods"] == REQUEST["periods"]
    for log, job in zip(logs(tmp_path), ("standardise", "build_star"), strict=True):
        assert log.read_text() == f"the output of {job}\n"


def test_a_job_that_is_killed_is_reported_and_the_next_one_has_a_process_of_its_own(run: Run, tmp_path: Path):
    found = metadata_of(run(after_a_failure, "sys.stdout.flush(); os.kill(os.getpid(), signal.SIGKILL)"))
    assert found["found"] == (
        "standardise was killed, as by a machine that has no memory left; "
        "the last line of its log: the output of standardise"
    )
    assert found["fix"].endswith(f"then run again; read the job's log, {logs(tmp_path)[0]}")
    assert found["results"][0]["is_own"]


def test_an_error_of_a_job_is_reported_as_by_a_process_of_its_own(run: Run):
    found = metadata_of(run(after_a_failure, "raise ValueError('the disk is full')"))
    assert found["found"] == "standardise: ValueError: the disk is full"
    assert found["results"][0]["is_own"]


def test_an_error_whose_log_and_account_cannot_be_written_is_reported_all_the_same(run: Run, tmp_path: Path):
    full = "import resource; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    full += "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); arguments.processed.write('a', b'x')"
    found = metadata_of(run(after_a_failure, full))
    assert found["found"].endswith(f"cannot write {tmp_path / 'processed' / 'a'}: File too large")
    assert found["results"][0]["is_own"]


def test_a_job_has_a_process_of_its_own_if_the_one_for_all_died_while_it_waited(tmp_path: Path):
    # It takes no second order when it says that the first one is done, so that the order cannot come in between.
    script = (
        "import os, sys\nprint('ready', flush=True)\nsys.stdin.readline()\nos.close(0)\nprint('done', flush=True)\n"
    )
    process = JobProcess(write(tmp_path / "host.py", script))
    arguments = JobArguments(str(tmp_path / "raw"), str(tmp_path / "processed"), attempt="a")
    assert process.run("standardise", arguments, {}) == 0
    assert process.run("build_star", arguments, {}) is None
    assert process.failure is None
    process.close()


def test_jobs_have_processes_of_their_own_if_the_one_for_all_cannot_start(run: Run):
    results = metadata_of(run(both, host="raise SystemExit(1)\n"))["results"]
    assert all(result["is_own"] for result in results)


def test_the_zone_is_locked_during_a_job_only(run: Run, tmp_path: Path):
    path = tmp_path / "processed" / LOCK_FILE
    assert "Resource temporarily unavailable" in metadata_of(run(after_a_failure, f"lock({str(path)!r})"))["found"]
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_job_that_another_one_locks_out_says_to_wait(run: Run, tmp_path: Path):
    (tmp_path / "processed").mkdir()
    with (tmp_path / "processed" / LOCK_FILE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert metadata_of(run(locked_out)) == {"fix": "wait until it has ended, then run again"}


def test_an_interrupted_step_interrupts_the_job(run: Run, tmp_path: Path):
    started, interrupted = tmp_path / "started", tmp_path / "interrupted"
    body = (
        f"try:\n        pathlib.Path({str(started)!r}).touch()\n        time.sleep(60)\n"
        f"    finally:\n        pathlib.Path({str(interrupted)!r}).touch()"
    )

    def interrupt_when_started() -> None:
        wait_until(started.exists)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt_when_started, daemon=True).start()
    result = run(both, body)
    assert not result.success
    assert is_interrupted(result.get_step_failure_events())
    assert interrupted.exists()


@pytest.mark.parametrize(("cause", "expected"), [(KeyboardInterrupt(), True), (ValueError("a cause"), False)])
def test_a_failure_that_an_interruption_has_caused_is_one(cause: BaseException, expected: bool):
    @dg.asset
    def broken() -> None:
        raise RuntimeError("a library wraps what it catches") from cause

    result = dg.materialize([broken], raise_on_error=False)
    assert is_interrupted(result.get_step_failure_events()) == expected


def test_a_process_that_is_still_starting_is_ended_with_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    name = tmp_path / "process"
    script = write(
        tmp_path / "host.py", f"import os, time; open({str(name)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    )
    monkeypatch.setattr(job_processes, "script_path", lambda: script)
    with job_process(settings(home=tmp_path), starts_now=True):
        wait_until(lambda: name.exists() and name.read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(int(name.read_text()), 0)


def test_the_process_starts_early_only_if_jobs_are_likely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    script = write(tmp_path / "host.py", f"open({str(tmp_path / 'started')!r}, 'w')")
    monkeypatch.setattr(job_processes, "script_path", lambda: script)
    with job_process(settings(home=tmp_path), starts_now=False) as process:
        assert process is not None
        time.sleep(0.2)
    assert not (tmp_path / "started").exists()


def test_jobs_on_another_engine_or_in_another_zone_have_no_common_process(tmp_path: Path):
    for changed in ({"spark_engine": "jvm"}, {"spark_master": "local[2]"}, {"processed_uri": "s3://bucket/processed"}):
        with job_process(settings(home=tmp_path, **changed), starts_now=True) as process:
            assert process is None


def test_the_process_can_start_and_the_first_steps_be_taken_before_dagster_or_spark_is_imported():
    code = "import sys, finance_platform.orchestration.job_runners.job_process; "
    code += "import finance_platform.orchestration.ahead.likely_news; print('pyarrow' in sys.modules); "
    code += "import finance_platform.orchestration.ahead.steps_ahead; "
    code += "print({'dagster', 'pyspark', 'boto3'} & sys.modules.keys())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\nset()\n"


def test_the_first_job_is_accompanied_by_work_that_may_fail(run: Run):
    begun: list[str] = []

    def steps() -> Iterator[None]:
        begun.append(threading.current_thread().name)
        yield
        raise OSError("no module could be read")

    results = metadata_of(run(both, meanwhile=steps))["results"]
    assert results[0]["process"] == results[1]["process"]
    assert begun == ["work-ahead"]


@pytest.mark.parametrize("has_same_files", [True, False])
def test_the_process_takes_the_version_of_the_code_from_a_run_with_the_same_files_and_derives_it_otherwise(
    monkeypatch: pytest.MonkeyPatch, has_same_files: bool
):
    from finance_platform.spark_jobs import job_host  # imports Spark

    trusted: list[dict[str, str]] = []
    monkeypatch.setattr(job_host, "trust_code_versions", trusted.append)
    monkeypatch.setattr(job_host, "run_attempt", lambda *_: None)
    arguments = JobArguments(raw_uri="raw", processed_uri="processed", attempt="a", code_version="abc")
    order = JobOrder.from_line(JobOrder.of("build_star", arguments, {}).to_line())
    job_host._run(cast("Any", None), order if has_same_files else replace(order, code_stamp="of other files"))
    assert trusted == ([{"build_star": "abc"}] if has_same_files else [])


def test_work_beside_a_job_ends_with_the_run_after_the_step_that_it_is_at(tmp_path: Path):
    taken: list[int] = []
    is_begun = threading.Event()

    def steps() -> Iterator[None]:
        for number in range(10_000):
            taken.append(number)
            is_begun.set()
            time.sleep(0.001)
            yield

    process = JobProcess(write(tmp_path / "host.py", "print('ready', flush=True)\ninput()\n"), steps)
    arguments = JobArguments(str(tmp_path / "raw"), str(tmp_path / "processed"), attempt="a")
    assert process.run("standardise", arguments, {}) == 0
    assert is_begun.wait(60)
    process.close()
    count = len(taken)
    assert 0 < count < 10_000
    time.sleep(0.01)
    assert len(taken) == count


def test_no_work_is_done_beside_a_job_that_the_process_does_not_take(tmp_path: Path):
    taken: list[int] = []

    def steps() -> Iterator[None]:
        taken.append(1)
        yield

    process = JobProcess(write(tmp_path / "host.py", "raise SystemExit(1)\n"), steps)
    arguments = JobArguments(str(tmp_path / "raw"), str(tmp_path / "processed"), attempt="a")
    assert process.run("standardise", arguments, {}) is None
    process.close()
    assert not taken
