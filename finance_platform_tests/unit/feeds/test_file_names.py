"""File names: the order of deliveries and the periods that names declare."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.errors import FileNameError
from finance_platform.feeds.file_names import (
    comparable_name,
    count_groups,
    natural_sort_key,
    order_from_name,
    periods_from_name,
    value_from_name,
)

numbers = st.lists(st.integers(0, 10**40), min_size=1, max_size=4)


@given(st.text("aB/.é \\", max_size=8))
def test_a_key_is_compared_as_the_path_that_it_is(object_key: str) -> None:
    assert comparable_name(object_key) == "/".join(PurePosixPath("/" + object_key.lower()).parts[1:])


@given(numbers, numbers)
def test_numbers_in_a_text_sort_by_their_value(first: list[int], second: list[int]) -> None:
    texts = [natural_sort_key(".".join(map(str, parts))) for parts in (first, second)]
    assert (texts[0] < texts[1]) == (tuple(first) < tuple(second))


@given(st.integers(0, 10**30), st.integers(0, 10**30), st.integers(0, 5))
def test_leading_zeros_do_not_change_the_order(first: int, second: int, zeros: int) -> None:
    texts = natural_sort_key(f"v{first}"), natural_sort_key(f"v{'0' * zeros}{second}")
    assert (texts[0] < texts[1], texts[0] == texts[1]) == (first < second, first == second)


@given(st.dates(), st.dates())
def test_iso_dates_sort_by_time(first: object, second: object) -> None:
    assert (natural_sort_key(str(first)) < natural_sort_key(str(second))) == (str(first) < str(second))


def test_the_case_of_letters_does_not_change_the_order() -> None:
    assert natural_sort_key("Budget_V2") == natural_sort_key("budget_v2")


def test_the_order_is_the_match_of_the_pattern() -> None:
    names = ["plan_v10.csv", "plan_v9.csv", "other_v9_v1.csv"]
    assert sorted(names, key=lambda name: order_from_name("_v([0-9]+)", name)) == [names[1], names[2], names[0]]


def test_groups_are_compared_one_by_one() -> None:
    pattern = r"(\d{4})_([a-z]*)(\d*)"
    names = ["2024_a2", "2024_a10", "2024_ab1", "2025_a1"]
    assert sorted(set(names), key=lambda name: order_from_name(pattern, name)) == names


def test_a_pattern_without_a_group_orders_by_its_whole_match() -> None:
    assert order_from_name("v[0-9]+", "plan_v2.csv") == natural_sort_key("v2")


def test_a_group_that_did_not_match_sorts_first() -> None:
    pattern = r"plan(?:_v(\d+))?\.csv"
    assert order_from_name(pattern, "plan.csv") < order_from_name(pattern, "plan_v1.csv")


def test_a_name_that_does_not_match_the_pattern_is_an_error_with_a_fix() -> None:
    with pytest.raises(FileNameError) as caught:
        order_from_name("_v([0-9]+)", "plans/plan.csv")
    assert "plans/plan.csv: the name does not match the descriptor's pattern '_v([0-9]+)'" in caught.value.found
    assert caught.value.fix == "rename the file, or correct the pattern in the descriptor"


@pytest.mark.parametrize("written", ["2024-03", "202403", "2024_03", "2024.03"])
def test_a_name_may_declare_one_period(written: str) -> None:
    assert periods_from_name(r"gl_(.+)\.csv", f"gl_{written}.csv") == ["2024-03"]


def test_a_year_declares_its_twelve_periods() -> None:
    assert periods_from_name(r"(\d{4})", "gl_2024.csv") == [f"2024-{month:02d}" for month in range(1, 13)]


def test_two_groups_are_the_first_and_the_last_period() -> None:
    pattern = r"_(\d+)_to_(\d+)"
    assert periods_from_name(pattern, "gl_202411_to_202502") == ["2024-11", "2024-12", "2025-01", "2025-02"]
    assert periods_from_name(pattern, "gl_202411_to_202411") == ["2024-11"]


def test_a_range_may_begin_or_end_with_a_year() -> None:
    assert periods_from_name(r"_(\d+)_(\d+)", "gl_2023_2024")[0] == "2023-01"
    assert periods_from_name(r"_(\d+)_(\d+)", "gl_2023_202402")[-2:] == ["2024-01", "2024-02"]
    assert len(periods_from_name(r"_(\d+)_(\d+)", "gl_2023_2024")) == 24


@pytest.mark.parametrize("written", ["2024-13", "2024-00", "202", "20240", "2024-3", "24-03", "March 2024"])
def test_a_text_that_is_not_a_period_is_an_error_that_quotes_it(written: str) -> None:
    with pytest.raises(FileNameError) as caught:
        periods_from_name(r"gl_(.+)\.csv", f"gl_{written}.csv")
    assert f"{written!r} in the name is not a valid period" in caught.value.found
    assert caught.value.fix.startswith("write YYYY-MM, YYYYMM or YYYY in the name")


def test_a_range_that_ends_before_it_begins_is_an_error() -> None:
    with pytest.raises(FileNameError, match="the last period in the name is before the first"):
        periods_from_name(r"_(\d+)_(\d+)", "gl_202502_202411")


def test_a_name_that_declares_no_period_is_an_error() -> None:
    with pytest.raises(FileNameError, match="does not match the descriptor's pattern"):
        periods_from_name(r"_(\d{6})", "gl.csv")


def test_a_group_that_did_not_match_is_not_a_period() -> None:
    with pytest.raises(FileNameError, match="'' in the name is not a valid period"):
        periods_from_name(r"gl(?:_(\d{6}))?", "gl.csv")


@pytest.mark.parametrize(
    ("pattern", "template", "object_key", "value"),
    [
        ("_([0-9]{4}-[0-9]{2})", None, "gl_2025-03.csv", "2025-03"),
        ("_[a-z]+", None, "gl_north.csv", "_north"),
        ("_(north|south)", None, "gl_east.csv", None),
        ("_([0-9]{4})([0-9]{2})", "{1}-{2}", "gl_202503.csv", "2025-03"),
        ("_([0-9]{2})-([0-9]{4})", "{2}-{1}", "gl_03-2025.csv", "2025-03"),
        ("_draft", "Budget Draft", "plan_draft.csv", "Budget Draft"),
        ("gl_([0-9]+)", "{0}!", "gl_7.csv", "gl_7!"),
        ("^([^/]+)/", None, "north/gl.csv", "north"),
        ("gl_(.*)\\.csv", None, "gl_ Zürich .csv", "Zürich"),
        ("(?i)GL_(Q[1-4])", None, "gl_q3.csv", "q3"),
        ("(?P<unit>north)", None, "north.csv", "north"),
        ("(?:gl|tb)_([a-z]+)", None, "tb_x.csv", "x"),
        (r"\(([a-z]+)\)", None, "gl (draft).csv", "draft"),
        ("[(]([a-z]+)[])]", None, "gl (draft).csv", "draft"),
        ("[[:alpha:](]_(.)", None, "gl_7.csv", "7"),
        (r"\Q(\E([a-z]+)", None, "gl (draft).csv", "draft"),
    ],
)
def test_a_name_gives_a_value(pattern: str, template: str | None, object_key: str, value: str | None) -> None:
    assert value_from_name(pattern, template, object_key) == value


@pytest.mark.parametrize(("template", "object_key"), [("{1}-{2}", "gl_2025.csv"), (None, "gl_.csv")])
def test_a_group_without_text_gives_no_value(template: str | None, object_key: str) -> None:
    pattern = "_([0-9]{4})?(?:-([0-9]{2}))?" if template is None else "_([0-9]{4})(?:-([0-9]{2}))?"
    assert not value_from_name(pattern, template, object_key)


def test_a_value_is_found_in_linear_time_whatever_the_pattern() -> None:
    # A backtracking engine needs 2^1000 steps.
    assert value_from_name("^(a+)+$", None, "a" * 1000 + "b") is None


@pytest.mark.parametrize("pattern", ["(", "[", "a(?=b)", "(?<!a)b", r"(a)\1", "a{2000}"])
def test_a_pattern_that_re2_does_not_accept_is_an_error(pattern: str) -> None:
    with pytest.raises(ValueError, match="Invalid regular expression"):
        count_groups(pattern)


@pytest.mark.parametrize(("pattern", "count"), [("a", 0), ("(a)(?:b)(?P<c>c)", 2), (r"\(a\)[(](b)", 1)])
def test_the_groups_of_a_pattern_are_counted(pattern: str, count: int) -> None:
    assert count_groups(pattern) == count


@pytest.mark.parametrize(("first_month", "first", "last"), [(4, "2025-04", "2026-03"), (12, "2025-12", "2026-11")])
def test_a_fiscal_year_in_a_name_ends_in_the_year_that_it_is_named_by(first_month: int, first: str, last: str) -> None:
    periods = periods_from_name(r"FY(\d+)", "plan_FY2026.csv", first_month)
    assert (periods[0], periods[-1], len(periods)) == (first, last, 12)
    assert periods_from_name(r"_(\d+)", "plan_202603.csv", first_month) == ["2026-03"]
