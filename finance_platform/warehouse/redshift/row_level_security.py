"""A warehouse whose row-level security follows the loaded departments.

Belongs here: the additional statements of a load if roles and policies were applied.
Does not belong here: the policies (`sql/security`), applying them (see `apply_security`), any adapter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from finance_platform.errors import LoadError, QueryError
from finance_platform.warehouse.port import (
    NO_PARAMETERS,
    LoadConnection,
    NoWarehouseYetError,
    Parameters,
    Queryable,
    QueryResult,
    RowStream,
    Warehouse,
)
from finance_platform.warehouse.redshift.errors import is_forbidden, is_missing_table
from finance_platform.warehouse.redshift.security_statements import LOADER
from finance_platform.warehouse.statements import SqlFile, statement, statements


class SecuredWarehouse:
    """A `Warehouse` that copies each department's business unit to DepartmentUnit in every load's own transaction.

    If a department moves to another unit, that unit's partners see it from that load on, and those of the former unit
    no longer do.
    """

    def __init__(self, warehouse: Warehouse, schema: str) -> None:
        """Wrap `warehouse`, whose star is in `schema`."""
        self._warehouse = warehouse
        self._schema = schema

    def prepare(self) -> Sequence[str]:
        """Create or migrate all tables and views; see `Warehouse`."""
        return self._warehouse.prepare()

    def pending_statements(self) -> tuple[str, ...]:
        """Return the statements that `prepare` would run; see `Warehouse`."""
        return self._warehouse.pending_statements()

    def changed_views(self) -> Sequence[tuple[str, str]]:
        """Return the views that are not as this release defines them; see `Warehouse`."""
        return self._warehouse.changed_views()

    def reading(self) -> AbstractContextManager[Queryable]:
        """Answer several queries; see `Warehouse`."""
        return self._warehouse.reading()

    def content_version(self) -> str:
        """Return what changes with every change; see `Warehouse`."""
        return self._warehouse.content_version()

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        """Run one read-only query; see `Queryable`."""
        return self._warehouse.query(sql, parameters)

    def stream(self, sql: str, *, timeout_seconds: int, by_column: bool = False) -> AbstractContextManager[RowStream]:
        """Run one read-only query of a person; see `Warehouse`."""
        return self._warehouse.stream(sql, timeout_seconds=timeout_seconds, by_column=by_column)

    @contextmanager
    def transaction(self) -> Iterator[LoadConnection]:
        """Open a load transaction that ends with the update of DepartmentUnit; see `Warehouse`.

        Raises:
            LoadError: see `Warehouse`; or row-level security hides the star from the platform's own user, whose DELETE
                would leave the hidden rows beside the loaded ones; or the table that row-level security reads does not
                exist or must not be read.
        """
        self._require_visible_departments()
        is_secured = self._reads_department_units()
        with self._warehouse.transaction() as connection:
            yield connection
            if not is_secured:  # it may have been secured in between
                parameters = {"schema": self._schema}
                ((is_secured,),) = connection.query(statement(SqlFile.SECURITY_IS_SECURED), parameters).rows
            if is_secured:
                for sql in statements(SqlFile.SECURITY_DEPARTMENT_UNITS):
                    connection.execute(sql)

    def _require_visible_departments(self) -> None:
        # On a connection of its own: the first statement of the transaction must be its lock.
        try:
            ((visible, published),) = self._warehouse.query(statement(SqlFile.SECURITY_SEES_DEPARTMENTS)).rows
        except NoWarehouseYetError:
            return
        if published and not visible:
            raise LoadError(
                "row-level security hides the departments from the platform's own database user",
                fix=f"GRANT ROLE {LOADER} to that user, see docs/security.md; nothing was published",
            )

    def _reads_department_units(self) -> bool:
        """Return whether the table that row-level security reads exists.

        It is read rather than looked up: a catalog may show a user less than exists, and a load that then left the
        table as it was would keep the rights of departments that have moved.
        """
        try:
            self._warehouse.query(statement(SqlFile.SECURITY_READS_UNITS))
        except NoWarehouseYetError:
            return False
        except QueryError as error:
            if is_missing_table(error):
                self._require_no_protected_table()
                return False
            if not is_forbidden(error):
                raise
            raise LoadError(
                f"row-level security reads the table DepartmentUnit, which the platform may not: {error.found}",
                fix=f"run `finance-platform secure` as a superuser, and GRANT ROLE {LOADER} to that user; nothing was "
                "published",
            ) from error
        return True

    def _require_no_protected_table(self) -> None:
        try:
            ((protected,),) = self._warehouse.query(
                statement(SqlFile.SECURITY_PROTECTED), {"schema": self._schema}
            ).rows
        except QueryError as error:
            if is_forbidden(error) or is_missing_table(error):
                return  # no superuser: under row-level security it would have seen no department above
            raise
        if protected:
            raise LoadError(
                f"row-level security is on for {protected} relations of the schema {self._schema}, but the table "
                "DepartmentUnit that its policies read does not exist",
                fix="run `finance-platform secure` as a superuser, which creates it; nothing was published",
            )
