"""Rows with a cell too many: the cells behind it are read a column too late, and are valid there."""

from __future__ import annotations

import re
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
TEXT = "Date,Unit,Account,Text,Amount,Comment\n2025-01-05,D1,6000,Rent,10.00,\n2025-01-07,D1,6000,Fuel,20.00,%s\n"
TEXT_FIRST = re.sub(r"(Unit,Account|D1,6000),(\w+)", r"\2,\1", TEXT)
TAX = "Date,Unit,Account,Tax,Amount,Text\n2025-01-05,D1,6000,1.90,10.00,Rent\n2025-01-07,D1,6000,3.80,20.00,\n"
TEXT_ROWS = "2025-01-05,D1,6000,Fuel,3.25,19.50\n" * 2 + "2025-01-05,D1,6000,Rent,1.25,\n" * 2
UNUSED = "Date,Unit,Project,Account,Amount,Comment\n2025-01-05,D1,%s,6000,10.00,Rent\n2025-01-07,D1,,6000,20.00,Fuel\n"
WHY = "1 row has a cell too many, and those behind it seem to be read a column too late, first on "


@pytest.mark.parametrize(
    ("text", "has"),
    [
        (TEXT % "x" + "2025-01-06,D1,6000,Invoice 1,234,50.00\n", "'Comment' has '50.00'"),
        (TEXT % "" + "2025-01-06,D1,6000,Rent, 2025,50.00,\n", "'Comment' has '50.00'"),
        (TAX + "2025-01-06,D1,6000,,0.95,5.00\n", "'Text' has '5.00'"),
        (
            TEXT_FIRST % "x" + "2025-01-06,Rent, May,D1,6000,50.00\n",
            "'Comment' has '50.00'",
        ),
    ],
    ids=[
        "a text with the delimiter",
        "and a blank cell at the end",
        "a cell that was inserted",
        "a text before the codes",
    ],
)
def test_a_row_whose_cells_are_read_a_column_too_late_holds_the_file(tmp_path: Path, text: str, has: str):
    """The row is accepted: of `Rent, 2025,50.00`, 2,025.00 is read, and 50.00 is a comment."""
    checked = check_text(tmp_path, text, DESCRIPTOR)
    assert sum(count.rows for count in checked.sums.values()) == 3
    assert list(checked.holds) == [f"{WHY}line 4, where {has}"]
    assert "into quotes" in checked.holds[f"{WHY}line 4, where {has}"]


def test_a_cell_that_was_inserted_in_a_sheet_holds_the_file(tmp_path: Path):
    rows: Rows = [
        ["Date", "Unit", "Account", "Tax", "Amount", "Text"],
        ["2025-01-05", "D1", "6000", 1.9, 10.5, "Rent"],
        ["2025-01-06", "D1", "6000", None, 0.95, 5.25],
        ["2025-01-07", "D1", "6000", 3.8, 20.5, "Fuel"],
    ]
    checked = check_text(tmp_path, xlsx({"GL": rows}), DESCRIPTOR, "x.xlsx")
    assert list(checked.holds) == [f"{WHY}sheet 'GL' row 3, where 'Text' has '5.25'"]


@pytest.mark.parametrize(
    ("text", "total"),
    [
        (TEXT % "x" + "2025-01-06,D1,6000,Fuel,5.00,12.50\n", "35.00"),
        (TEXT % "" + "2025-01-06,D1,6000,Fuel,5.00,12.50\n", "35.00"),
        (TEXT % "x" + "2025-01-06,D1,6000,Fuel,5.00,77\n", "35.00"),
        (TEXT % "19" + "2025-01-06,D1,6000,Fuel,5,0.19\n", "35.00"),
        (TAX.replace("Text", "Share") + "2025-01-06,D1,6000,0.95,5.00,0.50\n", "35.00"),
        ("Date,Unit,Account,Text,Amount\n2025-01-05,D1,6000,Rent,10.00\n2025-01-06,D1,6000,,5.00\n", "15.00"),
        (UNUSED % "" + "2025-01-06,D1,,6100,5,12.50\n", "35.00"),
        (TEXT % "" + TEXT_ROWS + "2025-01-06,D1,6000,Taxi,5,12.50\n", "44.00"),
        (UNUSED % "7" + "2025-01-06,D1,,6000,5,12.50\n", "35.00"),
    ],
    ids=[
        "a comment with an amount",
        "the only comment",
        "a reference",
        "a rate",
        "another word in the last column",
        "the amount is the last column",
        "a column that all rows leave blank",
        "a balance in some rows, beside a whole amount",
        "an account that other rows have",
    ],
)
def test_a_number_in_the_last_column_beside_an_amount_that_fits_holds_nothing(tmp_path: Path, text: str, total: str):
    checked = check_text(tmp_path, text, DESCRIPTOR)
    assert (net(checked), checked.holds) == (Decimal(total), {})
