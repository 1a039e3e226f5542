"""When a period is complete.

Belongs here: `slices.completeness`.
Does not belong here: the table with the results (see `warehouse/test_period_status`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

from finance_platform.slices.completeness import evaluate_periods

SALES, WORKS, LAW = 1, 2, 3
USUAL = {SALES: 100, WORKS: 10}


def months(*counts: Mapping[int, int], first_month: int = 1) -> dict[str, Mapping[int, int]]:
    """Return lines by period and department, from a month of 2024 on."""
    return {
        f"{2024 + (month - 1) // 12}-{(month - 1) % 12 + 1:02}": lines
        for month, lines in enumerate(counts, start=first_month)
    }


def complete(
    lines: Mapping[str, Mapping[int, int]], closed_periods: Collection[str] = (), actuals_through: str | None = None
) -> list[bool]:
    return [status.is_complete for status in evaluate_periods(lines, closed_periods, actuals_through)]


def last_is_complete(*counts: Mapping[int, int]) -> bool:
    return complete(months(*counts))[-1]


@pytest.mark.parametrize(
    ("sales", "works", "is_complete"),
    [
        (100, 10, True),
        (50, 5, True),
        (49, 10, False),
        (100, 4, False),
        (100, 0, False),
        (900, 90, True),
    ],
)
def test_a_period_is_complete_if_each_usual_department_has_half_of_its_usual_lines(
    sales: int, works: int, is_complete: bool
):
    assert last_is_complete(USUAL, USUAL, USUAL, {SALES: sales, WORKS: works}) is is_complete


def test_half_of_an_odd_number_is_not_rounded():
    odd = {SALES: 5}
    assert not last_is_complete(odd, odd, odd, {SALES: 2})
    assert last_is_complete(odd, odd, odd, {SALES: 3})


@pytest.mark.parametrize("earlier", [0, 1, 2])
def test_a_period_with_fewer_than_three_earlier_ones_is_complete(earlier: int):
    assert last_is_complete(*earlier * [USUAL], {SALES: 1})


def test_a_period_without_actual_lines_is_incomplete_and_is_no_earlier_period():
    plan_only: dict[int, int] = {SALES: 0}
    assert complete(months(plan_only, USUAL, USUAL, plan_only, {SALES: 1})) == [False, True, True, False, True]


def test_a_department_without_lines_in_half_of_the_earlier_periods_is_not_usual():
    sometimes = {**USUAL, LAW: 40}
    assert last_is_complete(USUAL, USUAL, sometimes, sometimes, USUAL)
    assert not last_is_complete(USUAL, sometimes, sometimes, sometimes, USUAL)


def test_a_new_department_does_not_matter():
    assert last_is_complete(USUAL, USUAL, USUAL, {**USUAL, LAW: 1})


def test_one_period_with_many_lines_does_not_change_the_usual_number():
    assert last_is_complete(USUAL, USUAL, {SALES: 9000, WORKS: 900}, USUAL)


def test_a_closed_period_is_complete():
    lines = months(USUAL, USUAL, USUAL, {SALES: 3})
    assert complete(lines, closed_periods=["2024-04"]) == [True, True, True, True]
    (*_, status) = evaluate_periods(lines, ["2024-04"], None)
    assert (status.is_closed, status.missing_departments, status.usual_departments) == (True, 2, 2)


def test_a_setting_overrides_the_rule_in_both_directions():
    thin = {SALES: 3}
    lines = months({SALES: 0}, USUAL, USUAL, USUAL, thin, USUAL)
    assert complete(lines) == [False, True, True, True, False, True]
    assert complete(lines, actuals_through="2024-05") == [False, True, True, True, True, False]
    assert complete(lines, actuals_through="2024-05", closed_periods=["2024-06"])[-1] is False
    assert complete(lines, actuals_through="2023-12") == 6 * [False]


def test_a_setting_without_any_actual_lines_completes_nothing():
    assert complete(months({SALES: 0}), actuals_through="2024-12") == [False]


def test_journals_posted_ahead_for_a_year_never_make_a_month_look_complete():
    assert complete(months(*12 * [USUAL], *14 * [{SALES: 3}])) == [*12 * [True], *14 * [False]]


def test_a_dissolved_department_is_forgotten_after_half_a_year():
    assert complete(months(*12 * [USUAL], *8 * [{SALES: 100}])) == [*12 * [True], *6 * [False], True, True]


def test_a_closed_thin_period_is_an_example_of_what_is_usual():
    thin = {SALES: 3}
    lines = months(USUAL, USUAL, USUAL, thin, thin, thin, thin)
    closed = ["2024-04", "2024-05", "2024-06"]
    assert complete(lines, closed_periods=closed)[-1] is True
    assert complete(lines)[-1] is False


def test_the_order_of_the_periods_is_that_of_the_calendar():
    lines = months(USUAL, USUAL, USUAL, {SALES: 3}, first_month=10)
    backwards = dict(reversed(list(lines.items())))
    assert evaluate_periods(backwards, (), None) == evaluate_periods(lines, (), None)
    assert [status.period for status in evaluate_periods(lines, (), None)] == [
        "2024-10",
        "2024-11",
        "2024-12",
        "2025-01",
    ]


def test_no_periods_have_no_status():
    assert evaluate_periods({}, (), None) == []
