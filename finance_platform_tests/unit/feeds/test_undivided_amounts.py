"""Amounts of quarters, halves and years: what divides them, and what is said about those that nothing divides.

Does not belong here: shares and years (see `test_spread`).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finance_platform.errors import FinancePlatformError
from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform_tests.unit.factories import settings
from finance_platform_tests.unit.feeds.test_shapes import lines, staged

QUARTERS = """
feed: quarters
kind: ledger
path: plan_*.csv
columns:
  department: Dept
  account: Acc
  date: {from: When, formats: [yyyy-QQQ]}
  amount: Amount
constants: {scenario: Budget}
"""
SPREAD = "spread: {over: quarter, how: even}\n"
DAYS = QUARTERS.replace("[yyyy-QQQ]", "[yyyy-MM-dd]")
HEADER = "Dept,Acc,When,Amount\n"


def notes(tmp_path: Path, text: str, descriptor: str) -> list[str]:
    summary = staged(tmp_path, text, descriptor, "plan_a.csv")[-1]
    return list(json.loads(summary["findings"])["notes"])


def months(*numbers: int, rows: int = 3) -> str:
    return HEADER + "".join(f"D{row},6000,2025-{month:02d}-01,30\n" for month in numbers for row in range(rows))


def test_a_quarter_is_spread_over_its_months_and_the_last_one_has_the_odd_cent(tmp_path: Path) -> None:
    rows = staged(tmp_path, f"{HEADER}D1,6000,2025-Q2,100.00\n", QUARTERS + SPREAD, "plan_a.csv")
    assert lines(rows, "period", "amount") == [("2025-04", "33.33"), ("2025-05", "33.33"), ("2025-06", "33.34")]


def test_the_last_day_of_a_quarter_gives_the_same_months(tmp_path: Path) -> None:
    rows = staged(tmp_path, f"{HEADER}D1,6000,2025-06-30,90\n", DAYS + SPREAD, "plan_a.csv")
    assert lines(rows, "period", "amount") == [("2025-04", "30.00"), ("2025-05", "30.00"), ("2025-06", "30.00")]


def test_weights_of_a_half_decide_its_months(tmp_path: Path) -> None:
    spread = "spread: {over: half_year, how: {weights: [1, 1, 1, 1, 0, 2]}}\n"
    rows = staged(tmp_path, f"{HEADER}D1,6000,2025-07-01,60\n", DAYS + spread, "plan_a.csv")
    assert [period for period, _ in lines(rows, "period", "amount")] == [
        "2025-07", "2025-08", "2025-09", "2025-10", "2025-12",
    ]  # fmt: skip
    assert lines(rows, "period", "amount")[-1] == ("2025-12", "20.00")


@pytest.mark.parametrize(
    ("over", "calendar", "first"),
    [("quarter", "", 1), ("fiscal_quarter", "", 2), ("quarter", ", calendar: fiscal", 2), ("half_year", "", 1)],
)
def test_quarters_are_those_of_the_calendar_or_of_the_fiscal_year(over: str, calendar: str, first: int) -> None:
    text = QUARTERS.replace("[yyyy-QQQ]", f"[yyyy-QQQ]{calendar}") + SPREAD.replace("quarter", over)
    rule = parse_descriptor(text, "q.yaml").resolve(settings(fiscal_year_start_month=2)).rules.spread
    assert rule is not None
    assert (rule.first_month, len(rule.weights)) == (first, 6 if "half" in over else 3)


@pytest.mark.parametrize(
    ("how", "fault"),
    [
        ("{weights: [1, 1]}", "how.weights has 2; over: quarter needs 3, one for each period"),
        ("{like: Actual, year: -1}", "how.like spreads years alone; with over: quarter, write even or weights"),
    ],
)
def test_weights_must_be_those_of_the_periods(how: str, fault: str) -> None:
    with pytest.raises(FinancePlatformError, match=fault):
        parse_descriptor(QUARTERS + SPREAD.replace("even", how), "q.yaml")


def test_quarters_that_nothing_divides_are_a_warning(tmp_path: Path) -> None:
    (note,) = notes(tmp_path, f"{HEADER}D1,6000,2025-Q1,30\nD1,6000,2025-Q2,30\n", QUARTERS)
    assert note == "date: the amount of a quarter counts whole in its first month, first on line 2 ('2025-Q1')"
    assert notes(tmp_path, f"{HEADER}D1,6000,2025-Q1,30\n", QUARTERS + SPREAD) == []


def test_a_year_that_nothing_divides_is_a_warning(tmp_path: Path) -> None:
    (note,) = notes(tmp_path, f"{HEADER}D1,6000,2025,30\n", QUARTERS.replace("yyyy-QQQ", "yyyy"))
    assert note == "date: the amount of a year counts whole in its first month, first on line 2 ('2025')"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (months(1, 4, 7, 10), ["every third month alone, from 2025-01 to 2025-10, as if each amount were that of a q"]),
        (months(2, 5, 8, 11), ["every third month alone, from 2025-02 to 2025-11, as if each amount were that of a q"]),
        (months(1, 4, 7), []),
        (months(1, 4, 7, 10, rows=2), []),
        (months(1, 4, 7, 10) + "D1,6000,2025-05-01,1\n", []),
        (months(*range(1, 13)), []),
    ],
)
def test_a_plan_with_lines_in_every_third_month_alone_is_a_warning(tmp_path: Path, text: str, said: list[str]) -> None:
    found = notes(tmp_path, text, DAYS)
    assert len(found) == len(said)
    assert all(part in note for part, note in zip(said, found, strict=True))


def test_a_budget_of_quarters_beside_a_forecast_of_months_is_a_warning(tmp_path: Path) -> None:
    lines = months(1, 4, 7, 10).splitlines()[1:]
    other = months(*range(1, 13)).splitlines()[1:]
    text = "".join([*(f"{line},Budget\n" for line in lines), *(f"{line},Forecast\n" for line in other)])
    both = DAYS.replace("constants: {scenario: Budget}", "  scenario: Scenario")
    (note,) = notes(tmp_path, f"Dept,Acc,When,Amount,Scenario\n{text}", both)
    assert "every third month alone" in note
    assert notes(tmp_path, f"Dept,Acc,When,Amount,Scenario\n{text.replace('Budget', 'Actual')}", both) == []


def test_actual_lines_of_every_third_month_are_no_plan(tmp_path: Path) -> None:
    assert notes(tmp_path, months(1, 4, 7, 10), DAYS.replace("Budget", "Actual")) == []


OF_HALVES = QUARTERS.replace("formats: [yyyy-QQQ]", 'map: {H1 2025: "2025-01-01", H2 2025: "2025-07-01"}')
WIDE_HALVES = """
feed: halves
kind: ledger
path: plan_*.csv
columns: {department: Dept, account: Acc, date: {formats: [MMM], map: {H1: Jan, H2: Jul}}}
unpivot: {columns: [H1, H2], into: date, year: 2025}
constants: {scenario: Budget}
"""


@pytest.mark.parametrize(
    ("text", "descriptor", "first"),
    [
        (f"{HEADER}D1,6000,H1 2025,60\n", OF_HALVES, "line 2 ('H1 2025')"),
        ("Dept,Acc,H1,H2\nD1,6000,60,66\n", WIDE_HALVES, "line 2 ('H1')"),
    ],
)
def test_the_amount_of_a_half_that_a_map_takes_as_its_first_month_is_named(
    tmp_path: Path, text: str, descriptor: str, first: str
) -> None:
    why = f"date: the amount of a half year counts whole in its first month, first on {first}"
    assert notes(tmp_path, text, descriptor) == [why]
    assert not notes(tmp_path, text, descriptor + "spread: {over: half_year, how: even}\n")
    assert not notes(tmp_path, f"{HEADER}D1,6000,2025-03-01,60\n", OF_HALVES)
