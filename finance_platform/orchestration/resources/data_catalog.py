"""The data catalog resource: the Glue Data Catalog behind the catalog's port, or nothing.

Belongs here: which adapter stands behind the port, and that no run fails for want of a catalog.
Does not belong here: which tables there are.
"""

import logging

import dagster as dg

from finance_platform.data_catalog.port import DataCatalog, DataCatalogError
from finance_platform.data_catalog.sync import register
from finance_platform.data_catalog.tables import catalog_tables
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.port import ObjectStore


class DataCatalogResource(dg.ConfigurableResource[DataCatalog]):
    """Where the processed tables are listed for engines that read the lake by themselves.

    Attributes:
        database: of the Glue Data Catalog; empty where nothing is listed.
        region: of the catalog; as boto3 finds it unless given.
    """

    database: str = ""
    region: str = ""

    def open(self) -> DataCatalog | None:
        """Return the catalog, or None where nothing is listed; nothing is opened before it is asked."""
        if not self.database:
            return None
        from finance_platform.data_catalog.glue import GlueDataCatalog  # boto3 takes most of a second to import

        return GlueDataCatalog(self.database, self.region)


def register_or_warn(
    catalog: DataCatalog | None, snapshot: Snapshot, processed: ObjectStore, log: logging.Logger
) -> None:
    """Bring a catalog up to date; where that fails, say so in a log and go on.

    The warehouse is loaded from the lake and never through a catalog, so a catalog that is out of date breaks no
    number, and the next run compares it with the lake again.
    """
    if catalog is None:
        return
    try:
        changes = register(catalog, catalog_tables(snapshot, processed))
    except DataCatalogError as error:
        log.warning(f"{error.title}: {error.found}. Fix: {error.fix}")
        return
    log.info(f"{catalog.name}: {changes}" if changes else f"{catalog.name} is up to date")
