"""A fake of Glue that runs jobs: moto keeps the definitions, and this server runs their scripts on Sail.

Belongs here: starting, polling and stopping scripts as Glue does; behaviours of Glue that a test asks for. Does not
belong here: the scripts, expectations.

moto reports SUCCEEDED for every run and runs nothing. This server passes every request to moto, and adds to
StartJobRun, GetJobRun and BatchStopJobRun what moto lacks. A script is downloaded from S3, as its job's definition
says, and gets the arguments of the definition and of the run.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server

from finance_platform.orchestration.job_runners.glue_run import ACTIVE_STATES, glue_client
from finance_platform.orchestration.job_runners.subprocess_jobs import script_path
from finance_platform_tests.aws.moto_server import Application, MotoServer, in_environment, moto_application

PREFIX = "finance-platform"
_SHORT_WAITS = """
import time, types
import dagster_pipes
dagster_pipes.PipesStdioLogWriterChannel.WAIT_FOR_TEE_SECONDS = 0.2
dagster_pipes.time = types.SimpleNamespace(time=time.time, sleep=lambda seconds: time.sleep(min(seconds, 0.2)))
"""
"""The `sitecustomize` of the scripts: at the end of a job Pipes waits for five seconds, more than the job takes."""

_TARGET = "HTTP_X_AMZ_TARGET"
_SERVICE = "AWSGlue."


@dataclass(frozen=True)
class RunBehavior:
    """The behaviour of one run.

    Attributes:
        first_states: the states of the first polls.
        end_state: the state after these, whatever the script does; empty for the state that follows from the script.
        error: the run's error message.
        detail: the run's state detail.
        runs_script: whether the script is run at all.
    """

    first_states: tuple[str, ...] = ()
    end_state: str = ""
    error: str = ""
    detail: str = ""
    runs_script: bool = True


DEFAULT_BEHAVIOR = RunBehavior()


@dataclass
class Run:
    """One run of a job."""

    job: str
    arguments: dict[str, str]
    behavior: RunBehavior
    log: Path
    process: subprocess.Popen[bytes] | None = None
    polls: int = 0
    is_stopped: bool = False

    def stop(self) -> None:
        """Kill the script if it is running."""
        self.is_stopped = True
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @property
    def state(self) -> str:
        """The state that the next poll gets."""
        if self.is_stopped:
            return "STOPPED"
        if self.polls < len(self.behavior.first_states):
            return self.behavior.first_states[self.polls]
        if self.behavior.end_state:
            return self.behavior.end_state
        exit_code = self.process.poll() if self.process is not None else 0
        return "RUNNING" if exit_code is None else "FAILED" if exit_code else "SUCCEEDED"

    def poll(self) -> dict[str, Any]:
        """Count a poll and return its fields in the response of GetJobRun."""
        state = self.state
        self.polls += 1
        error = self.behavior.error or (_last_line(self.log) if state == "FAILED" else "")
        return {
            "JobRunState": state,
            "LogGroupName": f"/aws-glue/{PREFIX}",
            **({"ErrorMessage": error} if error else {}),
            **({"StateDetail": self.behavior.detail} if self.behavior.detail else {}),
        }


@dataclass
class FakeGlue:
    """The running fake.

    Attributes:
        folder: the folder of the runs' scripts and logs.
        environment: the environment of the scripts.
        python: the interpreter of the scripts.
        address: the server's URL.
        behaviors: the behaviours of the next runs, in this order; later runs have the default one.
        refusals: operation, HTTP status, code and message of errors that the next requests get, in this order.
        runs: every run so far by its id.
    """

    folder: Path
    environment: Mapping[str, str]
    python: str = sys.executable
    address: str = ""
    behaviors: list[RunBehavior] = field(default_factory=list)
    refusals: list[tuple[str, int, str, str]] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refuse(self, operation: str, code: str, *, status: int = 400, message: str = "no", times: int = 1) -> None:
        """Answer the next requests of an operation with an error of Glue."""
        self.refusals += [(operation, status, code, message)] * times

    def application(self, moto: Application) -> Application:
        """Return the server's application; it calls moto's."""

        def respond(request: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            operation = request.get(_TARGET, "").removeprefix(_SERVICE)
            refusal = next((refusal for refusal in self.refusals if refusal[0] == operation), None)
            if refusal:
                self.refusals.remove(refusal)
                return _send(start_response, refusal[1], {"__type": refusal[2], "message": refusal[3]})
            handle = {"StartJobRun": self._start, "GetJobRun": self._poll, "BatchStopJobRun": self._stop}.get(operation)
            if not handle:
                return moto(request, start_response)
            body = json.loads(request["wsgi.input"].read(int(request["CONTENT_LENGTH"])))
            with self._lock:
                return _send(start_response, *handle(body, _Moto(moto, request)))

        return respond

    def stop_all(self) -> None:
        """Kill every running script."""
        for run in self.runs.values():
            run.stop()

    def _start(self, body: dict[str, Any], moto: _Moto) -> tuple[int, dict[str, Any]]:
        status, response = moto.call("GetJob", {"JobName": body["JobName"]})
        if status != 200:
            return status, response
        job = response["Job"]
        active = [run for run in self.runs.values() if run.job == job["Name"] and run.state in ACTIVE_STATES]
        if len(active) >= job.get("ExecutionProperty", {}).get("MaxConcurrentRuns", 1):
            message = f"Concurrent runs exceeded for {job['Name']}"
            return 400, {"__type": "ConcurrentRunsExceededException", "message": message}
        status, response = moto.call("StartJobRun", body)
        if status == 200:
            behavior = self.behaviors.pop(0) if self.behaviors else DEFAULT_BEHAVIOR
            arguments = {**job.get("DefaultArguments", {}), **body.get("Arguments", {})}
            self.runs[response["JobRunId"]] = self._run_script(response["JobRunId"], job, arguments, behavior)
        return status, response

    def _run_script(self, run_id: str, job: dict[str, Any], arguments: dict[str, str], behavior: RunBehavior) -> Run:
        folder = self.folder / run_id[:16]
        folder.mkdir()
        run = Run(job["Name"], arguments, behavior, folder / "log.txt")
        if behavior.runs_script:
            script = arguments.get("--scriptLocation", job["Command"]["ScriptLocation"])
            path = _download(script, folder, self.environment)
            for module in filter(None, arguments.get("--additional-python-modules", "").split(",")):
                _download(module, folder, self.environment)
            command_line = [part for name, value in arguments.items() for part in (name, value)]
            # The last value of an argument wins: the engine is not Glue's.
            command_line += ["--spark_engine", "sail"]
            with run.log.open("wb") as log:
                run.process = subprocess.Popen(
                    [self.python, str(path), *command_line],
                    cwd=folder,
                    env=dict(self.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
        return run

    def _poll(self, body: dict[str, Any], moto: _Moto) -> tuple[int, dict[str, Any]]:
        status, response = moto.call("GetJobRun", body)
        if status == 200:
            response["JobRun"] |= self.runs[body["RunId"]].poll()
        return status, response

    def _stop(self, body: dict[str, Any], _: _Moto) -> tuple[int, dict[str, Any]]:
        for run_id in body["JobRunIds"]:
            self.runs[run_id].stop()
        stopped = [{"JobName": body["JobName"], "JobRunId": run_id} for run_id in body["JobRunIds"]]
        return 200, {"SuccessfulSubmissions": stopped, "Errors": []}


@contextlib.contextmanager
def fake_glue(
    folder: Path, aws: MotoServer, *, python: str = sys.executable, imports: Path | None = None
) -> Iterator[FakeGlue]:
    """Run the fake until the end of the block; clients in this process use it, and `aws` for every other service.

    Args:
        folder: for the runs' scripts and logs.
        aws: every other service.
        python: the interpreter of the scripts.
        imports: a folder from which the scripts import first.
    """
    (folder / "sitecustomize.py").write_text(_SHORT_WAITS)
    environment = {
        **aws.environment,
        "HOME": str(folder),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": os.pathsep.join(str(path) for path in (folder, imports) if path),
    }
    glue = FakeGlue(folder, environment, python)
    application = glue.application(moto_application())
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    glue.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="glue", daemon=True)
    thread.start()
    glue_client.cache_clear()
    try:
        with in_environment({**aws.environment, "AWS_ENDPOINT_URL_GLUE": glue.address}):
            yield glue
    finally:
        glue.stop_all()
        server.shutdown()
        thread.join()
        server.server_close()
        glue_client.cache_clear()


def create_jobs(scripts_uri: str, prefix: str = PREFIX) -> None:
    """Define the platform's jobs, with the scripts of this checkout, as a deployment does.

    Args:
        scripts_uri: s3://...; the bucket exists.
        prefix: the first part of the jobs' names.
    """
    for job, path in (("standardise", script_path("standardise")), ("build-star", script_path("build_star"))):
        address = f"{scripts_uri.rstrip('/')}/releases/{prefix}/{path.name}"
        create_job(f"{prefix}-{job}", upload(path.read_text(), address))


def upload(text: str, address: str) -> str:
    """Write a script to S3 and return its address."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())
    return address


