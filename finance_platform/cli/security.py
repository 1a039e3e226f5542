"""The command that applies roles, policies and grants: secure.

Belongs here: the arguments, what is printed. Does not belong here: the statements (see `warehouse.security`).
"""

from __future__ import annotations

from pathlib import Path

import click

from finance_platform.cli.options import EXIT_FINE, explained, home_option
from finance_platform.settings import load_settings


@click.command()
@home_option
@click.option("--dry-run", is_flag=True, help="Print what would be run, and run nothing.")
@explained
def secure(home: Path | None, dry_run: bool) -> int:
    """Apply the roles, row-level security, masks and grants of sql/security to Redshift.

    Run it as a superuser, as the administrator is; running it again changes nothing.
    """
    settings = load_settings(home=home)
    if not settings.is_on_aws:
        raise click.UsageError(
            "the embedded warehouse is a file, which has no roles: this needs FINANCE_PLATFORM_PROFILE=aws"
        )
    from finance_platform.bootstrap import open_warehouse, redshift_endpoint
    from finance_platform.warehouse.redshift.apply_security import apply_security, planned_security
    from finance_platform.warehouse.redshift.security_statements import Security

    endpoint = redshift_endpoint(settings)
    security = Security(
        endpoint.database, endpoint.schema, settings.redshift_copy_role_arn, settings.data_catalog_database
    )
    if dry_run:
        planned = planned_security(endpoint, security)
        for sql in planned:
            click.echo(f"{sql};\n")
        click.echo(f"{len(planned)} statements would run in {endpoint.name}", err=True)
        return EXIT_FINE
    warehouse = open_warehouse(settings)
    for sql in warehouse.planned():
        click.echo(f"{sql};\n")
    warehouse.prepare()
    for sql in planned_security(endpoint, security):
        click.echo(f"{sql};\n")
    click.echo(f"{len(apply_security(endpoint, security))} statements were run in {endpoint.name}", err=True)
    return EXIT_FINE
