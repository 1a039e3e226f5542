"""What DuckDB must be told differently to do what Redshift does.

Belongs here: Redshift's text to DuckDB's text, and the constraints that make the two enforce the same.
Does not belong here: which SQL is allowed (see `dialect`), session settings (see `duckdb`).
"""

from __future__ import annotations

from functools import lru_cache

from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from finance_platform.errors import QueryError
from finance_platform.warehouse.dialect import parse, shortened

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
    """Return one statement of the subset as DuckDB understands it.

    Raises:
        QueryError: it is outside the subset, or says something that DuckDB has no words for.
    """
    tree = parse(sql)
    if isinstance(tree, exp.Create) and isinstance(tree.this, exp.Schema):
        tree = _enforcing_alike(tree.copy())
    try:
        return tree.sql(dialect="duckdb", unsupported_level=ErrorLevel.RAISE)
    except SqlglotError as error:
        raise QueryError(
            f"{shortened(sql)!r} has no equal on the embedded warehouse: {error}",
            fix="say it with plain SELECT, JOIN, GROUP BY and CASE",
        ) from error


def _enforcing_alike(create: exp.Create) -> exp.Create:
    """Drop what DuckDB would enforce and Redshift does not; add what Redshift enforces and DuckDB does not."""
    for storage in list(create.find_all(*_REDSHIFT_STORAGE)):
        storage.pop()
    for constraint in list(create.find_all(*_INFORMATIONAL)):
        (constraint.find_ancestor(exp.ColumnConstraint, exp.Constraint) or constraint).pop()
    for column in create.find_all(exp.ColumnDef):
        _limit_bytes(column)
    return create


def _limit_bytes(column: exp.ColumnDef) -> None:
    """Redshift's VARCHAR(n) is n bytes and COPY refuses more; DuckDB ignores n."""
    if column.kind is None or not column.kind.is_type("varchar") or not column.kind.expressions:
        return
    limit = column.kind.expressions[0].this.copy()
    length = exp.func("STRLEN", exp.column(column.this.copy()))
    check = exp.CheckColumnConstraint(this=exp.LTE(this=length, expression=limit))
    column.append("constraints", exp.ColumnConstraint(kind=check))
