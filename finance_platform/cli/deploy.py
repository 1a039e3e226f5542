"""The commands for AWS: deploy, remote.

Belongs here: options, the confirmation, the output. Does not belong here: the steps of a deployment (see `deployment`).
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import click

from finance_platform.cli.console import echo, echo_raw, open_console
from finance_platform.cli.options import EXIT_ATTENTION, EXIT_OK, with_exit_code
from finance_platform.errors import FinancePlatformError

if TYPE_CHECKING:
    from finance_platform.deployment.aws import Account
    from finance_platform.deployment.stack import Event, Stack
    from finance_platform.deployment.steps import Preview

_stack_option = click.option(
    "--stack-name",
    default="finance",
    show_default=True,
    help="The stack's name; its resources' names begin with it.",
)
_region_option = click.option("--region", default="", help="The region; default: the one that boto3 finds.")


@click.command()
@_stack_option
@_region_option
@click.option("--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter of the template.")
@click.option("--image", help="The image in the stack's repository; default: the deployed one.")
@click.option(
    "--template",
    "template_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A template to use instead of the shipped one.",
)
@click.option(
    "--dist",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("dist"),
    show_default=True,
    help="The folder that `make dist` built.",
)
@click.option(
    "--settings",
    "settings_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The .env file to write the settings to; default: build/STACK.env.",
)
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag of every resource; give all each time.")
@click.option(
    "--service-role", default="", help="ARN of the role with which CloudFormation works; default: your rights."
)
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@with_exit_code
def deploy(
    stack_name: str,
    region: str,
    parameters: Sequence[str],
    image: str | None,
    template_file: Path | None,
    dist: Path,
    settings_path: Path | None,
    tags: Sequence[str],
    service_role: str,
    dry_run: bool,
    yes: bool,
) -> int:
    """Create or update the deployment on AWS, after showing what changes."""
    from finance_platform.deployment.artefacts import read_release
    from finance_platform.deployment.aws import Account
    from finance_platform.deployment.stack import Stack
    from finance_platform.deployment.steps import Deployment, DeploymentRequest, parse_parameters, parse_tags
    from finance_platform.deployment.template import read_template, template_path

    template = read_template(template_file or template_path())
    request = DeploymentRequest(stack_name, template, read_release(dist), parse_parameters(parameters, image))
    request.validate()
    account = Account(region)
    stack = Stack(account, stack_name, tags=parse_tags(tags), service_role=service_role)
    deployment = Deployment(account, stack, request)
    preview = deployment.preview()
    is_confirmed = False
    try:
        echo(f"Stack {stack_name}, {deployment.target}")
        _print_preview(preview, deployment.bucket)
        is_confirmed = not dry_run and _confirm(preview, yes=yes)
    finally:
        # Also after Ctrl-C.
        if not is_confirmed:
            deployment.discard(preview)
    if not is_confirmed:
        echo("Nothing was changed.")
        return EXIT_OK if dry_run else EXIT_ATTENTION
    try:
        if preview.new_image:
            deployment.prepare_warehouse(echo, preview.new_image)
    except FinancePlatformError:
        deployment.discard(preview)
        raise
    deployment.apply(preview, _print_event)
    if preview.has_image and not preview.new_image:
        deployment.prepare_warehouse(echo)
    outputs = stack.read_outputs()
    _write_settings(settings_path or Path("build") / f"{stack_name}.env", stack_name, outputs)
    _print_next_step(stack_name, outputs, has_image=preview.has_image)
    return EXIT_OK


_DECISIONS = frozenset({"accept", "withdraw", "close", "reopen"})
"""Commands that record who gave them."""

_OF_THIS_MACHINE = frozenset({"init", "ui", "deploy", "remote"})
"""Commands that make or serve something where they run."""


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@_stack_option
@_region_option
@click.option("--as-owner", is_flag=True, help="Use the rights of the warehouse's owner, for migrate and secure.")
@click.option("--pause", is_flag=True, help="With `prove`: pause the cluster, which stops all readers for ten minutes.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@with_exit_code
def remote(stack_name: str, region: str, as_owner: bool, pause: bool, command: Sequence[str]) -> int:
    """Run a command of the platform inside the deployment: finance-platform remote status --json."""
    _refuse_files_of_this_machine(command)
    from finance_platform.deployment.aws import Account
    from finance_platform.deployment.stack import Stack
    from finance_platform.deployment.tasks import OneOffTask, run_task

    account = Account(region)
    stack = Stack(account, stack_name)
    environment = {}
    if command[0] in _DECISIONS:
        from finance_platform.deployment.caller_proof import VARIABLE, make_proof

        environment[VARIABLE] = make_proof(account, stack.read_outputs().get("ProcessedUri", ""), command)
    is_owners_proof = command[0] == "prove" and as_owner
    arguments = [*command, "--as-owner"] if is_owners_proof else command
    task = OneOffTask(["finance-platform", *arguments], as_owner, environment)
    exit_code = run_task(account, stack, task, echo_raw)
    if command[0] == "prove" and not as_owner and exit_code in {EXIT_OK, EXIT_ATTENTION}:
        from finance_platform.cli.prove import report_findings
        from finance_platform.deployment.proof import person_assumptions

        ids, raw_uri = stack.list_physical_ids(), stack.read_outputs()["RawUri"]
        echo("From this machine, with your own rights:")
        ask = partial(_ask_warehouse, account, stack) if pause else None
        exit_code = max(exit_code, report_findings(person_assumptions(account, ids, raw_uri, ask)))
    return exit_code


def _ask_warehouse(account: Account, stack: Stack) -> str:
    """Query the warehouse in a task and return what the task prints."""
    from finance_platform.deployment.tasks import OneOffTask, run_task

    printed: list[str] = []
    run_task(account, stack, OneOffTask(["finance-platform", "query", "SELECT 1 AS One"], False, {}), printed.append)
    return "\n".join(printed)


def _refuse_files_of_this_machine(command: Sequence[str]) -> None:
    """Refuse a command that writes or reads a file, because the task has a disk of its own, which ends with it."""
    name, options = command[0], {argument.partition("=")[0] for argument in command[1:]}
    is_workbook = "--format=xlsx" in command or ("--format", "xlsx") in pairwise(command)
    if "--output" in options or is_workbook:
        raise click.UsageError(
            f"the file that `{name} --output` writes would end with the remote task; write it here instead: "
            f"`finance-platform remote {name} --format csv > {name}.csv`, without --output"
        )
    if name == "report" and (given := sorted(options & {"--open", "--out"})):
        raise click.UsageError(
            f"`report {given[0]}` is for this machine, not for a remote task; without it, the report is written to the "
            "folder reports of the processed bucket, from which `aws s3 cp` copies it"
        )
    if name == "feed" and "--descriptor" in options:
        raise click.UsageError(
            "the file of `feed check --descriptor` is on this machine, where the remote task cannot read it; check the "
            "file here, without `remote`, or put the descriptor into infra/feeds and deploy a new image"
        )
    if name == "query" and options & {"-f", "--file", "-"}:
        raise click.UsageError(
            "the file of `query` is on this machine, where the remote task cannot read it; give its text instead: "
            '`finance-platform remote query "$(cat FILE)"`'
        )
    if name in _OF_THIS_MACHINE:
        raise click.UsageError(f"`{name}` works on this machine, not in a remote task; leave out `remote`")


def _print_preview(preview: Preview, bucket: str) -> None:
    from rich.table import Table

    from finance_platform.deployment.steps import DDL_COMMANDS

    changes = Table("action", "resource", "type", "replacement", title="Resources", title_justify="left")
    for change in preview.changes:
        replacement = change.get("Replacement", "")
        changes.add_row(change["Action"], change["LogicalResourceId"], change["ResourceType"], replacement)
    uploads = Table("key", "bytes", "", title=f"Into s3://{bucket}", title_justify="left")
    for upload in preview.uploads:
        uploads.add_row(upload.key, f"{len(upload.content):,}", "exists" if upload.exists else "upload")
    if preview.changes:
        open_console().print(changes)
    else:
        echo("No resource changes.")
    open_console().print(uploads)
    if preview.has_image:
        when = ", before the services restart" if preview.new_image else ""
        echo(f"Warehouse: {' and '.join(DDL_COMMANDS)}, in a task of the deployment, as its owner{when}.")
    else:
        echo("Warehouse: its tables are created once the deployment has an image (--image).")


def _confirm(preview: Preview, *, yes: bool) -> bool:
    has_changes = preview.changes or any(not upload.exists for upload in preview.uploads)
    if yes or not has_changes:
        return True
    if not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask for confirmation; add --yes, or --dry-run")
    replaced = [
        change["LogicalResourceId"]
        for change in preview.changes
        if change.get("Replacement") == "True" or change["Action"] == "Remove"
    ]
    warning = f" This replaces or removes {', '.join(replaced)}." if replaced else ""
    return click.confirm(f"Continue?{warning}")


def _print_event(event: Event) -> None:
    from finance_platform.deployment.stack import is_failure

    reason = f"  {event.get('ResourceStatusReason', '')}" if is_failure(event) else ""
    status = f"{event['Timestamp']:%H:%M:%S}  {event['ResourceStatus']:<28} {event['LogicalResourceId']}"
    echo(status, (reason, "red"), err=True)


def _write_settings(path: Path, stack_name: str, outputs: Mapping[str, str]) -> None:
    from finance_platform.deployment.settings_file import render_env

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_env(stack_name, outputs), encoding="utf-8")
    echo(f"The settings are in {shlex.quote(str(path))}.")


def _print_next_step(stack_name: str, outputs: Mapping[str, str], *, has_image: bool) -> None:
    if has_image:
        echo(f"UI: {outputs.get('UiUrl', '')}    Dashboard: {outputs.get('DashboardUrl', '')}")
    else:
        repository = outputs.get("ImageRepositoryUri", "")
        echo(
            "Next: build the image, push it, and deploy again with it (docs/deploy.md):\n"
            f"  docker build -f infra/Dockerfile -t {repository}:TAG . && docker push {repository}:TAG\n"
            f"  finance-platform deploy --stack-name {stack_name} --image {repository}:TAG"
        )
