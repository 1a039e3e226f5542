"""Columns of marks and weeks that nothing reads: which hold a file, and what their fixes give.

Does not belong here: other columns that say what an amount means (see `test_unread_meanings`).
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_text, net

LINES = [f"2025-03-{day:02d},D1,4000,{100 + day}.00" for day in range(1, 9)]


def check(folder: Path, header: str, lines: list[str], **changes: Any) -> FileCheck:
    columns = {"date": "Date", "department": "Unit", "account": "Account", "amount": {"from": "Amount"}}
    columns |= changes.pop("columns", {})
    descriptor = {"feed": "x", "kind": "ledger", "path": "x.csv", "columns": columns, **changes}
    text = yaml.safe_dump({"constants": {"scenario": "Actual"}, "tolerance": {"rejected_rows": "0.9"}, **descriptor})
    return check_text(folder, "\n".join([header, *lines, ""]), text)


@pytest.mark.parametrize(
    ("header", "mark", "other"),
    [("Storno", "X", ""), ("Generalumkehr (GU)", "1", "0"), ("Is Reversal", "Yes", "No"), ("Reversal", "Y", "N")],
)
def test_a_marked_reversal_with_the_sign_of_its_line_holds_the_file(tmp_path: Path, header: str, mark: str, other: str):
    lines = [f"{line},{other}" for line in LINES] + [f"2025-03-20,D1,4000,103.00,{mark}"]
    held = check(tmp_path, f"Date,Unit,Account,Amount,{header}", lines)
    (reason,) = held.holds
    assert reason == (
        f"the column {header!r} is not read, and says {mark!r} of 1 of 9 lines, each of which has the amount and the "
        "sign of another line of its department and account, in place of the opposite sign; their amount is 103.00"
    )
    column = yaml.safe_load(re.findall(r"sign_column: (\{.*?\}) to", held.holds[reason])[0])
    read = check(
        tmp_path,
        f"Date,Unit,Account,Amount,{header}",
        lines,
        columns={"amount": {"from": "Amount", "sign_column": column}},
    )
    assert (net(read), dict(read.holds)) == (Decimal("733.00"), {})
    assert not check(tmp_path, f"Date,Unit,Account,Amount,{header}", lines, ignore_columns=[header]).holds


@pytest.mark.parametrize(
    ("header", "more"),
    [
        ("Storno", ["2025-03-20,D1,4000,-103.00,X"]),  # a counter-entry
        ("Storno", ["2025-03-20,D1,4000,103.00,X", "2025-03-21,D1,4000,-103.00,"]),  # a line that was reversed
        ("Storno", ["2025-03-20,D1,4000,999.00,X"]),  # of another month
        ("Storno", ["2025-03-20,D2,4000,103.00,X"]),
        ("Storno", ["2025-03-20,D1,4000,103.00,X", "2025-03-20,D1,4000,999.00,X"]),
        ("Reversal Flag", ["2025-04-30,D1,4000,103.00,Y"]),  # an accrual that the next month will reverse
        ("Reversed", ["2025-03-20,D1,4000,103.00,X"]),
        ("Reversal", ["2025-03-20,D1,4000,103.00,1", *(f"2025-03-22,D1,4000,7.00,{code}" for code in range(2, 9))]),
    ],
)
def test_marks_that_may_mean_something_else_hold_nothing(tmp_path: Path, header: str, more: list[str]):
    assert not check(tmp_path, f"Date,Unit,Account,Amount,{header}", [f"{line}," for line in LINES] + more).holds


def test_a_number_of_weeks_is_no_week(tmp_path: Path):
    lines = [f"2025,D1,4000,{100 + weeks}.00,{weeks}" for weeks in (26, 39, 52)]
    year = {"date": {"from": "Date", "formats": ["yyyy"]}}
    assert not check(tmp_path, "Date,Unit,Account,Amount,Weeks", lines, columns=year).holds


def test_weeks_beside_dates_of_years_hold_the_file(tmp_path: Path):
    lines = [f"2025,D1,4000,{100 + week}.00,{week}" for week in range(1, 14)]
    year = {"date": {"from": "Date", "formats": ["yyyy"]}}
    header = "Date,Unit,Account,Amount,Week"
    held = check(tmp_path, header, lines, columns=year)
    (reason,) = held.holds
    assert "has 13 weeks, '1', '2', '3', '4', '5' and 8 more, while each line is dated on the first day" in reason
    assert 'from: "{Date}-{Week}" with formats: [yyyy-MM] and a map from each week' in held.holds[reason]
    months = {f"2025-{week}": f"2025-0{1 + (week - 1) * 3 // 13}" for week in range(1, 14)}
    of_weeks = {"date": {"from": "{Date}-{Week}", "formats": ["yyyy-MM"], "map": months}}
    read = check(tmp_path, header, lines, columns=of_weeks)
    assert not read.holds
    assert len(read.sums) == 3
    assert net(read) == 1391
