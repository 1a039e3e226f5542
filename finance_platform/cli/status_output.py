"""The background of a status as people read it: why slices are stale, what is closed, what moved, the last run.

Belongs here: the looks of those parts. Does not belong here: figures (see `status`, `recent`), the other parts (see
`rendering`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from finance_platform.cli.rendering import print_rows
from finance_platform.reports.status import Status

_ROWS = 20


def print_background(console: Console, status: Status) -> None:
    """Print why slices are stale, the closed periods, what moved, and the last run."""
    _print_stale(console, status)
    for closed in status.background.closed:
        restated = f"; restated {', '.join(closed['restated_at'])}" if closed["is_restated"] else ""
        told = f"{closed['period']} by {closed['who']}, {closed['at'][:16]}Z: {closed['why']}{restated}"
        console.print(f"[yellow]closed[/] {escape(told)}", highlight=False)
    _print_movements(console, status)
    console.print(_run(status.background.last_run), highlight=False)


def _print_stale(console: Console, status: Status) -> None:
    """Print each reason once, with the slices that it makes stale."""
    slices: dict[str, list[str]] = {}
    for row in status.slices:
        if row["state"] != "published":
            name = row["table"] if row["slice"] == "all" else row["slice"]
            for reason in row["why"]:
                slices.setdefault(reason, []).append(name)
    for reason, names in slices.items():
        listed = ", ".join(names[:_ROWS]) + (f" and {len(names) - _ROWS} more" if len(names) > _ROWS else "")
        console.print(f"[yellow]stale[/] {escape(f'{listed}: {reason}')}", highlight=False)
    if status.is_stale:
        console.print("  Fix: run `finance-platform run`", highlight=False)


def _print_movements(console: Console, status: Status) -> None:
    rows = status.background.movements
    if not rows:
        return
    columns = ("loaded_at", "period", "scenario", "measure", "kind", "cells", "difference", "is_restatement", "cause")
    console.print("What moved", style="italic")
    names = [column.replace("_", " ").removeprefix("is ") for column in columns]
    print_rows(console, names, [[row[name] for name in columns] for row in rows[:_ROWS]], "table")
    if len(rows) > _ROWS:
        console.print(f"… {len(rows) - _ROWS} more; `finance-platform movements` lists all", highlight=False)


def _run(run: Mapping[str, Any] | None) -> str:
    if run is None:
        return "Last run: none"
    return f"Last run: {run['run_id']} {run['status']}, {run['started']} to {run['ended'] or 'now'}"
