"""Runs the tasks that moto's ECS only records: the command as a local process, its log, its exit code.

Belongs here: the part of ECS and of the container in a task. Does not belong here: the commands.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from moto.ecs.models import EC2ContainerServiceBackend, Task, TaskDefinition
from moto.logs.models import logs_backends


@contextlib.contextmanager
def running_tasks(programs: Path) -> Iterator[list[dict[str, Any]]]:
    """Run the command of each task that starts within the block; yield the overrides of the tasks so far.

    Args:
        programs: the folder of programs, in place of the image's `PATH`.
    """
    overrides: list[dict[str, Any]] = []
    run_task = EC2ContainerServiceBackend.run_task
    describe = EC2ContainerServiceBackend.describe_task_definition

    def run(backend: EC2ContainerServiceBackend, cluster: str, definition: str, *rest: Any, **named: Any) -> list[Task]:
        for container in describe(backend, definition).container_definitions:
            container.setdefault("memory", 0)  # moto sums it up, and on Fargate a container has none
        tasks = run_task(backend, cluster, definition, *rest, **named)
        for task in tasks:
            overrides.append(task.overrides)
            _run(backend, task, programs)
        return tasks

    def describe_as_ecs(backend: EC2ContainerServiceBackend, definition: str) -> TaskDefinition:
        described = describe(backend, definition)
        described.container_definitions = _convert_keys(described.container_definitions)
        return described

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EC2ContainerServiceBackend, "describe_task_definition", describe_as_ecs)
        patch.setattr(EC2ContainerServiceBackend, "run_task", run)
        yield overrides


def _run(backend: EC2ContainerServiceBackend, task: Task, programs: Path) -> None:
    definition = _convert_keys(backend.describe_task_definition(task.task_definition_arn).container_definitions[0])
    (override,) = task.overrides["containerOverrides"]
    variables = [*definition["environment"], *override.get("environment", [])]
    environment = {variable["name"]: str(variable["value"]) for variable in variables}
    process = subprocess.run(
        override["command"],
        env={**environment, "PATH": f"{programs}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    task.containers[0].exitCode = process.returncode
    _write_log(backend, definition["logConfiguration"]["options"], task, process.stdout + process.stderr)


def _convert_keys(value: Any) -> Any:
    """Return a value of CloudFormation with the keys of ECS, which begin with a small letter; moto mixes the two."""
    if isinstance(value, dict):
        return {f"{key[:1].lower()}{key[1:]}": _convert_keys(item) for key, item in value.items()}
    return [_convert_keys(item) for item in value] if isinstance(value, list) else value


def _write_log(backend: EC2ContainerServiceBackend, options: Mapping[str, str], task: Task, text: str) -> None:
    logs = logs_backends[backend.account_id][backend.region_name]
    stream = f"{options['awslogs-stream-prefix']}/{task.overrides['containerOverrides'][0]['name']}/{task.id}"
    logs.create_log_stream(options["awslogs-group"], stream)
    milliseconds = int(time.time() * 1000)
    events = [{"timestamp": milliseconds, "message": line} for line in text.splitlines()]
    logs.put_log_events(options["awslogs-group"], stream, events)
