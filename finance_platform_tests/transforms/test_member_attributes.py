"""`transforms.member_attributes`: the attributes that a delivery's ledger lines give, with the money behind each."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from finance_platform.contracts.processed import MEMBER_ATTRIBUTES
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.transforms.member_attributes import ATTRIBUTE_FIELDS, member_attributes
from finance_platform_tests.transforms.rows import Row, assert_matches, ledger_line, rows_of, staged_ledger


def given(spark: SparkSession, *rows: Row) -> list[Row]:
    """Return the result's rows in a fixed order."""
    result = rows_of(member_attributes(staged_ledger(spark, rows)))
    return sorted(result, key=lambda row: (row["dimension"], row["first_row"]))


def test_each_combination_of_attributes_has_its_lines_and_their_gross_amount(spark: SparkSession) -> None:
    """A negative amount does not reduce the money at stake."""
    rows = [
        ledger_line(source_row=2, amount="10.00", account_type="Expense", account_name="Stationery"),
        ledger_line(source_row=3, amount="-1.50", account_type="Expense", account_name="Stationery"),
        ledger_line(source_row=4, amount="90.00", account_type="Revenue", account_name="Stationery"),
    ]
    assert_matches(member_attributes(staged_ledger(spark, rows)), MEMBER_ATTRIBUTES)
    first, second = given(spark, *rows)
    assert first == {
        "delivery_id": "d1",
        "dimension": "account",
        "member_key": surrogate_key("4000"),
        "scenario": "Actual",
        "period": "2025-01",
        "name": "Stationery",
        "business_unit": None,
        "account_type": "Expense",
        "category": None,
        "code": "4000",
        "first_row": 2,
        "row_count": 2,
        "gross_amount": "11.50",
    }
    assert (second["account_type"], second["first_row"], second["gross_amount"]) == ("Revenue", 4, "90.00")


def test_periods_scenarios_and_deliveries_are_apart(spark: SparkSession) -> None:
    """None of them is added to another."""
    rows = given(
        spark,
        ledger_line(source_row=2, business_unit="North"),
        ledger_line(source_row=3, business_unit="North", day="2025-02-01"),
        ledger_line(source_row=4, business_unit="North", scenario="Budget"),
        ledger_line(source_row=5, business_unit="North", delivery_id="d2"),
    )
    assert [(row["delivery_id"], row["scenario"], row["period"]) for row in rows] == [
        ("d1", "Actual", "2025-01"),
        ("d1", "Actual", "2025-02"),
        ("d1", "Budget", "2025-01"),
        ("d2", "Actual", "2025-01"),
    ]


@pytest.mark.parametrize("outcome", ["rejected", "duplicate", "skipped"])
def test_lines_without_attributes_and_rows_that_were_not_accepted_give_nothing(
    spark: SparkSession, outcome: str
) -> None:
    """Their attributes reach no dimension."""
    assert given(spark, ledger_line(), ledger_line(outcome=outcome, account_type="Revenue")) == []


def test_the_fields_that_give_attributes_are_those_of_the_staging_table() -> None:
    """A new attribute of lines must take part."""
    names = {"department_name", "business_unit", "account_name", "account_type", "account_category"}
    assert names == ATTRIBUTE_FIELDS
