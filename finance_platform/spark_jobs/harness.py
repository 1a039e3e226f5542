"""The harness of a Spark job: arguments in, one result document out.

Belongs here: the log, the result (to the processed zone and to Dagster Pipes), when an account of a failure is left (in
the processed zone, and in a pipe to the process that started the job). Does not belong here: the work of a job, its
arguments (see `arguments`), locks (see `job_lock`), the form of that account (see `failure`).

The place of a job and the place of the processed zone are independent. For a zone on disk, the log and the lock are
files beside it; for a zone on S3, the log is the job's output and the lock is a lease. A job with parameters of Pipes
among its arguments, as Glue starts it, exchanges messages through S3 wherever it runs.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finance_platform.code_version import JobName, code_version
from finance_platform.errors import DiskError, FinancePlatformError, JobError, LockedError
from finance_platform.safe_text import PrintableFormatter
from finance_platform.spark_jobs.arguments import JobArguments, parse_arguments
from finance_platform.spark_jobs.failure import JobFailure, failure_sent, send_failure
from finance_platform.spark_jobs.job_lock import hold_lock_file, job_lease
from finance_platform.storage.documents import decode_json
from finance_platform.storage.local_errors import translate_write_errors
from finance_platform.storage.machine_errors import translate_machine_error

if TYPE_CHECKING:
    from dagster_pipes import PipesContext

_log = logging.getLogger(__name__)

FAILED = "the job failed"
"""The message of the last record of a failed job's log, before the traceback."""

FOLDER = "jobs"
"""The folder of requests and results in the processed zone; it has a folder per attempt."""

LOCKED_EXIT_CODE = 75
"""Exit code of a job that another one locked out; the usual code for "try again later"."""

NO_LOG_EXIT_CODE = 74
"""Exit code of a job that could not write its log; the usual code for "an error of input or output"."""

INTERRUPTED_EXIT_CODE = 130
"""Exit code of a job that was interrupted; the usual code for that."""

MESSAGE_SECONDS = 3
"""How often a job on AWS sends its output: people watch it, and each time costs one object on S3."""

_PARENT_CHECK_SECONDS = 1.0
_END_SECONDS = 1.0


def request_key(attempt: str) -> str:
    """Return the key of an attempt's request in the processed zone."""
    return f"{FOLDER}/{attempt}/request.json"


def result_key(attempt: str) -> str:
    """Return the key of an attempt's result in the processed zone."""
    return f"{FOLDER}/{attempt}/result.json"


def failure_key(attempt: str) -> str:
    """Return the key of an attempt's error in the processed zone; only errors of the platform are written."""
    return f"{FOLDER}/{attempt}/failure.json"


def log_path(processed_uri: str, attempt: str) -> Path:
    """Return the log file of an attempt whose processed zone is on disk."""
    return Path(processed_uri) / FOLDER / attempt / "job.log"


JobBody = Callable[[JobArguments, dict[str, Any]], dict[str, Any]]


def run_job(job: JobName, body: JobBody) -> None:
    """Run a job: read its request, run the body, write and report its one result document."""
    arguments = parse_arguments(sys.argv[1:])
    if not arguments.is_in_glue:
        end_with_parent()
    with ended_if_interrupted():
        run_attempt(job, body, arguments, lambda: _open_pipes(arguments))


def run_attempt(
    job: JobName, body: JobBody, arguments: JobArguments, open_pipes: Callable[[], PipesContext] | None
) -> None:
    """Run one attempt, with one job at a time in a zone on disk, and report its result; or end the process.

    All output of this process goes where the log of the attempt belongs.

    Args:
        job: the job.
        body: its work.
        arguments: of the attempt.
        open_pipes: opens the connection to Dagster; None for a job that is begun before there is one.
    """
    _start_log(arguments)
    with failure_sent(), _machine_errors_translated(arguments), ExitStack() as stack:
        if arguments.has_local_zone:
            try:
                stack.enter_context(hold_lock_file(Path(arguments.processed_uri)))
            except LockedError as error:
                _log.error("%s", error)
                sys.exit(LOCKED_EXIT_CODE)
        if open_pipes is None:
            execute(job, body, arguments)
            return
        with _message_errors_translated(arguments):
            pipes = stack.enter_context(open_pipes())
        result = execute(job, body, arguments)
        with _message_errors_translated(arguments):
            _report(pipes, result)


