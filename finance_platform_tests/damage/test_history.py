"""The history of decisions: in the command at once, in the warehouse with the next run, also without new data.

Does not belong here: what a decision does (see `unit/deliveries/test_decisions`), who may decide (see
`unit/deliveries/test_approvals`).
"""

from __future__ import annotations

import csv
import io
import json
import os
import pwd
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from finance_platform.deliveries.approvals import Author
from finance_platform.deliveries.decisions import withdraw
from finance_platform.deliveries.events import DecisionProposed, DecisionRecorded
from finance_platform.deliveries.period_decisions import close
from finance_platform.deliveries.register import Register
from finance_platform.refresh.proposals import find_other_figures
from finance_platform.reports.history import decisions_in, rows_of
from finance_platform.slices.published import published_cells
from finance_platform.warehouse.ledger import published_versions
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.end_to_end.small_home import ACCOUNTS, BUDGET

ME = pwd.getpwuid(os.getuid()).pw_name
LOG = (
    "SELECT EventNumber, Action, ObjectKey, Period, DecidedBy, IdentifiedBy, PreparedBy, Reason, ScenarioName, "
    "AccountType, Unit, RowCount, NetAmount, GrossAmount FROM DecisionLog ORDER BY EventNumber, AccountType"
)
PUBLISHED = """
SELECT ScenarioName, AccountType, SUM(Amount) FROM FactFinancials
INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey
INNER JOIN DimAccount ON DimAccount.AccountKey = FactFinancials.AccountKey
WHERE DateKey BETWEEN 20240301 AND 20240331 GROUP BY ScenarioName, AccountType
"""


@pytest.fixture
def decided(home: Home) -> Home:
    """A home in which March was closed and reopened and a file withdrawn, after its refresh."""
    home.write(".env", "FINANCE_PLATFORM_CLOSED_PERIODS=publish\n")
    for arguments in (
        ("close", "2024-03", "--why", "audited;  twice"),
        ("reopen", "2024-03", "--why", "a late invoice"),
        ("withdraw", "transactions_2.csv", "--why", "=sent by mistake"),
    ):
        result = home.command(*arguments)
        assert result.returncode == 0, result.stderr
    return home


def history(home: Home, *options: str) -> list[dict[str, Any]]:
    result = home.command("history", "--format", "json", *options)
    assert result.returncode == 0
    return list(json.loads(result.stdout))


def test_every_decision_has_who_when_why_what_and_how_much(decided: Home):
    rows = history(decided)
    actions = list(dict.fromkeys((row["action"], row["object_key"] or row["period"], row["reason"]) for row in rows))
    assert actions == [
        # The first close of a home closes the earlier periods with it.
        ("closed", "2024-01", "audited; twice"),
        ("closed", "2024-02", "audited; twice"),
        ("closed", "2024-03", "audited; twice"),
        ("reopened", "2024-03", "a late invoice"),
        ("withdrawn", "transactions_2.csv", "=sent by mistake"),
    ]
    opened = [row for row in rows if row["opening_of"]]
    assert {(row["period"], row["opening_of"]) for row in opened} == {("2024-01", "2024-03"), ("2024-02", "2024-03")}
    january = PUBLISHED.replace("202403", "202401")
    assert {
        (row["scenario_name"], row["account_type"], Decimal(row["net_amount"]))
        for row in opened
        if row["period"] == "2024-01"
    } == set(decided.select(january))
    assert "closed as the opening of 2024-03" in decided.command("history", COLUMNS="200").stdout
    assert {(row["decided_by"], row["identified_by"], row["prepared_by"]) for row in rows} == {(ME, "os", None)}
    amounts = {
        action: {
            (row["scenario_name"], row["account_type"]): row["net_amount"]
            for row in rows
            if row["action"] == action and not row["opening_of"]
        }
        for action in ("withdrawn", "closed", "reopened")
    }
    assert amounts["withdrawn"] == {("Actual", "Expense"): "251.10", ("Actual", "Revenue"): "77.00"}
    assert amounts["closed"] == amounts["reopened"]
    published = decided.select(PUBLISHED)
    assert amounts["closed"] == {(scenario, account): str(amount) for scenario, account, amount in published}
    assert rows[0]["event_number"] == len(Register(decided.processed).events()) - 4


def test_filters_select_by_period_file_person_and_day(decided: Home):
    assert {row["action"] for row in history(decided, "--period", "2024-03")} == {"closed", "reopened", "withdrawn"}
    assert {row["action"] for row in history(decided, "--period", "2024-01")} == {"closed", "withdrawn"}
    assert {row["action"] for row in history(decided, "--file", "transactions_2.csv")} == {"withdrawn"}
    assert history(decided, "--who", "nobody") == []
    assert history(decided, "--since", "2999-01-01") == []
    assert history(decided, "--who", ME, "--since", "2020-01-01") == history(decided)
    assert decided.command("history", "--period", "2024-3").returncode == 2


