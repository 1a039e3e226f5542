"""One run of a Glue job, from its start to its end, by `dagster_aws`'s own client with its gaps closed.

Belongs here: starting when it is our turn, waiting for every end that a run can have, stopping what nobody waits for,
and where the run's messages lie. Does not belong here: what failures mean (see `glue_errors`).
"""

from __future__ import annotations

import copy
import json
import random
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import boto3
import dagster as dg
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from dagster_aws.pipes import PipesGlueClient, PipesS3MessageReader

from finance_platform.errors import FinancePlatformError
from finance_platform.orchestration.resources.glue_errors import SUCCEEDED, error_of_run, explained_by_glue, is_busy
from finance_platform.spark_jobs.harness import MESSAGE_SECONDS

ACTIVE_STATES = {"STARTING", "RUNNING", "STOPPING", "WAITING"}
"""The states that a run leaves by itself; every other one is an end, whatever Glue adds."""

ATTEMPTS = 8
ATTEMPT = "--attempt"
_RUNS_LOOKED_AT = 20
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 2.0, 60.0


@dataclass(frozen=True)
class WaitPolicy:
    """How long is waited.

    Attributes:
        poll_seconds: how often a run is asked for its state.
        turn_seconds: how long to wait for other runs to end before this one starts.
    """

    poll_seconds: float
    turn_seconds: float


@dataclass(frozen=True)
class MessageFolder:
    """Where one run's context and messages lie.

    Attributes:
        bucket: the bucket.
        folder: the prefix in it, without a slash at its end; no other run's.
    """

    bucket: str
    folder: str

    def reader(self, client: Any) -> PipesS3MessageReader:
        """Return the reader of the run's messages, among which is what the job prints, as it prints it."""
        return _FolderMessageReader(
            folder=self.folder,
            bucket=self.bucket,
            client=client,
            interval=MESSAGE_SECONDS,
            include_stdio_in_messages=True,
        )


class _FolderMessageReader(PipesS3MessageReader):
    """Reads messages from a folder that we name; by itself it would take a random one at the top of the bucket.

    A connection that is cut while a message is read costs one look: the parent would lose all that are still to come,
    and with them the result of a job that did its work.
    """

    def __init__(self, *, folder: str, **more: Any) -> None:
        super().__init__(**more)
        self._folder = folder

    @contextmanager
    def get_params(self) -> Iterator[dict[str, Any]]:
        """Yield where the job finds the folder; when the reader has ended, show what the job printed at its very end.

        The parent ends with the message that the job has closed, and what was printed last is sent after that.
        """
        with super().get_params() as params:
            params = {**params, "key_prefix": self._folder}
            try:
                yield params
            finally:
                self._show_last_words(params)

    def messages_are_readable(self, params: Mapping[str, Any]) -> bool:
        """Return whether the first message is there."""
        try:
            return bool(super().messages_are_readable(params))
        except BotoCoreError:
            return False

    def download_messages_chunk(self, index: int, params: Mapping[str, Any]) -> str | None:
        """Return what the job has sent, its closing last: the parent warns of everything that comes after that."""
        try:
            chunk = super().download_messages_chunk(index, params)
        except BotoCoreError:
            return None
        return chunk and "\n".join(sorted(chunk.splitlines(), key=_is_closing))

    def _show_last_words(self, params: Mapping[str, Any]) -> None:
        while chunk := self.download_messages_chunk(self.counter, params):
            self.counter += 1
            for message in map(json.loads, chunk.splitlines()):
                if message["method"] == "log_external_stream":
                    stream = sys.stderr if message["params"]["stream"] == "stderr" else sys.stdout
                    stream.write(message["params"]["text"])


def _is_closing(line: str) -> bool:
    return bool(json.loads(line)["method"] == "closed")


@cache
def glue_client(region: str) -> Any:
    """Return a client of Glue, the same for the same region."""
    config = Config(
        connect_timeout=5,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        user_agent_extra="finance-platform",
    )
    # A session of its own: the default one is not safe among threads while a client is made.
    return boto3.session.Session().client("glue", region_name=region or None, config=config)


