"""Orders to the process that runs the jobs of one run, and its answers; a line each.

Belongs here: their form. Does not belong here: the process (see `job_host`, which imports Spark; what starts it must
not), requests of jobs (see `requests`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from finance_platform.code_version import JobName, code_stamp
from finance_platform.spark_jobs.arguments import JobArguments

ENGINE = "sail"
"""The engine of the process's one session; jobs on other engines have processes of their own."""

READY = "ready\n"
"""The process can take its first order."""

DONE = "done\n"
"""The job has succeeded; one that fails ends the process, with the exit code of its own script."""


@dataclass(frozen=True)
class JobOrder:
    """An order to run a job.

    Attributes:
        job: the job.
        command_line: the arguments that its script would get.
        variables: the parameters of Dagster Pipes that its script would find in its environment; none for a job that
            sends Dagster no messages, whose result is in the processed zone alone.
        code_stamp: of the process that asks; see `code_version.code_stamp`.
    """

    job: JobName
    command_line: list[str]
    variables: Mapping[str, str]
    code_stamp: str

    @classmethod
    def of(cls, job: JobName, arguments: JobArguments, variables: Mapping[str, str]) -> JobOrder:
        """Return the order for an attempt."""
        return cls(job, arguments.as_command_line(), dict(variables), code_stamp())

    @classmethod
    def from_line(cls, line: str) -> JobOrder:
        """Return the order that a line contains."""
        document: dict[str, Any] = json.loads(line)
        return cls(**document)

    def to_line(self) -> str:
        """Return the order as a line."""
        return json.dumps(asdict(self)) + "\n"
