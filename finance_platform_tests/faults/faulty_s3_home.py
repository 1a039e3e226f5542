"""A home whose zones and reports are on S3, on moto, and fail on purpose.

Belongs here: buckets, the client that gives up at once, a warehouse that takes files from S3. Does not belong here:
the ways to fail (see `aws_faults`).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import ObjectStore
from finance_platform.storage.s3 import S3Store
from finance_platform.storage.s3_options import NO_OPTIONS
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.port import LoadConnection
from finance_platform_tests.aws.moto_server import MotoServer
from finance_platform_tests.faults.faulty_home import FaultyHome
from finance_platform_tests.faults.faulty_store import FaultyStore
from finance_platform_tests.in_process_jobs import InProcessJobs
from finance_platform_tests.model_based.home import WarehouseOpenedOnce


@cache
def _client_without_retries(address: str) -> Any:
    return boto3.client("s3", endpoint_url=address, config=Config(retries={"total_max_attempts": 1}))


@dataclass(frozen=True)
class Bucket:
    """A bucket of the home's own; to be used in the server's environment."""

    server: MotoServer
    name: str

    def store(self, prefix: str) -> S3Store:
        """Return the store of a prefix, whose client sends each request once."""
        return S3Store(f"s3://{self.name}/{prefix}", _client_without_retries(self.server.address), NO_OPTIONS)

    def copy(self) -> Bucket:
        """Return a new bucket with the same objects."""
        client, name = _client_without_retries(self.server.address), self.server.new_bucket()
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=self.name):
            for item in page.get("Contents", ()):
                client.copy_object(Bucket=name, Key=item["Key"], CopySource={"Bucket": self.name, "Key": item["Key"]})
        return Bucket(self.server, name)


class _FetchingConnection:
    """A load connection that fetches what it copies: the tests' DuckDB has no extension for S3."""

    def __init__(self, connection: LoadConnection, bucket: Bucket) -> None:
        self._connection, self._bucket = connection, bucket

    def copy(self, stage_table: str, columns: Sequence[str], files: Sequence[str]) -> int:
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / f"{number}.parquet" for number in range(len(files))]
            for path, uri in zip(paths, files, strict=True):
                path.write_bytes(self._bucket.store("processed").read(uri.partition("/processed/")[2]))
            return self._connection.copy(stage_table, columns, [str(path) for path in paths])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class _FetchingWarehouse(WarehouseOpenedOnce):
    """A DuckDB file that loads from a bucket."""

    def __init__(self, path: Path, bucket: Bucket) -> None:
        super().__init__(path)
        self._bucket = bucket

    @contextmanager
    def transaction(self) -> Iterator[LoadConnection]:
        with super().transaction() as connection:
            yield _FetchingConnection(connection, self._bucket)


@dataclass
class FaultyS3Home(FaultyHome):
    """A home on S3.

    Attributes:
        bucket: of the zones and the reports.
    """

    bucket: Bucket = field(kw_only=True)

    @property
    def raw(self) -> ObjectStore:
        return FaultyStore(self.bucket.store("raw"), self.plan)

    @property
    def processed(self) -> ObjectStore:
        return FaultyStore(self.bucket.store("processed"), self.plan)

    @property
    def reports(self) -> ObjectStore:
        return FaultyStore(self.bucket.store("reports"), self.plan)

    @cached_property
    def warehouse(self) -> DuckDBWarehouse:
        return _FetchingWarehouse(self.path / "warehouse.duckdb", self.bucket)

    @property
    def jobs(self) -> InProcessJobs:
        """Small jobs, whose interim results are on the disk of their machine."""
        disk = LocalStore(self.path.with_name(f"{self.path.name}-disk"))
        processed = self.processed
        return InProcessJobs(self.spark, self.raw, processed, self._next_attempt, self._overwrite, temporary=disk)

    def put(self, key: str, data: bytes, modified_at: datetime) -> None:  # noqa: ARG002  the store sets the time
        """Write a raw object."""
        self.bucket.store("raw").write(key, data)

    def copy(self, path: Path) -> FaultyS3Home:
        """Return a copy in another folder and another bucket."""
        shutil.copytree(self.path, path, copy_function=shutil.copy2)
        return FaultyS3Home(path, self.spark, ticks=self.ticks + 100, bucket=self.bucket.copy())
