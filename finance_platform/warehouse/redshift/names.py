"""What the columns of a result from Redshift are called.

Belongs here: the spelling of what a star stands for, which Redshift gives in lower case.
Does not belong here: names that the query typed (see `result_columns`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from finance_platform.contracts.star import WAREHOUSE
from finance_platform.warehouse.port import QueryResult
from finance_platform.warehouse.redshift.session import ResultSet
from finance_platform.warehouse.statements import definitions

if TYPE_CHECKING:
    from sqlglot import exp


def named_as_typed(query: exp.Query, sql: str, answer: ResultSet) -> QueryResult:
    """Return an answer under the names that its query typed, and the tables' own where it typed a star."""
    from finance_platform.warehouse.result_columns import name_columns

    spelled = [_spellings().get(name, name) for name in answer.columns]
    return QueryResult(name_columns(query, sql, spelled), answer.rows)


@lru_cache
def _spellings() -> dict[str, str]:
    from finance_platform.warehouse.dialect import parse
    from finance_platform.warehouse.migration import is_table, view_columns

    trees = [parse(text) for text in definitions() if text.startswith("CREATE")]
    names = [name for tree in trees if not is_table(tree) for name in view_columns(tree)]
    names += [column.sql_name for contract in WAREHOUSE for column in contract.columns]
    return {name.lower(): name for name in names}
