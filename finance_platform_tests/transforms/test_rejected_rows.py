"""`transforms.rejected_rows`: every row that was not accepted is listed with its reasons."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pyspark.sql import SparkSession

from finance_platform.contracts.processed import REJECTED_ROWS
from finance_platform.contracts.schemas import STAGED_ROWS
from finance_platform.transforms.rejected_rows import rejected_rows
from finance_platform_tests.transforms.rows import (
    Row,
    assert_matches,
    frame,
    ledger_line,
    rows_of,
    staged_account,
    staged_department,
    staged_ledger,
)


def with_outcome(outcome: str, row: int, **others: str | None) -> Row:
    """Return the columns of the reader about a row that was not accepted."""
    return {"outcome": outcome, "source_row": row, "rules": "rule", "reasons": "why", "raw_row": "{}", **others}


def test_a_rejected_row_has_its_line_rules_and_reasons_and_the_row_as_delivered(spark: SparkSession) -> None:
    """With these a controller can ask the sender."""
    expected = {
        "rules": "invalid_date,blank_account",
        "reasons": "date: 'pending' is not a valid date; account is blank",
        "raw_row": '{"date": "pending", "Betrag": "1.000,00 €"}',
    }
    row = ledger_line(amount="1000.00") | with_outcome("rejected", 40) | expected
    row |= {"account_number": None, "account_key": None, "document_date": None, "posting_date": None, "period": None}
    result = rejected_rows(staged_ledger(spark, [row]))
    rows = assert_matches(result, REJECTED_ROWS)
    (rejected,) = rows
    assert {name: rejected[name] for name in expected} == expected
    assert (rejected["source_file"], rejected["source_row"], rejected["amount"]) == (
        "ledger.csv",
        40,
        Decimal("1000.00"),
    )


def test_rejected_duplicate_and_skipped_rows_keep_their_outcome(spark: SparkSession) -> None:
    """Read = accepted + rejected + duplicate + skipped: the last three are in this table."""
    outcomes = ("accepted", "rejected", "duplicate", "skipped", "rejected")
    rows = [ledger_line() | with_outcome(outcome, row) for row, outcome in enumerate(outcomes, start=2)]
    by_line = {row["source_row"]: row["outcome"] for row in rows_of(rejected_rows(staged_ledger(spark, rows)))}
    assert by_line == {3: "rejected", 4: "duplicate", 5: "skipped", 6: "rejected"}


def test_the_reader_s_own_rows_about_a_file_are_not_rejected_rows(spark: SparkSession) -> None:
    """They are not rows of the file."""
    rows = [ledger_line() | with_outcome(name, 0) for name in ("measured", "refused", "not_opened")]
    assert rows_of(rejected_rows(staged_ledger(spark, rows))) == []


def test_an_amount_that_does_not_parse_stays_null_rather_than_zero(spark: SparkSession) -> None:
    """Zero is an amount; a missing amount is not."""
    rows = [
        ledger_line() | with_outcome("rejected", 2) | {"amount": None},
        ledger_line(amount="0.00") | with_outcome("rejected", 3),
    ]
    by_line = {row["source_row"]: row["amount"] for row in rows_of(rejected_rows(staged_ledger(spark, rows)))}
    assert by_line == {2: None, 3: Decimal("0.00")}


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("departments", staged_department("D1") | with_outcome("rejected", 4)),
        ("accounts", staged_account("4000") | with_outcome("rejected", 4)),
    ],
)
def test_rows_of_reference_files_are_rejected_into_the_same_table_without_an_amount(
    spark: SparkSession, kind: str, row: Row
) -> None:
    result = rejected_rows(frame(spark, STAGED_ROWS[kind], [row]))
    rows = assert_matches(result, REJECTED_ROWS)
    (rejected,) = rows
    assert (rejected["source_row"], rejected["amount"], rejected["reasons"]) == (4, None, "why")
