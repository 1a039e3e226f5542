"""`feed draft` for periods that are written in other forms than a month and a year: fiscal years, weeks, scenarios."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
import yaml

from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.values.quarter_words import plain_quarter
from finance_platform.refresh.file_check.feed_check import FileCheck, check_file
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.checked_files import check_text, check_written
from finance_platform_tests.unit.factories import settings
from finance_platform_tests.unit.feeds.drafts import checked, draft, mistakes_of
from finance_platform_tests.unit.feeds.test_feed_draft_shapes import sums

Shape = Callable[[list[str]], str]

APRIL, JULY = 4, 7
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
OF_FISCAL_YEAR = [f"{2024 if place <= 9 else 2025}-{(place + 2) % 12 + 1:02d}" for place in range(1, 13)]
"""The months of fiscal year 2025 in a home whose fiscal years begin in April."""


def checked_in(folder: Path, text: str, name: str, first_month: int) -> FileCheck:
    """Return what a run would make of a file by its draft, in a home whose fiscal years begin in a month."""
    (folder / name).write_text(text, encoding="utf-8")
    feed = parse_descriptor(draft(text, name, first_month), "draft.yaml")
    assert feed.matches(name)
    return check_file(LocalStore(folder), name, feed, settings(fiscal_year_start_month=first_month))


def sums_in(folder: Path, text: str, name: str, first_month: int) -> dict[tuple[str, str], str]:
    check = checked_in(folder, text, name, first_month)
    assert check.is_fine, check.holds
    return {place: str(count.amount) for place, count in check.sums.items()}


def column_of(texts: list[str]) -> str:
    rows = "".join(f"{text},10,6000,{place}.50\n" for place, text in enumerate(texts, start=1))
    return f"Period,Dept,Account,Amount\n{rows}"


def wide(headers: list[str]) -> str:
    amounts = ",".join(f"{place}.50" for place in range(1, len(headers) + 1))
    return f"Dept,Account,Name,{','.join(headers)}\n10,6000,Rent,{amounts}\n"


@pytest.mark.parametrize(
    "form",
    [
        "FY24/25 P{:02d}", "FY24-25 P{}", "FY2024/25-{:02d}", "2024/25-{:02d}", "2024/2025 P{:02d}", "P{:02d} 24/25",
        "Period {} 2024-25", "FY 2024/25 P{:02d}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("shape", [column_of, wide])
def test_periods_of_two_calendar_years_are_those_of_the_fiscal_year(form: str, shape: Shape, tmp_path: Path):
    texts = [form.format(place) for place in range(1, 13)]
    assert sums_in(tmp_path, shape(texts), "budget.csv", APRIL) == {
        ("Budget", period): f"{place}.50" for place, period in enumerate(OF_FISCAL_YEAR, start=1)
    }


@pytest.mark.parametrize("form", ["{} 2024/25", "{} FY24/25", "2024-25 {}"])
@pytest.mark.parametrize("shape", [column_of, wide])
def test_months_of_two_calendar_years_are_in_the_one_that_they_belong_to(form: str, shape: Shape, tmp_path: Path):
    texts = [form.format(MONTHS[(place + 2) % 12]) for place in range(1, 13)]
    assert sums_in(tmp_path, shape(texts), "budget.csv", APRIL) == {
        ("Budget", period): f"{place}.50" for place, period in enumerate(OF_FISCAL_YEAR, start=1)
    }


@pytest.mark.parametrize("year", ["2024/25", "2024-25", "FY24-25", "2024/2025"])
@pytest.mark.parametrize("parts", [["1", "12"], ["P01", "P12"], ["Apr", "Mar"]])
def test_two_calendar_years_beside_a_period_are_a_fiscal_year(year: str, parts: list[str], tmp_path: Path):
    rows = "".join(f"{year},{part},10,6000,1.50\n" for part in parts)
    text = f"Financial Year,Period,Dept,Account,Amount\n{rows}"
    assert sums_in(tmp_path, text, "budget.csv", APRIL) == {
        ("Budget", "2024-04"): "1.50",
        ("Budget", "2025-03"): "1.50",
    }


@pytest.mark.parametrize(
    "days",
    [
        ["2024/25-001", "2024/25-002"],
        ["2011-12-01", "2011-12-05"],
        ["2011/12/01", "2011/12/05"],
        ["03/24/25", "03/24/25"],
    ],
)
def test_a_day_is_no_period_of_two_calendar_years(days: list[str]):
    written = draft(column_of(days).replace("Period", "Date"), "ledger.csv", APRIL)
    assert "GG" not in written
    assert "also a date" not in written


@pytest.mark.parametrize("shape", [column_of, wide])
def test_a_home_whose_years_begin_in_january_has_no_fiscal_year_of_two(shape: Shape, tmp_path: Path):
    text = shape([f"FY24/25 P{place:02d}" for place in range(1, 13)])
    comment = " ".join(line.strip(" #") for line in draft(text, "budget.csv").splitlines())
    assert "set FINANCE_PLATFORM_FISCAL_YEAR_START_MONTH in the home's .env" in comment
    check = checked_in(tmp_path, text, "budget.csv", 1)
    assert not check.sums
    reason, fix = next((reason, fix) for reason, fix in check.holds.items() if "rejected" in reason)
    assert "'FY24/25 P01' is of a fiscal year that lies in two calendar years" in reason
    assert fix.startswith("set FINANCE_PLATFORM_FISCAL_YEAR_START_MONTH")


@pytest.mark.parametrize(
    "name", ["budget_FY2024-25.csv", "budget_2024_25.csv", "budget_FY24-25.csv", "budget_2024-2025.csv"]
)
@pytest.mark.parametrize("headers", [[f"P{place}" for place in range(1, 13)], [*MONTHS[3:], *MONTHS[:3]], MONTHS[3:6]])
def test_the_fiscal_year_in_a_name_is_the_one_in_which_it_ends(name: str, headers: list[str], tmp_path: Path):
    assert sums_in(tmp_path, wide(headers), name, APRIL) == {
        ("Budget", period): f"{place}.50" for place, period in enumerate(OF_FISCAL_YEAR[: len(headers)], start=1)
    }
    feed = parse_descriptor(draft(wide(headers), name, APRIL), "draft.yaml")
    assert not feed.matches(name.replace("25", "26").replace("24", "25"))


@pytest.mark.parametrize("headers", [[f"P{place}" for place in range(1, 13)], MONTHS])
def test_a_person_decides_the_year_where_a_name_has_two_and_the_home_none(headers: list[str]):
    written = draft(wide(headers), "budget_FY2024-25.csv")
    assert yaml.safe_load(written)["unpivot"]["year"] == "DECIDE"
    assert any("unpivot.year is not decided" in mistake or "DECIDE" in mistake for mistake in mistakes_of(written))
    comment = " ".join(line.strip(" #") for line in written.splitlines())
    assert "'2024-25' is a fiscal year that lies in two calendar years" in comment
    assert "write 2025 in unpivot.year" in comment


@pytest.mark.parametrize("form", ["P{:02d} FY25", "FY25-P{:02d}", "2025-P{:02d}", "{:03d}.2025", "Period {} 2025"])
def test_headers_of_fiscal_periods_are_read_by_the_fiscal_calendar(form: str, tmp_path: Path):
    headers = [form.format(place) for place in range(1, 13)]
    assert sums_in(tmp_path, wide(headers), "budget.csv", APRIL) == {
        ("Budget", period): f"{place}.50" for place, period in enumerate(OF_FISCAL_YEAR, start=1)
    }


def test_quarters_of_a_fiscal_year_are_those_of_the_home(tmp_path: Path):
    check = checked_in(tmp_path, wide([f"Q{place} FY25" for place in (1, 2, 3, 4)]), "budget.csv", APRIL)
    assert [period for _, period in sorted(check.sums)] == ["2024-04", "2024-07", "2024-10", "2025-01"]


@pytest.mark.parametrize("form", ["2025-W{:02d}", "2025W{:02d}", "KW {:02d}/2025", "W{} 2025", "2025-KW{}"])
@pytest.mark.parametrize("shape", [column_of, wide])
def test_a_week_counts_on_its_thursday(form: str, shape: Shape, tmp_path: Path):
    """Week 5 of 2025 is from 27 January to 2 February, and week 9 from 24 February to 2 March."""
    text = shape([form.format(week) for week in range(1, 10)])
    assert sums_in(tmp_path, text, "weekly.csv", 1) == {("Actual", "2025-01"): "17.50", ("Actual", "2025-02"): "32.00"}
    assert "decide: a week counts on its Thursday" in " ".join(draft(text).replace("\n  #", "").split())


def test_weeks_beside_a_column_of_years_are_read(tmp_path: Path):
    text = "Year,Week,Dept,Account,Amount\n2025,W01,10,6000,1.50\n2025,W05,10,6000,2.50\n2026,W53,10,6000,4.00\n"
    assert sums_in(tmp_path, text, "weekly.csv", 1) == {("Actual", "2025-01"): "4.00", ("Actual", "2026-12"): "4.00"}


def test_a_month_is_read_rather_than_a_week_beside_it(tmp_path: Path):
    text = "Period,Week,Dept,Account,Amount\n2025-02,2025-W05,10,6000,1.50\n2025-02,2025-W06,10,6000,2.50\n"
    assert sums_in(tmp_path, text, "weekly.csv", 1) == {("Actual", "2025-02"): "4.00"}


@pytest.mark.parametrize("last", ["2025-W54", "Week 5"])
def test_weeks_that_iso_8601_does_not_have_are_left_to_a_person(last: str):
    assert "ww" not in draft(column_of(["2025-W01", "2025-W02", last]))


def test_a_letter_behind_a_month_is_its_scenario(tmp_path: Path):
    headers = ["Jan-25 A", "Feb-25 A", "Mar-25 F"]
    assert sums_in(tmp_path, wide(headers), "outlook.csv", 1) == {
        ("Actual", "2025-01"): "1.50", ("Actual", "2025-02"): "2.50", ("Forecast", "2025-03"): "3.50",
    }  # fmt: skip


def test_scenarios_of_fiscal_periods_are_dated_by_the_fiscal_year_of_the_home(tmp_path: Path):
    headers = ["P01 FY25 Actual", "P12 FY25 Budget"]
    assert sums_in(tmp_path, wide(headers), "outlook.csv", JULY) == {
        ("Actual", "2024-07"): "1.50", ("Budget", "2025-06"): "2.50",
    }  # fmt: skip


@pytest.mark.parametrize(
    "form",
    [
        "{short}25", "{upper}25", "{short}'25", "{month}/2025", "2025-{month}", "2025_{month:02d}", "2025 {short}",
        "25-{short}", "25 {short}", "M{month:02d}/2025", "M{month:02d}.2025",
    ],
)  # fmt: skip
def test_months_are_read_in_the_forms_of_common_exports(form: str, tmp_path: Path):
    texts = [form.format(short=name, upper=name.upper(), month=place) for place, name in enumerate(MONTHS, start=1)]
    assert sums_in(tmp_path, column_of(texts), "budget.csv", 1) == {
        ("Budget", f"2025-{place:02d}"): f"{place}.50" for place in range(1, 13)
    }


@pytest.mark.parametrize(
    "form", ["2025 P{}", "P{}/2025", "FY25-P{}", "Per {} 2025", "Period {:02d} FY2025", "P{:02d}/2025"]
)
@pytest.mark.parametrize("shape", [column_of, wide])
def test_numbers_of_periods_may_have_one_digit(form: str, shape: Shape, tmp_path: Path):
    texts = [form.format(place) for place in range(1, 13)]
    assert sums_in(tmp_path, shape(texts), "budget.csv", APRIL) == {
        ("Budget", period): f"{place}.50" for place, period in enumerate(OF_FISCAL_YEAR, start=1)
    }


@pytest.mark.parametrize("form", ["Q{}/25", "{}Q25", "{}Q2025"])
@pytest.mark.parametrize("shape", [column_of, wide])
def test_quarters_are_read_in_short_forms(form: str, shape: Shape, tmp_path: Path):
    check = checked_in(tmp_path, shape([form.format(place) for place in (1, 2, 3, 4)]), "budget.csv", 1)
    assert [period for _, period in sorted(check.sums)] == ["2025-01", "2025-04", "2025-07", "2025-10"]


@pytest.mark.parametrize("form", ["{}. Quartal 2025", "Quartal {} 2025", "Quarter {} 2025"])
@pytest.mark.parametrize("header", ["Period", "Quarter"])
def test_quarters_in_words_are_read(form: str, header: str, tmp_path: Path):
    text = column_of([form.format(place) for place in (1, 2, 3, 4)]).replace("Period", header)
    check = checked_in(tmp_path, text, "budget.csv", 1)
    assert [period for _, period in sorted(check.sums)] == ["2025-01", "2025-04", "2025-07", "2025-10"]


@pytest.mark.parametrize("form", ["AP {:02d}/2025", "AP{:02d}/2025"])
def test_accounting_periods_are_those_of_the_fiscal_year(form: str, tmp_path: Path):
    texts = [form.format(place) for place in range(1, 13)]
    assert sums_in(tmp_path, column_of(texts), "budget.csv", APRIL) == {
        ("Budget", period): f"{place}.50" for place, period in enumerate(OF_FISCAL_YEAR, start=1)
    }


def test_months_with_a_letter_are_fiscal_periods_if_their_header_says_so(tmp_path: Path):
    text = column_of(["M01/2025", "M12/2025"]).replace("Period", "Fiscal Period")
    assert sums_in(tmp_path, text, "budget.csv", APRIL) == {
        ("Budget", "2024-04"): "1.50", ("Budget", "2025-03"): "2.50",
    }  # fmt: skip


@pytest.mark.parametrize("texts", [["24-Dec", "25-Jan"], ["28-Jan", "28-Feb"], ["15-Jan", "15-Feb"]])
def test_a_number_before_a_month_in_a_column_of_periods_is_a_year_and_the_draft_says_so(texts: list[str]):
    written = draft(column_of(texts))
    assert yaml.safe_load(written)["columns"]["date"] == {"from": "Period", "formats": ["yy-MMM"]}
    assert f"decide: {texts[0]!r} is also a date of the form d-MMM" in written


@pytest.mark.parametrize(
    "texts", [["01-Jan", "01-Feb"], ["31-Jan", "28-Feb"], ["03-Jan", "25-Jan", "14-Feb"], ["5. Jan", "9. Feb"]]
)
@pytest.mark.parametrize("header", ["Period", "Date"])
def test_a_person_decides_the_year_of_days_whose_months_are_words(texts: list[str], header: str, tmp_path: Path):
    text = column_of(texts).replace("Period", header)
    written = draft(text)
    assert [mistake.split(": ")[1] for mistake in mistakes_of(written)] == ["columns.date.from is not decided"]
    assert sums_in(tmp_path, text, "ledger_2025.csv", 1) == {
        ("Actual", f"2025-0{1 + place}"): amount
        for place, amount in enumerate(["4.00", "3.50"] if len(texts) > 2 else ["1.50", "2.50"])
    }


def test_a_person_decides_whether_a_number_before_a_month_is_a_year_or_a_day(tmp_path: Path):
    text = column_of(["25-Jan", "25-Feb"]).replace("Period", "Date")
    question = " ".join(draft(text).replace("\n#", "").split())
    assert "columns.date.formats: [yy-MMM] if 25 is the year; if it is the day, write columns.date: {" in question
    sums = {("Actual", "2025-01"): "1.50", ("Actual", "2025-02"): "2.50"}
    as_day = question.partition("if it is the day, write columns.date: ")[2].partition(" with its year")[0]
    for answer in (as_day, "{from: Date, formats: [yy-MMM]}"):
        decided = {**yaml.safe_load(draft(text)), "constants": {"scenario": "Actual"}}
        decided["columns"]["date"] = yaml.safe_load(answer)
        assert answered(tmp_path, text, decided) == sums


@pytest.mark.parametrize(("header", "form"), [("Period", "Week {}"), ("Week", "W{}"), ("Woche", "KW {:02d}")])
def test_a_person_decides_how_weeks_without_a_year_are_counted(header: str, form: str, tmp_path: Path):
    text = column_of([form.format(week) for week in (4, 5)]).replace("Period", header)
    question = " ".join(draft(text).replace("\n#", "").split())
    assert f"{header!r} has weeks without a year, such as {form.format(4)!r}" in question
    _, as_iso, as_map = question.split("columns.date: {")[:3]
    decided = {**yaml.safe_load(draft(text)), "constants": {"scenario": "Actual"}}
    decided["columns"]["date"] = yaml.safe_load(f"{{{as_iso.partition('}, which')[0]}}}")
    assert answered(tmp_path, text, decided) == {("Actual", "2025-01"): "4.00"}  # the Thursdays are 23 and 30 January
    decided["columns"]["date"] = yaml.safe_load(f"{{{as_map.partition('}}')[0]}}}}}")
    decided["columns"]["date"]["map"][form.format(5)] = "2025-02"
    assert answered(tmp_path, text, decided) == {("Actual", "2025-01"): "1.50", ("Actual", "2025-02"): "2.50"}


def answered(folder: Path, text: str, descriptor: dict[str, Any]) -> dict[tuple[str, str], str]:
    """Return the sums of a file by a draft whose questions are answered."""
    check = check_text(folder, text, descriptor, "ledger.csv")
    assert check.is_fine, check.holds
    return {place: str(count.amount) for place, count in check.sums.items()}


def test_numbers_in_a_column_of_quarters_are_no_months(tmp_path: Path):
    text = column_of(["1", "2", "3", "4"]).replace("Period", "Quarter")
    assert yaml.safe_load(draft(text))["columns"]["date"] == {"from": "DECIDE {Quarter}", "formats": ["yyyy Q"]}
    check = checked_in(tmp_path, text, "budget_2025.csv", 1)
    assert [period for _, period in sorted(check.sums)] == ["2025-01", "2025-04", "2025-07", "2025-10"]


def test_months_in_another_language_are_mapped(tmp_path: Path):
    assert sums_in(tmp_path, column_of(["Mrz 25", "Mai 25", "Dez 25"]), "budget.csv", 1) == {
        ("Budget", "2025-03"): "1.50", ("Budget", "2025-05"): "2.50", ("Budget", "2025-12"): "3.50",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "formats"),
    [
        (["P01", "P02"], ["FFFF 'P'P"]),
        (["Jan", "Feb"], ["yyyy MMM"]),
        (["1", "2"], ["yyyy M"]),
        (["Q1", "Q2"], ["yyyy QQQ"]),
        (["1. Quartal", "2. Quartal"], ["yyyy Q'. Quartal'"]),
    ],
)
def test_a_person_decides_nothing_but_the_year_of_periods_without_one(texts: list[str], formats: list[str]):
    written = draft(column_of(texts), "budget.csv", APRIL)
    date = yaml.safe_load(written)["columns"]["date"]
    assert (date["from"], date["formats"]) == ("DECIDE {Period}", formats)
    assert [mistake.split(": ")[1] for mistake in mistakes_of(written)] == ["columns.date.from is not decided"]


@pytest.mark.parametrize(
    ("name", "texts", "first"),
    [("budget_2025.csv", ["Jan", "Feb"], "2025-01"), ("budget_FY24-25.csv", ["P01", "P02"], "2024-04")],
)
def test_the_year_of_periods_without_one_may_be_in_the_name(name: str, texts: list[str], first: str, tmp_path: Path):
    check = checked_in(tmp_path, column_of(texts), name, APRIL)
    assert check.is_fine
    assert min(period for _, period in check.sums) == first
    assert not parse_descriptor(draft(column_of(texts), name, APRIL), "d.yaml").matches(name.replace("25", "27"))


def two_rows(*, is_merged: bool, last_actual: int = 2) -> bytes:
    """Return a sheet with the scenarios of five months in a row of their own, each above its first month."""
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"in_memory": True})
    sheet = book.add_worksheet()
    if is_merged:
        sheet.merge_range(0, 2, 0, 1 + last_actual, "Actual")
        sheet.merge_range(0, 2 + last_actual, 0, 6, "Forecast")
    else:
        sheet.write_row(0, 2, ["Actual", *[""] * (last_actual - 1), "Forecast"])
    sheet.write_row(1, 0, ["Dept", "Account", "Jan-25", "Feb-25", "Mar-25", "Apr-25", "May-25"])
    sheet.write_row(2, 0, ["10", "6000", 1.5, 2.5, 3.5, 4.5, 5.5])
    sheet.write_row(3, 0, ["20", "6000", 1, 1, 1, 1, 1])
    book.close()
    return stream.getvalue()


@pytest.mark.parametrize("is_merged", [True, False])
def test_a_scenario_above_several_months_is_that_of_each(is_merged: bool, tmp_path: Path):
    """All of them were forecasts, as the name of the file says."""
    data = two_rows(is_merged=is_merged)
    check = checked(tmp_path, data, "forecast.xlsx")
    assert check.is_fine
    assert {place: str(count.amount) for place, count in check.sums.items()} == {
        ("Actual", "2025-01"): "2.50", ("Actual", "2025-02"): "3.50",
        ("Forecast", "2025-03"): "4.50", ("Forecast", "2025-04"): "5.50", ("Forecast", "2025-05"): "6.50",
    }  # fmt: skip
    (tmp_path / "next.xlsx").write_bytes(two_rows(is_merged=is_merged, last_actual=3))
    # The file of the next month has another header, so its March is no forecast.
    assert "Forecast Mar-25" in check_written(tmp_path, draft(data, "forecast.xlsx"), "next.xlsx").refusal


@pytest.mark.parametrize(("first", "second"), [("2025-01", "2025-02"), ("Jan", "Feb")])
def test_a_scenario_above_months_tells_columns_of_the_same_month_apart(first: str, second: str, tmp_path: Path):
    """As a CSV file has merged cells: the text in the first of them alone. February was left out."""
    text = f",,Actual,,Budget,\nDept,Account,{first},{second},{first},{second}\n10,6000,1.50,2.50,3.50,4.50\n"
    assert sums_in(tmp_path, text, "report_2025.csv", 1) == {
        ("Actual", "2025-01"): "1.50", ("Actual", "2025-02"): "2.50",
        ("Budget", "2025-01"): "3.50", ("Budget", "2025-02"): "4.50",
    }  # fmt: skip


def test_columns_of_the_same_month_that_nothing_tells_apart_are_no_months():
    text = "Dept,Account,2025-01,2025-02,2025-01,2025-02\n10,6000,1.50,2.50,3.50,4.50\n"
    assert "unpivot" not in yaml.safe_load(draft(text, "report.csv"))


def test_one_scenario_above_the_months_is_a_title(tmp_path: Path):
    text = "Forecast,,,\nDept,Account,Jan-25,Feb-25\n10,6000,1.50,2.50\n"
    assert sums_in(tmp_path, text, "f.csv", 1) == {("Forecast", "2025-01"): "1.50", ("Forecast", "2025-02"): "2.50"}


@pytest.mark.parametrize("word", ["Var", "Variance", "Diff", "Abw."])
def test_differences_beside_scenarios_of_months_are_not_read(word: str, tmp_path: Path):
    headers = [f"{month} 2025 {name}" for month in ("Jan", "Feb") for name in ("Actual", "Budget", word)]
    assert sums_in(tmp_path, wide(headers), "compared.csv", 1) == {
        ("Actual", "2025-01"): "1.50", ("Budget", "2025-01"): "2.50",
        ("Actual", "2025-02"): "4.50", ("Budget", "2025-02"): "5.50",
    }  # fmt: skip


def test_totals_of_the_year_to_date_beside_months_are_not_read(tmp_path: Path):
    text = wide(["Jan", "Jan YTD", "Feb", "Feb YTD", "Mar", "Mar YTD"])
    assert sums_in(tmp_path, text, "ledger_2025.csv", 1) == {
        ("Actual", "2025-01"): "1.50", ("Actual", "2025-02"): "3.50", ("Actual", "2025-03"): "5.50",
    }  # fmt: skip
    assert yaml.safe_load(draft(text, "ledger_2025.csv"))["ignore_columns"] == ["Jan YTD", "Feb YTD", "Mar YTD"]


QUARTERS = [
    [f"{number} Quarter 2025" for number in ("1st", "2nd", "3rd", "4th")],
    [f"{number} Quarter" for number in ("1st", "2nd", "3rd", "4th")],
    [f"{number} quarter FY25" for number in ("First", "Second", "Third", "Fourth")],
    ["1er trimestre 2025", "2e trimestre 2025", "3e trimestre 2025", "4e trimestre 2025"],
    [f"{number}. Quartal 2025" for number in range(1, 5)],
    [f"Qtr {number}" for number in range(1, 5)],
    [f"T{number} 2025" for number in range(1, 5)],
    [f"{number}T25" for number in range(1, 5)],
    [f"2025 {number} Quarter" for number in ("1st", "2nd", "3rd", "4th")],
]


@pytest.mark.parametrize("quarters", QUARTERS)
def test_quarters_in_words_are_read_as_columns(quarters: list[str], tmp_path: Path):
    text = f"Cost Centre,Account,{','.join(quarters)}\n100,6110,1.00,2.00,4.00,8.00\n100,6120,1.50,2.50,4.50,8.50\n"
    assert sums(tmp_path, text, "budget_by_quarter_2025.csv") == {
        ("Budget", "2025-01"): "2.50", ("Budget", "2025-04"): "4.50", ("Budget", "2025-07"): "8.50",
        ("Budget", "2025-10"): "16.50",
    }  # fmt: skip


def test_quarters_in_words_are_read_as_rows_and_another_year_is_rejected(tmp_path: Path):
    rows = [f"{number} Quarter 2025,100,6110,{amount}.00\n" for number, amount in (("1st", 1), ("2nd", 2), ("3rd", 4))]
    text = f"Quarter,Cost Centre,Account,Amount\n{''.join(rows)}"
    assert sums(tmp_path, text) == {
        ("Actual", "2025-01"): "1.00",
        ("Actual", "2025-04"): "2.00",
        ("Actual", "2025-07"): "4.00",
    }
    assert '"1st Quarter 2025": Q1 2025' in draft(text)


@pytest.mark.parametrize("text", ["T1", "4", "Quarter", "5th Quarter 2025", "1st half 2025", "KW 1 2025", "1. KW 2025"])
def test_other_texts_are_no_quarters(text: str):
    assert plain_quarter(text) == ""


def test_months_that_ended_are_read(tmp_path: Path):
    rows = [f"Month Ended {month} 2025,100,6110,{n}.00\n" for n, month in enumerate(("January", "May"), start=1)]
    text = f"PERIOD_NAME,DEPT_ID,ACCT_NO,BUDGET_AMOUNT\n{''.join(rows)}"
    assert sums(tmp_path, text, "budget.csv") == {("Budget", "2025-01"): "1.00", ("Budget", "2025-05"): "2.00"}


@pytest.mark.parametrize(("month", "first"), [(1, "2025-01"), (4, "2024-04")])
def test_twelve_numbered_amounts_are_the_periods_of_the_fiscal_year(month: int, first: str, tmp_path: Path):
    header = ",".join(f"Amount {number}" for number in range(1, 13))
    text = f"Account,Department,Year,{header}\n6110,100,2025,{','.join(f'{n}.50' for n in range(1, 13))}\n"
    feed = draft(text, "import.csv", month)
    check = check_text(tmp_path, text, feed, "import.csv", fiscal_year_start_month=month)
    assert check.is_fine
    assert str(check.sums["Actual", first].amount) == "1.50"
    assert len(check.sums) == 12


def test_a_few_numbered_amounts_are_no_periods():
    text = "Date,Account,Department,Amount 1,Amount 2\n2025-01-31,6110,100,1.50,2.50\n"
    assert "unpivot" not in draft(text)


BY_MONTH = "Date,Cost Centre,Account,Amount\n" + "".join(
    f"{month}/1/2025,{centre},6110,1.00\n" for month in range(1, 13) for centre in (100, 200)
)


def test_first_days_of_months_with_equally_many_lines_are_months(tmp_path: Path):
    months = {("Actual", f"2025-{month:02d}"): "2.00" for month in range(1, 13)}
    assert sums(tmp_path, BY_MONTH, "entries.csv") == months
    assert "decide: '2/1/2025' is also a date of the form d/M/yyyy" in draft(BY_MONTH)


def test_first_days_of_a_year_with_other_numbers_of_lines_are_days(tmp_path: Path):
    text = BY_MONTH + "3/1/2025,300,6110,1.00\n"
    assert set(sums(tmp_path, text, "entries.csv")) == {("Actual", "2025-01")}


@pytest.mark.parametrize(("name", "months"), [("ledger.csv", 1), ("budget.csv", 12)])
def test_a_line_for_each_first_day_is_of_a_month_in_a_plan_alone(name: str, months: int, tmp_path: Path):
    text = "Date,Cost Centre,Account,Amount\n" + "".join(f"{n:02d}/01/2025,100,6110,1.00\n" for n in range(1, 13))
    assert len(sums(tmp_path, text, name)) == months


@pytest.mark.parametrize(
    ("months", "first_month", "scenario"),
    [
        ("Jan Feb Mar", 1, "Budget"),
        ("Apr May Jun", 4, "Budget"),
        ("Apr May Jun", 1, "Budget Q1"),
        ("Jan Feb Mar Apr May Jun", 1, "Budget Q1"),
        ("Jan", 1, "Budget Q1"),
    ],
)
def test_a_budget_of_the_months_of_the_quarter_in_its_name_is_a_part_of_the_budget(
    months: str, first_month: int, scenario: str, tmp_path: Path
):
    names = [f"{month} 2025" for month in months.split()]
    text = f"Cost Centre,Account,{','.join(names)}\n100,6110,{','.join('1.00' for _ in names)}\n"
    (tmp_path / "budget_q1_2025.csv").write_text(text)
    drafted = draft(text, "budget_q1_2025.csv", first_month)
    check = check_written(tmp_path, drafted, "budget_q1_2025.csv", fiscal_year_start_month=first_month)
    assert {name for name, _ in check.sums} == {scenario}
    assert ("may be the version Budget Q1" in drafted) is (scenario == "Budget")


@pytest.mark.parametrize("last", ["16/03/2025", "2025-03-31"])
def test_a_day_that_may_be_a_month_is_asked_for_beside_dates_of_another_form(last: str):
    rows = "".join(f"{day},100,6110,5.50\n" for day in ("2025-03-05", "03/06/2025", "2025-03-06", last))
    text = f"Date,Cost Centre,Account,Amount\n{rows}"
    question = "decide: '03/06/2025' is also a date of the form MM/dd/yyyy"
    assert (question in draft(text)) == (last == "2025-03-31")
