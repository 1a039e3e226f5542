"""Tracing through the command: from a cell to the text of files and back, after everything that happens to files."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from finance_platform_tests.end_to_end.small_home import TRANSACTIONS, Home, small_home

pytestmark = pytest.mark.end_to_end

# T2 is corrected; T3 moves from February to March; T6 is one record on three lines; T7's date is none.
CORRECTIONS = (
    "transaction_id,transaction_date,department_code,account_number,amount,description\n"
    "T2,2024-01-31,0450,6000,300.00,Salaries corrected\n"
    "T3,2024-03-02,D100,4000,1100.00,moved\n"
    'T6,2024-03-09,D100,4000,7.50,"three\nlines, ""quoted""\nMüller"\n'
    "T7,2024-02-30,D100,4000,9.99,no such day\n"
    "T8,2024-03-10,D100,4000,0.50,after\n"
)
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
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = small_home(tmp_path_factory.mktemp("corrected"))
    home.write("feeds/transactions.yaml", LENIENT)
    home.run()
    home.write("raw/transactions_corrections.csv", CORRECTIONS)
    home.run()
    return home


def trace(home: Home, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = home.command("trace", *arguments, "--format", "json")
    assert done.stdout, done.stderr
    return done.returncode, dict(json.loads(done.stdout))


def cell(period: str, department: str = "D100", account: str = "4000", *more: str) -> tuple[str, ...]:
    return "--period", period, "--department", department, "--account", account, *more


def test_a_corrected_line_is_traced_to_the_file_that_corrects_it(corrected: Home):
    code, found = trace(corrected, *cell("2024-01", "0450", "6000"))
    assert (code, found["ties"], found["published"], found["sum_of_lines"]) == (0, True, "300.00", "300.00")
    (line,) = found["lines"]
    assert (line["file"], line["row"], line["amount"]) == ("transactions_corrections.csv", 2, "300.00")
    assert (line["file_state"], line["text"]) == ("same", "T2,2024-01-31,0450,6000,300.00,Salaries corrected")
    assert found["replaced_lines"] == {"transactions_corrections.csv": 1}


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
    _, found = trace(corrected, *cell("2024-03"))
    texts = {line["row"]: line["text"] for line in found["lines"] if "corrections" in line["file"]}
    assert texts[4] == 'T6,2024-03-09,D100,4000,7.50,"three\nlines, ""quoted""\nMüller"'
    assert texts[8] == "T8,2024-03-10,D100,4000,0.50,after"


def test_a_budget_is_traced_to_the_plan(corrected: Home):
    code, found = trace(corrected, *cell("2024-02", "D100", "4000", "--measure", "budget"))
    assert (code, found["scenario"], found["published"]) == (0, "Actual", "900.00")
    assert [(line["file"], line["row"], line["text"]) for line in found["lines"]] == [
        ("budget.csv", 3, "2024-02,D100,4000,900.00")
    ]


def test_codes_match_in_any_case_and_spacing_and_zeros_stay(corrected: Home):
    code, found = trace(corrected, *cell("2024-01", " d100 ", "4000", "--scenario", "ACTUAL"))
    assert (code, found["department"], found["published"]) == (0, "D100", "1000.00")
    done = corrected.command("trace", *cell("2024-01", "450", "6000"))
    assert done.returncode == 2
    assert "did you mean '0450'?" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (cell("2031-01"), "2024-01 to 2024-03"),
        (cell("2024-13"), "YYYY-MM"),
        (cell("2024-01", "D100", "4001"), "did you mean '4000'?"),
        (cell("2024-01", "D100", "4000", "--scenario", "Budgett"), "did you mean 'Budget'?"),
        (("--period", "2024-01"), "--department"),
        ((*cell("2024-01"), "--line", "3"), "--file"),
        (("--file", "transaction.csv"), "did you mean 'transactions.csv'?"),
        (("--file", "transactions.csv", "--period", "2024-01"), "--line alone"),
        (("--file", "transactions.csv", "--line", "1"), "begins on line 1"),
        (("--file", "transactions.csv", "--line", "7"), "ends on line 6"),
    ],
)
def test_what_is_not_there_is_wrong_use_and_says_what_is(corrected: Home, arguments: tuple[str, ...], said: str):
    done = corrected.command("trace", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_table_ends_with_the_verdict_and_csv_keeps_it_apart(corrected: Home):
    table = corrected.command("trace", *cell("2024-03"))
    assert "4 lines come to 1,008.00, 1,008.00 is published: they tie." in table.stdout
    text = corrected.command("trace", *cell("2024-03"), "--format", "csv")
    assert len(list(csv.DictReader(io.StringIO(text.stdout)))) == 4
    assert "they tie" in text.stderr


def test_a_file_leads_to_its_cells_and_to_what_replaced_its_lines(corrected: Home):
    code, found = trace(corrected, "--file", "transactions.csv")
    assert code == 0
    assert [(c["period"], c["department"], c["account"], c["lines"], c["amount"]) for c in found["cells"]] == [
        ("2024-01", "D100", "4000", 1, "1000.00"),
        ("2024-02", "0450", "6000", 1, "1250.25"),
        ("2024-03", "D100", "4000", 1, "-100.00"),
    ]
    assert [(c["period"], c["account"], c["replaced_by"]) for c in found["replaced"]] == [
        ("2024-01", "6000", "transactions_corrections.csv"),
        ("2024-02", "4000", "transactions_corrections.csv"),
    ]
    assert (found["unpublished"], found["outcomes"]) == ([], {"accepted": 5})


def test_a_line_leads_to_its_cell_or_to_why_it_has_none(corrected: Home):
    file = ("--file", "transactions_corrections.csv", "--line")
    _, inside = trace(corrected, *file, "6")  # the last of the three lines of T6
    assert (inside["record"], inside["cells"][0]["amount"]) == (4, "7.50")
    _, rejected = trace(corrected, *file, "7")
    assert rejected["cells"] == []
    assert rejected["text"] == "T7,2024-02-30,D100,4000,9.99,no such day"
    (row,) = rejected["others"]
    assert (row["outcome"], row["rules"]) == ("rejected", "invalid_date")
    assert "rejected, 9.99: date: '2024-02-30' is no date" in corrected.command("trace", *file, "7").stdout


def test_a_path_will_do_for_a_key(corrected: Home):
    _, found = trace(corrected, "--file", str(corrected.path / "raw" / "budget.csv"), "--line", "3")
    assert [(c["scenario"], c["period"], c["amount"]) for c in found["cells"]] == [("Budget", "2024-02", "900.00")]


def test_a_raw_file_that_changed_or_went_since_says_so_and_the_cell_ties_all_the_same(run_home: Home):
    home = run_home
    home.write("raw/transactions.csv", TRANSACTIONS.replace("1000.00,January", "1000.01,January"))
    code, found = trace(home, *cell("2024-01"))
    assert (code, found["lines"][0]["file_state"], found["lines"][0]["text"]) == (0, "changed", None)
    assert "[the file has changed since]" in home.command("trace", *cell("2024-01")).stdout
    home.write("raw/transactions.csv", TRANSACTIONS)  # another time, the same bytes
    _, found = trace(home, *cell("2024-01"))
    assert found["lines"][0]["text"] == "T1,2024-01-05,D100,4000,1000.00,January"
    (home.path / "raw/transactions.csv").unlink()
    code, found = trace(home, *cell("2024-01"))
    assert (code, found["lines"][0]["file_state"], found["ties"]) == (0, "gone", True)


def test_held_and_withdrawn_files_say_so(run_home: Home):
    home = run_home
    home.write("raw/transactions_copy.csv", TRANSACTIONS)
    home.write("raw/transactions_bad.csv", "nothing of what is needed\n")
    home.run()
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
    home.run()
    _, withdrawn = trace(home, "--file", "transactions.csv")
    assert (withdrawn["versions"][0]["is_published"], withdrawn["cells"]) == (False, [])
    assert {left["why"] for left in withdrawn["unpublished"]} == {"this version of the file does not count"}


def test_an_amount_that_no_line_explains_is_said_loudly_and_fails(run_home: Home):
    import duckdb

    home = run_home
    with duckdb.connect(str(home.path / "warehouse.duckdb")) as connection:
        connection.execute("UPDATE finance.FactFinancials SET Amount = Amount + 0.01 WHERE Amount = 1000.00")
    done = home.command("trace", *cell("2024-01"))
    assert done.returncode == 1
    assert "DOES NOT TIE" in done.stdout
    assert "0.01 has no line" in done.stdout
