"""From a look at the lake to the tables of a catalog: which folders hold what counts right now.

Belongs here: tables, partitions, Hive's types. Does not belong here: registering any (see `registering`).

A table's files lie in folders of their own, one per version, period or delivery, and nothing else is in them; so a
folder stands for them. The folders' names end in `key=value` for Spark's sake, and a catalog takes no notice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from finance_platform.contracts.model import Column, Contract
from finance_platform.contracts.processed import ACCOUNTS, BUDGET, DEPARTMENTS, REJECTED_ROWS, TRANSACTIONS
from finance_platform.contracts.star import STAR, WHOLE_TABLE
from finance_platform.data_catalog.port import CatalogColumn, CatalogTable, Values
from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.port import ObjectStore

SLICE = CatalogColumn("slice", "string", "Accounting period, YYYY-MM; the folder that holds it.")
DELIVERY = CatalogColumn("delivery", "string", "The delivery that offered the rows; the folder that holds them.")

OF_LINES = (TRANSACTIONS, BUDGET)
"""A partition per live delivery and period. Lines that a later delivery hides are among them: the star counts lines."""

OF_ROWS = (DEPARTMENTS, ACCOUNTS, REJECTED_ROWS)
"""A partition per delivery."""

_TYPES = {"integer": "int", "timestamp": "timestamp"}
_SAME_TYPES = {"bigint", "date", "boolean", "decimal(18,2)"}


def catalog_tables(snapshot: Snapshot, processed: ObjectStore) -> list[CatalogTable]:
    """Return the tables as a catalog should have them.

    A table of the star of which nothing was ever built is left out: it has no folder.

    Args:
        snapshot: the processed zone as it stands.
        processed: knows the addresses.
    """
    live = [delivery.commit for delivery in snapshot.state.live]
    stopped = [one.commit for one in snapshot.state.stopped]
    found = [_of_star(contract, snapshot, processed) for contract in STAR]
    tables = [table for table in found if table]
    for contract in (*OF_LINES, *OF_ROWS):
        # What is held or refused has no lines that count, and rejected rows that somebody is to look at.
        commits = [*live, *stopped] if contract is REJECTED_ROWS else live
        keys = (DELIVERY, SLICE) if contract in OF_LINES else (DELIVERY,)
        tables.append(_of_deliveries(contract, keys, commits, processed))
    return tables


def _of_star(contract: Contract, snapshot: Snapshot, processed: ObjectStore) -> CatalogTable | None:
    slices = {name: commit for (table, name), commit in snapshot.built.items() if table == contract.name}
    if contract.sliced_by_period:
        folders: dict[Values, str] = {
            (name,): _folder(file.key) for name, commit in slices.items() for file in commit.files
        }
        return _table(contract, (SLICE,), contract.name, folders, processed)
    if WHOLE_TABLE not in slices:
        return None
    commit = slices[WHOLE_TABLE]
    # A table without rows may have no file; its attempt's folder is as empty as it should be.
    (folder,) = {_folder(file.key) for file in commit.files} or {f"{contract.name}/{commit.attempt}"}
    return _table(contract, (), folder, {}, processed)


def _of_deliveries(
    contract: Contract, keys: tuple[CatalogColumn, ...], commits: Iterable[DeliveryCommit], processed: ObjectStore
) -> CatalogTable:
    folders: dict[Values, str] = {}
    for commit in commits:
        for file in commit.files.get(contract.name, ()):
            period = (_period(file.key),) if SLICE in keys else ()
            folders[commit.delivery_id, *period] = _folder(file.key)
    return _table(contract, keys, contract.name, folders, processed)


def _table(
    contract: Contract, keys: tuple[CatalogColumn, ...], folder: str, folders: dict[Values, str], processed: ObjectStore
) -> CatalogTable:
    return CatalogTable(
        name=contract.name,
        description=contract.grain,
        columns=tuple(_columns(contract.stored_columns)),
        keys=keys,
        location=_address(processed, folder),
        partitions={values: _address(processed, of_partition) for values, of_partition in sorted(folders.items())},
    )


def _columns(columns: Iterable[Column]) -> Iterator[CatalogColumn]:
    for column in columns:
        yield CatalogColumn(column.name, hive_type(column.type), column.description, column.is_personal)


def hive_type(contract_type: str) -> str:
    """Return a contract's type as Hive, Athena and Spectrum spell it.

    Raises:
        ValueError: no such type is in any contract.
    """
    if contract_type.startswith("varchar"):
        return "string"  # Hive counts characters and contracts count bytes; Parquet counts neither
    if contract_type in _SAME_TYPES:
        return contract_type
    if contract_type in _TYPES:
        return _TYPES[contract_type]
    raise ValueError(f"{contract_type!r} is no type of a contract")


def _folder(key: str) -> str:
    return PurePosixPath(key).parent.as_posix()


def _period(key: str) -> str:
    return key.partition("/then_by=")[2].partition("/")[0]


def _address(processed: ObjectStore, folder: str) -> str:
    return f"{processed.uri(folder).rstrip('/')}/"
