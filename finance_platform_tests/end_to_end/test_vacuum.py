"""Vacuuming through the command: what goes, what stays, and that nothing notices."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

import pytest

from finance_platform_tests.end_to_end.small_home import TRANSACTIONS, Home, copied

pytestmark = pytest.mark.end_to_end

AT_ONCE = {"FINANCE_PLATFORM_RETENTION_DAYS": "0"}
CORRECTED = TRANSACTIONS.replace("1000.00,January", "1000.50,January")
CELL = "DateKey, DepartmentKey, AccountKey, ScenarioKey"
FACTS = f"SELECT {CELL}, Amount, BudgetAmount, TransactionCount FROM FactFinancials ORDER BY {CELL}"


def vacuum(home: Home, *arguments: str, **environment: str) -> dict[str, Any]:
    done = home.command("vacuum", "--json", *arguments, **environment)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def files(home: Home) -> list[str]:
    found = (home.path / "processed").rglob("*")
    return sorted(str(path.relative_to(home.path)) for path in found if path.is_file())


def status(home: Home) -> dict[str, Any]:
    return dict(json.loads(home.command("status", "--json").stdout))


@pytest.fixture(scope="module")
def replaced(small_home_once_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home in which transactions.csv was corrected; February was closed before, with the first version."""
    home = copied(small_home_once_run, tmp_path_factory.mktemp("replaced") / "home")
    home.command("close", "2024-02", "--why", "month end")
    home.write("raw/transactions.csv", CORRECTED)
    home.run()
    home.write("processed/transactions/19990101T000000-dead/part.parquet", b"of a job that was stopped")
    return home


def test_a_dry_run_lists_and_removes_nothing(replaced: Home):
    before = files(replaced)
    found = vacuum(replaced, **AT_ONCE)
    assert files(replaced) == before
    assert (found["format"], found["is_removed"], found["retention_days"]) == (1, False, 0)
    kinds = {(one["kind"], one["name"].split()[0]) for one in found["removals"]}
    assert ("stray file", "transactions/19990101T000000-dead/part.parquet") in kinds
    assert ("slice version", "fact_financials") in kinds
    assert found["bytes"] == sum(one["bytes"] for one in found["removals"])
    shown = replaced.command("vacuum", **AT_ONCE).stdout
    assert "Nothing is removed yet: --yes removes" in shown


def test_what_is_younger_than_the_retention_stays(replaced: Home):
    found = vacuum(replaced)
    assert {one["kind"] for one in found["removals"]} <= {"stray file"}


def test_a_version_that_a_closing_recorded_keeps_its_delivery(replaced: Home):
    names = [one["name"] for one in vacuum(replaced, **AT_ONCE)["removals"]]
    assert "transactions.csv" not in names
    assert not [name for name in names if name.startswith("fact_financials 2024-02")]


def test_vacuum_waits_for_no_run_and_for_no_job(replaced: Home):
    for lock in ("run.lock", "processed/job.lock"):
        handle = os.open(replaced.path / lock, os.O_RDWR)
        fcntl.flock(handle, fcntl.LOCK_EX)
        done = replaced.command("vacuum", "--yes")
        os.close(handle)
        assert done.returncode == 3
        assert "at work" in done.stderr


def test_after_a_vacuum_nothing_is_to_do_everything_is_equal_and_content_sent_back_is_read_again(run_home: Home):
    home = run_home
    first = home.query(FACTS)
    home.write("raw/transactions.csv", CORRECTED)
    home.run()
    before, line = home.query(FACTS), status(home)["controllers_line"]
    found = vacuum(home, "--yes", **AT_ONCE)
    assert found["is_removed"]
    assert [one["name"] for one in found["removals"] if one["kind"] == "delivery"] == ["transactions.csv"]
    assert vacuum(home, **AT_ONCE)["removals"] == []
    assert "Nothing to do" in home.command("run").stdout
    there = status(home)
    assert (there["is_sound"], there["is_stale"]) == (True, False)
    assert (line["superseded"]["rows"], there["controllers_line"]["superseded"]["rows"]) == (5, 0)
    assert home.query(FACTS) == before
    assert json.loads(home.command("trace", "--file", "transactions.csv", "--format", "json").stdout)["cells"]
    home.write("raw/transactions.csv", TRANSACTIONS)
    assert home.run()["deliveries_read"] == 1
    assert home.query(FACTS) == first
    assert status(home)["is_sound"]
