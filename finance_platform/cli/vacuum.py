"""The command `vacuum`, which deletes data.

Belongs here: arguments, the locks. Does not belong here: what may be removed (see `slices.retention`), output (see
`vacuum_output`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from finance_platform.cli.console import open_console
from finance_platform.cli.options import (
    EXIT_OK,
    home_option,
    json_option,
    read_snapshot,
    require_raw_zone,
    with_exit_code,
)
from finance_platform.settings import load_settings


@click.command()
@home_option
@click.option("--yes", "is_confirmed", is_flag=True, help="Remove the data; without it, the command only lists it.")
@json_option
@with_exit_code
def vacuum(home: Path | None, is_confirmed: bool, as_json: bool) -> int:
    """List, or remove with --yes, data that nothing needs and that is older than the retention."""
    from finance_platform.bootstrap import delta_options, home_lock, jobs_lock, open_warehouse, processed_zone
    from finance_platform.cli.vacuum_output import print_vacuum
    from finance_platform.data_catalog.delta_log import keys_of_open_tables
    from finance_platform.slices.retention import find_expired, remove
    from finance_platform.warehouse.ledger import published_versions

    settings = require_raw_zone(load_settings(home=home))
    processed, days = processed_zone(settings), settings.retention_days
    with home_lock(settings), jobs_lock(settings):
        snapshot, published = read_snapshot(settings), published_versions(open_warehouse(settings))
        # Where open tables are switched off, their logs are stray files.
        needed = (
            keys_of_open_tables(processed, snapshot, delta_options(settings), is_synced=is_confirmed)
            if settings.open_tables
            else ()
        )
        expired = find_expired(
            processed, snapshot, published, now=datetime.now(UTC), retention_days=days, needed_keys=needed
        )
        if is_confirmed:
            remove(processed, expired)
    print_vacuum(open_console(), expired, retention_days=days, is_removed=is_confirmed, as_json=as_json)
    return EXIT_OK
