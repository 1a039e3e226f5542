"""Warehouse metadata: the figures of published tables, period by period, and what the loads moved.

Belongs here: metadata of the load step.
Does not belong here: loading (see `warehouse`), what the tables are (see `table_specs`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.orchestration.ui.metadata_values import table_metadata
from finance_platform.orchestration.ui.period_grid import Grid
from finance_platform.orchestration.ui.slice_metadata import slice_metadata
from finance_platform.reports.movements import DAYS_SHOWN
from finance_platform.slices.snapshot import Snapshot
from finance_platform.warehouse.load_request import LoadResult

_ACTUAL = "Actual"
_PERIODS_SHOWN = 12
_MOVEMENTS_SHOWN = 5

ALSO_LOADED = "also_loaded"
"""What a run loaded beside the star: comments, for example."""


@dataclass(frozen=True)
class PublishedTables:
    """The published tables after a run.

    Attributes:
        snapshot: the commits of these slices.
        load: the result of this run's load; None if it loaded nothing.
        movements: see `reports.movements.shown_movements`.
        grid: the periods, with their state, revenue and expense.
    """

    snapshot: Snapshot
    load: LoadResult | None
    movements: Sequence[Mapping[str, Any]]
    grid: Grid

    @property
    def restated_at(self) -> dict[str, datetime]:
        """By closed period, the time of the last load that changed it."""
        return {row["period"]: row["loaded_at"] for row in self.movements if row["is_restatement"]}

    def changed_slices(self, contract: Contract) -> list[str]:
        """Return the slices of a table that this run loaded or removed."""
        loaded = self.load.loaded if self.load else ()
        return [slice_.slice for slice_ in loaded if slice_.contract_name == contract.name]

    def metadata(self, contract: Contract) -> dict[str, Any]:
        """Return the metadata of a table."""
        number = self.load.load_number if self.load else None
        metadata = {
            **slice_metadata(contract, self.snapshot, self.changed_slices(contract)),
            "load_number": "nothing was loaded" if number is None else str(number),
        }
        if contract is not FACT_FINANCIALS:
            return metadata
        return {
            **metadata,
            **table_metadata("periods", self._periods(), shown=_PERIODS_SHOWN),
            **table_metadata(f"moved_in_{DAYS_SHOWN}_days", self._recent_movements(), shown=_MOVEMENTS_SHOWN),
        }

    def _periods(self) -> list[dict[str, Any]]:
        """Return one row per period, the newest first: Actual by account type, and the period's state."""
        rows = []
        for period in sorted(self.grid.published, reverse=True):
            actual = {
                one.account_type: one.amount for one in self.grid.totals.get(period, ()) if one.scenario == _ACTUAL
            }
            rows.append(
                {
                    "period": period,
                    "revenue": actual.get("Revenue"),
                    "expense": actual.get("Expense"),
                    "state": self.grid.states[period],
                }
            )
        return rows

    def _recent_movements(self) -> list[dict[str, Any]]:
        """Return what the loads of the last days moved, the newest first, without sums over account types."""
        since = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=DAYS_SHOWN)
        return [
            {
                "loaded": f"{row['loaded_at']:%Y-%m-%d %H:%M}",
                "period": row["period"],
                "scenario": row["scenario"],
                "cells": row["cells"],
                "what": "restatement" if row["is_restatement"] else row["kind"],
                "cause": row["cause"],
            }
            for row in reversed(self.movements)
            if row["loaded_at"] >= since
        ]
