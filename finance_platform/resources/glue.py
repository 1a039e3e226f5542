"""The Glue resource: runs a job script with a request, and gives back its one result.

Belongs here: starting a job, and judging whether it did what it was asked. Does not belong here: what jobs do.
"""

import json
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import dagster as dg

import finance_platform
from finance_platform.errors import JobError, LockedError
from finance_platform.glue.job import LOCKED_EXIT_CODE, JobArguments, log_path, request_key, result_key
from finance_platform.resources.lake import LakeResource

JobName = Literal["standardise", "build_star"]


class GlueResource(dg.ConfigurableResource[dg.PipesSubprocessClient]):
    """Runs Glue job scripts; here as a subprocess of the very script that Glue runs.

    Attributes:
        lake: where requests and results lie.
        spark_engine: sail or jvm.
    """

    lake: dg.ResourceDependency[LakeResource]
    spark_engine: str

    def run(self, context: dg.AssetExecutionContext, job: JobName, request: dict[str, Any]) -> dict[str, Any]:
        """Run a job and return its result document.

        Raises:
            LockedError: another job is at work in the processed zone.
            JobError: the job failed, or did not send exactly one result, or not the one that it wrote.
        """
        processed = self.lake.processed
        # The time first, so that folders sort as they came; the rest keeps two attempts in one second apart.
        attempt = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"
        processed.write(request_key(attempt), json.dumps(request, default=str).encode())
        arguments = JobArguments(
            raw_uri=self.lake.raw_root,
            processed_uri=self.lake.processed_root,
            attempt=attempt,
            spark_engine=self.spark_engine,
        )
        # -P keeps the script's own folder off the module path, where its neighbours would hide other modules.
        command = [sys.executable, "-P", str(_script(job)), *arguments.as_command_line()]
        try:
            with warnings.catch_warnings():
                # Pipes warns of a part of its own that is new; there is nothing that a reader could do about it.
                warnings.filterwarnings("ignore", message=".*expected_writer_count.*")
                invocation = dg.PipesSubprocessClient().run(context=context, command=command)
        except Exception as error:
            log = log_path(self.lake.processed_root, attempt)
            if str(error).endswith(f"code {LOCKED_EXIT_CODE}"):
                raise LockedError(
                    f"a Glue job is writing to {self.lake.processed_root}",
                    fix="wait until it has ended, then run again",
                ) from error
            raise JobError(f"{job}: {_last_line(log)}", fix=f"read the job's log, {log}") from error
        return self._checked(job, attempt, invocation.get_custom_messages())

    def _checked(self, job: JobName, attempt: str, messages: Any) -> dict[str, Any]:
        if len(messages) != 1:
            raise JobError(
                f"{job} sent {len(messages)} results, expected exactly one",
                fix=f"read the job's log, {log_path(self.lake.processed_root, attempt)}",
            )
        try:
            written = json.loads(self.lake.processed.read(result_key(attempt)))
        except FileNotFoundError:
            written = None
        if messages[0] != written:
            raise JobError(f"{job} sent another result than it wrote to the lake", fix="run again")
        return dict(written)


def _script(job: JobName) -> Path:
    """Return where a job's script is."""
    return Path(str(finance_platform.__file__)).parent / "glue" / f"{job}_job.py"


def _last_line(log: Path) -> str:
    """Return the last line that is no continuation of another: an error's fix and a trace's frames are indented."""
    if not log.exists():
        return "it wrote no log"
    lines = [line for line in log.read_text(errors="replace").splitlines() if line[:1].strip()]
    return lines[-1] if lines else "its log is empty"
