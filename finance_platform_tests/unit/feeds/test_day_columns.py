"""Days of files of every kind: the calendar of their field, cells of sheets that are dates, and serial numbers.

Does not belong here: patterns (see `test_dates`), the reasons of rejected rows (see the tests of each kind).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from finance_platform.feeds.cells import RawBatch
from finance_platform.feeds.lines.balance_rows import BalanceRows
from finance_platform.feeds.lines.ledger_lines import LedgerLines
from finance_platform.feeds.lines.lookup_rows import LookupRows
from finance_platform.feeds.lines.reference_rows import ReferenceRows
from finance_platform.feeds.lines.report_rows import ReportRows
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_text, net
from finance_platform_tests.unit.factories import feed, raw_batch
from finance_platform_tests.workbooks import xlsx

HEADER = ("D", "U", "A", "N")


def _ledger(rules: ResolvedFeed, batch: RawBatch) -> Mapping[str, pa.Array]:
    return LedgerLines(rules, list(HEADER), "").type_batch(batch)[0]


KINDS: dict[str, tuple[str, str, str, Callable[[ResolvedFeed, RawBatch], Mapping[str, Any]]]] = {
    "ledger": ("date", "department: U, account: A, amount: N", "period", _ledger),
    "lookup": ("date", "key: U", "date", lambda rules, rows: LookupRows(rules, list(HEADER)).type_batch(rows)),
    "comments": (
        "period",
        "department: U, account: A, comment: N",
        "period",
        lambda rules, rows: ReportRows(rules, list(HEADER)).type_batch(rows),
    ),
    "balances": (
        "period",
        "account: A, balance: N",
        "period",
        lambda rules, rows: BalanceRows(rules, list(HEADER)).type_batch(rows),
    ),
    "accounts": (
        "valid_from",
        "number: A, name: U",
        "valid_from",
        lambda rules, rows: ReferenceRows(rules, list(HEADER)).type_batch(rows),
    ),
}
"""By kind: the field of its days, its other fields, the column that has the period, and what types its rows."""


def period(kind: str, text: str, formats: str, *, sheet: str | None = None, is_1904: bool = False) -> str:
    """Return the period that a row of a kind gets from a text, in a home whose fiscal years begin in April."""
    name, others, column, read = KINDS[kind]
    scenario = "\nconstants: {scenario: Actual}" if kind == "ledger" else ""
    rules = feed(
        f"feed: f\nkind: {kind}\npath: f.csv\ncolumns: {{{name}: {{from: D, {formats}}}, {others}}}{scenario}\n",
        fiscal_year_start_month=4,
    )
    batch = replace(raw_batch(HEADER, [(text, "D1", "4000", "5.00")]), sheet=sheet, is_1904=is_1904)
    columns = read(rules, batch)
    assert columns["outcome"].to_pylist() == ["accepted"], columns["reasons"]
    return str(columns[column][0])[:7]


@pytest.mark.parametrize("kind", KINDS)
def test_the_fiscal_calendar_of_a_field_counts_in_every_kind_of_file(kind: str):
    assert period(kind, "Q1 2026", "formats: [QQQ yyyy], calendar: fiscal") == "2025-04"
    assert period(kind, "FY26-P12", "formats: [\"'FY'FF-'P'PP\"], calendar: fiscal") == "2026-03"
    assert period(kind, "Q1 2026", "formats: [QQQ yyyy]") == "2026-01"


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_of_a_sheet_that_is_a_date_is_read_whatever_the_formats(kind: str):
    assert period(kind, "2026-03-31", "formats: [dd.MM.yyyy]", sheet="S") == "2026-03"
    assert period(kind, "2026-03-31T23:59:59", "formats: [dd.MM.yyyy]", sheet="S") == "2026-03"
    assert period(kind, "2026-03-31T23:59:59.914000", "formats: [dd.MM.yyyy]", sheet="S") == "2026-03"


@pytest.mark.parametrize("kind", KINDS)
def test_a_serial_number_counts_from_the_day_of_its_workbook(kind: str):
    # 46112 is 2026-03-31 counted from 1899-12-30, and 44650 is the same day counted from 1904-01-01.
    assert period(kind, "46112", "formats: [excel_serial]", sheet="S") == "2026-03"
    assert period(kind, "44650", "formats: [excel_serial]", sheet="S", is_1904=True) == "2026-03"


def _ledger_of(folder: Path, content: str | bytes, name: str, of_date: dict[str, Any]) -> FileCheck:
    if any("F" in one for one in of_date["formats"]):
        of_date = {**of_date, "calendar": "fiscal"}
    columns = {"date": {"from": "D", **of_date}, "department": "U", "account": "A", "amount": {"from": "N"}}
    descriptor = {"feed": "x", "kind": "ledger", "path": name, "columns": columns}
    return check_text(folder, content, {**descriptor, "constants": {"scenario": "Actual"}}, name)


def _reason(check: FileCheck) -> str:
    (rejected,) = check.refused_rows
    return rejected.reasons


@pytest.mark.parametrize(
    ("formats", "text", "twelfth"),
    [
        ("'FY'FF-'P'PP", "FY26-P13", "FY26-P12"),
        ("PPP/FFFF", "016/2026", "012/2026"),
        ("yyyyMM", "201313", "201312"),
    ],
)
def test_a_period_of_the_year_end_names_the_map_that_reads_it(tmp_path: Path, formats: str, text: str, twelfth: str):
    rows = f"D,U,A,N\n{twelfth},D1,4000,1.00\n{text},D1,4000,2.00\n"
    reason = _reason(_ledger_of(tmp_path, rows, "x.csv", {"formats": [formats]}))
    typed = re.search(r"columns.date.map: (\{.*\}) reads it as the twelfth", reason)
    assert typed
    assert yaml.safe_load(typed[1]) == {text: twelfth}
    assert net(_ledger_of(tmp_path, rows, "x.csv", {"formats": [formats], "map": yaml.safe_load(typed[1])})) == 3


@pytest.mark.parametrize("text", ["2025-13-01", "FY26-P17", "FY26-P13x"])
def test_a_day_that_is_not_valid_is_no_period_of_the_year_end(tmp_path: Path, text: str):
    rows = f"D,U,A,N\n2025-12-01,D1,4000,1.00\n{text},D1,4000,2.00\n"
    assert "year-end" not in _reason(_ledger_of(tmp_path, rows, "x.csv", {"formats": ["yyyy-MM-dd", "'FY'FF-'P'PP"]}))


def test_a_number_among_dates_of_a_sheet_names_the_format_that_reads_it(tmp_path: Path):
    day = date(2025, 1, 30)
    book = xlsx({"S": [["D", "U", "A", "N"], [day, "D1", "4000", 1.5], [45688, "D1", "4000", 2.5]]})
    reason = _reason(_ledger_of(tmp_path, book, "x.xlsx", {"formats": ["dd/MM/yyyy"]}))
    assert reason.endswith(
        "is not a valid date of the form dd/MM/yyyy; "
        'columns.date.formats: ["dd/MM/yyyy", excel_serial] reads it as 2025-01-31, as a spreadsheet counts days'
    )
    typed = re.search(r"formats: (\[.*\]) reads", reason)
    assert typed
    assert net(_ledger_of(tmp_path, book, "x.xlsx", {"formats": yaml.safe_load(typed[1])})) == 4
    old = xlsx({"S": [["D", "U", "A", "N"], [day, "D1", "4000", 1.5], [44226, "D1", "4000", 2.5]]}, is_1904=True)
    assert "reads it as 2025-01-31" in _reason(_ledger_of(tmp_path, old, "x.xlsx", {"formats": ["dd/MM/yyyy"]}))
