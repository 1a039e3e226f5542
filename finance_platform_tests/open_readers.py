"""Connections to the embedded warehouse at less cost: an instance for all, readers that stay open.

Belongs here: when readers stay open, the instances of DuckDB that connections share.
Does not belong here: when a reader is used again (see `kept_readers` of the warehouse).

A DuckDB instance takes 16 ms of processor time to create, to attach a file 6, and a test sends up to two hundred
queries. So the readers of a process share an instance, which has one thread: tests run in parallel anyhow; and its
loads share another one. Commands in processes of their own, the tests of the readers themselves and the nightly profile
open an instance for each query and each load, as commands do outside of tests.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from finance_platform.warehouse.duckdb import kept_readers, session, warehouse
from finance_platform.warehouse.duckdb.damaged_file import find_damaged_start
from finance_platform.warehouse.duckdb.errors import query_errors
from finance_platform_tests.profiles import current_profile

if TYPE_CHECKING:
    import duckdb


@contextmanager
def readers_stay_open() -> Iterator[None]:
    """Keep this thread's readers open until the block ends; a file that was replaced or changed is opened again."""
    if current_profile().is_exhaustive:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept_readers, "open_reader", _open_on_the_instance)
        patch.setattr(warehouse, "open_writer", _open_writer_on_the_instance)
        patch.setitem(session.FILE_FORMAT, "threads", 1)  # of a load's copy
        with kept_readers.kept_readers():
            yield


@cache
def _instance() -> duckdb.DuckDBPyConnection:
    import duckdb

    return duckdb.connect(":memory:", config={"threads": 1})


@contextmanager
def _open_on_the_instance(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Attach a file to the instance. What cannot be attached gets an instance of its own, and its errors.

    Only an instance of its own is locked against what a person's query may not do (see `warehouse.test_duckdb`).
    """
    name = f"warehouse_{secrets.token_hex(4)}"
    with closing(_instance().cursor()) as connection, query_errors(session.FIX_QUERY):
        if _attach(connection, path, name):
            try:
                yield connection
            finally:
                connection.execute("USE memory")
                connection.execute(f"DETACH {name}")
            return
    with session.open_reader(path) as own:
        yield own


@cache
def _instance_of_loads() -> duckdb.DuckDBPyConnection:
    import duckdb

    return duckdb.connect(":memory:", config={**session.FILE_FORMAT, "threads": 1})


@contextmanager
def _open_writer_on_the_instance(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Attach a copy to the instance of loads; a new file, and what cannot be attached, gets an instance of its own."""
    import duckdb

    name = f"copy_{secrets.token_hex(4)}"
    quoted = str(path).replace("'", "''")
    instance = _instance_of_loads()
    with closing(instance.cursor()) as connection:
        is_attached = path.exists() and not find_damaged_start(path)
        if is_attached:
            try:
                connection.execute(f"ATTACH '{quoted}' AS {name}")
            except duckdb.Error:
                is_attached = False
        if is_attached:
            connection.execute(f"USE {name}")
            try:
                yield connection
                connection.execute("USE memory")
                connection.execute(f"DETACH {name}")
            except BaseException:
                # An error may have made the instance unusable, and a transaction may be open.
                _instance_of_loads.cache_clear()
                instance.close()
                raise
            return
    with session.open_writer(path) as own:
        yield own


def _attach(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> bool:
    import duckdb

    if not path.is_file() or find_damaged_start(path) or path.with_name(f"{path.name}.wal").exists():
        return False
    quoted = str(path).replace("'", "''")
    try:
        connection.execute(f"ATTACH '{quoted}' AS {name} (READ_ONLY)")
    except duckdb.Error:
        return False  # another reader has the file open, or it is damaged
    try:
        session.begin_session(connection, f"{name}.{session.SCHEMA}")
    except duckdb.Error:
        connection.execute(f"DETACH {name}")
        return False
    return True
