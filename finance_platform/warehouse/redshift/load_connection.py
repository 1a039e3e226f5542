"""The inside of one load transaction on Redshift.

Belongs here: what a `LoadConnection` promises, kept by one session.
Does not belong here: beginning and ending the transaction (see `redshift`).
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from finance_platform.errors import FinancePlatformError, LoadError
from finance_platform.warehouse.port import NO_PARAMETERS, Parameters, QueryResult
from finance_platform.warehouse.redshift.copy import StagedFiles, checked_sizes, copy_statement, explained, manifest
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint
from finance_platform.warehouse.redshift.existing_schema import stage_columns
from finance_platform.warehouse.redshift.names import named_as_typed
from finance_platform.warehouse.redshift.session import RedshiftSession

_LOG = logging.getLogger(__name__)


class RedshiftLoadConnection:
    """A `LoadConnection` on a session whose transaction has begun."""

    def __init__(
        self,
        session: RedshiftSession,
        endpoint: RedshiftEndpoint,
        staged: StagedFiles,
        another_session: Callable[[], AbstractContextManager[RedshiftSession]],
    ) -> None:
        """Take the session.

        Args:
            session: the transaction's own.
            endpoint: its database, and the role of COPY.
            staged: the files that can be copied.
            another_session: opens one beside it, to ask why a COPY failed.
        """
        self._session = session
        self._endpoint = endpoint
        self._staged = staged
        self._another_session = another_session
        self._manifests: list[str] = []
        self._process: int | None = None

    def lock(self, table: str) -> None:
        """Wait until no other load holds the table, and keep it until the transaction ends; see `LoadConnection`."""
        self._session.run(f"LOCK {table}")

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        """Run one read-only query inside the transaction; see `Queryable`."""
        from finance_platform.warehouse.dialect import parse_query

        query = parse_query(sql)
        return named_as_typed(query, sql, self._session.run(sql, parameters))

    def execute(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> None:
        """Run one statement that changes something; see `LoadConnection`."""
        from finance_platform.warehouse.dialect import parse

        parse(sql)
        self._session.run(sql, parameters)

    def copy(self, stage_table: str, columns: Sequence[str], files: Sequence[str]) -> int:
        """Append Parquet files to a stage table; see `LoadConnection`."""
        if not files:
            return 0
        sizes = checked_sizes(self._staged, stage_table, files, columns, stage_columns(self._session, stage_table))
        if self._process is None:  # asked before it is needed: after a failure the session answers nothing
            self._process = int(self._session.run("SELECT pg_backend_pid()").rows[0][0])
        name = f"{stage_table.lower()}-{secrets.token_hex(8)}.json"
        self._manifests.append(name)
        address = self._staged.write_manifest(name, manifest(sizes))
        try:
            self._session.run(copy_statement(stage_table, address, self._endpoint.copy_role_arn))
        except LoadError as error:
            raise self._why(error, self._process) from error
        return int(self._session.run("SELECT pg_last_copy_count()").rows[0][0])

    def remove_manifests(self) -> None:
        """Remove what COPY has read; what cannot be removed is named in the log, and does no harm."""
        for name in self._manifests:
            try:
                self._staged.remove_manifest(name)
            except FinancePlatformError as error:
                _LOG.warning("the manifest %s is left in the processed zone: %s", name, error)

    def _why(self, error: LoadError, process: int) -> LoadError:
        try:
            with self._another_session() as session:
                return explained(error, session, process, self._endpoint.database)
        except FinancePlatformError as unexplained:
            return LoadError(f"{error.found} (why cannot be asked: {unexplained.found})", fix=error.fix)
