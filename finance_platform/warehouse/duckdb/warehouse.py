"""`Warehouse` on one DuckDB file.

Belongs here: when the file is copied, published or read. duckdb is imported only when a warehouse is used.
Does not belong here: SQL (see `statements`), the transaction's statements (see `load_connection`).

DuckDB lets one process write a file, or many read it. So a load works on a copy that is renamed over the published
file when it is complete: readers, BI tools too, see the old or the new file and never wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from finance_platform.errors import QueryError
from finance_platform.warehouse.duckdb.atomic_file import AtomicFile
from finance_platform.warehouse.duckdb.errors import load_errors
from finance_platform.warehouse.duckdb.load_connection import DuckDBLoadConnection
from finance_platform.warehouse.duckdb.migration import is_current, migrate, pending_statements
from finance_platform.warehouse.duckdb.session import SCHEMA, begin_session, open_reader, run_query, stream_query
from finance_platform.warehouse.port import NO_PARAMETERS, LoadConnection, Parameters, QueryResult, RowStream


class DuckDBWarehouse:
    """A `Warehouse` in the file at `path`; the caller of `prepare` and `transaction` holds the run's lock."""

    def __init__(self, path: Path) -> None:
        """Open nothing yet."""
        self._file = AtomicFile(path)

    @property
    def path(self) -> Path:
        """The path of the file."""
        return self._file.path

    def prepare(self) -> None:
        """Create or migrate all tables and views; see `Warehouse`."""
        if not self._is_current():
            with self.transaction():
                pass

    def pending_statements(self) -> tuple[str, ...]:
        """Return the statements that `prepare` would run; see `Warehouse`."""
        if not self.path.exists():
            return pending_statements(None, self._alternative_fix)
        with open_reader(self.path) as connection:
            return pending_statements(connection, self._alternative_fix)

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        """Run one read-only query on the published state; see `Queryable`."""
        with open_reader(self.path) as connection:
            return run_query(connection, sql, parameters)

    @contextmanager
    def stream(self, sql: str, *, timeout_seconds: int) -> Iterator[RowStream]:
        """Run one read-only query of a person on the published state; see `Warehouse`."""
        with open_reader(self.path) as connection:
            yield stream_query(connection, sql, timeout_seconds)

    @contextmanager
    def transaction(self) -> Iterator[LoadConnection]:
        """Open a load transaction on a copy of the file; see `Warehouse`. An unchanged copy is not published."""
        import duckdb

        with self._file.replacement() as copy:
            with load_errors("opening a copy of the warehouse"):
                connection = duckdb.connect(str(copy.path))
            with closing(connection):
                load_connection = DuckDBLoadConnection(connection)
                with load_errors("creating tables and views"):
                    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
                    begin_session(connection, SCHEMA)
                    is_migrated = not is_current(connection)
                    if is_migrated:
                        migrate(connection, load_connection, self._alternative_fix)
                    connection.begin()
                yield load_connection
                with load_errors("committing"):
                    connection.commit()
                    connection.execute("CHECKPOINT")
            copy.is_changed = is_migrated or load_connection.has_changes

    def _is_current(self) -> bool:
        try:
            with open_reader(self.path) as connection:
                return is_current(connection)
        except QueryError:
            return False  # missing, empty or damaged: the transaction creates it, or raises

    @property
    def _alternative_fix(self) -> str:
        return f"move {self.path} away: the next run loads everything again from the processed zone"
