"""The account that a failed job leaves: what it reports to the process that started it.

Belongs here: its form, and the pipe through which it is sent where nothing can be written. Does not belong here: when a
job sends one (see `harness`), what a step reports (see `orchestration.job_runners.pipes_jobs`).

A job fails for lack of what an account in a file needs as well: space, a permission, a disk that works. A pipe between
two processes needs none of these.
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass

from finance_platform.errors import FinancePlatformError, JobError, TransientError
from finance_platform.safe_text import hide_credentials, printable

PIPE_VARIABLE = "FINANCE_JOB_FAILURE_PIPE"
"""The environment variable with the number of the pipe's writing end."""

_MAX_LETTERS = 1_000
"""Of each part of an account in a pipe, which takes 64 KiB before a reader comes."""


@dataclass(frozen=True)
class JobFailure:
    """Why a job failed.

    Attributes:
        title: the kind of error.
        found: the variable part.
        fix: what to do; empty if only the log can say more.
        is_transient: whether the job may succeed when it is started again.
    """

    title: str
    found: str
    fix: str
    is_transient: bool

    @classmethod
    def of(cls, error: BaseException) -> JobFailure:
        """Return the account of an error: its own text, or for a bug its class and the first line of its message."""
        if isinstance(error, FinancePlatformError):
            return cls(error.title, error.found, error.fix, isinstance(error, TransientError))
        text = "".join(traceback.format_exception_only(error)).strip()
        found = hide_credentials(printable(text)).partition("\n")[0]
        return cls(JobError.title, found, fix="", is_transient=False)

    @classmethod
    def from_json(cls, data: bytes) -> JobFailure:
        """Return the account that a document contains.

        Raises:
            ValueError: the document is damaged.
        """
        try:
            return cls(**json.loads(data))
        except TypeError as error:
            raise ValueError(f"not the account of a job: {error}") from error

    def to_json(self) -> bytes:
        """Return the account as a document."""
        return json.dumps(asdict(self)).encode()


@contextmanager
def failure_sent() -> Iterator[None]:
    """Send the account of an error that ends this process to the one that has started it."""
    try:
        yield
    except (SystemExit, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # a panic of Sail's is not an `Exception`
        send_failure(JobFailure.of(error))
        raise


def send_failure(failure: JobFailure) -> None:
    """Send an account through the pipe that this process was given, if it was given one; the first one is read."""
    number = os.environ.get(PIPE_VARIABLE, "")
    if not number.isdecimal():
        return
    title, found, fix = map(_shortened, (failure.title, failure.found, failure.fix))
    # The other process may have ended. An account that nothing reads must not become an error in place of its own.
    with suppress(OSError):
        os.set_blocking(int(number), False)
        os.write(int(number), JobFailure(title, found, fix, failure.is_transient).to_json() + b"\n")


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_LETTERS else f"{text[:_MAX_LETTERS]}…"


class FailurePipe:
    """The two ends of a pipe in the process that starts a job; a context that closes both."""

    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)

    def __enter__(self) -> FailurePipe:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def variables(self) -> dict[str, str]:
        """The environment of the job's process, which also has to inherit `write_end`."""
        return {PIPE_VARIABLE: str(self.write_end)}

    def read(self) -> JobFailure | None:
        """Return what a process that has ended has sent; None if it has sent nothing, or was killed meanwhile."""
        try:
            return JobFailure.from_json(os.read(self._read_end, 1 << 16).partition(b"\n")[0])
        except (BlockingIOError, ValueError):
            return None

    def close(self) -> None:
        """Close both ends, once."""
        ends, self._read_end, self.write_end = (self._read_end, self.write_end), -1, -1
        for end in ends:
            if end >= 0:
                os.close(end)
