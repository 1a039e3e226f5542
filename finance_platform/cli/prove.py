"""The command `prove`: tries what the platform assumes about the warehouse and the services around it.

Belongs here: which assumptions are tried where, output. Does not belong here: the assumptions (see `warehouse.proof`,
`warehouse.redshift.assumptions`, `deployment.proof`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from finance_platform.cli.console import echo, open_console
from finance_platform.cli.options import EXIT_ATTENTION, EXIT_OK, format_option, home_option, with_exit_code
from finance_platform.settings import Settings, load_settings

if TYPE_CHECKING:
    from finance_platform.warehouse.proof import Assumption, Finding

_COLUMNS = ("verdict", "assumption", "seen")


@click.command()
@home_option
@format_option
@click.option("--as-owner", is_flag=True, help="Leave out what needs rights on the zones; `remote --as-owner` adds it.")
@with_exit_code
def prove(home: Path | None, output_format: str, as_owner: bool) -> int:
    """Try each assumption about the warehouse that no test can show, in a scratch schema, and report what was seen.

    On AWS, run it inside the deployment: `finance-platform remote prove` with the platform's rights, `finance-platform
    remote --as-owner prove` with those of the warehouse's owner. Nothing published is read or changed.
    """
    settings = load_settings(home=home)
    if not settings.is_on_aws:
        from finance_platform.warehouse.duckdb.assumptions import duckdb_assumptions

        with duckdb_assumptions() as assumptions:
            return report_findings(assumptions, output_format)
    return _prove_on_aws(settings, output_format, as_owner=as_owner)


def _prove_on_aws(settings: Settings, output_format: str, *, as_owner: bool) -> int:
    from finance_platform.bootstrap import processed_zone, redshift_endpoint
    from finance_platform.deployment.aws import Account
    from finance_platform.deployment.proof import COST, task_assumptions
    from finance_platform.warehouse.redshift.assumptions import redshift_assumptions
    from finance_platform.warehouse.redshift.security_statements import Security

    echo(COST, err=True)
    endpoint = redshift_endpoint(settings)
    catalog = settings.data_catalog_database
    lake_schema = Security(endpoint.database, endpoint.schema).lake_schema if catalog else ""
    processed = None if as_owner else processed_zone(settings)
    of_services = () if as_owner else task_assumptions(Account(settings.aws_region), settings)
    with redshift_assumptions(endpoint, processed, lake_schema) as assumptions:
        return report_findings((*assumptions, *of_services), output_format)


def report_findings(assumptions: Iterable[Assumption], output_format: str = "table") -> int:
    """Try assumptions, print what was seen, and return the exit code: 1 if one is not as assumed."""
    from finance_platform.cli import rendering
    from finance_platform.warehouse.proof import try_all

    findings = list(try_all(assumptions))
    rows = [(finding.verdict, finding.assumption, finding.seen) for finding in findings]
    rendering.print_rows(open_console(), _COLUMNS, rows, output_format)
    if output_format == "table":
        echo(_summarize(findings))
    return EXIT_ATTENTION if any(finding.verdict == "not as assumed" for finding in findings) else EXIT_OK


def _summarize(findings: Iterable[Finding]) -> str:
    from finance_platform.warehouse.proof import Verdict

    verdicts = [finding.verdict for finding in findings]
    return ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in get_args(Verdict) if verdict in verdicts)
