"""The command line: each command calls one use case and prints the result.

Belongs here: arguments, exit codes, terminal output. Does not belong here: figures (see `reports`), use cases (see
`refresh`). Only the commands that need Dagster import it; the others start in half the time.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from finance_platform.cli.decisions import accept, close, reopen, vacuum, withdraw
from finance_platform.cli.deploy import deploy, remote
from finance_platform.cli.feeds import feed
from finance_platform.cli.init import init
from finance_platform.cli.inspect import movements, status
from finance_platform.cli.migrate import migrate
from finance_platform.cli.options import prepare_output, report_error
from finance_platform.cli.query import query, tables
from finance_platform.cli.rejected import rejected
from finance_platform.cli.run import run
from finance_platform.cli.security import secure
from finance_platform.cli.trace import trace
from finance_platform.cli.ui import ui, webserver
from finance_platform.safe_text import printable


class _Commands(click.Group):
    """The commands. Click's errors quote wrong arguments, and a shell's `*` makes names of files arguments."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the command line; the disk below the output may be full for the help and the version too."""
        prepare_output()
        try:
            return super().main(*arguments, **options)
        except Exception as error:  # of a command itself, `with_exit_code` has reported it
            sys.exit(report_error(error))

    def invoke(self, context: click.Context) -> object:
        """Run a command."""
        try:
            return super().invoke(context)
        except click.ClickException as error:
            error.message = printable(error.message)  # type: ignore[misc]  # final for subclasses
            raise

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Read the arguments before the command."""
        try:
            return super().make_context(*arguments, **options)
        except click.ClickException as error:
            error.message = printable(error.message)  # type: ignore[misc]  # final for subclasses
            raise


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="finance-platform")
def main() -> None:
    """Turn a finance department's files into a star schema that a controller trusts to the cent."""


for _command in (
    init,
    run,
    status,
    query,
    tables,
    rejected,
    movements,
    trace,
    accept,
    withdraw,
    close,
    reopen,
    vacuum,
    migrate,
    secure,
    ui,
    webserver,
    feed,
    deploy,
    remote,
):
    main.add_command(_command)
