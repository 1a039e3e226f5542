"""Prepared statements: the file in the package is what is translated now, and is used for nothing else.

Belongs here: `warehouse.prepared_queries`. Does not belong here: what the queries return (see `test_result_parity`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import duckdb
import pytest
import sqlglot

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import LOAD_LEDGER, WAREHOUSE
from finance_platform.reports.period_totals import period_totals
from finance_platform.reports.restatements import read_restatements
from finance_platform.reports.variance import variance_rows
from finance_platform.warehouse.column_changes import created_name
from finance_platform.warehouse.dialect import is_query, parse
from finance_platform.warehouse.duckdb import session
from finance_platform.warehouse.duckdb.new_schema import created_by
from finance_platform.warehouse.duckdb.translation import to_duckdb
from finance_platform.warehouse.migration import is_table
from finance_platform.warehouse.port import NO_PARAMETERS, Parameters, Queryable, QueryResult
from finance_platform.warehouse.prepared_queries import (
    PREPARED_FILE,
    casts_decimals,
    find_prepared,
    find_prepared_script,
    note_plain,
)
from finance_platform.warehouse.statements import (
    SqlFile,
    count_by,
    count_staged,
    definitions,
    delete_all,
    delete_ranges,
    first_rows,
    insert_rows,
    insert_staged,
    script,
    select_between,
    select_columns,
    statement,
)
from finance_platform_tests.prepared_queries import as_json, output_names, prepare


def test_the_prepared_queries_are_what_is_translated_from_the_files_now():
    assert PREPARED_FILE.read_text(encoding="utf-8") == as_json(prepare()), "run `make reference`"


def test_a_text_that_differs_by_one_character_is_parsed():
    text = script(SqlFile.PUBLISHED_SLICES)
    assert find_prepared_script(text) == (statement(SqlFile.PUBLISHED_SLICES),)
    assert find_prepared_script(text + " ") is None
    assert find_prepared(statement(SqlFile.PUBLISHED_SLICES)) is not None
    assert find_prepared(statement(SqlFile.PUBLISHED_SLICES) + " ") is None


def statements_of(contract: Contract) -> list[str]:
    names = contract.column_names
    return [
        *(count_staged(contract), select_columns(contract, names), count_by(contract, names[0])),
        *(first_rows(contract), select_between(contract, names, names[0])),
        *(delete_all(contract), delete_ranges(contract, names[0], 1), delete_ranges(contract, names[0], 40)),
        *(insert_staged(contract), insert_rows(contract, 1), insert_rows(contract, 100)),
    ]


@pytest.mark.parametrize("contract", WAREHOUSE, ids=lambda contract: contract.table)
def test_a_statement_that_is_made_from_a_contract_is_what_the_parser_makes_of_it(contract: Contract):
    for sql in statements_of(contract):
        assert parse(sql).sql(dialect="redshift") == re.sub(r":(\w+)", r"%(\1)s", sql)
        prepared = find_prepared(sql)
        assert prepared is not None
        # The parser spells some types in another way.
        assert sqlglot.parse_one(prepared.duckdb, read="duckdb").sql(dialect="duckdb") == to_duckdb(sql)
        columns = output_names(sql) if is_query(sql) else []
        assert list(prepared.columns) == columns


def test_each_definition_begins_so_that_its_name_is_known():
    for sql in definitions():
        tree = parse(sql)
        assert created_by(sql) == (is_table(tree), created_name(tree))
    with pytest.raises(ValueError, match="creates no table"):
        created_by("CREATE VIEW Line AS SELECT 1")


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO LoadLedger (Amount) VALUES (:amount_1)",
        "INSERT INTO LoadLedger (Amount) VALUES (CAST(:amount_1 AS VARCHAR(9)))",
        "INSERT INTO LoadLedger (Amount) VALUES (CAST(:amount_1 AS DECIMAL(18, 2))), (:amount_1)",
    ],
)
def test_a_decimal_that_is_bound_without_a_cast_is_found_in_a_statement_that_is_not_parsed(sql: str):
    assert not casts_decimals(sql, {"amount_1": Decimal(1)})
    assert casts_decimals(sql, {"amount_1": 1, "amount_10": Decimal(1)})
    with pytest.raises(ValueError, match="without a cast"):
        session.in_duckdb(note_plain(sql), {"amount_1": Decimal(1)})


def test_decimals_that_are_cast_need_no_parser():
    row = dict.fromkeys(LOAD_LEDGER.column_names, Decimal(1))
    values = {f"{name}_{number}": value for number in range(12) for name, value in row.items() if name == "amount"}
    assert casts_decimals(insert_rows(LOAD_LEDGER, 12), values)


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
    assert all(map(find_prepared, recorder.asked))


def test_a_prepared_query_returns_what_the_parsed_one_returns(monkeypatch: pytest.MonkeyPatch):
    connection = duckdb.connect(":memory:")
    for sql in definitions():
        connection.execute(to_duckdb(sql))
    parameters = dict.fromkeys(("since", "restated_since"), datetime(2025, 1, 1, tzinfo=UTC).replace(tzinfo=None))
    prepared = session.run_query(connection, statement(SqlFile.MOVEMENT_SUMMARY), parameters)
    monkeypatch.setattr(session, "find_prepared", lambda _: None)
    assert session.run_query(connection, statement(SqlFile.MOVEMENT_SUMMARY), parameters) == prepared


def test_the_columns_of_a_star_are_not_known_before_it_runs():
    with pytest.raises(ValueError, match="selects a star"):
        output_names("SELECT * FROM DimDate")
    assert output_names("SELECT COUNT(*), Year FROM DimDate") == ["count", "Year"]
