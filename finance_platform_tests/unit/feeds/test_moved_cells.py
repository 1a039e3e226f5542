"""Rows that lack a cell before others: these are read a column too early, and are valid there."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from finance_platform_tests.unit.checked_files import check_text, net
from finance_platform_tests.workbooks import Rows, xlsx

DESCRIPTOR = """\
feed: x
kind: ledger
path: "x.{csv,xlsx}"
columns: {date: Date, department: Unit, account: Account, amount: Amount, description: {from: Text, required: false}}
constants: {scenario: Actual}
"""
WIDE = """\
feed: x
kind: ledger
path: x.csv
columns: {department: Unit, account: Account, date: {formats: [MMM]}}
unpivot: {columns: [Jan, Feb], into: date, year: 2025}
constants: {scenario: Budget}
"""
PAIR = DESCRIPTOR.replace("amount: Amount", "amount: {from: {debit: Dr, credit: Cr}}") + (
    "sign: debit_positive\ntypes_by_prefix: {account_type: {6: Expense}}\n"
)
BEFORE, BEHIND = "Date,Text,Unit,Account,Amount,Balance\n", "Date,Unit,Account,Text,Amount,Balance\n"
WHY = "1 row lacks a cell that other rows have, and those behind it seem to be read a column too early, first on "


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (BEFORE + "2025-01-05,Rent,D1,6000,10.00,10.00\n2025-01-06,D1,6000,5.00,15.00\n", "'Unit' has '6000'"),
        (BEHIND + "2025-01-05,D1,6000,Rent,10.00,10.00\n2025-01-06,D1,6000,5.00,15.00\n", "'Text' has '5.00'"),
        (BEHIND + "2025-01-05,D1,6000,Rent,10.00,10.00\n2025-01-06,D1,6000,5.00,15.00,\n", "'Text' has '5.00'"),
        (BEHIND + "2025-01-05,10,6000,Rent,10.00,10.00\n2025-01-06,6000,Fuel,5.00,15.00\n", "'Account' has 'Fuel'"),
    ],
    ids=["text before the codes", "text behind the codes", "blank cell at the end", "numbers as departments"],
)
def test_a_row_whose_cells_are_read_a_column_too_early_holds_the_file(tmp_path: Path, text: str, where: str):
    """The row is accepted: where the file has 5.00, its balance of 15.00 is read."""
    checked = check_text(tmp_path, text + text.splitlines()[1] + "\n", DESCRIPTOR)
    assert list(checked.holds) == [f"{WHY}line 3, where {where}"]


def test_a_cell_that_was_deleted_in_a_sheet_holds_the_file(tmp_path: Path):
    rows: Rows = [
        BEFORE.strip().split(","),
        ["2025-01-05", "Rent", "D1", "6000", 100.5, 100.5],
        ["2025-01-06", "D1", "6000", 50.5, 151],
        ["2025-01-07", "Fuel", "D1", "6000", 1.5, 152.5],
    ]
    checked = check_text(tmp_path, xlsx({"GL": rows}), DESCRIPTOR, "x.xlsx")
    assert list(checked.holds) == [f"{WHY}sheet 'GL' row 3, where 'Unit' has '6000'"]


def test_a_row_of_a_wide_file_that_lacks_a_cell_holds_it(tmp_path: Path):
    text = "Unit,Name,Account,Jan,Feb\nD1,Rent,6000,1.50,2.50\nD1,6100,3.50,4.50\nD1,Fuel,6200,5.50,6.50\n"
    checked = check_text(tmp_path, text, WIDE)
    assert list(checked.holds) == [f"{WHY}line 3, where 'Name' has '6100'"]


def test_rows_that_lack_a_cell_are_counted(tmp_path: Path):
    row = "2025-01-05,D1,6000,Rent,10.00,10.00\n"
    short = "2025-01-06,D1,6000,5.00,15.00\n"
    (reason,) = check_text(tmp_path, BEHIND + row + short + row + short, DESCRIPTOR).holds
    assert reason.startswith("2 rows lack a cell that other rows have")


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("Date,Unit,Account,Amount,Text\n2025-01-05,D1,6000,10.00,Rent\n2025-01-06,D1,6000,5\n", "25"),
        ("Date,Unit,Account,Amount,Text\n2025-01-05,D1,6000,10.00,Rent\n2025-01-06,4711,6000,5.00,\n", "25"),
        (BEFORE + "2025-01-05,Rent,D1,6000,10.00,10.00\n2025-01-06,2025,D1,6000,5.00,\n", "25"),
        (BEFORE + "2025-01-05,Rent,D1,6000,10.00,10.00\n2025-01-06,,D1,6000,5.00,15.00\n", "25"),
        ("Date,Unit,Account,Amount,Text,Asset\n2025-01-05,D1,6000,10.00,Rent,77\n2025-01-06,D1,6000,5.00,12\n", "25"),
        ("Date,Unit,Account,Amount,Tax,Net\n2025-01-05,D1,6000,10.00,,9\n2025-01-06,D1,6000,5.00,1.00,\n", "25"),
        (BEHIND + "2025-01-06,D1,6000,5.00,15.00\n", None),
        (BEFORE + "2025-01-05,Rent,10,6000,10.00,1.90\n2025-01-06,4711,10,6000,5.00,\n", "25"),
        (
            "Date,Unit,Days,Account,Amount,Text,Tax\n2025-01-05,D1,1.5,6000,10.00,Rent,1.90\n2025-01-06,D1,3,A1,5,,\n",
            "25",
        ),
    ],
    ids=[
        "a comment that is left out",
        "another kind of code",
        "a balance that is left out",
        "a cell that is blank",
        "a text behind the figures that is moved",
        "one of two columns that are never filled together",
        "one row that is whole",
        "a number as a text, beside codes that other rows have",
        "another kind of account, which no line lacks",
    ],
)
def test_a_row_without_its_last_cell_that_fits_its_columns_holds_nothing(tmp_path: Path, text: str, total: str | None):
    whole = text.splitlines()[1] if total else "2025-01-05,D1,6000,Rent,10.00,10.00"
    checked = check_text(tmp_path, text + whole + "\n", DESCRIPTOR)
    assert not checked.holds
    assert total is None or net(checked) == Decimal(total)


def test_debits_that_would_have_a_credit_beside_them_are_where_they_belong(tmp_path: Path):
    text = (
        "Date,Unit,Account,Total,Dr,Cr,Text,Tax\n2025-01-05,D1,6000,2.00,,2.00,Rent,0.38\n"
        "2025-01-06,D1,6000,24.50,5.50,,2025,\n2025-01-07,D1,6000,3.00,3.00,,Fuel,0.57\n"
    )
    checked = check_text(tmp_path, text, PAIR)
    assert (net(checked), checked.holds) == (Decimal("6.50"), {})


def test_a_row_with_a_cell_behind_the_blank_one_lacks_none(tmp_path: Path):
    text = (
        "Date,Unit,Account,Text,Dr,Tax,Comment,Cr\n2025-01-05,D1,6000,Rent,10.00,1.90,x,0\n"
        "2025-01-06,D1,6000,3.10,0,,,2.50\n2025-01-07,D1,6000,Fuel,,0.38,7,2.00\n"
    )
    checked = check_text(tmp_path, text, PAIR)
    assert (net(checked), checked.holds) == (Decimal("5.50"), {})


@pytest.mark.parametrize(
    "lines",
    [
        ["D1,6000,,5", "D1,6000,10.50,", "D1,6000,,7", "D1,6000,0,8"],
        ["D1,6000,0,5", "D1,6000,10.50,", "D1,6000,0,7", "D1,6000,0,8"],
    ],
    ids=["one blank", "zeros"],
)
def test_debits_beside_credits_are_where_they_belong(tmp_path: Path, lines: list[str]):
    text = "Date,Unit,Account,Dr,Cr\n" + "".join(f"2025-01-05,{line}\n" for line in lines)
    checked = check_text(tmp_path, text, PAIR)
    assert (net(checked), checked.holds) == (Decimal("-9.50"), {})


def test_a_reference_of_another_kind_beside_a_debit_is_where_it_belongs(tmp_path: Path):
    """A credit is blank beside a debit, so that this one is in the last column only if all are moved."""
    text = (
        "Date,Unit,Account,Text,Ref,Dr,Cr\n2025-01-05,D1,6000,Rent,A-1,,5.00\n2025-01-05,D1,6000,Rent,77,8.50,\n"
        "2025-01-05,D1,6000,Fuel,A-2,,7.00\n"
    )
    checked = check_text(tmp_path, text, PAIR)
    assert (net(checked), checked.holds) == (Decimal("-3.50"), {})


OF_BALANCES = "Period,Acc,Name,Balance,Diff\n2025-01,4000,Sales,100.00,2.00\n2025-01,4050,Fees,80.00,3.00\n"


@pytest.mark.parametrize(
    ("header", "row", "why"),
    [
        ("", "4100,50.00,7.00", "1 row lacks a cell that"),
        (",Note", "4100,Rent, 5,50.00,7.00", "1 row has a cell too many"),
    ],
)
def test_a_moved_balance_of_a_trial_balance_holds_the_file(tmp_path: Path, header: str, row: str, why: str):
    """The row is accepted: where the file has a balance of 50.00, its difference or a part of its name is read."""
    columns = {"period": "Period", "account": "Acc", "balance": "Balance"}
    descriptor = {"feed": "x", "kind": "balances", "path": "x.csv", "columns": columns}
    whole = OF_BALANCES.replace("Diff", f"Diff{header}")
    held = check_text(tmp_path, f"{whole}2025-01,{row}\n", descriptor)
    assert [reason[: len(why)] for reason in held.holds] == [why]
    assert not check_text(tmp_path, whole, descriptor).holds
