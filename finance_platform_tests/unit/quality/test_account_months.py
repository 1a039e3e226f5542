"""Which months of which accounts are evaluated, and the sentences about unusual ones.

Belongs here: `quality.account_months`, and its findings in the books of the shipped sample. Does not belong here: the
statistics (see `test_anomalies`), SQL (see `warehouse/test_unusual_amounts`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.feeds.values.dates import periods_between
from finance_platform.quality import account_months
from finance_platform.quality.account_months import UnusualMonths
from finance_platform.quality.anomalies import is_unusual
from finance_platform.quality.month_columns import AccountMonth, AccountMonths
from finance_platform_tests.sample import books
from finance_platform_tests.sample.generator import SEED

STEADY = ["22000.00", "18500.00", "26100.00"]
TWO_YEARS = periods_between("2023-06", "2025-06")
"""Twenty-five months; the last is compared with 24."""


def month(period: str, amount: str, number: str = "6110", *, lines: int = 5, moved: str = "0.00") -> AccountMonth:
    return AccountMonth(period, number, "Travel", Decimal(amount), lines, Decimal(moved))


def steady(periods: Sequence[str], number: str = "6110") -> list[AccountMonth]:
    return [month(period, STEADY[i % 3], number) for i, period in enumerate(periods)]


def after(last: AccountMonth, *others: AccountMonth) -> list[AccountMonth]:
    """Return steady months up to the one before `last`, then `last` and the others."""
    return [*steady([period for period in TWO_YEARS if period < last.period], last.number), last, *others]


def find_unusual_months(months: Iterable[AccountMonth]) -> UnusualMonths:
    return account_months.find_unusual_months(AccountMonths.of(months))


def unusual(months: Iterable[AccountMonth]) -> list[tuple[str, str]]:
    return [(entry.month.period, entry.month.number) for entry in find_unusual_months(months).months]


def test_an_unusual_month_has_a_sentence():
    (entry,) = find_unusual_months(after(month("2025-06", "91200.00"))).months
    assert entry.sentence == (
        "6110 Travel was 91,200.00 in 2025-06; in the 24 months before it was usually 22,000.00, "
        "between 18,500.00 and 26,100.00"
    )


def test_a_usual_month_is_not_reported():
    assert find_unusual_months(after(month("2025-06", "24000.00"))) == UnusualMonths(
        ("2025-04", "2025-05", "2025-06"), 1, ()
    )


def test_a_range_of_one_amount_is_left_out_of_the_sentence():
    same = [month(period, "100.00") for period in TWO_YEARS[:-1]]
    (entry,) = find_unusual_months([*same, month("2025-06", "900.00")]).months
    assert entry.sentence.endswith("in the 24 months before it was usually 100.00")


def test_an_unusual_month_is_reported_until_three_more_months_have_arrived():
    odd = after(month("2025-06", "91200.00"))
    later = steady(["2025-07", "2025-08", "2025-09"])
    assert [unusual([*odd, *later[:count]]) for count in range(4)] == [[("2025-06", "6110")]] * 3 + [[]]


def test_an_older_month_is_evaluated_if_loads_recently_changed_it():
    later = steady(["2025-07", "2025-08", "2025-09"])
    moved = month("2025-06", "91200.00", moved="69200.00")
    (entry,) = find_unusual_months([*after(moved), *later]).months
    assert entry.month.period == "2025-06"
    assert entry.sentence.endswith("; loads have lately moved it by 69,200.00")
    assert unusual([*after(replace(moved, amount=Decimal(24000))), *later]) == []


def test_a_month_that_lost_all_of_its_lines_counts_as_zero():
    emptied = month("2025-06", "0.00", lines=0, moved="-22000.00")
    other = steady([*TWO_YEARS, "2025-07", "2025-08", "2025-09"], "4000")
    assert unusual([*after(emptied), *steady(["2025-07", "2025-08", "2025-09"]), *other]) == [("2025-06", "6110")]


def test_an_account_without_lines_in_a_period_with_lines_has_zero():
    other = steady(TWO_YEARS, "4000")
    (entry,) = find_unusual_months([*steady(TWO_YEARS[:-1]), *other]).months
    assert (entry.month.number, entry.month.amount, entry.month.name) == ("6110", Decimal("0.00"), "Travel")


def test_a_period_without_any_line_is_not_a_month():
    with_gap = [each for each in after(month("2025-06", "24000.00")) if each.period != "2025-05"]
    assert find_unusual_months(with_gap).periods == ("2025-03", "2025-04", "2025-06")
    assert unusual(with_gap) == []


def test_an_incomplete_last_period_is_not_evaluated():
    begun = [month("2025-06", "400.00", lines=2), month("2025-06", "100.00", "4000", lines=2)]
    result = find_unusual_months([*steady(TWO_YEARS[:-1]), *steady(TWO_YEARS[:-1], "4000"), *begun])
    assert (result.periods, result.months) == (("2025-03", "2025-04", "2025-05"), ())


def test_an_account_is_evaluated_after_a_year():
    old = steady(TWO_YEARS, "4000")
    young = steady(TWO_YEARS[-13:-1])
    assert find_unusual_months([*old, *young[1:], month("2025-06", "91200.00")]).accounts == 1
    assert unusual([*old, *young[1:], month("2025-06", "91200.00")]) == []
    assert unusual([*old, *young, month("2025-06", "91200.00")]) == [("2025-06", "6110")]


def test_less_than_a_thousandth_of_a_period_is_not_reported():
    small = [replace(large, amount=large.amount / 1000) for large in after(month("2025-06", "50000.00"))]
    assert unusual([*small, *(month(period, "10000.00", "4000") for period in TWO_YEARS)]) == [("2025-06", "6110")]
    assert unusual([*small, *(month(period, "30000.00", "4000") for period in TWO_YEARS)]) == []


def test_unusual_months_are_sorted_by_period_and_then_by_distance():
    late_in_may = after(month("2025-05", "60000.00", "5000"), *steady(["2025-06"], "5000"))
    months = [
        *late_in_may,
        *after(month("2025-06", "80000.00", "6000")),
        *after(month("2025-06", "90000.00", "7000")),
    ]
    assert unusual(months) == [("2025-06", "7000"), ("2025-06", "6000"), ("2025-05", "5000")]


def test_without_months_nothing_is_unusual():
    assert find_unusual_months([]) == UnusualMonths((), 0, ())
    assert find_unusual_months([month("2025-06", "0.00", lines=0, moved="-100.00")]) == UnusualMonths((), 0, ())


@given(st.integers(), st.booleans())
def test_the_order_of_the_rows_does_not_matter(seed: int, is_odd: bool):
    months = [*after(month("2025-06", "91200.00" if is_odd else "22000.00")), *steady(TWO_YEARS, "4000")]
    mixed = [*months]
    Random(seed).shuffle(mixed)
    assert find_unusual_months(mixed) == find_unusual_months(months)


@given(st.integers(1, 10_000))
def test_scaling_every_account_alike_does_not_matter(factor: int):
    months = [*after(month("2025-06", "60000.00")), *steady(TWO_YEARS, "4000")]
    scaled = [replace(small, amount=small.amount * factor) for small in months]
    assert unusual(scaled) == unusual(months)


def test_a_company_that_has_many_accounts_compares_the_months_of_the_large_ones_alone(monkeypatch: pytest.MonkeyPatch):
    """A thousandth of a month is the least that is reported, so most of 5,000 accounts cannot have such a month."""
    compared: list[Decimal] = []

    def note(amount: Decimal, *others: Any) -> bool:
        compared.append(amount)
        return is_unusual(amount, *others)

    monkeypatch.setattr(account_months, "is_unusual", note)
    small = [month(period, "10.00", f"{number}") for number in range(10_000, 15_000) for period in TWO_YEARS[-14:]]
    large = after(month("2025-06", "91200.00"))
    assert unusual([*small, *large]) == [("2025-06", "6110")]
    assert compared == [Decimal(amount) for amount in ("18500.00", "26100.00", "91200.00")]


def test_an_account_that_has_had_most_of_a_month_and_has_nothing_is_compared():
    """What is large is the history, of which a half suffices."""
    months = [month(period, "100.00", f"{number}") for number in range(10_000, 12_000) for period in TWO_YEARS]
    lost = [month(period, "50000.00" if place % 2 else "49000.00") for place, period in enumerate(TWO_YEARS[:-1])]
    assert unusual([*months, *lost]) == [("2025-06", "6110")]


@given(st.data())
def test_amounts_of_any_size_are_compared_exactly(data: st.DataObject):
    """Cents of 64 bits have no room for these, so that numbers of Python take their place."""
    factor = data.draw(st.sampled_from([1, 10**12, 10**18]))
    odd = data.draw(st.sampled_from(["91200.00", "22000.00"]))
    months = [*after(month("2025-06", odd)), *steady(TWO_YEARS, "4000")]
    scaled = [replace(small, amount=small.amount * factor) for small in months]
    found, of_scaled = find_unusual_months(months), find_unusual_months(scaled)
    assert [entry.month.amount * factor for entry in found.months] == [entry.month.amount for entry in of_scaled.months]
    assert len(found.months) == (odd == "91200.00")


# The shipped sample


def reported_over_time(months: Mapping[tuple[str, str], Decimal]) -> set[tuple[str, str]]:
    """Return everything that is reported while the months arrive one after the other."""
    periods = sorted({period for _, period in months})
    reported: set[tuple[str, str]] = set()
    for last in periods:
        rows = [
            AccountMonth(period, number, "", amount, 10)
            for (number, period), amount in months.items()
            if period <= last
        ]
        reported |= set(unusual(rows))
    return reported


def test_the_sample_reports_its_typing_error_the_correction_and_a_missing_premium():
    months: dict[tuple[str, str], Decimal] = {}
    for entry in books.draw_ledger(books.build_plan(), Random(f"{SEED}/ledger")):
        cell = (entry.account, f"{entry.day:%Y-%m}")
        months[cell] = months.get(cell, Decimal("0.00")) + entry.amount
    assert reported_over_time(months) == {
        ("2024-11", "6320"),
        ("2024-12", "6320"),
        *((period, "6610") for period in ("2024-08", "2025-04", "2025-05")),
    }
