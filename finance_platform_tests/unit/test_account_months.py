"""Which months of which accounts are judged, and what is said of them.

Belongs here: `quality.account_months`, and what it makes of the shipped sample's books. Does not belong here: the
statistics (see `test_anomalies`), SQL (see the warehouse's tests).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from finance_platform.feeds.dates import periods_between
from finance_platform.quality.account_months import AccountMonth, Judgement, judge
from finance_platform_tests.sample import books
from finance_platform_tests.sample.generator import SEED

STEADY = ["22000.00", "18500.00", "26100.00"]
TWO_YEARS = periods_between("2023-06", "2025-06")
"""Twenty-five months; the last is judged against 24."""


def month(period: str, amount: str, number: str = "6110", *, lines: int = 5, moved: str = "0.00") -> AccountMonth:
    return AccountMonth(period, number, "Travel", Decimal(amount), lines, Decimal(moved))


def steady(periods: Sequence[str], number: str = "6110") -> list[AccountMonth]:
    return [month(period, STEADY[i % 3], number) for i, period in enumerate(periods)]


def after(last: AccountMonth, *others: AccountMonth) -> list[AccountMonth]:
    """Steady months through the one before `last`, and it."""
    return [*steady([period for period in TWO_YEARS if period < last.period], last.number), last, *others]


def found(months: Iterable[AccountMonth]) -> list[tuple[str, str]]:
    return [(one.month.period, one.month.number) for one in judge(months).unusual]


def test_an_unusual_month_is_told_in_plain_words():
    (one,) = judge(after(month("2025-06", "91200.00"))).unusual
    assert one.sentence == (
        "6110 Travel was 91,200.00 in 2025-06; in the 24 months before it was usually 22,000.00, "
        "between 18,500.00 and 26,100.00"
    )


def test_a_usual_month_is_not_told_of():
    assert judge(after(month("2025-06", "24000.00"))) == Judgement(("2025-04", "2025-05", "2025-06"), 1, ())


def test_a_range_of_one_amount_is_no_range():
    same = [month(period, "100.00") for period in TWO_YEARS[:-1]]
    (one,) = judge([*same, month("2025-06", "900.00")]).unusual
    assert one.sentence.endswith("in the 24 months before it was usually 100.00")


def test_an_oddity_is_told_until_three_more_months_have_come_in():
    odd = after(month("2025-06", "91200.00"))
    later = steady(["2025-07", "2025-08", "2025-09"])
    assert [found([*odd, *later[:count]]) for count in range(4)] == [[("2025-06", "6110")]] * 3 + [[]]


def test_an_older_month_is_judged_when_loads_have_lately_moved_it():
    later = steady(["2025-07", "2025-08", "2025-09"])
    moved = month("2025-06", "91200.00", moved="69200.00")
    (one,) = judge([*after(moved), *later]).unusual
    assert one.month.period == "2025-06"
    assert one.sentence.endswith("; loads have lately moved it by 69,200.00")
    assert found([*after(replace(moved, amount=Decimal(24000))), *later]) == []


def test_a_month_whose_lines_were_all_taken_away_is_judged_as_nothing():
    emptied = month("2025-06", "0.00", lines=0, moved="-22000.00")
    other = steady([*TWO_YEARS, "2025-07", "2025-08", "2025-09"], "4000")
    assert found([*after(emptied), *steady(["2025-07", "2025-08", "2025-09"]), *other]) == [("2025-06", "6110")]


def test_an_account_without_lines_in_a_period_that_has_some_had_nothing():
    other = steady(TWO_YEARS, "4000")
    (one,) = judge([*steady(TWO_YEARS[:-1]), *other]).unusual
    assert (one.month.number, one.month.amount, one.month.name) == ("6110", Decimal("0.00"), "Travel")


def test_a_period_without_any_line_is_a_gap_and_no_month():
    with_gap = [one for one in after(month("2025-06", "24000.00")) if one.period != "2025-05"]
    assert judge(with_gap).periods == ("2025-03", "2025-04", "2025-06")
    assert found(with_gap) == []


def test_a_last_period_that_is_still_coming_in_is_not_judged():
    begun = [month("2025-06", "400.00", lines=2), month("2025-06", "100.00", "4000", lines=2)]
    judged = judge([*steady(TWO_YEARS[:-1]), *steady(TWO_YEARS[:-1], "4000"), *begun])
    assert (judged.periods, judged.unusual) == (("2025-03", "2025-04", "2025-05"), ())


def test_an_account_is_judged_once_it_is_a_year_old():
    old = steady(TWO_YEARS, "4000")
    young = steady(TWO_YEARS[-13:-1])
    assert judge([*old, *young[1:], month("2025-06", "91200.00")]).accounts == 1
    assert found([*old, *young[1:], month("2025-06", "91200.00")]) == []
    assert found([*old, *young, month("2025-06", "91200.00")]) == [("2025-06", "6110")]


def test_a_thousandth_of_what_moves_in_a_period_is_worth_no_look():
    small = [replace(one, amount=one.amount / 1000) for one in after(month("2025-06", "50000.00"))]
    assert found([*small, *(month(period, "10000.00", "4000") for period in TWO_YEARS)]) == [("2025-06", "6110")]
    assert found([*small, *(month(period, "30000.00", "4000") for period in TWO_YEARS)]) == []


def test_the_newest_come_first_and_then_the_farthest_away():
    found_in_may = after(month("2025-05", "60000.00", "5000"), *steady(["2025-06"], "5000"))
    months = [
        *found_in_may,
        *after(month("2025-06", "80000.00", "6000")),
        *after(month("2025-06", "90000.00", "7000")),
    ]
    assert found(months) == [("2025-06", "7000"), ("2025-06", "6000"), ("2025-05", "5000")]


def test_nothing_is_nothing_unusual():
    assert judge([]) == Judgement((), 0, ())
    assert judge([month("2025-06", "0.00", lines=0, moved="-100.00")]) == Judgement((), 0, ())


@given(st.integers(), st.booleans())
def test_the_order_of_the_rows_changes_no_answer(seed: int, is_odd: bool):
    months = [*after(month("2025-06", "91200.00" if is_odd else "22000.00")), *steady(TWO_YEARS, "4000")]
    mixed = [*months]
    Random(seed).shuffle(mixed)
    assert judge(mixed) == judge(months)


@given(st.integers(1, 10_000))
def test_accounts_that_are_all_scaled_alike_are_judged_alike(factor: int):
    months = [*after(month("2025-06", "60000.00")), *steady(TWO_YEARS, "4000")]
    scaled = [replace(one, amount=one.amount * factor) for one in months]
    assert found(scaled) == found(months)


# The shipped sample


def as_it_came_in(months: Mapping[tuple[str, str], Decimal]) -> set[tuple[str, str]]:
    """Everything that is told when the months come in one after the other."""
    periods = sorted({period for _, period in months})
    told: set[tuple[str, str]] = set()
    for last in periods:
        rows = [
            AccountMonth(period, number, "", amount, 10)
            for (number, period), amount in months.items()
            if period <= last
        ]
        told |= set(found(rows))
    return told


def test_the_samples_keying_slip_is_told_and_so_is_its_correction_and_a_premium_that_was_not_booked():
    months: dict[tuple[str, str], Decimal] = {}
    for entry in books.ledger(books.planned(), Random(f"{SEED}/ledger")):
        cell = (entry.account, f"{entry.day:%Y-%m}")
        months[cell] = months.get(cell, Decimal("0.00")) + entry.amount
    assert as_it_came_in(months) == {
        ("2024-11", "6320"),
        ("2024-12", "6320"),
        *((period, "6610") for period in ("2024-08", "2025-04", "2025-05")),
    }
