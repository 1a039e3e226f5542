"""The two warehouses that one behaviour suite runs on, each with a lake that it can load from.

Belongs here: making them, empty or loaded, and what can be seen of them from outside.
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

from finance_platform.contracts.star import LOAD_LEDGER, MOVEMENTS, STAR
from finance_platform.storage.s3 import S3Store
from finance_platform.storage.s3_options import S3Options
from finance_platform.storage.staged_files import StagedFiles
from finance_platform.warehouse import load
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.port import Warehouse
from finance_platform.warehouse.redshift.credentials import Credentials
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint
from finance_platform.warehouse.redshift.warehouse import RedshiftWarehouse
from finance_platform_tests.aws.moto_server import REGION, moto_server
from finance_platform_tests.aws.redshift_copying import COPY_ROLE
from finance_platform_tests.aws.redshift_stand_in import RedshiftStandIn, redshift_stand_in
from finance_platform_tests.warehouse.star_files import LOADED_AT, StarFiles, february, january

EVERY_ENGINE = ("duckdb", "redshift")
TABLES = tuple(contract.table for contract in (*STAR, LOAD_LEDGER, MOVEMENTS))


class Engine(Protocol):
    """One kind of warehouse."""

    def lake(self, folder: Path) -> StarFiles:
        """Return an empty lake whose files the warehouse can load."""
        ...

    def empty(self, folder: Path) -> Warehouse:
        """Return a warehouse that nothing was ever loaded into."""
        ...

    def loaded(self, folder: Path) -> Warehouse:
        """Return one with the dimensions, a month that has a budget and one that has none; load 1, run-1."""
        ...

    def seen(self, warehouse: Warehouse) -> object:
        """Return what shows whether anything was published or left behind since."""
        ...

    def tidy(self) -> None:
        """Throw away what tests have made that takes room."""
        ...


def contents(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of every table."""
    return {table: sorted(warehouse.query(f"SELECT * FROM {table}").rows, key=str) for table in TABLES}


def load_once(warehouse: Warehouse, lake: StarFiles) -> Warehouse:
    """Load what `Engine.loaded` promises."""
    slices = [
        *lake.dimensions(),
        lake.facts("2025-01", "j1", january(), files=2),
        lake.facts("2025-02", "f1", february()),
    ]
    load.publish(warehouse, slices, run_id="run-1", loaded_at=LOADED_AT)
    return warehouse


@dataclass
class DuckDBEngine:
    """The embedded warehouse: a file called `warehouse.duckdb` in a folder `home` of its own."""

    once: Path
    _is_made: bool = field(default=False)

    def lake(self, folder: Path) -> StarFiles:
        """See `Engine`."""
        return StarFiles(folder / "processed")

    def empty(self, folder: Path) -> Warehouse:
        """See `Engine`."""
        return DuckDBWarehouse(folder / "home" / "warehouse.duckdb")

    def loaded(self, folder: Path) -> Warehouse:
        """See `Engine`; a copy of one that was loaded once."""
        if not self._is_made:
            load_once(self.empty(self.once), self.lake(self.once))
            self._is_made = True
        shutil.copytree(self.once / "home", folder / "home")
        return self.empty(folder)

    def seen(self, warehouse: Warehouse) -> object:
        """See `Engine`: the file's bytes and identity, and what lies beside it."""
        assert isinstance(warehouse, DuckDBWarehouse)
        path = warehouse.path
        if not path.exists():
            return path.parent.exists()
        stat = path.stat()
        return path.read_bytes(), stat.st_ino, stat.st_mtime_ns, sorted(item.name for item in path.parent.iterdir())

    def tidy(self) -> None:
        """See `Engine`: pytest throws files away."""


@dataclass
class RedshiftEngine:
    """Redshift's stand-in, each warehouse a database of its own, all files in one bucket."""

    stand_in: RedshiftStandIn
    zone: S3Store
    _like: str = ""
    _databases: list[str] = field(default_factory=list)

    def lake(self, folder: Path) -> StarFiles:
        """See `Engine`; files go to S3 as they are written."""

        def put(path: Path) -> str:
            key = path.as_posix().lstrip("/")
            self.zone.write(key, path.read_bytes())
            return self.zone.uri(key)

        return StarFiles(folder / "processed", put, lambda uri: self.zone.delete(uri.removeprefix(self.zone.uri(""))))

    def empty(self, folder: Path) -> Warehouse:  # noqa: ARG002  see `Engine`
        """See `Engine`."""
        return self.warehouse(self._database())

    def loaded(self, folder: Path) -> Warehouse:
        """See `Engine`; a database like one that was loaded once."""
        if not self._like:
            self._like = self.stand_in.database()
            load_once(self.warehouse(self._like), self.lake(folder / "once"))
        return self.warehouse(self._database(like=self._like))

    def seen(self, warehouse: Warehouse) -> object:
        """See `Engine`: the rows of every table, and manifests."""
        manifests = [found.key for found in self.zone.list_objects("manifests")]
        return contents(warehouse), manifests

    def tidy(self) -> None:
        """See `Engine`: a database takes 8 MB of disk."""
        while self._databases:
            self.stand_in.drop(self._databases.pop())

    def fingerprint(self, warehouse: RedshiftWarehouse) -> str:
        """Return a hash of every table's rows, asked beside the wire."""
        hashes = [f"SELECT md5(string_agg({name}::text, ';' ORDER BY {name}::text)) FROM {name}" for name in TABLES]
        return self.stand_in.psql(f"SET search_path TO finance; {'; '.join(hashes)}", warehouse.database)

    def warehouse(self, database: str, **options: Any) -> RedshiftWarehouse:
        """Return the warehouse in a database of the stand-in."""
        stand_in = self.stand_in
        said = {"copy_role_arn": COPY_ROLE, "host": "127.0.0.1", "port": stand_in.port, "tls": False, **options}
        endpoint = RedshiftEndpoint(database, "finance", **said)
        log_in = Credentials("127.0.0.1", stand_in.port, stand_in.user, stand_in.password)
        return RedshiftWarehouse(endpoint, StagedFiles(self.zone), lambda _: log_in)

    def _database(self, **like: str) -> str:
        self._databases.append(self.stand_in.database(**like))
        return self._databases[-1]


@contextlib.contextmanager
def redshift_engine() -> Iterator[RedshiftEngine]:
    """Run Redshift's stand-in, and S3's, until the end of the block."""
    with moto_server() as moto, redshift_stand_in(moto.address) as stand_in:
        session = boto3.session.Session("nobody", "nothing", region_name=REGION)
        s3 = session.client("s3", endpoint_url=moto.address)
        bucket = f"processed-{uuid4().hex[:12]}"  # all stand-ins of a process share what they are given
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield RedshiftEngine(stand_in, S3Store(f"s3://{bucket}/zone", s3, S3Options()))
