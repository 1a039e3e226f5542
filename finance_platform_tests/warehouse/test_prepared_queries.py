"""Prepared queries: the file in the package is what is translated now, and is used for nothing else.

Belongs here: `warehouse.prepared_queries`. Does not belong here: what the queries return (see `test_result_parity`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import duckdb
import pytest

from finance_platform.reports.period_totals import period_totals
from finance_platform.reports.restatements import read_restatements
from finance_platform.reports.variance import variance_rows
from finance_platform.warehouse.duckdb import session
from finance_platform.warehouse.duckdb.translation import to_duckdb
from finance_platform.warehouse.port import NO_PARAMETERS, Parameters, Queryable, QueryResult
from finance_platform.warehouse.prepared_queries import PREPARED_FILE, find_prepared_query, find_prepared_statement
from finance_platform.warehouse.statements import SqlFile, definitions, script, statement
from finance_platform_tests.prepared_queries import as_json, output_names, prepare


def test_the_prepared_queries_are_what_is_translated_from_the_files_now():
    assert PREPARED_FILE.read_text(encoding="utf-8") == as_json(prepare()), "run `make reference`"


def test_a_text_that_differs_by_one_character_is_parsed():
    text = script(SqlFile.PUBLISHED_SLICES)
    assert find_prepared_statement(text) == statement(SqlFile.PUBLISHED_SLICES)
    assert find_prepared_statement(text + " ") is None
    assert find_prepared_query(statement(SqlFile.PUBLISHED_SLICES) + " ") is None


class Recorder:
    """A warehouse without rows that records what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:  # noqa: ARG002  the port's
        """Record a query."""
        self.asked.append(sql)
        return QueryResult([], [])


@pytest.mark.parametrize("read", [variance_rows, period_totals, read_restatements], ids=lambda read: read.__name__)
def test_no_query_of_a_run_beside_its_fork_is_parsed(read: Callable[[Queryable], object]):
    recorder = Recorder()
    read(recorder)
    assert recorder.asked
    assert all(map(find_prepared_query, recorder.asked))


def test_a_prepared_query_returns_what_the_parsed_one_returns(monkeypatch: pytest.MonkeyPatch):
    connection = duckdb.connect(":memory:")
    for sql in definitions():
        connection.execute(to_duckdb(sql))
    parameters = {"since": datetime(2025, 1, 1, tzinfo=UTC).replace(tzinfo=None)}
    prepared = session.run_query(connection, statement(SqlFile.MOVEMENT_SUMMARY), parameters)
    monkeypatch.setattr(session, "find_prepared_query", lambda _: None)
    assert session.run_query(connection, statement(SqlFile.MOVEMENT_SUMMARY), parameters) == prepared


def test_the_columns_of_a_star_are_not_known_before_it_runs():
    with pytest.raises(ValueError, match="selects a star"):
        output_names("SELECT * FROM DimDate")
    assert output_names("SELECT COUNT(*), Year FROM DimDate") == ["count", "Year"]
