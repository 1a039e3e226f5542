"""Spark jobs on Glue, over real HTTP to a fake that runs scripts and behaves as a test asks.

Belongs here: `job_runners.glue_jobs`, `glue_run`, `glue_errors`, `s3_messages`, with small scripts as the jobs.
Does not belong here: the real jobs (see `test_glue_wheel`), verified results (see `test_subprocess_jobs`).
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import boto3
import dagster as dg
import pytest

from finance_platform.errors import FinancePlatformError, JobError, JobTimeoutError, LockedError, TransientJobError
from finance_platform.orchestration import error_handling
from finance_platform.orchestration.error_handling import dagster_failures
from finance_platform.orchestration.job_runners import glue_run
from finance_platform.orchestration.job_runners.glue_errors import error_from_run
from finance_platform.orchestration.job_runners.glue_jobs import GlueJobRunner
from finance_platform.orchestration.job_runners.glue_run import GlueRun, WaitPolicy, glue_client
from finance_platform.orchestration.job_runners.pipes_jobs import JobZones, PipesJobRunner
from finance_platform.orchestration.job_runners.s3_messages import S3Messages, error_line
from finance_platform.orchestration.job_runners.subprocess_jobs import SubprocessJobRunner
from finance_platform_tests.aws.fake_glue import FakeGlue, RunBehavior, create_job, fake_glue, upload
from finance_platform_tests.aws.moto_server import REGION, MotoServer, in_environment
from finance_platform_tests.aws.s3_faults import cut_connection

# Dagster's Pipes itself calls a deprecated method and a preview property of Dagster.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*run_id is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::dagster.PreviewWarning"),
]

ZONES = JobZones("s3://glue-raw/in", "s3://glue-processed/zone")
SCRIPTS = "s3://glue-scripts/finance"
STANDARDISE = "small-standardise"

ECHO = """
import time
from finance_platform.spark_jobs.harness import run_job
def body(arguments, request):
    time.sleep(0.5)
    return dict(periods=request["periods"], raw=arguments.raw_uri, temp=arguments.temp_uri)
run_job("standardise", body)
"""
FAILING = """
from finance_platform.errors import TransientStorageError
from finance_platform.spark_jobs.harness import run_job
def body(arguments, request):
    print("the last line of the job")
    raise TransientStorageError("S3 was busy", fix="run again in a few minutes")
run_job("standardise", body)
"""
SPEECHLESS = """
import json
from finance_platform.spark_jobs.harness import run_job
def body(arguments, request):
    json.loads("no document")
