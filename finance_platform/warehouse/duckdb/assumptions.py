"""Assumptions about DuckDB, tried in a scratch file.

Belongs here: what a load relies on. Does not belong here: bound values (see `warehouse.proof`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from finance_platform.storage.temporary_folders import temporary_folder
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.proof import Assumption, bound_value_assumptions, expect

_VERSIONS = "SELECT COUNT(*) AS Versions FROM SchemaVersion"


@contextmanager
def duckdb_assumptions() -> Iterator[tuple[Assumption, ...]]:
    """Yield the assumptions, which can be tried until the end of the block; the scratch file is deleted then."""
    with temporary_folder() as folder:
        warehouse = DuckDBWarehouse(folder / "warehouse.duckdb")
        warehouse.prepare()
        yield (
            *bound_value_assumptions(warehouse),
            Assumption("a load that fails leaves nothing behind", lambda: _failed_load(warehouse)),
            Assumption("a reader keeps its state while a load replaces the file", lambda: _reader(warehouse)),
        )


class _LoadAbandonedError(Exception):
    """Ends a load on purpose."""


def _failed_load(warehouse: DuckDBWarehouse) -> str:
    with suppress(_LoadAbandonedError), warehouse.transaction() as load:
        load.execute("DELETE FROM SchemaVersion")
        raise _LoadAbandonedError
    ((versions,),) = warehouse.query(_VERSIONS).rows
    return expect(versions == 1, f"{versions} of 1 row remains")


def _reader(warehouse: DuckDBWarehouse) -> str:
    with warehouse.reading() as reader:
        before = reader.query(_VERSIONS).rows
        with warehouse.transaction() as load:
            load.execute("DELETE FROM SchemaVersion")
        during = reader.query(_VERSIONS).rows
    ((after,),) = warehouse.query(_VERSIONS).rows
    return expect(before == during and after == 0, f"the reader saw {during[0][0]} row, the next one {after}")
