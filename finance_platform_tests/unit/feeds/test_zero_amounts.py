"""Files whose amounts are all zero: when they are named, and when not."""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform_tests.unit.checked_files import check_text

LEDGER = """\
feed: x
kind: ledger
path: x.csv
columns: {date: Date, department: Unit, account: Account, amount: Amount}
constants: {scenario: Actual}
tolerance: {rejected_rows: 0.9}
"""


def warnings(folder: Path, amounts: list[str]) -> list[str]:
    lines = "".join(f"2025-01-{day:02d},D1,6000,{amount}\n" for day, amount in enumerate(amounts, start=1))
    read = check_text(folder, f"Date,Unit,Account,Amount\n{lines}", LEDGER)
    return [text for text in read.findings.warnings if "every amount" in text]


@pytest.mark.parametrize("amounts", [["0.00", "0", "-0.00"], ["0.00"] * 20, ["0", "0.004"]])
def test_a_file_of_zeros_is_named(tmp_path: Path, amounts: list[str]):
    (text,) = warnings(tmp_path, amounts)
    assert text == f"every amount of its {len(amounts)} lines is 0.00"


@pytest.mark.parametrize("amounts", [["0.00"], ["0.00", "0.01"], ["5.00", "-5.00"], ["5.00", "0.00", "0.00"]])
def test_a_file_with_money_or_of_one_line_is_not(tmp_path: Path, amounts: list[str]):
    assert warnings(tmp_path, amounts) == []
