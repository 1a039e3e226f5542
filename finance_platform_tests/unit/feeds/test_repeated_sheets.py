"""Sheets of one workbook with the same lines: a copy that was kept holds the file, lines of their own do not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_text, check_written
from finance_platform_tests.workbooks import Rows, xlsx

DESCRIPTOR = """\
feed: x
kind: ledger
path: x.xlsx
sheet: ["*"]
columns: {date: Date, department: Unit, account: Account, amount: Amount%s}
constants: {scenario: Actual}
%s
"""
HEADER = ["Date", "Unit", "Account", "Amount"]


def lines(month: int, count: int = 20, factor: int = 10) -> list[list[object]]:
    return [[date(2025, month, day), "D1", "6000", factor * day] for day in range(1, count + 1)]


def checked(folder: Path, sheets: Mapping[str, Rows], columns: str = "", more: str = "") -> FileCheck:
    (folder / "x.xlsx").write_bytes(xlsx({name: [HEADER, *rows] for name, rows in sheets.items()}))
    return check_written(folder, DESCRIPTOR % (columns, more), "x.xlsx")


def test_a_copy_of_a_sheet_holds_the_file(tmp_path: Path):
    held = checked(tmp_path, {"Jan": lines(1), "Feb": lines(2), "Jan (2)": lines(1)}).holds
    (reason,) = held
    assert reason == (
        "20 of 20 lines of sheet 'Jan (2)' are lines of sheet 'Jan' too, with their day, department, account and "
        "amount, and all are added; its 20 amounts add up to 2,100.00"
    )
    assert held[reason].startswith("delete the copy from the workbook")


def test_a_copy_that_was_kept_before_corrections_holds_the_file(tmp_path: Path):
    corrected = [*lines(1)[:-1], [date(2025, 1, 20), "D1", "6000", 7]]
    (reason,) = checked(tmp_path, {"Data": corrected, "Backup": lines(1)}).holds
    assert reason.startswith("19 of 20 lines of sheet 'Backup' are lines of sheet 'Data' too")


@pytest.mark.parametrize(("corrected", "is_held"), [(2, True), (3, False)])
def test_at_most_one_line_in_ten_of_a_copy_may_differ(tmp_path: Path, corrected: int, *, is_held: bool):
    data = [*lines(1)[:-corrected], *([date(2025, 1, 20), "D1", "6000", cents] for cents in range(1, corrected + 1))]
    assert bool(checked(tmp_path, {"Data": data, "Backup": lines(1)}).holds) is is_held


@pytest.mark.parametrize("order", [["Year", "Jan", "Feb"], ["Jan", "Feb", "Year"], ["Jan", "Year", "Feb"]])
def test_months_that_a_sheet_of_the_year_has_too_hold_the_file_wherever_it_is(tmp_path: Path, order: list[str]):
    """Only sheets behind the one with all lines were named, so a year behind its months counted twice."""
    sheets = {"Jan": lines(1), "Feb": lines(2), "Year": [*lines(1), *lines(2)]}
    held = checked(tmp_path, {name: sheets[name] for name in order}).holds
    assert sorted(reason.partition(", with")[0] for reason in held) == [
        f"20 of 20 lines of sheet '{name}' are lines of sheet 'Year' too" for name in ("Feb", "Jan")
    ]


@pytest.mark.parametrize(
    "sheets",
    [
        {"Jan": lines(1), "Feb": lines(2)},
        {"A": lines(1, 2), "B": lines(1, 2)},  # two lines may be equal
        {"A": lines(1, factor=0), "B": lines(1, factor=0)},  # templates without amounts
        {"A": [*lines(1), *lines(1, factor=3)], "B": [*lines(1), *lines(1, factor=7)]},
        {"A": [lines(1)[0]] * 20, "B": [lines(1)[0]] * 20},  # one line, again and again
        {"A": lines(1)},
    ],
)
def test_sheets_with_lines_of_their_own_hold_nothing(tmp_path: Path, sheets: Mapping[str, Rows]):
    check = checked(tmp_path, sheets)
    assert (check.refusal, check.holds) == ("", {})


@pytest.mark.parametrize("field", ["department", "business_unit"])
def test_equal_budgets_of_sheets_that_are_places_hold_nothing(tmp_path: Path, field: str):
    descriptor = DESCRIPTOR % (f', {field}: {{from_name: "(.+)"}}', "")
    if field == "department":
        descriptor = descriptor.replace("department: Unit, ", "")
    (tmp_path / "x.xlsx").write_bytes(xlsx({name: [HEADER, *lines(1)] for name in ("Berlin", "Paris")}))
    check = check_written(tmp_path, descriptor, "x.xlsx")
    assert (check.refusal, check.holds) == ("", {})


def test_lines_with_a_key_are_left_to_it(tmp_path: Path):
    """The line of the key that comes again replaces the other one, or is rejected."""
    sheets = {"A": lines(1), "B": lines(1)}
    check = checked(tmp_path, sheets, more="load: {mode: upsert, key: [date, department, account]}")
    assert not any("lines of sheet" in reason for reason in check.holds)


@pytest.mark.parametrize(("header", "is_held"), [("Vendor", False), ("Employee no.", False), ("Prepared by", True)])
def test_equal_lines_of_other_vendors_or_people_are_lines_of_their_own(tmp_path: Path, header: str, *, is_held: bool):
    """A column that nothing reads says whose fees these are: twelve equal ones of each."""
    sheets: dict[str, Rows] = {
        name: [[*HEADER, header], *([*line, f"{name} Ltd"] for line in lines(1))] for name in ("North", "South")
    }
    check = check_text(tmp_path, xlsx(sheets), DESCRIPTOR % ("", ""), "x.xlsx")
    assert (check.refusal, bool(check.holds)) == ("", is_held)


def test_a_copy_of_a_sheet_with_the_same_vendors_holds_the_file(tmp_path: Path):
    rows: Rows = [[*HEADER, "Vendor"], *([*line, f"Vendor {place}"] for place, line in enumerate(lines(1)))]
    check = check_text(tmp_path, xlsx({"Jan": rows, "Jan (2)": rows}), DESCRIPTOR % ("", ""), "x.xlsx")
    assert len(check.holds) == 1


def of_company(*amounts: float) -> list[list[object]]:
    return [[date(2025, 1, 1), "D1", f"60{place:02d}", amount] for place, amount in enumerate(amounts)]


COMPANIES = {"DE": of_company(5.5, 7, 11, 2, 9), "AT": of_company(1, 20, 3, 4.25, 6), "CH": of_company(8, 2, 30, 1, 5)}


@pytest.mark.parametrize("position", [0, 3])
def test_a_sheet_that_adds_up_the_others_holds_the_file(position: int, tmp_path: Path):
    """Each amount of a group and its companies counted twice, without a word."""
    sums = [sum(float(str(rows[place][3])) for rows in COMPANIES.values()) for place in range(5)]
    sheets: list[tuple[str, Rows]] = list(COMPANIES.items())
    sheets.insert(position, ("Group", of_company(*sums)))
    held = checked(tmp_path, dict(sheets)).holds
    assert held == {
        "the amounts of sheet 'Group' are the sums of those of the other sheets in the same months and accounts, so "
        "they count twice; its 5 amounts add up to 114.75": (
            "if the sheet adds up the others, hide it in the workbook, or delete it, and name the others in sheet: in "
            "the descriptor; if all lines are to be added, accept the file"
        )
    }


def test_sheets_of_departments_and_their_total_hold_the_file_although_their_departments_differ(tmp_path: Path):
    sums = [sum(float(str(rows[place][3])) for rows in COMPANIES.values()) for place in range(5)]
    sheets: dict[str, Rows] = {**COMPANIES, "All": [[row[0], "D9", *row[2:]] for row in of_company(*sums)]}
    assert len(checked(tmp_path, sheets).holds) == 1


@pytest.mark.parametrize("last", [(1.0, 2.0, 3.0, 4.0, 5.0), (14.5, 29.0, 44.0, 8.25, 20.5)])
def test_a_sheet_that_adds_up_nothing_holds_nothing(last: tuple[float, ...], tmp_path: Path):
    assert not checked(tmp_path, {**COMPANIES, "Other": of_company(*last)}).holds
