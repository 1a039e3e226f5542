"""The command line on a small home: what is printed, how it exits, what a second run does."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import socket
from pathlib import Path

import pytest
from dagster import DagsterInstance

from finance_platform_tests.end_to_end.small_home import BUDGET, TRANSACTIONS, Home, small_home

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, str, int]:
    home = small_home(tmp_path_factory.mktemp("loaded"))
    done = home.process("run")
    return home, done.stdout, done.returncode


def test_the_first_run_ends_fine_and_accounts_for_every_cent(loaded: tuple[Home, str, int]):
    _, output, code = loaded
    assert code == 0
    money = next(line for line in output.splitlines() if line.startswith("Money:"))
    rows = next(line for line in output.splitlines() if line.startswith("Rows:"))
    assert "delivered 6,300.35 = in the warehouse 6,300.35 + rejected 0.00" in money
    assert "delivered 8 = in the warehouse 8 + rejected 0" in rows


def test_the_summary_compares_actual_with_budget_and_says_where_there_is_none(loaded: tuple[Home, str, int]):
    home, output, _ = loaded
    assert "Actual against Budget" in output
    assert "Read 4 deliveries; built 3 periods (2024-01 … 2024-03) and 4 dimensions" in output
    # March has no budget, so 2024's comparison is of January and February.
    rows = home.query("SELECT Period, HasBudget, SUM(Budget) AS Budget FROM ActualVsBudget GROUP BY Period, HasBudget")
    by_period = {row["Period"]: (row["HasBudget"], row["Budget"]) for row in rows}
    assert by_period == {"2024-01": (True, "900.00"), "2024-02": (True, "1900.00"), "2024-03": (False, None)}


def test_a_second_run_does_nothing_and_says_so(loaded: tuple[Home, str, int]):
    home, _, _ = loaded
    before = sorted(path for path in (home.path / "processed").rglob("*") if path.is_file())
    warehouse = (home.path / "warehouse.duckdb").read_bytes()
    done = home.command("run")
    assert done.returncode == 0
    assert "Nothing to do" in done.stdout
    assert sorted(path for path in (home.path / "processed").rglob("*") if path.is_file()) == before
    assert (home.path / "warehouse.duckdb").read_bytes() == warehouse


def test_the_run_shows_in_the_ui_of_the_home(loaded: tuple[Home, str, int]):
    home, output, _ = loaded
    with DagsterInstance.from_config(str(home.path / "dagster")) as instance:
        runs = {run.run_id: run for run in instance.get_runs()}
    shown = next(line for line in output.splitlines() if line.startswith("Run "))
    run = runs[shown.split()[1].rstrip(",")]
    assert run.job_name == "refresh"
    assert run.is_success


def test_the_founding_documents_queries_run_as_written(loaded: tuple[Home, str, int]):
    home, _, _ = loaded
    assert home.query("SELECT COUNT(*) FROM DimDate") == [{"count": 366}]
    assert home.query("SELECT COUNT(*) FROM FactFinancials") == [{"count": 11}]
    columns = "DateKey, DepartmentKey, AccountKey, ScenarioKey, Amount, BudgetAmount, Variance"
    (row,) = home.query(f"SELECT {columns}, TransactionDate, LoadTimestamp FROM FactFinancials LIMIT 1")
    assert list(row)[:5] == ["DateKey", "DepartmentKey", "AccountKey", "ScenarioKey", "Amount"]


def test_a_query_prints_json_with_money_as_text_and_csv_with_a_header(loaded: tuple[Home, str, int]):
    home, _, _ = loaded
    sql = "SELECT AccountNumber, SUM(Amount) AS Total FROM FactFinancials f"
    sql += " JOIN DimAccount a ON a.AccountKey = f.AccountKey JOIN DimScenario s ON s.ScenarioKey = f.ScenarioKey"
    sql += " WHERE ScenarioName = 'Actual' GROUP BY 1 ORDER BY 1"
    assert home.query(sql) == [
        {"AccountNumber": "4000", "Total": "2000.00"},
        {"AccountNumber": "6000", "Total": "1500.35"},
    ]
    text = home.process("query", sql, "--format", "csv").stdout
    assert list(csv.reader(io.StringIO(text))) == [["AccountNumber", "Total"], ["4000", "2000.00"], ["6000", "1500.35"]]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("DROP TABLE DimDate", "query"),
        ("SELECT Nope FROM DimDate", "Nope"),
        ("SELECT 1; SELECT 2", "one"),
    ],
)
def test_a_wrong_query_is_wrong_use_and_says_why(loaded: tuple[Home, str, int], sql: str, said: str):
    home, _, _ = loaded
    done = home.command("query", sql)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Fix:" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_status_is_sound_and_every_slice_published(loaded: tuple[Home, str, int]):
    home, _, _ = loaded
    done = home.command("status", "--json")
    assert done.returncode == 0
    status = json.loads(done.stdout)
    assert status["is_sound"]
    assert {row["state"] for row in status["deliveries"]} == {"live"}
    assert {row["state"] for row in status["slices"]} == {"published"}
    assert status["controllers_line"]["delivered"] == {"rows": 8, "amount": "6300.35", "unpriced": 0}


def test_a_replaced_file_rebuilds_only_its_periods_and_the_old_file_brings_the_old_state_back(run_home: Home):
    home = run_home
    cell = "DateKey, DepartmentKey, AccountKey, ScenarioKey"
    facts = f"SELECT {cell}, Amount, BudgetAmount, TransactionCount FROM FactFinancials ORDER BY {cell}"
    first = home.query(facts)
    home.write("raw/budget.csv", BUDGET.replace("2024-01,D100,4000,900.00", "2024-01,D100,4000,950.00"))
    changed = home.run()
    # A budget file is one delivery: the periods that it reaches, here January and February, are made anew.
    assert changed["deliveries_read"] == 1
    assert sorted(changed["loaded"]) == ["fact_financials 2024-01", "fact_financials 2024-02"]
    assert home.query("SELECT SUM(Budget) AS B FROM ActualVsBudget") == [{"B": "2850.00"}]
    home.write("raw/budget.csv", BUDGET)
    back = home.run()
    assert back["deliveries_read"] == 0
    assert back["built"] == []
    assert sorted(back["loaded"]) == ["fact_financials 2024-01", "fact_financials 2024-02"]
    assert home.query(facts) == first


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, str, int]:
    """Every kind of bad input beside the good files, in one run."""
    home = small_home(tmp_path_factory.mktemp("troubled"))
    home.write("raw/transactions_empty.csv", "")
    home.write("raw/transactions_header.csv", TRANSACTIONS.replace("transaction_date", "when"))
    home.write("raw/transactions_bytes.csv", TRANSACTIONS.encode() + b"T9,2024-01-05,D100,4000,1.00,Caf\xe9\n")
    home.write("raw/transactions_workbook.csv", b"PK\x03\x04 and so on")
    home.write(
        "raw/transactions_dates.csv",
        "transaction_id,transaction_date,department_code,account_number,amount\n"
        "X1,1899-12-31,D100,4000,5.00\nX2,2999-01-01,D100,4000,7.00\n",
    )
    home.write("raw/notes.md", "nothing to see")
    (home.path / "raw" / "budget_link.csv").symlink_to("nowhere.csv")
    home.write("feeds/typo.yaml", "feed: typo\nkind: ledger\npath: typo*.csv\ncolums: {}\n")
    home.write("raw/typo_1.csv", TRANSACTIONS)
    for name in ("one", "two"):
        home.write(
            f"feeds/{name}.yaml",
            f"feed: {name}\nkind: ledger\npath: both*.csv\n"
            "columns: {date: d, department: e, account: a, amount: m}\nconstants: {scenario: Actual}\n",
        )
    home.write("raw/both.csv", "d,e,a,m\n2024-01-01,D100,4000,1.00\n")
    done = home.command("run", COLUMNS="300")
    return home, done.stdout, done.returncode


@pytest.mark.parametrize(
    ("said", "fix"),
    [
        ("refused transactions_empty.csv: the file is empty", "send it again"),
        ("refused transactions_header.csv: the header lacks the column for date", "add its name to columns.date.from"),
        ("refused transactions_bytes.csv: line 7: byte 0xe9 is no utf-8 text", "set dialect.encoding"),
        ("refused transactions_workbook.csv: the file is a workbook", "save it as CSV"),
        ("held transactions_dates.csv: 2 of 2 rows rejected", "widen `tolerance`"),
        ("typo.yaml, line 4: colums is not a known key; did you mean 'columns'?", "use one of"),
        ("problem typo_1.csv: its descriptor", "mend"),
        (
            "problem both.csv: two feeds match this file: one (path: both*.csv) and two",
            "make one of their paths narrower",
        ),
        ("problem budget_link.csv: the file cannot be opened", "check its permissions"),
        ("unmatched notes.md: no feed descriptor reads this file", "add a descriptor"),
    ],
)
def test_bad_input_gets_a_message_that_names_the_file_and_the_fix(troubled: tuple[Home, str, int], said: str, fix: str):
    _, output, _ = troubled
    lines = output.splitlines()
    # The first that says so; what a check shows of it comes after.
    at = next(number for number, line in enumerate(lines) if said in line)
    assert fix in lines[at + 1]


def test_bad_input_exits_one_and_the_good_input_beside_it_is_loaded(troubled: tuple[Home, str, int]):
    home, output, code = troubled
    assert code == 1
    assert "in the warehouse 6,300.35" in output
    assert home.query("SELECT COUNT(*) FROM FactFinancials") == [{"count": 11}]


def test_what_is_held_or_refused_keeps_the_exit_code_when_nothing_is_new(troubled: tuple[Home, str, int]):
    home, _, _ = troubled
    done = home.command("run", "--json")
    summary = json.loads(done.stdout)
    assert done.returncode == 1
    assert (summary["built"], summary["loaded"]) == ([], [])
    failed = {check["name"] for check in summary["checks"] if not check["passed"] and not check["is_warning"]}
    assert failed == {
        "deliveries_are_within_tolerance",
        "descriptors_are_valid",
        "files_can_be_opened",
        "no_file_is_refused",
    }
    assert home.command("status").returncode == 1


def test_rejected_rows_name_file_line_rule_and_reason(troubled: tuple[Home, str, int]):
    home, _, _ = troubled
    rows = json.loads(home.command("rejected", "--format", "json").stdout)
    found = {(row["source_file"], row["source_row"], row["rules"], row["amount"]) for row in rows}
    assert found == {
        ("transactions_dates.csv", 2, "date_out_of_range", "5.00"),
        ("transactions_dates.csv", 3, "date_out_of_range", "7.00"),
    }
    assert "1899-12-31 is outside the accepted range" in rows[0]["reasons"]
    assert json.loads(rows[0]["raw_row"])["transaction_id"] == "X1"
    assert json.loads(home.command("rejected", "--feed", "budget", "--format", "json").stdout) == []


def test_a_home_without_raw_files_is_wrong_use_and_says_what_to_create(tmp_path: Path):
    done = Home(tmp_path).command("run")
    assert done.returncode == 2
    assert f"create {tmp_path / 'raw'}" in done.stderr


def test_a_home_that_cannot_be_written_is_wrong_use(tmp_path: Path):
    home = small_home(tmp_path)
    # A file where a folder must be stops root too, which a mode would not.
    home.write("dagster", "")
    done = home.command("run")
    assert done.returncode == 2
    assert str(tmp_path / "dagster") in done.stderr
    assert "choose another with --home" in done.stderr


def test_a_second_run_at_the_same_time_stops_with_a_message(tmp_path: Path):
    home = small_home(tmp_path)
    handle = os.open(tmp_path / "run.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        done = home.process("run")
    finally:
        os.close(handle)
    assert done.returncode == 3
    assert "Another run is at work in this home" in done.stderr
    assert not (tmp_path / "warehouse.duckdb").exists()


def test_asking_before_the_first_run_says_what_to_run(tmp_path: Path):
    done = small_home(tmp_path).command("query", "SELECT COUNT(*) FROM DimDate")
    assert done.returncode == 2
    assert "finance-platform run" in done.stderr


def test_a_setting_that_is_not_allowed_names_the_variable_and_the_allowed_values(tmp_path: Path):
    done = small_home(tmp_path).command("run", FINANCE_PLATFORM_SPARK_ENGINE="spork")
    assert done.returncode == 2
    assert "FINANCE_PLATFORM_SPARK_ENGINE" in done.stderr
    assert "'sail' or 'jvm'" in done.stderr


def test_an_empty_raw_zone_is_fine_and_loads_nothing(tmp_path: Path):
    (tmp_path / "raw").mkdir()
    done = Home(tmp_path).command("run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing to do" in done.stdout


def test_actuals_through_ends_the_comparison_and_breaks_no_check(tmp_path: Path):
    home = small_home(tmp_path)
    done = home.command("run", FINANCE_PLATFORM_ACTUALS_THROUGH="2024-01")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = home.query("SELECT Period, HasBudget, SUM(Actual) AS A, SUM(Budget) AS B FROM ActualVsBudget GROUP BY 1, 2")
    assert {row["Period"]: (row["HasBudget"], row["A"], row["B"]) for row in rows} == {
        "2024-01": (True, "1250.10", "900.00"),
        "2024-02": (False, "2350.25", None),
        "2024-03": (False, "-100.00", None),
    }


def test_a_descriptor_with_an_owner_that_is_nobody_stops_only_its_own_files(tmp_path: Path):
    home = small_home(tmp_path)
    home.write(
        "feeds/bob.yaml",
        "feed: bob\nkind: ledger\npath: bob*.csv\nowner: Bob Smith\n"
        "columns: {date: d, department: e, account: a, amount: m}\nconstants: {scenario: Actual}\n",
    )
    done = home.command("run")
    assert done.returncode == 1
    assert "bob.yaml, line 4: owner" in done.stdout
    assert "in the warehouse 6,300.35" in done.stdout


def test_something_unexpected_is_told_with_its_trace_and_exits_three(tmp_path: Path):
    home = small_home(tmp_path)
    home.write("processed/deliveries/broken.json", "{")
    done = home.process("status")
    assert done.returncode == 3
    assert "Traceback" in done.stderr


@pytest.mark.parametrize("command", ["run", "status", "rejected", "ui"])
def test_a_home_that_is_not_there_is_wrong_use_for_every_command(tmp_path: Path, command: str):
    # The interface takes the place of the process that starts it.
    done = Home(tmp_path).process(command) if command == "ui" else Home(tmp_path).command(command)
    assert done.returncode == 2
    assert str(tmp_path) in done.stderr
    assert "Fix:" in done.stderr


def test_the_ui_refuses_a_port_that_is_in_use(tmp_path: Path):
    home = small_home(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = home.process("ui", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "in use" in done.stderr


def test_a_query_may_begin_with_a_comment(loaded: tuple[Home, str, int]):
    home, _, _ = loaded
    assert home.query("-- How many days?\nSELECT COUNT(*) FROM DimDate") == [{"count": 366}]


def test_a_blocking_check_names_what_broke_it_and_what_to_do(tmp_path: Path):
    home = small_home(tmp_path)
    home.write(
        "feeds/erp.yaml",
        "feed: erp\nkind: ledger\npath: erp*.csv\ncolumns:\n  date: d\n  department: e\n  account: a\n"
        "  amount: {debit: dr, credit: cr}\nconstants: {scenario: Actual}\n",
    )
    home.write("raw/erp.csv", "d,e,a,dr,cr\n2024-01-01,D100,9999,1.00,\n")
    done = home.command("run")
    assert done.returncode == 1
    assert "account 9999" in done.stdout
    assert "Describe the accounts in an accounts file" in done.stdout
    assert not (tmp_path / "warehouse.duckdb").exists()