run_job("standardise", body)
"""
SLEEPING = "import time\ntime.sleep(120)\n"


REQUEST = b'{"periods": ["2025-01"], "card": "4111-secret-request"}'
"""A request with a secret in it."""


@pytest.fixture(scope="module")
def started(moto: MotoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeGlue]:
    with in_environment(moto.environment), fake_glue(tmp_path_factory.mktemp("glue"), moto) as running:
        for bucket in ("glue-raw", "glue-processed", "glue-scripts"):
            boto3.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        for prefix, text in (
            ("small", ECHO),
            ("failing", FAILING),
            ("speechless", SPEECHLESS),
            ("sleeping", SLEEPING),
        ):
            address = f"{SCRIPTS}/releases/{prefix}/standardise_job.py"
            create_job(f"{prefix}-standardise", upload(text, address))
        yield running


@pytest.fixture
def glue(started: FakeGlue, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGlue]:
    """The fake without any runs; steps are not retried."""
    monkeypatch.setattr(error_handling, "PAUSES_SECONDS", ())
    yield started
    assert (started.behaviors, started.refusals) == ([], [])
    started.stop_all()
    started.runs.clear()


def wait_policy(*, turn_seconds: float = 0.0, closing_seconds: float = 0.0) -> WaitPolicy:
    return WaitPolicy(0.05, turn_seconds, first_pause_seconds=0.01, closing_seconds=closing_seconds)


def glue_jobs(prefix: str = "small", scripts_uri: str = SCRIPTS, *, closing_seconds: float = 0.0) -> GlueJobRunner:
    return GlueJobRunner(ZONES, scripts_uri, prefix, waiting=wait_policy(closing_seconds=closing_seconds))


def test_a_run_keeps_its_release_when_a_deployment_changes_the_job(glue: FakeGlue):
    folder = f"{SCRIPTS}/releases/0123456789ab"
    upload(ECHO, f"{folder}/standardise_job.py")
    wheel = upload("", f"{folder}/finance_platform-1-py3-none-any.whl")
    jobs = GlueJobRunner(ZONES, SCRIPTS, "failing", wheel, wait_policy())
    glue.behaviors.append(RunBehavior(runs_script=False))
    materialize(jobs)
    ((arguments,),) = [[run.arguments] for run in glue.runs.values()]
    assert arguments["--scriptLocation"] == f"{folder}/standardise_job.py"
    assert arguments["--additional-python-modules"] == wheel


@dg.asset
def echoed(
    context: dg.AssetExecutionContext, spark_jobs: dg.ResourceParam[PipesJobRunner]
) -> dg.MaterializeResult[None]:
    with dagster_failures(context):
        result = spark_jobs.bind(context).run("standardise", REQUEST)
    return dg.MaterializeResult(metadata={"result": dg.MetadataValue.json(result)})


def materialize(jobs: PipesJobRunner) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [echoed], resources={"spark_jobs": jobs}, instance=dg.DagsterInstance.ephemeral(), raise_on_error=False
    )


def metadata_of(execution: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (event,) = execution.get_asset_materialization_events()
    return {name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()}


def failure_of(execution: dg.ExecuteInProcessResult) -> dict[str, str]:
    """The failure as the UI shows it."""
    assert not execution.success
    (event,) = execution.get_step_failure_events()
    failure = event.step_failure_data.user_failure_data
    assert failure is not None, event.step_failure_data.error
    return {name: str(value.value) for name, value in failure.metadata.items()}


def start(*, turn_seconds: float = 0.0, attempt: str = "") -> GlueRun:
    """Start a run without a Dagster step."""
    run = GlueRun(glue_client(""), STANDARDISE, wait_policy(turn_seconds=turn_seconds), log=lambda _: None)
    run.start(MappingProxyType({"--attempt": attempt} if attempt else {}))
    return run


ACTIVE = RunBehavior(first_states=("RUNNING",) * 99, runs_script=False)


# A successful run


def test_a_run_returns_its_result_and_console_page_even_if_messages_arrive_after_its_end(glue: FakeGlue):
    # Glue reports the end while the script is still running and has sent nothing.
    glue.behaviors.append(RunBehavior(first_states=("STARTING", "WAITING", "RUNNING"), end_state="SUCCEEDED"))
    metadata = metadata_of(materialize(glue_jobs(closing_seconds=30)))
    ((run_id, run),) = glue.runs.items()
    result = metadata["result"]
    assert (result["periods"], result["raw"], result["temp"]) == (
        ["2025-01"],
        "s3://glue-raw/in",
        "s3://glue-scripts/finance/temp",
    )
    assert metadata["AWS Glue Job Run ID"] == run_id
    assert metadata["AWS Glue Job Run URL"] == (
        f"https://{REGION}.console.aws.amazon.com/gluestudio/home?region={REGION}#/job/{STANDARDISE}/run/{run_id}"
    )
    assert run.arguments["--RAW_S3_PATH"] == "s3://glue-raw/in"
    assert run.arguments["--PROCESSED_S3_PATH"] == "s3://glue-processed/zone"
    assert run.arguments["--TEMP_S3_DIR"] == "s3://glue-scripts/finance/temp"


def test_messages_are_written_to_the_folder_that_the_deployment_lets_expire():
    keys = [item["Key"] for item in boto3.client("s3").list_objects_v2(Bucket="glue-scripts")["Contents"]]
    messages = [key for key in keys if "/releases/" not in key]
    assert messages
    assert all(key.startswith("finance/temp/messages/") for key in messages)


def test_a_subprocess_on_this_machine_works_with_zones_on_s3(glue: FakeGlue, tmp_path: Path):
    path = tmp_path / "job.py"
    path.write_text(ECHO)
    result = metadata_of(materialize(SubprocessJobRunner(ZONES, "sail", lambda _: path)))["result"]
    assert (result["periods"], result["raw"], result["temp"]) == (["2025-01"], "s3://glue-raw/in", "")
    assert glue.runs == {}


# Waiting for a turn


def test_a_run_waits_for_its_turn_and_starts_when_others_have_ended(glue: FakeGlue):
    glue.refuse("StartJobRun", "ConcurrentRunsExceededException", times=3)
    glue.behaviors.append(RunBehavior(runs_script=False))
    start(turn_seconds=20)
    assert len(glue.runs) == 1


def test_a_run_that_gets_no_turn_reports_the_active_run(glue: FakeGlue):
    glue.behaviors.append(ACTIVE)
    start()
    with pytest.raises(LockedError, match="another run of it is active"):
        start(turn_seconds=0.05)


def test_a_run_whose_start_was_not_answered_is_recognised_by_its_attempt(glue: FakeGlue):
    glue.behaviors.append(ACTIVE)
    first = start(attempt="20250101T000000-1")
    assert start(attempt="20250101T000000-1").run_id == first.run_id
    assert len(glue.runs) == 1
    with pytest.raises(LockedError):
        start(attempt="20250101T000000-2")


def test_a_full_account_is_a_transient_error(glue: FakeGlue):
    glue.refuse("StartJobRun", "ResourceNumberLimitExceededException", times=1)
    with pytest.raises(TransientJobError, match="ResourceNumberLimitExceeded"):
        start()


# Errors of Glue and its client


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("AccessDeniedException", JobError, "no permission"),
        ("ExpiredTokenException", JobError, "the credentials have expired"),
        ("TokenRefreshRequired", JobError, "the credentials have expired"),
        ("UnrecognizedClientException", JobError, "the credentials are not valid"),
        ("InvalidInputException", JobError, "InvalidInputException: no"),
    ],
)
def test_an_error_that_waiting_cannot_fix_is_permanent(glue: FakeGlue, code: str, kind: type[Exception], words: str):
    glue.refuse("StartJobRun", code)
    with pytest.raises(kind, match=words) as raised:
        start(turn_seconds=20)
    assert isinstance(raised.value, FinancePlatformError)
    assert raised.value.fix


@pytest.fixture
def few_attempts(glue: FakeGlue, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGlue]:
    """The fake and a client that gives up after two attempts; tests may change the client's environment first."""
    monkeypatch.setattr(glue_run, "ATTEMPTS", 2)
    glue_client.cache_clear()
    yield glue
    glue_client.cache_clear()


