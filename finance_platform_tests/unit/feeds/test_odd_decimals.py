"""Files with amounts in two notations, of which one is read as amounts a thousand times as large or small."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_written
from finance_platform_tests.workbooks import xlsx

DESCRIPTOR = """\
feed: x
kind: ledger
path: "x.{csv,xlsx}"
columns:
  date: {from: Date, formats: [yyyy-MM-dd]}
  department: Unit
  account: Account
  amount: {from: Amount, %s}
constants: {scenario: Actual}
dialect: {delimiter: ";"}
skip: [{column: Unit, matches: "^Total$"}]
"""
ENGLISH, GERMAN = 'thousands: ","', 'decimal: ",", thousands: "."'
HEADER = ["Date", "Unit", "Account", "Amount"]


def check(
    folder: Path, amounts: Sequence[object], marks: str, *, name: str = "x.csv", currency: str = "USD"
) -> FileCheck:
    rows: list[Sequence[object]] = [HEADER, *(["2025-01-31", "D1", "4000", amount] for amount in amounts)]
    text = "".join(";".join(map(str, row)) + "\n" for row in rows).encode()
    (folder / name).write_bytes(xlsx({"GL": rows}) if name.endswith("xlsx") else text)
    return check_written(folder, DESCRIPTOR % marks, name, currency=currency)


@pytest.mark.parametrize(
    ("amounts", "marks", "what"),
    [
        (["12.50", "3.20", "1,234.56", "1.234"], ENGLISH, "1 amount, first '1.234' on line 5, which is read as 1.23,"),
        (["12,50", "3,2", "1.234", "-1,234"], GERMAN, "1 amount, first '-1,234' on line 5, which is read as -1.23,"),
        (["12.50", "3.20", "USD 1.234"], 'decimal: "."', "1 amount, first 'USD 1.234' on line 4, which is read as"),
        (["(5.00)", "7.25-", "8.10", "1.234", "2.500"], ENGLISH, "2 amounts, first '1.234' on line 5, which is read"),
        (["1,500", "2,000", "500,00", "12"], GERMAN, "2 amounts, first '1,500' on line 2, which is read as 1.50, have"),
    ],
)
def test_an_amount_with_three_decimals_among_cents_holds_the_file(
    tmp_path: Path, amounts: list[str], marks: str, what: str
):
    (reason,) = (held := check(tmp_path, amounts, marks).holds)
    assert reason.startswith(what)
    assert reason.endswith("three decimals, and others have two at most: its mark may group thousands")
    assert "compare these amounts with the source" in held[reason]


def test_a_zero_before_a_mark_of_thousands_holds_the_file(tmp_path: Path):
    (reason,) = check(tmp_path, ["0,500", "12.50", "10,500", "(0,250)", "0.125"], ENGLISH).holds
    assert reason == (
        "2 amounts, first '0,500' on line 2, which is read as 500.00, have a zero before the mark of thousands, which "
        "may begin a fraction"
    )


def test_a_zero_before_a_mark_of_thousands_shows_nothing_about_the_others(tmp_path: Path):
    assert check(tmp_path, ["0,500", "1,500"], ENGLISH).findings.notes


@pytest.mark.parametrize(
    ("amounts", "marks"),
    [
        (["1.250", "12.505", "3.200", "7.25"], ENGLISH),  # three decimals are usual
        (["1.234", "12.50", "3.20", "0.125"], ENGLISH),  # another amount has three without a doubt
        (["1.234", "12.50", "3.20", "7.12345"], ENGLISH),
        (["1,234", "12.50", "3.20", "10,000"], ENGLISH),  # thousands as declared
        (["1.234", "12,50", "3,20"], GERMAN),
        (["1.234", "12.50", "3.20"], f"{ENGLISH}, scale: 1000"),
        (["0,123,456.00", "000,500.00", "0.50", "0,500.00"], ENGLISH),  # filled with zeros
        (["0,000", "12.50", "3.20"], ENGLISH),  # nothing, whatever the mark means
        (["0.000-", "12,50", "3,20"], GERMAN),
    ],
)
def test_amounts_as_they_are_usual_hold_nothing(tmp_path: Path, amounts: list[str], marks: str):
    assert not check(tmp_path, amounts, marks).holds


def test_three_decimals_are_usual_in_a_home_whose_currency_has_thousandths(tmp_path: Path):
    amounts = ["1.234", "12.5", "0.75", "1250.75"]  # as programs write numbers, without zeros at their end
    assert not check(tmp_path, amounts, ENGLISH, currency="KWD").holds
    assert check(tmp_path, amounts, ENGLISH, currency="AED").holds
    assert check(tmp_path, ["0,500", "12.5"], ENGLISH, currency="KWD").holds


def test_an_amount_of_a_row_that_is_skipped_holds_nothing(tmp_path: Path):
    rows = ["2025-01-31;D1;4000;12.50", "2025-01-31;D1;4000;3.20", ";Total;;1.234"]
    (tmp_path / "x.csv").write_text("\n".join([";".join(HEADER), *rows, ""]))
    descriptor = DESCRIPTOR.replace('"^Total$"', '"^Total$", may_hold_money: true') % ENGLISH
    checked = check_written(tmp_path, descriptor)
    assert not checked.holds


def test_numbers_of_a_sheet_have_any_decimals_and_texts_beside_them_are_compared(tmp_path: Path):
    numbers = [12.5, 3.25, 7.75, 1.234, 2.2345]
    assert not check(tmp_path, numbers, ENGLISH, name="x.xlsx").holds
    (reason,) = check(tmp_path, [*numbers, "12,50", "3,25", "1,234"], GERMAN, name="x.xlsx").holds
    assert reason.startswith("1 amount, first '1,234' on sheet 'GL' row 9, which is read as 1.23,")


@pytest.mark.parametrize(
    ("amounts", "marks", "others", "value"),
    [
        (["1.234", "500", "2.500"], ENGLISH, GERMAN, "1.23"),
        (["1.234", "2.500-"], 'decimal: "."', GERMAN, "1.23"),
        (["1,234", "(2,500)"], GERMAN, ENGLISH, "1.23"),
    ],
)
def test_amounts_with_three_decimals_alone_hold_the_file_until_the_marks_fit(
    tmp_path: Path, amounts: list[str], marks: str, others: str, value: str
):
    held = check(tmp_path, amounts, marks)
    (reason,) = held.holds
    assert reason == (
        f"each amount with a mark has three digits behind it: 2 amounts, first {amounts[0]!r} on line 2, which is read "
        f"as {value}, have three decimals, and its mark may group thousands"
    )
    thousands, decimal = (",", ".") if others == ENGLISH else (".", ",")
    fix = f"set columns.amount.decimal: {decimal!r} and columns.amount.thousands: {thousands!r} in the descriptor"
    assert held.holds[reason].startswith(fix)
    read = check(tmp_path, amounts, others)
    assert (read.holds, len(read.findings.notes)) == ({}, 1)


@pytest.mark.parametrize(
    "amounts",
    [
        ["1.234"],  # may be calculated
        ["1.234", "2.500", "0.125"],
        ["1.234", "2.500", "1250.125"],
        ["1.234", "2.500", "1.2345"],
        ["1,234", "2,500"],  # whole amounts, as the descriptor says
    ],
)
def test_three_decimals_that_others_prove_hold_nothing(tmp_path: Path, amounts: list[str]):
    assert not check(tmp_path, amounts, ENGLISH).holds


def test_three_decimals_alone_are_usual_where_the_currency_has_thousandths(tmp_path: Path):
    assert not check(tmp_path, ["1.234", "2.500"], ENGLISH, currency="KWD").holds
    assert not check(tmp_path, ["1.234", "2.500"], f"{ENGLISH}, scale: 1000").holds
    assert not check(tmp_path, [1.234, 2.5], ENGLISH, name="x.xlsx").holds
