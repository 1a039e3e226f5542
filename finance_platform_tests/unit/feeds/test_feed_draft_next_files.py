"""Drafts of files whose few lines do not show all that the next file of the same source has."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.draft.values import guess_dates, read_day
from finance_platform.feeds.values.dates import format_date
from finance_platform.refresh.file_check.feed_check import FileCheck, check_file
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import settings
from finance_platform_tests.unit.feeds.drafts import checked, draft, drafted


def next_sums(folder: Path, first: str, second: str) -> dict[str, str]:
    """Return the money by period of a second file that is read by the draft of a first one."""
    (folder / "costs.csv").write_text(second, encoding="utf-8")
    check = check_file(LocalStore(folder), "costs.csv", drafted(first, "costs.csv"), settings())
    assert check.is_fine, check.holds
    return {period: str(count.amount) for (_, period), count in check.sums.items()}


@pytest.mark.parametrize(
    ("days", "next_day"),
    [
        (["3 mars 2025"], "3 juillet 2025"),
        (["3 May 2025", "5 May 2025"], "14 July 2025"),
        (["3 MAY 2025"], "14 JULY 2025"),
        (["3 May 2025"], "14 Jul 2025"),
        (["May 3, 2025"], "July 14, 2025"),
        (["15 March 2025"], "3 July 2025"),
        (["31-Jan-2025"], "3-Jul-2025"),
        (["31.10.2025", "30.11.2025"], "3.7.2025"),
        (["10/31/2025", "12/31/2025"], "7/3/2025"),
        (["31.12.25"], "3.7.25"),
        (["14/03/2025"], "03/07/2025"),
        (["3/31/2025 14:05"], "7/3/2025 9:15"),
        (["14.03.2025 10:15:00"], "03.07.2025 09:15:00"),
        (["31-Mar-2025 2:05 PM"], "3-Jul-2025 11:15 AM"),
        (["2025-03-14 10:15:00.123456"], "2025-07-03 09:15:00.5"),
        (["14.03.2025 10:15:00.000"], "03.07.2025 09:15:00.250"),
        (["2025-03-14T10:15:00.1234567Z"], "2025-07-03T09:15:00.1234567Z"),
        (["45730.5"], "45841.25"),
    ],
)
def test_the_days_of_the_next_file_are_read_by_the_draft_of_few(days: list[str], next_day: str, tmp_path: Path):
    header = "Date;Dept;Account;Amount\n"
    first = header + "".join(f"{day};10;6110;5.00\n" for day in days)
    assert next_sums(tmp_path, first, f"{header}{next_day};10;6110;7.00\n") == {"2025-07": "7.00"}


@pytest.mark.parametrize("months", [["May 2025"], ["mai 2025"]])
def test_the_months_of_the_next_file_are_read_by_the_draft_of_one(months: list[str], tmp_path: Path):
    header = "Month,Dept,Account,Amount\n"
    first = header + "".join(f"{month},10,6110,5.00\n" for month in months)
    assert next_sums(tmp_path, first, f"{header}July 2025,10,6110,7.00\n") == {"2025-07": "7.00"}


def test_days_without_a_year_may_have_lost_their_zero(tmp_path: Path):
    header = "Posting Date,Dept,Account,Amount\n"
    first = f"{header}1403,10,6110,5.00\n2103,10,6110,5.00\n"
    feed = drafted(first, "costs_2025.csv")
    (tmp_path / "costs_2025.csv").write_text(f"{header}307,10,6110,7.00\n1407,10,6110,1.00\n", encoding="utf-8")
    sums = check_file(LocalStore(tmp_path), "costs_2025.csv", feed, settings()).sums
    assert {period: str(count.amount) for (_, period), count in sums.items()} == {"2025-07": "8.00"}


@pytest.mark.parametrize(
    ("texts", "formats"),
    [
        (["3 janv. 2025", "5 mars 2025"], ("d MMM yyyy",)),
        (["3 Jan 2025", "5 May 2025"], ("d MMM yyyy",)),
        (["14/03/2025"], ("dd/MM/yyyy",)),
        (["2025-10-15"], ("yyyy-MM-dd",)),
        (["20251015"], ("yyyyMMdd",)),
    ],
)
def test_texts_that_show_how_days_are_written_have_one_pattern(texts: list[str], formats: tuple[str, ...]):
    guess = guess_dates(texts)
    assert guess is not None
    assert guess.formats == formats


@given(
    st.lists(st.dates(date(2020, 1, 1), date(2029, 12, 31)), min_size=1, max_size=3),
    st.dates(date(2020, 1, 1), date(2029, 12, 31)),
    st.sampled_from(["d MMMM yyyy", "d MMM yyyy", "d-MMM-yy", "d.M.yyyy", "dd.MM.yyyy", "MMMM d, yyyy", "yyyy-MM-dd"]),
)
def test_the_patterns_of_some_days_read_every_day_of_their_form(days: list[date], other: date, form: str):
    guess = guess_dates([str(format_date(day, form)) for day in days])
    assert guess is not None
    assert read_day(str(format_date(other, form)), guess.formats) == other


@pytest.mark.parametrize(
    ("first", "second", "amount"), [("999,50", "1.234,50", "1234.50"), ('"999.50"', '"1,234.50"', "1234.50")]
)
def test_amounts_below_a_thousand_do_not_show_the_mark_between_thousands(
    first: str, second: str, amount: str, tmp_path: Path
):
    delimiter = ";" if "," in first else ","
    rows = [
        "Date,Dept,Account,Amount\n2025-03-03,10,6110,".replace(",", delimiter) + one + "\n" for one in (first, second)
    ]
    assert next_sums(tmp_path, *rows) == {"2025-03": amount}


def test_amounts_of_thousands_without_a_mark_show_that_there_is_none(tmp_path: Path):
    text = "Date;Dept;Account;Amount\n2025-03-03;10;6110;1234,50\n"
    assert drafted(text).columns["amount"].thousands is None
    assert checked(tmp_path, text).is_fine


def wide_file(*headers: str) -> str:
    amounts = ",".join(f"{place}.50" for place in range(len(headers)))
    return f"Dept,Account,{','.join(headers)}\n10,6110,{amounts}\n20,6120,{amounts}\n"


def next_check(folder: Path, name: str, first: str, second: str) -> FileCheck:
    (folder / name).write_text(second, encoding="utf-8")
    return check_file(LocalStore(folder), name, drafted(first, name), settings())


@pytest.mark.parametrize(
    "headers",
    [
        ["Jan 2025", "Feb 2025", "Mar 2025", "Apr 2025"],
        ["2025-01", "2025-02", "2025-03", "2025-04"],
        ["01.2025", "02.2025", "03.2025", "04.2025"],
        ["JAN-25", "FEB-25", "MAR-25", "APR-25"],
        ["January", "February", "March", "April"],
        ["P01", "P02", "P03", "P04"],
        ["P1", "P2", "P3", "P4"],
        ["M01", "M02", "M03", "M04"],
    ],
)
def test_a_file_that_grows_by_a_column_each_month_needs_no_new_draft(headers: list[str], tmp_path: Path):
    first = drafted(wide_file(*headers[:2]), "actuals_2025.csv")
    assert (first.load.mode, first.plans_only) == ("replace_period", False)
    for count in (3, 4):
        read = next_check(tmp_path, "actuals_2025.csv", wide_file(*headers[:2]), wide_file(*headers[:count]))
        assert read.is_fine, read.holds
        assert len({period for _, period in read.sums}) == count


@pytest.mark.parametrize("start", [0, 6, 8])
def test_a_file_that_grows_over_a_fiscal_year_needs_no_new_draft(start: int, tmp_path: Path):
    """The draft had the months of the calendar's year, so January held the file."""
    names = [f"{date(2024 + month // 12, month % 12 + 1, 1):%b-%y}" for month in range(3, 16)]
    feed = parse_descriptor(draft(wide_file(*names[start : start + 2]), "actuals.csv", 4), "draft.yaml")
    for end, is_read in ((10, True), (12, True), (13, False)):
        (tmp_path / "actuals.csv").write_text(wide_file(*names[start:end]), encoding="utf-8")
        read = check_file(LocalStore(tmp_path), "actuals.csv", feed, settings(fiscal_year_start_month=4))
        assert read.is_fine == is_read


