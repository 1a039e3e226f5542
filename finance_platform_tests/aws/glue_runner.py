"""A stand-in of Glue that runs jobs: moto keeps the definitions, this runs their scripts on Sail and tells their end.

Belongs here: starting, watching and stopping scripts as Glue does; playing what Glue may answer instead. Does not
belong here: what is run, what the platform makes of it.

Moto calls every run SUCCEEDED and runs nothing. This server stands before moto's: it passes everything on and takes a
hand in StartJobRun, GetJobRun and BatchStopJobRun. A script comes from S3, as a job's definition says, gets the
definition's arguments and the run's, and finds S3 where the tests have it.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from finance_platform.orchestration.resources.glue_local import script
from finance_platform.orchestration.resources.glue_run import ACTIVE_STATES, glue_client
from finance_platform_tests.aws.moto_server import Application, MotoServer, in_environment

PREFIX = "finance-platform"
_TARGET = "HTTP_X_AMZ_TARGET"
_SERVICE = "AWSGlue."


@dataclass(frozen=True)
class Play:
    """What one run does.

    Attributes:
        first: states that it is in before, one for each look.
        end: how it ends, whatever its script does; as its script ends unless given.
        error: what Glue writes of its end.
        runs: whether its script is run at all.
        detail: what Glue writes of a state that is no end.
    """

    first: tuple[str, ...] = ()
    end: str = ""
    error: str = ""
    runs: bool = True
    detail: str = ""


AS_IT_COMES = Play()


@dataclass
class Run:
    """One run: what it was started with, and where it stands."""

    job: str
    arguments: dict[str, str]
    play: Play
    log: Path
    process: subprocess.Popen[bytes] | None = None
    looks: int = 0
    is_stopped: bool = False

    def stop(self) -> None:
        """Kill the script, if it goes on."""
        self.is_stopped = True
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @property
    def state(self) -> str:
        """Where the run stands, without a look being counted."""
        if self.is_stopped:
            return "STOPPED"
        if self.looks < len(self.play.first):
            return self.play.first[self.looks]
        if self.play.end:
            return self.play.end
        code = self.process.poll() if self.process is not None else 0
        return "RUNNING" if code is None else "FAILED" if code else "SUCCEEDED"

    def described(self) -> dict[str, Any]:
        """Return what GetJobRun says, and count the look."""
        state = self.state
        self.looks += 1
        error = self.play.error or (_last_line(self.log) if state == "FAILED" else "")
        return {
            "JobRunState": state,
            "LogGroupName": f"/aws-glue/{PREFIX}",
            **({"ErrorMessage": error} if error else {}),
            **({"StateDetail": self.play.detail} if self.play.detail else {}),
        }


@dataclass
class GlueRunner:
    """The stand-in at work.

    Attributes:
        folder: where scripts and logs of runs go.
        environment: what a script finds in its environment.
        python: the interpreter.
        address: where the server listens.
        plays: what the next runs do, in turn; others come as they come.
        refusals: operation, HTTP status, code and message that the next calls get, in turn.
        runs: every run so far by its id.
    """

    folder: Path
    environment: Mapping[str, str]
    python: str = sys.executable
    address: str = ""
    plays: list[Play] = field(default_factory=list)
    refusals: list[tuple[str, int, str, str]] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refuse(self, operation: str, code: str, *, status: int = 400, message: str = "no", times: int = 1) -> None:
        """Answer the next calls of an operation with an error of Glue."""
        self.refusals += [(operation, status, code, message)] * times

    def application(self, moto: Application) -> Application:
        """Return the server's application, with moto's behind it."""

        def answer(request: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            operation = request.get(_TARGET, "").removeprefix(_SERVICE)
            refusal = next((one for one in self.refusals if one[0] == operation), None)
            if refusal:
                self.refusals.remove(refusal)
                return _said(start_response, refusal[1], {"__type": refusal[2], "message": refusal[3]})
            act = {"StartJobRun": self._start, "GetJobRun": self._look, "BatchStopJobRun": self._stop}.get(operation)
            if not act:
                return moto(request, start_response)
            asked = json.loads(request["wsgi.input"].read(int(request["CONTENT_LENGTH"])))
            with self._lock:
                return _said(start_response, *act(asked, _Moto(moto, request)))

        return answer

    def stop_all(self) -> None:
        """Kill what goes on."""
        for run in self.runs.values():
            run.stop()

    def _start(self, asked: dict[str, Any], moto: _Moto) -> tuple[int, dict[str, Any]]:
        status, answer = moto.ask("GetJob", {"JobName": asked["JobName"]})
        if status != 200:
            return status, answer
        job = answer["Job"]
        at_work = [run for run in self.runs.values() if run.job == job["Name"] and run.state in ACTIVE_STATES]
        if len(at_work) >= job.get("ExecutionProperty", {}).get("MaxConcurrentRuns", 1):
            message = f"Concurrent runs exceeded for {job['Name']}"
            return 400, {"__type": "ConcurrentRunsExceededException", "message": message}
        status, answer = moto.ask("StartJobRun", asked)
        if status == 200:
            play = self.plays.pop(0) if self.plays else AS_IT_COMES
            arguments = {**job.get("DefaultArguments", {}), **asked.get("Arguments", {})}
            self.runs[answer["JobRunId"]] = self._begun(answer["JobRunId"], job, arguments, play)
        return status, answer

    def _begun(self, run_id: str, job: dict[str, Any], arguments: dict[str, str], play: Play) -> Run:
        folder = self.folder / run_id[:16]
        folder.mkdir()
        run = Run(job["Name"], arguments, play, folder / "log.txt")
        if play.runs:
            path = _fetched(job["Command"]["ScriptLocation"], folder, self.environment)
            for module in filter(None, arguments.get("--additional-python-modules", "").split(",")):
                _fetched(module, folder, self.environment)
            line = [part for name, value in arguments.items() for part in (name, value)]
            # The last word on an argument counts: this is no Glue, so its engine is another.
            line += ["--spark_engine", "sail"]
            with run.log.open("wb") as log:
                run.process = subprocess.Popen(
                    [self.python, str(path), *line],
                    cwd=folder,
                    env=dict(self.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
        return run

    def _look(self, asked: dict[str, Any], moto: _Moto) -> tuple[int, dict[str, Any]]:
        status, answer = moto.ask("GetJobRun", asked)
        if status == 200:
            answer["JobRun"] |= self.runs[asked["RunId"]].described()
        return status, answer

    def _stop(self, asked: dict[str, Any], _: _Moto) -> tuple[int, dict[str, Any]]:
        for run_id in asked["JobRunIds"]:
            self.runs[run_id].stop()
        done = [{"JobName": asked["JobName"], "JobRunId": run_id} for run_id in asked["JobRunIds"]]
        return 200, {"SuccessfulSubmissions": done, "Errors": []}


@contextlib.contextmanager
def glue_runner(folder: Path, aws: MotoServer, *, python: str = sys.executable, port: int = 0) -> Iterator[GlueRunner]:
    """Run the stand-in until the end of the block; this process finds it, and `aws` for all else.

    Args:
        folder: for scripts and logs of runs.
        aws: where everything else is.
        python: the interpreter that runs the scripts.
        port: on 127.0.0.1; any that is free unless given.
    """
    home = {"HOME": str(folder), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    runner = GlueRunner(folder, {**aws.environment, **home}, python)
    application = runner.application(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", port, application, threaded=True, request_handler=MotoRequestHandler)
    runner.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="glue", daemon=True)
    thread.start()
    glue_client.cache_clear()
    try:
        with in_environment({**aws.environment, "AWS_ENDPOINT_URL_GLUE": runner.address}):
            yield runner
    finally:
        runner.stop_all()
        server.shutdown()
        thread.join()
        server.server_close()
        glue_client.cache_clear()


def make_jobs(scripts_uri: str, prefix: str = PREFIX) -> None:
    """Define the platform's jobs, with the scripts of this checkout, as a deployment does.

    Args:
        scripts_uri: s3://...; the bucket is there.
        prefix: what the jobs' names begin with.
    """
    for job, path in (("standardise", script("standardise")), ("build-star", script("build_star"))):
        make_job(f"{prefix}-{job}", send(path.read_text(), f"{scripts_uri.rstrip('/')}/releases/{prefix}/{path.name}"))


def send(text: str, address: str) -> str:
    """Put a script on S3 and return its address."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())
    return address


