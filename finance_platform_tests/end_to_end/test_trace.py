"""The command `trace`: from a cell to the text of files and back, after every kind of event."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from python_calamine import CalamineWorkbook

from finance_platform.cli import main
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.end_to_end.small_home import TRANSACTIONS, create_small_home

pytestmark = pytest.mark.end_to_end

# T2 is corrected; T3 moves from February to March; T6 is one record on three lines; T7 has an invalid date.
CORRECTIONS = (
    "transaction_id,transaction_date,department_code,account_number,amount,description\n"
    "T2,2024-01-31,0450,6000,300.00,Salaries corrected\n"
    "T3,2024-03-02,D100,4000,1100.00,moved\n"
    'T6,2024-03-09,D100,4000,7.50,"three\nlines, ""quoted""\nMüller"\n'
    "T7,2024-02-30,D100,4000,9.99,no such day\n"
    "T8,2024-03-10,D100,4000,0.50,after\n"
)
PROMISED = "checked.json"
LENIENT = """\
feed: transactions
kind: ledger
path: transactions*.csv
columns:
  transaction_id: transaction_id
  date: {from: transaction_date, formats: [yyyy-MM-dd]}
  department: department_code
  account: account_number
  amount: {from: amount, thousands: ","}
  description: {from: description, required: false}
