"""Stories of files that are corrected, moved, replaced, held and sent back, told by the command itself.

Belongs here: what a department's month looks like from outside. Does not belong here: every order in which things may
happen (see `law`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finance_platform.contracts.star import STAR
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform_tests.end_to_end.small_home import BUDGET, TRANSACTIONS, Home, small_home

pytestmark = pytest.mark.end_to_end

HEADER = TRANSACTIONS.splitlines()[0] + "\n"
REGIONAL = """\
feed: regional
kind: ledger
path: regional/*.csv
columns: {date: {from: month, formats: [yyyy-MM]}, department: department, account: account, amount: amount}
constants: {scenario: Budget Q1}
load: {mode: replace_period, scope: [department], covers: {from_name: '(\\d{4}-\\d{2})_(\\d{4}-\\d{2})'}}
"""
EXTRACT = REGIONAL.replace("regional", "extract").replace("scope: [department], ", "").replace("Budget Q1", "Forecast")
PLAN_HEADER = "month,department,account,amount\n"

Tables = dict[str, list[tuple[Any, ...]]]


def tables(home: Home) -> Tables:
    """Return every table but for what the load sets."""
    warehouse = DuckDBWarehouse(home.path / "warehouse.duckdb")
    found = {}
    for contract in STAR:
        names = ", ".join(column.sql_name for column in contract.stored_columns)
        found[contract.table] = warehouse.query(f"SELECT {names} FROM {contract.table} ORDER BY {names}").rows
    return found


def amounts(home: Home, scenario: str) -> dict[str, str]:
    """Return a scenario's amounts by period."""
    rows = DuckDBWarehouse(home.path / "warehouse.duckdb").query(
        "SELECT YearMonth, SUM(Amount) FROM FactFinancials"
        " INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey"
        " INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey"
        f" WHERE ScenarioName = '{scenario}' AND TransactionCount > 0 GROUP BY YearMonth"
    )
    return {period: str(amount) for period, amount in rows.rows}


def run(home: Home, *, expected_exit: int = 0) -> tuple[dict[str, Any], dict[str, str]]:
    """Run the command; return its summary, and what became of each file."""
    done = home.command("run", "--json")
    assert done.returncode == expected_exit, done.stdout + done.stderr
    summary = json.loads(done.stdout)
    return summary, {row["file"]: row["state"] for row in summary["status"]["deliveries"]}


def decide(home: Home, action: str, key: str) -> None:
    """Accept or withdraw a file."""
    assert home.command(action, key, "--why", "we talked about it").returncode == 0


def test_a_correction_rebuilds_its_own_periods_and_the_old_file_brings_every_table_back(tmp_path: Path):
    home = small_home(tmp_path)
    may = HEADER + "T6,2024-05-02,D100,4000,10.00,\nT7,2024-05-03,0450,6000,20.00,\n"
    home.write("raw/transactions_may.csv", may)
    run(home)
    first = tables(home)
    home.write("raw/transactions_may.csv", may.replace("20.00", "25.00"))
    changed, _ = run(home)
    assert changed["built"] == ["fact_financials 2024-05"]
    assert amounts(home, "Actual")["2024-05"] == "35.00"
    home.write("raw/transactions_may.csv", may)
    back, _ = run(home)
    assert (back["deliveries_read"], back["built"]) == (0, [])
    assert back["loaded"] == ["fact_financials 2024-05"]
    assert tables(home) == first


def test_a_key_that_moves_leaves_its_old_period_and_shows_there_again_when_the_move_is_withdrawn(run_home: Home):
    home = run_home
    first = tables(home)
    assert amounts(home, "Actual") == {"2024-01": "1250.10", "2024-02": "2350.25", "2024-03": "-100.00"}
    home.write("raw/transactions_moved.csv", HEADER + "T2,2024-02-01,0450,6000,250.10,booked late\n")
    moved, _ = run(home)
    facts = sorted(name for name in moved["built"] if name.startswith("fact"))
    assert facts == ["fact_financials 2024-01", "fact_financials 2024-02"]
    assert amounts(home, "Actual") == {"2024-01": "1000.00", "2024-02": "2600.35", "2024-03": "-100.00"}
    decide(home, "withdraw", "transactions_moved.csv")
    run(home)
    assert tables(home) == first


def test_a_later_plan_replaces_what_it_covers_and_no_more(tmp_path: Path):
    home = small_home(tmp_path)
    home.write("feeds/regional.yaml", REGIONAL)
    home.write("feeds/extract.yaml", EXTRACT)
    both = "2024-01,D100,4000,10.00\n2024-01,0450,6000,20.00\n2024-02,D100,4000,30.00\n2024-02,0450,6000,40.00\n"
    home.write("raw/regional/all_2024-01_2024-02.csv", PLAN_HEADER + both)
    home.write("raw/extract/a_2024-01_2024-02.csv", PLAN_HEADER + both)
    run(home)
    assert amounts(home, "Budget Q1") == amounts(home, "Forecast") == {"2024-01": "30.00", "2024-02": "70.00"}
    # One department's own: February is covered and not in it, so D100 plans nothing there any more.
    home.write("raw/regional/d100_2024-01_2024-02.csv", PLAN_HEADER + "2024-01,D100,4000,11.00\n")
    # An extract that finds nothing: the period is empty, once somebody says that this is meant.
    home.write("raw/extract/b_2024-02_2024-02.csv", PLAN_HEADER)
    _, states = run(home, expected_exit=1)
    assert states["extract/b_2024-02_2024-02.csv"] == "held"
    assert amounts(home, "Budget Q1") == {"2024-01": "31.00", "2024-02": "40.00"}
    assert amounts(home, "Forecast") == {"2024-01": "30.00", "2024-02": "70.00"}
    decide(home, "accept", "extract/b_2024-02_2024-02.csv")
    run(home)
    assert amounts(home, "Forecast") == {"2024-01": "30.00"}


def test_what_would_take_out_or_double_what_is_published_is_held_and_what_is_good_beside_it_goes_on(run_home: Home):
    home = run_home
    published = amounts(home, "Actual")
    home.write("raw/transactions.csv", HEADER + "T8,2024-04-01,D100,4000,80.00,the next month alone\n")
    home.write("raw/transactions_beside.csv", HEADER + "T9,2024-05-01,D100,4000,90.00,good\n")
    home.write("raw/budget_copy.csv", BUDGET)
    summary, _ = run(home, expected_exit=1)
    reasons = {row["file"]: row["reason"] for row in summary["status"]["deliveries"] if row["state"] == "held"}
    assert "actual 2024-01 would go from 2 lines to 0" in reasons["transactions.csv"]
    assert reasons["budget_copy.csv"] == "the same content as budget.csv, which counts already"
    assert amounts(home, "Actual") == {**published, "2024-05": "90.00"}
    decide(home, "accept", "transactions.csv")
    decide(home, "withdraw", "budget_copy.csv")
    run(home)
    assert amounts(home, "Actual") == {"2024-04": "80.00", "2024-05": "90.00"}
