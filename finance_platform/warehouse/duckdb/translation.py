"""Translation of Redshift's SQL to DuckDB's.

Belongs here: Redshift's text to DuckDB's text, and the constraints with which both enforce the same.
Does not belong here: which SQL is allowed (see `dialect`), session settings (see `session`).
"""

from __future__ import annotations

from functools import lru_cache

from sqlglot import exp
from sqlglot.errors import ErrorLevel, UnsupportedError

from finance_platform.errors import QueryError
from finance_platform.warehouse.dialect import parse, shorten, sql_errors

_REDSHIFT_STORAGE = (exp.DistStyleProperty, exp.DistKeyProperty, exp.SortKeyProperty)
_INFORMATIONAL = (
    exp.PrimaryKey,
    exp.ForeignKey,
    exp.UniqueColumnConstraint,
    exp.PrimaryKeyColumnConstraint,
    exp.Reference,
)


@lru_cache(maxsize=256)
def to_duckdb(sql: str) -> str:
    """Return one statement of the subset in DuckDB's dialect.

    Raises:
        QueryError: it is outside the subset, or DuckDB has no equivalent.
    """
    tree = parse(sql)
    with sql_errors(sql, "has no equivalent on the embedded warehouse"):
        if tree.find(exp.Limit, exp.Fetch):
            tree = _keep_limits(tree.copy())
        if isinstance(tree, exp.Create) and isinstance(tree.this, exp.Schema):
            tree = _align_constraints(tree.copy())
        try:
            return tree.sql(dialect="duckdb", unsupported_level=ErrorLevel.RAISE)
        except UnsupportedError as error:
            raise QueryError(
                f"{shorten(sql)!r} has no equivalent on the embedded warehouse: {error}",
                fix="use plain SELECT, JOIN, GROUP BY and CASE",
            ) from error


def _keep_limits(tree: exp.Expr) -> exp.Expr:
    """Give each limit an offset: DuckDB's optimizer drops a bare one that it takes for larger than the result.

    It expects no row of a LEFT JOIN whose right side is certainly empty (324).
    """
    for limit in tree.find_all(exp.Limit, exp.Fetch):
        query = limit.parent
        if query is not None and not query.args.get("offset"):
            query.set("offset", exp.Offset(expression=exp.Literal.number(0)))
    return tree


def _align_constraints(create: exp.Create) -> exp.Create:
    """Drop constraints that only DuckDB would enforce; add those that only Redshift enforces."""
    for storage in list(create.find_all(*_REDSHIFT_STORAGE)):
        storage.pop()
    for constraint in list(create.find_all(*_INFORMATIONAL)):
        (constraint.find_ancestor(exp.ColumnConstraint, exp.Constraint) or constraint).pop()
    for column in create.find_all(exp.ColumnDef):
        _limit_bytes(column)
    return create


def _limit_bytes(column: exp.ColumnDef) -> None:
    """Redshift's VARCHAR(n) is n bytes and COPY rejects more; DuckDB ignores n."""
    if column.kind is None or not column.kind.is_type("varchar") or not column.kind.expressions:
        return
    limit = column.kind.expressions[0].this.copy()
    length = exp.func("STRLEN", exp.column(column.this.copy()))
    check = exp.CheckColumnConstraint(this=exp.LTE(this=length, expression=limit))
    column.append("constraints", exp.ColumnConstraint(kind=check))
