"""Tests of `dim_account`: types, signs and measures of accounts; conformance itself is tested with departments."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from pyspark.sql import SparkSession

from finance_platform.contracts.star import DIM_ACCOUNT
from finance_platform.feeds.codes import ACCOUNT_TYPES, surrogate_key
from finance_platform.transforms.dim_account import dim_account
from finance_platform_tests.transforms.rows import (
    Row,
    accounts_of,
    assert_is,
    member,
    members_of,
    ranks_of,
    rows_of,
    staged_account,
)

SIGNS = {"Revenue": 1, "Expense": -1}


def found_accounts(spark: SparkSession, described: Iterable[Row], mentioned: Iterable[Row]) -> dict[str, Row]:
    """Return the dimension by account number."""
    result = dim_account(accounts_of(spark, described), members_of(spark, mentioned), ranks_of(spark, "r1", "d1"))
    assert_is(result, DIM_ACCOUNT)
    return {row["account_number"]: row for row in rows_of(result)}


def test_a_described_account_is_shown_as_its_reference_file_says(spark: SparkSession) -> None:
    """Number with its zeros, name, type, category, measure and the account above."""
    described = staged_account(
        "0010",
        account_name="Cash",
        account_type="Asset",
        category="Liquid",
        measure="balance",
        parent_account_number="0001",
    )
    assert found_accounts(spark, [described], []) == {
        "0010": {
            "account_key": surrogate_key("0010"),
            "account_name": "Cash",
            "account_number": "0010",
            "account_type": "Asset",
            "category": "Liquid",
            "profit_sign": 0,
            "is_monetary": True,
            "measure": "balance",
            "parent_account_number": "0001",
            "is_inferred": False,
        }
    }


def test_an_account_that_only_lines_mention_is_inferred_with_an_unknown_type(spark: SparkSession) -> None:
    """It is money of no known direction, and in no profit."""
    found = found_accounts(spark, [], [member("account", "9999")])["9999"]
    shown = ("account_name", "account_type", "category", "profit_sign", "is_monetary", "measure", "is_inferred")
    assert tuple(found[name] for name in shown) == ("9999", "Unknown", "Unknown", 0, True, "flow", True)


@pytest.mark.parametrize("account_type", ACCOUNT_TYPES)
def test_only_revenue_and_expense_make_profit_and_only_statistics_are_no_money(
    spark: SparkSession, account_type: str
) -> None:
    """Profit is SUM(Amount * ProfitSign)."""
    found = found_accounts(spark, [staged_account("1", account_type=account_type)], [])["1"]
    assert found["profit_sign"] == SIGNS.get(account_type, 0)
    assert found["is_monetary"] == (account_type != "Statistical")


def test_the_sign_follows_a_type_that_came_with_the_lines(spark: SparkSession) -> None:
    """No reference file has the account, the ledger itself says that it is revenue."""
    mentioned = member("account", "4000", name="Sales", account_type="Revenue", category="Licences")
    found = found_accounts(spark, [], [mentioned])["4000"]
    assert (found["account_name"], found["account_type"], found["category"]) == ("Sales", "Revenue", "Licences")
    assert (found["profit_sign"], found["is_inferred"]) == (1, True)


def test_the_reference_files_type_stands_against_the_ledgers(spark: SparkSession) -> None:
    """A ledger line cannot turn an expense into revenue."""
    described, mentioned = staged_account("1", account_type="Expense"), member("account", "1", account_type="Revenue")
    found = found_accounts(spark, [described], [mentioned])["1"]
    assert (found["account_type"], found["profit_sign"]) == ("Expense", -1)


def test_a_type_that_the_reference_file_leaves_blank_is_taken_from_the_lines(spark: SparkSession) -> None:
    """With the sign that goes with it."""
    found = found_accounts(spark, [staged_account("1")], [member("account", "1", account_type="Revenue")])["1"]
    assert (found["account_type"], found["profit_sign"], found["is_inferred"]) == ("Revenue", 1, False)


def test_a_department_that_lines_mention_is_no_account(spark: SparkSession) -> None:
    """Both kinds of members are in one table."""
    assert found_accounts(spark, [], [member("department", "D100")]) == {}
