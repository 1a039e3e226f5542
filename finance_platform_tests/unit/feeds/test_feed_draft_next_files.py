"""Drafts of files whose few lines do not show all that the next file of the same source has."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.feeds.draft.values import guess_dates, read_day
from finance_platform.feeds.values.dates import format_date
from finance_platform.refresh.file_check.feed_check import check_file
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import settings
from finance_platform_tests.unit.feeds.test_feed_draft import checked, drafted


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
