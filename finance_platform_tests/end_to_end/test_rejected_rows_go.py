"""A story: a file with bad rows comes in, is corrected, and its rejected rows go; a file with another header follows.

Belongs here: what `rejected` lists after each refresh, and what `status` says about a refused file.
Does not belong here: formats (see `test_command_line`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from finance_platform.deliveries.register import Register
from finance_platform.reports.rejected_rows import RejectedRows, RejectedTotals
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher

pytestmark = pytest.mark.end_to_end

HEADER = "Date,Dept,Account,Amount\n"
GOOD = "2025-01-10,D1,5000,10.00\n"
FEED = """
feed: ledger
kind: ledger
path: ledger*.csv
columns: {date: {from: Date}, department: {from: Dept}, account: {from: Account}, amount: {from: Amount}}
constants: {scenario: Actual}
tolerance: {rejected_rows: 0.5}
"""


def listed(home: Home) -> tuple[list[dict[str, Any]], RejectedTotals]:
    """Return the rejected rows and their totals."""
    totals = RejectedTotals()
    listing = RejectedRows(home.processed, home.state, Register(home.processed).events(), "USD")
    return list(listing.rows(totals=totals)), totals


def test_rejected_rows_go_with_the_corrected_file_and_another_header_is_named(tmp_path: Path, refresh: Refresher):
    home = Home(tmp_path)
    home.write("feeds/ledger.yaml", FEED)
    home.write("raw/ledger_1.csv", HEADER + GOOD + "never,D1,5000,-7.50\n")
    home.write("raw/ledger_2.csv", HEADER + "2025-01-10,,5000,1.00\n2025-01-10,D1,,x\n" + GOOD)
    status = refresh(home).status
    rows, totals = listed(home)
    assert [(row["source_file"], row["source_row"], row["state"], row["rules"]) for row in rows] == [
        ("ledger_1.csv", 3, "live", "invalid_date"),
        ("ledger_2.csv", 2, "held", "blank_department"),
        ("ledger_2.csv", 3, "held", "invalid_amount,blank_account"),
    ]
    assert rows[2]["details"][0] == {
        "rule": "invalid_amount", "column": "Amount", "value": "x", "words": "amount: 'x' is not a valid amount"
    }  # fmt: skip
    (line,) = status.reconciliation.by_scenario
    assert sum(count.rows for count in totals.by_file.values()) == line.term("rejected").rows == 3
    assert sum(count.absolute for count in totals.by_file.values()) == line.term("rejected").absolute
    first = rows[0]["first_seen"]

    home.write("raw/ledger_2.csv", HEADER + GOOD * 3)
    home.write("feeds/ledger.yaml", FEED.replace("{from: Date}", "{from: Date, formats: [yyyy-MM-dd, dd.MM.yyyy]}"))
    home.write("raw/ledger_3.csv", HEADER.replace("Amount", "Net Amount") + GOOD)
    status = refresh(home).status
    ((row,), _) = listed(home)
    assert (row["source_file"], row["first_seen"]) == ("ledger_1.csv", first)

    (refused,) = [row for row in status.deliveries if row["state"] == "refused"]
    assert refused["reason"] == (
        "the header lacks the column for amount: expected 'Amount', found Date, Dept, Account, Net Amount; "
        "is it 'Net Amount'?"
    )
    assert not [row for row in status.warnings if row["kind"] == "header"]  # the reason says it
