"""Closed periods through the command: what changes one is a restatement, published with an alert, or held.

Belongs here: close, reopen, and both values of the setting CLOSED_PERIODS. Does not belong here: the rules one by one
(see the unit tests of judging, decisions and movements).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finance_platform_tests.end_to_end.small_home import ACCOUNTS, TRANSACTIONS, Home, copied, small_home

pytestmark = pytest.mark.end_to_end

CORRECTED = TRANSACTIONS.replace("1000.00", "1000.50")
HOLD = {"FINANCE_PLATFORM_CLOSED_PERIODS": "hold"}
DEBIT_POSITIVE = """\
feed: trial_balance
kind: ledger
path: trial*.csv
columns: {date: Day, department: Dept, account: Account, amount: {debit: Dr, credit: Cr}}
constants: {scenario: Actual}
"""
TRIAL_BALANCE = "Day,Dept,Account,Dr,Cr\n2024-01-10,D100,2100,,70.00\n2024-02-10,D100,6000,5.00,\n"


@pytest.fixture(scope="module")
def closed(small_home_once_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose January is closed; each test works on a copy of its own."""
    home = copied(small_home_once_run, tmp_path_factory.mktemp("closed") / "home")
    assert home.command("close", "2024-01", "--why", "books closed").returncode == 0
    return home.path


@pytest.fixture
def home(closed: Path, tmp_path: Path) -> Home:
    return copied(closed, tmp_path / "home")


def january(home: Home) -> str:
    return str(home.query("SELECT SUM(Actual) AS Total FROM ActualVsBudget WHERE Period = '2024-01'")[0]["Total"])


def alerts(home: Home) -> list[dict[str, object]]:
    path = home.path / "alerts.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_change_of_a_closed_period_is_published_as_a_restatement_with_one_alert(home: Home):
    home.write("raw/transactions.csv", CORRECTED)
    assert home.command("run").returncode == 0
    assert home.command("run").returncode == 0
    assert january(home) == "1250.60"
    moved = json.loads(home.command("movements", "--format", "json").stdout)
    assert [(row["Period"], row["Difference"], row["IsRestatement"]) for row in moved] == [("2024-01", "0.50", True)]
    (alert,) = alerts(home)
    assert alert["kind"] == "restatement"
    assert alert["found"] == {
        "period": "2024-01",
        "moved in all": "0.50",
        "Actual Amount": "0.50",
        "cause": "transactions.csv: another version",
    }


def test_a_change_of_an_open_period_is_a_movement_and_nobody_is_alerted(home: Home):
    home.write("raw/transactions.csv", TRANSACTIONS.replace("1100.00", "1100.50"))
    assert home.command("run").returncode == 0
    moved = json.loads(home.command("movements", "--format", "json").stdout)
    assert [(row["Period"], row["IsRestatement"]) for row in moved] == [("2024-02", False)]
    assert not alerts(home)


def test_a_home_that_holds_closed_periods_holds_the_delivery_until_it_is_accepted(home: Home):
    home.write("raw/transactions.csv", CORRECTED)
    held = home.command("run", **HOLD)
    assert held.returncode == 1
    assert "would restate 2024-01, which is closed" in held.stdout
    assert january(home) == "1250.10"
    assert home.command("accept", "transactions.csv", "--why", "the auditors found it").returncode == 0
    assert home.command("run", **HOLD).returncode == 0
    assert january(home) == "1250.60"


def test_a_longer_export_that_repeats_a_closed_period_is_not_held(home: Home):
    # Sorted anew, so that every line of January stands somewhere else.
    header, *lines = TRANSACTIONS.splitlines()
    longer = [header, "T6,2024-03-28,D100,4000,10.00,March", *reversed(lines)]
    home.write("raw/transactions.csv", "\n".join(longer) + "\n")
    assert home.command("run", **HOLD).returncode == 0
    assert january(home) == "1250.10"


def test_a_period_that_is_open_again_is_held_no_more(home: Home):
    assert home.command("reopen", "2024-01", "--why", "a late invoice").returncode == 0
    home.write("raw/transactions.csv", CORRECTED)
    assert home.command("run", **HOLD).returncode == 0
    assert january(home) == "1250.60"
    assert not alerts(home)


def test_withdrawing_lines_of_a_closed_period_needs_it_reopened_first(home: Home):
    refused = home.command("withdraw", "transactions.csv", "--why", "wrong file", **HOLD)
    assert refused.returncode == 2
    assert "has lines in 2024-01" in refused.stderr
    assert "reopen" in refused.stderr


def test_what_no_delivery_caused_leaves_a_closed_period_alone_and_says_so(tmp_path: Path):
    home = small_home(tmp_path)
    home.write("feeds/trial_balance.yaml", DEBIT_POSITIVE)
    home.write("raw/trial_balance.csv", TRIAL_BALANCE)
    home.write("raw/accounts.csv", ACCOUNTS + "2100,Loans,Asset,Debt,\n")
    assert home.command("run").returncode == 0
    assert home.command("close", "2024-01", "--why", "books closed").returncode == 0
    before = loans(home)
    home.write("raw/accounts.csv", ACCOUNTS + "2100,Loans,Liability,Debt,\n")
    home.write("raw/transactions_may.csv", TRANSACTIONS.splitlines()[0] + "\nM1,2024-05-05,D100,4000,5.00,May\n")
    held = home.command("run", **HOLD)
    assert held.returncode == 1
    assert "closed_periods_stand" in held.stdout
    assert home.query("SELECT COUNT(*) AS Times FROM ActualVsBudget WHERE Period = '2024-05'")[0]["Times"] == 1
    assert "stays as it is published" in home.command("status", **HOLD).stdout
    assert loans(home) == before == "-70.00"
    assert home.command("reopen", "2024-01", "--why", "the type was wrong").returncode == 0
    assert home.command("run", **HOLD).returncode == 0
    assert loans(home) == "70.00"


def loans(home: Home) -> str:
    sql = "SELECT SUM(Amount) AS Total FROM FactFinancials INNER JOIN DimAccount USING (AccountKey) "
    return str(home.query(sql + "WHERE AccountNumber = '2100'")[0]["Total"])


def test_a_period_with_changes_on_their_way_cannot_be_closed(home: Home):
    home.write("raw/transactions.csv", TRANSACTIONS.replace("1100.00", "1100.50"))
    early = home.command("close", "2031-01", "--why", "x")
    assert early.returncode == 2
    assert "nothing is published of 2031-01" in early.stderr
    twice = home.command("close", "2024-01", "--why", "again")
    assert twice.returncode == 2
    assert "was closed by" in twice.stderr
