"""A stack of CloudFormation: its state, what a change would do, following the change, why it failed.

Belongs here: CloudFormation's words. Does not belong here: what is in a template, the order of a deployment.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from finance_platform.deployment.aws import Account, explained
from finance_platform.errors import DeploymentError, LockedError

_NOT_THERE = "does not exist"
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")

STUCK: Mapping[str, str] = {
    "ROLLBACK_COMPLETE": "its creation failed and was undone; delete the stack, then deploy again",
    "CREATE_FAILED": "its creation failed; delete the stack, then deploy again",
    "ROLLBACK_FAILED": "its creation failed and could not be undone; delete the stack, keeping what cannot be deleted",
    "DELETE_FAILED": "it could not be deleted whole; delete it again, keeping what cannot be deleted",
    "UPDATE_ROLLBACK_FAILED": "an update could not be undone; mend what its events name, then "
    "`aws cloudformation continue-update-rollback`",
    "UPDATE_FAILED": "an update stopped half-way; `aws cloudformation rollback-stack`, then deploy again",
}
"""States that no deployment leads out of, and what does."""


@dataclass(frozen=True)
class Change:
    """What a deployment does to one resource.

    Attributes:
        action: Add, Modify, Remove or Import.
        logical_id: the resource's name in the template.
        type: such as `AWS::S3::Bucket`.
        replacement: True, False or Conditional where the resource may be made anew; empty otherwise.
    """

    action: str
    logical_id: str
    type: str
    replacement: str = ""


@dataclass(frozen=True)
class Event:
    """One line of what CloudFormation does.

    Attributes:
        id: CloudFormation's own.
        at: when, UTC.
        logical_id: the resource.
        type: its type.
        status: such as CREATE_COMPLETE.
        reason: why, where CloudFormation says.
    """

    id: str
    at: datetime
    logical_id: str
    type: str
    status: str
    reason: str

    @property
    def is_failure(self) -> bool:
        """Whether something failed here first; what is cancelled because of it does not count."""
        return self.status.endswith("_FAILED") and "cancelled" not in self.reason.lower()


class Stack:
    """One stack, there or not yet."""

    def __init__(self, account: Account, name: str) -> None:
        self.name = name
        self._client = account.client("cloudformation")
        self._poll_seconds = account.poll_seconds

    def describe(self) -> Mapping[str, Any] | None:
        """Return what CloudFormation knows of the stack; None where there is none, or only a plan of one."""
        try:
            with explained(f"describing the stack {self.name}"):
                found: Mapping[str, Any] = self._client.describe_stacks(StackName=self.name)["Stacks"][0]
        except DeploymentError as error:
            if _NOT_THERE in error.found:
                return None
            raise
        return None if found["StackStatus"] in {"REVIEW_IN_PROGRESS", "DELETE_COMPLETE"} else found

    def usable(self) -> Mapping[str, Any] | None:
        """Return the stack as `describe` does, if it can be changed.

        Raises:
            DeploymentError: it is in a state that no deployment leads out of.
            LockedError: somebody is changing it.
        """
        found = self.describe()
        if found is None:
            return None
        status = found["StackStatus"]
        if status in STUCK:
            raise DeploymentError(f"the stack {self.name} is in {status}", fix=STUCK[status])
        if status.endswith("_IN_PROGRESS"):
            raise LockedError(f"the stack {self.name} is in {status}", fix="wait until it has ended, then deploy again")
        return found

    def outputs(self) -> dict[str, str]:
        """Return the stack's outputs."""
        found = self.describe() or {}
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}

    def physical_ids(self) -> dict[str, str]:
        """Return the names and ids that AWS gave the resources, by their names in the template."""
        with explained(f"listing the resources of {self.name}"):
            pages = self._client.get_paginator("list_stack_resources").paginate(StackName=self.name)
            found = [one for page in pages for one in page["StackResourceSummaries"]]
        return {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in found}

    def create(self, body: str, follow: Callable[[Event], None]) -> None:
        """Create the stack from a template and wait for it.

        Raises:
            DeploymentError: it failed; says at which resource and why.
        """
        with explained(f"creating the stack {self.name}"):
            self._client.create_stack(StackName=self.name, TemplateBody=body, OnFailure="DELETE")
        self._follow(set(), follow)

    def plan(self, template_url: str, parameters: Mapping[str, str], declared: Mapping[str, Any]) -> str:
        """Make a change set and return its id; empty where there is nothing to change.

        Args:
            template_url: where the template is, on S3.
            parameters: values that are given; the others stay as they are.
            declared: what the template declares.

        Raises:
            DeploymentError: CloudFormation does not take the template or the parameters.
        """
        before = {one["ParameterKey"] for one in (self.describe() or {}).get("Parameters", [])}
        chosen = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
        kept = [
            {"ParameterKey": name, "UsePreviousValue": True}
            for name in declared
            if name in before and name not in parameters
        ]
        with explained(f"planning the change of {self.name}"):
            made = self._client.create_change_set(
                StackName=self.name,
                ChangeSetName=f"deploy-{datetime.now(UTC):%Y%m%d%H%M%S%f}",
                ChangeSetType="UPDATE",
                TemplateURL=template_url,
                Parameters=chosen + kept,
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
            )["Id"]
            found = self._planned(made)
        if found["Status"] != "FAILED":
            return str(made)
        self.discard(made)
        reason = found.get("StatusReason", "")
        if any(words in reason for words in _NO_CHANGES):
            return ""
        raise DeploymentError(
            f"CloudFormation does not take the change: {reason}", fix="mend the parameter or template"
        )

    def _planned(self, change_set: str) -> Mapping[str, Any]:
        while True:
            found: Mapping[str, Any] = self._client.describe_change_set(ChangeSetName=change_set, StackName=self.name)
            if found["Status"] not in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}:
                return found
            time.sleep(self._poll_seconds)

    def changes(self, change_set: str) -> list[Change]:
        """Return what a change set would do."""
        with explained("reading the planned changes"):
            pages = self._client.get_paginator("describe_change_set").paginate(
                ChangeSetName=change_set, StackName=self.name
            )
            found = [change["ResourceChange"] for page in pages for change in page.get("Changes", [])]
        return [
            Change(one["Action"], one["LogicalResourceId"], one["ResourceType"], one.get("Replacement", ""))
            for one in found
        ]

    def discard(self, change_set: str) -> None:
        """Forget a change set that nobody wants."""
        with explained("discarding the planned changes"):
            self._client.delete_change_set(ChangeSetName=change_set, StackName=self.name)

    def execute(self, change_set: str, follow: Callable[[Event], None]) -> None:
        """Make the changes of a change set and wait for them.

        Raises:
            DeploymentError: it failed, and what stood before stands again; says at which resource and why.
        """
        # What happened before is known by its ids: CloudFormation's clock is not this machine's.
        before = {event.id for event in self._events()}
        with explained(f"changing the stack {self.name}"):
            self._client.execute_change_set(ChangeSetName=change_set, StackName=self.name)
        self._follow(before, follow)

    def _follow(self, seen: set[str], follow: Callable[[Event], None]) -> None:
        failures: list[Event] = []
        while True:
            # The status is asked before the events, so that the last of them are not missed.
            found = self.describe()
            for event in self._events():
                if event.id not in seen:
                    seen.add(event.id)
                    follow(event)
                    failures += [event] if event.is_failure else []
            status = found["StackStatus"] if found else "DELETE_COMPLETE"
            if not status.endswith("_IN_PROGRESS"):
                break
            time.sleep(self._poll_seconds)
        if status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            raise DeploymentError(f"the stack {self.name} ended in {status}: {_why(failures)}", fix=_fix(status))

    def _events(self) -> Iterator[Event]:
        with explained("reading the stack's events"):
            pages = self._client.get_paginator("describe_stack_events").paginate(StackName=self.name)
            found = [event for page in pages for event in page["StackEvents"]]
        for one in reversed(found):
            yield Event(
                one["EventId"],
                one["Timestamp"],
                one["LogicalResourceId"],
                one.get("ResourceType", ""),
                one["ResourceStatus"],
                one.get("ResourceStatusReason", ""),
            )


def _why(failures: list[Event]) -> str:
    if not failures:
        return "CloudFormation names no resource"
    return "; ".join(f"{one.logical_id} ({one.type}): {one.reason or one.status}" for one in failures[:3])


def _fix(status: str) -> str:
    return STUCK.get(status, "mend what is named; what stood before stands, so deploy again")
