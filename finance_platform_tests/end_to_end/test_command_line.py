"""Whole commands on a small home: output, exit codes, a second run, and processes.

Belongs here: what only a command shows. Does not belong here: what follows from files (see `test_stories`).
"""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import socket
import subprocess
import sys
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest
from dagster import DagsterInstance
from deltalake import DeltaTable
from python_calamine import CalamineWorkbook

from finance_platform.cli import status as status_command
from finance_platform.deliveries.events import select_discovered
from finance_platform.deliveries.register import Register
from finance_platform.orchestration.code_location import LOCATION
from finance_platform.orchestration.runs import is_from_command_line
from finance_platform.reports.pack.file_names import PACK_FILE, WORKBOOK_FILE
from finance_platform.reports.pack.workbook import size
from finance_platform.storage.local import LocalStore
from finance_platform_tests.end_to_end.home import CommandResult, Home
from finance_platform_tests.end_to_end.installed_run import run_installed_once
from finance_platform_tests.end_to_end.sample_home import SAMPLE
from finance_platform_tests.end_to_end.small_home import TRANSACTIONS, create_small_home
from finance_platform_tests.installed_wheel import install_wheel_once, installed_environment
from finance_platform_tests.profiles import at_night

AMOUNTS = "SELECT Amount FROM FactFinancials ORDER BY Amount"

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, CommandResult]:
    """The small home after a run of the installed wheel in its own process, away from any checkout."""
    installed = run_installed_once(tmp_path_factory)
    return installed.home, installed.result


def test_the_first_run_succeeds_and_accounts_for_every_cent(loaded: tuple[Home, CommandResult]):
    home, result = loaded
    assert result.returncode == 0
    assert f"to see it in the UI: finance-platform ui --home {home.path}\n" in result.stdout
    assert result.stdout.splitlines()[-5:] == [
        "Rows: delivered 8 = in the warehouse 8",
        "Actual USD net: delivered 3,500.35 = in the warehouse 3,500.35",
        "Actual USD gross: delivered 3,700.35 = in the warehouse 3,700.35",
        "Budget USD net: delivered 2,800.00 = in the warehouse 2,800.00",
        "Budget USD gross: delivered 2,800.00 = in the warehouse 2,800.00",
    ]


def test_a_run_leaves_delta_tables(loaded: tuple[Home, CommandResult]):
    home, _ = loaded
    facts = DeltaTable(home.path / "processed" / "fact_financials").to_pyarrow_table().to_pylist()
    assert sorted(row["amount"] for row in facts) == [amount for (amount,) in home.select(AMOUNTS)]


