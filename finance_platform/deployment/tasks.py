"""One-off tasks: a command of the platform, run in the deployment's own network, with its log and its exit code.

Belongs here: ECS and the task's log. Does not belong here: the commands themselves.

The warehouse has no address outside of its network, so a command that connects to it (DDL, rights, a query) runs
inside: in a task of the deployed image. Redshift's Data API would need separate SQL in place of that code.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from finance_platform.deployment.aws import Account, translate_aws_errors
from finance_platform.deployment.stack import Stack
from finance_platform.errors import DeploymentError
from finance_platform.setting_sources import ENV_PREFIX

_CONTAINER = "run"

_MOST_UNSEEN = 20
"""How many times in a row ECS may not know a task: other requests see a little later what RunTask has started."""

_MOST_CHARACTERS = 8_192
"""What RunTask takes of the command, its variables and its role, with the characters of JSON around them."""

_COPIED = (
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "volumes",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "runtimePlatform",
)
"""The parts of a task definition that its copy with another image takes over."""


@dataclass(frozen=True)
class OneOffTask:
    """A command to run once.

    Attributes:
        command: the command and its arguments.
        as_owner: whether it has the rights of the warehouse's owner, instead of those of a refresh.
        environment: variables of the task alone.
        image: the image to run instead of the deployed one; empty for that one.
    """

    command: Sequence[str]
    as_owner: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    image: str = ""


def run_task(account: Account, stack: Stack, task: OneOffTask, show: Callable[[str], None]) -> int:
    """Run a command in the deployment, show its log, return its exit code.

    Raises:
        DeploymentError: the stack has no image yet, the command is too long, or the task did not start.
    """
    client = account.client("ecs")
    ids = stack.list_physical_ids()
    if "RunTask" not in ids:
        raise DeploymentError(f"the stack {stack.name} has no image yet", fix="push one, then deploy with --image")
    with _task_definition(client, ids["RunTask"], task.image) as definition:
        return _run(account, stack, {**ids, "RunTask": definition}, task, show)


@contextmanager
def _task_definition(client: Any, deployed: str, image: str) -> Iterator[str]:
    """Yield the deployed definition, or a copy with another image that exists until the end of the block."""
    if not image:
        yield deployed
        return
    with translate_aws_errors("registering a task with the new image"):
        definition = client.describe_task_definition(taskDefinition=deployed)["taskDefinition"]
        copied = {name: definition[name] for name in _COPIED if definition.get(name)}
        containers = [{**container, "image": image} for container in definition["containerDefinitions"]]
        response = client.register_task_definition(
            **copied, family=f"{definition['family']}-ahead", containerDefinitions=containers
        )
    arn = str(response["taskDefinition"]["taskDefinitionArn"])
    try:
        yield arn
    finally:
        with translate_aws_errors("removing the task with the new image"):
            client.deregister_task_definition(taskDefinition=arn)


def _run(account: Account, stack: Stack, ids: Mapping[str, str], task: OneOffTask, show: Callable[[str], None]) -> int:
    client, cluster = account.client("ecs"), ids["Tasks"]
    with translate_aws_errors("starting a task"):
        response = client.run_task(cluster=cluster, **_build_request(ids, stack, task))
    if not response["tasks"]:
        reasons = ", ".join(str(failure.get("reason")) for failure in response.get("failures", []))
        raise DeploymentError(f"the task did not start: {reasons}", fix="run again; ECS may lack capacity for a while")
    arn = response["tasks"][0]["taskArn"]
    log = _TaskLog(account, ids["TaskLogs"], f"run/{_CONTAINER}/{arn.rsplit('/', 1)[-1]}")
    description: Mapping[str, Any] = {}
    unseen = 0
    while description.get("lastStatus") != "STOPPED":
        # The last lines of a log arrive some seconds after the end of the task, hence the wait before every look at it.
        with translate_aws_errors("following the task"):
            described = client.describe_tasks(cluster=cluster, tasks=[arn])["tasks"]
        unseen = 0 if described else unseen + 1
        if unseen > _MOST_UNSEEN:
            raise DeploymentError(f"ECS does not know the task {arn}", fix="look for it in the console of ECS")
        description = described[0] if described else {}
        time.sleep(account.poll_seconds)
        log.tail(show)
    return _read_exit_code(description)


def _build_request(ids: Mapping[str, str], stack: Stack, task: OneOffTask) -> dict[str, Any]:
    overrides: dict[str, Any] = {}
    outputs = stack.read_outputs()
    container: dict[str, Any] = {"name": _CONTAINER, "command": list(task.command)}
    variables = [{"name": name, "value": value} for name, value in task.environment.items()]
    if task.as_owner:
        secret = {"name": f"{ENV_PREFIX}REDSHIFT_SECRET_ID", "value": outputs["WarehouseAdminSecretArn"]}
        variables.append(secret)
        overrides["taskRoleArn"] = outputs["WarehouseAdminRoleArn"]
    if variables:
        container["environment"] = variables
    overrides["containerOverrides"] = [container]
    characters = len(json.dumps(overrides, ensure_ascii=False))
    if characters > _MOST_CHARACTERS:
        raise DeploymentError(
            f"the command is too long for a task: {characters:,} characters with its variables, and ECS takes "
            f"{_MOST_CHARACTERS:,}",
            fix="give it in parts; a long query can be run over a connection to the warehouse (docs/deploy.md)",
        )
    network = {
        "subnets": outputs["TaskSubnetIds"].split(","),
        "securityGroups": [outputs["TaskSecurityGroupId"]],
        "assignPublicIp": "DISABLED",
    }
    return {
        "taskDefinition": ids["RunTask"],
        "launchType": "FARGATE",
        "propagateTags": "TASK_DEFINITION",
        "networkConfiguration": {"awsvpcConfiguration": network},
        "overrides": overrides,
    }


def _read_exit_code(description: Mapping[str, Any]) -> int:
    exit_code = description["containers"][0].get("exitCode") if description.get("containers") else None
    if exit_code is None:
        reason = description.get("stoppedReason", "no reason given")
        raise DeploymentError(
            f"the task ended without an exit code: {reason}", fix="check the image and the task's log"
        )
    return int(exit_code)


class _TaskLog:
    """A task's log, and the position up to which it was shown. boto3 has no paginator that resumes at a position."""

    def __init__(self, account: Account, group: str, stream: str) -> None:
        self._client = account.client("logs")
        self._position = {"logGroupName": group, "logStreamName": stream, "startFromHead": True}

    def tail(self, show: Callable[[str], None]) -> None:
        """Show the lines since the last call."""
        while True:
            with translate_aws_errors("reading the task's log"):
                try:
                    page = self._client.get_log_events(**self._position)
                except self._client.exceptions.ResourceNotFoundException:
                    return  # the container has written nothing yet
            for event in page["events"]:
                show(event["message"].rstrip())
            if page["nextForwardToken"] == self._position.get("nextToken"):
                return
            self._position["nextToken"] = page["nextForwardToken"]
