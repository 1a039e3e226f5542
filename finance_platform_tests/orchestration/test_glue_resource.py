"""The Glue resource against job scripts that misbehave: each becomes a failure that says what was found and the fix.

Belongs here: `resources.glue`, `glue_local` and `assets.failures`, with small scripts in place of the jobs.
Does not belong here: what the jobs do.
"""

import fcntl
import json
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from finance_platform.orchestration import error_handling
from finance_platform.orchestration.error_handling import dagster_failures
from finance_platform.orchestration.resources import glue_local
from finance_platform.orchestration.resources.glue import GlueResource
from finance_platform.orchestration.resources.glue_local import LocalGlueResource
from finance_platform.orchestration.resources.lake import LakeResource
from finance_platform.spark_jobs.job_lock import LOCK_FILE
from finance_platform_tests.unit.factories import write

# Dagster calls old names of its own here.
pytestmark = pytest.mark.filterwarnings(r"ignore::DeprecationWarning:dagster\._core")

REQUEST = {"wanted": ["2025-01", "2025-02"], "card": "4111-secret-request"}
HIDDEN = "hunter2-secret-environment"

JOB = """
import sys
from finance_platform.spark_jobs.harness import run_job
{before}
def body(arguments, request):
    {body}
run_job("standardise", body)
"""
BY_HAND = """
import sys
from dagster_pipes import open_dagster_pipes
from finance_platform.spark_jobs.arguments import parse_arguments
from finance_platform.spark_jobs.harness import result_key
from finance_platform.storage.local import LocalStore
arguments = parse_arguments(sys.argv[1:])
lake = LocalStore(arguments.processed_uri)
with open_dagster_pipes() as pipes:
    {body}
"""
ECHO = "return {'wanted': request['wanted'], 'engine': arguments.spark_engine, 'raw': arguments.raw_uri}"

Run = Callable[[str], dg.ExecuteInProcessResult]


def job(body: str, before: str = "") -> str:
    return JOB.format(body=body, before=before)


def by_hand(*statements: str) -> str:
    return BY_HAND.format(body="\n    ".join(statements))


