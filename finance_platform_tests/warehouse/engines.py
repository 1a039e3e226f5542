"""The two engines that one behaviour suite runs on, each with files that it can load.

Belongs here: creating warehouses, empty or loaded, and reading their state from outside.
Does not belong here: assertions.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import boto3
import pytest

from finance_platform.contracts.star import LOAD_LEDGER, MOVEMENTS, PERIOD_STATUS, SCENARIO_PERIOD, STAR
from finance_platform.storage.s3 import S3Store
from finance_platform.storage.s3_options import S3Options
from finance_platform.storage.staged_files import StagedFiles
from finance_platform.warehouse import load
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.load_request import LoadRequest
from finance_platform.warehouse.port import Warehouse
from finance_platform.warehouse.redshift.credentials import Credentials
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint
from finance_platform.warehouse.redshift.warehouse import RedshiftWarehouse
from finance_platform_tests.aws.fake_redshift import FakeRedshift, fake_redshift
from finance_platform_tests.aws.moto_server import REGION, moto_server
from finance_platform_tests.aws.redshift_copy import COPY_ROLE
from finance_platform_tests.session_artifacts import session_artifact
from finance_platform_tests.warehouse.star_files import LOADED_AT, StarFiles, february, january

EVERY_ENGINE = ("duckdb", "redshift")
_EMPTY = "empty_warehouse"
"""The database of each fake with tables and views, the template of others."""
TABLES = tuple(contract.table for contract in (*STAR, LOAD_LEDGER, MOVEMENTS, PERIOD_STATUS, SCENARIO_PERIOD))


class Engine(Protocol):
    """Creates warehouses of one kind."""

    def star_files(self, folder: Path) -> StarFiles:
        """Return a writer of files that the warehouse can load."""
        ...

    def empty(self, folder: Path, *, is_created: bool = False) -> Warehouse:
        """Return an empty warehouse; it may have its tables already, unless its test creates them (`is_created`)."""
        ...

    def loaded(self, folder: Path) -> Warehouse:
        """Return one with the dimensions, a month with a budget and one without; load 1, run-1."""
        ...

    def state_of(self, warehouse: Warehouse) -> object:
        """Return a value that changes if anything is published or left behind."""
        ...

    def clean_up(self) -> None:
        """Delete large leftovers of tests."""
        ...


def contents(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of every table."""
    return {table: sorted(warehouse.query(f"SELECT * FROM {table}").rows, key=str) for table in TABLES}


def load_first(warehouse: Warehouse, star_files: StarFiles) -> Warehouse:
    """Load the slices of `Engine.loaded`."""
    slices = [
        *star_files.dimensions(),
        star_files.facts("2025-01", "j1", january(), files=2),
        star_files.facts("2025-02", "f1", february()),
    ]
    load.publish(warehouse, LoadRequest(slices, run_id="run-1", loaded_at=LOADED_AT))
    return warehouse


@dataclass
class DuckDBEngine:
    """The embedded warehouse: a file called `warehouse.duckdb` in a folder `home` of its own."""

    template: Path
    _is_loaded: bool = field(default=False)

    def star_files(self, folder: Path) -> StarFiles:
        """See `Engine`."""
        return StarFiles(folder / "processed")

    def empty(self, folder: Path, *, is_created: bool = False) -> Warehouse:  # noqa: ARG002  see `new_warehouses`
        """See `Engine`."""
        return DuckDBWarehouse(folder / "home" / "warehouse.duckdb")

    def loaded(self, folder: Path) -> Warehouse:
        """See `Engine`; a copy of a template that is loaded once."""
        if not self._is_loaded:
            load_first(self.empty(self.template), self.star_files(self.template))
            self._is_loaded = True
        shutil.copytree(self.template / "home", folder / "home")
        return self.empty(folder)

    def state_of(self, warehouse: Warehouse) -> object:
        """See `Engine`: the file's bytes and identity, and the files beside it."""
        assert isinstance(warehouse, DuckDBWarehouse)
        path = warehouse.path
        if not path.exists():
            return path.parent.exists()
        stat = path.stat()
        return path.read_bytes(), stat.st_ino, stat.st_mtime_ns, sorted(item.name for item in path.parent.iterdir())

    def clean_up(self) -> None:
        """See `Engine`: pytest deletes the files."""


