"""A database of the Glue Data Catalog, which Athena and Redshift Spectrum read.

Belongs here: the API of Glue. Does not belong here: which tables are listed (see `tables`), which differ (see `sync`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from finance_platform.data_catalog.tables import CatalogColumn, CatalogTable, PartitionValues
from finance_platform.errors import TransientError
from finance_platform.storage.s3_errors import error_code

VERSION = "finance_platform_version"
"""The parameter that marks the platform's own tables and partitions, with the hash of their definition."""

PERSONAL = "finance_platform_personal"
"""The parameter that marks columns with possibly personal data, and lists them on the table."""

_WRITE_BATCH_SIZE, _DELETE_BATCH_SIZE = 100, 25
"""The limits of Glue for one call."""

_SEGMENTS = 10
"""The parts in which Glue lists the partitions of a table at most, and the connections of a boto3 client."""

_PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}

_FIXES = {
    "AccessDeniedException": "allow the platform's role to read and write this database's tables and partitions",
    "EntityNotFoundException": "create the database in the Glue Data Catalog, or correct DATA_CATALOG_DATABASE",
}
_PASSES = "nothing, if it passes: the next run tries again; otherwise check the region and the credentials"


class DataCatalogError(TransientError):
    """The catalog lists outdated slices; no published number is affected."""

    title = "The data catalog is not up to date"


@dataclass(frozen=True)
class RegisteredTable:
    """One table as the catalog lists it.

    Attributes:
        version: the hash that the platform stored with it; empty for a table of another owner.
        keys: names of the partition keys.
        partitions: hash by values; empty text for a partition of another owner.
    """

    version: str
    keys: tuple[str, ...]
    partitions: Mapping[PartitionValues, str]


