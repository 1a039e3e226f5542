"""Writes the statements that are translated for DuckDB before the platform is built.

Belongs here: which statements are prepared, and the content of their file. Does not belong here: reading it (see
`warehouse.prepared_queries`).

    python -m finance_platform_tests.prepared_queries
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import starmap

from sqlglot import exp

from finance_platform.contracts.star import WAREHOUSE
from finance_platform.warehouse.dialect import is_query, parse_query, statement_spans
from finance_platform.warehouse.duckdb.translation import to_duckdb
from finance_platform.warehouse.movements import SCRATCH
from finance_platform.warehouse.prepared_queries import PREPARED_FILE, PreparedFile, PreparedStatement, hash_text
from finance_platform.warehouse.result_columns import name_columns
from finance_platform.warehouse.statements import SqlFile, create_scratch, create_stage, script

_FOLDERS = ("ddl/", "views/", "load/", "quality/", "reporting/")
"""Those of the files that a run, `status` and `movements` send; the definitions are those of a new warehouse."""


def output_names(sql: str) -> list[str]:
    """Return the names of the columns of a query, before it runs.

    Raises:
        ValueError: it selects a star, whose columns only the engine knows.
    """
    query = parse_query(sql)
    if any(item.is_star and not isinstance(item, exp.Func) for item in query.selects):
        raise ValueError(f"{sql!r} selects a star")
    return name_columns(query, sql, query.named_selects)


def prepare() -> PreparedFile:
    """Return what is translated now."""
    texts = [script(file) for file in SqlFile if file.value.startswith(_FOLDERS)]
    spans = {hash_text(text): statement_spans(text) for text in texts}
    of_files = [text[begin:end] for text in texts for begin, end in spans[hash_text(text)]]
    return PreparedFile(spans, {hash_text(sql): _translate(sql) for sql in (*of_files, *_temporary_tables())})


def as_json(prepared: PreparedFile) -> str:
    """Return the content of the file that has these statements, each on a line of its own."""
    return "{\n" + ",\n".join(starmap(_part, prepared._asdict().items())) + "\n}\n"


def _part(name: str, entries: Mapping[str, object]) -> str:
    lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in entries.items()]
    return f"{json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n}"


def _temporary_tables() -> Iterator[str]:
    yield from map(create_stage, WAREHOUSE)
    yield from map(create_scratch, SCRATCH)


def _translate(sql: str) -> PreparedStatement:
    return PreparedStatement(to_duckdb(sql), output_names(sql) if is_query(sql) else ())


if __name__ == "__main__":
    PREPARED_FILE.write_text(as_json(prepare()), encoding="utf-8")
