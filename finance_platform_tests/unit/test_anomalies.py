"""What is usual for a series of amounts, and what is not: cases, and laws that hold for any amounts.

Belongs here: `quality.anomalies`. Does not belong here: which months are judged (see `test_account_months`).
"""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from finance_platform.quality.anomalies import (
    LEAST_HISTORY,
    ExpectedRange,
    is_material,
    is_outlier,
    is_unusual,
    last_is_thin,
    usual_of,
)


def amounts(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


RENT = amounts(*["22000.00", "21500.00", "22400.00", "23100.00", "18500.00", "26100.00"] * 4)
"""Two years around 22,200.00."""


# Cases


@pytest.mark.parametrize("text", ["91200.00", "0.00", "-22000.00", "50000.00"])
def test_an_amount_far_from_two_years_of_others_is_unusual(text: str):
    assert is_unusual(Decimal(text), RENT, [])


@pytest.mark.parametrize("text", ["22000.00", "26100.00", "18500.00", "30000.00"])
def test_an_amount_among_the_others_or_less_than_half_away_is_not(text: str):
    assert not is_unusual(Decimal(text), RENT, [])


def test_what_strays_among_steady_amounts_is_unusual_only_from_half_away_on():
    steady = amounts("100.00", "101.00", "99.00") * 8
    assert is_outlier(Decimal("149.99"), steady)
    assert not is_unusual(Decimal("149.99"), steady, [])
    assert is_unusual(Decimal("150.00"), steady, [])
    assert is_unusual(Decimal("50.00"), steady, [])


def test_the_score_is_0_6745_deviations_from_the_median_over_3_5():
    history = amounts("90.00", "100.00", "110.00")  # median 100, median absolute deviation 10: strays from 51.89 on
    assert not is_outlier(Decimal("151.89"), history)
    assert is_outlier(Decimal("151.90"), history)
    assert is_outlier(Decimal("48.10"), history)


def test_where_most_amounts_are_the_same_the_mean_deviation_stands_for_the_median_one():
    history = amounts(*["0.00"] * 8, *["300.00"] * 4)  # mean absolute deviation 100: strays from 438.66 on
    assert not is_outlier(Decimal("438.65"), history)
    assert is_outlier(Decimal("438.66"), history)


def test_less_than_a_year_says_nothing():
    assert is_unusual(Decimal(9000), amounts(*["100.00"] * LEAST_HISTORY), [])
    assert not is_unusual(Decimal(9000), amounts(*["100.00"] * (LEAST_HISTORY - 1)), [])


def test_one_slip_in_the_months_before_hides_no_other():
    assert is_unusual(Decimal(91200), [*RENT[1:], Decimal(2_200_000)], [])


def test_a_bonus_that_comes_each_december_is_usual_in_december_and_in_no_other_month():
    months = amounts(*["0.00"] * 11, "700.00") * 2
    assert not is_unusual(Decimal("720.00"), months, amounts("700.00", "700.00"))
    assert is_unusual(Decimal("720.00"), months, amounts("0.00", "0.00"))
    assert is_unusual(Decimal("2000.00"), months, amounts("700.00", "700.00"))


def test_what_one_month_in_ten_was_like_is_usual():
    purchases = amounts(*["300.00"] * 21, *["0.00"] * 3)
    assert not is_unusual(Decimal("0.00"), purchases, [])
    assert is_unusual(Decimal("0.00"), amounts(*["300.00"] * 22, *["0.00"] * 2), [])


def test_a_new_level_is_told_for_three_months_and_is_then_usual():
    told, months = [], [*RENT]
    for _ in range(6):
        told.append(is_unusual(Decimal(40000), months[-24:], []))
        months.append(Decimal(40000))
    assert told == [True, True, True, False, False, False]


def test_a_distance_under_the_floor_is_worth_no_look():
    history = amounts(*["0.00"] * 12)
    assert is_unusual(Decimal("50.00"), history, [], Decimal("50.00"))
    assert not is_unusual(Decimal("50.00"), history, [], Decimal("50.01"))


def test_what_is_usual_is_told_by_the_median_and_the_range_of_what_does_not_stray():
    assert usual_of([*RENT, Decimal(2_200_000)]) == ExpectedRange(
        25, Decimal("22400.00"), Decimal("18500.00"), Decimal("26100.00")
    )
    assert usual_of(amounts("1.00", "1.01")).amount == Decimal("1.01")


def test_a_last_period_with_under_half_of_the_usual_lines_is_thin():
    assert last_is_thin([100, 110, 90, 49])
    assert not last_is_thin([100, 110, 90, 50])
    assert not last_is_thin([100, 1])
    assert not last_is_thin([])


# Laws

money = st.decimals(-1_000_000, 1_000_000, places=2)
history = st.lists(money, min_size=LEAST_HISTORY, max_size=30)
years = st.lists(money, max_size=3)
floors = st.decimals(0, 10_000, places=2)
factors = st.decimals("0.01", 1000, places=2)


@given(money, history, years, floors, factors)
def test_another_currency_unit_changes_no_answer(
    amount: Decimal, months: list[Decimal], same: list[Decimal], floor: Decimal, factor: Decimal
):
    scaled = is_unusual(
        amount * factor, [one * factor for one in months], [one * factor for one in same], floor * factor
    )
    assert scaled == is_unusual(amount, months, same, floor)


@given(money, history, years, floors)
def test_another_sign_changes_no_answer(amount: Decimal, months: list[Decimal], same: list[Decimal], floor: Decimal):
    turned = is_unusual(-amount, [-one for one in months], [-one for one in same], floor)
    assert turned == is_unusual(amount, months, same, floor)


@given(money, history, years, st.integers())
def test_the_order_of_the_months_before_changes_no_answer(
    amount: Decimal, months: list[Decimal], same: list[Decimal], seed: int
):
    mixed = [*months]
    Random(seed).shuffle(mixed)
    assert is_unusual(amount, mixed, same) == is_unusual(amount, months, same)
    assert usual_of(mixed) == usual_of(months)


@given(money, money, st.integers(LEAST_HISTORY, 30))
def test_after_months_that_were_all_the_same_only_a_material_change_is_unusual(
    amount: Decimal, constant: Decimal, count: int
):
    found = is_unusual(amount, [constant] * count, [])
    assert found == is_material(amount, constant, Decimal(0))
    assert not is_unusual(constant, [constant] * count, [])


@given(history, years)
def test_the_median_itself_is_never_unusual(months: list[Decimal], same: list[Decimal]):
    assert not is_unusual(sorted(months)[len(months) // 2], [*months, sorted(months)[len(months) // 2]], same)


@given(money, history, years, floors)
def test_what_is_unusual_lies_outside_of_the_range_that_is_told(
    amount: Decimal, months: list[Decimal], same: list[Decimal], floor: Decimal
):
    assume(is_unusual(amount, months, same, floor))
    usual = usual_of(months)
    assert not usual.low <= amount <= usual.high
    assert usual.low <= usual.high


@given(money, history, years, floors)
def test_a_higher_floor_finds_nothing_more(amount: Decimal, months: list[Decimal], same: list[Decimal], floor: Decimal):
    assert is_unusual(amount, months, same, Decimal(0)) or not is_unusual(amount, months, same, floor)
