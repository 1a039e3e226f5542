"""The command that brings the warehouse's tables to this release: what it will do, then doing it.

Belongs here: arguments, the lock under which it happens, what is printed. Does not belong here: what may be changed
(see `warehouse.migration`). A run does the same by itself; this shows it beforehand, or at a time of one's choosing.
"""

from __future__ import annotations

from pathlib import Path

import click

from finance_platform.cli.options import EXIT_FINE, existing, explained, home_option
from finance_platform.settings import load_settings


@click.command()
@home_option
@click.option("--dry-run", is_flag=True, help="Only print what would be run.")
@explained
def migrate(home: Path | None, dry_run: bool) -> int:
    """Bring the warehouse's tables and views to this release; only adds, and says what else to run by hand."""
    from finance_platform.bootstrap import home_lock, open_warehouse

    settings = existing(load_settings(home=home))
    warehouse = open_warehouse(settings)
    planned = warehouse.planned()
    if not planned:
        click.echo(f"{settings.warehouse_address} has the tables and views of this release.")
        return EXIT_FINE
    for statement in planned:
        click.echo(f"{statement};\n")
    if dry_run:
        click.echo(f"{len(planned)} statements would be run in {settings.warehouse_address}.")
        return EXIT_FINE
    with home_lock(settings):
        warehouse.prepare()
    click.echo(f"{settings.warehouse_address} has the tables and views of this release now.")
    if settings.is_on_aws and any(statement.startswith("DROP VIEW") for statement in planned):
        click.echo("A view was made anew, and what was granted on it is gone: run `finance-platform secure`.")
    return EXIT_FINE
