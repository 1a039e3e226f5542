"""What a deployment will do, known before any of it is done.

Belongs here: collecting it, and in which order it is done. Does not belong here: printing, asking.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from finance_platform.deployment.artefacts import Release
from finance_platform.deployment.aws import Account
from finance_platform.deployment.stack import Change, Event, Stack
from finance_platform.deployment.tasks import OneOffTask, run_task
from finance_platform.deployment.template import Template, check_parameters
from finance_platform.deployment.upload import Upload, look_up, put, wanted_uploads
from finance_platform.errors import DeploymentError, DeploymentParameterError

_STACK_NAME = re.compile(r"[a-z][a-z0-9-]{1,18}[a-z0-9]")
_DDL = OneOffTask(["sh", "-c", "finance-platform migrate && finance-platform secure"], as_owner=True)

DDL_COMMANDS = ("finance-platform migrate", "finance-platform secure")
"""What brings the warehouse's tables and rights up to date."""


@dataclass(frozen=True)
class Wish:
    """What somebody wants deployed.

    Attributes:
        stack_name: the stack's name; buckets, jobs and so on begin with it.
        template: the template.
        release: the artefacts of `make dist`.
        parameters: values of the template's parameters that were given.
    """

    stack_name: str
    template: Template
    release: Release
    parameters: Mapping[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse what cannot be deployed.

        Raises:
            DeploymentParameterError: the name or a parameter is not allowed.
        """
        if not _STACK_NAME.fullmatch(self.stack_name):
            raise DeploymentParameterError(
                f"the stack name is {self.stack_name!r}; buckets and load balancers are named after it",
                fix="choose 3 to 20 small letters, digits and hyphens, beginning with a letter",
            )
        check_parameters(self.template, self.parameters)


@dataclass(frozen=True)
class Plan:
    """What will be done.

    Attributes:
        is_first: whether there is no stack yet.
        changes: to resources.
        uploads: what the scripts bucket is to have.
        has_image: whether there will be tasks, so that the warehouse's tables and rights can be brought up to date.
        change_set: CloudFormation's id of the changes; empty where there are none, or no stack yet.
    """

    is_first: bool
    changes: Sequence[Change]
    uploads: Sequence[Upload]
    has_image: bool
    change_set: str = ""


class Deployment:
    """One stack in one account, and what is to become of it."""

    def __init__(self, account: Account, stack: Stack, wish: Wish) -> None:
        self._account, self._stack, self._wish = account, stack, wish
        number = account.number()
        self.bucket = f"{wish.stack_name}-scripts-{number}-{account.region}"
        self.place = f"account {number}, region {account.region}"

    def plan(self) -> Plan:
        """Find out what would be done.

        Where there is a stack, CloudFormation says it, and needs the template in the scripts bucket for that.

        Raises:
            DeploymentError: the stack cannot be changed, or CloudFormation does not take the change.
        """
        wish = self._wish
        wish.check()
        uploads = wanted_uploads(wish.release, wish.template)
        found = self._stack.usable()
        if found is None:
            values = self._parameters()
            added = [Change("Add", one.logical_id, one.type) for one in wish.template.resources(values)]
            return Plan(True, added, uploads, bool(values.get("Image")))
        uploads = look_up(self._account, self.bucket, uploads)
        put(self._account, self.bucket, [upload for upload in uploads if upload.key == wish.template.key])
        before = {one["ParameterKey"]: one.get("ParameterValue", "") for one in found.get("Parameters", [])}
        has_image = bool({**before, **self._parameters()}.get("Image"))
        change_set = self._change_set()
        changes = self._stack.changes(change_set) if change_set else []
        return Plan(False, changes, uploads, has_image, change_set)

    def forget(self, plan: Plan) -> None:
        """Leave no trace in CloudFormation of a plan that nobody carries out."""
        if plan.change_set:
            self._stack.discard(plan.change_set)

    def carry_out(self, plan: Plan, follow: Callable[[Event], None]) -> None:
        """Do what is planned: what uploads need, the uploads, the rest.

        Raises:
            DeploymentError: something failed; what stood before stands.
        """
        change_set = plan.change_set
        if plan.is_first:
            if self._stack.describe() is None:
                self._stack.create(self._wish.template.first_stage(), follow)
            put(self._account, self.bucket, look_up(self._account, self.bucket, plan.uploads))
            change_set = self._change_set()
        else:
            put(self._account, self.bucket, plan.uploads)
        if change_set:
            self._stack.execute(change_set, follow)

    def prepare_warehouse(self, show: Callable[[str], None]) -> None:
        """Bring the warehouse's tables and rights up to date, in a task.

        Raises:
            DeploymentError: the task failed; its log was shown.
        """
        code = run_task(self._account, self._stack, _DDL, show)
        if code:
            raise DeploymentError(
                f"{' && '.join(DDL_COMMANDS)} ended with exit code {code}",
                fix="mend what its log above says, deploy again",
            )

    def _change_set(self) -> str:
        wish = self._wish
        host = f"{self.bucket}.s3.{self._account.region}.amazonaws.com"
        if self._account.region.startswith("cn-"):
            host += ".cn"
        return self._stack.plan(f"https://{host}/{wish.template.key}", self._parameters(), wish.template.parameters)

    def _parameters(self) -> dict[str, str]:
        release = self._wish.release
        decided = {"Release": release.identifier, "AdditionalPythonModules": release.modules(f"s3://{self.bucket}")}
        return {**decided, **self._wish.parameters}


def read_parameters(written: Sequence[str], image: str | None) -> dict[str, str]:
    """Return parameters by name, as the command line has them.

    Args:
        written: each `NAME=VALUE`.
        image: the image, which has an option of its own.

    Raises:
        DeploymentParameterError: one has no `=`, or is given twice.
    """
    found: dict[str, str] = {"Image": image} if image else {}
    for one in written:
        name, sign, value = one.partition("=")
        if not sign:
            raise DeploymentParameterError(f"--parameter {one}", fix="write --parameter NAME=VALUE")
        if found.get(name, value) != value:
            raise DeploymentParameterError(f"{name} is given twice", fix="give it once")
        found[name] = value
    return found


def template_path() -> Path:
    """Return where the template is in a checkout."""
    return Path(__file__).parents[2] / "infra" / "cloudformation_template.yaml"
