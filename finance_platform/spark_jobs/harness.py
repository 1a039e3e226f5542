"""The harness of a Glue job: arguments in, one result document out.

Belongs here: log, the result's two ways out (lake and Dagster Pipes), the failure's one.
Does not belong here: what any job does, its arguments (see `arguments`), keeping others out (see `locks`).

Where a job runs and where the lake is are two things. Beside a lake on disk the log is a file, and so is the lock; with
a lake on S3 the log is what the job prints, and the lock is a lease. A job that is started as Glue starts one (with
parameters of Pipes among the arguments) gets and sends its messages by S3, wherever it runs.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from dagster_pipes import (
    PipesCliArgsParamsLoader,
    PipesContext,
    PipesS3ContextLoader,
    PipesS3MessageWriter,
    open_dagster_pipes,
)

from finance_platform.code_version import JobName, code_version
from finance_platform.errors import FinancePlatformError, JobError, LockedError, TransientError
from finance_platform.spark_jobs.arguments import JobArguments, parse_arguments
from finance_platform.spark_jobs.job_lock import hold_lock_file, job_lease

_log = logging.getLogger(__name__)

FOLDER = "jobs"
"""Where requests and results lie in the processed zone, a folder per attempt."""

LOCKED_EXIT_CODE = 75
"""Exit code of a job that another one kept out; the usual code for "try again later"."""

MESSAGE_SECONDS = 3
"""How often a job on AWS sends what it has printed: people watch it, and each time is one object on S3."""

_PARENT_CHECK_SECONDS = 1.0


def request_key(attempt: str) -> str:
    """Return where an attempt's request lies in the processed zone."""
    return f"{FOLDER}/{attempt}/request.json"


def result_key(attempt: str) -> str:
    """Return where an attempt's result lies in the processed zone."""
    return f"{FOLDER}/{attempt}/result.json"


def failure_key(attempt: str) -> str:
    """Return where an attempt says in the processed zone why it failed, if it knows."""
    return f"{FOLDER}/{attempt}/failure.json"


def log_path(processed_uri: str, attempt: str) -> Path:
    """Return where an attempt beside a lake on disk writes its log."""
    return Path(processed_uri) / FOLDER / attempt / "job.log"


JobBody = Callable[[JobArguments, dict[str, Any]], dict[str, Any]]


def run_job(job: JobName, body: JobBody) -> None:
    """Run a job's body between its request and its one result document."""
    arguments = parse_arguments(sys.argv[1:])
    if arguments.has_lake_on_disk:
        _write_log_to_file(log_path(arguments.processed_uri, arguments.attempt))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    if not arguments.is_in_glue:
        _end_with_parent()
    if arguments.has_lake_on_disk:
        try:
            hold_lock_file(Path(arguments.processed_uri))
        except LockedError as error:
            _log.error("%s", error)
            sys.exit(LOCKED_EXIT_CODE)
    with _open_pipes(arguments) as pipes:
        _report(pipes, _result(job, body, arguments))


def _result(job: JobName, body: JobBody, arguments: JobArguments) -> dict[str, Any]:
    """Run the body and write its result."""
    processed = arguments.processed
    lease = nullcontext() if arguments.has_lake_on_disk else job_lease(processed)
    with _failure_told(arguments), lease:
        _check_code(job, arguments.code_version)
        request = json.loads(processed.read(request_key(arguments.attempt)))
        result = {**body(arguments, request), "attempt": arguments.attempt}
        processed.write(result_key(arguments.attempt), json.dumps(result, indent=1, default=str).encode())
        return result


@contextmanager
def _failure_told(arguments: JobArguments) -> Iterator[None]:
    """Leave what is known of a failure in the lake, for whoever started the job."""
    try:
        yield
    except FinancePlatformError as error:
        failure = {
            "title": error.title,
            "found": error.found,
            "fix": error.fix,
            "is_transient": isinstance(error, TransientError),
        }
        arguments.processed.write(failure_key(arguments.attempt), json.dumps(failure).encode())
        raise


def _check_code(job: JobName, wanted: str) -> None:
    if not wanted:
        return
    found = code_version(job)
    if wanted != found:
        # A slice's version names the code that built it: other code would build other rows under that name.
        raise JobError(
            f"the job has the code {found}, the platform {wanted}",
            fix="run `finance-platform deploy` from the release that the platform runs",
        )


def _open_pipes(arguments: JobArguments) -> PipesContext:
    """Open the way to Dagster that the job was started with."""
    by_arguments = PipesCliArgsParamsLoader()  # type: ignore[no-untyped-call]
    if not by_arguments.is_dagster_pipes_process():
        return open_dagster_pipes()
    from finance_platform.storage.s3 import s3_client  # boto3 takes most of a second to import

    client = s3_client(arguments.s3_options)
    return open_dagster_pipes(
        params_loader=by_arguments,
        context_loader=PipesS3ContextLoader(client),
        message_writer=PipesS3MessageWriter(client, interval=MESSAGE_SECONDS),
    )


def _report(pipes: PipesContext, result: dict[str, Any]) -> None:
    pipes.report_custom_message(json.loads(json.dumps(result, default=str)))


def _write_log_to_file(path: Path) -> None:
    """Send everything that this process prints, Spark's own words included, to a file.

    A pipe to the parent can fill up and stop both processes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(handle, sys.stdout.fileno())
    os.dup2(handle, sys.stderr.fileno())


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, so that no job goes on unseen."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_CHECK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
