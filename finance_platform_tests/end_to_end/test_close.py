"""The close of a period through its gates, as a controller meets it.

Belongs here: one home in which every gate is red, and how each becomes green. Does not belong here: the rules of single
gates (see `unit/quality/test_gates`), what happens to a closed period (see `test_closed_periods`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finance_platform.contracts.star import REPORTING
from finance_platform.deliveries.events import PeriodStatusChanged
from finance_platform.deliveries.register import Register
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.port import NO_PARAMETERS, Parameters, QueryResult
from finance_platform.warehouse.statements import select_columns
from finance_platform_tests.end_to_end.home import Home, copy_home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher

pytestmark = pytest.mark.end_to_end

ACCOUNTS = "account_number,account_name,account_type,category\n4000,Sales,Revenue,\n6000,Salaries,Expense,\n"
DEPARTMENTS = "department_code,department_name,business_unit\nD100,Sales,Commercial\nD200,Works,Operations\n"
HEADER = "transaction_id,transaction_date,department_code,account_number,amount,description"
VOUCHERS = """\
feed: journal
kind: ledger
path: journal*.csv
columns: {date: Day, department: Dept, account: Account, amount: {debit: Dr, credit: Cr}}
constants: {scenario: Actual}
balanced: {by: Voucher}
tolerance: {rejected_rows: 1}
"""
SUNDRY = """\
feed: sundry
kind: ledger
path: sundry*.csv
columns: {date: Day, department: Dept, account: Account, amount: Amount}
constants: {scenario: Actual}
tolerance: {rejected_rows: 1}
"""
INVOICES = """\
feed: invoices
kind: ledger
path: invoices*.csv
columns: {date: Day, department: Dept, account: Account, amount: Amount}
constants: {scenario: Actual}
control_total: [{kind: grand, row: {column: Dept, matches: "^Total"}, column: amount}]
"""
RECEIPTS = """\
feed: receipts
kind: ledger
path: receipts*.csv
columns: {date: Day, department: Dept, account: Account, amount: Amount, transaction_id: Number}
constants: {scenario: Actual}
document_numbers: {restart: never}
expect: {every: month, by_working_day: 3, departments: [D200]}
"""
RECEIPTS_HEADER = "Number,Day,Dept,Account,Amount"
JOURNAL_HEADER = "Voucher,Day,Dept,Account,Dr,Cr"
INVOICES_HEADER = "Day,Dept,Account,Amount"


def months(*names: str, departments: str = "12") -> list[str]:
    """Return two lines of Sales and one of Salaries for each month, without departments that are left out."""
    lines = []
    for month in names:
        lines += [f"{month}S{n},{month}-0{n},D100,4000,1000.00,x" for n in (1, 2) if "1" in departments]
        lines += [f"{month}P{n},{month}-0{n},D200,6000,500.00,x" for n in (1, 2) if "2" in departments]
    return lines


YEAR = tuple(f"2024-{month:02}" for month in range(1, 13))


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory, refresh: Refresher) -> Path:
    """A home of which 2024-12 can be closed, and 2025-01 fails every gate."""
    home = Home(tmp_path_factory.mktemp("troubled"))
    home.write("feeds/journal.yaml", VOUCHERS)
    home.write("feeds/invoices.yaml", INVOICES)
    home.write("feeds/sundry.yaml", SUNDRY)
    home.write("feeds/receipts.yaml", RECEIPTS)
    receipts = ["R-004,2024-06-03,D200,6000,1.00", "R-005,2024-12-03,D200,6000,1.00", "R-006,2025-01-03,D100,4000,1.00"]
    home.write("raw/receipts_1.csv", "\n".join([RECEIPTS_HEADER, *receipts]) + "\n")
    home.write(
        "raw/receipts_2.csv", f"{RECEIPTS_HEADER}\nr-0009,2025-01-30,D100,4000,1.00\n,2025-01-31,D100,4000,1.00\n"
    )
    home.write("raw/sundry.csv", f"{INVOICES_HEADER}\n2025-01-07,,4000,26000.00\n2025-01-07,D100,4000,3.00\n")
    home.write("raw/accounts.csv", ACCOUNTS)
    home.write("raw/departments.csv", DEPARTMENTS)
    january = [
        *months("2025-01", departments="1"),
        "A1,2025-01-05,D100,4000,90000.00,a large sale",
        "A2,2025-01-06,D100,9999,17.00,an account without a type",
    ]
    home.write("raw/transactions.csv", "\n".join([HEADER, *months(*YEAR), *january]) + "\n")
    home.write("raw/transactions_bad.csv", f"{HEADER}\nB1,2025-01-08,D100,4000,70.00,x\nB2,2025-01-08,,4000,1.00,x\n")
    home.write(
        "raw/journal.csv",
        f"{JOURNAL_HEADER}\nV1,2025-01-09,D100,4000,,5.00\nV1,2025-01-09,D100,6000,4.00,\n"
        "V2,2025-01-09,D100,4000,,5.00\nV2,2025-01-09,D100,6000,5.00,\n",
    )
    home.write("raw/invoices.csv", f"{INVOICES_HEADER}\n2025-01-10,D100,4000,8.00\n,Total,,9.00\n")
    home.write("raw/budget.csv", "period,department_code,account_number,budget_amount\n2025-02,D100,4000,900.00\n")
    assert set(refresh(home).held()) == {"transactions_bad.csv", "invoices.csv"}
    assert home.command("accept", "invoices.csv", "--why", "the sender says 8.00").returncode == 0
    refresh(home)
    return home.path


@pytest.fixture
def home(troubled: Path, tmp_path: Path) -> Home:
    return copy_home(troubled, tmp_path / "home")


def gates(home: Home, period: str, *options: str) -> dict[str, Any]:
    """Return the gates of a period as `close --json` prints them."""
    document: dict[str, Any] = json.loads(home.command("close", period, "--dry-run", "--json", *options).stdout)
    return {gate["gate"]: gate for gate in document["gates"]}


def findings(home: Home, period: str) -> dict[str, list[str]]:
    """Return what contradicts each red gate."""
    return {
        name: [finding["finding"] for finding in gate["findings"]]
        for name, gate in gates(home, period).items()
        if gate["state"] == "red"
    }


def closings(home: Home) -> list[PeriodStatusChanged]:
    return [event for event in Register(home.processed).events() if isinstance(event, PeriodStatusChanged)]


def test_each_gate_names_what_contradicts_it_with_the_amount_and_the_file(home: Home):
    assert home.command("close", "2024-06", "--why", "half year").returncode == 0
    home.write("raw/transactions_new.csv", f"{HEADER}\nN1,2025-01-20,D100,4000,1.00,x\n")

    red = findings(home, "2025-01")

    assert "transactions_bad.csv is held with Actual 70.00 in 1 line: " in red["held"][0]
    assert red["stale"] == ["transactions_new.csv is not read yet"]
    assert red["completeness"] == [
        "department D200 Works has 0 lines of Actual, usually 2",
        "feed receipts has no line of department D200 in 2025-01, was due on 2025-02-05",
    ]
    gap = "2 documents, r-0007 to r-0008, are missing between R-006 in receipts_1.csv and r-0009 in receipts_2.csv"
    assert red["document_numbers"] == [
        f"feed receipts: {gap}",
        "feed receipts: 1 line of receipts_2.csv without a document number",
    ]
    assert red["rejected"] == [
        "journal.csv: 2 rejected rows of Actual, 9.00 gross",
        "sundry.csv: 1 rejected row of Actual, 26,000.00 gross",
    ]
    assert red["unclassified"] == ["account 9999 has no type and 17.00 of Actual"]
    assert red["balanced"] == ["journal.csv: 2 lines of vouchers that do not balance or are not whole, 9.00 gross"]
    assert "the file prints 9.00, its lines add up to 8.00" in red["control_totals"][0]
    assert red["previous"] == [f"2024-{month:02} is open" for month in range(7, 13)]
    assert "4000 Sales was 92,0" in red["unusual"][0]
    assert "actuals" not in red
    assert findings(home, "2025-02")["actuals"] == ["the period has no line of Actual"]


def test_a_red_gate_keeps_the_period_open_and_says_how_to_close_it(home: Home):
    refused = home.command("close", "2025-01", "--why", "January")
    assert refused.returncode == 1
    assert "2025-01 stays open: red held, completeness, document_numbers, rejected" in refused.stdout
    assert "Fix: give the account a type in an accounts file and run" in refused.stdout
    assert "--waive held --waive completeness --waive document_numbers --waive rejected" in refused.stdout
    assert not closings(home)


def test_a_waived_gate_is_in_the_register_with_what_contradicted_it(home: Home):
    red = findings(home, "2025-01")
    options = [option for name in red for option in ("--waive", name)]
    assert home.command("close", "2025-01", *options, "--why", "the board meets today").returncode == 0
    closing = closings(home)[-1]
    assert (closing.period, closing.why) == ("2025-01", "the board meets today")
    assert set(closing.waived) == set(red)
    assert closing.waived["unclassified"] == "account 9999 has no type and 17.00 of Actual"


def test_the_first_close_closes_all_earlier_periods_and_actual_covers_the_period_at_once(home: Home):
    closed = home.command("close", "2024-12", "--why", "year end")
    assert closed.returncode == 0
    assert "The home's first close closes 2024-01 to 2024-11, 11 periods, with it." in closed.stdout
    assert [event.period for event in closings(home)] == list(YEAR)
    assert {event.opening_of for event in closings(home)[:-1]} == {"2024-12"}
    assert home.select("SELECT COUNT(*) FROM PeriodStatus WHERE IsClosed") == [(12,)]
    assert home.select("SELECT MAX(Period) FROM ScenarioPeriod WHERE IsCovered AND Period < '2025-01'") == [
        ("2024-12",)
    ]
    assert home.command("reopen", "2024-03", "--why", "a late invoice").returncode == 0
    assert findings(home, "2025-01")["previous"] == ["2024-03 is open"]


def test_what_is_wrong_with_a_period_of_the_opening_keeps_the_first_close_red(tmp_path: Path, refresh: Refresher):
    """The close signs it, and no later one examines it."""
    home = Home(tmp_path)
    home.write("raw/accounts.csv", f"{ACCOUNTS}4100,Services,Revenue,\n")
    home.write("raw/departments.csv", DEPARTMENTS)
    services = [f"{month}X,{month}-03,D100,4100,1000.00,x" for month in YEAR]
    lines = [
        line.replace(",1000.00", ",-1000.00") if line.startswith("2024-06") else line
        for line in (*months(*YEAR), *services)
    ]
    home.write("raw/transactions.csv", "\n".join([HEADER, *lines]) + "\n")
    refresh(home)
    (found,) = findings(home, "2024-12")["unusual"]
    assert found.startswith("revenue is -3,000.00 in Actual of 2024-06: ")
    assert home.command("close", "2024-12", "--waive", "unusual", "--why", "signed in the old system").returncode == 0
    assert {event.period for event in closings(home)} == set(YEAR)


def test_a_close_signs_the_tables_of_one_state_of_the_warehouse(home: Home, monkeypatch: pytest.MonkeyPatch):
    """Each query of its own opens the warehouse as it is by then."""
    asked: list[str] = []
    query = DuckDBWarehouse.query

    def noted(warehouse: DuckDBWarehouse, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        asked.append(sql)
        return query(warehouse, sql, parameters)

    monkeypatch.setattr(DuckDBWarehouse, "query", noted)
    assert home.command("close", "2024-12", "--why", "year end").returncode == 0
    assert asked
    assert {select_columns(table, table.column_names) for table in REPORTING}.isdisjoint(asked)
    assert closings(home)[-1].signature


def test_every_gate_turns_green_once_its_cause_is_gone(home: Home, refresh: Refresher):
    assert home.command("close", "2024-12", "--why", "year end").returncode == 0
    home.write("raw/accounts.csv", f"{ACCOUNTS}9999,Grants,Revenue,\n")
    january = [
        *months("2025-01"),
        "A1,2025-01-05,D100,4000,90000.00,x",
        "A2,2025-01-06,D100,9999,17.00,x",
    ]
    home.write("raw/transactions.csv", "\n".join([HEADER, *months(*YEAR), *january]) + "\n")
    home.write("raw/transactions_bad.csv", f"{HEADER}\nB1,2025-01-08,D100,4000,70.00,x\n")
    home.write(
        "raw/journal.csv",
        f"{JOURNAL_HEADER}\nV1,2025-01-09,D100,4000,,5.00\nV1,2025-01-09,D100,6000,5.00,\n"
        "V2,2025-01-09,D100,4000,,5.00\nV2,2025-01-09,D100,6000,5.00,\n",
    )
    home.write("raw/invoices.csv", f"{INVOICES_HEADER}\n2025-01-10,D100,4000,9.00\n,Total,,9.00\n")
    home.write("raw/sundry.csv", f"{INVOICES_HEADER}\n2025-01-07,D100,4000,26000.00\n2025-01-07,D100,4000,3.00\n")
    home.write(
        "raw/receipts_2.csv",
        f"{RECEIPTS_HEADER}\nR-009,2025-01-30,D100,4000,1.00\nR-008,2025-01-31,D200,6000,1.00\n"
        "R-007,2025-01-31,D100,4000,1.00\n",
    )
    home.write("raw/comments.csv", "period,department_code,account_number,comment\n2025-01,D100,4000,a large sale\n")
    refresh(home)

    assert findings(home, "2025-01") == {}
    closed = home.command("close", "2025-01", "--why", "January")
    assert (closed.returncode, closed.stdout.splitlines()[-1]) == (0, "2025-01 is closed.")


def test_what_a_person_cannot_waive_is_refused_with_the_reason(home: Home):
    green = home.command("close", "2024-12", "--waive", "held", "--why", "x")
    assert (green.returncode, "gate held of 2024-12 is green" in green.stderr) == (2, True)
    unknown = home.command("close", "2024-12", "--waive", "hold", "--why", "x")
    assert (unknown.returncode, "'hold' is not a gate" in unknown.stderr) == (2, True)
    home.write("raw/transactions_new.csv", f"{HEADER}\nN1,2024-12-20,D100,4000,1.00,x\n")
    stale = home.command("close", "2024-12", "--waive", "stale", "--why", "x")
    assert (stale.returncode, "gate stale cannot be waived" in stale.stderr) == (2, True)
    shown = home.command("close", "2024-12", "--waive", "stale", "--dry-run")
    assert (shown.returncode, shown.stdout) == (2, "")
    assert shown.stderr.startswith("The decision would be refused: gate stale cannot be waived")
    assert not closings(home)


def test_what_is_material_to_a_gate_is_what_the_close_signs(home: Home, refresh: Refresher):
    """A larger threshold for one command would make the gate green, and the signature would still have the old one."""
    large = {"FINANCE_PLATFORM_MATERIALITY_AMOUNT": "1000000"}
    document = json.loads(home.command("close", "2025-01", "--dry-run", "--json", **large).stdout)
    red = {gate["gate"]: [one["finding"] for one in gate["findings"]] for gate in document["gates"]}
    assert red["rejected"] == findings(home, "2025-01")["rejected"]
    (stale,) = red["stale"]
    assert stale.startswith("FINANCE_PLATFORM_MATERIALITY_AMOUNT is 1,000,000.00 here, and 25,000.00 is published")
    waived = [option for name in findings(home, "2025-01") for option in ("--waive", name)]
    refused = home.command("close", "2025-01", *waived, "--waive", "stale", "--why", "x", **large)
    assert (refused.returncode, closings(home)) == (2, [])
    home.write(".env", "FINANCE_PLATFORM_MATERIALITY_AMOUNT=1000000\n")
    refresh(home)
    assert "stale" not in findings(home, "2025-01")
    assert "rejected" not in findings(home, "2025-01")


def test_what_was_decided_and_is_not_published_yet_is_not_signed(home: Home, refresh: Refresher):
    """A close signs the types of accounts, the year to date and the comments with the lines of its period."""
    assert home.command("close", "2024-12", "--why", "year").returncode == 0
    home.write("raw/comments.csv", "period,department_code,account_number,owner,comment\n2025-01,D100,4000,Ada,large\n")
    home.write(
        "raw/transactions_late.csv", f"{HEADER}\nL1,2024-06-05,D100,4000,7.00,x\nL2,2025-01-05,D100,4000,7.00,x\n"
    )
    refresh(home)
    assert "stale" not in findings(home, "2025-01")  # the late line waits for a person, and a run leaves it
    for command in (
        ("accept", "transactions_late.csv"),
        ("withdraw", "departments.csv"),
        ("withdraw", "comments.csv"),
    ):
        assert home.command(*command, "--why", "x").returncode == 0
    stale = findings(home, "2025-01")["stale"]
    causes = dict(text.split(" has changes that are not published yet") for text in stale)
    assert list(causes) == ["2024-06", "Commentary", "dim_department"]
    assert causes["2024-06"] == ": transactions_late.csv came"
    assert causes["dim_department"].startswith(": departments.csv no longer counts")
    waived = [option for name in findings(home, "2025-01") for option in ("--waive", name)]
    refused = home.command("close", "2025-01", *waived, "--why", "x")
    assert (refused.returncode, "cannot be waived" in refused.stderr) == (2, True)
    for name in ("departments", "comments"):
        (home.path / f"raw/{name}.csv").unlink()
    refresh(home)
    assert "stale" not in findings(home, "2025-01")


def test_a_dry_run_shows_the_gates_and_changes_nothing(home: Home):
    shown = home.command("close", "2024-12", "--dry-run")
    assert (shown.returncode, shown.stdout.splitlines()[-1]) == (0, "2024-12 can be closed.")
    assert home.command("close", "2025-01", "--dry-run").returncode == 1
    without_why = home.command("close", "2024-12")
    assert (without_why.returncode, "give a reason" in without_why.stderr) == (2, True)
    assert not closings(home)
