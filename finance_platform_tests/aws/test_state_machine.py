"""The state machine of `docs/step_functions.md`, run by an interpreter of Amazon's States Language (moto's).

Belongs here: in which state a refresh ends. Does not belong here: what the file has in common with the template (see
`test_deploy_files`). No substitute runs the task; the error that Step Functions makes of it is given.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

import finance_platform
from finance_platform_tests.waits import wait_until

MACHINE = Path(str(finance_platform.__file__)).parents[1] / "infra" / "state_machine.asl.json"
STATES = json.loads(MACHINE.read_text(encoding="utf-8"))["States"]
NO_CAPACITY = "AmazonECS.Unknown"
"""The error of a task that ECS did not start: RunTask has answered 200 and named failures."""


def ended_task(container: dict[str, Any]) -> str:
    """Return the cause of a failed task as `ecs:runTask.sync` has it: the description of the task."""
    return json.dumps({"Containers": [{"Name": "run", "LastStatus": "STOPPED", **container}], "StopCode": "x"})


def following(error: str) -> str:
    """Return the state after an error of the task: States.TaskFailed stands for every one but a time-out."""
    (state,) = [
        catch["Next"]
        for catch in STATES["Refresh"]["Catch"]
        if error in catch["ErrorEquals"] or ("States.TaskFailed" in catch["ErrorEquals"] and error != "States.Timeout")
    ]
    return str(state)


@pytest.fixture(scope="module")
def step_functions() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "x")
        with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
            yield boto3.client("stepfunctions", "eu-central-1")


@pytest.mark.parametrize(
    ("error", "cause", "end"),
    [
        ("States.TaskFailed", ended_task({"ExitCode": 1}), "NeedsADecision"),
        ("States.TaskFailed", ended_task({"ExitCode": 2}), "Failed"),
        ("States.TaskFailed", ended_task({"ExitCode": 3}), "Failed"),
        # The image cannot be pulled; the task was stopped before its container began.
        ("States.TaskFailed", ended_task({"Reason": "CannotPullContainerError"}), "Failed"),
        (NO_CAPACITY, "Capacity is unavailable at this time. Please try again later", "Failed"),
        ("ECS.AccessDeniedException", "User is not authorized to perform: ecs:RunTask", "Failed"),
        ("States.Timeout", "", "Failed"),
    ],
)
def test_a_refresh_ends_in_the_state_of_its_exit_code(step_functions: Any, error: str, cause: str, end: str):
    caught = {"Type": "Pass", "Result": {"Error": error, "Cause": cause}, "ResultPath": "$.error"}
    states = {**STATES, "Refresh": {**caught, "Next": following(error)}}
    machine = step_functions.create_state_machine(
        name=f"refresh-{abs(hash((error, cause)))}",
        definition=json.dumps({"StartAt": "Refresh", "States": states}),
        roleArn="arn:aws:iam::123456789012:role/step-functions",
    )
    execution = step_functions.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    wait_until(lambda: step_functions.describe_execution(executionArn=execution)["status"] != "RUNNING")
    entered = [
        event["stateEnteredEventDetails"]["name"]
        for event in step_functions.get_execution_history(executionArn=execution)["events"]
        if "stateEnteredEventDetails" in event
    ]
    assert entered[-1] == end, entered


def test_a_task_that_ecs_had_no_place_for_is_tried_again():
    assert any(NO_CAPACITY in retry["ErrorEquals"] for retry in STATES["Refresh"]["Retry"])


def test_the_page_names_the_right_to_give_a_task_the_tags_of_the_stack():
    assert STATES["Refresh"]["Parameters"]["PropagateTags"] == "TASK_DEFINITION"
    page = MACHINE.parents[1] / "docs" / "step_functions.md"
    assert "`ecs:TagResource` on the\ncluster's tasks" in page.read_text(encoding="utf-8")


def test_no_choice_compares_what_may_be_absent():
    """Step Functions fails on a variable that is absent; the interpreter of this test finds it unequal."""
    choices = [choice for state in STATES.values() for choice in state.get("Choices", ())]
    assert len(choices) == 2
    for choice in choices:
        asked, compared = choice["And"]
        assert asked == {"Variable": compared["Variable"], "IsPresent": True}
