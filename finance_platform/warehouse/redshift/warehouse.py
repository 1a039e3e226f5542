"""`Warehouse` on Redshift.

Belongs here: when a session is opened, and where transactions begin and end.
Does not belong here: SQL (see `statements`), the driver (see `session`), the transaction's statements (see
`load_connection`).

A load holds an exclusive lock on the load ledger from its first statement to its last: another load waits, and so does
every reader of the ledger; all other readers see the old state until COMMIT and the new one after it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime

from finance_platform.errors import FinancePlatformError, QueryError, WarehouseAccessError
from finance_platform.storage.staged_files import StagedFiles
from finance_platform.warehouse.dialect import parse_query
from finance_platform.warehouse.port import (
    NO_PARAMETERS,
    LoadConnection,
    NoWarehouseYetError,
    Parameters,
    Queryable,
    QueryResult,
    QueryTimeoutError,
    RowStream,
)
from finance_platform.warehouse.redshift.changed_views import find_changed_views
from finance_platform.warehouse.redshift.credentials import Credentials, CredentialsResolver, resolve_credentials
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint
from finance_platform.warehouse.redshift.errors import is_missing_table, is_timeout
from finance_platform.warehouse.redshift.load_connection import RedshiftLoadConnection
from finance_platform.warehouse.redshift.migration import is_current, is_superseded, migrate, pending_statements
from finance_platform.warehouse.redshift.session import RedshiftSession, open_session
from finance_platform.warehouse.statements import SqlFile, statement


class RedshiftWarehouse:
    """A `Warehouse` on Redshift. Every query and every transaction has a connection of its own."""

    def __init__(
        self,
        endpoint: RedshiftEndpoint,
        staged: StagedFiles,
        resolver: CredentialsResolver = resolve_credentials,
        *,
        keeps_newer_schema: bool = True,
    ) -> None:
        """Connect to nothing yet.

        Args:
            endpoint: the warehouse.
            staged: the files that can be loaded.
            resolver: returns address, user and password.
            keeps_newer_schema: whether `prepare` leaves tables and views of a newer release as they are. A refresh that
                a deployment overtakes can still load, because tables are only added to; views of this release would
                take columns away from readers.
        """
        self._keeps_newer_schema = keeps_newer_schema
        self._endpoint = endpoint
        self._staged = staged
        self._resolver = resolver
        self._credentials: Credentials | None = None
        self._credentials_lock = threading.Lock()
        self._is_prepared = False

    @property
    def database(self) -> str:
        """The name of the database."""
        return self._endpoint.database

    def prepare(self) -> Sequence[str]:
        """Create or migrate all tables and views; see `Warehouse`. One query if they are current, two if newer."""
        with self._session() as session:
            if self._needs_migration(session):
                connection, schema = self._load_connection(session), self._endpoint.schema
                migrate(session, connection, schema, self._session, self._needs_migration)
        self._is_prepared = True
        return ()

    def _needs_migration(self, session: RedshiftSession) -> bool:
        return not is_current(session) and not (self._keeps_newer_schema and is_superseded(session))

    def pending_statements(self) -> tuple[str, ...]:
        """Return the statements that `prepare` would run; see `Warehouse`."""
        with self._session() as session:
            return pending_statements(session, self._endpoint.schema)

    def changed_views(self) -> list[tuple[str, str]]:
        """Return the views that are not as this release defines them; see `Warehouse`."""
        with self._session() as session:
            return list(find_changed_views(session, self._endpoint.schema))

    def reading(self) -> AbstractContextManager[Queryable]:
        """Answer several queries, each in a session of its own; see `Warehouse`."""
        return nullcontext(self)

    def content_version(self) -> str:
        """Return nothing: a change of the tables by another user leaves no mark that is cheaper to read."""
        return ""

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        """Run one read-only query on the published state; see `Queryable`."""
        return self._query(self._endpoint, sql, parameters)

    def _query(self, endpoint: RedshiftEndpoint, sql: str, parameters: Parameters) -> QueryResult:
        parse_query(sql)  # a query outside the subset needs no connection
        with self._session(endpoint) as session:
            session.run("BEGIN READ ONLY", error_type=QueryError)
            try:
                return session.query(sql, parameters, QueryError)
            except QueryError as error:
                if is_missing_table(error):
                    session.run("ROLLBACK", error_type=QueryError)
                    self._require_ledger(session)
                raise

    @contextmanager
    def stream(
        self,
        sql: str,
        *,
        timeout_seconds: int,
        by_column: bool = False,  # noqa: ARG002  of the port
    ) -> Iterator[RowStream]:
        """Run one read-only query of a person on the published state; see `Warehouse`.

        The driver holds all rows in memory before the first can be read, none by column. The warehouse's own
        limit, which also decides how long this side waits for an answer, cannot be exceeded.
        """
        longest = self._endpoint.statement_timeout_seconds
        seconds = min(timeout_seconds or longest, longest)
        endpoint = replace(self._endpoint, statement_timeout_seconds=seconds)
        try:
            result = self._query(endpoint, sql, NO_PARAMETERS)
        except QueryError as error:
            if is_timeout(error) and seconds == timeout_seconds:
                raise QueryTimeoutError(seconds) from error
            raise
        yield RowStream(result.columns, iter(result.rows))

    @contextmanager
    def transaction(self) -> Iterator[LoadConnection]:
        """Open a load transaction on a connection of its own; see `Warehouse`."""
        if not self._is_prepared:
            self.prepare()
        with self._session() as session:
            session.run("BEGIN")
            load_connection = self._load_connection(session)
            try:
                yield load_connection
                session.run("COMMIT")
            except BaseException:
                # If even this fails the connection is dead, and the server rolls back the transaction.
                with suppress(FinancePlatformError):
                    session.run("ROLLBACK")
                raise
            finally:
                load_connection.remove_manifests()

    def _load_connection(self, session: RedshiftSession) -> RedshiftLoadConnection:
        return RedshiftLoadConnection(session, self._endpoint, self._staged, self._session)

    @contextmanager
    def _session(self, endpoint: RedshiftEndpoint | None = None) -> Iterator[RedshiftSession]:
        with ExitStack() as stack:
            yield self._open_session(stack, endpoint or self._endpoint)

    def _open_session(self, stack: ExitStack, endpoint: RedshiftEndpoint) -> RedshiftSession:
        """Connect; with credentials that were resolved before, once more with new ones: passwords are rotated."""
        earlier = self._credentials
        try:
            return stack.enter_context(open_session(endpoint, self._current_credentials()))
        except WarehouseAccessError:
            was_cached = earlier is not None and earlier is self._credentials
            self._credentials = None
            if not was_cached:
                raise
            return stack.enter_context(open_session(endpoint, self._current_credentials()))

    def _current_credentials(self) -> Credentials:
        """IAM's credentials are valid for an hour and its calls are throttled, so they are cached."""
        with self._credentials_lock:
            if self._credentials is None or not self._credentials.is_valid_at(datetime.now(UTC)):
                self._credentials = self._resolver(self._endpoint)
            return self._credentials

    def _require_ledger(self, session: RedshiftSession) -> None:
        try:
            session.run(statement(SqlFile.LAST_LOAD_NUMBER), error_type=QueryError)
        except QueryError as error:
            if is_missing_table(error):
                raise NoWarehouseYetError(
                    f"{self._endpoint.name} has no tables in the schema {self._endpoint.schema}",
                    fix="load it first: `finance-platform run`",
                ) from error
            raise
