"""Previews of decisions: what an acceptance would move, by account type, with its effect on profit.

Belongs here: `deliveries.previews`. Does not belong here: the command (see `end_to_end/test_closed_periods`).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finance_platform.contracts.processed import ACCOUNTS, MEMBERS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.commits import Count
from finance_platform.deliveries.events import PeriodStatusChanged
from finance_platform.deliveries.members.attribute_history import TypesInPeriods
from finance_platform.deliveries.period_decisions import close
from finance_platform.deliveries.previews import preview_acceptance, preview_effects_on_files, profit_effects
from finance_platform.errors import DecisionError
from finance_platform.feeds.findings import ReaderFindings
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform_tests.unit.zone import ADA, Line, Zone

SALE, WAGE = Line("S1", account="4000"), Line("W1", account="6000", amount="30.00")
TYPES = {"4000": "Revenue", "6000": "Expense", "2100": "Liability"}


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    """A zone with a sale and wages in January, which is closed."""
    zone = Zone(tmp_path)
    rows = [{"account_key": surrogate_key(number), "account_type": kind} for number, kind in TYPES.items()]
    file = zone.write("accounts/chart.parquet", arrow_schema(ACCOUNTS.columns), rows)
    zone.describe_accounts("chart.csv", file, len(rows), "c1")
    zone.deliver("a.csv", [SALE, WAGE], load_mode="upsert")
    zone.evaluate()
    zone.append(PeriodStatusChanged("closed", "2025-01", "ada", "audited", "2025-06-01"))
    return zone


DOUBTFUL: dict[str, Any] = {"commit_findings": ReaderFindings(doubts=("is it UTF-8?",))}
"""What holds a delivery as a whole, the lines of open periods too."""


def rows(zone: Zone, key: str) -> list[tuple[object, ...]]:
    return [
        (one.period, one.is_closed, one.account_type, str(one.amount), str(one.gross), str(one.profit_effect))
        for one in preview_acceptance(zone.store, key)
    ]


def test_a_preview_has_amounts_by_account_type_and_the_effect_on_profit(zone: Zone) -> None:
    wages = Line("W2", account="6000", amount="5.00", period="2025-02")
    zone.deliver("b.csv", [replace(SALE, amount="12.50"), WAGE, wages], load_mode="upsert", content="w", **DOUBTFUL)
    assert zone.evaluate_held(holds_closed_periods=True).keys() == {"b.csv"}
    assert rows(zone, "b.csv") == [
        ("2025-01", True, "Revenue", "2.50", "2.50", "2.50"),
        ("2025-02", False, "Expense", "5.00", "5.00", "-5.00"),
    ]
    preview = preview_acceptance(zone.store, "b.csv")
    assert profit_effects(preview, of_closed=True) == {"Actual": Decimal("2.50")}
    assert profit_effects(preview, of_closed=False) == {"Actual": Decimal("-2.50")}


def test_credits_of_a_trial_balance_are_previewed_in_the_sign_of_the_star(zone: Zone) -> None:
    sent = [Line(account="4000", amount="-7.00"), Line(account="2100", amount="-3.00"), Line(account="6000")]
    zone.deliver("gl.csv", sent, feed="journal", commit_is_debit_positive=True)
    assert zone.evaluate_held(holds_closed_periods=True).keys() == {"gl.csv"}
    assert rows(zone, "gl.csv") == [
        ("2025-01", True, "Expense", "10.00", "10.00", "-10.00"),
        ("2025-01", True, "Liability", "3.00", "3.00", "0.00"),
        ("2025-01", True, "Revenue", "7.00", "7.00", "7.00"),
    ]


def test_only_a_delivery_that_can_be_accepted_has_a_preview(zone: Zone) -> None:
    with pytest.raises(DecisionError, match=r"no delivery of 'a\.csv' is held"):
        preview_acceptance(zone.store, "a.csv")


def test_a_preview_and_a_decision_have_the_type_of_the_account_in_each_period(tmp_path: Path) -> None:
    zone = Zone(tmp_path / "processed")
    columns = ("account_key", "account_number", "account_name", "account_type", "valid_from")
    described = [
        dict(zip(columns, (surrogate_key("4000"), "4000", "Rent", kind, since), strict=True))
        for kind, since in (("Expense", None), ("Asset", "2025-02"))
    ]
    numbered = [{**row, "source_row": number} for number, row in enumerate(described, start=1)]
    file = zone.write("accounts/dated.parquet", arrow_schema(ACCOUNTS.columns), numbered)
    read = Count(2, unpriced=2)
    zone.deliver(
        "accounts.csv",
        [],
        "dated",
        feed="chart",
        kind="accounts",
        commit_files={"accounts": (file,)},
        commit_read=read,
        commit_outcomes={"accepted": read},
        commit_has_dates=True,
        commit_dated_from="",
    )
    zone.evaluate()
    zone.deliver("a.csv", [Line("1"), Line("2", "2025-02", amount="-7.00")], **DOUBTFUL)
    zone.evaluate()
    shown = [(row.period, row.account_type, str(row.profit_effect)) for row in preview_acceptance(zone.store, "a.csv")]
    assert shown == [("2025-01", "Expense", "-10.00"), ("2025-02", "Asset", "0.00")]
    types = TypesInPeriods(zone.store, zone.state, zone.state.live, {surrogate_key("4000")})
    assert [types.type_in(period, surrogate_key("4000")) for period in ("2024-12", "2025-01", "2025-02")] == [
        "Expense",
        "Expense",
        "Asset",
    ]
    cells = [("Actual", surrogate_key("4000"), Decimal(5))]
    closing: Any = close(
        zone.store,
        "2025-01",
        ADA,
        target={"2025-01": "v"},
        published={"2025-01": "v"},
        cells={"2025-01": cells},
    )
    assert [(one.account_type, one.net) for one in closing.amounts] == [("Expense", "5.00")]


def effects(zone: Zone, key: str, **options: Any) -> list[tuple[object, ...]]:
    return [
        (one.object_key, one.is_closed, *one.periods, one.change, one.lines, str(one.before), str(one.after))
        for one in preview_effects_on_files(zone.store, key, **options)
    ]


def test_a_preview_names_the_files_whose_lines_count_no_longer(zone: Zone) -> None:
    late = [Line("N1", account="4000", amount="4.00"), replace(WAGE, amount="31.00")]
    zone.deliver("b.csv", late, load_mode="upsert", **DOUBTFUL)
    assert zone.evaluate_held(holds_closed_periods=True).keys() == {"b.csv"}
    assert effects(zone, "b.csv") == [("a.csv", True, "2025-01", "counts no longer", 1, "30.00", "0.00")]


def test_a_preview_names_the_files_whose_lines_count_again(zone: Zone) -> None:
    sent = [replace(SALE, key="S9", period="2025-03")]
    zone.deliver("b.csv", sent, load_mode="upsert")
    zone.deliver("c.csv", [replace(sent[0], amount="11.00"), Line("C1", "2025-03")], load_mode="upsert")
    assert not zone.evaluate_held()
    zone.deliver("c.csv", [Line("C1", "2025-03")], "v2", load_mode="upsert", **DOUBTFUL)
    assert zone.evaluate_held().keys() == {"c.csv"}
    assert effects(zone, "c.csv") == [("b.csv", False, "2025-03", "counts again", 1, "0.00", "10.00")]


def test_a_file_that_only_adds_lines_changes_no_other_file(zone: Zone) -> None:
    zone.deliver("b.csv", [Line("N1", "2025-02"), Line("N2", "2025-02")], load_mode="upsert", **DOUBTFUL)
    assert zone.evaluate_held().keys() == {"b.csv"}
    assert rows(zone, "b.csv")
    assert effects(zone, "b.csv") == []


@pytest.mark.parametrize(
    ("kind", "change", "then"),
    [
        (
            "Expense",
            [("gl.csv", False, "2025-02", "Revenue becomes Expense, with the other sign", 1, "7.00", "-7.00")],
            "0.00",
        ),
        ("Liability", [("gl.csv", False, "2025-02", "Revenue becomes Liability", 1, "7.00", "7.00")], "-7.00"),
        ("Revenue", [], ""),
    ],
)
def test_a_preview_of_master_data_names_the_files_whose_lines_change_their_sign(
    tmp_path: Path, kind: str, change: list[tuple[object, ...]], then: str
) -> None:
    zone = Zone(tmp_path)
    for content, account_type in (("c1", "Revenue"), ("c2", kind)):
        file = zone.write(
            f"accounts/{content}.parquet",
            arrow_schema(ACCOUNTS.columns),
            [{"account_key": surrogate_key("4000"), "account_type": account_type}],
        )
        if content == "c1":
            zone.describe_accounts("chart.csv", file, 1, content)
            sent = [Line(account="4000", amount="-7.00", period="2025-02")]
            member = {"dimension": "account", "member_key": surrogate_key("4000"), "code": "4000"}
            members = zone.write("members/gl.parquet", arrow_schema(MEMBERS.columns), [member])
            files = {"members": (members,)}
            zone.deliver("gl.csv", sent, feed="journal", commit_is_debit_positive=True, commit_files=files)
            zone.deliver("plain.csv", [Line(account="6000", period="2025-02")], feed="other")
            zone.evaluate()
        else:
            zone.describe_accounts("chart.csv", file, 1, content, **DOUBTFUL)
            assert zone.evaluate_held().keys() == {"chart.csv"}
    assert effects(zone, "chart.csv") == change
    assert [str(one.profit_effect) for one in preview_effects_on_files(zone.store, "chart.csv")] == (
        [then] if then else []
    )
