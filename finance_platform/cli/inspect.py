"""The commands that look and change nothing: status, query, rejected, movements.

Belongs here: arguments, and which figures go to which printer. Does not belong here: figures, looks (see `reporting`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finance_platform.cli.options import (
    EXIT_FINE,
    EXIT_STOPPED,
    ROWS_IN_A_TABLE,
    console,
    existing,
    explained,
    format_option,
    home_option,
    json_option,
    snapshot,
)
from finance_platform.settings import Settings, load_settings

if TYPE_CHECKING:
    from finance_platform.reports.status import Status


@click.command()
@home_option
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="What moved on this day (UTC) or later; default: last load."
)
@json_option
@explained
def status(home: Path | None, since: datetime | None, as_json: bool) -> int:
    """Show deliveries, slices, what is held, refused, closed or stale and why, what moved, and the last run."""
    from finance_platform.cli import rendering, status_output

    found = read_status(existing(load_settings(home=home)), since.replace(tzinfo=UTC) if since else None)
    out = console()
    if as_json:
        rendering.print_json(out, found.as_json())
    else:
        rendering.print_deliveries(out, found)
        rendering.print_warnings(out, found)
        rendering.print_slices(out, found)
        status_output.print_background(out, found)
        rendering.print_line(out, found)
    return EXIT_FINE if found.is_healthy else EXIT_STOPPED


@click.command(context_settings={"ignore_unknown_options": True})  # SQL may begin with a comment, which is two dashes
@home_option
@click.argument("sql")
@format_option
@explained
def query(home: Path | None, sql: str, output_format: str) -> int:
    """Run read-only SQL, in Redshift's dialect, on the warehouse."""
    from finance_platform.bootstrap import open_warehouse
    from finance_platform.cli import rendering

    result = open_warehouse(load_settings(home=home)).query(sql)
    rendering.print_rows(console(), result.columns, result.rows, output_format)
    return EXIT_FINE


@click.command()
@home_option
@click.option("--feed", help="Only this feed's rows.")
@format_option
@explained
def rejected(home: Path | None, feed: str | None, output_format: str) -> int:
    """List the rows that were refused or repeated, with file, line and reason."""
    from finance_platform.bootstrap import processed_zone
    from finance_platform.reports.rejected import COLUMNS, rejected_rows

    settings = existing(load_settings(home=home))
    processed = processed_zone(settings)
    rows = list(rejected_rows(processed, snapshot(settings).state, feed))
    columns = COLUMNS if output_format != "table" else ("source_file", "source_row", "outcome", "reasons", "amount")
    _print_listing(columns, [[row[name] for name in columns] for row in rows], output_format)
    return EXIT_FINE


@click.command()
@home_option
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Only what was loaded on this day (UTC) or later; default: everything.",
)
@click.option("--period", metavar="YYYY-MM", help="Only this period.")
@format_option
@explained
def movements(home: Path | None, since: datetime | None, period: str | None, output_format: str) -> int:
    """List what moved in what was published: cell by cell, with the cause, restatements marked."""
    from finance_platform.bootstrap import open_warehouse
    from finance_platform.reports.movements import COLUMNS_IN_A_TABLE, SINCE_EVER, columns_of, movement_rows

    warehouse = open_warehouse(load_settings(home=home))
    day = since.replace(tzinfo=UTC) if since else SINCE_EVER
    found = movement_rows(warehouse, since=day, period=period)
    is_table = output_format == "table"
    if not found.rows:
        where = f" in {period}" if period else ""
        click.echo(f"Nothing moved{where}{f' since {day:%Y-%m-%d}' if since else ''}.", err=not is_table)
    if found.rows or not is_table:
        columns = COLUMNS_IN_A_TABLE if is_table else found.columns
        _print_listing(columns, columns_of(found, columns), output_format)
    return EXIT_FINE


def _print_listing(columns: Sequence[str], rows: Sequence[Sequence[Any]], output_format: str) -> None:
    """Print rows; as a table only the first, with a word on how many there are besides."""
    from finance_platform.cli import rendering

    shown = rows[:ROWS_IN_A_TABLE] if output_format == "table" else rows
    rendering.print_rows(console(), columns, shown, output_format)
    if len(shown) < len(rows):
        click.echo(f"{len(rows) - len(shown)} more; --format csv or json lists all", err=True)


def read_status(settings: Settings, since: datetime | None = None) -> Status:
    """Return how a home stands.

    Args:
        settings: the home.
        since: tell what moved then or later; None for the latest load.
    """
    from finance_platform.bootstrap import open_warehouse, processed_zone, raw_zone
    from finance_platform.deliveries.discovery import scan_raw_zone
    from finance_platform.deliveries.register import Register
    from finance_platform.feeds.feed_set import load_feed_set
    from finance_platform.orchestration.runs import last_run
    from finance_platform.reports.recent_changes import closed_periods, recent_movements, why_stale
    from finance_platform.reports.reconciliation import reconcile
    from finance_platform.reports.status import Background, build_status
    from finance_platform.slices.closed_periods import freeze_closed_periods
    from finance_platform.warehouse.ledger import published

    register = Register(processed_zone(settings))
    catalog = load_feed_set(settings.feeds_path)
    raw = raw_zone(settings)
    intake = scan_raw_zone(raw, register, catalog, settings, at=datetime.now(UTC), run_id="", record=False)
    warehouse = open_warehouse(settings)
    there = published(warehouse)
    seen = snapshot(settings)
    kept: tuple[str, ...] = ()
    if settings.holds_closed_periods:
        versions = {name: found.version for name, found in there.items()}
        held = freeze_closed_periods(processed_zone(settings), seen, versions)
        seen, kept = held.snapshot, held.periods
    background = Background(
        why_stale=why_stale(processed_zone(settings), seen, there),
        closed=closed_periods(warehouse, seen.state.closed, there),
        movements=recent_movements(warehouse, there, since),
        last_run=last_run(settings.dagster_home),
        kept=kept,
    )
    return build_status(seen, intake, there, reconcile(seen, warehouse), background)
