"""Synchronisation of the Glue Data Catalog: only the differences to the target tables are written.

Belongs here: the comparison, the order of the changes. Does not belong here: the target tables (see `tables`).

Glue does not change partitions in one transaction. Outdated partitions are dropped first, so that a concurrent reader
may miss rows for a moment but never sees them twice.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from finance_platform.data_catalog.glue import DataCatalogError, GlueDataCatalog, RegisteredTable
from finance_platform.data_catalog.tables import CatalogTable, catalog_tables
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.port import ObjectStore

_THREADS = 10
"""Tables that are compared at once: the connections of a boto3 client."""


@dataclass(frozen=True)
class Changes:
    """The number of entries written.

    Attributes:
        tables: tables created or updated.
        added: new partitions.
        updated: partitions with another location or other columns.
        dropped: partitions removed.
    """

    tables: int = 0
    added: int = 0
    updated: int = 0
    dropped: int = 0

    def __add__(self, other: Changes) -> Changes:
        return Changes(
            self.tables + other.tables,
            self.added + other.added,
            self.updated + other.updated,
            self.dropped + other.dropped,
        )

    def __bool__(self) -> bool:
        return self != Changes()

    def __str__(self) -> str:
        return f"{self.tables} tables, partitions: {self.added} added, {self.updated} updated, {self.dropped} dropped"


def sync_tables(catalog: GlueDataCatalog, tables: Sequence[CatalogTable]) -> Changes:
    """Write the differences between the catalog's database and these tables; other tables are not touched.

    Raises:
        DataCatalogError: the database cannot be read or written, or one of the tables has another owner. The changes
            written so far are correct, and the next call writes the rest.
    """
    with ThreadPoolExecutor(_THREADS) as threads:
        return sum(threads.map(partial(_sync_table, catalog), tables), Changes())


def _sync_table(catalog: GlueDataCatalog, table: CatalogTable) -> Changes:
    existing = catalog.find(table.name)
    if existing is not None and not existing.version:
        raise DataCatalogError(
            f"{catalog.name} has a table {table.name} that this platform did not create",
            fix="give the platform a database of its own (DATA_CATALOG_DATABASE), or drop that table",
        )
    if existing is not None and existing.keys != tuple(key.name for key in table.keys):
        catalog.drop_table(table.name)  # Glue cannot change the keys of an existing table
        existing = None
    if existing is None:
        catalog.create_table(table)
        existing = RegisteredTable(table.version, tuple(key.name for key in table.keys), {})
        return Changes(tables=1) + _sync_partitions(catalog, table, existing)
    if existing.version != table.version:
        catalog.update_table(table)
        return Changes(tables=1) + _sync_partitions(catalog, table, existing)
    return _sync_partitions(catalog, table, existing)


def _sync_partitions(catalog: GlueDataCatalog, table: CatalogTable, existing: RegisteredTable) -> Changes:
    versions = existing.partitions
    targets = {values: table.partition_version(values) for values in table.partitions}
    outdated = sorted(versions.keys() - targets.keys())
    changed = [values for values, version in targets.items() if versions.get(values, version) != version]
    new = [values for values in targets if values not in versions]
    if outdated:
        catalog.drop_partitions(table.name, outdated)
    if changed:
        catalog.update_partitions(table, changed)
    if new:
        catalog.create_partitions(table, new)
    return Changes(added=len(new), updated=len(changed), dropped=len(outdated))


def sync_or_warn(
    catalog: GlueDataCatalog | None, snapshot: Snapshot, processed: ObjectStore, log: logging.Logger
) -> None:
    """Bring the catalog up to date; log a warning if that fails.

    The warehouse is never loaded through the catalog, so an outdated one makes no number wrong, and the next run
    compares it with the processed zone again.
    """
    if catalog is None:
        return
    try:
        changes = sync_tables(catalog, catalog_tables(snapshot, processed))
    except DataCatalogError as error:
        log.warning(f"{error.title}: {error.found}. Fix: {error.fix}")
        return
    log.info(f"{catalog.name}: {changes}" if changes else f"{catalog.name} is up to date")
