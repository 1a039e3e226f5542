"""The command `status`, and the status of a home as the command line reports it.

Belongs here: arguments, the choice of the printer, and whether a recorded status is still that of the home. Does not
belong here: figures (see `refresh.status`), output (see `status_output`).
"""

from __future__ import annotations

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
from finance_platform.errors import FinancePlatformError
from finance_platform.settings import Settings, load_settings

if TYPE_CHECKING:
    from finance_platform.refresh.status_ahead import StatusAhead
    from finance_platform.reports.status import Status
    from finance_platform.storage.port import ObjectStore
    from finance_platform.warehouse.port import Warehouse


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


def read_status(
    settings: Settings,
    since: datetime | None = None,
    *,
    with_all_versions: bool = False,
    record: bool = False,
    listed: ObjectStore | None = None,
    ahead: StatusAhead | None = None,
) -> Status:
    """Return the status of a home, from a record if the home is as the last complete run left it and there is one.

    Args:
        settings: the home.
        since: report movements of then or later; None for the latest load.
        with_all_versions: whether to add the statement of all versions.
        record: whether to record the status of such a home; only a run does.
        listed: the processed zone as a run has listed it at its end; it is listed here by default.
        ahead: the status that was derived beside the run, used and recorded if it is that of what the run has left.
    """
    from finance_platform.bootstrap import open_warehouse, processed_zone, raw_zone
    from finance_platform.deliveries.register import FOLDER as REGISTER
    from finance_platform.orchestration.runs import last_run
    from finance_platform.refresh.known_status import read_known_status, record_document, record_status
    from finance_platform.refresh.steps.recorded_code import trust_recorded_code
    from finance_platform.storage.listed_once import list_ahead, listed_once

    raw, processed = listed_once(raw_zone(settings)), listed or listed_once(processed_zone(settings))
    list_ahead(processed, [REGISTER])
    warehouse, at, latest = open_warehouse(settings), datetime.now(UTC), last_run(settings.dagster_home)
    identity = "" if since or with_all_versions else _identify(raw, processed, warehouse, settings, at)
    if identity and (known := read_known_status(processed, identity, latest)):
        return known
    if identity and ahead is not None:
        from finance_platform.refresh.status_ahead import is_status_of

        if is_status_of(ahead, processed, warehouse, at=at):
            return record_document(processed, identity, ahead.document, latest)
    from finance_platform.refresh import status as use_case

    trust_recorded_code(processed)
    derived = use_case.read_status(
        raw, processed, warehouse, settings, at=at, since=since, last_run=latest, with_all_versions=with_all_versions
    )
    if record:
        record_status(processed, identity, derived)
    return derived


def _identify(raw: ObjectStore, processed: ObjectStore, warehouse: Warehouse, settings: Settings, at: datetime) -> str:
    """Return the identity of a home that is as the last complete run left it; empty if it is not, or unreadable."""
    from finance_platform.refresh.known_status import identify_home
    from finance_platform.refresh.steps.complete_run import read_complete_run

    try:
        complete = read_complete_run(processed)
        if complete is None or not complete.warehouse:
            return ""
        return identify_home(raw, processed, warehouse, settings, complete, at)
    except (FinancePlatformError, OSError):
        return ""  # the status that is derived instead reports what is wrong
