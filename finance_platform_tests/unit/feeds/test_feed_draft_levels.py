"""Accounts in a column for each level, as QuickBooks Desktop has them: `first_filled`, and drafts that propose it."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from finance_platform.feeds.descriptor import FeedDescriptor
from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.read_file import FileToRead, read_file
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.refresh.file_check.feed_check import check_file
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.checked_files import check_text
from finance_platform_tests.unit.factories import settings
from finance_platform_tests.unit.feeds.drafts import checked, draft, drafted
from finance_platform_tests.unit.feeds.test_feed_draft_shapes import sums

DETAIL = """\
,,,Type,Date,Num,Memo,Class,Amount
Income,,,,,,,,
,4000 · Sales,,,,,,,
,,,Invoice,01/15/2025,1,Consulting,10,100.00
,,,Invoice,02/16/2025,2,Training,20,50.00
,Total 4000 · Sales,,,,,,,150.00
Total Income,,,,,,,,150.00
Expense,,,,,,,,
,6000 · Facilities,,,,,,,
,,6110 · Rent,,,,,,
,,,Bill,01/05/2025,3,January,10,30.00
,,,Bill,02/05/2025,4,February,10,31.00
,,Total 6110 · Rent,,,,,,61.00
,Total 6000 · Facilities,,,,,,,61.00
,6200 · Travel,,,,,,,
,,,Bill,01/17/2025,5,Train,20,7.50
,,,Bill,01/18/2025,6,Hotel,20,12.50
,Total 6200 · Travel,,,,,,,20.00
Total Expense,,,,,,,,81.00
TOTAL,,,,,,,,231.00
"""
STATEMENT = """\
,,,,,Jan 25,Feb 25,TOTAL
,Ordinary Income/Expense,,,,,,
,,Income,,,,,
,,,4000 · Sales,,100.00,50.00,150.00
,,Total Income,,,100.00,50.00,150.00
,Gross Profit,,,,100.00,50.00,150.00
,,Expense,,,,,
,,,6000 · Facilities,,,,
,,,,6110 · Rent,30.00,31.00,61.00
,,,Total 6000 · Facilities,,30.00,31.00,61.00
,,,6200 · Travel,,20.00,,20.00
,,Total Expense,,,50.00,31.00,81.00
,Net Ordinary Income,,,,50.00,19.00,69.00
Net Income,,,,,50.00,19.00,69.00
"""
LEVELS = """\
feed: levels
kind: ledger
path: levels*.csv
columns:
  date: Date
  department: Dept
  account: {from: [Level 3, Level 2, Level 1], first_filled: true}
  amount: Amount
