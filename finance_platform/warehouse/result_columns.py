"""Names of a result's columns: as the query spells them, or Redshift's name for an unnamed expression.

Belongs here: names, taken from the parsed outer select. Engines disagree on them: `SELECT COUNT(*), year` is
`count_star(), Year` in DuckDB and `count, year` in Redshift, however the query spells it.
Does not belong here: values and types of a result.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from finance_platform.errors import QueryError
from finance_platform.warehouse.dialect import shorten

_UNNAMED = "?column?"
_REDSHIFT_FUNCTION_NAMES = {
    "ceiling": "ceil",
    "date_part": "date_part",
    "dateadd": "date_add",
    "datediff": "date_diff",
    "decode": "case",
    "decode_case": "case",
    "extract": "date_part",
    "nvl": "coalesce",
    "str_position": "position",
    "trim": "btrim",
}
_REDSHIFT_TYPE_NAMES = {
    "bigint": "int8",
    "boolean": "bool",
    "decimal": "numeric",
    "double": "float8",
    "float": "float4",
    "int": "int4",
    "smallint": "int2",
    "text": "varchar",
}
_WRAPPERS = (exp.Paren, exp.Window, exp.WithinGroup, exp.Filter, exp.IgnoreNulls, exp.RespectNulls)


def name_columns(query: exp.Query, sql: str, engine_names: Sequence[str]) -> list[str]:
    """Return one name per column of the result.

    Args:
        query: the tree of `sql`.
        sql: the text, for its spelling.
        engine_names: the engine's names, used for the columns of a star.

    Raises:
        QueryError: an expression of the query has more than one column of the result.
    """
    names = _names(query, sql, engine_names)
    if len(names) != len(engine_names):
        raise QueryError(
            f"{shorten(sql)!r} selects {len(names)} expressions, but its result has {len(engine_names)} columns",
            fix="name each column in the SELECT, or write *",
        )
    return names


def _names(query: exp.Query, sql: str, engine_names: Sequence[str]) -> list[str]:
    projections = query.selects
    stars = [index for index, item in enumerate(projections) if item.is_star and not isinstance(item, exp.Func)]
    if not stars:
        return [_name(item, sql) for item in projections]
    before = [_name(item, sql) for item in projections[: stars[0]]]
    after = [_name(item, sql) for item in projections[stars[-1] + 1 :]]
    return [*before, *engine_names[len(before) : len(engine_names) - len(after)], *after]


def _name(node: exp.Expr, sql: str) -> str:
    if isinstance(node, exp.Alias | exp.Column):
        return node.alias_or_name
    if isinstance(node, _WRAPPERS):
        return _name(node.this, sql)
    if isinstance(node, exp.Cast):
        kind = node.to.this.value.lower()
        return _or_else(_name(node.this, sql), _REDSHIFT_TYPE_NAMES.get(kind, kind))
    if isinstance(node, exp.Case):
        return _or_else(_name(node.args["default"], sql) if node.args.get("default") else _UNNAMED, "case")
    if isinstance(node, exp.Subquery):
        return _name(node.selects[0], sql)
    return _function_name(node, sql)


def _or_else(name: str, fallback: str) -> str:
    return fallback if name == _UNNAMED else name


def _function_name(node: exp.Expr, sql: str) -> str:
    begin, end = node.meta.get("start"), node.meta.get("end")
    if begin is not None and end is not None and sql[end + 1 :].lstrip().startswith("("):
        typed = sql[begin : end + 1].lower()
    elif isinstance(node, exp.Func) and not isinstance(node, exp.Binary):
        typed = node.sql_name().lower()
    else:
        return _UNNAMED
    return _REDSHIFT_FUNCTION_NAMES.get(typed, typed)
