"""Runs the tasks that moto's ECS only writes down: the command as a process of this machine, its log, its exit code.

Belongs here: what ECS and the container do for a task. Does not belong here: what the command is.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from moto.ecs.models import EC2ContainerServiceBackend, Task
from moto.logs.models import logs_backends


@contextlib.contextmanager
def tasks_at_work(programs: Path) -> Iterator[list[dict[str, Any]]]:
    """Run each task's command until the end of the block; yield what was asked for each.

    Args:
        programs: the folder that stands for the image's `PATH`.
    """
    asked: list[dict[str, Any]] = []
    run_task = EC2ContainerServiceBackend.run_task

    def run(backend: EC2ContainerServiceBackend, cluster: str, definition: str, *rest: Any, **named: Any) -> list[Task]:
        for container in backend.describe_task_definition(definition).container_definitions:
            container.setdefault("memory", 0)  # moto adds it up, and on Fargate a container has none of its own
        tasks = run_task(backend, cluster, definition, *rest, **named)
        for task in tasks:
            asked.append(task.overrides)
            _run(backend, task, programs)
        return tasks

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EC2ContainerServiceBackend, "run_task", run)
        yield asked


def _run(backend: EC2ContainerServiceBackend, task: Task, programs: Path) -> None:
    definition = _as_in_the_api(backend.describe_task_definition(task.task_definition_arn).container_definitions[0])
    (override,) = task.overrides["containerOverrides"]
    given = [*definition["environment"], *override.get("environment", [])]
    environment = {one["name"]: str(one["value"]) for one in given}
    done = subprocess.run(
        override["command"],
        env={**environment, "PATH": f"{programs}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    task.containers[0].exitCode = done.returncode
    _log(backend, definition["logConfiguration"]["options"], task, done.stdout + done.stderr)


def _as_in_the_api(value: Any) -> Any:
    """Return what CloudFormation was given as ECS spells it; moto mixes the two."""
    if isinstance(value, dict):
        return {f"{key[:1].lower()}{key[1:]}": _as_in_the_api(one) for key, one in value.items()}
    return [_as_in_the_api(one) for one in value] if isinstance(value, list) else value


def _log(backend: EC2ContainerServiceBackend, options: Mapping[str, str], task: Task, text: str) -> None:
    logs = logs_backends[backend.account_id][backend.region_name]
    stream = f"{options['awslogs-stream-prefix']}/{task.overrides['containerOverrides'][0]['name']}/{task.id}"
    logs.create_log_stream(options["awslogs-group"], stream)
    at = int(time.time() * 1000)
    events = [{"timestamp": at, "message": line} for line in text.splitlines()]
    logs.put_log_events(options["awslogs-group"], stream, events)
