"""The steps of a deployment: preview what it changes, then apply or discard the preview, then prepare the warehouse.

Belongs here: the content of a deployment and the order of its steps. Does not belong here: printing, asking.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from finance_platform.deployment.artefacts import Release
from finance_platform.deployment.aws import Account
from finance_platform.deployment.stack import Event, ResourceChange, Stack
from finance_platform.deployment.tasks import OneOffTask, run_task
from finance_platform.deployment.template import Template, require_rules, validate_parameters
from finance_platform.deployment.upload import Upload, find_existing, upload_missing
from finance_platform.errors import DeploymentError, DeploymentParameterError

STACK_NAME_PATTERN = "[a-z][a-z0-9-]{1,18}[a-z0-9]"
"""The names of stacks; names of buckets and load balancers begin with them, and have a longest length of their own."""

STACK_NAME_RULE = "3 to 20 small letters, digits and hyphens, beginning with a letter"

DDL_COMMANDS = ("finance-platform migrate", "finance-platform secure")
"""The commands that bring the warehouse's tables and rights up to date."""

_ATTENTION, _FAILED = 1, 3
"""The exit codes of `secure` if rights are in force and something else needs attention, and of what failed."""


@dataclass(frozen=True)
class DeploymentRequest:
    """What to deploy.

    Attributes:
        stack_name: the stack's name; the names of its buckets, jobs and so on begin with it.
        template: the template.
        release: the artefacts of `make dist`.
        parameters: the given values of the template's parameters.
    """

    stack_name: str
    template: Template
    release: Release
    parameters: Mapping[str, str] = field(default_factory=dict)

    def validate(self) -> None:
        """Check the request, without a call to AWS.

        Raises:
            DeploymentParameterError: the name or a parameter is not valid.
        """
        if not re.fullmatch(STACK_NAME_PATTERN, self.stack_name):
            raise DeploymentParameterError(
                f"the stack name is {self.stack_name!r}; buckets and load balancers are named after it",
                fix=f"choose {STACK_NAME_RULE}",
            )
        validate_parameters(self.template, self.parameters)


@dataclass(frozen=True)
class Preview:
    """What a deployment would change.

    Attributes:
        is_first: whether the stack does not exist yet.
        new_image: the image that replaces a deployed one; empty if none does.
        changes: the changes of resources.
        uploads: the objects that the scripts bucket needs.
        has_image: whether there will be tasks, so that the warehouse's tables and rights can be brought up to date.
        change_set: the id of CloudFormation's change set; empty if there are no changes or the stack does not exist.
    """

    is_first: bool
    changes: Sequence[ResourceChange]
    uploads: Sequence[Upload]
    has_image: bool
    change_set: str = ""
    new_image: str = ""


