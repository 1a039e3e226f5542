"""Rows of a trial balance: accepted as debit less credit, or rejected with the rule that they broke."""

from __future__ import annotations

from decimal import Decimal

import pytest

from finance_platform.feeds.lines.balance_rows import BalanceRows
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform_tests.unit.factories import Typed, feed, raw_batch

DESCRIPTOR = """\
feed: trial_balance
kind: balances
path: tb*.csv
columns:
  period: Month
  account: Account
  department: {from: Dept, required: false}
  opening: {from: Open, required: false, decimal: ",", thousands: "."}
  balance: {from: {debit: Dr, credit: Cr}}
"""
HEADER = ("Month", "Account", "Dept", "Open", "Dr", "Cr")
ONE_COLUMN = DESCRIPTOR.replace("{from: {debit: Dr, credit: Cr}}", "{from: Balance}")


def typed(descriptor: str, header: tuple[str, ...], *rows: tuple[str, ...]) -> Typed:
    return Typed(BalanceRows(feed(descriptor), list(header)).type_batch(raw_batch(header, rows)))


def row(
    month: str = "2025-03", account: str = "1000", opening: str = "", debit: str = "5.00", credit: str = ""
) -> Typed:
    return typed(DESCRIPTOR, HEADER, (month, account, "", opening, debit, credit))


def test_a_balance_is_debit_less_credit_and_each_field_has_its_own_marks():
    accepted = row("2025-03", " 1000 ", "1.234,50", "", "70.25")
    names = ("outcome", "period", "account_number", "department_code", "opening", "balance")
    assert [accepted.one(name) for name in names] == [
        *("accepted", "2025-03", "1000", None, Decimal("1234.50"), Decimal("-70.25")),
    ]
    assert accepted.one("account_key") == surrogate_key("1000")


@pytest.mark.parametrize(
    ("text", "money"), [("12.00 CR", "-12.00"), ("12.00 H", "-12.00"), ("(12.00)", "-12.00"), ("0", "0.00")]
)
def test_one_column_may_name_its_sides(text: str, money: str):
    one = typed(ONE_COLUMN, ("Month", "Account", "Balance"), ("2025-03", "1000", text))
    assert (one.one("balance"), one.one("opening")) == (Decimal(money), None)


def test_an_amount_may_state_the_side_of_its_column():
    assert row(debit="1200.00 D").one("balance") == Decimal("1200.00")
    assert row(debit="", credit="5.00 Cr").one("balance") == Decimal("-5.00")


@pytest.mark.parametrize(
    ("rejected", "rule", "reason"),
    [
        (row(month=""), "blank_period", "period is blank"),
        (row(month="2025-13"), "invalid_period", "'2025-13' is not a valid date of the form yyyy-MM"),
        (row(account=""), "blank_account", "account is blank"),
        (row(debit=""), "blank_balance", "balance is blank"),
        (row(debit="1O0"), "invalid_balance", "balance: '1O0' is not a valid amount"),
        (
            row(debit="١٢٫٥٠"),
            "invalid_balance",
            "its digits are of a script that is not read: write 0 to 9 at the source",
        ),
        (
            row(debit="10000000000000000"),
            *("invalid_balance", "it is too large: an amount is at most 9,999,999,999,999,999.99"),
        ),
        (
            row(debit="9000000000000000", credit="-9000000000000000"),
            *("invalid_balance", "debit less credit is too large: an amount is at most 9,999,999,999,999,999.99"),
        ),
        (row(opening="x"), "invalid_opening", "opening: 'x' is not a valid amount"),
        (row(debit="5.00 C"), "invalid_balance", "'5.00 C' is not a valid amount; C is beside it, and its column has"),
        (row(debit="EUR 5.00"), "foreign_currency", "balance: 'EUR 5.00' is in EUR, not in the home's currency, USD"),
    ],
)
def test_a_row_with_a_mistake_is_rejected_with_its_rule(rejected: Typed, rule: str, reason: str):
    assert (rejected.one("outcome"), rejected.one("rules")) == ("rejected", rule)
    assert reason in rejected.one("reasons")


def test_the_key_is_the_period_the_account_and_the_department_in_any_spelling():
    rows = typed(DESCRIPTOR, HEADER, ("2025-03", "a1", "d1", "", "1", ""), ("2025-03", "A1", "D1", "", "2", ""))
    first, second = rows.columns["line_key"].to_pylist()
    assert first == second != row().one("line_key")
