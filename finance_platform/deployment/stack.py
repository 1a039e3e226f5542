"""A CloudFormation stack: its state, its change sets, and its events while it changes.

Belongs here: calls to CloudFormation and the meaning of its states. Does not belong here: the template's content, the
order of a deployment.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from finance_platform.deployment.aws import Account, translate_aws_errors
from finance_platform.errors import DeploymentError, LockedError

_MOST_POLLS_BEFORE_IT_BEGINS = 30
"""Two minutes for CloudFormation to begin with what it has accepted."""

_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")

STUCK_STATES: Mapping[str, str] = {
    "ROLLBACK_COMPLETE": "its creation failed and was rolled back; delete the stack, then deploy again",
    "CREATE_FAILED": "its creation failed; delete the stack, then deploy again",
    "ROLLBACK_FAILED": "its creation and the rollback failed; delete the stack, retaining what cannot be deleted",
    "DELETE_FAILED": "its deletion failed; delete it again, retaining what cannot be deleted",
    "UPDATE_ROLLBACK_FAILED": "the rollback of an update failed; fix the cause that its events name, then run "
    "`aws cloudformation continue-update-rollback`",
    "UPDATE_FAILED": "an update stopped half-way; run `aws cloudformation rollback-stack`, then deploy again",
}
"""The states in which CloudFormation accepts no change, each with the reason and the fix."""


Event = Mapping[str, Any]
"""An event of a stack, as `describe_stack_events` returns it."""

ResourceChange = Mapping[str, Any]
"""A change of one resource, as `describe_change_set` returns it."""


def is_failure(event: Event) -> bool:
    """Whether the resource failed by itself; one that is cancelled because another failed does not count."""
    return event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in _reason(event).lower()


class Stack:
    """One stack, existing or not."""

    def __init__(
        self, account: Account, name: str, *, tags: Mapping[str, str] | None = None, service_role: str = ""
    ) -> None:
        """Call nothing yet.

        Args:
            account: the account.
            name: the stack's name.
            tags: tags of the stack, which CloudFormation gives to every resource that can have some; None or empty for
                those that it has.
            service_role: the role with whose rights CloudFormation changes resources; empty for the caller's own.
        """
        self.name = name
        self._options: dict[str, Any] = {}
        if tags:
            self._options["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
        if service_role:
            self._options["RoleARN"] = service_role
        self._client = account.client("cloudformation")
        self._poll_seconds = account.poll_seconds

    def describe(self) -> Mapping[str, Any] | None:
        """Return CloudFormation's description of the stack; None if it has no resources yet or no more."""
        with translate_aws_errors(f"describing the stack {self.name}"):
            try:
                description: Mapping[str, Any] = self._client.describe_stacks(StackName=self.name)["Stacks"][0]
            except ClientError as error:
                if "does not exist" in str(error):
                    return None
                raise
        return None if description["StackStatus"] in {"REVIEW_IN_PROGRESS", "DELETE_COMPLETE"} else description

    def describe_changeable(self) -> Mapping[str, Any] | None:
        """Return the same as `describe` if the stack accepts a change.

        Raises:
            DeploymentError: the stack is in a state in which CloudFormation accepts no change.
            LockedError: the stack is being changed.
        """
        description = self.describe()
        status = description["StackStatus"] if description else ""
        if status in STUCK_STATES:
            raise DeploymentError(f"the stack {self.name} is in {status}", fix=STUCK_STATES[status])
        if status.endswith("_IN_PROGRESS"):
            raise LockedError(f"the stack {self.name} is in {status}", fix="wait until it has ended, then deploy again")
        return description

    def read_outputs(self) -> dict[str, str]:
        """Return the stack's outputs by name."""
        description = self.describe() or {}
        return {output["OutputKey"]: output["OutputValue"] for output in description.get("Outputs", [])}

    def list_physical_ids(self) -> dict[str, str]:
        """Return the ids that AWS assigned to the resources, by their names in the template."""
        with translate_aws_errors(f"listing the resources of {self.name}"):
            pages = self._client.get_paginator("list_stack_resources").paginate(StackName=self.name)
            resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
        return {resource["LogicalResourceId"]: resource.get("PhysicalResourceId", "") for resource in resources}

    def create(self, body: str, parameters: Mapping[str, str], show: Callable[[Event], None]) -> None:
        """Create the stack from a template, protected from deletion; show its events and wait until it has ended.

        Raises:
            DeploymentError: the creation failed; names the resource and the reason.
        """
        with translate_aws_errors(f"creating the stack {self.name}"):
            created = self._client.create_stack(
                StackName=self.name,
                TemplateBody=body,
                Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
                OnFailure="DELETE",
                EnableTerminationProtection=True,
                **self._options,
            )
        self._follow(created["StackId"], "", show)

    def create_change_set(self, template_url: str, parameters: Mapping[str, str], declared: Collection[str]) -> str:
        """Create a change set and return its id; empty if there is nothing to change.

        Args:
            template_url: the template's address on S3.
            parameters: the values that are given; the others keep their values.
            declared: the names of all parameters that the template declares.

        Raises:
            DeploymentError: CloudFormation rejected the template or the parameters.
        """
        existing = {parameter["ParameterKey"] for parameter in (self.describe() or {}).get("Parameters", [])}
        unchanged = existing.intersection(declared) - parameters.keys()
        with translate_aws_errors(f"creating a change set of {self.name}"):
            change_set = str(
                self._client.create_change_set(
                    StackName=self.name,
                    ChangeSetName=f"deploy-{datetime.now(UTC):%Y%m%d%H%M%S%f}",
                    ChangeSetType="UPDATE",
                    TemplateURL=template_url,
                    Parameters=[
                        *({"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()),
                        *({"ParameterKey": name, "UsePreviousValue": True} for name in sorted(unchanged)),
                    ],
                    Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
                    **self._options,
                )["Id"]
            )
            try:
                self._client.get_waiter("change_set_create_complete").wait(
                    ChangeSetName=change_set, WaiterConfig={"Delay": self._poll_seconds}
                )
            except WaiterError as error:
                reason = error.last_response.get("StatusReason", str(error))
            else:
                return change_set
        self.delete_change_set(change_set)
        if any(words in reason for words in _NO_CHANGES):
            return ""
        raise DeploymentError(f"CloudFormation rejected the change: {reason}", fix="fix the parameter or the template")

    def list_changes(self, change_set: str) -> list[ResourceChange]:
        """Return the changes of a change set."""
        with translate_aws_errors("reading the change set"):
            pages = self._client.get_paginator("describe_change_set").paginate(ChangeSetName=change_set)
            return [change["ResourceChange"] for page in pages for change in page.get("Changes", [])]

    def delete_change_set(self, change_set: str) -> None:
        """Delete a change set that is not going to be executed."""
        with translate_aws_errors("deleting the change set"):
            self._client.delete_change_set(ChangeSetName=change_set)

    def execute_change_set(self, change_set: str, show: Callable[[Event], None]) -> None:
        """Execute a change set, show the stack's events and wait until it has ended.

        Raises:
            DeploymentError: the change failed and was rolled back; names the resource and the reason.
        """
        with translate_aws_errors(f"changing the stack {self.name}"):
            # Earlier events are distinguished by id: CloudFormation's clock is not this machine's.
            latest = self._client.describe_stack_events(StackName=self.name)["StackEvents"][0]
            self._client.execute_change_set(ChangeSetName=change_set)
        self._follow(latest["StackId"], latest["EventId"], show)

    def _follow(self, stack_id: str, seen_event: str, show: Callable[[Event], None]) -> None:
        # By its id a stack can be described even after its creation failed and it was deleted; by its name it cannot.
        failures: list[Event] = []
        polls, last = 0, ""
        while True:
            with translate_aws_errors(f"following the stack {self.name}"):
                # The status is read before the events, so that the last of them are not missed.
                status = self._client.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]
                events = self._events_after(stack_id, seen_event)
            for event in events:
                show(event)
                seen_event = event["EventId"]
                last = event["ResourceStatus"] if event.get("PhysicalResourceId") == stack_id else last
            failures += [event for event in events if is_failure(event)]
            # A change begins a little after its request, and until then the status is that of the earlier one.
            if not any(one.endswith("_IN_PROGRESS") for one in (status, last or "_IN_PROGRESS")):
                break
            polls += 1
            if not last and polls > _MOST_POLLS_BEFORE_IT_BEGINS:
                raise DeploymentError(
                    f"the stack {self.name} has not begun to change", fix="look at its events, then deploy again"
                )
            time.sleep(self._poll_seconds)
        if status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            raise DeploymentError(
                f"the stack {self.name} ended in {status}: {_describe_failures(failures)}",
                fix=STUCK_STATES.get(status, "fix this cause, then deploy again: the previous state is restored"),
            )

    def _events_after(self, stack_id: str, seen_event: str) -> list[Event]:
        """Return the events after one, oldest first. Pages come newest first, and no page is read beyond that event."""
        pages = self._client.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        newest_first = (event for page in pages for event in page["StackEvents"])
        return list(takewhile(lambda event: event["EventId"] != seen_event, newest_first))[::-1]


def _describe_failures(failures: list[Event]) -> str:
    described = (
        f"{event['LogicalResourceId']} ({event['ResourceType']}): {_reason(event) or event['ResourceStatus']}"
        for event in failures[:3]
    )
    return "; ".join(described) or "CloudFormation names no resource"


def _reason(event: Event) -> str:
    return str(event.get("ResourceStatusReason", ""))
