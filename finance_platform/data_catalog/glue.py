"""The data catalog on AWS: a database of the Glue Data FeedSet, which Athena and Redshift Spectrum read.

Belongs here: what is particular to Glue's API. Does not belong here: which tables there are, what has changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from finance_platform.data_catalog.port import (
    CatalogColumn,
    CatalogTable,
    DataCatalogError,
    Registered,
    Values,
)

VERSION = "finance_platform_version"
"""The parameter by which the platform knows its own tables and partitions, and what they were made from."""

PERSONAL = "finance_platform_personal"
"""The parameter that says of a column that it may hold personal data, and of a table which of its columns may."""

_WRITTEN_AT_ONCE, _DROPPED_AT_ONCE = 100, 25
"""What Glue takes in one call."""

_PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}

_CONFIG = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 5})

_FIXES = {
    "AccessDeniedException": "allow the platform's role to read and write this database's tables and partitions",
    "EntityNotFoundException": "create the database in the Glue Data FeedSet, or correct DATA_CATALOG_DATABASE",
}
_PASSES = "nothing, if it passes: the next run does it again; else check the region and the credentials"


class GlueDataCatalog:
    """One database of the Glue Data FeedSet."""

    def __init__(self, database: str, region: str = "") -> None:
        """Use `database`, in the region given or else the one that boto3 finds."""
        self._database = database
        self._region = region
        self._opened: Any = None

    @property
    def name(self) -> str:
        """What the database is called, for messages."""
        return f"the Glue database {self._database}"

    def find(self, table: str) -> Registered | None:
        """Return a table as it is registered, or None; see `DataCatalog`."""
        try:
            found = self._client.get_table(DatabaseName=self._database, Name=table)["Table"]
        except ClientError as error:
            if _code(error) == "EntityNotFoundException":
                return None  # of a missing database, writing tells
            raise self._error("find", table, error) from error
        except BotoCoreError as error:
            raise self._error("find", table, error) from error
        keys = tuple(key["Name"] for key in found.get("PartitionKeys", ()))
        partitions = dict(self._partitions(table)) if keys else {}
        return Registered(found.get("Parameters", {}).get(VERSION, ""), keys, partitions)

    def create_table(self, table: CatalogTable) -> None:
        """Register a table, without partitions."""
        with self._explained("create", table.name):
            self._client.create_table(DatabaseName=self._database, TableInput=_table_input(table))

    def update_table(self, table: CatalogTable) -> None:
        """Register a table anew; its partitions stay."""
        with self._explained("update", table.name):
            # Glue keeps so many versions of a table and then takes no more; the platform's own records tell more.
            self._client.update_table(DatabaseName=self._database, TableInput=_table_input(table), SkipArchive=True)

    def drop_table(self, table: str) -> None:
        """Take out a table with its partitions."""
        with self._explained("drop", table):
            self._client.delete_table(DatabaseName=self._database, Name=table)

    def create_partitions(self, table: CatalogTable, values: Sequence[Values]) -> None:
        """Register partitions that are not there yet."""
        for batch in _batches(values, _WRITTEN_AT_ONCE):
            inputs = [_partition_input(table, one) for one in batch]
            with self._explained("add partitions to", table.name):
                answer = self._client.batch_create_partition(
                    DatabaseName=self._database, TableName=table.name, PartitionInputList=inputs
                )
            self._refuse_errors("add partitions to", table.name, answer)

    def update_partitions(self, table: CatalogTable, values: Sequence[Values]) -> None:
        """Register partitions anew."""
        for batch in _batches(values, _WRITTEN_AT_ONCE):
            entries = [
                {"PartitionValueList": list(one), "PartitionInput": _partition_input(table, one)} for one in batch
            ]
            with self._explained("update partitions of", table.name):
                answer = self._client.batch_update_partition(
                    DatabaseName=self._database, TableName=table.name, Entries=entries
                )
            self._refuse_errors("update partitions of", table.name, answer)

    def drop_partitions(self, table: str, values: Sequence[Values]) -> None:
        """Take out partitions."""
        for batch in _batches(values, _DROPPED_AT_ONCE):
            with self._explained("drop partitions of", table):
                answer = self._client.batch_delete_partition(
                    DatabaseName=self._database,
                    TableName=table,
                    PartitionsToDelete=[{"Values": list(one)} for one in batch],
                )
            self._refuse_errors("drop partitions of", table, answer)

    @property
    def _client(self) -> Any:
        if self._opened is None:
            self._opened = boto3.client("glue", region_name=self._region or None, config=_CONFIG)
        return self._opened

    def _partitions(self, table: str) -> Iterator[tuple[Values, str]]:
        with self._explained("list partitions of", table):
            pages = self._client.get_paginator("get_partitions").paginate(
                DatabaseName=self._database, TableName=table, ExcludeColumnSchema=True
            )
            for page in pages:
                for partition in page["Partitions"]:
                    yield tuple(partition["Values"]), partition.get("Parameters", {}).get(VERSION, "")

    @contextmanager
    def _explained(self, verb: str, table: str) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise self._error(verb, table, error) from error

    def _refuse_errors(self, verb: str, table: str, answer: dict[str, Any]) -> None:
        """Stop where a call that Glue answered well has failed for some partitions."""
        failed = answer.get("Errors") or []
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
        fix = _FIXES.get(_code(error), _PASSES) if isinstance(error, ClientError) else _PASSES
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


def _partition_input(table: CatalogTable, values: Values) -> dict[str, Any]:
    return {
        "Values": list(values),
        "StorageDescriptor": _storage(table, table.partitions[values]),
        "Parameters": {"classification": "parquet", VERSION: table.version_of(values)},
    }


def _storage(table: CatalogTable, location: str) -> dict[str, Any]:
    return {"Columns": [_column(column) for column in table.columns], "Location": location, **_PARQUET}


def _column(column: CatalogColumn) -> dict[str, Any]:
    described = {"Name": column.name, "Type": column.type, "Comment": column.comment}
    return described | ({"Parameters": {PERSONAL: "true"}} if column.is_personal else {})


def _batches(values: Sequence[Values], size: int) -> Iterator[Sequence[Values]]:
    return (values[start : start + size] for start in range(0, len(values), size))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
