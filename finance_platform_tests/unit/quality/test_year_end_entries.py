"""Entries of a year-end close: which periods have them, and which do not.

Does not belong here: the check and its SQL (see `warehouse/test_unusual_amounts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from finance_platform.feeds.values.dates import periods_between
from finance_platform.quality.account_months import find_unusual_months
from finance_platform.quality.gates import find_closed_years
from finance_platform.quality.month_columns import AccountMonth, AccountMonths
from finance_platform.quality.year_end_entries import YearEndEntries, find_year_end_entries

YEARS = periods_between("2023-04", "2025-03")
"""Two fiscal years from April to March."""


def account(monthly: str, *, closed: str = "", periods: list[str] = YEARS) -> dict[str, Decimal]:
    """Return an account with one amount a month; its year from April is carried to equity in a period."""
    amounts = dict.fromkeys(periods, Decimal(monthly))
    if closed:
        year = [period for period in periods if period <= closed][-12:]
        amounts[closed] -= Decimal(monthly) * len(year)
    return amounts


def columns(*accounts: Mapping[str, Decimal]) -> AccountMonths:
    rows = [(period, str(place), amount) for place, one in enumerate(accounts) for period, amount in one.items()]
    return AccountMonths.of(AccountMonth(period, number, "", amount, 1) for period, number, amount in rows)


def found(*accounts: Mapping[str, Decimal], periods: list[str] = YEARS) -> list[tuple[str, str, int, int]]:
    entries = find_year_end_entries(columns(*accounts), periods, periods[-3:])
    return [(one.first, one.period, one.zeroed, one.accounts) for one in entries]


def test_a_year_in_which_the_accounts_add_up_to_zero_has_entries_of_its_close():
    closed = [account(monthly, closed="2025-03") for monthly in ("100.00", "-7.01", "30.00")]
    assert found(*closed, account("5.00")) == [("2024-04", "2025-03", 3, 4)]


def test_entries_that_were_made_in_the_year_before_too_are_found_again():
    """They are usual for each account, so that nothing else names them."""
    accounts = []
    for monthly in ("100.00", "-7.01"):
        amounts = account(monthly, closed="2025-03")
        amounts["2024-03"] -= Decimal(monthly) * 12
        accounts.append(amounts)
    assert found(*accounts) == [("2024-04", "2025-03", 2, 2)]
    assert find_year_end_entries(columns(*accounts), YEARS, ["2024-03"])[0].first == "2023-04"


def test_a_first_year_that_begins_late_is_found():
    periods = YEARS[-5:]
    closed = [account(monthly, closed="2025-03", periods=periods) for monthly in ("100.00", "-7.01")]
    assert found(*closed, periods=periods) == [("2024-11", "2025-03", 2, 2)]


@pytest.mark.parametrize(
    "accounts",
    [
        [account("100.00"), account("-7.01")],
        [account("100.00", closed="2025-03"), account("1.00"), account("2.00")],  # one account may cancel out
        [account("100.00", closed="2025-03"), account("1.00", closed="2025-02")],
        [{"2025-02": Decimal(5), "2025-03": Decimal(-5)}, {"2025-02": Decimal(9), "2025-03": Decimal(-9)}],  # accruals
        [{"2024-05": Decimal(5), "2024-06": Decimal(-4), "2024-07": Decimal(-1)}] * 2,  # zero before the last months
        [],
    ],
    ids=["none", "one account", "months", "accruals", "earlier", "no account"],
)
def test_accounts_that_do_not_end_a_year_together_have_no_such_entries(accounts: list[Mapping[str, Decimal]]):
    assert found(*accounts) == []


def test_accounts_of_the_balance_sheet_do_not_take_part():
    def months(number: str, amounts: Mapping[str, Decimal], *, profit_sign: int) -> list[AccountMonth]:
        return [
            AccountMonth(period, number, "", amount, 1, Decimal(0), profit_sign) for period, amount in amounts.items()
        ]

    sheet = [account(f"{number}.00") for number in range(1, 9)]
    closed = [account(monthly, closed="2025-03") for monthly in ("100.00", "-7.01")]
    rows = [row for place, one in enumerate(sheet) for row in months(f"1{place}", one, profit_sign=0)]
    rows += [row for place, one in enumerate(closed) for row in months(f"4{place}", one, profit_sign=-1)]
    assert [one.zeroed for one in find_unusual_months(AccountMonths.of(rows)).year_ends] == [2]


def test_a_gate_says_how_to_leave_the_entries_out():
    (finding,) = find_closed_years([YearEndEntries("2024-01", "2024-12", 2, 3, Decimal("1234.50"))])
    assert finding.text == (
        "2 of 3 accounts of profit and loss add up to 0.00 from 2024-01 to 2024-12, after 1,234.50 gross before it, "
        "as if entries of a year-end close counted as revenue and costs"
    )
    assert "may_hold_money: true" in finding.fix