def _start_log(arguments: JobArguments) -> None:
    """Send the log and all output of this process where an attempt's log belongs; or end the process."""
    if arguments.has_local_zone:
        path = log_path(arguments.processed_uri, arguments.attempt)
        try:
            with translate_write_errors("write", path):
                _write_log_to_file(path)
        except DiskError as error:
            # Without a log, a traceback would go to the terminal; the process that started the job reports it.
            send_failure(JobFailure.of(error))
            sys.exit(NO_LOG_EXIT_CODE)
    _log_printable_text()
    logging.getLogger("botocore").setLevel(logging.WARNING)


def execute(job: JobName, body: JobBody, arguments: JobArguments) -> dict[str, Any]:
    """Run the body on the attempt's request; write its result, or its failure, to the processed zone."""
    processed = arguments.processed
    lease = nullcontext() if arguments.has_local_zone else job_lease(processed)
    with _failure_recorded(arguments), lease:
        _check_code(job, arguments.code_version)
        request = decode_json(processed.read(request_key(arguments.attempt)))
        result = {**body(arguments, request), "attempt": arguments.attempt}
        processed.write(result_key(arguments.attempt), json.dumps(result, indent=1, default=str).encode())
        return result


@contextmanager
def _failure_recorded(arguments: JobArguments) -> Iterator[None]:
    """Leave the account of an error of the platform, for the process that started the job.

    It is sent before anything else can fail for the same reason, such as the last message to Dagster.
    """
    try:
        with failure_sent(), _machine_errors_translated(arguments):
            yield
    except FinancePlatformError as error:
        # On a full disk, or where S3 refuses to write, this fails as well; the error above is the one to report.
        with suppress(FinancePlatformError):
            arguments.processed.write(failure_key(arguments.attempt), JobFailure.of(error).to_json())
        raise


@contextmanager
def _machine_errors_translated(arguments: JobArguments) -> Iterator[None]:
    """Translate errors of this machine, as for the steps of a run; what to do about one of Glue's, Glue says."""
    try:
        yield
    except FinancePlatformError:
        raise
    except (OSError, MemoryError) as error:
        translated = None if arguments.is_in_glue else translate_machine_error(error)
        if translated is None:
            raise
        raise translated from error


def _message_errors_translated(arguments: JobArguments) -> AbstractContextManager[None]:
    """Return a context that names the folder of the messages to Dagster where they are files of this machine."""
    if arguments.is_in_glue:
        return nullcontext()
    return translate_write_errors("write messages to Dagster in", Path(tempfile.gettempdir()))


def _check_code(job: JobName, expected: str) -> None:
    if not expected:
        return
    own = code_version(job)
    if expected != own:
        # A slice's version covers the code that builds it: other code would build other rows under the same version.
        raise JobError(
            f"the job has the code {own}, the platform {expected}",
            fix="run again; on AWS, run `finance-platform deploy` from the release that the platform runs first",
        )


def _open_pipes(arguments: JobArguments) -> PipesContext:
    """Open the connection to Dagster with which the job was started."""
    # Imported here: a job that a run of the command line orders has none.
    from dagster_pipes import PipesCliArgsParamsLoader, PipesS3ContextLoader, PipesS3MessageWriter, open_dagster_pipes

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


def _log_printable_text() -> None:
    """Send the log to standard error, and errors that end the process too; both may quote text from files."""
    handler = logging.StreamHandler()
    handler.setFormatter(PrintableFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    sys.excepthook = lambda kind, error, trace: _log.critical(FAILED, exc_info=(kind, error, trace))


def _write_log_to_file(path: Path) -> None:
    """Redirect the output of this process, Spark's included, to a file.

    A pipe to the parent can fill up and block both processes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(handle, sys.stdout.fileno())
    os.dup2(handle, sys.stderr.fileno())
    os.close(handle)


@contextmanager
def ended_if_interrupted() -> Iterator[None]:
    """End this process when the block has been left by an interruption, and a second after it in any case.

    Spark's client, and its threads when Python ends, ask an engine that has ended by the same signal for minutes.
    """

    def interrupt(*_: object) -> None:
        end = threading.Timer(_END_SECONDS, os._exit, [INTERRUPTED_EXIT_CODE])
        end.daemon = True
        end.start()
        raise KeyboardInterrupt

    is_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, interrupt) if is_main else None
    try:
        yield
    except KeyboardInterrupt:
        os._exit(INTERRUPTED_EXIT_CODE)
    finally:
        if is_main:
            signal.signal(signal.SIGINT, before)


def end_with_parent() -> None:
    """End this process when its parent has ended, so that no job continues unseen."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_CHECK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
