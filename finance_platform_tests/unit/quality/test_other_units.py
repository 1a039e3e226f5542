"""Periods whose amounts are in another unit than those of other periods: which are found, and which are not.

Does not belong here: the check and its SQL (see `warehouse/test_unusual_amounts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from finance_platform.quality.account_months import find_unusual_months
from finance_platform.quality.gates import find_contradicting_units
from finance_platform.quality.month_columns import AccountMonth, AccountMonths
from finance_platform.quality.other_units import OtherUnit, find_other_units

MONTHS = [f"2025-0{month}" for month in range(1, 7)]
ACCOUNTS = {"4000": "90000", "5000": "-41000", "6000": "12345.67", "6100": "800", "6200": "39"}


def months(
    factors: dict[str, str] | None = None, budgets: str = "0.9", accounts: int = 5
) -> dict[str, dict[str, tuple[Decimal, Decimal]]]:
    """Return accounts with Actual and budget that vary from month to month, some months of Actual times a factor."""
    known = factors or {}
    return {
        number: {
            period: (
                (Decimal(amount) * (1 + Decimal(position * place % 4) / 4)).quantize(Decimal("0.01"))
                * Decimal(known.get(period, 1)),
                Decimal(amount) * Decimal(budgets),
            )
            for position, period in enumerate(MONTHS)
        }
        for place, (number, amount) in enumerate(list(ACCOUNTS.items())[:accounts], 1)
    }


def columns(accounts: Mapping[str, Mapping[str, tuple[Decimal, Decimal]]], factor: int = 1) -> AccountMonths:
    """Return accounts as columns; `factor` makes amounts large enough to have cents in another unit."""
    return AccountMonths.of(
        AccountMonth(period, number, "", to_cents(actual * factor), 1, Decimal(0), 1, to_cents(budget * factor))
        for number, amounts in accounts.items()
        for period, (actual, budget) in amounts.items()
    )


def to_cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"))


def found(others: tuple[OtherUnit, ...]) -> list[tuple[str, bool, int, int, int]]:
    return [(one.period, one.is_budget, one.power, one.accounts, one.compared) for one in others]


@pytest.mark.parametrize(("factor", "power"), [("0.001", -3), ("1000", 3), ("0.000001", -6), ("100", 2)])
def test_a_month_in_another_unit_is_found(factor: str, power: int):
    assert found(find_other_units(columns(months({"2025-03": factor}), 10_000), MONTHS)) == [
        ("2025-03", False, power, 5, 5)
    ]


def test_the_second_month_of_a_home_is_compared_with_the_first():
    accounts = {number: dict(list(amounts.items())[:2]) for number, amounts in months({"2025-02": "0.001"}).items()}
    assert found(find_other_units(columns(accounts), ["2025-02"])) == [("2025-02", False, -3, 5, 5)]


def test_a_budget_in_thousands_is_found_in_each_month():
    others = find_other_units(columns(months(budgets="0.0009")), MONTHS[-2:])
    assert found(others) == [("2025-06", True, -3, 5, 5), ("2025-05", True, -3, 5, 5)]


def test_a_month_in_units_beside_months_in_cents_is_found_and_so_is_its_budget():
    cents = {period: "100" for period in MONTHS if period != "2025-03"}
    assert found(find_other_units(columns(months(cents, accounts=5)), ["2025-03"])) == [("2025-03", False, -2, 5, 5)]
    all_cents = columns(months(dict.fromkeys(MONTHS, "100")))
    assert found(find_other_units(all_cents, ["2025-03"])) == [("2025-03", True, -2, 5, 5)]


@pytest.mark.parametrize(
    "accounts",
    [
        months(),
        months({"2025-03": "0.01"}),  # a month before the company traded, or one that has only begun
        months({"2025-03": "99.99"}),  # a season that has cents
        months(budgets="0.01"),  # the budget of one department of a hundred
        months(budgets="100"),
        months({"2025-03": "12"}),  # a year in one month
        months({"2025-03": "0.03"}),  # the first day of a month
        months({"2025-03": "0.001"}, accounts=3),
        months(budgets="12"),
        months(budgets="0"),
        {number: amounts for number, amounts in months({"2025-03": "0.001"}).items() if number < "5000"}
        | {number: amounts for number, amounts in months().items() if number >= "5000"},  # one account
        {number: {"2025-03": amounts["2025-03"]} for number, amounts in months().items()},  # one month
        {},
    ],
)
def test_months_of_one_unit_are_not_found(accounts: dict[str, dict[str, tuple[Decimal, Decimal]]]):
    assert find_other_units(columns(accounts), MONTHS) == ()


def test_a_month_in_thousands_is_named_with_its_fix_and_is_a_finding_of_its_gate():
    rows = columns(months({"2025-06": "0.001"}))
    (finding,) = find_contradicting_units(find_unusual_months(rows).other_units)
    assert finding.text == (
        "5 of 5 accounts in Actual of 2025-06 are about 1,000 times smaller than in other months, such as 4000 with "
        "112.50 beside 112,500.00: they seem to be in another unit"
    )
    assert finding.fix.startswith(
        "if the file is right but in another unit, set scale: 1000 of columns.amount in the descriptor of its feed, or "
        "scale: 0.001 in that of the others if these are in another unit, send files"
    )


def test_amounts_in_cents_have_the_scale_of_cents():
    (one,) = find_other_units(columns(months({"2025-03": "100"})), MONTHS)
    assert "set scale: 0.01 of columns.amount in the descriptor of its feed, send files" in one.fix
    assert "100 times larger than in other months" in one.sentence
    cents = columns(months({period: "100" for period in MONTHS if period != "2025-03"}))
    (beside,) = find_other_units(cents, ["2025-03"])
    assert "set scale: 0.01 of columns.amount in the descriptor of the others, which seem to be cents" in beside.fix
