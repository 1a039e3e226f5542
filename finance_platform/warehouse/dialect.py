"""The subset of Redshift's dialect in which both warehouses give equal results.

Belongs here: splitting a script into statements, parsing one, the rules of the subset.
Does not belong here: any statement (see `statements`), translation to DuckDB (see `duckdb.translation`).
Imported only before SQL runs: sqlglot takes 0.1 to 0.2 s to import.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import ParseError, SqlglotError

from finance_platform.errors import HELP_FOR_QUERIES, QueryError
from finance_platform.warehouse.cast_operands import DIVISIBLE_TYPES, FLOATING, cast_average, cast_divisions, is_cast

REDSHIFT = "redshift"

_WRITE_A_SELECT = "write one SELECT; `finance-platform tables` lists what can be queried"
_QUOTES = "\"'`"
_QUERY_BEGINS_WITH = {TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN}
_FORBIDDEN_FUNCTION = re.compile(
    # Waits, or makes others wait.
    r".*sleep.*|.*advisory.*lock.*|pg_(cancel|terminate)_.*"
    # Changes the session, the log or the file.
    r"|nextval|setval|set_config|setseed|setvariable|write_log|enable_.*|disable_.*|.*checkpoint|add_parquet_key"
    # Reads files, the environment, settings, secrets or another server; or runs SQL that these rules do not see.
    r"|getenv|current_setting|getvariable|read_.*|glob|parse_duckdb_log_message|which_secret|duckdb_.*|pragma_.*"
    r"|pg_(read|ls|stat)_.*|lo_.*|dblink.*|query(_table)?|(query|table|cursor|schema|database)_to_xml.*",
    re.IGNORECASE,
)
_FORBIDDEN_TABLE = re.compile(r"pg_(file_)?settings|duckdb_.*|pragma_.*|sqlite_.*", re.IGNORECASE)
"""Views of an engine's settings, files and internals."""
_OPENING = re.compile(r"""--[^\n]*|/\*|'|"|\$\w*\$""")
_CLOSINGS = {"'": re.compile(r"(?:[^'\\]|''|\\.)*+'", re.DOTALL), "/*": re.compile(r"\*/")}
_LONGEST_REWRITING = 400
"""Characters of a construct that a message has in full."""
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
    """One construct outside the subset.

    Attributes:
        nodes: the kinds of tree node that the rule examines.
        is_broken_by: whether such a node breaks it.
        reason: why the construct is excluded.
        fix: the alternative.
        rewritten: returns the construct as it can be written, to be pasted instead of it.
    """

    nodes: tuple[type[Any], ...]
    is_broken_by: Callable[[Any], bool]
    reason: str
    fix: str
    rewritten: Callable[[Any], str] | None = None

    def fix_for(self, node: exp.Expr) -> str:
        """Return the alternative, with the query's own words where they are not too many."""
        text = self.rewritten(node) if self.rewritten else ""
        return f"write {text}" if 0 < len(text) <= _LONGEST_REWRITING else self.fix


def _always(_: exp.Expr) -> bool:
    return True


def _function_name(node: exp.Func) -> str:
    return node.name if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc) else node.sql_name()


SUBSET: tuple[Rule, ...] = (
    Rule((exp.Command,), _always, "only one of the warehouses may know it", _WRITE_A_SELECT),
    Rule(
        (exp.Div, exp.IntDiv, exp.SafeDivide),
        lambda node: not all(is_cast(side, DIVISIBLE_TYPES) for side in (node.this, node.expression)),
        "a division has another type on each warehouse unless both sides are cast to integers or floating point",
        "write CAST(a AS DOUBLE PRECISION) / CAST(NULLIF(b, 0) AS DOUBLE PRECISION)",
        cast_divisions,
    ),
    Rule(
        (exp.Avg,),
        lambda node: not is_cast(node.this, FLOATING),
        "an average has another type on each warehouse unless its argument is cast to floating point",
        "write AVG(CAST(x AS DOUBLE PRECISION))",
        cast_average,
    ),
    Rule(
        (exp.DataType,),
        lambda node: node.this is exp.DataType.Type.DECIMAL and not node.expressions,
        "a decimal without precision keeps no cents on Redshift, and three places on DuckDB",
        "write DECIMAL(18, 2)",
    ),
    Rule(
        _CLOCK,
        _always,
        "a query that reads the clock has another result tomorrow",
        "write the date, such as DATE '2025-06-30'",
    ),
    Rule(
        (exp.Limit, exp.Offset, exp.Fetch),
        lambda node: node.find(exp.Placeholder) is not None,
        "Redshift accepts no bound number of rows",
        "write the number itself",
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
        "a function cannot replace a table on both warehouses",
        "select from a table or view of the star schema",
    ),
    Rule(
        (exp.Columns,),
        _always,
        "Redshift has no COLUMNS(...), and the columns of its result have no names before it runs",
        "name the columns, or write *",
    ),
)
"""Applies to the platform's statements and to users' queries."""

