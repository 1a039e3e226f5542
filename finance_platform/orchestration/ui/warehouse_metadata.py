"""Warehouse metadata: the figures of published tables, period by period, and what the loads moved.

Belongs here: metadata of the load step.
Does not belong here: loading (see `warehouse`), what the tables are (see `table_specs`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.orchestration.ui.metadata_values import markdown_table, table_metadata
from finance_platform.orchestration.ui.slice_metadata import period_rows, slice_metadata
from finance_platform.settings import Settings
from finance_platform.slices.snapshot import Snapshot
from finance_platform.warehouse.ledger import PublishedSlice
from finance_platform.warehouse.load_request import LoadResult, SliceName

_MOVEMENTS_SHOWN = 50
_DAYS_SHOWN = 30


ALSO_LOADED = "also_loaded"
"""What a run loaded beside the star: comments, for example."""


@dataclass(frozen=True)
class PublishedTables:
    """The published tables after a run.

    Attributes:
        settings: the home's.
        ledger: the published slices, from the load ledger.
        snapshot: the commits of these slices.
        load: the result of this run's load; None if it loaded nothing.
        movements: every movement so far, one row per load, period, kind, scenario, measure, quantity and cause.
    """

    settings: Settings
    ledger: Mapping[SliceName, PublishedSlice]
    snapshot: Snapshot
    load: LoadResult | None
    movements: Sequence[Mapping[str, Any]]

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
            **slice_metadata(contract, self.snapshot, self.changed_slices(contract), self.settings.currency),
            "load_number": "nothing was loaded" if number is None else str(number),
        }
        if contract is not FACT_FINANCIALS:
            return metadata
        return {
            **metadata,
            **table_metadata("periods", self._periods()),
            **_movement_metadata(self.load),
            f"moved_in_{_DAYS_SHOWN}_days": self._recent_movements(),
        }

    def _periods(self) -> list[dict[str, Any]]:
        restated_at = self.restated_at
        rows = []
        for row in period_rows(self.snapshot, self.changed_slices(FACT_FINANCIALS)):
            loaded_at = self.ledger[FACT_FINANCIALS.name, row["period"]].loaded_at
            restated = restated_at.get(row["period"])
            rows.append(
                {**row, "loaded": f"{loaded_at:%Y-%m-%d %H:%M}", "restated": f"{restated:%Y-%m-%d}" if restated else ""}
            )
        return rows

    def _recent_movements(self) -> dg.MarkdownMetadataValue:
        since = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=_DAYS_SHOWN)
        names = (
            "loaded_at",
            "period",
            "kind",
            "scenario",
            "measure",
            "quantity",
            "cells",
            "difference",
            "moved",
            "is_restatement",
            "cause",
        )
        rows = [row for row in self.movements if row["loaded_at"] >= since]
        return markdown_table([{name: row[name] for name in names} for row in rows[-_MOVEMENTS_SHOWN:]])


def _movement_metadata(load: LoadResult | None) -> dict[str, Any]:
    """Return what the load changed in published numbers: the net by period, kind, scenario and measure."""
    movements = load.moved if load else ()
    rows = [
        {
            "period": movement.period,
            "kind": movement.kind,
            "scenario": movement.scenario,
            "measure": movement.measure,
            "cells": movement.cells,
            "was": movement.old_amount,
            "is": movement.new_amount,
            "difference": movement.difference,
            "money": "yes" if movement.is_monetary else "no",
            "": "restatement" if movement.is_restatement else "",
        }
        for movement in movements[:_MOVEMENTS_SHOWN]
    ]
    return {
        "movement_rows": sum(movement.cells for movement in movements),
        "restatement_rows": sum(movement.cells for movement in movements if movement.is_restatement),
        "movements": markdown_table(rows),
    }
