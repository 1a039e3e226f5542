"""The command `status`, and the status of a home as the command line reports it.

Belongs here: arguments, the ports, the choice of the printer. Does not belong here: figures (see `refresh.status`),
whether a recorded status is still that of the home (see `refresh.current_status`), output (see `status_output`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from finance_platform.cli.console import open_console
from finance_platform.cli.options import (
    EXIT_ATTENTION,
    EXIT_FAILED,
    EXIT_OK,
    home_option,
    json_option,
    require_raw_zone,
    with_exit_code,
)
from finance_platform.cli.usage_errors import DAY
from finance_platform.settings import Settings, load_settings

if TYPE_CHECKING:
    from finance_platform.refresh.status_ahead import StatusAhead
    from finance_platform.reports.status import Status
    from finance_platform.storage.port import ObjectStore


@click.command()
@home_option
@click.option("--since", type=DAY, help="Movements of this day (UTC) or later; default: the last load.")
@click.option("--all-versions", is_flag=True, help="Add the reconciliation of replaced versions, removed ones too.")
@click.option("--by-file", is_flag=True, help="Add the reconciliation of each file; --json always has it.")
@click.option("--all-files", is_flag=True, help="List every file of a home with more than 200; --json always does.")
@json_option
@with_exit_code
def status(
    home: Path | None, since: datetime | None, all_versions: bool, by_file: bool, all_files: bool, as_json: bool
) -> int:
    """Show deliveries and slices, with reasons for those held, refused, closed or stale; movements; the last run."""
    from finance_platform.cli import rendering, status_output

    settings = require_raw_zone(load_settings(home=home))
    current = read_status(settings, since, with_all_versions=all_versions)
    if as_json:
        rendering.print_json(open_console(), current.as_json())
    else:
        status_output.print_status(open_console(), current, by_file=by_file, all_files=all_files)
    if current.is_broken:
        return EXIT_FAILED
    return EXIT_OK if current.is_healthy else EXIT_ATTENTION


def read_status(settings: Settings, since: datetime | None = None, *, with_all_versions: bool = False) -> Status:
    """Return the status of a home with its ports, and with the last run that Dagster's storage has.

    Args:
        settings: the home.
        since: see `read_current_status`.
        with_all_versions: see there.
    """
    from finance_platform.bootstrap import open_home
    from finance_platform.orchestration.runs import last_run
    from finance_platform.refresh.current_status import read_current_status

    return read_current_status(
        open_home(settings).listed_once(),
        at=datetime.now(UTC),
        since=since,
        last_run=last_run(settings.dagster_home),
        with_all_versions=with_all_versions,
    )


def record_status(settings: Settings, listed: ObjectStore, ahead: StatusAhead | None) -> Status:
    """Return the status of a home that a run has left, and record it for the next command.

    Args:
        settings: the home.
        listed: the processed zone as the run has listed it at its end.
        ahead: see `record_current_status`.
    """
    # Imported here: `run` imports this module before it has started the process of its jobs.
    from finance_platform.bootstrap import open_home
    from finance_platform.orchestration.runs import last_run
    from finance_platform.refresh.current_status import record_current_status

    home = replace(open_home(settings).listed_once(), processed=listed)
    return record_current_status(home, at=datetime.now(UTC), last_run=last_run(settings.dagster_home), ahead=ahead)
