"""One-off tasks: a command of the platform, run in the deployment's own network, with its log shown here.

Belongs here: ECS and the task's log. Does not belong here: what the commands do.

The warehouse has no address outside of its network, so what speaks to it (DDL, rights, a query) runs where it can be
reached: in a task of the image that is deployed. Redshift's Data API would need SQL of our own instead of that code.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finance_platform.deployment.aws import Account, explained
from finance_platform.deployment.stack import Stack
from finance_platform.errors import DeploymentError
from finance_platform.settings import ENV_PREFIX

_CONTAINER = "run"


@dataclass(frozen=True)
class OneOffTask:
    """What is run.

    Attributes:
        command: the command and its arguments.
        as_owner: whether it owns the warehouse; otherwise it has the rights of a refresh.
    """

    command: Sequence[str]
    as_owner: bool = False


def run_task(account: Account, stack: Stack, task: OneOffTask, show: Callable[[str], None]) -> int:
    """Run a command in the deployment, show its log, return its exit code.

    Raises:
        DeploymentError: the stack has no image yet, or the task did not start.
    """
    client, logs = account.client("ecs"), account.client("logs")
    ids = stack.physical_ids()
    if "RunTask" not in ids:
        raise DeploymentError(f"the stack {stack.name} has no image yet", fix="push one, then deploy with --image")
    cluster = ids["Tasks"]
    with explained("starting a task"):
        started = client.run_task(cluster=cluster, **_request(ids, stack, task))
    if not started["tasks"]:
        reasons = ", ".join(str(one.get("reason")) for one in started.get("failures", []))
        raise DeploymentError(f"the task did not start: {reasons}", fix="run again; ECS may lack capacity for a while")
    arn = started["tasks"][0]["taskArn"]
    log = _Log(logs, ids["TaskLogs"], f"run/{_CONTAINER}/{arn.rsplit('/', 1)[-1]}")
    while True:
        with explained("watching the task"):
            found = client.describe_tasks(cluster=cluster, tasks=[arn])["tasks"][0]
        log.show_news(show)
        if found["lastStatus"] == "STOPPED":
            break
        time.sleep(account.poll_seconds)
    # The last lines of a log come some seconds after the end of the task.
    time.sleep(account.poll_seconds)
    log.show_news(show)
    return _exit_code(found)


def _request(ids: Mapping[str, str], stack: Stack, task: OneOffTask) -> dict[str, Any]:
    overrides: dict[str, Any] = {}
    container: dict[str, Any] = {"name": _CONTAINER, "command": list(task.command)}
    if task.as_owner:
        outputs = stack.outputs()
        secret = {"name": f"{ENV_PREFIX}REDSHIFT_SECRET_ID", "value": outputs["WarehouseAdminSecretArn"]}
        container["environment"] = [secret]
        overrides["taskRoleArn"] = outputs["WarehouseAdminRoleArn"]
    network = {
        "subnets": [ids[f"Subnet{zone}"] for zone in "ABC"],
        "securityGroups": [ids["TaskSecurityGroup"]],
        "assignPublicIp": "DISABLED",
    }
    return {
        "taskDefinition": ids["RunTask"],
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": network},
        "overrides": {**overrides, "containerOverrides": [container]},
    }


def _exit_code(found: Mapping[str, Any]) -> int:
    code = found["containers"][0].get("exitCode") if found.get("containers") else None
    if code is None:
        reason = found.get("stoppedReason", "no reason given")
        raise DeploymentError(f"the task ended without a result: {reason}", fix="look at the image and the task's log")
    return int(code)


class _Log:
    """The task's log, as far as it was shown."""

    def __init__(self, client: Any, group: str, stream: str) -> None:
        self._client, self._place, self._next = client, {"logGroupName": group, "logStreamName": stream}, ""

    def show_news(self, show: Callable[[str], None]) -> None:
        from botocore.exceptions import ClientError

        while True:
            more = {"nextToken": self._next} if self._next else {}
            try:
                found = self._client.get_log_events(**self._place, startFromHead=True, **more)
            except ClientError as error:
                if error.response["Error"]["Code"] == "ResourceNotFoundException":
                    return  # the container has said nothing yet
                raise
            for event in found["events"]:
                show(event["message"].rstrip())
            if found["nextForwardToken"] == self._next:
                return
            self._next = found["nextForwardToken"]