def test_the_installed_wheel_makes_a_home_with_the_sample_s_files(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
):
    program = install_wheel_once(tmp_path_factory) / "finance-platform"
    made = subprocess.run(
        [program, "init", "books", "--sample"],
        cwd=tmp_path,
        env=installed_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    for path in (tmp_path / "books" / "raw").iterdir():
        assert path.read_bytes() == (SAMPLE / path.name).read_bytes()
    # The shell would not find it by its name, since the environment is not activated.
    named = [line.split()[:4] for line in made.stdout.splitlines() if line.startswith(f"  {program}")]
    assert named == [[str(program), command, "--home", "books"] for command in ("run", "query", "ui")]


def test_the_summary_compares_actual_with_budget_in_months_that_have_one(loaded: tuple[Home, CommandResult]):
    home, result = loaded
    assert "Actual against Budget" in result.stdout
    assert "Read 4 deliveries; built 3 periods (2024-01 … 2024-03) and 4 dimensions" in result.stdout
    # March has no budget, so 2024's comparison is of January and February.
    rows = home.query("SELECT Period, HasBudget, SUM(Budget) AS Budget FROM ActualVsBudget GROUP BY Period, HasBudget")
    by_period = {row["Period"]: (row["HasBudget"], row["Budget"]) for row in rows}
    assert by_period == {"2024-01": (True, "900.00"), "2024-02": (True, "1900.00"), "2024-03": (False, None)}


def test_a_run_writes_the_report_pack_as_a_page_and_as_a_workbook(loaded: tuple[Home, CommandResult]):
    home, _ = loaded
    assert (home.path / "reports" / PACK_FILE).read_text(encoding="utf-8").startswith("<!doctype html>")
    with zipfile.ZipFile(home.path / "reports" / WORKBOOK_FILE) as workbook:
        assert "xl/workbook.xml" in workbook.namelist()


def test_a_report_without_room_for_its_workbook_has_its_page_and_says_what_helps(
    run_home: Home, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(size, "MAX_SHEET_ROWS", 8)
    result = run_home.command("report")
    assert result.returncode == 1
    assert "report_pack.html: Actual of 2024-03 against Budget" in result.stdout
    assert (run_home.path / "reports" / PACK_FILE).read_text(encoding="utf-8").startswith("<!doctype html>")
    assert not (run_home.path / "reports" / WORKBOOK_FILE).exists()
    assert "its sheet Data would have " in result.stderr
    assert f"finance-platform report --home {run_home.path} --unit" in result.stderr


def test_a_second_run_does_nothing_and_reports_it(
    loaded: tuple[Home, CommandResult], tmp_path_factory: pytest.TempPathFactory
):
    home, _ = loaded
    before = sorted(path for path in (home.path / "processed").rglob("*") if path.is_file())
    warehouse = (home.path / "warehouse.duckdb").read_bytes()
    # Of the same installation: another one has other files, and would look at everything again.
    result = home.process("run", program=str(install_wheel_once(tmp_path_factory) / "finance-platform"))
    assert result.returncode == 0
    assert "Nothing to do" in result.stdout
    assert f"finance-platform run --home {home.path} --force" in result.stdout
    assert sorted(path for path in (home.path / "processed").rglob("*") if path.is_file()) == before
    assert (home.path / "warehouse.duckdb").read_bytes() == warehouse


def test_the_run_shows_in_the_ui_of_the_home(loaded: tuple[Home, CommandResult]):
    home, result = loaded
    with DagsterInstance.from_config(str(home.path / "dagster")) as instance:
        runs = {run.run_id: run for run in instance.get_runs()}
    line = next(line for line in result.stdout.splitlines() if line.startswith("Run "))
    run = runs[line.split()[1].rstrip(",")]
    assert run.job_name == "refresh"
    assert run.is_success
    assert is_from_command_line(run)
    # Else the job's page does not list the run, and cannot execute it again.
    assert run.remote_job_origin
    repository = run.remote_job_origin.repository_origin
    assert (repository.code_location_origin.location_name, repository.repository_name) == (LOCATION, "__repository__")
    # The files were registered and read before Dagster had the run.
    events = select_discovered(Register(LocalStore(home.path / "processed")).events())
    assert {event.run_id for event in events} == {run.run_id}


def test_the_queries_of_the_specification_run_unchanged(loaded: tuple[Home, CommandResult]):
    home, _ = loaded
    assert home.query("SELECT COUNT(*) FROM DimDate") == [{"count": 366}]
    assert home.query("SELECT COUNT(*) FROM FactFinancials") == [{"count": 11}]
    columns = "DateKey, DepartmentKey, AccountKey, ScenarioKey, Amount, BudgetAmount, Variance"
    (row,) = home.query(f"SELECT {columns}, TransactionDate, LoadTimestamp FROM FactFinancials LIMIT 1")
    assert list(row)[:5] == ["DateKey", "DepartmentKey", "AccountKey", "ScenarioKey", "Amount"]


def test_a_query_prints_every_column_of_the_same_name_in_json(loaded: tuple[Home, CommandResult]):
    home, _ = loaded
    (row,) = home.query("SELECT SUM(TransactionCount), SUM(Amount) FROM FactFinancials")
    assert list(row) == ["sum", "sum_2"]


def test_a_query_prints_json_with_money_as_text_and_csv_with_a_header(loaded: tuple[Home, CommandResult]):
    home, _ = loaded
    sql = "SELECT AccountNumber, SUM(Amount) AS Total FROM FactFinancials f"
    sql += " JOIN DimAccount a ON a.AccountKey = f.AccountKey JOIN DimScenario s ON s.ScenarioKey = f.ScenarioKey"
    sql += " WHERE ScenarioName = 'Actual' GROUP BY 1 ORDER BY 1"
    assert home.query(sql) == [
        {"AccountNumber": "4000", "Total": "2000.00"},
        {"AccountNumber": "6000", "Total": "1500.35"},
    ]
    text = home.command("query", sql, "--format", "csv").stdout
    assert list(csv.reader(io.StringIO(text))) == [["AccountNumber", "Total"], ["4000", "2000.00"], ["6000", "1500.35"]]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("DROP TABLE DimDate", "query"),
        ("SELECT Nope FROM DimDate", "Nope"),
        ("SELECT 1; SELECT 2", "one"),
    ],
)
def test_an_invalid_query_is_wrong_use_with_the_reason(loaded: tuple[Home, CommandResult], sql: str, message: str):
    home, _ = loaded
    result = home.command("query", sql)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Fix:" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_status_is_sound_and_every_slice_is_published(loaded: tuple[Home, CommandResult]):
    home, _ = loaded
    result = home.command("status", "--json")
    assert result.returncode == 0
    status = json.loads(result.stdout)
    assert status["is_sound"]
    assert {row["state"] for row in status["deliveries"]} == {"live"}
    assert {row["state"] for row in status["slices"]} == {"published"}
    assert status["controllers_line"]["delivered"] == {"rows": 8, "unpriced": 0}
    delivered = {
        line["scenario"]: line["terms"]["delivered"]["net"] for line in status["reconciliation"]["by_scenario"]
    }
    assert sum(map(Decimal, delivered.values())) == Decimal("6300.35")
    assert len(delivered) > 1


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, CommandResult]:
    """Every kind of bad input together with the good files, after one run."""
    home = create_small_home(tmp_path_factory.mktemp("troubled"))
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
    os.mkfifo(home.path / "raw" / "transactions_pipe.csv")
    (home.path / "raw" / "transactions_zero.csv").symlink_to("/dev/zero")
    (home.path / "raw" / "transactions_folder.csv").mkdir()
    home.write("secret.csv", TRANSACTIONS.replace("T1", "SECRET"))
    (home.path / "raw" / "transactions_outside.csv").symlink_to(home.path / "secret.csv")
    home.write(
        "feeds/typo.yaml",
        "feed: typo\nkind: ledger\npath: typo*.csv\n"
        "colums: {date: d, department: e, account: a, amount: m}\nconstants: {scenario: Actual}\n",
    )
    os.mkfifo(home.path / "feeds" / "pipe.yaml")
    levels = zip("abcdefgh", "bcdefghi", strict=True)
    bomb = "a: &a [x]\n" + "".join(f"{name}: &{name} [{', '.join([f'*{low}'] * 9)}]\n" for low, name in levels)
    home.write("feeds/bomb.yaml", bomb)
    home.write("feeds/deep.yaml", "feed: deep\nx: " + "[" * 2_000 + "]" * 2_000)
    home.write("raw/typo_1.csv", TRANSACTIONS)
    home.write(
        "feeds/bob.yaml",
        "feed: bob\nkind: ledger\npath: bob*.csv\nowner: Bob Smith\n"
        "columns: {date: d, department: e, account: a, amount: m}\nconstants: {scenario: Actual}\n",
    )
    for name in ("one", "two"):
        home.write(
            f"feeds/{name}.yaml",
            f"feed: {name}\nkind: ledger\npath: both*.csv\n"
            "columns: {date: d, department: e, account: a, amount: m}\nconstants: {scenario: Actual}\n",
        )
    home.write("raw/both.csv", "d,e,a,m\n2024-01-01,D100,4000,1.00\n")
    return home, home.command("run", COLUMNS="300")


