"""The Glue resource on AWS, over a real wire to a stand-in that runs scripts and plays what Glue may answer instead.

Belongs here: `resources.glue_aws`, `glue_run`, `glue_errors`, with small scripts in place of the jobs. Does not belong
here: what the jobs do, judging results (see `orchestration/test_glue_resource`), the whole way (see `test_glue_wheel`).
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest
from dagster._core.pipes import utils as pipes

from finance_platform.errors import FinancePlatformError, JobError, LockedError, TransientJobError
from finance_platform.orchestration import error_handling
from finance_platform.orchestration.error_handling import dagster_failures
from finance_platform.orchestration.resources import glue_aws, glue_local, glue_run
from finance_platform.orchestration.resources.glue import GlueResource
from finance_platform.orchestration.resources.glue_errors import error_of_run
from finance_platform.orchestration.resources.glue_run import RetryingGlueClient, WaitPolicy, glue_client
from finance_platform.orchestration.resources.wiring import platform_resources
from finance_platform.settings import load_settings
from finance_platform_tests.aws.faults import cut
from finance_platform_tests.aws.glue_runner import GlueRunner, Play, glue_runner, make_job, send
from finance_platform_tests.aws.moto_server import REGION, MotoServer, in_environment

# Dagster calls old names of its own here.
pytestmark = pytest.mark.filterwarnings(r"ignore::DeprecationWarning:dagster\._core")

REQUEST = {"wanted": ["2025-01"], "card": "4111-secret-request"}
IMPATIENT = """
import dagster_pipes, time
dagster_pipes.PipesStdioLogWriterChannel.WAIT_FOR_TEE_SECONDS = 0.1
"""
ECHO = f"""{IMPATIENT}
from finance_platform.spark_jobs.harness import run_job
def body(arguments, request):
    time.sleep(1.5)
    return dict(wanted=request["wanted"], raw=arguments.raw_uri, temp=arguments.temp_uri)
run_job("standardise", body)
"""
REFUSING = f"""{IMPATIENT}
from finance_platform.errors import TransientStorageError
from finance_platform.spark_jobs.harness import run_job
def body(arguments, request):
    print("the last word of the job")
    raise TransientStorageError("S3 was busy", fix="run again in a few minutes")
