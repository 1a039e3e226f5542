"""The figures on the pages of published tables: what is there, period by period, and what moved.

Belongs here: metadata of the load step.
Does not belong here: loading (see `warehouse`), what the tables are (see `specs`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.orchestration.ui.formatting import markdown_table
from finance_platform.orchestration.ui.metadata_values import table
from finance_platform.orchestration.ui.slice_metadata import period_rows, slice_metadata
from finance_platform.settings import Settings
from finance_platform.slices.snapshot import Snapshot
from finance_platform.warehouse.ledger import PublishedSlice
from finance_platform.warehouse.load_request import LoadResult, SliceName

_MOVEMENTS_SHOWN = 50
_DAYS_SHOWN = 30


@dataclass(frozen=True)
class PublishedPage:
    """What one run has to say of the published tables.

    Attributes:
        settings: the home's.
        ledger: what the load ledger says is published.
        there: the commits of that.
        result: what this run loaded; None for nothing.
        moved: every movement, a row per load, period, kind, scenario, measure and cause.
    """

    settings: Settings
    ledger: Mapping[SliceName, PublishedSlice]
    there: Snapshot
    result: LoadResult | None
    moved: Sequence[Mapping[str, Any]]

    @property
    def restated(self) -> dict[str, datetime]:
        """By period, when a load last changed it although it was closed."""
        return {row["period"]: row["loaded_at"] for row in self.moved if row["is_restatement"]}

    def loaded(self, contract: Contract) -> list[str]:
        """Return the slices of a table that this run loaded or took out."""
        return [one.slice for one in self.result.loaded if one.contract_name == contract.name] if self.result else []

    def metadata(self, contract: Contract) -> dict[str, Any]:
        """Return what the UI shows of a table."""
        number = self.result.load_number if self.result else None
        metadata = {
            **slice_metadata(contract, self.there, self.loaded(contract), self.settings.currency),
            "load_number": "nothing was loaded" if number is None else str(number),
        }
        if contract is not FACT_FINANCIALS:
            return metadata
        return {
            **metadata,
            **table("periods", self._periods()),
            **_movements(self.result),
            f"moved_in_{_DAYS_SHOWN}_days": self._moved_lately(),
        }

    def _periods(self) -> list[dict[str, Any]]:
        restated = self.restated
        rows = []
        for row in period_rows(self.there, self.loaded(FACT_FINANCIALS)):
            loaded_at = self.ledger[FACT_FINANCIALS.name, row["period"]].loaded_at
            again = restated.get(row["period"])
            rows.append(
                {**row, "loaded": f"{loaded_at:%Y-%m-%d %H:%M}", "restated": f"{again:%Y-%m-%d}" if again else ""}
            )
        return rows

    def _moved_lately(self) -> dg.MarkdownMetadataValue:
        since = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=_DAYS_SHOWN)
        names = ("loaded_at", "period", "kind", "scenario", "measure", "cells", "difference", "is_restatement", "cause")
        rows = [row for row in self.moved if row["loaded_at"] >= since]
        return markdown_table([{name: row[name] for name in names} for row in rows[-_MOVEMENTS_SHOWN:]])


def _movements(result: LoadResult | None) -> dict[str, Any]:
    """What the load moved in what was published: the net by period, scenario and measure."""
    moved = result.moved if result else ()
    shown = [
        {
            "period": one.period,
            "kind": one.kind,
            "scenario": one.scenario,
            "measure": one.measure,
            "cells": one.cells,
            "was": one.old_amount,
            "is": one.new_amount,
            "difference": one.difference,
            "": "restatement" if one.is_restatement else "",
        }
        for one in moved[:_MOVEMENTS_SHOWN]
    ]
    return {
        "movement_rows": sum(one.cells for one in moved),
        "restatement_rows": sum(one.cells for one in moved if one.is_restatement),
        "movements": markdown_table(shown),
    }
