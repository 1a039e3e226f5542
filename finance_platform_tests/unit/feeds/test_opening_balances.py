"""Rows that print a balance and were read as lines: when they are reported, and the rule that leaves them out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_written

LEDGER = """\
feed: x
kind: ledger
path: x.csv
columns: {date: Date, department: Unit, account: Account, amount: Amount}
constants: {scenario: Actual}
tolerance: {rejected_rows: 0.9}
"""


def check(folder: Path, lines: list[str], rule: str = "") -> FileCheck:
    text = "".join(f"2025-01-31,D1,{line}\n" for line in lines)
    (folder / "x.csv").write_text(f"Date,Unit,Account,Amount,Memo\n{text}", encoding="utf-8")
    descriptor = LEDGER + (f"skip: [{rule}]\n" if rule else "")
    return check_written(folder, descriptor)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Opening balance", "Opening balance"),
        (" OPENING BALANCE 2025", "OPENING BALANCE"),
        ("Balance brought forward", "Balance brought forward"),
        ("Saldovortrag aus 2024", "Saldovortrag"),
        ("EB-Wert", "EB-Wert"),
        ("Solde initial", "Solde initial"),
        ("À nouveau", "À nouveau"),
        ("Saldo iniziale", "Saldo iniziale"),
        ("Beginsaldo", "Beginsaldo"),
        ("Closing balance", "Closing balance"),
    ],
)
def test_a_line_that_prints_a_balance_is_reported_with_the_rule_that_leaves_it_out(
    tmp_path: Path, text: str, words: str
):
    lines = [f"6000,5000.00,{text}", "6000,20.00,Rent", f"6100,700.00,{text}", f"6200,0.00,{text}"]
    read = check(tmp_path, lines)
    assert not read.holds
    (warning,) = read.findings.warnings
    assert warning == (
        f"2 rows look like a balance and were read as movements: 'Memo' says {words!r}, first on line 2; the 2 amounts "
        "add up to 5,700.00"
    )
    rule = re.search(r"add skip: \[(.*)\] to the descriptor", read.findings.fixes[warning])
    assert rule is not None
    left = check(tmp_path, lines, rule[1])
    assert not left.findings.warnings
    assert left.outcomes["skipped"].rows == 3


def test_several_words_are_one_rule(tmp_path: Path):
    lines = ["6000,5000.00,Opening balance", "6000,20.00,Rent", "6000,5025.00,Closing balance"]
    (warning,) = (read := check(tmp_path, lines)).findings.warnings
    assert "says 'Opening balance' or 'Closing balance'" in warning
    assert '"(?i)^(Opening balance|Closing balance)"' in read.findings.fixes[warning]


@pytest.mark.parametrize(
    "lines",
    [
        ["6000,20.00,Forwarding of goods", "6000,30.00,Balance sheet audit", "6000,1.00,New balance shoes"],
        ["6000,0.00,Opening balance", "6000,30.00,Rent"],
        ["6000,x,Opening balance", "6000,30.00,Rent"],
        ["6000,20.00,Saldovortragskonto geprüft"],
        ["3000,20.00,Opening Balance Equity"],
        [*(["6000,20.00,Rent"] * 250), "6000,5.00,Opening balance"],
    ],
)
def test_other_texts_and_rows_without_money_are_not_reported(tmp_path: Path, lines: list[str]):
    assert not any(" look" in text for text in check(tmp_path, lines).findings.warnings)


@pytest.mark.parametrize(
    ("header", "columns"),
    [("CompteLib", ", account_name: CompteLib"), ("Account Name", ""), ("Cost center name", "")],
)
def test_names_of_accounts_and_departments_are_no_balances(tmp_path: Path, header: str, columns: str):
    """An account is called `Report à nouveau` in each line, and a rule would leave all of them out."""
    rows = "2025-01-31,D1,11000,500.00,Report à nouveau\n2025-01-31,D1,6000,20.00,Loyer\n"
    (tmp_path / "x.csv").write_text(f"Date,Unit,Account,Amount,{header}\n{rows}", encoding="utf-8")
    assert not check_written(tmp_path, LEDGER.replace("amount: Amount", f"amount: Amount{columns}")).findings.warnings