run_job("standardise", body)
"""
SLEEPING = "import time\ntime.sleep(120)\n"
STANDARDISE = "small-standardise"
ON_AWS = {
    "profile": "aws",
    "raw_uri": "s3://glue-raw/in",
    "processed_uri": "s3://glue-processed/lake",
    "scripts_uri": "s3://glue-scripts/finance",
    "glue_job_prefix": "small",
    "redshift_workgroup": "finance",
    "redshift_copy_role_arn": "arn:aws:iam::123456789012:role/copy",
}


@pytest.fixture(scope="module")
def service(moto: MotoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GlueRunner]:
    with in_environment(moto.environment), glue_runner(tmp_path_factory.mktemp("glue"), moto) as runner:
        for bucket in ("glue-raw", "glue-processed", "glue-scripts"):
            boto3.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        for prefix, text in (("small", ECHO), ("refusing", REFUSING), ("sleeping", SLEEPING)):
            name = f"{prefix}-standardise"
            make_job(name, send(text, f"{ON_AWS['scripts_uri']}/releases/{prefix}/standardise_job.py"))
        yield runner


@pytest.fixture
def runner(service: GlueRunner, monkeypatch: pytest.MonkeyPatch) -> Iterator[GlueRunner]:
    """The stand-in, with nothing to play, and nobody who waits for long."""
    monkeypatch.setattr(pipes, "DEFAULT_SLEEP_INTERVAL", 0.05)
    monkeypatch.setattr(pipes, "WAIT_FOR_LOGS_AFTER_EXECUTION_INTERVAL", -1)
    monkeypatch.setattr(glue_run, "_FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(glue_aws, "WaitPolicy", lambda *_: WaitPolicy(0.05, 0.05))
    monkeypatch.setattr(error_handling, "PAUSES_SECONDS", ())
    yield service
    assert (service.plays, service.refusals) == ([], [])
    service.stop_all()
    service.runs.clear()


@dg.asset
def asked(context: dg.AssetExecutionContext, glue: GlueResource) -> dg.MaterializeResult[None]:
    with dagster_failures(context):
        result = glue.run(context, "standardise", REQUEST)
    return dg.MaterializeResult(metadata={"result": dg.MetadataValue.json(result)})


def materialize(**settings: Any) -> dg.ExecuteInProcessResult:
    glue = platform_resources(load_settings(**{**ON_AWS, **settings}))["glue"]
    return dg.materialize(
        [asked],
        resources={"glue": glue},
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=False,
    )


def metadata_of(found: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (event,) = found.get_asset_materialization_events()
    return {name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()}


def failure_of(found: dg.ExecuteInProcessResult) -> dict[str, str]:
    """The failure as the UI shows it."""
    assert not found.success
    (event,) = found.get_step_failure_events()
    shown = event.step_failure_data.user_failure_data
    assert shown is not None, event.step_failure_data.error
    return {name: str(value.value) for name, value in shown.metadata.items()}


def starting(*, turn_seconds: float = 0.0, job: str = STANDARDISE, attempt: str = "") -> RetryingGlueClient:
    """Start a run as the resource does, without the rest; returns the client that has done it."""
    client = RetryingGlueClient(glue_client(""), WaitPolicy(0.01, turn_seconds))
    client.tell = lambda _: None
    client.start_job_run(JobName=job, Arguments={"--attempt": attempt} if attempt else {})
    return client


# A run that goes well


def test_a_run_gives_its_result_and_its_page_even_where_messages_come_after_its_end(
    runner: GlueRunner, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pipes, "WAIT_FOR_LOGS_AFTER_EXECUTION_INTERVAL", 20)
    # Glue says that the run has ended while its script is still at work and has sent nothing.
    runner.plays.append(Play(first=("STARTING", "WAITING", "RUNNING"), end="SUCCEEDED"))
    found = metadata_of(materialize())
    ((run_id, run),) = runner.runs.items()
    result = found["result"]
    assert (result["wanted"], result["raw"], result["temp"]) == (
        ["2025-01"],
        "s3://glue-raw/in",
        "s3://glue-scripts/finance/temp",
    )
    assert found["AWS Glue Job Run ID"] == run_id
    assert found["AWS Glue Job Run URL"] == (
        f"https://{REGION}.console.aws.amazon.com/gluestudio/home?region={REGION}#/job/{STANDARDISE}/run/{run_id}"
    )
    assert run.arguments["--RAW_S3_PATH"] == "s3://glue-raw/in"
    assert run.arguments["--PROCESSED_S3_PATH"] == "s3://glue-processed/lake"
    assert run.arguments["--TEMP_S3_DIR"] == "s3://glue-scripts/finance/temp"


def test_messages_lie_in_a_folder_of_the_attempt_that_the_deployment_lets_expire():
    keys = [item["Key"] for item in boto3.client("s3").list_objects_v2(Bucket="glue-scripts")["Contents"]]
    messages = [key for key in keys if "/releases/" not in key]
    assert messages
    assert all(key.startswith("finance/temp/messages/") for key in messages)


def test_a_job_of_this_machine_works_on_a_lake_on_s3_as_well(
    runner: GlueRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    path = tmp_path / "job.py"
    path.write_text(ECHO)
    monkeypatch.setattr(glue_local, "script", lambda _: path)
    result = metadata_of(materialize(profile="local"))["result"]
    assert (result["wanted"], result["raw"], result["temp"]) == (["2025-01"], "s3://glue-raw/in", "")
    assert runner.runs == {}


# Our turn


def test_a_run_waits_for_its_turn_and_starts_when_others_have_ended(runner: GlueRunner):
    runner.refuse("StartJobRun", "ConcurrentRunsExceededException", times=3)
    runner.plays.append(Play(runs=False))
    starting(turn_seconds=20)
    assert len(runner.runs) == 1


def test_a_run_that_gets_no_turn_says_that_another_goes_on(runner: GlueRunner):
    runner.plays.append(Play(first=("RUNNING",) * 99, runs=False))
    starting()
    with pytest.raises(LockedError, match="a run of it goes on"):
        starting(turn_seconds=0.05)


def test_a_run_whose_start_was_not_answered_is_known_again_by_its_attempt(runner: GlueRunner):
    runner.plays.append(Play(first=("RUNNING",) * 99, runs=False))
    starting(attempt="20250101T000000-1")
    starting(attempt="20250101T000000-1")
    assert len(runner.runs) == 1
    with pytest.raises(LockedError):
        starting(attempt="20250101T000000-2")


def test_a_full_account_is_waited_for_and_then_a_reason_to_try_again(runner: GlueRunner):
    runner.refuse("StartJobRun", "ResourceNumberLimitExceededException", times=1)
    with pytest.raises(TransientJobError, match="ResourceNumberLimitExceeded"):
        starting()


# What Glue refuses


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("AccessDeniedException", JobError, "no permission"),
        ("ExpiredTokenException", JobError, "the credentials have expired"),
        ("UnrecognizedClientException", JobError, "the credentials are not valid"),
        ("InvalidInputException", JobError, "InvalidInputException: no"),
    ],
)
def test_what_nobody_can_wait_for_is_permanent(runner: GlueRunner, code: str, kind: type[Exception], words: str):
    runner.refuse("StartJobRun", code)
    with pytest.raises(kind, match=words) as raised:
        starting(turn_seconds=20)
    assert isinstance(raised.value, FinancePlatformError)
    assert raised.value.fix


@pytest.mark.parametrize(("code", "status"), [("ThrottlingException", 400), ("InternalServiceException", 500)])
def test_what_passes_is_transient_once_the_client_has_tried_enough(
    runner: GlueRunner, monkeypatch: pytest.MonkeyPatch, code: str, status: int
):
    monkeypatch.setattr(glue_run, "ATTEMPTS", 2)
    glue_client.cache_clear()
    runner.refuse("StartJobRun", code, status=status, times=2)
    with pytest.raises(TransientJobError, match=code):
        starting()
    glue_client.cache_clear()


@pytest.mark.usefixtures("runner")
def test_a_service_out_of_reach_is_transient(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_GLUE", "http://127.0.0.1:9")
    monkeypatch.setattr(glue_run, "ATTEMPTS", 1)
    glue_client.cache_clear()
    with pytest.raises(TransientJobError, match="the connection failed"):
        starting()
    glue_client.cache_clear()


@pytest.mark.usefixtures("runner")
def test_missing_credentials_are_said_in_so_many_words(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    glue_client.cache_clear()
    with pytest.raises(JobError, match="no credentials could be had"):
        starting()
    glue_client.cache_clear()


def test_who_is_logged_out_is_told_to_log_in_again(moto: MotoServer, tmp_path: Path):
    (tmp_path / "config").write_text(
        "[profile logged-out]\nsso_start_url = https://example.awsapps.com/start\nsso_region = eu-central-1\n"
        "sso_account_id = 123456789012\nsso_role_name = reader\n"
    )
    nobodys = {name: text for name, text in moto.environment.items() if "KEY" not in name}
    profile = {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_PROFILE": "logged-out"}
    glue_client.cache_clear()
    with in_environment({**nobodys, **profile}), pytest.raises(JobError, match="no credentials") as caught:
        starting()
    glue_client.cache_clear()
    assert "aws sso login" in caught.value.fix


@pytest.mark.usefixtures("runner")
def test_a_job_that_is_not_there_is_named_with_its_region_and_how_to_make_it():
    failure = failure_of(materialize(glue_job_prefix="nobody's"))
    assert failure["title"] == "A Glue job failed"
    assert failure["found"] == f"cannot start the Glue job nobody's-standardise: there is none of that name in {REGION}"
    assert failure["fix"].startswith("run `finance-platform deploy`")


@pytest.mark.usefixtures("runner")
def test_a_scripts_bucket_that_is_not_there_is_named():
    assert "there is no bucket nowhere" in failure_of(materialize(scripts_uri="s3://nowhere"))["found"]


# How runs end


@pytest.mark.parametrize(
    ("state", "message", "kind", "words"),
    [
        ("FAILED", "JobError: the disk is full", JobError, "is FAILED: JobError: the disk is full"),
        ("FAILED", "", JobError, "Glue gives no reason"),
        ("FAILED", "Internal service error : try again later", TransientJobError, "Internal service error"),
        ("FAILED", "Resource unavailable: insufficient capacity", TransientJobError, "Resource unavailable"),
        ("FAILED", "ExecutorLostFailure (executor 3 exited)", TransientJobError, "ExecutorLostFailure"),
        ("TIMEOUT", "", JobError, "it took longer than it may"),
        ("STOPPED", "", JobError, "somebody stopped it"),
        ("ERROR", "", JobError, "is ERROR"),
        ("EXPIRED", "", TransientJobError, "never began"),
        ("A_STATE_OF_TOMORROW", "", JobError, "is A_STATE_OF_TOMORROW"),
    ],
)
def test_each_end_has_its_class_its_words_and_the_way_to_the_log(
    state: str, message: str, kind: type[Exception], words: str
):
    run = {"Id": "jr_1", "JobName": "standardise", "JobRunState": state, "ErrorMessage": message}
    error = error_of_run({**run, "LogGroupName": "/aws-glue/finance-platform"}, "https://page")
    assert type(error) is kind
    assert words in error.found
    assert "jr_1" in error.found
    assert "https://page" in error.fix
    assert "/aws-glue/finance-platform" in error.fix


def test_a_run_that_waits_is_shown_to_and_one_that_expires_is_not_waited_for_for_ever(
    runner: GlueRunner, capfd: pytest.CaptureFixture[str]
):
    runner.plays.append(Play(first=("WAITING", "WAITING"), end="EXPIRED", runs=False, detail="no workers are free"))
    found = materialize()
    assert "is EXPIRED: it waited too long for its turn" in failure_of(found)["found"]
    assert capfd.readouterr().err.count(f"{STANDARDISE} is WAITING: no workers are free") == 1


def test_a_run_without_messages_has_failed_though_glue_calls_it_a_success(runner: GlueRunner):
    runner.plays.append(Play(runs=False))
    failure = failure_of(materialize())
    assert failure["found"] == "standardise sent 0 results, expected exactly one"
    assert f"that of the run of {STANDARDISE}" in failure["fix"]


def test_what_a_job_says_of_its_failure_counts_more_than_how_glue_ends_it_and_what_it_prints_is_shown(
    runner: GlueRunner, capsys: pytest.CaptureFixture[str]
):
    failure = failure_of(materialize(glue_job_prefix="refusing"))
    assert failure["title"] == "A Glue job may succeed when it is started again"
    assert failure["found"].endswith(": S3 was busy")
    assert failure["fix"].startswith("run again in a few minutes; if that does not help, read the run's log: https://")
    assert failure["fix"].endswith("its log is in CloudWatch, group /aws-glue/finance-platform")
    assert "the last word of the job" in capsys.readouterr().out
    ((_, run),) = runner.runs.items()
    assert run.state == "FAILED"


def test_what_a_job_prints_until_its_end_is_shown_and_nothing_of_it_is_warned_of(
    runner: GlueRunner, capfd: pytest.CaptureFixture[str]
):
    materialize(glue_job_prefix="refusing")
    shown = capfd.readouterr()
    assert "the last word of the job" in shown.out
    assert "unexpected message" not in shown.err
    assert len(runner.runs) == 1


def test_a_connection_that_is_cut_while_a_message_is_read_loses_no_message(
    runner: GlueRunner, moto: MotoServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pipes, "WAIT_FOR_LOGS_AFTER_EXECUTION_INTERVAL", 20)
    with moto.faults.answering(cut(), method="GET", to=r"temp/messages/.*/1\.json", times=1):
        assert metadata_of(materialize())["result"]["wanted"] == ["2025-01"]
    assert len(runner.runs) == 1


@pytest.mark.parametrize("kind", [dg.DagsterExecutionInterruptedError, ValueError])
def test_a_run_for_which_nobody_waits_any_more_is_stopped(
    runner: GlueRunner, monkeypatch: pytest.MonkeyPatch, kind: type[BaseException]
):
    def interrupted(*_: object) -> None:
        raise kind("enough")

    monkeypatch.setattr(glue_run.GlueRunClient, "_end_of", interrupted)
    with contextlib.suppress(kind):
        assert not materialize(glue_job_prefix="sleeping").success
    ((_, run),) = runner.runs.items()
    assert run.is_stopped
    assert run.process is not None
    assert run.process.poll() is not None


def test_a_run_that_starts_and_cannot_be_looked_at_is_stopped(runner: GlueRunner):
    runner.refuse("GetJobRun", "AccessDeniedException")
    failure = failure_of(materialize(glue_job_prefix="sleeping"))
    assert "allow this role glue:GetJobRun" in failure["fix"]
    ((_, run),) = runner.runs.items()
    assert run.is_stopped


def test_a_run_that_cannot_be_stopped_hides_nothing_of_why_it_was_to_be(runner: GlueRunner):
    runner.refuse("GetJobRun", "AccessDeniedException")
    runner.refuse("BatchStopJobRun", "InternalServiceException", status=400)
    assert "allow this role glue:GetJobRun" in failure_of(materialize(glue_job_prefix="sleeping"))["fix"]


def test_what_the_caller_gives_is_left_as_it_is(runner: GlueRunner, monkeypatch: pytest.MonkeyPatch):
    given: list[Any] = []
    run = glue_run.GlueRunClient.run

    def watched(self: Any, *, start_job_run_params: Any, **more: Any) -> Any:
        before = json.dumps(start_job_run_params)
        try:
            return run(self, start_job_run_params=start_job_run_params, **more)
        finally:
            given.append((before, json.dumps(start_job_run_params)))

    monkeypatch.setattr(glue_run.GlueRunClient, "run", watched)
    runner.plays.append(Play(end="FAILED", error="JobError: no", runs=False))
    materialize()
    ((before, after),) = given
    assert before == after


def test_nothing_of_the_request_is_in_a_failure_or_among_the_arguments(runner: GlueRunner):
    runner.plays.append(Play(end="FAILED", error="JobError: the disk is full", runs=False))
    found = materialize()
    ((_, run),) = runner.runs.items()
    shown = json.dumps(failure_of(found)) + json.dumps(run.arguments)
    assert "4111-secret-request" not in shown
    assert "nothing" not in shown  # the secret key
