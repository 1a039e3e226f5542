"""Sessions of the embedded warehouse: their settings, read-only connections and queries.

Belongs here: opening and using a connection. Does not belong here: changes (see `load_connection`, `migration`).
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from finance_platform.errors import HomeError
from finance_platform.warehouse.duckdb.errors import query_errors
from finance_platform.warehouse.port import NO_PARAMETERS, NoWarehouseYetError, Parameters, QueryResult

if TYPE_CHECKING:
    import duckdb

SCHEMA = "finance"

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
        NoWarehouseYetError: the file does not exist.
        HomeError: it is not a plain file.
        QueryError: the file cannot be read, or a query fails.
    """
    import duckdb

    if not path.exists():
        raise NoWarehouseYetError(f"{path} does not exist", fix="load it first: `finance-platform run`")
    if not path.is_file():  # DuckDB would wait for a program that writes into a named pipe
        raise HomeError(f"{path} is not a plain file", fix="remove it, then `finance-platform run` loads it again")
    spill = Path(tempfile.gettempdir()) / f"finance-platform-{os.getpid()}-{secrets.token_hex(4)}"
    with closing(duckdb.connect(":memory:")) as connection:
        with query_errors("let other programs open the warehouse read-only; `finance-platform run` creates its tables"):
            connection.execute(f"ATTACH {_quote(path)} AS warehouse (READ_ONLY)")
            begin_session(connection, f"warehouse.{SCHEMA}")
            connection.execute(f"SET temp_directory = {_quote(spill)}")
            connection.execute("SET enable_external_access = false")  # a query reads the warehouse, no other file
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


def _quote(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
