"""Queries that were translated for DuckDB before the platform was built, so that no parser is imported for them.

Belongs here: reading them. Does not belong here: how a query is translated (see `duckdb.translation`), its text and the
files of `sql/` (see `statements`). sqlglot takes longer to import than a small command to answer (168).
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

PREPARED_FILE = Path(__file__).with_suffix(".json")
"""Written by `make reference`; a test compares it with what is translated now."""


class PreparedQuery(NamedTuple):
    """A query of a file under `sql/` that has no other statement.

    Attributes:
        script: SHA-256 of the file's text; another text is another query, which is parsed.
        statement: the query, word for word.
        duckdb: the same for DuckDB.
        columns: the names of the result's columns.
    """

    script: str
    statement: str
    duckdb: str
    columns: list[str]


def find_prepared_statement(script: str) -> str | None:
    """Return the only statement of a file's text; None if it must be parsed to find its statements."""
    prepared = _by_script().get(hash_script(script))
    return prepared.statement if prepared else None


def find_prepared_query(sql: str) -> PreparedQuery | None:
    """Return what was prepared for a query, word for word; None if it must be parsed."""
    return _by_statement().get(sql)


def hash_script(script: str) -> str:
    """Return the SHA-256 of a file's text."""
    return hashlib.sha256(script.encode()).hexdigest()


@lru_cache
def _by_script() -> dict[str, PreparedQuery]:
    queries = json.loads(PREPARED_FILE.read_text(encoding="utf-8"))
    return {query.script: query for query in (PreparedQuery(**values) for values in queries)}


@lru_cache
def _by_statement() -> dict[str, PreparedQuery]:
    return {query.statement: query for query in _by_script().values()}
