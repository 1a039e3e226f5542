"""What `feed check` shows of vouchers, whose debits and credits cancel each other out, before a run reads them.

Does not belong here: which lines a run holds (see `test_closed_periods`).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from finance_platform.cli import main
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher

pytestmark = pytest.mark.end_to_end

DESCRIPTOR = """\
feed: gl
kind: ledger
path: gl.csv
columns: {date: Day, department: Unit, account: Account, amount: {from: {debit: Debit, credit: Credit}}}
constants: {scenario: Actual}
"""
LEDGER = """\
Day,Unit,Account,Debit,Credit
2025-01-02,D1,6000,1000.00,
2025-01-02,D1,1000,,1000.00
2025-02-03,D1,6000,70.00,
2025-02-03,D1,1000,,70.00
"""


def checked(home: Home, ledger: str) -> str:
    (home.path / "changed").mkdir(exist_ok=True)
    home.write("changed/gl.csv", ledger)
    return (
        CliRunner().invoke(main, ["feed", "check", "--home", str(home.path), str(home.path / "changed/gl.csv")]).stdout
    )


def test_a_voucher_that_changes_is_shown_although_its_debits_and_credits_cancel_each_other_out(
    tmp_path: Path, refresh: Refresher
):
    home = Home(tmp_path)
    home.write("feeds/gl.yaml", DESCRIPTOR)
    home.write("raw/accounts.csv", "account_number,account_name,account_type\n1000,Bank,Asset\n6000,Rent,Expense\n")
    home.write("raw/gl.csv", LEDGER)
    assert not refresh(home).held()
    rows = [line.split() for line in checked(home, LEDGER.replace("1000.00", "1200.00")).splitlines()]
    assert ["Actual", "2025-01", "2", "0.00", "2,400.00"] in rows
    assert ["Actual", "2025-01", "0.00", "400.00", "0.00", "0.00", "2", "2"] in rows
    assert ["1", "period", "of", "the", "file", "with", "the", "same", "rows", "and", "amounts"] in rows
    other_account = checked(home, LEDGER.replace("6000,70.00", "6100,70.00"))
    assert ["Actual", "2025-02", "0.00", "140.00", "0.00", "0.00", "2", "2"] in [
        line.split() for line in other_account.splitlines()
    ]
    reordered = "".join(sorted(LEDGER.splitlines(keepends=True), reverse=True)).replace(",1000.00\n", ",1000.0\n")
    assert "rows and amounts of feed gl stay as they are" in checked(home, reordered)
