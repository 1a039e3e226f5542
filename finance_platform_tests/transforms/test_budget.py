"""Tests of `budget`: which staged ledger rows become plan lines."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from finance_platform.contracts.processed import BUDGET
from finance_platform.transforms.budget import budget
from finance_platform.transforms.transactions import transactions
from finance_platform_tests.transforms.rows import assert_is, few_examples, ledger_line, rows_of, staged_ledger

OUTCOMES = ("accepted", "rejected", "duplicate", "skipped")
SCENARIOS = ("Actual", "Budget", "Budget Q1", "Forecast")


def test_budgets_and_forecasts_are_plan_lines(spark: SparkSession) -> None:
    """Every scenario but Actual goes the same way."""
    rows = [ledger_line(scenario=name, source_row=row) for row, name in enumerate(SCENARIOS, start=2)]
    result = budget(staged_ledger(spark, rows))
    assert_is(result, BUDGET)
    assert sorted(row["scenario"] for row in rows_of(result)) == ["Budget", "Budget Q1", "Forecast"]


def test_a_plan_line_keeps_its_document_date_beside_the_day_that_it_is_booked_on(spark: SparkSession) -> None:
    """A budget dated mid-month counts from the first of the month."""
    (found,) = rows_of(budget(staged_ledger(spark, [ledger_line("2025-02-28", scenario="Budget")])))
    assert (found["document_date"], found["posting_date"]) == (date(2025, 2, 28), date(2025, 2, 1))


def test_plan_rows_that_were_not_accepted_are_no_plan_lines(spark: SparkSession) -> None:
    """A rejected budget row is money that nobody approved."""
    rows = [
        ledger_line(scenario="Budget", source_row=row, outcome=outcome)
        for row, outcome in enumerate(("rejected", "duplicate", "skipped", "measured"))
    ]
    assert rows_of(budget(staged_ledger(spark, rows))) == []


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
    found = [row["source_row"] for row in rows_of(transactions(staged)) + rows_of(budget(staged))]
    assert sorted(found) == [row for row, (outcome, _) in enumerate(rows) if outcome == "accepted"]
