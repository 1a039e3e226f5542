"""A budget of years that is spread like last year's Actual: late and corrected Actual, other files, and the law."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from finance_platform.refresh.feed_check import check_file
from finance_platform_tests.model_based.home import LawHome
from finance_platform_tests.unit.factories import descriptor

pytestmark = pytest.mark.end_to_end

LEDGER = """
feed: ledger
kind: ledger
path: actual_*.csv
columns: {date: Date, department: Dept, account: Account, amount: Amount, transaction_id: No}
constants: {scenario: Actual}
load: {mode: upsert, key: [transaction_id]}
hold_if_removes: never
"""
PLAN = """
feed: plan
kind: ledger
path: plan.csv
columns: {date: {from: Year, formats: [yyyy]}, department: Dept, account: Account, amount: Amount}
spread: {over: fiscal_year, how: {like: Actual, year: -1}}
constants: {scenario: Budget}
hold_if_removes: never
"""
SENT = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path, spark: SparkSession) -> LawHome:
    home = LawHome(tmp_path, spark)
    home.describe("ledger", LEDGER)
    home.describe("plan", PLAN)
    home.put("plan.csv", b"Year,Dept,Account,Amount\n2026,D1,6000,100.00\n2026,D2,6000,9.00\n", SENT)
    return home


def send(home: LawHome, name: str, *rows: str) -> None:
    home.put(name, ("No,Date,Dept,Account,Amount\n" + "\n".join(rows) + "\n").encode(), SENT)


def plan(home: LawHome) -> dict[str, Decimal]:
    """The money of the plan's year that the warehouse has, by month."""
    amounts: dict[str, Decimal] = {}
    for cell, figures in home.star().facts.items():
        if cell.day.year == 2026:
            month = f"{cell.day:%m}"
            amounts[month] = amounts.get(month, Decimal(0)) + figures.amount
    return amounts


def readings(home: LawHome) -> int:
    """How often the plan was discovered."""
    return sum(event.object_key == "plan.csv" for event in home.events())


def test_a_plan_waits_for_its_weights_follows_them_alone_and_is_that_of_a_rebuilt_home(home: LawHome) -> None:
    home.refresh()
    (held,) = home.state().inactive
    assert held.commit.rules == {"missing_weights": 2}

    send(home, "actual_1.csv", "1,2025-01-31,D1,6000,20", "2,2025-04-30,D1,6000,10", "3,2025-01-31,D3,7000,1")
    home.refresh()
    # D2 has no Actual, so its year is spread like the account.
    assert plan(home) == {"01": Decimal("72.66"), "04": Decimal("36.34")}
    assert home.changes() == ()
    check = check_file(home.raw, "plan.csv", descriptor(PLAN), home.settings, home.processed)
    assert {period[-2:]: count.amount for (_, period), count in check.sums.items()} == plan(home)
    assert not check.conditions

    read = readings(home)
    send(home, "actual_2.csv", "4,2026-01-31,D1,6000,999", "5,2024-12-31,D1,6000,5")
    home.refresh()
    assert readings(home) == read
    send(home, "actual_3.csv", "2,2026-05-30,D1,6000,10", "6,2025-03-30,D1,6000,60")
    home.refresh()
    # Line 2 has moved out of last year, which the file that has it now does not touch otherwise.
    assert readings(home) == read + 1
    assert plan(home)["03"] == Decimal("75.00") + Decimal("6.75")
    tables, read = home.tables(), len(home.events())
    assert not home.is_nothing_new()  # the verdicts of that run may have set other weights free
    home.refresh()
    assert len(home.events()) == read
    assert home.is_nothing_new()
    home.start_from_scratch()
    home.refresh()
    assert home.tables() == tables
