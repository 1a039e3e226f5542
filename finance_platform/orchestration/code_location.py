"""The code location: its module, its name, and runs of this process that belong to it.

Belongs here: what all who load the definitions or record runs must agree on. Does not belong here: the definitions (see
`definitions`), the processes that serve them (see `webserver.ui_processes`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import dagster as dg

# No public API gives a run of this process an origin (089).
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

MODULE = "finance_platform.definitions"
LOCATION = MODULE
"""The name that `dagster dev` and `workspace.yaml` give the code location; with another, the history would split."""

_REPOSITORY = "__repository__"
"""Dagster's name for the definitions of a module."""


def execute_in_location(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    *,
    run_config: Mapping[str, Any],
    tags: Mapping[str, str],
    run_id: str | None = None,
) -> dg.JobExecutionResult:
    """Execute a job in this process as a run of the code location; a failure is in the result.

    Dagster's `execute_in_process` records a run without an origin: the UI lists it neither on the overview nor with its
    job, and cannot execute it again.

    Args:
        job: the job, whose executor needs no other process.
        instance: where the run is recorded.
        run_config: the run's configuration.
        tags: the run's tags, besides those of the job.
        run_id: the run's id; a new one without it.
    """
    target = LoadableTargetOrigin(executable_path=sys.executable, module_name=MODULE)
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, location_name=LOCATION)
    run = instance.create_run_for_job(
        job_def=job,
        run_id=run_id,
        run_config=run_config,
        tags={**job.run_tags, **tags},
        remote_job_origin=RemoteRepositoryOrigin(location, _REPOSITORY).get_job_origin(job.name),
    )
    return execute_run(InMemoryJob(job), run, instance)
