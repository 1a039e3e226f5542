"""What leads from signed figures to those of now, as a controller and an auditor see it.

Belongs here: the command, the views and the run of a home whose closed periods change for every cause. Does not belong
here: random sequences (see `model_based`), what a closed period holds back (see `test_closed_periods`).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finance_platform.deliveries.events import PeriodStatusChanged
from finance_platform.deliveries.register import Register
from finance_platform.reports.restatements import describe_restatements, read_restatements
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform_tests.end_to_end.home import Home, copy_home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.end_to_end.small_home import ACCOUNTS, BUDGET, DEPARTMENTS, TRANSACTIONS
from finance_platform_tests.profiles import at_night

pytestmark = pytest.mark.end_to_end

HEADER = TRANSACTIONS.splitlines()[0]
PUBLISH = {"FINANCE_PLATFORM_CLOSED_PERIODS": "publish"}

Step = tuple[str, str | None, str, Decimal]
"""Cause, file, account type, amount."""


@pytest.fixture
def home(january_closed: Path, tmp_path: Path) -> Home:
    """The small home with January closed."""
    return copy_home(january_closed, tmp_path / "home")


def from_january(text: str) -> str:
    """Return master data that holds from January on, a closed period."""
    header, *lines = text.splitlines()
    return "".join(f"{line}\n" for line in (f"{header},valid_from", *(f"{line},2024-01" for line in lines)))


def rows(home: Home, close: str) -> list[dict[str, Any]]:
    result = home.command("restatement", close, "--format", "json")
    assert result.returncode == 0, result.stdout + result.stderr
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def require_footing(found: list[dict[str, Any]]) -> None:
    """Signed figures and steps add up to the figures of now, in every group of money."""
    last = max(row["step_number"] for row in found)
    for name in ("amount", "profit_effect"):
        sums: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
        for row in found:
            group = tuple(str(row[part]) for part in ("measure", "scenario_name", "account_type", "category"))
            sums[(*group, str(row["business_unit"]))] += Decimal(row[name]) * (-1 if row["step_number"] == last else 1)
        assert set(sums.values()) == {Decimal(0)}, sums


def steps(found: list[dict[str, Any]], measure: str = "Amount", scenario: str = "Actual") -> list[Step]:
    return [
        (row["cause"], row["object_key"], row["account_type"], Decimal(row["amount"]))
        for row in found
        if (row["measure"], row["scenario_name"]) == (measure, scenario) and row["cause"] not in {"signed", "now"}
    ]


def test_every_cause_is_a_step_with_its_file_and_signed_and_steps_are_the_figures_of_now(
    home: Home, refresh: Refresher
) -> None:
    assert steps(rows(home, "2024-01")) == []
    everything = home.command("restatement")
    assert (everything.returncode, "published as it was signed" in everything.stdout) == (0, True)
    home.write("raw/transactions_late.csv", f"{HEADER}\nT9,2024-01-20,D100,4000,55.55,late invoice\n")
    home.write("raw/transactions_draft.csv", f"{HEADER}\nT8,2024-01-21,0450,6000,7.00,draft\n")
    refresh(home, **PUBLISH)
    home.write("raw/transactions.csv", TRANSACTIONS.replace("250.10", "251.10"))
    home.write("raw/budget.csv", BUDGET.replace("2024-01,D100,4000,900.00", "2024-01,D100,4000,950.00"))
    home.write("raw/accounts.csv", from_january(ACCOUNTS.replace("6000,Salaries,Expense", "6000,Salaries,Asset")))
    home.write("raw/departments.csv", from_january(DEPARTMENTS.replace("Sales,Commercial", "Sales,Digital")))
    assert home.command("withdraw", "transactions_draft.csv", "--why", "a draft", **PUBLISH).returncode == 0
    refresh(home, **PUBLISH)

    found = rows(home, "2024-01")
    require_footing(found)
    cents = Decimal("55.55")
    assert steps(found) == [
        ("late", "transactions_late.csv", "Revenue", cents),
        ("corrected", "transactions.csv", "Expense", Decimal("1.00")),
        ("reclassified", "accounts.csv", "Asset", Decimal("251.10")),
        ("reclassified", "accounts.csv", "Expense", Decimal("-251.10")),
        ("reclassified", "departments.csv", "Revenue", Decimal(-1000) - cents),
        ("reclassified", "departments.csv", "Revenue", Decimal(1000) + cents),
    ]
    assert steps(found, "BudgetAmount")[0] == ("corrected", "budget.csv", "Revenue", Decimal(50))


def reopened_amounts(home: Home, period: str) -> dict[tuple[str, str], Decimal]:
    """Open a period, and return the amounts that the register has of the decision."""
    assert home.command("reopen", period, "--why", "x").returncode == 0
    event = Register(home.processed).events()[-1]
    assert isinstance(event, PeriodStatusChanged)
    return {(one.scenario, one.account_type): Decimal(one.net) for one in event.amounts}


def test_a_reopening_is_about_what_is_published_then_and_not_about_what_was_signed(
    home: Home, refresh: Refresher, tmp_path: Path
) -> None:
    signed = {("Actual", "Expense"): Decimal("250.10"), ("Actual", "Revenue"): Decimal(1000)}
    as_signed = reopened_amounts(home.copied_to(tmp_path / "as_signed"), "2024-01")
    assert {place: as_signed[place] for place in signed} == signed
    home.write("raw/transactions_late.csv", f"{HEADER}\nT9,2024-01-20,D100,4000,55.55,late invoice\n")
    home.write("raw/accounts.csv", from_january(ACCOUNTS.replace("6000,Salaries,Expense", "6000,Salaries,Asset")))
    refresh(home, **PUBLISH)
    damaged = home.copied_to(tmp_path / "damaged")
    restated = reopened_amounts(home, "2024-01")
    assert restated == {
        **{place: amount for place, amount in as_signed.items() if place[0] != "Actual"},
        ("Actual", "Asset"): Decimal("250.10"),
        ("Actual", "Revenue"): Decimal("1055.55"),
    }
    shown = home.command("history", "--period", "2024-01").stdout
    assert "Actual: Asset 250.10, Revenue 1,055.55" in shown
    # Without the record of the load, what is published is not known without the warehouse; the decision is possible.
    (damaged.path / "processed/loads/000000000002.json").unlink()
    assert reopened_amounts(damaged, "2024-01") == as_signed


def test_a_type_that_waits_is_not_what_is_published(home: Home, refresh: Refresher) -> None:
    home.write("raw/accounts.csv", from_january(ACCOUNTS.replace("6000,Salaries,Expense", "6000,Salaries,Asset")))
    refresh(home, FINANCE_PLATFORM_CLOSED_PERIODS="hold")
    assert ("Actual", "Expense") in reopened_amounts(home, "2024-01")


def test_a_reopened_period_keeps_its_steps_from_its_first_signature_with_who_and_why(
    home: Home, refresh: Refresher
) -> None:
    assert home.command("reopen", "2024-01", "--why", "an invoice came late").returncode == 0
    home.write("raw/transactions_late.csv", f"{HEADER}\nT9,2024-01-20,D100,4000,55.55,late invoice\n")
    refresh(home, **PUBLISH)
    (sentence,) = describe_restatements(read_restatements(DuckDBWarehouse(home.path / "warehouse.duckdb")))
    assert re.fullmatch(
        r"2024-01#1, closed by .+: profit \+55.55 since signed; late transactions_late.csv "
        r"\(.+: an invoice came late\): Actual \+55.55",
        sentence,
    )
    shown = home.command("restatement", "2024-01")
    assert all(text in shown.stdout for text in ("2024-01#1", "late", "transactions_late.csv", "55.55", "1,055.55"))
    assert home.command("close", "2024-01", "--why", "closed again").returncode == 0
    refresh(home, **PUBLISH)

    late = [row for row in rows(home, "2024-01") if row["cause"] == "late"]
    (step,) = late
    assert (step["close_number"], step["amount"], step["profit_effect"]) == (1, "55.55", "55.55")
    assert step["reason"] == "an invoice came late"
    assert steps(rows(home, "2024-01#2")) == []
    for close, expected in (
        ("2024-02", "no close 2024-02 was signed; signed are 2024-01"),
        ("2024-01#3", "ask for 2024-01#2, its last one"),
        ("January", "write it as 2025-03, or 2025-03#1"),
    ):
        refused = home.command("restatement", close)
        assert (refused.returncode, expected in " ".join(refused.stderr.split())) == (2, True), refused.stderr

    view = (
        "SELECT CloseNumber, IsLatest, Cause, ObjectKey, Amount, Reason FROM Restatement WHERE AccountType = 'Revenue'"
    )
    signed, late_row, now = home.select(
        f"{view} AND ScenarioName = 'Actual' AND Measure = 'Amount' ORDER BY StepNumber"
    )
    assert (signed[4], now[4], late_row[4]) == (Decimal(1000), Decimal("1055.55"), Decimal("55.55"))
    assert late_row[:4] == (1, False, "late", "transactions_late.csv")
    assert home.select(
        "SELECT CloseNumber, IsLatest, SUM(SignedAmount), SUM(PublishedAmount) FROM SignedAmount "
        "WHERE Measure = 'Amount' AND ScenarioName = 'Actual' AND AccountType = 'Revenue' "
        "GROUP BY CloseNumber, IsLatest ORDER BY 1"
    ) == [(1, False, Decimal(1000), Decimal("1055.55")), (2, True, Decimal("1055.55"), Decimal("1055.55"))]

    out = home.path / "out"
    assert home.command("report", "--period", "2024-01", "--out", str(out)).returncode == 0
    page = next(out.glob("*.html")).read_text()
    for text in ("Signed periods have changed", "2024-01#1", "an invoice came late", "every gate was green"):
        assert text in page, text


@at_night("the same sentence with the reason of a reopened period, above")
def test_the_output_of_a_run_names_what_changed_a_signed_period_and_a_withdrawal_restores_it(
    home: Home, refresh: Refresher
) -> None:
    home.write("raw/transactions_late.csv", f"{HEADER}\nT9,2024-01-20,D100,4000,55.55,late invoice\n")
    assert list(refresh(home).held()) == ["transactions_late.csv"]
    assert home.command("accept", "transactions_late.csv", "--why", "audited").returncode == 0
    refresh(home)
    (sentence,) = describe_restatements(read_restatements(DuckDBWarehouse(home.path / "warehouse.duckdb")))
    assert re.fullmatch(
        r"2024-01#1, closed by .+: profit \+55.55 since signed; late transactions_late.csv \(.+: audited\): "
        r"Actual \+55.55",
        sentence,
    )
    shown = home.command("restatement", "2024-01")
    assert all(text in shown.stdout for text in ("2024-01#1", "late", "transactions_late.csv", "55.55", "1,055.55"))

    assert home.command("withdraw", "transactions_late.csv", "--why", "not ours", **PUBLISH).returncode == 0
    refresh(home, **PUBLISH)
    assert home.select("SELECT * FROM Restatement") == []
    everything = home.command("restatement")
    assert (everything.returncode, "published as it was signed" in everything.stdout) == (0, True)


def test_a_reopened_period_is_open_in_reports_before_the_next_run(home: Home) -> None:
    status = "SELECT Period, IsClosed FROM PeriodCalendar WHERE Period = '2024-01'"
    assert home.select(status) == [("2024-01", True)]
    assert "reports show" not in home.command("reopen", "2024-01", "--why", "an invoice came late").stdout
    assert home.select(status) == [("2024-01", False)]
    assert home.command("report", "--period", "2024-01").returncode == 0
    page = (home.path / "reports/report_pack-2024-01.html").read_text()
    assert "is complete, not closed" in page
    assert home.command("verify").returncode == 0


def test_a_period_is_opened_without_its_warehouse_and_the_command_says_what_reports_show(home: Home) -> None:
    (home.path / "warehouse.duckdb").write_bytes(b"damaged")
    opened = home.command("reopen", "2024-01", "--why", "an invoice came late")
    assert (opened.returncode, opened.stderr) == (0, "")
    assert "Until then, reports show 2024-01 as closed: " in opened.stdout
    assert home.state.closed == {}
