"""The command that applies roles, policies and grants: secure.

Belongs here: arguments, output. Does not belong here: the statements (see `warehouse.redshift.security_statements`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from finance_platform.cli.console import echo
from finance_platform.cli.options import EXIT_ATTENTION, EXIT_OK, home_option, with_exit_code
from finance_platform.count_text import pluralize
from finance_platform.errors import DamagedObjectError, StorageError
from finance_platform.settings import load_settings

if TYPE_CHECKING:
    from finance_platform.warehouse.redshift.apply_security import AppliedSecurity
    from finance_platform.warehouse.redshift.security_statements import Security


@click.command()
@home_option
@click.option("--dry-run", is_flag=True, help="Print the statements, and run nothing.")
@with_exit_code
def secure(home: Path | None, dry_run: bool) -> int:
    """Apply the roles, row-level security, masks and grants of sql/security to Redshift.

    Run it as a superuser, such as the administrator. Running it again changes nothing. In a warehouse that was lost or
    switched, the rights of people come back from the processed zone.
    """
    settings = load_settings(home=home)
    if not settings.is_on_aws:
        raise click.UsageError("the embedded warehouse is a file and has no roles; set FINANCE_PLATFORM_PROFILE=aws")
    from finance_platform.bootstrap import open_warehouse, processed_zone, redshift_endpoint
    from finance_platform.warehouse.access_rights import read_recorded, record
    from finance_platform.warehouse.redshift.apply_security import apply_security, pending_security_statements
    from finance_platform.warehouse.redshift.restore_access import restore_access
    from finance_platform.warehouse.redshift.security_statements import Security

    endpoint = redshift_endpoint(settings)
    security = Security(
        endpoint.database, endpoint.schema, settings.redshift_copy_role_arn, settings.data_catalog_database
    )
    if dry_run:
        planned = pending_security_statements(endpoint, security)
        for statement in planned.statements:
            echo(f"{statement};\n")
        echo(f"{pluralize(len(planned.statements), 'statement')} would run in {endpoint.name}", err=True)
        _report_missing_tables(planned, security)
        return EXIT_OK
    warehouse = open_warehouse(settings, keeps_newer_schema=False)
    for statement in warehouse.pending_statements():
        echo(f"{statement};\n")
    warehouse.prepare()
    for statement in pending_security_statements(endpoint, security).statements:
        echo(f"{statement};\n")
    applied = apply_security(endpoint, security)
    echo(f"{pluralize(len(applied.statements), 'statement was', 'statements were')} run in {endpoint.name}", err=True)
    _report_missing_tables(applied, security)
    processed = processed_zone(settings)
    try:
        rights, sentences = restore_access(endpoint, read_recorded(processed))
        record(processed, at=datetime.now(UTC), units=rights.units, roles=rights.roles)
    except (StorageError, DamagedObjectError) as error:
        # An administrator of the warehouse may lack rights in the bucket: roles and policies are in force all the same.
        echo(f"the rights of people were neither restored nor recorded: {error.found}", err=True)
        return EXIT_ATTENTION
    for sentence in sentences:
        echo(sentence, err=True)
    return EXIT_OK


def _report_missing_tables(applied: AppliedSecurity, security: Security) -> None:
    if applied.missing_tables:
        echo(
            f"LedgerLines was left out: the data catalog {security.catalog_database} has no "
            f"{' and no '.join(applied.missing_tables)} yet. The first refresh registers them; run `secure` again then "
            "(each deployment does). All other rights are in force.",
            err=True,
        )
