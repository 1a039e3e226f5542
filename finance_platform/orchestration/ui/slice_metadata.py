"""What the UI shows of a table's slices: rows, money by scenario, periods.

Belongs here: metadata of star tables, built or published. Does not belong here: the steps (see `assets`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import dagster as dg

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.orchestration.ui.formatting import version_of
from finance_platform.orchestration.ui.metadata_values import money, span
from finance_platform.quality.checks import counted
from finance_platform.slices.snapshot import Snapshot

_FACT = FACT_FINANCIALS.name


def version_of_table(contract: Contract, snapshot: Snapshot) -> dg.DataVersion:
    """Return a table's data version: the versions of all its slices."""
    return version_of((s.slice, s.version) for s in snapshot.wanted if s.table == contract.name)


def slice_metadata(contract: Contract, snapshot: Snapshot, changed: Sequence[str], currency: str) -> dict[str, Any]:
    """Return what the UI shows of a table: rows, and of the fact table money by scenario."""
    commits = [commit for (table_name, _), commit in snapshot.built.items() if table_name == contract.name]
    metadata: dict[str, Any] = {
        "dagster/row_count": sum(commit.row_count for commit in commits),
        "slices_changed_now": dg.MetadataValue.json(list(changed)),
    }
    if contract.sliced_by_period:
        sums = [one for commit in commits for one in commit.sums]
        for scenario in sorted({one.scenario for one in sums}):
            amount = sum((one.amount for one in sums if one.scenario == scenario), Decimal("0.00"))
            metadata |= money(f"amount_{scenario}", amount, currency)
    return metadata


def period_rows(snapshot: Snapshot, changed: Sequence[str]) -> list[dict[str, Any]]:
    """Return a row for each period of the fact table: rows, money by scenario, version, when it was built."""
    commits = {name: commit for (table_name, name), commit in snapshot.built.items() if table_name == _FACT}
    scenarios = sorted({one.scenario for commit in commits.values() for one in commit.sums})
    rows = []
    for period, commit in sorted(commits.items()):
        amounts = {one.scenario: one.amount for one in commit.sums}
        rows.append(
            {
                "period": period,
                "rows": commit.row_count,
                **{scenario: amounts.get(scenario) for scenario in scenarios},
                "version": commit.version,
                "built": commit.built_at[:19],
                "now": "changed" if period in changed else "",
            }
        )
    return rows


def describe_slices(names: Sequence[tuple[str, str]]) -> str:
    """Return slices in few words: `3 periods (2025-01 … 2025-03), 1 dimension`."""
    periods = [name for table_name, name in names if table_name == _FACT]
    dimensions = len(names) - len(periods)
    parts = [span(periods)] if periods else []
    return ", ".join([*parts, counted(dimensions, "dimension")] if dimensions else parts)
