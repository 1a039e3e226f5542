"""Columns of marks, states, units and weeks that nothing reads: which hold a file, and what their fixes give.

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
from finance_platform_tests.unit.feeds.drafts import checked, draft

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


@pytest.mark.parametrize(
    ("header", "text"), [("Reversed", "X"), ("Storniert", "Ja"), ("Status", "Reversed"), ("Belegstatus", "Storno")]
)
def test_a_reversed_line_without_a_counter_entry_is_named_and_can_be_left_out(tmp_path: Path, header: str, text: str):
    lines = [f"{line}," for line in LINES] + [f"2025-03-20,D1,4000,999.00,{text}"]
    named = check(tmp_path, f"Date,Unit,Account,Amount,{header}", lines)
    assert not named.holds
    ((reason, note),) = [(reason, note) for reason, note in named.findings.notes.items() if header in reason]
    assert f"says {text!r} of 1 of 1 lines, which count and have no counter-entry" in reason
    assert reason.endswith("their amount is 999.00")
    assert f'add "{header}" to ignore_columns' in note.fix
    rule = re.search(r"add skip: (\[.*\]) to the descriptor", note.fix)
    assert rule
    assert net(check(tmp_path, f"Date,Unit,Account,Amount,{header}", lines, skip=yaml.safe_load(rule[1]))) == 836
    answered = [*lines, "2025-03-21,D1,4000,-999.00,"]
    assert not check(tmp_path, f"Date,Unit,Account,Amount,{header}", answered).findings.notes
    assert not check(tmp_path, f"Date,Unit,Account,Amount,{header}", lines, ignore_columns=[header]).findings.notes


def test_void_and_reversed_lines_of_one_column_are_named_apart(tmp_path: Path):
    lines = [f"{line},Posted" for line in LINES]
    lines += ["2025-03-20,D1,4000,999.00,Reversed", "2025-03-20,D1,4000,500.00,Void"]
    both = check(tmp_path, "Date,Unit,Account,Amount,Doc. status", lines)
    (held,) = both.holds
    (named,) = both.findings.notes
    assert "says 'Void' of 1 of 10 lines, which count; their amount is 500.00" in held
    assert "says 'Reversed' of 1 of 10 lines" in named


@pytest.mark.parametrize(
    ("header", "money", "other"),
    [
        ("UOM", "USD", "HRS"),
        ("Unit of measure", "kUSD", "FTE"),
        ("Einheit", "EUR", "Std."),
        ("Currency unit", "$", "%"),
    ],
)
def test_hours_and_pieces_among_money_hold_the_file(tmp_path: Path, header: str, money: str, other: str):
    lines = [f"{line},{money}" for line in LINES] + [f"2025-03-20,D1,9000,120,{other}"]
    held = check(tmp_path, f"Date,Unit,Account,Amount,{header}", lines)
    (reason,) = held.holds
    assert reason == (
        f"the column {header!r} is not read, and says that 1 of 9 lines are in another unit than money: {other!r}; "
        "their amount is 120.00"
    )
    rule = re.search(r"add skip: (\[.*\]) to the descriptor", held.holds[reason])
    assert rule
    read = check(tmp_path, f"Date,Unit,Account,Amount,{header}", lines, skip=yaml.safe_load(rule[1]))
    assert (net(read), dict(read.holds)) == (Decimal("836.00"), {})
    assert not check(tmp_path, f"Date,Unit,Account,Amount,{header}", lines, ignore_columns=[header]).holds


@pytest.mark.parametrize(
    ("header", "texts"),
    [
        ("UOM", ["HRS", "KG"]),  # of quantities that the file lacks, beside money
        ("UOM", ["", "HRS"]),
        ("UOM", ["USD", "EUR"]),
        ("Einheit", ["Nord", "H"]),  # of the organisation
        ("Qty,UOM", ["3,HRS", "1,USD"]),  # of the quantity
        ("Product", ["USD", "HRS"]),
    ],
)
def test_units_of_something_else_hold_nothing(tmp_path: Path, header: str, texts: list[str]):
    lines = [f"{line},{texts[place % len(texts)]}" for place, line in enumerate(LINES)]
    assert not check(tmp_path, f"Date,Unit,Account,Amount,{header}", lines).holds


def test_a_draft_asks_about_lines_that_may_not_count_or_be_no_money(tmp_path: Path):
    text = (
        "Date,Account,Department,Amount,Reversed,UOM\n2025-03-01,6100,D1,10.50,X,USD\n2025-03-02,6200,D1,1.50,,USD\n"
        "2025-03-02,9000,D1,120,,HRS\n"
    )
    proposed = " ".join(line.removeprefix("# ") for line in draft(text).splitlines())
    assert "The column 'Reversed' says 'X'. If these lines do not count, add skip" in proposed
    assert "The column 'UOM' says 'HRS' beside units of money" in proposed
    assert len(checked(tmp_path, text).holds) == 1
    assert "Reversed' says" not in draft(text.replace("X", ""))