class Deployment:
    """The deployment of one request to one stack."""

    def __init__(self, account: Account, stack: Stack, request: DeploymentRequest) -> None:
        self._account, self._stack, self._request = account, stack, request
        number = account.fetch_number()
        self.bucket = f"{request.stack_name}-scripts-{number}-{account.region}"
        self.target = f"account {number}, region {account.region}"
        self._parameters = self._parameters_beside({})

    def preview(self) -> Preview:
        """Find out what the deployment would change.

        For an existing stack this is a change set, for which CloudFormation needs the template in the scripts bucket.

        Raises:
            DeploymentError: the stack cannot be changed, or CloudFormation rejected the change.
            DeploymentParameterError: the parameters of a new stack break a rule of the template.
        """
        request = self._request
        artefacts = [Upload(file.key, file.path.read_bytes()) for file in request.release.files]
        template = Upload(request.template.key, request.template.text.encode())
        stack = self._stack.describe_changeable()
        if stack is None:
            require_rules(request.template, self._parameters)
            resources = request.template.select_resources(self._parameters)
            added = [
                {"Action": "Add", "LogicalResourceId": name, "ResourceType": resource["Type"]}
                for name, resource in resources.items()
            ]
            return Preview(True, added, [*artefacts, template], bool(self._parameters.get("Image")))
        self._upload_missing([template])
        uploads = find_existing(self._account, self.bucket, [*artefacts, template])
        existing = {item["ParameterKey"]: item.get("ParameterValue", "") for item in stack.get("Parameters", [])}
        self._parameters = self._parameters_beside(existing)
        image = {**existing, **self._parameters}.get("Image", "")
        new_image = image if existing.get("Image") not in {None, "", image} else ""
        change_set = self._create_change_set()
        changes = self._stack.list_changes(change_set) if change_set else []
        return Preview(False, changes, uploads, bool(image), change_set, new_image)

    def _parameters_beside(self, existing: Mapping[str, str]) -> dict[str, str]:
        """Return the parameters to set: those of the release, which fit the stack's existing ones, and those given."""
        given = self._request.parameters
        return {**self._request.release.stack_parameters(f"s3://{self.bucket}", {**existing, **given}), **given}

    def discard(self, preview: Preview) -> None:
        """Delete the change set of a preview that is not applied."""
        if preview.change_set:
            self._stack.delete_change_set(preview.change_set)

    def apply(self, preview: Preview, show: Callable[[Event], None]) -> None:
        """Apply a preview: the resources that uploads need, the uploads, the other resources.

        Raises:
            DeploymentError: a step failed; CloudFormation restored the previous state.
        """
        if preview.is_first:
            template = self._request.template
            self._stack.create(template.render_first_stage(), template.first_stage_parameters(self._parameters), show)
        self._upload_missing(preview.uploads)
        change_set = self._create_change_set() if preview.is_first else preview.change_set
        if change_set:
            self._stack.execute_change_set(change_set, show)

    def prepare_warehouse(self, show: Callable[[str], None], image: str = "") -> None:
        """Bring the warehouse's tables and rights up to date, in a task.

        Args:
            show: gets each line of the task's log.
            image: the image of a release that is not deployed yet; empty for the deployed one. Before the services
                restart with a new release its tables must exist, and tables are only added to, so the release that
                still runs is not disturbed.

        Raises:
            DeploymentError: the task failed; its log was shown.
        """
        migrate, secure = DDL_COMMANDS
        # A program that does not even start ends with 1 too, and then it is `migrate` that does.
        task = OneOffTask(["sh", "-c", f"{migrate} || exit {_FAILED}; {secure}"], as_owner=True, image=image)
        exit_code = run_task(self._account, self._stack, task, show)
        if exit_code == _ATTENTION:
            # Such as the role of an earlier release, which may not record the rights of people: it gets the right with
            # the template, which this task comes before.
            show("tables and rights are up to date; see the message above, and deploy again once it is fixed")
        elif exit_code:
            raise DeploymentError(
                f"{migrate} && {secure} ended with exit code {exit_code}",
                fix="fix the error in its log above, then deploy again",
            )

    def _upload_missing(self, uploads: Sequence[Upload]) -> None:
        upload_missing(self._account, self.bucket, find_existing(self._account, self.bucket, uploads))

    def _create_change_set(self) -> str:
        template, region = self._request.template, self._account.region
        suffix = ".cn" if region.startswith("cn-") else ""
        url = f"https://{self.bucket}.s3.{region}.amazonaws.com{suffix}/{template.key}"
        return self._stack.create_change_set(url, self._parameters, template.parameters)


def parse_parameters(arguments: Sequence[str], image: str | None) -> dict[str, str]:
    """Return the parameters of a command line, by name.

    Args:
        arguments: each `NAME=VALUE`.
        image: the value of the parameter Image, which has an option of its own.

    Raises:
        DeploymentParameterError: an argument has no `=`, or gives a parameter a second value.
    """
    parameters = {"Image": image} if image else {}
    for argument in arguments:
        name, sign, value = argument.partition("=")
        if not sign:
            raise DeploymentParameterError(f"--parameter {argument}", fix="write --parameter NAME=VALUE")
        if parameters.get(name, value) != value:
            raise DeploymentParameterError(f"{name} is given twice", fix="give it once")
        parameters[name] = value
    return parameters


def parse_tags(arguments: Sequence[str]) -> dict[str, str]:
    """Return the tags of a command line, by key.

    Raises:
        DeploymentParameterError: an argument is not `KEY=VALUE`, or its key is one of AWS's own.
    """
    tags = {}
    for argument in arguments:
        key, sign, value = argument.partition("=")
        if not sign or not key or key.lower().startswith("aws:"):
            raise DeploymentParameterError(
                f"--tag {argument}", fix="write --tag KEY=VALUE; a key cannot begin with aws:"
            )
        tags[key] = value
    return tags