@dataclass
class RedshiftEngine:
    """The fake of Redshift, each warehouse a database of its own, all files in one bucket."""

    server: FakeRedshift
    zone: S3Store
    _template: str = ""
    _databases: list[str] = field(default_factory=list)

    def star_files(self, folder: Path) -> StarFiles:
        """See `Engine`; files go to S3 as they are written."""

        def put(path: Path) -> str:
            key = path.as_posix().lstrip("/")
            self.zone.write(key, path.read_bytes())
            return self.zone.uri(key)

        return StarFiles(folder / "processed", put, lambda uri: self.zone.delete(uri.removeprefix(self.zone.uri(""))))

    def empty(self, folder: Path, *, is_created: bool = False) -> Warehouse:  # noqa: ARG002  see `Engine`
        """See `Engine`; a copy of a template, since tables, views and comments take half a second."""
        if is_created:
            return self.warehouse(self._database())
        return self.warehouse(self._database(template=_EMPTY))

    def loaded(self, folder: Path) -> Warehouse:
        """See `Engine`; a copy of a template that is loaded once."""
        if not self._template:
            self._template = self.server.database(template=_EMPTY)
            load_first(self.warehouse(self._template), self.star_files(folder / "template"))
        return self.warehouse(self._database(template=self._template))

    def state_of(self, warehouse: Warehouse) -> object:
        """See `Engine`: the rows of every table, and manifests."""
        manifests = [item.key for item in self.zone.list_objects("manifests")]
        return contents(warehouse), manifests

    def clean_up(self) -> None:
        """See `Engine`: a database takes 8 MB of disk."""
        while self._databases:
            self.server.drop(self._databases.pop())

    def fingerprint(self, warehouse: RedshiftWarehouse) -> str:
        """Return a hash of every table's rows, without using the wire."""
        hashes = [f"SELECT md5(string_agg({name}::text, ';' ORDER BY {name}::text)) FROM {name}" for name in TABLES]
        return self.server.psql(f"SET search_path TO finance; {'; '.join(hashes)}", warehouse.database)

    def warehouse(self, database: str, *, keeps_newer_schema: bool = True, **options: Any) -> RedshiftWarehouse:
        """Return the warehouse in a database of the fake."""
        server = self.server
        options = {"copy_role_arn": COPY_ROLE, "host": "127.0.0.1", "port": server.port, "tls": False, **options}
        endpoint = RedshiftEndpoint(database, "finance", **options)
        credentials = Credentials("127.0.0.1", server.port, server.user, server.password)
        staged = StagedFiles(self.zone)
        return RedshiftWarehouse(endpoint, staged, lambda _: credentials, keeps_newer_schema=keeps_newer_schema)

    def _database(self, **template: str) -> str:
        self._databases.append(self.server.database(**template))
        return self._databases[-1]


@contextlib.contextmanager
def redshift_engine(factory: pytest.TempPathFactory) -> Iterator[RedshiftEngine]:
    """Run the fakes of Redshift and S3 until the end of the block."""
    with moto_server() as moto, fake_redshift(moto.address, data=redshift_data(factory)) as server:
        s3 = _s3(moto.address)
        bucket = f"processed-{uuid4().hex[:12]}"  # all fakes of a process share their buckets
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield RedshiftEngine(server, S3Store(f"s3://{bucket}/zone", s3, S3Options()))


def redshift_data(factory: pytest.TempPathFactory) -> Path:
    """Return what a fake of Redshift has left that has a database with tables and views.

    To create a server's data takes half a second of processor time, and so do the tables and views.
    """

    def create(folder: Path) -> None:
        no_s3 = "http://127.0.0.1"
        with fake_redshift(no_s3, kept_in=folder) as server:
            zone = S3Store("s3://not-used/zone", _s3(no_s3), S3Options())
            RedshiftEngine(server, zone).warehouse(server.database(name=_EMPTY)).prepare()

    return session_artifact(factory, "redshift-data", create)


def _s3(address: str) -> Any:
    session = boto3.session.Session("nobody", "nothing", region_name=REGION)
    return session.client("s3", endpoint_url=address)
