"""Fields from the rows of another feed whose keys are in doubt (see also `test_values_from_other_feeds`)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from finance_platform.deliveries.decisions import accept, withdraw
from finance_platform.feeds.reader_versions import OF_FORMAT
from finance_platform_tests.model_based.home import LawHome
from finance_platform_tests.unit.zone import ADA

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
ROWS_OF_LINES = b"Journal,Dept,Account,Amount\nJ1,D1,6000,10.00\nJ2,D1,6000,5.50\n j1 ,D2,6000,1.00\n"
SENT = datetime(2025, 3, 1, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path, spark: SparkSession) -> LawHome:
    home = LawHome(tmp_path, spark)
    home.describe("journals", JOURNALS)
    home.describe("journal_lines", LINES)
    home.put("lines.csv", ROWS_OF_LINES, SENT)
    return home


def test_a_key_with_two_dates_in_a_file_is_rejected_and_so_are_its_lines(home: LawHome) -> None:
    headers = b"Journal,Posted,Text\nJ1,15.01.2025,Rent\nJ2,03.02.2025,Fuel\nJ2,04.02.2025,Fuel\nJ3,x,\n"
    home.put("headers_1.csv", headers, SENT)
    home.refresh()
    commits = {one.commit.object_key: one.commit for one in home.state().inactive}
    assert commits["headers_1.csv"].rules == {"conflicting_key": 2, "invalid_date": 1}
    # Beyond its tolerance, the file of headers is held, so no line has a date.
    assert commits["lines.csv"].rules == {"missing_lookup": 3}


def test_a_withdrawn_file_stays_withdrawn_when_the_rows_that_it_looks_up_change(
    home: LawHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.put("headers_1.csv", b"Journal,Posted,Text\nJ1,15.01.2025,Rent\nJ2,03.02.2025,Fuel\n", SENT)
    home.refresh()
    withdraw(home.processed, "lines.csv", ADA)
    home.put("headers_1.csv", b"Journal,Posted,Text\nJ1,16.01.2025,Rent\nJ2,03.02.2025,Fuel\n", SENT)
    for version in (0, 1):
        monkeypatch.setitem(OF_FORMAT, "text", OF_FORMAT["text"] + version)
        for _ in range(2):
            home.refresh()
            assert [one.event.object_key for one in home.state().withdrawn] == ["lines.csv"]
            assert not home.state().ledger


def test_an_accepted_file_stays_accepted_when_a_release_reads_it_and_what_it_looks_up_again(
    home: LawHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.put("headers_1.csv", b"Journal,Posted,Text\nJ1,15.01.2025,Rent\n", SENT)
    home.refresh()
    accept(home.processed, "lines.csv", ADA)
    home.refresh()
    (before,) = home.state().ledger
    monkeypatch.setitem(OF_FORMAT, "text", OF_FORMAT["text"] + 1)
    home.refresh()
    (after,) = home.state().ledger
    assert after.delivery_id != before.delivery_id
    assert not home.state().inactive
