"""The summary of a run, as a controller would like to read it.

Belongs here: what is said and in which order. Does not belong here: figures' origins, other commands' looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape

from finance_platform.cli.rendering import print_controllers_line, print_deliveries, print_variance, print_warnings
from finance_platform.quality.checks import counted
from finance_platform.reports.run_outcome import CheckLine, RunOutcome
from finance_platform.reports.status import Status
from finance_platform.reports.variance import VarianceRow


def print_summary(
    console: Console, outcome: RunOutcome, status: Status, variance: Sequence[VarianceRow], seconds: float
) -> None:
    """Print what the run did and how things stand."""
    print_deliveries(console, status)
    print_warnings(console, status)
    console.print()
    print_variance(console, variance)
    if variance:
        console.print()
    _print_checks(console, outcome.checks)
    console.print(_what_was_done(outcome), highlight=False)
    if outcome.error:
        console.print(f"[red]failed:[/] {escape(outcome.error)}", highlight=False)
    console.print(f"Run {outcome.run_id}, {seconds:.1f} s; it shows in the UI: finance-platform ui", highlight=False)
    print_controllers_line(console, status)


def summary_as_json(
    outcome: RunOutcome, status: Status, variance: Sequence[VarianceRow], seconds: float
) -> dict[str, Any]:
    """Return the same for programs; money is text with two decimals."""
    return {
        "run_id": outcome.run_id,
        "succeeded": outcome.succeeded,
        "error": outcome.error,
        "seconds": round(seconds, 1),
        "deliveries_read": outcome.deliveries_read,
        "built": list(outcome.built),
        "loaded": list(outcome.loaded),
        "checks": [asdict(check) for check in outcome.checks],
        "actual_vs_budget": [row.cells() for row in variance],
        "status": status.as_json(),
    }


def _what_was_done(outcome: RunOutcome) -> str:
    if not outcome.deliveries_read and not outcome.built and not outcome.loaded and outcome.succeeded:
        return "Nothing to do: no new deliveries, every period is current."
    read = counted(outcome.deliveries_read, "delivery", "deliveries")
    return f"Read {read}; built {_slices(outcome.built)}; loaded {_slices(outcome.loaded)}."


def _slices(names: Sequence[str]) -> str:
    periods = sorted(name.split()[1] for name in names if name.startswith("fact_financials "))
    dimensions = [name.split()[0] for name in names if not name.startswith("fact_financials ")]
    parts = []
    if periods:
        span = periods[0] if len(periods) == 1 else f"{periods[0]} … {periods[-1]}"
        parts.append(f"{counted(len(periods), 'period', 'periods')} ({span})")
    if dimensions:
        parts.append(counted(len(dimensions), "dimension", "dimensions"))
    return " and ".join(parts) or "nothing"


def _print_checks(console: Console, checks: Sequence[CheckLine]) -> None:
    failed = [check for check in checks if not check.passed]
    errors = sum(1 for check in failed if not check.is_warning)
    passed = len(checks) - len(failed)
    warnings = counted(len(failed) - errors, "warning", "warnings")
    console.print(f"Checks: {passed} passed, {warnings}, {errors} failed", highlight=False)
    for check in failed:
        mark = "[yellow]warning[/]" if check.is_warning else "[red]failed[/]"
        console.print(f"  {mark} {check.asset} {check.name}: {escape(check.summary)}", highlight=False)
        for row in check.evidence:
            console.print(f"    {escape(row)}", highlight=False)
