"""The command trace: from a number to the lines of files behind it, and back.

Belongs here: arguments, and which figures go to which printer. Does not belong here: tracing (see `reporting`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finance_platform.cli.options import (
    EXIT_FINE,
    EXIT_STOPPED,
    console,
    existing,
    explained,
    format_option,
    home_option,
    object_key,
)
from finance_platform.settings import Settings, load_settings

if TYPE_CHECKING:
    from finance_platform.feeds.resolved import Dialect


@click.command()
@home_option
@click.option("--period", metavar="YYYY-MM", help="The cell's period.")
@click.option("--department", metavar="CODE", help="The cell's department.")
@click.option("--account", metavar="NUMBER", help="The cell's account.")
@click.option("--scenario", help="The cell's scenario; default: Actual, or the only one that has the cell.")
@click.option("--measure", type=click.Choice(["amount", "budget"]), help="Amount, or the budget beside it.")
@click.option("--file", "file", metavar="KEY", help="The other way: which cells this file reached.")
@click.option("--line", type=click.IntRange(min=1), help="With --file: this line of it, as an editor counts.")
@format_option
@explained
def trace(home: Path | None, file: str | None, line: int | None, output_format: str, **cell: str | None) -> int:
    """Show the lines of files behind a published cell, or the cells that a file or a line of it reached."""
    settings = existing(load_settings(home=home))
    if file is not None:
        if any(cell.values()):
            raise click.UsageError("--file goes with --line alone")
        return _trace_file(settings, object_key(settings, file), line, output_format)
    missing = [f"--{name}" for name in ("period", "department", "account") if cell[name] is None]
    if missing or line is not None:
        raise click.UsageError(f"missing {', '.join(missing)}" if missing else "--line goes with --file")
    return _trace_cell(settings, {name: said for name, said in cell.items() if said is not None}, output_format)


def _trace_cell(settings: Settings, cell: dict[str, Any], output_format: str) -> int:
    from dataclasses import replace

    from finance_platform.bootstrap import open_warehouse, processed_zone, raw_zone
    from finance_platform.cli.trace_output import ROWS_IN_A_TABLE, print_trace, verdict
    from finance_platform.trace.cell_to_lines import trace_cell, with_texts
    from finance_platform.trace.cells import CellName
    from finance_platform.trace.published_lines import open_lines

    store = open_lines(processed_zone(settings))
    found = trace_cell(open_warehouse(settings), store, CellName(**cell))
    is_table = output_format == "table"
    if found.lines:
        shown = found.lines[:ROWS_IN_A_TABLE] if is_table else found.lines
        texts = with_texts(shown, raw_zone(settings), store, _dialects(settings))
        found = replace(found, lines=[*texts, *found.lines[len(shown) :]])
    print_trace(console(), found, output_format)
    if output_format != "json" or not found.reconciles:
        click.echo(verdict(found), err=not is_table)
    return EXIT_FINE if found.reconciles else EXIT_STOPPED


def _trace_file(settings: Settings, key: str, line: int | None, output_format: str) -> int:
    from finance_platform.bootstrap import open_warehouse, processed_zone, raw_zone
    from finance_platform.cli.trace_output import print_reached
    from finance_platform.trace.cells import read_publication
    from finance_platform.trace.file_to_cells import trace_file, with_text
    from finance_platform.trace.published_lines import open_lines

    store = open_lines(processed_zone(settings))
    publication = read_publication(open_warehouse(settings), store, key)
    found = trace_file(store, publication, key, line)
    if line is not None:
        found = with_text(found, raw_zone(settings), store, _dialects(settings))
    print_reached(console(), found, output_format)
    return EXIT_FINE


def _dialects(settings: Settings) -> Mapping[str, Dialect]:
    from finance_platform.feeds.feed_set import load_feed_set

    return {feed.feed: feed.resolve(settings).rules.dialect for feed in load_feed_set(settings.feeds_path).feeds}
