"""Samples for an audit: their population is money, each line of it has its chance, and a signed state has its own.

Does not belong here: the text of the drawn lines and their order (see `damage.test_audit_sample`).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from finance_platform_tests.end_to_end.home import CommandResult, Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher

pytestmark = pytest.mark.end_to_end

LEDGER = """\
feed: ledger
kind: ledger
path: gl/*.csv
columns: {transaction_id: No, date: Date, department: Dept, account: Account, amount: Amount}
constants: {scenario: Actual}
load: {mode: upsert, key: [transaction_id]}
"""
PLAN = """\
feed: plan
kind: ledger
path: plan/*.csv
columns: {date: Date, department: Dept, account: Account, amount: Amount}
constants: {scenario: Budget}
spread: {over: fiscal_year, how: even}
"""
HEADER = "No,Date,Dept,Account,Amount\n"
JANUARY = "".join(f"J{number},2025-01-0{number},D1,6500,{number}0.00\n" for number in range(1, 7))
YEARS = "".join(f"2025-01-01,D{number},6500,1200.00\n" for number in range(1, 21))
MONTHS = tuple(f"2025-{month:02}" for month in range(1, 13))


@pytest.fixture(scope="module")
def home(refresh: Refresher, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with money, a number of employees, and a plan whose years are spread over their months."""
    home = Home(tmp_path_factory.mktemp("audit_sample"))
    home.write("feeds/ledger.yaml", LEDGER)
    home.write("feeds/plan.yaml", PLAN)
    home.write(
        "raw/accounts.csv",
        "account_number,account_name,account_type,category\n6500,Energy,Expense,\n9000,Employees,Statistical,\n",
    )
    home.write("raw/gl/1.csv", f"{HEADER}{JANUARY}H1,2025-01-31,D1,9000,500000\n")
    home.write("raw/plan/2025.csv", f"Date,Dept,Account,Amount\n{YEARS}")
    assert not refresh(home).needs_attention
    return home


def draw(home: Home, *arguments: str) -> tuple[list[dict[str, Any]], CommandResult]:
    result = home.command("audit-sample", *arguments, "--format", "json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout), result


def test_an_interval_of_money_is_of_money_and_a_number_of_employees_is_never_drawn(home: Home):
    drawn, result = draw(home, "2025-01", "--n", "3", "--seed", "1")
    assert {line["account_number"] for line in drawn} == {"6500"}
    assert 2 <= len(drawn) <= 3
    assert "of 6 lines, gross 210.00, interval 70.00; mus, seed 1\n" in result.stderr
    assert "1 line of statistical accounts: not money, so not drawn\n" in result.stderr


def test_a_random_sample_may_draw_any_line_and_adds_up_money_alone(home: Home):
    drawn, result = draw(home, "2025-01", "--method", "random", "--n", "9", "--seed", "1")
    assert sorted({line["account_number"] for line in drawn}) == ["6500", "9000"]
    assert "7 lines of 7 lines, gross 210.00; random, seed 1\n" in result.stderr
    assert "1 line of statistical accounts: not money, so not in the gross amount\n" in result.stderr


def test_a_population_without_money_has_no_sample_of_cents(home: Home, refresh: Refresher, tmp_path: Path):
    own = home.copied_to(tmp_path / "home")
    own.write("raw/gl/2.csv", f"{HEADER}H2,2025-02-28,D1,9000,12\n")
    refresh(own)
    refused = own.command("audit-sample", "2025-02", "--seed", "1")
    assert refused.returncode == 2
    assert "no line of 'Actual' in 2025-02 is money other than zero" in refused.stderr


def test_a_random_sample_is_the_one_that_the_hashes_of_seed_and_place_give(home: Home):
    drawn, _ = draw(home, "2025-01", "--method", "random", "--n", "3", "--seed", "7")
    rows = sorted(range(2, 9), key=lambda row: hashlib.sha256(f"7\0gl/1.csv\0\0{row}\0".encode()).digest())
    assert [line["row"] for line in drawn] == sorted(rows[:3])


def test_months_of_one_year_are_not_drawn_together(home: Home):
    drawn, _ = draw(home, *MONTHS, "--scenario", "Budget", "--method", "random", "--n", "12", "--seed", "1")
    assert len(drawn) == 12
    assert len({line["row"] for line in drawn}) > 6


def test_a_line_that_was_taken_out_of_the_processed_zone_is_missed(home: Home, tmp_path: Path):
    own = home.copied_to(tmp_path / "home")
    for file in (own.path / "processed/transactions").rglob("*.parquet"):
        lines = pq.ParquetFile(file).read()
        pq.write_table(lines.filter([name != "J6" for name in lines["transaction_id"].to_pylist()]), file)
    refused = own.command("audit-sample", "2025-01", "--seed", "1")
    assert refused.returncode == 2
    assert "7 lines of 'Actual' are published in 2025-01, and the processed zone has 6" in refused.stderr


def test_a_signed_state_has_its_own_sample_after_a_restatement(home: Home, refresh: Refresher, tmp_path: Path):
    own = home.copied_to(tmp_path / "home")
    signed, _ = draw(own, "2025-01", "--n", "4", "--seed", "1")
    closed = own.command("close", "2025-01", "--why", "x")
    assert closed.returncode == 0, closed.stdout
    own.write("raw/gl/2.csv", f"{HEADER}J7,2025-01-09,D1,6500,9000.00\n")
    refresh(own)
    assert own.command("accept", "gl/2.csv", "--why", "late").returncode == 0
    refresh(own)
    now, _ = draw(own, "2025-01", "--n", "4", "--seed", "1")
    assert "J7" in {line["transaction_id"] for line in now}
    again, shown = draw(own, "2025-01", "--n", "4", "--seed", "1", "--as-of", "close:2025-01")
    assert again == signed
    assert "Shown as signed by" in shown.stderr
