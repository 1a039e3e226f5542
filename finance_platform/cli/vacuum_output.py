"""Vacuuming as people and programs see it: how much may go, of what, since when.

Belongs here: the looks of the command `vacuum`. Does not belong here: what may go (see `lake.retention`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from finance_platform.cli.rendering import print_json, print_rows
from finance_platform.slices.retention import Removal

_ROWS_IN_A_TABLE = 50
_KINDS = ("slice version", "delivery", "job", "stray file")


def print_vacuum(
    console: Console, removals: Sequence[Removal], *, retention_days: int, is_removed: bool, as_json: bool
) -> None:
    """Print what may go, or has gone: each piece, then count, bytes and the oldest of each kind."""
    if as_json:
        print_json(console, vacuum_as_json(removals, retention_days=retention_days, is_removed=is_removed))
        return
    if not removals:
        console.print(f"Nothing to remove: nothing is unneeded for longer than {retention_days} days.", highlight=False)
        return
    pieces = [removal for removal in removals if removal.kind != "stray file"]
    shown = [[one.kind, one.name, one.since[:10], len(one.keys), one.size] for one in pieces[:_ROWS_IN_A_TABLE]]
    if shown:
        print_rows(console, ["what", "name", "since", "objects", "bytes"], shown, "table")
    if len(pieces) > len(shown):
        console.print(f"… {len(pieces) - len(shown):,} more; --json lists all", highlight=False)
    for kind in _KINDS:
        of_kind = [removal for removal in removals if removal.kind == kind]
        if of_kind:
            console.print(_total(kind, of_kind), highlight=False)
    size = sum(removal.size for removal in removals)
    done = "Removed" if is_removed else "Nothing is removed yet: --yes removes"
    console.print(
        f"{done} {sum(len(removal.keys) for removal in removals):,} objects, {size:,} bytes.", highlight=False
    )


def vacuum_as_json(removals: Sequence[Removal], *, retention_days: int, is_removed: bool) -> dict[str, Any]:
    """Return the same for programs; bytes are numbers, times ISO 8601 UTC."""
    return {
        "format": 1,
        "is_removed": is_removed,
        "retention_days": retention_days,
        "objects": sum(len(removal.keys) for removal in removals),
        "bytes": sum(removal.size for removal in removals),
        "since": min((removal.since for removal in removals), default=None),
        "removals": [
            {"kind": one.kind, "name": one.name, "since": one.since, "objects": len(one.keys), "bytes": one.size}
            for one in removals
        ],
    }


def _total(kind: str, removals: Sequence[Removal]) -> str:
    plural = {"delivery": "deliveries"}.get(kind, f"{kind}s")
    size, since = sum(removal.size for removal in removals), min(removal.since for removal in removals)
    name = kind if len(removals) == 1 else plural
    return f"{len(removals):,} {name}, {size:,} bytes, the oldest since {since[:10]}"