@pytest.mark.parametrize(
    ("message", "fix"),
    [
        ("refused transactions_empty.csv: the file is empty", "send it again"),
        ("refused transactions_header.csv: the header lacks the column for date", "add its name to columns.date.from"),
        ("refused transactions_bytes.csv: line 7: byte 0xe9 is not valid utf-8 text", "set dialect.encoding"),
        ("refused transactions_workbook.csv: the file is a workbook", "save it as CSV"),
        ("held transactions_dates.csv: 2 of 2 rows rejected", "correct the file and send it again"),
        ("typo.yaml: line 4: colums is not a known key; did you mean 'columns'?", "use one of"),
        ("bob.yaml: line 4: owner", "correct that line"),
        ("1 file is not read because of it: typo_1.csv", "use one of"),
        ("bomb.yaml: line 6: more than 20,000 values up to here", "write fewer values"),
        ("deep.yaml: line 2: lists and mappings are nested more than 20 deep", "remove the brackets"),
        (
            "problem both.csv: two feeds match this file: one (path: both*.csv) and two",
            "make one of their paths narrower",
        ),
        ("problem budget_link.csv: the file cannot be opened", "check its permissions"),
        (
            "problem transactions_pipe.csv: the file cannot be opened: it is a named pipe (FIFO), not a plain file",
            "put a plain file in its place",
        ),
        (
            "problem transactions_zero.csv: the file cannot be opened: it is a link to '/dev/zero', which leads out of",
            "put a copy into the folder instead of the link",
        ),
        ("problem transactions_folder.csv/: the file cannot be opened: it is a folder", "move the files in it out"),
        ("problem transactions_outside.csv: the file cannot be opened: it is a link", "put a copy into the folder"),
        ("pipe.yaml: it is a named pipe (FIFO), not a plain file", "put a plain file in its place"),
        ("unmatched notes.md: no feed descriptor reads this file", "save it as CSV"),
    ],
)
def test_bad_input_is_reported_with_the_file_and_the_fix(troubled: tuple[Home, CommandResult], message: str, fix: str):
    _, result = troubled
    lines = result.stdout.splitlines()
    # The first match; the evidence of a check may repeat it below.
    first = next(number for number, line in enumerate(lines) if message in line)
    assert fix in lines[first + 1]


