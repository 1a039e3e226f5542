"""Days and codes that a spreadsheet has changed, and days that two forms read: no wrong figure from them counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from finance_platform.feeds.draft.values import guess_dates
from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_text, check_written
from finance_platform_tests.unit.factories import GOOD, LEDGER, ledger_rows, reference_rows, with_columns
from finance_platform_tests.workbooks import xlsx

DATED = """\
feed: x
kind: ledger
path: x.*
columns: {date: {from: Date, formats: [%s]}, department: Unit, account: Account, amount: Net}
constants: {scenario: Actual}
"""
EITHER = "dd/MM/yyyy, MM/dd/yyyy"
KEYED = with_columns({"transaction_id": "{from: Id}"}, load="{mode: upsert, key: [transaction_id]}")
NAMED = with_columns({"transaction_id": "{from: Id}"})
ACCOUNTS = "feed: a\nkind: accounts\npath: a.csv\ncolumns: {number: Number, type: Type}\n"


def checked(folder: Path, days: Sequence[str | date], formats: str, *, name: str = "x.csv") -> FileCheck:
    rows: list[list[str | date]] = [["Date", "Unit", "Account", "Net"]]
    rows += [[day, "D1", "4000", "1.00"] for day in days]
    text = "".join(",".join(map(str, row)) + "\n" for row in rows)
    (folder / name).write_bytes(xlsx({"S": rows}) if name.endswith("xlsx") else text.encode())
    return check_written(folder, DATED.replace("x.*", name) % formats, name)


def cell(month: int, day: int) -> date:
    return date(2025, month, day)


def test_days_that_two_forms_of_one_file_read_differently_hold_it(tmp_path: Path):
    check = checked(tmp_path, ["01/02/2025", "13/01/2025", "01/13/2025"], EITHER)
    (reason,) = check.holds
    assert reason == (
        "date: '01/02/2025' on line 2 was read as 2025-02-01, by the form dd/MM/yyyy; by MM/dd/yyyy, which "
        "'01/13/2025' on line 4 has, it is another day"
    )
    assert "keep one of both forms in columns.date.formats" in check.holds[reason]


def test_a_file_in_the_second_form_alone_is_not_read_by_the_first(tmp_path: Path):
    assert checked(tmp_path, ["01/02/2025", "01/31/2025"], EITHER).holds


def test_days_of_two_forms_of_which_nothing_says_which_are_a_warning(tmp_path: Path):
    check = checked(tmp_path, ["01/02/2025", "03/02/2025"], EITHER)
    assert not check.holds
    warning = (
        "date: every such day is valid by the forms dd/MM/yyyy and MM/dd/yyyy, and was read by the first, first on "
        "line 2 ('01/02/2025')"
    )
    assert warning in check.findings.warnings


def test_a_draft_says_that_its_forms_contradict_each_other():
    guess = guess_dates(["13/01/2025", "02/03/2025", "01/13/2025"])
    assert guess
    assert (set(guess.formats), guess.either) == ({"dd/MM/yyyy", "MM/dd/yyyy"}, "02/03/2025")


@pytest.mark.parametrize(
    ("days", "formats"),
    [
        (["01/02/2025", "31/01/2025"], EITHER),  # the first form, as one day says
        (["01/02/2025", "2025-01-31"], "dd/MM/yyyy, yyyy-MM-dd"),
        (["05/05/2025", "05/31/2025", "31/05/2025"], EITHER),  # the same day in both
    ],
)
def test_days_that_have_one_meaning_hold_nothing(tmp_path: Path, days: Sequence[str | date], formats: str):
    check = checked(tmp_path, days, formats)
    assert not check.holds
    assert not check.findings.warnings


def test_days_that_a_spreadsheet_of_another_country_has_swapped_hold_the_file(tmp_path: Path):
    """The 5th and the 2nd of January were read as month first; 13/01 has no such month and stayed a text."""
    days: list[str | date] = [cell(5, 1), "13/01/2025", cell(2, 1), "31/01/2025"]
    check = checked(tmp_path, days, "dd/MM/yyyy", name="x.xlsx")
    (reason,) = check.holds
    assert reason == (
        "date: a spreadsheet may have swapped day and month: days up to the 12th are its dates, such as 2025-05-01 on "
        "sheet 'S' row 2, which may be 2025-01-05; all later ones stayed texts, such as '13/01/2025' on sheet 'S' row 3"
    )
    assert "without opening it in a spreadsheet" in check.holds[reason]


def test_swapped_days_of_a_whole_year_hold_the_file(tmp_path: Path):
    """Each month has texts, so only the days say what happened."""
    months = range(1, 13)
    texts: list[str | date] = [f"20/{month:02d}/2025" for month in months]
    cells: list[str | date] = [cell(month, 4) for month in months]
    assert checked(tmp_path, [*cells, *texts], "dd/MM/yyyy", name="x.xlsx").holds
    exported = [f"2025-{month:02d}-04" for month in months]
    assert checked(tmp_path, [*exported, *texts], "dd/MM/yyyy, yyyy-MM-dd").holds


@pytest.mark.parametrize(
    "days",
    [
        [cell(1, 5), cell(1, 31), "30/01/2025"],  # a date after the 12th: the spreadsheet reads days first
        [cell(5, 1), "13/01/2025", "07/01/2025"],  # a text up to the 12th: it made no dates
        [cell(1, 2), cell(1, 3), "31/01/2025"],  # one month as read, several if they were swapped
        [*(cell(month, 1) for month in range(1, 13)), "31/12/2025"],  # first days, and one entry by hand
        [cell(1, 1), cell(2, 2), "31/03/2025"],  # swapped, they are the same days
        [cell(5, 1), cell(6, 1)],
        ["13/01/2025"],
    ],
)
def test_dates_beside_texts_hold_nothing_without_a_sign_of_a_swap(tmp_path: Path, days: Sequence[str | date]):
    assert not checked(tmp_path, days, "dd/MM/yyyy", name="x.xlsx").holds


@pytest.mark.parametrize("name", ["Dept", "Account"])
@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("1.23457E+11", "is a code that a spreadsheet has turned into a number, without its last digits"),
        ("1,23457E+11", "is a code that a spreadsheet has turned into a number"),
        ("1E+05", "is a code that a spreadsheet has turned into a number"),
        ("########", "is what a spreadsheet shows in a column that is too narrow"),
    ],
)
def test_a_code_that_a_spreadsheet_has_changed_is_rejected(name: str, code: str, words: str):
    field = {"Dept": "department", "Account": "account"}[name]
    typed = ledger_rows(LEDGER, {name: code})
    assert typed.rules == ["changed_code"]
    assert f"{field}: '{code}' {words}" in typed.one("reasons")


@pytest.mark.parametrize(
    "code", ["1E5", "E+05", "12E+05", "1e+05", "#1", "##", "1-Mar", "2025-03-01", "1234567890123450"]
)
def test_a_code_that_people_give_is_kept(code: str):
    typed = ledger_rows(LEDGER, {"Account": code})
    assert (typed.one("account_number"), typed.rules) == (code, [])


def test_a_number_that_names_a_line_is_rejected_only_if_it_decides_something():
    """One line would replace another one whose number is the same text now."""
    row = {**GOOD, "Id": "1.23457E+11"}
    assert ledger_rows(KEYED, row).rules == ["changed_code"]
    assert ledger_rows(NAMED, row).rules == []


def test_an_account_of_an_accounts_file_is_not_what_a_spreadsheet_made_of_it():
    assert reference_rows(ACCOUNTS, ("Number", "Type"), ("1.23457E+11", "Expense")).rules == ["changed_code"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (cell(3, 1), "'2025-03-01' is a cell with a date"),
        (123456789012345678.0, "'123456789012346000' is a number of more than 15 digits"),
    ],
)
def test_a_code_that_a_workbook_has_as_a_date_or_a_long_number_is_rejected(tmp_path: Path, code: object, words: str):
    rows: list[list[object]] = [
        ["Date", "Unit", "Account", "Net"],
        [cell(1, 1), "D1", code, 1],
        [cell(1, 1), "D1", 123456789012345.0, 1],
    ]
    check = check_text(tmp_path, xlsx({"S": rows}), DATED.replace("x.*", "x.xlsx") % "yyyy-MM-dd", "x.xlsx")
    (rejected,) = check.refused_rows
    assert words in str(rejected)


def test_a_long_code_that_a_workbook_has_as_a_text_is_kept(tmp_path: Path):
    """Codes of joined segments end with zeros; a text cell, which the fix asks for, has all its digits."""
    codes = ["1000400000000000", "1234567890123450"]
    rows: list[list[object]] = [["Date", "Unit", "Account", "Net"], *([cell(1, 1), "D1", code, 1] for code in codes)]
    check = check_text(tmp_path, xlsx({"S": rows}), DATED.replace("x.*", "x.xlsx") % "yyyy-MM-dd", "x.xlsx")
    assert not check.refused_rows
