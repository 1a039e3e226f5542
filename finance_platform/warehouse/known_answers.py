"""Answers that another process of a run has got from the warehouse, known as long as its content is the same.

Belongs here: noting answers, finding one. Does not belong here: which queries are asked ahead (see
`refresh.answers_ahead`), in which block answers are known (see `duckdb.kept_readers`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from finance_platform.warehouse.port import NO_PARAMETERS, Parameters, Queryable, QueryResult

_Key = tuple[str, tuple[tuple[str, object], ...]]


@dataclass(frozen=True)
class KnownAnswers:
    """What a warehouse has answered.

    Attributes:
        version: the version of its content; see `Warehouse.content_version`.
        results: by statement and bound values.
    """

    version: str
    results: Mapping[_Key, QueryResult]

    def find(self, sql: str, parameters: Parameters) -> QueryResult | None:
        """Return the answer to a query; None if it was not asked."""
        found = self.results.get(_key(sql, parameters))
        return None if found is None else QueryResult(list(found.columns), list(found.rows))


@dataclass(frozen=True)
class NotedAnswers:
    """Passes queries on to a warehouse, and notes what it answers.

    Attributes:
        warehouse: the warehouse.
        results: see `KnownAnswers`.
    """

    warehouse: Queryable
    results: dict[_Key, QueryResult] = field(default_factory=dict)

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        """Run one read-only query; see `Queryable`."""
        result = self.warehouse.query(sql, parameters)
        self.results[_key(sql, parameters)] = result
        return result


def _key(sql: str, parameters: Parameters) -> _Key:
    return sql, tuple(sorted(parameters.items()))