def test_a_run_with_bad_input_exits_with_one_and_loads_the_good_input(troubled: tuple[Home, CommandResult]):
    home, result = troubled
    assert result.returncode == 1
    assert "Actual USD net: delivered 3,512.35 = in the warehouse 3,500.35" in result.stdout
    assert home.query("SELECT COUNT(*) FROM FactFinancials") == [{"count": 11}]


def test_no_byte_of_a_file_outside_the_zone_is_shown_or_stored(troubled: tuple[Home, CommandResult]):
    home, result = troubled
    files = [path for path in home.path.rglob("*") if path.is_file() and path.name != "secret.csv"]
    assert not [path for path in files if not path.is_symlink() and b"SECRET" in path.read_bytes()]
    assert "SECRET" not in result.stdout + result.stderr


HANGING = ["status", "query SELECT", "trace", "accept", "withdraw", "rejected", "run"]


@at_night("commands on this home below end by day too")
@pytest.mark.parametrize("command", HANGING)
def test_no_command_hangs_on_a_pipe_in_the_home(troubled: tuple[Home, CommandResult], command: str):
    arguments = {
        "query SELECT": ["query", "SELECT COUNT(*) FROM FactFinancials"],
        "trace": ["trace", "--file", "transactions_pipe.csv"],
        "accept": ["accept", "transactions_pipe.csv", "--why", "test"],
        "withdraw": ["withdraw", "transactions_pipe.csv", "--why", "test"],
    }
    # In a process of its own, which ends after a time limit.
    result = troubled[0].process(*arguments.get(command, [command]))
    assert result.returncode in {0, 1, 2}, result.stderr
    assert "Traceback" not in result.stdout + result.stderr


def test_held_and_refused_files_keep_the_exit_code_when_nothing_is_new(troubled: tuple[Home, CommandResult]):
    home, _ = troubled
    result = home.command("run", "--json")
    summary = json.loads(result.stdout)
    assert result.returncode == 1
    assert (summary["built"], summary["loaded"]) == ([], [])
    failed = {check["name"] for check in summary["checks"] if not check["passed"] and not check["is_warning"]}
    assert failed == {
        "deliveries_are_within_tolerance",
        "descriptors_are_valid",
        "files_can_be_opened",
        "no_file_is_refused",
    }
    assert home.command("status").returncode == 1


def test_rejected_rows_have_file_line_rule_and_reason(troubled: tuple[Home, CommandResult]):
    home, _ = troubled
    rows = json.loads(home.command("rejected", "--format", "json").stdout)
    assert {(row["source_file"], row["source_row"], row["rules"], row["amount"]) for row in rows} == {
        ("transactions_dates.csv", 2, "date_out_of_range", "5.00"),
        ("transactions_dates.csv", 3, "date_out_of_range", "7.00"),
    }
    assert "1899-12-31 is outside the accepted range" in rows[0]["reasons"]
    assert json.loads(rows[0]["raw_row"])["transaction_id"] == "X1"
    assert rows[0]["details"] == [
        {"rule": "date_out_of_range", "column": "transaction_date", "value": "1899-12-31", "words": rows[0]["reasons"]}
    ]
    assert rows[0]["state"] == "held"
    assert rows[0]["first_seen"].startswith("20")
    assert json.loads(home.command("rejected", "--feed", "budget", "--format", "json").stdout) == []


