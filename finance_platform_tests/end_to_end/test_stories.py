"""Stories of files that are corrected, moved, replaced, held and sent back.

Belongs here: a department's month as a sender sees it. Does not belong here: every possible order of events (see
`model_based`).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.end_to_end.small_home import BUDGET, TRANSACTIONS
from finance_platform_tests.profiles import at_night

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


def amounts(home: Home, scenario: str) -> dict[str, str]:
    """Return a scenario's amounts by period."""
    rows = home.select(
        "SELECT YearMonth, SUM(Amount) FROM FactFinancials"
        " INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey"
        " INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey"
        f" WHERE ScenarioName = '{scenario}' AND TransactionCount > 0 GROUP BY YearMonth"
    )
    return {period: str(amount) for period, amount in rows}


def decide(home: Home, action: str, key: str) -> None:
    """Accept or withdraw a file."""
    assert home.command(action, key, "--why", "we talked about it").returncode == 0


def test_corrections_rebuild_their_own_periods_and_the_old_files_restore_every_table(
    run_home: Home, refresh: Refresher
):
    home = run_home
    may = HEADER + "T6,2024-05-02,D100,4000,10.00,\nT7,2024-05-03,0450,6000,20.00,\n"
    home.write("raw/transactions_may.csv", may)
    assert not refresh(home).needs_attention
    first = home.tables()
    # The budget's lines of February are the same, so that period stays as it was built.
    of_both = [f"fact_financials {period}" for period in ("2024-01", "2024-05")]
    home.write("raw/transactions_may.csv", may.replace("20.00", "25.00"))
    home.write("raw/budget.csv", BUDGET.replace("2024-01,D100,4000,900.00", "2024-01,D100,4000,950.00"))
    changed = refresh(home)
    assert not changed.needs_attention
    assert sorted(changed.read) == ["budget.csv", "transactions_may.csv"]
    assert sorted(changed.built) == sorted(changed.loaded) == of_both
    assert amounts(home, "Actual")["2024-05"] == "35.00"
    assert home.query("SELECT SUM(Budget) AS B FROM ActualVsBudget") == [{"B": "2850.00"}]
    home.write("raw/transactions_may.csv", may)
    home.write("raw/budget.csv", BUDGET)
    back = refresh(home)
    assert not back.needs_attention
    assert (back.read, back.built) == ([], [])
    assert sorted(back.loaded) == of_both
    assert home.tables() == first


@at_night("`unit/deliveries/test_state_order`, `unit/quality/test_delivery_order`")
def test_a_correction_with_an_older_time_wins_and_a_rebuild_from_raw_files_names_what_it_cannot_know(
    tmp_path: Path, refresh: Refresher
):
    home, rebuilt = Home(tmp_path / "home"), Home(tmp_path / "rebuilt")
    for one in (home, rebuilt):
        one.write("raw/transactions_a.csv", HEADER + "T1,2024-01-05,D1,4000,1.00,\n")
        if one is home:
            refresh(one)
        correction = one.write("raw/transactions_b.csv", HEADER + "T1,2024-01-05,D1,4000,2.00,\n")
        two_days_ago = correction.stat().st_mtime - 2 * 86_400
        os.utime(correction, (two_days_ago, two_days_ago))
    corrected, from_raw = refresh(home), refresh(rebuilt)
    assert amounts(home, "Actual") == {"2024-01": "2.00"}
    assert not [row for row in corrected.status.warnings if row["kind"] == "order"]
    assert amounts(rebuilt, "Actual") == {"2024-01": "1.00"}
    (warning,) = [row for row in from_raw.status.warnings if row["kind"] == "order"]
    assert warning["file"] == "transactions_a.csv"
    assert "replace those of transactions_b.csv only because its modification time is later" in warning["warning"]
    assert not from_raw.needs_attention


@at_night("`unit/deliveries/test_acceptance`, `test_trace`")
def test_a_moved_key_leaves_its_old_period_and_returns_after_the_withdrawal(run_home: Home, refresh: Refresher):
    home = run_home
    first = home.tables()
    assert amounts(home, "Actual") == {"2024-01": "1250.10", "2024-02": "2350.25", "2024-03": "-100.00"}
    home.write("raw/transactions_moved.csv", HEADER + "T2,2024-02-01,0450,6000,250.10,booked late\n")
    assert refresh(home).held() == {
        "transactions_moved.csv": (
            "Actual 2024-01 would lose 1 of 1 lines of department 0450, 250.10: 100%, tolerated 50%"
        )
    }
    decide(home, "accept", "transactions_moved.csv")
    moved = refresh(home)
    assert not moved.needs_attention
    facts = sorted(name for name in moved.built if name.startswith("fact"))
    assert facts == ["fact_financials 2024-01", "fact_financials 2024-02"]
    assert amounts(home, "Actual") == {"2024-01": "1000.00", "2024-02": "2600.35", "2024-03": "-100.00"}
    decide(home, "withdraw", "transactions_moved.csv")
    assert not refresh(home).needs_attention
    assert home.tables() == first


