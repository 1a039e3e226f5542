"""Forecasts whose names do not sort by time: when the outlook is said to be from an earlier one, and when not."""

from __future__ import annotations

import pytest

from finance_platform.quality.forecast_order import UncertainOutlook, find_uncertain_outlooks
from finance_platform.reports.status import StatusDetails
from finance_platform_tests.unit.factories import commit_of, delivered, in_period, state_of
from finance_platform_tests.unit.printed_text import status

YEAR = [f"2025-{month:02d}" for month in range(1, 13)]


def found(*names: str, first_month: int = 1, periods: dict[str, list[str]] | None = None) -> list[UncertainOutlook]:
    """Return what is found in a home with Actual to August 2025 and forecasts of the year."""
    pairs = []
    for name in ("Actual", *names):
        event = delivered(f"{name}.csv", name)
        of_name = (periods or {}).get(name, YEAR[:8] if name == "Actual" else YEAR)
        kind = "Actual" if name == "Actual" else "Forecast"
        pairs.append((event, commit_of(event, *(in_period(period, name, kind=kind) for period in of_name))))
    return [*find_uncertain_outlooks(state_of(*pairs), first_month)]


def test_a_forecast_that_is_the_last_by_name_and_not_by_its_month_is_named():
    (one,) = found("Forecast Sep 2025", "Forecast Oct 2025")
    assert one.warning == (
        "the outlook of the open months of fiscal year 2025 is from 'Forecast Sep 2025', the last of 2 forecasts by "
        "name, and 'Forecast Oct 2025' seems to be later"
    )
    assert status(details=StatusDetails(uncertain_outlooks=[one])).warnings == [
        {"file": "Forecast Sep 2025.csv", "kind": "outlook", "warning": one.warning, "fix": one.fix}
    ]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("Forecast 9+3", "Forecast 10+2"),
        ("Forecast Q4 2024", "Forecast Q1 2025"),
        ("Forecast 09/2024", "Forecast 03/2025"),
        ("Forecast Sep", "Forecast Oct"),
        ("Forecast V9", "Forecast V10"),
        ("Forecast 2025-06", "FORECAST 2025-09"),
        ("Forecast 2025-6", "Forecast 2025-10"),
    ],
)
def test_months_quarters_and_numbers_say_which_forecast_is_later(earlier: str, later: str):
    for names in ((earlier, later), (later, earlier)):
        (one,) = found(*names)
        assert (one.chosen, one.other) in {(earlier, later)}


@pytest.mark.parametrize("other", ["Forecast Jun 2025", "Forecast 2025-6", "forecast_2025_06", "Forecast 2025\u201306"])
def test_one_forecast_under_two_names_is_named(other: str):
    (one,) = found("Forecast 2025-06", other)
    assert one.is_same
    assert {one.chosen, one.other} == {"Forecast 2025-06", other}
    assert "seems to be the same forecast under another name" in one.warning


def test_a_second_name_is_found_beside_names_that_say_no_month():
    (one,) = found("Best case", "Forecast 2025-06", "Forecast Jun 2025")
    assert (one.chosen, one.other) == ("Forecast Jun 2025", "Forecast 2025-06")


def test_months_without_a_year_follow_each_other_in_the_fiscal_year():
    (one,) = found("Forecast Nov", "Forecast Feb", first_month=7)
    assert (one.fiscal_year, one.chosen, one.other) == (2026, "Forecast Nov", "Forecast Feb")
    assert not found("Forecast Feb", "Forecast Nov")


def test_each_fiscal_year_has_an_outlook_of_its_own():
    next_year = [period.replace("2025", "2026") for period in YEAR]
    periods = {"Forecast Sep 2025": YEAR, "Forecast Oct 2025": [*YEAR, *next_year], "Forecast 2025-11": next_year}
    assert [(one.fiscal_year, one.chosen, one.other) for one in found(*periods, periods=periods)] == [
        (2025, "Forecast Sep 2025", "Forecast Oct 2025"),
        (2026, "Forecast Oct 2025", "Forecast 2025-11"),
    ]


@pytest.mark.parametrize(
    "names",
    [
        ("Forecast 2025-06",),
        ("Forecast 2025-06", "Forecast 2025-09"),
        ("Forecast", "Forecast 2025-09"),
        ("Forecast 2025-06", "Forecast 2025-06 v2"),
        ("Forecast Q1 2025", "Forecast Q3 2025"),
        ("Forecast 3+9", "Forecast 6+6"),
        ("Outlook A", "Outlook B"),
        ("Forecast Jan 2025", "Forecast Mar 2025"),
    ],
)
def test_names_that_sort_by_time_are_right(names: tuple[str, ...]):
    assert not found(*names)


def test_forecasts_of_months_that_have_actuals_are_not_compared():
    assert not found("Forecast Sep 2025", "Forecast Oct 2025", periods={"Actual": YEAR})


def test_a_later_forecast_that_covers_fewer_months_than_that_of_the_outlook_is_named():
    (one,) = found("Forecast 2025-06", "Forecast 2025-09", periods={"Forecast 2025-09": YEAR[8:11]})
    assert one.warning == (
        "the outlook of the open months of fiscal year 2025 is from 'Forecast 2025-06', which covers 4 of them, and "
        "'Forecast 2025-09' seems to be later and covers 3"
    )
    assert one.fix.startswith(
        "send 'Forecast 2025-09' with every open period, or withdraw the files of 'Forecast 2025-06'"
    )


@pytest.mark.parametrize("other", ["Forecast 2025-03", "Forecast 2025-09 HR", "Forecast", "Forecast Sep"])
def test_a_forecast_of_fewer_months_that_is_earlier_or_of_another_kind_is_not_named(other: str):
    assert found("Forecast 2025-06", other, periods={other: YEAR[8:11]}) == []
