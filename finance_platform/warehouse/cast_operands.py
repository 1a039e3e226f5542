"""Divisions and averages with their operands cast, as both warehouses give the same result of.

Belongs here: whether an operand is cast, and the construct with casts, for the message about one without. Does not
belong here: the rules of the subset (see `dialect`).
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

_REDSHIFT = "redshift"
FLOATING = frozenset(exp.DataType.FLOAT_TYPES)
DIVISIBLE_TYPES = frozenset(exp.DataType.INTEGER_TYPES) | FLOATING


def is_cast(node: exp.Expr, types: frozenset[Any]) -> bool:
    """Return whether an expression is cast to one of these types, in parentheses or not."""
    inner = node.unnest()
    return isinstance(inner, exp.Cast) and inner.to.this in types


def cast_divisions(node: exp.Expr) -> str:
    """Return a construct with the sides of each division in it as floating point, and none by zero."""
    tree = node.copy()
    for division in reversed(list(tree.find_all(exp.Div, exp.IntDiv, exp.SafeDivide))):
        below = division.expression.unnest()
        if not is_cast(below, DIVISIBLE_TYPES):
            is_number = isinstance(below, exp.Literal) and not below.is_string and float(below.name) != 0
            divisor = below if is_number else exp.func("NULLIF", below.copy(), exp.Literal.number(0))
            division.set("expression", _as_double(divisor.copy()))
        if not is_cast(division.this, DIVISIBLE_TYPES):
            division.set("this", _as_double(division.this.unnest().copy()))
    return tree.sql(dialect=_REDSHIFT)


def cast_average(node: exp.Avg) -> str:
    """Return an average of floating point, empty for one of distinct values, whose words differ."""
    if isinstance(node.this, exp.Distinct):
        return ""
    tree = node.copy()
    tree.set("this", _as_double(tree.this.copy()))
    return tree.sql(dialect=_REDSHIFT)


def _as_double(node: exp.Expr) -> exp.Cast:
    return exp.cast(node, exp.DataType.Type.DOUBLE)