constants: {scenario: Actual}
"""


def account_sums(folder: Path, name: str, feed: FeedDescriptor, field: str = "account_number") -> dict[str, str]:
    """Return the money of each account that a run would read from a file, or of each text of another field."""
    file = FileToRead("d1", name, "ledger", hashlib.sha256((folder / name).read_bytes()).hexdigest())
    totals: dict[str, Decimal] = {}
    for batch in read_file("ledger", feed.resolve(settings()), LocalStore(folder), file):
        for row in batch.to_pylist():
            if row["outcome"] == "accepted":
                totals[row[field]] = totals.get(row[field], Decimal(0)) + row["amount"]
    return {account: str(amount) for account, amount in totals.items()}


def drafted_sums(folder: Path, text: str, name: str, **decided: str) -> dict[str, str]:
    """Return the money of each account of a file that is read by its draft, and passes check."""
    check = checked(folder, text, name, **decided)
    assert check.is_fine, check.holds
    return account_sums(folder, name, drafted(text, name, **decided))


def test_labels_of_several_levels_are_given_to_the_lines_below_them(tmp_path: Path):
    assert sums(tmp_path, DETAIL, "detail.csv") == {("Actual", "2025-01"): "150.00", ("Actual", "2025-02"): "81.00"}
    assert drafted_sums(tmp_path, DETAIL, "detail.csv") == {
        "4000 · Sales": "150.00", "6110 · Rent": "61.00", "6200 · Travel": "20.00",
    }  # fmt: skip
    written = draft(DETAIL, "detail.csv")
    assert yaml.safe_load(written)["columns"]["account"] == {
        "from": ["(column 3)", "(column 2)", "(column 1)"], "first_filled": True, "fill_down": True,
    }  # fmt: skip
    assert "DECIDE" not in written


def test_the_last_total_must_tie_where_those_of_levels_are_left_out(tmp_path: Path):
    check = checked(tmp_path, DETAIL.replace("TOTAL,,,,,,,,231.00", "TOTAL,,,,,,,,232.00"), "detail.csv")
    assert any("231.00" in reason for reason in check.holds)


def test_a_line_below_the_total_of_its_account_is_on_no_account(tmp_path: Path):
    line = ",,,Bill,01/25/2025,9,Repairs,10,5.00\n"
    feed = drafted(DETAIL, "d.csv")
    (tmp_path / "d.csv").write_text(DETAIL.replace(",Total 6000", f"{line},Total 6000", 1), encoding="utf-8")
    check = check_file(LocalStore(tmp_path), "d.csv", feed, settings())
    assert [(row.row, row.reasons) for row in check.refused_rows] == [(14, "account is blank")]


def test_a_statement_that_is_indented_has_its_accounts_in_the_deepest_columns(tmp_path: Path):
    assert drafted_sums(tmp_path, STATEMENT, "statement.csv", department="10") == {
        "4000 · Sales": "150.00", "6110 · Rent": "61.00", "6200 · Travel": "20.00",
    }  # fmt: skip
    account = yaml.safe_load(draft(STATEMENT, "statement.csv"))["columns"]["account"]
    assert account == {"from": ["(column 5)", "(column 4)"], "first_filled": True}


def test_a_statement_of_one_level_below_its_headings_has_its_accounts_in_one_column(tmp_path: Path):
    rows = [row for row in STATEMENT.splitlines() if "Facilities" not in row and "Rent" not in row]
    text = (
        "\n".join(rows).replace("50.00,31.00,81.00", "20.00,,20.00").replace("50.00,19.00,69.00", "80.00,50.00,130.00")
    )
    assert drafted_sums(tmp_path, text, "statement.csv", department="10") == {
        "4000 · Sales": "150.00", "6200 · Travel": "20.00",
    }  # fmt: skip
    assert yaml.safe_load(draft(text, "statement.csv"))["columns"]["account"] == "(column 4)"


def read_levels(folder: Path, text: str) -> dict[str, str]:
    (folder / "levels.csv").write_text(text, encoding="utf-8")
    return account_sums(folder, "levels.csv", parse_descriptor(LEVELS, "levels.yaml"))


def test_each_row_has_the_text_of_the_first_column_that_is_not_blank(tmp_path: Path):
    rows = "2025-01-31,10,6000,6100,6110,1.00\n2025-01-31,10,6000,6200,,2.00\n2025-01-31,10,7000, ,,4.00\n"
    assert read_levels(tmp_path, f"Date,Dept,Level 1,Level 2,Level 3,Amount\n{rows}") == {
        "6110": "1.00", "6200": "2.00", "7000": "4.00",
    }  # fmt: skip


def test_a_file_may_have_fewer_levels(tmp_path: Path):
    text = "Date,Dept,Level 1,Level 2,Amount\n2025-01-31,10,6000,6100,1.00\n"
    assert read_levels(tmp_path, text) == {"6100": "1.00"}


def test_a_file_without_any_of_the_levels_is_refused(tmp_path: Path):
    refusal = check_text(tmp_path, "Date,Dept,Amount\n2025-01-31,10,1.00\n", LEVELS, "levels.csv").refusal
    assert "lacks the column for account: expected 'Level 3' or 'Level 2' or 'Level 1'" in refusal


def test_a_row_in_which_all_levels_are_blank_is_rejected(tmp_path: Path):
    text = "Date,Dept,Level 1,Amount\n2025-01-31,10,,1.00\n"
    check = check_text(tmp_path, text, LEVELS, "levels.csv")
    assert [row.reasons for row in check.refused_rows] == ["account is blank"]


def test_rules_that_an_earlier_release_stored_lack_the_key():
    document = parse_descriptor(LEVELS, "levels.yaml").resolve(settings()).to_json()
    assert ResolvedFeed.from_json(document).rules.fields["account"].is_first_filled
    del document["rules"]["fields"]["account"]["is_first_filled"]
    assert not ResolvedFeed.from_json(document).rules.fields["account"].is_first_filled


@pytest.mark.parametrize(("key", "is_same"), [("", True), (", first_filled: true", False)])
def test_a_feed_without_the_key_keeps_its_identity(key: str, is_same: bool):
    feed = parse_descriptor(LEVELS.replace(", first_filled: true", key), "levels.yaml").resolve(settings())
    assert (feed.rules.identity == "7ddaf7de791bf2bc") == is_same


ODOO = """\
,Date,Communication,Partner,Debit,Credit,Balance
610000 Rent,,,,1234.50,99.00,1135.50
BILL/1,2025-03-03,rent,Landlord,1234.50,,1234.50
RBILL/1,2025-03-05,credit,Landlord,,99.00,1135.50
620000 Travel,,,,500.25,,500.25
BILL/2,2025-03-17,hotel,Hotel,500.25,,500.25
Total,,,,1734.75,99.00,1635.75
"""


def test_an_account_above_its_lines_may_have_their_sums(tmp_path: Path):
    """The rows of accounts were rejected, and the total did not tie."""
    found = checked(tmp_path, ODOO, "general_ledger_2025-03.csv", department="D1")
    assert found.is_fine, found.holds
    assert {place: str(count.amount) for place, count in found.sums.items()} == {("Actual", "2025-03"): "1635.75"}
    assert yaml.safe_load(draft(ODOO))["columns"]["account"] == {"from": "(column 1)", "fill_down": "labels"}


def test_rows_without_days_that_are_no_sums_are_no_labels():
    text = draft(ODOO.replace("610000 Rent,,,,1234.50", "610000 Rent,,,,1111.50").replace("1135.50\n", "7.00\n"))
    assert "label: true" not in text