def make_job(name: str, script_address: str, arguments: Mapping[str, str] | None = None) -> None:
    """Define one job.

    Args:
        name: the job's.
        script_address: where its script is on S3.
        arguments: those that every run gets, beside Glue's usual ones.
    """
    boto3.client("glue").create_job(
        Name=name,
        Role="arn:aws:iam::123456789012:role/nobody",
        GlueVersion="6.0",
        ExecutionProperty={"MaxConcurrentRuns": 1},
        Command={"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": script_address},
        DefaultArguments={"--job-language": "python", "--enable-metrics": "true", **(arguments or {})},
    )


class _Moto:
    """Moto's own API, asked with the credentials of the request at hand."""

    def __init__(self, application: Application, request: dict[str, Any]) -> None:
        self._application = application
        self._request = request

    def ask(self, operation: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return status and body of an answer."""
        body = json.dumps(asked).encode()
        found: list[str] = []
        request = {
            **{name: value for name, value in self._request.items() if not name.startswith("werkzeug.")},
            _TARGET: f"{_SERVICE}{operation}",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }
        text = b"".join(self._application(request, lambda status, *_: found.append(status)))
        return int(found[0].split()[0]), json.loads(text or b"{}")


def _said(start_response: Callable[..., Any], status: int, body: dict[str, Any]) -> list[bytes]:
    data = json.dumps(body).encode()
    start_response(f"{status} .", [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(data)))])
    return [data]


def _fetched(address: str, folder: Path, environment: Mapping[str, str]) -> Path:
    """Bring an object of S3 to where the run is; Glue fails a run whose files are not there."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    path = folder / key.rpartition("/")[2]
    client = boto3.session.Session().client("s3", endpoint_url=environment["AWS_ENDPOINT_URL"])
    client.download_file(bucket, key, str(path))
    return path


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line[:1].strip()]
    return lines[-1] if lines else "Command failed with exit code 1"
