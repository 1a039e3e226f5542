"""One connection to Redshift: its settings, and statements with values bound by name.

Belongs here: the driver. The only module that runs anything on it.
Does not belong here: what a load or a query is (see `redshift`), what an error means (see `redshift_errors`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from finance_platform.errors import LoadError, PermanentError, WarehouseAccessError
from finance_platform.warehouse.port import NO_PARAMETERS, Parameters
from finance_platform.warehouse.redshift.credentials import Credentials
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint, require_tls
from finance_platform.warehouse.redshift.errors import driver_errors

if TYPE_CHECKING:
    from redshift_connector.core import Connection

_PATIENCE_SECONDS = 60
"""How much longer than the server's own limit this side waits for an answer, before it takes the line for dead."""


class ResultSet(NamedTuple):
    """What a statement gave: the engine's names, and the rows; both empty for one that gives none."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


def session_settings(endpoint: RedshiftEndpoint) -> tuple[str, ...]:
    """Return the statements that begin every session."""
    group = endpoint.query_group
    return (
        f"SET statement_timeout TO {endpoint.statement_timeout_seconds * 1000}",
        *((f"SET query_group TO {quoted(group)}",) if group else ()),
        f"SET search_path TO {endpoint.schema}",  # the star alone: a name that is not there must not find another's
        "SET timezone TO 'UTC'",
    )


class RedshiftSession:
    """A connection that begins and ends no transaction by itself."""

    def __init__(self, connection: Connection) -> None:
        """Take an open connection."""
        self._connection = connection

    def run(
        self, sql: str, parameters: Parameters = NO_PARAMETERS, otherwise: type[PermanentError] = LoadError
    ) -> ResultSet:
        """Run one statement.

        Args:
            sql: one statement, with `:name` for a bound value.
            parameters: the values.
            otherwise: the class of a failure that trying again cannot help.

        Raises:
            PermanentError: see `driver_errors`.
            TransientWarehouseError: see `driver_errors`.
        """
        with driver_errors(sql, otherwise):
            cursor = self._connection.cursor()
            cursor.paramstyle = "named"
            try:
                cursor.execute(sql, dict(parameters) or None)
            except KeyError as missing:
                raise otherwise(f"nothing is bound to :{missing.args[0]}", fix="give it a value") from missing
            if cursor.description is None:
                return ResultSet([], [])
            names = [str(column[0]) for column in cursor.description]
            return ResultSet(names, [tuple(_exact(value) for value in row) for row in cursor.fetchall()])


@contextmanager
def open_session(endpoint: RedshiftEndpoint, log_in: Credentials) -> Iterator[RedshiftSession]:
    """Connect, and close when done; what was not committed by then is lost.

    Raises:
        SettingsError: the line would be open to others.
        WarehouseAccessError: the server does not let us in.
        WarehouseUnreachableError: it cannot be reached.
    """
    require_tls(endpoint, log_in.host)
    import redshift_connector
    from redshift_connector.error import Error as DriverError

    with driver_errors(f"connecting to {endpoint.name} at {log_in.host}:{log_in.port}", WarehouseAccessError):
        connection = redshift_connector.connect(
            host=log_in.host,
            port=log_in.port,
            database=endpoint.database,
            user=log_in.user,
            password=log_in.password,
            ssl=endpoint.tls,
            sslmode="verify-full",  # said, not left to the default: the driver then only warns of another name
            timeout=endpoint.statement_timeout_seconds + _PATIENCE_SECONDS,
            application_name="finance-platform",
        )
    try:
        connection.autocommit = True  # transactions are begun and ended in words
        session = RedshiftSession(connection)
        for setting in session_settings(endpoint):
            session.run(setting, otherwise=WarehouseAccessError)
        yield session
    finally:
        # The outcome is known by now; a line that is dead already cannot be closed any better.
        with suppress(DriverError, OSError):
            connection.close()


def quoted(text: str) -> str:
    """Return a text as a literal of SQL, for the few places that take no bound value."""
    return "'" + text.replace("'", "''") + "'"


def _exact(value: Any) -> Any:
    """A whole number of type numeric as an int: SUM of a BIGINT is NUMERIC on Redshift, an integer elsewhere."""
    if isinstance(value, Decimal) and value.as_tuple().exponent == 0:
        return int(value)
    return value
