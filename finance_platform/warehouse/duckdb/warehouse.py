"""`Warehouse` on one DuckDB file.

Belongs here: when the file is copied, published or read. duckdb is imported only when a warehouse is used.
Does not belong here: SQL (see `statements`), the transaction's statements (see `load_connection`).

DuckDB lets one process write a file, or many read it. So a load works on a copy that is renamed over the published
file when it is complete: readers, BI tools too, see the old or the new file and never wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from finance_platform.errors import DamagedWarehouseError, QueryError
from finance_platform.warehouse.duckdb.atomic_file import AtomicFile
from finance_platform.warehouse.duckdb.changed_views import find_changed_views
from finance_platform.warehouse.duckdb.damaged_file import read_whole, set_aside
from finance_platform.warehouse.duckdb.errors import load_errors, query_errors
from finance_platform.warehouse.duckdb.kept_readers import close_kept, known_answers, reader_of
from finance_platform.warehouse.duckdb.load_connection import DuckDBLoadConnection
from finance_platform.warehouse.duckdb.migration import is_current, migrate, pending_statements
from finance_platform.warehouse.duckdb.new_file import NEW_FILE
from finance_platform.warehouse.duckdb.session import (
    FIX_QUERY,
    SCHEMA,
    begin_session,
    open_reader,
    open_writer,
    query_columns,
    run_query,
    stream_query,
)
from finance_platform.warehouse.port import (
    NO_PARAMETERS,
    LoadConnection,
    NoWarehouseYetError,
    Parameters,
    Queryable,
    QueryResult,
    RowStream,
)

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_MANY_ROWS = 1_000_000


class DuckDBWarehouse:
    """A `Warehouse` in the file at `path`; the caller of `prepare` and `transaction` holds the run's lock."""

    def __init__(self, path: Path) -> None:
        """Open nothing yet."""
        self._file = AtomicFile(path, NEW_FILE.take)
        self._is_suspect = False

    @property
    def path(self) -> Path:
        """The path of the file."""
        return self._file.path

    def prepare(self) -> list[str]:
        """Set a damaged file aside; create or migrate all tables and views; see `Warehouse`."""
        is_current, damage = self._check()
        repaired = [set_aside(self.path, damage, datetime.now(UTC))] if damage else []
        if not is_current:
            with self.transaction():
                pass
        return repaired

    def pending_statements(self) -> tuple[str, ...]:
        """Return the statements that `prepare` would run; see `Warehouse`."""
        try:
            with open_reader(self.path) as connection:
                return pending_statements(connection, self._alternative_fix)
        except NoWarehouseYetError:
            return pending_statements(None, self._alternative_fix)

    def changed_views(self) -> list[tuple[str, str]]:
        """Return the views that are not as this release defines them; see `Warehouse`."""
        with reader_of(self.path) as connection:
            return list(find_changed_views(connection))

    @contextmanager
    def reading(self) -> Iterator[Queryable]:
        """Answer several queries from the file as it is when the first of them comes; see `Warehouse`."""
        with ExitStack() as stack:
            yield _OpenedOnce(self, stack)

    def content_version(self) -> str:
        """Return the identity of the file, and of what lies beside it; see `Warehouse`."""
        return self._file.version()

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        """Run one read-only query on the published state; see `Queryable`."""
        known = known_answers(self.path)
        if known and known.version == self.content_version() and (answer := known.find(sql, parameters)):
            return answer
        with self.damage_noted(), reader_of(self.path) as connection:
            return run_query(connection, sql, parameters)

    def query_columns(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> pa.Table:
        """Run one read-only query on the published state; see `ColumnQueryable`."""
        with self.damage_noted(), reader_of(self.path) as connection:
            table = query_columns(connection, sql, parameters)
        if len(table) > _MANY_ROWS:
            close_kept(self.path)
        return table

    @contextmanager
    def stream(self, sql: str, *, timeout_seconds: int, by_column: bool = False) -> Iterator[RowStream]:
        """Run one read-only query of a person on the published state; see `Warehouse`."""
        with reader_of(self.path) as connection:
            yield stream_query(connection, sql, timeout_seconds, by_column=by_column)

    @contextmanager
    def transaction(self) -> Iterator[LoadConnection]:
        """Open a load transaction on a copy of the file; see `Warehouse`. An unchanged copy is not published."""
        with self.damage_noted(), self._file.replacement() as copy:
            with open_writer(copy.path) as connection:
                load_connection = DuckDBLoadConnection(connection)
                with load_errors("creating tables and views"):
                    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
                    begin_session(connection, SCHEMA)
                    is_migrated = not is_current(connection)
                    if is_migrated:
                        migrate(connection, load_connection, self._alternative_fix)
                    # The commit writes the file itself, not a log that is synced, read and removed again: until the
                    # copy is published, nothing of it has to survive.
                    connection.execute("SET wal_autocheckpoint = '0b'")
                    connection.begin()
                yield load_connection
                with load_errors("committing"):
                    connection.commit()
                    connection.execute("CHECKPOINT")
            copy.is_changed = copy.is_new or is_migrated or load_connection.has_changes

    def _check(self) -> tuple[bool, str]:
        """Return whether the file has this release's tables and views, and what is damaged in it.

        It is read whole only after a query or a load found damage: that may have been damage of the load's copy.
        """
        try:
            with reader_of(self.path) as connection:
                if self._is_suspect:
                    read_whole(connection)
                    self._is_suspect = False
                return is_current(connection), ""
        except DamagedWarehouseError as error:
            self._is_suspect = False
            return False, error.why
        except QueryError:
            return False, ""  # missing, or not readable for another reason: the transaction creates it, or raises

    @contextmanager
    def damage_noted(self) -> Iterator[None]:
        """Remember that damage was found, for `prepare`."""
        try:
            yield
        except DamagedWarehouseError:
            self._is_suspect = True
            raise

    @property
    def _alternative_fix(self) -> str:
        return f"move {self.path} away: the next run loads everything again from the processed zone"


class _OpenedOnce:
    """Queries of one connection; opening it takes as long as a query does."""

    def __init__(self, warehouse: DuckDBWarehouse, stack: ExitStack) -> None:
        self._warehouse, self._stack = warehouse, stack
        self._connection: duckdb.DuckDBPyConnection | None = None

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        """Run one read-only query on the published state; see `Queryable`."""
        with self._opened() as connection:
            return run_query(connection, sql, parameters)

    def query_columns(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> pa.Table:
        """Run one read-only query on the published state; see `ColumnQueryable`."""
        with self._opened() as connection:
            return query_columns(connection, sql, parameters)

    @contextmanager
    def _opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._warehouse.damage_noted():
            if self._connection is None:
                self._connection = self._stack.enter_context(reader_of(self._warehouse.path))
            with query_errors(FIX_QUERY):
                yield self._connection
