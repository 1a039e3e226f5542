"""The warehouse resource: DuckDB behind the warehouse's port.

Belongs here: which adapter stands behind the port. Does not belong here: SQL.
"""

from pathlib import Path

import dagster as dg

from finance_platform.warehouse.duckdb import DuckDBWarehouse
from finance_platform.warehouse.port import Warehouse


class WarehouseResource(dg.ConfigurableResource[Warehouse]):
    """The warehouse.

    Attributes:
        path: the embedded warehouse's file.
    """

    path: str

    def open(self) -> Warehouse:
        """Return the warehouse; nothing is opened before it is asked or loaded."""
        return DuckDBWarehouse(Path(self.path))
