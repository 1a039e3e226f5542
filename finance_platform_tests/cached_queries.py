"""A warehouse whose queries run once each, for tests that ask for the same cells again and again.

Belongs here: what tests of totals and of the model-based trace share. Does not belong here: warehouses that change.
"""

from __future__ import annotations

from typing import Any

from finance_platform.warehouse.port import NO_PARAMETERS, Parameters, Queryable, QueryResult


class CachedWarehouse:
    """A warehouse that is not loaded meanwhile: each query runs once."""

    def __init__(self, warehouse: Queryable) -> None:
        self._warehouse = warehouse
        self._results: dict[tuple[Any, ...], QueryResult] = {}

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        key = (sql, *sorted(parameters.items()))
        if key not in self._results:
            self._results[key] = self._warehouse.query(sql, parameters)
        return self._results[key]
