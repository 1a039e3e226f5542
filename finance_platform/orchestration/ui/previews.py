"""Previews: the first rows of a table on its page, without free text that may name a person.

Belongs here: reading a few rows. Does not belong here: which columns are personal (see `contracts`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import dagster as dg
from dagster import DagsterInstance

from finance_platform.contracts.model import Contract
from finance_platform.orchestration.ui.metadata_values import table
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.port import NoWarehouseYetError, Queryable
from finance_platform.warehouse.statements import first_rows

PREVIEW = "preview"
_ROWS = 5


def preview_of_files(contract: Contract, lake: ObjectStore, keys: Iterable[str]) -> dict[str, Any]:
    """Return the first rows of the first of a table's Parquet files; nothing where there is none."""
    import pyarrow.parquet as pq

    names = [column.name for column in contract.stored_columns if not column.is_personal]
    try:
        for key in keys:
            with lake.open(key) as file:
                batches = pq.ParquetFile(file).iter_batches(batch_size=_ROWS, columns=names)
                return _preview(next((batch.to_pylist() for batch in batches), []))
    except OSError:
        # Whether the files are as they should be is for the checks to say; a page without rows stops no run.
        return {}
    return {}


def preview_of_table(contract: Contract, warehouse: Queryable) -> dict[str, Any]:
    """Return the first rows of a published table; nothing where nothing was ever loaded."""
    try:
        result = warehouse.query(first_rows(contract), {"row_count": _ROWS})
    except NoWarehouseYetError:
        return {}
    return _preview([dict(zip(result.columns, row, strict=True)) for row in result.rows])


def earlier_previews(
    instance: DagsterInstance, keys: Sequence[dg.AssetKey]
) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Return the previews that the last events of assets have, by group, table and data version.

    The rows of a version never change, and asking an embedded warehouse for them takes 20 ms a table.
    """
    found = {}
    for record in instance.get_asset_records(keys):
        event = record.asset_entry.last_materialization
        last = event.asset_materialization if event else None
        if last and last.tags and PREVIEW in last.metadata:
            group, name = record.asset_entry.asset_key.path
            found[group, name, last.tags.get("dagster/data_version", "")] = {PREVIEW: last.metadata[PREVIEW]}
    return found


def _preview(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in table(PREVIEW, rows).items() if name == PREVIEW}
