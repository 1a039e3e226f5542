"""Slice metadata: the rows, amounts and periods of a star table, in the processed zone or published.

Belongs here: metadata and text made from slices. Does not belong here: what only published tables have (see
`warehouse_metadata`), the steps (see `assets`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import dagster as dg

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.orchestration.ui.formatting import format_periods
from finance_platform.orchestration.ui.metadata_values import compute_data_version, money_metadata
from finance_platform.quality.checks import pluralize
from finance_platform.slices.snapshot import Snapshot

_FACT = FACT_FINANCIALS.name


def compute_table_version(contract: Contract, snapshot: Snapshot) -> dg.DataVersion:
    """Return a table's data version, which follows from the versions of its slices."""
    return compute_data_version(
        (slice_.slice, slice_.version) for slice_ in snapshot.target if slice_.table == contract.name
    )


def slice_metadata(contract: Contract, snapshot: Snapshot, changed: Sequence[str], currency: str) -> dict[str, Any]:
    """Return a table's rows and changed slices, and the fact table's amount by scenario."""
    commits = [commit for (table_name, _), commit in snapshot.built.items() if table_name == contract.name]
    metadata: dict[str, Any] = {
        "dagster/row_count": sum(commit.row_count for commit in commits),
        "slices_changed_now": dg.MetadataValue.json(list(changed)),
    }
    if contract.sliced_by_period:
        amounts: dict[str, Decimal] = {}
        for scenario_sum in (scenario_sum for commit in commits for scenario_sum in commit.sums):
            amounts[scenario_sum.scenario] = amounts.get(scenario_sum.scenario, Decimal("0.00")) + scenario_sum.amount
        for scenario, amount in sorted(amounts.items()):
            metadata |= money_metadata(f"amount_{scenario}", amount, currency)
    return metadata


def period_rows(snapshot: Snapshot, changed: Sequence[str]) -> list[dict[str, Any]]:
    """Return one row per period of the fact table: rows, amount by scenario, version, time of the build."""
    commits = {name: commit for (table_name, name), commit in snapshot.built.items() if table_name == _FACT}
    scenarios = sorted({scenario_sum.scenario for commit in commits.values() for scenario_sum in commit.sums})
    rows = []
    for period, commit in sorted(commits.items()):
        amounts = {scenario_sum.scenario: scenario_sum.amount for scenario_sum in commit.sums}
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
    """Return the number of slices of each kind: `3 periods (2025-01 … 2025-03), 1 dimension`."""
    periods = [name for table_name, name in names if table_name == _FACT]
    dimensions = len(names) - len(periods)
    parts = [format_periods(periods)] if periods else []
    return ", ".join([*parts, pluralize(dimensions, "dimension")] if dimensions else parts)
