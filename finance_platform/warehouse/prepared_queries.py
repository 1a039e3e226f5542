"""Statements whose text for DuckDB is known, so that no parser is imported for them.

Belongs here: those that were translated before the platform was built, and those that are made from a contract and
need no translation. Does not belong here: how a statement is translated (see `duckdb.translation`), its text and the
files of `sql/` (see `statements`). sqlglot takes longer to import than a small command to answer (168), and longer to
translate what a load sends than DuckDB to run it (289).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

PREPARED_FILE = Path(__file__).with_suffix(".json")
"""Written by `make reference`; a test compares it with what is translated now."""

_BOUND = re.compile(r":(?=\w)")
_NOT_CAST = re.compile(r"(?<!\bCAST\():(\w+)|\bCAST\(:(\w+)\b(?! AS DECIMAL\(\d+, ?\d+\)\))")


class PreparedStatement(NamedTuple):
    """A statement for DuckDB.

    Attributes:
        duckdb: its text.
        columns: the names of a query's columns; none of a statement that changes something.
    """

    duckdb: str
    columns: Sequence[str] = ()


class PreparedFile(NamedTuple):
    """Everything that is prepared.

    Attributes:
        scripts: by the hash of a file's text, where each of its statements begins and ends; another text is parsed.
        statements: by the hash of a statement's text, word for word.
    """

    scripts: Mapping[str, Sequence[tuple[int, int]]]
    statements: Mapping[str, PreparedStatement]


def find_prepared_script(script: str) -> tuple[str, ...] | None:
    """Return the statements of a file's text; None if it must be parsed to find them."""
    spans = _prepared().scripts.get(hash_text(script))
    return None if spans is None else tuple(script[begin:end] for begin, end in spans)


def find_prepared(sql: str) -> PreparedStatement | None:
    """Return what is known of a statement, word for word; None if it must be parsed."""
    return _PLAIN.get(sql) or _prepared().statements.get(hash_text(sql))


def note_plain(sql: str, columns: Sequence[str] = ()) -> str:
    """Note that a statement differs for DuckDB only in how it marks bound values, and return it.

    Args:
        sql: a statement of the platform that has no other colon.
        columns: the names of a query's columns.
    """
    _PLAIN[sql] = PreparedStatement(_BOUND.sub("$", sql), tuple(columns))
    return sql


def casts_decimals(sql: str, parameters: Mapping[str, object]) -> bool:
    """Return whether each bound decimal is certainly cast to a decimal; see `dialect.require_cast_decimals`."""
    names = {name for name, value in parameters.items() if isinstance(value, Decimal)}
    return not names or names.isdisjoint(first or second for first, second in _NOT_CAST.findall(sql))


def hash_text(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


_PLAIN: dict[str, PreparedStatement] = {}
"""By its text. They are made from contracts and from numbers of rows up to a hundred, so it stays small."""


@lru_cache
def _prepared() -> PreparedFile:
    document = json.loads(PREPARED_FILE.read_text(encoding="utf-8"))
    statements = {key: PreparedStatement(*values) for key, values in document["statements"].items()}
    return PreparedFile(document["scripts"], statements)
