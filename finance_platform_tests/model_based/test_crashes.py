"""Crashes: a run that breaks off anywhere leaves what is published whole, and the next one heals it.

Belongs here: one story broken off at many points in this process, and the command killed for good in processes of
their own. Does not belong here: breaks at random among other events (see `machine`), faults in each statement of a
load (see the warehouse's tests).
"""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from finance_platform.reports.reconciliation import reconcile
from finance_platform_tests.dagster_jobs import dagster_jobs_in_this_process
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.small_home import TRANSACTIONS, create_small_home
from finance_platform_tests.model_based.home import FIRST_MOMENT, BrokenOffError, FaultInjector, LawHome
from finance_platform_tests.model_based.sent import Feed, SentAccount, SentRow, as_bytes
from finance_platform_tests.profiles import current_profile

EVERY_POINT = current_profile().is_exhaustive
POINTS_TRIED = 5
KILLS = Path(__file__).parent / "kills"

LEDGER = Feed("ledger", mode="upsert", key=("transaction_id",), has_types=True)
PLAN = Feed("plan", mode="replace_period", scenario="Budget")
CHART = Feed("chart", kind="accounts")
FIRST = {
    "ledger/a.csv": (
        SentRow("1", "2024-01-05", "D1", "4000", "Actual", "100.00", "Revenue"),
        SentRow("2", "2024-02-05", "D1", "4000", "Actual", "200.00", "Revenue"),
    ),
    "ledger/b.csv": (SentRow("3", "2024-03-05", "D2", "6000", "Actual", "-30.00"),),
    "plan/p.csv": (SentRow("", "2024-01-01", "D1", "4000", "", "90.00"),),
}
THEN = {
    # One key moves from February to April, one is corrected, one is new; the plan is another one.
    "ledger/c.csv": (
        SentRow("2", "2024-04-09", "D1", "4000", "Actual", "250.00", "Revenue"),
        SentRow("3", "2024-03-05", "D2", "6000", "Actual", "-31.00"),
        SentRow("4", "2024-03-06", "D3", "6000", "Actual", "7.77"),
    ),
    "plan/p.csv": (SentRow("", "2024-03-01", "D2", "6000", "", "-25.00"),),
}


@pytest.fixture(scope="module")
def before(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> LawHome:
    """A home as it is when the story begins: refreshed, then changed."""
    home = LawHome(tmp_path_factory.mktemp("before"), spark)
    for feed in (LEDGER, PLAN, CHART):
        home.describe(feed.name, feed.descriptor())
    for nth, (key, content) in enumerate(FIRST.items()):
        home.put(key, as_bytes("ledger", content), FIRST_MOMENT + timedelta(hours=nth))
    home.refresh()
    for nth, (key, content) in enumerate(THEN.items()):
        home.put(key, as_bytes("ledger", content), FIRST_MOMENT + timedelta(days=1, hours=nth))
    home.put("chart/c.csv", as_bytes("accounts", (SentAccount("6000", "Expense"),)), FIRST_MOMENT)
    return home


def copy_of(home: LawHome, folder: Path) -> LawHome:
    shutil.copytree(home.path, folder, copy_function=shutil.copy2)
    return LawHome(folder, home.spark, ticks=home.ticks)


@pytest.fixture(scope="module")
def undisturbed(before: LawHome, tmp_path_factory: pytest.TempPathFactory) -> tuple[LawHome, int]:
    """The home after a run that nothing disturbed, and how many points that run has."""
    home = copy_of(before, tmp_path_factory.mktemp("undisturbed") / "home")
    with FaultInjector().wired() as fuse:
        fuse.set_to(None)
        home.refresh()
    return home, fuse.passed


def points(count: int) -> list[int]:
    if EVERY_POINT:
        return list(range(1, count + 1))
    return sorted({1 + (count - 1) * nth // (POINTS_TRIED - 1) for nth in range(POINTS_TRIED)})


def movements(home: LawHome) -> list[tuple[object, ...]]:
    names = "Kind, Measure, Period, ScenarioKey, DepartmentKey, AccountKey, OldAmount, NewAmount, Cause"
    return sorted(home.warehouse.query(f"SELECT {names} FROM Movements").rows, key=repr)


def test_a_run_that_breaks_off_anywhere_is_healed_by_the_next(
    before: LawHome, undisturbed: tuple[LawHome, int], tmp_path: Path
):
    expected, count = undisturbed
    old, new = before.tables(), expected.tables()
    assert old != new
    for point in points(count):
        home = copy_of(before, tmp_path / f"{point}")
        with FaultInjector().wired() as fuse:
            fuse.set_to(point)
            with pytest.raises(BrokenOffError):
                home.refresh()
        assert home.tables() in (old, new), f"a reader sees halves after a break at point {point}"
        broken = reconcile(home.processed, home.snapshot(), home.warehouse, currency="USD")
        assert not broken.unexplained, f"the statement is wrong after a break at point {point}"
        home.refresh()
        assert home.tables() == new, f"not healed after a break at point {point}"
        assert movements(home) == movements(expected), f"another log after a break at point {point}"
        reconciliation = reconcile(home.processed, home.snapshot(), home.warehouse, currency="USD")
        assert not reconciliation.unexplained
        shutil.rmtree(home.path)


@pytest.mark.end_to_end
def test_a_command_that_is_killed_at_any_write_is_healed_by_the_next(tmp_path: Path):
    """Each run dies at its nth rename, link or removal, in whichever process that falls, until one comes through."""
    expected = _sent(create_small_home(tmp_path / "undisturbed"))
    with dagster_jobs_in_this_process():
        assert expected.command("run").returncode == 0
    home = _sent(create_small_home(tmp_path / "killed"))
    died = 0
    for point in range(1, 200, 1 if EVERY_POINT else 8):
        counter = tmp_path / f"counter-{point}"
        counter.write_text("0")
        done = home.process("run", PYTHONPATH=str(KILLS), LAW_KILL_AT=str(point), LAW_COUNTER=str(counter))
        if int(counter.read_text()) < point:
            assert done.returncode == 0, done.stderr
            break
        died += 1
    else:
        pytest.fail("no run came through")
    assert died > 2
    with dagster_jobs_in_this_process():
        assert home.command("run").returncode == 0
    for table in ("DimDate", "DimDepartment", "DimAccount", "DimScenario"):
        assert rows(home, f"SELECT * FROM {table}") == rows(expected, f"SELECT * FROM {table}")
    facts = "SELECT DateKey, DepartmentKey, AccountKey, ScenarioKey, Amount, BudgetAmount, Variance FROM FactFinancials"
    assert rows(home, facts) == rows(expected, facts)
    assert '"is_sound": true' in home.command("status", "--json").stdout


def _sent(home: Home) -> Home:
    more = "T6,2024-04-05,D100,4000,50.00,April\n"
    home.write("raw/transactions_more.csv", TRANSACTIONS.replace("1100.00", "1110.00") + more)
    return home


def rows(home: Home, sql: str) -> list[str]:
    return sorted(str(row) for row in home.query(sql))
