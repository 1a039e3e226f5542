"""The output of the command `vacuum`: the removed or removable data, with its size and age.

Belongs here: table, sentences and JSON. Does not belong here: what may be removed (see `slices.retention`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from finance_platform.cli.console import SafeConsole
from finance_platform.cli.options import TABLE_ROWS
from finance_platform.cli.rendering import print_json, print_rows
from finance_platform.count_text import pluralize
from finance_platform.slices.retention import Removal

_KINDS = ("slice version", "delivery", "job", "stray file")


def print_vacuum(
    console: SafeConsole, removals: Sequence[Removal], *, retention_days: int, is_removed: bool, as_json: bool
) -> None:
    """Print each removal, then number, bytes and oldest date by kind."""
    if as_json:
        print_json(console, vacuum_as_json(removals, retention_days=retention_days, is_removed=is_removed))
        return
    if not removals:
        console.print(f"Nothing to remove: no unneeded data is older than {retention_days} days.")
        return
    listed = [removal for removal in removals if removal.kind != "stray file"]
    rows = [
        [removal.kind, removal.name, removal.since[:10], len(removal.keys), removal.size]
        for removal in listed[:TABLE_ROWS]
    ]
    if rows:
        print_rows(console, ["kind", "name", "since", "objects", "bytes"], rows, "table", is_listing=True)
    if len(listed) > len(rows):
        console.print(f"… {len(listed) - len(rows):,} more; --json lists all")
    for kind in _KINDS:
        of_kind = [removal for removal in removals if removal.kind == kind]
        if of_kind:
            console.print(_total(kind, of_kind))
    size = sum(removal.size for removal in removals)
    action = "Removed" if is_removed else "Nothing is removed yet: --yes removes"
    console.print(f"{action} {sum(len(removal.keys) for removal in removals):,} objects, {size:,} bytes.")


def vacuum_as_json(removals: Sequence[Removal], *, retention_days: int, is_removed: bool) -> dict[str, Any]:
    """Return the removals as JSON values; times are ISO 8601 UTC."""
    return {
        "format": 1,
        "is_removed": is_removed,
        "retention_days": retention_days,
        "objects": sum(len(removal.keys) for removal in removals),
        "bytes": sum(removal.size for removal in removals),
        "since": min((removal.since for removal in removals), default=None),
        "removals": [
            {
                "kind": removal.kind,
                "name": removal.name,
                "since": removal.since,
                "objects": len(removal.keys),
                "bytes": removal.size,
            }
            for removal in removals
        ],
    }


def _total(kind: str, removals: Sequence[Removal]) -> str:
    size, since = sum(removal.size for removal in removals), min(removal.since for removal in removals)
    objects = pluralize(len(removals), kind, {"delivery": "deliveries"}.get(kind, ""))
    return f"{objects}, {size:,} bytes, the oldest since {since[:10]}"
