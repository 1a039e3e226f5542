"""Every check fails on files that a finance department sends, names the place and a fix, and passes on a near miss.

One home gets everything that is wrong, and another one the same with each mistake corrected, so that two runs show
every check both ways. Does not belong here: checks that only damage can fail (see `ONLY_DAMAGE`), what each check finds
(see `unit/quality`), messages about rows (see `unit/feeds`).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform.quality.checks import all_checks
from finance_platform_tests.end_to_end.home import CommandResult, copy_home
from finance_platform_tests.end_to_end.small_home import ACCOUNTS, DEPARTMENTS, TRANSACTIONS

pytestmark = pytest.mark.end_to_end

HEADER = TRANSACTIONS.splitlines()[0] + "\n"
JOURNAL = """\
feed: journal
kind: ledger
path: journal/*.csv
columns: {date: day, department: unit, account: account, amount: amount, transaction_id: id, reverses: reverses}
constants: {scenario: Actual}
"""
BALANCES = """\
feed: saldo
kind: ledger
path: saldo/*.csv
columns: {date: day, department: unit, account: account, amount: amount}
constants: {scenario: Actual}
sign: debit_positive
"""
REORGANISATION = """\
feed: reorganisation
kind: departments
path: reorganisation.csv
columns: {code: code, name: name, valid_from: from, predecessor: before, share: share}
"""
REORGANISED = "code,name,from,before,share\n"

WRONG = {
    "feeds/broken.yaml": "feed: broken\nkind: ledgr\npath: broken/*.csv\n",
    "feeds/journal.yaml": JOURNAL,
    "feeds/saldo.yaml": BALANCES,
    "feeds/reorganisation.yaml": REORGANISATION,
    "raw/trnsactions.csv": TRANSACTIONS,
    "raw/transactions_dir.csv/readme.txt": "a folder that is called like a file",
    "raw/transactions_bad.csv": f"{HEADER}B1,2024-03-31,D100,4000,1.00,\nB2,2024-03-32,D100,4000,1.00,\n",
    "raw/transactions_odd.csv": "id,booked,unit,konto,value\nO1,2024-03-01,D100,4000,1.00\n",
    "raw/saldo/march.csv": "day,unit,account,amount\n2024-03-01,D100,8999,1.00\n",
    # Of two files of one run with one key, only the modification times say which one is the later.
    "raw/transactions_p.csv": f"{HEADER}P1,2024-03-02,D100,6000,10.00,\n",
    "raw/transactions_q.csv": f"{HEADER}P1,2024-03-02,D100,6000,12.00,\n",
    # June is negative, after two months without lines; 450, 310.0, D999 and 7777 are described by no file.
    "raw/transactions_june.csv": (
        f"{HEADER}J1,2024-06-05,D100,4000,-900.00,\nJ2,2024-06-06,450,6000,20.00,\nJ3,2024-06-06,D999,7777,30.00,\n"
        "J4,2024-06-06,D100,310.0,40.00,\nJ5,2024-06-07,D110,6100,50.00,\nJ6,2024-06-07,0450,6000,60.00,\n"
        "J7,2024-06-08,D100,6100,70.00,\n"
    ),
    "raw/journal/june.csv": (
        "id,day,unit,account,amount,reverses\n1,2024-06-01,D100,6000,5.00,\n2,2024-06-02,D100,6000,-5.00,77\n"
    ),
    "raw/accounts.csv": ACCOUNTS.replace("\n", ",\n").replace("r,\n", "r,note\n", 1) + "6100,Bonus,Expense,,6000,\n",
    "raw/accounts_2.csv": f"{ACCOUNTS.splitlines()[0]}\n6000,Wages,Asset,Payroll,\n",
    "raw/departments.csv": f"{DEPARTMENTS}D110,Inside sales,Commercial,D100\n",
    "raw/reorganisation.csv": (
        f"{REORGANISED}0450,Buildings,,,\nD120,North,2024-02-01,D100,0.7\nD130,South,2024-02-01,D100,0.7\n"
    ),
    "raw/comments.csv": "period,department_code,account_number,comment\n2024-03,D1O0,4000,with a letter\n",
    "raw/statement_lines.csv": "account_number,section,line\n9999,Operating Expense,Fees\n4*,Operating Expense,Sales\n",
}

CORRECTED = {
    "feeds/journal.yaml": JOURNAL,
    "feeds/saldo.yaml": BALANCES,
    "feeds/reorganisation.yaml": REORGANISATION,
    "raw/transactions_bad.csv": f"{HEADER}B1,2024-03-31,D100,4000,1.00,\nB2,2024-03-31,D100,4000,1.00,\n",
    "raw/saldo/march.csv": "day,unit,account,amount\n2024-03-01,D100,4000,-1.00\n",
    "raw/transactions_p.csv": f"{HEADER}P1,2024-03-02,D100,6000,10.00,\n",
    "raw/transactions_q.csv": f"{HEADER}P2,2024-03-02,D100,6000,12.00,\n",
    "raw/transactions_june.csv": (
        f"{HEADER}J1,2024-04-05,D100,4000,900.00,\nJ2,2024-04-06,0450,6000,20.00,\nJ3,2024-04-06,D110,6100,30.00,\n"
    ),
    "raw/journal/june.csv": (
        "id,day,unit,account,amount,reverses\n1,2024-04-01,D100,6200,5.00,\n2,2024-04-02,D100,6200,-5.00,1\n"
    ),
    "raw/accounts.csv": (
        f"{ACCOUNTS}6100,Bonus,Expense,Payroll,6999\n6200,Hotels,Expense,Travel,6999\n6999,All costs,Expense,,\n"
    ),
    "raw/accounts_2.csv": f"{ACCOUNTS.splitlines()[0]}\n6000, SALARIES,Expense,Payroll,\n",
    "raw/departments.csv": f"{DEPARTMENTS}D110,Inside sales,Commercial,D200\nD200,All sales,Commercial,\n",
    "raw/reorganisation.csv": (
        f"{REORGANISED}0450,Facilities,,,\nD120,North,2024-02-01,D100,0.7\nD130,South,2024-02-01,D100,0.3\n"
    ),
    "raw/comments.csv": "period,department_code,account_number,comment\n2024-03,d100,4000,with another case\n",
    "raw/statement_lines.csv": "account_number,section,line\n62*,Operating Expense,Travel\n",
}

FOUND = {
    "raw/transactions files_can_be_opened": ["problem transactions_dir.csv/", "it is a folder, not a plain file"],
    "raw/budget no_file_vanished": ["vanished budget.csv", "put the file back, or `finance-platform "],
    "raw/unread_files descriptors_are_valid": ["broken.yaml: line 2: kind: ", "'ledgr'"],
    "raw/unread_files every_file_has_a_feed": ["unmatched trnsactions.csv: no feed", "rename it"],
    "processed/rejected_rows deliveries_are_within_tolerance": ["held transactions_bad.csv: 1 of 2 rows rejected"],
    "processed/rejected_rows no_delivery_awaits_a_decision": ["held saldo/march.csv: ", "8999"],
    "processed/rejected_rows no_file_is_refused": ["transactions_odd.csv: ", "'booked'"],
    "processed/rejected_rows deliveries_arrive_in_order": ["replace those of transactions_", "modification time"],
    "processed/rejected_rows headers_are_unchanged": ["header accounts.csv: ", "added: 'note'"],
    "processed/transactions actuals_have_no_gaps": ["period 2024-04, lines 0, what gap", "Fix: Send the missing file"],
    "processed/dim_account account_types_agree": [
        "accounts.csv, line 3, gives the account type 'Expense'; 'Asset' counts, by accounts_2.csv, line 2",
        "Fix: Describe the members in a reference file",
    ],
    "processed/dim_account attributes_agree": ["gives the name 'Salaries'; 'Wages' counts, by accounts_2.csv, line 2"],
    "processed/dim_department attributes_agree": ["departments.csv, line 3, gives the name 'Facilities'"],
    "processed/dim_department reorganisations_are_consistent": [
        "reorganisation.csv, line 3: the departments that replace D100 from 2024-02 on take over 140 % of it",
    ],
    "processed/dim_account codes_keep_their_zeros": ["account '310.0' beside '0310'", "columns.account.pad: 4"],
    "processed/dim_department codes_keep_their_zeros": ["department '450' beside '0450'", "columns.department.pad: 4"],
    "processed/fact_financials reversals_cancel_their_lines": [
        "journal/june.csv line 3, -5.00: reverses '77', and no line of Actual that counts has this number"
    ],
    "warehouse/dim_account members_are_described": ["AccountNumber 7777, Lines 1", "Fix: Add the members"],
    "warehouse/dim_department members_are_described": ["DepartmentCode D999, Lines 1"],
    "warehouse/dim_account parents_have_no_lines_beside_children": ["Parent 6000", "Fix: Send one of the two"],
    "warehouse/dim_department parents_have_no_lines_beside_children": ["Parent D100, ParentName Sales"],
    "warehouse/fact_financials closed_periods_stand": [
        "2024-01 is closed and stays as it is published, although statement_mapping of 4000 has changed: other",
        "2024-01 --why TEXT` and a run publish the change",
    ],
    "warehouse/fact_financials comments_name_members": [
        "file comments.csv, row 2, department D1O0",
        "Fix: Correct the",
    ],
    "warehouse/fact_financials statement_lines_name_accounts": [
        "file statement_lines.csv, row 2, account 9999",
        "Fix: Correct the code",
    ],
    "warehouse/fact_financials amounts_are_usual": [
        "revenue is -900.00 in Actual of 2024-06",
        "send revenue without a",
    ],
}

ONLY_DAMAGE = {"every_row_is_accounted_for", "earlier_attributes_are_known"}
"""Checks that are not blocking and that no file can fail: a fault of the reader, a damaged record."""


def run(path: Path, base: Path, files: dict[str, str]) -> CommandResult:
    home = copy_home(base, path / "home")
    for name, content in files.items():
        home.write(name, content)
    if files is WRONG:
        (home.path / "raw" / "budget.csv").unlink()
    return home.command("run")


@pytest.fixture(scope="module")
def wrong(january_closed: Path, tmp_path_factory: pytest.TempPathFactory) -> CommandResult:
    """The run of the home with everything that is wrong."""
    return run(tmp_path_factory.mktemp("wrong"), january_closed, WRONG)


@pytest.fixture(scope="module")
def corrected(january_closed: Path, tmp_path_factory: pytest.TempPathFactory) -> CommandResult:
    """The run of the home with each mistake corrected."""
    return run(tmp_path_factory.mktemp("corrected"), january_closed, CORRECTED)


def test_every_check_is_failed_by_a_file_or_only_by_damage():
    declared = {check.name for check in all_checks(("transactions",)) if not check.is_blocking}
    shown = {name.split()[1] for name in FOUND}
    assert declared - shown == ONLY_DAMAGE


@pytest.mark.parametrize("check", FOUND)
def test_a_check_fails_on_a_file_names_the_place_and_says_what_to_do(wrong: CommandResult, check: str):
    output = " ".join(wrong.stdout.split())
    assert f"failed {check}: " in output or f"warning {check}: " in output
    for text in FOUND[check]:
        assert text in output


def test_a_run_with_failed_checks_needs_attention(wrong: CommandResult):
    assert wrong.returncode == 1
    failed = [line.split()[1:3] for line in wrong.stdout.splitlines() if line.startswith(("  failed ", "  warning "))]
    assert {f"{asset} {name.rstrip(':')}" for asset, name in failed} == FOUND.keys()


def test_no_check_fails_on_the_same_files_without_the_mistakes(corrected: CommandResult):
    assert ", 0 warnings, 0 failed" in corrected.stdout, corrected.stdout
    assert corrected.returncode == 0
