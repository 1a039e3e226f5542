"""Files that are delivered while the UI is open.

Belongs here: their content, and the sample home that receives them. Does not belong here: expectations on them.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import finance_platform

SAMPLE = Path(str(finance_platform.__file__)).parent.parent / "data" / "raw"

# Two of three amounts are not valid; the descriptor tolerates one in a hundred.
BAD_NAME = "transactions_bad.csv"
BAD = """\
transaction_id,transaction_date,department_code,account_number,amount,description
B00001,2025-09-29,D300,4100,twelve hundred,Late invoice
B00002,2025-09-29,D320,4100,n/a,Late invoice
B00003,2025-09-30,0460,6110,120.00,Rent of a store room
"""

# The first actuals of October, and the first budget of the next year, which adds a period.
NEW_LINES_NAME = "transactions_2025-10.csv"
NEW_LINES = """\
transaction_id,transaction_date,department_code,account_number,amount,description
N00001,2025-10-01,D300,4100,1200.00,Subscriptions
N00002,2025-10-02,D320,4100,300.50,Subscriptions
N00003,2025-10-02,0460,6110,150.25,Rent
"""
NEW_BUDGET_NAME = "budget_2026.csv"
NEW_BUDGET = """\
period,department_code,account_number,budget_amount
2026-01,D300,4100,1500000.00
2026-01,0460,6110,16000.00
"""

# Debit positive, so an account's type decides its sign; but no file describes the account.
JOURNAL_FEED = """\
feed: journal
kind: ledger
path: journal*.csv
sign: debit_positive
columns:
  date: {from: Date, formats: [yyyy-MM-dd]}
  department: {from: Dept}
  account: {from: Account}
  amount: {from: {debit: Dr, credit: Cr}}
constants: {scenario: Actual}
"""
JOURNAL = """\
Date,Dept,Account,Dr,Cr
2025-09-30,D300,4999,,5.00
"""


def sample_home(path: Path) -> Path:
    """Create a home with only the raw files of the shipped sample."""
    shutil.copytree(SAMPLE, path / "raw", copy_function=shutil.copy2)
    return path


def send(home: Path, name: str, content: str) -> None:
    """Write a file into the home."""
    target = home / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content, encoding="utf-8")
