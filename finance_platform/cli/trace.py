"""The command `trace`: from a number to the file lines behind it, and back.

Belongs here: arguments, and the choice of the printer. Does not belong here: tracing (see `trace`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finance_platform.cli.as_of import as_of_option, attributes_option, shown_state
from finance_platform.cli.console import echo
from finance_platform.cli.exports import Target, export_options, require_output
from finance_platform.cli.options import (
    EXIT_ATTENTION,
    EXIT_OK,
    TABLE_ROWS,
    home_option,
    object_key,
    require_raw_zone,
    with_exit_code,
)
from finance_platform.cli.usage_errors import PERIOD
from finance_platform.settings import Settings, load_settings

if TYPE_CHECKING:
    from finance_platform.feeds.resolved import Dialect


@click.command()
@home_option
@click.option("--period", type=PERIOD, help="The cell's period, or the one that a total is seen from.")
@click.option("--department", metavar="CODE", help="The cell's department.")
@click.option("--account", metavar="NUMBER", help="The cell's account.")
@click.option("--scenario", help="The cell's scenario; default: Actual, or the only one that has the cell.")
@click.option(
    "--measure",
    type=click.Choice(["amount", "budget", "reference", "variance"]),
    help="Amount (default), or the budget beside it; of a total, the reference or the variance from it.",
)
@click.option(
    "--horizon",
    type=click.Choice(["month", "year to date", "rest of year", "full year"], case_sensitive=False),
    help="Show a total: of the month (default), the year to date and so on, as reports have it.",
)
@click.option("--reference", help="The total's reference; default: Prior Year.")
@click.option("--unit", metavar="NAME", help="The total of a business unit.")
@click.option("--statement-line", metavar="NAME", help="The total of a line of the statement, such as Net profit.")
@click.option("--file", "file", metavar="FILE", help="Show the cells that this file reached instead.")
@click.option("--line", type=click.IntRange(min=1), help="With --file: only this line, as an editor counts.")
@click.option("--sheet", help="With --file: only this sheet of a workbook; --line is then its row.")
@as_of_option
@attributes_option
@export_options
@with_exit_code
def trace(
    home: Path | None,
    file: str | None,
    line: int | None,
    sheet: str | None,
    output_format: str,
    output: Path | None,
    as_of: str,
    attributes: str,
    **cell: str | None,
) -> int:
    """Show the file lines behind a published cell or total, or the cells that a file, or one line of it, reached."""
    require_output(output_format, output, is_table_for_people=True)
    target = Target(output_format, output)
    settings = require_raw_zone(load_settings(home=home))
    if file is not None:
        if any(cell.values()) or attributes != "as-was":
            raise click.UsageError("with --file, only --line and --sheet are allowed")
        return _trace_file(settings, as_of, object_key(settings, file), line, sheet, target)
    total = {name: cell.pop(name) for name in ("horizon", "reference", "unit", "statement_line")}
    if any(total.values()) or cell["measure"] in ("reference", "variance"):
        return _trace_total(settings, (as_of, attributes), cell | total, target)
    if attributes != "as-was":
        raise click.UsageError("--attributes is for totals; the lines of a cell do not depend on attributes")
    missing = [f"--{name}" for name in ("period", "department", "account") if cell[name] is None]
    if missing or line is not None or sheet is not None:
        unused = "--line needs --file" if line is not None else "--sheet needs --file"
        raise click.UsageError(f"missing {', '.join(missing)}" if missing else unused)
    given = {name: value for name, value in cell.items() if value is not None}
    return _trace_cell(settings, as_of, given, target)


def _trace_cell(settings: Settings, as_of: str, cell: dict[str, Any], target: Target) -> int:
    from dataclasses import replace

    from finance_platform.bootstrap import processed_zone, raw_zone
    from finance_platform.cli.trace_output import describe_result, print_cell_trace
    from finance_platform.trace.cell_to_lines import add_reversals, add_texts, trace_cell
    from finance_platform.trace.cells import CellName
    from finance_platform.trace.published_lines import open_lines

    store = open_lines(processed_zone(settings))
    with shown_state(settings, as_of) as shown:
        traced = trace_cell(shown.warehouse, store, CellName(**cell))
        is_table = target.format == "table"
        listed = add_reversals(traced.lines[:TABLE_ROWS] if is_table else traced.lines, shown.warehouse, store)
    if traced.lines:
        texts = add_texts(listed, raw_zone(settings), store, dialects(settings))
        traced = replace(traced, lines=[*texts, *traced.lines[len(listed) :]])
    result = describe_result(traced, shown.state.title if shown.state else "")
    print_cell_trace(target, traced, result)
    if target.format != "json" or not traced.reconciles:
        echo(result, err=not is_table)
    return EXIT_OK if traced.reconciles else EXIT_ATTENTION


def _trace_total(settings: Settings, state: tuple[str, str], given: dict[str, Any], target: Target) -> int:
    from dataclasses import replace

    from finance_platform.bootstrap import processed_zone, raw_zone
    from finance_platform.cli.trace_output import describe_total, print_total_trace
    from finance_platform.trace.cell_to_lines import add_reversals, add_texts
    from finance_platform.trace.published_lines import open_lines
    from finance_platform.trace.totals import TotalName, trace_total

    if given["period"] is None:
        raise click.UsageError("missing --period")
    if given["measure"] == "budget":
        raise click.UsageError("a total has no budget beside it; write --measure reference --reference NAME")
    given["line"] = given.pop("statement_line")
    if given["line"] is None and given["account"] is None:
        raise click.UsageError("a total needs --statement-line or --account: different accounts do not add up")
    store = open_lines(processed_zone(settings))
    with shown_state(settings, *state) as shown:
        name = TotalName(**{key: value for key, value in given.items() if value is not None})
        traced = trace_total(shown.warehouse, store, name)
        is_table = target.format == "table"
        listed = traced.lines[:TABLE_ROWS] if is_table else traced.lines
        lines = add_reversals([one.line for one in listed], shown.warehouse, store)
    if traced.lines:
        texts = add_texts(lines, raw_zone(settings), store, dialects(settings))
        with_texts = [replace(one, line=line) for one, line in zip(listed, texts, strict=True)]
        traced = replace(traced, lines=[*with_texts, *traced.lines[len(listed) :]])
    print_total_trace(target, traced)
    if target.format != "json" or not traced.reconciles:
        echo(describe_total(traced), err=not is_table)
    return EXIT_OK if traced.reconciles else EXIT_ATTENTION


def _trace_file(settings: Settings, as_of: str, key: str, line: int | None, sheet: str | None, target: Target) -> int:
    from finance_platform.bootstrap import processed_zone, raw_zone
    from finance_platform.cli.trace_output import print_file_trace
    from finance_platform.trace.cells import read_publication
    from finance_platform.trace.file_to_cells import add_reversals, add_text, trace_file
    from finance_platform.trace.published_lines import open_lines

    store = open_lines(processed_zone(settings))
    with shown_state(settings, as_of) as shown:
        publication = read_publication(shown.warehouse, store, key)
        traced = add_reversals(trace_file(store, publication, key, line, sheet), shown.warehouse, store)
    if line is not None:
        traced = add_text(traced, raw_zone(settings), store, dialects(settings))
    print_file_trace(target, traced)
    return EXIT_OK


def dialects(settings: Settings) -> Mapping[str, Dialect]:
    """Return the dialect of each feed, by which the lines of its files are separated."""
    from finance_platform.feeds.feed_set import load_feed_set

    return {feed.feed: feed.resolve(settings).rules.dialect for feed in load_feed_set(settings.feeds_path).feeds}
