"""`LoadConnection` on a private copy of the DuckDB file.

Belongs here: the statements inside a load transaction.
Does not belong here: beginning and committing it (see `warehouse`), the file (see `atomic_file`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from finance_platform.warehouse.duckdb.copy import check_parquet_columns, copy_statement, file_pattern
from finance_platform.warehouse.duckdb.errors import load_errors
from finance_platform.warehouse.duckdb.session import in_duckdb, run_query
from finance_platform.warehouse.port import NO_PARAMETERS, Parameters, QueryResult

if TYPE_CHECKING:
    import duckdb


class DuckDBLoadConnection:
    """A `LoadConnection` on a connection whose transaction has begun."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.has_changes = False

    def lock(self, table: str) -> None:
        """Do nothing: the copy is private, and publishing it fails if another load was published in between."""

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        """Run one read-only query inside the transaction; see `Queryable`."""
        with load_errors(sql):
            return run_query(self._connection, sql, parameters)

    def execute(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> None:
        """Run one statement that changes something; see `LoadConnection`."""
        statement = in_duckdb(sql, parameters)
        self.has_changes = True
        with load_errors(sql):
            self._connection.execute(statement, dict(parameters) or None)

    def copy(self, stage_table: str, columns: Sequence[str], files: Sequence[str]) -> int:
        """Append Parquet files to a stage table; see `LoadConnection`."""
        self.has_changes = True
        if not files:
            return 0
        patterns = [file_pattern(file) for file in files]
        with load_errors(f"COPY {stage_table}", reads_parquet=True):
            check_parquet_columns(self._connection, stage_table, columns, patterns)
            inserted = self._connection.execute(copy_statement(stage_table), {"files": patterns}).fetchone()
        return int(inserted[0]) if inserted else 0
