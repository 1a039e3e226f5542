"""The command that migrates the warehouse's tables and views to this release.

Belongs here: arguments, the lock, the output. Does not belong here: which changes are allowed (see
`warehouse.migration`). A run migrates too; this command shows the statements first, or runs them at a chosen time.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import click

from finance_platform.cli.console import echo
from finance_platform.cli.options import EXIT_OK, home_option, require_raw_zone, with_exit_code
from finance_platform.count_text import pluralize
from finance_platform.settings import load_settings


@click.command()
@home_option
@click.option("--dry-run", is_flag=True, help="Print the statements, and run nothing.")
@with_exit_code
def migrate(home: Path | None, dry_run: bool) -> int:
    """Migrate the warehouse's tables and views to this release; only adds, and prints what to change by hand."""
    from finance_platform.bootstrap import home_lock, open_warehouse

    settings = load_settings(home=home)
    if not settings.is_on_aws:
        require_raw_zone(settings)
    warehouse = open_warehouse(settings, keeps_newer_schema=False)
    pending = warehouse.pending_statements()
    if not pending:
        echo(f"{settings.warehouse_address} has the tables and views of this release.")
        return EXIT_OK
    comments = {statement for statement in pending if statement.startswith("COMMENT ")}
    for statement in pending:
        if dry_run or statement not in comments:
            echo(f"{statement};\n")
    if dry_run:
        _print_kinds(pending)
        echo(f"{pluralize(len(pending), 'statement')} would be run in {settings.warehouse_address}.")
        return EXIT_OK
    # On AWS the owner of the warehouse has no right on the lock of the zone; migrations take turns by a table.
    with nullcontext() if settings.is_on_aws else home_lock(settings):
        warehouse.prepare()
    if comments:
        described = pluralize(len(comments), "comment describes", "comments describe")
        echo(f"{described} the tables, views and columns; --dry-run prints them.")
    echo(f"{settings.warehouse_address} has the tables and views of this release now.")
    if settings.is_on_aws:
        # Also where none was pending to be dropped: Redshift may have refused to replace one (722).
        echo("New tables and recreated views have no grants yet: run `finance-platform secure`.")
    return EXIT_OK


def _print_kinds(pending: Sequence[str]) -> None:
    """Print the changes of existing tables again, which are few, and how many statements there are of each kind."""
    altered = [statement for statement in pending if statement.startswith("ALTER ")]
    if altered:
        echo("Existing tables change:")
    for statement in altered:
        echo(f"  {statement};")
    kinds = (("CREATE TABLE", "new table"), ("CREATE OR REPLACE VIEW", "view"), ("COMMENT ", "comment"))
    counts = [(sum(one.startswith(beginning) for one in pending), noun) for beginning, noun in kinds]
    counted = ", ".join(pluralize(count, noun) for count, noun in counts)
    echo(f"{counted}; the views and comments that stay are written too.")
