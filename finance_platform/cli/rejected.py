"""The command rejected: the rows that did not become lines, as a list for people and as a file.

Belongs here: arguments, formats, and what is said beside the rows. Does not belong here: the rows and their totals (see
`reports.rejected_rows`), the workbook (see `reports.rejected_workbook`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finance_platform.cli.console import SafeConsole, echo
from finance_platform.cli.exports import (
    XLSX,
    export_options,
    opened_output,
    replaced_file,
    report_inexact,
    require_output,
)
from finance_platform.cli.options import EXIT_OK, TABLE_ROWS, home_option, object_key, require_raw_zone, with_exit_code
from finance_platform.cli.usage_errors import PERIOD_OR_NONE
from finance_platform.money_text import exact_money
from finance_platform.safe_text import printable_line, quote_name
from finance_platform.settings import Settings, load_settings

if TYPE_CHECKING:
    from finance_platform.deliveries.events import Event
    from finance_platform.feeds.resolved import ReadingRules
    from finance_platform.reports.rejected_rows import RejectedRows, RejectedTotals
    from finance_platform.reports.rejected_selection import Selection

_IN_A_TABLE = (
    *("source_file", "source_sheet", "source_row", "source_column", "state", "outcome", "amount", "currency"),
    *("reasons", "department", "account", "text", "first_seen"),
)
"""In this order: what a narrow terminal has no room for goes on below the row, from the right."""

_SHOWN_IF_FILLED = {"source_sheet", "source_column", "currency", "department", "account", "text"}
_TEXT_LENGTH = 200
_NUMBERS = {"source_row", "amount"}
_PLACES_IN_A_TABLE = 20


@click.command()
@home_option
@click.option("--feed", help="Only this feed's rows.")
@click.option("--file", "file", metavar="FILE", help="Only this file's rows.")
@click.option("--rule", help="Only rows that break this rule.")
@click.option(
    "--period", type=PERIOD_OR_NONE, help="Only rows of this accounting period; `none`: without a valid date."
)
@click.option(
    "--by",
    type=click.Choice(["rows", "reason", "file"]),
    default="rows",
    show_default=True,
    help="Print the rows, or their totals per reason or per file alone.",
)
@export_options
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    help="Only the rows with the most money at stake, this many; 0: all, by file and line. Default: 50 in a table.",
)
@with_exit_code
def rejected(
    home: Path | None, by: str, output_format: str, output: Path | None, limit: int | None, **chosen: str | None
) -> int:
    """List rejected and duplicate rows with file, line, reasons and money, and totals per reason and file.

    The totals of ledger files are those of the reconciliation, which has withdrawn files too. CSV and workbooks open in
    a spreadsheet without a formula.
    """
    from finance_platform.bootstrap import processed_zone
    from finance_platform.deliveries.commits import read_commits
    from finance_platform.deliveries.current_state import state_of
    from finance_platform.deliveries.register import Register
    from finance_platform.deliveries.scans import require_whole_register
    from finance_platform.reports.rejected_rows import RejectedRows
    from finance_platform.storage.listed_once import listed_once

    require_output(output_format, output)
    if output_format == XLSX and by != "rows":
        raise click.UsageError("a workbook has rows and totals: leave out --by")
    settings = require_raw_zone(load_settings(home=home))
    processed = listed_once(processed_zone(settings))
    require_whole_register(processed)
    events, commits = Register(processed).events(), read_commits(processed)
    _require_rule(chosen["rule"], {rule for commit in commits.values() for rule in commit.rules})
    selection = _select(settings, events, chosen)
    listing = RejectedRows(processed, state_of(processed, events, commits), events, settings.currency)
    if by != "rows":
        _print_totals(listing.totals(selection), by, output_format, output)
    elif output_format == "table":
        _print_table(listing, selection, output, TABLE_ROWS if limit is None else limit, _rules(settings))
    else:
        _export(listing, selection, output_format, output, limit or 0)
    if selection.period:
        _mention_rows_without_period(listing, selection)
    return EXIT_OK


def _mention_rows_without_period(listing: RejectedRows, selection: Selection) -> None:
    """Say that rows without a valid date may belong to the period, too: `close` asks for them."""
    from finance_platform.count_text import pluralize

    without_period = listing.totals(replace(selection, period="")).rows
    if without_period:
        rows = pluralize(without_period, "row has no valid date", "rows have no valid date")
        echo(f"{rows} and may be of any period: --period none lists them", err=True)


def _require_rule(rule: str | None, broken: Set[str]) -> None:
    """Refuse a rule that neither the product has nor a row of the home has broken."""
    from finance_platform.feeds.rule_names import ROW_RULES
    from finance_platform.feeds.values.codes import closest_match

    if rule is None or rule in ROW_RULES or rule in broken:
        return
    suggestion = closest_match(rule, broken) or closest_match(rule, ROW_RULES)
    hint = f"; did you mean {suggestion!r}?" if suggestion else ""
    known = f"rows of this home break {', '.join(sorted(broken))}" if broken else "no row of this home breaks a rule"
    raise click.UsageError(f"there is no rule {rule!r}{hint}; {known}")


def _select(settings: Settings, events: Iterable[Event], chosen: Mapping[str, str | None]) -> Selection:
    """Return the selection; a feed that does not exist and a file that was never delivered are wrong use."""
    from finance_platform.deliveries.events import DeliveryDiscovered
    from finance_platform.feeds.feed_set import load_feed_set
    from finance_platform.reports.rejected_selection import Selection

    delivered = [event for event in events if isinstance(event, DeliveryDiscovered)]
    file = object_key(settings, chosen["file"]) if chosen["file"] else None
    selection = Selection(chosen["feed"], file, chosen["rule"], chosen["period"])
    described = {feed.feed for feed in load_feed_set(settings.feeds_path).feeds}
    feeds = sorted(described | {event.feed for event in delivered})
    if selection.feed is not None and selection.feed not in feeds:
        raise click.UsageError(f"there is no feed {selection.feed!r}; the feeds are {', '.join(feeds) or 'none'}")
    if file is not None and all(event.object_key != file for event in delivered):
        raise click.UsageError(f"{quote_name(file)} was never delivered; `finance-platform status` lists the files")
    return selection


def _print_table(
    listing: RejectedRows,
    selection: Selection,
    output: Path | None,
    limit: int,
    rules: Mapping[str, ReadingRules],
) -> None:
    from finance_platform.cli.rendering import new_table, print_rows
    from finance_platform.reports.rejected_fields import booking_of
    from finance_platform.reports.rejected_rows import FILE_COLUMNS, REASON_COLUMNS

    totals = listing.totals(selection)
    rows = listing.largest(limit, selection) if limit else list(listing.rows(selection))
    rows = [row | booking_of(row["raw_row"], rules.get(row["feed"])) for row in rows]
    columns = [name for name in _IN_A_TABLE if name not in _SHOWN_IF_FILLED or any(row[name] for row in rows)]
    with opened_output(output) as console:
        if not rows:
            console.print("No rejected rows.")
            return
        table = new_table(*columns, title="", numbers_from=len(columns))
        for column, name in zip(table.columns, columns, strict=True):
            column.justify = "right" if name in _NUMBERS else "left"
        for row in rows:
            table.add_row(*(printable_line(_short(row, name)) for name in columns))
        console.print(table)
        for title, names, of_place in (
            ("By reason; a row that breaks several rules is in each of them", REASON_COLUMNS, totals.reason_rows()),
            ("By file", FILE_COLUMNS, totals.file_rows()),
        ):
            console.print(f"\n{title}")
            print_rows(console, names, of_place[:_PLACES_IN_A_TABLE], "table", is_listing=True)
            if len(of_place) > _PLACES_IN_A_TABLE:
                console.print(f"… {len(of_place) - _PLACES_IN_A_TABLE:,} more; --by reason or --by file lists all")
    if totals.rows > len(rows):
        echo(
            f"first {len(rows):,} of {totals.rows:,} rows, by money at stake; "
            "--limit 0 or --format csv, json or xlsx lists all",
            err=True,
        )


def _rules(settings: Settings) -> Mapping[str, ReadingRules]:
    """Return how each feed of the home is read."""
    from finance_platform.feeds.feed_set import load_feed_set

    return {feed.feed: feed.resolve(settings).rules for feed in load_feed_set(settings.feeds_path).feeds}


def _short(row: Mapping[str, Any], name: str) -> str:
    """Return a value for a table: of a time the day, of a long text its beginning."""
    value = row[name]
    if name == "first_seen" and value:
        return str(value)[:10]
    if name == "text" and len(value) > _TEXT_LENGTH:
        return f"{value[:_TEXT_LENGTH]}…"
    return "" if value is None else exact_money(value, grouping=",") if isinstance(value, Decimal) else str(value)


def _print_totals(totals: RejectedTotals, by: str, output_format: str, output: Path | None) -> None:
    from finance_platform.cli.rendering import print_rows
    from finance_platform.reports.rejected_rows import FILE_COLUMNS, REASON_COLUMNS

    columns, rows = (REASON_COLUMNS, totals.reason_rows()) if by == "reason" else (FILE_COLUMNS, totals.file_rows())
    with opened_output(output) as console:
        print_rows(console, columns, rows, output_format, is_listing=True)


def _export(
    listing: RejectedRows,
    selection: Selection,
    output_format: str,
    output: Path | None,
    limit: int,
) -> None:
    from finance_platform.reports.rejected_rows import RejectedTotals
    from finance_platform.reports.rejected_workbook import write_rejected_workbook

    totals = listing.totals(selection) if limit else RejectedTotals()
    rows = iter(listing.largest(limit, selection)) if limit else listing.rows(selection, totals)
    if output_format == XLSX and output is not None:
        with replaced_file(output) as path:
            inexact = write_rejected_workbook(path, rows, totals)
        report_inexact(inexact)
    else:
        with opened_output(output) as console:
            _print_rows(console, rows, output_format)
    if output is not None:
        counts = totals.rows_by_outcome()
        echo(f"{' and '.join(f'{count:,} {name}' for name, count in counts.items()) or 'no'} rows: {output}", err=True)
    if limit and totals.rows > limit:
        echo(f"first {limit:,} of {totals.rows:,} rows, by money at stake; without --limit all", err=True)


def _print_rows(console: SafeConsole, rows: Iterable[Mapping[str, Any]], output_format: str) -> None:
    from finance_platform.cli.rendering import json_value, print_documents, print_rows
    from finance_platform.reports.rejected_rows import COLUMNS, details_in_columns

    if output_format == "json":
        documents = (
            {name: row[name] if name == "details" else json_value(row[name]) for name in COLUMNS} for row in rows
        )
        print_documents(console, documents)
        return
    place = COLUMNS.index("details")
    before, after = COLUMNS[:place], COLUMNS[place + 1 :]
    cells: Iterator[Sequence[Any]] = (
        [*(row[name] for name in before), *details_in_columns(row["details"]), *(row[name] for name in after)]
        for row in rows
    )
    print_rows(console, [*before, "columns", "values", *after], cells, output_format)
