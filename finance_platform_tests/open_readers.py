"""Readers of the embedded warehouse that stay open for a test: opening one takes longer than most queries.

Belongs here: when they stay open, and the instance of DuckDB that they share. Does not belong here: when a reader is
used again (see `kept_readers` of the warehouse).

A DuckDB instance takes 16 ms of processor time to create, to attach a file 6, and a test sends up to two hundred
queries. So the readers of a process share an instance, which has one thread: tests run in parallel anyhow. Commands in
processes of their own, the tests of the readers themselves and the nightly profile open one for each query, as commands
do outside of tests.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from finance_platform.warehouse.duckdb import kept_readers, session
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
