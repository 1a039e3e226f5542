"""The command `vacuum`: what it removes, what stays, and that results do not change."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

import pytest

from finance_platform_tests.end_to_end.home import Home, copy_home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.end_to_end.small_home import BUDGET, TRANSACTIONS

pytestmark = pytest.mark.end_to_end

AT_ONCE = {"FINANCE_PLATFORM_RETENTION_DAYS": "0"}
CORRECTED = TRANSACTIONS.replace("1000.00,January", "1000.50,January")
CELL = "DateKey, DepartmentKey, AccountKey, ScenarioKey"
FACTS = f"SELECT {CELL}, Amount, BudgetAmount, TransactionCount FROM FactFinancials ORDER BY {CELL}"


def vacuum(home: Home, *arguments: str, **environment: str) -> dict[str, Any]:
    result = home.command("vacuum", "--json", *arguments, **environment)
    assert result.returncode == 0, result.stderr
    return dict(json.loads(result.stdout))


def files(home: Home) -> list[str]:
    paths = (home.path / "processed").rglob("*")
    return sorted(str(path.relative_to(home.path)) for path in paths if path.is_file())


def status(home: Home, *options: str) -> dict[str, Any]:
    return dict(json.loads(home.command("status", "--json", *options).stdout))


def statements(home: Home) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the reconciliation of the current deliveries and of all versions."""
    document = status(home, "--all-versions")
    return document["reconciliation"], document["all_versions"]


@pytest.fixture(scope="module")
def replaced(small_home_once_run: Path, refresh: Refresher, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with a corrected transactions.csv; February was closed before, which signed all first versions.

    The budget came twice since, so that versions exist that nothing has signed.
    """
    home = copy_home(small_home_once_run, tmp_path_factory.mktemp("replaced") / "home")
    home.write(".env", "FINANCE_PLATFORM_CLOSED_PERIODS=publish\n")
    home.command("close", "2024-02", "--why", "month end")
    home.write("raw/transactions.csv", CORRECTED)
    for amount in ("910.00", "920.00"):
        home.write("raw/budget.csv", BUDGET.replace("900.00", amount))
        refresh(home)
    home.write("processed/job.lock", b"")  # as every job leaves it
    home.write("processed/transactions/19990101T000000-dead/part.parquet", b"of a job that was stopped")
    return home


def test_a_dry_run_lists_and_removes_nothing(replaced: Home):
    before = files(replaced)
    listed = vacuum(replaced, **AT_ONCE)
    assert files(replaced) == before
    assert (listed["format"], listed["is_removed"], listed["retention_days"]) == (1, False, 0)
    kinds = {(removal["kind"], removal["name"].split()[0]) for removal in listed["removals"]}
    assert ("stray file", "transactions/19990101T000000-dead/part.parquet") in kinds
    assert ("slice version", "fact_financials") in kinds
    assert listed["bytes"] == sum(removal["bytes"] for removal in listed["removals"])
    assert "Nothing is removed yet: --yes removes" in replaced.command("vacuum", **AT_ONCE).stdout


def test_data_younger_than_the_retention_stays(replaced: Home):
    assert {removal["kind"] for removal in vacuum(replaced)["removals"]} <= {"stray file"}


def test_a_version_of_a_closed_period_keeps_its_delivery(replaced: Home):
    names = [removal["name"] for removal in vacuum(replaced, **AT_ONCE)["removals"]]
    assert "transactions.csv" not in names
    signed = replaced.state.closed["2024-02"].versions["fact_financials"]
    assert f"fact_financials 2024-02 {signed}" not in names


@pytest.mark.parametrize("lock", ["run.lock", "processed/job.lock"])
def test_vacuum_stops_if_a_run_or_a_job_is_active(replaced: Home, lock: str):
    handle = os.open(replaced.path / lock, os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        result = replaced.command("vacuum", "--yes")
    finally:
        os.close(handle)
    assert result.returncode == 3
    assert "active" in result.stderr


def test_after_a_vacuum_a_run_does_nothing_tables_are_equal_and_removed_content_is_read_again(
    run_home: Home, refresh: Refresher
):
    home = run_home
    first = home.query(FACTS)
    home.write("raw/transactions.csv", CORRECTED)
    refresh(home)
    before, statement = home.query(FACTS), statements(home)
    removed = vacuum(home, "--yes", **AT_ONCE)
    assert removed["is_removed"]
    assert [one["name"] for one in removed["removals"] if one["kind"] == "delivery"] == ["transactions.csv"]
    assert vacuum(home, **AT_ONCE)["removals"] == []
    assert not refresh(home).has_work
    after = status(home)
    assert (after["is_sound"], after["is_stale"]) == (True, False)
    assert statements(home) == statement
    replaced = [line["terms"].get("replaced", {"rows": 0})["rows"] for line in statement[1]["by_scenario"]]
    assert sum(replaced) == 5
    assert after["controllers_line"]["superseded"]["rows"] == 0
    assert home.query(FACTS) == before
    assert json.loads(home.command("trace", "--file", "transactions.csv", "--format", "json").stdout)["cells"]
    home.write("raw/transactions.csv", TRANSACTIONS)
    assert refresh(home).read == ["transactions.csv"]
    assert home.query(FACTS) == first
    assert status(home)["is_sound"]
