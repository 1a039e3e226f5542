"""Slice metadata: the rows, amounts and periods of a star table, in the processed zone or published.

Belongs here: metadata and text made from slices. Does not belong here: what only published tables have (see
`warehouse_metadata`), the steps (see `assets`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.count_text import pluralize
from finance_platform.feeds.values.dates import is_valid_period, next_period, periods_between
from finance_platform.orchestration.ui.formatting import format_periods
from finance_platform.orchestration.ui.metadata_values import compute_data_version
from finance_platform.slices.snapshot import Snapshot

CHANGED_NOW = "changed_now"
"""The metadata name of the slices that a run built or loaded, from which the command line reports them."""

UNCHANGED = "same_rows_in_another_version"
"""The metadata name of the slices whose version a load recorded, and whose rows it left as they were."""

_FACT = FACT_FINANCIALS.name
_NOTHING = "none"


def compute_table_version(contract: Contract, snapshot: Snapshot) -> dg.DataVersion:
    """Return a table's data version, which follows from the versions of its slices."""
    return compute_data_version(
        (slice_.slice, slice_.version) for slice_ in snapshot.target if slice_.table == contract.name
    )


def slice_metadata(contract: Contract, snapshot: Snapshot, changed: Sequence[str]) -> dict[str, Any]:
    """Return a table's rows and the slices that this run changed."""
    commits = [commit for (table_name, _), commit in snapshot.built.items() if table_name == contract.name]
    return {
        "dagster/row_count": sum(commit.row_count for commit in commits),
        CHANGED_NOW: format_slices(changed),
    }


def unchanged_metadata(slices: Sequence[str]) -> dict[str, Any]:
    """Return the slices of a table that a load left as they were; nothing if there are none."""
    return {UNCHANGED: format_slices(slices)} if slices else {}


def period_rows(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Return one row per period of the fact table, the newest first: rows, scenarios, time of the build."""
    commits = {name: commit for (table_name, name), commit in snapshot.built.items() if table_name == _FACT}
    return [
        {
            "period": period,
            "rows": commit.row_count,
            "scenarios": ", ".join(sorted(total.scenario for total in commit.sums)),
            "built": f"{commit.built_at[:19].replace('T', ' ')} UTC",
        }
        for period, commit in sorted(commits.items(), reverse=True)
    ]


def format_slices(names: Sequence[str]) -> str:
    """Return slices in a short text that `parse_slices` reads: `2024-01..2024-12, 2025-03`; `none` without any."""
    parts: list[list[str]] = []
    for name in sorted(names):
        if parts and is_valid_period(parts[-1][-1]) and name == next_period(parts[-1][-1]):
            parts[-1] = [parts[-1][0], name]
        else:
            parts.append([name])
    return ", ".join("..".join(part) for part in parts) or _NOTHING


def parse_slices(text: str) -> list[str]:
    """Return the slices in a text of `format_slices`."""
    names: list[str] = []
    for part in text.split(", ") if text != _NOTHING else ():
        first, _, last = part.partition("..")
        names += periods_between(first, last) if last else [first]
    return names


def describe_slices(names: Sequence[tuple[str, str]]) -> str:
    """Return the number of slices of each kind: `3 periods (2025-01 … 2025-03), 1 dimension`."""
    periods = [name for table_name, name in names if table_name == _FACT]
    dimensions = len(names) - len(periods)
    parts = [format_periods(periods)] if periods else []
    return ", ".join([*parts, pluralize(dimensions, "dimension")] if dimensions else parts)
