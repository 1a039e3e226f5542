"""Writes the queries that are translated for DuckDB before the platform is built.

Belongs here: which queries are prepared, and the content of their file. Does not belong here: reading it (see
`warehouse.prepared_queries`).

    python -m finance_platform_tests.prepared_queries
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlglot import exp

from finance_platform.warehouse.dialect import parse_query, split
from finance_platform.warehouse.duckdb.translation import to_duckdb
from finance_platform.warehouse.prepared_queries import PREPARED_FILE, PreparedQuery, hash_script
from finance_platform.warehouse.result_columns import name_columns
from finance_platform.warehouse.statements import SqlFile, script

PREPARED = (
    SqlFile.PUBLISHED_SLICES,
    SqlFile.MOVEMENT_SUMMARY,
    SqlFile.MOVEMENTS_SINCE,
    SqlFile.ACCOUNTS_WITHOUT_TYPES,
    SqlFile.LINES_IN_WAREHOUSE,
    SqlFile.PERIOD_TOTALS,
    SqlFile.VARIANCE_BY_FISCAL_YEAR,
    SqlFile.VARIANCE_PERIODS,
    SqlFile.RESTATEMENTS,
)
"""What `status`, `movements` and a run with nothing new ask of any home, and a run whose steps a fork takes."""


def output_names(sql: str) -> list[str]:
    """Return the names of the columns of a query, before it runs.

    Raises:
        ValueError: it selects a star, whose columns only the engine knows.
    """
    query = parse_query(sql)
    if any(item.is_star and not isinstance(item, exp.Func) for item in query.selects):
        raise ValueError(f"{sql!r} selects a star")
    return name_columns(query, sql, query.named_selects)


def prepare() -> list[PreparedQuery]:
    """Return what is translated now."""
    queries = []
    for file in PREPARED:
        text = script(file)
        (sql,) = split(text)
        names = output_names(sql)
        queries.append(PreparedQuery(hash_script(text), sql, to_duckdb(sql), names))
    return queries


def as_json(queries: Sequence[PreparedQuery]) -> str:
    """Return the content of the file that has these queries."""
    return json.dumps([query._asdict() for query in queries], indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PREPARED_FILE.write_text(as_json(prepare()), encoding="utf-8")
