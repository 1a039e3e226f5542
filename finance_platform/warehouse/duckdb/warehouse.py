"""The embedded warehouse: one DuckDB file, no server.

Belongs here: readers, COPY, and turning DuckDB's errors into the platform's. Only this and `duckdb_migrating` import
duckdb, and only when a warehouse is used.
Does not belong here: SQL (see `statements`), its translation (see `translation`), what a load does (see `load`).

DuckDB lets one process write a file, or many read it. So a load works on a copy that is renamed over the published
file when it is whole: readers, a BI tool too, see the old or the new one and never wait.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from finance_platform.errors import LoadError, QueryError
from finance_platform.warehouse.duckdb.atomic_file import AtomicFile
from finance_platform.warehouse.duckdb.migration import begin_session, is_current, migrate, planned
from finance_platform.warehouse.port import NO_PARAMETERS, LoadConnection, NoWarehouseYetError, Parameters, QueryResult

if TYPE_CHECKING:
    import duckdb

_SCHEMA = "finance"


class DuckDBWarehouse:
    """A `Warehouse` in the file at `path`; the caller of `prepare` and `transaction` holds the run's lock."""

    def __init__(self, path: Path) -> None:
        """Open nothing yet."""
        self._file = AtomicFile(path)

    @property
    def path(self) -> Path:
        """Where its file is."""
        return self._file.path

    def prepare(self) -> None:
        """Make sure that all tables and views are there and current; see `Warehouse`."""
        if not self._is_current():
            with self.transaction():
                pass

    def planned(self) -> tuple[str, ...]:
        """Return the statements that `prepare` would run; see `Warehouse`."""
        if not self._file.path.exists():
            return planned(None, self._otherwise)
        with self._reader() as connection:
            return planned(connection, self._otherwise)

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        """Run one read-only query on what is published; see `Queryable`."""
        with self._reader() as connection:
            return _query(connection, sql, parameters)

    @contextmanager
    def transaction(self) -> Iterator[LoadConnection]:
        """Open a load transaction on a copy of the file; see `Warehouse`. Nothing changed, nothing is published."""
        import duckdb

        with self._file.replacement() as copy:
            with _errors("opening a copy of the warehouse"):
                connection = duckdb.connect(str(copy.path))
            with closing(connection):
                loading = DuckDBLoadConnection(connection)
                with _errors("creating tables and views"):
                    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_SCHEMA}")
                    begin_session(connection, _SCHEMA)
                    is_redefined = not is_current(connection)
                    if is_redefined:
                        migrate(connection, loading, self._otherwise)
                    connection.begin()
                yield loading
                with _errors("committing"):
                    connection.commit()
                    connection.execute("CHECKPOINT")
            copy.is_changed = is_redefined or loading.has_changed

    def _is_current(self) -> bool:
        try:
            with self._reader() as connection:
                return is_current(connection)
        except QueryError:
            return False  # missing, empty or damaged: the transaction will make it, or say what is wrong

    @property
    def _otherwise(self) -> str:
        return f"move {self._file.path} away, and everything is loaded anew from the processed zone"

    @contextmanager
    def _reader(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Attach the file to an instance of its own.

        `duckdb.connect(path)` would share the instance of any other reader in this process, and go on showing the
        file that was published when that one was opened.
        """
        import duckdb

        path = self._file.path
        if not path.exists():
            raise NoWarehouseYetError(f"{path} does not exist", fix="load it first: `finance-platform run`")
        spill = Path(tempfile.gettempdir()) / f"finance-platform-{os.getpid()}-{secrets.token_hex(4)}"
        with closing(duckdb.connect(":memory:")) as connection:
            with _query_errors(
                "let other programs open the warehouse read-only; `finance-platform run` makes its tables"
            ):
                connection.execute(f"ATTACH {_quoted(path)} AS warehouse (READ_ONLY)")
                begin_session(connection, f"warehouse.{_SCHEMA}")
                connection.execute(f"SET temp_directory = {_quoted(spill)}")
                connection.execute("SET enable_external_access = false")  # a query reads the warehouse, no other file
            with _query_errors("mend the query; `sql/dml/sample_queries.sql` has examples"):
                yield connection


class DuckDBLoadConnection:
    """A `LoadConnection` on a private copy of the file."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Take a connection whose transaction has begun."""
        self._connection = connection
        self.has_changed = False

    def lock(self, table: str) -> None:
        """Do nothing: the copy is private, and publishing it notices whether another load was faster."""

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        """Run one read-only query inside the transaction; see `Queryable`."""
        with _errors(sql):
            return _query(self._connection, sql, parameters)

    def execute(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> None:
        """Run one statement that changes something; see `LoadConnection`."""
        from finance_platform.warehouse.duckdb.translation import to_duckdb

        self.has_changed = True
        with _errors(sql):
            self._connection.execute(to_duckdb(sql), dict(parameters) or None)

    def copy(self, stage_table: str, columns: Sequence[str], files: Sequence[str]) -> int:
        """Append Parquet files to a stage table; see `LoadConnection`."""
        self.has_changed = True
        if not files:
            return 0
        paths = [_pattern(file) for file in files]
        with _errors(f"COPY {stage_table}"):
            _refuse_other_columns(self._connection, stage_table, columns, paths)
            inserted = self._connection.execute(_insert_parquet(stage_table), {"files": paths}).fetchone()
        return int(inserted[0]) if inserted else 0


def _query(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Parameters) -> QueryResult:
    from finance_platform.warehouse.dialect import parse_query
    from finance_platform.warehouse.duckdb.translation import to_duckdb
    from finance_platform.warehouse.result_columns import name_columns

    query = parse_query(sql)
    cursor = connection.execute(to_duckdb(sql), dict(parameters) or None)
    names = [column[0] for column in cursor.description or ()]
    return QueryResult(name_columns(query, sql, names), cursor.fetchall())


def _refuse_other_columns(
    connection: duckdb.DuckDBPyConnection, stage_table: str, columns: Sequence[str], paths: Sequence[str]
) -> None:
    """Redshift's COPY goes by position and fits no type; DuckDB would turn a float into money without a word."""
    staged = _columns(connection, stage_table)
    wanted = [f"{name} {kind}" for name, (_, kind) in zip(columns, staged, strict=True)]
    described = connection.execute(
        "SELECT file_name, name, duckdb_type FROM parquet_schema($files) "
        "WHERE duckdb_type IS NOT NULL ORDER BY file_name, column_id",
        {"files": list(paths)},
    ).fetchall()
    for file, layout in groupby(described, key=lambda column: column[0]):
        found = [f"{name} {kind}" for _, name, kind in layout]
        if found != wanted:
            raise LoadError(f"{file} has columns {found}; {stage_table} takes {wanted}", fix="build the slice again")


def _insert_parquet(stage_table: str) -> str:
    from sqlglot import exp

    files = "SELECT * FROM READ_PARQUET($files, HIVE_PARTITIONING = FALSE)"
    return exp.insert(files, stage_table, dialect="duckdb").sql(dialect="duckdb")


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, str]]:
    """Name and type of each column of a table that was never in two schemas."""
    return connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = $table ORDER BY column_index",
        {"table": table},
    ).fetchall()


@contextmanager
def _query_errors(fix: str) -> Iterator[None]:
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise QueryError(str(error), fix=fix) from error


@contextmanager
def _errors(attempted: str) -> Iterator[None]:
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise LoadError(f"{attempted}: {error}", fix="nothing was published; mend the cause and run again") from error


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _pattern(file: str) -> str:
    """The file's path as a pattern that matches nothing else: DuckDB takes every path for a pattern."""
    path = url2pathname(urlsplit(file).path) if file.startswith("file:") else file
    return "".join(f"[{character}]" if character in "*?[" else character for character in path)
