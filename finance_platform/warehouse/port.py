"""The warehouse as the rest of the platform sees it.

Belongs here: the protocols that every adapter implements, and the values that cross them.
Does not belong here: SQL of one engine. Statements cross this port in Redshift's dialect, with `:name` for a bound
value (redshift-connector's paramstyle `named`); the adapter of another engine translates them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from finance_platform.errors import QueryError

if TYPE_CHECKING:
    import pyarrow as pa

Parameters = Mapping[str, object]
"""Bound values by name, without the colon. A decimal must be bound inside `CAST(:name AS DECIMAL(p, s))`."""

NO_PARAMETERS: Parameters = MappingProxyType({})


@dataclass(frozen=True)
class QueryResult:
    """The result of a query.

    Attributes:
        columns: names as the query spells them; `*` yields the table's own spelling.
        rows: one tuple of Python values per row; money is `Decimal`.
    """

    columns: list[str]
    rows: list[tuple[Any, ...]]


Batch: TypeAlias = "pa.RecordBatch | list[tuple[Any, ...]]"
"""Some rows of a result, by column or as tuples."""


@dataclass(frozen=True)
class RowStream:
    """The result of a query that is read while it is computed.

    Attributes:
        columns: see `QueryResult`.
        rows: one tuple of Python values per row; each row can be read once, before the stream is closed.
        batches: instead of rows, if they were asked for by column and Arrow has every value as `rows` has it; a batch
            with a value that Arrow has otherwise is a list of rows. None: read `rows`.
    """

    columns: list[str]
    rows: Iterator[tuple[Any, ...]]
    batches: Iterator[Batch] | None = None


class QueryTimeoutError(QueryError):
    """A query took longer than it may, and was stopped."""

    title = "The query took too long"

    def __init__(self, timeout_seconds: float) -> None:
        super().__init__(
            f"it was stopped after {timeout_seconds:g} s",
            fix="select less, or increase FINANCE_PLATFORM_QUERY_TIMEOUT_SECONDS (0: no limit)",
        )


class NoWarehouseYetError(QueryError):
    """Nothing was ever loaded, so there is nothing to query."""

    title = "There is no warehouse yet"


class WarehouseInUseError(QueryError):
    """Another program has the file of the embedded warehouse open for writing, so that it cannot even be read."""

    title = "The warehouse is open in another program"


class Queryable(Protocol):
    """Runs read-only queries."""

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        """Run one read-only query and return all of its rows.

        Args:
            sql: one SELECT in the subset that `dialect` defines.
            parameters: the values of its `:names`.

        Raises:
            QueryError: the query is not read-only, is outside the subset, or fails.
            NoWarehouseYetError: nothing was ever loaded.
        """
        ...


@runtime_checkable
class ColumnQueryable(Queryable, Protocol):
    """Returns rows by column too: where there are a hundred thousand, values of Python take longer than the query."""

    def query_columns(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> pa.Table:
        """Run one read-only query and return all of its rows as a table of Arrow; see `query`."""
        ...


class LoadConnection(Queryable, Protocol):
    """An open load transaction.

    `query` sees the changes of the transaction, and raises LoadError or TransientWarehouseError if it fails.
    """

    def lock(self, table: str) -> None:
        """Wait until no other load holds `table`, and hold it until the transaction ends."""
        ...

    def execute(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> None:
        """Run one statement that changes something.

        Raises:
            LoadError: the statement fails.
            TransientWarehouseError: the transaction may succeed if it is retried from its beginning.
        """
        ...

    def copy(self, stage_table: str, columns: Sequence[str], files: Sequence[str]) -> int:
        """Append Parquet files to a stage table, column by column in position, and return the number of rows.

        Args:
            stage_table: a table of this transaction.
            columns: the columns of each file, in the order of the stage table.
            files: absolute paths or URIs.

        Raises:
            LoadError: a file does not exist, or its columns or types differ from the stage table's.
            TransientWarehouseError: see `execute`.
        """
        ...


class Warehouse(Queryable, Protocol):
    """One warehouse: readers see the published state, transactions replace it."""

    def prepare(self) -> Sequence[str]:
        """Create or migrate all tables and views; cheap if they are current. The caller holds the run's lock.

        Returns:
            What was damaged and was set aside, a sentence each.

        Raises:
            MigrationError: additions do not suffice; nothing was changed.
        """
        ...

    def pending_statements(self) -> tuple[str, ...]:
        """Return the statements that `prepare` would run now, in Redshift's dialect; empty if all is current.

        Raises:
            MigrationError: additions do not suffice; the error has the SQL to run by hand.
        """
        ...

    def changed_views(self) -> Sequence[tuple[str, str]]:
        """Return each view that is not as this release defines it, and what is wrong with it; nothing is changed.

        Raises:
            QueryError: see `Queryable`.
            NoWarehouseYetError: nothing was ever loaded.
        """
        ...

    def stream(self, sql: str, *, timeout_seconds: int, by_column: bool = False) -> AbstractContextManager[RowStream]:
        """Run one read-only query of a person on the published state, and read its rows as they come.

        Args:
            sql: one SELECT in the subset that `dialect` defines.
            timeout_seconds: the maximum time that the warehouse may work on it, not counting the time that the caller
                needs for the rows; 0 for no limit beside the warehouse's own.
            by_column: whether the caller can read `RowStream.batches`, where the warehouse has them.

        Raises:
            QueryError: see `Queryable`; also while rows are read.
            QueryTimeoutError: it takes longer; also while rows are read.
            NoWarehouseYetError: nothing was ever loaded.
        """
        ...

    def reading(self) -> AbstractContextManager[Queryable]:
        """Answer several queries; where that is cheaper, from one connection, so that they see one published state."""
        ...

    def content_version(self) -> str:
        """Return what changes with every change of what is stored; empty if only reading it could tell."""
        ...

    def transaction(self) -> AbstractContextManager[LoadConnection]:
        """Open a load transaction on a prepared warehouse; the caller holds the run's lock.

        A normal exit publishes all changes at once. An exception rolls all of them back and propagates.

        Raises:
            LoadError: it cannot begin or cannot be published.
            TransientWarehouseError: it may succeed if it is retried from its beginning.
        """
        ...
