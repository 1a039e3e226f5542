"""Expected ranges and unusual amounts: examples, and properties of any amounts.

Belongs here: `quality.anomalies`. Does not belong here: which months are evaluated (see `test_account_months`).
"""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.quality.anomalies import (
    MIN_HISTORY_MONTHS,
    ExpectedRange,
    expected_range,
    has_thin_last_period,
    is_material,
    is_outlier,
    is_unusual,
)


def amounts(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


RENT = amounts(*["22000.00", "21500.00", "22400.00", "23100.00", "18500.00", "26100.00"] * 4)
"""Two years around 22,200.00."""


# Examples


@pytest.mark.parametrize("text", ["91200.00", "0.00", "-22000.00", "50000.00"])
def test_an_amount_far_from_two_years_of_others_is_unusual(text: str):
    assert is_unusual(Decimal(text), RENT, [])


@pytest.mark.parametrize("text", ["22000.00", "26100.00", "18500.00", "30000.00"])
def test_an_amount_among_the_others_or_less_than_half_away_is_not_unusual(text: str):
    assert not is_unusual(Decimal(text), RENT, [])


def test_an_outlier_among_steady_amounts_is_unusual_from_half_of_the_median_away():
    steady = amounts("100.00", "101.00", "99.00") * 8
    assert is_outlier(Decimal("149.99"), steady)
    assert not is_unusual(Decimal("149.99"), steady, [])
    assert is_unusual(Decimal("150.00"), steady, [])
    assert is_unusual(Decimal("50.00"), steady, [])


def test_the_score_is_0_6745_deviations_from_the_median_over_3_5():
    history = amounts("90.00", "100.00", "110.00")  # median 100, median absolute deviation 10: outlier from 51.89 away
    assert not is_outlier(Decimal("151.89"), history)
    assert is_outlier(Decimal("151.90"), history)
    assert is_outlier(Decimal("48.10"), history)


def test_if_most_amounts_are_equal_the_mean_deviation_replaces_the_median_deviation():
    history = amounts(*["0.00"] * 8, *["300.00"] * 4)  # mean absolute deviation 100: outlier from 438.66 away
    assert not is_outlier(Decimal("438.65"), history)
    assert is_outlier(Decimal("438.66"), history)


def test_nothing_is_unusual_in_the_first_year():
    assert is_unusual(Decimal(9000), amounts(*["100.00"] * MIN_HISTORY_MONTHS), [])
    assert not is_unusual(Decimal(9000), amounts(*["100.00"] * (MIN_HISTORY_MONTHS - 1)), [])


def test_one_error_in_the_history_does_not_hide_another():
    assert is_unusual(Decimal(91200), [*RENT[1:], Decimal(2_200_000)], [])


def test_a_bonus_each_december_is_usual_only_in_december():
    months = amounts(*["0.00"] * 11, "700.00") * 2
    assert not is_unusual(Decimal("720.00"), months, amounts("700.00", "700.00"))
    assert is_unusual(Decimal("720.00"), months, amounts("0.00", "0.00"))
    assert is_unusual(Decimal("2000.00"), months, amounts("700.00", "700.00"))


def test_an_amount_near_to_one_month_in_ten_is_usual():
    purchases = amounts(*["300.00"] * 21, *["0.00"] * 3)
    assert not is_unusual(Decimal("0.00"), purchases, [])
    assert is_unusual(Decimal("0.00"), amounts(*["300.00"] * 22, *["0.00"] * 2), [])


def test_a_new_level_is_unusual_for_three_months():
    unusual, months = [], [*RENT]
    for _ in range(6):
        unusual.append(is_unusual(Decimal(40000), months[-24:], []))
        months.append(Decimal(40000))
    assert unusual == [True, True, True, False, False, False]


def test_a_distance_below_the_floor_is_not_unusual():
    history = amounts(*["0.00"] * 12)
    assert is_unusual(Decimal("50.00"), history, [], Decimal("50.00"))
    assert not is_unusual(Decimal("50.00"), history, [], Decimal("50.01"))


def test_the_expected_range_is_the_median_and_the_range_without_outliers():
    assert expected_range([*RENT, Decimal(2_200_000)]) == ExpectedRange(
        25, Decimal("22400.00"), Decimal("18500.00"), Decimal("26100.00")
    )
    assert expected_range(amounts("1.00", "1.01")).median == Decimal("1.01")


def test_a_last_period_with_less_than_half_of_the_usual_lines_is_thin():
    assert has_thin_last_period([100, 110, 90, 49])
    assert not has_thin_last_period([100, 110, 90, 50])
    assert not has_thin_last_period([100, 1])
    assert not has_thin_last_period([])


# Properties

money = st.decimals(-1_000_000, 1_000_000, places=2)
history = st.lists(money, min_size=MIN_HISTORY_MONTHS, max_size=30)
years = st.lists(money, max_size=3)
floors = st.decimals(0, 10_000, places=2)
factors = st.decimals("0.01", 1000, places=2)


@given(money, history, years, floors, factors)
def test_the_currency_unit_does_not_matter(
    amount: Decimal, months: list[Decimal], same: list[Decimal], floor: Decimal, factor: Decimal
):
    scaled = is_unusual(
        amount * factor, [month * factor for month in months], [month * factor for month in same], floor * factor
    )
    assert scaled == is_unusual(amount, months, same, floor)


@given(money, history, years, floors)
def test_the_sign_does_not_matter(amount: Decimal, months: list[Decimal], same: list[Decimal], floor: Decimal):
    turned = is_unusual(-amount, [-month for month in months], [-month for month in same], floor)
    assert turned == is_unusual(amount, months, same, floor)


@given(money, history, years, st.integers())
def test_the_order_of_the_history_does_not_matter(
    amount: Decimal, months: list[Decimal], same: list[Decimal], seed: int
):
    mixed = [*months]
    Random(seed).shuffle(mixed)
    assert is_unusual(amount, mixed, same) == is_unusual(amount, months, same)
    assert expected_range(mixed) == expected_range(months)


@given(money, money, st.integers(MIN_HISTORY_MONTHS, 30))
def test_after_equal_months_exactly_a_material_change_is_unusual(amount: Decimal, constant: Decimal, count: int):
    assert is_unusual(amount, [constant] * count, []) == is_material(amount, constant, Decimal(0))
    assert not is_unusual(constant, [constant] * count, [])


@given(history, years)
def test_the_median_itself_is_never_unusual(months: list[Decimal], same: list[Decimal]):
    assert not is_unusual(sorted(months)[len(months) // 2], [*months, sorted(months)[len(months) // 2]], same)


@given(money, history, years, floors)
def test_an_unusual_amount_is_outside_of_the_expected_range(
    amount: Decimal, months: list[Decimal], same: list[Decimal], floor: Decimal
):
    expected = expected_range(months)
    assert expected.low <= expected.high
    for tried in (amount, amount * 10_000, amount / 10_000):
        if is_unusual(tried, months, same, floor):
            assert not expected.low <= tried <= expected.high


@given(money, history, years, floors)
def test_a_higher_floor_finds_fewer_amounts(
    amount: Decimal, months: list[Decimal], same: list[Decimal], floor: Decimal
):
    assert is_unusual(amount, months, same, Decimal(0)) or not is_unusual(amount, months, same, floor)
