"""Folders of the raw zone that this user cannot list: their files are not gone, and the files beside them are read.

Does not belong here: files that cannot be read (see `unit/deliveries/test_discovery`).
"""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.small_home import TRANSACTIONS, create_small_home
from finance_platform_tests.machine.states import CannotPrepareError, without_root_rights

pytestmark = pytest.mark.end_to_end

JOURNAL = """\
feed: journal
kind: ledger
path: journal/*.csv
columns: {date: day, department: unit, account: account, amount: amount}
constants: {scenario: Actual}
"""
HEADER = "day,unit,account,amount\n"


def run(home: Home) -> tuple[int, str]:
    """Run as a user who may not pass by the modes of files; return the exit code and the output."""
    command = [sys.executable, "-m", "finance_platform.cli", "run", "--home", str(home.path)]
    try:
        command = without_root_rights(command)
    except CannotPrepareError as error:
        pytest.skip(str(error))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def total(home: Home) -> Decimal:
    (amount,) = home.query("SELECT SUM(Actual) AS total FROM ActualVsBudget WHERE AccountNumber = '6000'")
    return Decimal(amount["total"])


@pytest.mark.parametrize("mode", [0o000, 0o644], ids=["no names", "names alone"])
def test_a_folder_that_cannot_be_listed_is_named_and_its_lines_count_beside_new_files(mode: int, tmp_path: Path):
    home = create_small_home(tmp_path)
    home.write("feeds/journal.yaml", JOURNAL)
    home.write("raw/journal/march.csv", f"{HEADER}2024-03-04,D100,6000,1000.00\n")
    home.write("raw/lost+found/12", "")
    assert home.command("run").returncode in {0, 1}
    before = total(home)
    for folder in ("journal", "lost+found"):
        (tmp_path / "raw" / folder).chmod(mode)
    home.write("raw/transactions_2.csv", f"{TRANSACTIONS.splitlines()[0]}\nN1,2024-03-05,D100,6000,7.00,\n")
    code, output = run(home)
    assert code == 1, output
    assert "problem journal/: the folder cannot be listed: Permission denied; its files are not read" in output
    assert "unmatched lost+found/: " in output
    assert "vanished" not in output
    assert total(home) - before == 7
    code, output = run(home)
    assert (code, "No run was needed" in output) == (1, True), "the folder is as it was"
    (tmp_path / "raw/journal").chmod(0o755)
    home.write("raw/journal/april.csv", f"{HEADER}2024-03-06,D100,6000,500.00\n")
    code, output = run(home)
    assert "problem" not in output
    assert total(home) - before == 507