def test_rejected_rows_are_listed_with_totals_that_the_statement_has(troubled: tuple[Home, CommandResult]):
    home, _ = troubled
    result = home.command("rejected", "--limit", "1")
    listed = " ".join(result.stdout.partition("By reason")[0].split())
    assert "7.00" in listed
    assert "department account first_seen" in listed
    assert "first 1 of 2 rows, by money at stake; --limit 0" in result.stderr
    (total,) = json.loads(home.command("rejected", "--by", "file", "--format", "json").stdout)
    lines = json.loads(home.command("status", "--json").stdout)["reconciliation"]["by_file"]
    (line,) = [line for line in lines if "rejected" in line["terms"]]
    assert (total["file"], total["scenario"], total["unit"]) == (line["file"], line["scenario"], line["unit"])
    assert {name: total[name] for name in ("rows", "unpriced", "net", "gross")} == line["terms"]["rejected"]


def test_rejected_rows_are_exported_as_a_workbook_and_wrong_use_is_explained(troubled: tuple[Home, CommandResult]):
    home, _ = troubled
    path = home.path / "rejected.xlsx"
    assert home.command("rejected", "--format", "xlsx", "--output", str(path)).returncode == 0
    book = CalamineWorkbook.from_path(path)
    assert book.sheet_names == ["Rejected rows", "By reason", "By file", "Notes"]
    assert [row[9] for row in book.get_sheet_by_name("Rejected rows").to_python()] == ["amount", 5, 7]
    for arguments, message in (
        (("--format", "xlsx"), "add --output FILE.xlsx"),
        (("--feed", "ledgr"), "the feeds are accounts,"),
        (("--file", "gone.csv"), "gone.csv was never delivered"),
        (("--period", "2025-13"), "write it as YYYY-MM"),
        (("--format", "csv", "--output", str(home.path / "gone" / "rows.csv")), "does not exist; create it"),
    ):
        result = home.command("rejected", *arguments)
        assert (result.returncode, result.stdout) == (2, "")
        assert message in " ".join(result.stderr.replace("│", "").split())


def test_a_home_without_a_raw_zone_is_wrong_use_and_the_error_names_the_folder(tmp_path: Path):
    result = Home(tmp_path).command("run")
    assert result.returncode == 2
    assert f"{tmp_path / 'raw'} does not exist" in result.stderr
    assert "finance-platform init" in result.stderr


def test_a_home_that_cannot_be_written_is_wrong_use(tmp_path: Path):
    home = create_small_home(tmp_path)
    # A file in place of the folder stops root, too; permissions would not.
    home.write("dagster", "")
    result = home.command("run")
    assert result.returncode == 2
    assert str(tmp_path / "dagster") in result.stderr
    assert "choose another with --home" in result.stderr


def test_a_second_run_at_the_same_time_stops_with_a_message(tmp_path: Path):
    home = create_small_home(tmp_path)
    handle = os.open(tmp_path / "run.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        result, decision = home.command("run"), home.command("reopen", "2025-01", "--why", "late")
        preview = home.command("accept", "--dry-run", "transactions.csv")
    finally:
        os.close(handle)
    assert (result.returncode, decision.returncode, preview.returncode) == (3, 3, 3)
    assert "Another run or command is active in this home" in result.stderr
    # The other one may be a decision as well as a run.
    assert "Another run or command is active in this home" in decision.stderr
    assert "the decision was not recorded" in decision.stderr
    assert "the dry run has shown nothing" in preview.stderr
    assert "recorded" not in preview.stderr
    assert not (tmp_path / "warehouse.duckdb").exists()


def test_a_dry_run_says_that_a_decision_would_be_refused_and_the_decision_itself_that_it_was(tmp_path: Path):
    home = create_small_home(tmp_path)
    preview = home.command("accept", "--dry-run", "nothing.csv")
    decision = home.command("accept", "nothing.csv", "--why", "known")
    assert (preview.returncode, decision.returncode) == (2, 2)
    assert preview.stderr.startswith("The decision would be refused: no delivery of 'nothing.csv' is held\n")
    assert decision.stderr.startswith("The decision was not recorded: no delivery of 'nothing.csv' is held\n")


def test_a_query_before_the_first_run_names_the_command_to_run(tmp_path: Path):
    result = create_small_home(tmp_path).command("query", "SELECT COUNT(*) FROM DimDate")
    assert result.returncode == 2
    assert "finance-platform run" in result.stderr


def test_an_invalid_setting_is_reported_with_the_variable_and_the_allowed_values(tmp_path: Path):
    result = create_small_home(tmp_path).command("run", FINANCE_PLATFORM_SPARK_ENGINE="spork")
    assert result.returncode == 2
    assert "FINANCE_PLATFORM_SPARK_ENGINE" in result.stderr
    assert "'sail' or 'jvm'" in result.stderr


def test_an_unexpected_error_prints_its_traceback_and_exits_with_three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object, **__: object) -> None:
        raise LookupError("a bug")

    home = create_small_home(tmp_path)
    monkeypatch.setattr(status_command, "read_status", fail)
    result = home.command("status")
    assert result.returncode == 3
    assert "Traceback" in result.stderr
    assert "LookupError: a bug" in result.stderr


