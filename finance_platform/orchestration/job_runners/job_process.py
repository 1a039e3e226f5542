"""One process for the Spark jobs of a run on this machine, started before the run's first step needs it.

Belongs here: its start, orders to it, its end. Does not belong here: what it does (see `spark_jobs.job_host`), which
jobs it gets (see `subprocess_jobs`). Dagster is not imported: the process starts while the run imports it.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import finance_platform
from finance_platform.code_version import JobName
from finance_platform.settings import Settings
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.spark_jobs.failure import FailurePipe, JobFailure
from finance_platform.spark_jobs.job_orders import DONE, ENGINE, READY, JobOrder
from finance_platform.storage.s3_options import S3_SCHEME, S3Options, object_store_variables

_log = logging.getLogger(__name__)

INTERRUPT_SECONDS = 20
"""How long an interrupted job has to end by itself."""

_END_SECONDS = 5


def script_path() -> Path:
    """Return the path of the process's script."""
    return Path(str(finance_platform.__file__)).parent / "spark_jobs" / "job_host.py"


class FailedAttemptError(Exception):
    """A job that began ahead of its step has failed; the step reports it.

    Attributes:
        job: the job.
        arguments: of the attempt.
        exit_code: of its process; not 0.
        failure: the account that it has sent.
    """

    def __init__(self, job: JobName, arguments: JobArguments, exit_code: int, failure: JobFailure | None) -> None:
        self.job = job
        self.arguments = arguments
        self.exit_code = exit_code
        self.failure = failure
        super().__init__(f"{job} ended with the exit code {exit_code}")