def create_job(name: str, script_address: str, arguments: Mapping[str, str] | None = None) -> None:
    """Define one job.

    Args:
        name: the job's name.
        script_address: its script on S3.
        arguments: the default arguments of its runs, beside the usual ones of Glue.
    """
    boto3.client("glue").create_job(
        Name=name,
        Role="arn:aws:iam::123456789012:role/glue",
        GlueVersion="6.0",
        ExecutionProperty={"MaxConcurrentRuns": 1},
        Command={"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": script_address},
        DefaultArguments={"--job-language": "python", "--enable-metrics": "true", **(arguments or {})},
    )


class _Moto:
    """moto's API, called with the credentials of the current request."""

    def __init__(self, application: Application, request: dict[str, Any]) -> None:
        self._application = application
        self._request = request

    def call(self, operation: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return status and body of a response."""
        content = json.dumps(body).encode()
        statuses: list[str] = []
        request = {
            **{name: value for name, value in self._request.items() if not name.startswith("werkzeug.")},
            _TARGET: f"{_SERVICE}{operation}",
            "CONTENT_LENGTH": str(len(content)),
            "wsgi.input": io.BytesIO(content),
        }
        text = b"".join(self._application(request, lambda status, *_: statuses.append(status)))
        return int(statuses[0].split()[0]), json.loads(text or b"{}")


def _send(start_response: Callable[..., Any], status: int, body: dict[str, Any]) -> list[bytes]:
    content = json.dumps(body).encode()
    headers = [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(content)))]
    start_response(f"{status} .", headers)
    return [content]


def _download(address: str, folder: Path, environment: Mapping[str, str]) -> Path:
    """Copy an object of S3 into a run's folder; Glue fails a run whose files do not exist."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    path = folder / key.rpartition("/")[2]
    client = boto3.session.Session().client("s3", endpoint_url=environment["AWS_ENDPOINT_URL"])
    client.download_file(bucket, key, str(path))
    return path


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line[:1].strip()]
    return lines[-1] if lines else "Command failed with exit code 1"