@pytest.mark.parametrize("command", ["run", "status", "rejected", "ui"])
def test_a_missing_home_is_wrong_use_for_every_command(tmp_path: Path, command: str):
    result = Home(tmp_path).command(command)
    assert result.returncode == 2
    assert str(tmp_path) in result.stderr
    assert "Fix:" in result.stderr


def test_the_ui_refuses_a_port_that_is_in_use(tmp_path: Path):
    home = create_small_home(tmp_path)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        result = home.command("ui", "--port", str(port))
    assert result.returncode == 2
    assert f"{port} is in use; choose another port" in result.stderr


@pytest.mark.parametrize("port", ["0", "-1", "65536", "http"])
def test_the_ui_refuses_a_port_that_is_not_valid(tmp_path: Path, port: str):
    result = create_small_home(tmp_path).command("ui", f"--port={port}")
    assert result.returncode == 2
    assert port in result.stderr.splitlines()[-1]


def test_the_ui_refuses_an_address_of_its_own_that_has_no_valid_host(tmp_path: Path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = create_small_home(tmp_path)
    result = home.command("ui", "--port", str(port), FINANCE_PLATFORM_UI_URL="https://*")
    assert result.returncode == 2
    assert "FINANCE_PLATFORM_UI_URL: expected http:// or https:// and a host name" in result.stderr


def test_the_ui_refuses_a_port_that_the_user_may_not_use():
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 80:
        pytest.skip("any user may use port 80 on this machine")
    program = """
import os
from finance_platform.cli.ui import webserver
from finance_platform.orchestration.webserver.guard import KnownOrigin
if os.geteuid() == 0:
    os.setuid(65534)
webserver(["--workspace", "/dev/null", "--port", "80", "--origin", "http://127.0.0.1"])
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 2, result.stderr
    assert "80 cannot be used on 127.0.0.1 (Permission denied); choose another port" in result.stderr


def test_a_query_may_begin_with_a_comment(loaded: tuple[Home, CommandResult]):
    home, _ = loaded
    assert home.query("-- How many days?\nSELECT COUNT(*) FROM DimDate") == [{"count": 366}]


@at_night("`orchestration/test_reexecution`, `unit/quality/test_quality_processed`, `unit/cli/test_run_output`")
def test_a_failed_blocking_check_is_reported_with_evidence_and_fix(run_home: Home):
    home = run_home
    commits = (home.path / "processed/deliveries").iterdir()
    (path,) = [one for one in commits if '"transactions.csv"' in one.read_text()]
    commit = json.loads(path.read_text())
    commit["periods"][0]["rows"] += 1
    path.write_text(json.dumps(commit))
    home.write("raw/transactions_2.csv", TRANSACTIONS.partition("\n")[0] + "\nT9,2024-01-05,D100,4000,1.00,\n")
    result = home.command("run")
    assert result.returncode == 1
    assert "ledger_lines_equal_star" in result.stdout
    assert "period 2024-01, lines accepted 5 lines, 2151.10, star live and superseded 4 lines, 2151.10" in result.stdout
    assert f"Rebuild everything with `finance-platform run --home {home.path} --rebuild`" in result.stdout
    assert home.query("SELECT COUNT(*) FROM FactFinancials") == [{"count": 11}]
