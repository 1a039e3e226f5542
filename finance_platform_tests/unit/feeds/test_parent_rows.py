"""Rows that are the sums of the rows below them: when they are reported, and the rule that leaves them out."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
import yaml

from finance_platform.feeds.doubts.parent_rows import find_parents
from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_text, net

PLAN = """\
feed: x
kind: ledger
path: x.csv
columns: {department: Unit, account: Account}
unpivot: {columns: [Jan, Feb], into: date, year: 2025}
constants: {scenario: Budget}
"""
LEDGER = """\
feed: x
kind: ledger
path: x.csv
columns: {department: Unit, account: Account, amount: Amount}
constants: {scenario: Budget, date: 2025-01-31}
"""


def check(folder: Path, rows: str, rule: str = "") -> FileCheck:
    text = "\n".join(rows.split()).replace("_", " ")
    header = "Account,Unit,Jan,Feb" if rows.split()[0].count(",") == 3 else "Account,Unit,Amount"
    descriptor = (PLAN if "Feb" in header else LEDGER) + (f"skip: [{rule}]\n" if rule else "")
    return check_text(folder, f"{header}\n{text}\n", descriptor)


@pytest.mark.parametrize(
    ("rows", "said", "total"),
    [
        ("Staff,D,30,33 Pay,D,20,22 Tax,D,10,11 Trips,D,3,5 Air,D,2,3 Inn,D,1,2",
         "2 rows are the sums of the 4 rows below", "71"),
        ("All,D,33,38 Staff,D,30,33 Pay,D,20,22 Tax,D,10,11 Trips,D,3,5 Air,D,2,3 Inn,D,1,2",
         "3 rows are the sums of the 4 rows below", "71"),
        ("All,D,33,38 Pay,D,20,22 Tax,D,10,11 Trips,D,3,5", "1 row is the sum of the 3 rows below", "71"),
        ("Staff_(all),D,30 Pay,D,20 Tax,D,10 Trips,D,3 Air,D,2 Inn,D,1",
         "2 rows are the sums of the 4 rows below", "33"),
    ],
)  # fmt: skip
def test_sums_above_their_parts_are_reported_with_the_rule_that_leaves_them_out(
    tmp_path: Path, rows: str, said: str, total: str
):
    read = check(tmp_path, rows)
    (warning,) = read.findings.warnings
    assert warning == f"{said}, so their amounts count twice, first on line 2"
    rule = re.search(r"add skip: \[(.*)\] to the descriptor", read.findings.fixes[warning])
    assert rule is not None
    left = check(tmp_path, rows, rule[1])
    assert not left.findings.warnings
    assert net(left) == Decimal(total)
    assert yaml.safe_load(rule[1])["may_hold_money"] is True


@pytest.mark.parametrize(
    "rows",
    [
        "Pay,D,20,22 Tax,D,10,11 Air,D,2,3 Inn,D,1,2",
        "Staff,D,30,33 Pay,D,20,22 Tax,D,10,11 Air,D,2,3 Inn,D,1,2 Rent,D,7,7",
        "Staff,D,30,33 Pay,D,20,22 Tax,D,10,12 Trips,D,3,5 Air,D,2,3 Inn,D,1,3",
        "Pay,D,20,22 Tax,D,20,22 Air,D,20,22 Inn,D,20,22",
        "Pay,D,0,0 Tax,D,0,0 Air,D,0,0 Inn,D,0,0",
        "Pay,D,20,22 Tax,D,10,11 Staff,D,30,33",
    ],
)
def test_lines_that_are_no_sums_of_those_below_are_not_reported(tmp_path: Path, rows: str):
    assert not any("rows below" in text for text in check(tmp_path, rows).findings.warnings)


@pytest.mark.parametrize(
    ("rows", "said", "total"),
    [
        ("Pay,D,20,22 Tax,D,10,11 Staff,D,30,33 Air,D,2,3 Inn,D,1,2 Trips,D,3,5",
         "2 rows are the sums of the 4 rows above", "71"),
        ("Pay,D,20,22 Tax,D,10,11 Staff,D,30,33 Air,D,2,3 Inn,D,1,2 Trips,D,3,5 Other,D,3,5",
         "3 rows are the sums of the 4 rows above", "71"),
    ],
)  # fmt: skip
def test_sums_below_their_parts_are_reported_with_the_rule_that_leaves_them_out(
    tmp_path: Path, rows: str, said: str, total: str
):
    read = check(tmp_path, rows)
    (warning,) = [text for text in read.findings.warnings if "rows above" in text]
    assert warning.startswith(said)
    rule = re.search(r"add skip: \[(.*)\] to the descriptor", read.findings.fixes[warning])
    assert rule is not None
    assert net(check(tmp_path, rows, rule[1])) == Decimal(total)


def test_a_scenario_that_is_the_sum_of_others_is_to_be_read_from_its_column(tmp_path: Path):
    """The advice was to leave out every row of Actual."""
    rows = "Account,Unit,Kind,Amount\n" + "".join(
        f"{account},D,{kind},{amount}\n"
        for account, amounts in {"4000": (100, 90, 10), "6110": (12, 10, 2)}.items()
        for kind, amount in zip(("Actual", "Budget", "Variance"), amounts, strict=True)
    )
    read = check_text(tmp_path, rows, LEDGER)
    (fix,) = read.findings.fixes.values()
    assert fix.startswith("read the scenario by columns: {scenario: Kind} in the descriptor, in place of constants")


def test_random_amounts_have_no_parents():
    random = Random(7)
    for size in (12, 500):
        for _ in range(50):
            assert find_parents([random.randrange(1, 40) * 100 for _ in range(size)]) is None
    assert find_parents([random.randrange(1, 10**6) for _ in range(5_000)]) is None
    assert find_parents([5_000, *([1] * 5_000)]) is None
