"""The command `query`: its formats, its limits and its exit codes.

Belongs here: the command on a loaded warehouse. Does not belong here: which SQL is allowed (see `test_dialect`), how a
text is printed (see `test_console`).
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import date
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from finance_platform.cli.query import MAX_SCRIPT_BYTES
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


@pytest.mark.parametrize("limit", ["LIMIT 4", "FETCH FIRST 4 ROWS ONLY", "LIMIT 4 OFFSET 1"])
def test_a_limit_counts_although_the_right_side_of_a_join_is_empty(home: Home, limit: str):
    commented = "SELECT Period FROM Commentary WHERE Period = '2025-01'"
    assert home.warehouse.query(commented).rows == []
    days = f"SELECT DateKey, Period FROM DimDate LEFT JOIN ({commented}) AS Commented ON Period = YearMonth {limit}"
    for sql in (days, f"SELECT DateKey FROM DimDate WHERE DateKey IN (SELECT DateKey FROM ({days}) AS Some)"):
        assert len(run(home, sql, "--format", "csv").stdout.splitlines()) == 4 + 1, sql


@pytest.mark.parametrize("arguments", [(), ("--format", "json"), ("--format", "csv")])
def test_a_sum_over_what_has_to_be_kept_apart_gets_a_note_beside_its_result(
    home: Home, tmp_path: Path, arguments: tuple[str, ...]
):
    total = "SELECT SUM(Amount) AS Total FROM PeriodAmount WHERE AccountType = 'Expense'"
    result = run(home, total, *arguments)
    assert result.returncode == 0
    assert result.stderr == (
        "note: the sum adds up every ScenarioName of PeriodAmount; name a value of each in WHERE, "
        f"or group by it, see `finance-platform tables --home {home.path} PeriodAmount`\n"
    )
    actual = run(home, f"{total} AND ScenarioName = 'Actual'", *arguments)
    assert (actual.returncode, actual.stderr, "Total" in result.stdout) == (0, "", True)
    (tmp_path / "two.sql").write_text(f"SELECT 1 AS One;\n{total};", encoding="utf-8")
    script = run(home, "--file", str(tmp_path / "two.sql"), *arguments)
    assert script.stderr.startswith("note: the sum in line 2 adds up every ScenarioName of PeriodAmount")


def test_amounts_by_an_attribute_that_no_member_had_otherwise_get_no_note(home: Home):
    """`end_to_end/test_effective_dates` has the note."""
    by_type = (
        "SELECT ScenarioKey, AccountType, SUM(Amount) AS Total FROM FactFinancials JOIN DimAccount USING (AccountKey)"
    )
    result = run(home, f"{by_type} GROUP BY ScenarioKey, AccountType", "--format", "json")
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)


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


THREE = """-- How many
-- days?
SELECT COUNT(*) AS days FROM DimDate WHERE Year < 0;

