"""Columns of periods that nothing reads, beside dates: lines of another period or of period 0 are a warning.

Each fix is typed as the warning has it, and the file read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_written

DESCRIPTOR: dict[str, Any] = {
    "feed": "x",
    "kind": "ledger",
    "path": "x.csv",
    "columns": {"date": "Date", "department": "Unit", "account": "Account", "amount": {"from": "Amount"}},
    "constants": {"scenario": "Actual"},
}
YEAR = [(f"2025-{month:02d}-20", str(month)) for month in range(1, 13)]


def check(
    folder: Path, header: str, lines: Sequence[tuple[str, ...]], first_month: int = 1, **changes: Any
) -> FileCheck:
    rows = "".join(f"{day},D1,6000,100.00,{','.join(rest)}\n" for day, *rest in lines)
    (folder / "x.csv").write_text(f"Date,Unit,Account,Amount,{header}\n{rows}", encoding="utf-8")
    columns = {**DESCRIPTOR["columns"], **changes.pop("columns", {})}
    return check_written(folder, {**DESCRIPTOR, "columns": columns, **changes}, fiscal_year_start_month=first_month)


def warnings(check: FileCheck) -> list[str]:
    return [text for text in check.findings.notes if "is not read" in text]


def rows(check: FileCheck) -> dict[str, int]:
    return {period: count.rows for (_, period), count in check.sums.items()}


def typed_fix(check: FileCheck, key: str) -> Any:
    """Return what the fix gives a key, as a person would type it."""
    (text,) = warnings(check)
    start = check.findings.notes[text].fix.index(f"{key}: ") + len(f"{key}: ")
    written = check.findings.notes[text].fix[start:]
    return yaml.safe_load(written[: written.index(" in the descriptor" if key != "skip" else " to the descriptor")])


def test_lines_of_another_period_than_the_month_of_their_date_are_a_warning(tmp_path: Path):
    lines = [*YEAR, ("2025-02-03", "1")]
    found = check(tmp_path, "Period", lines)
    assert warnings(found) == [
        (
            "the column 'Period' is not read, and has another period than the month of the date in 1 of 13 lines, "
            "whose amount is 100.00, such as '1' for a day of 2025-02; the months of the dates count"
        )
    ]
    assert not found.holds
    assert not warnings(check(tmp_path, "Period", lines, ignore_columns=["Period"]))


GERMAN = [
    *("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli"),
    *("August", "September", "Oktober", "November", "Dezember"),
]
FRENCH = ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."]


@pytest.mark.parametrize(
    ("header", "texts"),
    [
        ("Monat", GERMAN),
        ("Mois", FRENCH),
        ("Période comptable", [str(period) for period in range(1, 13)]),
        ("Boekingsperiode", [str(period) for period in range(1, 13)]),
        ("GL Period", [f"FY25-P{period:02d}" for period in range(1, 13)]),
        ("Accounting Month", [f"M{period:02d}" for period in range(1, 13)]),
        ("Month", [f"Month {period}" for period in range(1, 13)]),
        ("Period", [f"{period}.0" for period in range(1, 13)]),
        ("Period", [f"2025 {period:02d}" for period in range(1, 13)]),
    ],
)
def test_periods_of_other_languages_and_forms_are_compared(tmp_path: Path, header: str, texts: list[str]):
    lines = [(day, texts[int(period) - 1]) for day, period in YEAR]
    assert not warnings(check(tmp_path, header, lines))
    (warning,) = warnings(check(tmp_path, header, [*lines, ("2025-04-03", texts[2])]))
    assert f"1 of 13 lines, whose amount is 100.00, such as {texts[2]!r} for a day of 2025-04" in warning


@pytest.mark.parametrize(
    ("header", "texts"),
    [
        ("Posting Period", [f"{period:03d}" for period in (*range(1, 13), 1)]),
        ("Posting Period", [str(period) for period in (*range(1, 13), 1)]),
        ("Month", ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan"]),
    ],
)
def test_a_period_beside_a_column_of_years_is_read_by_the_fix(tmp_path: Path, header: str, texts: list[str]):
    days = [*(day for day, _ in YEAR), "2025-02-03"]
    lines = [(day, text, "2025") for day, text in zip(days, texts, strict=True)]
    found = check(tmp_path, f"{header},Fiscal Year", lines)
    read = check(tmp_path, f"{header},Fiscal Year", lines, columns={"period": typed_fix(found, "columns.period")})
    assert rows(found)["2025-02"] == 2
    assert rows(read)["2025-01"] == 2
    assert not warnings(read)
    assert not read.rules


YEARS = [
    "{m:02d}/{y}",
    "P{m:02d} FY{y}",
    "FY{y}-P{m:02d}",
    "{m:02d}.20{y}",
    "20{y}M{m:02d}",
    "20{y}-{m:02d}",
    "P{m} / 20{y}",
]


@pytest.mark.parametrize("form", YEARS)
def test_a_period_of_another_year_than_the_date_is_a_warning(tmp_path: Path, form: str):
    lines = [(day, form.format(m=int(period), y=25)) for day, period in YEAR]
    assert not warnings(check(tmp_path, "Period", lines))
    other = form.format(m=4, y=24)
    found = check(tmp_path, "Period", [*lines, ("2025-04-03", other)])
    (warning,) = warnings(found)
    assert f"1 of 13 lines, whose amount is 100.00, such as {other!r} for a day of 2025-04" in warning


@pytest.mark.parametrize("form", YEARS[:-1])
def test_a_period_of_another_year_is_read_by_the_fix(tmp_path: Path, form: str):
    days = [*YEAR, ("2026-01-03", "12")]
    lines = [(day, form.format(m=int(period), y=25)) for day, period in days]
    found = check(tmp_path, "Period", lines)
    read = check(tmp_path, "Period", lines, columns={"period": typed_fix(found, "columns.period")})
    assert rows(read)["2025-12"] == 2
    assert not read.rules


@pytest.mark.parametrize("named", [2024, 2025])
def test_periods_of_a_fiscal_year_are_as_far_from_the_dates_in_both_calendar_years(tmp_path: Path, named: int):
    days = [f"{2024 + (month < 7)}-{month:02d}-20" for month in (*range(7, 13), *range(1, 7))]
    lines = [(day, f"P{period:02d} FY{named % 100}") for period, day in enumerate(days, 1)]
    assert not warnings(check(tmp_path, "Period", lines, first_month=7))
    (warning,) = warnings(check(tmp_path, "Period", [*lines, ("2025-07-03", lines[0][1])], first_month=7))
    assert "1 of 13 lines" in warning


@pytest.mark.parametrize("form", ["2025-{:02d}", "2025{:02d}", "2025/{:02d}", "{:02d}.2025", "{:02d}/2025", "2025-{}"])
def test_a_period_that_has_its_year_is_read_by_the_fix(tmp_path: Path, form: str):
    lines = [(day, form.format(int(period))) for day, period in [*YEAR, ("2025-02-03", "1")]]
    found = check(tmp_path, "Period", lines)
    read = check(tmp_path, "Period", lines, columns={"period": typed_fix(found, "columns.period")})
    assert rows(read)["2025-01"] == 2
    assert not read.rules


def test_lines_of_the_year_end_that_are_dated_later_are_read_by_the_fix(tmp_path: Path):
    lines = [(day, period, "2025") for day, period in [*YEAR, ("2026-01-20", "13"), ("2025-12-31", "14")]]
    found = check(tmp_path, "Period,Year", lines)
    assert "1 of 14 lines" in warnings(found)[0]
    read = check(tmp_path, "Period,Year", lines, columns={"period": typed_fix(found, "columns.period")})
    assert rows(read)["2025-12"] == 3
    assert not read.rules


@pytest.mark.parametrize("year", [2024, 2026])
def test_the_fix_of_periods_beside_a_year_is_for_the_years_of_the_dates(tmp_path: Path, year: int):
    lines = [(day.replace("2025", f"{year}"), period, f"{year}") for day, period in [*YEAR, ("2025-12-31", "14")]]
    lines += [(f"{year + 1}-01-20", "1", f"{year + 1}"), (f"{year + 1}-01-31", "13", f"{year}")]
    found = check(tmp_path, "Period,Year", lines)
    assert "1 of 15 lines" in warnings(found)[0]
    read = check(tmp_path, "Period,Year", lines, columns={"period": typed_fix(found, "columns.period")})
    assert rows(read)[f"{year}-12"] == 3
    assert not read.rules


@pytest.mark.parametrize(
    ("first_month", "start", "period"),
    [(1, "2024-03", "2024-03"), (7, "2024-08", "2025-02"), (7, "2025-02", "2025-08")],
)
def test_without_a_year_the_fix_shows_the_usual_period_of_the_dates(
    tmp_path: Path, first_month: int, start: str, period: str
):
    number = str(int(period[5:]))
    lines = [(f"{start}-20", number)] * 4 + [(f"{start}-21", str(int(number) - 1))]
    found = check(tmp_path, "Period", lines, first_month)
    (text,) = warnings(found)
    assert f"the year in each period, such as {period}, and read it by columns.period" in found.findings.notes[text].fix


def test_periods_of_a_fiscal_year_are_read_by_the_fix(tmp_path: Path):
    days = [f"{2024 + (month < 7)}-{month:02d}-20" for month in (*range(7, 13), *range(1, 7))]
    lines = [(day, str(period), "2025") for period, day in enumerate(days, 1)] + [("2024-08-03", "1", "2025")]
    found = check(tmp_path, "Period,Fiscal Year", lines, first_month=7)
    (text,) = warnings(found)
    assert "begins in month 7" in found.findings.notes[text].fix
    columns = {"period": typed_fix(found, "columns.period")}
    assert rows(check(tmp_path, "Period,Fiscal Year", lines, first_month=7, columns=columns))["2024-07"] == 2


@pytest.mark.parametrize("text", ["0", "00", "000", "2025-00"])
def test_lines_of_period_0_are_a_warning_and_left_out_by_the_fix(tmp_path: Path, text: str):
    others = [(day, f"2025-{int(period):02d}" if "-" in text else period) for day, period in YEAR]
    lines = [("2025-01-01", text), *others]
    found = check(tmp_path, "Period", lines)
    assert warnings(found) == [
        (
            f"the column 'Period' is not read, and says {text!r} of 1 of 13 lines, whose amount is 100.00: period 0 "
            "has opening balances, which are read as movements"
        )
    ]
    left = check(tmp_path, "Period", lines, skip=typed_fix(found, "skip"))
    assert rows(left)["2025-01"] == 1
    assert not warnings(left)


@pytest.mark.parametrize(
    ("header", "lines"),
    [
        ("Period", YEAR),
        ("Period", [*YEAR, ("2025-12-31", "13"), ("2025-12-31", "16")]),
        ("Period", [(f"2025-{month:02d}-20", str((month - 7) % 12 + 1)) for month in range(1, 13)]),
        ("Period", [*YEAR[:6], ("2025-06-30", "")]),
        ("Month", [(day, f"{name} 2025") for (day, _), name in zip(YEAR, ["Januar", "Februar", "März"], strict=False)]),
        ("Month", [(day, f"2025-{int(period):02d}-01") for day, period in YEAR]),
        ("Period", [(day, "12") for day, _ in YEAR]),
        ("Period", [(day, "monthly") for day, _ in YEAR]),
        ("Period", [(day, str(45 + int(period))) for day, period in YEAR]),
        ("Period", [(day, str(int(period) * 5 % 13)) for day, period in YEAR]),
        ("Week", [(day, str(int(period) * 4)) for day, period in YEAR]),
        ("Quarter", [(day, f"Q{(int(period) + 2) // 3}") for day, period in YEAR]),
    ],
)
def test_periods_that_agree_with_the_dates_are_no_warning(
    tmp_path: Path, header: str, lines: Sequence[tuple[str, ...]]
):
    assert not warnings(check(tmp_path, header, lines))
