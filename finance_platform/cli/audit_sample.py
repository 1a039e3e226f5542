"""The command `audit-sample`: published lines for an auditor, which the same seed gives again.

Belongs here: arguments, output. Does not belong here: drawing (see `trace.audit_sample`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from finance_platform.cli.as_of import as_of_option, shown_state
from finance_platform.cli.console import echo, open_console
from finance_platform.cli.options import EXIT_OK, format_option, home_option, require_raw_zone, with_exit_code
from finance_platform.cli.usage_errors import PERIOD
from finance_platform.settings import load_settings

if TYPE_CHECKING:
    from finance_platform.trace.audit_sample import AuditSample

_COLUMNS = (
    *("number", "file", "sha256", "sheet", "row", "column", "period", "scenario", "document_date", "department_code"),
    *("account_number", "amount", "transaction_id", "reverses_transaction_id", "text"),
)
_IN_A_TABLE = ("number", "file", "row", "document_date", "department_code", "account_number", "amount", "text")


@click.command(name="audit-sample")
@home_option
@click.argument("periods", nargs=-1, type=PERIOD, required=True, metavar="PERIOD…")
@click.option("--scenario", default="Actual", show_default=True, help="The scenario whose lines are drawn.")
@click.option(
    "--method",
    type=click.Choice(["mus", "random"]),
    default="mus",
    show_default=True,
    help="mus: each cent has the same chance (monetary-unit sampling); random: each line.",
)
@click.option("--n", "count", type=click.IntRange(1, 10_000), default=25, show_default=True, help="How many to draw.")
@click.option("--seed", required=True, help="Any text; the same seed draws the same lines again.")
@as_of_option
@format_option
@with_exit_code
def audit_sample(
    home: Path | None,
    periods: tuple[str, ...],
    scenario: str,
    method: Literal["mus", "random"],
    count: int,
    seed: str,
    as_of: str,
    output_format: str,
) -> int:
    """Draw published lines for an auditor: with file, SHA-256, line and text as delivered."""
    from finance_platform.bootstrap import processed_zone, raw_zone
    from finance_platform.cli import rendering
    from finance_platform.cli.trace import dialects
    from finance_platform.cli.trace_output import text_unavailable
    from finance_platform.trace.audit_sample import draw_sample
    from finance_platform.trace.cell_to_lines import read_file_texts
    from finance_platform.trace.published_lines import open_lines
    from finance_platform.warehouse.ledger import published_slices

    settings = require_raw_zone(load_settings(home=home))
    store = open_lines(processed_zone(settings))
    with shown_state(settings, as_of) as shown:
        published = published_slices(shown.warehouse)
    sample = draw_sample(
        store,
        published,
        periods=sorted(set(periods)),
        scenario=scenario,
        method=method,
        count=count,
        seed=seed,
    )
    places: dict[str, set[tuple[str | None, int]]] = {}
    for line in sample.lines:
        places.setdefault(line.delivery_id, set()).add((line.sheet or None, line.row))
    texts = {
        delivery_id: read_file_texts(raw_zone(settings), store.commit(delivery_id), store, wanted, dialects(settings))
        for delivery_id, wanted in places.items()
    }
    rows = []
    for line in sample.lines:
        state, by_place = texts[line.delivery_id]
        text = by_place.get((line.sheet or None, line.row)) or text_unavailable(state)
        own = {name: getattr(line, name) for name in ("number", "file", "sha256", "sheet", "row", "column", "period")}
        rows.append({**own, **line.values, "text": text})
    is_table = output_format == "table"
    columns = _IN_A_TABLE if is_table else _COLUMNS
    cells = [[row[name] for name in columns] for row in rows]
    rendering.print_rows(open_console(), columns, cells, output_format, is_listing=True)
    _print_population(sample, method, seed, is_table=is_table)
    return EXIT_OK


def _print_population(sample: AuditSample, method: str, seed: str, *, is_table: bool) -> None:
    """Print what the sample was drawn from; beside CSV and JSON, on the error output."""
    from finance_platform.count_text import pluralize
    from finance_platform.money_text import grouped_money

    interval = f", interval {grouped_money(sample.interval)}" if sample.interval else ""
    population = f"{pluralize(sample.population, 'line')}, gross {grouped_money(sample.gross)}"
    echo(f"{pluralize(len(sample.lines), 'line')} of {population}{interval}; {method}, seed {seed}", err=not is_table)
    if sample.not_money:
        lines = pluralize(sample.not_money, "line")
        left_out = "not drawn" if method == "mus" else "not in the gross amount"
        echo(f"{lines} of statistical accounts: not money, so {left_out}", err=not is_table)