READ_ONLY: tuple[Rule, ...] = (
    Rule(
        (exp.DML, exp.DDL, exp.Into, exp.Lock),
        _always,
        "a query may only read",
        "remove INTO, FOR UPDATE and everything that changes data; `finance-platform run` loads data",
    ),
    Rule(
        (exp.Func,),
        lambda node: _FORBIDDEN_FUNCTION.fullmatch(_function_name(node)) is not None,
        "a query reads the warehouse's tables; it neither waits nor reads files, settings or secrets",
        f"remove that function; {HELP_FOR_QUERIES}",
    ),
    Rule(
        (exp.Table,),
        lambda node: _FORBIDDEN_TABLE.fullmatch(node.name) is not None,
        "the engine's settings, files and internals are not part of the warehouse",
        "select from a table or view of the star schema",
    ),
)
"""Applies to queries only."""


def split(script: str) -> tuple[str, ...]:
    """Return the statements of a script, unchanged, without the comments around them.

    The tokenizer finds the end of a statement, so a semicolon in a string or a comment does not end one.

    Raises:
        QueryError: a quote or a comment is not closed.
    """
    return tuple(script[begin:end] for begin, end in statement_spans(script))


def statement_spans(script: str) -> tuple[tuple[int, int], ...]:
    """Return where each statement of a script begins and ends, without the comments around it.

    Raises:
        QueryError: a quote or a comment is not closed.
    """
    spans: list[tuple[int, int]] = []
    begin: int | None = None
    end = 0
    for token in _tokens(script):
        if token.token_type is not TokenType.SEMICOLON:
            begin, end = (token.start if begin is None else begin), token.end + 1
        elif begin is not None:
            spans.append((begin, end))
            begin = None
    return tuple(spans) if begin is None else (*spans, (begin, end))


def token_offsets(sql: str, word: str) -> list[int]:
    """Return the offsets of a word in a statement, outside of comments and longer words, in any case."""
    return [token.start for token in _tokens(sql) if token.text.casefold() == word.casefold()]


@lru_cache(maxsize=256)
def parse(sql: str) -> exp.Expr:
    """Return the tree of one statement of the subset; callers must not change it.

    Raises:
        QueryError: it is not one statement, cannot be parsed, or is outside the subset.
    """
    statements = split(sql)
    if len(statements) != 1:
        raise QueryError(f"{len(statements)} statements where one is expected", fix="send one statement at a time")
    with sql_errors(sql, "cannot be parsed"):
        tree = sqlglot.parse_one(sql, read=REDSHIFT)
        _apply_rules(tree, SUBSET, sql)
    return tree


def _fix_of_listing(sql: str) -> str:
    """Return the command that answers what other databases answer to SHOW and DESCRIBE; empty for other statements."""
    words = sql.replace(";", " ").split()
    if not words or words[0].upper() not in {"SHOW", "DESCRIBE", "DESC"}:
        return ""
    name = words[-1] if words[0].upper() != "SHOW" or "FROM" in sql.upper().split() else ""
    if name and len(words) > 1:
        return f"`finance-platform tables {name.strip(_QUOTES).rpartition('.')[2]}` describes its columns"
    return "`finance-platform tables` lists the tables and views, `finance-platform tables NAME` describes one"


def is_query(sql: str) -> bool:
    """Return whether a statement begins as a query does."""
    tokens = _tokens(sql)
    return bool(tokens) and tokens[0].token_type in _QUERY_BEGINS_WITH


@lru_cache(maxsize=256)
def parse_query(sql: str) -> exp.Query:
    """Return the tree of one read-only query of the subset; callers must not change it.

    Raises:
        QueryError: it is not one.
    """
    if not is_query(sql):
        raise QueryError(
            f"{shorten(sql)!r} does not begin with SELECT or WITH", fix=_fix_of_listing(sql) or _WRITE_A_SELECT
        )
    tree = parse(sql)
    with sql_errors(sql, "cannot be parsed"):
        _apply_rules(tree, READ_ONLY, sql)
    if not isinstance(tree, exp.Query):
        raise QueryError(f"{shorten(sql)!r} is not a query", fix=_WRITE_A_SELECT)
    return tree


