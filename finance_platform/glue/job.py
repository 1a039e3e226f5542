"""The harness of a Glue job: arguments in, one result document out.

Belongs here: arguments, lock, log, the result's two ways out (lake and Dagster Pipes).
Does not belong here: what any job does.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster_pipes import PipesContext, open_dagster_pipes

from finance_platform.errors import LockedError
from finance_platform.lake.zones import open_zone

_log = logging.getLogger(__name__)

FOLDER = "jobs"
"""Where requests and results lie in the processed zone, a folder per attempt."""

LOCK_FILE = "job.lock"
LOCKED_EXIT_CODE = 75
"""Exit code of a job that another one kept out; the usual code for "try again later"."""

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
        spark_engine: sail, jvm or glue.
    """

    raw_uri: str
    processed_uri: str
    attempt: str
    spark_engine: str

    def as_command_line(self) -> list[str]:
        """Return the arguments as `parse_arguments` reads them; Glue takes the same names."""
        return [part for name, value in vars(self).items() for part in (f"--{name}", value)]


def parse_arguments(command_line: list[str]) -> JobArguments:
    """Read a job's arguments; those that Glue adds of its own are left alone."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in JobArguments.__dataclass_fields__:
        parser.add_argument(f"--{name}", required=True)
    known, _ = parser.parse_known_args(command_line)
    return JobArguments(**vars(known))


def request_key(attempt: str) -> str:
    """Return where an attempt's request lies in the processed zone."""
    return f"{FOLDER}/{attempt}/request.json"


def result_key(attempt: str) -> str:
    """Return where an attempt's result lies in the processed zone."""
    return f"{FOLDER}/{attempt}/result.json"


def log_path(processed_uri: str, attempt: str) -> Path:
    """Return where a local attempt writes its log."""
    return Path(processed_uri) / FOLDER / attempt / "job.log"


JobBody = Callable[[JobArguments, dict[str, Any]], dict[str, Any]]


def run_job(body: JobBody) -> None:
    """Run a job's body between its request and its one result document."""
    arguments = parse_arguments(sys.argv[1:])
    if arguments.spark_engine != "glue":
        _write_log_to_file(log_path(arguments.processed_uri, arguments.attempt))
        _end_with_parent()
        try:
            _hold_job_lock(Path(arguments.processed_uri))
        except LockedError as error:
            _log.error("%s", error)
            sys.exit(LOCKED_EXIT_CODE)
    processed = open_zone(arguments.processed_uri)
    with open_dagster_pipes() as pipes:
        request = json.loads(processed.read(request_key(arguments.attempt)))
        result = {**body(arguments, request), "attempt": arguments.attempt}
        processed.write(result_key(arguments.attempt), json.dumps(result, indent=1, default=str).encode())
        _report(pipes, result)


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
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")


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
