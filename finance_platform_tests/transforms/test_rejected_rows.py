"""Tests of `rejected_rows`: every row that did not become a line can be looked up, with reasons."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pyspark.sql import SparkSession

from finance_platform.contracts.processed import REJECTED_ROWS
from finance_platform.contracts.schemas import STAGED
from finance_platform.transforms.rejected_rows import rejected_rows
from finance_platform_tests.transforms.rows import (
    Row,
    assert_is,
    frame,
    ledger_line,
    rows_of,
    staged_account,
    staged_department,
    staged_ledger,
)


def spoiled(outcome: str, row: int, **others: str | None) -> Row:
    """Return what the reader says of a row that is no line."""
    return {"outcome": outcome, "source_row": row, "rules": "rule", "reasons": "why", "raw_row": "{}", **others}


def test_a_rejected_row_shows_its_line_its_rules_its_reasons_and_the_row_as_delivered(spark: SparkSession) -> None:
    """What a controller needs to ask the sender."""
    said = {
        "rules": "invalid_date,blank_account",
        "reasons": "date: 'pending' is no date; account is blank",
        "raw_row": '{"date": "pending", "Betrag": "1.000,00 €"}',
    }
    row = ledger_line(amount="1000.00") | spoiled("rejected", 40) | said
    row |= {"account_number": None, "account_key": None, "document_date": None, "posting_date": None, "period": None}
    result = rejected_rows(staged_ledger(spark, [row]))
    assert_is(result, REJECTED_ROWS)
    (found,) = rows_of(result)
    assert {name: found[name] for name in said} == said
    assert (found["source_file"], found["source_row"], found["amount"]) == ("ledger.csv", 40, Decimal("1000.00"))


def test_rejected_duplicate_and_skipped_rows_are_all_kept_apart_by_their_outcome(spark: SparkSession) -> None:
    """Read = accepted + rejected + duplicate + skipped: the last three are here."""
    outcomes = ("accepted", "rejected", "duplicate", "skipped", "rejected")
    rows = [ledger_line() | spoiled(outcome, row) for row, outcome in enumerate(outcomes, start=2)]
    found = {row["source_row"]: row["outcome"] for row in rows_of(rejected_rows(staged_ledger(spark, rows)))}
    assert found == {3: "rejected", 4: "duplicate", 5: "skipped", 6: "rejected"}


def test_the_notes_that_the_reader_makes_about_a_file_are_no_rejected_rows(spark: SparkSession) -> None:
    """They would be counted as rows that nobody delivered."""
    rows = [ledger_line() | spoiled(name, 0) for name in ("measured", "refused", "not_opened")]
    assert rows_of(rejected_rows(staged_ledger(spark, rows))) == []


def test_an_amount_that_does_not_parse_stays_null_rather_than_zero(spark: SparkSession) -> None:
    """Zero is an amount; no amount is none."""
    rows = [
        ledger_line() | spoiled("rejected", 2) | {"amount": None},
        ledger_line(amount="0.00") | spoiled("rejected", 3),
    ]
    found = {row["source_row"]: row["amount"] for row in rows_of(rejected_rows(staged_ledger(spark, rows)))}
    assert found == {2: None, 3: Decimal("0.00")}


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("departments", staged_department("D1") | spoiled("rejected", 4)),
        ("accounts", staged_account("4000") | spoiled("rejected", 4)),
    ],
)
def test_rows_of_reference_files_are_rejected_into_the_same_table_without_an_amount(
    spark: SparkSession, kind: str, row: Row
) -> None:
    """One table, one place to look."""
    result = rejected_rows(frame(spark, STAGED[kind], [row]))
    assert_is(result, REJECTED_ROWS)
    (found,) = rows_of(result)
    assert (found["source_row"], found["amount"], found["reasons"]) == (4, None, "why")
