"""A warehouse whose row-level security follows what is loaded.

Belongs here: what a load does beside loading, where roles and policies were applied.
Does not belong here: the policies (`sql/security`), applying them (see `securing`), any adapter.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from finance_platform.errors import LoadError
from finance_platform.warehouse.port import (
    NO_PARAMETERS,
    LoadConnection,
    NoWarehouseYetError,
    Parameters,
    QueryResult,
    Warehouse,
)
from finance_platform.warehouse.redshift.security_statements import LOADER
from finance_platform.warehouse.statements import SqlFile, statement, statements


class SecuredWarehouse:
    """A `Warehouse` that tells, in every load's own transaction, which business unit each department belongs to.

    A department that moves to another unit is seen by that unit's partners from the same moment on, and no more by
    those of the other.
    """

    def __init__(self, warehouse: Warehouse, schema: str) -> None:
        """Stand before `warehouse`, whose star is in `schema`."""
        self._warehouse = warehouse
        self._schema = schema

    def prepare(self) -> None:
        """Make sure that all tables and views are there and current; see `Warehouse`."""
        self._warehouse.prepare()

    def planned(self) -> tuple[str, ...]:
        """Return the statements that `prepare` would run; see `Warehouse`."""
        return self._warehouse.planned()

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        """Run one read-only query; see `Queryable`."""
        return self._warehouse.query(sql, parameters)

    @contextmanager
    def transaction(self) -> Iterator[LoadConnection]:
        """Open a load transaction, at the end of which the departments' business units are told; see `Warehouse`.

        Raises:
            LoadError: see `Warehouse`; or row-level security hides the star from the platform's own user, which would
                load every row a second time beside those that it does not see.
        """
        self._refuse_blindness()
        with self._warehouse.transaction() as connection:
            yield connection
            ((found,),) = connection.query(statement(SqlFile.SECURITY_IS_SECURED), {"schema": self._schema}).rows
            if found:
                for sql in statements(SqlFile.SECURITY_DEPARTMENT_UNITS):
                    connection.execute(sql)

    def _refuse_blindness(self) -> None:
        # On a connection of its own: the first statement of the transaction is to be its lock.
        try:
            ((seen, published),) = self._warehouse.query(statement(SqlFile.SECURITY_SEES_DEPARTMENTS)).rows
        except NoWarehouseYetError:
            return
        if published and not seen:
            raise LoadError(
                "row-level security hides the departments from the platform's own database user",
                fix=f"GRANT ROLE {LOADER} to that user, as docs/security.md says; nothing was published",
            )
