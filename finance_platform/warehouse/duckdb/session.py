"""Sessions of the embedded warehouse: their settings, read-only connections and queries.

Belongs here: opening and using a connection. Does not belong here: changes (see `load_connection`, `migration`).
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from finance_platform.errors import HELP_FOR_QUERIES, DamagedWarehouseError, HomeError
from finance_platform.storage.temporary_folders import temporary_folder
from finance_platform.warehouse.duckdb.column_stream import open_batches
from finance_platform.warehouse.duckdb.damaged_file import find_damaged_start
from finance_platform.warehouse.duckdb.errors import load_errors, query_errors
from finance_platform.warehouse.port import (
    NO_PARAMETERS,
    NoWarehouseYetError,
    Parameters,
    QueryResult,
    QueryTimeoutError,
    RowStream,
)
from finance_platform.warehouse.prepared_queries import casts_decimals, find_prepared

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

SCHEMA = "finance"

FILE_FORMAT: dict[str, str | bool | int | float | list[str]] = {"storage_compatibility_version": "v1.2.0"}
"""The format of a new file: the drivers that BI tools ship are often years older than this process's DuckDB (078)."""

_T = TypeVar("_T")

_SCHEMAS = "SELECT 1 FROM duckdb_schemas() WHERE database_name = 'warehouse' AND schema_name = ?"

_ROWS_AT_ONCE = 10_000
_SECONDS_BETWEEN_INTERRUPTS = 0.1

_SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET integer_division = true",
    "SET python_enable_replacements = false",  # else a missing table resolves to a Python variable of its name
    "SET autoinstall_known_extensions = false",  # else a function's name may start a download
    "SET enable_progress_bar = false",  # else a process without a main file, such as Dagster's, has it in its output
)


FIX_QUERY = f"fix the query; {HELP_FOR_QUERIES}"


def begin_session(connection: duckdb.DuckDBPyConnection, schema: str) -> None:
    """Apply the settings of every session and select the schema."""
    for setting in _SETTINGS:
        connection.execute(setting)
    connection.execute(f"USE {schema}")


