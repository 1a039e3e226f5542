"""One run of a Glue job, from its start to its end.

Belongs here: waiting for a turn, polling until any end state, stopping an abandoned run. Does not belong here: the
classes of errors (see `glue_errors`), the job's messages (see `s3_messages`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from finance_platform.errors import FinancePlatformError
from finance_platform.orchestration.job_runners.glue_errors import (
    SUCCEEDED,
    error_from_run,
    is_busy,
    translate_glue_errors,
)

ACTIVE_STATES = {"STARTING", "RUNNING", "STOPPING", "WAITING"}
"""The states that a run leaves by itself; every other state, including any that Glue adds, is an end."""

ATTEMPTS = 8
_ATTEMPT_ARGUMENT = "--attempt"
_RECENT_RUNS = 20
_LONGEST_PAUSE_SECONDS = 60.0


@dataclass(frozen=True)
class WaitPolicy:
    """How long to wait for what.

    Attributes:
        poll_seconds: the pause between two polls of a run's state.
        turn_seconds: the time to wait for a turn while other runs are active.
        first_pause_seconds: the first pause of that wait; each further one is twice as long.
        closing_seconds: the time to wait for the last messages of a run that has ended.
    """

    poll_seconds: float = 5.0
    turn_seconds: float = 600.0
    first_pause_seconds: float = 2.0
    closing_seconds: float = 10.0


@cache
def glue_client(region: str) -> Any:
    """Return a client of Glue, the same for the same region."""
    config = Config(
        connect_timeout=5,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        user_agent_extra="finance-platform",
    )
    # A session of its own: the default one is not thread-safe while a client is created.
    return boto3.session.Session().client("glue", region_name=region or None, config=config)


@dataclass
class GlueRun:
    """One run of a Glue job.

    Attributes:
        client: see `glue_client`.
        job_name: the job.
        waiting: how long to wait for what.
        log: gets one line for each step of the run.
        run_id: the run; empty before it has started.
    """

    client: Any
    job_name: str
    waiting: WaitPolicy
    log: Callable[[str], object]
    run_id: str = ""

    @property
    def console_url(self) -> str:
        """The run's page in the Glue console."""
        return (
            f"https://{self._region}.console.aws.amazon.com/gluestudio/home?region={self._region}"
            f"#/job/{self.job_name}/run/{self.run_id}"
        )

    def run_to_end(
        self,
        arguments: Mapping[str, str],
        on_poll: Callable[[], None],
        job_error: Callable[[], str] = lambda: "",
    ) -> None:
        """Start the run and wait until it has succeeded; stop it if anything ends the wait early.

        Args:
            arguments: the job's.
            on_poll: called before every poll of the state.
            job_error: returns the error that the job itself has sent, after the run's end; empty if it sent none.

        Raises:
            LockedError: another run of the job was active for too long.
            TransientJobError: Glue was busy, or the run may succeed when it is started again.
            JobError: the run could not be started or polled, or failed.
        """
        try:
            self.start(arguments)
            run = self._wait_for_end(on_poll)
        except BaseException:
            self._stop()
            raise
        if run["JobRunState"] != SUCCEEDED:
            raise error_from_run(run, self.console_url, job_error())

    def start(self, arguments: Mapping[str, str]) -> None:
        """Start the run; while other runs are active wait for a turn, with growing and randomised pauses.

        Raises:
            LockedError: see `run_to_end`.
            TransientJobError: see `run_to_end`.
            JobError: see `run_to_end`.
        """
        give_up_at = time.monotonic() + self.waiting.turn_seconds
        pause = self.waiting.first_pause_seconds
        with self._translate_errors():
            while not self.run_id:
                try:
                    self.run_id = self._request_start(arguments)
                except ClientError as error:
                    seconds = random.uniform(pause / 2, pause)  # noqa: S311  not a secret
                    if not is_busy(error) or time.monotonic() + seconds > give_up_at:
                        raise
                    self.log(f"{self.job_name} waits for its turn")
                    time.sleep(seconds)
                    pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        self.log(f"{self.job_name}: {self.console_url}")

    def _request_start(self, arguments: Mapping[str, str]) -> str:
        """Return the id of a new run, or of ours if an earlier request has started it and its response was lost.

        boto3 repeats such a request. Our own run would then keep us waiting until its end, and its work would be done
        twice.
        """
        try:
            return str(self.client.start_job_run(JobName=self.job_name, Arguments=dict(arguments))["JobRunId"])
        except ClientError as error:
            run_id = self._find_started(arguments) if is_busy(error) else ""
            if not run_id:
                raise
            return run_id

    def _find_started(self, arguments: Mapping[str, str]) -> str:
        """Return the id of the run that has our attempt among its arguments; empty if there is none."""
        attempt = arguments.get(_ATTEMPT_ARGUMENT)
        for run in self.client.get_job_runs(JobName=self.job_name, MaxResults=_RECENT_RUNS)["JobRuns"]:
            if attempt and run.get("Arguments", {}).get(_ATTEMPT_ARGUMENT) == attempt:
                return str(run["Id"])
        return ""

    def _wait_for_end(self, on_poll: Callable[[], None]) -> Mapping[str, Any]:
        last_state = ""
        while True:
            on_poll()
            with self._translate_errors():
                run: Mapping[str, Any] = self.client.get_job_run(JobName=self.job_name, RunId=self.run_id)["JobRun"]
            state = str(run["JobRunState"])
            if state not in ACTIVE_STATES:
                return run
            if state != last_state:
                detail = run.get("StateDetail")
                self.log(f"{self.job_name} is {state}{f': {detail}' if detail else ''}")
                last_state = state
            time.sleep(self.waiting.poll_seconds)

    def _stop(self) -> None:
        """Stop the run if it has started; its result would be ignored."""
        if not self.run_id:
            return
        self.log(f"stopping run {self.run_id} of {self.job_name}, whose result is no longer awaited")
        try:
            with self._translate_errors():
                response = self.client.batch_stop_job_run(JobName=self.job_name, JobRunIds=[self.run_id])
        except FinancePlatformError as error:
            # The reason for the end of the wait matters more than this one.
            self.log(f"the run could not be stopped and continues, which is harmless: {error.found}")
            return
        for failure in response.get("Errors", ()):
            self.log(f"the run was not stopped: {failure.get('ErrorDetail', {}).get('ErrorMessage')}")

    def _translate_errors(self) -> AbstractContextManager[None]:
        return translate_glue_errors(self.job_name, self._region)

    @property
    def _region(self) -> str:
        return str(self.client.meta.region_name)
