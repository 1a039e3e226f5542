"""Columns of months that are not read, from a file's bytes to the reason to hold it, and in a draft.

Does not belong here: columns that are read (see `test_shapes`, `test_feed_draft_shapes`).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import settings as settings_of_test
from hypothesis import strategies as st

from finance_platform.feeds.values.month_names import MONTH_NAMES, read_month, turn_of_year
from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.unit.checked_files import check_text
from finance_platform_tests.unit.feeds.drafts import draft

WIDE: dict[str, Any] = {
    "feed": "wide",
    "kind": "ledger",
    "path": "wide.csv",
    "dialect": {"delimiter": ";"},
    "columns": {
        "department": "Dept",
        "account": "Account",
        "date": {"formats": ["MMM yy"], "map": {"Feb. 26": "Feb 26"}},
    },
    "unpivot": {"columns": ["Jan 26", "Feb. 26", "Apr 26"], "into": "date"},
    "constants": {"scenario": "Budget"},
}
YEARLESS = {
    **WIDE,
    "columns": {"department": "Dept", "account": "Account", "date": {"formats": ["MMM"]}},
    "unpivot": {"columns": "Jan|Feb|Apr", "into": "date", "year": "2026"},
}
_SEPARATORS = (" ", "-", ".", "/", "'", " '", ". ", ".-", "")
_NUMBERS = ("{month:02}.{short:02}", "{month:02}/{short:02}", "{year}-{month:02}", "{year}{month:02}",
            "{month:02}.{year}", "{month:02}/{year}", "{year}/{month:02}", "{month:02}-{year}")  # fmt: skip
FORMS = [(language, separator) for language in MONTH_NAMES for separator in _SEPARATORS] + [
    ("", number) for number in _NUMBERS
]


def check(folder: Path, text: str, descriptor: dict[str, Any] | str, name: str = "wide.csv") -> FileCheck:
    written = descriptor if isinstance(descriptor, str) else json.dumps(descriptor)
    return check_text(folder, text, written, name)


def table(*headers: str) -> str:
    """A file with an amount in each column: 1.00 in the first, 2.00 in the second, 4.00 in the third, and so on."""
    amounts = ";".join(f"{2**place}.00" for place in range(len(headers)))
    return f"Dept;Account;{';'.join(headers)}\nD1;6000;{amounts}\n"


def typed(descriptor: dict[str, Any], fix: str) -> dict[str, Any]:
    """The descriptor after a person has typed what a fix says, before its `or`."""
    unpivot, date = dict(descriptor["unpivot"]), dict(descriptor["columns"]["date"])
    words = fix.partition("; or,")[0]
    if added := re.search(r"add (\[[^\]]*\]) to unpivot\.columns", words):
        unpivot["columns"] = [*unpivot["columns"], *yaml.safe_load(added[1])]
    if pattern := re.search(r'set unpivot\.columns: (".*?[^\\]")', words):
        unpivot["columns"] = yaml.safe_load(pattern[1])
    if mapped := re.search(r"add (\{.*?\}) to columns\.date\.map", words):
        date["map"] = {**date.get("map", {}), **yaml.safe_load(mapped[1])}
    return {**descriptor, "unpivot": unpivot, "columns": {**descriptor["columns"], "date": date}}


def ignoring(descriptor: dict[str, Any], fix: str) -> dict[str, Any]:
    """The descriptor after a person has typed the other half of a fix."""
    (names,) = re.findall(r"add (\[[^\]]*\]) to ignore_columns", fix)
    return {**descriptor, "ignore_columns": yaml.safe_load(names)}


@pytest.mark.parametrize(
    ("descriptor", "header"),
    [
        (WIDE, "Mär 26"), (WIDE, "Mrz-26"), (WIDE, "mars 2026"), (WIDE, "2026-03"), (WIDE, "03.26"), (WIDE, "Mär"),
        (WIDE, "Plan Mär 26"), (WIDE, "Maerz '26"), (WIDE, "Mar 26"), (WIDE, "Q"),
        (YEARLESS, "Mär"), (YEARLESS, "Mar"), (YEARLESS, "März"), (YEARLESS, "Mar."), (YEARLESS, "Xyz"),
    ],
)  # fmt: skip
def test_what_the_fix_of_an_unread_month_says_leads_to_the_file_being_read(
    descriptor: dict[str, Any], header: str, tmp_path: Path
):
    names = ["Jan 26", "Feb. 26", header, "Apr 26"] if descriptor is WIDE else ["Jan", "Feb", header, "Apr"]
    held = check(tmp_path, table(*names, "Summe"), descriptor)
    assert not held.is_fine
    if header == "Q":  # a header that no one can read, beside the only missing month
        assert "there is no column for 2026-03" in next(iter(held.holds))
        return
    ((reason, fix),) = held.holds.items()
    assert f"the column {header!r} " in reason
    assert reason.endswith("is not read; its amount is 4.00")
    read = check(tmp_path, table(*names, "Summe"), typed(descriptor, fix))
    assert read.is_fine
    assert {period: count.amount for (_, period), count in read.sums.items()}["2026-03"] == Decimal("4.00")
    assert check(tmp_path, table(*names, "Summe"), ignoring(descriptor, fix)).is_fine


def test_a_column_that_is_only_named_is_read_with_the_line_that_the_rejected_rows_lead_to(tmp_path: Path):
    named = {**WIDE, "unpivot": {"columns": ["Jan 26", "Feb. 26", "Mrz-26", "Apr 26"], "into": "date"}}
    held = check(tmp_path, table("Jan 26", "Feb. 26", "Mrz-26", "Apr 26"), named)
    ((reason, fix),) = held.holds.items()
    assert "1 of 4 rows rejected" in reason
    assert check(tmp_path, table("Jan 26", "Feb. 26", "Mrz-26", "Apr 26"), typed(named, fix)).is_fine


def test_a_month_in_another_language_is_read_where_it_is_named(tmp_path: Path):
    named = {**WIDE, "unpivot": {"columns": ["Jan 26", "Feb. 26", "Mär 26", "Apr 26"], "into": "date"}}
    assert check(tmp_path, table("Jan 26", "Feb. 26", "Mär 26", "Apr 26"), named).is_fine


def test_a_gap_between_months_is_held_until_it_is_declared(tmp_path: Path):
    held = check(tmp_path, table("Jan 26", "Feb. 26", "Apr 26"), WIDE)
    ((reason, fix),) = held.holds.items()
    assert reason == "there is no column for 2026-03, which is between months that the file has"
    assert check(tmp_path, table("Jan 26", "Feb. 26", "Apr 26"), ignoring(WIDE, fix)).is_fine
    ((reason, fix),) = check(tmp_path, table("Jan", "Feb", "Apr"), YEARLESS).holds.items()
    assert reason.startswith("there is no column for Mar,")
    assert check(tmp_path, table("Jan", "Feb", "Apr"), ignoring(YEARLESS, fix)).is_fine


@pytest.mark.parametrize("columns", ["Nov|Dec|Jan|Feb", "Mar|Jun|Sep|Dec", "Apr|May|Jun|Jul", "Jan", "Mar|Feb|Jan"])
def test_a_fiscal_year_quarters_and_a_part_of_a_year_have_no_gap(columns: str, tmp_path: Path):
    descriptor = {**YEARLESS, "unpivot": {"columns": columns, "into": "date", "year": "2026"}}
    held = check(tmp_path, table(*columns.split("|"), "Total", "Q1", "Comment"), descriptor).holds
    assert not [reason for reason in held if "there is no column for" in reason]
    assert bool(held) == ("Dec|Jan" in columns)


FISCAL_YEAR = ("Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb", "Mar")


def fiscal(columns: tuple[str, ...], **of_date: Any) -> dict[str, Any]:
    """Return a descriptor of columns of months whose year is 2026."""
    date = {"formats": ["MMM"], **of_date}
    unpivot = {"columns": "|".join(columns), "into": "date", "year": "2026"}
    return {**YEARLESS, "columns": {**YEARLESS["columns"], "date": date}, "unpivot": unpivot}


def check_fiscal(folder: Path, columns: tuple[str, ...], descriptor: dict[str, Any], first_month: int) -> FileCheck:
    return check_text(folder, table(*columns), descriptor, "wide.csv", fiscal_year_start_month=first_month)


def test_months_of_two_years_under_one_year_are_held_until_the_year_is_fiscal(tmp_path: Path):
    held = check_fiscal(tmp_path, FISCAL_YEAR, fiscal(FISCAL_YEAR), 4)
    ((reason, fix),) = held.holds.items()
    assert reason == (
        "the columns of months go on from 'Dec' to 'Jan', and unpivot.year gives all of them one year, so those from "
        "'Jan' on would be dated before the first one, 'Apr'"
    )
    assert "add `calendar: fiscal` to columns.date" in fix
    read = check_fiscal(tmp_path, FISCAL_YEAR, fiscal(FISCAL_YEAR, calendar="fiscal"), 4)
    assert read.is_fine
    # table() has 1, 2, 4, 8 … in the columns.
    amounts = {period: int(count.amount) for (_, period), count in read.sums.items()}
    assert list(amounts) == [f"2025-{month:02d}" for month in range(4, 13)] + ["2026-01", "2026-02", "2026-03"]
    assert list(amounts.values()) == [2**place for place in range(12)]


@pytest.mark.parametrize(
    ("months", "turn"),
    [
        ((3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2), 9),
        ((6, 9, 0, 3), 2),
        ((11, 0), 1),
        (range(12), None),
        (range(11, -1, -1), None),
        ((3, 7, 11, 1, 0, 6, 5, 2, 4, 10, 9, 8), None),  # of the alphabet
        ((10, 11, 0, 1, 10), None),
        ((9, 0, 3, 6, 9), None),
        ((9, 0, 3, 6, 9, 0), None),
        ((11, 0, 11), None),
        ((5,), None),
        ((), None),
    ],
)
def test_a_year_turns_once_in_a_series_of_less_than_a_year(months: Sequence[int], turn: int | None):
    assert turn_of_year(months) == turn


def test_the_map_that_the_reason_proposes_gives_each_month_its_year(tmp_path: Path):
    ((_, fix),) = check_fiscal(tmp_path, FISCAL_YEAR, fiscal(FISCAL_YEAR), 1).holds.items()
    assert '{"Apr": "Apr 2025", "Jan": "Jan 2026"}' in fix
    years = {name: f"{name} {2025 if place < 9 else 2026}" for place, name in enumerate(FISCAL_YEAR)}
    descriptor = fiscal(FISCAL_YEAR, formats=["MMM yyyy"], map=years)
    del descriptor["unpivot"]["year"]
    read = check_fiscal(tmp_path, FISCAL_YEAR, descriptor, 1)
    assert read.is_fine
    assert read.sums["Budget", "2026-03"].amount == 2**11


def test_a_fiscal_year_that_begins_with_another_month_than_that_of_the_home_is_held(tmp_path: Path):
    ((reason, fix),) = check_fiscal(tmp_path, FISCAL_YEAR, fiscal(FISCAL_YEAR, calendar="fiscal"), 7).holds.items()
    assert "go on from 'Jun' to 'Jul'" in reason
    assert fix.startswith("the home's fiscal years begin with month 7; if the file's begin with another, give each")


@pytest.mark.parametrize(
    ("columns", "formats", "periods"),
    [
        (("P01", "P02", "P12"), ["'P'PP"], ["2025-04", "2025-05", "2026-03"]),
        (("Q1", "Q2", "Q4"), ["QQQ"], ["2025-04", "2025-07", "2026-01"]),
        (("Jan", "Feb", "Mar"), None, ["2026-01", "2026-02", "2026-03"]),
    ],
)
def test_periods_and_quarters_of_a_fiscal_year_are_read(
    columns: tuple[str, ...], formats: list[str] | None, periods: list[str], tmp_path: Path
):
    descriptor = fiscal(columns, calendar="fiscal", formats=formats or [])
    descriptor["ignore_columns"] = [f"P{number:02d}" for number in range(3, 12)]
    read = check_fiscal(tmp_path, columns, descriptor, 4)
    assert [period for _, period in read.sums] == periods


def test_a_fiscal_year_that_the_name_declares_covers_the_months_of_a_fiscal_plan(tmp_path: Path):
    load = {"mode": "replace_period", "covers": {"from_name": "fy([0-9]{4})"}}
    descriptor = {**fiscal(FISCAL_YEAR, calendar="fiscal"), "path": "fy2026.csv", "load": load}
    read = check_text(tmp_path, table(*FISCAL_YEAR), descriptor, "fy2026.csv", fiscal_year_start_month=4)
    assert read.is_fine
    assert len(read.sums) == 12


def test_a_thirteenth_period_that_is_not_read_is_held(tmp_path: Path):
    columns = tuple(f"P{number:02d}" for number in range(1, 13))
    descriptor = fiscal(columns, calendar="fiscal", formats=["'P'PP"])
    ((reason, _),) = check_fiscal(tmp_path, (*columns, "P13"), descriptor, 4).holds.items()
    assert reason == "the column 'P13' looks like a month and is not read; its amount is 4,096.00"
    descriptor["unpivot"]["columns"], descriptor["columns"]["date"]["map"] = "P[0-9]{2}", {"P13": "P12"}
    read = check_fiscal(tmp_path, (*columns, "P13"), descriptor, 4)
    assert read.is_fine
    assert read.sums["Budget", "2026-03"].amount == 2**11 + 2**12


def test_each_unread_month_of_a_file_with_measures_is_held(tmp_path: Path):
    descriptor = {**WIDE, "columns": {"department": "Dept", "account": "Account"}, "constants": {}}
    del descriptor["unpivot"]
    descriptor["measures"] = {
        f"{month} 2026 {scenario}": {"date": f"2026-0{number}-01", "scenario": scenario}
        for number, month in ((1, "Jan"), (2, "Feb"))
        for scenario in ("Actual", "Budget")
    }
    names = [*descriptor["measures"], "Mär 2026 Ist"]
    ((reason, fix),) = check(tmp_path, table(*names), descriptor).holds.items()
    assert "the column 'Mär 2026 Ist' looks like the month 2026-03" in reason
    assert 'add ["Mär 2026 Ist"] to measures in the descriptor, each with date, scenario' in fix
    assert check(tmp_path, table(*names), ignoring(descriptor, fix)).is_fine


def test_sums_of_unread_months_leave_out_rows_that_are_no_data(tmp_path: Path):
    descriptor = {**WIDE, "control_total": [{"kind": "grand", "row": {"column": "Dept", "matches": "^Total"}}]}
    text = "Dept;Account;Jan 26;Feb. 26;Mär 26;Apr 26\nD1;1;1;1;2.5;1\nD2;1;1;1;1.25;1\nTotal;;2;2;3.75;2\n"
    (reason,) = check(tmp_path, text, descriptor).holds
    assert reason.endswith("its 2 amounts add up to 3.75")


def headers_of(form: tuple[str, str], spelling: int) -> list[str]:
    """Twelve headers of one form in 2026; names of months differ with `spelling`."""
    language, separator = form
    if not language:
        return [separator.format(month=month, year=2026, short=26) for month in range(1, 13)]
    headers = []
    for names in MONTH_NAMES[language]:
        written = names.split()
        name = written[spelling % len(written)]
        name = name.capitalize() if spelling % 2 else name
        name = unicodedata.normalize("NFD" if spelling % 3 else "NFC", name)
        headers.append(f"{name}{separator}{'2026' if spelling % 5 else '26'}")
    return headers


@example(form=("", _NUMBERS[0]), spelling=0, lost=1)
@settings_of_test(max_examples=current_profile().examples_of_slow(40), deadline=None)
@given(form=st.sampled_from(FORMS), spelling=st.integers(0, 29), lost=st.integers(0, 11))
def test_twelve_months_of_any_language_and_form_are_read_and_none_is_dropped_in_silence(
    tmp_path_factory: pytest.TempPathFactory, form: tuple[str, str], spelling: int, lost: int
):
    folder, headers = tmp_path_factory.mktemp("law"), headers_of(form, spelling)
    text = table(*headers, "Gesamt")
    drafted = draft(text, "wide.csv")
    read = check(folder, text, drafted)
    assert read.is_fine, drafted
    assert {period for _, period in read.sums} == {f"2026-{month:02d}" for month in range(1, 13)}
    assert read.outcomes["accepted"].amount == Decimal(2**12 - 1)
    unknown = [*headers[:lost], "Xyz", *headers[lost + 1 :]]
    other = table(*unknown, "Gesamt")
    asked = draft(other, "wide.csv")
    assert "Xyz: DECIDE" in asked
    # A pattern takes the columns that are there.
    feed = yaml.safe_load(drafted)
    feed["unpivot"]["columns"] = "|".join(map(re.escape, (name for name in feed["unpivot"]["columns"])))
    held = check(folder, other, feed)
    assert any("the column 'Xyz'" in reason for reason in held.holds)


@pytest.mark.parametrize(
    ("text", "month", "year"),
    [
        ("Sept. '26", 9, 2026), ("27-Jan", 1, None), ("Jan FY26", 1, None), ("1. Mai 2026", 5, 2026),
        ("Mai & Co", None, 0), ("15 Mai 2026", 5, None), ("1.2026", 1, 2026), ("13.2026", None, 0),
        ("2026", None, 0), ("Budget", None, 0), ("Jan - Mär 2026", None, 0),
        ("Mai 2026 in TEUR", 5, 2026), ("Budget 2026-07", 7, 2026),
    ],
)  # fmt: skip
def test_a_month_is_known_beside_its_year_and_words_of_money_alone(text: str, month: int | None, year: int | None):
    named = read_month(text)
    assert (named.month if named else None, named.year if named else 0) == (month, year)
