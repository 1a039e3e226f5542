"""The tables of the Glue Data Catalog: the folders of the processed zone that contain the current data.

Belongs here: tables, partitions, Hive types. Does not belong here: the API of Glue (see `glue`), changes (see `sync`).

Each version, period or delivery of a table has a folder of its own for its files, which is the location of a table or
partition. Folder names end in `key=value` for Spark; the catalog ignores that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath

from finance_platform.contracts.model import Column, Contract
from finance_platform.contracts.processed import (
    ACCOUNTS,
    BALANCES,
    COMMENTS,
    DEPARTMENTS,
    LINE_CONTRACTS,
    REJECTED_ROWS,
    STATEMENT_LINES,
)
from finance_platform.contracts.star import STAR, WHOLE_TABLE
from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.lines import period_of_file
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.port import ObjectStore

PartitionValues = tuple[str, ...]
"""The values of a partition's keys, in the order of the keys."""


@dataclass(frozen=True)
class CatalogColumn:
    """One column or partition key.

    Attributes:
        name: as in Parquet.
        type: Hive type.
        comment: one sentence for the analyst.
        is_personal: whether it is free text of a source, which may name a person.
    """

    name: str
    type: str
    comment: str
    is_personal: bool = False


@dataclass(frozen=True)
class CatalogTable:
    """One table as the catalog should list it.

    Attributes:
        name: the contract's name.
        description: the meaning of a row.
        columns: the columns of the files.
        keys: the partition keys, which are not columns; empty for a table in a single folder.
        location: the folder of the table's files; for a partitioned table, a folder that contains all partitions.
        partitions: the folder of each partition by its values.
    """

    name: str
    description: str
    columns: tuple[CatalogColumn, ...]
    keys: tuple[CatalogColumn, ...]
    location: str
    partitions: Mapping[PartitionValues, str] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """A hash of everything except the partitions."""
        return _hash([self.description, self._columns, [asdict(key) for key in self.keys], self.location])

    def partition_version(self, values: PartitionValues) -> str:
        """Return a hash of a partition's location and columns."""
        return _hash([self.partitions[values], self._columns])

    @property
    def _columns(self) -> list[object]:
        return [asdict(column) for column in self.columns]


SLICE = CatalogColumn("slice", "string", "Accounting period, YYYY-MM; the folder that holds it.")
DELIVERY = CatalogColumn("delivery", "string", "The delivery that offered the rows; the folder that holds them.")

"""Have a partition per live delivery and period, superseded lines included: the star decides which lines count."""

ROW_TABLES = (DEPARTMENTS, ACCOUNTS, COMMENTS, STATEMENT_LINES, BALANCES, REJECTED_ROWS)
"""Have a partition per delivery."""

ALL_PERIODS = "all"
"""The slice of a shared file, which is not split by period."""

_TYPES = {"integer": "int", "timestamp": "timestamp"}
_SAME_TYPES = {"bigint", "date", "boolean", "decimal(18,2)"}


def catalog_tables(snapshot: Snapshot, processed: ObjectStore) -> list[CatalogTable]:
    """Return the tables as the catalog should list them.

    A table of the star that was never built is left out: it has no folder.

    Args:
        snapshot: the current processed zone.
        processed: the zone, for addresses.
    """
    live = [delivery.commit for delivery in snapshot.state.live]
    inactive = [delivery.commit for delivery in snapshot.state.inactive]
    tables = [table for contract in STAR if (table := _star_table(contract, snapshot, processed))]
    for contract in (*LINE_CONTRACTS, *ROW_TABLES):
        # Held and refused deliveries have no lines that count, but rejected rows that need attention.
        commits = [*live, *inactive] if contract is REJECTED_ROWS else live
        keys = (DELIVERY, SLICE) if contract in LINE_CONTRACTS else (DELIVERY,)
        tables.append(_delivery_table(contract, keys, commits, processed))
    return tables


def _star_table(contract: Contract, snapshot: Snapshot, processed: ObjectStore) -> CatalogTable | None:
    slices = {name: commit for (table, name), commit in snapshot.built.items() if table == contract.name}
    if contract.sliced_by_period:
        folders: dict[PartitionValues, str] = {
            (name,): _folder(file.key) for name, commit in slices.items() for file in commit.files
        }
        return _table(contract, (SLICE,), contract.name, folders, processed)
    if WHOLE_TABLE not in slices:
        return None
    commit = slices[WHOLE_TABLE]
    # A table without rows may have no file; the folder of its attempt is empty as well.
    (folder,) = {_folder(file.key) for file in commit.files} or {f"{contract.name}/{commit.attempt}"}
    return _table(contract, (), folder, {}, processed)


def _delivery_table(
    contract: Contract, keys: tuple[CatalogColumn, ...], commits: Iterable[DeliveryCommit], processed: ObjectStore
) -> CatalogTable:
    folders: dict[PartitionValues, str] = {}
    for commit in commits:
        for file in commit.files.get(contract.name, ()):
            folder = _folder(file.key)
            # Files that were shared before the zone had a catalog have one partition for all their deliveries.
            delivery = f"{commit.attempt}-{PurePosixPath(folder).name}" if file.is_shared else commit.delivery_id
            period = (period_of_file(file.key) or ALL_PERIODS,) if SLICE in keys else ()
            folders[delivery, *period] = folder
    return _table(contract, keys, contract.name, folders, processed)


def _table(
    contract: Contract,
    keys: tuple[CatalogColumn, ...],
    folder: str,
    folders: dict[PartitionValues, str],
    processed: ObjectStore,
) -> CatalogTable:
    return CatalogTable(
        name=contract.name,
        description=contract.grain,
        columns=tuple(_columns(contract.stored_columns)),
        keys=keys,
        location=_address(processed, folder),
        partitions={values: _address(processed, partition) for values, partition in sorted(folders.items())},
    )


def _columns(columns: Iterable[Column]) -> Iterator[CatalogColumn]:
    for column in columns:
        yield CatalogColumn(column.name, hive_type(column.type), column.description, column.is_personal)


def hive_type(contract_type: str) -> str:
    """Return the Hive type of a contract's type, as Athena and Spectrum use it.

    Raises:
        ValueError: no contract has such a type.
    """
    if contract_type.startswith("varchar"):
        return "string"  # Hive counts characters and contracts count bytes; Parquet counts neither
    if contract_type in _SAME_TYPES:
        return contract_type
    if contract_type in _TYPES:
        return _TYPES[contract_type]
    raise ValueError(f"{contract_type!r} is not a contract type")


def _folder(key: str) -> str:
    return PurePosixPath(key).parent.as_posix()


def _address(processed: ObjectStore, folder: str) -> str:
    return f"{processed.uri(folder).rstrip('/')}/"


def _hash(parts: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
