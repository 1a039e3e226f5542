"""The command `restatement`: what leads from the figures that a close signed to those that are published now.

Belongs here: arguments, columns. Does not belong here: the steps (see `trace.roll_forward`), the closes and decisions
(see `refresh.restatement`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finance_platform.cli.console import echo, open_console
from finance_platform.cli.exports import export_options, export_rows, require_output
from finance_platform.cli.options import EXIT_ATTENTION, EXIT_OK, home_option, require_raw_zone, with_exit_code
from finance_platform.count_text import list_periods, pluralize
from finance_platform.settings import load_settings

if TYPE_CHECKING:
    from finance_platform.refresh.restatement import Restatement, SignedClose

_CLOSE = re.compile(r"([0-9]{4}-(?:0[1-9]|1[0-2]))(?:#([1-9][0-9]{0,5}))?")
_COLUMNS = ("step", "file", "account_type", "amount", "profit_effect", "decided_by", "why")


@click.command()
@home_option
@click.argument("close", metavar="[PERIOD[#N]]", required=False)
@export_options
@with_exit_code
def restatement(home: Path | None, close: str | None, output_format: str, output: Path | None) -> int:
    """Show what leads from signed figures to those of now: each file with its amount, and who allowed it and why.

    Every signed close of PERIOD, its Nth one, or without PERIOD every close whose figures have changed. Exit code 1 if
    files, attributes and settings do not explain every cent.
    """
    from finance_platform.bootstrap import open_warehouse, processed_zone
    from finance_platform.deliveries.register import Register
    from finance_platform.deliveries.scans import require_whole_register
    from finance_platform.refresh.restatement import restate, rows_of, signed_closes
    from finance_platform.trace.published_lines import open_lines
    from finance_platform.warehouse.ledger import published_versions

    require_output(output_format, output, is_table_for_people=True)
    settings = require_raw_zone(load_settings(home=home))
    processed = processed_zone(settings)
    require_whole_register(processed)
    events = Register(processed).events()
    closes = _wanted(signed_closes(events), close)
    published = published_versions(open_warehouse(settings))
    found = list(restate(open_lines(processed), closes, events, published, all_of=close is not None))
    if output_format == "table":
        _print_closes(found, len(closes), close)
    else:
        rows = [{"unexplained": not one.steps.is_explained, **row} for one in found for row in rows_of(one)]
        columns = list(rows[0]) if rows else list(_COLUMNS)
        export_rows("Restatement", columns, [list(row.values()) for row in rows], output_format, output)
    return EXIT_OK if all(one.steps.is_explained for one in found) else EXIT_ATTENTION


def _wanted(closes: Sequence[SignedClose], name: str | None) -> list[SignedClose]:
    """Return the closes that a person names; all of them without a name."""
    if name is None:
        return list(closes)
    match = _CLOSE.fullmatch(name.strip())
    if match is None:
        raise click.BadParameter(
            f"{name!r} is not a period or a close; write it as 2025-03, or 2025-03#1 for its first close",
            param_hint="PERIOD",
        )
    of_period = [one for one in closes if one.event.period == match[1]]
    wanted = [one for one in of_period if match[2] is None or one.number == int(match[2])]
    if wanted:
        return wanted
    signed = {one.event.period for one in closes}
    known = f"signed are {list_periods(signed)}" if signed else "`finance-platform close` signs a period"
    if of_period:
        known = f"ask for {of_period[-1].name}, its last one"
    raise click.BadParameter(f"no close {name} was signed; {known}", param_hint="PERIOD")


def _print_closes(found: Sequence[Restatement], count: int, name: str | None) -> None:
    if not count:
        echo("No period was signed yet: `finance-platform close PERIOD --why TEXT` signs one.")
    elif not found:
        echo(f"Everything is published as it was signed ({pluralize(count, 'close')}).")
    for number, one in enumerate(found):
        if number:
            echo("")
        _print_close(one)
    if name is None and found and count > len(found):
        echo(f"{pluralize(count - len(found), 'other close')} as signed.", err=True)


def _print_close(restatement: Restatement) -> None:
    from finance_platform.cli import rendering

    close, steps = restatement.close, restatement.steps
    opening = f", as the opening of {close.event.opening_of}" if close.event.opening_of else ""
    echo(f"{close.name}: closed by {close.event.who} on {close.event.at[:10]}{opening}: {close.event.why}")
    if not steps.steps:
        echo("Published as it was signed.")
    console = open_console()
    for label, rows in _sections(restatement):
        echo(f"{label}:")
        rendering.print_rows(console, _COLUMNS, rows, "table", is_listing=True)
    if not steps.is_explained:
        echo("Not everything is explained: `finance-platform verify` names what was changed or is missing.")


def _sections(restatement: Restatement) -> list[tuple[str, list[Sequence[Any]]]]:
    """Return the rows of each scenario, without account types that no step changes; types are never added up."""
    from finance_platform.refresh.restatement import NOW, SIGNED, rows_of
    from finance_platform.trace.roll_forward import BUDGET_AMOUNT

    rows = list(rows_of(restatement))
    changed = {_place(row) for row in rows if row["cause"] not in {SIGNED, NOW}}
    sections: dict[str, dict[tuple[Any, ...], list[Decimal]]] = {}
    for row in rows:
        if _place(row) not in changed:
            continue
        label = "Budget beside Actual" if row["measure"] == BUDGET_AMOUNT else str(row["scenario_name"])
        what = " ".join(filter(None, (row["cause"], f"({row['detail']})" if row["detail"] else "")))
        key = (row["step_number"], what, row["object_key"], row["account_type"], row["decided_by"], row["reason"])
        sums = sections.setdefault(label, {}).setdefault(key, [Decimal(0), Decimal(0)])
        sums[0] += row["amount"]
        sums[1] += row["profit_effect"]
    return [
        (
            label,
            [
                (what, file, account_type, *sums, who, why)
                for (_, what, file, account_type, who, why), sums in sorted(
                    section.items(), key=lambda item: (item[0][3], item[0][0])
                )
            ],
        )
        for label, section in sections.items()
    ]


def _place(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["measure"], row["scenario_name"], row["account_type"]
