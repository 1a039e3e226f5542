"""The command `query`: its formats, its limits and its exit codes.

Belongs here: the command on a loaded warehouse. Does not belong here: which SQL is allowed (see `test_dialect`), how a
text is printed (see `test_console`).
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform_tests.end_to_end.home import CommandResult, Home

DAYS = "SELECT DateKey FROM DimDate ORDER BY DateKey"


@pytest.fixture
def home(loaded: DuckDBWarehouse, path: Path) -> Home:
    """A home whose warehouse has whole years of days."""
    assert loaded.query("SELECT COUNT(*) FROM DimDate").rows[0][0] > 100
    return Home(path.parent)


def day_count(home: Home) -> int:
    return int(home.warehouse.query("SELECT COUNT(*) FROM DimDate").rows[0][0])


def run(home: Home, *arguments: str, **environment: str) -> CommandResult:
    result = home.command("query", *arguments, **environment)
    assert "Traceback" not in result.stderr
    return result


def test_a_table_says_how_many_rows_it_hides_and_how_to_show_all(home: Home):
    days = day_count(home)
    for limit, shown in (((), 100), (("--limit", "3"), 3), (("--limit", str(days - 1)), days - 1)):
        result = run(home, DAYS, *limit)
        assert result.returncode == 0
        assert len(result.stdout.splitlines()) == shown + 1
        verb = "row is" if days - shown == 1 else "rows are"
        assert result.stderr == (
            f"… {days - shown:,} more {verb} hidden; --limit 0, --format csv or --format json shows all\n"
        )


@pytest.mark.parametrize("arguments", [("--limit", "0"), ("--limit", "100000")])
def test_a_table_with_all_rows_hides_none(home: Home, arguments: tuple[str, ...]):
    result = run(home, DAYS, *arguments)
    assert (len(result.stdout.splitlines()), result.stderr) == (day_count(home) + 1, "")


@pytest.mark.parametrize("arguments", [(), ("--limit", "1")])
def test_csv_and_json_always_have_all_rows(home: Home, arguments: tuple[str, ...]):
    days = day_count(home)
    for result in (run(home, DAYS, "--format", "csv", *arguments), run(home, DAYS, "--spreadsheet", *arguments)):
        assert (len(result.stdout.splitlines()), result.stderr) == (days + 1, "")
    result = run(home, DAYS, "--format", "json", *arguments)
    assert (len(json.loads(result.stdout)), result.stderr) == (days, "")


def test_only_a_spreadsheet_gets_an_apostrophe_and_only_on_texts(home: Home):
    sql = "SELECT '=1+1' AS \"=a\", -1 AS b, CAST(-1.50 AS DECIMAL(18, 2)) AS c, '-1' AS d, DATE '2025-01-01' AS e"
    spreadsheet = list(csv.reader(io.StringIO(run(home, sql, "--spreadsheet").stdout)))
    assert spreadsheet == [["'=a", "b", "c", "d", "e"], ["'=1+1", "-1", "-1.50", "-1", "2025-01-01"]]
    raw = list(csv.reader(io.StringIO(run(home, sql, "--format", "csv").stdout)))
    assert raw == [["=a", "b", "c", "d", "e"], ["=1+1", "-1", "-1.50", "-1", "2025-01-01"]]


def test_a_spreadsheet_is_no_json(home: Home):
    result = run(home, DAYS, "--spreadsheet", "--format", "json")
    assert (result.returncode, result.stdout) == (2, "")
    assert "--spreadsheet prints CSV" in result.stderr


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT COLUMNS('.*') FROM DimDate LIMIT 1", "line 1, column 8: Redshift has no COLUMNS"),
        ("SELECT PG_SLEEP(60)", "neither waits nor reads files"),
        ("SELECT Yeer FROM DimDate", ", at 'Yeer'"),
        (f"SELECT {'(' * 2000}1{')' * 2000}", "nested too deeply"),
    ],
)
def test_what_cannot_be_run_is_wrong_use_in_one_sentence_with_the_fix(home: Home, sql: str, message: str):
    for output_format in ("table", "csv", "json"):
        result = run(home, sql, "--format", output_format)
        assert (result.returncode, result.stdout) == (2, "")
        sentence, fix = result.stderr.splitlines()
        assert message in sentence
        assert fix.startswith("  Fix: ")


def test_a_query_that_takes_too_long_is_wrong_use_with_the_setting_to_change(home: Home):
    sql = "SELECT COUNT(*) FROM DimDate AS a, DimDate AS b, DimDate AS c, DimDate AS d"
    result = run(home, sql, FINANCE_PLATFORM_QUERY_TIMEOUT_SECONDS="1")
    assert result.returncode == 2
    assert result.stderr == (
        "The query took too long: it was stopped after 1 s\n"
        "  Fix: select less, or increase FINANCE_PLATFORM_QUERY_TIMEOUT_SECONDS (0: no limit)\n"
    )