class JobProcess:
    """A process for jobs, one after the other.

    A job that fails, or whose process is killed, ends it; the jobs after that have processes of their own.
    """

    def __init__(
        self,
        script: Path | None = None,
        meanwhile: Callable[[], Iterator[None]] | None = None,
        s3: S3Options | None = None,
    ) -> None:
        """Prepare it; `start` starts it, or the first job does.

        Args:
            script: what it runs; `spark_jobs.job_host` without one.
            meanwhile: work for this process, which waits for the first job: small steps, which others can do again.
            s3: how Spark reaches the processed zone, if that is on S3; the jobs' log is the process's output then.
        """
        self._script = script or script_path()
        self._meanwhile = meanwhile
        self._s3 = s3
        self._work: threading.Thread | None = None
        self._is_closed = False
        self._process: subprocess.Popen[str] | None = None
        self._failure: FailurePipe | None = None
        self._is_ready = False
        self._is_over = False

    def start(self) -> None:
        """Start it unless it was started, and do not wait for that."""
        if self._process is not None or self._is_over:
            return
        engine_variables = {} if self._s3 is None else object_store_variables(self._s3)
        try:
            self._failure = FailurePipe()
            self._process = subprocess.Popen(
                # -P keeps the script's own folder off the module path, where its siblings would shadow other modules.
                [sys.executable, "-P", str(self._script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # If it cannot start, the job that then gets a process of its own reports why.
                stderr=subprocess.DEVNULL if self._s3 is None else None,
                text=True,
                env={**engine_variables, **os.environ, **self._failure.variables},
                pass_fds=[self._failure.write_end],
            )
        except OSError:
            self._is_over = True

    def run(
        self,
        job: JobName,
        arguments: JobArguments,
        variables: Mapping[str, str],
        *,
        works_meanwhile: bool = True,
    ) -> int | None:
        """Run a job to its end and return its exit code; None if the process has ended and does not begin the job.

        Args:
            job: the job.
            arguments: of the attempt.
            variables: the parameters of Dagster Pipes; none for a job that sends it no messages.
            works_meanwhile: whether this process has nothing else to do until the job ends.
        """
        self.start()
        process = self._process
        if self._is_over or process is None:
            return None
        try:
            has_succeeded = self.order(job, arguments, variables, works_meanwhile=works_meanwhile)
            if has_succeeded:
                return 0
            exit_code = process.wait()
        except BaseException:
            self._is_over = True
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(INTERRUPT_SECONDS)
            raise
        return None if has_succeeded is None else exit_code

    def order(
        self, job: JobName, arguments: JobArguments, variables: Mapping[str, str], *, works_meanwhile: bool
    ) -> bool | None:
        """Let the process run a job; return whether it has succeeded, and None if the process does not begin it.

        It does not wait for the end of a process whose job has failed, which only its parent can.

        Args:
            job: see `run`.
            arguments: see there.
            variables: see there.
            works_meanwhile: see there.
        """
        process = self._process
        if self._is_over or process is None:
            return None
        is_begun = self._begin(process, JobOrder.of(job, arguments, variables))
        if is_begun and works_meanwhile:
            self.work_meanwhile()
        if is_begun and _next_answer(process) == DONE:
            return True
        self._is_over = True
        return False if is_begun else None

    @property
    def is_started(self) -> bool:
        """Whether the process was started, and takes jobs."""
        return self._process is not None and not self._is_over

    @property
    def is_ready(self) -> bool:
        """Whether it has taken an order, or could have."""
        return self._is_ready

    def take_back(self, *, is_ready: bool) -> None:
        """Go on with the process after a fork of this one has given it orders.

        Args:
            is_ready: whether it could take orders there.
        """
        self._is_ready = self._is_ready or is_ready

    def wait_for_failed(self) -> int:
        """Wait for the end of the process, whose job has failed, and return its exit code."""
        self._is_over = True
        return self._process.wait() if self._process is not None else 0

    @property
    def failure(self) -> JobFailure | None:
        """Why the job failed that has ended the process, as far as it could report it."""
        return self._failure.read() if self._failure is not None else None

    def end(self) -> None:
        """Let it end once it has nothing to do, and do not wait for that: its memory is needed by what follows."""
        self._is_over = True
        if self._process is not None and self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()

    def close(self) -> None:
        """End it, and wait for that, and for the step that this process is at beside it."""
        self.end()
        self._is_closed = True
        if self._work is not None:
            self._work.join()
        if self._failure is not None:
            self._failure.close()
        if self._process is None:
            return
        if not self._is_ready:
            self._process.kill()  # it is still importing, has written nothing, and would go on for a second
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def interrupt(self) -> None:
        """Interrupt the job that another thread waits for, and wait until the process has ended; it takes no other job.

        While it starts, it has written nothing and is killed. What an attempt has written without a commit is never
        read, so it has less time than the job of a step: Spark's client may try for minutes to reach its server.
        """
        self._is_over = True
        if self._process is None:
            return
        if self._is_ready:
            self._process.send_signal(signal.SIGINT)
        else:
            self._process.kill()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def work_meanwhile(self) -> None:
        """Begin the work for this process while it waits for a job, once."""
        if self._meanwhile is None:
            return
        steps, self._meanwhile = self._meanwhile, None
        self._work = threading.Thread(target=self._take_steps, args=[steps], name="work-ahead", daemon=True)
        self._work.start()

    def _take_steps(self, steps: Callable[[], Iterator[None]]) -> None:
        try:
            for _ in steps():
                if self._is_closed:
                    return
        except Exception:
            # The step of the run that needs it does it again, and reports the error as its own.
            _log.debug("work ahead of the load failed", exc_info=True)

    def _begin(self, process: subprocess.Popen[str], order: JobOrder) -> bool:
        """Send an order as soon as the process takes one; return whether it got it."""
        self._is_ready = self._is_ready or _next_answer(process) == READY
        if not self._is_ready or process.stdin is None:
            return False
        try:
            process.stdin.write(order.to_line())
            process.stdin.flush()
        except BrokenPipeError:
            return False
        return True


def _next_answer(process: subprocess.Popen[str]) -> str:
    """Return the next answer; empty if the process ends without one."""
    return process.stdout.readline() if process.stdout is not None else ""


@contextmanager
def job_process(
    settings: Settings, *, starts_now: bool, meanwhile: Callable[[], Iterator[None]] | None = None
) -> Iterator[JobProcess | None]:
    """Yield a process for the jobs of a run; None if each job has one of its own, or runs elsewhere.

    Args:
        settings: the home.
        starts_now: whether jobs are likely, so that the process starts at once.
        meanwhile: see `JobProcess`.
    """
    is_on_s3 = settings.processed_root.startswith(S3_SCHEME)
    runs_jobs_here = settings.glue_from_bytes > 0 if settings.is_on_aws else not is_on_s3
    if settings.job_engine != ENGINE or not runs_jobs_here:
        yield None
        return
    # Imported here: commands that start no process do without it.
    from finance_platform.bootstrap import s3_options

    options = s3_options(settings) if is_on_s3 else None
    process = JobProcess(meanwhile=meanwhile, s3=options)
    try:
        if starts_now:
            process.start()
        yield process
    finally:
        process.close()