class GlueDataCatalog:
    """One database of the Glue Data Catalog. Every method raises DataCatalogError if it fails."""

    def __init__(self, database: str, region: str = "") -> None:
        """Use `database` in `region`; in the region that boto3 finds if it is empty."""
        self._database = database
        self._region = region

    @property
    def name(self) -> str:
        """The database's name, for messages."""
        return f"the Glue database {self._database}"

    def find(self, table: str) -> RegisteredTable | None:
        """Return a table as it is registered, or None."""
        try:
            entry = self._client.get_table(DatabaseName=self._database, Name=table)["Table"]
        except ClientError as error:
            if error_code(error) == "EntityNotFoundException":
                return None  # if the database is missing, writing fails
            raise self._error("find", table, error) from error
        except BotoCoreError as error:
            raise self._error("find", table, error) from error
        keys = tuple(key["Name"] for key in entry.get("PartitionKeys", ()))
        partitions = dict(self._partitions(table)) if keys else {}
        return RegisteredTable(entry.get("Parameters", {}).get(VERSION, ""), keys, partitions)

    def create_table(self, table: CatalogTable) -> None:
        """Register a table, without partitions."""
        with self._translate_errors("create", table.name):
            self._client.create_table(DatabaseName=self._database, TableInput=_table_input(table))

    def update_table(self, table: CatalogTable) -> None:
        """Replace the definition of a table; its partitions stay."""
        with self._translate_errors("update", table.name):
            # The number of archived versions of a table is limited, and the platform keeps its own records.
            self._client.update_table(DatabaseName=self._database, TableInput=_table_input(table), SkipArchive=True)

    def drop_table(self, table: str) -> None:
        """Remove a table with its partitions; the files stay."""
        with self._translate_errors("drop", table):
            self._client.delete_table(DatabaseName=self._database, Name=table)

    def create_partitions(self, table: CatalogTable, values: Sequence[PartitionValues]) -> None:
        """Register new partitions."""
        for batch in _batches(values, _WRITE_BATCH_SIZE):
            inputs = [_partition_input(table, partition) for partition in batch]
            with self._translate_errors("add partitions to", table.name):
                response = self._client.batch_create_partition(
                    DatabaseName=self._database, TableName=table.name, PartitionInputList=inputs
                )
            self._raise_partition_errors("add partitions to", table.name, response)

    def update_partitions(self, table: CatalogTable, values: Sequence[PartitionValues]) -> None:
        """Replace the definition of partitions."""
        for batch in _batches(values, _WRITE_BATCH_SIZE):
            entries = [
                {"PartitionValueList": list(partition), "PartitionInput": _partition_input(table, partition)}
                for partition in batch
            ]
            with self._translate_errors("update partitions of", table.name):
                response = self._client.batch_update_partition(
                    DatabaseName=self._database, TableName=table.name, Entries=entries
                )
            self._raise_partition_errors("update partitions of", table.name, response)

    def drop_partitions(self, table: str, values: Sequence[PartitionValues]) -> None:
        """Remove partitions; the files stay."""
        for batch in _batches(values, _DELETE_BATCH_SIZE):
            with self._translate_errors("drop partitions of", table):
                response = self._client.batch_delete_partition(
                    DatabaseName=self._database,
                    TableName=table,
                    PartitionsToDelete=[{"Values": list(partition)} for partition in batch],
                )
            self._raise_partition_errors("drop partitions of", table, response)

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        config = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 5})
        return boto3.client("glue", region_name=self._region or None, config=config)

    def _partitions(self, table: str) -> Iterator[tuple[PartitionValues, str]]:
        with self._translate_errors("list partitions of", table):
            first = self._page_of_partitions(table)
            if "NextToken" not in first:
                pages = [[first]]
            else:
                # A page has a thousand at most, and follows from the one before. Segments do not wait for each other.
                with ThreadPoolExecutor(_SEGMENTS) as threads:
                    pages = list(threads.map(lambda number: self._segment(table, number), range(_SEGMENTS)))
        for page in chain.from_iterable(pages):
            for partition in page["Partitions"]:
                yield tuple(partition["Values"]), partition.get("Parameters", {}).get(VERSION, "")

    def _segment(self, table: str, number: int) -> list[dict[str, Any]]:
        segment = {"Segment": {"SegmentNumber": number, "TotalSegments": _SEGMENTS}}
        pages = [self._page_of_partitions(table, **segment)]
        while token := pages[-1].get("NextToken"):
            pages.append(self._page_of_partitions(table, **segment, NextToken=token))
        return pages

    def _page_of_partitions(self, table: str, **arguments: Any) -> dict[str, Any]:
        page: dict[str, Any] = self._client.get_partitions(
            DatabaseName=self._database, TableName=table, ExcludeColumnSchema=True, **arguments
        )
        return page

    @contextmanager
    def _translate_errors(self, verb: str, table: str) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise self._error(verb, table, error) from error

    def _raise_partition_errors(self, verb: str, table: str, response: dict[str, Any]) -> None:
        """Raise if a successful call failed for some of its partitions."""
        failed = response.get("Errors") or []
        if failed:
            first = failed[0]
            detail = first.get("ErrorDetail", {})
            values = first.get("PartitionValues") or first.get("PartitionValueList") or []
            raise DataCatalogError(
                f"{self.name}: cannot {verb} {table}: {len(failed)} of them, the first {'/'.join(values)}: "
                f"{detail.get('ErrorCode', '')}: {detail.get('ErrorMessage', '')}",
                fix=_PASSES,
            )

    def _error(self, verb: str, table: str, error: BotoCoreError | ClientError) -> DataCatalogError:
        fix = _FIXES.get(error_code(error), _PASSES) if isinstance(error, ClientError) else _PASSES
        return DataCatalogError(f"{self.name}: cannot {verb} {table}: {error}", fix=fix)


def _table_input(table: CatalogTable) -> dict[str, Any]:
    personal = [column.name for column in table.columns if column.is_personal]
    return {
        "Name": table.name,
        "Description": table.description,
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": [_column(key) for key in table.keys],
        "Parameters": {
            "EXTERNAL": "TRUE",
            "classification": "parquet",
            VERSION: table.version,
            **({PERSONAL: ",".join(personal)} if personal else {}),
        },
        "StorageDescriptor": _storage(table, table.location),
    }


def _partition_input(table: CatalogTable, values: PartitionValues) -> dict[str, Any]:
    return {
        "Values": list(values),
        "StorageDescriptor": _storage(table, table.partitions[values]),
        "Parameters": {"classification": "parquet", VERSION: table.partition_version(values)},
    }


def _storage(table: CatalogTable, location: str) -> dict[str, Any]:
    return {"Columns": [_column(column) for column in table.columns], "Location": location, **_PARQUET}


def _column(column: CatalogColumn) -> dict[str, Any]:
    definition = {"Name": column.name, "Type": column.type, "Comment": column.comment}
    return definition | ({"Parameters": {PERSONAL: "true"}} if column.is_personal else {})


def _batches(values: Sequence[PartitionValues], size: int) -> Iterator[Sequence[PartitionValues]]:
    return (values[start : start + size] for start in range(0, len(values), size))