@pytest.mark.parametrize("headers", [["Mar 2025", "Apr 2025", "Mar 2024"], ["Mar 2025", "Apr 2025", "Jun 2025"]])
def test_months_of_another_year_and_gaps_hold_the_file_that_grows(headers: list[str], tmp_path: Path):
    read = next_check(tmp_path, "actuals.csv", wide_file(*headers[:2]), wide_file(*headers))
    assert read.holds


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("budget.csv", ["Jan 2025", "Feb 2025"]),  # it may be cut off
        ("actuals.csv", [f"2025-{month:02d}" for month in range(1, 13)]),
        ("actuals.csv", ["Jan 2025", "Mar 2025"]),
        ("actuals.csv", ["Nov 2024", "Dec 2024", "Jan 2025"]),
        ("actuals.csv", ["Q1 2025", "Q2 2025"]),
        ("actuals.csv", ["Jan 2025", "Feb-2025"]),
        ("actuals.csv", ["janv. 2025", "févr. 2025"]),
    ],
)
def test_other_files_name_each_of_their_columns(name: str, headers: list[str]):
    unpivot = drafted(wide_file(*headers), name).unpivot
    assert unpivot is not None
    assert unpivot.columns == headers


def test_a_month_that_is_not_read_is_named_without_a_year_that_it_lacks(tmp_path: Path):
    """It was the month 2000-03."""
    first, second = wide_file("Jan", "Feb"), wide_file("Jan", "Feb", "Mar")
    (reason,) = next_check(tmp_path, "budget_2025.csv", first, second).holds
    assert "the column 'Mar' looks like the month March and is not read" in reason
