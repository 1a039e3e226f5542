"""The harness of a Glue job: arguments in, one result document out.

Belongs here: arguments, lock, log, the result's two ways out (lake and Dagster Pipes), the failure's one.
Does not belong here: what any job does.

Where a job runs and where the lake is are two things. Glue passes arguments, keeps the log, and holds a second run of
a job back; here that is a file and a lock beside a lake on disk. Who started the job by Glue's way is told by Glue's
way: Pipes' parameters come as arguments, its context and messages go by S3.

Glue adds arguments of its own, and these are known by the names that people give them on AWS:

| argument | here | what it is |
|---|---|---|
| `--RAW_S3_PATH` | `raw_uri` | the raw zone, only read |
| `--PROCESSED_S3_PATH` | `processed_uri` | the processed zone: requests, results, tables |
| `--TEMP_S3_DIR` | `temp_uri` | interim results of Spark, removed when the job ends |
"""

from __future__ import annotations

import argparse
import fcntl
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from dagster_pipes import (
    PipesCliArgsParamsLoader,
    PipesContext,
    PipesS3ContextLoader,
    PipesS3MessageWriter,
    open_dagster_pipes,
)

from finance_platform.errors import FinancePlatformError, JobError, LockedError, TransientError
from finance_platform.lake.plan import source_hash
from finance_platform.lake.port import Lake
from finance_platform.lake.zones import S3_SCHEME, S3Options, open_zone

_log = logging.getLogger(__name__)

FOLDER = "jobs"
"""Where requests and results lie in the processed zone, a folder per attempt."""

GLUE = "glue"
"""The engine of a job that runs in Glue itself."""

LOCK_FILE = "job.lock"
LOCKED_EXIT_CODE = 75
"""Exit code of a job that another one kept out; the usual code for "try again later"."""

MESSAGE_SECONDS = 3
"""How often a job on AWS sends what it has printed: people watch it, and each time is one object on S3."""

_NAMES_ON_GLUE = {"raw_uri": "RAW_S3_PATH", "processed_uri": "PROCESSED_S3_PATH", "temp_uri": "TEMP_S3_DIR"}
_PARENT_CHECK_SECONDS = 1.0
_LOCK_WAIT_SECONDS = 10.0
_LOCK_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class JobArguments:
    """What a job is started with.

    Attributes:
        raw_uri: the raw zone.
        processed_uri: the processed zone.
        attempt: names the request, the result, and the folder that this attempt's Parquet goes to.
        spark_engine: sail, jvm or glue; chosen by whoever knows where the job runs.
        temp_uri: where interim results go; the processed zone when empty.
        code_version: the source that the job must have, so that it builds what was asked for; any when empty.
        aws_region: the region; as boto3 finds it when empty.
        s3_endpoint_url: another address for S3.
        s3_kms_key_id: the key that written objects are encrypted with; the bucket's own when empty.
        s3_request_payer: `true` where reading the raw zone is paid by whoever reads.
    """

    raw_uri: str
    processed_uri: str
    attempt: str
    spark_engine: str = GLUE
    temp_uri: str = ""
    code_version: str = ""
    aws_region: str = ""
    s3_endpoint_url: str = ""
    s3_kms_key_id: str = ""
    s3_request_payer: str = ""

    def as_command_line(self) -> list[str]:
        """Return the arguments as `parse_arguments` reads them."""
        return [part for name, value in vars(self).items() if value for part in (f"--{name}", value)]

    def as_glue_arguments(self) -> dict[str, str]:
        """Return the arguments as Glue takes them, by the names that people know there."""
        return {f"--{_NAMES_ON_GLUE.get(name, name)}": value for name, value in vars(self).items() if value}

    @property
    def s3_options(self) -> S3Options:
        """How the job speaks to S3."""
        return S3Options(region=self.aws_region, endpoint_url=self.s3_endpoint_url, kms_key_id=self.s3_kms_key_id)

    @property
    def raw_options(self) -> S3Options:
        """How the job reads the raw zone, which may be somebody else's."""
        return S3Options(
            region=self.aws_region,
            endpoint_url=self.s3_endpoint_url,
            request_payer=self.s3_request_payer == "true",
        )

    @property
    def processed(self) -> Lake:
        """The processed zone."""
        return open_zone(self.processed_uri, self.s3_options)

    @property
    def temporary(self) -> Lake:
        """Where interim results go."""
        return open_zone(self.temp_uri or self.processed_uri, self.s3_options)

    @property
    def is_in_glue(self) -> bool:
        """Whether Glue itself runs the job."""
        return self.spark_engine == GLUE

    @property
    def has_lake_on_disk(self) -> bool:
        """Whether the processed zone is a folder of this machine."""
        return not self.processed_uri.startswith(S3_SCHEME)


def parse_arguments(command_line: list[str]) -> JobArguments:
    """Read a job's arguments; those that Glue adds of its own are left alone."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for field in fields(JobArguments):
        names = [f"--{name}" for name in (field.name, _NAMES_ON_GLUE.get(field.name)) if name]
        is_required = field.name in {"raw_uri", "processed_uri", "attempt"}
        parser.add_argument(
            *names, dest=field.name, required=is_required, default=None if is_required else field.default
        )
    known, _ = parser.parse_known_args(command_line)
    return JobArguments(**vars(known))


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


def run_job(body: JobBody) -> None:
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
            _hold_job_lock(Path(arguments.processed_uri))
        except LockedError as error:
            _log.error("%s", error)
            sys.exit(LOCKED_EXIT_CODE)
    with _open_pipes(arguments) as pipes:
        result = _result(body, arguments)
        arguments.processed.write(result_key(arguments.attempt), json.dumps(result, indent=1, default=str).encode())
        _report(pipes, result)


def _result(body: JobBody, arguments: JobArguments) -> dict[str, Any]:
    """Run the body; what it knows of its failure is left in the lake for whoever started it."""
    try:
        _check_code(arguments.code_version)
        request = json.loads(arguments.processed.read(request_key(arguments.attempt)))
        return {**body(arguments, request), "attempt": arguments.attempt}
    except FinancePlatformError as error:
        failure = {
            "title": error.title,
            "found": error.found,
            "fix": error.fix,
            "is_transient": isinstance(error, TransientError),
        }
        arguments.processed.write(failure_key(arguments.attempt), json.dumps(failure).encode())
        raise


def _check_code(wanted: str) -> None:
    if not wanted:
        return
    found = source_hash()
    if wanted != found:
        # A slice's version names the code that built it: other code would build other rows under that name.
        raise JobError(
            f"the job has the code {found}, the platform {wanted}",
            fix="run `finance-platform deploy` from the release that the platform runs",
        )


def _open_pipes(arguments: JobArguments) -> PipesContext:
    """Open the way to Dagster that the job was started with."""
    by_arguments = PipesCliArgsParamsLoader()
    if not by_arguments.is_dagster_pipes_process():
        return open_dagster_pipes()
    from finance_platform.lake.s3 import s3_client  # boto3 takes most of a second to import

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


def _hold_job_lock(processed: Path) -> None:
    """Take the lock; a job whose parent was killed ends within a moment, so it is waited for.

    Raises:
        LockedError: another job goes on.
    """
    # The handle stays open until the process ends; the lock goes with it.
    handle = os.open(processed / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    give_up_at = time.monotonic() + _LOCK_WAIT_SECONDS
    while not _is_locked_by_us(handle):
        if time.monotonic() > give_up_at:
            raise LockedError(f"a Glue job is writing to {processed}", fix="wait until it has ended, then run again")
        time.sleep(_LOCK_POLL_SECONDS)


def _is_locked_by_us(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
