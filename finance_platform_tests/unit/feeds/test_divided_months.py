"""Amounts of months that a descriptor divides among the periods of a year: when they are held, and when named."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from finance_platform_tests.unit.feeds.test_shapes import staged

PLAN = """
feed: plan
kind: ledger
path: plan_*.csv
columns: {department: Dept, account: Acc, date: {from: When, formats: [yyyy-MM]}, amount: Amount}
spread: {over: fiscal_year, how: even}
constants: {scenario: Budget}
"""
HEADER = "Dept,Acc,When,Amount\n"


def findings(tmp_path: Path, places: Iterable[tuple[str, str]], descriptor: str = PLAN) -> Any:
    text = HEADER + "".join(f"{department},6000,{month},100.00\n" for department, month in places)
    return json.loads(staged(tmp_path, text, descriptor, "plan_a.csv")[-1]["findings"])


def months(department: str, *numbers: int) -> list[tuple[str, str]]:
    return [(department, f"2025-{number:02d}") for number in numbers]


def test_amounts_of_months_that_are_divided_among_a_year_hold_the_file(tmp_path: Path):
    found = findings(tmp_path, months("D1", 10, 11, 12) + months("D2", 10, 11))
    (text,) = found["doubts"]
    assert text == (
        "date: 2 of 2 departments and accounts have amounts in several months (2025-10, 2025-11, 2025-12), and spread "
        "divides each of them among all periods from 2025-01 to 2025-12, as if it were that of a year"
    )
    assert "remove spread from the descriptor" in found["advice"]


def test_amounts_of_months_that_are_divided_among_a_quarter_hold_the_file(tmp_path: Path):
    (text,) = findings(tmp_path, months("D1", *range(1, 13)), PLAN.replace("fiscal_year", "quarter"))["doubts"]
    assert "from 2025-01 to 2025-03, as if it were that of a quarter" in text


def test_a_plan_that_begins_within_its_year_is_named(tmp_path: Path):
    found = findings(tmp_path, months("D1", 10) + months("D2", 10))
    assert not found["doubts"]
    (text,) = found["notes"]
    assert text == (
        "date: every amount is of 2025-10, and spread divides each among all periods from 2025-01 to 2025-12, also "
        "those before it"
    )


@pytest.mark.parametrize(
    ("places", "descriptor"),
    [
        (months("D1", 1) + months("D2", 1), PLAN),
        (months("D1", 12), PLAN),
        ([("D1", "2025"), ("D2", "2025")], PLAN.replace("yyyy-MM", "yyyy")),
        ([("D1", "2025-01"), ("D1", "2026-01"), ("D1", "2027-01")], PLAN),
        (months("D1", 1, 4, 7, 10), PLAN.replace("fiscal_year", "quarter")),
        (months("D1", 2, 5, 8, 11), PLAN.replace("fiscal_year", "quarter")),
        # As the fix of a plan that begins within the year says.
        (months("D1", 10), PLAN.replace("even", "{weights: [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1]}")),
        # Contracts that begin at some time, of which one department has two.
        (months("D1", 3, 7) + months("D2", 4) + months("D3", 9), PLAN),
        (months("D1", *range(1, 13)), PLAN.replace("spread: {over: fiscal_year, how: even}\n", "")),
    ],
)
def test_amounts_of_years_and_quarters_are_divided_without_a_word(
    tmp_path: Path, places: list[tuple[str, str]], descriptor: str
):
    found = findings(tmp_path, places, descriptor)
    assert not found["doubts"]
    assert not [text for text in found["notes"] if "spread" in text]
