"""Fields from the rows of another feed: a key that comes later, a corrected one, and the law."""

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

JOURNALS = """
feed: journals
kind: lookup
path: headers_*.csv
columns: {key: Journal, date: {from: Posted, formats: [dd.MM.yyyy]}, description: Text}
"""
LINES = """
feed: journal_lines
kind: ledger
path: lines.csv
columns: {department: Dept, account: Account, amount: Amount}
lookup: {feed: journals, on: Journal, take: [date, description]}
constants: {scenario: Actual}
hold_if_removes: never
"""
SENT = datetime(2025, 3, 1, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path, spark: SparkSession) -> LawHome:
    home = LawHome(tmp_path, spark)
    home.describe("journals", JOURNALS)
    home.describe("journal_lines", LINES)
    rows = "Journal,Dept,Account,Amount\nJ1,D1,6000,10.00\nJ2,D1,6000,5.50\n j1 ,D2,6000,1.00\n"
    home.put("lines.csv", rows.encode(), SENT)
    return home


def by_month(home: LawHome) -> dict[str, Decimal]:
    """The money that the warehouse has, by month; none before the first load."""
    amounts: dict[str, Decimal] = {}
    for cell, figures in home.star().facts.items():
        amounts[f"{cell.day:%Y-%m}"] = amounts.get(f"{cell.day:%Y-%m}", Decimal(0)) + figures.amount
    return amounts


def test_lines_wait_for_their_keys_follow_corrections_and_are_those_of_a_rebuilt_home(home: LawHome) -> None:
    home.refresh()
    (held,) = home.state().inactive
    assert held.commit.rules == {"missing_lookup": 3}

    home.put("headers_1.csv", b"Journal,Posted,Text\nJ1,15.01.2025,Rent\nJ2,03.02.2025,Fuel\n", SENT)
    home.refresh()
    assert by_month(home) == {"2025-01": Decimal("11.00"), "2025-02": Decimal("5.50")}
    assert home.changes() == ()
    assert home.state().inactive == []
    check = check_file(home.raw, "lines.csv", descriptor(LINES), home.settings, home.processed)
    assert {period: count.amount for (_, period), count in check.sums.items()} == by_month(home)

    home.put("headers_2.csv", b"Journal,Posted,Text\nJ2,07.03.2025,Fuel\n", SENT)
    home.refresh()
    assert by_month(home) == {"2025-01": Decimal("11.00"), "2025-03": Decimal("5.50")}
    tables, read = home.tables(), len(home.events())
    home.refresh()
    assert len(home.events()) == read
    home.start_from_scratch()
    home.refresh()
    assert home.tables() == tables


def test_a_key_with_two_dates_in_a_file_is_rejected_and_so_are_its_lines(home: LawHome) -> None:
    headers = b"Journal,Posted,Text\nJ1,15.01.2025,Rent\nJ2,03.02.2025,Fuel\nJ2,04.02.2025,Fuel\nJ3,x,\n"
    home.put("headers_1.csv", headers, SENT)
    home.refresh()
    commits = {one.commit.object_key: one.commit for one in home.state().inactive}
    assert commits["headers_1.csv"].rules == {"conflicting_key": 2, "invalid_date": 1}
    # Beyond its tolerance, the file of headers is held, so no line has a date.
    assert commits["lines.csv"].rules == {"missing_lookup": 3}
