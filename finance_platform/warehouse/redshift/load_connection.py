"""`LoadConnection` on a session of Redshift.

Belongs here: the statements inside a load transaction.
Does not belong here: beginning and committing it (see `warehouse`).
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from finance_platform.errors import FinancePlatformError, LoadError
from finance_platform.storage.staged_files import StagedFiles
from finance_platform.warehouse.dialect import parse
from finance_platform.warehouse.port import NO_PARAMETERS, Parameters, QueryResult
from finance_platform.warehouse.redshift.copy import check_files, copy_statement, explain_copy_error, manifest_json
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint
from finance_platform.warehouse.redshift.existing_schema import read_stage_columns
from finance_platform.warehouse.redshift.session import RedshiftSession

_LOG = logging.getLogger(__name__)


class RedshiftLoadConnection:
    """A `LoadConnection` on a session whose transaction has begun."""

    def __init__(
        self,
        session: RedshiftSession,
        endpoint: RedshiftEndpoint,
        staged: StagedFiles,
        open_other_session: Callable[[], AbstractContextManager[RedshiftSession]],
    ) -> None:
        """Take the session.

        Args:
            session: the transaction's own.
            endpoint: its database, and the role of COPY.
            staged: the files that can be copied.
            open_other_session: opens one beside it, to read why a COPY failed.
        """
        self._session = session
        self._endpoint = endpoint
        self._staged = staged
        self._open_other_session = open_other_session
        self._manifests: list[str] = []
        self._process: int | None = None

    def lock(self, table: str) -> None:
        """Wait until no other load holds `table`, and hold it until the transaction ends; see `LoadConnection`."""
        self._session.run(f"LOCK {table}")

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        """Run one read-only query inside the transaction; see `Queryable`."""
        return self._session.query(sql, parameters)

    def execute(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> None:
        """Run one statement that changes something; see `LoadConnection`."""
        parse(sql)
        self._session.run(sql, parameters)

    def copy(self, stage_table: str, columns: Sequence[str], files: Sequence[str]) -> int:
        """Append Parquet files to a stage table; see `LoadConnection`."""
        if not files:
            return 0
        sizes = check_files(self._staged, stage_table, files, columns, read_stage_columns(self._session, stage_table))
        if self._process is None:  # read before it is needed: a failed transaction runs no query
            self._process = int(self._session.run("SELECT pg_backend_pid()").rows[0][0])
        name = f"{stage_table.lower()}-{secrets.token_hex(8)}.json"
        self._manifests.append(name)
        address = self._staged.write_manifest(name, manifest_json(sizes))
        try:
            self._session.run(copy_statement(stage_table, address, self._endpoint.copy_role_arn))
        except LoadError as error:
            raise self._explain(error, self._process) from error
        return int(self._session.run("SELECT pg_last_copy_count()").rows[0][0])

    def remove_manifests(self) -> None:
        """Remove the manifests of this transaction; one that cannot be removed is harmless, and is logged."""
        for name in self._manifests:
            try:
                self._staged.remove_manifest(name)
            except FinancePlatformError as error:
                _LOG.warning("the manifest %s stays in the processed zone: %s", name, error)

    def _explain(self, error: LoadError, process: int) -> LoadError:
        try:
            with self._open_other_session() as session:
                return explain_copy_error(error, session, process, self._endpoint.database)
        except FinancePlatformError as cause:
            return LoadError(f"{error.found} (the reason cannot be read: {cause.found})", fix=error.fix)
