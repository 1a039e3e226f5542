"""Reversals that name their line, from the file to `status` and `trace`, beside files of an earlier release.

Does not belong here: the rules (see `unit/deliveries/test_reversals`), lines that wait together (see
`unit/deliveries/test_late_lines`).
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from python_calamine import CalamineWorkbook

from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher

pytestmark = pytest.mark.end_to_end

COLUMN = "reverses_transaction_id"
OLD = """\
feed: old
kind: ledger
path: old/*.csv
columns: {transaction_id: No, date: Date, department: Dept, account: Account, amount: Amount}
constants: {scenario: Actual}
load: {mode: upsert, key: [transaction_id]}
"""
LEDGER = (
    OLD.replace("feed: old", "feed: ledger").replace("old/", "gl/").replace("date:", "reverses: Reversal of, date:")
)
OLD_LINES = "No,Date,Dept,Account,Amount\nA1,2025-01-05,D1,6500,5.00\nA2,2025-02-05,D1,6500,6.00\n"
HEADER = "No,Date,Dept,Account,Amount,Reversal of\n"
AMOUNTS = "SELECT YearMonth, SUM(Amount) FROM FactFinancials JOIN DimDate USING (DateKey) GROUP BY 1 ORDER BY 1"
LINK = {
    "file": "gl/2.csv",
    "sheet": None,
    "row": 2,
    "column": None,
    "transaction_id": "M2",
    "period": "2025-02",
    "document_date": "2025-02-01",
    "amount": "-400.00",
}


@pytest.fixture(scope="module")
def home(refresh: Refresher, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with a file that an earlier release has read, and one whose lines are reversed by another file."""
    home = Home(tmp_path_factory.mktemp("reversals"))
    home.write("feeds/old.yaml", OLD)
    home.write("raw/accounts.csv", "account_number,account_name,account_type,category\n6500,Energy,Expense,\n")
    home.write("raw/old/a.csv", OLD_LINES)
    refresh(home)
    _take_column_out(home.path / "processed")
    home.write("feeds/ledger.yaml", LEDGER)
    home.write("raw/gl/1.csv", f"{HEADER}M1,2025-01-31,D1,6500,400.00,\n")
    home.write("raw/gl/2.csv", f"{HEADER}M2,2025-02-01,D1,6500,-400.00,M1\nM3,2025-02-02,D1,6500,7.00,\n")
    refreshed = refresh(home)
    assert sorted(refreshed.read) == ["gl/1.csv", "gl/2.csv"]  # and not the other file again
    assert not [one for one in refreshed.status.warnings if one["kind"] == "reversal"]
    return home


def _take_column_out(processed: Path) -> None:
    """Leave the Parquet files of lines as a release without the column wrote them."""
    (commit,) = [path for path in (processed / "deliveries").glob("*.json") if "old/a.csv" in path.read_text()]
    document = json.loads(commit.read_text())
    for file in document["files"]["transactions"]:
        path = processed / file["key"]
        lines = pq.ParquetFile(path).read()
        assert lines.column_names[-1] == COLUMN
        pq.write_table(lines.drop_columns([COLUMN]), path)
        file |= {"size": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    commit.write_text(json.dumps(document))


def trace(home: Home, *arguments: str) -> dict[str, Any]:
    result = home.command("trace", *arguments, "--format", "json")
    assert result.returncode == 0, result.stderr
    return dict(json.loads(result.stdout))


def cell(period: str) -> tuple[str, ...]:
    return "--period", period, "--department", "D1", "--account", "6500"


def test_files_with_and_without_the_column_are_built_into_one_period(home: Home):
    sums = home.select(AMOUNTS)
    assert [(period, str(amount)) for period, amount in sums] == [("2025-01", "405.00"), ("2025-02", "-387.00")]


def test_a_trace_shows_both_sides_of_a_reversal(home: Home, tmp_path: Path):
    lines = {line["transaction_id"]: line for line in trace(home, *cell("2025-01"))["lines"]}
    assert (lines["M1"]["reverses"], lines["M1"]["reversed_lines"]) == (None, [])
    assert lines["M1"]["reversed_by"] == [LINK]
    assert (lines["A1"]["reverses"], lines["A1"]["reversed_by"]) == (None, [])
    reversal = trace(home, *cell("2025-02"))["lines"][0]
    assert (reversal["reverses"], [line["transaction_id"] for line in reversal["reversed_lines"]]) == ("M1", ["M1"])
    table = home.command("trace", *cell("2025-02")).stdout
    assert "[reverses gl/1.csv line 2, 2025-01-31, 400.00] M2,2025-02-01" in table
    rows = list(csv.DictReader(io.StringIO(home.command("trace", *cell("2025-01"), "--format", "csv").stdout)))
    assert rows[0]["reversed_by"] == "gl/2.csv line 2, 2025-02-01, -400.00"
    book = tmp_path / "trace.xlsx"
    assert home.command("trace", *cell("2025-01"), "--format", "xlsx", "--output", str(book)).returncode == 0
    header, line, *_ = CalamineWorkbook.from_path(book).get_sheet_by_name("Lines").to_python()
    assert dict(zip(header, line, strict=True))["reversed_by"] == rows[0]["reversed_by"]


def test_the_trace_of_a_line_of_a_file_and_of_a_total_show_its_reversal(home: Home):
    assert trace(home, "--file", "gl/1.csv", "--line", "2")["reversed_by"] == [LINK]
    shown = home.command("trace", "--file", "gl/2.csv", "--line", "2").stdout
    assert "It reverses gl/1.csv line 2, 2025-01-31, 400.00." in shown
    total = trace(home, "--period", "2025-02", "--account", "6500", "--horizon", "month")
    assert [len(line["reversed_lines"]) for line in total["lines"]] == [1, 0, 0]


def test_a_sample_for_an_audit_has_the_number_of_the_reversed_line(home: Home):
    drawn = home.command("audit-sample", "2025-02", "--method", "random", "--seed", "1", "--format", "csv").stdout
    numbers = {row["transaction_id"]: row[COLUMN] for row in csv.DictReader(io.StringIO(drawn))}
    assert (numbers["M2"], numbers["A2"]) == ("M1", "")


def test_a_second_reversal_is_a_warning_until_it_is_withdrawn(home: Home, refresh: Refresher):
    home.write("raw/gl/3.csv", f"{HEADER}M4,2025-02-09,D1,6500,-400.00,M1\n")
    refreshed = refresh(home)
    assert (refreshed.failed_checks, refreshed.held()) == ([], {})
    (warning,) = [one for one in refreshed.status.warnings if one["kind"] == "reversal"]
    assert warning["warning"] == (
        "gl/2.csv line 2, gl/3.csv line 2, together -800.00: reverse 'M1', 400.00 in gl/1.csv line 2; 400.00 too much"
    )
    assert "of two files with the same reversal, withdraw one" in warning["fix"]
    assert home.command("withdraw", "gl/3.csv", "--why", "sent twice").returncode == 0
    assert not [one for one in refresh(home).status.warnings if one["kind"] == "reversal"]


def test_closed_periods_stay_when_a_descriptor_gets_the_column(home: Home, refresh: Refresher):
    assert home.command("close", "2025-02", "--why", "done").returncode == 0
    before = home.select(AMOUNTS)
    home.write("feeds/old.yaml", OLD.replace("date:", "reverses: {from: Reversal of, required: false}, date:"))
    refreshed = refresh(home)
    assert (refreshed.read, refreshed.held(), refreshed.alerts) == (["old/a.csv"], {}, [])
    assert home.select(AMOUNTS) == before
    assert home.select("SELECT COUNT(*) FROM Movements WHERE IsRestatement") == [(0,)]