@contextmanager
def open_reader(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the file at `path` read-only in a session of a database instance of its own; see `open_sessions`."""
    with open_sessions(path, 1) as (session,):
        yield session


@contextmanager
def open_sessions(path: Path, count: int) -> Iterator[list[duckdb.DuckDBPyConnection]]:
    """Attach the file at `path` read-only to a database instance of its own, and begin sessions of it.

    `duckdb.connect(path)` would share the instance of any other reader in this process, and keep showing the file
    that was published when that one was opened.

    Args:
        path: the file.
        count: how many sessions. The first one is closed here, the others by those who use them; the instance ends
            with the last one.

    Raises:
        NoWarehouseYetError: the file does not exist, or it is another program's and nothing was loaded into it.
        HomeError: it is not a plain file.
        DamagedWarehouseError: the file is damaged.
        WarehouseInUseError: another program has it open for writing.
        QueryError: the file cannot be read, or a query fails.
    """
    import duckdb

    if not path.exists():
        raise NoWarehouseYetError(
            f"{path} does not exist", fix="check the path given to --home, or load it first: `finance-platform run`"
        )
    if not (path.is_file() or path.is_dir()):  # DuckDB would wait for a program that writes into a named pipe
        raise HomeError(f"{path} is not a plain file", fix="remove it, then `finance-platform run` loads it again")
    log = path.with_name(f"{path.name}.wal")
    if log.exists() and not log.is_file():  # DuckDB opens it too
        raise HomeError(f"{log} is not a plain file", fix="remove it, then run again")
    if why := find_damaged_start(path):
        raise DamagedWarehouseError(str(path), why)
    name = f"finance-platform-{os.getpid()}-{secrets.token_hex(4)}"
    # By its name, further connections get the same instance. A cursor would end with the connection that it is of.
    instance = ":memory:" if count == 1 else f":memory:{name}"
    with temporary_folder() as spill, closing(duckdb.connect(instance)) as connection:
        with query_errors("let other programs open the warehouse read-only; `finance-platform run` creates its tables"):
            connection.execute(f"ATTACH {_quote(path)} AS warehouse (READ_ONLY)")
            if not connection.execute(_SCHEMAS, [SCHEMA]).fetchall():
                raise NoWarehouseYetError(
                    f"{path} has no schema {SCHEMA}",
                    fix="check the path given to --home, or load it first: `finance-platform run`",
                )
            sessions = [connection, *(duckdb.connect(instance) for _ in range(1, count))]
            for session in sessions:
                begin_session(session, f"warehouse.{SCHEMA}")
            connection.execute(f"SET temp_directory = {_quote(spill)}")
            connection.execute("SET enable_external_access = false")  # a query reads the warehouse, no other file
            connection.execute("SET lock_configuration = true")  # and cannot take that back
        with query_errors(FIX_QUERY):
            yield sessions


@contextmanager
def open_writer(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a private copy of the file for a load; its database is the current one."""
    import duckdb

    with load_errors("opening a copy of the warehouse"):
        connection = duckdb.connect(str(path), config=FILE_FORMAT)
    with closing(connection):
        yield connection


def run_query(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
    """Run one read-only query of the subset; see `Queryable`."""
    prepared = find_prepared(sql)
    if prepared is not None and prepared.columns and casts_decimals(sql, parameters):
        cursor = connection.execute(prepared.duckdb, dict(parameters) or None)
        return QueryResult(list(prepared.columns), cursor.fetchall())
    from finance_platform.warehouse.dialect import parse_query, require_cast_decimals
    from finance_platform.warehouse.duckdb.translation import to_duckdb
    from finance_platform.warehouse.result_columns import name_columns

    query = parse_query(sql)
    require_cast_decimals(sql, parameters)
    cursor = connection.execute(to_duckdb(sql), dict(parameters) or None)
    engine_names = [column[0] for column in cursor.description or ()]
    return QueryResult(name_columns(query, sql, engine_names), cursor.fetchall())


def query_columns(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Parameters = NO_PARAMETERS) -> pa.Table:
    """Run one read-only query of the subset; see `ColumnQueryable`."""
    connection.abort()  # `sql`, unlike `execute`, refuses to work while rows of a query before it are unread
    return connection.sql(in_duckdb(sql, parameters), params=dict(parameters) or None).to_arrow_table()


def in_duckdb(sql: str, parameters: Parameters = NO_PARAMETERS) -> str:
    """Return one statement of the subset in DuckDB's dialect; see `translation.to_duckdb`.

    Raises:
        QueryError: it is outside the subset, or DuckDB has no equivalent.
        ValueError: it binds a decimal without a cast.
    """
    prepared = find_prepared(sql)
    if prepared is not None and casts_decimals(sql, parameters):
        return prepared.duckdb
    from finance_platform.warehouse.dialect import require_cast_decimals
    from finance_platform.warehouse.duckdb.translation import to_duckdb

    require_cast_decimals(sql, parameters)
    return to_duckdb(sql)


def stream_query(
    connection: duckdb.DuckDBPyConnection, sql: str, timeout_seconds: float, *, by_column: bool = False
) -> RowStream:
    """Run one read-only query of the subset, and return its rows as they are computed; see `Warehouse.stream`."""
    from finance_platform.warehouse.dialect import parse_query
    from finance_platform.warehouse.duckdb.translation import to_duckdb
    from finance_platform.warehouse.result_columns import name_columns

    query, translated = parse_query(sql), to_duckdb(sql)
    limit = _TimeLimit(connection, timeout_seconds)
    if by_column and (stream := open_batches(connection, translated, limit.run)) is not None:
        return RowStream(name_columns(query, sql, stream.names), iter(()), stream.batches)
    cursor = limit.run(lambda: connection.execute(translated))
    first = limit.run(lambda: cursor.fetchmany(_ROWS_AT_ONCE))
    engine_names = [column[0] for column in cursor.description or ()]
    return RowStream(name_columns(query, sql, engine_names), _rows(cursor, first, limit))


def _rows(
    cursor: duckdb.DuckDBPyConnection, batch: list[tuple[Any, ...]], limit: _TimeLimit
) -> Iterator[tuple[Any, ...]]:
    while batch:
        yield from batch
        batch = limit.run(lambda: cursor.fetchmany(_ROWS_AT_ONCE))


class _TimeLimit:
    """Runs the work of a connection until it has taken some seconds in all, or until Ctrl-C; 0 seconds are no limit.

    Python handles Ctrl-C in the main thread, and only between two steps of DuckDB; one step of a recursive query may
    never end. So DuckDB works in a thread of its own while the main thread waits.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, seconds: float) -> None:
        self._connection = connection
        self._seconds = seconds
        self._left = seconds

    def run(self, work: Callable[[], _T]) -> _T:
        """Return the result of `work`, in which the connection works.

        Raises:
            QueryTimeoutError: the limit is reached.
        """
        import duckdb

        begin = time.monotonic()
        with ThreadPoolExecutor(max_workers=1) as thread:
            future = thread.submit(work)
            try:
                is_in_time = bool(wait([future], max(self._left, 0) if self._seconds else None).done)
            finally:
                while not future.done():
                    # Again and again: DuckDB forgets an interrupt that arrives before the query has begun.
                    self._connection.interrupt()
                    wait([future], _SECONDS_BETWEEN_INTERRUPTS)
        self._left -= time.monotonic() - begin
        error = future.exception()
        if not is_in_time and (error is None or isinstance(error, duckdb.InterruptException)):
            # Also if it ended just then: the interrupt would hit the next work of the connection.
            raise QueryTimeoutError(self._seconds) from error
        return future.result()


def _quote(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
