"""Months of Actual that are totals of the year, sent month by month: which are found, and which are not.

Does not belong here: the months of one file (see `feeds/test_running_totals`), the SQL of the check.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from finance_platform.quality.account_months import find_unusual_months
from finance_platform.quality.gates import find_running_totals
from finance_platform.quality.month_columns import AccountMonth, AccountMonths
from finance_platform.quality.running_years import find_running_years

YEAR = [f"2025-{month:02d}" for month in range(1, 13)]
SHARES = {
    "4000": [90, 95, 101, 87, 92, 99, 80, 70, 105, 110, 120, 150],
    "5000": [40, 39, 45, 41, 44, 40, 35, 33, 47, 50, 55, 66],
    "6000": [12] * 12,
    "6100": [8, 9, 7, 8, 8, 9, 7, 8, 9, 10, 8, 9],
    "6200": [3, 0, 0, 5, 0, 1, 0, 0, 2, 0, 0, 4],
    "6300": [5, 5, 6, 6, 5, 5, 6, 6, 5, 5, 6, 6],
}
Months = dict[str, Decimal]


def months(periods: Sequence[str] = YEAR) -> dict[str, Months]:
    """Return six accounts with the amounts of each month."""
    return {
        number: {period: Decimal(values[place % 12]) for place, period in enumerate(periods) if values[place % 12]}
        for number, values in SHARES.items()
    }


def as_totals(accounts: dict[str, Months], periods: Sequence[str] = YEAR) -> dict[str, Months]:
    """Return the same accounts with the total since January in each month."""
    totals: dict[str, Months] = {}
    for number, amounts in accounts.items():
        total, year = Decimal(0), ""
        for period in periods:
            total = Decimal(0) if period[:4] != year else total
            year, total = period[:4], total + amounts.get(period, Decimal(0))
            totals.setdefault(number, {})[period] = total
    return totals


def found(accounts: dict[str, Months], periods: Sequence[str] = YEAR, evaluated: Sequence[str] | None = None):
    columns = AccountMonths.of(
        AccountMonth(period, number, "", amount.quantize(Decimal("0.01")), 1)
        for number, amounts in accounts.items()
        for period, amount in amounts.items()
    )
    running = find_running_years(columns, periods, evaluated or periods)
    return [(one.first, one.period, one.growing, one.accounts) for one in running]


def test_totals_of_the_year_are_found_from_the_fourth_month_on():
    accounts = as_totals(months())
    assert found(accounts, YEAR[:3]) == []
    assert found(accounts, YEAR[:4]) == [("2025-01", "2025-04", 6, 6)]
    assert found(accounts, evaluated=YEAR[-1:]) == [("2025-01", "2025-12", 6, 6)]


def test_the_totals_of_a_second_year_begin_in_its_first_month():
    periods = [*YEAR, *(f"2026-{month:02d}" for month in range(1, 4))]
    accounts = as_totals(months(periods), periods)
    assert found(accounts, periods, periods[-3:]) == [("2026-01", "2026-03", 5, 6)]


def test_each_of_the_last_months_is_named_and_of_a_first_load_the_whole_of_each_year():
    periods = [f"{year}-{month}" for year in ("2024", "2025") for month in [one[5:] for one in YEAR]]
    columns = AccountMonths.of(
        AccountMonth(period, number, "", amount.quantize(Decimal("0.01")), 1)
        for number, amounts in as_totals(months(periods), periods).items()
        for period, amount in amounts.items()
    )
    of_first_load = find_unusual_months(columns, periods).running_years
    assert [(one.first, one.period) for one in of_first_load] == [
        *(("2025-01", period) for period in ("2025-12", "2025-11", "2025-10")),
        ("2024-01", "2024-12"),
    ]
    assert [one.period for one in find_unusual_months(columns).running_years] == ["2025-12", "2025-11", "2025-10"]


def test_amounts_of_months_are_not_found():
    assert found(months()) == []


@pytest.mark.parametrize("growth", ["1.02", "1.1", "1.2", "1.5", "2"])
def test_a_business_that_grows_each_month_is_not_found(growth: str):
    factor = Decimal(growth)
    accounts = {
        number: {period: 100 * place * factor**month for month, period in enumerate(YEAR)}
        for place, number in enumerate(SHARES, 1)
    }
    assert found(accounts) == []


def test_a_business_that_grows_by_as_much_each_month_after_half_a_month_is_not_found():
    """Its last month is many times the first one, but not as many times as the total of equal months would be."""
    shares = [Decimal(1), *(Decimal("1.7") + Decimal("0.35") * month for month in range(11))]
    accounts = {
        number: {period: 100 * place * share for period, share in zip(YEAR, shares, strict=True)}
        for place, number in enumerate(SHARES, 1)
    }
    assert found(accounts) == []


@pytest.mark.parametrize("first", [["0.5"], ["0.33"], ["0.1"], ["0.3", "0.6"]])
@pytest.mark.parametrize("growth", ["1", "1.02"])
def test_amounts_that_stay_as_they_are_after_a_first_month_that_was_no_whole_one_are_not_found(
    first: list[str], growth: str
):
    """Rents and fees of a company that began on a day in January."""
    shares = [Decimal(one) for one in first] + [Decimal(growth) ** month for month in range(len(first), len(YEAR))]
    accounts = {
        number: {period: 100 * place * share for period, share in zip(YEAR, shares, strict=True)}
        for place, number in enumerate(SHARES, 1)
    }
    assert found(accounts) == []


@pytest.mark.parametrize("first", ["0.5", "0.33", "0.2"])
@pytest.mark.parametrize("growth", ["1.1", "1.15", "1.2"])
def test_growth_after_a_first_month_that_was_no_whole_one_is_not_found(first: str, growth: str):
    accounts = {
        number: {
            period: 100 * place * Decimal(growth) ** month * (1 if month else Decimal(first))
            for month, period in enumerate(YEAR)
        }
        for place, number in enumerate(SHARES, 1)
    }
    assert found(accounts) == []


def test_totals_of_a_season_are_found_by_the_costs_that_have_none():
    season = [10, 11, 12, 13, 15, 17, 19, 21, 19, 16, 13, 11]
    accounts = months()
    for number in ("4000", "5000", "6200", "6300"):
        accounts[number] = {period: Decimal(amount) for period, amount in zip(YEAR, season, strict=True)}
    totals = as_totals(accounts)
    assert found(totals, evaluated=["2025-09"]) == [("2025-01", "2025-09", 6, 6)]


def test_a_year_that_begins_with_half_a_month_is_not_found():
    """Three months are enough after a fall, which a shutdown is too."""
    periods = [*YEAR, *(f"2026-{month:02d}" for month in range(1, 7))]
    accounts = {
        number: {period: Decimal(100 * place) / (1 + 2 * (period == "2026-01")) for period in periods}
        for place, number in enumerate(SHARES, 1)
    }
    assert found(accounts, periods) == []


def test_totals_of_a_year_that_begins_with_half_a_month_are_found():
    accounts = months()
    for amounts in accounts.values():
        amounts["2025-01"] /= 2
    totals = as_totals(accounts)
    assert [period for _, period, _, _ in found(totals)] == YEAR[:2:-1]


def test_a_season_with_costs_that_are_the_same_in_each_month_is_not_found():
    season = [10, 20, 30, 40, 50, 60, 70, 80, 60, 40, 20, 10]
    accounts = months()
    for number in ("4000", "5000", "6100", "6300"):
        accounts[number] = {period: Decimal(amount) for period, amount in zip(YEAR, season, strict=True)}
    assert found(accounts) == []


def test_a_few_accounts_of_totals_beside_others_are_not_found():
    accounts = months()
    accounts["4000"] = as_totals(accounts)["4000"]
    accounts["5000"] = as_totals(accounts)["5000"]
    assert found(accounts) == []


def test_the_sentence_names_the_span_and_the_fix_what_to_export():
    accounts = as_totals(months())
    lines = [
        AccountMonth(period, number, "x", amount, 1, profit_sign=1 if number < "5" else -1)
        for number, amounts in accounts.items()
        for period, amount in amounts.items()
        if period < "2025-07"
    ]
    running = find_unusual_months(AccountMonths.of(lines)).running_years
    assert [one.period for one in running] == ["2025-06", "2025-05", "2025-04"]
    (finding,) = find_running_totals(running[:1])
    assert finding.text == (
        "6 of 6 accounts of profit and loss grow from 2025-01 to 2025-06 without a smaller month, mostly to 6.2 times "
        "the first one, as if each month had the total since 2025-01"
    )
    assert "export the amounts of each month alone" in finding.fix
