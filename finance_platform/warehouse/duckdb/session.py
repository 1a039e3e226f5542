"""Sessions of the embedded warehouse: their settings, read-only connections and queries.

Belongs here: opening and using a connection. Does not belong here: changes (see `load_connection`, `migration`).
"""

from __future__ import annotations

import os
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finance_platform.errors import DamagedWarehouseError, HomeError
from finance_platform.warehouse.duckdb.damaged_file import find_damaged_start
from finance_platform.warehouse.duckdb.errors import query_errors
from finance_platform.warehouse.port import (
    NO_PARAMETERS,
    NoWarehouseYetError,
    Parameters,
    QueryResult,
    QueryTimeoutError,
    RowStream,
)

if TYPE_CHECKING:
    import duckdb

SCHEMA = "finance"

_SCHEMAS = "SELECT 1 FROM duckdb_schemas() WHERE database_name = 'warehouse' AND schema_name = ?"

_ROWS_AT_ONCE = 10_000

_SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET integer_division = true",
    "SET python_enable_replacements = false",  # else a missing table resolves to a Python variable of its name
    "SET autoinstall_known_extensions = false",  # else a function's name may start a download
)


def begin_session(connection: duckdb.DuckDBPyConnection, schema: str) -> None:
    """Apply the settings of every session and select the schema."""
    for setting in _SETTINGS:
        connection.execute(setting)
    connection.execute(f"USE {schema}")


@contextmanager
def open_reader(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Attach the file at `path` read-only to a database instance of its own.

    `duckdb.connect(path)` would share the instance of any other reader in this process, and keep showing the file
    that was published when that one was opened.

    Raises:
        NoWarehouseYetError: the file does not exist, or it is another program's and nothing was loaded into it.
        HomeError: it is not a plain file.
        DamagedWarehouseError: the file is damaged.
        QueryError: the file cannot be read, or a query fails.
    """
    import duckdb

    if not path.exists():
        raise NoWarehouseYetError(f"{path} does not exist", fix="load it first: `finance-platform run`")
    if not (path.is_file() or path.is_dir()):  # DuckDB would wait for a program that writes into a named pipe
        raise HomeError(f"{path} is not a plain file", fix="remove it, then `finance-platform run` loads it again")
    if why := find_damaged_start(path):
        raise DamagedWarehouseError(str(path), why)
    spill = Path(tempfile.gettempdir()) / f"finance-platform-{os.getpid()}-{secrets.token_hex(4)}"
    with closing(duckdb.connect(":memory:")) as connection:
        with query_errors("let other programs open the warehouse read-only; `finance-platform run` creates its tables"):
            connection.execute(f"ATTACH {_quote(path)} AS warehouse (READ_ONLY)")
            if not connection.execute(_SCHEMAS, [SCHEMA]).fetchall():
                raise NoWarehouseYetError(f"{path} has no schema {SCHEMA}", fix="load it first: `finance-platform run`")
            begin_session(connection, f"warehouse.{SCHEMA}")
            connection.execute(f"SET temp_directory = {_quote(spill)}")
            connection.execute("SET enable_external_access = false")  # a query reads the warehouse, no other file
            connection.execute("SET lock_configuration = true")  # and cannot take that back
        with query_errors("fix the query; `sql/dml/sample_queries.sql` has examples"):
            yield connection


def run_query(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
    """Run one read-only query of the subset; see `Queryable`."""
    from finance_platform.warehouse.dialect import parse_query, require_cast_decimals
    from finance_platform.warehouse.duckdb.translation import to_duckdb
    from finance_platform.warehouse.result_columns import name_columns

    query = parse_query(sql)
    require_cast_decimals(sql, parameters)
    cursor = connection.execute(to_duckdb(sql), dict(parameters) or None)
    engine_names = [column[0] for column in cursor.description or ()]
    return QueryResult(name_columns(query, sql, engine_names), cursor.fetchall())


def stream_query(connection: duckdb.DuckDBPyConnection, sql: str, timeout_seconds: float) -> RowStream:
    """Run one read-only query of the subset, and return its rows as they are computed; see `Warehouse.stream`."""
    from finance_platform.warehouse.dialect import parse_query
    from finance_platform.warehouse.duckdb.translation import to_duckdb
    from finance_platform.warehouse.result_columns import name_columns

    query, translated = parse_query(sql), to_duckdb(sql)
    limit = _TimeLimit(connection, timeout_seconds)
    with limit.counted():
        cursor = connection.execute(translated)
        first = cursor.fetchmany(_ROWS_AT_ONCE)
    engine_names = [column[0] for column in cursor.description or ()]
    return RowStream(name_columns(query, sql, engine_names), _rows(cursor, first, limit))


def _rows(
    cursor: duckdb.DuckDBPyConnection, batch: list[tuple[Any, ...]], limit: _TimeLimit
) -> Iterator[tuple[Any, ...]]:
    while batch:
        yield from batch
        with limit.counted():
            batch = cursor.fetchmany(_ROWS_AT_ONCE)


class _TimeLimit:
    """Interrupts a connection once it has worked for some seconds in all; 0 seconds are no limit."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, seconds: float) -> None:
        self._connection = connection
        self._seconds = seconds
        self._left = seconds
        self._is_over = False

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count the time of the block, in which the connection works.

        Raises:
            QueryTimeoutError: the limit is reached.
        """
        import duckdb

        timer = threading.Timer(max(self._left, 0), self._stop)
        timer.daemon = True
        begin = time.monotonic()
        if self._seconds:
            timer.start()
        try:
            yield
        except duckdb.InterruptException as error:
            if self._is_over:
                raise QueryTimeoutError(self._seconds) from error
            raise
        finally:
            timer.cancel()
            if self._seconds:
                timer.join()  # else the process may end while the timer still holds the connection
            self._left -= time.monotonic() - begin

    def _stop(self) -> None:
        self._is_over = True
        self._connection.interrupt()


def _quote(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
