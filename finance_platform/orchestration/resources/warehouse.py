"""The warehouse resource: what stands behind the warehouse's port.

Belongs here: one resource per adapter. Does not belong here: SQL. An adapter's library is imported when it is opened.
"""

from abc import ABC, abstractmethod
from pathlib import Path

import dagster as dg

from finance_platform.orchestration.resources.lake import LakeResource
from finance_platform.storage.staged_files import StagedFiles
from finance_platform.warehouse.port import Warehouse
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint


class WarehouseResource(dg.ConfigurableResource[Warehouse], ABC):
    """The warehouse, whichever it is."""

    @abstractmethod
    def open(self) -> Warehouse:
        """Return the warehouse; nothing is opened before it is asked or loaded."""


class DuckDBWarehouseResource(WarehouseResource):
    """The embedded warehouse.

    Attributes:
        path: its file.
    """

    path: str

    def open(self) -> Warehouse:
        """Return the warehouse; nothing is opened before it is asked or loaded."""
        from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse

        return DuckDBWarehouse(Path(self.path))


class RedshiftWarehouseResource(WarehouseResource):
    """The warehouse on Redshift; `RedshiftEndpoint` says what each field means. None of them is secret.

    Attributes:
        lake: whose processed zone is loaded.
    """

    lake: dg.ResourceDependency[LakeResource]
    database: str
    schema_name: str  # pydantic keeps `schema` for itself
    copy_role_arn: str
    host: str
    port: int
    workgroup: str
    cluster: str
    user: str
    secret_id: str
    tls: bool
    statement_timeout_seconds: int
    query_group: str
    region: str

    def open(self) -> Warehouse:
        """Return the warehouse; nothing is connected to before it is asked or loaded."""
        from finance_platform.warehouse.redshift.row_level_security import SecuredWarehouse
        from finance_platform.warehouse.redshift.warehouse import RedshiftWarehouse

        endpoint = RedshiftEndpoint(
            database=self.database,
            schema=self.schema_name,
            copy_role_arn=self.copy_role_arn,
            host=self.host,
            port=self.port,
            workgroup=self.workgroup,
            cluster=self.cluster,
            user=self.user,
            secret_id=self.secret_id,
            tls=self.tls,
            statement_timeout_seconds=self.statement_timeout_seconds,
            query_group=self.query_group,
            region=self.region,
        )
        redshift = RedshiftWarehouse(endpoint, StagedFiles(self.lake.processed))
        return SecuredWarehouse(redshift, endpoint.schema)