def test_a_later_plan_replaces_only_what_it_covers(run_home: Home, refresh: Refresher):
    home = run_home
    home.write("feeds/regional.yaml", REGIONAL)
    home.write("feeds/extract.yaml", EXTRACT)
    both = "2024-01,D100,4000,10.00\n2024-01,0450,6000,20.00\n2024-02,D100,4000,30.00\n2024-02,0450,6000,40.00\n"
    home.write("raw/regional/all_2024-01_2024-02.csv", PLAN_HEADER + both)
    home.write("raw/extract/a_2024-01_2024-02.csv", PLAN_HEADER + both)
    assert not refresh(home).needs_attention
    assert amounts(home, "Budget Q1") == amounts(home, "Forecast") == {"2024-01": "30.00", "2024-02": "70.00"}
    # A plan of one department that covers February without a line: D100 has no plan there any more.
    home.write("raw/regional/d100_2024-01_2024-02.csv", PLAN_HEADER + "2024-01,D100,4000,11.00\n")
    # An empty extract: the period is empty after a person has accepted it.
    home.write("raw/extract/b_2024-02_2024-02.csv", PLAN_HEADER)
    refreshed = refresh(home)
    assert refreshed.needs_attention
    held = refreshed.held()
    assert list(held) == ["extract/b_2024-02_2024-02.csv", "regional/d100_2024-01_2024-02.csv"]
    assert held["regional/d100_2024-01_2024-02.csv"].startswith(
        "Budget Q1 2024-02 would lose 1 of 1 lines of department D100, 30.00"
    )
    for scenario in ("Budget Q1", "Forecast"):
        assert amounts(home, scenario) == {"2024-01": "30.00", "2024-02": "70.00"}
    for key in held:
        decide(home, "accept", key)
    assert not refresh(home).needs_attention
    assert amounts(home, "Budget Q1") == {"2024-01": "31.00", "2024-02": "40.00"}
    assert amounts(home, "Forecast") == {"2024-01": "30.00"}


@at_night("`unit/deliveries/test_acceptance_removals`; a copy in `test_plans`")
def test_a_file_that_removes_or_doubles_published_lines_is_held_and_a_good_one_is_published(
    run_home: Home, refresh: Refresher
):
    home = run_home
    published = amounts(home, "Actual")
    home.write("raw/transactions.csv", HEADER + "T8,2024-04-01,D100,4000,80.00,only the next month\n")
    home.write("raw/transactions_more.csv", HEADER + "T9,2024-05-01,D100,4000,90.00,good\n")
    home.write("raw/budget_copy.csv", BUDGET)
    refreshed = refresh(home)
    assert refreshed.needs_attention
    reasons = refreshed.held()
    assert set(reasons) == {"transactions.csv", "budget_copy.csv"}
    assert "Actual 2024-01 would lose 1 of 1 lines of department 0450, 250.10" in reasons["transactions.csv"]
    assert reasons["budget_copy.csv"] == "the same content as budget.csv, which counts already"
    assert amounts(home, "Actual") == {**published, "2024-05": "90.00"}
    decide(home, "accept", "transactions.csv")
    decide(home, "withdraw", "budget_copy.csv")
    assert not refresh(home).needs_attention
    assert amounts(home, "Actual") == {"2024-04": "80.00", "2024-05": "90.00"}


def test_actuals_through_limits_the_comparison_and_fails_no_check(run_home: Home, refresh: Refresher):
    home = run_home
    assert not refresh(home, FINANCE_PLATFORM_ACTUALS_THROUGH="2024-01").needs_attention
    rows = home.query("SELECT Period, HasBudget, SUM(Actual) AS A, SUM(Budget) AS B FROM ActualVsBudget GROUP BY 1, 2")
    assert {row["Period"]: (row["HasBudget"], row["A"], row["B"]) for row in rows} == {
        "2024-01": (True, "1250.10", "900.00"),
        "2024-02": (False, "2350.25", None),
        "2024-03": (False, "-100.00", None),
    }
