"""`transforms.accepted_rows`: the staged rows that become ledger lines, departments and accounts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from finance_platform.contracts.model import Contract
from finance_platform.contracts.processed import ACCOUNTS, BUDGET, DEPARTMENTS, TRANSACTIONS
from finance_platform.contracts.schemas import STAGED_ROWS
from finance_platform.transforms.accepted_rows import accepted_rows
from finance_platform_tests.transforms.rows import (
    Row,
    assert_matches,
    few_examples,
    frame,
    ledger_line,
    rows_of,
    staged_account,
    staged_department,
    staged_ledger,
)

OUTCOMES = ("accepted", "rejected", "duplicate", "skipped")
SCENARIOS = ("Actual", "Budget", "Budget Q1", "Forecast")

# Transactions


def test_an_accepted_actual_line_becomes_a_transaction_with_all_its_columns(spark: SparkSession) -> None:
    """Leading zeros and upper and lower case of codes are kept."""
    line = ledger_line(
        "2025-03-31",
        "-0.01",
        department_code="d 007",
        account_number="0010",
        transaction_id="T1",
        line_key="T1",
        description="Müller & Søn – “rent”",
        is_debit_positive=True,
        source_row=17,
    )
    result = accepted_rows(staged_ledger(spark, [line]), TRANSACTIONS)
    rows = assert_matches(result, TRANSACTIONS)
    expected = {name: line.get(name) for name in TRANSACTIONS.column_names}
    assert rows == [expected]
    assert expected["amount"] == Decimal("-0.01")


def test_plan_lines_are_not_transactions_whatever_the_name_of_their_scenario(spark: SparkSession) -> None:
    """The type decides, not the name."""
    rows = [
        ledger_line(scenario="Budget", source_row=2),
        ledger_line(scenario="Forecast May", source_row=3),
        ledger_line(scenario="Actual plus plan", scenario_type="Forecast", source_row=4),
        ledger_line(scenario="Restated", scenario_type="Actual", source_row=5),
    ]
    transactions = rows_of(accepted_rows(staged_ledger(spark, rows), TRANSACTIONS))
    assert [row["scenario"] for row in transactions] == ["Restated"]


def test_identical_lines_of_a_feed_without_a_key_all_count(spark: SparkSession) -> None:
    """Two equal taxi rides on one day are two rides."""
    rows = [ledger_line(amount="12.50", source_row=row) for row in (2, 3, 4)]
    transactions = rows_of(accepted_rows(staged_ledger(spark, rows), TRANSACTIONS))
    assert sorted(row["source_row"] for row in transactions) == [2, 3, 4]
    assert sum(row["amount"] for row in transactions) == Decimal("37.50")


def test_a_file_without_lines_gives_no_transactions(spark: SparkSession) -> None:
    """An empty table has the contract's columns too."""
    result = accepted_rows(staged_ledger(spark, []), TRANSACTIONS)
    rows = assert_matches(result, TRANSACTIONS)
    assert rows == []


# Budget


def test_budgets_and_forecasts_are_plan_lines(spark: SparkSession) -> None:
    """Every scenario but Actual is a plan."""
    rows = [ledger_line(scenario=name, source_row=row) for row, name in enumerate(SCENARIOS, start=2)]
    result = accepted_rows(staged_ledger(spark, rows), BUDGET)
    rows = assert_matches(result, BUDGET)
    assert sorted(row["scenario"] for row in rows) == ["Budget", "Budget Q1", "Forecast"]


def test_a_plan_line_keeps_its_document_date_beside_its_posting_date(spark: SparkSession) -> None:
    """A budget dated mid-month counts from the first of the month."""
    (line,) = rows_of(accepted_rows(staged_ledger(spark, [ledger_line("2025-02-28", scenario="Budget")]), BUDGET))
    assert (line["document_date"], line["posting_date"]) == (date(2025, 2, 28), date(2025, 2, 1))


@few_examples
@given(st.lists(st.tuples(st.sampled_from(OUTCOMES), st.sampled_from(SCENARIOS)), max_size=20))
def test_every_accepted_row_is_either_a_transaction_or_a_plan_line(
    spark: SparkSession, rows: list[tuple[str, str]]
) -> None:
    """None is lost between the two tables, none is in both."""
    staged = staged_ledger(
        spark,
        [ledger_line(scenario=name, outcome=outcome, source_row=row) for row, (outcome, name) in enumerate(rows)],
    )
    lines = rows_of(accepted_rows(staged, TRANSACTIONS)) + rows_of(accepted_rows(staged, BUDGET))
    accepted = [row for row, (outcome, _) in enumerate(rows) if outcome == "accepted"]
    assert sorted(line["source_row"] for line in lines) == accepted


# Reference files


def test_an_accepted_department_keeps_all_columns_of_its_file(spark: SparkSession) -> None:
    """Code with its zeros, name, business unit, parent department and line number."""
    row = staged_department(
        "0450", 11, department_name="Field Services", business_unit="Operations", parent_department_code="0400"
    )
    result = accepted_rows(frame(spark, STAGED_ROWS["departments"], [row]), DEPARTMENTS)
    rows = assert_matches(result, DEPARTMENTS)
    assert rows == [{name: row.get(name) for name in DEPARTMENTS.column_names}]


def test_a_blank_cell_of_a_department_file_stays_blank(spark: SparkSession) -> None:
    """The dimension fills it."""
    (row,) = rows_of(accepted_rows(frame(spark, STAGED_ROWS["departments"], [staged_department("D1")]), DEPARTMENTS))
    assert (row["department_name"], row["business_unit"], row["parent_department_code"]) == (None, None, None)


def test_an_accepted_account_keeps_all_columns_of_its_file(spark: SparkSession) -> None:
    """Number with its zeros, name, type, category, measure and parent account."""
    row = staged_account(
        "0010",
        5,
        account_name="Cash",
        account_type="Asset",
        category="Liquid",
        measure="balance",
        parent_account_number="0001",
    )
    result = accepted_rows(frame(spark, STAGED_ROWS["accounts"], [row]), ACCOUNTS)
    rows = assert_matches(result, ACCOUNTS)
    assert rows == [{name: row.get(name) for name in ACCOUNTS.column_names}]


def test_an_account_without_a_type_stays_without_one(spark: SparkSession) -> None:
    """The dimension takes the type from ledger lines if they have one."""
    (row,) = rows_of(accepted_rows(frame(spark, STAGED_ROWS["accounts"], [staged_account("9")]), ACCOUNTS))
    assert (row["account_type"], row["measure"]) == (None, None)


# Every table

NOT_ACCEPTED = ("rejected", "duplicate", "skipped", "measured", "refused", "not_opened")


@pytest.mark.parametrize(
    ("contract", "kind", "row"),
    [
        (TRANSACTIONS, "ledger", ledger_line()),
        (BUDGET, "ledger", ledger_line(scenario="Budget")),
        (DEPARTMENTS, "departments", staged_department("D1")),
        (ACCOUNTS, "accounts", staged_account("9")),
    ],
    ids=lambda value: value.name if isinstance(value, Contract) else "",
)
def test_rows_that_were_not_accepted_are_in_no_table(
    spark: SparkSession, contract: Contract, kind: str, row: Row
) -> None:
    """Rejected, duplicate and skipped rows stay out, and so do the reader's own rows about a file."""
    rows = [{**row, "source_row": number, "outcome": outcome} for number, outcome in enumerate(NOT_ACCEPTED)]
    assert rows_of(accepted_rows(frame(spark, STAGED_ROWS[kind], rows), contract)) == []