@pytest.mark.parametrize(("code", "status"), [("ThrottlingException", 400), ("InternalServiceException", 500)])
def test_a_passing_error_is_transient_after_the_retries_of_the_client(few_attempts: FakeGlue, code: str, status: int):
    few_attempts.refuse("StartJobRun", code, status=status, times=2)
    with pytest.raises(TransientJobError, match=code):
        start()


@pytest.mark.usefixtures("few_attempts")
def test_an_unreachable_service_is_a_transient_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_GLUE", "http://127.0.0.1:9")
    with pytest.raises(TransientJobError, match="the connection failed"):
        start()


@pytest.mark.usefixtures("few_attempts")
def test_missing_credentials_are_reported_as_such(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(JobError, match="no credentials were found"):
        start()


@pytest.mark.usefixtures("few_attempts")
def test_an_expired_single_sign_on_is_reported_with_the_command_that_renews_it(moto: MotoServer, tmp_path: Path):
    (tmp_path / "config").write_text(
        "[profile logged-out]\nsso_start_url = https://example.awsapps.com/start\nsso_region = eu-central-1\n"
        "sso_account_id = 123456789012\nsso_role_name = reader\n"
    )
    without_keys = {name: text for name, text in moto.environment.items() if "KEY" not in name}
    profile = {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_PROFILE": "logged-out"}
    with in_environment({**without_keys, **profile}), pytest.raises(JobError, match="no credentials") as caught:
        start()
    assert "aws sso login" in caught.value.fix


@pytest.mark.usefixtures("glue")
def test_a_missing_job_is_reported_with_its_region_and_the_command_that_creates_it():
    failure = failure_of(materialize(glue_jobs("missing")))
    assert failure["title"] == JobError.title
    assert failure["found"] == (
        f"cannot start the Glue job missing-standardise: there is no job of that name in {REGION}"
    )
    assert failure["fix"].startswith("run `finance-platform deploy`")


@pytest.mark.usefixtures("glue")
def test_a_missing_scripts_bucket_is_named():
    assert "there is no bucket nowhere" in failure_of(materialize(glue_jobs(scripts_uri="s3://nowhere")))["found"]


# End states


@pytest.mark.parametrize(
    ("state", "message", "kind", "words"),
    [
        ("FAILED", "JobError: the disk is full", JobError, "is FAILED: JobError: the disk is full"),
        ("FAILED", "", JobError, "Glue gives no reason"),
        ("FAILED", " \n", JobError, "Glue gives no reason"),
        ("FAILED", "Internal service error : try again later", TransientJobError, "Internal service error"),
        ("FAILED", "Resource unavailable: insufficient capacity", TransientJobError, "Resource unavailable"),
        ("FAILED", "ExecutorLostFailure (executor 3 exited)", TransientJobError, "ExecutorLostFailure"),
        ("FAILED", "Job aborted due to stage failure: Lost task 0.3 in stage 2.0: ValueError", JobError, "ValueError"),
        ("FAILED", "Command failed due to Out of Memory", JobError, "Out of Memory"),
        ("FAILED", "ExecutorLostFailure: Container killed, exit code 137", JobError, "exit code 137"),
        ("TIMEOUT", "", JobTimeoutError, "it exceeded the job's timeout"),
        ("STOPPED", "", JobError, "it was stopped by someone"),
        ("ERROR", "", JobError, "is ERROR"),
        ("EXPIRED", "", TransientJobError, "never started"),
        ("A_FUTURE_STATE", "", JobError, "is A_FUTURE_STATE"),
    ],
)
def test_each_end_state_has_its_class_its_words_and_the_place_of_the_log(
    state: str, message: str, kind: type[Exception], words: str
):
    run = {"Id": "jr_1", "JobName": "standardise", "JobRunState": state, "ErrorMessage": message}
    error = error_from_run({**run, "LogGroupName": "/aws-glue/finance-platform"}, "https://page")
    assert type(error) is kind
    assert words in error.found
    assert "jr_1" in error.found
    assert "https://page" in error.fix
    assert "/aws-glue/finance-platform" in error.fix


def test_a_run_without_a_message_of_glue_is_explained_by_the_error_that_the_job_has_sent():
    run = {"Id": "jr_1", "JobName": "standardise", "JobRunState": "FAILED"}
    error = error_from_run(run, "https://page", "ValueError: no rows")
    assert error.found == "run jr_1 of the Glue job standardise is FAILED: ValueError: no rows"
    lost = error_from_run(run, "https://page", "Py4JJavaError: ExecutorLostFailure (executor 3 exited)")
    assert type(lost) is TransientJobError
    error = error_from_run({**run, "ErrorMessage": "Command failed"}, "https://page", "ValueError: no rows")
    assert "Command failed" in error.found


def test_a_waiting_run_is_logged_once_and_an_expired_one_ends_the_wait(
    glue: FakeGlue, capfd: pytest.CaptureFixture[str]
):
    glue.behaviors.append(
        RunBehavior(("WAITING", "WAITING"), "EXPIRED", detail="no workers are free", runs_script=False)
    )
    execution = materialize(glue_jobs())
    assert "is EXPIRED: it waited too long for resources" in failure_of(execution)["found"]
    assert capfd.readouterr().err.count(f"{STANDARDISE} is WAITING: no workers are free") == 1


def test_a_run_without_messages_has_failed_even_if_glue_reports_success(glue: FakeGlue):
    glue.behaviors.append(RunBehavior(runs_script=False))
    failure = failure_of(materialize(glue_jobs(closing_seconds=0.2)))
    assert failure["found"] == "standardise sent 0 results, expected exactly one"
    assert f"the run of {STANDARDISE}" in failure["fix"]


def test_a_failed_job_explains_itself_and_its_output_is_shown_to_its_last_line(
    glue: FakeGlue, capfd: pytest.CaptureFixture[str]
):
    failure = failure_of(materialize(glue_jobs("failing")))
    assert failure["title"] == TransientJobError.title
    assert failure["found"].endswith(": S3 was busy")
    assert failure["fix"].startswith("run again in a few minutes; if that does not help, read the run's log: https://")
    assert failure["fix"].endswith("its log is in CloudWatch, group /aws-glue/finance-platform")
    output = capfd.readouterr()
    assert "the last line of the job" in output.out
    assert "unexpected message" not in output.err
    ((_, run),) = glue.runs.items()
    assert run.state == "FAILED"


def test_a_job_that_can_neither_write_its_account_nor_gives_glue_a_reason_is_explained_by_its_last_message(
    glue: FakeGlue,
):
    glue.behaviors.append(RunBehavior(error=" "))
    found = failure_of(materialize(glue_jobs("speechless")))["found"]
    assert found.endswith("is FAILED: JSONDecodeError: Expecting value: line 1 column 1 (char 0)")


def test_the_request_is_neither_in_a_failure_nor_among_the_arguments(glue: FakeGlue):
    glue.behaviors.append(RunBehavior(end_state="FAILED", error="JobError: the disk is full", runs_script=False))
    execution = materialize(glue_jobs())
    ((_, run),) = glue.runs.items()
    text = json.dumps(failure_of(execution)) + json.dumps(run.arguments)
    assert "4111-secret-request" not in text
    assert "fake-secret" not in text


# Stopping an abandoned run


@pytest.mark.parametrize("kind", [dg.DagsterExecutionInterruptedError, ValueError])
def test_a_run_is_stopped_if_the_wait_for_it_is_interrupted(glue: FakeGlue, kind: type[BaseException]):
    def interrupt() -> None:
        raise kind

    run = GlueRun(glue_client(""), "sleeping-standardise", wait_policy(), log=lambda _: None)
    with pytest.raises(kind):
        run.run_to_end({}, on_poll=interrupt)
    assert glue.runs[run.run_id].is_stopped
    process = glue.runs[run.run_id].process
    assert process is not None
    assert process.poll() is not None


def test_a_run_is_stopped_if_it_cannot_be_polled(glue: FakeGlue):
    glue.refuse("GetJobRun", "AccessDeniedException")
    failure = failure_of(materialize(glue_jobs("sleeping")))
    assert "allow this role glue:GetJobRun" in failure["fix"]
    ((_, run),) = glue.runs.items()
    assert run.is_stopped


def test_a_run_that_cannot_be_stopped_does_not_hide_the_first_error(glue: FakeGlue):
    glue.refuse("GetJobRun", "AccessDeniedException")
    glue.refuse("BatchStopJobRun", "InternalServiceException", status=400)
    assert "allow this role glue:GetJobRun" in failure_of(materialize(glue_jobs("sleeping")))["fix"]


# Messages


@dataclass(frozen=True)
class Messages:
    """A reader, its handler, and the job's side of the folder."""

    reader: S3Messages
    handler: dg.PipesMessageHandler
    send: Callable[..., None]


@pytest.fixture
def messages(aws: MotoServer) -> Iterator[Messages]:
    bucket = aws.new_bucket()
    s3 = boto3.client("s3")
    sent: list[str] = []

    def send(*chunk: tuple[str, dict[str, Any]]) -> None:
        sent.append("\n".join(json.dumps({"method": method, "params": params}) for method, params in chunk))
        s3.put_object(Bucket=bucket, Key=f"run/{len(sent)}.json", Body=sent[-1].encode())

    reader = S3Messages(s3, bucket, "run")
    with dg.build_asset_context() as context:
        yield Messages(reader, dg.PipesMessageHandler(context, reader), send)


RESULT = ("report_custom_message", {"payload": {"committed": 1}})
CLOSED: tuple[str, dict[str, Any]] = ("closed", {})
OUTPUT = ("log_external_stream", {"stream": "stdout", "text": "the last line"})


def test_a_connection_that_breaks_while_a_message_is_read_loses_no_message(messages: Messages, aws: MotoServer):
    messages.send(RESULT)
    with messages.reader.read_messages(messages.handler):
        with aws.faults.inject(cut_connection(), method="GET", to=r"run/1\.json", times=1):
            messages.reader.handle_new()
        assert messages.handler.get_custom_messages() == ()
        messages.reader.handle_new()
        assert messages.handler.get_custom_messages() == ({"committed": 1},)


def test_output_after_the_closing_message_is_shown_before_the_session_closes(
    messages: Messages, capsys: pytest.CaptureFixture[str]
):
    with messages.reader.read_messages(messages.handler):
        messages.send(RESULT, CLOSED)
        messages.reader.handle_new()
        messages.send(OUTPUT)
    assert messages.handler.received_closed_message
    output = capsys.readouterr()
    assert "the last line" in output.out
    assert "unexpected message" not in output.err


def test_a_job_that_closes_without_an_error_has_sent_none(messages: Messages):
    with messages.reader.read_messages(messages.handler):
        messages.send(RESULT, CLOSED)
        assert messages.reader.closing_error() == ""


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("JobError", "finance_platform.errors.JobError: no space\nmore\n", "JobError: no space"),
        ("SyntaxError", '  File "job.py", line 3\n    x =\nSyntaxError: no value\n', "SyntaxError: no value"),
        ("Renamed", "another text\n", "another text"),
        ("", "", ""),
    ],
)
def test_the_error_of_a_job_is_the_line_with_its_class(name: str, text: str, line: str):
    assert error_line(name, text) == line


def test_the_wait_for_the_closing_message_ends_when_it_arrives_and_when_the_time_is_up(messages: Messages):
    with messages.reader.read_messages(messages.handler):
        messages.reader.wait_until_closed(0.1, poll_seconds=0.02)
        messages.send(RESULT, CLOSED)
        messages.reader.wait_until_closed(600, poll_seconds=0.02)
    assert messages.handler.received_closed_message
