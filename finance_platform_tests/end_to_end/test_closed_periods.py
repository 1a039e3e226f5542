"""Closed periods: a change of one is a restatement, which is published with an alert, or held.

Belongs here: close, reopen, and both values of the setting CLOSED_PERIODS. Does not belong here: the rules one by one
(see the unit tests of acceptance, decisions and movements).
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from finance_platform.cli import main
from finance_platform_tests.end_to_end.home import Home, copy_home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.end_to_end.small_home import ACCOUNTS, TRANSACTIONS, create_small_home
from finance_platform_tests.profiles import at_night

pytestmark = pytest.mark.end_to_end

CORRECTED = TRANSACTIONS.replace("1000.00", "1000.50")
HOLD = {"FINANCE_PLATFORM_CLOSED_PERIODS": "hold"}
PUBLISH = "FINANCE_PLATFORM_CLOSED_PERIODS=publish\n"
DEBIT_POSITIVE = """\
feed: trial_balance
kind: ledger
path: trial*.csv
columns: {date: Day, department: Dept, account: Account, amount: {debit: Dr, credit: Cr}}
constants: {scenario: Actual}
"""
ACCOUNTS_WITH_MEASURE = """\
feed: accounts
kind: accounts
path: accounts*.csv
columns: {number: number, name: name, type: type, measure: measure, valid_from: {from: from, required: false}}
"""
LOANS_FROM_JANUARY = "account_number,account_name,account_type,valid_from\n2100,Loans,Liability,2024-01-01\n"
TRIAL_BALANCE = "Day,Dept,Account,Dr,Cr\n2024-01-10,D100,2100,,70.00\n2024-02-10,D100,6000,5.00,\n"


@pytest.fixture
def home(january_closed: Path, tmp_path: Path) -> Home:
    """A home of the test's own with January closed."""
    home = copy_home(january_closed, tmp_path / "home")
    home.write(".env", PUBLISH)
    return home


def january(home: Home) -> Decimal:
    ((total,),) = home.select("SELECT SUM(Actual) FROM ActualVsBudget WHERE Period = '2024-01'")
    return Decimal(total)


def loans(home: Home) -> Decimal:
    sql = "SELECT SUM(Amount) FROM FactFinancials INNER JOIN DimAccount USING (AccountKey) "
    ((total,),) = home.select(sql + "WHERE AccountNumber = '2100'")
    return Decimal(total)


def test_a_change_of_a_closed_period_is_published_as_a_restatement_with_one_alert(home: Home):
    home.write("raw/transactions.csv", CORRECTED)
    published = home.command("run")
    assert published.returncode == 0
    amounts = "Actual Amount 1,000.00 → 1,000.50 (+0.50); 1 cell"
    assert f"restated closed 2024-01: {amounts}. Cause: transactions.csv: another version" in " ".join(
        published.stdout.split()
    )
    again = home.command("run")
    assert again.returncode == 0
    assert "restated" not in again.stdout
    assert january(home) == Decimal("1250.60")
    moved = json.loads(home.command("movements", "--format", "json").stdout)
    assert [(row["Period"], row["Difference"], row["IsRestatement"]) for row in moved] == [("2024-01", "0.50", True)]
    (alert,) = [json.loads(line) for line in (home.path / "alerts.jsonl").read_text().splitlines()]
    assert alert["kind"] == "restatement"
    assert alert["found"] == {
        "periods": ["2024-01"],
        "gross": {"Actual Amount": "0.50"},
        "cause": "transactions.csv: another version",
    }


@at_night("`unit/deliveries/test_acceptance`, `warehouse/test_movements`")
def test_a_change_of_an_open_period_is_a_movement_without_an_alert(home: Home, refresh: Refresher):
    home.write("raw/transactions.csv", TRANSACTIONS.replace("1100.00", "1100.50"))
    refreshed = refresh(home)
    assert not refreshed.needs_attention
    moved = json.loads(home.command("movements", "--format", "json").stdout)
    assert [(row["Period"], row["IsRestatement"]) for row in moved] == [("2024-02", False)]
    assert not refreshed.alerts


def test_the_check_of_a_file_that_would_restate_names_the_command_that_shows_what_changes(home: Home):
    home.write(".env", "FINANCE_PLATFORM_CLOSED_PERIODS=hold\n")
    home.write("raw/transactions.csv", CORRECTED)
    arguments = ["feed", "check", "--home", str(home.path), str(home.path / "raw" / "transactions.csv")]
    checked = CliRunner().invoke(main, arguments)
    assert checked.exit_code == 1
    assert "held would restate 2024-01, which is closed: Actual 0.50" in checked.stdout
    assert f"`finance-platform accept --home {home.path} transactions.csv --dry-run` shows" in checked.stdout


def test_a_longer_export_that_repeats_a_closed_period_is_not_held(home: Home, refresh: Refresher):
    # In reverse order, so that every line of January has another line number.
    header, *lines = TRANSACTIONS.splitlines()
    longer = [header, "T6,2024-03-28,D100,4000,10.00,March", *reversed(lines)]
    home.write("raw/transactions.csv", "\n".join(longer) + "\n")
    assert not refresh(home, **HOLD).needs_attention
    assert january(home) == Decimal("1250.10")


