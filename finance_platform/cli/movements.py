"""The command `movements`.

Belongs here: arguments, and how many rows a table shows. Does not belong here: which movements there are (see
`reports.movements`), the movements of a run (see `movement_output`).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from finance_platform.cli.console import echo
from finance_platform.cli.exports import export_options, export_rows, require_output
from finance_platform.cli.options import EXIT_OK, TABLE_ROWS, home_option, with_exit_code
from finance_platform.cli.usage_errors import DAY, PERIOD
from finance_platform.settings import load_settings


@click.command()
@home_option
@click.option(
    "--since",
    type=DAY,
    help="Movements of this day (UTC) or later; default: all.",
)
@click.option("--period", type=PERIOD, help="Only this period.")
@export_options
@with_exit_code
def movements(
    home: Path | None, since: datetime | None, period: str | None, output_format: str, output: Path | None
) -> int:
    """List every change of a published cell, with its cause, and whether it is a restatement."""
    from finance_platform.bootstrap import open_warehouse
    from finance_platform.reports.movements import COLUMNS_IN_A_TABLE, EARLIEST, movement_rows, select_columns

    require_output(output_format, output)
    warehouse = open_warehouse(load_settings(home=home))
    day = since or EARLIEST
    moved = movement_rows(warehouse, since=day, period=period)
    is_table = output_format == "table"
    if not moved.rows:
        where = f" in {period}" if period else ""
        echo(f"Nothing moved{where}{f' since {day:%Y-%m-%d}' if since else ''}.", err=not is_table)
    if moved.rows or not is_table:
        columns = COLUMNS_IN_A_TABLE if is_table else moved.columns
        rows = select_columns(moved, columns)
        shown = rows[:TABLE_ROWS] if is_table else rows
        export_rows("Movements", columns, shown, output_format, output)
        if len(shown) < len(rows):
            echo(f"{len(rows) - len(shown)} more; --format csv, json or xlsx lists all", err=True)
    return EXIT_OK
