"""Bringing a catalog up to date: what is wanted is compared with what is there, and only what differs is written.

Belongs here: the comparison, the order of the changes. Does not belong here: what is wanted (see `tables`).

No catalog changes partitions in one transaction. Those that count no more go first, so that whoever reads meanwhile
misses rows for a moment and never has them twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from finance_platform.data_catalog.port import CatalogTable, DataCatalog, DataCatalogError, Registered


@dataclass(frozen=True)
class Changes:
    """How much was written.

    Attributes:
        tables: tables registered, or registered anew.
        added: partitions that are new.
        updated: partitions that lie elsewhere now, or hold other columns.
        dropped: partitions that count no more.
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
        return f"{self.tables} tables, partitions: {self.added} new, {self.updated} elsewhere now, {self.dropped} gone"


def register(catalog: DataCatalog, tables: Sequence[CatalogTable]) -> Changes:
    """Bring a catalog's database to what is wanted; tables of other names are left alone.

    Raises:
        DataCatalogError: it cannot be read or written, or a table is there that somebody else has made. What was
            written by then is right, and the next call does the rest.
    """
    return sum((_register_table(catalog, table) for table in tables), Changes())


def _register_table(catalog: DataCatalog, table: CatalogTable) -> Changes:
    present = catalog.find(table.name)
    if present is not None and not present.version:
        raise DataCatalogError(
            f"{catalog.name} has a table {table.name} that this platform has not made",
            fix="give the platform a database of its own (DATA_CATALOG_DATABASE), or drop that table",
        )
    if present is not None and present.keys != tuple(key.name for key in table.keys):
        catalog.drop_table(table.name)  # no catalog changes the keys of a table that is there
        present = None
    if present is None:
        catalog.create_table(table)
        present = Registered(table.version, tuple(key.name for key in table.keys), {})
        return Changes(tables=1) + _register_partitions(catalog, table, present)
    if present.version != table.version:
        catalog.update_table(table)
        return Changes(tables=1) + _register_partitions(catalog, table, present)
    return _register_partitions(catalog, table, present)


def _register_partitions(catalog: DataCatalog, table: CatalogTable, present: Registered) -> Changes:
    there = present.partitions
    gone = sorted(there.keys() - table.partitions.keys())
    moved = [values for values in table.partitions if values in there and there[values] != table.version_of(values)]
    new = [values for values in table.partitions if values not in there]
    if gone:
        catalog.drop_partitions(table.name, gone)
    if moved:
        catalog.update_partitions(table, moved)
    if new:
        catalog.create_partitions(table, new)
    return Changes(added=len(new), updated=len(moved), dropped=len(gone))
