"""Years that are spread like the amounts of a scenario: weights, their limits, and lines that have none."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.deliveries.decisions import withdraw
from finance_platform.deliveries.spread_weights import SpreadWeights, unweighted_id
from finance_platform.feeds.lines.spread import shares
from finance_platform.feeds.lines.weights import WEIGHTS_SCHEMA, Weights
from finance_platform.feeds.read_file import FileToRead, read_file
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.feeds.values.dates import periods_of_year
from finance_platform.refresh.file_check.feed_check import check_file
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.checked_files import check_text
from finance_platform_tests.unit.factories import delivered, descriptor, feed, settings, write
from finance_platform_tests.unit.zone import ADA, Line, Zone

PLAN = """
feed: plan
kind: ledger
path: plan.csv
columns: {department: Dept, account: Acc, date: Day, amount: Year}
spread: {over: fiscal_year, how: {like: Actual, year: -1}}
constants: {scenario: Budget}
"""
HEADER = "Dept,Acc,Day,Year\n"


def weights(*lines: tuple[str, str, str, str], first_month: int = 1, debit_positive: str = "") -> Weights:
    """Weights of lines of period, department, account and amount; those of one department are debit less credit."""
    rows = [
        {
            "period": period,
            "department_key": surrogate_key(department),
            "account_key": surrogate_key(account),
            "is_debit_positive": department == debit_positive,
            "amount": Decimal(amount),
        }
        for period, department, account, amount in lines
    ]
    return Weights(pa.Table.from_pylist(rows, schema=WEIGHTS_SCHEMA), first_month)


def staged(root: Path, rows: str, of_lines: Weights | None, text: str = PLAN) -> list[dict[str, Any]]:
    """The staged rows of a file; the last one is its summary."""
    data = (HEADER + rows).encode()
    write(root / "plan.csv", data)
    rules = ResolvedFeed.from_json(json.loads(json.dumps(feed(text).to_json())))
    assert rules.rules.identity == feed(text).rules.identity
    file = FileToRead("d1", "plan.csv", "plan", hashlib.sha256(data).hexdigest())
    return [
        row
        for batch in read_file("ledger", rules, LocalStore(root), file, weights=of_lines)
        for row in batch.to_pylist()
    ]


def by_period(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {row["period"]: str(row["amount"]) for row in rows[:-1]}


def notes(rows: list[dict[str, Any]]) -> list[str]:
    return list(json.loads(rows[-1]["findings"])["notes"])


@given(
    st.lists(
        st.tuples(
            st.integers(-(10**18) + 1, 10**18 - 1),
            st.lists(st.integers(0, 10**30), min_size=12, max_size=12).filter(any),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_shares_by_weights_of_any_size_are_exact_to_the_cent(lines: list[tuple[int, list[int]]]) -> None:
    cents = np.array([amount for amount, _ in lines], dtype=object)
    parts = shares(cents, np.array([of_line for _, of_line in lines], dtype=object)).tolist()
    for (amount, of_line), of_amount in zip(lines, parts, strict=True):
        last = max(place for place, weight in enumerate(of_line) if weight)
        assert sum(of_amount) == amount
        for place, (part, weight) in enumerate(zip(of_amount, of_line, strict=True)):
            assert part == 0 or (part > 0) == (amount > 0)
            assert place == last or abs(part) == abs(amount) * weight // sum(of_line)


def test_a_year_has_the_course_of_the_year_before_and_no_line_where_that_has_none(tmp_path: Path) -> None:
    base = weights(("2024-02", "D1", "6000", "30"), ("2024-12", "d1", "6000", "60.00"), ("2023-05", "D1", "6000", "9"))
    rows = staged(tmp_path, "D1,6000,2025-07-01,100.00\n", base)
    assert by_period(rows) == {"2025-02": "33.33", "2025-12": "66.67"}
    (note,) = notes(rows)
    assert note.startswith("spread: Actual of 2024-01 to 2024-12 has no line in 2024-01, 2024-03, 2024-04")
    assert note.endswith("2024-11, so these months have no share")
    assert json.loads(rows[-1]["findings"])["weight_years"] == ["2024-01"]


def test_a_base_below_zero_gives_shares_of_the_sign_of_the_year(tmp_path: Path) -> None:
    base = weights(("2024-02", "D1", "6000", "-10"), ("2024-03", "D1", "6000", "-30"))
    assert by_period(staged(tmp_path, "D1,6000,2025-01-01,-4\n", base)) == {"2025-02": "-1.00", "2025-03": "-3.00"}


def test_years_are_those_of_the_home_and_the_scenario_may_be_of_the_same_year(tmp_path: Path) -> None:
    text = PLAN.replace("{like: Actual, year: -1}", "{like: Forecast 2025-06, year: 0}")
    rules = feed(text, fiscal_year_start_month=7).rules
    assert (rules.spread and rules.spread.like, rules.spread and rules.spread.year) == ("Forecast 2025-06", 0)
    data = (HEADER + "D1,6000,2025-01-31,12\n").encode()
    write(tmp_path / "plan.csv", data)
    file = FileToRead("d1", "plan.csv", "plan", hashlib.sha256(data).hexdigest())
    base = weights(("2024-07", "D1", "6000", "1"), ("2025-06", "D1", "6000", "2"), first_month=7)
    of_home = feed(text, fiscal_year_start_month=7)
    batches = list(read_file("ledger", of_home, LocalStore(tmp_path), file, weights=base))
    assert batches[0]["period"].to_pylist() == ["2024-07", "2025-06"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((), "which has no amount of account '6000'"),
        ((("2024-02", "D1", "6000", "0"),), "which has no amount of account '6000'"),
        ((("2024-02", "D1", "6100", "5"),), "which has no amount of account '6000'"),
        ((("2024-02", "D1", "6000", "5"), ("2024-03", "D1", "6000", "-1")), "which has amounts of both signs"),
        ((("2024-02", "D1", "6000", "5"), ("2024-03", "DC", "6000", "5")), ""),
        ((("2024-02", "D2", "6000", "5"), ("2024-03", "DC", "6000", "5")), "which has debits less credits in some"),
    ],
)
def test_a_year_without_a_course_to_follow_is_rejected_whole(
    tmp_path: Path, lines: tuple[tuple[str, str, str, str], ...], words: str
) -> None:
    rows = staged(tmp_path, "D1,6000,2025-01-01,12.00\n,,,\n", weights(*lines, debit_positive="DC"))
    if not words:
        assert by_period(rows)["2025-02"] == "12.00"
        return
    assert (rows[0]["outcome"], rows[0]["rules"], rows[0]["amount"]) == ("rejected", "missing_weights", Decimal(12))
    (reason,) = json.loads(rows[0]["reasons"])
    assert reason["column"] == "Year"
    assert f"spread like Actual of 2024-01 to 2024-12, {words}" in reason["words"]
    assert "even or weights" in reason["words"]
    assert json.loads(rows[0]["raw_row"]) == {"Dept": "D1", "Acc": "6000", "Day": "2025-01-01", "Year": "12.00"}


def test_a_department_without_history_follows_its_account_and_a_warning_says_so(tmp_path: Path) -> None:
    every = [(period, "D1", "6000", "1") for period in periods_of_year("2024-01", 1)]
    turned = [("2024-01", "D3", "6000", "3"), ("2024-02", "D3", "6000", "-1")]
    rows = staged(tmp_path, "D2,6000,2025-01-01,14\nD3,6000,2025-01-01,14\n", weights(*every, *turned))
    assert [str(row["amount"]) for row in rows if row["period"] == "2025-01"] == ["4.00", "4.00"]
    nothing, signs = notes(rows)
    own, others = "amount: Actual of the line's own department and account", "like the account in all departments"
    assert nothing.startswith(f"{own} has no amount in the year")
    assert nothing.endswith(f"{others}, first on line 2 ('6000')")
    assert signs.startswith(f"{own} has amounts of both signs in the year")
    assert signs.endswith(f"{others}, first on line 3 ('6000')")


def test_a_check_without_a_home_says_that_the_shares_are_not_known(tmp_path: Path) -> None:
    check = check_text(tmp_path, HEADER + "D1,6000,2025-07-01,100.00\nD1,6000,x,1\n", PLAN, "plan.csv")
    assert [(place, count.amount) for place, count in check.sums.items()] == [
        (("Budget", "2025-07"), Decimal("100.00"))
    ]
    assert "spread like Actual of 2024-01 to 2024-12, which is not known without a home" in next(iter(check.conditions))


def test_only_lines_that_count_in_that_scenario_and_year_are_weights(tmp_path: Path) -> None:
    zone = Zone(tmp_path / "processed")
    zone.deliver(
        "a.csv",
        [Line("k1", "2024-02", amount="10.00"), Line("k2", "2024-03", amount="30.00")],
        feed="a",
        load_mode="upsert",
    )
    moved = [Line("k2", "2025-03", amount="7.00")]
    zone.deliver("b.csv", moved, feed="a", load_mode="upsert", tolerated_removal=None)
    zone.deliver("c.csv", [Line(None, "2024-04", "Budget", amount="50.00")], feed="c")
    zone.deliver("d.csv", [Line(None, "2024-05", amount="50.00")], feed="d", commit_unweighted_id="x")
    zone.evaluate()
    (tmp_path / "plan.csv").write_text(HEADER + "D1,4000,2025-07-01,100.00\n")
    check = check_file(LocalStore(tmp_path), "plan.csv", descriptor(PLAN), settings(), zone.store)
    assert {period: count.amount for (_, period), count in check.sums.items()} == {"2025-02": Decimal("100.00")}


def test_the_identity_of_a_plan_follows_the_lines_that_are_its_weights_and_no_others(tmp_path: Path) -> None:
    zone, of_plan = Zone(tmp_path), feed(PLAN)
    event = delivered("plan.csv", feed="plan")

    def identity() -> str:
        zone.evaluate()
        return SpreadWeights(zone.store, zone.state, zone.overlaps()).identity(event, of_plan, ("2024-01",))

    upsert: dict[str, Any] = {"feed": "a", "load_mode": "upsert", "tolerated_removal": None}
    zone.deliver("a.csv", [Line("k1", "2024-02"), Line("k2", "2024-03")], **upsert)
    first = identity()
    zone.deliver("b.csv", [Line("k3", "2025-02"), Line("k4", "2024-02", "Budget")], **upsert)
    zone.deliver("c.csv", [Line(None, "2023-12")], feed="c")
    assert identity() == first
    zone.deliver("d.csv", [Line("k2", "2025-03")], **upsert)
    moved = identity()
    assert moved != first
    withdraw(zone.store, "d.csv", ADA)
    assert identity() == first
    assert SpreadWeights(zone.store, zone.state, zone.overlaps()).identity(event, of_plan, ()) == unweighted_id(
        "plan.csv", event.fingerprint, "plan", of_plan.rules
    )
