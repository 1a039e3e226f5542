"""The process that runs the jobs of one run, one after the other; those that need Spark share a session.

Belongs here: taking orders, which job each is for. Does not belong here: starting the process (see
`orchestration.job_runners.job_process`), the work of a job (see its script), logs and results (see `harness`).

It reads orders from standard input and ends when that does.
"""

from __future__ import annotations

import gc

if __name__ == "__main__":
    # What is imported is no garbage, and looking for it among that takes a tenth of the time of importing.
    gc.disable()

import atexit
import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from finance_platform.code_version import JobName, code_stamp, trust_code_versions
from finance_platform.spark_jobs.arguments import JobArguments, parse_arguments
from finance_platform.spark_jobs.build_star_job import build_slices
from finance_platform.spark_jobs.harness import end_with_parent, ended_if_interrupted, run_attempt
from finance_platform.spark_jobs.job_orders import DONE, ENGINE, READY, JobOrder
from finance_platform.spark_jobs.requests import BuildRequest, StandardiseRequest
from finance_platform.spark_jobs.session import spark_session
from finance_platform.spark_jobs.standardise_job import read_deliveries
from finance_platform.storage.factory import open_store
from finance_platform.unused_imports import leave_out

if TYPE_CHECKING:
    from dagster_pipes import PipesContext
    from pyspark.sql import SparkSession

_LATE_MODULES = ("numpy.ma", "pyarrow.acero")
"""What NumPy's first search for distinct numbers and Arrow's first grouped sums import, while a job waits for them."""


def main() -> None:
    """Run the jobs that are asked for."""
    end_with_parent()
    # Most jobs start no session, and only its client needs pandas.
    leave_out({"pandas"}, until="pysail")
    for name in _LATE_MODULES:
        import_module(name)
    atexit.register(gc.freeze)  # as the command line does, for its reason
    # Standard output becomes the log of each job; what Spark prints before must not be taken for an answer.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with ended_if_interrupted(), spark_session(ENGINE) as spark:
        # Nor shall a search for garbage among a job's rows go over it again.
        gc.freeze()
        gc.enable()
        answers.write(READY)
        answers.flush()
        for line in sys.stdin:
            _run(spark, JobOrder.from_line(line))
            answers.write(DONE)
            answers.flush()


def _run(spark: SparkSession, order: JobOrder) -> None:
    arguments = parse_arguments(order.command_line)
    if order.code_stamp == code_stamp():
        # Deriving it again from the same files takes a third of a second, before the first line is read.
        trust_code_versions({order.job: arguments.code_version})
    body = _BODIES[order.job]
    run_attempt(
        order.job,
        lambda given, request: body(spark, given, request),
        arguments,
        (lambda: _open_pipes(order.variables)) if order.variables else None,
    )
    # What this job has used must not be beside what the next one needs.
    gc.collect()
    pa.default_memory_pool().release_unused()


def _standardise(spark: SparkSession, arguments: JobArguments, request: dict[str, Any]) -> dict[str, Any]:
    open_store(arguments.raw_uri, arguments.raw_options).exists()  # as the job's script does, for its reason
    return read_deliveries(spark, arguments, StandardiseRequest.from_json(request))


def _build_star(spark: SparkSession, arguments: JobArguments, request: dict[str, Any]) -> dict[str, Any]:
    return build_slices(spark, arguments, BuildRequest.from_json(request))


_BODIES: Mapping[JobName, Callable[[SparkSession, JobArguments, dict[str, Any]], dict[str, Any]]] = {
    "standardise": _standardise,
    "build_star": _build_star,
}


def _open_pipes(variables: Mapping[str, str]) -> PipesContext:
    """Open a connection to Dagster for one job; `open_dagster_pipes` opens one for the whole process."""
    from dagster_pipes import (
        PipesContext,
        PipesDefaultContextLoader,
        PipesDefaultMessageWriter,
        PipesMappingParamsLoader,
    )

    return PipesContext(PipesMappingParamsLoader(variables), PipesDefaultContextLoader(), PipesDefaultMessageWriter())


if __name__ == "__main__":
    main()
