"""The movements of one run in the output of the command `run`.

Belongs here: their sentences. Does not belong here: figures (see `reports.movements`), the listing of the command
`movements` (see the module `movements`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from finance_platform.cli.console import Part, SafeConsole, colored
from finance_platform.reports.movements import describe_moved, group_by_cause

if TYPE_CHECKING:
    from finance_platform.reports.status import Status


def movements_of_run(status: Status, run_id: str) -> list[Mapping[str, Any]]:
    """Return the movements that one run published, as JSON values; none if it loaded nothing."""
    return [row for row in status.details.movements if row["run_id"] == run_id]


def print_movements_of_run(console: SafeConsole, status: Status, run_id: str) -> None:
    """Print a sentence per cause: the restatements of closed periods first, then what moved in open ones."""
    rows = movements_of_run(status, run_id)
    restated = [row for row in rows if row["is_restatement"]]
    moved = [row for row in rows if not row["is_restatement"] and row["kind"] != "rename"]
    renamed = [row for row in rows if row["kind"] == "rename"]
    _print_groups(console, [("restated", "yellow"), " closed"], restated)
    _print_groups(console, ["moved"], moved)
    _print_groups(console, ["renamed members of"], renamed)
    if rows:
        since = rows[0]["loaded_at"][:10]
        console.print(f"  `finance-platform movements --since {since}` lists every cell")


def _print_groups(console: SafeConsole, label: Sequence[Part], rows: Sequence[Mapping[str, Any]]) -> None:
    for group in group_by_cause(rows):
        cause = group[0]["cause"] or "unknown cause"
        console.print(colored(*label, f" {describe_moved(group)}. Cause: {cause}"))
