"""Signs that contradict the types of accounts: which periods have them, which do not, and `sign: credit_positive`.

Does not belong here: the check and its SQL (see `warehouse/test_unusual_amounts`).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from finance_platform.errors import DescriptorError
from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.quality.account_months import find_unusual_months
from finance_platform.quality.gates import find_contradicting_signs
from finance_platform.quality.month_columns import AccountMonth, AccountMonths
from finance_platform.quality.natural_signs import find_wrong_signs
from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_text

REVENUE, COSTS, SHEET = 1, -1, 0


def found(*accounts: tuple[int, str, str]) -> list[tuple[bool, bool, int, int, str]]:
    """Return what is found of accounts with a sign, Actual and budget in one month."""
    months = AccountMonths.of(
        AccountMonth("2025-01", str(place), "", Decimal(actual), 1, Decimal(0), sign, Decimal(budget))
        for place, (sign, actual, budget) in enumerate(accounts)
    )
    wrong = find_wrong_signs(months, ["2025-01"])
    return [(one.is_revenue, one.is_budget, one.negative, one.accounts, str(one.amount)) for one in wrong]


def test_revenue_with_a_minus_is_found():
    """As a ledger in debit less credit has it: profit would be -80.00 for 20.00."""
    assert found((REVENUE, "-50.00", "50.00"), (COSTS, "10.00", "10.00"), (COSTS, "20.00", "20.00")) == [
        (True, False, 1, 1, "-50.00")
    ]


def test_costs_with_a_minus_are_found_also_in_a_budget_alone():
    assert found((REVENUE, "50.00", "50.00"), (COSTS, "10.00", "-10.00"), (COSTS, "20.00", "-20.00")) == [
        (False, True, 2, 2, "-30.00")
    ]


def test_both_with_a_minus_are_found():
    assert len(found((REVENUE, "-50.00", "0.00"), (COSTS, "-10.00", "0.00"), (COSTS, "-20.00", "0.00"))) == 2


@pytest.mark.parametrize(
    "accounts",
    [
        [(REVENUE, "50.00"), (COSTS, "10.00"), (COSTS, "20.00")],
        [(REVENUE, "50.00"), (COSTS, "-10.00"), (COSTS, "20.00"), (COSTS, "-9.00")],  # credit notes
        [(REVENUE, "50.00"), (COSTS, "-10.00"), (COSTS, "9.00")],
        [(REVENUE, "50.00"), (COSTS, "-10.00")],  # one account
        [(REVENUE, "-1.00"), (COSTS, "10.00"), (COSTS, "20.00")],  # a correction of little revenue
        [(REVENUE, "50.00"), (REVENUE, "-60.00"), (COSTS, "10.00")],
        [(SHEET, "-50.00"), (SHEET, "-10.00")],
        [(REVENUE, "0.00")],
        [],
    ],
)
def test_signs_that_agree_or_are_corrections_are_not_found(accounts: list[tuple[int, str]]):
    assert found(*((sign, amount, amount) for sign, amount in accounts)) == []


def test_an_only_account_with_a_credit_note_alone_in_a_month_is_not_found():
    months = {"2025-01": "900.00", "2025-02": "800.00", "2025-03": "-100.00"}
    rows = [AccountMonth(period, "4000", "", Decimal(amount), 1) for period, amount in months.items()]
    assert find_wrong_signs(AccountMonths.of(rows), months) == ()
    turned = AccountMonths.of(replace(row, amount=-row.amount) for row in rows)
    assert [one.period for one in find_wrong_signs(turned, months)] == ["2025-02", "2025-01"]


def test_each_of_the_last_months_is_named_with_its_fix():
    rows = [
        AccountMonth(f"2025-0{month}", number, "", Decimal(amount), 1, Decimal(0), sign, Decimal(0))
        for month in range(1, 7)
        for number, sign, amount in (("4000", REVENUE, "-150.00"), ("6000", COSTS, "20.00"))
    ]
    wrong = find_unusual_months(AccountMonths.of(rows)).wrong_signs
    assert [one.period for one in wrong] == ["2025-06", "2025-05", "2025-04"]
    finding = find_contradicting_signs(wrong)[0]
    assert finding.text == (
        "revenue is -150.00 in Actual of 2025-06: the only account is negative, although revenue earned is positive"
    )
    assert "sign: debit_positive" in finding.fix
    assert "send revenue without a minus" in finding.fix


@pytest.mark.parametrize(("lines", "named"), [(2, []), (20, ["2025-04"])])
def test_a_month_that_has_only_begun_is_not_compared(lines: int, named: list[str]):
    """Accruals are reversed on its first day; a second file has changed its amounts since."""
    rows = [
        AccountMonth(f"2025-0{month}", number, "", Decimal(amount), 10, Decimal(0), sign, Decimal(0))
        for month in range(1, 4)
        for number, sign, amount in (("4000", REVENUE, "150.00"), ("6000", COSTS, "20.00"), ("6100", COSTS, "30.00"))
    ]
    rows += [
        AccountMonth("2025-04", number, "", Decimal(-5), lines, Decimal(1), COSTS, Decimal(0))
        for number in ("6000", "6100")
    ]
    assert [one.period for one in find_unusual_months(AccountMonths.of(rows)).wrong_signs] == named


LIST = """\
feed: x
kind: ledger
path: x.csv
columns: {date: Date, department: Unit, account: Account, amount: Amount}
constants: {scenario: Actual}
types_by_prefix: {account_type: {4: Revenue, 6: Expense}}
control_total: [{kind: grand, row: {column: Date, matches: "^Total"}}]
sign: %s
"""


def listed(folder: Path, text: str) -> FileCheck:
    return check_text(folder, "Date,Unit,Account,Amount\n" + text, LIST % "credit_positive")


def test_amounts_that_are_credit_less_debit_become_debit_less_credit(tmp_path: Path):
    """Income is positive and spending negative, also in the total that the file prints."""
    check = listed(tmp_path, "2025-01-31,D1,4000,50.005\n2025-01-31,D1,6000,-30.00\nTotal,,,20.005\n")
    assert check.is_fine, check.holds
    ((_, count),) = check.sums.items()
    assert count.amount == Decimal("-20.01")
    assert check.rounding == Decimal("-0.005")
    assert check.findings.control_totals.tied == 1


def test_a_mark_of_a_side_beside_such_an_amount_is_rejected(tmp_path: Path):
    (row,) = listed(tmp_path, "2025-01-31,D1,4000,50.00 CR\n2025-01-31,D1,4000,1.00\n").refused_rows
    assert "CR beside an amount is read under sign: debit_positive" in row.reasons


@pytest.mark.parametrize("amount", ["{debit: Dr, credit: Cr}", "{from: Amount, sign_column: {from: S, negative: [H]}}"])
def test_amounts_whose_sides_are_given_are_not_credit_less_debit(amount: str):
    text = (LIST % "credit_positive").replace("amount: Amount", f"amount: {amount}")
    with pytest.raises(DescriptorError, match="credit_positive is for amounts in one column that have their signs"):
        parse_descriptor(text, "x.yaml")
