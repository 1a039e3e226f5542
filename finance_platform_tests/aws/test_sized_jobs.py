"""Where a job runs on AWS: small ones beside the run, on Sail, with the task's own role; large ones in Glue.

Belongs here: the choice, and how Sail reaches S3 from a task. Does not belong here: results of whole runs (see
`test_end_to_end`).
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest

from finance_platform.code_version import JobName
from finance_platform.deliveries.commits import DataFile
from finance_platform.errors import JobError
from finance_platform.orchestration.error_handling import dagster_failures
from finance_platform.orchestration.job_runners import job_process as job_processes
from finance_platform.orchestration.job_runners.glue_jobs import GlueJobRunner
from finance_platform.orchestration.job_runners.job_process import job_process
from finance_platform.orchestration.job_runners.pipes_jobs import DagsterJobRunner, JobZones
from finance_platform.orchestration.job_runners.sized_jobs import SizedJobRunner
from finance_platform.orchestration.job_runners.subprocess_jobs import SubprocessJobRunner
from finance_platform.orchestration.resources import platform_resources
from finance_platform.refresh.steps.job_requests import to_document
from finance_platform.settings import load_settings
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.spark_jobs.request_size import text_bytes
from finance_platform.spark_jobs.requests import BuildRequest, DeliveryToRead, SourceFile, StandardiseRequest
from finance_platform_tests.aws.moto_server import REGION, MotoServer, in_environment
from finance_platform_tests.environment import clean_environment

KEY = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"


def reading(**sizes: int) -> bytes:
    """A request to read files, by name and size."""
    names = ((name.replace("_", "."), size) for name, size in sizes.items())
    return to_document(
        StandardiseRequest([DeliveryToRead(name, name, "spend", "ledger", "abc", size) for name, size in names], {})
    )


def building(*sizes: int) -> bytes:
    """A request to build a star from files of these sizes."""
    files = [SourceFile("transactions", DataFile(f"{place}.parquet", size), [0]) for place, size in enumerate(sizes)]
    return to_document(BuildRequest(["a"], files, [], [], [], [], [], "Budget"))


@dataclass(frozen=True)
class RecordingJobs(DagsterJobRunner):
    """Runs nothing and records what it was asked for."""

    asked: list[tuple[JobName, bytes]] = field(default_factory=list)

    def run(self, context: dg.AssetExecutionContext, job: JobName, request: bytes) -> dict[str, Any]:
        context.log.info("asked")
        self.asked.append((job, request))
        return {"attempt": "1"}


@pytest.mark.parametrize(
    ("job", "request_document", "large_from_bytes", "is_small"),
    [
        ("standardise", reading(a_csv=99, b_csv=100), 200, True),
        ("standardise", reading(a_csv=100, b_csv=100), 200, False),
        ("standardise", reading(a_csv=0), 0, False),
        ("standardise", reading(a_csv_gz=24), 200, True),
        ("standardise", reading(a_XLSX=25), 200, False),
        ("build_star", building(30, 36), 200, True),
        ("build_star", building(30, 37), 200, False),
        ("build_star", building(), 200, True),
    ],
)
def test_a_job_runs_in_glue_if_it_reads_as_many_bytes_of_text_as_the_setting_says(
    job: JobName, request_document: bytes, large_from_bytes: int, is_small: bool
):
    small, large = RecordingJobs(), RecordingJobs()
    result = SizedJobRunner(small, large, large_from_bytes).run(dg.build_asset_context(), job, request_document)
    asked = [(job, request_document)]
    assert (small.asked, large.asked) == ((asked, []) if is_small else ([], asked))
    assert result == {"attempt": "1"}


def test_a_file_counts_as_text_that_it_unpacks_to():
    assert text_bytes("standardise", reading(a_csv=1_000, b_txt_gz=1_000, c_xlsx=1_000)) == 17_000


def test_on_aws_the_setting_decides_and_the_task_runs_sail(tmp_path: Path):
    settings = load_settings(
        profile="aws", home=tmp_path, raw_uri="s3://raw", processed_uri="s3://processed", scripts_uri="s3://scripts",
        redshift_host="warehouse", redshift_workgroup="finance", redshift_copy_role_arn="arn", aws_region=REGION,
        glue_from_bytes=5,
    )  # fmt: skip
    runner = platform_resources(settings)["spark_jobs"]
    assert isinstance(runner, SizedJobRunner)
    assert isinstance(runner.small, SubprocessJobRunner)
    assert isinstance(runner.large, GlueJobRunner)
    assert (runner.small.spark_engine, runner.large_from_bytes) == ("sail", 5)
    assert runner.small.zones == runner.large.zones
    assert runner.small.works_on_disk


@pytest.mark.parametrize(("glue_from_bytes", "has_process"), [(5, True), (0, False)])
def test_on_aws_small_jobs_have_one_process_which_reaches_s3(
    tmp_path: Path,
    glue_from_bytes: int,
    has_process: bool,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    script = tmp_path / "host.py"
    script.write_text("import os, sys\nsys.stderr.write(os.environ['AWS_SSE_KMS_KEY_ID'] + os.environ['AWS_REGION'])\n")
    monkeypatch.setattr(job_processes, "script_path", lambda: script)
    monkeypatch.delenv("AWS_REGION", raising=False)
    settings = load_settings(
        profile="aws", home=tmp_path, raw_uri="s3://raw", processed_uri="s3://processed", scripts_uri="s3://scripts",
        redshift_host="warehouse", redshift_workgroup="finance", redshift_copy_role_arn="arn", aws_region=REGION,
        s3_kms_key_id="key", glue_from_bytes=glue_from_bytes,
    )  # fmt: skip
    with job_process(settings, starts_now=False) as process:
        assert (process is not None) == has_process
        if process is not None:
            assert process.run("standardise", JobArguments("s3://raw", "s3://processed", "a"), {}) is None
            runner = platform_resources(settings, process)["spark_jobs"]
            assert runner.small.process is process
    assert capfd.readouterr().err == (f"key{REGION}" if has_process else "")


# A job in the task


@dg.asset
def echoed(
    context: dg.AssetExecutionContext, spark_jobs: dg.ResourceParam[DagsterJobRunner]
) -> dg.MaterializeResult[None]:
    with dagster_failures(context):
        spark_jobs.bind(context).run("standardise", reading(a_csv=1))
    return dg.MaterializeResult()


@pytest.mark.parametrize(
    ("ending", "found", "fix"),
    [
        (
            "os.kill(os.getpid(), signal.SIGKILL)",
            "standardise was killed, as by a machine that has no memory",
            "RunSize",
        ),
        ("os._exit(9)", "standardise ended with the exit code 9", "in the output of the step that ran standardise"),
    ],
)
def test_a_job_that_dies_without_an_error_is_reported_with_what_helps(
    aws: MotoServer, tmp_path: Path, ending: str, found: str, fix: str
):
    script = tmp_path / "job.py"
    script.write_text(f"import os, signal\n{ending}\n")
    zones = JobZones(f"s3://{aws.new_bucket()}", f"s3://{aws.new_bucket()}")
    execution = dg.materialize(
        [echoed],
        resources={"spark_jobs": SubprocessJobRunner(zones, "sail", lambda _: script)},
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=False,
    )
    (event,) = execution.get_step_failure_events()
    failure = event.step_failure_data.user_failure_data
    assert failure is not None
    assert failure.metadata["title"].value == JobError.title
    assert str(failure.metadata["found"].value).startswith(found)
    assert fix in str(failure.metadata["fix"].value)


# Sail on S3, with the role of a task

ON_S3 = """
import json, sys
from finance_platform.spark_jobs.session import spark_session
from finance_platform.storage.s3_options import S3Options
address, options = sys.argv[1], S3Options(**json.loads(sys.argv[2]))
with spark_session("sail", options) as spark:
    spark.range(3).write.parquet(f"{address}/rows")
    print(spark.read.parquet(f"{address}/rows").count())