@dg.asset
def asked(context: dg.AssetExecutionContext, glue: GlueResource) -> dg.MaterializeResult[None]:
    with dagster_failures(context):
        result = glue.run(context, "standardise", REQUEST)
    return dg.MaterializeResult(metadata={"result": dg.MetadataValue.json(result)})


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a script in place of the job, inside an asset."""
    lake = LakeResource(raw_root=str(tmp_path / "raw"), processed_root=str(tmp_path / "processed"))
    monkeypatch.setenv("WAREHOUSE_PASSWORD", HIDDEN)

    def materialize(script: str) -> dg.ExecuteInProcessResult:
        path = write(tmp_path / "job.py", script)
        monkeypatch.setattr(glue_local, "script", lambda _: path)
        return dg.materialize(
            [asked],
            resources={"glue": LocalGlueResource(lake=lake, spark_engine="sail")},
            instance=dg.DagsterInstance.ephemeral(),
            raise_on_error=False,
        )

    return materialize


def result_of(found: dg.ExecuteInProcessResult) -> Any:
    (event,) = found.get_asset_materialization_events()
    return event.step_materialization_data.materialization.metadata["result"].value


def failure_of(found: dg.ExecuteInProcessResult) -> dg.Failure:
    """The failure as the UI shows it."""
    assert not found.success
    (event,) = found.get_step_failure_events()
    shown = event.step_failure_data.user_failure_data
    assert shown is not None, event.step_failure_data.error
    return dg.Failure(shown.description, dict(shown.metadata))


def text(failure: dg.Failure, name: str) -> str:
    return str(failure.metadata[name].value)


def attempts(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "processed" / "jobs").iterdir())


def test_every_job_has_its_script():
    for name in ("standardise", "build_star"):
        assert glue_local.script(name).is_file()


def test_a_job_gets_its_request_and_its_one_result_comes_back(run: Run, tmp_path: Path):
    found = result_of(run(job(ECHO)))
    (attempt,) = attempts(tmp_path)
    assert found == {
        "wanted": ["2025-01", "2025-02"],
        "engine": "sail",
        "raw": str(tmp_path / "raw"),
        "attempt": attempt.name,
    }
    assert json.loads((attempt / "request.json").read_text()) == REQUEST
    assert json.loads((attempt / "result.json").read_text()) == found


def test_two_attempts_never_share_a_folder(run: Run, tmp_path: Path):
    for _ in range(2):
        assert run(job(ECHO)).success
    assert len(attempts(tmp_path)) == 2


def test_a_script_that_does_nothing_has_sent_no_result(run: Run, tmp_path: Path):
    failure = failure_of(run("pass\n"))
    assert text(failure, "title") == "A Glue job failed"
    assert text(failure, "found") == "standardise sent 0 results, expected exactly one"
    assert text(failure, "fix") == f"read the job's log, {attempts(tmp_path)[0] / 'job.log'}"
    assert str(failure.description).startswith("A Glue job failed: standardise sent 0 results")


def test_a_script_that_reports_and_ends_without_a_result_has_sent_none(run: Run):
    assert "sent 0 results" in text(failure_of(run(by_hand("pipes.log.info('almost')"))), "found")


def test_a_script_that_sends_two_results_is_not_believed(run: Run):
    script = by_hand(
        "lake.write(result_key(arguments.attempt), b'{}')",
        "pipes.report_custom_message({})",
        "pipes.report_custom_message({})",
    )
    failure = failure_of(run(script))
    assert text(failure, "found") == "standardise sent 2 results, expected exactly one"
    assert text(failure, "fix")


def test_a_script_that_sends_another_result_than_it_wrote_is_not_believed(run: Run):
    script = by_hand(
        "lake.write(result_key(arguments.attempt), b'{\"committed\": [1]}')",
        "pipes.report_custom_message({'committed': [1, 2]})",
    )
    failure = failure_of(run(script))
    assert text(failure, "found") == "standardise sent another result than it wrote to the lake"
    assert text(failure, "fix") == "run again"


def test_a_script_that_sends_a_result_and_writes_none_is_not_believed(run: Run):
    failure = failure_of(run(by_hand("pipes.report_custom_message({'committed': []})")))
    assert text(failure, "found") == "standardise sent another result than it wrote to the lake"


def test_a_script_that_crashes_says_so_with_the_last_line_of_its_log(run: Run, tmp_path: Path):
    failure = failure_of(run(job("raise ValueError('the disk is full')")))
    assert text(failure, "found") == "standardise: ValueError: the disk is full"
    assert text(failure, "fix") == f"read the job's log, {attempts(tmp_path)[0] / 'job.log'}"


def test_an_error_with_a_fix_shows_the_error_and_not_its_last_line(run: Run):
    raising = "raise HomeError('the home', fix='make it writable')"
    failure = failure_of(run(job(raising, before="from finance_platform.errors import HomeError")))
    assert text(failure, "found") == "standardise: The home folder cannot be used: the home"
    assert text(failure, "fix").startswith("make it writable; if that does not help, read the job's log, ")


def test_a_job_that_calls_its_failure_passing_is_tried_again(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(error_handling, "PAUSES_SECONDS", (0,))
    raising = "raise TransientStorageError('S3 was busy', fix='run again')"
    found = run(job(raising, before="from finance_platform.errors import TransientStorageError"))
    assert [event for event in found.all_events if event.event_type == dg.DagsterEventType.STEP_RESTARTED]
    assert text(failure_of(found), "title") == "A Glue job may succeed when it is started again"
    assert text(failure_of(found), "found").endswith(": S3 was busy")


def test_a_job_that_has_other_code_than_the_platform_builds_nothing(run: Run, monkeypatch: pytest.MonkeyPatch):
    arguments = GlueResource.arguments
    monkeypatch.setattr(GlueResource, "arguments", lambda *given: replace(arguments(*given), code_version="older"))
    failure = failure_of(run(job(ECHO)))
    assert re.fullmatch(r"standardise: the job has the code [0-9a-f]{16}, the platform older", text(failure, "found"))
    assert "finance-platform deploy" in text(failure, "fix")


def test_a_job_that_another_one_keeps_out_is_tried_again_and_then_says_to_wait(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(error_handling, "PAUSES_SECONDS", (0, 0))
    (tmp_path / "processed").mkdir()
    with (tmp_path / "processed" / LOCK_FILE).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        impatient = "from finance_platform.spark_jobs import job_lock\njob_lock._LOCK_WAIT_SECONDS = 0.1"
        found = run(job(ECHO, before=impatient))
    failure = failure_of(found)
    retries = [event for event in found.all_events if event.event_type == dg.DagsterEventType.STEP_RESTARTED]
    assert len(retries) == 2
    assert text(failure, "title") == "Another run is at work in this home"
    assert text(failure, "fix") == "wait until it has ended, then run again"


def test_what_trying_again_cannot_mend_is_tried_once(run: Run):
    found = run(job("raise ValueError('the disk is full')"))
    assert not [event for event in found.all_events if event.event_type == dg.DagsterEventType.STEP_UP_FOR_RETRY]


def test_an_unexpected_error_keeps_its_trace(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(GlueResource, "run", lambda *_: 1 // 0)
    (event,) = run("").get_step_failure_events()
    assert event.step_failure_data.user_failure_data is None
    assert "ZeroDivisionError" in str(event.step_failure_data.error)


def test_an_expected_failure_shows_no_trace_of_what_it_came_from(run: Run):
    (event,) = run(job("raise ValueError('the disk is full')")).get_step_failure_events()
    error = event.step_failure_data.error
    assert error is not None
    assert error.cause is None
    assert "spark_jobs/harness.py" not in str(error)


def test_a_job_waits_for_one_that_is_about_to_end(run: Run, tmp_path: Path):
    (tmp_path / "processed").mkdir()
    held = (tmp_path / "processed" / LOCK_FILE).open("w")
    fcntl.flock(held, fcntl.LOCK_EX)
    threading.Timer(2.0, held.close).start()
    assert result_of(run(job(ECHO)))["engine"] == "sail"


def test_a_script_that_sends_a_result_and_crashes_after_it_has_failed(run: Run):
    script = by_hand(
        "lake.write(result_key(arguments.attempt), b'{}')",
        "pipes.report_custom_message({})",
        "sys.exit(7)",
    )
    assert text(failure_of(run(script)), "found") == "standardise: it wrote no log"


def test_a_script_that_ends_before_it_has_a_log_says_that_there_is_none(run: Run):
    assert text(failure_of(run("raise SystemExit(3)\n")), "found") == "standardise: it wrote no log"


def test_nothing_of_the_environment_the_request_or_the_command_is_in_a_failure(run: Run):
    found = run(job("raise ValueError('the disk is full')"))
    (event,) = found.get_step_failure_events()
    failure, error = failure_of(found), event.step_failure_data.error
    assert error is not None
    shown = f"{failure.description} {failure.metadata} {error.to_string()}"
    for hidden in (HIDDEN, "WAREHOUSE_PASSWORD", "4111-secret-request", "--processed_uri", "--spark_engine"):
        assert hidden not in shown


def test_a_megabyte_on_stdout_blocks_nobody(run: Run, capfd: pytest.CaptureFixture[str]):
    found = run(job(ECHO, before="print('x' * 1_000_000); print('y' * 1_000_000, file=sys.stderr)"))
    assert result_of(found)["engine"] == "sail"
    assert capfd.readouterr().out.count("x") >= 1_000_000


def test_what_a_job_prints_is_in_its_log_and_not_on_stdout(run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    found = run(job(f"print('z' * 1_000_000)\n    {ECHO}"))
    assert result_of(found)["engine"] == "sail"
    assert "z" * 100 not in capfd.readouterr().out
    assert (attempts(tmp_path)[0] / "job.log").read_text().count("z") >= 1_000_000