def test_a_file_that_waits_for_a_period_is_published_after_it_is_reopened(home: Home, refresh: Refresher):
    home.write("raw/transactions.csv", TRANSACTIONS.replace("1000.00", "1234567.00"))
    refreshed = refresh(home, **HOLD)
    assert refreshed.needs_attention
    assert "would restate 2024-01, which is closed" in refreshed.held()["transactions.csv"]
    assert january(home) == Decimal("1250.10")
    before = sorted((home.path / "processed").rglob("*"))
    preview = home.command("accept", "transactions.csv", "--dry-run", **HOLD).stdout
    assert preview.count("1,233,567.00") == 5  # amount, gross, profit effect; the effects on profit below
    assert "Effect on profit in closed periods: Actual 1,233,567.00" in preview
    (row,) = json.loads(home.command("accept", "transactions.csv", "--dry-run", "--format", "json", **HOLD).stdout)
    assert list(row.values()) == ["Actual", "2024-01", True, "Revenue", *["1233567.00"] * 3]
    assert sorted((home.path / "processed").rglob("*")) == before
    opened = home.command("reopen", "2024-01", "--why", "a late invoice", **HOLD)
    assert "judges again what waited because 2024-01 was closed: transactions.csv." in opened.stdout
    assert "2024-01 was opened again" in home.command("status", **HOLD).stdout
    assert not refresh(home, **HOLD).needs_attention
    assert january(home) == Decimal("1234817.10")
    steps = json.loads(home.command("restatement", "2024-01", "--format", "json", **HOLD).stdout)
    corrected = [(step["amount"], step["reason"]) for step in steps if step["cause"] == "corrected"]
    assert corrected == [("1233567.00", "a late invoice")]


def test_lines_of_a_closed_period_can_be_withdrawn_only_after_it_is_reopened(home: Home):
    refused = home.command("withdraw", "transactions.csv", "--why", "wrong file", **HOLD)
    assert refused.returncode == 2
    assert "has lines in 2024-01" in refused.stderr
    assert "reopen" in refused.stderr


@at_night("`test_effective_dates`, `test_causes_in_closed_periods`")
def test_a_change_without_a_delivery_leaves_a_closed_period_as_it_is_and_fails_a_check(
    tmp_path: Path, refresh: Refresher
):
    home = create_small_home(tmp_path)
    home.write("feeds/trial_balance.yaml", DEBIT_POSITIVE)
    home.write("raw/trial_balance.csv", TRIAL_BALANCE)
    home.write("raw/accounts.csv", ACCOUNTS + "2100,Loans,Asset,Debt,\n")
    assert not refresh(home).needs_attention
    assert home.command("close", "2024-01", "--why", "books closed").returncode == 0
    before = loans(home)
    home.write("raw/accounts_loans.csv", LOANS_FROM_JANUARY)
    home.write("raw/transactions_may.csv", TRANSACTIONS.splitlines()[0] + "\nM1,2024-05-05,D100,4000,5.00,May\n")
    refreshed = refresh(home, **HOLD)
    assert refreshed.needs_attention
    assert "closed_periods_stand" in refreshed.failed_checks
    assert home.select("SELECT COUNT(*) FROM ActualVsBudget WHERE Period = '2024-05'") == [(1,)]
    assert "stays as it is published" in home.command("status", **HOLD).stdout
    assert loans(home) == before == Decimal("-70.00")
    assert home.command("reopen", "2024-01", "--why", "the type was wrong").returncode == 0
    assert not refresh(home, **HOLD).needs_attention
    assert loans(home) == Decimal("70.00")


@at_night("`warehouse/test_movements`")
def test_lines_that_leave_a_view_because_their_account_becomes_a_balance_are_a_restatement(
    tmp_path: Path, refresh: Refresher
):
    home = Home(tmp_path)
    home.write(".env", PUBLISH)
    home.write("feeds/accounts.yaml", ACCOUNTS_WITH_MEASURE)
    home.write("raw/transactions.csv", TRANSACTIONS)
    home.write("raw/accounts.csv", "number,name,type,measure\n4000,Sales,Revenue,flow\n6000,Salaries,Expense,flow\n")
    assert not refresh(home).alerts
    assert home.command("close", "2024-01", "--why", "books closed").returncode == 0
    home.write(
        "raw/accounts.csv",
        "number,name,type,measure,from\n4000,Sales,Revenue,flow,\n6000,Salaries,Expense,balance,2024-01\n",
    )
    published = refresh(home)
    assert not published.needs_attention
    assert home.select("SELECT DISTINCT AccountNumber FROM ActualVsBudget") == [("4000",)]
    moved = [
        (row["period"], row["kind"], row["quantity"], row["moved"], row["is_restatement"], row["cause"])
        for row in published.status.details.movements
    ]
    cause = "accounts.csv: another version"
    assert moved == [
        ("2024-01", "reclassification", "balance", "250.10", True, cause),
        ("2024-02", "reclassification", "balance", "1250.25", False, cause),
    ]
    (alert,) = published.alerts
    assert alert.found["gross"]["Actual Amount reclassified (balances, largest period)"] == "250.10"


def test_an_unpublished_or_closed_period_cannot_be_closed(home: Home):
    home.write("raw/transactions.csv", TRANSACTIONS.replace("1100.00", "1100.50"))
    early = home.command("close", "2031-01", "--why", "x")
    assert early.returncode == 2
    assert "nothing is published of 2031-01" in early.stderr
    twice = home.command("close", "2024-01", "--why", "again")
    assert twice.returncode == 2
    assert "was closed by" in twice.stderr
