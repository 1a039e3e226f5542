"""The command `close`: the gates of a period, and its close.

Belongs here: arguments, the output. Does not belong here: the gates (see `quality.gates`), the use case (see
`refresh.close`), the other decisions (see `decisions`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finance_platform.cli.console import Part, SafeConsole, colored, echo, open_console
from finance_platform.cli.decisions import locked_processed_zone, new_author, report_decision
from finance_platform.cli.options import (
    EXIT_ATTENTION,
    EXIT_OK,
    home_option,
    json_option,
    require_raw_zone,
    with_exit_code,
)
from finance_platform.cli.rendering import print_json
from finance_platform.cli.usage_errors import PERIOD
from finance_platform.settings import load_settings

if TYPE_CHECKING:
    from finance_platform.deliveries.events import DecisionProposed, PeriodStatusChanged
    from finance_platform.quality.gates import Gate, GateResult
    from finance_platform.refresh.close import PeriodToClose


def _known_gate(_context: click.Context, _parameter: click.Parameter, names: Sequence[str]) -> frozenset[str]:
    """Return the gates to waive."""
    from finance_platform.quality.gates import GATES

    known = [gate.name for gate in GATES]
    for name in names:
        if name not in known:
            raise click.BadParameter(f"{name!r} is not a gate; the gates are {', '.join(known)}")
    return frozenset(names)


@click.command()
@home_option
@click.argument("period", type=PERIOD)
@click.option("--why", metavar="TEXT", default="", help="The reason, recorded with your name; needed to close.")
@click.option(
    "--waive",
    "waived",
    multiple=True,
    metavar="GATE",
    callback=_known_gate,
    help="Close although this gate is red; may be repeated. --dry-run lists the gates.",
)
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Show the gates, and change nothing.")
@json_option
@with_exit_code
def close(home: Path | None, period: str, why: str, waived: frozenset[str], *, is_dry_run: bool, as_json: bool) -> int:
    """Close a period whose gates are green or waived: every later change to it is a restatement."""
    from finance_platform.bootstrap import open_home
    from finance_platform.deliveries.events import DecisionProposed
    from finance_platform.refresh.close import close_period, examine_period, require_waivable

    settings = require_raw_zone(load_settings(home=home))
    author = None if is_dry_run else new_author(settings, why)
    decision = None
    with locked_processed_zone(settings, is_dry_run=is_dry_run) as processed:
        opened = replace(open_home(settings), processed=processed)
        examined = examine_period(opened, period, at=datetime.now(UTC))
        red = examined.red_without(waived)
        if author is not None and not red:
            decision = close_period(opened, examined, author, waived=waived)
        elif not red:
            require_waivable(examined, waived)
    if as_json:
        print_json(open_console(), _document(examined, waived, decision))
    else:
        print_gates(open_console(), examined, waived)
        if decision is not None:
            report_decision(decision, period, "is closed", settings, is_published=True)
        elif not red:
            echo(f"{period} can be closed.")
    return EXIT_ATTENTION if red or isinstance(decision, DecisionProposed) else EXIT_OK


def _state(result: GateResult, waived: Collection[str]) -> str:
    if result.is_green:
        return "green"
    return "waived" if result.gate.name in waived else "red"


def print_gates(console: SafeConsole, examined: PeriodToClose, waived: Collection[str]) -> None:
    """Print the gates of a period, what stays red, and the command that closes it all the same."""
    colours = {"green": "green", "red": "red", "waived": "yellow"}
    width = max(len(result.gate.name) for result in examined.gates)
    console.print(f"Gates of {examined.period}")
    for result in examined.gates:
        state = _state(result, waived)
        label: Part = (f"{state:<6}", colours[state])
        first, *more = result.lines or [result.gate.statement]
        console.print(colored("  ", label, f"  {result.gate.name:<{width}}  {first}"), soft_wrap=True)
        for line in [*more, *(f"Fix: {fix}" for fix in result.fixes if state == "red")]:
            console.print(f"  {'':<6}  {'':<{width}}  {line}", soft_wrap=True)
    if examined.opening:
        first, last = examined.opening[0], examined.opening[-1]
        periods = first if first == last else f"{first} to {last}, {len(examined.opening)} periods,"
        console.print(f"The home's first close closes {periods} with it.", soft_wrap=True)
    if red := [result.gate for result in examined.red_without(waived)]:
        console.print(f"{examined.period} stays open: red {', '.join(gate.name for gate in red)}.", soft_wrap=True)
        if advice := _advise_waivers(examined, red):
            console.print(f"  {advice}", soft_wrap=True)


def _advise_waivers(examined: PeriodToClose, red: Sequence[Gate]) -> str:
    """Return the command that closes the period although gates are red, with what was waived before; empty if none."""
    waivable = [result.gate for result in examined.red_without(()) if result.gate.is_waivable]
    if not any(gate.is_waivable for gate in red):
        return ""
    options = " ".join(f"--waive {gate.name}" for gate in waivable)
    command = f"`finance-platform close {examined.period} {options} --why TEXT` closes it all the same."
    first = ", ".join(gate.name for gate in red if not gate.is_waivable)
    return f"{first} cannot be waived; once that is green, {command}" if first else command


def _document(
    examined: PeriodToClose, waived: Collection[str], decision: PeriodStatusChanged | DecisionProposed | None
) -> dict[str, Any]:
    from finance_platform.deliveries.events import DecisionProposed

    is_proposed = isinstance(decision, DecisionProposed)
    return {
        "period": examined.period,
        "is_closed": decision is not None and not is_proposed,
        "is_proposed": is_proposed,
        "opening": list(examined.opening),
        "gates": [
            {
                "gate": result.gate.name,
                "state": _state(result, waived),
                "statement": result.gate.statement,
                "findings": [{"finding": finding.text, "fix": finding.fix} for finding in result.findings],
            }
            for result in examined.gates
        ],
    }
