"""Tests of `accounts`: which rows of a reference file are accounts."""

from __future__ import annotations

from pyspark.sql import SparkSession

from finance_platform.contracts.processed import ACCOUNTS
from finance_platform.contracts.schemas import STAGED
from finance_platform.transforms.accounts import accounts
from finance_platform_tests.transforms.rows import assert_is, frame, rows_of, staged_account


def test_an_accepted_account_keeps_what_its_file_says(spark: SparkSession) -> None:
    """Number with its zeros, name, type, category, measure and the account above."""
    row = staged_account(
        "0010",
        5,
        account_name="Cash",
        account_type="Asset",
        category="Liquid",
        measure="balance",
        parent_account_number="0001",
    )
    result = accounts(frame(spark, STAGED["accounts"], [row]))
    assert_is(result, ACCOUNTS)
    assert rows_of(result) == [{name: row.get(name) for name in ACCOUNTS.column_names}]


def test_an_account_without_a_type_stays_without_one(spark: SparkSession) -> None:
    """Whether the ledger knows the type is for the dimension to find out."""
    (found,) = rows_of(accounts(frame(spark, STAGED["accounts"], [staged_account("9")])))
    assert (found["account_type"], found["measure"]) == (None, None)


def test_account_rows_that_were_not_accepted_are_no_accounts(spark: SparkSession) -> None:
    """An account of a type that does not exist is rejected, so it describes nothing."""
    rows = [
        staged_account("9", row, outcome=outcome)
        for row, outcome in enumerate(("rejected", "duplicate", "skipped", "measured", "refused"))
    ]
    assert rows_of(accounts(frame(spark, STAGED["accounts"], rows))) == []