"""


@dataclass
class TaskRole:
    """The address that ECS gives a task for the credentials of its role.

    Attributes:
        environment: the variables of a task.
        tokens: the authorization of each request.
    """

    environment: dict[str, str] = field(default_factory=dict)
    tokens: list[str | None] = field(default_factory=list)


@contextmanager
def task_role(credentials: Mapping[str, str]) -> Iterator[TaskRole]:
    """Serve credentials as the agent of ECS does."""
    role = TaskRole()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            role.tokens.append(self.headers.get("Authorization"))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(dict(credentials)).encode())

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    role.environment = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{server.server_port}/role",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "of-the-task",
    }
    try:
        yield role
    finally:
        server.shutdown()
        server.server_close()


def test_sail_takes_the_credentials_of_the_tasks_role_and_encrypts_with_the_key(moto: MotoServer, tmp_path: Path):
    with in_environment(moto.environment):
        bucket = moto.new_bucket()
    credentials = {
        "AccessKeyId": "ASIATASK", "SecretAccessKey": "of-the-role", "Token": "t", "Expiration": "2099-01-01T00:00:00Z",
    }  # fmt: skip
    options = {"region": REGION, "endpoint_url": moto.address, "kms_key_id": KEY}
    with task_role(credentials) as role, clean_environment(tmp_path):
        # A task has no other variables of AWS; earlier tests may have left the keys of a user.
        variables = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        ended = subprocess.run(
            [sys.executable, "-c", ON_S3, f"s3://{bucket}", json.dumps(options)],
            env=variables | role.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (0, "3\n"), ended.stderr
    assert role.tokens
    assert set(role.tokens) == {"of-the-task"}
    with in_environment(moto.environment):
        s3 = boto3.client("s3")
        written = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
        heads = [s3.head_object(Bucket=bucket, Key=key) for key in written if key.endswith(".parquet")]
    assert {(head["ServerSideEncryption"], head["SSEKMSKeyId"]) for head in heads} == {("aws:kms", KEY)}
