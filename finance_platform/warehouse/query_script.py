"""Queries of a file: where each statement begins, its heading, and errors with a position in the file.

Belongs here: a script of a person, as text. Does not belong here: reading the file and printing results (see
`cli.query`), which SQL is allowed (see `dialect`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from finance_platform.errors import HELP_FOR_QUERIES, QueryError
from finance_platform.warehouse.dialect import parse_query, position, shorten, statement_spans, token_offsets
from finance_platform.warehouse.port import NoWarehouseYetError

_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_COMMENT_MARKS = re.compile(r"^[ \t]*(?:--+|/\*+|\*+/?)?[ \t]*|[ \t]*\*+/$|[ \t]+$", re.MULTILINE)
_POSITION = re.compile(r"\bline \d+, column \d+")
_QUOTED = (re.compile(r"at '([^']+)'$"), re.compile(r'"([^"]+)"'))
"""The word that an engine rejects: what DuckDB underlines comes last, a suggestion may come before it."""


@dataclass(frozen=True)
class ScriptStatement:
    """One statement of a script.

    Attributes:
        text: the statement, unchanged.
        heading: the comment directly above it on one line; the statement's beginning if there is none.
        line: the line on which it begins, from 1.
        column: the column at which it begins, from 1.
    """

    text: str
    heading: str
    line: int
    column: int

    @property
    def sql(self) -> str:
        """The statement after as many lines and spaces as in the script, so that errors have positions of the file."""
        return "\n" * (self.line - 1) + " " * (self.column - 1) + self.text


def read_script(script: str, source: str) -> tuple[ScriptStatement, ...]:
    """Return the statements of a script, all of them checked before the first one runs.

    Args:
        script: read-only queries, each ended by a semicolon but the last.
        source: the file's name for a message; empty for a query without a file, which has one statement.

    Raises:
        QueryError: a quote or a comment is not closed, there is no statement or one too many, or one is not a
            read-only query of the subset.
    """
    with errors_in_file(source):
        statements = _split(script)
        if not statements:
            raise QueryError("there is no statement", fix=f"write a SELECT; {HELP_FOR_QUERIES}")
        if len(statements) > 1 and not source:
            raise QueryError(
                f"{len(statements)} statements where one is expected",
                fix="send one statement at a time, or all of them with --file or on standard input",
            )
    for statement in statements:
        with errors_in_file(source, statement):
            parse_query(statement.sql)
    return statements


@contextmanager
def errors_in_file(source: str, statement: ScriptStatement | None = None) -> Iterator[None]:
    """Name the file, line and column in an error of a query.

    Args:
        source: the file's name; if it is empty, errors stay as they are.
        statement: the statement that the block checks or runs.

    Raises:
        QueryError: the block's, with the position.
    """
    try:
        yield
    except NoWarehouseYetError:
        raise
    except QueryError as error:
        if not source:
            raise
        place = "" if statement is None or _POSITION.search(error.found) else f", {_place(statement, error.found)}"
        located = QueryError(f"{source}{place}: {error.found}", fix=error.fix)
        located.title = error.title  # of a query that took too long, for example
        raise located from error


def _split(script: str) -> tuple[ScriptStatement, ...]:
    statements = []
    end = 0
    for begin, next_end in statement_spans(script):
        text = script[begin:next_end]
        heading = _heading(script[end:begin], is_first=not end) or shorten(text)
        line_begin = script.rfind("\n", 0, begin) + 1
        statements.append(ScriptStatement(text, heading, script.count("\n", 0, begin) + 1, begin - line_begin + 1))
        end = next_end
    return tuple(statements)


def _heading(gap: str, *, is_first: bool) -> str:
    """Return the comments that end directly above a statement, as one line.

    Args:
        gap: the text between the statement before and this one.
        is_first: whether there is no statement before; a comment on the last line of a statement belongs to that one.
    """
    comments: list[str] = []
    begin_of_next = len(gap)
    for comment in reversed(list(_COMMENT.finditer(gap))):
        is_apart = gap[comment.end() : begin_of_next].count("\n") > 1
        is_of_statement_before = not is_first and "\n" not in gap[: comment.start()]
        if is_apart or is_of_statement_before:
            break
        comments.insert(0, comment[0])
        begin_of_next = comment.start()
    return " ".join(" ".join(_COMMENT_MARKS.sub("", comment) for comment in comments).split())


def _place(statement: ScriptStatement, found: str) -> str:
    """Return the position of the word that an engine's error quotes, or else of the statement."""
    quoted = next((match[1] for match in (pattern.search(found) for pattern in _QUOTED) if match), "")
    offsets = token_offsets(statement.sql, quoted)
    if len(offsets) == 1:
        return position(statement.sql, offsets[0])
    return f"line {statement.line}, column {statement.column}"
