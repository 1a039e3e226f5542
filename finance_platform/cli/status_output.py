"""The output of the command `status` for people.

Belongs here: its parts and their order. Does not belong here: figures (see `reports.status`,
`reports.recent_changes`), the parts that `run` prints too (see `rendering`).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from finance_platform.cli.console import SafeConsole, colored
from finance_platform.cli.fitting_table import FittingTable
from finance_platform.cli.reconciliation_output import print_tables
from finance_platform.cli.rendering import print_deliveries, print_pending, print_rows, print_warnings
from finance_platform.count_text import pluralize
from finance_platform.reports.status import Status

_ROWS = 20
_MINUTES = len("2025-03-31T10:15")


def print_status(console: SafeConsole, status: Status, *, by_file: bool, all_files: bool) -> None:
    """Print every part of a status; the reconciliation of each file, or each of thousands of files, if asked."""
    print_deliveries(console, status, all_files=all_files)
    print_pending(console, status.unread)
    print_warnings(console, status)
    print_expected(console, status)
    print_slices(console, status)
    print_background(console, status)
    print_tables(console, status.reconciliation, by_file=by_file)
    if status.all_versions:
        print_tables(console, status.all_versions, "All versions", by_file=by_file)


def print_expected(console: SafeConsole, status: Status) -> None:
    """Print when the files of each feed are due; nothing where no feed says so."""
    if not status.details.expected:
        return
    table = FittingTable("feed", "last file", "due", "state", title="Expected files")
    for one in status.details.expected:
        if one.is_missing_in_figures:
            state = f"on time, {one.last_state}", "yellow"
        else:
            on_time = ("on time", "green") if one.last else ("waited for", "yellow")
            state = ("overdue", "yellow") if one.is_overdue else on_time
        last = one.last.isoformat() if one.last else "none yet"
        table.add_row(one.feed, last, one.due.isoformat() if one.due else "", colored(state))
    console.print(table)


def print_slices(console: SafeConsole, status: Status) -> None:
    """Print the number of slices by table and state, and the names of those that are not published."""
    names: dict[tuple[str, str], list[str]] = {}
    for row in status.slices:
        names.setdefault((row["table"], row["state"]), []).append(row["slice"])
    table = FittingTable("table", "slices", "state", title="Slices")
    table.columns[1].justify = "right"
    if not names:
        return  # nothing was delivered yet
    for (name, state), slices in names.items():
        stale = "" if state == "published" else f": {', '.join(slices)}"
        table.add_row(name, f"{len(slices):,}", state + stale)
    console.print(table)


def print_background(console: SafeConsole, status: Status) -> None:
    """Print the reasons of stale slices, the closed periods, the latest movements and the last run."""
    _print_stale(console, status)
    for closed in status.details.closed:
        restated = f"; restated {', '.join(closed['restated_at'])}" if closed["is_restated"] else ""
        text = f"{closed['period']} by {closed['who']}, {closed['at'][:_MINUTES]}Z: {closed['why']}{restated}"
        console.print(colored(("closed", "yellow"), f" {text}"))
    _print_movements(console, status)
    console.print(_describe_run(status.details.last_run))


def _print_stale(console: SafeConsole, status: Status) -> None:
    """Print each reason once, with the slices that it makes stale."""
    slices: dict[str, list[str]] = {}
    for row in status.slices:
        if row["state"] != "published":
            name = row["table"] if row["slice"] == "all" else row["slice"]
            for reason in row["why"]:
                slices.setdefault(reason, []).append(name)
    for reason, names in slices.items():
        listed = ", ".join(names[:_ROWS]) + (f" and {len(names) - _ROWS} more" if len(names) > _ROWS else "")
        console.print(colored(("stale", "yellow"), f" {listed}: {reason}"))
    if not status.is_stale:
        return
    if not slices:
        files = pluralize(len(status.pending), "file is", "files are")
        what = f"{files} to be read" if status.pending else "not everything is built and loaded"
        console.print(colored(("stale", "yellow"), f" {what}"))
    is_published = any(row["state"] != "published" and row["published"] for row in status.slices)
    until = "; what is published stays as it is until then" if is_published else ""
    console.print(f"  Fix: run `finance-platform run`{until}")


def _print_movements(console: SafeConsole, status: Status) -> None:
    rows = status.details.movements
    if not rows:
        return
    columns = (
        "loaded_at",
        "period",
        "scenario",
        "measure",
        "kind",
        "cells",
        "difference",
        "moved",
        "is_restatement",
        "cause",
    )
    console.print("Movements", style="italic")
    names = [column.replace("_", " ").removeprefix("is ") for column in columns]
    # The status has JSON values: money is text in it, and times have microseconds.
    shown = [
        row
        | {name: Decimal(row[name]) for name in ("difference", "moved")}
        | {"loaded_at": f"{row['loaded_at'][:_MINUTES]}Z"}
        for row in map(dict, rows[:_ROWS])
    ]
    print_rows(console, names, [[row[name] for name in columns] for row in shown], "table", is_listing=True)
    if len(rows) > _ROWS:
        console.print(f"… {len(rows) - _ROWS} more; `finance-platform movements` lists all")


def _describe_run(run: Mapping[str, Any] | None) -> str:
    if run is None:
        return "Last run: none"
    if "error" in run:
        return f"Last run: not known, {run['error']}"
    if run["started"] is None:  # the disk was full when it was created, or it is in the queue
        return f"Last run: {run['run_id']} {run['status']}"
    return f"Last run: {run['run_id']} {run['status']}, {run['started']} to {run['ended'] or 'now'}"
