"""What a warehouse is to the rest of the platform.

Belongs here: the protocols that every adapter fulfils, and the values that cross them.
Does not belong here: any engine's own words. SQL crosses this port in Redshift's dialect, with `:name` for a bound
value (redshift-connector's paramstyle `named`); an adapter of another engine translates it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from finance_platform.errors import QueryError

Parameters = Mapping[str, object]
"""Values by the name that stands behind the colon."""

NO_PARAMETERS: Parameters = MappingProxyType({})


@dataclass(frozen=True)
class QueryResult:
    """What a query gave.

    Attributes:
        columns: names as the query typed them; a star gives the table's own spelling.
        rows: one tuple of Python values per row; money is `Decimal`.
    """

    columns: list[str]
    rows: list[tuple[Any, ...]]


class NoWarehouseYetError(QueryError):
    """Nothing was ever loaded, so there is nothing to ask."""

    title = "There is no warehouse yet"


class Queryable(Protocol):
    """What can be asked."""

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        """Run one read-only query and return all of its rows.

        Args:
            sql: one SELECT in the subset that `dialect` describes.
            parameters: the values of its `:names`.

        Raises:
            QueryError: the query is not read-only, is outside the subset, or fails.
            NoWarehouseYetError: nothing was ever loaded.
        """
        ...


class LoadConnection(Queryable, Protocol):
    """The inside of one load transaction.

    `query` sees what the transaction has done so far, and raises LoadError or TransientWarehouseError where it fails.
    """

    def lock(self, table: str) -> None:
        """Wait until no other load is at work on `table`, and keep others out until the transaction ends."""
        ...

    def execute(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> None:
        """Run one statement that changes something.

        Raises:
            LoadError: the statement fails.
            TransientWarehouseError: the transaction may succeed when it is tried again from its beginning.
        """
        ...

    def copy(self, stage_table: str, columns: Sequence[str], files: Sequence[str]) -> int:
        """Append Parquet files to a stage table, column by column in position, and return how many rows came.

        Args:
            stage_table: a table of this transaction.
            columns: the columns that each file has, as it spells them; the first goes into the stage table's first.
            files: absolute paths or URIs.

        Raises:
            LoadError: a file is missing, or its columns or types are not the stage table's.
            TransientWarehouseError: see `execute`.
        """
        ...


class Warehouse(Queryable, Protocol):
    """One warehouse: what readers see, and transactions that replace it."""

    def prepare(self) -> None:
        """Make sure that all tables and views are there and current; cheap when they are.

        Raises:
            MigrationError: that would take more than adding to what is there; nothing was changed.
        """
        ...

    def planned(self) -> tuple[str, ...]:
        """Return the statements that `prepare` would run now, in Redshift's dialect; none when all is current.

        Raises:
            MigrationError: they would not be enough; the error has the SQL to run by hand.
        """
        ...

    def transaction(self) -> AbstractContextManager[LoadConnection]:
        """Open a load transaction on a prepared warehouse; the caller holds the run's lock.

        A normal exit publishes all of it at once. An exception rolls all of it back and passes through.

        Raises:
            LoadError: it cannot begin or cannot be published.
            TransientWarehouseError: it may succeed when it is tried again from its beginning.
        """
        ...
