"""Two codes of one file that have one surrogate key: the second is rejected, or both would be one member.

The codes were found by hashing forty million account numbers of eight digits.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_text, check_written

FIRST, SECOND = "14901400", "37468311"
DESCRIPTOR = """\
feed: x
kind: ledger
path: x.csv
columns: {date: Date, department: Unit, account: Account, amount: Amount}
constants: {scenario: Actual}
"""


def check(folder: Path, *lines: str) -> FileCheck:
    return check_text(folder, "\n".join(["Date,Unit,Account,Amount", *lines, ""]), DESCRIPTOR)


@pytest.mark.parametrize("between", [0, 25_000])
@pytest.mark.parametrize(("field", "cells"), [("account", "D1,{}"), ("department", "{},6000")])
def test_a_code_with_the_key_of_another_code_of_its_file_is_rejected(
    tmp_path: Path, field: str, cells: str, between: int
):
    assert surrogate_key(FIRST) == surrogate_key(SECOND)
    lines = [f"2025-01-03,{cells.format(code)},10.00" for code in (FIRST, *[FIRST] * between, SECOND, f" {FIRST} ")]
    found = check(tmp_path, *lines)
    (row,) = found.refused_rows
    assert row.row == between + 3
    assert row.reasons == (
        f"{field}: '{SECOND}' has the surrogate key of '{FIRST}', so their amounts could not be separated; give one of "
        f"them another code by columns.{field}.map in the descriptor"
    )


def test_the_fix_for_a_shared_key_lets_the_line_count(tmp_path: Path):
    descriptor = DESCRIPTOR.replace("account: Account", f"account: {{from: Account, map: {{{SECOND}: '37468312'}}}}")
    (tmp_path / "x.csv").write_text(
        f"Date,Unit,Account,Amount\n2025-01-03,D1,{FIRST},1.00\n2025-01-03,D1,{SECOND},2.00\n", encoding="utf-8"
    )
    found = check_written(tmp_path, descriptor)
    assert not found.refused_rows
