"""Sessions of Redshift: their settings, and statements with values bound by name.

Belongs here: the driver; no other module runs anything on it.
Does not belong here: transactions (see `warehouse`), the meaning of an error (see `errors`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from finance_platform.contracts.star import WAREHOUSE
from finance_platform.errors import LoadError, PermanentError, WarehouseAccessError
from finance_platform.warehouse.dialect import parse, parse_query, require_cast_decimals
from finance_platform.warehouse.migration import is_table, view_columns
from finance_platform.warehouse.port import NO_PARAMETERS, Parameters, QueryResult
from finance_platform.warehouse.redshift.credentials import Credentials
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint, require_tls
from finance_platform.warehouse.redshift.errors import driver_errors
from finance_platform.warehouse.result_columns import name_columns
from finance_platform.warehouse.statements import definitions, text_literal

if TYPE_CHECKING:
    from redshift_connector.core import Connection

_SOCKET_MARGIN_SECONDS = 60
"""How much longer than the server's own limit this side waits for a response before it gives the connection up."""


class ResultSet(NamedTuple):
    """The result of a statement: the engine's column names, and the rows; both empty if it returns none."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


class RedshiftSession:
    """A connection that begins and ends no transaction by itself."""

    def __init__(self, connection: Connection) -> None:
        """Take an open connection."""
        self._connection = connection

    def run(
        self, sql: str, parameters: Parameters = NO_PARAMETERS, error_type: type[PermanentError] = LoadError
    ) -> ResultSet:
        """Run one statement.

        Args:
            sql: one statement, with `:name` for a bound value.
            parameters: the values.
            error_type: the class of a failure that a retry cannot fix.

        Raises:
            PermanentError: see `driver_errors`.
            TransientWarehouseError: see `driver_errors`.
        """
        with driver_errors(sql, error_type):
            cursor = self._connection.cursor()
            cursor.paramstyle = "named"
            try:
                cursor.execute(sql, _to_bindable(sql, parameters) or None)
            except KeyError as missing:
                raise error_type(f"no value is bound to :{missing.args[0]}", fix="bind a value to it") from missing
            if cursor.description is None:
                return ResultSet([], [])
            names = [str(column[0]) for column in cursor.description]
            return ResultSet(names, [tuple(_to_exact(value) for value in row) for row in cursor.fetchall()])

    def query(
        self, sql: str, parameters: Parameters = NO_PARAMETERS, error_type: type[PermanentError] = LoadError
    ) -> QueryResult:
        """Run one read-only query of the subset; see `Queryable` and `run`."""
        query = parse_query(sql)
        result = self.run(sql, parameters, error_type)
        engine_names = [_spellings().get(name, name) for name in result.columns]
        return QueryResult(name_columns(query, sql, engine_names), result.rows)


def session_settings(endpoint: RedshiftEndpoint) -> tuple[str, ...]:
    """Return the statements that begin every session."""
    group = endpoint.query_group
    return (
        f"SET statement_timeout TO {endpoint.statement_timeout_seconds * 1000}",
        *((f"SET query_group TO {text_literal(group)}",) if group else ()),
        f"SET search_path TO {endpoint.schema}",  # only the star: a missing name must not resolve to another schema's
        "SET timezone TO 'UTC'",
    )


@contextmanager
def open_session(endpoint: RedshiftEndpoint, credentials: Credentials) -> Iterator[RedshiftSession]:
    """Connect, and close at the end of the block; uncommitted changes are lost.

    Raises:
        SettingsError: the connection would not be encrypted.
        WarehouseAccessError: the server rejects the credentials.
        WarehouseUnreachableError: the server cannot be reached.
    """
    require_tls(endpoint, credentials.host)
    import redshift_connector
    from redshift_connector.error import Error as DriverError

    attempted = f"connecting to {endpoint.name} at {credentials.host}:{credentials.port}"
    with driver_errors(attempted, WarehouseAccessError):
        connection = redshift_connector.connect(
            host=credentials.host,
            port=credentials.port,
            database=endpoint.database,
            user=credentials.user,
            password=credentials.password,
            ssl=endpoint.tls,
            sslmode="verify-full",  # explicit: the driver's default only warns of another server name
            timeout=endpoint.statement_timeout_seconds + _SOCKET_MARGIN_SECONDS,
            application_name="finance-platform",
        )
    try:
        connection.autocommit = True  # transactions begin and end by explicit statements
        session = RedshiftSession(connection)
        for setting in session_settings(endpoint):
            session.run(setting, error_type=WarehouseAccessError)
        yield session
    finally:
        # The outcome is known by now; closing a dead connection may fail.
        with suppress(DriverError, OSError):
            connection.close()


def _to_bindable(sql: str, parameters: Parameters) -> dict[str, object]:
    """Bind decimals as text: Redshift takes one of type numeric for NUMERIC(18, 0) and drops its cents."""
    require_cast_decimals(sql, parameters)
    return {name: f"{value:f}" if isinstance(value, Decimal) else value for name, value in parameters.items()}


@lru_cache
def _spellings() -> dict[str, str]:
    """Column names as tables and views spell them, by the lower case that Redshift returns for a star."""
    trees = [parse(text) for text in definitions() if text.startswith("CREATE")]
    names = [name for tree in trees if not is_table(tree) for name in view_columns(tree)]
    names += [column.sql_name for contract in WAREHOUSE for column in contract.columns]
    return {name.lower(): name for name in names}


def _to_exact(value: Any) -> Any:
    """A whole number of type numeric as an int: SUM of a BIGINT is NUMERIC on Redshift, an integer elsewhere."""
    if isinstance(value, Decimal) and value.as_tuple().exponent == 0:
        return int(value)
    return value