def require_cast_decimals(sql: str, parameters: Mapping[str, object]) -> None:
    """Raise ValueError if a bound decimal is outside `CAST(:name AS DECIMAL(p, s))`, where Redshift loses its cents.

    Both warehouses require it, so that a statement without the cast fails in the tests of either.
    """
    names = {name for name, value in parameters.items() if isinstance(value, Decimal)}
    if not names:
        return
    for placeholder in parse(sql).find_all(exp.Placeholder):
        if placeholder.name in names and not _is_cast_to_decimal(placeholder.parent):
            raise ValueError(f"{shorten(sql)!r} binds the decimal :{placeholder.name} without a cast to DECIMAL(p, s)")


def _is_cast_to_decimal(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Cast) and node.to.this is exp.DataType.Type.DECIMAL and len(node.to.expressions) == 2


def shorten(sql: str, width: int = 80) -> str:
    """Return SQL on one line, cut to `width` characters, for a message."""
    flat = " ".join(sql.split())
    return flat if len(flat) <= width else f"{flat[: width - 1]}…"


@contextmanager
def sql_errors(sql: str, failure: str) -> Iterator[None]:
    """Raise a QueryError for every error of sqlglot on this SQL.

    Args:
        sql: the statement that the block parses or writes.
        failure: what failed, such as `cannot be parsed`.

    Raises:
        QueryError: the parser or the generator rejects the SQL, or fails on it: some constructs that it parses, it
            cannot write.
    """
    try:
        yield
    except QueryError:
        raise
    except SqlglotError as error:
        raise QueryError(f"{shorten(sql)!r} {failure}: {_detail(error)}", fix="fix the SQL at that position") from error
    except RecursionError as error:
        raise QueryError(
            f"{shorten(sql)!r} is nested too deeply", fix="remove brackets, or name parts of the query with WITH"
        ) from error
    except Exception as error:  # sqlglot's own faults on unusual SQL: any built-in error
        raise QueryError(
            f"{shorten(sql)!r} {failure}: {type(error).__name__}: {error}",
            fix="use plain SELECT, JOIN, GROUP BY and CASE",
        ) from error


def position(sql: str, offset: int) -> str:
    """Return the line and column of a character of a statement, both from 1, for a message."""
    return f"line {sql.count(chr(10), 0, offset) + 1}, column {offset - sql.rfind(chr(10), 0, offset)}"


def _tokens(sql: str) -> list[Any]:
    try:
        sql.encode()
        return list(sqlglot.tokenize(sql, read=REDSHIFT))
    except UnicodeEncodeError as error:
        raise QueryError(f"{shorten(sql)!r} is not valid UTF-8", fix="write the query as UTF-8 text") from error
    except SqlglotError as error:
        offset = _unclosed(sql)
        place = "" if offset is None else f", {position(sql, offset)}"
        raise QueryError(
            f"{shorten(sql)!r} cannot be read: a quote or comment is not closed{place}",
            fix="close every quote and comment",
        ) from error


def _unclosed(sql: str) -> int | None:
    """Return the offset of the quote or comment that is not closed; None if that cannot be found."""
    offset = 0
    while opening := _OPENING.search(sql, offset):
        mark = opening[0]
        offset = opening.end()
        if mark.startswith("--"):
            continue
        closing = _CLOSINGS.get(mark, re.compile(re.escape(mark))).search(sql, offset)
        if closing is None:
            return opening.start()
        offset = closing.end()
    return None


def _detail(error: SqlglotError) -> str:
    """The parser's error and its position; its own message underlines the position in terminal colours."""
    if isinstance(error, ParseError) and error.errors:
        first = error.errors[0]
        is_incomplete = str(first["description"]).startswith("Required keyword")  # names classes of the parser
        what = f"incomplete at {first['highlight']!r}" if is_incomplete else first["description"]
        column = first["col"] - len(first["highlight"] or " ") + 1  # the parser has the last column of the token
        return f"{what}, line {first['line']}, column {column}"
    return str(error)


def _apply_rules(tree: exp.Expr, rules: tuple[Rule, ...], sql: str) -> None:
    for rule in rules:
        for node in tree.find_all(*rule.nodes):
            if rule.is_broken_by(node):
                offsets = [part.meta["start"] for part in node.walk() if "start" in part.meta]
                place = f", {position(sql, min(offsets))}" if offsets else ""
                raise QueryError(
                    f"{shorten(node.sql(dialect=REDSHIFT))!r}{place}: {rule.reason}", fix=rule.fix_for(node)
                )
