"""Tests of `transactions`: which staged ledger rows become ledger lines of scenario Actual."""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import SparkSession

from finance_platform.contracts.processed import TRANSACTIONS
from finance_platform.transforms.transactions import transactions
from finance_platform_tests.transforms.rows import assert_is, ledger_line, rows_of, staged_ledger


def test_an_accepted_actual_line_becomes_a_transaction_with_all_that_it_says(spark: SparkSession) -> None:
    """Nothing of a line is lost or changed on the way, zeros and case of its codes included."""
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
    result = transactions(staged_ledger(spark, [line]))
    assert_is(result, TRANSACTIONS)
    expected = {name: line.get(name) for name in TRANSACTIONS.column_names}
    assert rows_of(result) == [expected]
    assert expected["amount"] == Decimal("-0.01")


def test_rows_that_were_not_accepted_are_no_transactions(spark: SparkSession) -> None:
    """Rejected, duplicate and skipped rows stay out, as do the reader's own notes about the file."""
    outcomes = ["rejected", "duplicate", "skipped", "measured", "refused", "not_opened"]
    rows = [ledger_line(source_row=row, outcome=outcome) for row, outcome in enumerate(outcomes)]
    assert rows_of(transactions(staged_ledger(spark, rows))) == []


def test_plan_lines_are_no_transactions_whatever_their_scenario_is_called(spark: SparkSession) -> None:
    """The type decides, not the name."""
    rows = [
        ledger_line(scenario="Budget", source_row=2),
        ledger_line(scenario="Forecast May", source_row=3),
        ledger_line(scenario="Actual plus plan", scenario_type="Forecast", source_row=4),
        ledger_line(scenario="Restated", scenario_type="Actual", source_row=5),
    ]
    assert [row["scenario"] for row in rows_of(transactions(staged_ledger(spark, rows)))] == ["Restated"]


def test_identical_lines_of_a_feed_without_a_key_all_count(spark: SparkSession) -> None:
    """Two equal taxi rides on one day are two rides."""
    rows = [ledger_line(amount="12.50", source_row=row) for row in (2, 3, 4)]
    found = rows_of(transactions(staged_ledger(spark, rows)))
    assert sorted(row["source_row"] for row in found) == [2, 3, 4]
    assert sum(row["amount"] for row in found) == Decimal("37.50")


def test_a_file_without_lines_gives_no_transactions(spark: SparkSession) -> None:
    """An empty table has the contract's columns too."""
    result = transactions(staged_ledger(spark, []))
    assert_is(result, TRANSACTIONS)
    assert rows_of(result) == []