constants: {scenario: Actual}
load: {mode: upsert, key: [transaction_id]}
tolerance: {rejected_rows: 1}
hold_if_removes: never
"""


@pytest.fixture(scope="module")
def corrected(refresh: Refresher, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = create_small_home(tmp_path_factory.mktemp("corrected"))
    home.write("feeds/transactions.yaml", LENIENT)
    refresh(home)
    home.write("transactions_corrections.csv", CORRECTIONS)
    home.write(PROMISED, feed_check(home, "transactions_corrections.csv")[1])
    home.write("raw/transactions_corrections.csv", CORRECTIONS)
    refresh(home)
    return home


def feed_check(home: Home, name: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["feed", "check", "--home", str(home.path), str(home.path / name), "--json"])
    return result.exit_code, result.stdout


def trace(home: Home, *arguments: str) -> tuple[int, dict[str, Any]]:
    result = home.command("trace", *arguments, "--format", "json")
    assert result.stdout, result.stderr
    return result.returncode, dict(json.loads(result.stdout))


def cell(period: str, department: str = "D100", account: str = "4000", *more: str) -> tuple[str, ...]:
    return "--period", period, "--department", department, "--account", account, *more


def test_a_corrected_line_is_traced_to_the_file_that_corrects_it(corrected: Home):
    code, traced = trace(corrected, *cell("2024-01", "0450", "6000"))
    assert (code, traced["ties"], traced["published"], traced["sum_of_lines"]) == (0, True, "300.00", "300.00")
    (line,) = traced["lines"]
    assert (line["file"], line["row"], line["amount"]) == ("transactions_corrections.csv", 2, "300.00")
    assert (line["file_state"], line["text"]) == ("same", "T2,2024-01-31,0450,6000,300.00,Salaries corrected")
    assert traced["replaced_lines"] == {"transactions_corrections.csv": 1}


def test_a_check_of_the_file_says_before_the_run_what_is_published_after_it(corrected: Home):
    live = json.loads((corrected.path / PROMISED).read_text())["live"]
    assert (live["replaces"], live["is_live"], live["equal"]) == (False, False, 0)
    assert [(one["period"], one["difference"]) for one in live["changed"]] == [
        ("2024-01", "49.90"),
        ("2024-02", "-1100.00"),
        ("2024-03", "1108.00"),
    ]
    published = corrected.select(
        "SELECT YearMonth, CAST(SUM(TransactionCount) AS BIGINT), SUM(Amount) FROM FactFinancials JOIN DimDate "
        "USING (DateKey) JOIN DimScenario USING (ScenarioKey) WHERE ScenarioName = 'Actual' GROUP BY 1 ORDER BY 1"
    )
    promised = [(one["period"], one["rows_after"], Decimal(one["amount_after"])) for one in live["changed"]]
    assert promised == published


def test_a_check_of_a_file_that_counts_knows_it_and_of_another_version_shows_what_that_changes(corrected: Home):
    assert json.loads(feed_check(corrected, "raw/transactions_corrections.csv")[1])["live"]["is_live"]
    # It comes after the corrections, so T2 and T3 count as it has them again; without T5, March loses a line more.
    corrected.write("other/transactions.csv", TRANSACTIONS.replace("1000.00", "1000.50").rpartition("T5")[0])
    code, printed = feed_check(corrected, "other/transactions.csv")
    live = json.loads(printed)["live"]
    assert (code, live["replaces"], live["equal"]) == (0, True, 0)
    assert [(one["period"], one["rows_before"], one["rows_after"], one["difference"]) for one in live["changed"]] == [
        ("2024-01", 2, 2, "-49.40"),
        ("2024-02", 1, 2, "1100.00"),
        ("2024-03", 4, 2, "-1000.00"),
    ]


def test_a_moved_line_is_in_its_new_period_and_no_longer_in_the_old_one(corrected: Home):
    _, before = trace(corrected, *cell("2024-02"))
    assert (before["lines"], before["published"], before["ties"]) == ([], "0.00", True)
    assert before["replaced_lines"] == {"transactions_corrections.csv": 1}
    _, after = trace(corrected, *cell("2024-03"))
    assert [(line["file"], line["row"], line["amount"]) for line in after["lines"]] == [
        ("transactions.csv", 6, "-100.00"),
        ("transactions_corrections.csv", 3, "1100.00"),
        ("transactions_corrections.csv", 4, "7.50"),
        ("transactions_corrections.csv", 8, "0.50"),
    ]
    assert after["ties"]


def test_a_quoted_record_shows_all_of_its_lines(corrected: Home):
    _, traced = trace(corrected, *cell("2024-03"))
    texts = {line["row"]: line["text"] for line in traced["lines"] if "corrections" in line["file"]}
    assert texts[4] == 'T6,2024-03-09,D100,4000,7.50,"three\nlines, ""quoted""\nMüller"'
    assert texts[8] == "T8,2024-03-10,D100,4000,0.50,after"


def test_a_budget_is_traced_to_the_plan(corrected: Home):
    code, traced = trace(corrected, *cell("2024-02", "D100", "4000", "--measure", "budget"))
    assert (code, traced["scenario"], traced["published"]) == (0, "Actual", "900.00")
    assert [(line["file"], line["row"], line["text"]) for line in traced["lines"]] == [
        ("budget.csv", 3, "2024-02,D100,4000,900.00")
    ]


def test_codes_match_in_any_case_and_spacing_but_not_without_zeros(corrected: Home):
    code, traced = trace(corrected, *cell("2024-01", " d100 ", "4000", "--scenario", "ACTUAL"))
    assert (code, traced["department"], traced["published"]) == (0, "D100", "1000.00")
    result = corrected.command("trace", *cell("2024-01", "450", "6000"))
    assert result.returncode == 2
    assert "did you mean '0450'?" in result.stderr


def test_a_trace_is_a_workbook_with_the_lines_and_what_they_add_up_to(corrected: Home, tmp_path: Path):
    book = tmp_path / "trace.xlsx"
    exported = ("--format", "xlsx", "--output", str(book))
    assert corrected.command("trace", *cell("2024-01", "0450", "6000"), *exported).returncode == 0
    sheets = CalamineWorkbook.from_path(book)
    header, line = sheets.get_sheet_by_name("Lines").to_python()
    row = dict(zip(header, line, strict=True))
    assert (row["file"], row["row"], row["amount"]) == ("transactions_corrections.csv", 2, 300)
    ((note,),) = sheets.get_sheet_by_name("Notes").to_python()
    assert "1 line totals 300.00, 300.00 is published: reconciled." in str(note)
    assert corrected.command("trace", "--file", "transactions_corrections.csv", *exported).returncode == 0
    cells = CalamineWorkbook.from_path(book).get_sheet_by_name("Cells").to_python()
    assert ["2024-01", "Actual", "0450", "6000", 1, 300] in [row[:6] for row in cells]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (cell("2031-01"), "2024-01 to 2024-03"),
        (cell("2024-13"), "YYYY-MM"),
        (cell("2024-01", "D100", "4001"), "did you mean '4000'?"),
        (cell("2024-01", "D100", "4000", "--scenario", "Budgett"), "did you mean 'Budget'?"),
        (("--period", "2024-01"), "--department"),
        ((*cell("2024-01"), "--line", "3"), "--file"),
        (("--file", "transaction.csv"), "did you mean 'transactions.csv'?"),
        (("--file", "transactions.csv", "--period", "2024-01"), "only --line and --sheet are allowed"),
        (("--file", "transactions.csv", "--line", "1"), "begins on line 1"),
        (("--file", "transactions.csv", "--line", "7"), "ends on line 6"),
    ],
)
def test_an_unknown_name_is_wrong_use_and_the_error_names_a_known_one(
    corrected: Home, arguments: tuple[str, ...], message: str
):
    result = corrected.command("trace", *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_table_ends_with_the_result_and_csv_prints_it_to_stderr(corrected: Home):
    table = corrected.command("trace", *cell("2024-03"))
    assert "4 lines total 1,008.00, 1,008.00 is published: reconciled." in table.stdout
    text = corrected.command("trace", *cell("2024-03"), "--format", "csv")
    assert len(list(csv.DictReader(io.StringIO(text.stdout)))) == 4
    assert "reconciled" in text.stderr


def test_a_file_is_traced_to_its_cells_and_to_the_files_that_replaced_its_lines(corrected: Home):
    code, traced = trace(corrected, "--file", "transactions.csv")
    assert code == 0
    assert [(c["period"], c["department"], c["account"], c["lines"], c["amount"]) for c in traced["cells"]] == [
        ("2024-01", "D100", "4000", 1, "1000.00"),
        ("2024-02", "0450", "6000", 1, "1250.25"),
        ("2024-03", "D100", "4000", 1, "-100.00"),
    ]
    assert [(c["period"], c["account"], c["replaced_by"]) for c in traced["replaced"]] == [
        ("2024-01", "6000", "transactions_corrections.csv"),
        ("2024-02", "4000", "transactions_corrections.csv"),
    ]
    assert (traced["unpublished"], traced["outcomes"]) == ([], {"accepted": 5})


def test_a_line_is_traced_to_its_cell_or_to_the_reason_without_one(corrected: Home):
    file = ("--file", "transactions_corrections.csv", "--line")
    _, inside = trace(corrected, *file, "6")  # the last of the three lines of T6
    assert (inside["row"], inside["cells"][0]["amount"]) == (4, "7.50")
    _, rejected = trace(corrected, *file, "7")
    assert rejected["cells"] == []
    assert rejected["text"] == "T7,2024-02-30,D100,4000,9.99,no such day"
    (row,) = rejected["others"]
    assert (row["outcome"], row["rules"]) == ("rejected", "invalid_date")
    assert "rejected, 9.99: date: '2024-02-30' is not a valid date" in corrected.command("trace", *file, "7").stdout


def test_a_path_is_accepted_for_a_key(corrected: Home):
    _, traced = trace(corrected, "--file", str(corrected.path / "raw" / "budget.csv"), "--line", "3")
    assert [(c["scenario"], c["period"], c["amount"]) for c in traced["cells"]] == [("Budget", "2024-02", "900.00")]


def test_a_changed_or_deleted_raw_file_is_reported_and_the_cell_still_reconciles(run_home: Home):
    home = run_home
    home.write("raw/transactions.csv", TRANSACTIONS.replace("1000.00,January", "1000.01,January"))
    code, traced = trace(home, *cell("2024-01"))
    assert (code, traced["lines"][0]["file_state"], traced["lines"][0]["text"]) == (0, "changed", None)
    assert "[the file has changed since]" in home.command("trace", *cell("2024-01")).stdout
    home.write("raw/transactions.csv", TRANSACTIONS)  # another time, the same bytes
    _, traced = trace(home, *cell("2024-01"))
    assert traced["lines"][0]["text"] == "T1,2024-01-05,D100,4000,1000.00,January"
    (home.path / "raw/transactions.csv").unlink()
    code, traced = trace(home, *cell("2024-01"))
    assert (code, traced["lines"][0]["file_state"], traced["ties"]) == (0, "gone", True)


def test_held_refused_and_withdrawn_files_are_reported_as_such(run_home: Home, refresh: Refresher):
    home = run_home
    home.write("raw/transactions_copy.csv", TRANSACTIONS)
    home.write("raw/transactions_bad.csv", "nothing of what is needed\n")
    refresh(home)
    _, held = trace(home, "--file", "transactions_copy.csv")
    (version,) = held["versions"]
    assert (version["state"], version["is_published"], held["cells"]) == ("held", False, [])
    assert "same content" in version["reason"]
    assert version["fix"]
    _, refused = trace(home, "--file", "transactions_bad.csv")
    assert refused["versions"][0]["state"] == "refused"
    home.command("withdraw", "transactions.csv", "--why", "wrong month")
    _, withdrawn = trace(home, "--file", "transactions.csv")
    assert (withdrawn["versions"][0]["state"], withdrawn["versions"][0]["is_published"]) == ("withdrawn", True)
    assert "wrong month" in withdrawn["versions"][0]["reason"]
    refresh(home)
    _, withdrawn = trace(home, "--file", "transactions.csv")
    assert (withdrawn["versions"][0]["is_published"], withdrawn["cells"]) == (False, [])
    assert {lines["why"] for lines in withdrawn["unpublished"]} == {"this version of the file does not count"}


def test_an_amount_without_a_line_fails_the_trace(run_home: Home):
    import duckdb

    home = run_home
    with duckdb.connect(str(home.path / "warehouse.duckdb")) as connection:
        connection.execute("UPDATE finance.FactFinancials SET Amount = Amount + 0.01 WHERE Amount = 1000.00")
    result = home.command("trace", *cell("2024-01"))
    assert result.returncode == 1
    assert "DOES NOT RECONCILE" in result.stdout
    assert "0.01 has no line" in result.stdout
