"""Books that balance: a double-entry ledger, its trial balances, and the gates of a close that compare them.

Belongs here: one home in which these gates are red and turn green. Does not belong here: the rules (see
`unit/quality/test_books`), the figures of the view on both warehouses (see `warehouse/test_report_views`).
"""

from __future__ import annotations

import json

import pytest

from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher

pytestmark = pytest.mark.end_to_end

LEDGER = """\
feed: gl
kind: ledger
path: gl*.csv
columns: {date: Day, department: Dept, account: Account, amount: {debit: Dr, credit: Cr}}
constants: {scenario: Actual}
balanced: {by: Voucher}
hold_if_removes: never
"""
TRIAL_BALANCE = """\
feed: trial_balance
kind: balances
path: tb_*.csv
columns:
  period: {from_name: 'tb_([0-9]{4}-[0-9]{2})'}
  account: Account
  opening: {from: Open, required: false}
  balance: {debit: Dr, credit: Cr}
expect: {every: month, by_working_day: 5}
"""
ACCOUNTS = """\
account_number,account_name,account_type,category
1000,Bank,Asset,
3000,Capital,Equity,
4000,Sales,Revenue,
6000,Salaries,Expense,
"""
LINES = """\
Voucher,Day,Dept,Account,Dr,Cr
V1,2024-11-02,D1,1000,100.00,
V1,2024-11-02,D1,3000,,100.00
V2,2024-12-03,D1,1000,50.00,
V2,2024-12-03,D1,4000,,50.00
V3,2024-12-04,D1,6000,20.00,
V3,2024-12-04,D1,1000,,20.00
V4,2025-01-05,D1,1000,40.00,
V4,2025-01-05,D1,4000,,40.00
V9,2025-01-31,D1,6000,7.00,
"""
DECEMBER = "Account,Open,Dr,Cr\n1000,100.00,130.00,\n3000,-100.00,,100.00\n4000,0.00,,50.00\n6000,0.00,20.00,\n"
JANUARY = "Account,Open,Dr,Cr\n1000,{open},{bank},\n3000,-130.00,,130.00\n4000,0.00,,40.00\n{more}"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, refresh: Refresher) -> Home:
    """A home whose voucher V9 is in January and February, and whose trial balance of January is wrong."""
    home = Home(tmp_path_factory.mktemp("books"))
    home.write("feeds/gl.yaml", LEDGER)
    home.write("feeds/trial_balance.yaml", TRIAL_BALANCE)
    home.write("raw/accounts.csv", ACCOUNTS)
    home.write("raw/gl.csv", f"{LINES}V9,2025-02-01,D1,1000,,7.00\n")
    home.write("raw/tb_2024-12.csv", DECEMBER)
    home.write("raw/tb_2025-01.csv", JANUARY.format(open="125.00", bank="170.00", more="9000,0.00,5.00,\n"))
    assert refresh(home).held() == {}
    return home


def red(home: Home, period: str) -> dict[str, list[str]]:
    """Return what contradicts the red gates about balances and completeness."""
    gates = json.loads(home.command("close", period, "--dry-run", "--json").stdout)["gates"]
    names = ("completeness", "trial_balance", "carry_forward", "tie_out")
    return {
        gate["gate"]: [finding["finding"] for finding in gate["findings"]]
        for gate in gates
        if gate["gate"] in names and gate["state"] == "red"
    }


def test_books_that_do_not_balance_keep_a_period_open_until_the_files_are_corrected(home: Home, refresh: Refresher):
    assert red(home, "2024-12") == {}
    undelivered = red(home, "2025-02")["completeness"][-1]
    assert undelivered == "feed trial_balance has no line of 2025-02, was due on 2025-03-07"
    bank = "account 1000 Bank: tb_2025-01.csv"
    assert red(home, "2025-01") == {
        "trial_balance": [
            "feed gl: debits of 2025-01 are 47.00, credits 40.00; they differ in gl.csv by 7.00",
            "tb_2025-01.csv: the balances of 2025-01 add up to 5.00 and not to 0.00",
        ],
        "carry_forward": [
            f"{bank} opens 2025-01 with 125.00, and 130.00 is carried forward from 2024-12, a difference of -5.00",
        ],
        "tie_out": [
            "account 9000: tb_2025-01.csv has 5.00, and the ledger has no such account",
            f"{bank} moves by 45.00 in 2025-01, the ledger 40.00, a difference of 5.00",
            "account 6000 Salaries: tb_2025-01.csv moves by 0.00 in 2025-01, the ledger 7.00, a difference of -7.00",
        ],
    }

    home.write("raw/gl.csv", f"{LINES}V9,2025-01-31,D1,1000,,7.00\n")
    home.write("raw/tb_2025-01.csv", JANUARY.format(open="130.00", bank="163.00", more="6000,0.00,7.00,\n"))
    assert refresh(home).held() == {}
    assert red(home, "2025-01") == {}
    columns = "AccountNumber, OpeningBalance, Movement, ClosingBalance, DeliveredBalance, Difference"
    rows = home.select(f"SELECT {columns} FROM TrialBalance WHERE Period = '2025-01' ORDER BY AccountNumber")
    assert [(row[0], *map(str, row[1:])) for row in rows] == [
        ("1000", "130.00", "33.00", "163.00", "163.00", "0.00"),
        # The result of 2024 is in the capital of the trial balance, and in no line of the ledger.
        ("3000", "-100.00", "0.00", "-100.00", "-130.00", "-30.00"),
        ("4000", "0.00", "-40.00", "-40.00", "-40.00", "0.00"),
        ("6000", "0.00", "7.00", "7.00", "7.00", "0.00"),
    ]