def test_every_format_has_the_same_decisions_and_no_formula(decided: Home):
    table = decided.command("history").stdout
    # A decision about several scenarios and account types is one row, whose amounts are not added up.
    (withdrawn,) = (line for line in table.splitlines() if "withdrawn" in line)
    assert "Actual: Expense 251.10, Revenue 77.00" in withdrawn
    rows = list(csv.DictReader(io.StringIO(decided.command("history", "--format", "csv").stdout)))
    assert [row["action"] for row in rows] == [row["action"] for row in history(decided)]
    assert rows[-1]["reason"] == "'=sent by mistake"
    without_rows = decided.command("history", "--format", "csv", "--who", "nobody").stdout
    assert without_rows.strip().split(",") == list(rows[0])


def test_the_view_has_the_same_rows_after_the_next_run_although_nothing_arrived(decided: Home, refresh: Refresher):
    refresh(decided)
    expected = [
        (
            row["event_number"],
            row["action"],
            row["object_key"],
            row["period"],
            row["decided_by"],
            row["identified_by"],
            row["prepared_by"],
            row["reason"],
            row["scenario_name"],
            row["account_type"],
            row["unit"],
            row["row_count"],
        )
        for row in history(decided)
    ]
    shown = decided.select(LOG)
    assert sorted(tuple(row[:12]) for row in shown) == sorted(expected)
    before = len(shown)
    # A decision that changes nothing that is published reaches the view too.
    assert decided.command("reopen", "2024-02", "--why", "too early").returncode == 0
    assert not refresh(decided).loaded
    assert len(decided.select(LOG)) > before


def proposals_of(home: Home) -> dict[str, str]:
    return {row["object_key"] or row["period"]: row["proposal"] for row in history(home) if row["is_proposal"]}


def test_a_proposal_is_shown_with_whether_it_waits(home: Home, refresh: Refresher):
    ana = Author("ana", "as agreed", datetime.now(UTC), "os", needs_approval=True)
    versions = published_versions(home.warehouse)
    published = {name: version for (table, name), version in versions.items() if table == "fact_financials"}
    cells = {"2024-03": published_cells(home.processed, "2024-03", published["2024-03"])}
    proposed = close(home.processed, "2024-03", ana, target=published, published=published, cells=cells)
    assert isinstance(proposed, DecisionProposed)
    withdraw(home.processed, "budget.csv", ana)
    assert proposals_of(home) == {"2024-03": "waits", "budget.csv": "waits"}
    assert "proposed: withdrawn (waits)" in home.command("history", COLUMNS="200").stdout

    # The types of accounts change no line of March, but what its close would sign.
    home.write("raw/accounts.csv", ACCOUNTS.replace("Subscriptions,Revenue", "Subscriptions,Expense"))
    home.write("raw/budget.csv", BUDGET.replace("1000.00", "1001.00"))
    assert not refresh(home).needs_attention
    assert proposals_of(home) == {
        "2024-03": "waits, but its figures have changed",
        "budget.csv": "ended",
    }
    warnings = json.loads(home.command("status", "--json").stdout)["warnings"]
    (warning,) = (one for one in warnings if one["kind"] == "proposal")
    assert (warning["file"], "its figures have changed since" in warning["warning"]) == ("2024-03", True)

    # One of an earlier release has no amounts, so nothing is known of them.
    assert find_other_figures(home.processed, home.state, [proposed]) == {"2024-03"}
    assert find_other_figures(home.processed, home.state, [replace(proposed, amounts=())]) == frozenset()

    # A damaged slice is named by the status, which says nothing of its figures then.
    for file in (home.path / "processed/fact_financials").rglob("*.parquet"):
        file.write_bytes(b"")
    assert proposals_of(home)["2024-03"] == "waits"


def test_a_decision_about_late_lines_has_their_periods_and_where_they_are_booked():
    signature = ("anna", "small", "2024-05-02T09:00:00.000000Z")
    booked = DecisionRecorded("accepted", "a.csv", "d1", *signature, late_periods=("2024-01",), booked_in="2024-04")
    whole = DecisionRecorded("withdrawn", "a.csv", "d1", *signature)
    rows = [row for decision in decisions_in([booked, whole], {}) for row in rows_of(decision, "EUR")]
    assert [(row["late_periods"], row["booked_in"]) for row in rows] == [("2024-01", "2024-04"), (None, None)]