SELECT 1 AS a, '=1' AS b;
SELECT 2 AS c
"""


def test_a_file_of_queries_prints_each_result_below_its_heading(home: Home, tmp_path: Path):
    file = tmp_path / "three.sql"
    file.write_text(THREE, encoding="utf-8")
    results = [run(home, "--file", str(file), "--format", name).stdout for name in ("table", "csv", "json")]
    words = [line.split() for line in results[0].splitlines()]
    second, third = "SELECT 1 AS a, '=1' AS b", "SELECT 2 AS c"
    assert words == [
        *(["How", "many", "days?"], ["days"], ["0"], []),
        *(second.split(), ["a", "b"], ["1", "=1"], []),
        *(third.split(), ["c"], ["2"]),
    ]
    assert list(csv.reader(io.StringIO(results[1]))) == [
        *(["How many days?"], ["days"], ["0"], []),
        *([second], ["a", "b"], ["1", "=1"], []),
        *([third], ["c"], ["2"]),
    ]
    assert json.loads(results[2]) == [
        {"heading": "How many days?", "line": 3, "rows": [{"days": 0}]},
        {"heading": second, "line": 5, "rows": [{"a": 1, "b": "=1"}]},
        {"heading": third, "line": 6, "rows": [{"c": 2}]},
    ]
    assert "'=1" in run(home, "-f", str(file), "--spreadsheet").stdout


def test_a_workbook_has_a_sheet_per_result_with_numbers_as_numbers_and_no_formula(home: Home, tmp_path: Path):
    file, book = tmp_path / "three.sql", tmp_path / "three.xlsx"
    file.write_text(
        "-- Days: how many?\nSELECT CAST(-1.50 AS DECIMAL(18, 2)) AS money, 2025 AS n, '=1+1' AS \"=t\", "
        "DATE '2025-01-31' AS d;\n-- Days: how many?\nSELECT CAST('12345678901234567.89' AS DECIMAL(38, 2)) AS big;\n"
    )
    result = run(home, "-f", str(file), "--format", "xlsx", "--output", str(book))
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr.splitlines() == [
        f"2 rows: {book}",
        "1 number has more than 15 digits and is a text in the workbook",
    ]
    sheets = CalamineWorkbook.from_path(book)
    assert sheets.sheet_names == ["Days how many", "Days how many 2", "Notes"]
    assert [sheets.get_sheet_by_name(name).to_python() for name in sheets.sheet_names[:2]] == [
        [["money", "n", "=t", "d"], [-1.5, 2025, "=1+1", date.fromisoformat("2025-01-31")]],
        [["big"], ["12345678901234567.89"]],
    ]
    with zipfile.ZipFile(book) as archive:
        assert all(b"<f>" not in archive.read(name) for name in archive.namelist())
    refused = run(home, DAYS, "--format", "xlsx")
    assert (refused.returncode, "add --output FILE.xlsx" in refused.stderr) == (2, True)


def test_a_query_that_fails_leaves_the_file_of_its_output_as_it_was(home: Home, tmp_path: Path):
    file = tmp_path / "days.csv"
    assert run(home, DAYS, "--format", "csv", "--output", str(file)).returncode == 0
    before = file.read_text()
    assert len(before.splitlines()) == day_count(home) + 1
    assert run(home, "SELECT Nothing FROM DimDate", "--format", "csv", "--output", str(file)).returncode == 2
    assert (file.read_text(), list(tmp_path.glob(".days*"))) == (before, [])


def test_a_file_with_one_query_prints_what_the_query_as_an_argument_prints(home: Home, tmp_path: Path):
    file = tmp_path / "one.sql"
    file.write_bytes(f"-- Days\r\n{DAYS};\r\n".encode("utf-16"))
    for name in ("table", "csv", "json"):
        assert run(home, "-f", str(file), "--format", name) == run(home, DAYS, "--format", name)


def test_the_limits_of_a_query_are_those_of_each_query_of_a_file(home: Home, tmp_path: Path):
    file = tmp_path / "limits.sql"
    file.write_text(f"{DAYS};\nSELECT 1 AS one;\n\n  {DAYS};\nSELECT PG_SLEEP(60)", encoding="utf-8")
    result = run(home, "-f", str(file))
    assert (result.returncode, result.stdout) == (2, "")
    assert f"{file}: 'PG_SLEEP(60)', line 5, column 8: a query reads the warehouse's tables" in result.stderr
    file.write_text(file.read_text(encoding="utf-8").replace("SELECT PG_SLEEP(60)", ""), encoding="utf-8")
    result = run(home, "-f", str(file), "--limit", "2")
    assert result.stderr.count("more rows are hidden") == 2
    slow = "SELECT COUNT(*) FROM DimDate AS a, DimDate AS b, DimDate AS c, DimDate AS d"
    file.write_text(f"SELECT 1;\n{slow}", encoding="utf-8")
    result = run(home, "-f", str(file), FINANCE_PLATFORM_QUERY_TIMEOUT_SECONDS="1")
    assert result.returncode == 2
    assert result.stderr.startswith(f"The query took too long: {file}, line 2, column 1: it was stopped after 1 s")


def test_standard_input_is_read_where_a_dash_stands_for_the_query(home: Home):
    for arguments in (("-",), ("-f", "-")):
        result = home.command("query", *arguments, standard_input="\ufeffSELECT 1 AS one;")
        assert (result.returncode, result.stdout.split()) == (0, ["one", "1"])
    result = home.command("query", "-", standard_input="\n SELECT Yeer FROM DimDate")
    assert (result.returncode, result.stdout) == (2, "")
    assert "standard input, line 2, column 9: " in result.stderr


def test_a_file_that_cannot_be_read_is_wrong_use_with_the_reason(home: Home, tmp_path: Path):
    latin, large = tmp_path / "latin.sql", tmp_path / "large.sql"
    latin.write_bytes("SELECT 1;\nSELECT 'ä'".encode("latin-1"))
    large.write_bytes(b" " * (MAX_SCRIPT_BYTES + 1))
    for arguments, found in (
        (("-f", str(tmp_path / "none.sql")), "none.sql cannot be read: No such file or directory"),
        (("-f", str(tmp_path)), "cannot be read: Is a directory"),
        (("-f", str(latin)), "latin.sql, line 2: the byte 0xe4 is not valid UTF-8"),
        (("-f", str(large)), "large.sql is larger than 1 MiB"),
        ((), "give either a query or --file FILE"),
        (("SELECT 1", "-f", str(latin)), "give either a query or --file FILE"),
    ):
        result = run(home, *arguments)
        assert (result.returncode, result.stdout) == (2, "")
        assert found in result.stderr