class GlueRunClient(PipesGlueClient):
    """Runs one Glue job; see the module for what it adds to the client of `dagster_aws`."""

    def __init__(self, *, client: Any, patience: WaitPolicy, **more: Any) -> None:
        """Name the client and the patience; the rest is the parent's.

        Args:
            client: of boto3; see `glue_client`.
            patience: how long is waited.
            more: the context injector and the message reader.
        """
        # What the parent does on termination comes too late (after the last messages) and only for interrupts.
        super().__init__(client=RetryingGlueClient(client, patience), forward_termination=False, **more)
        self._patience = patience

    def run(  # type: ignore[override]  # as the parent does
        self,
        *,
        context: dg.OpExecutionContext | dg.AssetExecutionContext,
        start_job_run_params: Any,
        extras: dict[str, Any] | None = None,
    ) -> dg.PipesClientCompletedInvocation:
        """Start a run, wait for its end, and return what came of it.

        Args:
            context: of the step.
            start_job_run_params: for Glue's StartJobRun; left as they are.
            extras: for the job, by Pipes.

        Raises:
            FinancePlatformError: see `glue_errors`.
        """
        self._client.tell = context.log.info
        params = copy.deepcopy(dict(start_job_run_params))
        try:
            return super().run(context=context, start_job_run_params=params, extras=extras)
        except BaseException:
            # Between the start and the first look nobody waits yet.
            self._client.stop()
            raise

    def _wait_for_job_run_completion(self, job_name: str, run_id: str) -> Mapping[str, Any]:
        """Wait for any end; stop the run if anything keeps us from waiting on.

        Raises:
            JobError: the run did not end well.
            TransientJobError: it did not, and may when it is started again.
        """
        self._client.tell(f"{job_name}: {self._page(job_name, run_id)}")
        try:
            answer = self._end_of(job_name, run_id)
        except BaseException:
            self._client.stop()
            raise
        self._client.has_ended = True
        if answer["JobRun"]["JobRunState"] != SUCCEEDED:
            raise error_of_run(answer["JobRun"], self._page(job_name, run_id))
        return answer

    def _end_of(self, job_name: str, run_id: str) -> Mapping[str, Any]:
        told = ""
        while True:
            answer: Mapping[str, Any] = self._client.get_job_run(JobName=job_name, RunId=run_id)
            state = str(answer["JobRun"]["JobRunState"])
            if state not in ACTIVE_STATES:
                return answer
            if state != told:
                why = answer["JobRun"].get("StateDetail")
                self._client.tell(f"{job_name} is {state}{f': {why}' if why else ''}")
                told = state
            time.sleep(self._patience.poll_seconds)

    def _page(self, job_name: str, run_id: str) -> str:
        named = {"JobRun": {"Id": run_id, "JobName": job_name}}
        return str(cast(dg.UrlMetadataValue, self._extract_dagster_metadata(named)["AWS Glue Job Run URL"]).value)


class RetryingGlueClient:
    """Glue's client as the parent uses it: starts when it is our turn, and says what fails in our words."""

    def __init__(self, client: Any, patience: WaitPolicy) -> None:
        self.meta = client.meta
        self.tell: Any = None
        self.has_ended = False
        self._client = client
        self._patience = patience
        self._started: tuple[str, str] | None = None

    def start_job_run(self, **params: Any) -> Any:
        """Start a run; while others hold it back, wait, each time longer and never in step with another who waits."""
        name = params["JobName"]
        give_up_at = time.monotonic() + self._patience.turn_seconds
        pause = _FIRST_PAUSE_SECONDS
        with explained_by_glue(name, self.meta.region_name):
            while True:
                try:
                    answer = self._client.start_job_run(**params)
                except ClientError as error:
                    answer = self._already_started(params) if is_busy(error) else None
                    seconds = random.uniform(pause / 2, pause)  # noqa: S311  no secret, only spread out
                    if not answer and (not is_busy(error) or time.monotonic() + seconds > give_up_at):
                        raise
                if answer:
                    self._started = name, answer["JobRunId"]
                    return answer
                self.tell(f"{name} waits for its turn")
                time.sleep(seconds)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _already_started(self, params: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the run that we have started ourselves, where the answer to that was lost and the client asked again.

        It would keep us out for as long as it goes on, and then do again what it has done.
        """
        attempt = params["Arguments"].get(ATTEMPT)
        for run in self._client.get_job_runs(JobName=params["JobName"], MaxResults=_RUNS_LOOKED_AT)["JobRuns"]:
            if attempt and run.get("Arguments", {}).get(ATTEMPT) == attempt:
                return {"JobRunId": run["Id"]}
        return None

    def get_job_run(self, **params: Any) -> Any:
        """Ask for a run's state."""
        with explained_by_glue(params["JobName"], self.meta.region_name):
            return self._client.get_job_run(**params)

    def stop(self) -> None:
        """Stop the run, if it goes on: nobody would take its result."""
        if self._started is None or self.has_ended:
            return
        self.has_ended = True
        name, run_id = self._started
        self.tell(f"stopping run {run_id} of {name}, for which nobody waits any more")
        try:
            with explained_by_glue(name, self.meta.region_name):
                answer = self._client.batch_stop_job_run(JobName=name, JobRunIds=[run_id])
        except FinancePlatformError as error:
            # Why the wait ended says more than why the run could not be stopped.
            self.tell(f"the run could not be stopped and goes on, which does no harm: {error.found}")
            return
        for failed in answer.get("Errors", ()):
            self.tell(f"the run was not stopped: {failed.get('ErrorDetail', {}).get('ErrorMessage')}")
