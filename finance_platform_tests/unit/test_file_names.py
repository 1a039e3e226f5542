"""File names: which of two comes later, and which periods a name declares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.errors import FileNameError
from finance_platform.feeds.file_names import covered_periods, order_of_name, order_text

numbers = st.lists(st.integers(0, 10**40), min_size=1, max_size=4)


@given(numbers, numbers)
def test_numbers_in_a_text_sort_by_their_value(one: list[int], other: list[int]) -> None:
    texts = [order_text(".".join(map(str, parts))) for parts in (one, other)]
    assert (texts[0] < texts[1]) == (tuple(one) < tuple(other))


@given(st.integers(0, 10**30), st.integers(0, 10**30), st.integers(0, 5))
def test_leading_zeros_change_nothing(one: int, other: int, zeros: int) -> None:
    texts = order_text(f"v{one}"), order_text(f"v{'0' * zeros}{other}")
    assert (texts[0] < texts[1], texts[0] == texts[1]) == (one < other, one == other)


@given(st.dates(), st.dates())
def test_days_written_from_the_year_down_sort_by_time(one: object, other: object) -> None:
    assert (order_text(str(one)) < order_text(str(other))) == (str(one) < str(other))


def test_the_case_of_letters_changes_nothing() -> None:
    assert order_text("Budget_V2") == order_text("budget_v2")


def test_the_order_is_what_the_pattern_finds() -> None:
    names = ["plan_v10.csv", "plan_v9.csv", "other_v9_v1.csv"]
    assert sorted(names, key=lambda name: order_of_name("_v([0-9]+)", name)) == [names[1], names[2], names[0]]


def test_groups_are_compared_one_after_the_other() -> None:
    pattern = r"(\d{4})_([a-z]*)(\d*)"
    names = ["2024_a2", "2024_a10", "2024_ab1", "2025_a1"]
    assert sorted(set(names), key=lambda name: order_of_name(pattern, name)) == names


def test_a_pattern_without_a_group_counts_whole() -> None:
    assert order_of_name("v[0-9]+", "plan_v2.csv") == order_text("v2")


def test_a_group_that_took_no_part_comes_first() -> None:
    pattern = r"plan(?:_v(\d+))?\.csv"
    assert order_of_name(pattern, "plan.csv") < order_of_name(pattern, "plan_v1.csv")


def test_a_name_without_the_pattern_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(FileNameError) as caught:
        order_of_name("_v([0-9]+)", "plans/plan.csv")
    assert "plans/plan.csv: its descriptor reads the name by '_v([0-9]+)', which is not in it" in caught.value.found
    assert caught.value.fix == "rename the file, or correct the pattern in the descriptor"


@pytest.mark.parametrize("written", ["2024-03", "202403", "2024_03", "2024.03"])
def test_a_name_may_declare_one_period(written: str) -> None:
    assert covered_periods(r"gl_(.+)\.csv", f"gl_{written}.csv") == ["2024-03"]


def test_a_year_is_its_twelve_periods() -> None:
    assert covered_periods(r"(\d{4})", "gl_2024.csv") == [f"2024-{month:02d}" for month in range(1, 13)]


def test_two_groups_are_the_first_period_and_the_last() -> None:
    pattern = r"_(\d+)_to_(\d+)"
    assert covered_periods(pattern, "gl_202411_to_202502") == ["2024-11", "2024-12", "2025-01", "2025-02"]
    assert covered_periods(pattern, "gl_202411_to_202411") == ["2024-11"]


def test_a_range_may_begin_or_end_with_a_year() -> None:
    assert covered_periods(r"_(\d+)_(\d+)", "gl_2023_2024")[0] == "2023-01"
    assert covered_periods(r"_(\d+)_(\d+)", "gl_2023_202402")[-2:] == ["2024-01", "2024-02"]
    assert len(covered_periods(r"_(\d+)_(\d+)", "gl_2023_2024")) == 24


@pytest.mark.parametrize("written", ["2024-13", "2024-00", "202", "20240", "2024-3", "24-03", "March 2024"])
def test_what_is_no_period_is_an_error_that_names_it(written: str) -> None:
    with pytest.raises(FileNameError) as caught:
        covered_periods(r"gl_(.+)\.csv", f"gl_{written}.csv")
    assert f"{written!r} in the name is no period" in caught.value.found
    assert caught.value.fix.startswith("write YYYY-MM, YYYYMM or YYYY in the name")


def test_a_range_that_runs_backwards_is_an_error() -> None:
    with pytest.raises(FileNameError, match="the last period in the name is before the first"):
        covered_periods(r"_(\d+)_(\d+)", "gl_202502_202411")


def test_a_name_that_declares_no_period_is_an_error() -> None:
    with pytest.raises(FileNameError, match="which is not in it"):
        covered_periods(r"_(\d{6})", "gl.csv")


def test_a_group_that_took_no_part_is_no_period() -> None:
    with pytest.raises(FileNameError, match="'' in the name is no period"):
        covered_periods(r"gl(?:_(\d{6}))?", "gl.csv")
