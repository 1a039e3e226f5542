"""`transforms.dim_account`: types, signs and measures of accounts. For the shared part see `test_dim_department`."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from finance_platform.contracts.processed import ACCOUNTS, MEMBERS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import DIM_ACCOUNT
from finance_platform.feeds.values.codes import ACCOUNT_TYPES, surrogate_key
from finance_platform.transforms.dim_account import dim_account
from finance_platform_tests.transforms.rows import Row, member, staged_account, table_of

SIGNS = {"Revenue": 1, "Expense": -1}


def accounts_by_number(described: Iterable[Row], mentioned: Iterable[Row]) -> dict[str, Row]:
    """Return the dimension by account number; the assertion fails if a column has another type."""
    table = dim_account(table_of(ACCOUNTS, described), table_of(MEMBERS, mentioned), ["r1", "d1"])
    assert table.schema.equals(arrow_schema(DIM_ACCOUNT.stored_columns))
    return {row["account_number"]: row for row in table.to_pylist()}


def test_a_described_account_has_the_attributes_of_its_reference_file() -> None:
    """Number with its zeros, name, type, category, measure and parent account."""
    described = staged_account(
        "0010",
        account_name="Cash",
        account_type="Asset",
        category="Liquid",
        measure="balance",
        parent_account_number="0001",
    )
    assert accounts_by_number([described], []) == {
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


def test_an_account_that_only_lines_mention_is_inferred_with_an_unknown_type() -> None:
    """It is not part of the profit."""
    account = accounts_by_number([], [member("account", "9999")])["9999"]
    shown = ("account_name", "account_type", "category", "profit_sign", "is_monetary", "measure", "is_inferred")
    assert tuple(account[name] for name in shown) == ("9999", "Unknown", "Unknown", 0, True, "flow", True)


@pytest.mark.parametrize("account_type", ACCOUNT_TYPES)
def test_only_revenue_and_expense_are_profit_and_only_statistical_accounts_are_not_monetary(account_type: str) -> None:
    """Profit is SUM(Amount * ProfitSign)."""
    account = accounts_by_number([staged_account("1", account_type=account_type)], [])["1"]
    assert account["profit_sign"] == SIGNS.get(account_type, 0)
    assert account["is_monetary"] == (account_type != "Statistical")


def test_the_sign_follows_the_type_of_the_lines_without_a_reference_file() -> None:
    mentioned = member("account", "4000", name="Sales", account_type="Revenue", category="Licences")
    account = accounts_by_number([], [mentioned])["4000"]
    assert (account["account_name"], account["account_type"], account["category"]) == ("Sales", "Revenue", "Licences")
    assert (account["profit_sign"], account["is_inferred"]) == (1, True)


def test_the_reference_file_s_type_takes_precedence_over_the_ledger_s() -> None:
    """A ledger line cannot turn an expense into revenue."""
    described, mentioned = staged_account("1", account_type="Expense"), member("account", "1", account_type="Revenue")
    account = accounts_by_number([described], [mentioned])["1"]
    assert (account["account_type"], account["profit_sign"]) == ("Expense", -1)


def test_a_type_that_the_reference_file_leaves_blank_is_taken_from_the_lines() -> None:
    account = accounts_by_number([staged_account("1")], [member("account", "1", account_type="Revenue")])["1"]
    assert (account["account_type"], account["profit_sign"], account["is_inferred"]) == ("Revenue", 1, False)


def test_a_department_that_lines_mention_is_not_an_account() -> None:
    """Both kinds of members are in one table."""
    assert accounts_by_number([], [member("department", "D100")]) == {}
