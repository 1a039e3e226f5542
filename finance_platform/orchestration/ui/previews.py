"""Previews: the first rows of a table on its page, without hashes and without free text that may name a person.

Belongs here: reading a few rows. Does not belong here: which columns are personal (see `contracts`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import dagster as dg

from finance_platform.contracts.model import Column, Contract
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.delivery_rows import read_shared
from finance_platform.errors import DamagedObjectError
from finance_platform.orchestration.ui.metadata_values import table_metadata
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.port import NoWarehouseYetError, Queryable
from finance_platform.warehouse.statements import PREVIEW_ROWS, first_rows

_PREVIEW = "preview"
_HASHES = frozenset({"delivery_id"})
_KEY, _HASH_TYPE = "_key", "bigint"


def preview_files(contract: Contract, processed: ObjectStore, keys: Iterable[str]) -> dict[str, Any]:
    """Return the first rows of a table's first Parquet file; nothing if there is no readable file."""
    names = [column.name for column in _shown(contract.stored_columns)]
    if _is_of_keys(contract):
        return {}
    try:
        for key in keys:
            with open_parquet(processed, key) as file:
                batches = file.iter_batches(batch_size=PREVIEW_ROWS, columns=names)
                return _preview(next((batch.to_pylist() for batch in batches), []))
    except (OSError, DamagedObjectError):
        # Checks report files that are missing or damaged; a page without a preview must not stop a run.
        return {}
    return {}


def preview_delivery(contract: Contract, processed: ObjectStore, commit: DeliveryCommit) -> dict[str, Any]:
    """Return the first rows of a delivery in a table; nothing if its first file is not readable."""
    file = commit.files[contract.name][0]
    if not file.is_shared:
        return preview_files(contract, processed, [file.key])
    names = [column.name for column in _shown(contract.stored_columns)]
    try:
        rows = read_shared(processed, commit.delivery_id, file.key, names)
    except OSError:
        return {}  # see `preview_files`
    return _preview(rows.slice(0, PREVIEW_ROWS).to_pylist())


def preview_table(contract: Contract, warehouse: Queryable) -> dict[str, Any]:
    """Return the first rows of a published table; nothing if nothing was ever loaded."""
    if _is_of_keys(contract):
        return {}
    try:
        result = warehouse.query(first_rows(contract))
    except NoWarehouseYetError:
        return {}
    shown = {column.sql_name for column in _shown(contract.columns)}
    rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    return _preview([{name: value for name, value in row.items() if name in shown} for row in rows])


def _shown(columns: Sequence[Column]) -> list[Column]:
    """Return the columns that a reader can make something of."""
    return [
        column
        for column in columns
        if not column.is_personal
        and column.name not in _HASHES
        and not (column.name.endswith(_KEY) and column.type == _HASH_TYPE)
    ]


def _is_of_keys(contract: Contract) -> bool:
    """Return whether a row means nothing without the members that its keys refer to; the page shows periods instead."""
    return contract is FACT_FINANCIALS


def previous_previews(
    instance: dg.DagsterInstance, keys: Sequence[dg.AssetKey]
) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Return the previews in the last events of assets, by group, table and data version.

    The rows of a version never change, and querying an embedded warehouse for them takes 20 ms per table.
    """
    previews = {}
    for record in instance.get_asset_records(keys):
        event = record.asset_entry.last_materialization
        last = event.asset_materialization if event else None
        if last and last.tags and _PREVIEW in last.metadata:
            group, name = record.asset_entry.asset_key.path
            version = last.tags.get("dagster/data_version", "")
            previews[group, name, version] = {_PREVIEW: last.metadata[_PREVIEW]}
    return previews


def _preview(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in table_metadata(_PREVIEW, rows).items() if name == _PREVIEW}
