"""The commands for AWS: deploy, remote.

Belongs here: options, asking, showing what happens. Does not belong here: what is deployed (see `deployment`).
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from finance_platform.cli.frame import EXIT_FINE, EXIT_STOPPED, console, explained

if TYPE_CHECKING:
    from finance_platform.deployment.plan import Plan
    from finance_platform.deployment.stack import Event

_stack_option = click.option(
    "--stack-name", default="finance", show_default=True, help="The stack; names begin with it."
)
_region_option = click.option("--region", default="", help="The region; as boto3 finds it unless given.")


@click.command()
@_stack_option
@_region_option
@click.option("--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter of the template.")
@click.option("--image", help="The image in the stack's repository; what is deployed unless given.")
@click.option(
    "--template", type=click.Path(path_type=Path, dir_okay=False), help="Another template than the shipped one."
)
@click.option(
    "--dist",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("dist"),
    show_default=True,
    help="What `make dist` has built.",
)
@click.option(
    "--settings",
    "settings_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the settings go, as an .env; build/STACK.env unless given.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing of it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@explained
def deploy(
    stack_name: str,
    region: str,
    parameters: Sequence[str],
    image: str | None,
    template: Path | None,
    dist: Path,
    settings_path: Path | None,
    dry_run: bool,
    yes: bool,
) -> int:
    """Create or update the deployment on AWS, having said what that changes."""
    from finance_platform.deployment.artefacts import read_release
    from finance_platform.deployment.aws import Account
    from finance_platform.deployment.plan import Deployment, Wish, read_parameters, template_path
    from finance_platform.deployment.stack import Stack
    from finance_platform.deployment.template import read_template

    wish = Wish(
        stack_name, read_template(template or template_path()), read_release(dist), read_parameters(parameters, image)
    )
    wish.check()
    account = Account(region)
    stack = Stack(account, stack_name)
    deployment = Deployment(account, stack, wish)
    plan = deployment.plan()
    _show(plan, stack_name, deployment.place, deployment.bucket)
    is_agreed = False
    try:
        is_agreed = not dry_run and _may_go_on(plan, yes=yes)
    finally:
        # Ctrl-C is an answer too.
        if not is_agreed:
            deployment.forget(plan)
    if not is_agreed:
        click.echo("Nothing was changed.")
        return EXIT_FINE if dry_run else EXIT_STOPPED
    deployment.carry_out(plan, _follow)
    if plan.has_image:
        deployment.prepare_warehouse(click.echo)
    _tell_what_is_there(stack_name, stack.outputs(), settings_path, has_image=plan.has_image)
    return EXIT_FINE


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@_stack_option
@_region_option
@click.option("--as-owner", is_flag=True, help="With the rights of the warehouse's owner, for migrate and secure.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@explained
def remote(stack_name: str, region: str, as_owner: bool, command: Sequence[str]) -> int:
    """Run a command of the platform inside the deployment: finance-platform remote status --json."""
    from finance_platform.deployment.aws import Account
    from finance_platform.deployment.stack import Stack
    from finance_platform.deployment.tasks import OneOffTask, run_task

    account = Account(region)
    task = OneOffTask(["finance-platform", *command], as_owner)
    return run_task(account, Stack(account, stack_name), task, click.echo)


def _show(plan: Plan, stack_name: str, place: str, bucket: str) -> None:
    from rich.table import Table

    from finance_platform.deployment.plan import DDL_COMMANDS

    click.echo(f"Stack {stack_name}, {place}")
    changes = Table("action", "resource", "type", "replacement", title="Resources", title_justify="left")
    for change in plan.changes:
        changes.add_row(change.action, change.logical_id, change.type, change.replacement)
    uploads = Table("key", "bytes", "", title=f"Into s3://{bucket}", title_justify="left")
    for upload in plan.uploads:
        uploads.add_row(upload.key, f"{len(upload.content):,}", "is there" if upload.is_there else "upload")
    if plan.changes:
        console().print(changes)
    else:
        click.echo("No resource changes.")
    console().print(uploads)
    if plan.has_image:
        click.echo(f"Warehouse: {' and '.join(DDL_COMMANDS)}, in a task of the deployment, as its owner.")
    else:
        click.echo("Warehouse: its tables come with the image, which is not there yet (--image).")


def _may_go_on(plan: Plan, *, yes: bool) -> bool:
    is_anything = plan.changes or any(not upload.is_there for upload in plan.uploads)
    if yes or not is_anything:
        return True
    if not sys.stdin.isatty():
        raise click.UsageError("nobody is there to be asked; add --yes, or --dry-run")
    replaced = [
        change.logical_id for change in plan.changes if change.replacement == "True" or change.action == "Remove"
    ]
    warning = f" {', '.join(replaced)} will be made anew or removed." if replaced else ""
    return click.confirm(f"Go on?{warning}")


def _follow(event: Event) -> None:
    failed = click.style(f"  {event.reason}", fg="red") if event.is_failure else ""
    click.echo(f"{event.at:%H:%M:%S}  {event.status:<28} {event.logical_id}{failed}", err=True)


def _tell_what_is_there(
    stack_name: str, outputs: dict[str, str], settings_path: Path | None, *, has_image: bool
) -> None:
    from finance_platform.deployment.settings_file import as_env

    path = settings_path or Path("build") / f"{stack_name}.env"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_env(stack_name, outputs), encoding="utf-8")
    click.echo(f"The settings are in {shlex.quote(str(path))}.")
    if has_image:
        click.echo(f"The UI: {outputs.get('UiUrl', '')}    Figures: {outputs.get('DashboardUrl', '')}")
    else:
        repository = outputs.get("ImageRepositoryUri", "")
        click.echo(
            "Next: build the image, push it, and deploy again with it (docs/deploy.md):\n"
            f"  docker build -f infra/Dockerfile -t {repository}:TAG . && docker push {repository}:TAG\n"
            f"  finance-platform deploy --stack-name {stack_name} --image {repository}:TAG"
        )
