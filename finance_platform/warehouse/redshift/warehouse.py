"""The warehouse on AWS: Redshift, Serverless or provisioned.

Belongs here: when a session is opened, and where transactions begin and end.
Does not belong here: SQL (see `statements`), the driver (see `redshift_session`), what a load does (see `load`).

A load holds an exclusive lock on the load ledger from its first statement to its last: another load waits, and so
does whoever asks what is published; everybody else reads the old state until COMMIT and the new one after it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from finance_platform.errors import FinancePlatformError, QueryError, WarehouseAccessError
from finance_platform.warehouse.port import NO_PARAMETERS, LoadConnection, NoWarehouseYetError, Parameters, QueryResult
from finance_platform.warehouse.redshift.copy import StagedFiles
from finance_platform.warehouse.redshift.credentials import Credentials, resolve_credentials
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint
from finance_platform.warehouse.redshift.errors import state_of
from finance_platform.warehouse.redshift.load_connection import RedshiftLoadConnection
from finance_platform.warehouse.redshift.migration import MISSING, is_current, migrate, planned
from finance_platform.warehouse.redshift.names import named_as_typed
from finance_platform.warehouse.redshift.session import RedshiftSession, open_session
from finance_platform.warehouse.statements import SqlFile, statement


class RedshiftWarehouse:
    """A `Warehouse` on Redshift. Every query and every transaction has a connection of its own."""

    def __init__(
        self,
        endpoint: RedshiftEndpoint,
        staged: StagedFiles,
        ask_log_in: Callable[[RedshiftEndpoint], Credentials] = resolve_credentials,
    ) -> None:
        """Connect to nothing yet.

        Args:
            endpoint: where it is.
            staged: the files that can be loaded.
            ask_log_in: says where to connect, and as whom.
        """
        self._ask_log_in = ask_log_in
        self._endpoint = endpoint
        self._staged = staged
        self._logging_in = threading.Lock()
        self._log_in: Credentials | None = None
        self._is_prepared = False

    @property
    def database(self) -> str:
        """Which database it is."""
        return self._endpoint.database

    def prepare(self) -> None:
        """Make sure that all tables and views are there and current; see `Warehouse`. One query when they are."""
        with self._session() as session:
            if not is_current(session):
                migrate(session, self._endpoint.schema, self._loading(session))
        self._is_prepared = True

    def planned(self) -> tuple[str, ...]:
        """Return the statements that `prepare` would run; see `Warehouse`."""
        with self._session() as session:
            return planned(session, self._endpoint.schema)

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        """Run one read-only query on what is published; see `Queryable`."""
        from finance_platform.warehouse.dialect import parse_query

        query = parse_query(sql)
        with self._session() as session:
            session.run("BEGIN READ ONLY", otherwise=QueryError)
            try:
                answer = session.run(sql, parameters, QueryError)
            except QueryError as error:
                if state_of(error) in MISSING:
                    session.run("ROLLBACK", otherwise=QueryError)
                    self._refuse_without_ledger(session)
                raise
        return named_as_typed(query, sql, answer)

    @contextmanager
    def transaction(self) -> Iterator[LoadConnection]:
        """Open a load transaction on a connection of its own; see `Warehouse`."""
        if not self._is_prepared:
            self.prepare()
        with self._session() as session:
            session.run("BEGIN")
            loading = self._loading(session)
            try:
                yield loading
                session.run("COMMIT")
            except BaseException:
                # Where even this fails the line is dead, and the server rolls back what was not committed.
                with suppress(FinancePlatformError):
                    session.run("ROLLBACK")
                raise
            finally:
                loading.remove_manifests()

    def _loading(self, session: RedshiftSession) -> RedshiftLoadConnection:
        return RedshiftLoadConnection(session, self._endpoint, self._staged, self._session)

    @contextmanager
    def _session(self) -> Iterator[RedshiftSession]:
        try:
            with open_session(self._endpoint, self._current_log_in()) as session:
                yield session
        except WarehouseAccessError:
            self._log_in = None  # the password may have been changed: whoever tries again asks for it again
            raise

    def _current_log_in(self) -> Credentials:
        """Credentials of IAM are good for an hour and asking for them is throttled, so they are kept for a while."""
        with self._logging_in:
            if self._log_in is None or not self._log_in.is_good_at(datetime.now(UTC)):
                self._log_in = self._ask_log_in(self._endpoint)
            return self._log_in

    def _refuse_without_ledger(self, session: RedshiftSession) -> None:
        try:
            session.run(statement(SqlFile.LAST_LOAD_NUMBER), otherwise=QueryError)
        except QueryError as error:
            if state_of(error) in MISSING:
                raise NoWarehouseYetError(
                    f"{self._endpoint.name} has no tables in the schema {self._endpoint.schema}",
                    fix="load it first: `finance-platform run`",
                ) from error
            raise
