"""The subset of Redshift's dialect in which both warehouses give equal results.

Belongs here: splitting a script into statements, parsing one, the rules of the subset.
Does not belong here: any statement (see `statements`), what DuckDB must be told differently (see `translation`).
Imported only where SQL is about to run: sqlglot takes 0.1 to 0.2 s to import.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import ParseError, SqlglotError

from finance_platform.errors import QueryError

REDSHIFT = "redshift"

_WRITE_A_SELECT = "write one SELECT; `sql/dml/sample_queries.sql` has examples"
_QUERY_BEGINS_WITH = {TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN}
_FLOATING = frozenset(exp.DataType.FLOAT_TYPES)
_ALIKE_WHEN_DIVIDED = frozenset(exp.DataType.INTEGER_TYPES) | _FLOATING
_CLOCK = (
    exp.CurrentDate,
    exp.CurrentDatetime,
    exp.CurrentTime,
    exp.CurrentTimestamp,
    exp.Localtime,
    exp.Localtimestamp,
)


@dataclass(frozen=True)
class Rule:
    """One thing that is outside the subset.

    Attributes:
        nodes: the kinds of tree node that the rule looks at.
        is_broken_by: whether such a node breaks it.
        reason: why that matters.
        fix: what to write instead.
    """

    nodes: tuple[type[Any], ...]
    is_broken_by: Callable[[Any], bool]
    reason: str
    fix: str


def _always(_: exp.Expr) -> bool:
    return True


def _is_cast(node: exp.Expr, types: frozenset[Any]) -> bool:
    inner = node.unnest()
    return isinstance(inner, exp.Cast) and inner.to.this in types


SUBSET: tuple[Rule, ...] = (
    Rule((exp.Command,), _always, "it may be known to only one of the warehouses", _WRITE_A_SELECT),
    Rule(
        (exp.Div, exp.IntDiv, exp.SafeDivide),
        lambda node: not all(_is_cast(side, _ALIKE_WHEN_DIVIDED) for side in (node.this, node.expression)),
        "a division has another type on each warehouse unless both sides are cast to integers or floating point",
        "write CAST(a AS DOUBLE PRECISION) / CAST(NULLIF(b, 0) AS DOUBLE PRECISION)",
    ),
    Rule(
        (exp.Avg,),
        lambda node: not _is_cast(node.this, _FLOATING),
        "an average has another type on each warehouse unless what it averages is cast to floating point",
        "write AVG(CAST(x AS DOUBLE PRECISION))",
    ),
    Rule(
        _CLOCK,
        _always,
        "a query that reads the clock gives another answer tomorrow",
        "write the day, such as DATE '2025-06-30'",
    ),
    Rule(
        (exp.Distinct,),
        lambda node: node.args.get("on") is not None,
        "Redshift has no DISTINCT ON",
        "number the rows with ROW_NUMBER() OVER (...) and keep the first",
    ),
    Rule(
        (exp.Table,),
        lambda node: isinstance(node.this, exp.Func),
        "a function cannot stand for a table on both warehouses",
        "select from a table or view of the star schema",
    ),
)
"""What neither a statement of the platform nor a user's query may hold."""

READ_ONLY: tuple[Rule, ...] = (
    Rule(
        (exp.DML, exp.DDL, exp.Into, exp.Lock),
        _always,
        "a query may only read",
        "leave out INTO, FOR UPDATE and whatever changes something; `finance-platform run` loads data",
    ),
)
"""What a query, moreover, may not hold."""


def split(script: str) -> tuple[str, ...]:
    """Return the statements of a script, word for word, without the comments around them.

    The tokenizer says where a statement ends, so a semicolon in a string or in a comment ends none.

    Raises:
        QueryError: a quote or a comment is not closed.
    """
    statements: list[str] = []
    begin: int | None = None
    end = 0
    for token in _tokens(script):
        if token.token_type is not TokenType.SEMICOLON:
            begin, end = (token.start if begin is None else begin), token.end + 1
        elif begin is not None:
            statements.append(script[begin:end])
            begin = None
    return tuple(statements) if begin is None else (*statements, script[begin:end])


@lru_cache(maxsize=256)
def parse(sql: str) -> exp.Expr:
    """Return the tree of one statement of the subset; callers leave it as it is.

    Raises:
        QueryError: it is not one statement, cannot be parsed, or is outside the subset.
    """
    statements = split(sql)
    if len(statements) != 1:
        raise QueryError(f"{len(statements)} statements where one is expected", fix="send one statement at a time")
    try:
        tree = sqlglot.parse_one(sql, read=REDSHIFT)
    except SqlglotError as error:
        raise QueryError(f"{shortened(sql)!r} cannot be parsed: {_detail(error)}", fix="mend it there") from error
    _refuse(tree, SUBSET)
    return tree


@lru_cache(maxsize=256)
def parse_query(sql: str) -> exp.Query:
    """Return the tree of one read-only query of the subset; callers leave it as it is.

    Raises:
        QueryError: it is anything else.
    """
    tokens = _tokens(sql)
    if not tokens or tokens[0].token_type not in _QUERY_BEGINS_WITH:
        raise QueryError(f"{shortened(sql)!r} does not begin with SELECT or WITH", fix=_WRITE_A_SELECT)
    tree = parse(sql)
    _refuse(tree, READ_ONLY)
    if not isinstance(tree, exp.Query):
        raise QueryError(f"{shortened(sql)!r} is not a query", fix=_WRITE_A_SELECT)
    return tree


def shortened(sql: str, width: int = 80) -> str:
    """Return SQL on one line, cut to `width` characters, for a message."""
    flat = " ".join(sql.split())
    return flat if len(flat) <= width else f"{flat[: width - 1]}…"


def _tokens(sql: str) -> list[Any]:
    try:
        return list(sqlglot.tokenize(sql, read=REDSHIFT))
    except SqlglotError as error:
        raise QueryError(f"{shortened(sql)!r} cannot be read: {error}", fix="close every quote and comment") from error


def _detail(error: SqlglotError) -> str:
    """What the parser found and where; its own message underlines the place in terminal colours."""
    if isinstance(error, ParseError) and error.errors:
        first = error.errors[0]
        return f"{first['description']}, line {first['line']}, column {first['col']}"
    return str(error)


def _refuse(tree: exp.Expr, rules: tuple[Rule, ...]) -> None:
    for rule in rules:
        for node in tree.find_all(*rule.nodes):
            if rule.is_broken_by(node):
                raise QueryError(f"{shortened(node.sql(dialect=REDSHIFT))!r}: {rule.reason}", fix=rule.fix)
